"""Two processes for a large tree: this one and a forked child, each taking the next part whenever it is free.

Reading manifests is most of the work of a large plan and needs no answer from anybody. Whoever is quicker reads more,
so that neither waits for the other, whatever else the machine does. A child that cannot be had, or that fails in any
way, changes nothing but the time: its parts are read here instead. Knows how to hand plain data from one process to
another; knows no YAML.
"""

from __future__ import annotations

import marshal
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

WORTH_IT = 2_000
"""Files from which on a second process is faster: it costs some 15 ms to begin with, a file takes 70 µs."""

PARTS = 64
"""How many parts there are to take, at most: the last one is what somebody may have to be waited for."""

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Signals that wait until the fork is over: Python drops what is raised while it forks, and no child must hear them."""


def is_possible() -> bool:
    """Whether a child is safe and useful here: the system forks, nothing else runs in this process, two cores."""
    return hasattr(os, "fork") and threading.active_count() == 1 and (os.cpu_count() or 1) > 1


def both(
    work: Callable[[Sequence[T]], Any], items: Sequence[T], meanwhile: Callable[[], None] | None = None
) -> list[Any]:
    """What *work* answers for each part of *items*, in their order; plain data that `marshal` takes.

    *meanwhile* is done here first, while the child is at work already.
    """
    parts = _parts(items)
    try:
        turns, readable, writable = _pipes(len(parts))
    except OSError:  # too many files are open
        if meanwhile is not None:
            meanwhile()
        return [work(part) for part in parts]
    child, answered = None, False
    try:
        # Closed before the wait below, so that a child whose answer nobody wants any more does not wait to write it.
        with open(readable, "rb") as pipe:
            with _later(ENDING):
                child = _forked()
                if child == 0:
                    _answer(readable, writable, lambda: _worked(work, parts, turns))
                os.close(writable)
            if meanwhile is not None:
                meanwhile()
            done = _worked(work, parts, turns)
            answer = pipe.read()
    finally:
        os.read(turns, PARTS)  # after an error or an interrupt nobody needs the rest
        os.close(turns)
        if child is not None:
            answered = _ended_well(child)
    if answered:
        done |= marshal.loads(answer)  # noqa: S302  # our own child's words
    return [done[number] if number in done else work(part) for number, part in enumerate(parts)]


@contextmanager
def _later(signals: Iterable[signal.Signals]) -> Iterator[None]:
    """Hear of *signals* at the end only."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forked() -> int | None:
    """What fork answers; None where there is no memory for it, or there are too many processes."""
    try:
        return os.fork()
    except OSError:
        return None


def _parts(items: Sequence[T]) -> list[Sequence[T]]:
    size = -(-len(items) // PARTS)
    return [items[begin : begin + size] for begin in range(0, len(items), size)]


def _pipes(many: int) -> tuple[int, int, int]:
    """The turns for *many* parts, and the two ends of the pipe for the child's answer."""
    readable, writable = os.pipe()
    try:
        return _turns(many), readable, writable
    except OSError:
        os.close(readable)
        os.close(writable)
        raise


def _ended_well(child: int) -> bool:
    """Whether *child*, which is waited for, did all that it took on."""
    try:
        return os.waitpid(child, 0)[1] == 0
    except ChildProcessError:
        # Whoever started this program ignores SIGCHLD, which is inherited: how a child ended cannot be told then.
        return False


def _turns(many: int) -> int:
    """A pipe that holds a byte for each of *many* parts: whoever reads one has that part to do, and nobody else has."""
    readable, writable = os.pipe()
    os.write(writable, bytes(range(many)))
    os.close(writable)
    return readable


def _worked(work: Callable[[Sequence[T]], Any], parts: Sequence[Sequence[T]], turns: int) -> dict[int, Any]:
    """What *work* answers for the parts that this process gets, by their number."""
    done = {}
    while turn := os.read(turns, 1):
        done[turn[0]] = work(parts[turn[0]])
    return done


def _answer(readable: int, writable: int, work: Callable[[], Any]) -> None:
    """The child's life: work, write the answer, and leave without touching what belongs to the parent."""
    code = 1
    try:
        # An interrupt is the parent's to see to.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        os.close(readable)
        with open(writable, "wb") as pipe:
            pipe.write(marshal.dumps(work()))
        code = 0
    finally:
        os._exit(code)
