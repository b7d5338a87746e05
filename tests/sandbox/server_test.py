import subprocess
import sys

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Fault, Request, Sandbox, ThreadedSandbox

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


async def test_every_request_is_recorded_in_order_without_its_key(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    sandbox.faults = (Fault("drop-after", "create", nth=1),)
    with pytest.raises(openai.APIConnectionError):
        await client.beta.assistants.create(model="gpt-4o")
    with pytest.raises(openai.NotFoundError):
        await client.with_options(organization="org-1", project="proj-1").get(
            "/nowhere", cast_to=object
        )
    await client.models.list()
    assert [(one.index, one.kind, one.status) for one in sandbox.requests] == [
        (1, "create", "dropped"),
        (2, "other", 404),
        (3, "models", 200),
    ]
    create, other, _ = sandbox.requests
    assert (create.method, create.path, create.beta) == ("POST", "/v1/assistants", "assistants=v2")
    assert (other.organization, other.project_header) == ("org-1", "proj-1")
    assert create.project == sandbox.project(client.api_key).label
    assert client.api_key not in repr(sandbox.requests)
    assert (sandbox.count("create"), sandbox.count("list"), sandbox.count("any")) == (1, 0, 3)


async def test_records_may_be_cleared_while_it_runs(sandbox: Sandbox, client: AsyncOpenAI) -> None:
    await client.models.list()
    sandbox.requests.clear()
    await client.models.list()
    assert [(one.index, one.status) for one in sandbox.requests] == [(2, 200)]


def test_records_do_not_change() -> None:
    record = Request(index=1, method="GET", path="/v1/models", kind="models", at=0.0)
    with pytest.raises(AttributeError):
        record.status = 200  # type: ignore[misc]


async def test_each_reply_carries_the_id_of_its_request(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    for index, path in enumerate(("models", "assistants", "nowhere"), 1):
        async with raw.get(f"{sandbox.base_url}/{path}") as reply:
            assert reply.headers["x-request-id"] == f"req_{index:032x}"


async def test_models_come_with_their_last_day(sandbox: Sandbox, client: AsyncOpenAI) -> None:
    models = {model.id: model async for model in client.models.list()}
    assert models["gpt-4o"].shutdown_date == "2027-01-14"
    assert models["gpt-5.5"].shutdown_date is None
    assert await client.models.retrieve("gpt-4o") == models["gpt-4o"]
    with pytest.raises(openai.NotFoundError) as raised:
        await client.models.retrieve("gpt-2")
    assert raised.value.code == "model_not_found"


async def test_models_can_be_set_for_all_projects_and_for_one() -> None:
    async with Sandbox(models=["house-1"]) as sandbox:
        sandbox.project("sk-two").models = ["house-2"]
        seen = []
        for key in ("sk-one", "sk-two"):
            async with AsyncOpenAI(api_key=key, base_url=sandbox.base_url) as client:
                seen.append([model.id async for model in client.models.list()])
                await client.beta.assistants.create(model=seen[-1][0])
    assert seen == [["house-1"], ["house-2"]]


async def test_a_port_can_be_chosen_and_a_taken_one_is_an_error(sandbox: Sandbox) -> None:
    port = int(sandbox.base_url.split(":")[2].split("/")[0])
    assert sandbox.base_url == f"http://127.0.0.1:{port}/v1"
    second = Sandbox(port=port)
    with pytest.raises(OSError, match=str(port)):
        await second.start()
    await second.aclose()


async def test_closing_twice_is_once(sandbox: Sandbox) -> None:
    await sandbox.aclose()
    await sandbox.aclose()


def test_the_threaded_one_serves_a_plain_program() -> None:
    with ThreadedSandbox(seed=3, faults=[Fault("hang", "update")]) as sandbox:
        with openai.OpenAI(api_key="sk-a", base_url=sandbox.base_url, max_retries=0) as client:
            made = client.beta.assistants.create(model="gpt-4o")
            with pytest.raises(openai.APITimeoutError):
                client.beta.assistants.update(made.id, name="Late", timeout=0.05)
        assert list(sandbox.project("sk-a").assistants) == [made.id]
    assert [one.status for one in sandbox.requests] == [200, "dropped"]


def test_the_threaded_one_cleans_up_when_it_cannot_start() -> None:
    with ThreadedSandbox() as sandbox:
        port = int(sandbox.base_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match=str(port)), ThreadedSandbox(port=port):
            pass


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_no_library() -> None:
    program = (
        "import sys, understudy.sandbox\n"
        "print([name for name in ('aiohttp', 'openai', 'pydantic') if name in sys.modules])"
    )
    assert run(program) == "[]\n"


def test_the_sandbox_shares_no_code_with_the_rest_of_the_package() -> None:
    program = (
        "import sys\n"
        "from understudy import sandbox\n"
        "for name in sandbox.__all__: getattr(sandbox, name)\n"
        "print(sorted(name for name in sys.modules if name.startswith('understudy.')"
        " and not name.startswith('understudy.sandbox')))"
    )
    assert run(program) in ("[]\n", "['understudy._version']\n")


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    from understudy import sandbox

    with pytest.raises(AttributeError, match="Circus"):
        sandbox.Circus  # noqa: B018
