"""Session properties: what the answers about them say, in the shapes of every server. Pure.

Older servers answer values with a bare array, newer ones with an object (contract §9.3). Knows the fields of an
answer; knows neither how it was asked for nor how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .model import Json


@dataclass(frozen=True, slots=True)
class Property:
    """A property that sessions have. `type` is the server's word for it, None where it says none."""

    name: str
    type: str | None
    numerical: bool


@dataclass(frozen=True, slots=True)
class Values:
    """Values that a property has had. `refreshing` says that the server is still looking for newer ones."""

    names: tuple[str, ...]
    refreshing: bool = False


def properties(answer: Json, *, numerical: bool = False) -> tuple[Property, ...]:
    """The properties in *answer*, only the *numerical* ones where asked: older servers do not heed that filter.

    ValueError for what is no such answer.
    """
    found = tuple(_property(item) for item in _results(answer))
    return tuple(item for item in found if item.numerical or not numerical)


def values(answer: Json) -> Values:
    """The values in *answer*. ValueError for what is no such answer."""
    refreshing = isinstance(answer, dict) and answer.get("refreshing") is True
    return Values(tuple(_name(item) for item in _results(answer)), refreshing)


def _results(answer: Json) -> Sequence[Json]:
    """The list that is the answer, or that stands in it."""
    found = answer.get("results") if isinstance(answer, dict) else answer
    if not isinstance(found, list):
        raise ValueError("the answer is neither a list nor an object with results")
    return found


def _property(item: Json) -> Property:
    type = item.get("property_type") if isinstance(item, dict) else None
    return Property(_name(item), type if isinstance(type, str) else None, item.get("is_numerical") is True)


def _name(item: Json) -> str:
    """The name of an item; numbers and booleans, which some servers answer as they are, become their text."""
    name = item.get("name") if isinstance(item, dict) else None
    match name:
        case str():
            return name
        case bool():
            return str(name).lower()
        case int() | float():
            return str(name)
    raise ValueError("an item of the answer has no name")
