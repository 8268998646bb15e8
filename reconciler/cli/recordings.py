"""The commands about session recordings: erase them, and read how they are shared."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlanRefused, UsageError
from ..exits import DONE, ERROR, INTERRUPTED, PARTIAL
from . import options
from .output import Format, Progress, note
from .world import Stop, is_agreed, output_for, stoppable, world

if TYPE_CHECKING:
    from ..errands import Errand, Proof
    from ..journal import Journal
    from ..recordings import Asked, Erasure

IDS = click.argument("ids", nargs=-1, metavar="[ID]...")
FROM_FILE = click.option(
    "--from-file",
    "files",
    multiple=True,
    metavar="FILE",
    help="Ids in a file: one a line, CSV with a column id or session_id, or a JSON list. - is standard input.",
)


@click.group()
def recordings() -> None:
    """Session recordings: erase them, and see which are shared."""


@recordings.command()
@IDS
@FROM_FILE
@options.one_place
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")
@click.option(
    "--journal",
    "journal_file",
    type=options.FILE,
    metavar="FILE",
    help="Note in FILE what is done, and leave out what is noted there: the same command again goes on.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    metavar="N",
    help="Requests at once, at most.",
)
@options.TEXT_OR_JSON
def delete(
    ids: tuple[str, ...], files: tuple[str, ...], yes: bool, journal_file: Path | None, format: str, **chosen: Any
) -> int:
    """Erase session recordings, as the GDPR wants it. This cannot be undone.

    Nothing is sent before every id is checked and somebody said yes. A recording that is gone already counts as done,
    so the same list again finishes what an earlier run left. PostHog takes 240 requests a minute and 1200 an hour: a
    longer list waits, within --timeout. Needs the scope session_recording:write, and subscription:read or
    sharing_configuration:read to be sure that the project is there.

    \b
    Examples:
      reconciler recordings delete 0190a6f2-7b2c-7c5e-9d61-1f2e3d4c5b6a
      reconciler recordings delete --from-file erase.csv --journal erase.jsonl --timeout 7200
      psql -Atc "select session_id from …" | reconciler recordings delete - --yes --format json
    """
    from .. import errands
    from ..report import documents
    from ..report import recordings as report

    output = output_for(format)
    asked = errands.gather(ids, files, _stdin)
    stop = Stop()
    errand = begun(chosen, stop)
    journal = _journal(journal_file, errand)
    proof = _agreed(errand, asked, journal, yes=yes, timeout=chosen["timeout"])
    progress, done = Progress("erasing"), count(1)
    with stoppable(stop), journal or nullcontext():
        found = errand.erase(asked, proof, journal, lambda _: progress(next(done), len(asked.ids)))
    progress.end()
    if output.format is Format.JSON:
        click.echo(documents.dumps(report.erasure_document(found, output.viewer)))
    else:
        click.echo(report.erasure(found, output.viewer))
    return _code(found)


@recordings.command()
@IDS
@FROM_FILE
@options.one_place
@click.option("--show-token", is_flag=True, help="Show the tokens of public links, to a person on a terminal.")
@options.TEXT_OR_JSON
def sharing(ids: tuple[str, ...], files: tuple[str, ...], show_token: bool, format: str, **chosen: Any) -> int:
    """Show which session recordings are shared by a public link, and since when; change nothing.

    The token of a public link is a secret: whoever has it can watch. It is shown only with --show-token, and only on a
    terminal. A recording that is not shared has none: what the server answers then is random and opens nothing. Needs
    the scope sharing_configuration:read. PostHog takes 240 requests a minute and 1200 an hour: a longer list waits,
    within --timeout.

    \b
    Examples:
      reconciler recordings sharing 0190a6f2-7b2c-7c5e-9d61-1f2e3d4c5b6a
      reconciler recordings sharing --from-file ids.txt --format json
    """
    from .. import errands
    from ..report import documents
    from ..report import recordings as report

    output = output_for(format)
    is_person = output.format is Format.TEXT and sys.stdout.isatty() and not os.environ.get("CI")
    if show_token and not is_person:
        raise UsageError("--show-token is for a person on a terminal: leave it out here")
    asked = errands.gather(ids, files, _stdin)
    with stoppable() as stop:
        errand = begun(chosen, stop)
        progress, done = Progress("reading sharing"), count(1)
        states = errand.sharing(asked.ids, lambda: progress(next(done), len(asked.ids)))
    progress.end()
    if output.format is Format.JSON:
        click.echo(documents.dumps(report.sharing_document(errand.environment, states)))
    else:
        click.echo(report.sharing(states, tokens=show_token))
    return DONE


def begun(chosen: dict[str, Any], stop: threading.Event) -> Errand:
    """The Errand for what was *chosen*; its notes go to standard error."""
    from .. import errands
    from ..loading import Choice

    errand = errands.Errand(Choice(**chosen), world(stop))
    for remark in errand.destination.notes:
        note(remark)
    return errand


def _stdin() -> bytes:
    return sys.stdin.buffer.read() if sys.stdin else b""  # None where the shell closed it, with `<&-`


def _journal(file: Path | None, errand: Errand) -> Journal | None:
    from ..journal import Journal

    return Journal(file, errand.environment) if file is not None else None


def _agreed(errand: Errand, asked: Asked, journal: Journal | None, *, yes: bool, timeout: float) -> Proof:
    """What was found out about the project, once it was told and somebody said yes. PlanRefused without a yes."""
    from ..errands import Proof
    from ..recordings import Effect
    from ..report import recordings as report

    waiting = [id for id in asked.ids if journal is None or id not in journal.done]
    if not waiting:
        return Proof(is_proven=True, effect=Effect.UNKNOWN)
    proof = errand.proof(waiting)
    sending, done = replace(asked, ids=tuple(waiting)), len(asked.ids) - len(waiting)
    for line in report.announcement(errand.environment, sending, proof.effect, done=done, timeout=timeout):
        note(line)
    if not proof.is_proven:
        note(report.UNPROVEN)
    if yes:
        return proof
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise PlanRefused("not confirmed: there is nobody to ask here; say --yes to erase these recordings")
    if not is_agreed("\nErase them for good?"):
        raise PlanRefused("not confirmed: nothing was erased")
    return proof


def _code(found: Erasure) -> int:
    if found.interrupted:
        return INTERRUPTED
    if found.is_complete:
        return DONE
    return PARTIAL if found.is_begun else ERROR


COMMANDS: Sequence[click.Command] = (recordings,)
