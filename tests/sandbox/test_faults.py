"""What goes wrong on the way: checklist item 12 and 19; in this process and over real sockets."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reconciler.sandbox import Fault, Sandbox
from reconciler.sandbox.web import Server
from tests.sandbox.support import Api, error, mixed


def test_before_commit_nothing_happens(seed: Api) -> None:
    """A 500 before the work leaves no row and no message."""
    seed.sandbox.faults.add(Fault("status", method="POST", status=500))

    assert (500, "server_error", "error", None) == error(seed.post())
    assert ([], []) == (seed.sandbox.rows(), seed.told())


def test_after_commit_everything_has_happened(seed: Api) -> None:
    """A 500 after the work hides a row that is there, and messages that are out."""
    seed.sandbox.faults.add(Fault("status", method="POST", phase="after", status=500))

    assert 500 == seed.post().status_code
    assert (1, 2) == (len(seed.sandbox.rows()), len(seed.told()))


@pytest.mark.parametrize(("phase", "rows"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_is_an_unknown_outcome(seed: Api, phase: str, rows: int) -> None:
    """The client cannot tell the two apart; the sandbox can."""
    seed.sandbox.faults.add(Fault("drop", method="POST", phase=phase))

    with pytest.raises(httpx.RemoteProtocolError):
        seed.post()
    assert rows == len(seed.sandbox.rows())
    assert None is seed.sandbox.requests()[-1].status


def test_a_truncated_answer_breaks_off(seed: Api) -> None:
    """Half of the body, and then nothing; the work is done."""
    seed.sandbox.faults.add(Fault("truncate", method="POST"))

    with pytest.raises(httpx.RemoteProtocolError):
        seed.post()
    assert 1 == len(seed.sandbox.rows())


def test_a_request_left_hanging_times_out(seed: Api) -> None:
    """In this process at once."""
    seed.sandbox.faults.add(Fault("hang"))

    with pytest.raises(httpx.ReadTimeout):
        seed.get()


def test_an_answer_can_be_anything(seed: Api) -> None:
    """Status, headers, JSON or HTML."""
    seed.sandbox.faults.add(Fault("status", status=429, retry_after=7, json={"detail": "slow down"}))
    response = seed.get()

    assert (429, "7", {"detail": "slow down"}) == (
        response.status_code, response.headers["Retry-After"], response.json(),
    )  # fmt: skip


def test_slow_bytes_arrive_in_the_end(seed: Api) -> None:
    """The body is whole, only late."""
    seed.sandbox.faults.add(Fault("slow_bytes", seconds=0.001))
    began = time.monotonic()

    assert 0 == seed.get().json()["count"]
    assert time.monotonic() - began > 0.04


# Which of six GETs of the listing are hit.
HITS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "once": ({}, [0]),
    "the third": ({"nth": 3}, [2]),
    "two from the second": ({"nth": 2, "count": 2}, [1, 2]),
    "for ever": ({"count": None}, [0, 1, 2, 3, 4, 5]),
    "by path": ({"path": "subscriptions/$"}, [0]),
    "by query": ({"path": "offset=3"}, [3]),
    "another path": ({"path": "recordings"}, []),
    "another method": ({"method": "POST"}, []),
    "never": ({"count": None, "probability": 0.0}, []),
}


@pytest.mark.parametrize(("fault", "hit"), **mixed(HITS))
def test_faults_hit_by_match_and_by_count(seed: Api, fault: dict[str, Any], hit: list[int]) -> None:
    """Method, path and query, from the nth match, so many times."""
    seed.sandbox.faults.add(Fault("status", status=503, **fault))
    statuses = [
        seed.get(f"subscriptions/?offset={number}" if number else "subscriptions/").status_code for number in range(6)
    ]

    assert [503 if number in hit else 200 for number in range(6)] == statuses


def test_chance_repeats_with_the_seed(seed: Api) -> None:
    """The same seed, the same hits."""
    runs = []
    for _ in range(2):
        seed.sandbox.reset(seed=5)
        seed.sandbox.faults.add(Fault("status", count=None, probability=0.5))
        runs.append([seed.get().status_code for _ in range(20)])

    assert runs[0] == runs[1]
    assert {200, 500} == set(runs[0])


WRONG: dict[str, dict[str, Any]] = {
    "effect": {"effect": "explode"},
    "no effect": {"method": "GET"},
    "phase": {"effect": "drop", "phase": "meanwhile"},
    "drop in between": {"effect": "drop", "phase": "during"},
    "shift": {"effect": "shift", "shift": "sideways"},
    "nth": {"effect": "drop", "nth": 0},
    "count": {"effect": "drop", "count": 0},
    "probability": {"effect": "drop", "probability": 2},
    "pattern": {"effect": "drop", "path": "("},
    "unknown name": {"effect": "drop", "when": "now"},
    "nothing but a number": 5,  # type: ignore[dict-item]
    "method in small letters": {"effect": "drop", "method": "post"},
    "method that saves nothing": {"effect": "delay", "method": "GET", "phase": "during"},
    "status in words": {"effect": "status", "status": "teapot"},
    "status that is none": {"effect": "status", "status": 99},
    "seconds in words": {"effect": "delay", "seconds": "long"},
    "seconds backwards": {"effect": "delay", "seconds": -1},
    "html that is no text": {"effect": "status", "html": 5},
    "row in words": {"effect": "shift", "row": "first"},
    "fields that are none": {"effect": "shift", "fields": ["title"]},
    "count that is true": {"effect": "drop", "count": True},
    "path that is no text": {"effect": "drop", "path": 5},
}


@pytest.mark.parametrize("document", **mixed(WRONG))
def test_a_fault_that_could_never_act_is_refused(document: dict[str, Any]) -> None:
    """A typo in a faults file is an error."""
    with pytest.raises(ValueError, match=r"."):
        Fault.from_json(document)


def test_faults_survive_json() -> None:
    """A fault written and read is the same fault."""
    fault = Fault("shift", "GET", "x", phase="after", shift="patch", row=3, fields={"title": "x"}, nth=2, count=None)

    assert fault == Fault.from_json(fault.to_json())


def test_5_hazards_hang_where_the_real_server_does() -> None:
    """On request only; nothing is stored."""
    sandbox = Sandbox(hazards=True)
    with Api(sandbox) as api:
        with pytest.raises(httpx.ReadTimeout):
            api.post(frequency="daily", interval=0)
        assert 500 == api.post(frequency="weekly", interval=0).status_code
        assert 200 == api.get().status_code
    assert [] == sandbox.rows()
    sandbox.close()


def test_12_hazards_may_answer_500_for_orphans() -> None:
    """Reading a row that lost its insight, on later servers."""
    sandbox = Sandbox("latest", hazards=True)
    with Api(sandbox) as api:
        row = api.new(dashboard=None, insight=3)
        api.patch(row, insight=None)
        statuses = (api.get(f"subscriptions/{row}/").status_code, api.get().status_code)

    assert (500, 500) == statuses
    sandbox.close()


@pytest.fixture
def server(seed: Api) -> Iterator[Server]:
    """The sandbox on a port of this machine."""
    with seed.sandbox.serve() as running:
        yield running


@pytest.fixture
def wire(seed: Api, server: Server) -> Iterator[httpx.Client]:
    """A client of the server, with a key."""
    headers = {"Authorization": f"Bearer {seed.sandbox.key}"}
    with httpx.Client(base_url=f"{server.url}/api/projects/1/", headers=headers, timeout=5) as client:
        yield client


def test_socket_keep_alive(wire: httpx.Client, seed: Api) -> None:
    """One connection carries many requests, of every method."""
    row = wire.post("subscriptions/", json=seed.body()).json()["id"]
    answers = [
        wire.get("subscriptions/"), wire.head("subscriptions/"), wire.patch(f"subscriptions/{row}/", json={}),
        wire.delete(f"subscriptions/{row}/"), wire.options("subscriptions/"), wire.get("subscriptions/"),
    ]  # fmt: skip

    assert [200, 200, 200, 405, 200, 200] == [answer.status_code for answer in answers]
    streams = {id(answer.extensions["network_stream"]) for answer in answers}
    assert 1 == len(streams)


def test_socket_body_in_chunks(wire: httpx.Client, seed: Api) -> None:
    """A body without a length is read to its end."""
    content = httpx.Request("POST", "http://x/", json=seed.body()).content
    pieces = (content[start : start + 7] for start in range(0, len(content), 7))

    response = wire.post("subscriptions/", content=pieces, headers={"Content-Type": "application/json"})

    assert 201 == response.status_code


def test_socket_links_name_the_server(wire: httpx.Client, seed: Api) -> None:
    """`next` leads to this very server."""
    seed.sandbox.add()
    seed.sandbox.add()

    assert 1 == len(wire.get(wire.get("subscriptions/?limit=1").json()["next"]).json()["results"])


@pytest.mark.parametrize(("phase", "rows"), [("before", 0), ("after", 1)])
def test_socket_drop(wire: httpx.Client, seed: Api, phase: str, rows: int) -> None:
    """The connection ends without an answer; the next request makes a new one."""
    seed.sandbox.faults.add(Fault("drop", method="POST", phase=phase))

    with pytest.raises(httpx.RemoteProtocolError):
        wire.post("subscriptions/", json=seed.body())
    assert rows == wire.get("subscriptions/").json()["count"]


def test_socket_truncation(wire: httpx.Client, seed: Api) -> None:
    """Fewer bytes than were promised."""
    seed.sandbox.faults.add(Fault("truncate"))

    with pytest.raises(httpx.RemoteProtocolError):
        wire.get("subscriptions/")


def test_socket_hang(wire: httpx.Client, seed: Api) -> None:
    """The client gives up by itself."""
    seed.sandbox.faults.add(Fault("hang"))

    with pytest.raises(httpx.ReadTimeout):
        wire.get("subscriptions/", timeout=0.2)


def test_socket_slow_bytes_are_slower_than_patience(wire: httpx.Client, seed: Api) -> None:
    """Every byte resets a read timeout, which is the point of it."""
    seed.sandbox.faults.add(Fault("slow_bytes", seconds=0.005))
    began = time.monotonic()

    assert 0 == wire.get("subscriptions/", timeout=0.15).json()["count"]
    assert time.monotonic() - began > 0.2


def test_socket_stop_finishes_what_is_in_flight(seed: Api) -> None:
    """A request that was taken is answered, and idle connections are closed."""
    seed.sandbox.faults.add(Fault("delay", path="limit=7", seconds=0.3))
    head = ("Host: x", f"Authorization: Bearer {seed.sandbox.key}", "", "")
    with seed.sandbox.serve() as server:
        idle, busy = (socket.create_connection(("127.0.0.1", server.port)) for _ in range(2))
        idle.sendall("\r\n".join(("HEAD /api/projects/1/subscriptions/ HTTP/1.1", *head)).encode())
        answered = idle.recv(1000)
        busy.sendall("\r\n".join(("GET /api/projects/1/subscriptions/?limit=7 HTTP/1.1", *head)).encode())
        while not seed.sandbox.faults.met():
            time.sleep(0.005)

    assert (b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK") == (answered[:15], busy.recv(15))
    assert b"" == idle.recv(1)
    busy.close()
    idle.close()


NONSENSE: dict[str, tuple[str, bytes]] = {
    "no HTTP": ("nonsense\r\n\r\n", b"400"),
    "no length": ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
    "no chunk": ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"400"),
    "no path": ("OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
    "unknown verb": ("BREW / HTTP/1.1\r\n\r\n", b"501"),
}


@pytest.mark.parametrize(("request_line", "status"), **mixed(NONSENSE))
def test_socket_nonsense_is_refused(server: Server, request_line: str, status: bytes) -> None:
    """What is no HTTP, or not ours, does not bring the server down."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request_line.encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(1000), b""))

    assert status in answer
