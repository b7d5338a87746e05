"""`understudy ask` as people run it: processes, pipes, terminals, Ctrl-C."""

import os
import select
import subprocess
import sys
import time
from typing import Any

import pytest

from command import DESTINATION, PATIENCE, Stage, interrupt, until
from understudy.sandbox import Calling, Turn

FIND = {
    "type": "function",
    "name": "find_order",
    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
}
BOT = {"model": "gpt-4o", "instructions": "Be kind.", "tools": [FIND]}
CALL = Turn(calls=[Calling("find_order", {"number": "NW-1"})])
HANDLERS = """
import json, neighbour

async def find_order(number):
    print("looking")
    return {"number": number, "state": neighbour.STATE}
"""


@pytest.fixture(autouse=True)
def bundle(stage: Stage) -> None:
    stage.write("bundle/_bundle.json", {"format_version": 1})
    stage.write("bundle/SUPPORT_BOT.json", BOT)


def test_the_answer_is_on_stdout_and_nothing_else(stage: Stage) -> None:
    stage.sandbox.script += ["Good \x1b]0;owned\x07morning.\nHow are you?"]
    done = stage.run("ask", "bundle/SUPPORT_BOT", "Hello").check()
    assert done.out == "Good \\x1b]0;owned\\x07morning.\nHow are you?\n"
    assert done.err == ""


@pytest.mark.parametrize("name", ["Support Bot", "support bot", "SUPPORT_BOT"])
def test_any_place_and_spelling_will_do(stage: Stage, name: str) -> None:
    stage.write("dump.json", [{"id": "asst_1", "name": "Support Bot", "model": "gpt-4o"}])
    assert "Hello" in stage.call("ask", f"dump.json/{name}", "Hello").check().out


def test_handlers_answer_and_the_terminal_sees_it(stage: Stage) -> None:
    stage.sandbox.script += [CALL]
    stage.write("code/handlers.py", HANDLERS)
    stage.write("code/neighbour.py", "STATE = 'sent'")
    done = stage.run("ask", "bundle/SUPPORT_BOT", "Hello", "--handlers", "code/handlers.py").check()
    assert done.out == 'find_order says: "{"number": "NW-1", "state": "sent"}"\n'
    assert done.err.splitlines() == [
        '→ find_order {"number": "NW-1"}',
        "looking",
        '← {"number": "NW-1", "state": "sent"}',
    ]


def test_stubs_are_handlers_that_say_what_is_lacking(stage: Stage) -> None:
    stage.source.add(name="Support Bot", model="gpt-4o", tools=[nested()])
    stage.call("clone", "--to", "responses:./copies", "--stubs", "stubs.py").check()
    stage.sandbox.script += [CALL]
    arguments = ("ask", "copies/SUPPORT_BOT", "Hello", "--handlers", "stubs.py")
    done = stage.call(*arguments).check()
    assert '← failed: {"error": "NotImplementedError: find_order"}' in done.err
    text = (stage.folder / "stubs.py").read_text()
    raises = 'raise NotImplementedError("find_order")'
    stage.write("stubs.py", text.replace(raises, "return 7"))
    stage.sandbox.script += [CALL]
    assert stage.call(*arguments).check().out == 'find_order says: "7"\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("def f(:", "line 1"),
        ("raise ValueError('x')", "ValueError: x"),
        ("HANDLERS = 7", "must map names to functions"),
        ("import sys; sys.exit(3)", "SystemExit"),
    ],
)
def test_handlers_that_cannot_be_run_are_a_usage_error(
    stage: Stage, content: str, said: str
) -> None:
    stage.write("handlers.py", content)
    done = stage.call("ask", "bundle/SUPPORT_BOT", "Hello", "--handlers", "handlers.py").check(64)
    assert said in done.err
    assert not stage.sandbox.requests


@pytest.mark.parametrize("word", ["def", "async def"])
def test_a_handler_that_leaves_does_not_end_the_run(stage: Stage, word: str) -> None:
    stage.sandbox.script += [CALL]
    stage.write("handlers.py", f"import sys\n{word} find_order(number): sys.exit(0)")
    done = stage.call("ask", "bundle/SUPPORT_BOT", "Hello", "--handlers", "handlers.py").check()
    assert '← failed: {"error": "SystemExit: 0"}' in done.err
    assert done.out.startswith("find_order says:")


def test_a_bundle_that_says_nonsense_is_refused_by_the_server(stage: Stage) -> None:
    stage.write("bundle/ODD.json", {"model": "gpt-5.5", "reasoning": "high", "store": False})
    done = stage.call("ask", "bundle/ODD", "Hello").check(1)
    assert "internal error" not in done.err


def test_without_anybody_to_answer_a_call_the_run_ends_and_names_it(stage: Stage) -> None:
    stage.sandbox.script += [CALL]
    done = stage.call("ask", "bundle/SUPPORT_BOT", "Hello").check(1)
    assert "The model calls find_order, and nothing here answers it." in done.err
    assert done.out == ""


def test_json_lines_tell_everything(stage: Stage) -> None:
    stage.sandbox.script += [Turn("Let me look.", calls=CALL.calls)]
    stage.write("handlers.py", "def find_order(number): raise KeyError(number)")
    done = stage.call(
        "ask", "bundle/SUPPORT_BOT", "Hello", "--handlers", "handlers.py", "--json"
    ).check()
    kinds = dict.fromkeys(line["type"] for line in done.lines)
    assert list(kinds) == ["delta", "function_call", "function_output", "answer"]
    assert done.of("function_output")[0]["failed"]
    answer = done.of("answer")[0]
    said = "".join(line["text"] for line in done.of("delta"))
    assert said == "Let me look." + answer["text"]
    assert answer["response"].startswith("resp_")
    assert answer["usage"]["total_tokens"] > 0
    assert answer["turns"] == 2


@pytest.mark.parametrize("json", [(), ("--json",)])
@pytest.mark.parametrize(
    "turn",
    [
        Turn("It was a dark and", incomplete="max_output_tokens"),
        Turn("Once upon a time there", error="server_error"),
        Turn("Once upon a time there", ending="drop"),
        Turn(refusal="No."),
    ],
    ids=["incomplete", "failed", "dropped", "refused"],
)
def test_an_answer_that_broke_off_never_looks_whole(
    stage: Stage, turn: Turn, json: tuple[str, ...]
) -> None:
    stage.sandbox.script += [turn]
    done = stage.call("ask", "bundle/SUPPORT_BOT", "Hello", *json).check(1)
    assert done.err.startswith("Error: ")
    if json:
        assert not done.of("answer")
        assert done.lines[-1]["type"] == "error"
    else:
        assert done.out == "" or done.out.endswith("\n")


def test_a_conversation_is_printed_and_goes_on(stage: Stage) -> None:
    done = stage.call("ask", "bundle/SUPPORT_BOT", "Hello", "--conversation", "new").check()
    _, _, one = done.err.strip().rpartition(" ")
    assert one in stage.destination.conversations
    stage.call("ask", "bundle/SUPPORT_BOT", "And now?", "--conversation", one).check()
    assert stage.sandbox.count("conversations.create") == 1


def test_the_question_may_come_from_standard_input(stage: Stage) -> None:
    with stage.start("ask", "bundle/SUPPORT_BOT", "-", stdin=subprocess.PIPE) as process:
        out, _ = process.communicate("What is up?\n", timeout=PATIENCE)
    assert process.returncode == 0
    assert 'You said: "What is up?"' in out
    stage.run("ask", "bundle/SUPPORT_BOT", "-").check(64)


def test_no_key_is_ever_shown_not_even_in_pieces(stage: Stage) -> None:
    half = len(DESTINATION) // 2
    stage.sandbox.script += [f"It is {DESTINATION[:half]}{DESTINATION[half:]} indeed."] * 2
    for flags in ((), ("--json",)):
        done = stage.call("ask", "bundle/SUPPORT_BOT", "Hello", *flags).check()
        assert DESTINATION not in done.out + done.err
        assert "[redacted]" in done.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("SUPPORT_BOT", "x"), 64),
        (("bundle/SALES", "x"), 1),
        (("bundle/SUPPORT_BOT", "  "), 64),
        (("bundle/SUPPORT_BOT", "x", "--using", "nobody"), 64),
        (("bundle/SUPPORT_BOT", "x", "--file", "nothing.pdf"), 64),
        (("bundle/SUPPORT_BOT",), 64),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_sent(
    stage: Stage, arguments: tuple[str, ...], code: int
) -> None:
    stage.call("ask", *arguments).check(code)
    assert not stage.sandbox.requests


def test_an_endpoint_that_is_not_there_ends_with_6(stage: Stage) -> None:
    from understudy.sandbox import Fault

    stage.sandbox.faults = (Fault("gone", "responses.create"),)
    assert "no such endpoint" in stage.call("ask", "bundle/SUPPORT_BOT", "x").check(6).err


def test_ctrl_c_ends_an_answer_at_once(stage: Stage) -> None:
    stage.sandbox.script += [Turn("word " * 1000, pause=0.05)]
    with stage.start("ask", "bundle/SUPPORT_BOT", "Hello") as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == "word "  # the answer has begun
        done = interrupt(process).check(130)
    assert "Error: Interrupted." in done.err


def test_ctrl_c_ends_a_handler_that_blocks(stage: Stage) -> None:
    stage.sandbox.script += [CALL]
    stage.write(
        "handlers.py",
        "import time, pathlib\n"
        "def find_order(number):\n    pathlib.Path('here').touch()\n    time.sleep(60)\n",
    )
    arguments = ("ask", "bundle/SUPPORT_BOT", "Hello", "--handlers", "handlers.py")
    with stage.start(*arguments) as process:
        until(lambda: (stage.folder / "here").exists(), "the handler")
        interrupt(process).check(130)


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX terminal")
@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [(b"it is sent\n", 0, 'find_order says: "it is sent"'), (b"\x04", 130, "Interrupted")],
    ids=["by hand", "end of input"],
)
def test_on_a_terminal_the_user_answers_by_hand(
    stage: Stage, typed: bytes, code: int, said: str
) -> None:
    stage.sandbox.script += [Turn(calls=[Calling("find_order", '{"number": "\x1b]0;x"}')])]
    got, screen = on_terminal(stage, typed, "ask", "bundle/SUPPORT_BOT", "Hello")
    assert (got, said in screen) == (code, True), screen
    assert "What does find_order answer? " in screen
    assert "\x1b]0;" not in screen
    assert "Traceback" not in screen


def on_terminal(stage: Stage, typed: bytes, *arguments: str) -> tuple[int, str]:
    """Run the command on a pseudo-terminal and type when it asks."""
    import pty

    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "understudy", *arguments],
        cwd=stage.folder,
        env={**stage.environment, "TERM": "xterm", "COLUMNS": "100"},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    screen, answered, give_up = b"", False, time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if b"answer?" in screen and not answered:
            answered = True
            os.write(ours, typed)
        if select.select([ours], [], [], 0.1)[0]:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # everybody has left
                break
            if not chunk:
                break
            screen += chunk
    os.close(ours)
    return process.wait(PATIENCE), screen.decode("utf-8", "replace")


def nested() -> dict[str, Any]:
    return {
        "type": "function",
        "function": {key: value for key, value in FIND.items() if key != "type"},
    }
