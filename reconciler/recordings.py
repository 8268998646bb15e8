"""Session recordings: the ids that people hand over, how one is shared, and what became of erasing one. Pure.

A deletion cannot be taken back and a server may answer 204 to any id (contract §9.1), so what cannot be an id is found
here, before anything is sent. Knows the server's limits and answers; knows no HTTP, no files and no terminal.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .errors import Answer, InvalidInput, Problem
from .model import Environment, Json
from .privacy import Message, Token, quoted, say

A_MINUTE = 200
"""Requests we send in a minute, below the server's 240 (contract §2.5)."""

AN_HOUR = 1200
"""Requests the server takes in an hour (contract §2.5)."""

LONGEST = 200
"""Characters of the longest id."""

COLUMNS = ("id", "session_id")
"""The names under which an id stands in a table or in JSON."""

MOST_PROBLEMS = 20
"""How many problems are told; one wrong file would have one in every line."""

_ID = re.compile(r"[A-Za-z0-9._~:=+-]*[A-Za-z0-9][A-Za-z0-9._~:=+-]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KEY = re.compile(r"ph[a-z]_\w{20}")
_SEPARATORS = ",;\t"


# --- ids ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One id as it was handed over: where it stood, or None twice for the command line."""

    id: str
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which recordings are meant: every id once, in the order they came, and how many came again."""

    ids: tuple[str, ...]
    duplicates: int = 0

    @property
    def unusual(self) -> tuple[str, ...]:
        """The ids that are no UUIDs, which the page says an id is."""
        return tuple(id for id in self.ids if not _UUID.fullmatch(id))


def asked(entries: Iterable[Entry]) -> Asked:
    """What *entries* ask for. InvalidInput naming every entry that cannot be an id."""
    everything = tuple(entries)
    problems = [problem for entry in everything if (problem := _problem(entry)) is not None]
    if problems:
        raise InvalidInput(_first(problems))
    ids = tuple(dict.fromkeys(entry.id for entry in everything))
    return Asked(ids, len(everything) - len(ids))


def entries(text: str, path: str) -> tuple[Entry, ...]:
    """The ids in *text*, which was read from *path*: a JSON list, a table with a header, or one id in each line.

    InvalidInput where that cannot be told, or the text is none of them. Whether an id can be one, `asked` says.
    """
    text = text.removeprefix("\ufeff")
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise _unreadable(path, "no ids in it: it is empty")
    if lines[first].lstrip()[0] in "[{":
        return tuple(_of_json(text, path))
    if (separator := _separator(lines[first])) is not None:
        return tuple(_of_table(lines[first:], separator, Place(path, first)))
    return tuple(Entry(line.strip(), path, number) for number, line in enumerate(lines, 1) if line.strip())


@dataclass(frozen=True, slots=True)
class Place:
    """The file a table was read from, and how many lines stand above it."""

    path: str
    above: int


def _problem(entry: Entry) -> Problem | None:
    """What is wrong with *entry*, if it cannot be an id."""
    if not entry.id:
        message = say("an id is empty; write the recording's id, or remove the line")
    elif len(entry.id) > LONGEST:
        message = say(f"an id of {len(entry.id)} characters; the longest has {LONGEST}")
    elif _KEY.match(entry.id):
        message = say("this looks like an API key, not like a recording; nothing was sent, remove it here")
    elif not _ID.fullmatch(entry.id):
        message = say(*quoted(entry.id), " cannot be the id of a recording; ids have letters, digits and -._~:=+ only")
    else:
        return None
    return Problem("recording-id", message, entry.path, entry.line)


def _first(problems: Sequence[Problem]) -> list[Problem]:
    """As many of *problems* as a person reads, and how many more there are."""
    shown = list(problems[:MOST_PROBLEMS])
    if more := len(problems) - len(shown):
        shown.append(Problem("recording-id", say(f"and {more} more that cannot be ids; nothing was sent")))
    return shown


def _of_json(text: str, path: str) -> Iterator[Entry]:
    """The ids of a JSON list of ids, or of objects that have one each."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _unreadable(path, "it begins as JSON does, and is not JSON") from None
    if not isinstance(document, list):
        raise _unreadable(path, 'a JSON list of ids is wanted: ["0190a6f2-…", …]')
    for number, item in enumerate(document, 1):
        named = [item[name] for name in COLUMNS if name in item] if isinstance(item, dict) else [item]
        if len(named) != 1 or not isinstance(named[0], str):
            raise _unreadable(path, f"item {number} is neither an id in quotes nor an object with id or session_id")
        yield Entry(named[0].strip(), path)


def _separator(line: str) -> str | None:
    """What stands between the columns of a table with the header *line*; None where the line is an id by itself."""
    found = next((each for each in line if each in _SEPARATORS), None)
    return "," if found is None and line.strip().strip('"').lower() in COLUMNS else found


def _of_table(lines: Sequence[str], separator: str, place: Place) -> Iterator[Entry]:
    """The ids of a table, whose first line is its header."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader)]
        columns = [index for index, name in enumerate(names) if name in COLUMNS]
        if len(columns) != 1:
            what = "more than one column" if columns else "no column"
            raise _unreadable(place.path, f"{what} named id or session_id; leave exactly one", place.above + 1)
        for row in reader:
            if any(cell.strip() for cell in row):
                id = row[columns[0]].strip() if columns[0] < len(row) else ""
                yield Entry(id, place.path, place.above + reader.line_num)
    except csv.Error:
        raise _unreadable(place.path, "not a table as CSV has it", place.above + reader.line_num) from None


def _unreadable(path: str, what: str, line: int | None = None) -> InvalidInput:
    return InvalidInput([Problem("recording-ids", say(what), path, line)])


# --- sharing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a recording is shared. `since` and `token` mean something only while it is.

    For a recording that is not shared the server makes up a token for every answer, which opens nothing
    (contract §9.2): it is thrown away here.
    """

    id: str
    enabled: bool
    since: str | None = None
    token: Token | None = None

    @classmethod
    def of(cls, id: str, answer: Json) -> Sharing:
        """What the server answered about the recording *id*. ValueError for what does not say whether it is shared."""
        if not isinstance(answer, dict) or not isinstance(answer.get("enabled"), bool):
            raise ValueError("the answer does not say whether the recording is shared")
        if not answer["enabled"]:
            return cls(id, enabled=False)
        since, token = answer.get("created_at"), answer.get("access_token")
        return cls(
            id,
            enabled=True,
            since=since if isinstance(since, str) else None,
            token=Token(token) if isinstance(token, str) else None,
        )


# --- erasing --------------------------------------------------------------------------------------------------------


class Effect(StrEnum):
    """What a deletion does to the recording on the server (contract §9.1)."""

    TOMBSTONE = "tombstone"
    SHREDDING = "shredding"
    UNKNOWN = "unknown"


MEANINGS: Mapping[Effect, str] = {
    Effect.TOMBSTONE: (
        "Judging by its subscriptions this is an older server: it marks a recording as deleted (a tombstone), also one "
        "that it never had, so that an answer is no proof that there was one."
    ),
    Effect.SHREDDING: (
        "Judging by its subscriptions this is one of the newest servers: it destroys the recording's key (shredding), "
        "and nobody can ever bring the recording back."
    ),
    Effect.UNKNOWN: (
        "Older servers mark a recording as deleted (a tombstone), also one that they never had; the newest destroy its "
        "key for good (shredding). Which this one does cannot be told: reckon with the latter."
    ),
}


class Fate(StrEnum):
    """What became of one id: exactly one of these. The first three are done; the same list again does the others."""

    ERASED = "erased"
    GONE = "gone"
    EARLIER = "earlier"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self in (Fate.ERASED, Fate.GONE, Fate.EARLIER)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one id; `reason` is for people."""

    id: str
    fate: Fate
    reason: Message = ()
    answer: Answer | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """What became of every id that was asked for, in that order."""

    environment: Environment
    effect: Effect
    outcomes: tuple[Outcome, ...]
    duplicates: int = 0
    interrupted: bool = False

    def count(self, fate: Fate) -> int:
        """How many ids ended as *fate*."""
        return sum(outcome.fate is fate for outcome in self.outcomes)

    @property
    def is_complete(self) -> bool:
        """Whether every id is done."""
        return all(outcome.fate.is_done for outcome in self.outcomes)

    @property
    def is_begun(self) -> bool:
        """Whether something is done, or may be."""
        return any(outcome.fate.is_done or outcome.fate is Fate.UNKNOWN for outcome in self.outcomes)


def effect_of(row: Mapping[str, Any] | None) -> Effect:
    """What a deletion does on the server that has this subscription *row*: its keys tell the generation (contract §0).

    Between the oldest and the newest servers nobody knows when the one became the other.
    """
    if row is None:
        return Effect.UNKNOWN
    if "delivery_config" in row:
        return Effect.SHREDDING
    return Effect.UNKNOWN if _LATER.intersection(row) else Effect.TOMBSTONE


_LATER = frozenset({"dashboard_export_insights", "integration_id", "enabled", "resource_type", "resource_name"})


def seconds_for(many: int) -> int:
    """About how long the server's limits let *many* requests take."""
    hours, rest = divmod(max(0, many - 1), AN_HOUR)
    return hours * 3600 + rest // A_MINUTE * 60


def in_words(seconds: int) -> str:
    """*seconds* as a person says them: `7 minutes`, `3 hours`."""
    minutes = -(-seconds // 60)
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{-(-minutes // 60)} hours"
