"""Two processes for a large tree: one reads the first half of its files, a forked child the other.

Parsing YAML is most of the work of a large plan and needs no answer from anybody. A child that cannot be had, or that
fails in any way, changes nothing but the time: its half is read here instead. Knows how to hand plain data from one
process to another; knows no YAML.
"""

from __future__ import annotations

import marshal
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

WORTH_IT = 2_000
"""Files from which on a second process is faster: it costs some 15 ms to begin with, a file takes 70 µs."""


def is_possible() -> bool:
    """Whether a child is safe and useful here: the system forks, nothing else runs in this process, two cores."""
    return hasattr(os, "fork") and threading.active_count() == 1 and (os.cpu_count() or 1) > 1


def both(work: Callable[[Sequence[T]], Any], items: Sequence[T]) -> tuple[Any, Any]:
    """What *work* answers for each half of *items*, the second from a child; plain data that `marshal` takes."""
    middle = len(items) // 2
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(readable, writable, lambda: work(items[middle:]))
    os.close(writable)
    try:
        # Closed before the wait below, so that a child whose answer nobody wants any more does not wait to write it.
        with open(readable, "rb") as pipe:
            first = work(items[:middle])
            answer = pipe.read()
    finally:
        _, status = os.waitpid(child, 0)
    return first, marshal.loads(answer) if status == 0 else work(items[middle:])  # noqa: S302  # our own child's words


def _answer(readable: int, writable: int, work: Callable[[], Any]) -> None:
    """The child's life: work, write the answer, and leave without touching what belongs to the parent."""
    code = 1
    try:
        # An interrupt is the parent's to see to.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(readable)
        with open(writable, "wb") as pipe:
            pipe.write(marshal.dumps(work()))
        code = 0
    finally:
        os._exit(code)
