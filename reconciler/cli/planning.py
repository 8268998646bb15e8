"""The commands that matter: validate, plan, apply, drift."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Interrupted, PlanRefused, Problem
from ..exits import DONE, ERROR, PENDING, REFUSED, of_drift, of_results, was_sent, worst
from ..model import ApplyResult, Outcome, Plan
from ..privacy import Address, show
from ..report import Viewer, text
from . import options
from .output import (
    Format,
    Output,
    Progress,
    Unwritten,
    is_terminal,
    note,
    of_findings,
    told,
    warn,
)
from .world import is_agreed, output_for, stoppable, world

if TYPE_CHECKING:
    from ..logbook import Logbook


@click.command()
@options.PATHS
@options.CONFIG
@options.output
def validate(paths: tuple[str, ...], config: str | None, format: str, show_addresses: bool) -> int:
    """Check manifests offline: no key, no network.

    Reports every problem in one run, each with file, line and column, the rule, and the way out.

    \b
    Examples:
      reconciler validate
      reconciler validate subscriptions/growth.yaml --format json
    """
    from .. import loading, pipeline

    output = output_for(format, show_addresses=show_addresses)
    checked = pipeline.validate(loading.Choice(paths=paths, config=config), world())
    for remark in checked.notes:
        note(remark)
    output.validation(checked.seen, checked.problems, checked.warnings)
    return ERROR if checked.problems else DONE


@click.command()
@options.PATHS
@options.place
@options.planning
@click.option("--out", type=options.FILE, metavar="FILE", help="Write the plan as JSON to FILE, for apply --plan.")
@click.option("--exit-code", is_flag=True, help="End with 2 when there are changes.")
@options.output
def plan(out: Path | None, exit_code: bool, format: str, show_addresses: bool, **chosen: Any) -> int:
    """Show what apply would do and who would be mailed; change nothing.

    The client it reads with has no way to send anything but GET.

    \b
    Examples:
      reconciler plan
      reconciler plan --base origin/main --format markdown
      reconciler plan --out plan.json && reconciler apply --plan plan.json
      POSTHOG_PROJECT_ID=12345 reconciler plan subscriptions/
    """
    from .. import pipeline

    output = output_for(format, show_addresses=show_addresses)
    with stoppable(only_reads=True) as stop:
        session, progress = _session(pipeline, chosen, stop)
        with progress:
            plans = [prepared.plan for prepared in session.plans(audited=True)]
    _note_idle(chosen["resubscribe"], plans)
    if out is not None:
        from .. import planfile

        planfile.write(out, plans)
    output.plans(plans)
    return worst(REFUSED if plan.blockers else PENDING if plan.changes and exit_code else DONE for plan in plans)


@click.command()
@options.PATHS
@options.place
@options.planning
@click.option(
    "--plan",
    "plan_files",
    type=options.FILE,
    metavar="FILE",
    multiple=True,
    help="Apply exactly the plan in FILE, written by plan --out.",
)
@click.option(
    "--expect",
    "digests",
    metavar="DIGEST",
    multiple=True,
    help="Apply only a plan with this digest, one per environment; what is sent late needs --plan.",
)
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")
@click.option(
    "--parallel", type=click.IntRange(1, 16), default=4, show_default=True, metavar="N", help="Writes at once, at most."
)
@click.option("--fail-fast", is_flag=True, help="Start nothing new after the first change that does not apply.")
@click.option(
    "--journal", type=options.FILE, metavar="FILE", help="Add to FILE, as JSON lines, what became of each change."
)
@options.output
def apply(
    plan_files: tuple[Path, ...],
    digests: tuple[str, ...],
    yes: bool,
    journal: Path | None,
    format: str,
    show_addresses: bool,
    **chosen: Any,
) -> int:
    """Make the server hold what the manifests say.

    Plans again first; with --plan or --expect it refuses unless that is exactly the plan that was reviewed. Every
    planned change ends as applied, failed, unknown or skipped, and a fresh listing verifies the whole.

    \b
    Examples:
      reconciler apply
      reconciler apply --yes --base HEAD~1
      reconciler apply --plan plan.json --yes
      reconciler apply --expect sha256:3f2c… --yes --format json
    """
    from .. import pipeline, planfile

    output = output_for(format, show_addresses=show_addresses)
    reviewed = planfile.expected(plan_files, digests)
    with stoppable(only_reads=True) as stop, _logbook(journal) as logbook:
        session, progress = _session(pipeline, chosen, stop)
        with progress:
            prepared = session.plans()
        plans = [item.plan for item in prepared]
        _note_idle(chosen["resubscribe"], plans)
        if blocked := of_findings(finding for plan in plans for finding in plan.findings):
            return _refuse(output, plans, blocked)
        planfile.check(reviewed, plans)
        with session.standing_still():
            _confirm(output, plans, yes=yes)
        # From here on a signal must not cost anybody an outcome, nor the report its end.
        stop.ends_at_once = False
        results = _carried_out(session, prepared, logbook)
        _report(output, results)
    return of_results(results)


def _report(output: Output, results: Sequence[ApplyResult]) -> None:
    """Write what became of every change; Interrupted where a signal came before the first write was sent."""
    if any(result.interrupted for result in results) and not any(was_sent(result) for result in results):
        raise Interrupted("interrupted: nothing was written")
    try:
        output.results(results)
    except Unwritten:
        told(results)


@click.command()
@options.PATHS
@options.place
@options.output
def drift(format: str, show_addresses: bool, **chosen: Any) -> int:
    """Show what somebody changed behind git's back; change nothing. Ends with 2 when there is drift.

    The tree itself is the base: nobody who unsubscribed counts, and nothing that git changed.

    \b
    Examples:
      reconciler drift
      reconciler drift --env production --format github
    """
    from .. import pipeline

    output = output_for(format, show_addresses=show_addresses)
    with stoppable(only_reads=True) as stop:
        session, progress = _session(pipeline, chosen, stop, is_drift=True)
        with progress:
            plans = [prepared.plan for prepared in session.plans(audited=True)]
    output.plans(plans, drift=True)
    return worst(of_drift(plan) for plan in plans)


def _session(
    pipeline: Any, chosen: dict[str, Any], stop: threading.Event, *, is_drift: bool = False
) -> tuple[Any, Progress]:
    """A session for what was *chosen*, and its progress; its warnings and notes go to standard error."""
    from .. import loading

    # Entered by the caller, once the tree is loaded: until then there must be no second thread (manifests/teamwork.py).
    progress = Progress("reading subscriptions")
    session = pipeline.Session(loading.Choice(**chosen), world(stop, progress), is_drift=is_drift)
    for remark in session.loaded.notes:
        note(remark)
    warn(session.loaded.warnings)
    return session, progress


def _note_idle(addresses: Sequence[str], plans: Sequence[Plan]) -> None:
    """Say which of the *addresses* to bring back these plans bring back nowhere: nothing had lost them."""
    if not addresses:
        return
    from ..kinds.recipients import folded

    people = {person for plan in plans for change in plan.changes for person in change.added}
    added = folded(show((person,), addresses=True) for person in people)
    for address in addresses:
        if not folded([address]) <= added:
            note(f"note: --resubscribe {Address(address)} changes nothing: no row of this plan gains that address")


def _refuse(output: Output, plans: Sequence[Plan], blocked: Sequence[Problem]) -> int:
    """Show what blocks, naming manifest and row; nothing was written."""
    if output.format is Format.TEXT:
        output.plans(plans)
    output.failure(blocked)
    return REFUSED


@contextmanager
def _logbook(path: Path | None) -> Iterator[Logbook | None]:
    """The journal in *path*, opened before anything is sent; a note where it could not be written to its end."""
    if path is None:
        yield None
        return
    from ..logbook import Logbook

    with Logbook(path) as logbook:
        yield logbook
        if logbook.failure is not None:
            with suppress(OSError):  # whatever becomes of the remark, the exit code is that of the writes
                note(f"warning: the journal {path} is not complete: {logbook.failure}; standard output is")


def _carried_out(session: Any, prepared: Sequence[Any], logbook: Logbook | None) -> list[ApplyResult]:
    """Apply one environment after the other, with progress, and with a line in the journal for each outcome."""
    many, done = sum(len(item.plan.changes) for item in prepared), count(1)
    if logbook is not None:
        logbook.begin([item.plan for item in prepared])

    def apply(item: Any) -> ApplyResult:
        def tell(outcome: Outcome) -> None:
            if logbook is not None:
                logbook.add(item.plan, outcome)
            progress(next(done), many)

        result: ApplyResult = session.carry_out(item, tell)
        return result

    with Progress("applying") as progress:
        return [apply(item) for item in prepared]


def _confirm(output: Output, plans: Sequence[Plan], *, yes: bool) -> None:
    """Show the plan and ask on a terminal; elsewhere only --yes will do (design §6). PlanRefused without a yes."""
    if output.format is Format.TEXT:
        output.plans(plans)
    if yes or not any(plan.changes for plan in plans):
        return
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise PlanRefused("not confirmed: there is nobody to ask here; say --yes to apply this plan")
    if output.format is not Format.TEXT:
        # Nobody says yes to what they have not seen; standard error carries no address.
        click.echo("\n\n".join(text.plan(plan, Viewer()) for plan in plans), err=True)
    if not is_agreed("\nApply this?"):
        raise PlanRefused("not confirmed: nothing was written")


COMMANDS: Sequence[click.Command] = (validate, plan, apply, drift)
