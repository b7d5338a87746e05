"""Look-ups by HTTP, against a bare Starlette route that returns the same bytes, same load.

Then the 99th percentile of look-ups at a steady rate while 10,000 assistants are synced, all of
them changed, against the same load at rest. Servers and load run in processes of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pages_server import record
from support import measured, median, process, show
from understudy.registry.file import RegistryFile

HERE = Path(__file__).resolve().parent
ROUNDS = 5
CONNECTIONS = "16"
SECONDS = "3"
COUNT = 10_000
RATE = "150"


@contextmanager
def service(folder: str, **environment: str) -> Iterator[int]:
    """Start `understudy serve` on the registry in a folder and return its port."""
    command = [sys.executable, "-m", "understudy", "serve", "--json", "--port", "0"]
    child = subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        line = json.loads(child.stdout.readline())
        yield int(line["url"].rpartition(":")[2])
    finally:
        child.terminate()
        child.wait(timeout=60)


def fill(folder: str, count: int, text: str | None = None) -> None:
    """Write a registry with that many assistants of 8 KB."""
    entries = {}
    for number in range(count):
        one = record(number, "src", {"team": f"t{number % 7}"})
        first = {"id": one["id"], "name": one["name"], "instructions": one["instructions"]}
        entry = {**first, "tools": one["tools"], "model": one["model"], **one}
        entries[f"ASSISTANT_{number}"] = entry if text is None else {**entry, "description": text}
    file = RegistryFile(Path(folder) / "config" / "assistants.json")
    with file.locked():
        file.write(entries, file.read())


def against_bare(folder: str, path: str, name: str) -> None:
    with service(folder) as port:
        body = urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read()
        constant = Path(folder) / "body"
        constant.write_bytes(body)
        ratios = []
        with process(str(HERE / "bare_server.py"), path, str(constant)) as bare:
            for _ in range(ROUNDS):
                rates = [
                    measured(str(HERE / "load.py"), "flood", str(to), path, CONNECTIONS, SECONDS)
                    for to in (port, bare["port"])
                ]
                ratios.append(rates[0]["rate"] / rates[1]["rate"])
    ratio = median(ratios)
    show(name, ratio, ">= 0.6", ok=ratio >= 0.6)


def during_a_sync() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        process(str(HERE / "pages_server.py"), str(COUNT), "--nice") as source,
    ):
        places = {"OPENAI_BASE_URL": source["base_url"], "OPENAI_API_KEY": "sk-bench-src"}
        ratios = []
        for number in range(ROUNDS):
            fill(folder, COUNT, text=f"Older {number}.")
            with service(folder, **places) as port:
                common = (str(port), "/api/assistants/ASSISTANT_77", CONNECTIONS, RATE)
                rest = measured(str(HERE / "load.py"), "steady", *common, "8")
                busy = measured(str(HERE / "load.py"), "steady", *common, "0", "sync")
            ratios.append(busy["p99"] / rest["p99"])
            print(
                f"  p99 {rest['p99'] * 1000:.2f} ms at rest, {busy['p99'] * 1000:.2f} ms during a "
                f"sync of {busy['sync']:.1f} s ({busy['asked']:.0f} look-ups)"
            )
    ratio = median(ratios)
    show("p99 of look-ups during a sync / at rest", ratio, "<= 2", ok=ratio <= 2)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        fill(folder, 1000)
        against_bare(
            folder, "/api/assistants/ASSISTANT_77", "GET one / bare route, requests a second"
        )
        against_bare(folder, "/api/assistants", "GET all 1,000 / bare route, the same")
    during_a_sync()


if __name__ == "__main__":
    main()
