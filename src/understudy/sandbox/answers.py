"""What the model says: what the script has for it, or else what can be made of the question."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from understudy.sandbox import items, script
from understudy.sandbox.ground import Ids
from understudy.sandbox.inventing import invent
from understudy.sandbox.items import Item
from understudy.sandbox.script import Calling, Turn
from understudy.sandbox.searching import Hit, search, words
from understudy.sandbox.state import Project

_FIRST_WORDS = 8
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.\s]+")
#: Words of a function's name that say nothing of what it is about.
_VERBS = words("get find list create make search fetch lookup look update set send run call show")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a response: its fields complete, and all that was said before and in it."""

    fields: Mapping[str, Any]
    items: Sequence[Item]
    reasons: bool
    include: Sequence[str] = ()

    @property
    def question(self) -> str:
        """What the user said last."""
        return items.question(self.items)


@dataclass(slots=True)
class Answer:
    """What came of it: the items of the output, and how it ended."""

    turn: Turn
    output: list[dict[str, Any]] = field(default_factory=list)
    incomplete: str | None = None


def answer(project: Project, ids: Ids, asked: Asked) -> Answer:
    """Return what is answered; takes a turn off the script, if there is one for the question."""
    turn = script.take(project.rules.script, asked.question)
    made = Answer(turn or Turn())
    if asked.reasons:
        made.output.append(_reasoning(ids, asked, made.turn.reasoning))
    if turn is None:
        turn, hits = _improvised(project, asked)
        if hits is not None:
            made.output.append(_search_call(ids, asked, hits))
    else:
        hits = None
    text, made.incomplete = _cut(asked, turn)
    if text is not None or turn.refusal is not None:
        made.output.append(_message(ids, text, turn.refusal, hits or (), made.incomplete))
    made.output.extend(_call(ids, calling) for calling in turn.calls)
    return made


def _improvised(project: Project, asked: Asked) -> tuple[Turn, list[Hit] | None]:
    """Return what to say without a script, and what was found if anything was searched."""
    told = items.answers(asked.items)
    choice = asked.fields["tool_choice"]
    if not told and choice != "none":
        calls = _calls(asked)
        if calls:
            return Turn(calls=calls), None
    tools = [tool for tool in asked.fields["tools"] if tool["type"] == "file_search"]
    hits = None
    if tools and not told and choice != "none":
        hits = [hit for tool in tools for hit in search(project, tool, asked.question)]
    return Turn(_formed(asked, _sentence(project, asked, told, hits))), hits


def _sentence(
    project: Project, asked: Asked, told: Sequence[tuple[str, str]], hits: list[Hit] | None
) -> str:
    if told:
        return " ".join(f'{name} says: "{said}"' for name, said in told)
    if hits:
        return f'{hits[0].member.file.name} says: "{hits[0].quote(asked.question)}"'
    said = [f'You said: "{asked.question}".']
    if hits is not None:
        said.append("The files say nothing on that.")
    instructions = (asked.fields["instructions"] or "").split()
    if instructions:
        said.append(f'I was told: "{" ".join(instructions[:_FIRST_WORDS])}".')
    shelf = project.file_desk.shelf
    given = [shelf[file_id].name for file_id in items.files(asked.items) if file_id in shelf]
    if given:
        said.append(f"I was given: {', '.join(dict.fromkeys(given))}.")
    return " ".join(said)


def _formed(asked: Asked, sentence: str) -> str:
    """Return the sentence in the format that was asked for."""
    match asked.fields["text"]["format"]:
        case {"type": "json_schema", "schema": schema}:
            return json.dumps(invent(schema, asked.question), ensure_ascii=False)
        case {"type": "json_object"}:
            return json.dumps({"answer": sentence}, ensure_ascii=False)
    return sentence


def _calls(asked: Asked) -> list[Calling]:
    """Return the calls of the functions that the question is about, or that have to be called."""
    functions = [tool for tool in asked.fields["tools"] if tool["type"] == "function"]
    chosen = [one for one in functions if _is_about(asked.question, one["name"])]
    match asked.fields["tool_choice"]:
        case {"type": "function", "name": name}:
            chosen = [one for one in functions if one["name"] == name]
        case {"type": "allowed_tools", "tools": allowed, "mode": mode}:
            names = {one.get("name") for one in allowed}
            functions = [one for one in functions if one["name"] in names]
            chosen = [one for one in chosen if one["name"] in names]
            chosen = chosen or (functions[:1] if mode == "required" else [])
        case "required":
            chosen = chosen or functions[:1]
    if not asked.fields["parallel_tool_calls"]:
        chosen = chosen[:1]
    return [
        Calling(one["name"], invent(one.get("parameters") or {"type": "object"}, asked.question))
        for one in chosen
    ]


def _is_about(question: str, name: str) -> bool:
    """Tell whether a question has a function's name in it, or the words that the name is made of.

    Verbs that any function could have in its name need not be there.
    """
    if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question, re.IGNORECASE):
        return True
    parts = words(" ".join(_HUMP.split(name)))
    return bool(parts - _VERBS) and parts - _VERBS <= words(question)


def _cut(asked: Asked, turn: Turn) -> tuple[str | None, str | None]:
    """Return as much of the text as may be said, and why it is not all of it."""
    most = asked.fields["max_output_tokens"]
    text = turn.text
    if text is not None and most is not None and items.tokens(text) > most:
        cut = text.encode("utf-8", errors="surrogatepass")[: most * 4]
        return cut.decode("utf-8", errors="ignore"), "max_output_tokens"
    return text, turn.incomplete


def _reasoning(ids: Ids, asked: Asked, thought: str | None) -> dict[str, Any]:
    thought = thought or "Looking at what was asked."
    wants = (asked.fields["reasoning"] or {}).get("summary")
    item = {
        "id": ids.new("rs_"),
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": thought}] if wants else [],
    }
    if "reasoning.encrypted_content" in asked.include:
        item["encrypted_content"] = ids.new("gAAAAA")
    return item


def _search_call(ids: Ids, asked: Asked, hits: Sequence[Hit]) -> dict[str, Any]:
    shown = "file_search_call.results" in asked.include
    return {
        "id": ids.new("fs_"),
        "type": "file_search_call",
        "status": "completed",
        "queries": [asked.question],
        "results": [hit.shown() for hit in hits] if shown else None,
    }


def _message(
    ids: Ids, text: str | None, refusal: str | None, hits: Sequence[Hit], incomplete: str | None
) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if text is not None:
        cited = [_citation(hit, len(text)) for hit in hits[:1]]
        content.append({"type": "output_text", "text": text, "annotations": cited, "logprobs": []})
    if refusal is not None:
        content.append({"type": "refusal", "refusal": refusal})
    return {
        "id": ids.new("msg_"),
        "type": "message",
        "status": "completed" if incomplete is None else "incomplete",
        "role": "assistant",
        "content": content,
    }


def _citation(hit: Hit, index: int) -> dict[str, Any]:
    file = hit.member.file
    return {
        "type": "file_citation",
        "index": index,
        "file_id": file.id,
        "filename": file.name,
    }


def _call(ids: Ids, calling: Calling) -> dict[str, Any]:
    return {
        "id": ids.new("fc_"),
        "type": "function_call",
        "status": "completed",
        "call_id": calling.call_id or ids.new("call_"),
        "name": calling.name,
        "arguments": calling.text,
    }
