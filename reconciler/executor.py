"""Carry out a Plan through anything that can send, and answer with exactly one Outcome per change.

The rules are design §7: removals last; a row is read again when the listing is old, and before each further try, after
every wait and right before the bytes; every answer is compared with what was asked; a POST whose answer was lost is
looked up by its tag before anything else is decided. No error, expected or not, costs another change its outcome. Knows
Requests and a Sender; knows no HTTP library, no terminal, no particular kind, and not whether the run is in CI.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Protocol

from . import diff
from .errors import Answer, Attempted, Interrupted, NoAnswer, OutOfTime, Overtaken, PlanRefused, ServerError
from .model import Action, Change, Json, Live, Outcome, Plan, Request, Status, Tag
from .privacy import Message, listed, say
from .resource import Kinds
from .several import awaited

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

    def send(self, request: Request, before: Callable[[], None]) -> Sent:
        """Send one write, calling *before* ahead of each try, after every wait.

        OutOfTime, Interrupted, and the Overtaken that *before* may raise mean that nothing was done, NoAnswer that
        nobody knows.
        """


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


@dataclass(frozen=True, slots=True)
class _Look:
    """The ids of the live rows by their tag, or why they could not be listed; `age` is that of the plan's then."""

    age: float
    by_tag: Mapping[Tag | None, Sequence[int]] = field(default_factory=dict)
    trouble: Message = ()


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
        self._looks: dict[str, _Look] = {}
        self._looking = threading.Lock()

    def all(self, changes: Sequence[Change]) -> list[Outcome]:
        """Carry out independent *changes* side by side, then look up the creates whose answers were lost."""
        if not changes:
            return []
        there = self._there_by_now(changes)
        with ThreadPoolExecutor(self._orders.parallel, thread_name_prefix="writer") as writers:
            try:
                attempts = [writers.submit(self._attempt, each, there.get(id(each), ())) for each in changes]
                first = [awaited(attempt) for attempt in attempts]
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
        if self._orders.stop.is_set():
            return {}
        return {id(change): self._taken(change) for change in changes if _makes_row(change)}

    def _taken(self, change: Change) -> Message:
        """Why a row with the tag of *change* must not be made: another one has it; else nothing."""
        look = self._look(change.kind)
        if look.trouble:
            return say("the rows could not be listed again: ", *look.trouble)
        others = [row for row in look.by_tag.get(change.tag, ()) if row != change.id]
        return say(f"conflict: row {others[0]} has its tag by now; plan again") if others else ()

    def _look(self, kind: str) -> _Look:
        """The rows by their tag as one listing for all workers showed them, and not longer ago than STALE_AFTER."""
        with self._looking:
            look = self._looks.get(kind)
            if look is None or self._orders.age() - look.age > STALE_AFTER:
                look = self._looks[kind] = self._listed(kind)
            return look

    def _listed(self, kind: str) -> _Look:
        age = self._orders.age()
        found: dict[Tag | None, list[int]] = {}
        try:
            resource = self._kinds[kind]
            for row in self._sender.rows(resource.listing(deleted=False), decode=resource.decode):
                found.setdefault(row.tag, []).append(row.id)
        except Exception as error:  # whatever it is, changes that make no row go on  # noqa: BLE001
            return _Look(age, trouble=_told(error))
        return _Look(age, found)

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
        return self._send(change)

    def _guard(self, change: Change, request: Request, so_far: _Progress) -> Callable[[], None]:
        """What is to be called before each try of *request*: Overtaken where it must not be sent (any more)."""
        tries, is_first = count(1), so_far.done == 0

        def look() -> None:
            try:
                objection = self._taken(change) if _makes_row(change) else ()
                # What the first half of a change did is no conflict of the second.
                if is_first and not objection:
                    objection = self._conflict(change, is_again=next(tries) > 1)
            except Exception as error:  # a row that cannot be read, or makes no sense, is not written  # noqa: BLE001
                objection = say("the row could not be read again before the write: ", *_told(error))
            if objection:
                raise Overtaken(*objection, attempted=Attempted(0))

        return look

    def _conflict(self, change: Change, *, is_again: bool) -> Message:
        """What somebody changed since it was compared, looked for where that was a while ago; else nothing."""
        is_due = is_again or _is_about_people(change) or self._orders.age() > STALE_AFTER
        if change.expected is None or not is_due:
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
            sent = self._sender.send(request, self._guard(change, request, so_far))
        except NoAnswer as error:
            so_far.attempts += error.attempted.attempts
            return self._read_back(change, request, so_far, error.message, error.attempted)
        except (OutOfTime, Interrupted, Overtaken) as error:
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
            return self._read_back(change, request, so_far, reason, Attempted(1, Answer(sent.status), 1))
        if request.method == "PATCH" and row != change.id:
            wrong, row = ("id", *wrong), change.id
        if wrong:
            return _not_as_asked(change, row, wrong, Answer(sent.status), so_far)
        so_far.row, so_far.done = row, so_far.done + 1
        return None

    def _read_back(
        self, change: Change, request: Request, so_far: _Progress, reason: Message, attempted: Attempted | None
    ) -> Outcome | None:
        """A write in doubt: a PATCH is read back, and goes on if the row holds it; a POST is looked up later."""
        said, accepted, answer = _halfway(reason, so_far), so_far.done > 0, attempted.answer if attempted else None
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
        # What PostHog itself ended was not done; behind a broken line, or an earlier try, it may be doing it yet.
        is_over = attempted is not None and attempted.doubts <= 1 and _was_ended_by_server(answer)
        return replace(unknown, status=Status.FAILED if is_over else Status.UNKNOWN, reason=said)

    def _look_up(self, lost: Sequence[Outcome]) -> dict[int, Outcome]:
        """List again and look for the tags of creates whose answers were lost; send again only what surely failed."""
        found = {id(outcome.change): outcome for outcome in lost}
        if self._orders.stop.is_set():
            return found
        for kind in sorted({outcome.change.kind for outcome in lost}):
            look = self._looks[kind] = self._listed(kind)
            for outcome in (outcome for outcome in lost if outcome.change.kind == kind):
                found[id(outcome.change)] = self._decide(outcome, look)
        return found

    def _decide(self, lost: Outcome, look: _Look) -> Outcome:
        """One row found is compared; none is made again, if the server itself had ended the request without one."""
        if look.trouble:
            return replace(
                lost, reason=say(*lost.reason, "; the rows could not be listed to look for it: ", *look.trouble)
            )
        rows = look.by_tag.get(lost.change.tag, ())
        if len(rows) > 1:
            both = listed(rows, " and ")
            reason = say("the rows ", *both, f" all carry the tag {lost.change.tag}; delete all but one in PostHog")
            return replace(lost, status=Status.FAILED, id=rows[0], reason=reason, accepted=True)
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

    def _compare(self, lost: Outcome, row: int) -> Outcome:
        """The row that a lost answer left behind, read whole and held against what was asked."""
        kind = lost.change.kind
        try:
            wrong = self._kinds[kind].mismatch(lost.change.requests[-1], self._read(kind, row))
        except Exception as error:  # it is there; whether it is right stays unknown  # noqa: BLE001
            reason = say(*lost.reason, f"; row {row} has its tag, but could not be read: ", *_told(error))
            return replace(lost, id=row, reason=reason)
        if wrong:
            return replace(lost, status=Status.FAILED, id=row, reason=_differs(wrong), accepted=True)
        reason = say("no answer came, but the row was found by its tag")
        return Outcome(lost.change, Status.APPLIED, row, reason, None, lost.attempts)

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
    """Whether PostHog, and not something in front of it, said that the request came to nothing."""
    if answer is None or answer.status not in _ENDED_BY_SERVER:
        return False
    return answer.is_posthog and answer.type == "server_error"


def _told(error: Exception) -> Message:
    """What *error* says, where it was raised on purpose; of any other only its sort, for its text may be private."""
    if isinstance(error, ServerError | Interrupted):
        return error.message
    return say(f"unexpected {type(error).__name__}")


def _skipped(change: Change, reason: Message) -> Outcome:
    return Outcome(change, Status.SKIPPED, change.id, reason)


def _refused(change: Change, error: ServerError, so_far: _Progress) -> Outcome:
    attempts, answer = so_far.attempts + error.attempted.attempts, error.attempted.answer
    status = Status.UNKNOWN if error.attempted.doubts else Status.FAILED
    return Outcome(change, status, change.id, _halfway(error.message, so_far), answer, attempts, so_far.done > 0)


def _not_sent(change: Change, error: OutOfTime | Interrupted | Overtaken, so_far: _Progress) -> Outcome:
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
