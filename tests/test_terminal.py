"""The question that a person at a terminal is asked, and every answer to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from reconciler.sandbox import Sandbox
from tests.conftest import Tree
from tests.terminals import CTRL_C, at_a_terminal

RECORDING = "0190a6f2-7b2c-7c5e-9d61-1f2e3d4c5b6a"
CTRL_D = b"\x04"


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        pytest.param(b"y\n", 0, "Verified", id="yes"),
        pytest.param(b"n\n", 3, "not confirmed: nothing was written", id="no"),
        pytest.param(b"\n", 3, "not confirmed: nothing was written", id="return"),
        pytest.param(CTRL_D, 3, "not confirmed: nothing was written", id="end of input"),
        pytest.param(CTRL_C, 130, "interrupted", id="interrupt"),
    ],
)
def test_an_apply_is_asked_for_and_only_a_yes_is_one(
    gitops: Tree, sandbox: Sandbox, typed: bytes, code: int, said: str
) -> None:
    """Design §6: not confirmed is 3, interrupted is 130; without a yes nothing is written."""
    gitops.manifest("weekly")
    sat = at_a_terminal("apply", keys=[("Apply this?", typed)], folder=gitops.folder)

    assert (code, code == 0) == (sat.code, bool(sandbox.rows()))
    assert said in sat.screen


@pytest.mark.parametrize(("typed", "code"), [(b"y\n", 0), (b"n\n", 3), (CTRL_D, 3), (CTRL_C, 130)])
def test_an_erasure_is_asked_for_in_the_same_way(gitops: Tree, sandbox: Sandbox, typed: bytes, code: int) -> None:
    """And what cannot be undone is not done."""
    sandbox.reset(profile="latest")
    sat = at_a_terminal("recordings", "delete", RECORDING, keys=[("for good?", typed)], folder=gitops.folder)

    assert (code, code == 0) == (sat.code, any(request.method == "DELETE" for request in sandbox.requests()))


def test_a_person_at_a_terminal_sees_addresses_and_colour(
    gitops: Tree, variables: Callable[[Mapping[str, str]], None]
) -> None:
    """The reviewer needs them (design §6); NO_COLOR takes the colour alone, CI takes the addresses."""
    gitops.manifest("weekly")
    plain = {}
    for name in ("", "NO_COLOR", "CI"):
        if name:
            variables({name: "1"})
        plain[name] = at_a_terminal("plan", folder=gitops.folder).screen

    assert ["ana@example.com" in plain[name] for name in ("", "NO_COLOR", "CI")] == [True, True, False]
    assert ["\x1b[1m" in plain[name] for name in ("", "NO_COLOR")] == [True, False]
