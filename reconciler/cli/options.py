"""The options that commands share, and how they become a Choice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .output import Format

_Command = TypeVar("_Command", bound=Callable[..., Any])

FORMAT = click.option(
    "-f",
    "--format",
    "format",
    type=click.Choice([item.value for item in Format]),
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
    type=click.FloatRange(min=0, min_open=True),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long the whole run may take, waits for a busy server included.",
)

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
    click.option(
        "--base",
        metavar="REF|DIR",
        help="The manifests as last applied: a git ref, or a folder laid out like this one.",
    ),
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
        "--resubscribe", metavar="ADDRESS", multiple=True, help="Mail this person again who unsubscribed; repeatable."
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
