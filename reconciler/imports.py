"""What `import` made of live rows, as frozen data: manifests, and reasons. Knows not how either came about."""

from __future__ import annotations

from dataclasses import dataclass, field

from .model import Environment, Json
from .privacy import Message


@dataclass(frozen=True, slots=True)
class Written:
    """A row as a manifest: its name, and the document with addresses in full."""

    id: int
    name: str
    document: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that gets no manifest, and why."""

    id: int
    why: Message


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of every row that was meant, in the order of ids; of the others, how many carry a tag.

    `leftovers` are the rows with our tag of which no manifest knows, also now.
    """

    environment: Environment
    written: tuple[Written, ...]
    skipped: tuple[Skipped, ...]
    tagged: int = 0
    leftovers: tuple[int, ...] = ()
