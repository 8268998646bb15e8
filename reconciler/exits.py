"""The exit codes of design §6: which there are, which one a plan or a result ends with, and which is the worst. Pure.

Knows plans and results; knows neither the command line nor what a build machine makes of a code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .model import ApplyResult, Plan, Status
from .rules import is_drift

DONE, ERROR, PENDING, REFUSED, PARTIAL, INTERRUPTED = 0, 1, 2, 3, 4, 130

_WORST_FIRST = (INTERRUPTED, PARTIAL, REFUSED, ERROR, PENDING, DONE)


def worst(codes: Iterable[int]) -> int:
    """The exit code of several environments together."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), DONE)


def has_drifted(plan: Plan) -> bool:
    """Whether the server is not as git says: by a change, by what blocks one, or by what is only compared."""
    return bool(plan.changes or plan.blockers) or any(is_drift(finding) for finding in plan.findings)


def of_plan(plan: Plan) -> int:
    """The code of one plan, where changes that are pending matter."""
    return REFUSED if plan.blockers else PENDING if plan.changes else DONE


def of_drift(plan: Plan) -> int:
    """The code of one comparison of git with the server."""
    return PENDING if has_drifted(plan) else DONE


def of_results(results: Sequence[ApplyResult]) -> int:
    """The code of one run that applied plans to several environments: the worst, with one correction.

    An environment that was refused everything ends with 1, which says that nothing was written. Where another one was
    written meanwhile that would mislead whoever reads it, so that the run ends with 4: some written, some not.
    """
    code = worst(map(of_result, results))
    return PARTIAL if code == ERROR and any(map(has_written, results)) else code


def of_result(result: ApplyResult) -> int:
    """The code of one applied plan."""
    if result.interrupted:
        return INTERRUPTED
    if all(outcome.status is Status.APPLIED for outcome in result.outcomes):
        return PARTIAL if result.verified is False else DONE
    return PARTIAL if has_written(result) else ERROR


def has_written(result: ApplyResult) -> bool:
    """Whether the server accepted a write, or may have."""
    wrote = (Status.APPLIED, Status.UNKNOWN)
    return any(outcome.accepted or outcome.status in wrote for outcome in result.outcomes)


def was_sent(result: ApplyResult) -> bool:
    """Whether a write was sent at all, whatever became of it, or may have been."""
    return has_written(result) or any(outcome.attempts for outcome in result.outcomes)
