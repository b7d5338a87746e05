"""What importing and calling costs: nothing is loaded before it is needed."""

import json
import subprocess
import sys

import pytest

import understudy
from command import Stage

HEAVY = ("openai", "aiohttp", "pydantic", "rich", "understudy.ops", "understudy.platforms")


def loaded(stage: Stage, code: str) -> set[str]:
    """Return the names of the packages that are loaded after that code ran."""
    script = f"{code}\nimport sys, json\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=stage.folder,
        env=stage.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*arguments: str) -> str:
    return f"from understudy.cli.main import _run\nassert _run({list(arguments)!r}) in (0, 1, 2)"


@pytest.mark.parametrize(
    "code",
    ["import understudy", "import understudy.cli.main", command("--help"), command("--version")],
)
def test_importing_and_help_load_nothing_heavy(stage: Stage, code: str) -> None:
    assert loaded(stage, code).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "src"],
        ["plan", "--out", "p.json"],
        ["clone"],
        ["check", "src", "dst"],
        ["export", "--out", "x"],
        ["profiles", "--check"],
        ["sandbox", "--help"],
        ["demo", "--help"],
        ["ask", "--help"],
    ],
    ids=" ".join,
)
def test_no_command_but_the_sandbox_loads_the_openai_package(
    stage: Stage, arguments: list[str]
) -> None:
    stage.fill(1)
    names = loaded(stage, command(*arguments))
    assert "openai" not in names
    assert "understudy.sandbox.app" not in names


@pytest.mark.parametrize("arguments", [["list", "./s.json"], ["clone", "--to", "./folder"]])
def test_a_snapshot_needs_no_network_library(stage: Stage, arguments: list[str]) -> None:
    stage.write("s.json", {"assistants": [{"id": "a", "model": "gpt-4o"}]})
    more = ["--from", "./s.json"] if "clone" in arguments else []
    assert "aiohttp" not in loaded(stage, command(*arguments, *more))


def test_every_public_name_is_there() -> None:
    for name in understudy.__all__:
        assert getattr(understudy, name) is not None
    with pytest.raises(AttributeError):
        _ = understudy.nothing
