"""Turns of a dialogue: what is read out of events, and what is sent next."""

from typing import Any

import pytest

from understudy.model.dialogue import (
    Call,
    Output,
    Reading,
    Turn,
    first_request,
    next_request,
    summed,
    unanswerable,
)

MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "Hello."}]}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "status": "x"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}


def ended(*items: Any, status: str = "completed", **fields: Any) -> dict[str, Any]:
    response = {"id": "resp_1", "status": status, "output": list(items), **fields}
    return {"type": f"response.{status}", "response": response}


def read(*events: dict[str, Any]) -> tuple[str, Turn | None]:
    heard = Reading()
    return "".join(heard.feed(event) for event in events), heard.turn


def delta(text: str, output: int = 0) -> dict[str, Any]:
    place = {"output_index": output, "content_index": 0}
    return {"type": "response.output_text.delta", **place, "delta": text}


def test_text_comes_in_pieces_and_parts_stand_apart() -> None:
    said, turn = read(delta("He"), delta("llo."), delta("There.", 1), ended(MESSAGE))
    assert said == "Hello.\n\nThere."
    assert turn == Turn("resp_1", "completed", "Hello.", items=(MESSAGE,))


def test_a_server_that_sends_no_pieces_is_understood() -> None:
    assert read(ended(MESSAGE))[0] == "Hello."
    done = {"type": "response.output_item.done", "item": CALL}
    _, turn = read(done, ended())
    assert turn is not None
    assert turn.calls == (Call("c1", "f", "{}"),)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "Bad luck."},
        {"type": "error", "error": {"code": "server_error", "message": "Bad luck."}},
        ended(status="failed", error={"code": "server_error", "message": "Bad luck."}),
    ],
)
def test_failures_come_in_three_shapes(event: dict[str, Any]) -> None:
    said, turn = read(delta("Once"), event)
    assert said == "Once"
    assert turn is not None
    assert (turn.status, turn.code, turn.reason) == ("failed", "server_error", "Bad luck.")


def test_without_a_last_event_there_is_no_turn() -> None:
    assert read(delta("Once upon"), {"type": "response.future.thing"}, {}) == ("Once upon", None)


@pytest.mark.parametrize("event", [{}, {"type": 7}, {"response": 7}, ended(7, MESSAGE), delta("")])
def test_odd_events_do_no_harm(event: dict[str, Any]) -> None:
    read(event, {**ended(), "response": {"output": "x", "usage": 7, "error": 7}})


def test_the_first_request_holds_question_and_files() -> None:
    request = first_request({"model": "m"}, "Why?", files=["file-1"])
    (message,) = request["input"]
    assert [part["type"] for part in message["content"]] == ["input_file", "input_text"]
    assert first_request({"model": "m"}, "Why?")["input"] == [{"role": "user", "content": "Why?"}]


def test_a_conversation_takes_the_place_of_what_came_before() -> None:
    before = {"model": "m", "previous_response_id": "resp_0"}
    assert first_request(before, "x")["previous_response_id"] == "resp_0"
    request = first_request(before, "x", conversation="conv_1")
    assert "previous_response_id" not in request
    following = next_request(request, Turn("resp_1", "completed"), [Output("c1", "f", "7")])
    assert following["conversation"] == "conv_1"
    assert "previous_response_id" not in following
    assert len(following["input"]) == 1


def test_without_storing_everything_is_sent_again_and_thoughts_only_if_they_can_be() -> None:
    request = first_request({"store": False, "include": ["x"]}, "Why?", reasons=True)
    assert request["include"] == ["x", "reasoning.encrypted_content"]
    sealed = {**THOUGHT, "id": "rs_2", "encrypted_content": "gAAA"}
    turn = Turn("resp_1", "completed", items=(THOUGHT, sealed, CALL))
    following = next_request(request, turn, [Output("c1", "f", "7")])
    types = [item.get("type", "message") for item in following["input"]]
    assert types == ["message", "reasoning", "function_call", "function_call_output"]
    assert "status" not in following["input"][2]
    assert "previous_response_id" not in following


@pytest.mark.parametrize("include", [5, "x", {"a": 1}])
def test_an_include_that_is_no_list_is_for_the_server_to_refuse(include: Any) -> None:
    arguments = {"store": False, "include": include}
    assert first_request(arguments, "Why?", reasons=True)["include"] == include


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "f"}])
def test_a_forced_call_is_forced_once(choice: Any) -> None:
    request = first_request({"tool_choice": choice}, "x")
    assert "tool_choice" not in next_request(request, Turn("r", "completed"), [])
    free = first_request({"tool_choice": "none"}, "x")
    assert next_request(free, Turn("r", "completed"), [])["tool_choice"] == "none"


def test_calls_of_other_kinds_are_named() -> None:
    assert unanswerable(Turn("r", "completed", items=({"type": "computer_call"},)))
    assert not unanswerable(Turn("r", "completed", items=(CALL, MESSAGE)))


def test_usage_adds_up() -> None:
    assert summed({"a": 1}, {"a": 2, "b": 3}) == {"a": 3, "b": 3}
