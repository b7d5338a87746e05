"""A batch of 2,000 rows, a prompt each, by the command as people use it.

Promise: within 1.2 x of rows x latency / concurrency, at 200 ms and 64 at once.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, LATENCY, CONCURRENCY, PROMISE = 2000, 0.2, 64, 1.2
NAME = "Summarizer"
DOCUMENT = {
    "version": "1.0",
    "assistants": [
        {
            "name": NAME,
            "description": "One prompt.",
            "prompts": [
                {
                    "name": "summary",
                    "content": "Sum up: {{text}}",
                    "model_name": "gpt-4o",
                    "position": 0,
                }
            ],
            "input_fields": [
                {"name": "text", "label": "Text", "field_type": "long_text", "position": 0}
            ],
        }
    ],
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.json").write_text(json.dumps(DOCUMENT))
        (folder / "s.json").write_text(json.dumps([{"say": "Short.", "after": LATENCY}]))
        models = '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n'
        (folder / "understudy.toml").write_text(models)
        with (folder / "rows.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["text"], *([f"Row {i}"] for i in range(ROWS))])
        call(folder, "import", "a.json", "--by", "me")
        call(folder, "approve", NAME, "--by", "you")
        began = time.perf_counter()
        many = ("--concurrency", str(CONCURRENCY))
        call(folder, "batch", NAME, "--inputs", "rows.csv", "--out", "r.jsonl", *many)
        seconds = time.perf_counter() - began
        results = [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]
        assert [one["row"] for one in results] == list(range(1, ROWS + 1))
        assert all(one["status"] == "completed" for one in results)
        began = time.perf_counter()
        call(folder, "batch", NAME, "--inputs", "rows.csv", "--out", "r.jsonl", *many)
        again = time.perf_counter() - began
    ideal = ROWS * LATENCY / CONCURRENCY
    print(f"{ROWS:,} rows, {LATENCY * 1000:.0f} ms, {CONCURRENCY} at once, on SQLite")
    print(f"  the whole command {seconds:.2f} s, ideal {ideal:.2f} s", end=": ")
    print(f"{seconds / ideal:.2f} (promised: at most {PROMISE})")
    print(f"  the same command again, nothing left to do: {again:.2f} s")


def call(folder: Path, *arguments: str) -> None:
    """Run the command; raises where it fails."""
    environment = {**os.environ, "UNDERSTUDY_SCRIPT": "s.json"}
    command = [sys.executable, "-m", "understudy", "architect", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())


if __name__ == "__main__":
    main()
