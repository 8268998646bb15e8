"""The exit codes of an apply: of one environment, and of several together (design §6)."""

import pytest

from reconciler.exits import of_result, of_results, was_sent
from reconciler.model import ApplyResult, Outcome, Status
from tests.scenes import manifest, planned

PLAN = planned(manifest())


def ended(*statuses: str, verified: bool | None = True, interrupted: bool = False) -> ApplyResult:
    """A result whose changes ended so.

    `accepted` is a failure of which the server accepted something, `unsent unknown` a change of which nobody knows
    whether anything was sent.
    """
    (change,) = PLAN.changes
    outcomes = tuple(
        Outcome(change, Status.FAILED, accepted=True, attempts=1)
        if status == "accepted"
        else Outcome(change, Status.UNKNOWN)
        if status == "unsent unknown"
        else Outcome(change, Status(status), attempts=0 if status == "skipped" else 1)
        for status in statuses
    )
    return ApplyResult(PLAN, outcomes, verified, interrupted=interrupted)


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (ended(), 0),
        (ended("applied", "applied"), 0),
        (ended("applied", verified=False), 4),
        (ended("failed", "skipped"), 1),
        (ended("skipped"), 1),
        (ended("applied", "failed"), 4),
        (ended("unknown", "skipped"), 4),
        (ended("accepted"), 4),
        (ended("applied", "skipped", interrupted=True), 130),
    ],
)
def test_the_code_of_one_environment(result: ApplyResult, code: int) -> None:
    """1 where nothing was written, 4 where something was or may have been, and not everything was applied."""
    assert code == of_result(result)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([ended("applied"), ended()], 0),
        ([ended("failed"), ended()], 1),
        ([ended("failed"), ended("skipped")], 1),
        ([ended("failed"), ended("applied")], 4),
        ([ended("applied"), ended("failed")], 4),
        ([ended("failed"), ended("unknown")], 4),
        ([ended("failed"), ended("applied"), ended("skipped", interrupted=True)], 130),
    ],
)
def test_the_code_of_several_environments(results: list[ApplyResult], code: int) -> None:
    """The worst; but 1, which says that nothing was written, only where that is true of all of them."""
    assert code == of_results(results)


def test_whether_a_write_was_sent() -> None:
    """What was skipped was not; what was refused was; what nobody knows of may have been."""
    cases = ((), ("skipped",), ("failed",), ("skipped", "applied"), ("unsent unknown",))
    assert [False, False, True, True, True] == [was_sent(ended(*each)) for each in cases]
