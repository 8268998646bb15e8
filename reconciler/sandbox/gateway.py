"""The door of the sandbox, as WSGI: numbers and logs requests, plays the two prefixes, lets faults act.

Knows no subscription; Django stands behind it as one more WSGI callable. What only a socket can do (drop, hang) leaves
here as an exception, which the real server and the in-process app turn into what a client would see.
"""

import io
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from reconciler.sandbox.faults import Dropped, Fault, Hung
from reconciler.sandbox.records import HARMLESS_HEADERS, Request, query_without_keys, without_keys
from reconciler.sandbox.world import ENVIRON_KEY, World

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGI = Callable[[Environ, StartResponse], Iterable[bytes]]

# What Django's side of the door reads and writes in the environ.
NUMBER_KEY = "reconciler.sandbox.number"
DURING_KEY = "reconciler.sandbox.during"
HANG_KEY = "reconciler.sandbox.hang"

SUNSET = "Fri, 31 Jul 2026 00:00:00 GMT"

# What may stand in the path of a URL as it is, beside letters and digits (RFC 3986).
_IN_PATHS = "/:@-._~!$&'()*+,;="
_ENVIRONMENTS = re.compile(r"^/api/environments(?=/)")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def of_json(cls, document: Any, status: int = 200) -> "Answer":
        """An answer that carries JSON."""
        body = json.dumps(document, default=str).encode()
        return cls(status, (("Content-Type", "application/json"), ("Content-Length", str(len(body)))), body)

    @classmethod
    def of_html(cls, page: str, status: int = 200) -> "Answer":
        """An answer that carries a page."""
        body = page.encode()
        return cls(status, (("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))), body)

    def plus(self, headers: Iterable[tuple[str, str]]) -> "Answer":
        """The answer with more headers."""
        return Answer(self.status, (*self.headers, *headers), self.body)

    def start(self, start_response: StartResponse) -> None:
        """Send status and headers."""
        start_response(f"{self.status} {_phrase(self.status)}", list(self.headers))


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it stands at the door."""

    method: str
    path: str
    query: str
    body: bytes

    @classmethod
    def read(cls, environ: Environ) -> "Call":
        """Read the request, body and all."""
        body = environ["wsgi.input"].read()
        return cls(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"), environ.get("QUERY_STRING", ""), body)

    @property
    def target(self) -> str:
        """Path and query, as faults match them."""
        return f"{self.path}?{self.query}" if self.query else self.path


# Answers for a part of the site that is not the API: the page, the controls.
Desk = Callable[[Environ, Call], Answer]


class Gateway:
    """Everything that answers, behind one WSGI callable."""

    def __init__(
        self,
        world: World,
        django: WSGI,
        shift: Callable[[Fault], None],
        desks: Mapping[str, Desk],
    ) -> None:
        """*django* answers the API, *shift* changes rows for faults, *desks* answer what is not the API."""
        self._world = world
        self._django = django
        self._shift = shift
        self._desks = desks

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        call = Call.read(environ)
        desk = self._desks.get("/" + call.path.removeprefix("/").partition("/")[0])
        if desk is None:
            return self._api(environ, call, start_response)
        answer = desk(environ, call)
        answer.start(start_response)
        return [answer.body] if call.method != "HEAD" else []

    def _api(self, environ: Environ, call: Call, start_response: StartResponse) -> Iterable[bytes]:
        number, struck = self._world.next_number(), self._world.faults.strike(call.method, call.target)
        environ[NUMBER_KEY] = number
        environ[DURING_KEY] = lambda: self._act(struck, "during")
        answer = None
        try:
            answer = self._answer(environ, call, struck)
        finally:
            self._world.log.extend([self._record(environ, call, number, answer)])
        answer.start(start_response)
        return _body(answer, struck) if call.method != "HEAD" else []

    def _answer(self, environ: Environ, call: Call, struck: list[Fault]) -> Answer:
        replaced = self._act(struck, "before")
        if replaced is not None:
            return replaced
        answer = self._by_prefix(environ, call)
        if environ.get(HANG_KEY):
            raise Hung
        return self._act(struck, "after") or answer

    def _act(self, struck: list[Fault], phase: str) -> Answer | None:
        for fault in struck:
            if fault.phase != phase:
                continue
            match fault.effect:
                case "shift":
                    self._shift(fault)
                case "delay":
                    time.sleep(fault.seconds)
                case "status":
                    return _canned(fault)
                case "drop":
                    raise Dropped
                case "hang":
                    raise Hung
                case _:  # truncate and slow_bytes act on the answer
                    pass
        return None

    def _by_prefix(self, environ: Environ, call: Call) -> Answer:
        rules, moved = self._world.rules, _ENVIRONMENTS.sub("/api/projects", call.path)
        if moved == call.path:
            return self._from_django(environ, call)
        quoted = quote(moved.encode("latin-1"), safe=_IN_PATHS)  # a line break in the path must not end the header
        successor = f"{quoted}?{call.query}" if call.query else quoted
        if rules.has("environments-gone"):
            return self._from_django(environ | {"PATH_INFO": "/api/"}, call)  # where there is nothing
        if rules.has("environments-redirect"):
            status = rules.number("environments-redirect") or 307
            return Answer(status, (("Location", successor), ("Content-Length", "0")))
        if not rules.has("environments-rewrite"):
            return self._from_django(environ, call)
        answer = self._from_django(environ | {"PATH_INFO": moved}, call)
        link = f'<{successor}>; rel="successor-version"'
        return answer.plus((("Deprecation", "true"), ("Link", link), ("Sunset", SUNSET)))

    def _from_django(self, environ: Environ, call: Call) -> Answer:
        status, headers = "500", list[tuple[str, str]]()

        def start_response(line: str, given: list[tuple[str, str]], *_: Any) -> None:
            nonlocal status, headers
            status, headers = line, given

        inner = {
            **environ,
            ENVIRON_KEY: self._world,
            "wsgi.input": io.BytesIO(call.body),
            "CONTENT_LENGTH": str(len(call.body)),
        }
        body = b"".join(self._django(inner, start_response))
        environ[HANG_KEY] = inner.get(HANG_KEY)
        return Answer(int(status.split(maxsplit=1)[0]), tuple(headers), body)

    def _record(self, environ: Environ, call: Call, number: int, answer: Answer | None) -> Request:
        return Request(
            number=number,
            at=self._world.clock.now(),
            method=call.method,
            path=without_keys(call.path.encode("latin-1").decode("utf-8", "replace")),
            query=query_without_keys(call.query),
            status=answer.status if answer else None,
            body=without_keys(_json_or_none(call.body)),
            headers=_harmless(environ),
        )


def _canned(fault: Fault) -> Answer:
    if fault.html is not None:
        answer = Answer.of_html(fault.html, fault.status)
    else:
        error = {"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": None}
        answer = Answer.of_json(error if fault.json is None else fault.json, fault.status)
    return answer if fault.retry_after is None else answer.plus([("Retry-After", str(fault.retry_after))])


def _body(answer: Answer, struck: list[Fault]) -> Iterable[bytes]:
    for fault in struck:
        if fault.effect == "truncate":
            return _half_of(answer.body)
        if fault.effect == "slow_bytes":
            return _dripping(answer.body, fault.seconds)
    return [answer.body]


def _half_of(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise Dropped


def _dripping(body: bytes, seconds: float) -> Iterator[bytes]:
    for byte in body:
        time.sleep(seconds)
        yield bytes([byte])


def _harmless(environ: Environ) -> tuple[tuple[str, str], ...]:
    found = []
    for name in HARMLESS_HEADERS:
        key = name.upper().replace("-", "_")
        value = environ.get(key) or environ.get(f"HTTP_{key}")
        if value:
            found.append((name, str(without_keys(value))))
    return tuple(found)


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
