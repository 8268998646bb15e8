"""How much may be sent, when, and by how many at once: what all requests of a run share.

    Run      the deadline, the wish to stop, the budget; every wait of this package is `Run.pause`
    Learned  what a run found out about one project
    Budget   at most so many requests in any minute, and none while the server asked for silence
    Width    how many writers may work at once: one more after a calm round, half as many after a 429

Knows seconds; knows nothing of requests, of answers or of HTTP.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import Interrupted, OutOfTime

REQUESTS_A_MINUTE = 400
"""Below the server's 480 a minute (contract §2.5), so that people and other tools can go on with the same limit."""


PATIENCE = 60.0
"""Seconds without a byte after which an answer is lost: a write behind a slow template may take a minute."""


class Budget:
    """A sliding window: at most *limit* requests in any *period* seconds. Safe to share between threads."""

    def __init__(
        self, limit: int = REQUESTS_A_MINUTE, period: float = 60.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nothing spent."""
        self._period = period
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: deque[float] = deque(maxlen=limit)
        self._silent_until = float("-inf")

    def spend(self, pause: Callable[[float], None]) -> None:
        """Take leave to send one request, waiting with *pause* until the window and the server allow it."""
        if (wait := self._reserve()) > 0:
            pause(wait)
        # Another thread may have been told to be silent while this one waited for its turn.
        while (wait := self._silence()) > 0:
            pause(wait)

    def hold(self, seconds: float) -> None:
        """Let nobody send for *seconds*: the limit is shared, so one 429 speaks to every thread."""
        with self._lock:
            self._silent_until = max(self._silent_until, self._clock() + seconds)

    def _reserve(self) -> float:
        """Seconds until the slot that is now ours. Slots are given out in order, so that nobody starves."""
        with self._lock:
            now = self._clock()
            is_full = len(self._slots) == self._slots.maxlen
            slot = max(now, self._slots[0] + self._period) if is_full else now
            self._slots.append(slot)
            return slot - now

    def _silence(self) -> float:
        with self._lock:
            return self._silent_until - self._clock()


class Width:
    """How many writers may work at once, between 1 and *most*: additive increase, multiplicative decrease.

    A round is as many successes as there are writers. Several writers are throttled by one and the same full bucket,
    so that after a decrease further 429s change nothing until something succeeded.
    """

    def __init__(self, most: int = 4) -> None:
        """Begin with all of them."""
        self._most = max(1, most)
        self._limit = self._most
        self._working = 0
        self._calm = 0
        self._is_backing_off = False
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many writers may work at once just now."""
        return self._limit

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a place among the writers, and keep it until the end of the block."""
        with self._changed:
            self._changed.wait_for(lambda: self._working < self._limit)
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify()

    def succeeded(self) -> None:
        """A request was answered well: after a whole round of these, one writer more."""
        with self._changed:
            self._is_backing_off = False
            self._calm += 1
            if self._calm >= self._limit:
                self._limit, self._calm = min(self._most, self._limit + 1), 0
                self._changed.notify()

    def throttled(self) -> None:
        """The server said 429: half as many writers, at least one."""
        with self._changed:
            if not self._is_backing_off:
                self._limit, self._calm, self._is_backing_off = max(1, self._limit // 2), 0, True


@dataclass(slots=True)
class Learned:
    """What a run found out about a project: that it answers, and that its paths have moved (contract §2.1)."""

    has_answered: bool = False
    has_moved: bool = False


class Run:
    """What all requests of one run share. Safe to share between threads, environments, readers and writers."""

    def __init__(  # noqa: PLR0913  # all of it is the outside world, which tests put in the place of
        self,
        timeout: float = 600.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], object] | None = None,
        stop: threading.Event | None = None,
        budget: Budget | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Begin now, to end in *timeout* seconds; no single answer is waited for longer than *patience*.

        *stop* is set by whoever wants the run to end; waits end at once then. *now* (seconds since 1970) only serves
        to read a date the server gave without giving its own. Tests put their own *clock*, *now* and *sleep*.
        """
        self.timeout = timeout
        self.patience = patience
        self.now = now
        self.stop = stop or threading.Event()
        self.budget = budget or Budget(clock=clock)
        self.learned: defaultdict[str, Learned] = defaultdict(Learned)
        self.clock = clock
        self._sleep = sleep or self.stop.wait
        self._end = clock() + timeout

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self._end - self.clock()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """While a person thinks, the time that the run may take does not pass."""
        began = self.clock()
        try:
            yield
        finally:
            self._end += self.clock() - began

    def check(self) -> None:
        """Raise Interrupted or OutOfTime where nothing further may be sent."""
        if self.stop.is_set():
            raise Interrupted("stopped on request: nothing further was sent")
        if self.left <= 0:
            raise OutOfTime(
                f"the {self.timeout:g} seconds this run may take (--timeout) are over: give it more, or run it again"
            )

    def pause(self, seconds: float) -> None:
        """Wait *seconds*; at once Interrupted when asked to stop, or OutOfTime where they are more than are left."""
        self.check()
        if seconds > self.left:
            raise OutOfTime(
                f"the server cannot be asked again for {seconds:.0f} seconds, and of the {self.timeout:g} seconds this "
                f"run may take (--timeout) {max(0.0, self.left):.0f} are left: give it more, or run it again later"
            )
        self._sleep(seconds)
        self.check()
