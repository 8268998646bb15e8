"""When a request is sent again, and after how long. Pure rules over a Reply; tenacity drives the loop.

              429   500   502 503 504   connection lost   2xx that cannot be read
    GET       yes   yes   yes           yes               yes
    PATCH     yes   no    yes           yes               no
    DELETE    yes   no    yes           yes               no
    POST      yes   no    no            no                no

A 429 means that nothing was done. Whatever else says neither yes nor no leaves a write in doubt, which is for the
caller to clear up by looking (design §7). Waits are full jitter, on top of all of `Retry-After`; a change in doubt is
given time to end before it is sent again. Knows methods, statuses and headers; knows nothing of paths, keys or rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto

from tenacity import RetryCallState, Retrying, retry_if_result, wait_random_exponential

from .budget import Run
from .transport import Fault, Reply

TRIES = 5
"""How often a request is sent that gets no usable answer; a 429 does not count, only the deadline ends those."""

SETTLING = 10.0
"""Seconds at least before a change in doubt is sent again. The server may be carrying it out although nobody waits for
the answer, and two at once would each find the same people to be new, and mail them (contract §7, T-34)."""

_AGAIN = {
    "GET": frozenset({429, 500, 502, 503, 504}),
    "PATCH": frozenset({429, 502, 503, 504}),
    "DELETE": frozenset({429, 502, 503, 504}),
    "POST": frozenset({429}),
}
_BACKOFF = wait_random_exponential(multiplier=0.5, max=30)
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


class Verdict(Enum):
    """What to do about a reply."""

    DONE = auto()
    AGAIN = auto()
    DOUBT = auto()
    FINAL = auto()
    ELSEWHERE = auto()


def verdict(method: str, reply: Reply) -> Verdict:
    """What *reply* to a *method* request means for sending it again."""
    match reply.fault:
        case Fault.UNTRUSTED:
            return Verdict.FINAL
        case Fault.LOST:
            return Verdict.DOUBT if method == "POST" else Verdict.AGAIN
        case Fault.HUGE if reply.is_success:
            return Verdict.DOUBT
        case Fault.BROKEN if reply.is_success:
            return Verdict.AGAIN if method == "GET" else Verdict.DOUBT
    status = reply.status or 0
    if reply.is_success:
        return Verdict.DONE
    if status in _AGAIN[method]:
        return Verdict.AGAIN
    if 300 <= status < 400:
        return Verdict.ELSEWHERE
    # A proxy's "you took too long" (408) does not say whether the server behind it had heard enough.
    return Verdict.DOUBT if status >= 500 or status == 408 else Verdict.FINAL


def leaves_doubt(reply: Reply) -> bool:
    """Whether a write that got *reply* may have been carried out, or may not."""
    return reply.status != 429 and verdict("PATCH", reply) in (Verdict.AGAIN, Verdict.DOUBT)


def insist(once: Callable[[], Reply], method: str, run: Run) -> Reply:
    """The last reply of *once*, called again as the rules say; Interrupted or OutOfTime out of a wait."""
    failures = 0

    def is_enough(state: RetryCallState) -> bool:
        nonlocal failures
        failures += _result(state).status != 429
        return failures >= TRIES

    return Retrying(
        retry=retry_if_result(lambda reply: verdict(method, reply) is Verdict.AGAIN),
        stop=is_enough,
        wait=lambda state: _wait(state, method, run),
        sleep=run.pause,
        retry_error_callback=_result,
    )(once)


def retry_after(reply: Reply, now: Callable[[], float]) -> float | None:
    """Seconds the server asked for, said in either form (RFC 9110 §10.2.3); None where it did not or cannot be read.

    A date is held against the server's own `Date`, so that it does not matter what our clock says; without one,
    against *now*.
    """
    text = reply.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _instant(text)
    if until is None:
        return None
    since = _instant(reply.headers.get("date", ""))
    return max(0.0, until - (now() if since is None else since))


def _wait(state: RetryCallState, method: str, run: Run) -> float:
    """What the server asked for, and ever more on top: one that asks for nothing must not be asked all the time."""
    reply, more = _result(state), _BACKOFF(state)
    asked = retry_after(reply, run.now)
    if reply.status == 429:
        run.budget.hold(asked or more)
    if method == "PATCH" and leaves_doubt(reply):
        asked = max(asked or 0.0, SETTLING)
    return more if asked is None else asked + min(more, max(0.0, run.left - asked))


def _result(state: RetryCallState) -> Reply:
    reply = state.outcome.result() if state.outcome else None
    return reply if isinstance(reply, Reply) else Reply(None, fault=Fault.LOST)


def _instant(text: str) -> float | None:
    """An HTTP date as seconds since 1970."""
    try:
        moment = parsedate_to_datetime(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None
