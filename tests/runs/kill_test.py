"""SIGKILL at every boundary of a run: nothing is lost, no finished prompt is asked again."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from architected import document
from command import Stage

NAME = "Second Opinion"
RUN = ("architect", "run", NAME, "--input", "question=Sail?", "--input", "tone=kindly", "--json")
#: What each prompt holds, in the order of the stages.
PROMPTS = {"for": "for this", "against": "against this", "verdict": "Decide"}


def lines(*hanging: str) -> list[dict[str, Any]]:
    """Return a script in which these prompts never answer."""
    slow = [{"when": PROMPTS[name], "after": 900} for name in hanging]
    return [*slow, *({"when": when, "say": name} for name, when in PROMPTS.items())]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("finished", [(), ("against",), ("for", "against")], ids=len)
def test_a_run_that_is_killed_goes_on_where_it_was(
    stage: Stage, url: str, finished: tuple[str, ...]
) -> None:
    at = ("--database", url)
    stage.write("understudy.toml", '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n')
    stage.write("a.json", document())
    stage.call("architect", "import", "a.json", "--by", "me", *at).check()
    stage.call("architect", "approve", NAME, "--by", "you", *at).check()
    hanging = [name for name in PROMPTS if name not in finished]
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", lines(*hanging)))
    process = stage.start(*RUN, *at)
    assert process.stdout is not None
    first: list[dict[str, Any]] = []
    begun = {"for", "against"} if len(finished) < 2 else set(PROMPTS)
    while not (
        {one["prompt"] for one in first if one["type"] == "prompt.started"} == begun
        and {one["prompt"] for one in first if one["type"] == "prompt.completed"} == {*finished}
    ):
        first.append(json.loads(process.stdout.readline()))
    process.send_signal(signal.SIGKILL)
    process.communicate()

    (run,) = stage.call("runs", "list", "--json", *at).check().of("run")
    assert run["status"] == "interrupted"
    stage.write("script.json", lines())
    again = stage.call("runs", "retry", run["id"], "--json", *at).check()
    asked = {one["prompt"] for one in again.of("prompt.started")}
    assert asked == set(PROMPTS) - set(finished)
    assert {one["prompt"] for one in again.of("prompt.completed") if one["kept"]} == set(finished)
    (ended,) = again.of("run.completed")
    assert ended["outputs"] == {name: name for name in PROMPTS}
    (run,) = stage.call("runs", "list", "--json", *at).check().of("run")
    assert (run["status"], run["attempt"]) == ("completed", 2)
