"""Plans, results and problems as Markdown for a comment or a job summary. Addresses are masked by the Viewer.

Untrusted text stands as values in code spans, and as words whose every special character is an entity: it can neither
become markup, end its table, link anywhere, nor mention people or issues.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import Problem
from ..model import Action, ApplyResult, Change, Finding, Plan, Status
from ..privacy import Message, Private
from . import people
from .view import Viewer, count, visible

# Text that a code span shows as it is: nothing in it can end the span or the table cell around it.
_PLAIN = re.compile(r"[\w .,:;/@#=+*(){}\[\]<>\"'&%!?$~^→-]+")

# What begins markup, a link, an emoji or a formula; an underscore inside a word begins nothing. And what, before a name
# or a number, hails a person or an issue.
_MARKUP = r"[\\`*<>\[\]~|&$]|(?<![a-z0-9])_|_(?![a-z0-9])|:(?=[\w/+-])|(?<=www)\."
_SPECIAL = re.compile(rf"(?P<markup>{_MARKUP})|[@#]|(?<=\bGH)-(?=[0-9])", re.IGNORECASE)


def plan(plan: Plan, viewer: Viewer) -> str:
    """A plan: who is mailed, a table of changes with their fields, what must be known, the summary."""
    lines = [f"### Plan for {code(plan.environment.name)}", ""]
    lines += [f"**{words(people.sentence(plan), viewer)}**", ""] if plan.changes else []
    lines += [_summary(plan), ""]
    for change in plan.changes:
        lines += change_lines(change, viewer)
    if plan.findings:
        lines += ["| | manifest | finding |", "| --- | --- | --- |"]
        lines += [finding_row(finding, viewer) for finding in plan.findings]
        lines += [""]
    lines += [words(people.coverage(plan), viewer), "", f"Digest {code(plan.digest)}"]
    return "\n".join(lines)


def result(result: ApplyResult, viewer: Viewer) -> str:
    """What became of every change, as a table."""
    counts = ", ".join(f"{result.count(status)} {status}" for status in Status if result.count(status))
    lines = [f"### Apply to {code(result.plan.environment.name)}", "", f"{counts or 'nothing to do'}.", ""]
    if result.outcomes:
        lines += ["| status | change | row | reason |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {outcome.status} | {outcome.change.action} {code(outcome.change.name)} | {outcome.id or ''} "
        f"| {words(outcome.reason, viewer)} |"
        for outcome in result.outcomes
    ]
    if result.verified is not None:
        doubt = words(result.doubt, viewer) or "a fresh listing still plans changes"
        said = (
            "A fresh listing plans nothing more." if result.verified else f"**Not verified:** {doubt}. Run plan to see."
        )
        lines += ["", said]
    return "\n".join(lines)


def problems(found: Sequence[Problem], warnings: Sequence[Problem], viewer: Viewer) -> str:
    """Problems and warnings as a table."""
    if not found and not warnings:
        return "No problems."
    lines = ["| | where | what |", "| --- | --- | --- |"]
    for word, group in (("error", found), ("warning", warnings)):
        lines += [f"| {word} | {code(problem.place)} | {words(problem.message, viewer)} |" for problem in group]
    return "\n".join(lines)


def code(text: str) -> str:
    """*text* as a code span that it cannot end, also inside a table cell."""
    shown = visible(text)
    if not shown:
        return ""
    # A pipe ends a table cell even in a code span, and no escape is safe behind a backslash; HTML knows entities.
    return f"`{shown}`" if _PLAIN.fullmatch(shown) and shown.strip() else f"<code>{escape(shown)}</code>"


def words(message: Message, viewer: Viewer) -> str:
    """*message* as a sentence: what it says escaped, the values in it as code."""
    shown = [
        code(part.shown(addresses=viewer.addresses)) if isinstance(part, Private) else escape(part) for part in message
    ]
    return "".join(shown).strip()


def escape(text: str) -> str:
    """*text* as plain words: no markup, no HTML, no mention, no link.

    An entity stops Markdown, but mentions and issue numbers are looked for in the finished page; there an empty comment
    parts the sign from its name.
    """
    return _SPECIAL.sub(_spelled, visible(text))


def _spelled(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};" if found["markup"] else f"{found[0]}<!-- -->"


def _summary(plan: Plan) -> str:
    words = [f"{plan.count(action)} to {action}" for action in Action if plan.count(action)]
    words += [f"{plan.unchanged} unchanged"]
    blocked = f" **Refused: {count(len(plan.blockers), 'finding')} must be settled first.**" if plan.blockers else ""
    return ", ".join(words) + "." + blocked


def change_lines(change: Change, viewer: Viewer) -> list[str]:
    """A change: a heading, a table of its fields, whom it reaches, and when."""
    row = f" (row {change.id})" if change.id is not None else ""
    place = f" in {code(str(change.source))}" if change.source is not None else ""
    lines = [f"#### {change.action} {code(change.name)}{row}{place}", ""]
    lines += ["| field | before | after | cause |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {code(field.field)} | {code(viewer.inline(field.before))} | {code(viewer.inline(field.after))} "
        f"| {field.cause or ''} |"
        for field in change.fields
    ]
    lines += [""]
    lines += [f"- {words(people.effect_line(effect), viewer)}" for effect in change.effects]
    lines += [f"- {words(line, viewer)}" for line in people.delivery_lines(change)]
    return [*lines, ""]


def finding_row(finding: Finding, viewer: Viewer) -> str:
    """A finding as a row of a table: how much it matters, of which manifest, what."""
    name = code(finding.name) if finding.name else ""
    return f"| {finding.severity} | {name} | {words(finding.message, viewer)} ({code(finding.rule)}) |"
