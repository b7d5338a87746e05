import os
import sys

import pytest

from command import DESTINATION, MODEL, PATIENCE, SOURCE, Done, Stage, until
from understudy.sandbox import ThreadedSandbox, parse_fault

URL = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "OPENAI_DST_API_KEY is not set"),
        ("sk-with space-0123456789", "holds spaces, line breaks"),
        ("sk-line\nbreak-0123456789", "holds spaces, line breaks"),
        ("sk-ümläut-0123456789", "characters that no key has"),
        ("your-api-key-here", "looks like a placeholder"),
        ("<paste it here>", "holds spaces"),
        ("sk-...", "is not a key (6 characters)"),
        ("changeme-please", "looks like a placeholder"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_by_its_name(
    stage: Stage, key: str, words: str
) -> None:
    stage.fill(1)
    done = stage.call("clone", "-vv", OPENAI_DST_API_KEY=key).check(64)
    assert "OPENAI_DST_API_KEY" in done.err
    assert words in done.err
    assert not key or key not in done.out + done.err
    assert stage.sandbox.requests == []


def test_source_and_destination_must_differ(stage: Stage) -> None:
    stage.fill(1)
    for arguments in (["--from", "src", "--to", "src"], ["--to", "copy"]):
        copy = {
            "UNDERSTUDY_PROFILE_COPY_API_KEY": SOURCE,
            "UNDERSTUDY_PROFILE_COPY_BASE_URL": stage.sandbox.base_url + "/",
        }
        done = stage.call("clone", *arguments, **copy).check(64)
        assert "are the same place" in done.err
    stage.call("export", "--out", "s.json").check()
    done = stage.call("clone", "--from", "./s.json", "--to", str(stage.folder / "s.json")).check(64)
    assert "are the same place" in done.err
    assert stage.writes() == 0


def test_one_project_under_two_addresses_is_recognised_by_what_it_holds(stage: Stage) -> None:
    stage.fill(1)
    other = stage.sandbox.base_url.replace("127.0.0.1", "localhost")
    same = {"OPENAI_DST_API_KEY": SOURCE, "OPENAI_DST_BASE_URL": other}
    done = stage.call("clone", **same).check(64)
    assert "are the same project: both hold asst_" in done.err
    assert stage.writes() == 0
    stage.call("clone", "--allow-same", **same).check()
    assert len(stage.source.assistants) == 2
    assert "1 unchanged" in stage.call("clone", "--allow-same", **same).check().out


def test_clones_within_a_project_are_made_once_and_never_cloned_again(stage: Stage) -> None:
    stage.fill(2)
    same = ["clone", "--from", "src", "--to", "src", "--allow-same"]
    assert "2 created" in stage.call(*same).check().out
    assert "2 unchanged" in stage.call(*same).check().out
    assert len(stage.source.assistants) == 4


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("understudy.toml", "[profiles\n", "understudy.toml is not TOML: "),
        ("understudy.toml", "\n\nx = = 1", "line 3, column 5"),
        ("understudy.toml", "x = " + "[" * 5000, "is not TOML"),
        ("understudy.toml", "[profile.a]\n", "unknown entries: profile"),
        ("understudy.toml", "[options]\nspeed = 1\n", "unknown entries: speed"),
        ("understudy.toml", "options = 1\n", "[options] must be a table"),
        ("understudy.toml", "[profiles]\na = 1\n", "[profiles.a] must be a table"),
        ("understudy.toml", '[profiles."a b"]\n', "letters, digits"),
        ("understudy.toml", "[profiles.a]\nbase_url = 1\n", "base_url must be text"),
        ("understudy.toml", "[profiles.a]\nurl = ''\n", "unknown keys: url"),
        ("understudy.toml", "[profiles.a]\napi_key = 'sk-hush-0123456789'\n", "do not belong"),
        ("understudy.toml", "[profiles.a-b]\n[profiles.a_b]\n", "share their environment names"),
        (".env", "A=1\nthis is no setting\n", "line 2: this is not NAME=value"),
        (".env", "A=1\n\nB='not closed\nC=2\n", "line 3: this is not NAME=value"),
    ],
)
def test_a_broken_settings_file_is_refused_with_its_place(
    stage: Stage, name: str, content: str, words: str
) -> None:
    stage.write(name, content)
    done = stage.call("list").check(64)
    assert name in done.err
    assert words in done.err
    assert "hush" not in done.err
    assert stage.sandbox.requests == []


@pytest.mark.parametrize("name", ["understudy.toml", ".env"])
def test_a_settings_file_that_is_no_utf8_is_refused(stage: Stage, name: str) -> None:
    (stage.folder / name).write_bytes("A='ü'".encode("latin-1"))
    done = stage.call("list").check(64)
    assert f"{name} is not UTF-8 (at byte 3)" in done.err


def test_settings_files_may_begin_with_a_byte_order_mark(stage: Stage) -> None:
    stage.write("understudy.toml", "\ufeff[options]\noutput_dir = 'x'\n")
    stage.write(".env", "\ufeffOPENAI_SRC_ORG_ID=org-bom\n")
    assert "org-bom" in stage.call("profiles").check().out


def test_a_key_in_dotenv_means_itself(stage: Stage) -> None:
    key = "sk-$HOME-${PATH}-0123456789"
    stage.write(".env", f"OPENAI_SRC_API_KEY={key}\n")
    del stage.environment["OPENAI_SRC_API_KEY"]
    stage.sandbox.project(key).add(name="Mine", model=MODEL)
    assert stage.call("list", "-q").check().out == "1 assistant\n"


def test_fields_over_the_limits_are_found_before_any_write(stage: Stage) -> None:
    stage.fill(1)
    stage.source.add(name="n" * 257, model=MODEL)
    stage.source.add(name="Long", model=MODEL, instructions="x" * 256_001)
    tools = [{"type": "function", "function": {"name": f"f{i}"}} for i in range(129)]
    stage.source.add(name="Many", model=MODEL, tools=tools)
    stage.source.add(name="Hot", model=MODEL, temperature=3)
    done = stage.call("plan").check()
    assert "1 to create, 0 to update, 0 unchanged, 4 conflicts" in done.out
    for words in ("name has 257", "instructions has 256,001", "129 tools", "temperature is 3"):
        assert words in done.out
    stage.call("clone").check(3)
    assert stage.names() == ["Bot 000"]
    assert stage.sandbox.count("create") == 1


def test_a_name_of_256_emoji_travels(stage: Stage) -> None:
    name = "👩‍🚀" * 85 + "x"
    assert len(name) == 256
    stage.source.add(name=name, model=MODEL)
    stage.call("clone").check()
    assert stage.names() == [name]
    stage.call("export", "--out", "folder").check()
    stage.call("check", "./folder", "dst").check()


def test_a_model_that_the_destination_lacks_is_found_before_any_write(stage: Stage) -> None:
    stage.fill(1, model="gpt-9")
    done = stage.call("clone").check(3)
    assert "does not offer the model gpt-9" in done.out
    assert stage.writes() == 0
    done = stage.call("clone", "--no-model-check").check(3)
    assert "The requested model 'gpt-9' does not exist" in done.out


def test_lone_surrogates_survive_every_way(stage: Stage) -> None:
    fields = {"name": "a\ud800b", "instructions": "\udfff!", "model": MODEL}
    stage.source.add(**fields)
    stage.call("clone").check()
    (copy,) = stage.destination.assistants.values()
    assert (copy["name"], copy["instructions"]) == (fields["name"], fields["instructions"])
    for out in ("s.json", "folder"):
        stage.call("export", "--out", out).check()
        stage.call("check", f"./{out}", "dst").check()
    stage.run("list", "src").check()
    stage.run("list", "src", "--json").check()
    stage.call("plan", "--from", "./s.json", "--to", "./new", "--out", "p.json").check()
    stage.call("apply", "p.json").check()


def test_a_place_that_is_empty_by_mistake_is_an_error(stage: Stage) -> None:
    done = stage.call("list", "").check(64)
    assert "A place has no name." in done.err


@pytest.mark.parametrize("arguments", [["clone"], ["apply", "p.json"], ["import", "s.json"]])
def test_an_output_directory_that_cannot_be_is_found_before_any_write(
    stage: Stage, arguments: list[str]
) -> None:
    stage.fill(1)
    stage.call("plan", "--out", "p.json").check()
    stage.call("export", "--out", "s.json").check()
    stage.write("out", "a file")
    done = stage.call(*arguments).check(1)
    assert "out cannot be written" in done.err
    assert (stage.folder / "out").read_text() == "a file"
    assert stage.writes() == 0


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_output_directory_is_found_before_any_write(stage: Stage) -> None:
    stage.fill(1)
    (stage.folder / "out").mkdir(mode=0o555)
    assert "Permission denied" in stage.call("clone").check(1).err
    assert stage.writes() == 0


@pytest.mark.parametrize("out", [".", "file/below"])
@pytest.mark.parametrize("command", ["plan", "export"])
def test_a_path_that_cannot_be_written_is_said_plainly(
    stage: Stage, command: str, out: str
) -> None:
    stage.fill(1)
    stage.write("file", "mine")
    stage.write("bot-000", "in the way of a folder")
    done = stage.call(command, "--out", out).check(1)
    assert "cannot be" in done.err
    assert (stage.folder / "file").read_text() == "mine"


def test_a_device_is_written_to_and_not_replaced(stage: Stage) -> None:
    stage.fill(1)
    pipe = stage.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    stage.call("plan", "--out", pipe).check()
    assert os.read(reader, 1 << 16).startswith(b'{\n  "type": "plan"')
    os.close(reader)
    assert pipe.is_fifo()


#: Fails every write beyond so many bytes, with EFBIG: RLIMIT_FSIZE in the child.
SMALL = 100_000


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
class TestAFullDisk:
    def test_stops_a_clone_before_it_writes(self, stage: Stage) -> None:
        stage.fill(1)
        done = stage.run("clone", disk=1000).check(1)
        assert "cannot be written: File too large" in done.err
        assert stage.writes() == 0
        assert "1 created" in stage.call("clone").check().out

    @pytest.mark.parametrize("identity", ["metadata", "mapping"])
    def test_without_room_for_the_reports_stops_a_clone_before_it_writes(
        self, stage: Stage, identity: str
    ) -> None:
        """Else there would be clones that no mapping.json knows."""
        stage.fill(1)
        flags = ["clone", "--identity", identity]
        stage.call(*flags).check()
        before, files = (stage.folder / "out/mapping.json").read_bytes(), stage.files()
        stage.fill(150, name="x" * 250)
        done = stage.run(*flags, disk=SMALL).check(1)
        assert "cannot be written: File too large" in done.err
        assert len(stage.destination.assistants) == 1
        assert (stage.folder / "out/mapping.json").read_bytes() == before
        assert stage.files() == files
        stage.call(*flags, "-q").check()
        assert len(stage.destination.assistants) == 151

    @pytest.mark.parametrize(
        ("arguments", "out"),
        [(["plan"], "file.json"), (["export"], "file.json"), (["clone", "--to"], "file.json")],
    )
    def test_leaves_the_old_file_as_it_was(
        self, stage: Stage, arguments: list[str], out: str
    ) -> None:
        stage.fill(1)
        target = arguments if "--to" in arguments else [*arguments, "--out"]
        place = f"./{out}" if "--to" in arguments else out
        stage.call(*target, place).check()
        before = (stage.folder / out).read_bytes()
        stage.fill(50, instructions="x" * 10_000)
        done = stage.run(*target, place, disk=4 * SMALL)
        assert done.code in (1, 3)
        assert "File too large" in done.out + done.err
        assert "Traceback" not in done.err
        assert (stage.folder / out).read_bytes() == before
        if "--to" in arguments:
            assert stage.read("out/mapping.json")["summary"]["created"] == 0

    def test_in_the_middle_of_a_folder_leaves_no_half_assistant(self, stage: Stage) -> None:
        stage.fill(2)
        stage.call("export", "--out", "folder").check()
        stage.source.add(name="Huge", model=MODEL, instructions="x" * 200_000)
        done = stage.run("export", "--out", "folder", disk=SMALL).check(1)
        assert "File too large" in done.err
        assert stage.call("list", "./folder", "-q").check().out == "2 assistants\n"
        assert not [path for path in stage.files() if "huge" in path or "/." in path]

    def test_that_cut_off_a_compiled_module_is_told_with_the_file(self, stage: Stage) -> None:
        """Python writes them where it first needs them, and does not look how far it came."""
        (stage.folder / "dump.json").write_text("[]")
        own = {"PYTHONPYCACHEPREFIX": str(stage.folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
        before = stage.run("models", "dump.json", environment=own)
        (module,) = (stage.folder / "compiled").rglob("cli/survey.*.pyc")
        module.write_bytes(module.read_bytes()[:1000])
        done = stage.run("models", "dump.json", environment=own).check(1)
        assert f"Error: {module} is cut off" in done.err
        module.unlink()
        assert stage.run("models", "dump.json", environment=own) == before


def test_reports_that_cannot_be_written_after_all_are_told_and_the_next_run_writes_them(
    stage: Stage,
) -> None:
    stage.fill(4)
    stage.sandbox.faults = (parse_fault("latency=0.2:create"),)
    with stage.start("clone", "--concurrency", "2") as process:
        until(lambda: stage.sandbox.count("create") == 4, "the creates")
        (stage.folder / "out/mapping.json").mkdir()
        out, err = process.communicate(timeout=PATIENCE)
    Done(process.returncode, out, err).check(1)
    assert "out/mapping.json cannot be written: Is a directory." in err
    assert "4 assistants were written" in err
    assert "| 4 | 4 | 0 |" in (stage.folder / "out/report.md").read_text()
    (stage.folder / "out/mapping.json").rmdir()
    assert "4 unchanged" in stage.call("clone").check().out
    assert stage.read("out/mapping.json")["summary"]["unchanged"] == 4


def test_a_server_that_answers_nonsense_is_no_traceback(stage: Stage) -> None:
    stage.fill(1)
    done = stage.call("list", "src", OPENAI_SRC_BASE_URL=stage.sandbox.base_url + "/x")
    done.check(6)


def test_an_unreachable_destination_is_1_and_nothing_is_lost(stage: Stage) -> None:
    with ThreadedSandbox() as gone:
        url = gone.base_url
    done = stage.call("profiles", "--check", OPENAI_DST_BASE_URL=url).check(1)
    assert "Connection refused" in done.out
    assert DESTINATION not in done.out
