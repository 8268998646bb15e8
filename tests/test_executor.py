"""Carrying out a plan: one outcome per change, whatever the server, the line or the listener does."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from reconciler.errors import (
    Answer,
    Attempted,
    IncompleteListing,
    Interrupted,
    Moved,
    NoAnswer,
    OutOfTime,
    PlanRefused,
    Refused,
)
from reconciler.executor import Orders, execute
from reconciler.identity import Rows
from reconciler.model import Json, Live, Manifest, Outcome, Plan, Request, Status
from reconciler.planner import plan
from reconciler.privacy import Private, show
from tests.scenes import KINDS, NAMESPACE, PINNED, base, manifest, planned, raw, row, scene
from tests.signals import signalled

ENVELOPE = Answer(500, type="server_error", code="error")


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted write."""

    body: Json
    status: int = 200
    attempts: int = 1


@dataclass
class Server:
    """Rows in memory, and the Sender that reaches them. Keeps what it was asked, and breaks as it is told.

    `breaks` maps a method and path to what happens instead of, or after, the nth such request; `waits` to what happens
    during each wait of the first one, after a try that did nothing.
    """

    stored: dict[int, dict[str, Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    breaks: dict[str, list[Callable[[], Any] | None]] = field(default_factory=dict)
    waits: dict[str, list[Callable[[], object]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, *rows: dict[str, Any]) -> "Server":
        """A server that holds *rows*."""
        return cls({each["id"]: each for each in rows})

    def fail(self, request: str, *errors: BaseException | Callable[[], Any] | None) -> None:
        """Let the first requests *request* end with *errors*, one after the other; None lets one pass.

        An error alone means that nothing was done; `after(error)` means that the write was done all the same.
        """
        self.breaks[request] = [_raising(error) if isinstance(error, BaseException) else error for error in errors]

    def get(self, request: Request) -> Json:
        """Read one row."""
        with self.lock:
            self._meet(request)
            return dict(self._row(request))

    def rows(self, request: Request, *, decode: Callable[[Json], Live]) -> Sequence[Live]:
        """Read the live rows."""
        with self.lock:
            self._meet(request)
            return [decode(each) for each in self.stored.values() if not each["deleted"]]

    def send(self, request: Request, before: Callable[[], None]) -> Sent:
        """Carry out one write; *before* is called ahead of each try, as the real one does."""
        for wait in self.waits.pop(_name(request), ()):
            before()
            wait()
        before()
        with self.lock:
            happens = self._next(request)
            if happens is None:
                return self._write(request)
            if getattr(happens, "is_after", False):
                self._write(request)
            answer = happens()
            return answer if isinstance(answer, Sent) else self._write(request)

    def writes(self) -> list[str]:
        """The writes it was asked for, in their order."""
        return [each for each in self.log if not each.startswith("GET")]

    def _meet(self, request: Request) -> None:
        happens = self._next(request)
        if happens is not None:
            happens()

    def _next(self, request: Request) -> Callable[[], Any] | None:
        what = _name(request)
        self.log.append(what)
        queue = self.breaks.get(what, [])
        return queue.pop(0) if queue else None

    def _row(self, request: Request) -> dict[str, Any]:
        number = int(request.path.split("/")[1])
        if number not in self.stored:
            raise Refused("there is no such row", attempted=Attempted(1, Answer(404)))
        return self.stored[number]

    def _write(self, request: Request) -> Sent:
        body = {key: each.value if isinstance(each, Private) else each for key, each in (request.body or {}).items()}
        body.pop("send_test_now", None)
        if request.method == "POST":
            number = max(self.stored, default=0) + 1
            self.stored[number] = raw(number) | {"byweekday": None} | body
            return Sent(dict(self.stored[number]), 201)
        stored = self._row(request)
        stored.update(body)
        return Sent(dict(stored))


def _name(request: Request) -> str:
    return f"{request.method} {request.path.strip('/').removeprefix('subscriptions/')}"


def _raising(error: BaseException) -> Callable[[], Any]:
    def happens() -> Any:
        raise error

    return happens


def after(error: BaseException) -> Callable[[], Any]:
    """*error*, but the write was carried out."""
    happens = _raising(error)
    happens.is_after = True  # type: ignore[attr-defined]  # a mark for Server.send
    return happens


def lost(answer: Answer | None = None, doubts: int = 1) -> NoAnswer:
    """No usable answer, after as many tries as there are *doubts*."""
    return NoAnswer("no answer", attempted=Attempted(doubts, answer or Answer(), doubts))


def run(plan: Plan, server: Server, *, age: float = 0.0, **orders: Any) -> tuple[Outcome, ...]:
    """Carry out *plan* one change at a time, so that the order is known."""
    return execute(plan, KINDS, server, Orders(age=lambda: age, **{"parallel": 1, **orders}))


def statuses(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """How each change ended, by name."""
    return {outcome.change.name: outcome.status.value for outcome in outcomes}


def reason(outcome: Outcome) -> str:
    """What an outcome says to a reviewer."""
    return show(outcome.reason, addresses=True)


def plan_for(server: Server, *manifests: Manifest, **given: Any) -> Plan:
    """The plan that makes *server* hold *manifests*."""
    live = [KINDS["Subscription"].decode(each) for each in server.stored.values()]
    return planned(*manifests, rows=live, **{"base": base(*manifests), "allow_recreate": True, **given})


def updates(*names: str) -> tuple[Server, Plan]:
    """A server with one row for each of *names*, and the plan that changes each."""
    server = Server.of(*(raw(number, name=name) for number, name in enumerate(names, 1)))
    return server, plan_for(server, *(manifest(name, interval=2) for name in names))


def creation() -> tuple[Server, Plan]:
    """An empty server, and the plan that creates one row."""
    return Server(), planned(manifest())


def replacement() -> tuple[Server, Plan]:
    """A server that does not let its one row change between dashboard and insight, and the plan that does it."""
    server = Server.of(raw(1, **PINNED))
    return server, plan_for(server, manifest(dashboard=None, insight=17))


# The usual way


def test_every_sort_of_change_is_applied() -> None:
    """Creates, updates and restores come before removals; outcomes are in plan order, with ids and attempts."""
    server = Server.of(raw(1, name="a"), raw(2, name="b"), raw(3, name="c", deleted=True))
    plan = plan_for(server, manifest("b", interval=2), manifest("c"), manifest("d"), base=base(manifest("a")))

    outcomes = run(plan, server)

    assert [
        ("b", "applied", 2, 1),
        ("c", "applied", 3, 1),
        ("d", "applied", 4, 1),
        ("a", "applied", 1, 1),
    ] == [(each.change.name, each.status.value, each.id, each.attempts) for each in outcomes]
    assert ["PATCH 2", "PATCH 3", "POST subscriptions", "PATCH 1"] == server.writes()


def test_an_empty_plan_sends_nothing() -> None:
    """There is nothing to say about it either."""
    server = Server()

    assert ((), []) == (run(planned(manifest(), rows=[row()]), server), server.log)


def test_a_blocked_plan_is_refused() -> None:
    """Whoever calls: a plan that blocks is never begun."""
    server = Server.of(raw(1), raw(2))

    with pytest.raises(PlanRefused, match="duplicate-tag"):
        run(plan_for(server, manifest()), server)

    assert [] == server.log


def test_every_outcome_is_told_once() -> None:
    """As it happens, so that a progress line can show it."""
    server, plan = updates("a", "b")
    told: list[Outcome] = []

    outcomes = run(plan, server, tell=told.append)

    assert told == list(outcomes)


def test_a_listener_that_fails_costs_nothing() -> None:
    """A closed pipe stops the telling and not the work."""
    server, plan = updates("a", "b")

    def tell(_: Outcome) -> None:
        raise BrokenPipeError

    assert {"a": "applied", "b": "applied"} == statuses(run(plan, server, tell=tell))


def test_several_writers_share_the_work() -> None:
    """Each change is still done exactly once."""
    names = [f"n{number}" for number in range(20)]
    server, plan = updates(*names)

    assert dict.fromkeys(names, "applied") == statuses(run(plan, server, parallel=4))
    assert 20 == len(server.writes())


def test_no_more_are_under_way_at_once_than_parallel_says() -> None:
    """One writer after the other, where one was asked for."""
    server, plan = updates(*(f"n{number}" for number in range(12)))
    inside, most = 0, 0
    gate = threading.Lock()

    class Watching(Server):
        """Counts who is in `send` at the same time."""

        def send(self, request: Request, before: Callable[[], None]) -> Sent:
            """Carry out one write, slowly."""
            nonlocal inside, most
            with gate:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.002)
            sent = super().send(request, before)
            with gate:
                inside -= 1
            return sent

    outcomes = run(plan, Watching(server.stored), parallel=1)

    assert (1, {"applied"}) == (most, set(statuses(outcomes).values()))


# Refusals


@pytest.mark.parametrize("error", [Refused, Moved])
def test_one_refusal_does_not_stop_the_others(error: type[Refused | Moved]) -> None:
    """It has failed, with the server's words, the HTTP facts and the attempts."""
    server, plan = updates("a", "b")
    server.fail("PATCH 1", error("no", attempted=Attempted(2, Answer(402, code="payment_required"))))

    first, second = run(plan, server)

    assert (Status.FAILED, "no", 402, 2) == (
        first.status,
        reason(first),
        first.answer and first.answer.status,
        first.attempts,
    )
    assert Status.APPLIED is second.status


def test_a_limit_that_is_reached_is_not_tried_again_by_the_other_creates() -> None:
    """Each try files another request for a higher limit (trap T-25); what adds no row goes on."""
    server = Server.of(raw(1, name="c"))
    plan = plan_for(server, manifest("a", insight=5), manifest("b", insight=6), manifest("c", interval=2))
    server.fail("POST subscriptions", Refused("full", attempted=Attempted(1, Answer(402, code="limit_exceeded"))))

    outcomes = run(plan, server, parallel=1)

    assert {"a": "failed", "b": "skipped", "c": "applied"} == statuses(outcomes)


def test_failing_fast_starts_nothing_new() -> None:
    """Also no removal."""
    server, plan = updates("a", "b")
    plan = plan_for(server, manifest("a", interval=2))
    server.fail("PATCH 1", Refused("no"))

    outcomes = run(plan, server, fail_fast=True)

    assert {"a": "failed", "b": "skipped"} == statuses(outcomes)
    assert "--fail-fast" in reason(outcomes[1])


def test_a_server_that_ignores_a_field_has_failed() -> None:
    """It answers 200 all the same; the answer is held against what was asked."""
    server, plan = updates("a")
    server.fail("PATCH 1", lambda: Sent(raw(1, name="a")))

    (outcome,) = run(plan, server)

    assert (Status.FAILED, 200) == (outcome.status, outcome.answer and outcome.answer.status)
    assert "interval" in reason(outcome)


def test_an_answer_about_another_row_has_failed() -> None:
    """Even where that row holds all that was asked: the outcome names the row that was meant."""
    server, plan = updates("a")
    server.fail("PATCH 1", lambda: Sent(raw(7, name="a") | {"interval": 2}))

    (outcome,) = run(plan, server)

    assert (Status.FAILED, 1, True) == (outcome.status, outcome.id, outcome.accepted)
    assert "does not hold what was asked: id" in reason(outcome)


# Conflicts


def test_a_row_read_again_that_is_another_one_is_not_written() -> None:
    """What is not known is not written."""
    server, plan = updates("a")
    server.fail("GET 1", lambda: server.stored.update({1: raw(7, name="a")}))

    (outcome,) = run(plan, server, age=31)

    assert (Status.SKIPPED, []) == (outcome.status, server.writes())
    assert "asked for row 1, the server answered with another" in reason(outcome)


def test_a_row_that_changed_since_an_old_listing_is_skipped() -> None:
    """Somebody else's edit is not overwritten unseen; the fields are named."""
    server, plan = updates("a")
    server.stored[1]["frequency"] = "daily"

    (outcome,) = run(plan, server, age=31)

    assert (Status.SKIPPED, 0) == (outcome.status, outcome.attempts)
    assert "conflict: row 1 changed since it was compared (frequency)" in reason(outcome)
    assert [] == server.writes()


@pytest.mark.parametrize("edit", [{"deleted": True}, {"title": "Weekly"}])
def test_a_row_that_was_removed_or_renamed_since_is_skipped(edit: dict[str, Any]) -> None:
    """It may not be ours any more."""
    server, plan = updates("a")
    server.stored[1].update(edit)

    assert {"a": "skipped"} == statuses(run(plan, server, age=31))


def test_a_row_that_did_not_change_since_an_old_listing_is_written() -> None:
    """It is read once before the write; a moved delivery date is no conflict."""
    server, plan = updates("a")
    server.stored[1]["next_delivery_date"] = "2026-03-16T09:00:00Z"

    assert {"a": "applied"} == statuses(run(plan, server, age=31))
    assert ["GET 1", "PATCH 1"] == server.log


def test_a_fresh_listing_is_not_read_again() -> None:
    """Within 30 seconds the listing is believed."""
    server, plan = updates("a")

    run(plan, server, age=30)

    assert ["PATCH 1"] == server.log


@pytest.mark.parametrize("error", [Refused("gone"), Interrupted("stop"), OutOfTime("late"), ValueError("?")])
def test_a_row_that_cannot_be_read_again_is_skipped(error: Exception) -> None:
    """What is not known is not written."""
    server, plan = updates("a")
    server.fail("GET 1", error)

    assert {"a": "skipped"} == statuses(run(plan, server, age=31))
    assert [] == server.writes()


@pytest.mark.parametrize("edit", [{"target_value": "zoe@example.com"}, {"title": "Mine [sales:a]"}, {"deleted": True}])
def test_a_row_that_changed_while_its_change_waited_for_another_try_is_skipped(edit: dict[str, Any]) -> None:
    """However young the listing is: a wait may be long, and what was compared may be over by its end."""
    server, plan = updates("a")
    server.waits["PATCH 1"] = [lambda: server.stored[1].update(edit)]

    (outcome,) = run(plan, server)

    assert (Status.SKIPPED, [], ["GET 1"]) == (outcome.status, server.writes(), server.log)
    assert "conflict: row 1 changed since it was compared" in reason(outcome)


def test_a_signal_that_a_writer_is_given_is_heard_at_once() -> None:
    """Python handles it in the main thread, which must not sleep until all the writers are done."""
    server, plan = updates("a")
    heard: list[bool] = []

    with signalled() as give:
        server.waits["PATCH 1"] = [lambda: heard.append(give())]

        assert {"a": "applied"} == statuses(run(plan, server))
    assert [True] == heard


def test_a_listing_that_grew_old_while_a_change_waited_for_its_turn_is_not_believed() -> None:
    """Its age is looked at when the request is to go out, and not when the change is begun."""
    server, plan = updates("a")
    now = [0.0]

    class Crowded(Server):
        """Has a turn only after a minute, in which somebody edits the row."""

        def send(self, request: Request, before: Callable[[], None]) -> Sent:
            """Carry out one write, late."""
            now[0] = 60.0
            self.stored[1]["frequency"] = "daily"
            return super().send(request, before)

    crowded = Crowded(server.stored)

    assert {"a": "skipped"} == statuses(execute(plan, KINDS, crowded, Orders(age=lambda: now[0])))
    assert ["GET 1"] == crowded.log


def test_a_row_that_is_made_while_a_create_waits_is_not_made_twice() -> None:
    """The rows are listed once more when the last look is older than 30 seconds."""
    server, plan = creation()
    now = [0.0]

    def wait() -> None:
        now[0] = 31.0
        server.stored[8] = raw(8)

    server.waits["POST subscriptions"] = [wait]

    (outcome,) = execute(plan, KINDS, server, Orders(age=lambda: now[0]))

    assert (Status.SKIPPED, ["GET subscriptions"] * 2) == (outcome.status, server.log)
    assert "conflict: row 8 has its tag by now" in reason(outcome)


def test_one_look_serves_all_creates_for_half_a_minute() -> None:
    """Many creates list the rows once for every 30 seconds, and not once for each of them."""
    server, now = Server(), [0.0]
    names = [f"n{number}" for number in range(12)]
    plan = planned(*(manifest(name, insight=number) for number, name in enumerate(names, 1)))

    def tell(_: Outcome) -> None:
        now[0] += 10

    execute(plan, KINDS, server, Orders(age=lambda: now[0], tell=tell, parallel=1))

    assert (12, 3) == (server.log.count("POST subscriptions"), server.log.count("GET subscriptions"))


@pytest.mark.parametrize("age", [0, 31])
def test_a_row_made_by_another_run_since_the_listing_is_not_made_twice(age: float) -> None:
    """The rows are listed once more before anything is created, however young the listing is."""
    server, plan = creation()
    server.stored[8] = raw(8)

    (outcome,) = run(plan, server, age=age)

    assert (Status.SKIPPED, []) == (outcome.status, server.writes())
    assert "row 8 has its tag" in reason(outcome)


def test_nothing_is_created_while_the_listing_cannot_be_renewed() -> None:
    """Other changes go on."""
    server = Server.of(raw(1, name="a"))
    plan = plan_for(server, manifest("a", interval=2), manifest("b"))
    server.fail("GET subscriptions", IncompleteListing("rows moved"))

    outcomes = run(plan, server, age=31)

    assert {"a": "applied", "b": "skipped"} == statuses(outcomes)
    assert "rows moved" in reason(outcomes[1])


def test_a_listing_that_is_still_true_lets_rows_be_made() -> None:
    """Listing once is enough for all of them."""
    server = Server()
    plan = planned(manifest("a"), manifest("b"))

    assert {"a": "applied", "b": "applied"} == statuses(run(plan, server, age=31))
    assert 1 == server.log.count("GET subscriptions")


# Lost answers: PATCH


def test_a_patch_without_an_answer_is_read_back() -> None:
    """The row holds it, so it is applied."""
    server, plan = updates("a")
    server.fail("PATCH 1", after(lost()))

    (outcome,) = run(plan, server)

    assert (Status.APPLIED, 1, 1) == (outcome.status, outcome.id, outcome.attempts)
    assert ["PATCH 1", "GET 1"] == server.log


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(ENVELOPE, Status.FAILED, id="the server ended it"),
        pytest.param(Answer(500), Status.UNKNOWN, id="something in between did, with the server's status"),
        pytest.param(Answer(502), Status.UNKNOWN, id="a proxy did"),
        pytest.param(Answer(), Status.UNKNOWN, id="nobody did"),
    ],
)
def test_a_patch_that_the_row_does_not_hold_is_failed_or_unknown(answer: Answer, status: Status) -> None:
    """Behind a broken line the server may be doing it yet."""
    server, plan = updates("a")
    server.fail("PATCH 1", lost(answer))

    (outcome,) = run(plan, server)

    assert (status, answer) == (outcome.status, outcome.answer)
    assert "does not hold the change: interval" in reason(outcome)


def test_a_patch_of_which_an_earlier_try_may_be_under_way_is_unknown() -> None:
    """The server ended the last try, and nobody knows what becomes of the one before it."""
    server, plan = updates("a")
    server.fail("PATCH 1", lost(ENVELOPE, doubts=2))

    assert {"a": "unknown"} == statuses(run(plan, server))


def test_a_patch_that_is_refused_after_a_try_in_doubt_is_unknown() -> None:
    """A refusal ends its own try and not the one before it."""
    server, plan = updates("a")
    server.fail("PATCH 1", Refused("no such row", attempted=Attempted(2, Answer(404), 1)))

    assert {"a": "unknown"} == statuses(run(plan, server))


@pytest.mark.parametrize("error", [lost(), Interrupted("stop"), ValueError("?")])
def test_a_patch_that_cannot_be_read_back_is_unknown(error: Exception) -> None:
    """Exactly that is said."""
    server, plan = updates("a")
    server.fail("PATCH 1", after(lost()))
    server.fail("GET 1", error)

    assert {"a": "unknown"} == statuses(run(plan, server))


def test_a_patch_read_back_as_another_row_is_unknown() -> None:
    """That one holds it says nothing."""
    server, plan = updates("a")
    server.fail("PATCH 1", lost())
    server.fail("GET 1", lambda: server.stored.update({1: raw(7, name="a") | {"interval": 2}}))

    assert {"a": "unknown"} == statuses(run(plan, server))


# Lost answers: POST


def test_a_created_row_whose_answer_was_lost_is_found_by_its_tag() -> None:
    """The rows are listed again, and nothing is sent twice."""
    server, plan = creation()
    server.fail("POST subscriptions", after(lost()))

    (outcome,) = run(plan, server)

    assert (Status.APPLIED, 1, 1) == (outcome.status, outcome.id, outcome.attempts)
    assert ["GET subscriptions", "POST subscriptions", "GET subscriptions", "GET 1"] == server.log


@pytest.mark.parametrize(
    "answer",
    [
        Answer(),
        Answer(502),
        Answer(504),
        Answer(500),
        Answer(503),
        Answer(503, type="about:blank", code="503"),
        Answer(503, type="server_error"),
        Answer(500, type="https://httpstatuses.com/500"),
    ],
)
def test_a_post_that_left_no_row_is_not_sent_again(answer: Answer) -> None:
    """Only PostHog's own envelope says that nothing is under way any more; without it a second POST could be a twin."""
    server, plan = creation()
    server.fail("POST subscriptions", lost(answer))

    (outcome,) = run(plan, server)

    assert (Status.UNKNOWN, None) == (outcome.status, outcome.id)
    assert ["POST subscriptions"] == server.writes()


def test_a_post_that_the_server_ended_without_a_row_is_sent_once_more() -> None:
    """After looking, it is the same as if it had not been sent."""
    server, plan = creation()
    server.fail("POST subscriptions", lost(ENVELOPE))

    (outcome,) = run(plan, server)

    assert (Status.APPLIED, 1, 2) == (outcome.status, outcome.id, outcome.attempts)
    assert outcome.change is plan.changes[0]


def test_a_post_that_is_lost_twice_is_unknown() -> None:
    """Two tries, and no third."""
    server, plan = creation()
    server.fail("POST subscriptions", lost(ENVELOPE), lost(ENVELOPE))

    (outcome,) = run(plan, server)

    assert (Status.UNKNOWN, 2) == (outcome.status, outcome.attempts)
    assert 2 == len(server.writes())


def test_a_second_try_that_is_not_made_leaves_a_failure() -> None:
    """The first one surely came to nothing."""
    server, plan = creation()
    server.fail("POST subscriptions", lost(ENVELOPE), OutOfTime("late", attempted=Attempted(0)))

    assert {"weekly": "failed"} == statuses(run(plan, server))


def test_a_row_found_by_its_tag_that_is_not_as_asked_has_failed() -> None:
    """It is there, with its id, and not what was asked for."""
    server, plan = creation()

    def happens() -> Any:
        server.stored[5] = raw(5, interval=3)
        raise lost()

    server.fail("POST subscriptions", happens)

    (outcome,) = run(plan, server)

    assert (Status.FAILED, 5) == (outcome.status, outcome.id)
    assert "interval" in reason(outcome)


def test_two_rows_found_by_one_tag_are_a_failure_that_names_both() -> None:
    """Something on the way sent the POST twice."""
    server, plan = creation()

    def happens() -> Any:
        server.stored |= {5: raw(5), 6: raw(6)}
        raise lost()

    server.fail("POST subscriptions", happens)

    (outcome,) = run(plan, server)

    assert Status.FAILED is outcome.status
    assert "5 and 6" in reason(outcome)


@pytest.mark.parametrize("error", [IncompleteListing("rows moved"), ValueError("?")])
def test_a_lost_post_that_cannot_be_looked_up_is_unknown(error: Exception) -> None:
    """The reasons for both are given."""
    server, plan = creation()
    server.fail("POST subscriptions", after(lost()))
    server.fail("GET subscriptions", None, error)

    (outcome,) = run(plan, server)

    assert Status.UNKNOWN is outcome.status
    assert "no answer; the rows could not be listed to look for it" in reason(outcome)


def test_a_row_found_by_its_tag_that_cannot_be_read_is_unknown() -> None:
    """It is there; whether it is right nobody knows."""
    server, plan = creation()
    server.fail("POST subscriptions", after(lost()))
    server.fail("GET 1", lost())

    (outcome,) = run(plan, server)

    assert (Status.UNKNOWN, 1) == (outcome.status, outcome.id)


def test_a_lost_post_is_told_after_it_was_looked_up() -> None:
    """Once, and with how it ended."""
    server, plan = creation()
    server.fail("POST subscriptions", after(lost()))
    told: list[Outcome] = []

    run(plan, server, tell=told.append)

    assert ["applied"] == [outcome.status.value for outcome in told]


# Replacements


def test_a_replacement_soft_deletes_and_creates() -> None:
    """In this order; the outcome has the new row's id."""
    server, plan = replacement()

    (outcome,) = run(plan, server)

    assert (Status.APPLIED, 2, 2) == (outcome.status, outcome.id, outcome.attempts)
    assert ["PATCH 1", "POST subscriptions"] == server.writes()


def test_a_replacement_whose_first_half_is_refused_does_not_begin_the_second() -> None:
    """Two live rows of one manifest would both mail."""
    server, plan = replacement()
    server.fail("PATCH 1", Refused("no"))

    assert {"weekly": "failed"} == statuses(run(plan, server))
    assert ["PATCH 1"] == server.writes()


def test_a_replacement_whose_first_half_is_not_as_asked_does_not_begin_the_second() -> None:
    """An accepted soft delete that left the row live."""
    server, plan = replacement()
    server.fail("PATCH 1", lambda: Sent(raw(1, **PINNED)))

    assert {"weekly": "failed"} == statuses(run(plan, server))
    assert ["PATCH 1"] == server.writes()


def test_a_replacement_whose_first_half_is_in_doubt_does_not_begin_the_second() -> None:
    """Nor is anything looked up: no POST was sent."""
    server, plan = replacement()
    server.fail("PATCH 1", lost())

    assert {"weekly": "unknown"} == statuses(run(plan, server))
    assert ["GET subscriptions", "GET 1", "PATCH 1", "GET 1"] == server.log


def test_a_replacement_whose_first_half_is_proven_by_reading_goes_on() -> None:
    """The row is soft-deleted, so the new one may be made."""
    server, plan = replacement()
    server.fail("PATCH 1", after(lost()))

    assert {"weekly": "applied"} == statuses(run(plan, server))


@pytest.mark.parametrize(
    "error", [Refused("no"), OutOfTime("late", attempted=Attempted(0)), Interrupted("stop"), lost()]
)
def test_a_replacement_cut_in_half_says_so(error: Exception) -> None:
    """The old row is gone and the new one is not there: that is no skip."""
    server, plan = replacement()
    server.fail("POST subscriptions", error)

    (outcome,) = run(plan, server)

    assert outcome.status in (Status.FAILED, Status.UNKNOWN)
    assert "the old row is already soft-deleted" in reason(outcome)


# Stopping


def test_nothing_is_started_after_a_stop() -> None:
    """What is in flight is finished, the rest skipped, and nothing is looked up."""
    server, plan = updates("a", "b", "c")
    stop = threading.Event()
    server.fail("PATCH 1", stop.set)

    assert {"a": "applied", "b": "skipped", "c": "skipped"} == statuses(run(plan, server, stop=stop))


def test_a_lost_post_is_not_looked_up_after_a_stop() -> None:
    """It is unknown, and the next run finds it."""
    server, plan = creation()
    stop = threading.Event()

    def happens() -> Any:
        stop.set()
        raise lost()

    server.fail("POST subscriptions", happens)

    assert {"weekly": "unknown"} == statuses(run(plan, server, stop=stop))
    assert ["GET subscriptions", "POST subscriptions"] == server.log


@pytest.mark.parametrize(
    ("error", "rest"),
    [
        pytest.param(OutOfTime("wait an hour", attempted=Attempted(2, Answer(429))), "skipped", id="out of time"),
        pytest.param(Interrupted("stop", attempted=Attempted(2, Answer(429))), "applied", id="interrupted"),
    ],
)
def test_a_write_that_was_not_carried_out_is_skipped(error: Exception, rest: str) -> None:
    """It says why and how often it was tried; when the time is over, nothing further is begun."""
    server, plan = updates("a", "b")
    server.fail("PATCH 1", error)

    first, second = run(plan, server)

    assert (Status.SKIPPED, 2, str(error)) == (first.status, first.attempts, reason(first))
    assert rest == second.status.value


def test_the_machine_ending_ends_the_run_at_once() -> None:
    """What is no Exception (Ctrl-C twice, the interpreter ending) is not swallowed, and nothing new is begun."""
    server, plan = updates(*(f"n{number}" for number in range(30)))
    server.fail("PATCH 1", KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        run(plan, server)

    assert len(server.writes()) < 30


# What nobody foresaw


@pytest.mark.parametrize("happens", [ValueError("ana@example.com"), KeyError("id"), RuntimeError])
def test_an_unforeseen_error_of_a_write_leaves_it_unknown(happens: Any) -> None:
    """The others have their outcomes; the error's text, which may be private, is not shown."""
    server, plan = updates("a", "b")
    server.fail("PATCH 1", happens if isinstance(happens, Exception) else happens("x"))
    server.fail("GET 1", lost())

    first, second = run(plan, server)

    assert (Status.UNKNOWN, Status.APPLIED) == (first.status, second.status)
    assert reason(first).startswith("unexpected ")
    assert "ana" not in reason(first)


@pytest.mark.parametrize("answer", [None, {}, [], {"id": "x"}])
def test_an_accepted_write_whose_answer_is_no_row_is_a_lost_answer(answer: Json) -> None:
    """The row is read back, and holds the change."""
    server, plan = updates("a")

    def happens() -> Any:
        server.stored[1]["interval"] = 2
        return Sent(answer)

    server.fail("PATCH 1", happens)

    (outcome,) = run(plan, server)

    assert (Status.APPLIED, "no answer came, but the row holds the change") == (outcome.status, reason(outcome))


def test_a_created_row_whose_answer_is_no_row_is_looked_up() -> None:
    """It was accepted, so it must be there."""
    server, plan = creation()

    def happens() -> Any:
        server.stored[5] = raw(5)
        return Sent(None, 201)

    server.fail("POST subscriptions", happens)

    (outcome,) = run(plan, server)

    assert (Status.APPLIED, 5) == (outcome.status, outcome.id)


def test_a_kind_that_nobody_knows_costs_no_other_change_its_outcome() -> None:
    """Each change ends as something."""
    server, good = updates("a", "b")
    odd = replace(good.changes[0], kind="Unheard")
    plan = replace(good, changes=(odd, good.changes[1]))

    outcomes = run(plan, server, age=31)

    assert [Status.SKIPPED, Status.APPLIED] == [outcome.status for outcome in outcomes]


def test_strange_rows_do_not_keep_a_lost_post_from_being_found() -> None:
    """Rows of unknown shape are decoded leniently, and stand beside ours."""
    server, plan = creation()
    server.stored[3] = {"id": 3, "title": None, "deleted": False}
    server.fail("POST subscriptions", after(lost()))

    assert {"weekly": "applied"} == statuses(run(plan, server))


def test_after_an_apply_the_next_plan_is_empty() -> None:
    """It converges."""
    server = Server.of(raw(1, name="a"), raw(2, name="b"), raw(3, name="c", deleted=True))
    tree = (manifest("b", interval=2), manifest("c", byweekday=...), manifest("d", target_value=["@team"]))

    run(plan_for(server, *tree), server)

    live = [KINDS["Subscription"].decode(each) for each in server.stored.values()]
    again = plan(replace(scene(*tree), rows={"Subscription": Rows.of(NAMESPACE, live)}), KINDS)
    assert ((), 3) == (again.changes, again.unchanged)
