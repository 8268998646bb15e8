"""The commands about session properties: which there are, and which values they have had."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from ..exits import DONE
from ..privacy import is_like_key
from . import options
from .output import Format, note
from .recordings import begun
from .world import output_for, stoppable

FORMAT = click.option(
    "-f",
    "--format",
    "format",
    type=click.Choice([Format.TEXT.value, Format.JSON.value]),
    help="How the result is written. Default: text on a terminal, json elsewhere.",
)


@click.group()
def sessions() -> None:
    """Session properties: which there are, and which values they have had.

    Both commands need the scope query:read. The oldest servers, those of the documentation page, open them to no
    personal API key at all.
    """


@sessions.command("property-definitions")
@click.option("--search", metavar="TEXT", help="Only properties whose names hold all these words.")
@click.option("--numerical", is_flag=True, help="Only properties that are numbers.")
@options.one_place
@FORMAT
def property_definitions(search: str | None, numerical: bool, format: str | None, **chosen: Any) -> int:
    """Show the properties that sessions have; change nothing.

    \b
    Examples:
      reconciler sessions property-definitions --search utm
      reconciler sessions property-definitions --numerical --format json
    """
    from ..report import documents
    from ..report import recordings as report

    output = output_for(_format(format))
    with stoppable() as stop:
        errand = begun(chosen, stop)
        found = errand.properties(search, numerical=numerical)
    if output.format is Format.JSON:
        click.echo(documents.dumps(report.properties_document(errand.environment, found)))
    else:
        click.echo(report.properties(found))
    return DONE


@sessions.command()
@click.option("--key", required=True, metavar="PROPERTY", help="The property, such as $channel_type.")
@click.option("--search", metavar="TEXT", help="Only values that contain this, in any case.")
@options.one_place
@FORMAT
def values(key: str, search: str | None, format: str | None, **chosen: Any) -> int:
    """Show the values that a session property has had; change nothing.

    \b
    Examples:
      reconciler sessions values --key '$channel_type'
      reconciler sessions values --key '$entry_utm_source' --search news
    """
    from ..report import documents
    from ..report import recordings as report

    if not key or is_like_key(key):
        raise click.BadParameter("name a property, not a key" if key else "name a property", param_hint="--key")
    output = output_for(_format(format))
    with stoppable() as stop:
        errand = begun(chosen, stop)
        found = errand.values(key, search)
    if found.refreshing:
        note("note: the server is still looking for newer values; run it again to see them")
    if output.format is Format.JSON:
        click.echo(documents.dumps(report.values_document(errand.environment, key, found)))
    else:
        click.echo(report.values(key, found, output.viewer))
    return DONE


def _format(asked: str | None) -> str:
    """The format that was asked for; without one, text for a person and JSON for a program."""
    return asked or (Format.TEXT if sys.stdout.isatty() else Format.JSON).value


COMMANDS: Sequence[click.Command] = (sessions,)
