"""The command that turns live rows into manifests: import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ..exits import DONE
from . import options
from .output import Format, Output, Progress, note
from .world import output_for, stoppable, world

if TYPE_CHECKING:
    from ..imports import Imported

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("import")
@click.argument("ids", nargs=-1, metavar="[ID]...", type=click.IntRange(min=1))
@click.option("--out", type=FOLDER, metavar="DIR", help="Write a file for each manifest into DIR; none is overwritten.")
@options.one_place
@options.TEXT_OR_JSON
@options.SHOW_ADDRESSES
def imports(ids: tuple[int, ...], out: Path | None, format: str, show_addresses: bool, **chosen: Any) -> int:
    """Write manifests for live rows, which then adopt them by id; change nothing on the server.

    Without an ID, every row that carries no tag and has no manifest yet. The next plan with the manifests is empty: a
    row of which no manifest can say exactly what it is, is skipped, with the reason. The title of an adopted row gets
    no tag.

    \b
    Examples:
      reconciler import --out subscriptions/
      reconciler import 4218 --out subscriptions/
      reconciler import --env production --format json
    """
    output = output_for(format, show_addresses=show_addresses)
    if out is None and not output.viewer.addresses:
        raise UsageError("manifests hold addresses, which do not belong in a log: say --out DIR, or --show-addresses")
    with stoppable(only_reads=True) as stop:
        found = _found(chosen, ids, stop)
    _write(found, out, output)
    return DONE


def _found(chosen: dict[str, Any], ids: Sequence[int], stop: Any) -> Imported:
    from .. import importing
    from ..loading import Choice

    with Progress("reading subscriptions") as progress:
        run = importing.Import(Choice(**chosen), world(stop, progress))
        for remark in run.destination.notes:
            note(remark)
        return run.rows(ids)


def _write(found: Imported, out: Path | None, output: Output) -> None:
    """The manifests to their files or to standard output; what a person must know to standard error."""
    from .. import importing
    from ..report import Viewer, documents
    from ..report import imports as report

    files = importing.write(out, found) if out is not None else []
    if output.format is Format.JSON:
        click.echo(documents.dumps(report.document(found, output.viewer)))
    elif out is None:
        click.echo(importing.text_of(found), nl=False)
    else:
        for path in files:
            click.echo(path)
    for remark in report.remarks(found):
        note(f"note: {Viewer().text(remark)}")


COMMANDS: Sequence[click.Command] = (imports,)
