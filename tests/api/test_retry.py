"""What is sent again, after how long, and what ends it."""

import threading

import httpx
import pytest

from reconciler.api import Budget, Run
from reconciler.errors import Interrupted, Moved, NoAnswer, OutOfTime, Refused, ServerError
from reconciler.model import Request
from reconciler.operations import create_subscription, delete_recording, retrieve_subscription, update_subscription
from tests.api.fakes import THROTTLED, Clock, Script, client, envelope, ok

GET = retrieve_subscription(1)
PATCH = update_subscription(1, {"title": "x"})
POST = create_subscription({"title": "x"})
DELETE = delete_recording("r")
LOST = httpx.ReadError("gone")
Answer = httpx.Response | Exception


def carry(script: Script, request: Request, clock: Clock | None = None, run: Run | None = None) -> object:
    """Send *request* the way its method is sent."""
    sender = client(script, clock, run=run)
    return sender.get(request) if request.method == "GET" else sender.send(request)


def tries(answer: Answer, request: Request) -> int:
    """How often *request* is sent when *answer* comes first and all is well afterwards."""
    script = Script(answer, ok())
    try:
        carry(script, request)
    except ServerError:
        assert 1 == len(script.requests)
    return len(script.requests)


@pytest.mark.parametrize(
    ("answer", "get", "patch", "delete", "post"),
    [
        (THROTTLED, 2, 2, 2, 2),
        (envelope(500, "server_error", "error"), 2, 1, 1, 1),
        (httpx.Response(502, html="<h1>Bad Gateway</h1>"), 2, 2, 2, 1),
        (envelope(503, "server_error", "database_unavailable", headers={"Retry-After": "1"}), 2, 2, 2, 1),
        (httpx.Response(504), 2, 2, 2, 1),
        (httpx.ConnectError("refused"), 2, 2, 2, 1),
        (httpx.ConnectTimeout("slow"), 2, 2, 2, 1),
        (httpx.ReadTimeout("slow"), 2, 2, 2, 1),
        (LOST, 2, 2, 2, 1),
        (httpx.RemoteProtocolError("closed"), 2, 2, 2, 1),
        (httpx.Response(200, content=b'{"id": 1'), 2, 1, 1, 1),
        (httpx.Response(200, content=b""), 2, 1, 1, 1),
        (httpx.Response(200, json=[1]), 2, 1, 1, 1),
        (httpx.Response(200, html="<html>"), 2, 1, 1, 1),
        (httpx.Response(501), 1, 1, 1, 1),
        (httpx.Response(524), 1, 1, 1, 1),
        (httpx.Response(408), 1, 1, 1, 1),
        *((envelope(status, "x", "y"), 1, 1, 1, 1) for status in (400, 401, 402, 403, 405, 406, 409, 413, 415, 418)),
    ],
)
def test_what_is_sent_again(answer: Answer, get: int, patch: int, delete: int, post: int) -> None:
    """The table of the design: a POST is only repeated after a 429, a final answer never."""
    assert (get, patch, delete, post) == tuple(tries(answer, each) for each in (GET, PATCH, DELETE, POST))


@pytest.mark.parametrize("request_", [PATCH, DELETE, POST], ids=["PATCH", "DELETE", "POST"])
@pytest.mark.parametrize(
    "answer", [LOST, httpx.Response(502), httpx.Response(500), httpx.Response(530), httpx.Response(408)]
)
def test_a_write_without_an_answer_is_in_doubt(answer: Answer, request_: Request) -> None:
    """Whether it was carried out nobody knows, and the error says so."""
    with pytest.raises(NoAnswer, match="it may or may not have been carried out, run plan to see"):
        carry(Script(answer), request_)


def test_a_write_answered_with_500_carries_the_status() -> None:
    """The caller is told that it was a 500, because a PATCH is then looked up before it is decided."""
    with pytest.raises(NoAnswer) as caught:
        carry(Script(envelope(500, "server_error", "error")), PATCH)

    assert (500, 1) == (caught.value.attempted.answer.status, caught.value.attempted.attempts)


def test_five_tries_without_an_answer_are_enough() -> None:
    """What stays lost is given up, and the error says how often it was tried and what to look at."""
    clock, script = Clock(), Script(LOST)

    with pytest.raises(NoAnswer) as caught:
        carry(script, GET, clock)

    expected = (
        "GET subscriptions/1/: no usable answer (the connection was lost, 5 tries): check that https://us.posthog.com "
        "is up, then run it again"
    )
    assert (expected, 5, 4) == (str(caught.value), len(script.requests), len(clock.slept))


def test_waits_are_full_jitter() -> None:
    """Each wait lies anywhere between nothing and twice the bound of the one before."""
    waits: list[list[float]] = []
    for _ in range(60):
        clock = Clock()
        with pytest.raises(NoAnswer):
            carry(Script(LOST), GET, clock)
        waits.append(clock.slept)

    assert all(0 <= wait <= bound for each in waits for wait, bound in zip(each, (0.5, 1, 2, 4), strict=True))
    assert all(
        min(column) < bound / 4 and max(column) > bound / 2
        for column, bound in zip(zip(*waits, strict=True), (0.5, 1, 2, 4), strict=True)
    )


@pytest.mark.parametrize("answer", [LOST, httpx.Response(502), httpx.Response(504), httpx.ReadTimeout("slow")])
def test_a_change_in_doubt_is_not_sent_again_while_it_may_be_under_way(answer: Answer) -> None:
    """Ten seconds at least: a server that carries out the same change twice at once mails whom it adds twice."""
    clock = Clock()
    carry(Script(answer, ok()), PATCH, clock)

    assert 10 <= sum(clock.slept) <= 10.5


SERVERS_NOON = "Sun, 06 Nov 1994 12:00:00 GMT"
HALF_A_MINUTE_LATER = "Sun, 06 Nov 1994 12:00:30 GMT"


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "30"}, 30, 30.5),
        ({"Retry-After": " 30 "}, 30, 30.5),
        ({"Retry-After": "0"}, 0, 0.5),
        ({"Retry-After": "1.5"}, 1.5, 2),
        ({"Retry-After": HALF_A_MINUTE_LATER, "Date": SERVERS_NOON}, 30, 30.5),
        ({"Retry-After": SERVERS_NOON, "Date": HALF_A_MINUTE_LATER}, 0, 0.5),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:20 GMT"}, 20, 20.5),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:20 GMT", "Date": "yesterday"}, 20, 20.5),
        ({"Retry-After": "Sunday, 06-Nov-94 12:00:30 GMT", "Date": SERVERS_NOON}, 30, 30.5),
        ({"Retry-After": "soon"}, 0, 0.5),
        ({"Retry-After": "-5"}, 0, 0.5),
        ({"Retry-After": "٣"}, 0, 0.5),
        ({"Retry-After": ""}, 0, 0.5),
        ({}, 0, 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_all_of_retry_after_is_waited(status: int, headers: dict[str, str], least: float, most: float) -> None:
    """Seconds and dates are honoured in full, a date by the server's own clock; what cannot be read is no wish."""
    clock = Clock()
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    carry(Script(httpx.Response(status, headers=raw), ok()), GET, clock)

    assert least <= sum(clock.slept) <= most + 0.5


@pytest.mark.parametrize("seconds", ["601", "9" * 30, "9" * 400, "Sun, 06 Nov 2094 12:00:00 GMT"])
@pytest.mark.parametrize("request_", [GET, PATCH, POST], ids=["GET", "PATCH", "POST"])
def test_a_retry_after_beyond_the_deadline_ends_the_run_at_once(request_: Request, seconds: str) -> None:
    """Nobody waits for it, and the sentence says what was asked and what is left; the write was not carried out."""
    clock, script = Clock(), Script(envelope(429, "throttled_error", "throttled", headers={"Retry-After": seconds}))

    with pytest.raises(OutOfTime, match=r"cannot be asked again for (\d+|inf) seconds, and of the 600 .* 600 are left"):
        carry(script, request_, clock)
    assert (1, []) == (len(script.requests), clock.slept)


def test_a_host_that_is_down_does_not_look_like_one_that_wants_to_be_left_alone() -> None:
    """Where there is no time for a further try, the sentence says how the last one ended."""
    clock = Clock()
    run = Run(0.1, clock=clock, sleep=clock.sleep)
    script = Script(httpx.ConnectError("refused"))

    with pytest.raises(OutOfTime, match=r"--timeout.*\(the last try: no connection could be made\)"):
        client(script, run=run).get(GET)


def test_a_server_that_only_throttles_is_waited_for_until_the_deadline() -> None:
    """A 429 does not count as a failed try; the deadline ends it, and is named."""
    clock, script = Clock(), Script(THROTTLED)

    with pytest.raises(OutOfTime) as caught:
        carry(script, POST, clock)

    assert (True, 429, True) == (
        10 <= len(script.requests) <= 20,
        caught.value.attempted.answer.status,
        caught.value.attempted.attempts == len(script.requests),
    )


@pytest.mark.parametrize("headers", [{"Retry-After": "0"}, {}], ids=["no wait", "no wish"])
def test_a_server_that_throttles_without_end_is_asked_ever_more_rarely(headers: dict[str, str]) -> None:
    """Also where it says that nobody need wait: no storm of 429s until the deadline."""
    clock, script = Clock(), Script(envelope(429, "throttled_error", "throttled", headers=headers))

    with pytest.raises(OutOfTime):
        carry(script, GET, clock)
    assert 20 < len(script.requests) < 120


@pytest.mark.parametrize("headers", [{"Retry-After": "0"}, {}], ids=["no wait", "no wish"])
def test_a_429_without_a_wait_silences_every_thread_for_the_wait_we_choose(headers: dict[str, str]) -> None:
    """The limit is shared: who goes on asking gets the next one."""
    clock = Clock()
    run = Run(clock=clock, sleep=clock.sleep)
    carry(Script(envelope(429, "throttled_error", "throttled", headers=headers), ok()), GET, clock, run)
    waited = clock.slept[0]
    clock.seconds -= waited

    run.budget.spend(run.pause)

    assert waited == pytest.approx(sum(clock.slept[1:]))


def test_a_429_silences_every_thread_of_the_run() -> None:
    """The limit is shared: what one request was told, another one waits for, whichever client sends it."""
    clock = Clock()

    def sleep(seconds: float) -> None:
        if not clock.slept:
            clock.slept.append(seconds)
            carry(Script(ok()), GET, run=run)
        else:
            clock.sleep(seconds)

    run = Run(clock=clock, sleep=sleep)
    carry(Script(THROTTLED, ok()), PATCH, run=run)

    assert 30.0 == clock.slept[1]


def test_every_send_is_paid_from_the_budget() -> None:
    """Reads, writes and repeated tries share one budget."""
    clock = Clock()
    run = Run(clock=clock, sleep=clock.sleep, budget=Budget(3, clock=clock))
    carry(Script(ok()), GET, clock, run)
    carry(Script(httpx.Response(500), ok()), GET, clock, run)
    before = clock()
    carry(Script(ok()), PATCH, clock, run)

    assert 59 <= clock() - before <= 60


def test_a_429_narrows_the_writers_and_says_so() -> None:
    """The width is halved at once, and the answer tells that there was a 429."""
    writer = client(Script(THROTTLED, ok()))
    sent = writer.send(PATCH)

    assert (2, True, 2) == (writer.width.limit, sent.throttled, sent.attempts)


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (envelope(400, "validation_error", "invalid_input"), NoAnswer),
        (envelope(403, "authentication_error", "permission_denied"), NoAnswer),
        (envelope(404, "invalid_request", "not_found"), Refused),
        (httpx.Response(307, headers={"Location": "https://elsewhere.example/"}), NoAnswer),
        (envelope(429, "throttled_error", "throttled", headers={"Retry-After": "9999"}), NoAnswer),
    ],
)
def test_doubt_is_not_lifted_by_a_later_refusal(last: httpx.Response, error: type[Exception]) -> None:
    """A PATCH that may have been carried out stays in doubt when the second try is refused; only 404 settles it."""
    with pytest.raises(error) as caught:
        carry(Script(LOST, last), PATCH)

    assert error is type(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"), [(THROTTLED, Interrupted), (LOST, NoAnswer)], ids=["nothing was done", "in doubt"]
)
def test_a_wish_to_stop_ends_the_waiting(answer: Answer, error: type[Exception]) -> None:
    """No further request is sent, and a write that may have been carried out is said to be in doubt."""
    stop = threading.Event()
    clock, script = Clock(stop=stop, stop_after=1), Script(answer, ok())
    run = Run(clock=clock, sleep=clock.sleep, stop=stop)

    with pytest.raises(error) as caught:
        carry(script, PATCH, clock, run)
    assert (1, 1) == (len(script.requests), caught.value.attempted.attempts)  # type: ignore[attr-defined]


def test_a_request_in_flight_is_finished() -> None:
    """Whoever asks to stop while a write is under way still gets its answer; the next one is not sent."""
    run = Run(sleep=Clock().sleep)

    def handler(_request: httpx.Request) -> httpx.Response:
        run.stop.set()
        return ok({"id": 7}, 201)

    writer = client(handler, run=run)

    assert {"id": 7} == writer.send(POST).body
    with pytest.raises(Interrupted) as caught:
        writer.send(POST)
    assert 0 == caught.value.attempted.attempts


def test_a_stop_before_the_first_request_sends_nothing() -> None:
    """A run that was stopped asks nothing more."""
    script, run = Script(ok()), Run()
    run.stop.set()

    with pytest.raises(Interrupted):
        carry(script, GET, run=run)
    assert [] == script.requests


def test_a_read_that_runs_out_of_time_says_so() -> None:
    """The deadline is named when it ends a run of failing reads."""
    clock = Clock()

    def handler(_request: httpx.Request) -> httpx.Response:
        clock.seconds += 400
        return httpx.Response(503)

    with pytest.raises(OutOfTime, match="--timeout"):
        client(handler, clock).get(GET)
    assert 800 <= clock() <= 801


def test_a_redirect_is_final() -> None:
    """A redirect that is not followed is not asked for twice."""
    script = Script(httpx.Response(302, headers={"Location": "https://elsewhere.example/"}))

    with pytest.raises(Moved):
        carry(script, GET)
    assert 1 == len(script.requests)
