"""Carry out a Plan through anything that can send, and answer with exactly one Outcome per change.

The rules are design §7: removals last; a row is read again before a write when the listing is old; every answer is
compared with what was asked; a POST whose answer was lost is looked up by its tag before anything else is decided. No
error, expected or not, costs another change its outcome. Knows Requests and a Sender; knows no HTTP library, no
terminal, no particular kind, and not whether the run is in CI.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from . import diff
from .errors import Answer, Interrupted, NoAnswer, OutOfTime, PlanRefused, ServerError
from .model import Action, Change, Json, Live, Outcome, Plan, Request, Status, Tag
from .privacy import Message, listed, say
from .resource import Kinds, Resource

_COUNTED = frozenset({Action.CREATE, Action.RESTORE, Action.REPLACE})
"""What adds a live row, and so counts towards a server's limit."""

STALE_AFTER = 30.0
"""Seconds after which a listing is too old to write by: the row is read again first (design §7)."""

_ENDED_BY_SERVER = frozenset({500, 503})
"""Statuses with which PostHog itself ends a request, so that nothing of it can still be under way (contract §2.4)."""


class Sent(Protocol):
    """An accepted write: its status, the row it answered with, and how often it had to be sent."""

    @property
    def status(self) -> int:
        """The status of the answer."""

    @property
    def body(self) -> Json:
        """The row as the server answered."""

    @property
    def attempts(self) -> int:
        """How often the request was sent."""


class Sender(Protocol):
    """What can read a row, list them all, and send a write; `api.Writer` is one."""

    def get(self, request: Request) -> Json:
        """Read one object."""

    def rows(self, request: Request, *, decode: Callable[[Json], Live]) -> Sequence[Live]:
        """Read a proven listing."""

    def send(self, request: Request) -> Sent:
        """Send one write. OutOfTime and Interrupted mean that nothing was done, NoAnswer that nobody knows."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How a plan is to be carried out.

    `age` answers how many seconds ago the listing was read; `tell` hears every outcome as it happens, from one thread
    at a time; `stop` is set by an interrupt, after which nothing new is started. At most `parallel` changes
    are under way at once; a sender that is throttled lets fewer of them write.
    """

    age: Callable[[], float]
    tell: Callable[[Outcome], None] = lambda _: None
    parallel: int = 4
    fail_fast: bool = False
    stop: threading.Event = field(default_factory=threading.Event)


def execute(plan: Plan, kinds: Kinds, sender: Sender, orders: Orders) -> tuple[Outcome, ...]:
    """Carry out *plan*: everything that adds or edits first, removals last; one Outcome per change, in plan order."""
    if plan.blockers:
        raise PlanRefused("the plan is blocked (", *listed({finding.rule: "" for finding in plan.blockers}), ")")
    run = _Run(kinds, sender, orders)
    adding = [change for change in plan.changes if change.action is not Action.DELETE]
    removing = [change for change in plan.changes if change.action is Action.DELETE]
    outcomes = {id(outcome.change): outcome for outcome in (*run.all(adding), *run.all(removing))}
    return tuple(outcomes[id(change)] for change in plan.changes)


@dataclass(slots=True)
class _Progress:
    """How far a change has come: requests sent, steps that are done, the row it ended on, and what was odd."""

    row: int | None
    attempts: int = 0
    done: int = 0
    note: Message = ()


class _Run:
    """One execution. Its workers share the sender, the orders, and whether and why nothing new may be started."""

    def __init__(self, kinds: Kinds, sender: Sender, orders: Orders) -> None:
        self._kinds = kinds
        self._sender = sender
        self._orders = orders
        self._over: Message = ()
        self._full: Message = ()
        self._lost: set[int] = set()
        self._telling = threading.Lock()

    def all(self, changes: Sequence[Change]) -> list[Outcome]:
        """Carry out independent *changes* side by side, then look up the creates whose answers were lost."""
        if not changes:
            return []
        there = self._there_by_now(changes)
        with ThreadPoolExecutor(self._orders.parallel, thread_name_prefix="writer") as writers:
            try:
                first = list(writers.map(lambda change: self._attempt(change, there.get(id(change), ())), changes))
            except BaseException:
                # Leaving the pool waits for its workers, who must not begin the rest of the plan.
                writers.shutdown(wait=False, cancel_futures=True)
                raise
        found = self._look_up([outcome for outcome in first if id(outcome.change) in self._lost])
        for outcome in found.values():
            self._tell(outcome)
        return [found.get(id(outcome.change), outcome) for outcome in first]

    def _there_by_now(self, changes: Sequence[Change]) -> dict[int, Message]:
        """Why changes that make a row must not: somebody made or restored it meanwhile.

        Looked at however young the listing is: a row that was restored between the listing of the live and that of the
        deleted rows stands in neither, and a second row would mail everybody.
        """
        making = [change for change in changes if _makes_row(change)]
        if not making or self._orders.stop.is_set():
            return {}
        reasons: dict[int, Message] = {}
        for kind in sorted({change.kind for change in making}):
            mine = [change for change in making if change.kind == kind]
            try:
                by_tag = self._live_by_tag(self._kinds[kind])
            except Exception as error:  # whatever it is, the others go on  # noqa: BLE001
                reasons |= {id(change): say("the rows could not be listed again: ", *_told(error)) for change in mine}
                continue
            for change in mine:
                others = [row for row in by_tag.get(change.tag, ()) if row.id != change.id]
                if others:
                    reasons[id(change)] = say(f"conflict: row {others[0].id} has its tag by now; plan again")
        return reasons

    def _live_by_tag(self, resource: Resource) -> dict[Tag | None, list[Live]]:
        found: dict[Tag | None, list[Live]] = {}
        for row in self._sender.rows(resource.listing(deleted=False), decode=resource.decode):
            found.setdefault(row.tag, []).append(row)
        return found

    def _attempt(self, change: Change, objection: Message) -> Outcome:
        """One change, whatever happens: an Outcome, never an exception but the ones that end the program."""
        try:
            outcome = self._one(change, objection)
        except BaseException:
            self._over = say("the run was ended")
            raise
        if self._orders.fail_fast and outcome.status in (Status.FAILED, Status.UNKNOWN):
            self._over = self._over or say("an earlier change did not apply (--fail-fast)")
        if outcome.answer is not None and outcome.answer.status == 402:
            # Each further try would file another request for a higher limit (trap T-25).
            self._full = say("the server refused an earlier row with 402: its limit is reached")
        if id(change) not in self._lost:
            self._tell(outcome)
        return outcome

    def _one(self, change: Change, objection: Message) -> Outcome:
        if self._orders.stop.is_set():
            return _skipped(change, say("interrupted before it was started"))
        if self._over or objection:
            return _skipped(change, objection or self._over)
        if self._full and change.action in _COUNTED:
            return _skipped(change, self._full)
        try:
            conflict = self._conflict(change)
        except Exception as error:  # a row that cannot be read, or makes no sense, is not written  # noqa: BLE001
            return _skipped(change, say("the row could not be read again before the write: ", *_told(error)))
        return _skipped(change, conflict) if conflict else self._send(change)

    def _conflict(self, change: Change) -> Message:
        """What somebody changed since the listing, when that is old enough for it to be likely; else nothing."""
        if change.expected is None or (self._orders.age() <= STALE_AFTER and not _is_about_people(change)):
            return ()
        row = self._kinds[change.kind].decode(self._read(change.kind, change.expected.id))
        moved = list(diff.changed(change.expected.fields, row.fields))
        moved += [name for name in ("tag", "deleted") if getattr(row, name) != getattr(change.expected, name)]
        if not moved:
            return ()
        return say(f"conflict: row {row.id} changed since it was compared (", *listed(moved), "); plan again")

    def _read(self, kind: str, row: int) -> Json:
        """The row as it is now. NoAnswer where the server answers with another one."""
        body = self._sender.get(self._kinds[kind].retrieve(row))
        if not isinstance(body, dict) or body.get("id") != row:
            raise NoAnswer(f"asked for row {row}, the server answered with another")
        return body

    def _send(self, change: Change, done: int = 0) -> Outcome:
        """Send the calls of *change* in order, after *done* others; what those did is said when a later one fails."""
        so_far = _Progress(change.id, done=done)
        for request in change.requests:
            ended = self._step(change, request, so_far)
            if ended is not None:
                return ended
        return Outcome(change, Status.APPLIED, so_far.row, so_far.note, None, so_far.attempts)

    def _step(self, change: Change, request: Request, so_far: _Progress) -> Outcome | None:
        """Send one call: None when it did what was asked, else the change's Outcome."""
        try:
            sent = self._sender.send(request)
        except NoAnswer as error:
            so_far.attempts += error.attempted.attempts
            return self._read_back(change, request, so_far, error.message, error.attempted.answer)
        except (OutOfTime, Interrupted) as error:
            if isinstance(error, OutOfTime):
                self._over = self._over or error.message
            return _not_sent(change, error, so_far)
        except ServerError as error:
            return _refused(change, error, so_far)
        except Exception as error:  # nobody foresaw it, so nobody knows what was sent  # noqa: BLE001
            so_far.attempts += 1
            return self._read_back(change, request, so_far, _told(error), None)
        so_far.attempts += sent.attempts
        try:
            wrong, row = self._kinds[change.kind].mismatch(request, sent.body), sent.body["id"]
        except Exception as error:  # an accepted write whose answer is no row is a lost answer  # noqa: BLE001
            reason = say("the write was accepted, but its answer is no row: ", *_told(error))
            return self._read_back(change, request, so_far, reason, Answer(sent.status))
        if request.method == "PATCH" and row != change.id:
            wrong, row = ("id", *wrong), change.id
        if wrong:
            return _not_as_asked(change, row, wrong, Answer(sent.status), so_far)
        so_far.row, so_far.done = row, so_far.done + 1
        return None

    def _read_back(
        self, change: Change, request: Request, so_far: _Progress, reason: Message, answer: Answer | None
    ) -> Outcome | None:
        """A write in doubt: a PATCH is read back, and goes on if the row holds it; a POST is looked up later."""
        said, accepted = _halfway(reason, so_far), so_far.done > 0
        unknown = Outcome(change, Status.UNKNOWN, change.id, said, answer, so_far.attempts, accepted)
        if request.method == "POST" or change.id is None:
            self._lost.add(id(change))
            return unknown
        try:
            wrong = self._kinds[change.kind].mismatch(request, self._read(change.kind, change.id))
        except Exception:  # it stays unknown, whatever made the reading fail  # noqa: BLE001
            return unknown
        if not wrong:
            so_far.done, so_far.note = so_far.done + 1, say("no answer came, but the row holds the change")
            return None
        said = say(*reason, "; read back, the row does not hold the change: ", *listed(wrong))
        # A server that ended the request with a 500 did not do it; behind a broken line it may be doing it yet.
        status = Status.FAILED if answer is not None and answer.status == 500 else Status.UNKNOWN
        return replace(unknown, status=status, reason=said)

    def _look_up(self, lost: Sequence[Outcome]) -> dict[int, Outcome]:
        """List again and look for the tags of creates whose answers were lost; send again only what surely failed."""
        found = {id(outcome.change): outcome for outcome in lost}
        if self._orders.stop.is_set():
            return found
        for kind in sorted({outcome.change.kind for outcome in lost}):
            mine = [outcome for outcome in lost if outcome.change.kind == kind]
            try:
                by_tag = self._live_by_tag(self._kinds[kind])
            except Exception as error:  # then they stay unknown  # noqa: BLE001
                for outcome in mine:
                    reason = say(*outcome.reason, "; the rows could not be listed to look for it: ", *_told(error))
                    found[id(outcome.change)] = replace(outcome, reason=reason)
                continue
            for outcome in mine:
                found[id(outcome.change)] = self._decide(outcome, by_tag.get(outcome.change.tag, []))
        return found

    def _decide(self, lost: Outcome, rows: Sequence[Live]) -> Outcome:
        """One row found is compared; none is made again, if the server itself had ended the request without one."""
        if len(rows) > 1:
            both = listed((row.id for row in rows), " and ")
            reason = say("the rows ", *both, f" all carry the tag {lost.change.tag}; delete all but one in PostHog")
            return replace(lost, status=Status.FAILED, id=rows[0].id, reason=reason, accepted=True)
        if rows:
            return self._compare(lost, rows[0])
        reason = say(*lost.reason, "; a fresh listing does not show the row")
        if not _was_ended_by_server(lost.answer):
            # A proxy or a broken line says nothing of what the server is still doing: another POST could make a twin.
            return replace(lost, reason=say(*reason, ": run plan again in a minute"))
        change = lost.change
        again = self._send(replace(change, requests=change.requests[-1:]), done=len(change.requests) - 1)
        attempts = lost.attempts + again.attempts
        if again.status is Status.SKIPPED:
            return replace(lost, status=Status.FAILED, reason=reason, attempts=attempts)
        return replace(again, change=change, attempts=attempts)

    def _compare(self, lost: Outcome, row: Live) -> Outcome:
        """The row that a lost answer left behind, read whole and held against what was asked."""
        kind = lost.change.kind
        try:
            wrong = self._kinds[kind].mismatch(lost.change.requests[-1], self._read(kind, row.id))
        except Exception as error:  # it is there; whether it is right stays unknown  # noqa: BLE001
            reason = say(*lost.reason, f"; row {row.id} has its tag, but could not be read: ", *_told(error))
            return replace(lost, id=row.id, reason=reason)
        if wrong:
            return replace(lost, status=Status.FAILED, id=row.id, reason=_differs(wrong), accepted=True)
        reason = say("no answer came, but the row was found by its tag")
        return Outcome(lost.change, Status.APPLIED, row.id, reason, None, lost.attempts)

    def _tell(self, outcome: Outcome) -> None:
        # Whoever listens may fail (a closed pipe); the work and its outcomes must not.
        with self._telling, suppress(Exception):
            self._orders.tell(outcome)


def _is_about_people(change: Change) -> bool:
    """Whether the change sends a list of recipients, which an unsubscribe a moment ago would be lost by (trap T-34)."""
    return any("target_value" in (request.body or {}) for request in change.requests)


def _makes_row(change: Change) -> bool:
    return any(request.method == "POST" for request in change.requests)


def _was_ended_by_server(answer: Answer | None) -> bool:
    """Whether PostHog, and not something in front of it, said that the request came to nothing: it has an envelope."""
    return answer is not None and answer.status in _ENDED_BY_SERVER and answer.type is not None


def _told(error: Exception) -> Message:
    """What *error* says, where it was raised on purpose; of any other only its sort, for its text may be private."""
    if isinstance(error, ServerError | Interrupted):
        return error.message
    return say(f"unexpected {type(error).__name__}")


def _skipped(change: Change, reason: Message) -> Outcome:
    return Outcome(change, Status.SKIPPED, change.id, reason)


def _refused(change: Change, error: ServerError, so_far: _Progress) -> Outcome:
    attempts, answer = so_far.attempts + error.attempted.attempts, error.attempted.answer
    return Outcome(change, Status.FAILED, change.id, _halfway(error.message, so_far), answer, attempts, so_far.done > 0)


def _not_sent(change: Change, error: OutOfTime | Interrupted, so_far: _Progress) -> Outcome:
    """Nothing was done by the call; the change is only skipped if no earlier call did anything either."""
    status = Status.FAILED if so_far.done else Status.SKIPPED
    attempts, answer = so_far.attempts + error.attempted.attempts, error.attempted.answer
    return Outcome(change, status, change.id, _halfway(error.message, so_far), answer, attempts, so_far.done > 0)


def _halfway(reason: Message, so_far: _Progress) -> Message:
    return say(*reason, "; the old row is already soft-deleted: run it again") if so_far.done else reason


def _not_as_asked(change: Change, row: int | None, wrong: Sequence[str], answer: Answer, so_far: _Progress) -> Outcome:
    """A server that ignores a field answers 2xx all the same (trap T-13)."""
    return Outcome(change, Status.FAILED, row, _differs(wrong), answer, so_far.attempts, accepted=True)


def _differs(wrong: Sequence[str]) -> Message:
    return say("the server accepted the write but does not hold what was asked: ", *listed(wrong))
