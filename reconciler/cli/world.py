"""What every command needs from outside the program: the World, the Output, and the wish to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click

from .output import INTERRUPTED, Format, Output, Progress


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


@contextmanager
def stoppable(stop: threading.Event | None = None, *, only_reads: bool = False) -> Iterator[threading.Event]:
    """An event (*stop*, or a new one) that SIGINT and SIGTERM set; a second signal stops at once.

    Where a command *only_reads* there is nothing to finish: the first signal raises KeyboardInterrupt besides.
    """
    stop = stop or threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()
        if only_reads:
            raise KeyboardInterrupt
        # Not by way of sys.stderr, whose buffer the interrupted code may be writing to at this moment.
        with suppress(OSError):
            os.write(2, _STOPPING)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
