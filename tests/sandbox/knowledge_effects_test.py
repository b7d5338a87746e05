"""What each fault looks like where files are moved, from the other end of the socket."""

import asyncio
import io
import json
from typing import Any

import aiohttp
import pytest

from understudy.sandbox import Fault, Project, Sandbox, parse_fault
from understudy.sandbox.faults import GROUPS, KINDS, REQUESTS
from understudy.sandbox.routes import _ROUTES

KEY = "sk-north-0123456789abcdef"
SIZE = 300_000
STATUSES = {
    "429": 429,
    "429-ms": 429,
    "429-bare": 429,
    "quota": 429,
    "401": 401,
    "403": 403,
    "500": 500,
    "502": 502,
    "503": 503,
}
#: How to make a request of each kind; what is in braces is there.
CALLS: dict[str, tuple[str, str, Any]] = {
    "files.create": ("POST", "files", "form"),
    "files.list": ("GET", "files", None),
    "files.retrieve": ("GET", "files/{file}", None),
    "files.delete": ("DELETE", "files/{file}", None),
    "files.content": ("GET", "files/{open}/content", None),
    "uploads.create": (
        "POST",
        "uploads",
        {"bytes": 1, "filename": "a", "mime_type": "text/plain", "purpose": "assistants"},
    ),
    "uploads.part": ("POST", "uploads/{upload}/parts", "form"),
    "uploads.complete": ("POST", "uploads/{upload}/complete", {"part_ids": ["{part}"]}),
    "uploads.cancel": ("POST", "uploads/{upload}/cancel", None),
    "stores.create": ("POST", "vector_stores", {}),
    "stores.list": ("GET", "vector_stores", None),
    "stores.retrieve": ("GET", "vector_stores/{store}", None),
    "stores.update": ("POST", "vector_stores/{store}", {"name": "New"}),
    "stores.delete": ("DELETE", "vector_stores/{store}", None),
    "store_files.create": ("POST", "vector_stores/{store}/files", {"file_id": "{other}"}),
    "store_files.list": ("GET", "vector_stores/{store}/files", None),
    "store_files.retrieve": ("GET", "vector_stores/{store}/files/{file}", None),
    "store_files.update": (
        "POST",
        "vector_stores/{store}/files/{file}",
        {"attributes": {"new": 1}},
    ),
    "store_files.delete": ("DELETE", "vector_stores/{store}/files/{file}", None),
    "store_files.content": ("GET", "vector_stores/{store}/files/{file}/content", None),
    "batches.create": ("POST", "vector_stores/{store}/file_batches", {"file_ids": ["{other}"]}),
    "batches.retrieve": ("GET", "vector_stores/{store}/file_batches/{batch}", None),
    "batches.list": ("GET", "vector_stores/{store}/file_batches/{batch}/files", None),
    "batches.cancel": ("POST", "vector_stores/{store}/file_batches/{batch}/cancel", None),
    "containers.create": ("POST", "containers", {"name": "New"}),
    "containers.list": ("GET", "containers", None),
    "containers.retrieve": ("GET", "containers/{container}", None),
    "containers.delete": ("DELETE", "containers/{container}", None),
    "container_files.create": ("POST", "containers/{container}/files", "form"),
    "container_files.list": ("GET", "containers/{container}/files", None),
    "container_files.retrieve": ("GET", "containers/{container}/files/{copy}", None),
    "container_files.delete": ("DELETE", "containers/{container}/files/{copy}", None),
    "container_files.content": ("GET", "containers/{container}/files/{copy}/content", None),
    "agents.create": ("POST", "agents", {"model": "gpt-4o"}),
    "agents.list": ("GET", "agents", None),
    "agents.retrieve": ("GET", "agents/{agent}", None),
    "agents.update": ("POST", "agents/{agent}", {"name": "New"}),
    "agents.delete": ("DELETE", "agents/{agent}", None),
    "templates.create": ("POST", "agents/environments/templates", {}),
    "templates.list": ("GET", "agents/environments/templates", None),
    "templates.retrieve": ("GET", "agents/environments/templates/{template}", None),
    "templates.update": ("POST", "agents/environments/templates/{template}", {"name": "New"}),
    "templates.delete": ("DELETE", "agents/environments/templates/{template}", None),
    "responses.create": ("POST", "responses", {"model": "gpt-4o", "input": "Hello"}),
    "responses.retrieve": ("GET", "responses/{response}", None),
    "responses.items": ("GET", "responses/{response}/input_items", None),
    "responses.delete": ("DELETE", "responses/{response}", None),
    "conversations.create": ("POST", "conversations", {}),
    "conversations.retrieve": ("GET", "conversations/{conversation}", None),
    "conversations.update": ("POST", "conversations/{conversation}", {"metadata": {"a": "b"}}),
    "conversations.delete": ("DELETE", "conversations/{conversation}", None),
    "items.create": (
        "POST",
        "conversations/{conversation}/items",
        {"items": [{"role": "user", "content": "Hello"}]},
    ),
    "items.list": ("GET", "conversations/{conversation}/items", None),
    "items.retrieve": ("GET", "conversations/{conversation}/items/{item}", None),
    "items.delete": ("DELETE", "conversations/{conversation}/items/{item}", None),
}


class World:
    """A sandbox with one of everything, and a bare client."""

    def __init__(self, sandbox: Sandbox, raw: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.project: Project = sandbox.project(KEY)
        self._raw = raw
        self._names: dict[str, str] = {}

    async def furnish(self) -> None:
        file, unsealed, other = [
            self.project.put_file("a.md", b"AB" * (SIZE // 2), purpose=purpose)["id"]
            for purpose in ("assistants", "vision", "vision")
        ]
        store = self.project.put_store(files=[file])["id"]
        names = self._names = {"file": file, "open": unsealed, "other": other, "store": store}
        for name, kind in (("upload", "uploads.create"), ("container", "containers.create")):
            names[name] = (await self.answer(kind))["id"]
        desk = self.project.store_desk
        names["batch"] = desk.batch(desk.find(store), []).id
        for name, kind in (("part", "uploads.part"), ("copy", "container_files.create")):
            names[name] = (await self.answer(kind, 1))["id"]
        names["agent"] = self.project.add_agent(model="gpt-4o")["id"]
        names["template"] = self.project.add_template()["id"]
        for name in ("response", "conversation"):
            names[name] = (await self.answer(f"{name}s.create"))["id"]
        names["item"] = (await self.answer("items.create"))["first_id"]
        self.sandbox.requests.clear()

    def call(self, kind: str, size: int = SIZE) -> Any:
        """Make a request of this kind; a form brings a file of that size."""
        method, path, body = CALLS[kind]
        url = f"{self.sandbox.base_url}/{path.format(**self._names)}"
        if body == "form":
            form = aiohttp.FormData(
                {"purpose": "assistants"} if kind == "files.create" else {},
                default_to_multipart=True,
            )
            field = "data" if kind == "uploads.part" else "file"
            form.add_field(field, io.BytesIO(b"x" * size), filename="a.md")
            return self._raw.request(method, url, data=form)
        filled = json.loads(_filled(json.dumps(body), self._names))
        return self._raw.request(method, url, json=filled)

    async def answer(self, kind: str, size: int = SIZE) -> dict[str, Any]:
        async with self.call(kind, size) as reply:
            assert reply.status == 200, await reply.text()
            document: dict[str, Any] = await reply.json()
            return document

    def state(self) -> str:
        """Everything that the API could show, as text."""
        project = self.project
        stores = {id_: dict(project.store_files(id_)) for id_ in project.stores}
        desks = [upload.shown() | dict.fromkeys(upload.parts) for upload in self._uploads()]
        boxes = {one.id: list(one.files) for one in project.container_desk.shelf.all()}
        # Looking into a container counts as using it: that time may pass while it is looked at.
        used = {one: {**dict(box), "last_active_at": 0} for one, box in project.containers.items()}
        views = (project.files, project.stores, used)
        newer = (project.agents, project.templates, project.responses, project.conversations)
        talks = [one.shown() for one in project.response_desk.conversations.all()]
        shown = [dict(view) for view in (*views, *newer)]
        return repr([shown, talks, stores, desks, boxes])

    def _uploads(self) -> Any:
        return self.project.upload_desk._shelf.all()


def _filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@pytest.fixture
async def world(sandbox: Sandbox, raw: aiohttp.ClientSession) -> World:
    world = World(sandbox, raw)
    await world.furnish()
    return world


def test_every_kind_of_request_has_a_route_and_is_tried_here() -> None:
    kinds = {route.kind for methods in _ROUTES.values() for route in methods.values()}
    assert kinds | {"other"} == set(REQUESTS)
    assert set(CALLS) == {kind for kind in kinds if "." in kind}


@pytest.mark.parametrize("kind", CALLS)
async def test_every_request_is_recorded_by_its_kind(world: World, kind: str) -> None:
    async with world.call(kind) as reply:
        assert reply.status == 200
        size = len(await reply.read())
    (record,) = world.sandbox.requests
    form = CALLS[kind][2] == "form"
    assert (record.kind, record.status) == (kind, 200)
    assert record.bytes_in == (SIZE if form else 0)
    assert record.bytes_out == (size if kind.endswith(".content") else 0)
    assert world.sandbox.count(kind.partition(".")[0]) == 1


@pytest.mark.parametrize("kind", CALLS)
async def test_an_error_is_answered_and_nothing_is_executed(world: World, kind: str) -> None:
    before = world.state()
    for fault, status in STATUSES.items():
        world.sandbox.faults = (Fault(fault, kind),)
        async with world.call(kind, 100) as reply:
            assert reply.status == status
    assert world.state() == before


@pytest.mark.parametrize("kind", CALLS)
async def test_a_dropped_connection_loses_the_answer_before_or_after(
    world: World, kind: str
) -> None:
    before = world.state()
    reads = CALLS[kind][0] == "GET"
    for fault, changed in (("drop-before", False), ("drop-after", not reads)):
        world.sandbox.faults = (Fault(fault, kind),)
        with pytest.raises(aiohttp.ClientError):
            async with world.call(kind, 100) as reply:
                await reply.read()
        # All is indexed, so that there is nothing to cancel.
        assert (world.state() != before) == (changed and kind != "batches.cancel")
    assert {one.status for one in world.sandbox.requests} == {"dropped"}
    assert {one.bytes_out for one in world.sandbox.requests} == {0}


@pytest.mark.parametrize("kind", ["files.create", "uploads.part", "container_files.create"])
async def test_a_connection_that_breaks_before_the_deed_breaks_within_the_file(
    world: World, kind: str
) -> None:
    world.sandbox.faults = (Fault("drop-before", kind, nth=1),)
    with pytest.raises(aiohttp.ClientError):
        async with world.call(kind, 30_000_000) as reply:
            await reply.read()
    (record,) = world.sandbox.requests
    assert 15_000_000 <= record.bytes_in < 30_000_000
    assert (await world.answer(kind, 100))["id"]


@pytest.mark.parametrize("kind", [kind for kind in CALLS if not kind.endswith("s.content")])
async def test_a_malformed_answer_comes_after_the_deed(world: World, kind: str) -> None:
    for fault in ("truncated", "html"):
        world.sandbox.faults = (Fault(fault, kind, nth=1),)
        async with world.call(kind, 100) as reply:
            assert (reply.status, reply.content_type == "text/html") == (200, fault == "html")
            with pytest.raises(json.JSONDecodeError):
                await reply.json(content_type=None)
        await world.furnish()


@pytest.mark.parametrize("kind", ["files.content", "container_files.content"])
async def test_a_truncated_download_is_shorter_than_it_promised(world: World, kind: str) -> None:
    world.sandbox.faults = (Fault("truncated", kind, nth=1),)
    got = bytearray()
    size = SIZE if kind == "files.content" else 1

    async def read(reply: aiohttp.ClientResponse) -> None:
        async for block in reply.content.iter_any():
            got.extend(block)

    async with world.call(kind) as reply:
        assert (reply.status, reply.content_length) == (200, size)
        with pytest.raises(aiohttp.ClientPayloadError):
            await read(reply)
    assert len(got) == size // 2
    (record,) = world.sandbox.requests
    assert (record.status, record.bytes_out) == (200, size // 2)
    async with world.call(kind) as reply:
        assert len(await reply.read()) == size


async def test_a_download_may_turn_out_to_be_a_page_of_html(world: World) -> None:
    world.sandbox.faults = (Fault("html", "files.content"),)
    async with world.call("files.content") as reply:
        assert (reply.status, reply.content_type) == (200, "text/html")
    assert world.sandbox.requests[0].bytes_out == 0


@pytest.mark.parametrize(("fault", "executed"), [("hang", 0), ("hang-after", 1)])
async def test_a_hanging_upload_ends_with_the_sandbox(
    raw: aiohttp.ClientSession, fault: str, executed: int
) -> None:
    async with asyncio.timeout(5), Sandbox(faults=[Fault(fault, "files")]) as sandbox:
        world = World(sandbox, raw)
        waiting = asyncio.create_task(world.call("files.create").__aenter__())
        while not sandbox.count("files") or len(world.project.files) < executed:
            async with raw.get(f"{sandbox.base_url}/models") as reply:
                assert reply.status == 200
        await sandbox.aclose()
        with pytest.raises(aiohttp.ClientError):
            await waiting
    assert len(world.project.files) == executed
    assert [one.status for one in sandbox.requests if one.kind == "files.create"] == ["dropped"]


async def test_the_end_of_assistants_is_not_the_end_of_files(world: World) -> None:
    world.sandbox.faults = (Fault("gone"),)
    for kind in ("files.list", "stores.list", "containers.list", "files.content"):
        async with world.call(kind) as reply:
            assert reply.status == 200


@pytest.mark.parametrize("group", GROUPS)
async def test_any_group_can_be_gone_if_that_is_said(world: World, group: str) -> None:
    world.sandbox.faults = (Fault("gone", group),)
    for kind in CALLS:
        if kind.endswith((".retrieve", ".content", "s.create")):
            async with world.call(kind, 10) as reply:
                gone = kind.startswith(f"{group}.")
                assert reply.status == (404 if gone else 200)
                if gone:
                    assert "Invalid URL" in await reply.text()


async def test_latency_applies_to_the_kinds_that_it_names(world: World) -> None:
    loop = asyncio.get_running_loop()
    world.sandbox.faults = (parse_fault("latency=0.05:stores.list"),)
    start = loop.time()
    await world.answer("files.list")
    quick = loop.time() - start
    await world.answer("stores.list")
    assert loop.time() - start - quick > 0.049


async def test_a_refused_upload_is_not_kept(raw: aiohttp.ClientSession, tmp_path: Any) -> None:
    async with Sandbox(keys=["sk-other"], folder=tmp_path) as sandbox:
        form = aiohttp.FormData({"purpose": "assistants"})
        form.add_field("file", b"x" * 1000, filename="a.md")
        async with raw.post(f"{sandbox.base_url}/files", data=form) as reply:
            assert reply.status == 401
        assert sandbox.requests[0].bytes_in == 1000
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", sorted(set(KINDS) - {"latency", "hang", "hang-after", "gone"}))
async def test_any_single_fault_at_any_upload_leaves_the_others_alone(
    raw: aiohttp.ClientSession, fault: str
) -> None:
    for nth in range(1, 4):
        async with Sandbox(faults=[Fault(fault, "files", nth=nth)]) as sandbox:
            world = World(sandbox, raw)
            failed = []
            for number in range(1, 4):
                try:
                    await world.answer("files.create", 100)
                except (aiohttp.ClientError, AssertionError, json.JSONDecodeError):
                    failed.append(number)
        assert failed == [nth]
        executed = fault in ("drop-after", "truncated", "html")
        assert len(world.project.files) == 2 + executed
