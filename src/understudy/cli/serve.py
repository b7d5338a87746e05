"""serve: the registry by HTTP."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import click

from understudy.cli.options import Number
from understudy.cli.registry_options import file_of, local, schedule, schedule_of, source, source_of
from understudy.cli.session import Session
from understudy.errors import ExitCode, UsageError
from understudy.profile import Value
from understudy.report.jsonlines import line
from understudy.report.logs import log_to_stderr

if TYPE_CHECKING:
    from understudy.service.app import Serving

_HOST, _PORT, _RATE = "127.0.0.1", 8300, 100.0
#: Seconds until a thread that reads a new file makes way for answers.
_SWITCH = 0.0005
_NEEDED = ("fastapi", "uvicorn", "prometheus_client", "python_multipart")


@click.command()
@source
@schedule
@click.option("--host", help=f"The address to listen on.  [default: {_HOST}]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help=f"0 picks a free one.  [default: {_PORT}]"
)
@click.option(
    "--fd",
    type=click.IntRange(3),
    metavar="N",
    help="Serve the listening socket that the parent process opened instead.",
)
@click.option(
    "--grace",
    type=Number(0, 600),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long silent connections are kept after SIGTERM.",
)
@click.option(
    "--runs",
    type=click.IntRange(0, 10_000),
    metavar="N",
    help="Runs played here at once; 0 leaves them to `understudy worker`.  [default: 16]",
)
@local
@click.pass_context
def serve(ctx: click.Context, /, **options: Any) -> int:
    """Serve the registry by HTTP and keep it in sync, until Ctrl-C or SIGTERM.

    Without UNDERSTUDY_API_KEYS it serves this machine alone.

    \b
    understudy serve
    understudy serve --from dump.json --port 8080
    curl http://127.0.0.1:8300/api/assistants/SUPPORT_BOT
    """
    session = Session(ctx)
    if missing := missing_for_service():
        raise UsageError(
            f"The service needs {missing}, which is not installed.",
            hint="pip install 'understudy[service]'",
        )
    _log(ctx, session)
    from understudy.service.app import create_app
    from understudy.service.server import Server, inherit, listen

    inherited = inherit(options["fd"]) if options["fd"] else None
    if inherited is not None:
        options["host"] = inherited.getsockname()[0]
    serving, host, port = _serving(session, options)
    listening = inherited or listen(host, port)
    server = Server(create_app(serving), serving.draining, grace=options["grace"])

    async def work(stop: asyncio.Event) -> None:
        await server.run_until(stop, listening, lambda: _tell(session, listening, serving))

    gc.freeze()  # what is loaded now stays; looking through it again would delay answers
    sys.setswitchinterval(_SWITCH)
    session.run(
        work,
        loop=_fast_loop(),
        stopping="Stopping: what is asked is answered first. Once more stops at once.",
        stopped="Runs that were played go on when a service or a worker starts.",
    )
    return ExitCode.DONE


def missing_for_service() -> str:
    """Return what of the extra `service` is not installed, empty where all is."""
    return next((name for name in _NEEDED if find_spec(name) is None), "")


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the faster event loop, where there is one (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _serving(session: Session, options: dict[str, Any]) -> tuple[Serving, str, int]:
    """Return what to serve, and where; raises UsageError before anything listens."""
    from understudy.ops.architect import Architect
    from understudy.ops.keeping import Keeper
    from understudy.ops.run_service import RunService
    from understudy.service.app import Serving
    from understudy.service.auth import parse_keys
    from understudy.service.front import Limits

    settings = session.settings

    keys = parse_keys(settings.api_keys)
    host = session.setting("service_host", options["host"], _HOST)
    if not (keys or _is_loopback(host)):
        raise UsageError(
            f"{host} can be reached by others, and nobody would need a key.",
            hint="Set UNDERSTUDY_API_KEYS, such as app:read:KEY, or listen on 127.0.0.1.",
        )
    origins = _origins(settings.option("service_cors"), bool(keys))
    architect = Architect(settings)
    runs = RunService(architect, places=options["runs"], grace=options["grace"])
    keeper = Keeper(
        settings,
        path=file_of(session, options["path"]),
        source=source_of(session, options["source"]),
        schedule=schedule_of(session, options["schedule"]),
        config=session.config,
        json_logs=session.json,
        ticks=runs.take,
    )
    rate = _number(settings.option("service_rate"), _RATE)
    port = (
        int(_number(settings.option("service_port"), _PORT))
        if options["port"] is None
        else options["port"]
    )
    hosts = frozenset({"127.0.0.1", "localhost", "::1", host.lower()})
    limits = Limits(rate=rate)
    serving = Serving(keeper, keys, hosts, limits, origins, architect=architect, runs=runs)
    return serving, host, port


def _tell(session: Session, listening: socket.socket, serving: Serving) -> None:
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    keeper = serving.keeper
    count = len(keeper.copy().shelf.slots)
    if session.json:
        fields = {"url": url, "count": count, "mode": "limited" if keeper.limited else "full"}
        session.say([line("serving", fields)])
        return
    session.say([f"Serving {count} assistants on {url}; Ctrl-C ends it."])
    if keeper.limited:
        session.note(f"Limited mode: {keeper.limited} What is there can be read, not synced.")
    else:
        session.note(f"Syncing {keeper.path} from {keeper.source} at {keeper.schedule} UTC.")


def _log(ctx: click.Context, session: Session) -> None:
    """Log what happens, unless somebody wants less: a service is watched by its log."""
    verbose = int(ctx.find_root().ensure_object(dict).get("verbose", 0))
    if not session.settings.option("log_level"):
        level = logging.DEBUG if verbose > 1 else logging.INFO
        log_to_stderr(level, json_lines=session.json)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _origins(value: Value | None, keys: bool) -> tuple[str, ...]:
    """Return the pages that may ask from within a browser; raises UsageError."""
    origins = tuple(filter(None, (part.strip() for part in value.text.split(",")))) if value else ()
    if value and "*" in origins and not keys:
        raise UsageError(
            f"{value.origin} lets every page in a browser read everything.",
            hint="Name the pages, or set UNDERSTUDY_API_KEYS.",
        )
    for origin in origins:
        if value and origin != "*" and not origin.startswith(("http://", "https://")):
            raise UsageError(
                f"{value.origin}: {origin!r} is no origin.", hint="Such as https://app.example.com."
            )
    return origins


def _number(value: Value | None, default: float) -> float:
    if value is None:
        return default
    try:
        number = float(value.text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise UsageError(f"{value.origin} must be a number from 0, it is {value.text!r}.")
    return number
