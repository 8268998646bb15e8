"""Hostile and broken servers on real sockets: where the key may go, what may be believed, and how long it may take."""

import gzip
import json
import os
import re
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import pytest

from reconciler.api import Run, transport
from reconciler.cli.main import reconciler
from reconciler.errors import Interrupted, Moved, NoAnswer, OutOfTime, Refused, ServerError
from reconciler.model import Request
from reconciler.operations import (
    create_subscription,
    list_subscriptions,
    retrieve_subscription,
    update_subscription,
)
from reconciler.sandbox import Sandbox
from tests.api.fakes import KEY, Clock
from tests.api.sockets import CERTIFICATE, GOOD, answer, at, dripping, really_at, server, silent, tunnel

READ = retrieve_subscription(1)
CHANGE = update_subscription(1, {"title": "x"})
CREATE = create_subscription({"title": "x"})
ROW = {
    "title": "x",
    "insight": 1,
    "target_type": "email",
    "target_value": "ana@example.com",
    "frequency": "weekly",
    "interval": 1,
    "start_date": "2030-01-05T09:00:00Z",
}
HUGE = transport.BODY_LIMIT + 1


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's stands in between."""
    for variable in [each for each in os.environ if each.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)


def asked(host: str, request: Request, *, key: str = KEY) -> object:
    """What comes of *request* at *host*, in time that nobody waits for."""
    with at(host, key=key) as client:
        return client.get(request) if request.method == "GET" else client.send(request)


def refused(host: str, request: Request, *, key: str = KEY) -> str:
    """The sentence that *request* ends with."""
    with pytest.raises(ServerError) as caught:
        asked(host, request, key=key)
    return str(caught.value)


# Who is asked, and with which key


@pytest.mark.parametrize(
    ("here", "sentence"),
    [
        ("us", "if this key was made on eu.posthog.com, write host: https://eu.posthog.com"),
        ("eu", "if this key was made on us.posthog.com, write host: https://us.posthog.com"),
    ],
)
def test_a_key_of_the_other_region_gets_the_sentence_that_explains_it(
    monkeypatch: pytest.MonkeyPatch, here: str, sentence: str
) -> None:
    """A 401 from a region's own name, through a tunnel in which only TLS sees the key."""
    envelope = {"type": "authentication_error", "code": "authentication_failed", "detail": "Invalid.", "attr": None}
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with server(tunnel(answer(401, envelope))) as (proxy, heard):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        said = refused(f"https://{here}.posthog.com", READ)

    assert (True, True) == (sentence in said, heard[0].startswith(f"CONNECT {here}.posthog.com:443 ".encode()))
    assert [False, True] == [KEY.encode() in part for part in heard]


DENIED = {
    "API key missing required scope 'subscription:write'": "needs the scope subscription:write. Add it to the key",
    "API key does not have access to the requested project: ID 1.": "was made for other projects and has no access to",
    "API key does not have access to the requested organization: ID x.": "was made for another organization and has no",
    "You don't have access to the project.": "The owner of the key in POSTHOG_PERSONAL_API_KEY has no access to",
    "You do not have editor access to this resource.": "may look at this and not change it: ask for the access in",
    "Your organization does not allow personal API keys.": "lets only its admins use personal API keys: ask one of",
    "The organization has not agreed to AI data processing.": "Set summary_enabled to false",
    "Nobody has ever said this.": "it needs the scope subscription:write, and access to project 1 on",
}
"""What the server says with one and the same status, type and code (contract §2.3), and what we say to do."""


@pytest.mark.parametrize(("detail", "sentence"), DENIED.items())
def test_a_key_that_may_not_do_this_is_told_why(detail: str, sentence: str) -> None:
    """What is known of the reason narrows the advice; of a reason that nobody knows the whole is said."""
    envelope = {"type": "authentication_error", "code": "permission_denied", "detail": detail, "attr": None}
    with server(answer(403, envelope)) as (host, _):
        said = refused(host, CREATE)

    assert (True, True) == (sentence in said, detail.rstrip(".") in said), said


@contextmanager
def sandbox(*flags: str) -> Iterator[tuple[Sandbox, str]]:
    """A sandbox that listens, and where."""
    box = Sandbox("latest", rows=3, flags=flags)
    with box.serve() as there:
        yield box, there.url
    box.close()


@pytest.mark.parametrize(
    ("arranged", "request_", "sentence"),
    [
        pytest.param(lambda box: box.read_key, CREATE, "needs the scope subscription:write. Add", id="may only read"),
        pytest.param(
            lambda box: box.new_key(projects=(box.other_project_id,)), READ, "was made for other projects", id="project"
        ),
        pytest.param(lambda box: "phx_unknown", READ, "does not know the key in POSTHOG", id="unknown"),
    ],
)
def test_a_key_that_belongs_elsewhere_is_explained(
    arranged: Callable[[Sandbox], str], request_: Request, sentence: str
) -> None:
    """By the server's own words over its own sockets."""
    with sandbox() as (box, url):
        assert sentence in refused(url, request_, key=arranged(box))


def test_a_project_that_does_not_exist_is_named_with_its_host() -> None:
    """Under both families of paths it is a 404."""
    with sandbox() as (box, url), at(url, key=box.key, project="999") as client, pytest.raises(Refused) as caught:
        client.rows(list_subscriptions())

    assert f"There is no project 999 on {url}, neither under /api/environments/ nor" in str(caught.value)


@pytest.mark.parametrize(
    ("flag", "status", "sentence"),
    [
        ("premium-missing", 402, "Subscriptions are not in the plan that project 1 on"),
        ("resource-limit:3", 402, "has as many subscriptions as PostHog allows one team. Each further try files"),
        ("plan-limit:3", 400, "has as many subscriptions as its plan allows: remove one, or take a larger plan"),
    ],
)
def test_limits_are_told_apart_and_not_tried_twice(flag: str, status: int, sentence: str) -> None:
    """Each of contract §5 has its own sentence."""
    with sandbox(flag) as (box, url):
        said = refused(url, create_subscription(ROW), key=box.key)
        heard = [request.status for request in box.requests()]

    assert ([status], True) == (heard, sentence in said), said


def test_a_proxy_in_the_environment_hears_nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is asked directly, whatever HTTP_PROXY and its relatives say."""
    with server(None) as (proxy, overheard), server(GOOD) as (host, heard):
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        asked(host, READ)

    assert (1, []) == (len(heard), overheard)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("request_", [READ, CHANGE, CREATE], ids=["GET", "PATCH", "POST"])
def test_a_redirect_to_another_origin_is_not_followed(request_: Request, status: int) -> None:
    """Not even one on this machine: the other port hears nothing, and the sentence names it."""
    with server(GOOD) as (other, overheard):
        redirect = answer(status, None, f"Location: {other}/api/projects/1/{request_.path}")
        with server(redirect) as (host, heard), pytest.raises(Moved, match="was not followed: the key belongs to"):
            asked(host, request_)

    assert (1, []) == (len(heard), overheard)


def test_a_next_page_on_another_origin_is_not_followed() -> None:
    """It says that there is more, and the rest is asked for where the first page was."""
    with server(GOOD) as (other, overheard):
        pages = [
            {"count": 3, "next": f"{other}/?offset=2", "previous": None, "results": [{"id": 1}, {"id": 2}]},
            {"count": 3, "next": None, "previous": f"{other}/", "results": [{"id": 2}, {"id": 3}]},
        ]
        with server(*(answer(200, page) for page in pages)) as (host, heard), at(host) as client:
            rows = client.rows(list_subscriptions(), page=2)

    assert ([1, 2, 3], 2, []) == ([row["id"] for row in rows], len(heard), overheard)


# TLS


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    """Nothing is sent, not even on this machine, and it is not tried twice."""
    with server(GOOD, tls=True) as (host, heard):
        said = refused(host, READ)

    assert ([], True) == (heard, "cannot be verified" in said and "verification is never switched off" in said)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYTHONHTTPSVERIFY", "0"),
        ("SSL_VERIFY", "false"),
        ("CURL_CA_BUNDLE", ""),
        ("REQUESTS_CA_BUNDLE", ""),
        ("SSL_CERT_FILE", ""),
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
    ],
)
def test_no_variable_switches_verification_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What does so for other programs does nothing here."""
    monkeypatch.setenv(name, value)
    with server(GOOD, tls=True) as (host, heard):
        refused(host, READ)

    assert [] == heard


def test_no_option_switches_verification_off() -> None:
    """Nor names a proxy: nothing about the line can be chosen on the command line."""
    commands, options = list[click.Command]([reconciler]), set[str]()
    while commands:
        command = commands.pop()
        commands += command.commands.values() if isinstance(command, click.Group) else ()
        names = {name for option in command.params for name in option.opts}
        options |= names if "--timeout" in names else set()  # which every command has that speaks to a server

    assert len(options) > 20
    assert set() == {name for name in options if re.search("insecure|verif|tls|ssl|cert|proxy", name)}


def test_an_authority_of_ones_own_is_trusted_for_its_names_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """With SSL_CERT_FILE the same server is believed as localhost, and not under another name."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with server(GOOD, tls=True) as (host, heard):
        assert {"id": 1} == asked(host, READ)
        refused(host.replace("localhost", "127.0.0.1"), READ)

    assert 1 == len(heard)


# How much


def test_an_answer_of_more_than_64_mib_is_cut_off() -> None:
    """It is not read to its end, and not asked for again."""
    with server(answer(200, b" " * HUGE)) as (host, heard):
        said = refused(host, READ)

    assert (1, True) == (len(heard), "the answer is larger than 64 MiB, 1 try" in said)


def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off() -> None:
    """However much is packed into one chunk, little more than the limit is ever in memory."""
    bomb = zlib.compressobj(wbits=31)
    packed = b"".join(bomb.compress(b" " * transport.PIECE) for _ in range(256)) + bomb.flush()
    tracemalloc.start()
    try:
        with server(answer(200, packed, "Content-Encoding: gzip")) as (host, _):
            said = refused(host, READ)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (True, True) == ("the answer is larger than 64 MiB" in said, most < 1.5 * transport.BODY_LIMIT)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "gzip, x", "\x80"])
def test_an_answer_that_is_packed_as_nobody_asked_is_not_unpacked(encoding: str) -> None:
    """Two gzips on top of each other make a terabyte of a kilobyte."""
    packed = gzip.compress(gzip.compress(b'{"id": 1}'))
    with server(answer(200, packed, f"Content-Encoding: {encoding}"), GOOD) as (host, heard):
        assert {"id": 1} == asked(host, READ)

    assert 2 == len(heard)


@pytest.mark.parametrize("cut", [1, 8, 12])
def test_a_packed_answer_that_ends_early_is_broken(cut: int) -> None:
    """Also where the length that was announced came."""
    packed = gzip.compress(json.dumps({"id": 1}).encode())[:-cut]
    with server(answer(200, packed, "Content-Encoding: gzip")) as (host, _):
        assert "the answer ended early" in refused(host, CHANGE)


def test_a_head_without_end_is_no_answer() -> None:
    """A hundred thousand bytes of headers are enough."""
    with server(b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 100_000) as (host, _):
        assert "no usable answer" in refused(host, READ)


# How long

YEARS_AGO, A_MINUTE_LATER = "Date: Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:01:00 GMT"
YEARS_AHEAD = "Date: Sat, 01 Jan 2180 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        pytest.param(["Retry-After: 7"], 7, 7.5, id="seconds"),
        pytest.param(["Retry-After: 7", YEARS_AGO], 7, 7.5, id="a server whose clock is wrong"),
        pytest.param([f"Retry-After: {A_MINUTE_LATER}", YEARS_AGO], 60, 60.5, id="a date by a clock that is late"),
        pytest.param(["Retry-After: Sat, 01 Jan 2180 00:00:07 GMT", YEARS_AHEAD], 7, 7.5, id="by one that is ahead"),
        pytest.param([f"Retry-After: {A_MINUTE_LATER}", YEARS_AHEAD], 0, 0.5, id="a date that is over"),
        pytest.param([f"Retry-After: {A_MINUTE_LATER}"], 0, 0.5, id="a date without a clock"),
        pytest.param(["Retry-After: 0"], 0, 0.5, id="none"),
        pytest.param(["Retry-After: -7"], 0, 0.5, id="negative"),
        pytest.param(["Retry-After: 1e9"], 0, 0.5, id="no number"),
        pytest.param(["Retry-After: nan"], 0, 0.5, id="nan"),
        pytest.param(["Retry-After: 7", "Retry-After: 9"], 0, 0.5, id="two"),
        pytest.param(["Retry-After: Fri, 31 Feb 2026 99:99:99 GMT"], 0, 0.5, id="no date"),
    ],
)
def test_a_throttled_request_waits_as_long_as_it_was_told(headers: list[str], least: float, most: float) -> None:
    """In either form, by the server's clock and not by ours; what cannot be meant is no wish."""
    clock = Clock()
    with server(answer(429, {}, *headers), GOOD) as (host, heard), at(host, clock) as client:
        client.send(CREATE)

    assert (2, True) == (len(heard), least <= sum(clock.slept) <= most)


@pytest.mark.parametrize(
    "absurd", ["601", "9" * 400, "9" * 50_000, "Fri, 31 Dec 9999 23:59:59 GMT", "99999999999999999999.5"]
)
def test_an_absurd_wait_ends_the_run_at_once(absurd: str) -> None:
    """The sentence says how long the server wants to be left alone, and how long the run may take."""
    clock, throttled = Clock(), answer(429, {}, f"Retry-After: {absurd}", YEARS_AGO)
    with server(throttled) as (host, heard), at(host, clock) as client, pytest.raises(OutOfTime, match="--timeout"):
        client.send(CREATE)

    assert (1, []) == (len(heard), clock.slept)


@pytest.mark.parametrize("after", [0, 10, GOOD.index(b"\r\n\r\n") + 4], ids=["status", "head", "body"])
@pytest.mark.parametrize(("request_", "error"), [(READ, OutOfTime), (CREATE, NoAnswer)], ids=["GET", "POST"])
def test_a_server_that_sends_a_byte_now_and_then_does_not_outlive_the_deadline(
    request_: Request, error: type[ServerError], after: int
) -> None:
    """Wherever in its answer it does so: a read ends with the deadline's sentence, a create is in doubt."""
    began, drips = time.monotonic(), dripping(GOOD, after=after, seconds=0.2)
    with server(drips) as (host, _), really_at(host, Run(0.5)) as client, pytest.raises(error):
        client.get(request_) if request_.method == "GET" else client.send(request_)

    assert 0.5 <= time.monotonic() - began < 1.5


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_says_nothing_does_not_outlive_the_deadline(scheme: str) -> None:
    """Nor one that does not even begin to speak TLS."""
    began = time.monotonic()
    with server(silent) as (url, _):
        host = url.replace("http://127.0.0.1", f"{scheme}://localhost")
        with really_at(host, Run(0.5)) as client, pytest.raises(OutOfTime, match="--timeout"):
            client.get(READ)

    assert 0.5 <= time.monotonic() - began < 1.5


def test_a_wish_to_stop_ends_a_read_that_hangs() -> None:
    """Nothing is lost but the answer, so nobody waits for it."""
    run = Run(30)
    with server(silent) as (host, _), really_at(host, run) as client:
        threading.Timer(0.2, run.stop.set).start()
        began = time.monotonic()
        with pytest.raises(Interrupted):
            client.get(READ)

    assert time.monotonic() - began < 1.5


def test_a_wish_to_stop_ends_a_listing_that_hangs() -> None:
    """Also where many pages are read at the same time."""
    run = Run(30)
    first = {"count": 100, "next": "x", "previous": None, "results": [{"id": 1}, {"id": 2}]}
    with server(answer(200, first), silent) as (host, _), really_at(host, run) as client:
        threading.Timer(0.2, run.stop.set).start()
        began = time.monotonic()
        with pytest.raises(Interrupted):
            client.rows(list_subscriptions(), page=2)

    assert time.monotonic() - began < 1.5


def test_a_wish_to_stop_waits_for_a_write_that_is_under_way() -> None:
    """Its answer still counts."""
    run = Run(30)
    with server(dripping(GOOD, after=len(GOOD) - 4, seconds=0.2)) as (host, _), really_at(host, run) as client:
        threading.Timer(0.2, run.stop.set).start()
        sent = client.send(CREATE)

    assert (200, True) == (sent.status, run.stop.is_set())
