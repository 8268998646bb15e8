"""What every command needs from outside the program: the World, the Output, and the wish to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click

from ..errors import Interrupted
from ..exits import INTERRUPTED
from .output import Format, Output, Progress


def world(stop: threading.Event | None = None, progress: Progress | None = None) -> Any:
    """The World around this process: its folder, its variables, its clock, and the pace that `main` was given."""
    from .. import pipeline

    context = click.get_current_context(silent=True)
    return pipeline.World(
        Path.cwd(),
        dict(os.environ),
        stop=stop or threading.Event(),
        progress=progress or Progress("reading subscriptions"),
        pace=context.obj if context is not None else None,
    )


def output_for(format: str, *, show_addresses: bool = False) -> Output:
    """The Output for this terminal and this environment."""
    return Output.chosen(
        Format(format),
        show_addresses=show_addresses,
        in_ci=bool(os.environ.get("CI")),
        plain=bool(os.environ.get("NO_COLOR")),
    )


def is_agreed(question: str) -> bool:
    """Whether a person says yes to *question*, asked on standard error; the end of input (Ctrl-D) is no yes.

    A signal ends the program: click.Abort.
    """
    try:
        with asking():
            return click.confirm(question, err=True)
    except click.Abort as error:
        if not isinstance(error.__context__, EOFError):
            raise
        click.echo(err=True)
        return False


_STOPPING = b"\nstopping: what is in flight is finished, nothing new is started (again to stop at once)\n"


@contextmanager
def asking() -> Iterator[None]:
    """While a person is asked, a signal ends the question and the program: nothing is in flight that could be lost."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stop(threading.Event):
    """The wish to stop. While it `ends_at_once`, a signal also ends whatever is going on: nothing could be lost."""

    ends_at_once = False


@contextmanager
def stoppable(stop: Stop | None = None, *, only_reads: bool = False) -> Iterator[Stop]:
    """A wish (*stop*, or a new one) that SIGINT and SIGTERM set; a second signal stops at once.

    Where a command *only_reads* the first one ends it, too: Interrupted. One that begins to write in the middle says
    so by `ends_at_once`.
    """
    stop = stop or Stop()
    stop.ends_at_once = only_reads

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()
        if stop.ends_at_once:
            raise KeyboardInterrupt
        # Not by way of sys.stderr, whose buffer the interrupted code may be writing to at this moment; and not where
        # the shell closed it, for what has its number then is the journal, or a connection.
        if sys.stderr is not None:
            with suppress(OSError):
                os.write(sys.stderr.fileno(), _STOPPING)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except (KeyboardInterrupt, click.Abort):
        if not stop.ends_at_once:
            raise
        raise Interrupted("interrupted: nothing was written") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
