"""Send one Request to a project, or read one listing to its end.

    Reader.get, Reader.rows ┐
    Writer.send             ┴─> Courier.carry       the answer, or an error that says what to do
                                  retry.insist      the same request again, where that is safe
                                    Courier._once   one answer, wherever the server keeps the project
                                      Courier._exchange   leave from the budget, then one exchange on the wire

What is raised (errors.py draws the tree), each with `attempted`, how often it was sent and the last answer:

    Refused       final, and nothing was done by this request: 400 401 402 403 404 405 and other 4xx
    Moved         a redirect that is not followed; nothing was done
    NoAnswer      no usable answer; a write may or may not have been carried out: look before deciding
    OutOfTime     the deadline would pass first; a write was not carried out
    Interrupted   asked to stop before (another) try; a write was not carried out
    Overtaken     whoever looked before (another) try forbade it; a write was not carried out

Knows hosts, tokens, retries, pages and status codes; knows nothing of kinds, plans or YAML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar, overload
from urllib.parse import urljoin, urlsplit

import httpx

from .. import operations
from ..errors import (
    Answer,
    Attempted,
    Interrupted,
    Moved,
    NoAnswer,
    OutOfTime,
    Overtaken,
    Refused,
    ServerError,
    UsageError,
)
from ..model import Environment, Json, Request
from ..privacy import Key, Private
from . import answers, listing, retry
from .budget import Run, Width
from .retry import Verdict
from .transport import Fault, Reply, Wait, Wire, origin

T = TypeVar("T")

OLD, NEW = "environments", "projects"
"""The two families of paths (contract §2.1). The seed page has the old one; newer servers say that it moved."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to send, and with what right."""

    environment: Environment
    key: Key


@dataclass(frozen=True, slots=True)
class Sent:
    """A write that was answered with 2xx. `body` is the object that came back, None for an empty answer (204)."""

    status: int
    body: Json = field(repr=False)
    attempts: int
    throttled: bool


def reader(place: Place, run: Run | None = None, *, transport: httpx.BaseTransport | None = None) -> Reader:
    """A client that can only read. UsageError for a host, a project or a key that cannot be meant.

    Pass one *run* to all clients of a command: they share its deadline and its budget.
    """
    return Reader(Courier(place, run or Run(), reading=True, transport=transport))


def writer(
    place: Place, run: Run | None = None, *, transport: httpx.BaseTransport | None = None, writers: int = 4
) -> Writer:
    """A client that can read, and write with at most *writers* requests at once; else as `reader`."""
    return Writer(Courier(place, run or Run(), reading=False, transport=transport, writers=writers))


class Reader:
    """Reads, and has no way to do anything else: no method that sends, and a transport that refuses all but GET."""

    def __init__(self, courier: Courier) -> None:
        """Read through *courier*; see `reader`."""
        self._courier = courier

    def get(self, request: Request) -> Json:
        """The object (for session values: or array) that *request* reads; raises as the module says."""
        return self._courier.carry(_known(request, reads=True)).body

    @overload
    def rows(
        self, request: Request, *, page: int = listing.PAGE, progress: listing.Progress | None = None
    ) -> tuple[dict[str, Any], ...]: ...
    @overload
    def rows(
        self,
        request: Request,
        decode: Callable[[Json], T],
        *,
        page: int = listing.PAGE,
        progress: listing.Progress | None = None,
    ) -> tuple[T, ...]: ...
    def rows(
        self,
        request: Request,
        decode: Callable[[Json], Any] = lambda row: row,
        *,
        page: int = listing.PAGE,
        progress: listing.Progress | None = None,
    ) -> tuple[Any, ...]:
        """Every row of the listing *request*, each through *decode*, proven complete or IncompleteListing.

        *progress* is told the rows read and the server's count. *decode* runs in several threads at once.
        """
        _known(request, reads=True)

        def fetch(offset: int, limit: int) -> Json:
            window = {"limit": str(limit)} | ({"offset": str(offset)} if offset else {})
            asked = replace(request, query=MappingProxyType({**request.query, **window}))
            return self._courier.carry(asked, is_listing=True).body

        return listing.read(fetch, decode, page=page, progress=progress)

    @property
    def is_proven(self) -> bool:
        """Whether the server has answered for this project, so that a 404 can only be about the thing asked for."""
        return self._courier.learned.has_answered

    def close(self) -> None:
        """Close every connection."""
        self._courier.close()

    def __enter__(self) -> Self:
        """The reader itself, to be closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        self.close()


class Writer(Reader):
    """Reads and writes."""

    def send(self, request: Request, before: Callable[[], None] | None = None) -> Sent:
        """Send one POST, PATCH or DELETE of the seed page, again only where that is safe; raises as the module says.

        Waits while `width` says that enough are writing; a writer keeps its place while it waits for another try.
        *before* is called ahead of each try, after every wait and right before the bytes; it may raise Overtaken.
        """
        _known(request, reads=False)
        with self.width.slot():
            return self._courier.carry(request, before=before)

    @property
    def width(self) -> Width:
        """How many writers may work at once just now; every answer to this client moves it."""
        return self._courier.width


@dataclass(slots=True)
class _Tally:
    """What happened to one request so far, and who looks before each try of it."""

    before: Callable[[], None] | None = None
    sent: int = 0
    is_throttled: bool = False
    doubts: int = 0
    last: Answer = field(default_factory=Answer)
    problem: str = ""

    @property
    def in_doubt(self) -> bool:
        """Whether a try of it may have been carried out, or may be under way."""
        return self.doubts > 0

    @property
    def attempted(self) -> Attempted:
        """The same as the errors carry it."""
        return Attempted(self.sent, self.last, self.doubts)


class Courier:
    """Carries Requests to one project. Shared by threads; its only state is what the run has learned, and the width."""

    def __init__(
        self, place: Place, run: Run, *, reading: bool, transport: httpx.BaseTransport | None, writers: int = 1
    ) -> None:
        """Check *place*; nothing is sent yet."""
        self._environment = replace(place.environment, host=origin(place.environment.host))
        self._project = _project(place.environment)
        self._key = _key(place)
        self._run = run
        # What a reader learned holds for the writer after it: it must not begin with a POST to paths that have moved.
        self.learned = run.learned[self._url(NEW, "")]
        self._wire = Wire(self._environment.host, place.key, reading=reading, transport=transport)
        self.width = Width(writers)

    def carry(self, request: Request, *, is_listing: bool = False, before: Callable[[], None] | None = None) -> Sent:
        """Send *request* until it is settled, calling *before* ahead of each try."""
        asked = answers.Asked(
            self._environment, request, operations.find(request), self._key.value[:4], is_listing=is_listing
        )
        body = None if request.body is None else json.dumps(_plain(request.body), allow_nan=False).encode()
        tally = _Tally(before)
        try:
            reply, document = self._insist(asked, body, tally)
        except (OutOfTime, Interrupted, Overtaken) as error:
            raise _stopped(asked, tally, error) from error
        match retry.verdict(request.method, reply):
            case Verdict.DONE:
                self.width.succeeded()
                return Sent(reply.status or 0, document, tally.sent, tally.is_throttled)
            case Verdict.ELSEWHERE if not tally.in_doubt:
                raise self._moved(asked, tally, reply)
            case Verdict.FINAL if not tally.in_doubt or reply.status == 404:
                raise Refused(answers.refusal(asked, reply, tally.last), attempted=tally.attempted)
        raise NoAnswer(_unanswered(asked, tally, reply), attempted=tally.attempted)

    def close(self) -> None:
        """Close every connection."""
        self._wire.close()

    def _insist(self, asked: answers.Asked, body: bytes | None, tally: _Tally) -> tuple[Reply, Json]:
        method, document = asked.request.method, None

        def once() -> Reply:
            nonlocal document
            reply, document = self._understood(asked, self._once(asked.request, body, tally))
            tally.last, tally.problem = answers.answer_of(reply, self._key), reply.problem
            tally.doubts += method != "GET" and retry.leaves_doubt(reply)
            if reply.status == 429:
                tally.is_throttled = True
                self.width.throttled()
            return reply

        return retry.insist(once, method, self._run), document

    def _understood(self, asked: answers.Asked, reply: Reply) -> tuple[Reply, Json]:
        """*reply* and the document in it; a 2xx whose document is not what such a request brings is a broken one."""
        if not reply.is_success or reply.fault or asked.request.method == "DELETE":
            return reply, None
        try:
            document = answers.decode(reply.body)
        except ValueError:
            return replace(reply, fault=Fault.BROKEN, problem="the answer is not JSON"), None
        is_bare = isinstance(document, list) and asked.operation is not None and asked.operation.many
        if not isinstance(document, dict) and not is_bare:
            return replace(reply, fault=Fault.BROKEN, problem="the answer is not a JSON object"), None
        if asked.is_listing and not listing.is_page(document):
            return replace(reply, fault=Fault.BROKEN, problem="the answer is not a page of rows with ids"), None
        return reply, document

    def _once(self, request: Request, body: bytes | None, tally: _Tally) -> Reply:
        """One answer, from whichever family of paths the server has the project under (design §7)."""
        family = NEW if self.learned.has_moved else OLD
        reply = self._exchange(family, request, body, tally)
        if family == OLD and reply.status in (307, 308) and self._leads_to_new(reply, request):
            self.learned.has_moved = True
            reply = self._exchange(NEW, request, body, tally)
        elif (
            family == OLD
            and reply.status == 404
            and request.method in ("GET", "DELETE")
            and not self.learned.has_answered
        ):
            elsewhere = self._exchange(NEW, request, body, tally)
            self.learned.has_moved |= elsewhere.is_success
            reply = reply if elsewhere.status == 404 else elsewhere
        elif family == OLD and self._has_successor(reply):
            self.learned.has_moved = True
        self.learned.has_answered |= reply.is_success
        return reply

    def _exchange(self, family: str, request: Request, body: bytes | None, tally: _Tally) -> Reply:
        run, only_reads = self._run, request.method == "GET"
        run.check()
        run.budget.spend(run.pause)
        if tally.before is not None:
            tally.before()
            run.check()
        tally.sent += 1
        reply = self._wire.exchange(
            request.method,
            self._url(family, request.path),
            query=request.query,
            body=body,
            # A write under way is waited for; of a read nothing is lost but the answer.
            wait=Wait(lambda: run.left, run.patience, lambda: only_reads and run.stop.is_set()),
        )
        if only_reads and reply.fault is Fault.LOST:
            run.check()
        return reply

    def _url(self, family: str, path: str) -> str:
        return f"{self._environment.host}/api/{family}/{self._project}/{path}"

    def _leads_to_new(self, reply: Reply, request: Request) -> bool:
        """Whether a redirect is to the very same thing under the new family, on this origin."""
        target = _resolved(self._url(OLD, request.path), reply.headers.get("location", ""))
        return target.split("?")[0].rstrip("/") == self._url(NEW, request.path).rstrip("/")

    def _has_successor(self, reply: Reply) -> bool:
        """Whether the server says that the old family is deprecated, and that the new one on this origin follows it."""
        link = _SUCCESSOR.search(reply.headers.get("link", "")) if "deprecation" in reply.headers else None
        return link is not None and _resolved(self._url(OLD, ""), link[1]).startswith(self._url(NEW, ""))

    def _moved(self, asked: answers.Asked, tally: _Tally, reply: Reply) -> Moved:
        parts = urlsplit(_resolved(self._environment.host, reply.headers.get("location", "")))
        target = f"{parts.scheme}://{parts.hostname}" if parts.hostname else "somewhere else"
        return Moved(
            f"{asked.title}: {reply.status}, a redirect to {answers.scrub(target, self._key)}, was not followed: "
            f"the key belongs to {self._environment.host} alone. If the server has moved, change host in the config",
            attempted=tally.attempted,
        )


_SUCCESSOR = re.compile(r"<([^<>]*)>[^<>,]*;\s*rel=\"?successor-version\"?", re.IGNORECASE)


def _resolved(base: str, location: str) -> str:
    """Where *location* leads, seen from *base*; empty when it is no address."""
    try:
        target = urljoin(base, location)
        urlsplit(target)
    except ValueError:
        return ""
    return target


def _known(request: Request, *, reads: bool) -> Request:
    """*request*, if it is on the seed page, may be sent, and reads or writes as the caller does; else Refused."""
    operation = operations.find(request)
    if operation is not None and operation.sent and (operation.method == "GET") is reads:
        return request
    why = operation.why if operation else ""
    raise Refused(
        f"{request.method} {answers.visible(request.path)} was not sent: "
        + (why or f"it is none of the {'reads' if reads else 'writes'} this program knows"),
        attempted=Attempted(0),
    )


def _unanswered(asked: answers.Asked, tally: _Tally, reply: Reply) -> str:
    """The sentence for an answer that settles nothing."""
    facts = (f"status {reply.status}" if reply.status else "", tally.last.code or "", reply.problem)
    what = f"{', '.join(fact for fact in facts if fact)}, {tally.sent} {'try' if tally.sent == 1 else 'tries'}"
    if asked.request.method == "GET":
        return f"{asked.title}: no usable answer ({what}): check that {asked.environment.host} is up, then run it again"
    return f"{asked.title}: no usable answer ({what}): it may or may not have been carried out, run plan to see"


def _stopped(
    asked: answers.Asked, tally: _Tally, error: OutOfTime | Interrupted | Overtaken
) -> ServerError | Interrupted:
    """*error* for this request: in doubt where a write was sent and not answered, else as it is, with the attempts."""
    if tally.in_doubt:
        return NoAnswer(
            f"{asked.title}: no usable answer, and no further try: {error}. It may or may not have been carried out, "
            "run plan to see",
            attempted=tally.attempted,
        )
    kind = type(error)
    # A host that is down must not look like one that wants to be left alone.
    last = (f" (the last try: {tally.problem})",) if tally.problem and isinstance(error, OutOfTime) else ()
    return kind(*error.message, *last, attempted=tally.attempted)


def _plain(value: Any) -> Json:
    """*value* as JSON has it: masked values opened, mappings and sequences made plain."""
    if isinstance(value, Private):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _project(environment: Environment) -> str:
    if not re.fullmatch(r"[0-9]{1,19}", environment.project_id):
        raise UsageError(
            f"project_id of {environment.name} must be the number in the address of the project's pages, like 12345"
            " (a name like @current means another project for every key)"
        )
    return environment.project_id


def _key(place: Place) -> Key:
    text = place.key.value
    name = place.environment.key_env
    if not text:
        raise UsageError(f"{name} is empty: put a personal API key into it, which begins with phx_")
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise UsageError(f"the key in {name} holds a space, a line break or a letter no key has: copy it again")
    return place.key
