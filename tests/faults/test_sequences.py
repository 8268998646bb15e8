"""Several things at once: rows that move, creates that are lost together, conflicts, wrong places, hostile text."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.api import Budget, Run
from reconciler.exits import of_result
from reconciler.loading import Choice
from reconciler.sandbox import BAD_GATEWAY, Fault
from tests.faults.stage import PATIENCE, WEEKLY, Pace, Stage, envelope, reasons, staged, statuses
from tests.faults.table import DELETED, LATER, LIVE, PATCHED, POSTED, STEADY

DETAIL = PATCHED
ANY_LISTING = r"/subscriptions/\?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server for all of them."""
    with staged(tmp_path_factory.mktemp("sequences")) as stage:
        yield stage


@pytest.fixture
def stage(server: Stage) -> Stage:
    """That server, begun anew."""
    server.pace = Pace()
    server.set()
    return server


def manifests(stage: Stage, *names: str) -> None:
    """One new subscription for each of *names*, to a person of the same name."""
    for number, name in enumerate(names, 10):
        stage.tree.manifest(name, insight=number, target_value=[f"{name}@example.com"])


def people(*names: str) -> Counter[str]:
    """Each of *names*, mailed once."""
    return Counter(f"{name}@example.com" for name in names)


def settled(stage: Stage) -> tuple[int, dict[str, str]]:
    """The same command again, with nothing in its way."""
    stage.sandbox.faults.clear()
    again = stage.apply()
    return again.code, statuses(again)


@pytest.mark.parametrize("profile", ["seed", "latest"])
@pytest.mark.parametrize("shift", ["insert", "patch", "delete"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_rows_that_people_change_between_two_pages(stage: Stage, profile: str, shift: str, nth: int) -> None:
    """The listing is read again until it is proven; a row that was skipped is neither made again nor removed."""
    stage.set("page-cap:4", profile=profile, bystanders=13)
    stage.row("weekly")
    stage.tree.manifest("weekly")
    row = None if shift == "insert" else stage.bystanders[2]["id"]
    fields = {"title": "Moved"} if shift == "patch" else {}
    stage.sandbox.faults.add(Fault("shift", method="GET", path=LATER, nth=nth, shift=shift, row=row, fields=fields))

    ran = stage.apply()

    assert (0, [], 0, 0) == (ran.code, ran.json["outcomes"], stage.sent("POST"), stage.sent("PATCH"))


@pytest.mark.parametrize("profile", ["seed", "latest"])
def test_a_project_that_is_changed_all_the_time(stage: Stage, profile: str) -> None:
    """A listing that cannot be proven plans neither creates nor removals: exit 1, and nothing is written."""
    stage.set("page-cap:4", profile=profile, bystanders=9)
    stage.row("gone")
    manifests(stage, "ana")
    stage.sandbox.faults.add(Fault("shift", method="GET", path=LATER, count=None, shift="insert"))

    ran = stage.apply()

    assert (1, "incomplete-listing", 0, 0) == (
        ran.code,
        ran.json["errors"][0]["rule"],
        stage.sent("POST"),
        stage.sent("PATCH"),
    )


@pytest.mark.parametrize(
    "page",
    [
        pytest.param({"count": 9, "next": None, "previous": None, "results": []}, id="fewer rows than counted"),
        pytest.param({"count": 0, "next": "http://127.0.0.1:1/x", "previous": None, "results": []}, id="a next"),
        pytest.param({"count": 2, "next": None, "previous": None, "results": [{"id": 1}, {"id": 1}]}, id="a row twice"),
    ],
)
def test_a_listing_that_contradicts_itself(stage: Stage, page: dict[str, Any]) -> None:
    """It is not believed, its `next` is not followed elsewhere, and nothing is made or removed because of it."""
    stage.row("gone")
    manifests(stage, "ana")
    stage.sandbox.faults.add(Fault("status", method="GET", path=ANY_LISTING, status=200, json=page, count=None))

    ran = stage.apply()

    assert (1, "incomplete-listing", 0, 0) == (
        ran.code,
        ran.json["errors"][0]["rule"],
        stage.sent("POST"),
        stage.sent("PATCH"),
    )


def test_a_row_that_is_restored_between_the_two_listings(stage: Stage) -> None:
    """It stands in neither listing; no second row is made, and nobody is mailed again."""
    row = stage.row("weekly", deleted=True)
    stage.tree.manifest("weekly")
    stage.sandbox.faults.add(
        Fault("shift", method="GET", path=DELETED, shift="patch", row=row, fields={"deleted": False})
    )

    ran = stage.apply()

    assert (1, {"weekly": "skipped"}, Counter()) == (ran.code, statuses(ran), stage.mailed())
    assert f"row {row} has its tag by now" in reasons(ran)
    assert ((0, {}), {*STEADY, "weekly"}) == (settled(stage), set(stage.live()))


def test_several_creates_whose_answers_are_all_lost(stage: Stage) -> None:
    """One more listing finds them all; none is sent twice."""
    names = ("ana", "bo", "cy", "dee", "eve")
    manifests(stage, *names)
    stage.sandbox.faults.add(Fault("drop", method="POST", phase="after", count=None))

    ran = stage.apply()

    assert (0, dict.fromkeys(names, "applied"), 5) == (ran.code, statuses(ran), stage.sent("POST"))
    assert people(*names) == stage.mailed()
    assert (0, {}) == settled(stage)


def test_several_creates_lost_some_before_and_some_after(stage: Stage) -> None:
    """What was made is found; what was not is unknown, and made by the next run."""
    names = ("ana", "bo", "cy", "dee")
    manifests(stage, *names)
    stage.sandbox.faults.add(
        Fault("drop", method="POST", count=2), Fault("drop", method="POST", phase="after", nth=3, count=2)
    )

    ran = stage.apply()

    assert (4, {"unknown": 2, "applied": 2}) == (ran.code, Counter(statuses(ran).values()))
    assert 2 == stage.mailed().total()
    assert {"applied"} == set(settled(stage)[1].values())
    assert (people(*names), {*STEADY, *names}) == (stage.mailed(), set(stage.live()))


def test_a_lost_create_and_a_row_of_the_same_name_that_somebody_else_made(stage: Stage) -> None:
    """The row is held against what was asked, not taken for ours unseen: failed, naming it, exit 4."""
    stage.tree.manifest("weekly")
    other = {"title": "Weekly [growth:weekly]", "insight": 4, **WEEKLY, "frequency": "daily"}
    stage.sandbox.faults.add(
        Fault("shift", method="POST", path=POSTED, shift="insert", fields=other), Fault("drop", method="POST")
    )

    ran = stage.apply()

    assert (4, {"weekly": "failed"}, Counter()) == (ran.code, statuses(ran), stage.mailed())
    assert "frequency" in reasons(ran)
    assert ((0, {"weekly": "applied"}), Counter()) == (settled(stage), stage.mailed())


def test_a_lost_create_that_left_two_rows(stage: Stage) -> None:
    """Both are named, neither is touched, and the next run refuses until a person has chosen one: exit 4, then 3."""
    stage.tree.manifest("weekly")
    twin = {"title": "Weekly [growth:weekly]", "insight": 4, **WEEKLY}
    stage.sandbox.faults.add(
        Fault("shift", method="POST", path=POSTED, shift="insert", fields=twin),
        Fault("drop", method="POST", phase="after"),
    )

    ran = stage.apply()

    assert (4, {"weekly": "failed"}) == (ran.code, statuses(ran))
    assert "all carry the tag [growth:weekly]" in reasons(ran)
    stage.sandbox.faults.clear()
    assert (3, people("ana")) == (stage.apply().code, stage.mailed())


def test_a_lost_create_that_cannot_be_looked_up(stage: Stage) -> None:
    """Unknown, with both reasons; the next run finds the row and mails nobody."""
    stage.tree.manifest("weekly")
    stage.sandbox.faults.add(
        Fault("drop", method="POST", phase="after"), Fault("drop", method="GET", path=LIVE, nth=3, count=None)
    )

    ran = stage.apply()

    assert (4, {"weekly": "unknown"}, False) == (ran.code, statuses(ran), ran.json["verified"])
    assert "could not be listed to look for it" in reasons(ran)
    assert ((0, {}), people("ana")) == (settled(stage), stage.mailed())


def test_a_change_whose_answer_is_lost_and_whose_row_cannot_be_read(stage: Stage) -> None:
    """Unknown; the next run sees that the row holds it."""
    stage.pace = Pace(10)  # so that the listing stays young, and the row is not read before the write
    row = stage.row("weekly")
    stage.tree.manifest("weekly", title="Other")
    stage.sandbox.faults.add(
        Fault("drop", method="PATCH", phase="after", count=None), Fault("drop", method="GET", path=DETAIL, count=None)
    )

    ran = stage.apply()

    assert (4, {"weekly": "unknown"}) == (ran.code, statuses(ran))
    assert ((0, {}), "Other [growth:weekly]") == (settled(stage), stage.sandbox.row(row)["title"])


def test_a_change_that_is_carried_out_when_nobody_waits_for_it_any_more(stage: Stage) -> None:
    """It is looked at again when it must be over, and not sent again, which might mail the new person twice."""
    stage.pace = Pace(20)
    stage.row("weekly")
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    stage.sandbox.faults.add(Fault("delay", method="PATCH", phase="during", seconds=PATIENCE + 0.2))

    ran = stage.apply()

    assert (0, {"weekly": "applied"}, 1) == (ran.code, statuses(ran), stage.sent("PATCH"))
    assert people("bo") == stage.mailed()


@pytest.mark.parametrize("edit", [{"frequency": "daily"}, {"target_value": "zoe@example.com"}, {"deleted": True}])
def test_a_row_that_somebody_edits_while_an_old_plan_waits(stage: Stage, edit: dict[str, Any]) -> None:
    """Read again before the write, it is another row than was compared: skipped as a conflict, not overwritten."""
    row = stage.row("weekly")
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    manifests(stage, "cy")
    stage.sandbox.faults.add(
        Fault("delay", method="GET", path=DELETED, seconds=0.3),  # more than 30 of the program's seconds
        Fault("shift", method="GET", path=DETAIL, shift="patch", row=row, fields=edit),
    )

    ran = stage.apply()

    assert (4, {"weekly": "skipped", "cy": "applied"}) == (ran.code, statuses(ran))
    assert f"conflict: row {row} changed" in reasons(ran)
    assert 0 == stage.sent("PATCH")


def test_somebody_unsubscribes_while_an_old_plan_waits(stage: Stage) -> None:
    """A person who has just left is not brought back by a plan that did not know."""
    row = stage.row("weekly", target_value="ana@example.com,bo@example.com")
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com", "cy@example.com"])
    manifests(stage, "dee")
    stage.sandbox.faults.add(
        Fault("delay", method="GET", path=DELETED, seconds=0.3),
        Fault("shift", method="GET", path=DETAIL, row=row, fields={"target_value": "ana@example.com"}),
    )

    ran = stage.apply()

    assert ("skipped", people("dee")) == (statuses(ran)["weekly"], stage.mailed())


@contextmanager
def meanwhile(is_time: Callable[[], bool], deed: Callable[[], object]) -> Iterator[None]:
    """Somebody who does *deed* as soon as *is_time*, while a run goes on."""

    def wait() -> None:
        end = time.monotonic() + 10
        while not is_time() and time.monotonic() < end:
            time.sleep(0.005)
        deed()

    somebody = threading.Thread(target=wait)
    somebody.start()
    yield
    somebody.join()


def answered(stage: Stage, status: int) -> Callable[[], bool]:
    """Whether the server has answered a request with *status*."""
    return lambda: any(request.status == status for request in stage.sandbox.requests())


THROTTLED = Fault("status", status=429, json=envelope("throttled_error", "throttled"), retry_after=60)


def growing(stage: Stage) -> int:
    """A row that mails two people, and a manifest that adds a third."""
    row = stage.row("weekly", target_value="ana@example.com,bo@example.com")
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com", "cy@example.com"])
    return row


def test_somebody_unsubscribes_while_a_change_waits_for_another_try(stage: Stage) -> None:
    """What was compared before the wait is compared again after it: nobody is brought back, nobody is mailed."""
    stage.pace = Pace(60)
    row = growing(stage)
    stage.sandbox.faults.add(replace(THROTTLED, method="PATCH"))

    with meanwhile(answered(stage, 429), lambda: stage.sandbox.unsubscribe(row, "bo@example.com")):
        ran = stage.apply()

    assert ({"weekly": "skipped"}, Counter(), 1) == (statuses(ran), stage.mailed(), stage.sent("PATCH"))
    assert "ana@example.com" == stage.sandbox.row(row)["target_value"]
    assert f"conflict: row {row} changed" in reasons(ran)


def test_somebody_unsubscribes_while_a_change_waits_for_its_turn(stage: Stage) -> None:
    """A full minute of requests is a wait like any other."""
    row = growing(stage)

    def pace(timeout: float, *, stop: threading.Event | None = None, budget: Budget | None = None) -> Run:
        run = Pace(60)(timeout, stop=stop)
        run.budget = budget or Budget(2, clock=run.clock)
        return run

    stage.pace = pace  # type: ignore[assignment]  # it is called like one

    def leave() -> None:
        time.sleep(0.3)  # of the second that the program has to wait for
        stage.sandbox.unsubscribe(row, "bo@example.com")

    with meanwhile(lambda: stage.sent("GET") >= 1, leave):
        ran = stage.apply()

    assert ({"weekly": "skipped"}, 0, Counter()) == (statuses(ran), stage.sent("PATCH"), stage.mailed())


def test_somebody_unsubscribes_after_a_change_that_is_in_doubt(stage: Stage) -> None:
    """It was carried out, and is not sent again over what somebody did then: unknown, nobody is brought back."""
    stage.pace = Pace(60)
    row = growing(stage)
    stage.sandbox.faults.add(Fault("status", method="PATCH", status=503, html="<p>", retry_after=60, phase="after"))

    with meanwhile(answered(stage, 503), lambda: stage.sandbox.unsubscribe(row, "bo@example.com")):
        ran = stage.apply()

    assert (4, {"weekly": "unknown"}, 1) == (ran.code, statuses(ran), stage.sent("PATCH"))
    assert (people("cy"), "ana@example.com,cy@example.com") == (
        stage.mailed(),
        stage.sandbox.row(row)["target_value"],
    )


def test_a_row_that_somebody_takes_over_while_its_removal_waits(stage: Stage) -> None:
    """It has another tag by then, so it is not ours to remove."""
    stage.pace = Pace(60)
    row = stage.row("gone")
    stage.sandbox.faults.add(replace(THROTTLED, method="PATCH"))

    with meanwhile(answered(stage, 429), lambda: stage.sandbox.edit(row, title="Theirs now [sales:gone]")):
        ran = stage.apply()

    assert ({"gone": "skipped"}, False) == (statuses(ran), stage.sandbox.row(row)["deleted"])


def test_a_row_that_somebody_makes_while_a_create_waits(stage: Stage) -> None:
    """The tags are looked at again after a long wait: no second row is made."""
    stage.pace = Pace(60)
    stage.tree.manifest("weekly")
    stage.sandbox.faults.add(replace(THROTTLED, method="POST"))

    with meanwhile(answered(stage, 429), lambda: stage.row("weekly")):
        ran = stage.apply()

    assert ({"weekly": "skipped"}, Counter(), 1) == (statuses(ran), stage.mailed(), stage.sent("POST"))
    assert "has its tag by now" in reasons(ran)
    assert (0, {}) == settled(stage)


@pytest.mark.parametrize("status", [500, 503])
def test_a_gateway_that_fails_in_json(stage: Stage, status: int) -> None:
    """It is not PostHog that speaks: the create may be under way behind it, and is not sent again."""
    stage.tree.manifest("weekly")
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": status}
    stage.sandbox.faults.add(Fault("status", method="POST", status=status, json=problem, count=None))

    ran = stage.apply()

    assert (4, {"weekly": "unknown"}, 1) == (ran.code, statuses(ran), stage.sent("POST"))
    assert ((0, {"weekly": "applied"}), people("ana")) == (settled(stage), stage.mailed())


def test_a_change_of_which_the_first_try_is_under_way_when_the_second_fails(stage: Stage) -> None:
    """That the server ended the second says nothing of the first: unknown, and the next run sees what became of it."""
    stage.pace = Pace(20)
    stage.row("weekly")
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    stage.sandbox.faults.add(
        Fault("delay", method="PATCH", phase="during", seconds=PATIENCE + 3.0),
        Fault("status", method="PATCH", nth=2, status=500, json=envelope("server_error", "error")),
    )

    ran = stage.apply()

    assert (4, {"weekly": "unknown"}) == (ran.code, statuses(ran))
    with meanwhile(lambda: stage.mailed() == people("bo"), lambda: None):
        pass
    assert ((0, {}), people("bo")) == (settled(stage), stage.mailed())


def test_one_failure_and_independent_changes(stage: Stage) -> None:
    """The others are applied, the removal last; the exit code says that it is not all."""
    gone = stage.row("gone")
    manifests(stage, "ana", "bo", "cy")
    stage.sandbox.faults.add(
        Fault("status", method="POST", status=400, json=envelope("validation_error", "x", "title"))
    )

    ran = stage.apply()
    writes = [request for request in stage.sandbox.requests() if request.method != "GET"]

    assert (4, {"applied": 3, "failed": 1}) == (ran.code, Counter(statuses(ran).values()))
    assert (True, f"/{gone}/") == (stage.sandbox.row(gone)["deleted"], writes[-1].path[-len(f"/{gone}/") :])
    code, again = settled(stage)
    assert (0, ["applied"], people("ana", "bo", "cy")) == (code, list(again.values()), stage.mailed())


def test_one_failure_with_fail_fast(stage: Stage) -> None:
    """Nothing new is started after it, no removal either."""
    stage.row("gone")
    manifests(stage, "ana", "bo", "cy", "dee")
    stage.sandbox.faults.add(
        Fault("status", method="POST", status=400, json=envelope("validation_error", "x", "title"))
    )

    ran = stage.apply("--fail-fast", "--parallel", "1")

    assert (1, {"failed": 1, "skipped": 4}) == (ran.code, Counter(statuses(ran).values()))
    assert (1, 0) == (stage.sent("POST"), stage.sent("PATCH"))


def test_a_server_that_throttles_until_the_time_is_over(stage: Stage) -> None:
    """What was not sent is skipped, and the reason names the deadline and how to lengthen it."""
    manifests(stage, "ana", "bo")
    throttled = envelope("throttled_error", "throttled")
    stage.sandbox.faults.add(Fault("status", method="POST", status=429, json=throttled, retry_after=600, count=None))

    ran = stage.apply("--timeout", "1000")

    assert (1, {"ana": "skipped", "bo": "skipped"}, Counter()) == (ran.code, statuses(ran), stage.mailed())
    assert "--timeout" in reasons(ran)
    assert ((0, {"ana": "applied", "bo": "applied"}), people("ana", "bo")) == (settled(stage), stage.mailed())


class OutOfMemory(threading.Event):
    """A wish to stop that no writer can ask for any more once the server has heard a POST."""

    def __init__(self, sandbox: Any) -> None:
        super().__init__()
        self._sandbox = sandbox

    def is_set(self) -> bool:
        """Whether somebody wished to stop."""
        is_writer = threading.current_thread().name.startswith("writer")
        if is_writer and any(request.method == "POST" for request in self._sandbox.requests()):
            raise MemoryError
        return super().is_set()


def test_a_program_that_breaks_in_the_middle(stage: Stage) -> None:
    """What was told by then stays true, of the rest nobody knows; no exit code says that nothing was written."""
    manifests(stage, "ana", "bo")
    variables = {"POSTHOG_PERSONAL_API_KEY": stage.sandbox.key}
    world = pipeline.World(stage.tree.folder, variables, stop=OutOfMemory(stage.sandbox), pace=stage.pace)
    session = pipeline.Session(Choice(parallel=1), world)
    (prepared,) = session.plans()

    result = session.carry_out(prepared, lambda _: None)

    assert {"ana": "applied", "bo": "unknown"} == {each.change.name: each.status.value for each in result.outcomes}
    assert (4, people("ana")) == (of_result(result), stage.mailed())


def test_a_plan_limit_is_reached_half_way(stage: Stage) -> None:
    """What fits is made, the rest fails with the server's reason and what to do; nothing is tried twice."""
    stage.set("plan-limit:5")
    manifests(stage, "ana", "bo", "cy", "dee")

    ran = stage.apply("--parallel", "1")  # the server does not count and make rows in one step

    assert (4, {"applied": 2, "failed": 2}, 4) == (ran.code, Counter(statuses(ran).values()), stage.sent("POST"))
    assert "as many subscriptions as its plan allows" in reasons(ran)


def test_a_resource_limit_is_never_tried_twice(stage: Stage) -> None:
    """Each further try would file a request with PostHog: the first refusal ends what would add rows, and no more."""
    stage.set("resource-limit:4")
    row = stage.row("weekly")
    stage.tree.manifest("weekly", title="Other")
    manifests(stage, "ana", "bo", "cy")

    ran = stage.apply("--parallel", "1")

    assert (4, {"failed": 1, "skipped": 2, "applied": 1}) == (ran.code, Counter(statuses(ran).values()))
    assert (1, "Other [growth:weekly]") == (stage.sent("POST"), stage.sandbox.row(row)["title"])
    assert "ask PostHog to raise the limit" in reasons(ran)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        pytest.param("unknown key", "does not know the key", id="a key of another host or region: 401"),
        pytest.param("key of another project", "access to project", id="a key of another project: 403"),
        pytest.param("hidden project", "access to project", id="a project its owner cannot see: 403"),
        pytest.param("no project", "There is no project 999", id="a project that does not exist: 404"),
        pytest.param("read-only key", "needs the scope subscription:write", id="a key that may only read: 403"),
    ],
)
def test_a_wrong_place_or_key_gets_the_sentence_that_explains_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, place: str, sentence: str
) -> None:
    """Exit 1, nothing is written, and the message says what does not fit what."""
    manifests(stage, "ana")
    sandbox = stage.sandbox
    options = {"hidden project": str(sandbox.hidden_project_id), "no project": "999"}
    key = {
        "unknown key": "phx_" + "a" * 40,
        "key of another project": sandbox.new_key(projects=[sandbox.other_project_id]),
        "read-only key": sandbox.read_key,
    }.get(place, sandbox.key)
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", key)

    ran = stage.apply("--project-id", options.get(place, str(sandbox.project_id)))

    assert (1, Counter()) == (ran.code, stage.mailed())
    assert sentence in reasons(ran)
    assert key not in ran.out + ran.err


@pytest.mark.parametrize("flag", ["environments-redirect", "environments-redirect:308", "environments-gone"])
def test_a_server_that_moved_its_paths(stage: Stage, flag: str) -> None:
    """Reads and writes follow to the same origin; a create is carried out once."""
    stage.set(flag)
    stage.row("weekly")
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    manifests(stage, "cy")

    ran = stage.apply()

    assert (0, True, people("bo", "cy")) == (ran.code, ran.json["verified"], stage.mailed())


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e\u2028\x85\r\n::error::owned\n| <img src=x> `x`"
"""What a terminal, a build machine or a browser would obey, if it were let through."""


@pytest.mark.parametrize("format", ["text", "markdown", "github", "json"])
@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_terminal_escapes_in_what_the_server_says(stage: Stage, command: str, format: str) -> None:
    """They are made visible and never sent to a terminal, in any format: in errors, and in titles that people wrote."""
    stage.row("weekly", title=f"{HOSTILE[:60]} [growth:weekly]")
    stage.tree.manifest("weekly")
    manifests(stage, "ana", "bo")
    if command != "apply":
        stage.sandbox.add(**{**WEEKLY, "title": HOSTILE, "insight": 10, "target_value": f"ana@example.com,{HOSTILE}"})
    refusal = envelope(f"validation_error{HOSTILE}", f"invalid{HOSTILE}", f"title{HOSTILE}", f"No {HOSTILE}")
    stage.sandbox.faults.add(Fault("status", method="POST", status=400, json=refusal))

    ran = stage.run(command, "--timeout", "6000", "-f", format, *(["--yes"] if command == "apply" else []))

    written = ran.out + ran.err
    assert {"plan": 3, "drift": 2, "apply": 4}[command] == ran.code
    assert set() == {each for each in written if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}
    assert [] == [line for line in written.splitlines() if line.startswith(("::error::owned", "| <img"))]
    assert not (format == "markdown" and "<img" in written)


@pytest.fixture
def both(stage: Stage) -> Iterator[Stage]:
    """The stage with a second environment in another project, and the config of one put back afterwards."""
    config = stage.tree.folder / "reconciler.yaml"
    before = config.read_text(encoding="utf-8")
    other = stage.sandbox.other_project_id
    first = before.splitlines()[-1]
    config.write_text(before + re.sub(r"production(.*project_id: )\d+", rf"staging\g<1>{other}", first) + "\n", "utf-8")
    stage.tree.manifest("steady", insight=1, metadata="  environments: [production]\n")
    yield stage
    config.write_text(before, encoding="utf-8")


def test_one_environment_that_cannot_be_read(both: Stage) -> None:
    """All are read before anything is written, so that nothing is written anywhere."""
    both.tree.manifest("ana", metadata="  environments: [production]\n")
    both.sandbox.faults.add(Fault("status", method="GET", path=r"environments/2/", status=502, count=None))

    ran = both.apply()

    assert (1, "no-answer", 0) == (ran.code, ran.json["errors"][0]["rule"], both.sent("POST"))


def test_one_environment_that_cannot_be_written(both: Stage) -> None:
    """The other one is; exit 4, for 1 would say that nothing was written anywhere."""
    both.tree.manifest("ana", metadata="  environments: [production]\n")
    both.tree.manifest("bo", metadata="  environments: [staging]\n", insight=both.sandbox.foreign_ids[0])
    refusal = envelope("validation_error", "x", "title")
    both.sandbox.faults.add(Fault("status", method="POST", path=r"environments/1/", status=400, json=refusal))

    ran = both.apply()

    assert (4, {"ana": "failed", "bo": "applied"}) == (ran.code, statuses(ran))


def test_one_environment_that_cannot_be_written_and_one_that_needs_nothing(both: Stage) -> None:
    """Nothing was written anywhere: exit 1."""
    both.tree.manifest("ana", metadata="  environments: [production]\n")
    refusal = envelope("validation_error", "x", "title")
    both.sandbox.faults.add(Fault("status", method="POST", status=400, json=refusal))

    ran = both.apply()

    assert (1, {"ana": "failed"}) == (ran.code, statuses(ran))


def test_a_gateway_that_fails_one_time_in_five(stage: Stage) -> None:
    """Reads and changes go through; a create that is in doubt is said to be; two runs more, and all is done, once."""
    names = tuple(f"person{number}" for number in range(12))
    manifests(stage, *names)
    for name in ("one", "two"):
        stage.row(name)
        stage.tree.manifest(name, title="Other")
    flaky = Fault(**{**BAD_GATEWAY.to_json(), "count": None, "probability": 0.2})
    stage.sandbox.faults.add(flaky, Fault("drop", phase="after", count=None, probability=0.1))

    runs = [stage.apply() for _ in range(2)]
    settled(stage)

    assert all(ran.code in (0, 1, 4) for ran in runs)
    assert (people(*names), {*STEADY, *names, "one", "two"}) == (stage.mailed(), set(stage.live()))
    assert (0, {}) == settled(stage)
