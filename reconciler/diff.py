"""Compare what a row should be with what it is. Pure; knows two mappings of normalised fields, never a particular kind.

The only room that knows deepdiff. It does not know limits, order, or whether anyone will apply what it finds.
"""

from __future__ import annotations

from typing import Any

from .model import Fields


def changed(before: Fields, after: Fields) -> tuple[str, ...]:
    """The fields that *after* names and whose values differ from *before*, in the order of *after*.

    Fields that *after* leaves out are not ours. Nearly every pair is equal, and deepdiff takes several hundred times as
    long as `==`, so only fields that are not equal are handed to it.
    """
    if before == after:
        return ()
    unequal = [name for name, value in after.items() if before.get(name) != value]
    if not unequal:
        return ()
    from deepdiff import DeepDiff

    found = DeepDiff(
        {name: _comparable(before.get(name)) for name in unequal},
        {name: _comparable(after[name]) for name in unequal},
        view="tree",  # what deepdiff has to begin with; its other view is made of it, and takes as long again
    ).affected_root_keys
    return tuple(name for name in unequal if name in found)


def _comparable(value: Any) -> Any:
    """A kind's own value by what it means, a set as its sorted text; anything else as it is.

    Deepdiff hashes each member of a set by itself, which takes four times as long as comparing two texts.
    """
    meaning = getattr(value, "meaning", value)
    return repr(sorted(meaning)) if isinstance(meaning, frozenset) else meaning
