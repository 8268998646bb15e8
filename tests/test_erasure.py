"""Erasing many: one outcome each, what ends the run, what is noted, and how fast it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from reconciler.api import Budget, Place, Run, writer
from reconciler.erasure import Orders, erase
from reconciler.errors import Answer, Attempted, Interrupted, Moved, NoAnswer, OutOfTime, Refused
from reconciler.journal import Journal
from reconciler.model import Environment, Request
from reconciler.privacy import Key, show
from reconciler.recordings import A_MINUTE, Fate, Outcome
from reconciler.sandbox import Sandbox
from tests.api.fakes import Clock

HERE = Environment("production", "http://127.0.0.1:1", "1")


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted request."""

    status: int = 204
    attempts: int = 1


@dataclass(slots=True)
class Server:
    """A Sender that answers each id as it was told, and 204 to any other."""

    answers: Mapping[str, Sent | Exception] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    then: Callable[[str], None] = lambda _: None

    def send(self, request: Request) -> Sent:
        """One answer."""
        id = request.path.split("/")[1]
        self.heard.append(id)
        self.then(id)
        answer = self.answers.get(id, Sent())
        if isinstance(answer, Exception):
            raise answer
        return answer


def attempted(status: int | None = None, code: str | None = None) -> Attempted:
    """What an error carries."""
    return Attempted(1, Answer(status, code=code))


GONE = Refused("404", attempted=attempted(404))


def fates(outcomes: tuple[Outcome, ...]) -> list[str]:
    """What became of each."""
    return [outcome.fate.value for outcome in outcomes]


def one_by_one(server: Server, *ids: str, proven: bool = True, **orders: object) -> tuple[Outcome, ...]:
    """The outcomes of *ids*, sent in their order."""
    return erase(ids, server, Orders(proven, at_once=1, **orders))  # type: ignore[arg-type]  # names as in Orders


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        pytest.param(Sent(), "erased", id="204"),
        pytest.param(GONE, "gone", id="404"),
        pytest.param(Sent(200), "unknown", id="200, which is not PostHog"),
        pytest.param(Refused("400", attempted=attempted(400)), "failed", id="400"),
        pytest.param(Moved("302", attempted=attempted(302)), "failed", id="redirected"),
        pytest.param(NoAnswer("502", attempted=attempted(502)), "unknown", id="no usable answer"),
        pytest.param(NoAnswer("500", attempted=attempted(500, "error")), "unknown", id="500"),
        pytest.param(NoAnswer("500", attempted=attempted(500, "recording_api_failure")), "failed", id="its own 500"),
        pytest.param(OutOfTime("late", attempted=attempted(429)), "skipped", id="out of time"),
        pytest.param(Interrupted("stop"), "skipped", id="interrupted"),
        pytest.param(RuntimeError("can't start new thread"), "unknown", id="what nobody foresaw"),
    ],
)
def test_each_answer_means_one_thing(answer: Sent | Exception, fate: str) -> None:
    """And what is not done has a reason."""
    (outcome,) = one_by_one(Server({"one": answer}), "one")

    assert fate == outcome.fate
    assert outcome.fate.is_done is not bool(outcome.reason)


@pytest.mark.parametrize(
    "answer",
    [
        *(Refused(str(status), attempted=attempted(status)) for status in (401, 402, 403, 405)),
        Moved("302", attempted=attempted(302)),
        OutOfTime("late"),
        Interrupted("stop"),
        RuntimeError("can't start new thread"),
    ],
    ids=repr,
)
def test_an_answer_about_all_of_them_ends_the_run(answer: Exception) -> None:
    """Nothing further is sent; the rest is skipped, with a reason."""
    server = Server({"one": answer})
    outcomes = one_by_one(server, "one", "two", "three")

    assert (["one"], ["skipped", "skipped"]) == (server.heard, fates(outcomes)[1:])
    assert outcomes[2].reason


@pytest.mark.parametrize("status", [400, 409, 403])
def test_an_answer_about_one_of_them_does_not(status: int) -> None:
    """A 403 is about one recording where the same key has erased another."""
    server = Server({"two": Refused("no", attempted=attempted(status))})

    assert ["erased", "failed", "erased"] == fates(one_by_one(server, "one", "two", "three"))


def test_a_404_before_any_proof_is_settled_by_a_later_204() -> None:
    """Then there is such a project, and the recording is gone."""
    server = Server({"one": GONE})

    assert ["gone", "erased"] == fates(one_by_one(server, "one", "two", proven=False))


def test_a_404_without_any_proof_is_failed() -> None:
    """A wrong project number answers so to everything; a 200 of somebody else's proves nothing."""
    server = Server({"one": GONE, "two": Sent(200), "three": GONE})

    assert ["failed", "unknown", "failed"] == fates(one_by_one(server, "one", "two", "three", proven=False))


def test_after_a_stop_nothing_new_is_sent() -> None:
    """What was in flight has its own outcome."""
    stop = threading.Event()
    server = Server(then=lambda each: stop.set() if each == "two" else None)
    outcomes = one_by_one(server, "one", "two", "three", stop=stop)

    assert (["one", "two"], ["erased", "erased", "skipped"]) == (server.heard, fates(outcomes))
    assert "stopped" in show(outcomes[2].reason, addresses=False)


def test_what_is_done_is_noted_before_the_next_is_sent(tmp_path: Path) -> None:
    """And only what is done."""
    seen: list[set[str]] = []
    path = tmp_path / "j"
    server = Server({"two": NoAnswer("x"), "three": GONE}, then=lambda _: seen.append(set(Journal(path, HERE).done)))
    with Journal(path, HERE) as journal:
        one_by_one(server, "one", "two", "three", "four", journal=journal)

    assert [set(), {"one"}, {"one"}, {"one", "three"}] == seen
    assert {"one": Fate.ERASED, "three": Fate.GONE, "four": Fate.ERASED} == Journal(path, HERE).done


def test_what_the_journal_has_is_not_sent(tmp_path: Path) -> None:
    """It was done by an earlier run."""
    for _ in range(2):
        server = Server()
        with Journal(tmp_path / "j", HERE) as journal:
            outcomes = one_by_one(server, "one", "two", journal=journal)

    assert ([], ["earlier", "earlier"]) == (server.heard, fates(outcomes))


class FullDisk(Journal):
    """A journal whose disk fills up."""

    def add(self, id: str, fate: Fate) -> None:
        """Say so."""
        raise OSError(28, "No space left on device")


def test_a_journal_that_can_no_longer_be_written_ends_the_run(tmp_path: Path) -> None:
    """What was erased is told all the same."""
    server = Server()
    with FullDisk(tmp_path / "j", HERE) as journal:
        outcomes = one_by_one(server, "one", "two", journal=journal)

    assert (["one"], ["erased", "skipped"]) == (server.heard, fates(outcomes))
    assert "No space left" in show(outcomes[1].reason, addresses=False)


def test_every_outcome_is_told_once_and_answered_in_order() -> None:
    """Whoever is first among several at once."""
    told: list[str] = []
    ids = [f"r{number}" for number in range(50)]
    outcomes = erase(ids, Server(), Orders(True, tell=lambda outcome: told.append(outcome.id), at_once=8))

    assert ids == [outcome.id for outcome in outcomes]
    assert sorted(ids) == sorted(told)


def test_a_long_list_keeps_below_the_servers_limit() -> None:
    """At most 200 in any minute, of the 240 there are (contract §2.5), through the real client."""
    clock, sandbox, moments = Clock(), Sandbox(flags=["no-throttle"]), list[float]()
    inner = httpx.WSGITransport(app=sandbox.app)

    class Watching(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            moments.append(clock())
            return inner.handle_request(request)

    run = Run(clock=clock, sleep=clock.sleep, budget=Budget(A_MINUTE, clock=clock))
    ids = [f"r{number}" for number in range(450)]
    with writer(Place(HERE, Key(sandbox.key)), run, transport=Watching()) as client:
        outcomes = erase(ids, client, Orders(True, at_once=1))

    assert {"erased"} == set(fates(outcomes))
    assert 200 >= max(sum(start <= moment < start + 60 for moment in moments) for start in moments)
    assert 120 <= clock.seconds < 130
