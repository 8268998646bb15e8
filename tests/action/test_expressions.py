"""Our evaluator of expressions against what GitHub's own, @actions/expressions 0.3.61, answered.

It agreed on 20,000 random expressions of this kind; these are one of each rule.
"""

from __future__ import annotations

import pytest

from tests.action.expressions import Unsupported, Value, evaluated, interpolated, shown

CONTEXTS: dict[str, Value] = {
    "inputs": {"a": "x", "b": "", "fail-on": "TRUE", "n": "7"},
    "github": {"event_name": "push", "token": "t", "nul": None},
    "steps": {"run": {"outputs": {"result": "ok", "zero": "0"}, "outcome": "success"}},
}

ANSWERS = {
    "inputs.a": "x",
    "INPUTS.A": "x",
    "inputs['fail-on']": "TRUE",
    "inputs.fail-on": "TRUE",
    "inputs.missing": "",
    "inputs.missing.more": "",
    "steps.none.outputs.result": "",
    "steps.run": "Object",
    "steps[inputs.a]": "",
    "steps['run']['outputs'].result": "ok",
    "github.nul": "",
    "'it''s'": "it's",
    "0x10": "16",
    "0o17": "15",
    "1.50": "1.5",
    "1e3": "1000",
    "-1": "-1",
    "NaN": "NaN",
    "true": "true",
    "null": "",
    "'A' == 'a'": "true",
    "'push' == github.event_name": "true",
    "'' == null": "true",
    "null == false": "true",
    "0 == ''": "true",
    "'0' == 0": "true",
    "'0x10' == 16": "true",
    "' 7 ' == inputs.n": "false",
    "' 7 ' == 7": "true",
    "'abc' == 0": "false",
    "NaN == NaN": "false",
    "NaN != NaN": "true",
    "'NaN' == NaN": "false",
    "true == 1": "true",
    "'true' == true": "false",
    "steps.run == steps.run": "true",
    "steps.run == 'Object'": "false",
    "steps.run == true": "false",
    "!''": "true",
    "!'0'": "false",
    "!0": "true",
    "!NaN": "true",
    "!steps.run": "false",
    "!!inputs.a": "true",
    "'' || 'b'": "b",
    "'a' || 'b'": "a",
    "'a' && 'b'": "b",
    "'' && 'b'": "",
    "0 && 'b'": "0",
    "inputs.b || inputs.a && 'z'": "z",
    "'a' && '' || 'c'": "c",
    "(inputs.a || inputs.b) && 'y'": "y",
    "!inputs.b && 'y'": "y",
    "1 == 1 == true": "true",
    "'a' != 'b' && 'x' == 'X'": "true",
    "steps.none.outputs.result == '' && 'not-started' || steps.run.outputs.result": "not-started",
    "steps.run.outputs.result == '' && 'not-started' || steps.run.outputs.zero": "0",
    "github.event_name == 'push' && 'comment' || 'none'": "comment",
}


@pytest.mark.parametrize("text", ANSWERS)
def test_an_expression_means_what_it_means_on_github(text: str) -> None:
    """The answer is written as it would stand in a text."""
    assert ANSWERS[text] == shown(evaluated(text, CONTEXTS))


@pytest.mark.parametrize(
    "text",
    [
        "contains('a', 'b')",
        "fromJSON('1')",
        "1 < 2",
        "env.HOME",
        "secrets.KEY",
        "'open",
        "a b",
        "(1",
        "inputs.*",
        ".5",
        "",
    ],
)
def test_what_an_action_does_not_need_is_refused(text: str) -> None:
    """So that nothing is taken for right which only our evaluator accepts."""
    with pytest.raises(Unsupported):
        evaluated(text, CONTEXTS)


def test_a_text_may_hold_several_expressions() -> None:
    """Each is replaced by its value."""
    assert "x-ok-" == interpolated("${{ inputs.a }}-${{ steps.run.outputs.result }}-${{ inputs.b }}", CONTEXTS)


@pytest.mark.parametrize(("text", "expected"), [("always()", True), ("success() && inputs.a == 'x'", False)])
def test_the_status_functions_are_the_runners(text: str, expected: bool) -> None:
    """They are asked of whoever runs the steps."""
    assert expected is evaluated(text, CONTEXTS, {"always": lambda: True, "success": lambda: False})
