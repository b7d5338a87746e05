"""sandbox: serve the look-alike until Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from understudy.cli.options import Number, common
from understudy.cli.session import Session
from understudy.cli.streams import emit
from understudy.ops.rehearsal import DESTINATION_KEY, SOURCE_KEY, Stage
from understudy.ops.rehearsal import sandbox as running
from understudy.report.jsonlines import line


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 picks a free one.")
@click.option("--demo", is_flag=True, help="Fill the source project: 25 assistants, 11 files.")
@click.option("--agents", is_flag=True, help="Put agents into the source project, too.")
@click.option(
    "--assistants/--no-assistants",
    default=True,
    help="Whether /assistants is there; at OpenAI it is not any more.",
)
@click.option(
    "--api-version",
    metavar="VERSION",
    help="Ask for this api-version, as Azure does.",
)
@click.option("--seed", type=int, default=0, help="Makes ids and faults repeatable.")
@click.option("--latency", type=Number(0, 60), default=0.0, metavar="SECONDS")
@click.option("--rate-limit", type=Number(min=0.1), metavar="N", help="Requests a second.")
@click.option("--list-lag", type=Number(0, 600), default=0.0, metavar="SECONDS")
@click.option(
    "--purpose-rule/--no-purpose-rule",
    default=True,
    help="Whether files of assistants cannot be downloaded, as at OpenAI; the default.",
)
@click.option(
    "--indexing",
    type=Number(0, 600),
    default=0.0,
    metavar="SECONDS",
    help="How long a vector store needs for a file.",
)
@click.option(
    "--batch-limit",
    type=click.IntRange(1, 100_000),
    default=2000,
    metavar="N",
    help="Files in one batch for a vector store.",
)
@click.option("--containers/--no-containers", default=True, help="Whether /containers is there.")
@click.option("--fault", "faults", multiple=True, metavar="RULE", help="See above; repeatable.")
@common
@click.pass_context
def sandbox(ctx: click.Context, /, **options: Any) -> int:
    """Serve an OpenAI look-alike on 127.0.0.1; every key is a project of its own.

    \b
    A fault is KIND[=SECONDS[~JITTER]][:WHERE][@CHANCE | #N | #N-M | #N-][xTIMES]:
      503:list@0.1          one list call in ten fails
      drop-after:create#3   the third create is carried out, its answer lost
      429=2:any@0.2x5       rate limits with Retry-After, five at most
      quota:create#10-      no credit from the tenth create on
      truncated:files.content  half of each file that is downloaded
    Kinds: latency 429 429-ms 429-bare quota 401 403 500 502 503 gone drop-before drop-after
    hang hang-after truncated html. Where: any create list retrieve update delete models other,
    or files uploads stores store_files batches containers container_files agents templates
    responses conversations items, or one kind of request in such a group, as files.create.

    \b
    understudy sandbox --demo --port 8700
    understudy sandbox --demo --latency 0.05 --fault 503:any@0.05
    understudy sandbox --agents --no-assistants
    """
    session = Session(ctx)

    async def serve(stop: asyncio.Event) -> None:
        async with running(Stage(**options)) as base_url:
            # Not through say: these keys open nothing but this sandbox, and are to be copied.
            lines = _json(base_url) if session.json else _text(base_url, options)
            emit("\n".join(lines))
            await stop.wait()

    session.run(serve)
    return 0


def _text(base_url: str, options: Mapping[str, Any]) -> list[str]:
    more = {}
    if options["api_version"]:
        more["UNDERSTUDY_PROFILE_{}_API_VERSION"] = options["api_version"]
    if not options["assistants"]:
        more["OPENAI_{}_PLATFORM"] = "openai-agents"
    extra = [
        "  export " + " ".join(f"{name.format(one)}={value}" for name, value in more.items())
        for one in ("SRC", "DST")
        if more
    ]
    return [
        f"Sandbox on {base_url}; Ctrl-C ends it. In another terminal:",
        "",
        f"  export OPENAI_SRC_BASE_URL={base_url} OPENAI_SRC_API_KEY={SOURCE_KEY}",
        f"  export OPENAI_DST_BASE_URL={base_url} OPENAI_DST_API_KEY={DESTINATION_KEY}",
        *extra,
        "  understudy clone --from src --to dst",
    ]


def _json(base_url: str) -> list[str]:
    return [line("sandbox", {"base_url": base_url})]
