"""Plans, results and problems as Markdown for a comment or a job summary. Addresses are masked by the Viewer.

Untrusted text only ever stands in table cells and code spans, where it can neither mention people nor end the table.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Problem
from ..model import Action, ApplyResult, Change, Finding, Plan, Status
from . import people
from .view import Viewer, count, visible


def plan(plan: Plan, viewer: Viewer) -> str:
    """A plan: who is mailed, a table of changes with their fields, what must be known, the summary."""
    lines = [f"### Plan for {code(plan.environment.name)}", ""]
    lines += [f"**{escape(viewer.text(people.sentence(plan)).strip())}**", ""] if plan.changes else []
    lines += [_summary(plan), ""]
    for change in plan.changes:
        lines += _change(change, viewer)
    if plan.findings:
        lines += ["| | manifest | finding |", "| --- | --- | --- |"]
        lines += [_finding(finding, viewer) for finding in plan.findings]
        lines += [""]
    lines += [f"Digest {code(plan.digest)}"]
    return "\n".join(lines)


def result(result: ApplyResult, viewer: Viewer) -> str:
    """What became of every change, as a table."""
    counts = ", ".join(f"{result.count(status)} {status}" for status in Status if result.count(status))
    lines = [f"### Apply to {code(result.plan.environment.name)}", "", f"{counts or 'nothing to do'}.", ""]
    if result.outcomes:
        lines += ["| status | change | row | reason |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {outcome.status} | {outcome.change.action} {code(outcome.change.name)} | {outcome.id or ''} "
        f"| {cell(viewer.text(outcome.reason))} |"
        for outcome in result.outcomes
    ]
    if result.verified is not None:
        lines += ["", "A fresh listing plans nothing more." if result.verified else "**Not verified:** run plan again."]
    return "\n".join(lines)


def problems(found: Sequence[Problem], warnings: Sequence[Problem], viewer: Viewer) -> str:
    """Problems and warnings as a table."""
    if not found and not warnings:
        return "No problems."
    lines = ["| | where | what |", "| --- | --- | --- |"]
    for word, group in (("error", found), ("warning", warnings)):
        lines += [f"| {word} | {_place(problem)} | {cell(viewer.text(problem.message))} |" for problem in group]
    return "\n".join(lines)


def code(text: str) -> str:
    """*text* as a code span that it cannot end, also inside a table cell."""
    inner = visible(text).replace("|", "\\|")
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in inner).split()), default=0)
    fence = "`" * (longest + 1)
    pad = " " if inner.startswith("`") or inner.endswith("`") else ""
    return f"{fence}{pad}{inner}{pad}{fence}" if inner else ""


def escape(text: str) -> str:
    """*text* as plain words: no markup, no HTML, no mention, no link."""
    return "".join(f"&#{ord(c)};" if c in "\\`*_{}[]<>()#+!|&~@:" else c for c in visible(text))


def cell(text: str) -> str:
    """*text* in a table cell."""
    return escape(text)


def _summary(plan: Plan) -> str:
    words = [f"{plan.count(action)} to {action}" for action in Action if plan.count(action)]
    words += [f"{plan.unchanged} unchanged", f"{plan.coverage.unmanaged + plan.coverage.foreign} unmanaged"]
    blocked = f" **Refused: {count(len(plan.blockers), 'finding')} must be settled first.**" if plan.blockers else ""
    return ", ".join(words) + "." + blocked


def _change(change: Change, viewer: Viewer) -> list[str]:
    row = f" (row {change.id})" if change.id is not None else ""
    place = f" in {code(f'{change.source.path}:{change.source.line}')}" if change.source is not None else ""
    lines = [f"#### {change.action} {code(change.name)}{row}{place}", ""]
    lines += ["| field | before | after | cause |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {code(field.field)} | {code(viewer.inline(field.before))} | {code(viewer.inline(field.after))} "
        f"| {field.cause or ''} |"
        for field in change.fields
    ]
    lines += [""]
    lines += [f"- {escape(viewer.text(people.effect_line(effect)))}" for effect in change.effects]
    return [*lines, ""]


def _finding(finding: Finding, viewer: Viewer) -> str:
    name = code(finding.name) if finding.name else ""
    return f"| {finding.severity} | {name} | {cell(viewer.text(finding.message))} ({code(finding.rule)}) |"


def _place(problem: Problem) -> str:
    return code(":".join(str(part) for part in (problem.path, problem.line, problem.column) if part is not None))
