"""Items of a conversation: what a client sends, made complete, and what is said in them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from understudy.sandbox.ground import Ids
from understudy.sandbox.wire import ApiError

Item = Mapping[str, Any]

#: How ids begin, by the type of an item.
PREFIXES: Mapping[str, str] = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "reasoning": "rs_",
    "file_search_call": "fs_",
}
_COMPLETED = ("message", "function_call", "function_call_output")


def complete(given: str | Iterable[Item], ids: Ids) -> list[dict[str, Any]]:
    """Return the items of an input, each with its type, an id, and its content as a list."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    return [_complete(item, ids) for item in given]


def _complete(given: Item, ids: Ids) -> dict[str, Any]:
    item = {name: value for name, value in given.items() if value is not None}
    kind = item.setdefault("type", "message")
    item.setdefault("id", ids.new(PREFIXES.get(kind, "item_")))
    if kind in _COMPLETED:
        item.setdefault("status", "completed")
    if kind == "message":
        item["content"] = _parts(item["content"], item["role"])
    return item


def _parts(content: str | Sequence[Item], role: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        content = [
            {"type": "output_text" if role == "assistant" else "input_text", "text": content}
        ]
    return [{**_SILENT.get(part["type"], {}), **part} for part in content]


_SILENT: Mapping[str, Item] = {
    "output_text": {"annotations": [], "logprobs": []},
    "input_image": {"detail": "auto"},
}


def text(item: Item) -> str:
    """Return what an item says: the text of a message, the output of a function."""
    said = item.get("content") if item["type"] == "message" else item.get("output")
    if isinstance(said, str):
        return said
    return "\n".join(str(part["text"]) for part in said or () if "text" in part)


def question(items: Sequence[Item]) -> str:
    """Return the text of the last message of a user, which may be empty."""
    for item in reversed(items):
        if item["type"] == "message" and item["role"] == "user":
            return text(item)
    return ""


def files(items: Iterable[Item]) -> list[str]:
    """Return the ids of the files in messages, in their order."""
    parts = (part for item in items for part in _content(item))
    return [part["file_id"] for part in parts if part.get("file_id")]


def answers(items: Sequence[Item]) -> list[tuple[str, str]]:
    """Return the functions that have answered since anybody spoke last, with what they said."""
    names = {item["call_id"]: item["name"] for item in items if item["type"] == "function_call"}
    found: list[tuple[str, str]] = []
    for item in reversed(items):
        if item["type"] == "message":
            break
        if item["type"] == "function_call_output":
            found.insert(0, (names.get(item["call_id"], "the function"), text(item)))
    return found


def check_calls(items: Sequence[Item]) -> None:
    """Refuse (`ApiError` 400) calls of functions without an answer, and answers without a call."""
    called: dict[str, None] = {}
    answered = set()
    for item in items:
        if item["type"] == "function_call":
            called[item["call_id"]] = None
        elif item["type"] == "function_call_output":
            answered.add(item["call_id"])
            if item["call_id"] not in called:
                what = f"No tool call found for function call output with call_id {item['call_id']}"
                raise ApiError(400, f"{what}.", param="input")
    for call_id in called:
        if call_id not in answered:
            message = f"No tool output found for function call {call_id}."
            raise ApiError(400, message, param="input")


def tokens(value: str) -> int:
    """Return how many tokens a text counts as: four bytes are one."""
    return -(-len(value.encode("utf-8", errors="surrogatepass")) // 4)


def weigh(items: Iterable[Item]) -> int:
    """Return how many tokens items count as."""
    return sum(_weight(item) for item in items)


def _weight(item: Item) -> int:
    said = [text(item), str(item.get("arguments", "")), str(item.get("name", ""))]
    said += [str(part.get("refusal", "")) for part in _content(item)]
    return sum(map(tokens, said))


def _content(item: Item) -> Sequence[Item]:
    content = item.get("content")
    return content if isinstance(content, list) else ()
