"""What is done in one project without any manifest: recordings erased, their sharing and session properties read.

What a person chose comes in as a Choice, everything outside the program as a World; what goes out is plain data.
Everything is read with a client that cannot write; `erase` alone makes one that can. Knows every room but those of
manifests and plans; knows no command line, no exit codes and no terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from . import erasure, loading, operations, recordings, sessions
from .errors import InvalidInput, Problem, Refused, ServerError, UsageError
from .journal import Journal
from .loading import Choice
from .model import Json, Request
from .pipeline import World
from .privacy import say
from .recordings import Asked, Effect, Entry, Erasure, Outcome, Sharing
from .several import several

if TYPE_CHECKING:
    from .api import Reader

T = TypeVar("T")

SIZE_LIMIT = 64 * 1024 * 1024
STDIN = "standard input"


def gather(arguments: Sequence[str], files: Sequence[str], stdin: Callable[[], bytes]) -> Asked:
    """The recordings that *arguments* name, and those in *files*; `-` among either is *stdin*.

    InvalidInput with every entry that cannot be an id; UsageError where nothing was named at all.
    """
    if not arguments and not files:
        raise UsageError("no recordings: name their ids, or give --from-file FILE, or - for standard input")
    found = [Entry(argument) for argument in arguments if argument != "-"]
    for path in dict.fromkeys((*(each for each in arguments if each == "-"), *files)):
        name = STDIN if path == "-" else path
        found += recordings.entries(_text(stdin() if path == "-" else _contents(path), name), name)
    return recordings.asked(found)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a look at the project told before anything is erased.

    `is_proven` is False where the key may read nothing there, so that nobody can tell whether the project exists.
    """

    is_proven: bool
    effect: Effect


class Errand:
    """One run of one command in one project: where, with which key, and what all its requests share."""

    def __init__(self, choice: Choice, world: World) -> None:
        """Find the one environment that is meant, and its key; nothing is sent yet."""
        from .api import Budget, Place, Run

        self._choice, self._world = choice, world
        self.destination = loading.destination(choice, world.folder, world.variables)
        self.environment = self.destination.environment
        self._place = Place(self.environment, self.destination.key)
        self._run = Run(choice.timeout, stop=world.stop, budget=Budget(recordings.A_MINUTE))

    def sharing(self, ids: Sequence[str], tell: Callable[[], None] = lambda: None) -> tuple[Sharing, ...]:
        """How each of the recordings *ids* is shared, many read at once."""

        def of_one(id: str) -> Sharing:
            state = _sharing(reader, id)
            tell()
            return state

        with self._reader() as reader:
            return tuple(several(ids, of_one))

    def properties(self, search: str | None, *, numerical: bool) -> tuple[sessions.Property, ...]:
        """The properties sessions have, those whose names hold all words of *search*."""
        request = operations.session_property_definitions(search, numerical=True if numerical else None)
        return _understood(request, lambda answer: sessions.properties(answer, numerical=numerical), self._get(request))

    def values(self, key: str, search: str | None) -> sessions.Values:
        """The values that the property *key* has had, those that contain *search*."""
        request = operations.session_values(key, search)
        return _understood(request, sessions.values, self._get(request))

    def proof(self, ids: Sequence[str]) -> Proof:
        """Whether the project exists, and what a deletion does there, by a read that needs another scope.

        The page has no read that every key with session_recording:write may do. ServerError where it does not exist.
        """
        with self._reader() as reader:
            request = replace(operations.list_subscriptions(), query={"limit": "1"})
            page = self._attempt(reader, request)
            if page is not None:
                rows = _understood(request, _rows, page)
                return Proof(True, recordings.effect_of(rows[0] if rows else None))
            shared = self._attempt(reader, operations.recording_sharing(ids[0]))
            return Proof(shared is not None, Effect.UNKNOWN)

    def erase(
        self, asked: Asked, proof: Proof, journal: Journal | None, tell: Callable[[Outcome], None] = lambda _: None
    ) -> Erasure:
        """Erase what was *asked*, and write what is done to *journal*, which is open."""
        from . import api

        orders = erasure.Orders(proof.is_proven, journal, tell, self._choice.parallel, self._world.stop)
        with api.writer(
            self._place, self._run, transport=self._world.transport, writers=self._choice.parallel
        ) as writer:
            outcomes = erasure.erase(asked.ids, writer, orders)
        found = Erasure(self.environment, proof.effect, outcomes, asked.duplicates)
        return replace(found, interrupted=self._world.stop.is_set() and not found.is_complete)

    def _reader(self) -> Reader:
        from . import api

        return api.reader(self._place, self._run, transport=self._world.transport)

    def _get(self, request: Request) -> Json:
        with self._reader() as reader:
            return reader.get(request)

    def _attempt(self, reader: Reader, request: Request) -> Json | None:
        """The answer; None where the key, or the plan that is paid for, does not allow the request."""
        try:
            return reader.get(request)
        except Refused as error:
            if error.attempted.answer.status == 404:
                raise Refused(
                    f"there is no project {self.environment.project_id} on {self.environment.host}, neither under "
                    "/api/environments/ nor under /api/projects/: correct project_id or host; nothing was erased",
                    attempted=error.attempted,
                ) from error
            if error.attempted.answer.status in (402, 403):
                return None
            raise


def _sharing(reader: Reader, id: str) -> Sharing:
    request = operations.recording_sharing(id)
    return _understood(request, lambda answer: Sharing.of(id, answer), reader.get(request))


def _understood(request: Request, read: Callable[[Json], T], answer: Json) -> T:
    """What *read* makes of *answer*; ServerError where it is not what such a request brings."""
    try:
        return read(answer)
    except ValueError as error:
        raise ServerError(f"GET {request.path}: {error}; check that the host is the PostHog you mean") from error


def _rows(answer: Json) -> list[Json]:
    rows = answer.get("results")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("the answer is not a page of rows")
    return rows


def _contents(path: str) -> bytes:
    try:
        file = Path(path)
        if file.stat().st_size > SIZE_LIMIT:
            raise UsageError(f"{path}: too large to be a list of ids")
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput([Problem("recording-ids", say("not UTF-8; save the list as UTF-8"), path)]) from None
