"""What every command starts with: settings, output, logging, and a clean way to stop."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import logging
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from understudy.cli.streams import emit
from understudy.config import Settings, as_bool, as_count, load_here, text_of
from understudy.errors import InterruptedRunError, UsageError
from understudy.ops.request import RECOMMENDED, FileSearch, Prune
from understudy.profile import Value
from understudy.redact import hide
from understudy.replicate.knowledge.needs import KnowledgeOptions
from understudy.replicate.selection import Selection
from understudy.report.clean import clean, wrapped
from understudy.report.logs import log_to_stderr

T = TypeVar("T")

_LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40}


_STOPPING = "Stopping: writes in flight end first. Once more stops at once."
_STOPPED = (
    "No report was written. Run the same command again: it finds what was written and completes it."
)


class Session:
    """One invocation of a command."""

    def __init__(self, ctx: click.Context) -> None:
        given: dict[str, Any] = ctx.find_root().ensure_object(dict)
        self.json = bool(given.get("json"))
        self.quiet = bool(given.get("quiet"))
        self.config: Path | None = given.get("config")
        self.settings: Settings = load_here(self.config)
        self._log(int(given.get("verbose", 0)))

    @property
    def interactive(self) -> bool:
        """Whether somebody sits there who can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def columns(self) -> int | None:
        """How wide the terminal is that shows the results, None where no terminal does."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def say(self, lines: Iterable[str]) -> None:
        """Print results, without our keys; raises OutputError."""
        for line in lines:
            emit(hide(line))

    def say_wrapped(self, lines: Iterable[str]) -> None:
        """Print results as `say` does; a terminal gets lines that fit, a pipe whole ones."""
        columns = self.columns
        for line in lines:
            self.say([line] if columns is None else wrapped(hide(line), columns))

    def note(self, text: str) -> None:
        """Print something about the run, not its result."""
        if not self.quiet:
            emit(clean(hide(text)), err=True)

    def selection(
        self, *, everything: bool, ids: tuple[str, ...], names: tuple[str, ...]
    ) -> Selection:
        """Return what was selected by flags, else by CLONE_MODE; raises UsageError."""
        if everything and (ids or names):
            raise UsageError("--all goes with neither --id nor --name.")
        if everything or ids or names:
            return Selection(ids=ids, names=names)
        return self._configured_selection()

    def concurrency(self, flag: int | None, default: int) -> int:
        """Return how many writes may be in flight."""
        value = self.settings.option("concurrency")
        return flag or (as_count(value) if value else default)

    def output_dir(self, flag: Path | None) -> Path:
        """Return where reports go."""
        value = self.settings.option("output_dir")
        return flag or Path(value.text if value else "out")

    def setting(self, option: str, flag: str | None, default: str) -> str:
        """Return a flag's text, else what is configured, else the default."""
        return text_of(self.settings, option, default) if flag is None else flag

    def dry_run(self, *, flag: bool) -> bool:
        """Return whether nothing shall be written."""
        return flag or self._configured("dry_run")

    def knowledge(self, options: Mapping[str, Any]) -> KnowledgeOptions:
        """Return which knowledge to carry, and by which routes; raises UsageError."""
        wanted = {
            name: bool(options.get(name)) or self._configured(name)
            for name in ("file_search", "code_interpreter")
        }
        routes = {
            "--files-dir": options.get("files_dir"),
            "--container-copy": options.get("container_copy"),
            "--text-fallback": options.get("text_fallback"),
            "--max-bytes": options.get("max_bytes") is not None,
            "--require-knowledge": options.get("require_knowledge"),
        }
        if options.get("strict") and options.get("text_fallback"):
            raise UsageError(
                "--strict does not go with --text-fallback: a parsed text is not the file."
            )
        if not any(wanted.values()):
            if useless := [flag for flag, given in routes.items() if given]:
                raise UsageError(
                    f"{useless[0]} goes with --file-search or --code-interpreter.",
                    hint="Files and vector stores are carried only when that is asked for.",
                )
            return KnowledgeOptions()
        return KnowledgeOptions(
            **wanted,
            require=bool(options.get("require_knowledge")),
            max_bytes=options.get("max_bytes"),
            containers=bool(options.get("container_copy")),
            texts=bool(options.get("text_fallback")),
            index_seconds=float(options.get("index_timeout") or 0.0),
        )

    def adapting(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is changed on the way, as arguments of a Request; raises UsageError."""
        given = list(options["map_model"])
        origin = "--map-model"
        if not given and (value := self.settings.option("map_model")):
            given, origin = value.text.split(","), value.origin
        return {
            "map_model": dict(_pair(text.strip(), origin) for text in given if text.strip()),
            "file_search_as": FileSearch(self._file_search_as(options["file_search_as"])),
            "strict": bool(options.get("strict")) or self._configured("strict"),
        }

    def _file_search_as(self, flag: str | None) -> str:
        value = self.settings.option("file_search_as")
        if flag or value is None:
            return flag or FileSearch.DROP
        if value.text not in set(FileSearch):
            raise UsageError(
                f"{value.origin} must be {' or '.join(FileSearch)}, it is {value.text!r}."
            )
        return value.text

    def prune(self, options: Mapping[str, Any], selection: Selection) -> Prune:
        """Return what may be deleted; raises UsageError where that cannot be told."""
        wanted, most = bool(options["prune"]), options["max_delete"]
        if not wanted and (most is not None or options["force"]):
            raise UsageError("--max-delete and --force go with --prune.")
        if wanted and not selection.everything:
            raise UsageError(
                "--prune goes with all assistants, not with a selection.",
                hint="What is gone can only be told by looking at everything.",
            )
        return Prune(wanted, most, bool(options["force"]))

    def _configured(self, name: str) -> bool:
        value = self.settings.option(name)
        return as_bool(value) if value else False

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask on a terminal; raises InterruptedRunError for a no."""
        if yes or not self.interactive:
            return
        with _plain_interrupt():
            agreed = click.confirm(question, err=True)
        if not agreed:
            raise InterruptedRunError("Nothing was written.")

    def interruptible(self) -> contextlib.AbstractContextManager[None]:
        """Let Ctrl-C interrupt what blocks meanwhile: a question, or a function of the user's.

        It comes out as click.Abort.
        """
        return _plain_interrupt()

    def prompt(self, question: str) -> str:
        """Ask for a line of text on a terminal; Ctrl-C and the end of input raise click.Abort."""
        with self.interruptible():
            given: str = click.prompt(
                question, default="", show_default=False, prompt_suffix=" ", err=True
            )
        return given

    def run(
        self,
        work: Callable[[asyncio.Event], Awaitable[T]],
        *,
        at_once: bool = False,
        loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
        stopping: str = _STOPPING,
        stopped: str = _STOPPED,
    ) -> T:
        """Run a coroutine whose event is set by Ctrl-C; a second Ctrl-C ends it at once.

        With `at_once` the first one does: nothing is written that would have to be completed.
        `stopping` and `stopped` are what is said then.
        `loop` makes an event loop of another kind than the usual one.
        """
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(self._interruptible(work, at_once, stopping, stopped))

    async def _interruptible(
        self,
        work: Callable[[asyncio.Event], Awaitable[T]],
        at_once: bool,
        stopping: str,
        stopped: str,
    ) -> T:
        stop = asyncio.Event()
        task = asyncio.ensure_future(work(stop))
        loop = asyncio.get_running_loop()

        def on_signal() -> None:
            if at_once or stop.is_set():
                task.cancel()
                return
            stop.set()
            if sys.stderr.isatty():
                self.note("")  # a bar may stand on the line
            self.note(stopping)

        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # not on Windows
                loop.add_signal_handler(number, on_signal)
        try:
            return await task
        except asyncio.CancelledError:
            if at_once:
                raise InterruptedRunError("Interrupted.") from None
            raise InterruptedRunError("Stopped at once.", hint=stopped) from None

    def _configured_selection(self) -> Selection:
        mode = self.settings.option("mode")
        text = mode.text.strip().lower() if mode else "all"
        if text == "all":
            return Selection()
        if text == "by_id":
            given = self._required("ids", "CLONE_IDS", text)
            ids = tuple(i.strip() for i in given.text.split(",") if i.strip())
            if not ids:  # no ids would mean everything
                raise UsageError(f"{given.origin} holds no id: {given.text!r}.")
            return Selection(ids=ids)
        if text == "by_name":
            prefix = self._required("name_prefix", "CLONE_NAME_PREFIX", text).text
            return Selection(names=(prefix if _is_pattern(prefix) else glob.escape(prefix) + "*",))
        assert mode is not None  # noqa: S101 - without a mode everything is selected
        raise UsageError(f"{mode.origin} must be all, by_id or by_name, it is {mode.text!r}.")

    def _required(self, option: str, variable: str, mode: str) -> Value:
        value = self.settings.option(option)
        if value is None:
            raise UsageError(f"CLONE_MODE={mode} needs {variable}, which is not set.")
        return value

    def _log(self, verbose: int) -> None:
        option = self.settings.option("log_level")
        level = logging.ERROR if not verbose else logging.INFO if verbose == 1 else logging.DEBUG
        if option and not verbose:
            name = option.text.strip().lower()
            if name not in _LEVELS:
                raise UsageError(f"{option.origin} must be one of {', '.join(_LEVELS)}.")
            level = _LEVELS[name]
        log_to_stderr(level, text="%(levelname)s %(name)s: %(message)s")


def _pair(text: str, origin: str) -> tuple[str, str]:
    """Return an old model and its new one; `recommended` stands alone."""
    if text == RECOMMENDED:
        return text, ""
    old, _, new = (part.strip() for part in text.partition("="))
    if not (old and new):
        raise UsageError(
            f"{origin}: {text!r} is no pair of models.",
            hint="Write OLD=NEW, such as gpt-4o=gpt-6-luna, or recommended.",
        )
    return old, new


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text or (len(text) > 2 and text[0] == "/" == text[-1])


@contextlib.contextmanager
def _plain_interrupt() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM interrupt what blocks as usual, then put our handling back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    wakeup = signal.set_wakeup_fd(-1)
    try:
        yield
    except KeyboardInterrupt:
        raise click.Abort from None
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
