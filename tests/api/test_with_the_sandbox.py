"""The client against a server made of what PostHog is made of, both generations of it."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from reconciler.api import Budget, Place, Run, Writer, reader, writer
from reconciler.errors import IncompleteListing, NoAnswer, OutOfTime, Refused
from reconciler.model import Environment, Request
from reconciler.operations import (
    create_subscription,
    delete_recording,
    list_subscriptions,
    recording_sharing,
    retrieve_subscription,
    session_property_definitions,
    session_values,
    update_subscription,
)
from reconciler.privacy import Key
from reconciler.sandbox import Fault, Sandbox
from tests.api.fakes import Clock

ROW = {
    "target_type": "email",
    "target_value": "ana@example.com",
    "frequency": "weekly",
    "interval": 1,
    "start_date": "2030-01-05T09:00:00Z",
    "insight": 1,
    "title": "x",
}


@pytest.fixture(params=["seed", "latest"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """A server of either generation, with thirty rows."""
    return Sandbox(profile=request.param, rows=30)


def at(sandbox: Sandbox, key: str = "", project: int | None = None, run: Run | None = None) -> Writer:
    """A Writer for *sandbox* whose waits take no time."""
    clock = Clock()
    place = Place(Environment("x", "http://127.0.0.1:1", str(project or sandbox.project_id)), Key(key or sandbox.key))
    return writer(place, run or Run(clock=clock, sleep=clock.sleep), transport=httpx.WSGITransport(app=sandbox.app))


def asked(sandbox: Sandbox, method: str) -> int:
    """How many requests of *method* the server heard."""
    return sum(each.method == method for each in sandbox.requests())


def test_a_listing_holds_every_live_row_once(sandbox: Sandbox) -> None:
    """Pages of seven, overlapping, make the thirty rows."""
    rows = at(sandbox).rows(list_subscriptions(), page=7)

    assert sorted(row["id"] for row in sandbox.rows(deleted=False)) == sorted(row["id"] for row in rows)


@pytest.mark.parametrize("shift", ["insert", "patch", "delete"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_rows_that_others_change_between_pages_are_noticed(sandbox: Sandbox, shift: str, nth: int) -> None:
    """Inserted, changed and deleted rows: the listing is what the server holds afterwards."""
    client = at(sandbox)
    row = None if shift == "insert" else sandbox.rows(deleted=False)[2]["id"]
    sandbox.faults.add(Fault("shift", method="GET", path="offset=", nth=nth, shift=shift, row=row))
    rows = client.rows(list_subscriptions(), page=7)

    assert sorted(row["id"] for row in sandbox.rows(deleted=False)) == sorted(row["id"] for row in rows)


def test_a_server_that_is_changed_all_the_time_cannot_be_planned_for(sandbox: Sandbox) -> None:
    """Every page meets another number of rows."""
    sandbox.faults.add(Fault("shift", method="GET", path="limit=", count=None, shift="insert"))

    with pytest.raises(IncompleteListing, match="run it again in a minute"):
        at(sandbox).rows(list_subscriptions(), page=7)


def test_a_row_is_made_changed_removed_and_brought_back(sandbox: Sandbox) -> None:
    """Create, update, soft delete and restore, each answered with the row."""
    client = at(sandbox)
    made = client.send(create_subscription(ROW))
    id = made.body["id"]
    titles = [client.send(update_subscription(id, {"title": title})).body["title"] for title in ("y", "z")]
    states = [client.send(update_subscription(id, {"deleted": gone})).body["deleted"] for gone in (True, False)]

    assert (201, ["y", "z"], [True, False], "z") == (
        made.status,
        titles,
        states,
        client.get(retrieve_subscription(id))["title"],
    )


def test_a_create_whose_answer_is_lost_makes_one_row(sandbox: Sandbox) -> None:
    """The row is there, the POST was sent once, and the caller is told to look."""
    sandbox.faults.add(Fault("drop", method="POST", phase="after"))
    before = len(sandbox.rows())

    with pytest.raises(NoAnswer):
        at(sandbox).send(create_subscription(ROW))
    assert (before + 1, 1) == (len(sandbox.rows()), asked(sandbox, "POST"))


@pytest.mark.parametrize("effect", ["drop", "truncate", "hang"])
def test_a_read_survives_what_happens_on_the_way(sandbox: Sandbox, effect: str) -> None:
    """The second try brings the listing."""
    sandbox.faults.add(Fault(effect, method="GET"))

    assert 30 == len(at(sandbox).rows(list_subscriptions()))


def test_a_change_whose_answer_is_lost_is_sent_again(sandbox: Sandbox) -> None:
    """A PATCH says what the row shall be, so that twice is as good as once."""
    sandbox.faults.add(Fault("drop", method="PATCH", phase="after"))
    id = sandbox.rows(deleted=False)[0]["id"]
    sent = at(sandbox).send(update_subscription(id, {"title": "again"}))

    assert ("again", 2) == (sandbox.row(id)["title"], sent.attempts)


def test_a_server_that_throttles_is_waited_for(sandbox: Sandbox) -> None:
    """The fifth request of a bucket of few is answered after the wait the server named."""
    clock = Clock()
    sandbox.faults.add(
        Fault("status", status=429, retry_after=12, json={"type": "throttled_error", "code": "throttled"})
    )
    rows = at(sandbox, run=Run(clock=clock, sleep=clock.sleep)).rows(list_subscriptions())

    assert (30, True) == (len(rows), 12 <= clock() <= 12.5)


def test_a_real_throttle_is_obeyed() -> None:
    """The 481st request of a minute meets a 429, whose `Retry-After` is waited out in full."""
    clock, full = Clock(), Sandbox(profile="seed", rows=1)
    run = Run(clock=clock, sleep=clock.sleep, budget=Budget(10_000, clock=clock))
    client = at(full, run=run)
    for _ in range(480):
        client.get(retrieve_subscription(1))

    # The server's clock does not move with ours, so that it throttles until the run is out of time.
    with pytest.raises(OutOfTime) as caught:
        client.get(retrieve_subscription(1))
    assert (429, "throttled", True) == (
        caught.value.attempted.answer.status,
        caught.value.attempted.answer.code,
        all(wait >= 50 for wait in clock.slept),
    )


def test_a_throttled_create_is_sent_again_and_makes_one_row(sandbox: Sandbox) -> None:
    """After a 429 nothing was done, so a POST may be repeated."""
    sandbox.faults.add(Fault("status", method="POST", status=429, retry_after=1))
    before = len(sandbox.rows())
    at(sandbox).send(create_subscription(ROW))

    assert (before + 1, 2) == (len(sandbox.rows()), asked(sandbox, "POST"))


def test_many_writers_write_each_row_once(sandbox: Sandbox) -> None:
    """Eight threads share one client."""
    client = at(sandbox)
    ids = [row["id"] for row in sandbox.rows(deleted=False)]
    with ThreadPoolExecutor(8) as pool:
        titles = list(
            pool.map(lambda each: client.send(update_subscription(each, {"title": f"t{each}"})).body["title"], ids)
        )

    assert ([f"t{id}" for id in ids], len(ids)) == (titles, asked(sandbox, "PATCH"))


def test_wrong_keys_and_projects_are_explained(sandbox: Sandbox) -> None:
    """A key nobody knows, one that may only read, one of another project, and a project that does not exist."""
    cases: list[tuple[Writer, str]] = [
        (at(sandbox, "phx_unknown"), "401 authentication_failed"),
        (at(sandbox, sandbox.new_key(scopes=("insight:read",))), "it needs the scope subscription:read"),
        (at(sandbox, sandbox.new_key(scopes=("*",), projects=(sandbox.other_project_id,))), "no access to project 1"),
        (at(sandbox, project=sandbox.hidden_project_id), f"no access to project {sandbox.hidden_project_id}"),
        (at(sandbox, project=999), "no project 999 on http://127.0.0.1:1"),
    ]
    said = []
    for client, _ in cases:
        with pytest.raises(Refused) as caught:
            client.rows(list_subscriptions())
        said.append(str(caught.value))

    assert [True] * len(cases) == [what in text for (_, what), text in zip(cases, said, strict=True)], said


def test_recordings_are_reached(sandbox: Sandbox) -> None:
    """A deleted recording is a 404 the second time; sharing is one object."""
    client = at(sandbox)
    first = client.send(delete_recording("01-ab")).status
    with pytest.raises(Refused) as again:
        client.send(delete_recording("01-ab"))

    assert (204, 404, False) == (
        first,
        again.value.attempted.answer.status,
        client.get(recording_sharing("r"))["enabled"],
    )


@pytest.mark.parametrize("request_", [session_property_definitions(), session_values("$is_bounce")])
def test_sessions_are_explained_where_keys_may_not_read_them(request_: Request) -> None:
    """An old server refuses every key and the sentence says so; a later one answers with an object."""
    old, new = Sandbox(profile="seed"), Sandbox(profile="latest")

    with pytest.raises(Refused, match="Older servers open this to no personal API key"):
        at(old).get(request_)
    assert at(new).get(request_)["results"]


@pytest.mark.parametrize(
    "flags",
    [("environments-redirect",), ("environments-redirect:308",), ("environments-gone",), ("environments-rewrite",)],
)
def test_a_server_whose_paths_have_moved_is_read_and_written(flags: tuple[str, ...]) -> None:
    """Redirected, gone or rewritten: one row is made, and from the first answer on the new paths are asked."""
    moved = Sandbox(profile="seed", rows=3, flags=flags)
    client = at(moved)
    client.rows(list_subscriptions())
    moved.clear_requests()
    client.send(create_subscription(ROW))

    assert (["/api/projects/1/subscriptions/"], 4) == ([each.path for each in moved.requests()], len(moved.rows()))


@pytest.mark.parametrize(
    ("flag", "status", "what"),
    [
        ("premium-missing", 402, "not in the plan"),
        ("plan-limit:3", 400, "as many subscriptions as its plan allows"),
        ("resource-limit:3", 402, "as many subscriptions as PostHog allows one team"),
        ("org-forbids-keys", 403, "lets only its admins use personal API keys"),
        ("viewer-only", 403, "may look at this and not change it"),
    ],
)
def test_limits_are_told_apart_and_never_tried_twice(flag: str, status: int, what: str) -> None:
    """Each limit of the server has its own sentence, and one request."""
    limited = Sandbox(profile="latest", rows=3, flags=(flag,))

    with pytest.raises(Refused, match=what) as caught:
        at(limited).send(create_subscription(ROW))
    assert (status, 1) == (caught.value.attempted.answer.status, len(limited.requests()))


def test_a_capped_server_is_read_to_its_end() -> None:
    """A server that gives five rows a page, whatever is asked, still gives all."""
    capped = Sandbox(profile="latest", rows=23, flags=("page-cap:5",))

    assert (23, True) == (len(at(capped).rows(list_subscriptions())), len(capped.requests()) <= 5 + 1)


def test_a_reader_never_sends_anything_but_get(sandbox: Sandbox) -> None:
    """The server hears GET and nothing else."""
    place = Place(Environment("x", "http://127.0.0.1:1", str(sandbox.project_id)), Key(sandbox.read_key))
    with reader(place, transport=httpx.WSGITransport(app=sandbox.app)) as client:
        client.rows(list_subscriptions())

    assert {"GET"} == {each.method for each in sandbox.requests()}


def test_all_of_it_works_over_a_socket() -> None:
    """A real server, eight connections, real time."""
    box = Sandbox(profile="latest", rows=60)
    with box.serve() as server, writer(Place(Environment("x", server.url, "1"), Key(box.key))) as client:
        rows = client.rows(list_subscriptions(), page=10)
        sent = client.send(update_subscription(rows[0]["id"], {"title": "over a socket"}))

    assert (60, "over a socket") == (len(rows), box.row(sent.body["id"])["title"])
