"""The command that takes a person out of every manifest and group."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..exits import DONE, ERROR
from . import options
from .output import Format, complain
from .world import output_for, world

FORMAT = click.option(
    "-f",
    "--format",
    "format",
    type=click.Choice([Format.TEXT.value, Format.JSON.value]),
    default=Format.TEXT.value,
    show_default=True,
    help="How the result is written to standard output.",
)


@click.command()
@click.argument("address")
@options.PATHS
@options.CONFIG
@click.option("--dry-run", is_flag=True, help="Only show, as a unified diff, what would be edited.")
@FORMAT
@options.SHOW_ADDRESSES
def offboard(
    address: str, paths: tuple[str, ...], config: str | None, dry_run: bool, format: str, show_addresses: bool
) -> int:
    """Take a person out of every manifest and group, so that the next plan takes them out of every row.

    Edits files and sends nothing: comments, order, quotes and line ends stay, and the tree is valid before anything is
    written. A list that would be left with nobody is not edited; it is named, with the way out, and the command ends
    with 1. With a PATH only those manifests are edited, and no group. Rows that nobody keeps in git are not touched;
    the command `who` finds them.

    \b
    Examples:
      reconciler offboard bo@example.com --dry-run
      reconciler offboard bo@example.com
      reconciler offboard bo@example.com subscriptions/ --format json
    """
    from .. import kinds, loading, offboarding
    from ..report import departures

    output, around = output_for(format, show_addresses=show_addresses), world()
    choice = loading.Choice(paths=paths, config=config)
    registry = kinds.registry(around.now)
    found = offboarding.offboard(address, choice, around.folder, registry, is_rehearsal=dry_run)
    output.departure(found)
    if dry_run and output.format is Format.TEXT and not found.is_complete:
        complain(departures.remaining(found))
    return DONE if found.is_complete else ERROR


COMMANDS: Sequence[click.Command] = (offboard,)
