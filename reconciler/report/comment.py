"""What a reviewer reads on GitHub: the comment on a pull request, the summary of a job, the issue about drift. Pure.

Who is mailed comes first, then a table of what changes and when it is delivered next, then the details, folded. One
Page for each, of blocks that are left out whole where there are too many (`fitting`). Addresses are masked: others than
the reviewer may read it. Untrusted text stands in code spans, in fences that it cannot end, or as words whose special
characters are entities. Knows nothing of how a page is posted, nor of the marker that makes its first line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from ..errors import Problem
from ..instants import in_words
from ..model import Action, ApplyResult, Cause, Change, FieldChange, Finding, Outcome, Plan, Severity, Source, Status
from ..privacy import Message, listed, say
from . import people
from .fitting import Block, Group, Page, Rank
from .markdown import code, escape, words
from .view import Viewer, count, visible

REVIEWED = "<!-- reconciler:reviewed -->"
"""The line under which a comment keeps the plan that was reviewed, once there is news above it."""

MOST_PROBLEMS = 20
_LONGEST_SENTENCE = 1_500
_LONGEST_CELL = 240
_PUBLIC = Viewer()
_VERBS = {Action.CREATE: "new", Action.RESTORE: "restored", Action.REPLACE: "replaced", Action.DELETE: "soft-deleted"}
_REMOVALS = (Action.DELETE, Action.REPLACE)
_LEGEND = "`+` create · `~` update · `^` restore · `±` replace · `-` soft-delete"

_PLAN = Group("| | subscription | what changes | who hears of it now | next delivery |\n|:-:|---|---|---|---|\n")
_LIST = Group("")
_OUTCOMES = Group("| status | change | row | reason |\n|---|---|---|---|\n")
_UNREVIEWED = Group("| environment | change | why it may not be applied | fields now |\n|---|---|---|---|\n")
_PROBLEMS = Group("| | where | what |\n|---|---|---|\n")


@dataclass(frozen=True, slots=True)
class Context:
    """Of what a page is, and where more is to be read.

    `commit` is its full name; `run` the address of the run; `files` what stands before a file's path in its address;
    `read` when the live rows were read, in UTC. All but the label may be empty.
    """

    label: str
    commit: str = ""
    run: str = ""
    files: str = ""
    read: str = ""

    @property
    def elsewhere(self) -> str:
        """Where the whole is to be had, in a sentence."""
        return (
            f"The whole is in the [summary and log of the run]({self.run})." if self.run else "The log has the whole."
        )

    def link(self, source: Source | None) -> str:
        """The place of a manifest, with its address where there is one; nothing where there is no place."""
        if source is None:
            return ""
        shown = f"<code>{_html(str(source))}</code>"
        address = f"{self.files}{quote(source.path)}#L{source.line}"
        return f'<a href="{_html(address)}">{shown}</a>' if self.files else shown


@dataclass(frozen=True, slots=True)
class Unreviewed:
    """Something that was not reviewed, and so is not applied: a change, or (None) the plan of an environment."""

    environment: str
    change: Change | None
    why: str


# --- plans ----------------------------------------------------------------------------------------------------------


def plans(plans: Sequence[Plan], context: Context) -> Page:
    """What an apply would do, one environment after the other."""
    head = Block(f"### reconciler plan · {code(context.label)} — {headline(plans)}")
    promise = "what is applied is exactly this, or less of it, or nothing"
    return _page((head, *_sections(plans, context)), [_LEGEND, *_origin(plans, context), promise], context)


def drift(plans: Sequence[Plan], context: Context) -> Page:
    """What somebody changed behind git's back, as the issue about it says it."""
    head = Block(
        f"### Drift · {code(context.label)}\n\nPostHog is not as git says. An apply of this branch would do this: "
        f"{headline(plans)}."
    )
    ways = Block(
        "**Two ways out.** To have it as git says, run the apply workflow again (by hand, without a reviewed plan). To "
        "keep what was done by hand, write it into the manifests and merge that. This issue is closed by the first run "
        "that finds no drift; closing it by hand keeps it silent until something else drifts, or nothing did for once."
    )
    return _page((head, *_sections(plans, context), ways), [_LEGEND, *_origin(plans, context)], context)


def headline(plans: Sequence[Plan]) -> str:
    """How many changes of each sort there are, over all environments."""
    counts = Counter(change.action for plan in plans for change in plan.changes)
    told = ", ".join(f"{counts[action]} to {action}" for action in Action if counts[action]) or "no changes"
    blocked = sum(len(plan.blockers) for plan in plans)
    return f"refused, {count(blocked, 'finding')} to settle first ({told})" if blocked else told


def _sections(plans: Sequence[Plan], context: Context) -> Iterator[Block]:
    for plan in plans:
        rank = Rank.SECTION if len(plans) > 1 else Rank.KEPT
        if len(plans) > 1:
            yield Block(f"#### {code(plan.environment.name)} — {headline([plan])}", rank)
        yield from _section(plan, rank, context)


def _section(plan: Plan, rank: Rank, context: Context) -> Iterator[Block]:
    """One environment: who is mailed, what to beware of, the table, the details, what must be known."""
    yield Block(f"**{_sentence(plan)}**" if plan.changes else _nothing(plan), rank)
    removed = sum(change.action in _REMOVALS for change in plan.changes)
    if removed:
        alert = f"This plan **soft-deletes {count(removed, 'row')}**: nothing is sent from there any more."
        yield Block(f"> [!WARNING]\n> {alert}", rank)
    if plan.blockers:
        yield Block("> [!CAUTION]\n> Nothing of this plan can be applied until this is settled:", rank)
        yield from (replace(_finding(finding, context), group=_LIST) for finding in plan.blockers)
    yield from (_row(change) for change in plan.changes)
    yield from (_details(change, context) for change in plan.changes if change.action is not Action.DELETE)
    others = [finding for finding in plan.findings if finding.severity is not Severity.BLOCK]
    around = Group(f"<details><summary>{count(len(others), 'notice')}</summary>\n\n", "\n\n</details>")
    yield from (replace(_finding(finding, context), group=around) for finding in others)
    yield Block(f"<sub>{words(people.coverage(plan), _PUBLIC)}</sub>", Rank.NOTICE)


def _nothing(plan: Plan) -> str:
    return f"Nothing to do: {count(plan.unchanged, 'subscription')} as git says." if not plan.blockers else ""


def _sentence(plan: Plan) -> str:
    """Who is mailed; only how many, where they are too many to name."""
    named = words(people.sentence(plan), _PUBLIC)
    if len(named) <= _LONGEST_SENTENCE:
        return named
    union = people.reached(plan.changes)
    counted = (
        (union.people, "mails {}", "address"),
        (union.channels, "posts to {}", "channel"),
        (union.later, "reaches {} at the server's next tick", "recipient"),
    )
    told = ", ".join(verb.format(count(len(whom), noun)) for whom, verb, noun in counted if whom)
    return f"This apply {told}{' (the server may send less)' if union.unknown else ''}."


def _row(change: Change) -> Block:
    """A line of the table; one that removes a row or reaches somebody is left out last."""
    cells = (code(change.action.sign), code(change.name), _what(change), _who(change), _when(change))
    is_weighty = change.action in _REMOVALS or change.effects
    return Block(f"| {' | '.join(cells)} |", Rank.WEIGHTY_ROW if is_weighty else Rank.ROW, group=_PLAN)


def _what(change: Change) -> str:
    if change.action in (Action.CREATE, Action.DELETE):
        return _VERBS[change.action]
    names = [code(field.field) for field in change.fields if field.field != "deleted"]
    verb = [_VERBS[change.action]] if change.action in _VERBS else []
    is_drift = bool(change.fields) and all(field.cause is Cause.DRIFT for field in change.fields)
    return ", ".join([*verb, *names]) + (" (undoes what was done in PostHog)" if is_drift else "")


def _who(change: Change) -> str:
    """Who gets a message because of this apply, and who gets none from now on."""
    lines = [
        _short(people.effect_line(effect), f"{effect.effect}: {count(len(effect.recipients), 'address')}")
        for effect in change.effects
    ]
    if change.removed and change.action is not Action.DELETE:
        gone = say("no more: ", *listed(change.removed))
        lines += [_short(gone, f"no more: {count(len(change.removed), 'address')}")]
    return "<br>".join(lines) or "nobody"


def _short(message: Message, otherwise: str) -> str:
    shown = words(message, _PUBLIC)
    return shown if len(shown) <= _LONGEST_CELL else otherwise


def _when(change: Change) -> str:
    """The next delivery after the change, in UTC and in the manifest's zone; the details have more of them."""
    found = change.deliveries
    if change.action is Action.DELETE:
        return "none"
    if found is None:
        return "as before"
    if found.overdue:
        return "at the server's next tick"
    told = in_words(found.after[0], found.timezone) if found.after else "none"
    return f"{told}, as before" if found.before[:1] == found.after[:1] and change.action is Action.UPDATE else told


def _details(change: Change, context: Context) -> Block:
    """One change, folded: its fields as a diff, who hears of it, when it is delivered."""
    title = f"<code>{_html(f'{change.action.sign} {change.name}')}</code>"
    row = f"row {change.id}" if change.id is not None else ""
    summary = " · ".join(part for part in (title, context.link(change.source), row) if part)
    lines = [line for field in change.fields for line in _diff(field, change.action)]
    told = [words(people.effect_line(effect), _PUBLIC) for effect in change.effects]
    told += [words(line, _PUBLIC) for line in people.delivery_lines(change)]
    parts = [f"<details><summary>{summary}</summary>", *([_fenced(lines)] if lines else [])]
    parts += ["\n".join(f"- {line}" for line in told)] if told else []
    short = f"- {title}: diff of {count(len(lines), 'line')} left out"
    return Block("\n\n".join([*parts, "</details>"]), Rank.DIFF, short)


def _diff(field: FieldChange, action: Action) -> Iterator[str]:
    """A field before and after, a line for each line of it."""
    if field.before is not None and action is not Action.CREATE:
        yield from _valued("-", field.field, field.before)
    if field.after is not None:
        yield from _valued("+", field.field, field.after)
    if field.cause in (Cause.DRIFT, Cause.DST):
        why = "was changed in PostHog" if field.cause is Cause.DRIFT else "follows the clocks of its time zone"
        yield f"! {visible(field.field)} {why}"


def _valued(sign: str, name: str, value: object) -> Iterator[str]:
    first, *more = _PUBLIC.inline(value).rstrip("\n").split("\n")
    yield f"{sign} {visible(name)}: {visible(first)}"
    yield from (f"{sign}   {visible(line)}" for line in more)


def _fenced(lines: Sequence[str]) -> str:
    """*lines* in a fence that none of them can end."""
    runs = [len(run) for line in lines for run in re.findall(r"`+", line)]
    fence = "`" * max(3, *(length + 1 for length in runs), 3)
    return "\n".join([f"{fence}diff", *lines, fence])


def _finding(finding: Finding, context: Context) -> Block:
    name = f"{code(finding.name)} " if finding.name else ""
    place = f" ({link})" if (link := context.link(finding.source)) else ""
    # A line of ours begins with words of ours: at its beginning more would be markup than `escape` knows.
    return Block(f"- {code(f'[{finding.rule}]')} {name}{words(finding.message, _PUBLIC)}{place}", Rank.NOTICE)


# --- what became of a plan ------------------------------------------------------------------------------------------


def applying(context: Context) -> Page:
    """That an apply has begun."""
    head = Block(f"### reconciler apply · {code(context.label)} — applying …\n\nStarted in {_run(context)}.")
    return _page((head,), _commit(context), context)


def applied(results: Sequence[ApplyResult], context: Context) -> Page:
    """What became of every change."""
    counts = Counter(outcome.status for result in results for outcome in result.outcomes)
    told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status]) or "nothing to do"
    blocks = [Block(f"### reconciler apply · {code(context.label)} — {told}\n\nDone in {_run(context)}.")]
    for result in results:
        name = f"**{code(result.plan.environment.name)}** " if len(results) > 1 else ""
        blocks += [_outcome(outcome) for outcome in result.outcomes]
        blocks += [Block(f"{name}{said}") for said in _proof(result)]
    return _page(blocks, _commit(context), context)


def refused(unreviewed: Sequence[Unreviewed], message: Message, context: Context) -> Page:
    """Why nothing was applied: *message*, and what differs from the reviewed plan."""
    head = f"### reconciler apply · {code(context.label)} — **not applied**\n\n> [!CAUTION]\n> Nothing was written: "
    blocks = [Block(f"{head}{words(message, _PUBLIC)}. See {_run(context)}.")]
    blocks += [
        Block(f"| {code(each.environment)} | {_named(each)} | {escape(each.why)} | {_fields(each.change)} |",
              Rank.WEIGHTY_ROW, group=_UNREVIEWED)
        for each in unreviewed
    ]  # fmt: skip
    return _page(blocks, _commit(context), context)


def above(news: Page, body: str) -> Page:
    """*news* above the plan that the comment *body* holds, which stays for everybody to compare."""
    _, is_kept, reviewed = body.replace("\r\n", "\n").partition(f"\n{REVIEWED}\n")
    kept = reviewed if is_kept else body.replace("\r\n", "\n").partition("\n")[2]
    below = (Block(news.foot), Block(f"---\n{REVIEWED}\n{kept.strip()}", Rank.REVIEWED))
    return replace(news, blocks=(*news.blocks, *below), foot="")


def together(news: Page, plan: Page) -> Page:
    """*news* above a plan, for the summary of a job."""
    return replace(news, blocks=(*news.blocks, *plan.blocks), foot=plan.foot)


def _outcome(outcome: Outcome) -> Block:
    change = outcome.change
    cells = (outcome.status, f"{change.action} {code(change.name)}", str(outcome.id or ""))
    rank = Rank.ROW if outcome.status is Status.APPLIED else Rank.WEIGHTY_ROW
    return Block(f"| {' | '.join(cells)} | {words(outcome.reason, _PUBLIC)} |", rank, group=_OUTCOMES)


def _proof(result: ApplyResult) -> Iterator[str]:
    """What a fresh listing said afterwards."""
    if result.interrupted:
        yield "Interrupted: what is skipped was not started. The same run again finishes it."
    if result.verified:
        yield "Verified: a fresh listing plans nothing more."
    elif result.verified is False:
        doubt = words(result.doubt, _PUBLIC) or "a fresh listing still plans changes"
        yield f"> [!WARNING]\n> Not verified: {doubt}. Run plan to see."


def _named(each: Unreviewed) -> str:
    return f"{each.change.action} {code(each.change.name)}" if each.change is not None else "the plan"


def _fields(change: Change | None) -> str:
    """Each field before and after, as far as a cell takes it."""
    if change is None or change.action is Action.DELETE:
        return ""
    shown = "<br>".join(
        f"{code(field.field)}: {code(_PUBLIC.inline(field.before))} → {code(_PUBLIC.inline(field.after))}"
        for field in change.fields
    )
    return shown if len(shown) <= 4 * _LONGEST_CELL else ", ".join(code(field.field) for field in change.fields)


# --- problems -------------------------------------------------------------------------------------------------------


def failure(problems: Sequence[Problem], what: str, context: Context) -> Page:
    """Why there is no plan: *what* failed, and the first problems with their places."""
    head = f"### reconciler {what} · {code(context.label)} — **failed**"
    blocks = [Block(head), *(_problem("error", problem) for problem in problems[:MOST_PROBLEMS])]
    more = len(problems) - MOST_PROBLEMS
    blocks += [Block(f"… and {count(more, 'more problem')}. {context.elsewhere}")] if more > 0 else []
    return _page(blocks, _commit(context), context)


def checked(manifests: int, problems: Sequence[Problem], warnings: Sequence[Problem], context: Context) -> Page:
    """What a validation found: every problem and every warning."""
    told = count(len(problems), "problem") if problems else f"{count(manifests, 'manifest')} valid"
    rows = [_problem(word, each) for word, group in (("error", problems), ("warning", warnings)) for each in group]
    return _page([Block(f"### reconciler validate · {code(context.label)} — {told}"), *rows], _commit(context), context)


def _problem(word: str, problem: Problem) -> Block:
    return Block(
        f"| {word} | {code(problem.place)} | {words(problem.message, _PUBLIC)} |", Rank.NOTICE, group=_PROBLEMS
    )


# --- the foot -------------------------------------------------------------------------------------------------------


def _page(blocks: Sequence[Block], foot: Sequence[str], context: Context) -> Page:
    kept = tuple(block for block in blocks if block.text)
    return Page(kept, f"<sub>{' · '.join(foot)}</sub>", elsewhere=context.elsewhere)


def _origin(plans: Sequence[Plan], context: Context) -> list[str]:
    """Which plans, of which commit, read when, by which run."""
    digests = ", ".join(
        f"{code(plan.environment.name) + ' ' if len(plans) > 1 else ''}{code(_brief(plan.digest))}"
        for plan in plans[:9]
    )
    read = f", live rows read {context.read}" if context.read else ""
    return [f"Plan {digests}{read}", *_commit(context)]


def _commit(context: Context) -> list[str]:
    commit = [f"for {code(context.commit[:12])}"] if context.commit else []
    return [*commit, *([f"[summary and log]({context.run})"] if context.run else [])] or ["reconciler"]


def _brief(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def _run(context: Context) -> str:
    return f"[this run]({context.run})" if context.run else "this run"


def _html(text: str) -> str:
    """*text* inside an HTML tag or attribute, where Markdown may still look for emphasis and mentions."""
    return escape(text).replace('"', "&quot;").replace("<!-- -->", "")
