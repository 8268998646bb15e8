"""Annotations for GitHub Actions: one workflow command per finding or problem, on the manifest's line.

Data and properties are escaped as the runner unescapes them, so that no text can issue a command of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import Problem
from ..model import ApplyResult, Plan, Severity, Status
from . import people
from .view import Viewer, visible

_COMMANDS = {Severity.BLOCK: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def plan(plan: Plan, viewer: Viewer) -> str:
    """The findings of *plan* and what it covers, one workflow command a line."""
    covered = _command("notice", None, None, "coverage", viewer.text(people.coverage(plan)))
    return (
        "\n".join(
            _command(
                _COMMANDS[finding.severity],
                finding.source.path if finding.source is not None else None,
                finding.source.line if finding.source is not None else None,
                finding.rule,
                f"{finding.name}: {viewer.text(finding.message)}" if finding.name else viewer.text(finding.message),
            )
            for finding in plan.findings
        )
        + ("\n" if plan.findings else "")
        + covered
    )


def result(result: ApplyResult, viewer: Viewer) -> str:
    """What did not apply, one workflow command a line."""
    return "\n".join(
        _command(
            "warning" if outcome.status is Status.SKIPPED else "error",
            outcome.change.source.path if outcome.change.source is not None else None,
            outcome.change.source.line if outcome.change.source is not None else None,
            outcome.status,
            f"{outcome.change.action} {outcome.change.name}: {viewer.text(outcome.reason)}",
        )
        for outcome in result.outcomes
        if outcome.status is not Status.APPLIED
    )


def problems(errors: Iterable[Problem], warnings: Sequence[Problem], viewer: Viewer) -> str:
    """Problems and warnings, one workflow command a line."""
    return "\n".join(
        _command(word, problem.path, problem.line, problem.rule, viewer.text(problem.message))
        for word, group in (("error", errors), ("warning", warnings))
        for problem in group
    )


def _command(word: str, path: str | None, line: int | None, title: str, text: str) -> str:
    properties = {"file": path, "line": line, "title": title}
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value is not None)
    return f"::{word} {given}::{_data(visible(text))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")
