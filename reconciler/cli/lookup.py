"""The commands that look something up: one subscription whole, and everything that reaches a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..exits import DONE
from . import options
from .output import Format, Progress, note
from .world import Stop, output_for, stoppable, world

if TYPE_CHECKING:
    from ..lookup import Lookup

FORMAT = click.option(
    "-f",
    "--format",
    "format",
    type=click.Choice([Format.TEXT.value, Format.JSON.value, Format.MARKDOWN.value]),
    default=Format.TEXT.value,
    show_default=True,
    help="How the result is written to standard output.",
)


@click.command()
@click.argument("name")
@options.PATHS
@options.place
@options.BASE
@FORMAT
@options.SHOW_ADDRESSES
def show(name: str, format: str, show_addresses: bool, **chosen: Any) -> int:
    """Show everything about one subscription; change nothing.

    Its file and line, its row and where to see it, who made it, whom it reaches, its next five deliveries, how git and
    the server differ and why, and every finding. A row whose manifest is gone goes by the name in its tag. PATH is
    needed only where there is no config.

    \b
    Examples:
      reconciler show growth
      reconciler show growth --base origin/main --format json
    """
    output = output_for(format, show_addresses=show_addresses)
    with stoppable(only_reads=True) as stop:
        lookup, progress = _begun(chosen, stop)
        with progress:
            found = lookup.portraits(name)
    output.portraits(found)
    return DONE


@click.command()
@click.argument("address")
@options.PATHS
@options.place
@options.BASE
@FORMAT
@options.SHOW_ADDRESSES
def who(address: str, format: str, show_addresses: bool, **chosen: Any) -> int:
    """Show every subscription that reaches a person, managed or not; change nothing.

    Rows that somebody made by hand count, and so do manifests that are not applied yet, groups of recipients, and
    manifests that name the person in vain. Ends with 0 also where nothing does. PATH is needed only where there is no
    config.

    \b
    Examples:
      reconciler who ana@example.com
      reconciler who ana@example.com --base origin/main --format json
    """
    output = output_for(format, show_addresses=show_addresses)
    with stoppable(only_reads=True) as stop:
        lookup, progress = _begun(chosen, stop)
        with progress:
            found = lookup.reaches(address)
    output.reaches(found)
    return DONE


def _begun(chosen: dict[str, Any], stop: Stop) -> tuple[Lookup, Progress]:
    """The look-up for what was *chosen*, and its progress; its notes go to standard error."""
    from .. import loading
    from ..lookup import Lookup

    # Entered by the caller, once the tree is loaded: until then there must be no second thread (manifests/teamwork.py).
    progress = Progress("reading subscriptions")
    lookup = Lookup(loading.Choice(**chosen), world(stop, progress))
    for remark in lookup.loaded.notes:
        note(remark)
    return lookup, progress


COMMANDS: Sequence[click.Command] = (show, who)
