"""Which model answers for a portable name: the priority, ties, and the same each time."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architect.examples import assistant, checked, codes, document, found, prompt
from understudy.architect.checking import Options
from understudy.architect.document import Document
from understudy.architect.models import DEFAULT, Catalogue, How, Model

HARBOUR = Catalogue(
    (
        Model("llama-3", "meta", order=5),
        Model("gpt-4o", "openai", order=2),
        Model("gpt-4o-mini", "openai", order=1),
        Model("o9", "openai", order=9),
        Model("us.claude-3-opus", "bedrock", order=3),
        Model("claude-3-haiku", "anthropic", order=4),
        Model("claude-3-opus", "anthropic", active=False),
        Model("gemini-2", "google", active=False),
    )
)


@pytest.mark.parametrize(
    ("name", "answers", "how"),
    [
        ("gpt-4o", "gpt-4o", How.EXACT),
        ("llama-3", "llama-3", How.EXACT),
        ("gpt-4o-2024-11-20", "gpt-4o", How.PROVIDER),
        ("GPT-4O-MINI", "gpt-4o-mini", How.PROVIDER),
        ("openai/o9", "o9", How.PROVIDER),
        ("claude-3-opus", "us.claude-3-opus", How.PROVIDER),
        ("anthropic.claude-3-haiku-v1", "claude-3-haiku", How.PROVIDER),
        ("gemini-2", "gpt-4o-mini", How.FALLBACK),
        ("mistral", "gpt-4o-mini", How.FALLBACK),
        ("llama", "gpt-4o-mini", How.FALLBACK),
    ],
)
def test_an_exact_id_goes_first_then_the_provider_then_the_first_by_order(
    name: str, answers: str, how: How
) -> None:
    mapped = HARBOUR.map(name)
    assert mapped.model is not None
    assert (mapped.model.id, mapped.how) == (answers, how)
    assert mapped.why


def test_models_that_are_equally_close_go_by_id_and_equal_orders_too() -> None:
    twins = [Model("gpt-b", "openai"), Model("gpt-a", "openai"), Model("gpt-c", "openai")]
    for models in (twins, twins[::-1]):
        catalogue = Catalogue(tuple(models))
        for name in ("gpt-x", "nobody"):
            mapped = catalogue.map(name)
            assert mapped.model is not None
            assert mapped.model.id == "gpt-a"


@given(st.text(max_size=30) | st.sampled_from(["gpt", "claude-9", "gemini"]), st.integers(0, 99))
def test_a_mapping_depends_on_neither_the_order_of_the_list_nor_on_chance(
    name: str, seed: int
) -> None:
    models = list(HARBOUR.models)
    Random(seed).shuffle(models)  # noqa: S311 - to be repeated
    assert Catalogue(tuple(models)).map(name) == HARBOUR.map(name)


@given(st.text(max_size=2000))
def test_every_name_is_answered_by_an_active_model(name: str) -> None:
    mapped = HARBOUR.map(name)
    assert mapped.model is not None
    assert mapped.model.active


def test_an_override_goes_before_an_exact_id() -> None:
    catalogue = Catalogue(HARBOUR.models, {"gpt-4o": "llama-3"})
    mapped = catalogue.map("gpt-4o")
    assert mapped.model is not None
    assert (mapped.model.id, mapped.how) == ("llama-3", How.OVERRIDE)
    one = checked(assistant(), options=Options(catalogue))
    assert found(one, "model_mapped").message.endswith("(override).")


def test_an_override_to_a_model_that_is_not_active_is_an_error() -> None:
    catalogue = Catalogue(HARBOUR.models, {"gpt-4o": "gemini-2"})
    one = checked(assistant(), options=Options(catalogue))
    assert found(one, "no_model").message.startswith("No model mapping found")


@pytest.mark.parametrize("models", [(), (Model("gpt-4o", "openai", active=False),)])
def test_there_is_no_mapping_only_where_no_model_is_active(models: tuple[Model, ...]) -> None:
    one = checked(assistant(), options=Options(Catalogue(models)))
    assert found(one, "no_model").message.startswith("No model mapping found")
    assert not one.valid
    fallback = checked(assistant(), options=Options(Catalogue((Model("any", "thing"),))))
    assert fallback.valid
    assert codes(fallback) == ["model_fallback"]


def test_every_mapping_is_reported_and_an_exact_one_is_not() -> None:
    prompts = [prompt("a"), prompt("b", model_name="gpt-4o-2024", position=1)]
    one = checked(assistant(prompts), options=Options(HARBOUR))
    finding = found(one, "model_mapped")
    assert finding.pointer == "/assistants/0/prompts/1/model_name"
    assert "gpt-4o" in finding.message
    assert {name: mapped.how for name, mapped in one.models.items()} == {
        "gpt-4o": How.EXACT,
        "gpt-4o-2024": How.PROVIDER,
    }


def test_the_portable_names_are_there_when_nobody_configured_models() -> None:
    names = [model.id for model in DEFAULT.active()]
    prompts = [prompt(f"p{i}", model_name=name, position=i) for i, name in enumerate(names)]
    assert Document.parse(json.dumps(document(assistant(prompts)))).findings == ()


def test_a_tool_is_asked_of_each_model_once() -> None:
    prompts = [prompt(f"p{i}", position=i) for i in range(3)]
    prompts.append(prompt("p3", model_name="claude-3-opus", position=3))
    one = checked(assistant(prompts, enabledTools=["saw", "saw"]))
    told = [f.message for f in one.findings if f.code == "tool_unavailable"]
    assert len(told) == len(set(told)) == 2
