"""One exchange on real sockets of this machine, and what the transport trusts."""

import gzip
import os
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest

from reconciler.api import Place, reader, transport
from reconciler.errors import NoAnswer, OutOfTime, UsageError
from reconciler.model import Environment
from reconciler.operations import create_subscription, retrieve_subscription, update_subscription
from reconciler.privacy import Key
from tests.api.fakes import KEY, Clock, Script, client
from tests.api.sockets import GOOD, at, server


def test_an_answer_comes_over_a_socket() -> None:
    """The real transport sends what the fakes are asked for."""
    with server(GOOD) as (host, heard), at(host) as client_:
        assert {"id": 1} == client_.get(retrieve_subscription(1))
    assert heard[0].startswith(b"GET /api/environments/1/subscriptions/1/ HTTP/1.1\r\n")
    assert f"Authorization: Bearer {KEY}\r\n".encode() in heard[0]


def test_a_reader_speaks_over_a_socket_and_closes_it() -> None:
    """A client that only reads has the same wire."""
    with server(GOOD) as (host, heard), reader(Place(Environment("x", host, "1"), Key(KEY))) as client_:
        body = client_.get(retrieve_subscription(1))

    assert ({"id": 1}, 1) == (body, len(heard))


@pytest.mark.parametrize(
    "broken",
    [
        None,
        GOOD[:-4],
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"id"',
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n123456789",
        b"not HTTP at all\r\n\r\n",
    ],
    ids=["closed", "short", "half a chunk", "no gzip", "no HTTP"],
)
def test_a_read_survives_a_broken_answer(broken: bytes | None) -> None:
    """The next try brings the answer."""
    with server(broken, GOOD) as (host, heard), at(host) as client_:
        assert {"id": 1} == client_.get(retrieve_subscription(1))
    assert 2 == len(heard)


@pytest.mark.parametrize("broken", [None, GOOD[:-4]], ids=["closed", "short"])
def test_a_create_is_sent_once_whatever_becomes_of_the_answer(broken: bytes | None) -> None:
    """The server hears one POST, and the caller hears that it is in doubt."""
    with server(broken, GOOD) as (host, heard), at(host) as client_, pytest.raises(NoAnswer, match="may or may not"):
        client_.send(create_subscription({}))
    assert 1 == len(heard)


def test_a_change_cut_off_after_its_status_is_in_doubt() -> None:
    """A PATCH that was answered 200 without its body is not sent again."""
    with server(GOOD[:-4], GOOD) as (host, heard), at(host) as client_, pytest.raises(NoAnswer, match="ended early"):
        client_.send(update_subscription(1, {}))
    assert 1 == len(heard)


def test_a_host_that_is_down_is_named() -> None:
    """Nobody listens: tried five times, then said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with (
        at(f"http://127.0.0.1:{port}") as client_,
        pytest.raises(NoAnswer, match="no connection could be made, 5 tries"),
    ):
        client_.get(retrieve_subscription(1))


def test_a_compressed_answer_is_read() -> None:
    """Edge proxies may compress (contract §2.7)."""
    body = gzip.compress(b'{"id": 1}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with server(head + body) as (host, _), at(host) as client_:
        assert {"id": 1} == client_.get(retrieve_subscription(1))


def test_an_endless_answer_is_cut_off() -> None:
    """More than 64 MiB is no answer, compressed or not, and is not asked for again."""
    body = gzip.compress(b" " * (transport.BODY_LIMIT + 1))
    script = Script(httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(body)))

    def handler(request: httpx.Request) -> httpx.Response:
        script.requests.append(request)
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(body))

    with pytest.raises(NoAnswer, match="the answer is larger than 64 MiB, 1 try"):
        client(handler).get(retrieve_subscription(1))
    assert 1 == len(script.requests)


def test_an_answer_that_drips_does_not_outlive_the_run() -> None:
    """A server that sends a byte now and then is given up at the deadline."""
    clock = Clock()

    def drip() -> Iterator[bytes]:
        while True:
            clock.seconds += 50
            yield b" "

    class Drops(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return drip()

    with pytest.raises(OutOfTime, match="the 600 seconds this run may take"):
        client(lambda _request: httpx.Response(200, stream=Drops()), clock).get(retrieve_subscription(1))
    assert 650 == clock()


def test_certificates_and_names_are_always_verified() -> None:
    """The context for https demands a certificate of the right name; the one for http trusts nobody."""
    https, http = transport.context_for("https://us.posthog.com"), transport.context_for("http://localhost")

    assert [(ssl.CERT_REQUIRED, True, True), (ssl.CERT_REQUIRED, True, False)] == [
        (each.verify_mode, each.check_hostname, bool(each.cert_store_stats()["x509_ca"])) for each in (https, http)
    ]


@pytest.mark.parametrize(
    ("name", "variables", "expected"),
    [
        ("us.posthog.com", {}, None),
        ("us.posthog.com", {"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ("us.posthog.com", {"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
        ("us.posthog.com", {"ALL_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ("us.posthog.com", {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "posthog.com"}, None),
        ("us.posthog.com", {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "*"}, None),
        ("us.posthog.com", {"HTTP_PROXY": "http://proxy.example:3128"}, None),
        ("localhost", {"HTTPS_PROXY": "http://proxy.example:3128"}, None),
        ("127.0.0.1", {"ALL_PROXY": "http://proxy.example:3128"}, None),
        ("::1", {"ALL_PROXY": "http://proxy.example:3128"}, None),
    ],
)
def test_proxies_are_those_of_the_environment_and_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, name: str, variables: dict[str, str], expected: str | None
) -> None:
    """HTTPS_PROXY, ALL_PROXY and NO_PROXY mean what they mean everywhere; loopback is never proxied."""
    for variable in [each for each in os.environ if each.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    assert expected == transport.proxy_for(name)


def test_a_proxy_is_asked_for_a_tunnel_and_never_sees_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy the key travels inside TLS."""
    with server(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as (proxy, heard):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with at("https://posthog.example.com") as client_, pytest.raises(NoAnswer, match="the proxy would not pass"):
            client_.get(retrieve_subscription(1))

    assert (True, False) == (heard[0].startswith(b"CONNECT posthog.example.com:443 "), KEY.encode() in b"".join(heard))


@pytest.mark.parametrize("proxy", ["ftp://s3cret@proxy.example", "http://s3cret@proxy.example:port"])
def test_a_proxy_that_cannot_be_used_is_an_error_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """The variable is named, its content is not."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    with pytest.raises(UsageError, match="HTTPS_PROXY or ALL_PROXY cannot be used") as caught:
        at("https://us.posthog.com")
    assert "s3cret" not in str(caught.value)


def test_every_error_of_the_transport_is_translated() -> None:
    """Nothing httpx raises on the way gets past the room as itself."""
    errors = [each for each in vars(httpx).values() if isinstance(each, type) and issubclass(each, httpx.RequestError)]
    for error in errors:
        with pytest.raises(NoAnswer):
            client(Script(error("x"))).send(create_subscription({}))

    assert len(errors) > 10


def test_a_name_that_cannot_be_looked_up_is_no_answer() -> None:
    """A library that stumbles over a host's name says so with no error of the network; it is one all the same."""
    base = f"https://{'a' * 64}.example.com"
    wire = transport.Wire(base, Key(KEY), reading=True)

    reply = wire.exchange("GET", base + "/", wait=transport.Wait(lambda: 5.0))

    assert (None, transport.Fault.LOST, "the host's name cannot be looked up") == (
        reply.status,
        reply.fault,
        reply.problem,
    )
