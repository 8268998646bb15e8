"""One Request to a project: where it goes, what it carries, and who may send it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import __version__
from reconciler.api import Budget, Place, Reader, Run, reader, writer
from reconciler.errors import Attempted, Moved, NoAnswer, Overtaken, ReconcilerError, Refused, UsageError
from reconciler.model import Environment, Request
from reconciler.operations import (
    create_subscription,
    delete_recording,
    list_subscriptions,
    recording_sharing,
    retrieve_subscription,
    session_values,
    update_subscription,
)
from reconciler.privacy import Address, Key, Recipients, SecretUrl
from tests.api.fakes import HOST, KEY, NEW, OLD, THROTTLED, Clock, Script, client, envelope, ok, sent_json

EMPTY: dict[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
NOT_FOUND = envelope(404, "invalid_request", "not_found", "Project not found.")
ELSEWHERE = "https://elsewhere.example"
CRASHED = envelope(500, "server_error", "error")


def place(host: str = HOST, project: str = "12345", key: str = KEY) -> Place:
    """A place that may be wrong."""
    return Place(Environment("production", host, project, "POSTHOG_EU_KEY"), Key(key))


def test_a_request_carries_the_key_in_one_header() -> None:
    """Bearer, in the header only; JSON is asked for; the program names itself."""
    script = Script(ok())
    client(script).get(retrieve_subscription(4218))
    request = script.requests[0]

    assert (
        f"{OLD}subscriptions/4218/",
        [f"Bearer {KEY}"],
        "application/json",
        f"posthog-reconciler/{__version__}",
    ) == (
        str(request.url),
        request.headers.get_list("authorization"),
        request.headers["accept"],
        request.headers["user-agent"],
    )


def test_a_write_is_json() -> None:
    """A body goes out as JSON, said to be JSON."""
    script = Script(ok(status=201))
    client(script).send(create_subscription({"title": "Grüße", "count": None, "byweekday": ("monday",)}))
    request = script.requests[0]

    assert ("POST", "application/json", {"title": "Grüße", "count": None, "byweekday": ["monday"]}) == (
        request.method,
        request.headers["content-type"],
        sent_json(request),
    )


def test_masked_values_are_opened_on_the_wire_and_nowhere_else() -> None:
    """What is private in the program is itself in the request."""
    script = Script(ok())
    body: dict[str, Any] = {
        "target_value": Recipients("ana@example.com,bo@example.com"),
        "deep": [{"url": SecretUrl("https://hooks.example.com/s3cret")}, Address("cy@example.com")],
    }
    client(script).send(update_subscription(7, body))

    assert {
        "target_value": "ana@example.com,bo@example.com",
        "deep": [{"url": "https://hooks.example.com/s3cret"}, "cy@example.com"],
    } == sent_json(script.requests[0])


def test_a_read_sends_no_body_and_its_query_is_encoded() -> None:
    """Values in a query cannot end it."""
    script = Script(ok([{"name": "x"}]))
    client(script).get(session_values("$entry_utm & more", "a=b#c"))
    request = script.requests[0]

    assert (b"", None, {"key": "$entry_utm & more", "value": "a=b#c"}) == (
        request.content,
        request.headers.get("content-type"),
        dict(request.url.params),
    )


def test_session_values_may_be_a_bare_array() -> None:
    """Old servers answer with an array, later ones with an object (contract §9.3)."""
    bodies: list[Any] = [[{"name": "x"}], {"results": []}]

    assert bodies == [client(Script(ok(body))).get(session_values("$k")) for body in bodies]


def test_a_write_says_how_it_went() -> None:
    """Status, body, tries; an empty 204 has no body."""
    sent = client(Script(ok({"id": 5}, 201))).send(create_subscription({}))
    gone = client(Script(httpx.Response(204))).send(delete_recording("r"))

    assert ((201, {"id": 5}, 1, False), (204, None, 1, False)) == (
        (sent.status, sent.body, sent.attempts, sent.throttled),
        (gone.status, gone.body, gone.attempts, gone.throttled),
    )


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Request("DELETE", "subscriptions/4218/"), "the server always answers 405"),
        (Request("GET", "subscriptions/4218/"), "none of the writes this program knows"),
        (Request("PUT", "subscriptions/4218/", {}), "none of the writes this program knows"),
        (Request("POST", "subscriptions/4218/test-delivery/"), "none of the writes this program knows"),
        (Request("PATCH", "subscriptions/../1/", {}), "none of the writes this program knows"),
    ],
)
def test_what_is_not_on_the_page_is_never_written(request_: Request, why: str) -> None:
    """A hard delete, and whatever else the page does not have, is refused before anything is sent."""
    script = Script(ok())

    with pytest.raises(Refused, match=why) as caught:
        client(script).send(request_)
    assert ([], 0) == (script.requests, caught.value.attempted.attempts)


def test_a_reader_has_no_way_to_write() -> None:
    """No public name of a reader takes a request but `get` and `rows`, and those refuse everything but GET."""
    script = Script(ok())
    public = {name for name in dir(Reader) if not name.startswith("_")}
    client_ = reader(place(), transport=httpx.MockTransport(script))

    assert {"get", "rows", "is_proven", "close"} == public
    with pytest.raises(Refused, match="none of the reads this program knows"):
        client_.get(update_subscription(1, {}))
    assert [] == script.requests


def test_the_transport_of_a_reader_refuses_to_write() -> None:
    """Even around its own methods nothing but GET leaves a reader."""
    script = Script(ok())
    client_ = reader(place(), transport=httpx.MockTransport(script))

    with pytest.raises(Refused, match="a reading command tried to send PATCH: nothing was sent"):
        client_._courier.carry(update_subscription(1, {}))  # noqa: SLF001 - going around the front door on purpose
    assert [] == script.requests


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(
    "location",
    [
        f"{NEW}subscriptions/7/",
        "/api/projects/12345/subscriptions/7/",
        "/api/projects/12345/subscriptions/7/?x=y",
        "/api/projects/12345/subscriptions/7",
    ],
)
def test_a_redirect_to_the_new_paths_is_followed_with_method_and_body(status: int, location: str) -> None:
    """The same request is sent to /api/projects/, and so is every later one."""
    script = Script(httpx.Response(status, headers={"Location": location}), ok())
    client_ = client(script)
    sent = client_.send(update_subscription(7, {"title": "x"}))
    client_.get(retrieve_subscription(8))

    assert (
        [f"{OLD}subscriptions/7/", f"{NEW}subscriptions/7/", f"{NEW}subscriptions/8/"],
        ["PATCH", "PATCH", "GET"],
        {"title": "x"},
        2,
    ) == (script.urls, [each.method for each in script.requests], sent_json(script.requests[1]), sent.attempts)


def test_a_create_that_is_redirected_is_sent_once_to_each() -> None:
    """A redirect means that nothing was done, so even a POST goes on to where it leads."""
    script = Script(httpx.Response(307, headers={"Location": "/api/projects/12345/subscriptions/"}), ok(status=201))
    client(script).send(create_subscription({"title": "x"}))

    assert [("POST", f"{OLD}subscriptions/"), ("POST", f"{NEW}subscriptions/")] == [
        (each.method, str(each.url)) for each in script.requests
    ]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        f"{ELSEWHERE}/api/projects/12345/subscriptions/7/",
        "//elsewhere.example/api/projects/12345/subscriptions/7/",
        "https://us.posthog.com:444/api/projects/12345/subscriptions/7/",
        "http://us.posthog.com/api/projects/12345/subscriptions/7/",
        "https://us.posthog.com.elsewhere.example/api/projects/12345/subscriptions/7/",
        "https://us.posthog.com@elsewhere.example/api/projects/12345/subscriptions/7/",
        "/api/projects/999/subscriptions/7/",
        "/api/projects/12345/subscriptions/8/",
        "/login?next=/",
        "https://[broken",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_no_other_redirect_is_followed(method: str, location: str, status: int) -> None:
    """The key goes nowhere else, and the sentence says what to do."""
    script = Script(httpx.Response(status, headers={"Location": location}))
    client_ = client(script)

    with pytest.raises(Moved, match=r"was not followed: the key belongs to https://us\.posthog\.com alone\. If"):
        client_.get(retrieve_subscription(7)) if method == "GET" else client_.send(update_subscription(7, {}))
    assert [f"{OLD}subscriptions/7/"] == script.urls


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_may_change_the_method_is_not_followed_to_the_new_paths_either(status: int) -> None:
    """Only 307 and 308 keep method and body."""
    script = Script(httpx.Response(status, headers={"Location": f"{NEW}subscriptions/7/"}))

    with pytest.raises(Moved):
        client(script).send(update_subscription(7, {}))
    assert 1 == len(script.requests)


def test_redirects_do_not_go_in_circles() -> None:
    """From the new paths there is no further way."""
    script = Script(httpx.Response(307, headers={"Location": "/api/projects/12345/subscriptions/7/"}))

    with pytest.raises(Moved):
        client(script).get(retrieve_subscription(7))
    assert 2 == len(script.requests)


def test_a_redirect_shows_no_path_and_no_escape() -> None:
    """A redirect may lead to an address with a secret in it, or with something a terminal obeys."""
    script = Script(httpx.Response(302, headers={b"Location": b"https://hooks.example.com/s3cret\x1b[2J?token=abc"}))

    with pytest.raises(Moved) as caught:
        client(script).get(retrieve_subscription(7))
    assert (True, False, False, False) == tuple(
        text in str(caught.value) for text in ("https://hooks.example.com", "s3cret", "token", "\x1b")
    )


@pytest.mark.parametrize(
    ("link", "later"),
    [
        ('</api/projects/12345/subscriptions/?limit=1>; rel="successor-version"', NEW),
        (f"<{NEW}subscriptions/>; rel=successor-version", NEW),
        ('</docs>; rel="deprecation", </api/projects/12345/subscriptions/>; rel="successor-version"', NEW),
        (f'<{ELSEWHERE}/api/projects/12345/subscriptions/>; rel="successor-version"', OLD),
        ('<http://us.posthog.com/api/projects/12345/x>; rel="successor-version"', OLD),
        ('</api/projects/999/subscriptions/>; rel="successor-version"', OLD),
        ('</api/projects/12345/subscriptions/>; rel="next"', OLD),
        ("nonsense", OLD),
        ("", OLD),
    ],
)
def test_a_deprecated_path_is_left_for_its_successor_on_the_same_host(link: str, later: str) -> None:
    """`Deprecation` with a successor link switches to /api/projects/; a link elsewhere changes nothing."""
    script = Script(ok(headers={"Deprecation": "true", "Link": link}))
    client_ = client(script)
    client_.get(retrieve_subscription(1))
    client_.get(retrieve_subscription(2))

    assert [f"{OLD}subscriptions/1/", f"{later}subscriptions/2/"] == script.urls


def test_a_successor_without_deprecation_changes_nothing() -> None:
    """Both headers are needed."""
    script = Script(ok(headers={"Link": '</api/projects/12345/subscriptions/>; rel="successor-version"'}))
    client_ = client(script)
    client_.get(retrieve_subscription(1))
    client_.get(retrieve_subscription(2))

    assert f"{OLD}subscriptions/2/" == script.urls[1]


def test_a_first_listing_that_is_not_found_is_looked_for_under_the_new_paths() -> None:
    """A server without /api/environments/ is read, and written to, under /api/projects/."""
    script = Script(NOT_FOUND, ok(EMPTY), ok())
    client_ = client(script)
    client_.rows(list_subscriptions())
    client_.send(update_subscription(7, {}))

    assert [f"{OLD}subscriptions/", f"{NEW}subscriptions/", f"{NEW}subscriptions/7/"] == script.urls


def test_what_a_reader_learned_holds_for_the_writer_of_the_same_run() -> None:
    """A writer does not begin with a POST to paths that its run knows to have moved."""
    script, run = Script(NOT_FOUND, ok(EMPTY), ok(status=201)), Run()
    client(script, run=run).rows(list_subscriptions())
    after = client(script, run=run)
    after.send(create_subscription({}))

    assert ([f"{OLD}subscriptions/", f"{NEW}subscriptions/", f"{NEW}subscriptions/"], True) == (
        script.urls,
        after.is_proven,
    )


def test_what_was_learned_of_one_project_says_nothing_of_another() -> None:
    """Each project of a run is asked for itself."""
    script, run = Script(NOT_FOUND, ok(EMPTY), ok()), Run()
    client(script, run=run).rows(list_subscriptions())
    client(script, run=run, at=place(project="777")).get(retrieve_subscription(1))

    assert f"{HOST}/api/environments/777/subscriptions/1/" == script.urls[2]


def test_a_project_that_is_nowhere_is_named() -> None:
    """404 under both: the sentence names project and host, and what to check."""
    with pytest.raises(Refused) as caught:
        client(Script(NOT_FOUND)).rows(list_subscriptions())

    assert (
        "GET subscriptions/: 404 not_found: Project not found. There is no project 12345 on https://us.posthog.com, "
        "neither under /api/environments/ nor under /api/projects/: check project_id (the number in the address of the "
        "project's pages) and host"
    ) == str(caught.value)


def test_a_row_that_is_gone_is_not_looked_for_elsewhere_once_the_project_is_proven() -> None:
    """After a first good answer a 404 is about the thing asked for."""
    script = Script(ok(EMPTY), NOT_FOUND)
    client_ = client(script)
    before = client_.is_proven
    client_.rows(list_subscriptions())

    with pytest.raises(Refused, match="does not have this"):
        client_.get(retrieve_subscription(7))
    assert (False, True, 2) == (before, client_.is_proven, len(script.requests))


def test_a_refusal_under_the_new_paths_says_more_than_a_404_under_the_old() -> None:
    """When the old paths are unknown and the new ones refuse, the refusal is what is told."""
    script = Script(NOT_FOUND, envelope(403, "authentication_error", "permission_denied"))

    with pytest.raises(Refused, match="403 permission_denied"):
        client(script).rows(list_subscriptions())


def test_deleting_recordings_finds_the_new_paths_too() -> None:
    """A server without the old paths must not look like one without the recording."""
    script = Script(envelope(404, "invalid_request", "not_found"), httpx.Response(204))
    client_ = client(script)

    assert (204, [f"{OLD}session_recordings/r/", f"{NEW}session_recordings/r/"], True) == (
        client_.send(delete_recording("r")).status,
        script.urls,
        client_.is_proven,
    )


def test_a_create_is_not_tried_elsewhere_after_a_404() -> None:
    """A POST is sent to one place."""
    script = Script(NOT_FOUND)

    with pytest.raises(Refused):
        client(script).send(create_subscription({}))
    assert 1 == len(script.requests)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("https://us.posthog.com", "https://us.posthog.com"),
        ("https://US.posthog.com/", "https://us.posthog.com"),
        ("https://us.posthog.com:443", "https://us.posthog.com"),
        ("https://posthog.example.com:8443", "https://posthog.example.com:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.8.9.1:8000/", "http://127.8.9.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_hosts_a_key_may_be_sent_to(host: str, expected: str) -> None:
    """https anywhere; http to this machine only."""
    script = Script(ok())
    client(script, at=place(host)).get(retrieve_subscription(7))

    assert f"{expected}/api/environments/12345/subscriptions/7/" == script.urls[0]


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("http://us.posthog.com", "http:// would send the key in the open: write https://us.posthog.com"),
        ("http://127.0.0.1.example.com", "in the open"),
        ("http://localhost.example.com", "in the open"),
        ("http://10.0.0.1", "in the open"),
        ("http://0.0.0.0", "in the open"),
        ("http://2130706433", "in the open"),
        ("https://ana:secret@us.posthog.com", "carries a user name"),
        ("https://us.posthog.com@elsewhere.example", "carries a user name"),
        ("https://us.posthog.com/project/12345", "write https://us.posthog.com, the program adds the path"),
        ("https://us.posthog.com?x=y", "more than a host"),
        ("https://us.posthog.com#x", "more than a host"),
        ("https://us.i.posthog.com", "only takes events in: write https://us.posthog.com"),
        ("us.posthog.com", "write it like https://us.posthog.com"),
        ("ftp://us.posthog.com", "write it like https://us.posthog.com"),
        ("https://", "write it like https://us.posthog.com"),
        ("https://[::1", "write it like https://us.posthog.com"),
        ("https://us.posthog.com:port", "write it like https://us.posthog.com"),
        ("https://us.post\nhog.com", "write it like https://us.posthog.com"),
        ("https://us.posthog.com\\@elsewhere.example", "write it like https://us.posthog.com"),
        ("", "write it like https://us.posthog.com"),
        (f"https://{'a' * 64}.example.com", "write it like https://us.posthog.com"),
        (f"https://{'a.' * 127}example.com", "write it like https://us.posthog.com"),
    ],
)
def test_hosts_a_key_is_never_sent_to(host: str, why: str) -> None:
    """What cannot be meant is refused before there is a connection, with the way out."""
    with pytest.raises(UsageError) as caught:
        reader(place(host))

    assert why in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("project", ["@current", "", "12a", "1/2", "../1", "-1", "\u0661", "1" * 20])
def test_a_project_is_a_number(project: str) -> None:
    """`@current` means another project for every key, and nothing else fits into a path."""
    with pytest.raises(UsageError, match="project_id of production must be the number"):
        writer(place(project=project))


@pytest.mark.parametrize(
    ("key", "why"), [("", "POSTHOG_EU_KEY is empty"), (KEY + "\n", "copy it again"), ("phx_ü", "copy it again")]
)
def test_a_key_that_cannot_be_one_is_refused(key: str, why: str) -> None:
    """A key with a line break is the commonest mistake; the key itself is not shown."""
    with pytest.raises(UsageError) as caught:
        reader(place(key=key))

    assert (True, False) == (why in str(caught.value), KEY in str(caught.value))


def test_a_broken_answer_to_a_write_is_in_doubt() -> None:
    """201 with half a body: there may be a row."""
    with pytest.raises(NoAnswer, match=r"status 201, the answer is not JSON, 1 try\): it may or may not") as caught:
        client(Script(httpx.Response(201, content=b'{"id": 4'))).send(create_subscription({}))

    assert 201 == caught.value.attempted.answer.status


def test_json_that_is_nested_too_deeply_is_a_broken_answer() -> None:
    """A hostile body is no crash."""
    with pytest.raises(NoAnswer, match="the answer is not JSON"):
        client(Script(httpx.Response(200, content=b'{"a":' * 200_000))).get(recording_sharing("r"))


def test_a_place_hides_its_key() -> None:
    """Neither a place nor an error shows the key."""
    assert KEY not in repr(place())


@given(st.binary(max_size=200), st.sampled_from([200, 201, 400, 401, 402, 403, 404, 405, 418, 429, 500, 503]))
def test_no_answer_is_a_crash(body: bytes, status: int) -> None:
    """Whatever the body holds, the result is an object or an error of this program."""
    clock = Clock()
    answer = httpx.Response(status, content=body)
    with suppress(ReconcilerError):
        assert isinstance(client(Script(answer), clock).get(retrieve_subscription(1)), dict)


def test_at_most_so_many_writes_are_under_way() -> None:
    """Ten threads, two writers: the server never sees three requests at once."""
    now, most, lock = 0, 0, threading.Lock()

    def handler(_request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1
        return ok()

    sender = writer(place(), transport=httpx.MockTransport(handler), writers=2)
    with ThreadPoolExecutor(10) as pool:
        sent = list(pool.map(lambda each: sender.send(update_subscription(each, {})).status, range(1, 31)))

    assert ([200] * 30, 2) == (sent, most)


def test_a_transport_that_was_given_stays_open() -> None:
    """Closing a client closes what it opened itself; a given transport may serve the next client."""
    closed: list[bool] = []

    class Given(httpx.BaseTransport):
        def handle_request(self, _request: httpx.Request) -> httpx.Response:
            return ok()

        def close(self) -> None:
            closed.append(True)

    with reader(place(), transport=Given()) as client_:
        client_.get(retrieve_subscription(1))

    assert [] == closed


def test_before_each_try_of_a_write_somebody_may_look() -> None:
    """After every wait, right before the bytes: the first time, and again before each further try."""
    clock, looked = Clock(), []
    script = Script(THROTTLED, ok())
    change = update_subscription(7, {})
    sent = client(script, clock).send(change, lambda: looked.append((clock(), len(script.requests))))

    assert ([(0.0, 0), (clock(), 1)], 2) == (looked, sent.attempts)
    assert clock() >= 30


def test_a_look_comes_after_the_wait_for_leave_to_send() -> None:
    """A full minute is waited for first, however long that takes."""
    clock = Clock()
    run = Run(clock=clock, sleep=clock.sleep, budget=Budget(1, clock=clock))
    writer_, looked = client(Script(ok()), clock, run=run), []
    writer_.send(update_subscription(7, {}))
    writer_.send(update_subscription(7, {}), lambda: looked.append(clock()))

    assert [60.0] == looked


def overtake() -> None:
    """Somebody was faster."""
    raise Overtaken("conflict: row 7 changed", attempted=Attempted(0))


def test_a_write_that_was_overtaken_is_not_sent() -> None:
    """The error says why, and that there was no try."""
    script = Script(ok())

    with pytest.raises(Overtaken, match="conflict: row 7 changed") as caught:
        client(script).send(update_subscription(7, {}), overtake)

    assert ([], 0) == (script.requests, caught.value.attempted.attempts)


@pytest.mark.parametrize(
    ("first", "error"), [(THROTTLED, Overtaken), (httpx.ReadError("x"), NoAnswer)], ids=["nothing was done", "in doubt"]
)
def test_a_write_that_is_overtaken_between_two_tries(first: Any, error: type[Exception]) -> None:
    """Where the try before it did nothing, nothing was done; else nobody knows."""
    script = Script(first, ok())

    def look() -> None:
        if script.requests:
            overtake()

    with pytest.raises(error, match="conflict: row 7 changed") as caught:
        client(script).send(update_subscription(7, {}), look)

    assert (1, 1, error is NoAnswer) == (
        len(script.requests),
        caught.value.attempted.attempts,  # type: ignore[attr-defined]
        bool(caught.value.attempted.doubts),  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize(
    ("answers", "doubts"),
    [
        pytest.param([CRASHED], 1, id="one"),
        pytest.param([THROTTLED, CRASHED], 1, id="nothing was done before it"),
        pytest.param([httpx.ReadError("x"), CRASHED], 2, id="two"),
    ],
)
def test_it_is_counted_how_many_tries_are_in_doubt(answers: list[Any], doubts: int) -> None:
    """After two of them the last answer does not settle what became of the first."""
    with pytest.raises(NoAnswer) as caught:
        client(Script(*answers)).send(update_subscription(7, {}))

    assert doubts == caught.value.attempted.doubts
