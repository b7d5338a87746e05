"""Commands that look or change make no database where there is none; a misspelt one is said so."""

from __future__ import annotations

import pytest

from architected import document
from command import Stage

NAME = "Second Opinion"
RUN = ("architect", "run", NAME, "--input", "question=Sail?", "--input", "tone=kindly")

OF_RUNS = [
    ("runs", "list"),
    ("runs", "show", "run_0"),
    ("runs", "tail", "run_0"),
    ("runs", "retry", "run_0"),
    ("runs", "cancel", "run_0"),
    ("runs", "purge", "--older-than", "1"),
]
OF_THE_LIBRARY = [
    ("architect", "list"),
    ("architect", "history", NAME),
    ("architect", "export"),
    ("architect", "show", NAME),
    ("architect", "explain", NAME),
    ("architect", "render", NAME),
    ("architect", "approve", NAME),
    ("architect", "reject", NAME, "--reason", "no"),
    ("architect", "disable", NAME, "--reason", "no"),
    ("architect", "delete", NAME, "--yes"),
]
WHERE = {"runs": "database of runs", "architect": "library"}


@pytest.mark.parametrize("command", [*OF_RUNS, *OF_THE_LIBRARY], ids=lambda one: " ".join(one[:2]))
def test_a_database_that_does_not_exist_is_said_so_and_not_made(
    stage: Stage, command: tuple[str, ...]
) -> None:
    (stage.folder / "data").mkdir()
    for where, origin in (("data/misspelt.db", "--database"), ("no/such/folder.db", "--database")):
        said = stage.call(*command, "--database", where).check(1).err
        assert f"There is no {WHERE[command[0]]} " in said
        assert origin in said
        assert "architect import" in said
    stage.environment["UNDERSTUDY_DATABASE_URL"] = "sqlite:///data/misspelt.db"
    said = stage.call(*command).check(1).err
    assert "UNDERSTUDY_DATABASE_URL" in said
    assert list((stage.folder / "data").iterdir()) == []
    assert not (stage.folder / "no").exists()


@pytest.mark.parametrize("command", [*OF_RUNS, *OF_THE_LIBRARY], ids=lambda one: " ".join(one[:2]))
def test_where_nothing_was_ever_kept_nothing_is_made_either(
    stage: Stage, command: tuple[str, ...]
) -> None:
    before = {*stage.folder.iterdir()}
    empty = {"list": ("No runs.\n", "0 assistants\n"), "purge": ("0 runs deleted.\n",)}
    if command[1] in empty:
        assert stage.call(*command).check().out in empty[command[1]]
        stage.call(*command, "--json").check()
    else:
        said = stage.call(*command).check(1).err
        assert f"There is no {WHERE[command[0]]} " in said
        assert " yet." in said
    assert {*stage.folder.iterdir()} == before


def test_a_library_whose_assistants_were_never_run_has_no_runs(stage: Stage) -> None:
    stage.write("a.json", document())
    at = ("--database", "mine.db")
    stage.call("architect", "import", "a.json", "--by", "me", *at).check()
    assert stage.call("runs", "list", *at).check().out == "No runs.\n"
    assert "yet." in stage.call("runs", "show", "run_0", *at).check(1).err
    assert not (stage.folder / "mine-runs.db").exists()


def test_a_draft_that_was_run_without_a_library_is_found_again(stage: Stage) -> None:
    stage.write("a.json", document())
    stage.write("understudy.toml", '[[models]]\nid = "demo/echo"\nprovider = "demo"\n')
    at = ("--database", "mine.db")
    command = ("architect", "run", "a.json", *RUN[3:], "--draft")
    stage.call(*command, *at).check()
    assert len(stage.call("runs", "list", *at).check().out.splitlines()) == 1
    assert stage.call("architect", "list", *at).check().out == "0 assistants\n"
    assert not (stage.folder / "mine.db").exists()


def test_a_worker_makes_the_database_that_it_plays(stage: Stage) -> None:
    stage.call("worker", "--drain", "--database", "mine.db").check()
    assert (stage.folder / "mine-runs.db").exists()


def test_what_is_misspelt_is_not_run_and_makes_no_database(stage: Stage) -> None:
    stage.write("a.json", document())
    stage.write("rows.csv", "question,tone\nSail?,kindly\n")
    batch = ("architect", "batch", NAME, "--inputs", "rows.csv", "--out", "r.jsonl")
    for command in (RUN, batch):
        said = stage.call(*command, "--database", "misspelt.db").check(1).err
        assert "There is no library " in said
        assert "--database" in said
    stage.call("architect", "import", "a.json", "--by", "me", "--database", "mine.db").check()
    said = stage.call(*RUN[:2], "Misspelt", *RUN[3:], "--database", "mine.db").check(1).err
    assert "no assistant 'Misspelt'" in said
    assert sorted(one.name for one in stage.folder.glob("*.db")) == ["mine.db"]
