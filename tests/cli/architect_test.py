"""architect as people use it: files, the library, decisions, pictures; exit codes and outputs."""

from __future__ import annotations

import fcntl
import json
import signal
import sqlite3
import subprocess
import termios
from array import array
from pathlib import Path
from typing import IO
from xml.dom import minidom

import jsonschema
import pytest

from architected import assistant, document, spelt
from command import PATIENCE, Stage, interrupt, until
from understudy.architect.guide import guide
from understudy.architect.skeletons import Pattern

DOCS = Path(__file__).parent.parent.parent / "docs"


def write(stage: Stage, name: str, value: object) -> Path:
    path = stage.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else spelt(value), encoding="utf-8")
    return path


@pytest.fixture
def good(stage: Stage) -> Path:
    return write(stage, "good.json", document())


@pytest.fixture
def bad(stage: Stage) -> Path:
    wrong = document()
    del wrong["version"]
    wrong["assistants"][0]["prompts"][0]["content"] = "About {{qestion}}"
    wrong["assistants"][0]["prompts"][1]["model_name"] = "gtp-4"
    return write(stage, "bad.json", wrong)


def test_a_valid_document_is_said_to_be_valid(stage: Stage, good: Path) -> None:
    done = stage.call("architect", "validate", "good.json").check()
    assert done.out == "good.json: valid, 1 assistant (nothing found)\n"


def test_every_finding_has_its_place_its_code_and_its_remedy(stage: Stage, bad: Path) -> None:
    out = stage.call("architect", "validate", "bad.json").check(1).out
    assert "bad.json:1:1: error: Missing version information\n" in out
    line = 1 + next(i for i, t in enumerate(bad.read_text().splitlines()) if "qestion" in t)
    assert f"bad.json:{line}:" in out
    assert '    unknown_variable: Did you mean "question"?\n' in out
    assert "not valid (2 errors, 1 warning)" in out


def test_warnings_fail_with_strict_alone(stage: Stage) -> None:
    write(stage, "w.json", document(assistant(future=1)))
    stage.call("architect", "validate", "w.json").check()
    stage.call("architect", "validate", "w.json", "--strict").check(1)


def test_json_lines_hold_each_finding_and_the_document(stage: Stage, bad: Path) -> None:
    for way in (("--json",), ("--format", "json")):
        done = stage.call("architect", "validate", "bad.json", *way).check(1)
        findings = done.of("architect_finding")
        assert {f["code"] for f in findings} >= {"missing_version", "unknown_variable"}
        assert all({"pointer", "line", "column", "hint", "severity"} <= set(f) for f in findings)
        (about,) = done.of("architect_document")
        assert (about["valid"], about["errors"], about["warnings"]) == (False, 2, 1)
        assert about["models"]["gpt-4o-mini"] == {"model": "gpt-4o-mini", "why": "exact"}


def test_github_gets_annotations_in_one_line_each(stage: Stage) -> None:
    write(stage, "a,b.json", document(assistant(name="x\ny")))
    done = stage.call("architect", "validate", "a,b.json", "--format", "github").check(1)
    lines = done.out.splitlines()
    assert lines
    assert all(line.startswith(("::error file=a%2Cb.json,line=", "::warning ")) for line in lines)


def test_sarif_names_rules_and_places(stage: Stage, good: Path, bad: Path) -> None:
    done = stage.call("architect", "validate", ".", "--format", "sarif").check(1)
    log = json.loads(done.out)
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "bad.json"
        assert place["region"]["startLine"] >= 1


def test_standard_input_and_folders_are_sources(stage: Stage, good: Path) -> None:
    write(stage, "more/deep/one.json", document(assistant("Deep One")))
    write(stage, "more/notes.txt", "no document")
    done = stage.call("architect", "validate", "more", "good.json").check()
    assert done.out.count("valid, 1 assistant") == 2
    with stage.start("architect", "validate", "-", stdin=subprocess.PIPE) as process:
        out, _ = process.communicate(spelt(document()), timeout=PATIENCE)
    assert out.startswith("standard input: valid")


@pytest.mark.parametrize("name", ["nowhere.json", "empty"])
def test_what_is_not_there_is_named_and_the_rest_is_checked(
    stage: Stage, good: Path, name: str
) -> None:
    (stage.folder / "empty").mkdir()
    done = stage.call("architect", "validate", name, "good.json").check(1)
    assert f"{name}: error: {name}" in done.out
    assert "good.json: valid" in done.out
    kept = stage.call("architect", "import", name, "good.json").check(3)
    assert "+ Second Opinion" in kept.out


def test_what_was_reviewed_is_approved_or_nothing(stage: Stage, good: Path) -> None:
    stage.call("architect", "import", "good.json").check()
    wrong = stage.call("architect", "approve", "Second Opinion", "--digest", "0" * 64).check(1)
    assert "Second Opinion" in wrong.err
    (kept,) = stage.call("architect", "list", "--json").check().of("architect_assistant")
    digest = kept["latest"]["digest"]
    stage.call("architect", "approve", "Second Opinion", "--digest", digest).check()


def test_fix_mends_what_has_one_answer_and_shows_it(stage: Stage) -> None:
    wrong = document(assistant(is_parallel="true"))
    del wrong["version"]
    wrong["assistants"][0]["input_fields"][1]["options"]["choices"] = "kindly, firmly"
    path = write(stage, "w.json", wrong)
    before = path.read_text()
    looked = stage.call("architect", "validate", "w.json", "--diff").check(1)
    assert '+  "version": "1.0",' in looked.err
    assert path.read_text() == before
    done = stage.call("architect", "validate", "w.json", "--fix").check()
    assert "valid, 1 assistant (nothing found)" in done.out
    assert '-      "is_parallel": "true",' in done.err
    mended = json.loads(path.read_text())
    choices = mended["assistants"][0]["input_fields"][1]["options"]["choices"]
    assert [choice["value"] for choice in choices] == ["kindly", "firmly"]
    assert stage.call("architect", "validate", "w.json", "--fix").check().err == ""


def test_the_schema_and_the_reference_are_printed(stage: Stage) -> None:
    schema = json.loads(stage.call("architect", "schema").check().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document())
    printed = stage.call("architect", "schema", "--format", "markdown").check().out
    assert printed == guide()


def test_the_reference_in_the_docs_is_what_the_tables_say() -> None:
    assert (DOCS / "architect-format.md").read_text(encoding="utf-8") == guide()


@pytest.mark.parametrize("pattern", list(Pattern))
def test_a_skeleton_is_valid_as_it_stands(stage: Stage, pattern: Pattern) -> None:
    stage.call("architect", "new", pattern.value, "--name", "Zwölf", "-o", "n.json").check()
    done = stage.call("architect", "validate", "n.json", "--strict").check()
    assert "nothing found" in done.out
    again = stage.call("architect", "new", pattern.value, "-o", "n.json").check(64)
    assert "is there already" in again.err


def test_an_import_waits_for_approval_and_the_same_again_changes_nothing(
    stage: Stage, good: Path
) -> None:
    write(stage, "good.json", document(assistant(status="approved")))
    first = stage.call("architect", "import", "good.json", "--by", "ann").check().out
    assert "+ Second Opinion  version 1, pending_approval" in first
    again = stage.call("architect", "import", "good.json").check().out
    assert "0 new, 0 changed, 1 unchanged" in again


def test_the_approved_version_stays_in_force_until_the_new_one_is_approved(stage: Stage) -> None:
    write(stage, "a.json", document())
    stage.call("architect", "import", "a.json", "--by", "ann").check()
    stage.call("architect", "approve", "Second Opinion", "--by", "bob", "--reason", "ok").check()
    write(stage, "a.json", document(assistant(description="New.")))
    assert "~ Second Opinion  version 2" in stage.call("architect", "import", "a.json").check().out
    (kept,) = stage.call("architect", "list", "--json").check().of("architect_assistant")
    assert (kept["in_force"]["version"], kept["pending"]) == (1, 2)
    exported = json.loads(stage.call("architect", "export", "Second Opinion").check().out)
    assert exported["assistants"][0]["description"] == "Two views and a verdict."
    moved = stage.call("architect", "approve", "Second Opinion").check().out
    assert moved == "Second Opinion: version 2 approved; version 1 gave way to it.\n"
    told = stage.call("architect", "history", "Second Opinion", "--json").check()
    events = told.of("architect_event")
    assert [e["action"] for e in events][-2:] == ["approved", "imported"]
    assert (events[-2]["by"], events[-2]["reason"]) == ("bob", "ok")


def test_only_legal_moves_are_made(stage: Stage, good: Path) -> None:
    stage.call("architect", "import", "good.json").check()
    assert (
        "waits for approval" in stage.call(*("architect", "disable", "Second Opinion")).check(1).err
    )
    stage.call("architect", "reject", "Second Opinion", "--reason", "no").check()
    assert "was rejected" in stage.call("architect", "approve", "Second Opinion").check(1).err
    near = stage.call("architect", "approve", "Second Opinoin").check(1).err
    assert "Second Opinion" in near


def test_disabling_and_enabling_leave_the_version(stage: Stage, good: Path) -> None:
    stage.call("architect", "import", "good.json").check()
    for verb, done in (("approve", "approved"), ("disable", "disabled"), ("approve", "enabled")):
        said = stage.call("architect", verb, "Second Opinion").check().out
        assert said == f"Second Opinion: version 1 {done}.\n"


def test_four_eyes_keep_an_importer_from_approving(stage: Stage, good: Path) -> None:
    write(stage, "understudy.toml", "[architect]\nfour_eyes = true\n")
    stage.call("architect", "import", "good.json", "--by", "ann").check()
    assert "ann" in stage.call("architect", "approve", "Second Opinion", "--by", "Ann").check(1).err
    stage.call("architect", "approve", "Second Opinion", "--by", "bob").check()


def test_approval_needs_a_model_that_is_there_today(stage: Stage, good: Path) -> None:
    stage.call("architect", "import", "good.json").check()
    write(stage, "understudy.toml", '[[models]]\nid = "x"\nprovider = "openai"\nactive = false\n')
    assert (
        "No model mapping found"
        in stage.call("architect", "approve", "Second Opinion").check(1).err
    )
    (kept,) = stage.call("architect", "list", "--json").check().of("architect_assistant")
    assert kept["pending"] == 1


def test_a_file_is_imported_whole_or_not_at_all(stage: Stage) -> None:
    wrong = assistant("Wrong One", prompts=[])
    write(stage, "two.json", document(assistant("Right One"), wrong))
    done = stage.call("architect", "import", "two.json").check(1)
    assert "nothing was imported" in done.out
    assert not (stage.folder / "understudy.db").exists()
    kept = stage.call("architect", "import", "two.json", "--keep-going").check(3).out
    assert "+ Right One" in kept
    assert "1 new, 0 changed, 0 unchanged, 1 left out" in kept


def test_of_several_files_each_is_an_import_of_its_own(stage: Stage, good: Path, bad: Path) -> None:
    done = stage.call("architect", "import", "bad.json", "good.json").check(3)
    assert "bad.json: nothing was imported." in done.out
    assert "+ Second Opinion" in done.out


def test_an_export_imports_back_as_unchanged(stage: Stage) -> None:
    one = assistant(enabledTools=["web_search"], repositoryIds=[3])
    write(stage, "a.json", document(one, assistant("Another")))
    stage.call("architect", "import", "a.json").check()
    plain = stage.call("architect", "export", "-o", "plain.json").check()
    assert "Left out repositoryIds and enabledTools of Second Opinion" in plain.err
    stage.call("architect", "export", "--advanced", "-o", "all.json").check()
    said = stage.call("architect", "import", "all.json").check().out
    assert "0 new, 0 changed, 2 unchanged" in said


def test_deleting_asks_for_nothing_in_a_pipe_and_keeps_the_history(
    stage: Stage, good: Path
) -> None:
    stage.call("architect", "import", "good.json").check()
    stage.call("architect", "delete", "Second Opinion", "--yes", "--reason", "old").check()
    assert stage.call("architect", "list").check().out == "0 assistants\n"
    told = stage.call("architect", "history", "Second Opinion").check().out
    assert "deleted" in told
    assert "old" in told


def test_a_picture_shows_stages_and_what_flows(stage: Stage, good: Path) -> None:
    drawn = stage.call("architect", "show", "good.json").check().out
    assert "stage 1: 2 at once" in drawn
    assert "│ reads against, tone, for" in drawn
    stage.call("architect", "import", "good.json").check()
    stored = stage.call("architect", "show", "Second Opinion").check().out
    assert "version 1 of 1, pending_approval" in stored
    ascii_only = stage.run(
        "architect", "show", "good.json", environment={"PYTHONIOENCODING": "ascii"}
    ).check()
    assert ascii_only.out.isascii()
    assert "+---" in ascii_only.out


def test_pictures_for_documents_hold_nothing_that_runs(stage: Stage) -> None:
    sly = assistant('A <script>alert(1)</script> "x" ]--> B')
    write(stage, "s.json", document(sly))
    svg = stage.call("architect", "show", "s.json", "--format", "svg").check().out
    tree = minidom.parseString(svg)  # noqa: S318 - our own
    assert not tree.getElementsByTagName("script")
    assert len(tree.getElementsByTagName("rect")) == 5
    mermaid = stage.call("architect", "show", "s.json", "--format", "mermaid").check().out
    assert mermaid.count("-->") == 5 + 1  # five arrows; the title is quoted
    assert 'p0 -- "pro" --> p2' in mermaid


def test_explaining_tells_who_reads_what(stage: Stage, good: Path) -> None:
    done = stage.call("architect", "explain", "good.json", "--json").check()
    told = {one["name"]: one for one in done.of("architect_prompt")}
    assert told["for"]["read_by"] == ["verdict"]
    assert told["verdict"]["stage"] == 2
    reads = {(read["source"], read["name"]) for read in told["verdict"]["reads"]}
    assert reads == {("output", "for"), ("output", "against"), ("field", "tone")}
    text = stage.call("architect", "explain", "good.json").check().out
    assert "nobody: it is an answer of the assistant" in text


def test_models_come_from_the_settings_and_flags_override_them(stage: Stage, good: Path) -> None:
    write(
        stage,
        "understudy.toml",
        '[[models]]\nid = "gpt-9"\nprovider = "openai"\n'
        '[[models]]\nid = "demo/echo"\nprovider = "demo"\n',
    )
    done = stage.call("architect", "validate", "good.json", "--json").check()
    (about,) = done.of("architect_document")
    assert about["models"]["gpt-4o"] == {"model": "gpt-9", "why": "openai: closest of 1"}
    assert about["models"]["claude-3-opus"] == {"model": "gpt-9", "why": "fallback"}
    flag = ("--map-model", "claude-3-opus=demo/echo")
    (about,) = (
        stage.call("architect", "validate", "good.json", "--json", *flag)
        .check()
        .of("architect_document")
    )
    assert about["models"]["claude-3-opus"] == {"model": "demo/echo", "why": "override"}
    wrong = stage.call("architect", "validate", "good.json", "--map-model", "a=b").check(64)
    assert "no active model has the id 'b'" in wrong.err


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('[[models]]\nid = "a"\n', "no provider"),
        ('[[models]]\nid = "a"\nprovider = "b"\nactive = "yes"\n', "active must be true or false"),
        ('[[models]]\nid = "a"\nprovider = "b"\norder = true\n', "order must be a whole number"),
        ('[[models]]\nid = "a"\nprovider = "b"\ntools = [1]\n', "tools must be a list of names"),
        ('[[models]]\nid = "a"\nprovider = "b"\ncolour = 1\n', "unknown keys: colour"),
        ('models = "a"\n', "models must be a list"),
        ('[architect]\ndatabase = "postgresql://u:pw-0123@h/d"\n', "holds a password"),
    ],
)
def test_settings_that_are_off_are_named(
    stage: Stage, good: Path, settings: str, says: str
) -> None:
    write(stage, "understudy.toml", settings)
    done = stage.call("architect", "validate", "good.json").check(64)
    assert says in done.err
    assert "pw-0123" not in done.err


def test_a_password_of_the_database_is_never_shown(stage: Stage, good: Path) -> None:
    secret = "canary-password-0123456789"
    url = f"postgresql://someone:{secret}@127.0.0.1:1/library"
    for arguments in (("list",), ("import", "good.json"), ("approve", "x"), ("list", "--json")):
        environment = {"UNDERSTUDY_DATABASE_URL": url}
        done = stage.run("architect", *arguments, "-vv", environment=environment).check(1)
        assert secret not in done.out + done.err
        assert "127.0.0.1" in done.err


def test_a_file_that_is_no_database_is_left_as_it_is(stage: Stage, good: Path) -> None:
    path = write(stage, "understudy.db", "not a database, but somebody's notes\n" * 100)
    before = path.read_bytes()
    stage.call("architect", "import", "good.json").check(1)
    assert path.read_bytes() == before


def test_the_library_is_for_its_owner_alone(stage: Stage, good: Path) -> None:
    stage.call("architect", "import", "good.json").check()
    path = stage.folder / "understudy.db"
    assert path.stat().st_mode & 0o077 == 0
    with sqlite3.connect(path) as connection:
        (count,) = connection.execute("select count(*) from architect_versions").fetchone()
    assert count == 1


def test_escape_sequences_of_a_document_reach_no_terminal(stage: Stage) -> None:
    sly = assistant("Sly \u202e One")
    sly["description"] = "\x1b[31mred"
    sly["prompts"][0]["model_name"] = "\x1b]0;title\x07"
    write(stage, "sly.json", json.dumps(document(sly)))
    for arguments in (("validate", "sly.json"), ("show", "sly.json"), ("explain", "sly.json")):
        done = stage.call("architect", *arguments)
        assert not set("\x1b\x07\u202e") & set(done.out + done.err)


def test_mending_leaves_links_and_permissions_as_they_are(stage: Stage) -> None:
    path = write(stage, "kept/w.json", document(assistant(is_parallel="true")))
    path.chmod(0o640)
    link = stage.folder / "link.json"
    link.symlink_to(path)
    stage.call("architect", "validate", "link.json", "--fix").check()
    assert link.is_symlink()
    assert json.loads(path.read_text())["assistants"][0]["is_parallel"] is True
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_look_at_what_would_be_mended_writes_nothing_in_any_company(stage: Stage) -> None:
    path = write(stage, "w.json", document(assistant(is_parallel="true")))
    before = path.read_bytes()
    stage.call("architect", "validate", "w.json", "--fix", "--diff").check(1)
    assert path.read_bytes() == before


def test_an_import_that_was_stopped_before_the_last_file_says_so(stage: Stage) -> None:
    many = [assistant(f"Number {i:04}") for i in range(2000)]
    for name in ("a.json", "b.json"):
        write(stage, name, document(*many))
    with stage.start("architect", "import", "a.json", "b.json") as process:
        until(lambda: (stage.folder / "understudy.db-wal").exists(), "the import")
        done = interrupt(process).check(130)
    assert "Stopped before b.json" in done.err
    again = stage.call("architect", "import", "a.json", "b.json").check()
    assert again.out.count("0 new, 0 changed, 2000 unchanged") == 2


def _unread(pipe: IO[str] | None) -> int:
    """Return how many bytes in a pipe nobody has read."""
    assert pipe is not None
    left = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, left)
    return left[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_for_standard_input_can_be_interrupted(stage: Stage, number: int) -> None:
    with stage.start("architect", "import", "-", "-vv", stdin=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stdin is not None
        assert process.stderr.readline().startswith("DEBUG")  # the loop is there
        process.stdin.write("{")
        process.stdin.flush()
        until(lambda: not _unread(process.stdin), "the reader")
        process.send_signal(number)
        assert process.wait(PATIENCE) == 130
    assert not (stage.folder / "understudy.db").exists()


@pytest.mark.parametrize("form", ["svg", "mermaid"])
def test_a_picture_is_of_one_assistant(stage: Stage, form: str) -> None:
    write(stage, "two.json", document(assistant("One of them"), assistant("The other")))
    said = stage.call("architect", "show", "two.json", "--format", form).check(64).err
    assert "two.json holds 2 assistants" in said


def test_a_file_that_is_not_shown_is_said_to_be_one(stage: Stage, good: Path) -> None:
    said = stage.call("architect", "show", "gone.json").check(1).err
    assert "There is no file of this name either" in said
    good.rename(good.with_suffix(".txt"))
    said = stage.call("architect", "show", "good.txt").check(1).err
    assert "ends in .json" in said
    write(stage, "good.json", document())
    assert "--version" in stage.call("architect", "show", "good.json", "--version", 1).check(64).err


def test_sarif_holds_no_links_no_hidden_characters_and_addresses_of_files(stage: Stage) -> None:
    write(stage, "a b#.json", document({**assistant(), "[x](http://e.example)\u202e": 1}))
    done = stage.call("architect", "validate", "a b#.json", "--format", "sarif").check()
    ((result,),) = (run["results"] for run in json.loads(done.out)["runs"])
    assert "](" not in result["message"]["text"]
    assert "\\u202e" in result["message"]["text"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b%23.json"


def test_an_export_reaches_narrow_streams_as_json_and_terminals_as_text(stage: Stage) -> None:
    name, odd = "Zoë 中文 😀", "\x9b31m\u202e\x7f"
    write(stage, "z.json", document(assistant(name, description=odd)))
    stage.call("architect", "import", "z.json").check()
    for encoding in ("utf-8", "latin-1", "ascii"):
        spoken = {"PYTHONIOENCODING": encoding}
        done = stage.run("architect", "export", environment=spoken).check()
        (one,) = json.loads(done.out)["assistants"]
        assert (one["name"], one["description"]) == (name, odd)
        assert not {"\x9b", "\u202e", "\x7f"} & set(done.out)
        assert (name in done.out) == (encoding == "utf-8")
    spoken = {"PYTHONIOENCODING": "latin-1"}
    made = stage.run("architect", "new", "single", "--name", name, environment=spoken)
    assert json.loads(made.check().out)["assistants"][0]["name"] == name


def test_an_export_that_no_import_takes_is_said_to_be_one(stage: Stage) -> None:
    for i in range(2):
        large = assistant(f"Number {i}", description="x" * 6_000_000)
        write(stage, f"{i}.json", document(large))
    stage.call("architect", "import", "0.json", "1.json").check()
    assert "fewer assistants at a time" in stage.call("architect", "export", "-o", "o.json").err
    assert "fewer" not in stage.call("architect", "export", "Number 1", "-o", "1.json").err
