"""The commands around the main ones: schema, sandbox, demo, completion."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from ..exits import DONE
from .options import FILE, Positive
from .output import Format, Output

PROFILE = click.option(
    "--profile",
    type=click.Choice(["seed", "latest"]),
    default="seed",
    show_default=True,
    help="Which PostHog to play: the one of the documentation page, or today's.",
)


@click.command()
@click.argument("kind", required=False, default="subscription")
def schema(kind: str) -> int:
    """Print the JSON Schema of KIND: subscription (default), recording-sharing or config.

    \b
    Examples:
      reconciler schema > subscription.schema.json
      reconciler schema config
    """
    from .. import schema as schemas
    from ..report import documents

    click.echo(documents.dumps(schemas.load_schema(schemas.SCHEMAS.get(kind, kind))))
    return DONE


class _WithFlags(click.Command):
    """A command whose help ends with the flags of the sandbox."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name and explain each flag."""
        from ..sandbox import FLAGS

        with formatter.section("Flags (a minus sign in front takes one away from the profile)"):
            formatter.write_dl(list(FLAGS.items()))


@click.command(cls=_WithFlags)
@click.option("--port", type=click.IntRange(0, 65535), default=8010, show_default=True, help="0 takes a free one.")
@click.option("--db", "database", type=FILE, metavar="FILE", help="Keep rows in this SQLite file. Default: memory.")
@PROFILE
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything random but keys.")
@click.option("--rows", type=click.IntRange(0), default=0, metavar="N", help="Begin with N rows made by hand.")
@click.option(
    "--faults", "faults_file", type=FILE, metavar="FILE", help="JSON list of faults that are on from the start."
)
@click.option("--flag", "flags", multiple=True, metavar="NAME", help="One of the flags below; repeatable.")
@click.option("--hazards", is_flag=True, help="Hang where the real server hangs, instead of answering 500.")
@click.option(
    "--throttle-scale",
    type=Positive(1000, "0.01"),
    default=1.0,
    show_default=True,
    help="Stretch the windows of rate limits.",
)
@click.option("--new-key", is_flag=True, help="With a file that was there: make another key and print it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind to.")
@click.option("--insecure-bind", is_flag=True, help="Allow an address other than loopback.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON instead of text.")
def sandbox(**options: object) -> int:
    """Run a local PostHog with these endpoints, for trying, demos and tests.

    Prints its address and a key to paste; open the address in a browser to watch rows, messages and requests.

    \b
    Examples:
      reconciler sandbox
      reconciler sandbox --profile latest --rows 20 --db sandbox.sqlite
    """
    from ..sandbox.command import run

    run(echo=click.echo, **options)  # type: ignore[arg-type]  # click hands over the very names that run takes
    return DONE


@click.command()
@PROFILE
def demo(profile: str) -> int:
    """Plan, apply, a hand edit, drift, apply, an empty plan: the whole story, without an account.

    Starts a sandbox on this machine, uses the examples that ship with the program, leaves nothing behind.
    """
    from .. import demo as story

    output = Output.chosen(
        Format.TEXT,
        show_addresses=True,  # they are all at example.com
        in_ci=bool(os.environ.get("CI")),
        plain=bool(os.environ.get("NO_COLOR")),
    )
    story.run(story.Stage(click.echo, output.viewer), profile)
    return DONE


COMMANDS: Sequence[click.Command] = (schema, sandbox, demo)
