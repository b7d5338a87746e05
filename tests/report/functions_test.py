"""The functions to port, in every form in which they are told."""

import json

from understudy.model.functions import PortedFunction, User
from understudy.report.functions import functions_markdown, functions_text
from understudy.report.jsonlines import function_lines

FIND = PortedFunction(
    "find_order",
    "Looks | up\u202e.",
    {"type": "object", "title": "```\u202e"},
    True,
    (User("asst_1", "Bot"), User("asst_2", "")),
)
SEARCH = PortedFunction("search_knowledge", "", None, False, (User("asst_1", "Bot"),), True)


def markdown(*functions: PortedFunction) -> str:
    return "\n".join(functions_markdown(functions))


def test_without_functions_nothing_is_said() -> None:
    assert markdown() == ""
    assert list(functions_text(())) == []
    assert list(function_lines(())) == []


def test_the_section_shows_each_with_its_users_and_its_schema() -> None:
    text = markdown(FIND)
    assert text.startswith("\n## Functions to port (1)\n")
    assert "### `find_order`\n\nUsed by Bot, `asst_2`.\n\nLooks \\| up\\\\u202e.\n" in text
    block = text.partition("```json\n")[2].partition("\n```")[0]
    assert json.loads(block) == FIND.parameters
    assert "\u202e" not in text
    assert "file search" not in text


def test_a_function_in_the_place_of_file_search_comes_with_its_answer() -> None:
    text = markdown(FIND, SEARCH)
    code = text.partition("```python\n")[2].partition("\n```")[0]
    compile(code, "report.md", "exec")
    assert "def search_knowledge(*, query: str)" in code
    assert "client.vector_stores.search(STORE_ID, query=query)" in code
    assert "vector_store_ids" in text


def test_the_section_is_bounded() -> None:
    many = [PortedFunction(f"f{n}", "", {"enum": ["x" * 30_000]}, False, ()) for n in range(150)]
    text = markdown(*many)
    assert text.count("### `f") == 100
    assert "And 50 more" in text
    assert len(text) < 30_000


def test_one_line_of_text_says_what_is_left_to_do() -> None:
    (one,) = functions_text([FIND])
    assert one == (
        "1 function to port: its schema travelled, its code did not; --stubs FILE.py writes stubs"
    )
    (two,) = functions_text([FIND, SEARCH], stubs="h.py")
    assert two == (
        "2 functions to port: their schemas travelled, their code did not; stubs are in h.py"
    )


def test_json_lines_hold_all_of_it() -> None:
    one, two = (json.loads(line) for line in function_lines([FIND, SEARCH]))
    assert one["type"] == "function"
    assert one["parameters"] == FIND.parameters
    assert one["users"] == [{"id": "asst_1", "name": "Bot"}, {"id": "asst_2", "name": ""}]
    assert (one["strict"], one.get("stands_for"), two["stands_for"]) == (True, None, "file_search")
