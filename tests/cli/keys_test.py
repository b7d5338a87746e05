"""Canaries: whatever happens, no key is shown, written or sent to the wrong place."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from command import Stage
from threaded import Threaded

KEYS = {
    "src": "sk-proj_canary-SRC_0a1b2c3d4e5f60718293",
    "dst": 'canary"DST\\quoted_0a1b2c3d4e5f60718293',
    "default": "canary_default_0a1b2c3d4e5f60718293",
    "dotenv": "sk-canary_dotenv_0a1b2c3d4e5f6071829",
    "command": "canary_command_0a1b2c3d4e5f60718293",
}
PARTS = tuple(key[7:-7] for key in KEYS.values())


class Parrot(Threaded):
    """A server that repeats the key that it was shown, wherever it can."""

    def __init__(self) -> None:
        self.status = 401

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.path.endswith("/models"):
            return web.json_response({"data": [{"id": "gpt-4o"}]})
        if self.status == 200 and request.method == "GET":
            return web.json_response({"object": "list", "data": [], "has_more": False})
        said = f"Wrong key {key}, header Authorization: Bearer {key}, " + "x" * 340 + key
        error = {"message": said, "type": key, "code": f"bad_{key}", "param": key}
        headers = {"x-echo": key, "Location": f"https://elsewhere/{key}"}
        status = 400 if self.status == 200 else self.status
        return web.json_response({"error": error}, status=status, headers=headers)

    def runner(self) -> web.BaseRunner:
        return web.ServerRunner(web.Server(self._answer))


@pytest.fixture
def parrot() -> Iterator[Parrot]:
    with Parrot() as parrot:
        yield parrot


def configure(stage: Stage, base_url: str) -> None:
    """Set every profile's key in its own way, all of them at this address."""
    script = stage.write("../key.sh", f"#!/bin/sh\nprintf '%s\\n' '{KEYS['command']}'\n")
    script.chmod(0o755)
    stage.write(
        "understudy.toml",
        f'[profiles.command]\nbase_url = "{base_url}"\nkey_command = "{script}"\n'
        f'[profiles.dotenv]\nbase_url = "{base_url}"\n',
    )
    dotenv = stage.write(".env", f"UNDERSTUDY_PROFILE_DOTENV_API_KEY={KEYS['dotenv']}\n")
    dotenv.chmod(0o600)
    for name, variable in (("src", "OPENAI_SRC"), ("dst", "OPENAI_DST"), ("default", "OPENAI")):
        stage.environment[f"{variable}_API_KEY"] = KEYS[name]
        stage.environment[f"{variable}_BASE_URL"] = base_url


def leaks(stage: Stage, *texts: str) -> list[str]:
    """Return where a canary was found: in these texts or in any file but .env."""
    found = [text for text in texts if any(part in text for part in PARTS)]
    for path in stage.folder.rglob("*"):
        if path.is_file() and path.name not in (".env", "aiohttp.py"):
            content = path.read_bytes().decode("utf-8", "replace")
            plain = content.replace("\\", "")  # as Markdown escapes and JSON quotes
            if any(part in text for text in (content, plain) for part in PARTS):
                found.append(str(path))
    return found


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("list", "src"),
    ("list", "default"),
    ("list", "dotenv"),
    ("list", "command"),
    ("plan", "--out", "plan.json"),
    ("clone",),
    ("clone", "--from", "command", "--to", "dotenv", "--output-dir", "other"),
    ("check", "src", "dst"),
    ("export", "--out", "export.json"),
    ("import", "s.json"),
    ("import", "s.json", "--to", "src", "--output-dir", "third"),
    ("profiles",),
    ("profiles", "--check"),
)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404])
def test_no_key_is_ever_shown_or_written(stage: Stage, parrot: Parrot, status: int) -> None:
    configure(stage, parrot.base_url)
    stage.write("s.json", {"assistants": [{"id": "a", "name": "A", "model": "gpt-4o"}]})
    parrot.status = status
    for arguments in COMMANDS:
        for flags in (("-vv",), ("-vv", "--json")):
            done = stage.call(*arguments, *flags)
            assert "internal error" not in done.err
            assert not leaks(stage, done.out, done.err), arguments
    if status == 200:  # the reports of a refused create were among the files
        assert "bad_" in stage.read("out/mapping.json")["mappings"][0]["error"]


def test_an_unexpected_exception_shows_no_key(stage: Stage, parrot: Parrot) -> None:
    """A package in the folder that cannot work stands for a bug."""
    configure(stage, parrot.base_url)
    text = "raise RuntimeError('canary ' + __import__('os').environ['OPENAI_SRC_API_KEY'])\n"
    stage.write("broken/aiohttp.py", text)
    broken: Mapping[str, str] = {"PYTHONPATH": str(stage.folder / "broken")}
    for flags in ((), ("-vv",), ("-vv", "--json")):
        done = stage.run("clone", *flags, environment=broken)
        assert done.code == 1
        assert "internal error: RuntimeError: canary [redacted]" in done.err
        assert ("Traceback" in done.err) == ("-vv" in flags)
        assert not leaks(stage, done.out, done.err)
        if "--json" in flags:
            assert json.loads(done.out)["type"] == "error"


def test_a_real_run_writes_no_key_anywhere(stage: Stage) -> None:
    configure(stage, stage.sandbox.base_url)
    stage.environment["OPENAI_DST_API_KEY"] = KEYS["dotenv"]
    stage.sandbox.project(KEYS["src"]).add(name="One", model="gpt-4o")
    stage.sandbox.project(KEYS["src"]).add(name="Bad", model="gpt-4o", top_p=None, future=1)
    texts = []
    for arguments in (
        ("plan", "--out", "plan.json"),
        ("apply", "plan.json"),
        ("clone",),
        ("check", "src", "dst"),
        ("export", "--out", "folder"),
        ("export", "--out", "e.json"),
    ):
        done = stage.call(*arguments, "-vv")
        assert "internal error" not in done.err
        texts += [done.out, done.err]
    assert not leaks(stage, *texts)
    assert (stage.folder / "out/log.jsonl").is_file()


def test_a_key_goes_to_no_address_but_its_own(stage: Stage, parrot: Parrot) -> None:
    """A redirect is not followed, so that it cannot carry the key elsewhere."""
    configure(stage, parrot.base_url)
    parrot.status = 301
    done = stage.call("list", "src")
    assert "it points to https://elsewhere/" in done.err
    assert done.code == 1


def test_a_key_in_a_file_that_is_committed_is_refused(stage: Stage) -> None:
    key = KEYS["src"]
    stage.write("understudy.toml", f'[profiles.team]\napi_key = "{key}"\n')
    done = stage.call("list", "team", "-vv").check(64)
    assert key not in done.err
    assert "UNDERSTUDY_PROFILE_TEAM_API_KEY" in done.err


def test_this_test_would_notice(stage: Stage, tmp_path: Path) -> None:
    assert leaks(stage, f"x {KEYS['src']} x")
    stage.write("report.md", KEYS["src"].replace("_", "\\_"))
    assert leaks(stage)
