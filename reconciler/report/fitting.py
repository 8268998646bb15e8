"""Make a page fit where it goes: what is too much is left out whole, never cut, and the page says what is missing.

Every block says when it may go; what is kept always is the head, with the true counts, and the foot. Pure; knows
nothing of what the blocks say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, groupby

from .view import count


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a place takes: characters (None: any number) and bytes of UTF-8, whichever is reached first."""

    characters: int | None
    bytes: int

    def hold(self, characters: int, size: int) -> bool:
        """Whether so many characters, in *size* bytes, fit."""
        return (self.characters is None or characters <= self.characters) and size <= self.bytes


COMMENT = Limits(65_000, 250_000)
"""GitHub refuses 65,536 characters, or 262,144 bytes, of a comment or an issue."""
SUMMARY = Limits(None, 1_000_000)
"""GitHub drops a summary of more than 1 MiB whole."""
BRIEF = 4_000
"""Characters that a page in brief may spend on what it would always keep."""


class Rank(IntEnum):
    """What goes first where there is too much: the lowest."""

    DIFF = 1
    ROW = 2
    REVIEWED = 3
    WEIGHTY_ROW = 4
    NOTICE = 5
    SECTION = 6
    KEPT = 9


_NOUNS = {
    Rank.DIFF: "diff",
    Rank.ROW: "row",
    Rank.REVIEWED: "reviewed plan",
    Rank.WEIGHTY_ROW: "row",
    Rank.NOTICE: "notice",
    Rank.SECTION: "section",
}


@dataclass(frozen=True, slots=True)
class Group:
    """What stands around blocks that follow each other, as long as one of them is shown: the head of a table."""

    head: str
    tail: str = ""
    between: str = "\n"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece that is shown whole or not at all; `short` stands in its place for as long as there is room for that."""

    text: str
    rank: Rank = Rank.KEPT
    short: str = ""
    group: Group | None = None

    @property
    def gap(self) -> int:
        """How many characters part it from its neighbour."""
        return len(self.group.between) if self.group is not None else 2


@dataclass(frozen=True, slots=True)
class Page:
    """Blocks, of which the first is the head, and a foot; above them a marker that nobody sees, where there is one.

    `elsewhere` says where the whole is to be had, in a sentence.
    """

    blocks: tuple[Block, ...]
    foot: str
    marker: str = ""
    elsewhere: str = "The whole is in the log of the run."

    def within(self, limits: Limits) -> str:
        """The page, with as much left out as it must; its head and foot alone where even that is not enough."""
        whole = self._written([block.text for block in self.blocks])
        if _fits(whole, limits):
            return whole
        shorter = (self._written(*self._shortened(limits)), self.brief)
        return next((text for text in shorter if _fits(text, limits)), self._least(0))

    @property
    def brief(self) -> str:
        """The marker, the head and the foot, and of what is kept always as much as a few thousand characters take."""
        return self._least(BRIEF)

    def _least(self, most: int) -> str:
        """The page with its head, and what follows of its kept blocks and sections within *most* characters."""
        head, *rest = self.blocks
        kept = [block.text for block in rest if block.rank >= Rank.SECTION]
        ends = accumulate(len(text) for text in kept)
        told = [text for text, end in zip(kept, ends, strict=True) if end <= most]
        return self._framed([head.text, *told, f"> All the rest is left out for length. {self.elsewhere}"])

    def _written(self, texts: Sequence[str], missing: str = "") -> str:
        pairs = zip(self.blocks, texts, strict=True)
        parts = [_grouped(group, [text for _, text in run if text]) for group, run in groupby(pairs, _group)]
        return self._framed([*(part for part in parts if part), *([missing] if missing else [])])

    def _framed(self, parts: Sequence[str]) -> str:
        marker = f"{self.marker}\n" if self.marker else ""
        return marker + "\n\n".join([*parts, *([self.foot] if self.foot else [])])

    def _shortened(self, limits: Limits) -> tuple[list[str], str]:
        """The texts that are left, and the sentence that says what is not."""
        texts = [block.text for block in self.blocks]
        spent = _Spent(self)
        for index, replacement in self._steps():
            if limits.hold(spent.characters, spent.bytes):
                break
            spent.exchange(texts[index], replacement, self.blocks[index].gap)
            texts[index] = replacement
        return texts, self._missing(texts)

    def _steps(self) -> Iterator[tuple[int, str]]:
        """What to put where, in order: a short form for the largest diffs first; then nothing, the last block first."""
        by_size = sorted(range(len(self.blocks)), key=lambda index: -len(self.blocks[index].text))
        yield from ((index, self.blocks[index].short) for index in by_size if self.blocks[index].rank is Rank.DIFF)
        last_first = sorted(range(len(self.blocks)), key=lambda index: (self.blocks[index].rank, -index))
        yield from ((index, "") for index in last_first if self.blocks[index].rank is not Rank.KEPT)

    def _missing(self, texts: Sequence[str]) -> str:
        gone = Counter(_NOUNS[block.rank] for block, text in zip(self.blocks, texts, strict=True) if text != block.text)
        told = ", ".join(count(number, noun) for noun, number in gone.items())
        return f"> Left out for length: {told}. {self.elsewhere}"


class _Spent:
    """The size of a page while blocks of it are exchanged; a little more than it will be, never less."""

    _RESERVE = 300
    """For the sentence that says what is missing, its link not counted."""

    def __init__(self, page: Page) -> None:
        groups = [group for group, _ in groupby(block.group for block in page.blocks) if group is not None]
        around = [part for group in groups for part in (group.head, group.tail)]
        frame = [page.marker, page.foot, page.elsewhere, *around]
        self.characters = self.bytes = self._RESERVE + 2 * len(frame)
        for text, gap in [*((text, 0) for text in frame), *((block.text, block.gap) for block in page.blocks)]:
            self.exchange("", text, gap)

    def exchange(self, old: str, new: str, gap: int) -> None:
        """Count *new* instead of *old*, with the *gap* beside it; nothing has none."""
        beside = gap * (bool(new) - bool(old))
        self.characters += len(new) - len(old) + beside
        self.bytes += _size(new) - _size(old) + beside


def _group(pair: tuple[Block, str]) -> Group | None:
    return pair[0].group


def _grouped(group: Group | None, texts: Sequence[str]) -> str:
    """*texts* with what stands around them; nothing where none is left."""
    if group is None or not texts:
        return "\n\n".join(texts)
    return group.head + group.between.join(texts) + group.tail


def _fits(text: str, limits: Limits) -> bool:
    return limits.hold(len(text), _size(text))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))
