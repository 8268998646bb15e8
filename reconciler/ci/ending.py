"""How a run ended, in the words and numbers that the rest of a workflow reads. Pure.

An Ending is what `ci` knows at the end, whatever happened: the result, the reason of a failure, the exit code of design
§6, what was planned and applied, and what is still to be shown. Knows no GitHub and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .. import exits
from ..errors import (
    ForgeError,
    Interrupted,
    InvalidInput,
    NoBase,
    NoKey,
    PlanRefused,
    Problem,
    ReconcilerError,
    ServerError,
    UsageError,
)
from ..model import Action, ApplyResult, Plan
from ..report import Viewer, github
from ..report.fitting import Page
from ..report.github import Annotation, Level
from . import review
from .inputs import Command, Inputs, Provider

PUBLIC = Viewer()
"""Who reads what a build machine writes: anybody, so that addresses are masked."""


class Result(StrEnum):
    """What a run came to."""

    NO_CHANGES = "no-changes"
    CHANGES = "changes"
    APPLIED = "applied"
    NOTHING_TO_APPLY = "nothing-to-apply"
    VALID = "valid"
    REFUSED = "refused"
    PARTIAL = "partial"
    ERROR = "error"


class Reason(StrEnum):
    """Why a run failed; NONE where it did not."""

    NONE = ""
    USAGE = "usage"
    INVALID_CONFIG = "invalid-config"
    NO_BASE = "no-base"
    NO_CREDENTIAL = "no-credential"
    BLOCKED = "blocked"
    PLAN_CHANGED = "plan-changed"
    PLAN_NOT_FOUND = "plan-not-found"
    CHANGES_PENDING = "changes-pending"
    PARTLY_APPLIED = "partly-applied"
    API_ERROR = "api-error"
    GITHUB_ERROR = "github-error"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal"


_REASONS: tuple[tuple[type[ReconcilerError], Reason], ...] = (
    (InvalidInput, Reason.INVALID_CONFIG),
    (NoBase, Reason.NO_BASE),
    (NoKey, Reason.NO_CREDENTIAL),
    (UsageError, Reason.USAGE),
    (ServerError, Reason.API_ERROR),
    (ForgeError, Reason.GITHUB_ERROR),
    (PlanRefused, Reason.BLOCKED),
    (Interrupted, Reason.INTERRUPTED),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended. `changes` is None where it is not known whether there are any.

    `log` is for the log, `page` for the summary; annotations are shown beside the manifests.
    """

    result: Result
    code: int = exits.DONE
    reason: Reason = Reason.NONE
    changes: bool | None = None
    plans: tuple[Plan, ...] = ()
    problems: tuple[Problem, ...] = ()
    page: Page | None = None
    log: str = ""
    annotations: tuple[Annotation, ...] = ()
    comment_url: str = ""
    issue: int | None = None

    def noting(self, *annotations: Annotation) -> Ending:
        """The same with more to tell."""
        return replace(self, annotations=(*self.annotations, *annotations))

    def count(self, *actions: Action) -> int:
        """How many changes do one of *actions*, over all environments."""
        return sum(plan.count(action) for plan in self.plans for action in actions)

    @property
    def totals(self) -> Mapping[str, int]:
        """Rows that come, change and go; a replacement both comes and goes."""
        return {
            "create": self.count(Action.CREATE, Action.RESTORE, Action.REPLACE),
            "update": self.count(Action.UPDATE),
            "delete": self.count(Action.DELETE, Action.REPLACE),
        }


def of_plans(plans: Sequence[Plan]) -> Ending:
    """The ending of a plan."""
    code = exits.worst(exits.of_plan(plan) for plan in plans)
    result = {exits.REFUSED: Result.REFUSED, exits.PENDING: Result.CHANGES}.get(code, Result.NO_CHANGES)
    return Ending(
        result,
        code,
        Reason.BLOCKED if code == exits.REFUSED else Reason.NONE,
        any(plan.changes for plan in plans),
        tuple(plans),
        annotations=tuple(found for plan in plans for found in github.of_plan(plan, PUBLIC)),
    )


def of_drift(plans: Sequence[Plan]) -> Ending:
    """The ending of a comparison of git with the server; what blocks an apply is drift here."""
    code = exits.worst(exits.of_drift(plan) for plan in plans)
    is_drift = code == exits.PENDING
    told = of_plans(plans)
    return replace(
        told,
        result=Result.CHANGES if is_drift else Result.NO_CHANGES,
        code=code,
        reason=Reason.NONE,
        changes=is_drift,
    )


def of_results(plans: Sequence[Plan], results: Sequence[ApplyResult]) -> Ending:
    """The ending of an apply that was carried out."""
    code = exits.of_results(results)
    is_begun = any(map(exits.was_sent, results))
    result, reason = {
        exits.DONE: (Result.APPLIED, Reason.NONE),
        exits.PARTIAL: (Result.PARTIAL, Reason.PARTLY_APPLIED),
        exits.INTERRUPTED: (Result.PARTIAL if is_begun else Result.ERROR, Reason.INTERRUPTED),
    }.get(code, (Result.ERROR, Reason.API_ERROR))
    found = tuple(each for result in results for each in github.of_result(result, PUBLIC))
    return Ending(result, code, reason, any(plan.changes for plan in plans), tuple(plans), annotations=found)


def of_error(error: ReconcilerError) -> Ending:
    """The ending of a run that *error* ended."""
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), Reason.INTERNAL)
    problems = tuple(problem.guarded for problem in error.problems)
    return Ending(
        Result.REFUSED if error.exit_code == exits.REFUSED else Result.ERROR,
        error.exit_code,
        reason,
        problems=problems,
        annotations=tuple(github.of_problems(problems, getattr(error, "warnings", ()), PUBLIC)),
    )


def reason_in_words(error: ReconcilerError) -> str:
    """What *error* says, as anybody may read it."""
    return " ".join(PUBLIC.text(problem.guarded.message) for problem in error.problems)


def status(ending: Ending, command: Command | None, inputs: Inputs | None) -> tuple[int, Ending]:
    """What the process ends with, and the ending with its reason.

    A step of GitHub knows zero and everything else, so that pending changes fail it only where that is asked for;
    elsewhere drift ends with 2, as `reconciler drift` does.
    """
    if ending.code != exits.PENDING:
        return ending.code, ending
    if inputs is not None and inputs.fail_on_changes:
        text = "changes are pending, and fail-on-changes is true"
        failed = replace(ending, reason=Reason.CHANGES_PENDING)
        return exits.PENDING, failed.noting(Annotation(Level.ERROR, "changes-pending", text))
    is_drift_elsewhere = command is Command.DRIFT and inputs is not None and inputs.provider is not Provider.GITHUB
    return (exits.PENDING if is_drift_elsewhere else exits.DONE), ending


def outputs(ending: Ending, files: Mapping[str, str]) -> dict[str, str]:
    """Every output by its name; "" for what is not known. *files* are the paths of plan.json and plan.md."""
    totals = ending.totals if ending.plans else {}
    return {
        "result": ending.result,
        "failure-reason": ending.reason,
        "exit-code": str(ending.code),
        "changes": "" if ending.changes is None else str(ending.changes).lower(),
        **{f"to-{sort}": str(totals[sort]) if totals else "" for sort in ("create", "update", "delete")},
        "digest": " ".join(review.expectation(plan) for plan in ending.plans),
        "plan-json": files.get("plan.json", ""),
        "plan-markdown": files.get("plan.md", ""),
        "comment-url": ending.comment_url,
        "issue-number": "" if ending.issue is None else str(ending.issue),
    }
