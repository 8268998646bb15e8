"""What every command needs from outside the program: the World, the Output, and the wish to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from .output import INTERRUPTED, Format, Output, Progress, note


def world(stop: threading.Event | None = None) -> Any:
    """The World around this process: its folder, its variables, its clock."""
    from .. import pipeline

    return pipeline.World(
        Path.cwd(), dict(os.environ), stop=stop or threading.Event(), progress=Progress("reading subscriptions")
    )


def output_for(format: str, *, show_addresses: bool = False) -> Output:
    """The Output for this terminal and this environment."""
    return Output.chosen(
        Format(format),
        show_addresses=show_addresses,
        in_ci=bool(os.environ.get("CI")),
        plain=bool(os.environ.get("NO_COLOR")),
    )


@contextmanager
def stoppable(stop: threading.Event | None = None) -> Iterator[threading.Event]:
    """An event (*stop*, or a new one) that SIGINT and SIGTERM set; a second signal stops at once."""
    stop = stop or threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()
        note("stopping: what is in flight is finished, nothing new is started (again to stop at once)")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
