"""From libyaml's events to plain data: YAML 1.2 scalars, JSON's keys, bounded aliases, no code.

An own builder, because PyYAML's reads YAML 1.1, lets the last of two equal keys win and takes twice as long. Knows no
files and nothing of what a document means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from sys import intern
from typing import Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from ..errors import Problem
from ..model import Json
from ..privacy import quoted
from .text import (
    DOCUMENT_NODES,
    MAX_DEPTH,
    MAX_DOCUMENT_WEIGHT,
    MAX_FILE_NODES,
    MAX_PROBLEMS,
    TOO_DEEP,
    Parts,
    Unreadable,
    events,
    problem,
)

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS: Mapping[str, tuple[type, ...]] = {
    f"{_CORE}int": (int,),
    f"{_CORE}float": (int, float),
    f"{_CORE}bool": (bool,),
    f"{_CORE}null": (type(None),),
}


def _scalar(text: str) -> Json:
    """What the unquoted *text* means in YAML 1.2's core schema; infinite or NaN where JSON has no such number."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789" or len(text) > 400:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if not _FLOAT.fullmatch(text):
        return text
    number = float(text)
    # JSON has one sort of number, so 1.0 is the integer 1; beyond 2**53 a float names no integer for certain.
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def is_text(text: str) -> bool:
    """Whether *text* without quotes is read as itself, and not as a number or a word that means something."""
    return isinstance(_scalar(text), str)


def _plain_key(text: str) -> str | None:
    """The unquoted key *text*, one object for all its uses; None for what is no key, or needs a closer look."""
    return intern(text) if is_text(text) and text != "<<" else None


# Manifests say the same few things again and again: the caches halve the time and the memory of a tree.
_cached_scalar = lru_cache(maxsize=65_536)(_scalar)
_cached_key = lru_cache(maxsize=1_024)(_plain_key)
_CACHED_LENGTH = 40


class Builder:
    """Builds plain data from libyaml's events, and keeps nothing else: no nodes, no marks.

    `problems` are those of the text so far, `has_duplicates` is of the last document: a mapping has a key twice.
    Recursion is bounded by MAX_DEPTH, which counts what aliases bring with them.
    """

    __slots__ = ("_anchors", "_deepest", "_events", "_left", "_open", "has_duplicates", "path", "problems")

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.has_duplicates = False

    def documents(self, text: bytes) -> Iterator[tuple[int, int, Json]]:
        """The line, from 1, the number, from 0, and the data of every document of *text* that is not empty."""
        self._events = events(text)
        index, left = 0, MAX_FILE_NODES
        for event in self._events:
            if type(event) is not DocumentStartEvent:
                continue
            first = next(self._events)
            self._anchors: dict[str, tuple[Json, int, int]] = {}
            self._open: set[str] = set()
            self._left = budget = min(MAX_DOCUMENT_WEIGHT, left)
            self._deepest = 0
            self.has_duplicates = False
            data = self._node(first, 0)
            left -= budget - self._left + DOCUMENT_NODES
            if data is not None:
                yield first.start_mark.line + 1, index, data
            index += 1

    def _node(self, event: Any, depth: int) -> Json:
        """The data that begins with *event*, *depth* collections deep."""
        self._left -= 1
        if self._left < 0:
            raise self._stop("too-large", event, "too many values for one document or file; split it")
        if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
            # Nine of ten values: short and without ado. A number that is no whole one is looked at more closely.
            text = event.value
            if len(text) <= _CACHED_LENGTH:
                value = text if event.style else _cached_scalar(text)
                if type(value) is not float:
                    return value
        if event.anchor is not None:
            return self._alias(event, depth) if type(event) is AliasEvent else self._anchored(event, depth)
        if type(event) is ScalarEvent:
            return self._text(event)
        return self._collection(event, depth + 1)

    def _text(self, event: ScalarEvent) -> Json:
        """The value of a scalar. A long one weighs more, so that aliases cannot multiply it."""
        text = event.value
        if event.tag is not None:
            return self._tagged(event, event.tag)
        if len(text) <= _CACHED_LENGTH:
            value = text if event.style else _cached_scalar(text)
        else:
            self._left -= len(text) >> 6
            value = text if event.style else _scalar(text)
        if type(value) is float and not math.isfinite(value):
            self._report("not-json", event, "not a number that JSON can hold: ", *quoted(text), "; put text in quotes")
        return value

    def _tagged(self, event: ScalarEvent, tag: str) -> Json:
        """The value of a scalar with an explicit tag: one of YAML's own, on a value it fits."""
        if tag in ("!", f"{_CORE}str"):
            return event.value
        value = _scalar(event.value)
        if tag in _SCALAR_TAGS and type(value) in _SCALAR_TAGS[tag]:
            return value
        self._refuse_tag(event, tag)
        return event.value

    def _refuse_tag(self, event: Any, tag: str) -> None:
        shown = tag.replace(_CORE, "!!")
        self._report("yaml-tag", event, "the tag ", *quoted(shown), " is not loaded, nor is any code; remove the tag")

    def _collection(self, event: Any, depth: int) -> Json:
        if depth > MAX_DEPTH:
            raise self._stop("too-deep", event, TOO_DEEP)
        if depth > self._deepest:
            self._deepest = depth
        is_mapping = type(event) is MappingStartEvent
        if event.tag is not None and event.tag not in ("!", f"{_CORE}map" if is_mapping else f"{_CORE}seq"):
            self._refuse_tag(event, event.tag)
        return self._mapping(depth) if is_mapping else self._sequence(depth)

    def _sequence(self, depth: int) -> list[Json]:
        items = []
        for event in self._events:
            if type(event) is SequenceEndEvent:
                break
            items.append(self._node(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[str, Json]:
        mapping: dict[str, Json] = {}
        for event in self._events:
            if type(event) is MappingEndEvent:
                break
            key = self._key(event, depth)
            value = self._node(next(self._events), depth)
            if key is None:
                continue
            if key in mapping:
                self.has_duplicates = True
            else:
                mapping[key] = value
        return mapping

    def _key(self, event: Any, depth: int) -> str | None:
        """The key that begins with *event*; None, and a problem more, for one that JSON does not have."""
        if type(event) is ScalarEvent and event.anchor is None and event.tag is None:
            known = _cached_key(event.value) if len(event.value) <= _CACHED_LENGTH else None
            if known is not None:
                return known
        key = self._node(event, depth)
        if type(key) is not str:
            self._report("key-not-text", event, "a key must be text", *_requoted(event))
            return None
        if key == "<<" and not getattr(event, "style", None):
            self._report("merge-key", event, "YAML 1.2 has no merge key <<; write the fields out")
            return None
        return intern(key)

    def _anchored(self, event: Any, depth: int) -> Json:
        """A value that aliases may repeat, remembered with its weight and its height."""
        name, weight, deepest = event.anchor, self._left, self._deepest
        self._anchors.pop(name, None)
        self._open.add(name)
        self._deepest = depth
        value = self._text(event) if type(event) is ScalarEvent else self._collection(event, depth + 1)
        self._open.discard(name)
        self._anchors[name] = (value, weight - self._left + 1, self._deepest - depth)
        self._deepest = max(self._deepest, deepest)
        return value

    def _alias(self, event: Any, depth: int) -> Json:
        """What an alias stands for, weighed as if it were written out."""
        name = event.anchor
        if name in self._open:
            raise self._stop("alias-loop", event, "the alias ", *quoted(name), " stands inside its own anchor")
        if name not in self._anchors:
            self._report("unknown-alias", event, "no anchor is named ", *quoted(name), " before this place")
            return None
        value, weight, height = self._anchors[name]
        self._left -= weight
        if self._left < 0:
            raise self._stop("alias-bomb", event, "its aliases stand for too many values; write out what is meant")
        if depth + height > MAX_DEPTH:
            raise self._stop("too-deep", event, f"aliases nested more than {MAX_DEPTH} levels deep; write them out")
        self._deepest = max(self._deepest, depth + height)
        return value

    def _stop(self, rule: str, event: Any, *parts: Parts) -> Unreadable:
        mark = event.start_mark
        return Unreadable(rule, mark.line + 1, mark.column + 1, *parts)

    def _report(self, rule: str, event: Any, *parts: Parts) -> None:
        mark = event.start_mark
        self.problems.append(problem(self.path, rule, *parts, line=mark.line + 1, column=mark.column + 1))
        if len(self.problems) >= MAX_PROBLEMS:
            raise self._stop("too-many-problems", event, "the rest of this file was not looked at")


def _requoted(event: Any) -> tuple[Parts, ...]:
    """The way out for a key that is no text: itself, in quotes."""
    if type(event) is not ScalarEvent:
        return (", not a list, a mapping or an alias",)
    return ("; put it in quotes: ", *quoted(event.value))
