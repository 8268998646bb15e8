"""Where a value stands in its file: measured by reading the text again, only when there is something to report.

So a clean run keeps no marks, which would take five times the memory of the data. Knows files and YAML's events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import yaml
from yaml.events import (
    CollectionStartEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from ..errors import Problem
from ..model import Source
from ..privacy import quoted
from ..resource import Pointer
from .files import Files
from .text import MAX_DEPTH, MAX_FILE, MAX_PROBLEMS, Unreadable, decoded, events, problem

_Mark = tuple[int, int]
_NOWHERE: _Mark = (1, 1)


@dataclass(slots=True)
class _Place:
    """Where a value and its key begin, and the places inside it."""

    value: _Mark
    key: _Mark | None = None
    inside: dict[str | int, _Place] = field(default_factory=dict)


class _Surveyor:
    """Measures where everything stands. Run only over a text that has something to report.

    `duplicates` are the keys that stand twice in one mapping, with both places.
    """

    def __init__(self, text: str, first_line: int = 0) -> None:
        self._first_line = first_line
        self._events = events(text)
        self.duplicates: list[tuple[str, _Mark, _Mark]] = []

    def places(self) -> Iterator[_Place]:
        """The place of each document, in order, as far as the text can be read."""
        try:
            for event in self._events:
                if type(event) is DocumentStartEvent:
                    yield self._place(next(self._events), 0)
        except (yaml.YAMLError, Unreadable):
            return

    def _place(self, event: Any, depth: int) -> _Place:
        place = _Place((self._first_line + event.start_mark.line + 1, event.start_mark.column + 1))
        if depth > MAX_DEPTH:
            raise Unreadable("too-deep", *place.value)
        if type(event) is MappingStartEvent:
            self._survey_mapping(place, depth + 1)
        elif isinstance(event, CollectionStartEvent):
            for index, item in enumerate(self._events):
                if type(item) is SequenceEndEvent:
                    break
                place.inside[index] = self._place(item, depth + 1)
        return place

    def _survey_mapping(self, place: _Place, depth: int) -> None:
        for event in self._events:
            if type(event) is MappingEndEvent:
                return
            key = event.value if type(event) is ScalarEvent else None
            at = self._place(event, depth).value
            inner = self._place(next(self._events), depth)
            inner.key = at
            if key in place.inside:
                self.duplicates.append((key, place.inside[key].key or _NOWHERE, at))
            elif key is not None:
                place.inside[key] = inner


def duplicates(path: str, text: bytes, documents: Collection[int]) -> Iterator[Problem]:
    """A problem for each key that stands twice in one mapping of the given *documents*, naming both places.

    After MAX_PROBLEMS one that says that there may be more: to look for them all would take longer than to read.
    """
    found = islice(_doubled(text, documents), MAX_PROBLEMS + 1)
    for number, (key, first, second) in enumerate(found):
        if number == MAX_PROBLEMS:
            message = "the rest of this file was not looked at for keys that stand twice"
            yield problem(path, "too-many-problems", message, line=second[0], column=second[1])
            return
        parts = ("the key ", *quoted(key), f" stands twice, first at {path}:{first[0]}:{first[1]}; remove one")
        yield problem(path, "duplicate-key", *parts, line=second[0], column=second[1])


def _doubled(text: bytes, documents: Collection[int]) -> Iterator[tuple[str, _Mark, _Mark]]:
    """The keys that stand twice in one mapping of the given *documents*, with both places."""
    surveyor, seen = _Surveyor(decoded(text)), 0
    for index, _ in enumerate(surveyor.places()):
        found, seen = surveyor.duplicates[seen:], len(surveyor.duplicates)
        if index in documents:
            yield from found


def locate(text: bytes, index: int, pointer: Pointer, *, key: bool = False) -> tuple[int, int]:
    """The line and column, from 1, of the value at *pointer* in the document number *index* of *text*.

    Of its key, for a mapping or if *key* is asked for; of the nearest parent that exists, if it does not.
    """
    for number, place in enumerate(_Surveyor(decoded(text)).places()):
        if number == index:
            return _found(place, pointer, key=key)
    return _NOWHERE


def _found(place: _Place, pointer: Pointer, *, key: bool) -> _Mark:
    for step in pointer:
        if step not in place.inside:
            key = True
            break
        place = place.inside[step]
    return place.key if place.key and (key or place.inside) else place.value


class _Opened:
    """A file that has something to report: its text, and where each document begins, found as far as it is asked."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text
        self._marks = _starts(text)
        self._starts: list[tuple[int, int]] = []

    def document(self, index: int) -> tuple[str, int] | None:
        """The text of the document number *index*, and the number, from 0, of the line it begins on."""
        while len(self._starts) < index + 2 and (mark := next(self._marks, None)) is not None:
            self._starts.append(mark)
        if index >= len(self._starts):
            return None
        begin, line = self._starts[index]
        end = self._starts[index + 1][0] if index + 1 < len(self._starts) else None
        return self._text[begin:end], line


class Locator:
    """Finds the place of a value by reading its file again; remembers the last file and the last document.

    So a clean run pays nothing, and a bad one reads each bad file once more, not once per problem.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._opened: _Opened | None = None
        self._surveyed: tuple[Source, int, _Place] | None = None

    def __call__(self, source: Source, pointer: Pointer, *, key: bool = False) -> tuple[int, int]:
        """The line and column, from 1, of the value (or the key) at *pointer* in the document at *source*."""
        try:
            place = self._place(source)
        except (OSError, Unreadable, yaml.YAMLError):  # the file changed since it was read
            return source.line, 1
        if place is None:
            return source.line, 1
        return _found(place, pointer, key=key)

    def _place(self, source: Source) -> _Place | None:
        if self._surveyed and self._surveyed[:2] == (source, source.index):
            return self._surveyed[2]
        if self._opened is None or self._opened.path != source.path:
            self._opened = _Opened(source.path, decoded(self._files.read(source.path, MAX_FILE)))
        found = self._opened.document(source.index)
        place = next(_Surveyor(*found).places(), None) if found is not None else None
        if place is not None:
            self._surveyed = (source, source.index, place)
        return place


def split(text: str) -> list[str]:
    """*text* in parts that join to it again: what stands before its first document, then each document."""
    begins = [begin for begin, _ in _starts(text)]
    return [text[begin:end] for begin, end in zip([0, *begins], [*begins, None], strict=True)]


def _starts(text: str) -> Iterator[tuple[int, int]]:
    """For each document of *text* the offset and the number, from 0, of the line it begins on."""
    marks: Iterator[Any] = (event.start_mark for event in events(text) if type(event) is DocumentStartEvent)
    return ((mark.index - mark.column, mark.line) for mark in marks)
