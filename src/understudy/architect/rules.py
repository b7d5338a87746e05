"""Every rule of the format that a document is checked by, with the code that its finding has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`error`: it cannot be imported. `warning`: it can, but look. `info`: what was decided."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it demands, in one sentence."""

    severity: Severity
    about: str


def _rules(severity: Severity, **about: str) -> Mapping[str, Rule]:
    return {code: Rule(severity, text) for code, text in about.items()}


RULES: Mapping[str, Rule] = {
    # The file
    **_rules(
        Severity.ERROR,
        unreadable_file="A file is there and can be read.",
        file_too_large="A file has at most 10 MB (10,485,760 bytes).",
        not_utf8="A file is UTF-8 text.",
        not_json="A file is JSON.",
        too_many_values="A file has at most 1,000,000 values.",
        too_deep="Objects and lists are not nested without end.",
        duplicate_key="A name stands once in an object.",
        not_a_number="Numbers are finite.",
        half_a_character="Texts hold whole characters.",
    ),
    **_rules(Severity.WARNING, byte_order_mark="A file begins with its text, not with a mark."),
    # Structure
    **_rules(
        Severity.ERROR,
        not_an_object="The document, each assistant, prompt, field and choice is an object.",
        missing_version="`version` is there.",
        unsupported_version='`version` is exactly `"1.0"`.',
        missing_assistants="`assistants` is a list.",
        no_assistants="`assistants` is not empty.",
        missing_name="Each assistant has a name.",
        missing_prompts="Each assistant has a list of prompts.",
        missing_input_fields="Each assistant has a list of input fields.",
        missing_field="What is required is there.",
        wrong_type="Each value has the type of its field.",
        too_short="Texts are as long as their field demands.",
        too_long="Texts are no longer than their field permits.",
        out_of_range="Numbers lie within the bounds of their field.",
        control_character="Names hold no control characters.",
        duplicate_assistant="Each assistant of a file has a name of its own.",
    ),
    **_rules(
        Severity.WARNING,
        unknown_field="What is not part of the format is left out.",
        bad_time="`exported_at` is an ISO 8601 time.",
    ),
    **_rules(
        Severity.INFO,
        status_ignored="`status` is ignored: every import waits for approval.",
        name_normalised="Names are kept in Unicode normal form C.",
    ),
    # Prompts and their order
    **_rules(
        Severity.ERROR,
        too_few_prompts="An assistant has at least one prompt.",
        too_many_prompts="An assistant has at most 20 prompts.",
        content_too_long="The content of a prompt has at most 10,000,000 UTF-16 units.",
        split_group="The prompts of a group follow each other.",
    ),
    **_rules(
        Severity.WARNING,
        duplicate_position="Each prompt has a position of its own; equal ones run together.",
        position_gap="Positions are 0, 1, 2 and so on.",
        groups_ignored="`parallel_group` counts only where `is_parallel` is true.",
        no_groups="Where `is_parallel` is true, some prompts have a `parallel_group`.",
        long_prompt_timeout="A prompt's time is within the run's.",
        unusable_slug="A prompt's name has a slug of its own, by which its output can be named.",
    ),
    # Variables
    **_rules(
        Severity.ERROR,
        unknown_variable="A variable is an input field, an earlier output or a mapped name.",
        later_output="A prompt reads outputs of earlier stages only.",
        ambiguous_variable="A variable means one thing.",
        too_many_substitutions="A prompt has at most 50 substitutions.",
        database_id="A mapping names outputs by position or name, not by a database's ids.",
    ),
    **_rules(
        Severity.WARNING,
        dollar_variable="Variables are written `{{name}}`; `${name}` stays as it is.",
        literal_braces="What stands in `{{...}}` is a variable's name; other text stays as it is.",
        variable_in_system_context="Variables are not replaced in `system_context`.",
        position_is_not_index="`prompt_N_output` means position N, not the Nth in the list.",
        literal_mapping="A mapping's value is a template or a variable.",
        unused_mapping="A mapped name is used in the prompt's content.",
        unused_field="An input field is used by a prompt.",
    ),
    # Input fields
    **_rules(
        Severity.ERROR,
        unknown_field_type="`field_type` is one of five.",
        duplicate_field="Each input field has a name of its own.",
        missing_choices="`select` and `multi_select` have `options.choices`.",
        bad_choices="`choices` is a list of values with labels.",
        duplicate_choice="Each choice has a value of its own.",
        unknown_default="`default` is the value of a choice.",
        bad_selections="`minSelections`, `maxSelections` and the number of choices fit together.",
        bad_accept="`accept` is a list of endings or MIME types, divided by commas.",
    ),
    **_rules(
        Severity.WARNING,
        choices_shape="`choices` is a list of `{value, label}`; three other shapes are read too.",
        duplicate_field_position="Each input field has a position of its own.",
        field_position_gap="Positions of input fields are 0, 1, 2 and so on.",
        unknown_option="Options belong to their field type; others are kept and do nothing.",
    ),
    # Models
    **_rules(
        Severity.ERROR,
        no_model="A model is there for each prompt.",
        too_many_models="A document names at most 200 models that are not there.",
    ),
    **_rules(
        Severity.WARNING,
        model_fallback="A model's name says whose it is.",
        tool_unavailable="A model has the tools that the assistant enables.",
    ),
    **_rules(Severity.INFO, model_mapped="A model that is not there is mapped to one that is."),
    # All
    **_rules(Severity.ERROR, more_findings="Findings are shown up to a bound."),
}
