"""Plans, results and problems as text for a terminal or a log. Every untrusted character is made visible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..errors import Problem
from ..model import Action, ApplyResult, Change, FieldChange, Finding, Outcome, Plan, Severity, Status
from ..privacy import Message, say
from ..rules import is_drift
from . import people
from .view import Viewer, count, visible

_COLOURS = {"+": 32, "~": 33, "^": 36, "±": 35, "-": 31}
_RED, _YELLOW, _GREEN, _BOLD, _DIM = 31, 33, 32, 1, 2
_SEVERITIES = {Severity.BLOCK: ("blocked", _RED), Severity.WARNING: ("warning", _YELLOW), Severity.NOTE: ("note", _DIM)}
_STATUSES = {Status.APPLIED: _GREEN, Status.FAILED: _RED, Status.UNKNOWN: _YELLOW, Status.SKIPPED: _DIM}


# Build machines obey such words in a log: `##[error]` and `##vso[task]` anywhere, `::error::` where a line begins.
_COMMAND = re.compile(r"#(?=#\w*\[)|^\s*:(?=:)")


def plan(plan: Plan, viewer: Viewer) -> str:
    """A plan: who is mailed, a block per change, what must be known, and a summary line."""
    write = Writer(viewer)
    write.line(f"{plan.environment.name}: project {plan.environment.project_id} on {plan.environment.host}", _BOLD)
    if plan.changes:
        write.message(people.sentence(plan), _BOLD)
    for change in plan.changes:
        write.blank()
        write_change(write, change)
    if plan.findings:
        write.blank()
    for finding in plan.findings:
        write_finding(write, finding)
    write.blank()
    write.line(_summary(plan), _BOLD)
    write.message(people.coverage(plan), _DIM)
    write.line(f"Digest {plan.digest}", _DIM)
    return write.text()


def drift(found: Plan, viewer: Viewer) -> str:
    """A drift report: the plan that would undo it, introduced as what it is."""
    observed = sum(is_drift(finding) for finding in found.findings)
    if found.changes:
        head = f"{count(len(found.changes), 'subscription')} drifted from git; an apply would do this:"
    elif found.blockers:
        head = f"Drift: {count(len(found.blockers), 'manifest')} cannot be compared with the server, see below."
    elif observed:
        head = f"No subscription drifted, but {count(observed, 'recording')} did; see below, an apply changes nothing."
    else:
        head = "No drift: what the server holds is what the manifests say."
    return f"{head}\n\n{plan(found, viewer)}"


def result(result: ApplyResult, viewer: Viewer) -> str:
    """What became of every change, and whether a fresh listing proved it."""
    write = Writer(viewer)
    for outcome in result.outcomes:
        _write_outcome(write, outcome)
    if result.outcomes:
        write.blank()
    counts = ", ".join(f"{result.count(status)} {status.value}" for status in Status if result.count(status))
    write.line(f"{result.plan.environment.name}: {counts or 'nothing to do'}.", _BOLD)
    if result.interrupted:
        write.line("Interrupted: what is skipped was not started. The same command again finishes it.", _YELLOW)
    if result.verified is not None:
        said = say("Verified: a fresh listing plans nothing more.") if result.verified else _unverified(result)
        write.message(said, _GREEN if result.verified else _YELLOW)
    return write.text()


def _unverified(result: ApplyResult) -> Message:
    return say("Not verified: ", *(result.doubt or ("a fresh listing still plans changes",)), ". Run plan to see.")


def validation(manifests: int, problems: Sequence[Problem], warnings: Sequence[Problem], viewer: Viewer) -> str:
    """Every problem with its place, then one line that counts."""
    write = Writer(viewer)
    for problem in problems:
        _write_problem(write, problem, "error", _RED)
    for warning in warnings:
        _write_problem(write, warning, "warning", _YELLOW)
    if problems:
        write.line(f"{count(len(problems), 'error')} in {count(manifests, 'manifest')}.", _RED)
    else:
        write.line(f"{count(manifests, 'manifest')} valid.", _GREEN)
    return write.text()


def problems(found: Iterable[Problem], viewer: Viewer) -> str:
    """Errors, one line each: where, what, the way out."""
    write = Writer(viewer)
    for problem in found:
        _write_problem(write, problem, "error", _RED)
    return write.text()


def warnings(found: Iterable[Problem], viewer: Viewer) -> str:
    """Warnings, one line each."""
    write = Writer(viewer)
    for problem in found:
        _write_problem(write, problem, "warning", _YELLOW)
    return write.text()


def remark(message: str) -> str:
    """One line that a terminal and a build machine only show."""
    write = Writer(Viewer())
    write.line(message)
    return write.text()


class Writer:
    """Collects lines; colours them where the viewer has colour; makes every message's characters visible."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._lines: list[str] = []

    def paint(self, text: str, colour: int | None) -> str:
        """*text* with every character visible that a terminal or a build machine would obey, in *colour*."""
        text = _COMMAND.sub(lambda found: f"{found[0][:-1]}\\x{ord(found[0][-1]):02x}", visible(text))
        return f"\x1b[{colour}m{text}\x1b[0m" if self.viewer.colour and colour is not None else text

    def line(self, text: str, colour: int | None = None) -> None:
        """Add a line."""
        self._lines.append(self.paint(text, colour))

    def message(self, message: Message, colour: int | None = None) -> None:
        """Add a line that says *message*, as the viewer may read it."""
        self.line(self.viewer.text(message).rstrip(), colour)

    def pieces(self, *pieces: tuple[str, int | None]) -> None:
        """Add a line in several colours."""
        self._lines.append("".join(self.paint(text, colour) for text, colour in pieces))

    def blank(self) -> None:
        """Add an empty line, unless there is one, or nothing yet."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines)


def write_change(write: Writer, change: Change) -> None:
    """A change: what it does to which row, its fields, whom it reaches, and when."""
    sign = change.action.sign
    row = f" (row {change.id})" if change.id is not None else ""
    place = f"  {change.source}" if change.source is not None else ""
    write.pieces((f"{sign} {change.action} {change.name}{row}", _COLOURS[sign]), (place, _DIM))
    if change.action is Action.DELETE:
        return
    width = max((len(field.field) for field in change.fields), default=0)
    for field in change.fields:
        _write_field(write, change, field, width)
    for effect in change.effects:
        write.pieces(("    → ", _YELLOW), (write.viewer.text(people.effect_line(effect)), _YELLOW))
    for line in people.delivery_lines(change):
        write.message(("    ", *line), _DIM)


def _write_field(write: Writer, change: Change, field: FieldChange, width: int) -> None:
    label = f"    {field.field.ljust(width)}  "
    after = write.viewer.inline(field.after)
    if change.action is Action.CREATE:
        write.line(label + after)
        return
    cause = f"  ({field.cause})" if field.cause is not None else ""
    before = write.viewer.inline(field.before)
    write.pieces((label, None), (before, _RED), (" → ", None), (after, _GREEN), (cause, _DIM))


def write_finding(write: Writer, finding: Finding) -> None:
    """A finding: how much it matters, where, what, and its rule."""
    word, colour = _SEVERITIES[finding.severity]
    place = f"{finding.source}: " if finding.source is not None else ""
    name = f"{finding.name}: " if finding.name else ""
    write.pieces((f"{word} ", colour), (f"{place}{name}{write.viewer.text(finding.message)} [{finding.rule}]", None))


def _write_outcome(write: Writer, outcome: Outcome) -> None:
    row = f" (row {outcome.id})" if outcome.id is not None else ""
    reason = write.viewer.text(outcome.reason)
    write.pieces(
        (outcome.status.ljust(8), _STATUSES[outcome.status]),
        (f"{outcome.change.action} {outcome.change.name}{row}", None),
        (f": {reason}" if reason else "", None),
    )


def _write_problem(write: Writer, problem: Problem, word: str, colour: int) -> None:
    write.pieces(
        (f"{problem.place}: " if problem.place else "", _BOLD),
        (f"{word}: ", colour),
        (f"{write.viewer.text(problem.message)} [{problem.rule}]", None),
    )


def _summary(plan: Plan) -> str:
    words = ", ".join(_counts(plan))
    if plan.blockers:
        return f"Refused: {count(len(plan.blockers), 'finding')} must be settled first ({words})."
    if not plan.changes:
        return f"Nothing to do: {count(plan.unchanged, 'subscription')} as git says."
    return f"Plan: {words}."


def _counts(plan: Plan) -> Iterator[str]:
    for action in Action:
        if plan.count(action):
            yield f"{plan.count(action)} to {action}"
    yield f"{plan.unchanged} unchanged"
