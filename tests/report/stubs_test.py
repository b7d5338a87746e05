"""Stubs compile, are typed, and hold every function, whatever the schemas are."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from understudy.model.functions import PortedFunction, User
from understudy.report.stubs import is_untouched, stubs

ROOT = Path(__file__).parents[2]
NASTY = (
    "class",
    "list",
    "Any",
    "HANDLERS",
    "_renamed",
    "l",
    "1st",
    "find-order",
    "find order",
    "find_order",
    "größe",
    "ﬁnd",
    "名前",
    "",
    "__init__",
    "a" * 200,
    'say "hi"',
    "back\\slash",
    "\\N{DASH}",
    "new\nline",
    '"""',
    "'''",
    "nul\0",
    "\ud800",
    "\u202e",
    "None",
    "self",
    "🦊",
    "²",
    "٣",
)


def function(name: str, parameters: Any = None, description: str = "") -> PortedFunction:
    return PortedFunction(name, description, parameters, False, (User("asst_1", "Bot"),))


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def loaded(*functions: PortedFunction) -> dict[str, Any]:
    """The module's names, once it ran."""
    namespace: dict[str, Any] = {"__name__": "stubs"}
    text = stubs(functions)
    text.encode()
    exec(compile(text, "stubs.py", "exec", dont_inherit=True), namespace)  # noqa: S102
    return namespace


NAMES = st.one_of(st.sampled_from(NASTY), st.text(st.characters(), max_size=20))
SCHEMAS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(st.characters(), max_size=5),
        st.sampled_from([{"type": "string"}, {"type": ["integer", "null"]}, {"$ref": "#"}]),
        st.builds(lambda values: {"enum": values}, st.lists(NAMES | st.integers() | st.none())),
        st.builds(lambda value: {"const": value}, NAMES | st.floats()),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.builds(
            lambda fields, required, more: {
                "type": "object",
                "properties": fields,
                "required": required,
                "additionalProperties": more,
            },
            st.dictionaries(NAMES, inner, max_size=4),
            st.lists(NAMES, max_size=3),
            inner,
        ),
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, max_size=3)),
        st.dictionaries(
            st.sampled_from(["type", "properties", "required", "enum", "items", "$ref", "allOf"]),
            inner,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(NAMES, SCHEMAS, NAMES), max_size=6))
@example([(name, schema(name, **{name: {"enum": [name, 1, None]}}), name) for name in NASTY])
@example([("f", schema(**{f"p{n}": {"type": "string"} for n in range(300)}), "")])
@example([("f", schema(a={"items": {"items": {"type": "array"}}}, b=True, c=False), "")])
@example([("0\U00011c5a", schema(), "")])
@example([("f", True, ""), ("f", False, ""), ("g", {"$ref": "#/$defs/x"}, ""), ("h", [], "")])
def test_every_module_compiles_and_holds_every_name(
    found: list[tuple[str, Any, str]],
) -> None:
    functions = [function(name, parameters, text) for name, parameters, text in found]
    module = loaded(*functions)
    assert module["HANDLERS"].keys() == {one.name for one in functions}
    assert is_untouched(stubs(functions))


def nested(depth: int, kind: str) -> Any:
    value: Any = {"type": "string"}
    for _ in range(depth):
        inner = {"items": value} if kind == "array" else {"properties": {"x": value}}
        value = {"type": kind, **inner}
    return value


EVERYTHING = [
    *(function(name, schema(name, **{name: {"type": "string"}}), name) for name in NASTY),
    function("deep_list", schema(x=nested(150, "array"))),
    function("deep_object", schema(x=nested(150, "object"))),
    function("twins", schema("x", x={"type": "string"})),
    function("twins", schema("x", x={"type": "integer"}, y={"type": "string"})),
    function("open", {**schema(x={}), "additionalProperties": True}),
    function("reference", {"$defs": {"n": {"type": "object"}}, "$ref": "#/$defs/n"}),
    function(
        "tree",
        {
            **schema("root", root={"$ref": "#/$defs/node"}),
            "$defs": {"node": schema("left", left={"$ref": "#/$defs/node"}, size={"type": "int"})},
        },
    ),
    function(
        "kinds",
        schema(
            "text",
            text={"type": "string"},
            count={"type": ["integer", "null"]},
            ratio={"type": "number"},
            flag={"type": "boolean"},
            tags={"type": "array", "items": {"type": "string"}},
            size={"enum": ["S", "M", 'with "quotes"', 1, True, None]},
            rates={"enum": [0.5, 1.5]},
            many={"enum": [str(n) for n in range(500)]},
            one={"const": "x"},
            either={"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            address=schema("city", city={"type": "string"}, street={"type": "string"}),
            odd=schema(**{"post-code": {"type": "string"}, "list": {"type": "array"}, "x": {}}),
            hidden=schema(list={"type": "array"}, other={"type": "array"}),
            mapping={"type": "object", "additionalProperties": {"type": "integer"}},
            nullable={"type": "string", "nullable": True},
            surrogate={"enum": ["\ud800"]},
            lone=schema(**{"\ud800": {}}),
            huge={"enum": [10**5000]},
        ),
        'It takes all kinds.\n\n  - indented \\N{DASH} and "quoted"\n' + "long words " * 40,
    ),
]


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stubs") / "stubs.py"
    path.write_text(stubs(EVERYTHING), encoding="utf-8")
    return path


@pytest.mark.parametrize("arguments", [("mypy", "--strict"), ("ruff", "check", "--isolated")])
def test_the_module_is_typed_and_pleases_the_linter(
    module: Path, arguments: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments, str(module)],
        capture_output=True,
        text=True,
        check=False,
        cwd=module.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_signature_says_what_the_schema_says() -> None:
    text = stubs([EVERYTHING[-1]])
    for line in (
        "def kinds(",
        "    text: str,",
        "    count: int | None = None,",
        "    tags: list[str] | None = None,",
        '    size: Literal["S", "M", "with \\"quotes\\"", 1, True] | None = None,',
        "    rates: float | None = None,",
        "    many: str | None = None,",
        "    either: str | int | None = None,",
        "    address: KindsAddress | None = None,",
        "    mapping: dict[str, int] | None = None,",
        "class KindsAddress(TypedDict):",
        "    city: str",
        "    street: NotRequired[str]",
        "    Used by Bot.",
        '    raise NotImplementedError("kinds")',
        '    "kinds": kinds,',
    ):
        assert f"\n{line}\n" in text


def test_a_stub_says_which_function_is_lacking() -> None:
    handlers = loaded(*EVERYTHING)["HANDLERS"]
    with pytest.raises(NotImplementedError, match="find-order"):
        handlers["find-order"](**{"find-order": "NW-1"})
    with pytest.raises(NotImplementedError, match="twins"):
        handlers["twins"](x=1, y="z")


def test_arguments_come_under_the_names_that_python_allows() -> None:
    text = stubs([function("find", schema("class", **{"class": {"type": "string"}}))])
    text = text.replace('raise NotImplementedError("find")', "return class_")
    namespace: dict[str, Any] = {}
    exec(text, namespace)  # noqa: S102
    assert namespace["HANDLERS"]["find"](**{"class": "first"}) == "first"


def test_functions_of_one_name_take_the_arguments_of_each() -> None:
    text = stubs([one for one in EVERYTHING if one.name == "twins"])
    assert "    x: Any,\n    y: str | None = None,\n" in text
    assert "2 functions of different schemas have this name." in text


def test_an_edited_module_is_recognised() -> None:
    text = stubs(EVERYTHING)
    assert is_untouched(text)
    assert not is_untouched(text.replace("raise", "return", 1))
    assert not is_untouched("")
    assert not is_untouched("print()")
