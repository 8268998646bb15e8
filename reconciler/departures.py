"""A person who leaves: where manifests and groups name them, what is edited, and what nobody can edit for them. Pure.

Knows places, texts and who may see an address; knows no YAML, no files, and not how an edit is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum

from .privacy import Address, Message, Private, guarded, say


class Sort(StrEnum):
    """What names a person."""

    MANIFEST = "manifest"
    GROUP = "group"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A manifest's list or a group that names the person: where the entry stands, and whose it is."""

    path: str
    line: int
    column: int
    sort: Sort
    name: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A place that still names the person, which rule keeps it, and the way out."""

    place: Place
    rule: str
    message: Message


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """A line on which the address stands where nobody is mailed by it: a comment, a title, a tombstone."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Part:
    """A document of a file before and after, and how many lines stand above it, before and after."""

    before: str = field(repr=False)
    after: str = field(repr=False)
    above: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Edit:
    """A file that was edited: its documents that differ, and the places that no longer name the person."""

    path: str
    parts: tuple[Part, ...]
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Departure:
    """What became of taking one person out; with `is_rehearsal` nothing was written."""

    address: Address
    edits: tuple[Edit, ...]
    kept: tuple[Kept, ...] = ()
    mentions: tuple[Mention, ...] = ()
    is_rehearsal: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether no manifest and no group names the person any more."""
        return not self.kept


class Line(Private):
    """A line in which something is spelled with escapes, so that nobody can tell what is private in it."""

    __slots__ = ()
    is_for_reviewers = True


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that go and lines that come, with how many stand above each, and the name they belong to."""

    gone: tuple[Message, ...]
    come: tuple[Message, ...]
    above: tuple[int, int]
    name: str


def hunks(edit: Edit) -> Iterator[Hunk]:
    """What differs in *edit*, line by line, without the lines around it, which may hold other secrets."""
    for part in edit.parts:
        before, after = lines(part.before), lines(part.after)
        for sort, first, last, new, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if sort != "equal":
                above = (part.above[0] + first, part.above[1] + new)
                numbers = range(above[0] + 1, above[0] + last - first + 1)
                name = next((place.name for place in edit.places if place.line in numbers), "")
                yield Hunk(tuple(map(_shown, before[first:last])), tuple(map(_shown, after[new:end])), above, name)


def lines(text: str) -> list[str]:
    """The lines of *text* as YAML breaks them; the last one has no end."""
    return re.split(r"\r\n|\r|\n", text)


def _shown(line: str) -> Message:
    """*line*, with all in it masked that is private."""
    return say(Line(line)) if "\\" in line else guarded(line)
