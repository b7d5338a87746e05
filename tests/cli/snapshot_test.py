import json
import re
from pathlib import Path
from typing import Any

import pytest

from command import MODEL, Stage
from understudy.sandbox import demo_assistants


def fill(stage: Stage) -> None:
    for fields in demo_assistants():
        stage.source.add(**fields)


def contents(root: Path) -> dict[str, str]:
    files = [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in files}


@pytest.mark.parametrize("out", ["snapshot.json", "folder"])
def test_exporting_twice_differs_in_its_time_only(stage: Stage, out: str) -> None:
    fill(stage)
    stage.call("export", "--out", out).check()
    first = contents(stage.folder / out)
    stage.call("export", "--out", out).check()
    second = contents(stage.folder / out)
    assert first.keys() == second.keys()
    time = re.compile(r'"exported_at": "[^"]+"')
    assert {name: time.sub("", text) for name, text in first.items()} == {
        name: time.sub("", text) for name, text in second.items()
    }


@pytest.mark.parametrize("out", ["snapshot.json", "folder"])
def test_an_export_imported_into_an_empty_place_leaves_no_drift(stage: Stage, out: str) -> None:
    fill(stage)
    stage.call("export", "--out", out).check()
    stage.call("check", "src", f"./{out}").check()
    done = stage.call("import", out).check()
    assert "25 created" in done.out
    stage.call("check", f"./{out}", "dst").check()
    stage.call("check", "src", "dst").check()
    assert "25 unchanged" in stage.call("import", out).check().out


def test_an_export_keeps_what_nobody_knows(stage: Stage) -> None:
    record = stage.source.add(name="Odd", model=MODEL, future={"field": [1, None]})
    stage.call("export", "--out", "s.json").check()
    assert stage.read("s.json")["assistants"] == [record]


def test_the_plan_shows_exactly_what_was_edited_by_hand(stage: Stage) -> None:
    fill(stage)
    stage.call("export", "--out", "folder").check()
    stage.call("import", "folder").check()
    folder = next(p.parent for p in (stage.folder / "folder").glob("*/functions"))
    instructions = folder / "instructions.md"
    instructions.write_text(instructions.read_text(encoding="utf-8") + "Be brief.\n", "utf-8")
    function = next((folder / "functions").glob("*.json"))
    value = json.loads(function.read_text(encoding="utf-8"))
    function.write_text(json.dumps({**value, "description": "By hand."}), "utf-8")
    done = stage.call("plan", "--from", "./folder", "--json").check()
    (change,) = [c for c in done.of("change") if c["action"] != "unchanged"]
    assert sorted(field["path"] for field in change["fields"]) == [
        "instructions",
        f"tools[{value['name']}].function.description",
    ]
    stage.call("import", "folder").check()
    stage.call("check", "./folder", "dst").check()


def test_a_folder_written_by_hand_becomes_an_assistant_and_stays_one(stage: Stage) -> None:
    stage.write("code/greeter/assistant.json", {"model": MODEL, "name": "Greeter"})
    stage.write("code/greeter/instructions.md", "Say hello.\n")
    stage.write("code/greeter/functions/now.json", {"parameters": {"type": "object"}})
    stage.call("import", "code").check()
    stage.write("code/greeter/instructions.md", "Say goodbye.\n")
    stage.call("import", "code").check()
    (copy,) = stage.destination.assistants.values()
    assert copy["instructions"] == "Say goodbye."
    assert copy["tools"][0]["function"]["name"] == "now"


def test_an_export_file_of_the_old_replicator_is_imported_as_it_is(stage: Stage) -> None:
    stage.write(
        "old.json",
        {
            "exported_at": "2025-11-01T12:00:00.000Z",
            "source": {"org_id": "org-1", "project_id": "proj-1"},
            "assistants": [
                {
                    "id": "asst_old",
                    "object": "assistant",
                    "created_at": 1730000000,
                    "name": "Old",
                    "model": MODEL,
                    "instructions": "Hi",
                    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
                    "metadata": {},
                    "temperature": 1,
                    "top_p": 1,
                    "response_format": "auto",
                }
            ],
        },
    )
    stage.call("import", "old.json").check()
    assert stage.origins() == ["asst_old"]
    stage.call("check", "./old.json", "dst").check()


def test_an_export_removes_what_is_gone_and_keeps_what_is_not_its_own(stage: Stage) -> None:
    one, _ = stage.fill(2)
    stage.call("export", "--out", "folder").check()
    stage.write("folder/README.md", "mine")
    stage.write("folder/by-hand/assistant.json", {"model": MODEL})
    stage.source.remove(one)
    stage.call("export", "--out", "folder").check()
    names = sorted(path.name for path in (stage.folder / "folder").iterdir())
    assert names == ["README.md", "bot-001", "by-hand", "snapshot.json"]


def test_a_name_never_leads_out_of_the_folder(stage: Stage) -> None:
    for name in (
        "../../escape",
        "/etc/passwd",
        "..",
        ".hidden",
        "con",
        "a" * 256,
        "😀" * 256,
        "\x00",
    ):
        stage.source.add(name=name, model=MODEL)
    before = sorted(stage.folder.parent.iterdir())
    stage.call("export", "--out", "deep/folder").check()
    stage.call("clone", "--to", "./deep/clone").check()
    assert sorted(stage.folder.parent.iterdir()) == before
    assert sorted(p.name for p in stage.folder.iterdir()) == ["deep", "out"]
    stage.call("check", "src", "./deep/folder").check()
    stage.call("check", "src", "./deep/clone").check()


def test_links_that_lead_out_of_a_folder_are_not_followed(stage: Stage) -> None:
    secret = stage.write("secret.txt", "hush")
    stage.write("code/one/assistant.json", {"model": MODEL})
    (stage.folder / "code/one/instructions.md").symlink_to(secret)
    done = stage.call("import", "code").check(1)
    assert "leads out of" in done.err
    assert stage.writes() == 0


def test_an_export_into_a_linked_file_leaves_the_linked_one_alone(stage: Stage) -> None:
    stage.fill(1)
    stage.call("export", "--out", "folder").check()
    precious = stage.write("precious.txt", "mine")
    target = stage.folder / "folder/bot-000/instructions.md"
    target.symlink_to(precious)
    stage.source.edit(next(iter(stage.source.assistants)), instructions="New.")
    stage.call("export", "--out", "folder")
    assert precious.read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"assistants": [', "line 1, column 17"),
        ("\n\n  nonsense", "line 3, column 3"),
        ({"format_version": 2, "assistants": []}, "format_version 2"),
        ({"assistants": [1]}, "assistants[0] is not an object"),
        ({"assistants": [{"id": "a"}, {"id": "a"}]}, "same identity"),
        ('{"assistants": [{"id": "a", "top_p": ' + "1" * 5000 + "}]}", "digits"),
        ("[" * 100_000, "nested too deeply"),
    ],
    ids=range(7),
)
def test_a_broken_snapshot_is_refused_with_its_place(
    stage: Stage, content: Any, words: str
) -> None:
    stage.write("s.json", content)
    for arguments in (["import", "s.json"], ["list", "./s.json"], ["export", "--out", "s.json"]):
        done = stage.call(*arguments).check(1)
        assert "s.json" in done.err
        assert words in done.err
    assert stage.writes() == 0


def test_bytes_that_are_no_utf8_are_named_with_their_line(stage: Stage) -> None:
    (stage.folder / "s.json").write_bytes(b'{\n"assistants": ["\xff"]}')
    assert (
        "line 2, column 17: this is not UTF-8 (byte 0xff)"
        in stage.call("import", "s.json").check(1).err
    )
