"""Compare what a row should be with what it is. Pure; knows two mappings of normalised fields, never a particular kind.

The only room that knows deepdiff. It does not know limits, order, or whether anyone will apply what it finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .model import Fields

_Place = tuple[int, str]
"""The number of a pair, and the name of a field in it."""

_AT_ONCE = 1_000
"""Fields that deepdiff is given at once: it takes 2 kB for each that differs."""


def changed(before: Fields, after: Fields) -> tuple[str, ...]:
    """The fields that *after* names and whose values differ from *before*, in the order of *after*.

    Fields that *after* leaves out are not ours.
    """
    return changes([(before, after)])[0]


def changes(pairs: Sequence[tuple[Fields, Fields]]) -> list[tuple[str, ...]]:
    """What is `changed` in each of *pairs*.

    Nearly every pair is equal, and deepdiff takes several hundred times as long as `==`, so only fields that are not
    equal are handed to it; and many of them at once, because beginning takes it twice as long as comparing two fields.
    """
    unequal = [
        (number, name)
        for number, (before, after) in enumerate(pairs)
        if before != after
        for name, value in after.items()
        if before.get(name) != value
    ]
    found: list[list[str]] = [[] for _ in pairs]
    for begin in range(0, len(unequal), _AT_ONCE):
        for number, name in _confirmed(pairs, unequal[begin : begin + _AT_ONCE]):
            found[number].append(name)
    return [tuple(names) for names in found]


def _confirmed(pairs: Sequence[tuple[Fields, Fields]], places: Sequence[_Place]) -> Iterator[_Place]:
    """Those of *places* in which deepdiff finds a difference, too."""
    from deepdiff import DeepDiff

    found = DeepDiff(
        {(number, name): _comparable(pairs[number][0].get(name)) for number, name in places},
        {(number, name): _comparable(pairs[number][1][name]) for number, name in places},
        view="tree",  # what deepdiff has to begin with; its other view is made of it, and takes as long again
    ).affected_root_keys
    return (place for place in places if place in found)


def _comparable(value: Any) -> Any:
    """A kind's own value by what it means, a set as its sorted text; anything else as it is.

    Deepdiff hashes each member of a set by itself, which takes four times as long as comparing two texts.
    """
    meaning = getattr(value, "meaning", value)
    # Begun with what no text from a server holds, lest a text that looks like a set is taken for one.
    return f"\0{sorted(meaning)!r}" if isinstance(meaning, frozenset) else meaning
