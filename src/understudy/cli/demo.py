"""demo: the main job on the sandbox, with the very commands that a user types."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path

import click

from understudy.cli.options import common
from understudy.cli.serve import missing_for_service
from understudy.cli.session import Session
from understudy.errors import ExitCode
from understudy.ops.rehearsal import (
    DESTINATION_KEY,
    SOURCE_KEY,
    Stage,
    edit_one,
    sandbox,
    save_listing,
    write_originals,
    write_script,
)
from understudy.report.jsonlines import line

#: Scenes that are no command: one assistant changes in the source; it is saved; a report is shown.
EDIT = ("edit",)
SAVE = ("save",)
REPORT = ("report", "report.md")
NEEDED = ("report", "files-needed.md")
PROGRAM = ("program",)
SERVICE = ("service",)
_LOOK_UP = (
    'import understudy; bot = understudy.Registry().get_assistant("support bot"); '
    'print(bot["id"], bot["model"])'
)
_ADDRESSES = (
    ("GET", "/api/assistants/SUPPORT_BOT"),
    ("POST", "/api/assistants/sync"),
    ("GET", "/api/assistants/SUPORT_BOT"),
)
_KNOWLEDGE = ("--file-search", "--code-interpreter", "--files-dir", "originals")
_TEXTS = (*_KNOWLEDGE, "--text-fallback")

#: What was saved before the endpoint went, and what of it is taken on.
DUMP = "saved.json"
OPINION = "opinion.json"
SCRIPT = "script.json"
_SOME = (
    *("--name", "Support Bot", "--name", "* Analyst", "--file-search", "--code-interpreter"),
    *("--map-model", "recommended", "--yes"),
)

#: A comment, the arguments of `understudy`, and the exit code that they end with.
_SCENES: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("Project A holds 25 assistants, their files and vector stores:", ("list", "src"), 0),
    (
        "OpenAI hands no bytes out; the owner's folder holds all files but two. The plan for B:",
        ("plan", *_TEXTS),
        0,
    ),
    (
        "Clone. One file travels as its text, one is missing, so it ends with 3, partly done:",
        ("clone", "--yes", "--concurrency", "3", *_TEXTS),
        ExitCode.PARTLY,
    ),
    ("The report for people begins like this:", REPORT, 0),
    ("And this is still needed:", NEEDED, 0),
    (
        "Clone again: nothing is written, no byte is moved.",
        ("--quiet", "clone", "--yes", *_TEXTS),
        ExitCode.PARTLY,
    ),
    ("Now somebody edits one assistant in A. The plan shows the fields:", EDIT, 0),
    ("", ("plan", "--name", "Support Bot", *_TEXTS), 0),
    (
        "At OpenAI, the Assistants API is gone. Say that a saved listing is all that is left of A:",
        SAVE,
        0,
    ),
    ("Which models do they use, and which of those are dying?", ("models", DUMP), 0),
    (
        "Make agents of three of them. A's own stores and files are found where they are:",
        ("clone", "--from", DUMP, "--to", "agents", *_SOME, "--file-search-as", "function"),
        0,
    ),
    (
        "And requests for the Responses API, one file each, with stubs for their functions:",
        ("--quiet", "clone", "--from", DUMP, "--to", "bundle", *_SOME, "--stubs", "handlers.py"),
        0,
    ),
    (
        "Ask one of them. The answer comes out of its vector store:",
        ("ask", "bundle/SUPPORT_BOT", "Can washed goods be returned?"),
        0,
    ),
    (
        "Programs look assistants up at run time. Keep a local copy for them:",
        ("registry", "sync", "--from", DUMP),
        0,
    ),
    ("A program asks the library:", PROGRAM, 0),
    (
        "Programs elsewhere ask the service, which syncs on a schedule and when told to:",
        SERVICE,
        0,
    ),
    (
        "Assistants of several prompts are written as JSON. Begin with a skeleton, and look at it:",
        ("--quiet", "architect", "new", "parallel", "--name", "Second opinion", "-o", OPINION),
        0,
    ),
    ("What is imported waits for approval:", ("architect", "import", OPINION, "--by", "ann"), 0),
    (
        "",
        ("architect", "approve", "Second opinion", "--by", "bob", "--reason", "read and tried"),
        0,
    ),
    ("", ("architect", "show", "Second opinion"), 0),
    (
        "Run it. A model answers that follows the script in UNDERSTUDY_SCRIPT; nothing is paid:",
        (
            *("architect", "run", "Second opinion", "--map-model", "gpt-4o=demo/scripted"),
            *("--input", "text=Move the sale to May"),
        ),
        0,
    ),
    ("It can be taken elsewhere:", ("architect", "export", "-o", "exported.json"), 0),
    ("", ("architect", "import", "exported.json"), 0),
)


@click.command()
@common
@click.pass_context
def demo(ctx: click.Context, /) -> int:
    """Show the whole job on the embedded sandbox: no key, no network.

    \b
    understudy demo
    """
    return _Play(Session(ctx)).run()


class _Play:
    """The scenes, in the form of output that was asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._flags = [
            *(["--json"] if session.json else []),
            *(["--quiet"] if session.quiet else []),
        ]

    def run(self) -> int:
        return self._session.run(self._play)

    async def _play(self, stop: asyncio.Event) -> int:
        with tempfile.TemporaryDirectory(prefix="understudy-demo-") as folder:
            write_originals(Path(folder) / "originals")
            write_script(Path(folder) / SCRIPT)
            async with sandbox(Stage(demo=True, latency=0.1)) as base_url:
                self._tell(f"The sandbox, an OpenAI look-alike, runs on {base_url}.")
                for comment, arguments, expected in _SCENES:
                    if stop.is_set():
                        return ExitCode.INTERRUPTED
                    code = await self._scene(comment, arguments, Path(folder), base_url)
                    if code != expected:
                        return code or ExitCode.FAILURE
        self._tell("\nThat was the main job. Next: README.md, and understudy --help.")
        return ExitCode.DONE

    async def _scene(
        self, comment: str, arguments: tuple[str, ...], folder: Path, base_url: str
    ) -> int:
        if comment:
            self._tell("\n" + click.style(comment, bold=True))
        if arguments == EDIT:
            self._tell(f"(edited: {await edit_one(base_url)})")
            return 0
        if arguments == SAVE:
            count = await save_listing(base_url, folder / DUMP)
            self._tell(f"(saved: {DUMP}, {count} assistants)")
            return 0
        if arguments[0] == "report":
            self._tell(_beginning(folder / "out" / arguments[1]))
            return 0
        if arguments == SERVICE:
            return await self._serve(folder, _environment(base_url))
        if arguments == PROGRAM:
            self._command("python", "-c", _LOOK_UP)
            command: tuple[str, ...] = (sys.executable, "-c", _LOOK_UP)
        else:
            self._command("understudy", *arguments)
            command = (sys.executable, "-P", "-m", "understudy", *self._flags, *arguments)
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=_environment(base_url),
            stdout=asyncio.subprocess.PIPE if arguments == PROGRAM else None,
        )
        said, _ = await process.communicate()
        if said:
            self._tell(said.decode().rstrip())
        return process.returncode or 0

    async def _serve(self, folder: Path, environment: dict[str, str]) -> int:
        """Start the service, ask it, and end it as an operator would."""
        if missing := missing_for_service():
            self._tell(f"(left out: {missing} is not installed; pip install 'understudy[service]')")
            return 0
        arguments = ("serve", "--from", DUMP, "--port", "0")
        self._command("understudy", *arguments)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "understudy", *arguments, "--json"),
            cwd=folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None  # noqa: S101 - it was asked for
        try:
            url = json.loads(await process.stdout.readline() or b"{}").get("url", "")
            for method, address in _ADDRESSES if url else ():
                self._command("curl", *(("-X", method) if method != "GET" else ()), url + address)
                self._tell(_shortened(await _asked(method, url + address)))
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
        return process.returncode or 0

    def _command(self, *words: str) -> None:
        self._tell(click.style(f"$ {shlex.join(words)}", fg="cyan"))

    def _tell(self, text: str) -> None:
        """Say what happens between the commands, as they would say it."""
        if self._session.json:
            self._session.say([line("scene", {"text": click.unstyle(text).strip()})])
        elif not self._session.quiet:
            self._session.say([text])


async def _asked(method: str, url: str) -> str:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
        return await answer.text()


def _shortened(text: str, most: int = 300) -> str:
    """Return the beginning and the end of a long answer, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 60]} ... {flat[-60:]}"


def _environment(base_url: str) -> dict[str, str]:
    """Return this process's environment with the sandbox's two projects as src and dst.

    Agents and requests of the source project are the places agents and bundle.

    Whatever else is configured here stays out: a demo must not touch a real place.
    """
    mine = (
        "OPENAI_",
        "UNDERSTUDY_",
        "CLONE_",
        "INCLUDE_",
        "DRY_RUN",
        "MAX_CONCURRENCY",
        "OUTPUT_DIR",
    )
    kept = {key: value for key, value in os.environ.items() if not key.startswith(mine)}
    places = {"AGENTS_PLATFORM": "openai-agents", "BUNDLE_PLATFORM": "responses"}
    places["BUNDLE_PATH"] = "bundle"
    kept["UNDERSTUDY_SCRIPT"] = SCRIPT
    for name in ("AGENTS", "BUNDLE"):
        places |= {f"{name}_BASE_URL": base_url, f"{name}_API_KEY": SOURCE_KEY}
    return {
        **kept,
        **{f"UNDERSTUDY_PROFILE_{name}": value for name, value in places.items()},
        "OPENAI_SRC_BASE_URL": base_url,
        "OPENAI_SRC_API_KEY": SOURCE_KEY,
        "OPENAI_DST_BASE_URL": base_url,
        "OPENAI_DST_API_KEY": DESTINATION_KEY,
    }


def _beginning(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()[:18]
    return "\n".join(f"  {text}" for text in [*lines, "..."])
