"""Functions to port, as the commands tell of them."""

import pytest

from command import Stage

FIND = {
    "name": "find_order",
    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
}
TOOLS = [{"type": "function", "function": FIND}]


@pytest.fixture(autouse=True)
def source(stage: Stage) -> None:
    stage.source.add(name="Bot", model="gpt-4o", tools=TOOLS)


def test_a_clone_says_in_every_output_what_is_left_to_port(stage: Stage) -> None:
    done = stage.call("clone").check()
    assert "1 function to port: its schema travelled" in done.out
    report = (stage.folder / "out/report.md").read_text()
    assert "## Functions to port (1)" in report
    assert '"number"' in report
    again = stage.call("clone", "--json").check()
    assert [one["name"] for one in again.of("function")] == ["find_order"]
    assert again.lines[-1]["type"] == "run"
    assert "to port" not in stage.call("clone", "--quiet").check().out


def test_a_clone_without_functions_says_nothing(stage: Stage) -> None:
    stage.fill(1)
    done = stage.call("clone", "--name", "Bot 000").check()
    assert "to port" not in done.out
    assert "to port" not in (stage.folder / "out/report.md").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan",),
        ("clone",),
        ("clone", "--dry-run"),
        ("import", "dump.json"),
        ("fidelity", "src", "openai-agents"),
    ],
    ids=" ".join,
)
def test_stubs_are_written_by_whatever_plans(stage: Stage, arguments: tuple[str, ...]) -> None:
    stage.write("dump.json", list(stage.source.assistants.values()))
    for _ in range(2):  # one that nobody has edited may be written again
        stage.call(*arguments, "--stubs", "stubs.py").check()
    namespace: dict[str, object] = {}
    exec((stage.folder / "stubs.py").read_text(), namespace)  # noqa: S102
    assert list(namespace["HANDLERS"]) == ["find_order"]  # type: ignore[call-overload]


def test_a_plan_in_json_ends_with_the_plan(stage: Stage) -> None:
    done = stage.call("plan", "--json").check()
    assert [line["type"] for line in done.lines] == ["change", "function", "plan"]


@pytest.mark.parametrize("content", ["print('mine')\n", "edited"])
def test_what_somebody_edited_is_never_overwritten(stage: Stage, content: str) -> None:
    path = stage.folder / "stubs.py"
    if content == "edited":
        stage.call("plan", "--stubs", "stubs.py").check()
        content = path.read_text().replace("raise", "return", 1)
    path.write_text(content)
    before = stage.writes()
    done = stage.call("clone", "--stubs", "stubs.py").check(1)
    assert "stubs.py is not overwritten" in done.err
    assert path.read_text() == content
    assert stage.writes() == before


def test_file_search_as_a_function_is_one_to_port(stage: Stage) -> None:
    stage.source.add(name="Reader", model="gpt-4o", tools=[{"type": "file_search"}])
    options = ("--to", "./copies", "--file-search-as", "function")
    done = stage.call("clone", *options, "--stubs", "stubs.py", "--json").check()
    assert [one.get("stands_for") for one in done.of("function")] == [None, "file_search"]
    report = (stage.folder / "out/report.md").read_text()
    assert "client.vector_stores.search(STORE_ID, query=query)" in report
    assert "def search_knowledge(" in (stage.folder / "stubs.py").read_text()


def test_stubs_of_standard_input_are_refused_where_it_would_be_read_twice(stage: Stage) -> None:
    stage.run("fidelity", "-", "openai-agents", "--stubs", "stubs.py").check(1)
