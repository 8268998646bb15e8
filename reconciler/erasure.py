"""Erase session recordings through anything that can send, and answer with exactly one Outcome per id.

204 is erased and 404 is gone already, but only on a project that has shown itself (contract §9.1): a wrong project
number is a 404 too. What is done goes to the journal at once. An answer that settles all ids alike, such as a key that
may not erase, ends the run; the rest is skipped. Knows a Sender and a Journal; knows no HTTP library and no terminal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from . import operations
from .errors import Interrupted, Moved, NoAnswer, Refused, ServerError
from .journal import Journal
from .model import Request
from .privacy import Message, say
from .recordings import Fate, Outcome
from .several import several

_ENDS = frozenset({402, 403, 405})
"""Statuses that speak of the key or the project, unless a recording was erased before with the same key."""

_FAILED_BY_SERVER = "recording_api_failure"
"""The code with which the newest servers say that they could not destroy the recording (contract §9.1)."""

_UNPROVEN = say(
    "404, and nothing has shown that there is such a project: give the key the scope subscription:read or "
    "sharing_configuration:read too, or correct project_id"
)
_STOPPED = say("stopped on request before it was sent")


class Sent(Protocol):
    """An accepted request."""

    @property
    def status(self) -> int:
        """The status of the answer."""

    @property
    def attempts(self) -> int:
        """How often it was sent."""


class Sender(Protocol):
    """What can send a DELETE; `api.Writer` is one."""

    def send(self, request: Request) -> Sent:
        """Send it. OutOfTime and Interrupted mean that nothing was done, NoAnswer that nobody knows."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How recordings are to be erased.

    `is_proven` says that the project has answered before; `tell` hears every outcome as it happens, from one thread at
    a time; `stop` is set by an interrupt, after which nothing new is sent.
    """

    is_proven: bool
    journal: Journal | None = None
    tell: Callable[[Outcome], None] = lambda _: None
    at_once: int = 4
    stop: threading.Event = field(default_factory=threading.Event)


def erase(ids: Sequence[str], sender: Sender, orders: Orders) -> tuple[Outcome, ...]:
    """Erase the recordings *ids*, several at once; one Outcome each, in their order."""
    run = _Run(sender, orders)
    outcomes = several(ids, run.erase, at_once=orders.at_once)
    return tuple(run.settled(outcome) for outcome in outcomes)


class _Run:
    """One erasure. Its workers share the sender, the journal, and whether and why nothing new may be sent."""

    def __init__(self, sender: Sender, orders: Orders) -> None:
        self._sender = sender
        self._orders = orders
        self._done = orders.journal.done if orders.journal is not None else {}
        self._is_proven = orders.is_proven
        self._has_erased = False
        self._over: Message = ()
        self._telling = threading.Lock()

    def erase(self, id: str) -> Outcome:
        """Send *id*, unless it is done or the run is over."""
        if id in self._done:
            outcome = Outcome(id, Fate.EARLIER)
        elif self._orders.stop.is_set():
            outcome = Outcome(id, Fate.SKIPPED, _STOPPED)
        elif self._over:
            outcome = Outcome(id, Fate.SKIPPED, self._over)
        else:
            outcome = self._sent(id)
        with self._telling:
            self._write(outcome)
            self._orders.tell(outcome)
        return outcome

    def settled(self, outcome: Outcome) -> Outcome:
        """*outcome* by what is known at the end: a later answer may have proved the project of an early 404."""
        if outcome.reason is not _UNPROVEN or not self._is_proven:
            return outcome
        gone = Outcome(outcome.id, Fate.GONE, attempts=outcome.attempts)
        self._write(gone)
        return gone

    def _sent(self, id: str) -> Outcome:
        try:
            sent = self._sender.send(operations.delete_recording(id))
        except (ServerError, Interrupted) as error:
            return self._unsent(id, error)
        except Exception as error:  # nobody foresaw it, so nobody knows what was sent  # noqa: BLE001
            self._over = self._over or say("not sent: an earlier one ended in a way that nobody foresaw")
            return Outcome(id, Fate.UNKNOWN, say(f"unexpected {type(error).__name__}: it may or may not be erased"))
        if sent.status != 204:
            reason = say(f"the answer was {sent.status}, not 204: this is not how PostHog answers; check the host")
            return Outcome(id, Fate.UNKNOWN, reason, attempts=sent.attempts)
        self._is_proven = self._has_erased = True
        return Outcome(id, Fate.ERASED, attempts=sent.attempts)

    def _unsent(self, id: str, error: ServerError | Interrupted) -> Outcome:
        """What an error means for *id*, and whether it means the same for all that follow."""
        answer, attempts = error.attempted.answer, error.attempted.attempts
        fate, reason = Fate.FAILED, error.message
        match error:
            case Refused() if answer.status == 404:
                if self._is_proven:
                    return Outcome(id, Fate.GONE, attempts=attempts)
                reason = _UNPROVEN
            case Refused() | Moved():
                if answer.status == 401 or isinstance(error, Moved) or self._is_about_all(answer.status):
                    self._over = say("not sent: the server refused the others in the same way")
            case NoAnswer() if answer.code == _FAILED_BY_SERVER:
                reason = say(f"the server could not erase it ({answer.status} {answer.code}); run the same list again")
            case NoAnswer():
                fate = Fate.UNKNOWN
                reason = say(f"no usable answer{_facts(answer.status)}: it may or may not be erased")
            case _:
                fate = Fate.SKIPPED
                self._over = error.message
        return Outcome(id, fate, reason, answer if answer.status is not None else None, attempts)

    def _is_about_all(self, status: int | None) -> bool:
        return status in _ENDS and not self._has_erased

    def _write(self, outcome: Outcome) -> None:
        """Put what is done into the journal; where that fails, nothing further is sent."""
        if self._orders.journal is None or outcome.fate not in (Fate.ERASED, Fate.GONE):
            return
        try:
            self._orders.journal.add(outcome.id, outcome.fate)
        except OSError as error:
            self._over = say(f"not sent: the journal cannot be written ({error.strerror})")


def _facts(status: int | None) -> str:
    return f" ({status})" if status is not None else ""
