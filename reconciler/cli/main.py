"""The group of commands, and the one handler that turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence

import click

from .. import __version__
from ..errors import Problem, ReconcilerError
from ..exits import ERROR, INTERRUPTED
from ..privacy import say
from . import ci, importing, lookup, offboard, planning, recordings, sessions, tools
from .output import Format, Output, Unwritten, complain


@click.group(no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="%(prog)s %(version)s")
def reconciler() -> None:
    """GitOps for PostHog subscriptions: who is mailed what is decided in git.

    \b
    Try it without an account:   reconciler demo
    Check manifests offline:     reconciler validate subscriptions/
    See who would be mailed:     reconciler plan
    Make it so:                  reconciler apply
    See what was edited by hand: reconciler drift
    Who reaches a person:        reconciler who ana@example.com

    Exit codes: 0 done, 1 error, 2 changes pending, 3 refused, 4 partly applied, 130 interrupted.
    """


for command in (
    *planning.COMMANDS,
    *lookup.COMMANDS,
    *offboard.COMMANDS,
    *importing.COMMANDS,
    *ci.COMMANDS,
    *recordings.COMMANDS,
    *sessions.COMMANDS,
    *tools.COMMANDS,
):
    reconciler.add_command(command)


def main(arguments: Sequence[str] | None = None, *, pace: Callable[..., object] | None = None) -> int:
    """Run one command and answer with its exit code; *pace* is the World's, which tests make quick."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = reconciler.main(given, prog_name="reconciler", standalone_mode=False, obj=pace)
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _failed(given, (Problem("interrupted", say("interrupted")),), INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ERROR
    except click.UsageError as error:
        # Click ends bad usage with 2, which here means that changes are pending (design §6).
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx is not None else ""
        return _failed(given, (Problem("usage", say(error.format_message() + hint)),), ERROR)
    except click.ClickException as error:
        return _failed(given, (Problem("usage", say(error.format_message())),), ERROR)
    except ReconcilerError as error:
        return _failed(given, error.problems, error.exit_code)
    except Unwritten:
        complain((Problem("output", say("standard output cannot be written")),))
        return ERROR
    except Exception as error:  # noqa: BLE001  # nobody foresaw it: one document all the same
        return _failed(given, (_internal(error),), ERROR)
    return code if isinstance(code, int) else 0


def _failed(given: Sequence[str], problems: Sequence[Problem], code: int) -> int:
    """Say what was wrong in the format that was asked for, also when the command line could not be parsed."""
    output = Output.chosen(
        _asked_format(given), show_addresses=False, in_ci=bool(os.environ.get("CI")), plain="NO_COLOR" in os.environ
    )
    try:
        output.failure(problems)
    except Unwritten:
        complain(problems)
    return code


def _asked_format(given: Sequence[str]) -> Format:
    """The format in *given*, found without parsing: the last of `-f X`, `-fX`, `--format X`, `--format=X`."""
    found = Format.TEXT
    known = {item.value: item for item in Format}
    for index, word in enumerate(given):
        following = given[index + 1] if index + 1 < len(given) else ""
        value = following if word in ("-f", "--format") else word.removeprefix("--format=").removeprefix("-f")
        if word in ("-f", "--format") or word.startswith(("--format=", "-f")):
            found = known.get(value, found)
    return found


def _internal(error: Exception) -> Problem:
    """A defect of ours: its kind and place, and nothing of its text, which may be private."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return Problem("internal", say(f"unexpected {type(error).__name__} at {where}: please report it"))
