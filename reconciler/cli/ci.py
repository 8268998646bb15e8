"""The commands for build machines. Every word is judged in `ci`, so that also a wrong one ends with its outputs set."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import click

from . import options
from .world import stoppable, world

_WORDS = {
    "provider": ("NAME", "Whose build machine it is: github, gitlab or plain. Default: found out."),
    "working-directory": ("DIR", "The folder to work in. Default: this one."),
    "label": ("TEXT", "Names this plan among others of a pull request. Default: told apart by folder and config."),
    "comment": ("WHEN", "auto, always (the same, but fails without it), changes (none without changes) or never."),
    "fail-on-changes": ("BOOL", "End with 2 when there are changes."),
    "reviewed-plan": ("HOW", "How apply knows what was reviewed: comment (of the pull request), digest or none."),
    "expect-digest": ("DIGEST", "What was reviewed: the output digest of plan; one per environment, by blanks."),
    "drift-issue": ("WHEN", "auto or never: keep an issue about drift."),
    "drift-label": ("TEXT", "The label of that issue. Default: drift."),
    "output-folder": ("DIR", "Where plan.json and plan.md go. Default: in RUNNER_TEMP on GitHub, else reconciler-ci/."),
}
"""The inputs of the action, which are options here: their metavar and help."""

_PREFIX = "RECONCILER_CI_"


class _Asked(click.Command):
    """A command whose help is for people: in a step of GitHub it would be a green run without outputs."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option for help; on GitHub none, so that it is refused like any other word that is not known."""
        return None if os.environ.get("GITHUB_ACTIONS") == "true" else super().get_help_option(ctx)


class _Group(_Asked, click.Group):
    """Commands of which a wrong command line is one more ending, told where a workflow looks for it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that *args* begin with, or bad usage that names those there are."""
        name = args[0].strip().lower()
        if name not in self.commands:
            raise click.UsageError(f"command: {name!r} is none of these: {', '.join(self.commands)}")
        return name, self.commands[name], args[1:]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what is wrong with its command line becomes its ending."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            from .. import ci

            return ci.refuse(error.format_message(), {}, world(), click.echo)


@click.group(cls=_Group, context_settings={"ignore_unknown_options": True})
def ci() -> None:
    """What a build machine runs: validate, plan on pull requests, apply on merge, drift on a schedule.

    On GitHub it is what the action runs: a comment in the pull request, annotations, a summary, outputs. Elsewhere it
    writes files: plan.json, plan.md, outputs.env, and on GitLab terraform.json. The base is found by the event.
    """


def _command(name: str, help: str) -> Callable[[Callable[..., int]], click.Command]:
    """Make *name* a command of `ci`, with the words of the action and the options of a plan."""

    def decorate(function: Callable[..., int]) -> click.Command:
        command = options.PATHS(options.place(_worded(options.planning(_writing(function)))))
        return ci.command(name, cls=_Asked, help=help)(command)

    return decorate


def _worded(command: Callable[..., int]) -> Callable[..., int]:
    """Add the words of the action; each is read from the environment, too."""
    for name, (metavar, help) in reversed(_WORDS.items()):
        variable = _PREFIX + name.upper().replace("-", "_")
        names = [f"--{name}", *(["--reviewed"] if name == "reviewed-plan" else []), _field(name)]
        flag: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if name == "fail-on-changes" else {}
        add = click.option(*names, metavar=metavar, envvar=variable, help=f"{help} [env: {variable}]", **flag)
        command = add(command)
    return command


def _writing(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options of an apply, which the other commands take and ignore, so that all are called alike."""
    parallel = click.option(
        "--parallel", type=click.IntRange(1, 16), default=4, show_default=True, metavar="N", help="Writes at once."
    )
    return parallel(
        click.option("--fail-fast", is_flag=True, help="Start nothing new after the first change that does not apply.")(
            command
        )
    )


def _field(name: str) -> str:
    return f"word_{name.replace('-', '_')}"


def _run(command: str, chosen: dict[str, Any]) -> int:
    """Hand the words of the action and what else was chosen to `ci`."""
    from .. import ci as room

    given = {name: chosen.pop(_field(name)) for name in _WORDS}
    # An input that is left empty arrives as an empty word.
    chosen["config"] = chosen["config"] or os.environ.get(f"{_PREFIX}CONFIG") or None
    with stoppable(only_reads=True) as stop:

        def writing() -> None:
            stop.ends_at_once = False

        return room.run(command, given, chosen, world(stop), click.echo, writing)


@_command("validate", "Check the manifests: no key, no network.")
def validate(**chosen: Any) -> int:
    """Check the manifests."""
    return _run("validate", chosen)


@_command(
    "plan",
    """Plan, and say so in the pull request; in a merge queue, compare with what was reviewed. Writes to no PostHog.

    \b
    Examples:
      reconciler ci plan --provider plain --base origin/main
    """,
)
def plan(**chosen: Any) -> int:
    """Plan a pull request."""
    return _run("plan", chosen)


@_command(
    "apply",
    """Plan again, apply it if it is what was reviewed or less of it, and say what became of it.

    \b
    Examples:
      reconciler ci apply --provider plain --base HEAD~1 --reviewed-plan none
    """,
)
def apply(**chosen: Any) -> int:
    """Apply what was reviewed."""
    return _run("apply", chosen)


@_command(
    "drift",
    """Compare git with the server, and keep the issue about drift up to date.

    \b
    Examples:
      reconciler ci drift --provider plain
    """,
)
def drift(**chosen: Any) -> int:
    """Look for what somebody changed behind git's back."""
    return _run("drift", chosen)


COMMANDS: Sequence[click.Command] = (ci,)
