"""What the tests of the api room stand on: a clock that only moves when somebody waits, and a server in a function.

A fake is a function from request to response behind httpx.MockTransport; nothing is patched and nobody really waits.
"""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from reconciler.api import Place, Run, Writer, writer
from reconciler.model import Environment
from reconciler.privacy import Key

KEY = "phx_" + "k3Y" * 12
HOST = "https://us.posthog.com"
PROJECT = Environment("production", HOST, "12345")
OLD = f"{HOST}/api/environments/12345/"
NEW = f"{HOST}/api/projects/12345/"

Handler = Callable[[httpx.Request], httpx.Response]


class Clock:
    """Seconds that pass when somebody sleeps, and are written down."""

    def __init__(self, *, stop: threading.Event | None = None, stop_after: int = 0) -> None:
        """Begin at zero; set *stop* during sleep number *stop_after*."""
        self.seconds = 0.0
        self.slept: list[float] = []
        self._stop, self._stop_after = stop, stop_after
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """The time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        with self._lock:
            self.seconds += seconds
            self.slept.append(seconds)
            if self._stop and len(self.slept) == self._stop_after:
                self._stop.set()


class Script:
    """A server that gives the answers it was given, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception | Handler) -> None:
        """Answer with each of *answers* in turn."""
        self.requests: list[httpx.Request] = []
        self._answers = answers
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        with self._lock:
            answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
            self.requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        # A Response can be read once; a script may give the same one many times.
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)

    @property
    def urls(self) -> list[str]:
        """What was asked, without the query."""
        return [str(request.url).split("?")[0] for request in self.requests]


def client(handler: Handler, clock: Clock | None = None, *, run: Run | None = None, at: Place | None = None) -> Writer:
    """A Writer whose server is *handler* and whose time is *clock*."""
    clock = clock or Clock()
    place = at or Place(PROJECT, Key(KEY))
    return writer(
        place, run or Run(clock=clock, now=lambda: 0.0, sleep=clock.sleep), transport=httpx.MockTransport(handler)
    )


def envelope(status: int, kind: str, code: str, detail: str = "", **more: Any) -> httpx.Response:
    """An error as PostHog writes it (contract §2.4)."""
    headers = more.pop("headers", None)
    return httpx.Response(
        status, json={"type": kind, "code": code, "detail": detail, "attr": None} | more, headers=headers
    )


def ok(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """An answer that is what was asked."""
    return httpx.Response(status, json={"id": 1} if body is None else body, headers=headers)


THROTTLED = envelope(429, "throttled_error", "throttled", "Request was throttled.", headers={"Retry-After": "30"})


class Shelf:
    """A listing as the server keeps it: rows in an order, pages cut out of it, and somebody who interferes.

    `heap` keeps a changed row at the end, as PostgreSQL without ORDER BY does; else the newest row is first
    (contract §2.6). *meddle* is called with the shelf and the number of the page (from 0) before it is cut.
    """

    def __init__(self, rows: int, *, heap: bool = True, cap: int | None = None) -> None:
        """Begin with rows 1 to *rows*; no page has more than *cap*."""
        self._heap = heap
        self.ids = list(range(1, rows + 1)) if heap else list(range(rows, 0, -1))
        self.cap = cap or 10**9
        self.next_id = rows + 1
        self.meddle: Callable[[Shelf, int], None] = lambda _shelf, _page: None
        self.asked: list[dict[str, str]] = []
        self._lock = threading.Lock()

    def insert(self) -> None:
        """Somebody makes a row."""
        self.ids.insert(len(self.ids) if self._heap else 0, self.next_id)
        self.next_id += 1

    def delete(self, place: int) -> None:
        """Somebody removes the row at *place*."""
        del self.ids[place]

    def patch(self, place: int) -> None:
        """Somebody changes the row at *place*: in a heap it moves to the end."""
        if self._heap:
            self.ids.append(self.ids.pop(place))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """One page."""
        with self._lock:
            query = dict(request.url.params)
            self.meddle(self, len(self.asked))
            self.asked.append(query)
            offset, limit = int(query.get("offset", 0)), min(int(query["limit"]), self.cap)
            page = self.ids[offset : offset + limit]
            more = f"http://elsewhere.example/?offset={offset + limit}" if offset + limit < len(self.ids) else None
            body = {"count": len(self.ids), "next": more, "previous": None, "results": [{"id": each} for each in page]}
        return httpx.Response(200, json=body)


def sent_json(request: httpx.Request) -> Any:
    """The JSON body of *request*."""
    return json.loads(request.content)
