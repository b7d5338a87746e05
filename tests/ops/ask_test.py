"""A question, its answer, and all the ways in which an answer is none, over real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy.errors import (
    AuthenticationError,
    EndpointGoneError,
    ExitCode,
    LostAnswerError,
    MissingError,
    QuotaError,
    RejectedError,
    UnderstudyError,
    UsageError,
)
from understudy.model.dialogue import Answer, Call, Heard, Noted, Output, Said
from understudy.ops.ask import Asking, ask, project_for
from understudy.sandbox import Calling, Fault, Project, Sandbox, Turn

KEY = "sk-asking-0123456789abcdef"
FIND = {
    "type": "function",
    "name": "find_order",
    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
}
ARGUMENTS = {"model": "gpt-4o", "instructions": "Be kind.", "tools": [FIND]}
TWICE = Turn(calls=[Calling("find_order", {"number": "1"}), Calling("find_order", "{broken")])


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


class Scene:
    """A bundle with one definition, and a project that answers."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.heard: list[Heard] = []
        self.environment = {"OPENAI_BASE_URL": sandbox.base_url, "OPENAI_API_KEY": KEY}

    @property
    def project(self) -> Project:
        return self.sandbox.project(KEY)

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]

    async def answer(self, call: Call) -> Output:
        return Output(call.call_id, call.name, f"told {call.arguments}")

    async def ask(
        self,
        question: str = "Hello",
        arguments: Mapping[str, Any] = ARGUMENTS,
        **options: Any,
    ) -> Answer:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "_bundle.json").write_text("{}")
        (self.folder / "BOT.json").write_text(json.dumps(arguments))
        settings = understudy.load_settings(self.environment, self.folder)
        definition = await understudy.load_async(f"{self.folder}/BOT", settings)
        return await ask(
            definition,
            Asking(question=question, **options),
            project_for("bundle", settings, None),
            answer=self.answer,
            tell=self.heard.append,
        )


@pytest.fixture
def scene(sandbox: Sandbox, tmp_path: Path) -> Scene:
    return Scene(sandbox, tmp_path / "bundle")


async def test_an_answer_comes_piece_by_piece_and_whole(scene: Scene) -> None:
    scene.sandbox.script += ["Good morning to you."]
    done = await scene.ask()
    assert done.text == "Good morning to you."
    pieces = [one.text for one in scene.of(Said)]
    assert len(pieces) > 2
    assert "".join(pieces) == done.text
    assert done.response_id in scene.project.responses
    assert done.usage["total_tokens"] > 0
    assert scene.heard[-1] == done


async def test_calls_of_one_turn_are_answered_together(scene: Scene) -> None:
    scene.sandbox.script += [TWICE]
    done = await scene.ask()
    assert 'find_order says: "told {broken"' in done.text
    assert [type(one) for one in scene.heard[:4]] == [Call, Output, Call, Output]
    assert scene.sandbox.count("responses.create") == done.turns == 2
    last = scene.project.responses[done.response_id]
    assert last["previous_response_id"] in scene.project.responses


@pytest.mark.parametrize(
    "more", [{"store": False}, {"store": False, "model": "gpt-5.5"}, {"model": "gpt-5.5"}]
)
async def test_where_nothing_is_stored_the_items_are_passed_along(
    scene: Scene, more: dict[str, Any]
) -> None:
    scene.sandbox.script += [TWICE]
    done = await scene.ask(arguments={**ARGUMENTS, **more})
    assert 'find_order says: "told' in done.text
    assert bool(scene.project.responses) == ("store" not in more)


async def test_a_choice_that_forces_a_call_forces_it_once(scene: Scene) -> None:
    done = await scene.ask(arguments={**ARGUMENTS, "tool_choice": "required"})
    assert (done.turns, "find_order says" in done.text) == (2, True)


async def test_a_conversation_goes_on(scene: Scene) -> None:
    scene.sandbox.script += ["One.", TWICE, "Two."]
    first = await scene.ask("First", conversation="new")
    assert scene.of(Noted)[0].text == f"Go on with: --conversation {first.conversation}"
    second = await scene.ask("Second", conversation=first.conversation)
    assert (second.text, second.conversation) == ("Two.", first.conversation)
    assert len(scene.project.conversations) == 1


async def test_an_unknown_conversation_is_missing_and_not_the_endpoint(scene: Scene) -> None:
    with pytest.raises(MissingError):
        await scene.ask(conversation="conv_nobody")


@pytest.mark.parametrize(("options", "left"), [({}, 0), ({"conversation": "new"}, 1)])
async def test_files_are_deleted_unless_a_conversation_needs_them(
    scene: Scene, tmp_path: Path, options: dict[str, Any], left: int
) -> None:
    (tmp_path / "prices.csv").write_text("1;2")
    done = await scene.ask(files=(tmp_path / "prices.csv",), **options)
    assert "I was given: prices.csv" in done.text
    assert [file["purpose"] for file in scene.project.files.values()] == ["user_data"] * left


async def test_files_are_deleted_after_a_failure_too(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("1;2")
    scene.sandbox.script += [Turn("Half of it", ending="drop")]
    with pytest.raises(LostAnswerError):
        await scene.ask(files=(tmp_path / "prices.csv",))
    assert not scene.project.files


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("drop-after", "prices.csv is there all the same, as {id}: delete it in the project"),
        ("drop-before", "prices.csv does not seem to have arrived."),
    ],
)
async def test_what_is_left_of_a_lost_upload_is_told_and_nobody_else_s_file_touched(
    scene: Scene, tmp_path: Path, fault: str, said: str
) -> None:
    for name, content, purpose, at in (
        ("prices.csv", b"1;2", "assistants", None),
        ("prices.csv", b"1;2", "user_data", 1_700_000_000),
        ("prices.csv", b"1;2;3", "user_data", None),
        ("costs.csv", b"1;2", "user_data", None),
    ):
        scene.project.put_file(name, content, purpose=purpose, created_at=at)
    before = set(scene.project.files)
    (tmp_path / "prices.csv").write_text("1;2")
    scene.sandbox.faults = (Fault(fault, "files.create"),)
    with pytest.raises(LostAnswerError):
        await scene.ask(files=(tmp_path / "prices.csv",))
    left = set(scene.project.files) - before
    assert len(left) == (fault == "drop-after")
    (noted,) = scene.of(Noted)
    assert noted.text.startswith(said.format(id="".join(left)))
    assert before <= set(scene.project.files)
    assert not any(one in noted.text for one in before)


async def test_what_cannot_be_found_out_of_a_lost_upload_is_told(
    scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "prices.csv").write_text("1;2")
    scene.sandbox.faults = (Fault("drop-after", "files.create"), Fault("503", "files.list"))
    with pytest.raises(LostAnswerError, match="POST /files"):
        await scene.ask(files=(tmp_path / "prices.csv",))
    (noted,) = scene.of(Noted)
    assert "may be there all the same" in noted.text


@pytest.mark.parametrize(
    ("turn", "kind", "said"),
    [
        (Turn(refusal="I cannot do that."), UnderstudyError, "refused: I cannot do that."),
        (Turn("A dark", incomplete="max_output_tokens"), UnderstudyError, "not complete: max_out"),
        (Turn("A dark", incomplete="content_filter"), UnderstudyError, "content_filter"),
        (Turn("Once upon a", error="server_error"), RejectedError, "failed (server_error)"),
        (Turn("Once upon", error="server_error", ending="error"), RejectedError, "server_error"),
        (Turn("Once", error="rate_limit_exceeded"), understudy.UnderstudyError, "rate_limit"),
        (Turn("Once upon", ending="drop"), LostAnswerError, "The answer broke off"),
    ],
)
async def test_what_is_no_whole_answer_is_an_error(
    scene: Scene, turn: Turn, kind: type[UnderstudyError], said: str
) -> None:
    scene.sandbox.script += [turn]
    with pytest.raises(kind) as caught:
        await scene.ask()
    assert said in caught.value.message
    assert caught.value.exit_code == ExitCode.FAILURE
    assert not scene.of(Answer)


async def test_a_failure_for_lack_of_credit_is_one(scene: Scene) -> None:
    scene.sandbox.script += [Turn("Once", error="insufficient_quota", ending="error")]
    with pytest.raises(QuotaError):
        await scene.ask()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", AuthenticationError),
        ("quota", QuotaError),
        ("gone", EndpointGoneError),
        ("drop-before", LostAnswerError),
        ("truncated", LostAnswerError),
        ("503", LostAnswerError),
    ],
)
async def test_refusals_mean_what_they_mean_elsewhere(
    scene: Scene, fault: str, kind: type[UnderstudyError]
) -> None:
    scene.sandbox.faults = (Fault(fault, "responses.create"),)
    with pytest.raises(kind) as caught:
        await scene.ask()
    assert KEY not in str(caught.value)
    assert not scene.of(Answer)


async def test_a_model_and_a_store_that_are_not_there_are_not_the_endpoint(scene: Scene) -> None:
    with pytest.raises(RejectedError, match="none-such"):
        await scene.ask(arguments={"model": "none-such"})
    search = {"type": "file_search", "vector_store_ids": ["vs_gone"]}
    with pytest.raises(MissingError, match="vs_gone"):
        await scene.ask(arguments={**ARGUMENTS, "tools": [search]})


async def test_turns_are_bounded(scene: Scene) -> None:
    scene.sandbox.script += [TWICE] * 5
    with pytest.raises(UnderstudyError, match="No answer after 3 turns: the last one called find"):
        await scene.ask(max_turns=3)
    assert scene.sandbox.count("responses.create") == 3
    assert len(scene.of(Output)) == 4  # nobody needs the last ones


async def test_on_azure_the_key_and_the_version_go_where_they_belong(tmp_path: Path) -> None:
    async with Sandbox(api_version="2025-05-15-preview", script=["Good day."]) as azure:
        scene = Scene(azure, tmp_path / "bundle")
        scene.environment["UNDERSTUDY_PROFILE_DEFAULT_API_VERSION"] = "2025-05-15-preview"
        assert (await scene.ask()).text == "Good day."


def profiles(tmp_path: Path, *names: str, **more: str) -> understudy.Settings:
    known = {"src": "OPENAI_SRC_API_KEY", "dst": "OPENAI_DST_API_KEY", "default": "OPENAI_API_KEY"}
    keys: Sequence[str] = [known[name] for name in names]
    return understudy.load_settings({**dict.fromkeys(keys, KEY), **more}, tmp_path)


@pytest.mark.parametrize(
    ("names", "place", "using", "chosen"),
    [
        (("src", "dst", "default"), "src", None, "src"),
        (("src", "dst", "default"), "./bundle", None, "default"),
        (("src", "dst"), "./bundle", None, "dst"),
        (("src", "dst", "default"), "src", "dst", "dst"),
    ],
)
def test_who_answers_is_said_or_follows(
    tmp_path: Path, names: tuple[str, ...], place: str, using: str | None, chosen: str
) -> None:
    assert project_for(place, profiles(tmp_path, *names), using).name == chosen


def bundle_profile(name: str, path: str, **more: str) -> dict[str, str]:
    values = {"PLATFORM": "responses", "PATH": path, "API_KEY": KEY, **more}
    return {f"UNDERSTUDY_PROFILE_{name.upper()}_{key}": value for key, value in values.items()}


@pytest.mark.parametrize("place", ["./bundle", "bundle", "responses:bundle", "{here}/bundle"])
def test_a_bundle_s_own_profile_answers_for_it_by_its_path_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    own = bundle_profile("own", "./bundle") | bundle_profile("another", "./elsewhere")
    settings = profiles(tmp_path, "src", "dst", "default", **own)
    assert project_for(place.format(here=tmp_path), settings, None).name == "own"
    assert project_for("./third", settings, None).name == "default"
    assert project_for(place.format(here=tmp_path), settings, "dst").name == "dst"


def test_a_bundle_s_profile_without_a_key_answers_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = bundle_profile("own", "./bundle", API_KEY="")
    assert project_for("./bundle", profiles(tmp_path, "dst", **own), None).name == "dst"


def test_of_two_profiles_of_one_bundle_none_is_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    both = bundle_profile("one", "./bundle") | bundle_profile("other", "bundle")
    with pytest.raises(UsageError, match="one and other") as caught:
        project_for("./bundle", profiles(tmp_path, "default", **both), None)
    assert "--using" in caught.value.hint


@pytest.mark.parametrize("using", [None, "nobody", "saved"])
def test_without_anybody_who_could_answer_that_is_said(tmp_path: Path, using: str | None) -> None:
    saved = {
        "UNDERSTUDY_PROFILE_SAVED_PLATFORM": "snapshot",
        "UNDERSTUDY_PROFILE_SAVED_PATH": "x.json",
    }
    with pytest.raises(UsageError):
        project_for("./bundle", profiles(tmp_path, "src", **saved), using)
