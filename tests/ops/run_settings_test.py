"""[runs] in understudy.toml and its variables: how many at once, how fast, kept for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.config import load
from understudy.errors import UsageError
from understudy.ops.run_settings import RunSettings, rate_of, run_settings
from understudy.runs.purging import Retention
from understudy.runs.workers import Rate


def settings_of(folder: Path, text: str = "", **variables: str) -> RunSettings:
    (folder / "understudy.toml").write_text(f"[runs]\n{text}\n")
    return run_settings(load({"PATH": "", **variables}, folder))


def test_without_settings_the_usual_ones_hold(tmp_path: Path) -> None:
    assert settings_of(tmp_path) == RunSettings()


def test_what_is_set_is_taken_and_variables_win(tmp_path: Path) -> None:
    text = 'concurrency = 3\ntotal = 5\nrate = "100/60"\nlease = 2.5\nprompts_per_run = 2\n'
    text += "keep_days = 90\nkeep_inputs_days = 0\nkeep_outputs_days = 0.5\ntrace_content = true\n"
    found = settings_of(tmp_path, text, UNDERSTUDY_RUNS_CONCURRENCY="7")
    assert (found.limits.places, found.limits.total) == (7, 5)
    assert found.limits.rate == Rate(100, 60.0)
    assert (found.lease, found.concurrency.per_run) == (2.5, 2)
    assert found.retention == Retention(runs=90, inputs=0, outputs=0.5)
    assert found.trace_content


@pytest.mark.parametrize(
    "text", ["concurrency = 0", 'total = "many"', "lease = 0.1", "keep_days = -1"]
)
def test_what_is_no_number_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"understudy\.toml .*must be a number from"):
        settings_of(tmp_path, text)


@pytest.mark.parametrize("text", ["", "100", "0/60", "100/0", "100/60/1", "a/b", "1/1e9"])
def test_a_rate_is_runs_by_seconds(text: str) -> None:
    with pytest.raises(UsageError, match="--rate must be RUNS/SECONDS"):
        rate_of(text, "--rate")


def test_a_rate_may_have_blanks_and_a_unit() -> None:
    assert rate_of("100 / 60s", "--rate") == Rate(100, 60.0)
