"""Carry out a Plan through anything that can send, and answer with exactly one Outcome per change.

The rules are design §7: removals last; a row is read again before a write when the listing is old; every answer is
compared with what was asked; a POST whose answer was lost is looked up by its tag before anything else is decided. Knows
Requests and a Sender; knows no HTTP library, no terminal, no particular kind, and not whether the run is in CI.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from . import diff
from .errors import Answer, Interrupted, NoAnswer, OutOfTime, Refused, ServerError
from .model import Action, Change, Json, Live, Outcome, Plan, Request, Status
from .privacy import Message, say
from .resource import Kinds, Resource

STALE_AFTER = 30.0
"""Seconds after which a listing is too old to write by: the row is read again first (design §7)."""


class Sent(Protocol):
    """An accepted write: the row it answered with, and how often it had to be sent."""

    @property
    def body(self) -> Json:
        """The row as the server answered."""

    @property
    def attempts(self) -> int:
        """How often the request was sent."""


class Sender(Protocol):
    """What can read a row, list them all, and send a write."""

    def get(self, request: Request) -> Json:
        """Read one object."""

    def rows(self, request: Request, decode: Callable[[Json], Live]) -> Sequence[Live]:
        """Read a proven listing."""

    def send(self, request: Request) -> Sent:
        """Send one write."""


class Gate(Protocol):
    """How many may write at once: narrows when the server throttles."""

    def slot(self) -> Iterator[None]:
        """Wait for a place."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How a plan is to be carried out.

    `age` answers how many seconds ago the listing was read; `tell` hears every outcome as it happens, from one thread
    at a time; `stop` is set by an interrupt, after which nothing new is started.
    """

    age: Callable[[], float]
    tell: Callable[[Outcome], None] = lambda outcome: None
    parallel: int = 4
    fail_fast: bool = False
    stop: threading.Event = field(default_factory=threading.Event)


def execute(plan: Plan, kinds: Kinds, sender: Sender, orders: Orders) -> tuple[Outcome, ...]:
    """Carry out *plan*: everything that adds or edits first, removals last; one Outcome per change, in plan order."""
    run = _Run(kinds, sender, orders)
    adding = [change for change in plan.changes if change.action is not Action.DELETE]
    removing = [change for change in plan.changes if change.action is Action.DELETE]
    outcomes = {id(outcome.change): outcome for outcome in (*run.all(adding), *run.all(removing))}
    return tuple(outcomes[id(change)] for change in plan.changes)


class _Run:
    """One execution: what is shared by its workers is the sender, the orders, and whether something failed."""

    def __init__(self, kinds: Kinds, sender: Sender, orders: Orders) -> None:
        self._kinds = kinds
        self._sender = sender
        self._orders = orders
        self._failed = threading.Event()
        self._telling = threading.Lock()

    def all(self, changes: Sequence[Change]) -> list[Outcome]:
        """Carry out independent *changes* side by side, then look up the creates whose answers were lost."""
        if not changes:
            return []
        with ThreadPoolExecutor(self._orders.parallel, thread_name_prefix="writer") as writers:
            first = list(writers.map(self._attempt, changes))
        lost = [outcome for outcome in first if _is_lost_create(outcome)]
        found = self._look_up(lost) if lost else {}
        return [self._told(found.get(id(outcome.change), outcome), outcome) for outcome in first]

    def _attempt(self, change: Change) -> Outcome:
        """One change, whatever happens: an Outcome, never an exception that is ours."""
        outcome = self._one(change)
        if outcome.status in (Status.FAILED, Status.UNKNOWN):
            self._failed.set()
        if not _is_lost_create(outcome):
            self._tell(outcome)
        return outcome

    def _one(self, change: Change) -> Outcome:
        if self._orders.stop.is_set():
            return _skipped(change, say("interrupted before it was started"))
        if self._orders.fail_fast and self._failed.is_set():
            return _skipped(change, say("an earlier change did not apply (--fail-fast)"))
        try:
            conflict = self._conflict(change)
        except Interrupted:
            return _skipped(change, say("interrupted before it was started"))
        except ServerError as error:
            return _skipped(change, say("the row could not be read again before the write: ", *error.message))
        return _skipped(change, conflict) if conflict else self._send(change)

    def _conflict(self, change: Change) -> Message:
        """What somebody changed since the listing, when that is old enough for it to be likely; else nothing."""
        if change.expected is None or self._orders.age() <= STALE_AFTER:
            return ()
        resource = self._kinds[change.kind]
        row = resource.decode(self._sender.get(resource.retrieve(change.expected.id)))
        if (row.tag, row.deleted) == (change.expected.tag, change.expected.deleted):
            moved = diff.changed(change.expected.fields, row.fields)
        else:
            moved = ("title", "deleted")
        return say(f"conflict: row {row.id} changed since it was compared; plan again") if moved else ()

    def _send(self, change: Change) -> Outcome:
        """Send the calls of *change* in order; what an earlier call did is said when a later one fails."""
        attempts, row, done = 0, change.id, 0
        for request in change.requests:
            try:
                sent = self._sender.send(request)
            except NoAnswer as error:
                return self._after_no_answer(change, request, error, attempts)
            except ServerError as error:
                return _failed(change, error, attempts, partly=done > 0)
            except Interrupted:
                return _cut_short(change, attempts, partly=done > 0)
            attempts, done = attempts + sent.attempts, done + 1
            wrong = self._kinds[change.kind].mismatch(request, sent.body)
            if wrong:
                return _not_as_asked(change, sent.body, wrong, attempts)
            row = sent.body["id"]
        return Outcome(change, Status.APPLIED, row, attempts=attempts)

    def _after_no_answer(self, change: Change, request: Request, error: NoAnswer, attempts: int) -> Outcome:
        """A write without an answer may have happened: a PATCH is read back; a POST is looked up later, by its tag."""
        attempts += error.attempted.attempts
        answer = error.attempted.answer
        unknown = Outcome(change, Status.UNKNOWN, change.id, error.message, answer, attempts)
        if request.method == "POST" or change.id is None:
            return unknown
        resource = self._kinds[change.kind]
        try:
            row = self._sender.get(resource.retrieve(change.id))
            wrong = resource.mismatch(request, row)
        except (ServerError, Interrupted, ValueError):
            return unknown
        if wrong:
            reason = say(*error.message, "; the row was read back and does not hold the change")
            return Outcome(change, Status.FAILED, change.id, reason, answer, attempts)
        if request is not change.requests[-1]:
            return replace(unknown, reason=say(*error.message, "; the old row is gone, the new one was not created"))
        return Outcome(change, Status.APPLIED, change.id, say("no answer came, but the row holds it"), None, attempts)

    def _look_up(self, lost: Sequence[Outcome]) -> dict[int, Outcome]:
        """List again and look for the tags of creates whose answers were lost; send again only what surely failed."""
        if self._orders.stop.is_set():
            return {}
        found: dict[int, Outcome] = {}
        for kind in {outcome.change.kind for outcome in lost}:
            resource = self._kinds[kind]
            try:
                rows = self._sender.rows(resource.listing(deleted=False), resource.decode)
            except (ServerError, Interrupted):
                continue
            by_tag = {row.tag: row for row in rows}
            for outcome in lost:
                if outcome.change.kind == kind:
                    found[id(outcome.change)] = self._decide(resource, outcome, by_tag.get(outcome.change.tag))
        return found

    def _decide(self, resource: Resource, lost: Outcome, row: Live | None) -> Outcome:
        """A found row is compared; a missing one is created again only if the server itself had ended the request."""
        if row is not None:
            return self._compare(resource, lost, row)
        if lost.answer is None or lost.answer.status not in (500, 503):
            # A proxy or a broken line says nothing of what the server is still doing: another POST could make a twin.
            reason = say(*lost.reason, "; a fresh listing does not show the row; run plan again in a minute")
            return replace(lost, reason=reason)
        change = lost.change
        again = self._send(replace(change, requests=change.requests[-1:]))
        return replace(again, change=change, attempts=lost.attempts + again.attempts)

    def _compare(self, resource: Resource, lost: Outcome, row: Live) -> Outcome:
        try:
            wrong = resource.mismatch(lost.change.requests[-1], self._sender.get(resource.retrieve(row.id)))
        except (ServerError, Interrupted, ValueError):
            return replace(lost, id=row.id)
        if wrong:
            return replace(lost, id=row.id, status=Status.FAILED, reason=_differs(wrong))
        reason = say("no answer came, but the row was found by its tag")
        return Outcome(lost.change, Status.APPLIED, row.id, reason, None, lost.attempts)

    def _told(self, outcome: Outcome, first: Outcome) -> Outcome:
        if _is_lost_create(first):
            self._tell(outcome)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        with self._telling:
            self._orders.tell(outcome)


def _is_lost_create(outcome: Outcome) -> bool:
    """Whether a POST ended without a usable answer, so that a row may or may not exist."""
    creates = outcome.change.requests[-1].method == "POST"
    return creates and outcome.status is Status.UNKNOWN


def _skipped(change: Change, reason: Message) -> Outcome:
    return Outcome(change, Status.SKIPPED, change.id, reason)


def _failed(change: Change, error: ServerError, attempts: int, *, partly: bool) -> Outcome:
    reason = say(*error.message, "; the old row is already soft-deleted: run again") if partly else error.message
    answer = error.attempted.answer
    return Outcome(change, Status.FAILED, change.id, reason, answer, attempts + error.attempted.attempts)


def _cut_short(change: Change, attempts: int, *, partly: bool) -> Outcome:
    if not partly:
        return _skipped(change, say("interrupted before it was sent"))
    return Outcome(change, Status.FAILED, change.id, say("interrupted half-way: run again"), None, attempts)


def _not_as_asked(change: Change, row: Json, wrong: tuple[str, ...], attempts: int) -> Outcome:
    """A server that ignores a field answers 200 all the same (trap T-13)."""
    return Outcome(change, Status.FAILED, row.get("id", change.id), _differs(wrong), Answer(status=200), attempts)


def _differs(wrong: tuple[str, ...]) -> Message:
    return say(f"the server accepted the write but does not hold what was asked: {', '.join(wrong)}")
