"""The options that commands share, and how they become a Choice."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .output import Format

A_YEAR = 31_536_000
"""Seconds; no run is meant to take longer, and the system cannot wait for any number of them."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


if TYPE_CHECKING:
    _Number = click.ParamType[float]  # generic since click 8.5
else:
    _Number = click.ParamType


class Positive(_Number):
    """A number above 0 and up to *most*; `nan` and `inf`, which compare like no number, are none."""

    name = "number"

    def __init__(self, most: float, example: str) -> None:
        self._most, self._example = most, example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """*value* as a number, or bad usage that says what would be good."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number <= self._most:
            self.fail(f"takes a number above 0 and up to {self._most:,.0f}, such as {self._example}", param, ctx)
        return number


FORMAT = click.option(
    "-f",
    "--format",
    "format",
    type=click.Choice([item.value for item in Format]),
    default=Format.TEXT.value,
    show_default=True,
    help="How the result is written to standard output.",
)
TEXT_OR_JSON = click.option(
    "-f",
    "--format",
    "format",
    type=click.Choice([Format.TEXT.value, Format.JSON.value]),
    default=Format.TEXT.value,
    show_default=True,
    help="How the result is written to standard output.",
)
SHOW_ADDRESSES = click.option(
    "--show-addresses", is_flag=True, help="Show e-mail addresses in full also where they are masked: logs, Markdown."
)
CONFIG = click.option(
    "--config",
    metavar="FILE",
    help="The config file. Default: reconciler.yaml here or in a folder above; none is needed.",
)
ENVIRONMENT = click.option(
    "-e",
    "--env",
    "environments",
    metavar="NAME",
    multiple=True,
    help="Only this environment of the config; repeatable. Default: all of them.",
)

ONE_ENVIRONMENT = click.option(
    "-e",
    "--env",
    "environments",
    metavar="NAME",
    multiple=True,
    help="The environment; needed where there are several.",
)
HOST = click.option("--host", metavar="URL", help="The PostHog to talk to, for one environment. [env: POSTHOG_HOST]")
PROJECT = click.option("--project-id", metavar="ID", help="The project, for one environment. [env: POSTHOG_PROJECT_ID]")
TIMEOUT = click.option(
    "--timeout",
    type=Positive(A_YEAR, "600"),
    default=600.0,
    show_default="600",
    metavar="SECONDS",
    help="How long the whole run may take, waits for a busy server included.",
)

BASE = click.option(
    "--base", metavar="REF|DIR", help="The manifests as last applied: a git ref, or a folder laid out like this one."
)


def _addresses(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """*given*, each of them an e-mail address; bad usage for what is none, which would silently bring nobody back."""
    if given:
        from ..kinds import recipients

        if not all(recipients.is_address(address.strip()) for address in given):
            raise click.BadParameter("takes one e-mail address, a name, an @ and a domain")
    return given


_PLACE = (
    CONFIG,
    ENVIRONMENT,
    HOST,
    PROJECT,
    click.option("--namespace", metavar="NAME", help="Who owns the rows, for one environment."),
    TIMEOUT,
)
_ONE_PLACE = (CONFIG, ONE_ENVIRONMENT, HOST, PROJECT, TIMEOUT)
_PLANNING = (
    BASE,
    click.option("--only", metavar="GLOB", help="Only changes of manifests whose name matches; removes nothing."),
    click.option(
        "--prune/--no-prune",
        "prune",
        default=None,
        help="Remove rows whose manifest is gone. Default: with a config yes, without one no.",
    ),
    click.option("--allow-empty", is_flag=True, help="Mean it when there are no manifests at all."),
    click.option("--allow-recreate", is_flag=True, help="Create rows again that were applied before and are gone."),
    click.option("--max-deletes", type=click.IntRange(min=0), metavar="N", help="Allow up to N removals."),
    click.option(
        "--resubscribe",
        metavar="ADDRESS",
        multiple=True,
        callback=_addresses,
        help="Mail this person again who unsubscribed; repeatable.",
    ),
)


def place(command: _Command) -> _Command:
    """Add the options that say which config, environment and server."""
    return _with(command, _PLACE)


def one_place(command: _Command) -> _Command:
    """Add the options of a command that is about one project and reads no manifests."""
    return _with(command, _ONE_PLACE)


def planning(command: _Command) -> _Command:
    """Add the options that decide what a plan holds."""
    return _with(command, _PLANNING)


def output(command: _Command) -> _Command:
    """Add the options that say how and for whom a result is written."""
    return _with(command, (FORMAT, SHOW_ADDRESSES))


PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...")

FILE = click.Path(dir_okay=False, path_type=Path)


def _with(command: _Command, options: tuple[Callable[[_Command], _Command], ...]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
