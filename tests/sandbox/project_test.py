"""What tests may do to a project behind the API's back."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from understudy.sandbox import Project, Sandbox, ThreadedSandbox


def test_files_are_put_as_bytes_or_as_paths(project_alone: Project, tmp_path: Path) -> None:
    path = tmp_path / "on disk"
    path.write_bytes(b"x" * 3_000_000)
    one = project_alone.put_file("a.md", b"A", purpose="vision", created_at=1_700_000_000)
    two = project_alone.put_file("b.bin", path)
    path.unlink()
    assert one == {
        "object": "file",
        "id": one["id"],
        "purpose": "vision",
        "filename": "a.md",
        "bytes": 1,
        "created_at": 1_700_000_000,
        "status": "processed",
    }
    assert list(project_alone.files) == [one["id"], two["id"]]
    assert project_alone.content(two["id"]) == b"x" * 3_000_000
    assert project_alone.sha256(two["id"]) == hashlib.sha256(b"x" * 3_000_000).hexdigest()


@pytest.fixture
def project_alone() -> Project:
    return Sandbox().project("sk-one")


def test_stores_are_put_with_files_that_are_indexed_or_have_failed() -> None:
    sandbox = Sandbox(indexing=60, list_lag=60, indexing_failures={"*.exe": ("invalid_file", "!")})
    project = sandbox.project("sk-one")
    plain, program = [project.put_file(name, b"AB")["id"] for name in ("a.md", "a.exe")]
    made = project.put_store(
        name="Store",
        files=[
            {
                "file_id": plain,
                "attributes": {"n": 1},
                "chunking_strategy": {"type": "other"},
            },
            program,
        ],
        metadata={"a": "b"},
        expires_after={"anchor": "last_active_at", "days": 2},
        description="All",
    )
    assert (made["name"], made["metadata"], made["description"]) == ("Store", {"a": "b"}, "All")
    assert made["expires_at"] == made["created_at"] + 2 * 24 * 3600
    assert (made["file_counts"]["completed"], made["file_counts"]["failed"]) == (1, 1)
    shown = project.store_files(made["id"])
    assert list(shown) == [plain, program]
    assert shown[plain]["attributes"] == {"n": 1}
    assert shown[plain]["chunking_strategy"] == {"type": "other"}
    assert shown[program]["last_error"] == {"code": "invalid_file", "message": "!"}


def test_views_show_what_is_there_at_any_moment(project_alone: Project) -> None:
    project = project_alone
    files, stores = project.files, project.stores
    assert (len(files), dict(stores)) == (0, {})
    file_id = project.put_file("a.md", b"A")["id"]
    store_id = project.put_store()["id"]
    members = project.store_files(store_id)
    project.attach(store_id, file_id, {"a": "b"}, {"type": "auto"})
    assert (list(files), list(stores), list(members)) == ([file_id], [store_id], [file_id])
    assert project.edit_attributes(store_id, file_id, {"c": 1})["attributes"] == {"c": 1}
    assert members[file_id]["attributes"] == {"c": 1}
    project.detach(store_id, file_id)
    assert (len(members), stores[store_id]["file_counts"]["total"]) == (0, 0)
    project.attach(store_id, file_id)
    project.remove_file(file_id)
    assert (len(files), len(members)) == (0, 0)
    project.remove_store(store_id)
    assert not stores
    with pytest.raises(KeyError):
        members[file_id]


def test_a_store_is_edited_and_expires_at_will(project_alone: Project) -> None:
    store_id = project_alone.put_store(name="Before", metadata={"a": "b"})["id"]
    edited = project_alone.edit_store(store_id, name="After", hologram={"depth": 3})
    assert (edited["name"], edited["metadata"]) == ("After", {"a": "b"})
    assert edited["hologram"] == {"depth": 3}
    assert project_alone.stores[store_id] == edited
    project_alone.expire_store(store_id)
    assert project_alone.stores[store_id]["status"] == "expired"


def test_what_is_put_does_not_change_with_the_callers_data(project_alone: Project) -> None:
    file_id = project_alone.put_file("a.md", b"A")["id"]
    metadata, attributes = {"a": "1"}, {"a": "1"}
    made = project_alone.put_store(
        metadata=metadata, files=[{"file_id": file_id, "attributes": attributes}]
    )
    metadata["a"] = attributes["a"] = made["metadata"]["a"] = "2"
    assert project_alone.stores[made["id"]]["metadata"] == {"a": "1"}
    assert project_alone.store_files(made["id"])[file_id]["attributes"] == {"a": "1"}


@pytest.mark.parametrize(
    "deed",
    [
        lambda project: project.content("x"),
        lambda project: project.sha256("x"),
        lambda project: project.remove_file("x"),
        lambda project: project.remove_store("x"),
        lambda project: project.edit_store("x"),
        lambda project: project.expire_store("x"),
        lambda project: project.store_files("x"),
        lambda project: project.attach("x", "y"),
        lambda project: project.detach("x", "y"),
        lambda project: project.put_store(files=["x"]),
        lambda project: project.files["x"],
    ],
)
def test_what_is_not_there_is_a_key_error(project_alone: Project, deed: Any) -> None:
    with pytest.raises(KeyError):
        deed(project_alone)
    assert not project_alone.stores


def test_the_same_seed_gives_the_same_ids_of_every_kind() -> None:
    def ids(sandbox: Sandbox) -> list[str]:
        project = sandbox.project("sk-one")
        file_id = project.put_file("a.md", b"A")["id"]
        return [file_id, project.put_store(files=[file_id])["id"]]

    assert ids(Sandbox(seed=1)) == ids(Sandbox(seed=1))
    assert ids(Sandbox(seed=1)) != ids(Sandbox(seed=2))


def test_files_do_not_change_which_ids_assistants_get() -> None:
    one, other = Sandbox().project("sk-one"), Sandbox().project("sk-one")
    other.put_store(files=[other.put_file("a.md", b"A")["id"]])
    assert one.add()["id"] == other.add()["id"]


@pytest.mark.usefixtures("on_disk")
def test_nothing_is_written_before_there_is_a_file_and_nothing_is_left(tmp_path: Path) -> None:
    with ThreadedSandbox(folder=tmp_path) as sandbox:
        project = sandbox.project("sk-one")
        project.add()
        assert not list(tmp_path.iterdir())
        file_id = project.put_file("a.md", b"A")["id"]
        assert len(list(tmp_path.glob("*/*"))) == 1
        project.remove_file(file_id)
        assert not list(tmp_path.glob("*/*"))
    assert not list(tmp_path.iterdir())


def test_a_sandbox_that_never_ran_leaves_nothing_either(tmp_path: Path) -> None:
    sandbox = Sandbox(folder=tmp_path)
    sandbox.project("sk-one").put_file("a.md", b"A")
    assert list(tmp_path.iterdir())
    del sandbox
    import gc

    gc.collect()
    assert not list(tmp_path.iterdir())
