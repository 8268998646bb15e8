"""Annotations for GitHub Actions: workflow commands that show a message on a line of a manifest.

A build machine shows ten of a kind and drops the rest, and cuts a message at 4,096 characters; so the most important
come first, and the last one says how many more there are. Data and properties are escaped as the runner unescapes them,
so that no text can issue a command of its own. Pure; knows nothing of what else is written to the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..errors import Problem
from ..model import Action, ApplyResult, Change, Finding, Plan, Severity, Source, Status
from . import people
from .view import Viewer, count, visible

MOST_SHOWN = 10
"""Of one kind in one step; the last of them counts the rest."""
LONGEST = 4_096
"""Characters of one message, as the runner counts them after it has undone the escapes."""


class Level(StrEnum):
    """The kinds of annotations, most important first; each is the name of its workflow command."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


_LEVELS = {Severity.BLOCK: Level.ERROR, Severity.WARNING: Level.WARNING, Severity.NOTE: Level.NOTICE}


@dataclass(frozen=True, slots=True)
class Annotation:
    """One message, and the line it belongs to. `path` is as the program shows it; nothing here is escaped yet."""

    level: Level
    title: str
    text: str
    path: str | None = None
    line: int | None = None


def plan(plan: Plan, viewer: Viewer) -> str:
    """The annotations of *plan*, one workflow command a line."""
    return written(of_plan(plan, viewer))


def result(result: ApplyResult, viewer: Viewer) -> str:
    """What did not apply, one workflow command a line."""
    return written(of_result(result, viewer))


def problems(errors: Iterable[Problem], warnings: Iterable[Problem], viewer: Viewer) -> str:
    """Problems and warnings, one workflow command a line."""
    return written(of_problems(errors, warnings, viewer))


def of_plan(plan: Plan, viewer: Viewer) -> list[Annotation]:
    """What blocks, who is reached and what is removed, each on its manifest's line; then all the rest."""
    blocking = [_of_finding(finding, viewer) for finding in plan.blockers]
    others = [_of_finding(finding, viewer) for finding in plan.findings if finding.severity is not Severity.BLOCK]
    changes = [found for change in plan.changes for found in _of_change(change, viewer)]
    covered = Annotation(Level.NOTICE, "coverage", viewer.text(people.coverage(plan)))
    return [*blocking, *changes, *others, covered]


def of_result(result: ApplyResult, viewer: Viewer) -> list[Annotation]:
    """What did not apply, on its manifest's line."""
    return [
        _placed(
            Level.WARNING if outcome.status is Status.SKIPPED else Level.ERROR,
            outcome.status,
            f"{outcome.change.action} {outcome.change.name}: {viewer.text(outcome.reason)}",
            outcome.change.source,
        )
        for outcome in result.outcomes
        if outcome.status is not Status.APPLIED
    ]


def of_problems(errors: Iterable[Problem], warnings: Iterable[Problem], viewer: Viewer) -> list[Annotation]:
    """Problems as errors, and warnings, each on its line."""
    return [
        Annotation(level, problem.rule, viewer.text(problem.message), problem.path, problem.line)
        for level, group in ((Level.ERROR, errors), (Level.WARNING, warnings))
        for problem in group
    ]


def written(annotations: Iterable[Annotation], folder: str = "") -> str:
    """*annotations* as workflow commands, one a line, at most ten of a kind; paths as seen from above *folder*."""
    given = list(annotations)
    lines = [_command(each, folder) for level in Level for each in _most(level, [a for a in given if a.level is level])]
    return "\n".join(lines)


def _most(level: Level, given: Sequence[Annotation]) -> Sequence[Annotation]:
    """*given*, or the first nine of them and how many more there are."""
    if len(given) <= MOST_SHOWN:
        return given
    more = len(given) - MOST_SHOWN + 1
    text = f"and {count(more, f'more {level}')}: see the summary of the run"
    return [*given[: MOST_SHOWN - 1], Annotation(level, f"{more} more", text)]


def _of_finding(finding: Finding, viewer: Viewer) -> Annotation:
    said = viewer.text(finding.message)
    text = f"{finding.name}: {said}" if finding.name else said
    return _placed(_LEVELS[finding.severity], finding.rule, text, finding.source)


def _of_change(change: Change, viewer: Viewer) -> Iterator[Annotation]:
    """That a row is removed, and each thing that somebody notices."""
    if change.action in (Action.DELETE, Action.REPLACE):
        text = f"{change.name}: row {change.id} is soft-deleted and sends nothing any more"
        yield _placed(Level.WARNING, change.action, text, change.source)
    for effect in change.effects:
        text = f"{change.name}: {viewer.text(people.effect_line(effect))}"
        yield _placed(Level.WARNING, effect.effect, text, change.source)


def _placed(level: Level, title: str, text: str, source: Source | None) -> Annotation:
    return Annotation(level, title, text, *((source.path, source.line) if source is not None else ()))


def _command(annotation: Annotation, folder: str) -> str:
    path = f"{folder}/{annotation.path}" if folder and annotation.path else annotation.path
    properties = {"file": path, "line": annotation.line, "title": annotation.title}
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value is not None)
    text = visible(annotation.text)
    shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return f"::{annotation.level} {given}::{data(shown)}"


def data(text: str) -> str:
    """*text* as the data of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return data(visible(text)).replace(":", "%3A").replace(",", "%2C")
