"""From a violation to words: where, which rule, what is there, and the way out. Pure.

Schemas may bring their own words: `patternErrorMessage` and `typeErrorMessage` say how to write a value, `errorMessage`
what a whole sub-schema means (editors show them). A value is echoed only masked where it may be private. Knows no file
and no validator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Protocol

from ..errors import Problem
from ..model import Json, Source
from ..privacy import Address, Message, Private, SecretUrl, quoted, say
from ..resource import Pointer
from .validators import MAX_VIOLATIONS, Violation

Parts = str | int | Private
"""What a message is made of."""


class Locate(Protocol):
    """Finds the place of a value in its file."""

    def __call__(self, source: Source, pointer: Pointer, *, key: bool = False) -> tuple[int, int]:
        """The line and column, from 1, of the value (or its key) at *pointer* in the document at *source*."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One place in a document where its schema does not hold. `at_key`: the key is wrong, not its value."""

    pointer: Pointer
    rule: str
    message: Message
    at_key: bool = False

    def problem(self, source: Source, locate: Locate) -> Problem:
        """The breach as a Problem with its place."""
        line, column = locate(source, self.pointer, key=self.at_key)
        return Problem(self.rule, self.message, source.path, line, column)


def nearest(name: str, known: Iterable[str]) -> str:
    """The question whether the nearest *known* name was meant, or nothing."""
    near = get_close_matches(name, list(known), 1) or get_close_matches(name.lower(), list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


_TYPES: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}
_PLAIN_KEY = re.compile(r"[\w.-]+")
_PLAIN_TARGET = re.compile(r"[#@]?[\w|#-]*")


def worded(found: Violation) -> Iterator[Breach]:
    """What *found* says, in our words: one Breach, or one per unknown or missing field."""
    if found.in_key:
        yield breach((*found.pointer, found.instance), "bad-name", *_unfit(found, ()), at_key=True)
    else:
        yield from _WORDINGS.get(found.keyword, _otherwise)(found.pointer, found)


def breach(pointer: Pointer, rule: str, *parts: Parts, at_key: bool = False) -> Breach:
    """The breach of *rule* at *pointer*, its message led by the place inside the document."""
    where = dotted(pointer)
    return Breach(pointer, rule, say(*where, ": ", *parts) if where else say(*parts), at_key)


def dotted(pointer: Pointer) -> Message:
    """*pointer* as people write it: `spec.byweekday[0]`; a key that looks private stays masked."""
    parts: list[str | Private] = []
    for step in pointer:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            parts += ["."] if parts else []
            parts += [step] if quoted(step) == (f'"{step}"',) and _PLAIN_KEY.fullmatch(step) else quoted(step)
    return tuple(parts)


def _unknown(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    known = found.schema.get("properties", {})
    strangers = [name for name in found.instance if name not in known]
    for number, name in enumerate(strangers):
        # Beyond so many it is no slip, and the nearest name takes longest to find.
        near = nearest(name, known) if number < MAX_VIOLATIONS else ""
        way_out = near or f"; the fields are {', '.join(known)}"
        told = breach(pointer, "unknown-field", "unknown field ", *quoted(name), way_out, at_key=True)
        yield replace(told, pointer=(*pointer, name))


def _missing(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    hint = found.schema.get("errorMessage")
    for name in found.wanted:
        if name not in found.instance:
            yield breach(pointer, "missing-field", hint or f"{name} is missing; add it", at_key=True)


def _wrong_type(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    hint = found.schema.get("typeErrorMessage") or found.schema.get("errorMessage")
    yield breach(pointer, "wrong-type", *((hint,) if hint else _retyped(pointer, found)))


def _retyped(pointer: Pointer, found: Violation) -> Message:
    """What the value is and what it should be, with the value as it should be written if that can be told."""
    value = found.instance
    types = [found.wanted] if isinstance(found.wanted, str) else found.wanted
    echo = shown(value, pointer)
    if isinstance(value, str):
        if re.fullmatch(r"-?[0-9]{1,15}", value) and {"integer", "number"} & set(types):
            return say(*echo, f" is text; write the number {value} without quotes")
        if "array" in types:
            return say(*echo, " is a lone text; write a list: [", *_unquoted(echo), "]")
    elif isinstance(value, bool | int | float) and "string" in types and "enum" not in found.schema:
        spelled = json.dumps(value)
        sort = "a boolean" if isinstance(value, bool) else "a number"
        return say(f'{spelled} is {sort}; put it in quotes: "{spelled}"')
    wanted = " or ".join(found.schema.get("enum", [_TYPES[name] for name in types if name != "null"]))
    if value is None:
        return say(f"is empty; write {wanted}")
    return say(f"must be {wanted}, not ", *echo)


def _unquoted(echo: Message) -> Message:
    return tuple(part.strip('"') if isinstance(part, str) else part for part in echo)


def _not_chosen(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    value, choices = found.instance, found.wanted
    if not isinstance(value, str):
        return  # `type` says it better
    lower = value.strip().lower()
    if lower in choices:
        way_out = f"; write it in lower case: {lower}"
    else:
        way_out = nearest(value, choices) or f"; choose from {', '.join(choices)}"
    yield breach(pointer, "not-a-choice", *shown(value, pointer), " is not a choice here", way_out)


def _not_constant(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    wanted = json.dumps(found.wanted).strip('"')
    yield breach(pointer, "not-a-choice", f"must be {wanted}, not ", *shown(found.instance, pointer))


def _does_not_fit(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    yield breach(pointer, "bad-format", *_unfit(found, pointer))


def _unfit(found: Violation, pointer: Pointer) -> Message:
    value, types = found.instance, found.schema.get("type", ())
    if "integer" in types and re.fullmatch(r"[0-9]{1,15}", value):
        return say(*shown(value, pointer), f" is text; write the number {value} without quotes")
    return say(*shown(value, pointer), " does not fit; ", found.schema["patternErrorMessage"])


def _out_of_range(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    types = found.schema.get("type", ())
    sort = "a number" if "number" in types else "a whole number"
    bound = "at least" if found.keyword == "minimum" else "at most"
    echo = shown(found.instance, pointer)
    yield breach(pointer, "out-of-range", f"must be {sort} of {bound} {found.wanted}, not ", *echo)


def _empty(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    hint = found.schema.get("errorMessage")
    yield breach(pointer, "empty", hint or "must not be empty; fill it in, or remove the field")


def _too_long(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    what = "characters long" if found.keyword == "maxLength" else "entries long"
    most = found.wanted
    yield breach(pointer, "too-long", f"is {len(found.instance)} {what}; {most} is the most; shorten it")


def _again(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    item = found.instance[int(pointer[-1])]
    yield breach(pointer, "duplicate-item", *shown(item, pointer), " stands in the list twice; remove one")


def _refused(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    nested = found.wanted if isinstance(found.wanted, dict) else {}
    message = nested.get("errorMessage") or found.schema.get("errorMessage")
    yield breach(pointer, "not-allowed", message, at_key=True)


def _otherwise(pointer: Pointer, found: Violation) -> Iterator[Breach]:
    yield breach(pointer, "not-allowed", f"breaks the schema's {found.keyword}")


_WORDINGS: Mapping[str, Callable[[Pointer, Violation], Iterator[Breach]]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "type": _wrong_type,
    "enum": _not_chosen,
    "const": _not_constant,
    "pattern": _does_not_fit,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "minLength": _empty,
    "minItems": _empty,
    "minProperties": _empty,
    "maxLength": _too_long,
    "maxItems": _too_long,
    "uniqueItems": _again,
    "not": _refused,
    "anyOf": _refused,
}


def shown(value: Json, pointer: Pointer) -> Message:
    """*value* for a message: a scalar shortened and masked where it may be private, a collection by its sort alone."""
    if isinstance(value, list | dict):
        return ("a list",) if isinstance(value, list) else ("a mapping",)
    if not isinstance(value, str):
        return (json.dumps(value),)
    reaches_people = pointer[:2] == ("spec", "target_value") or pointer[:1] == ("recipients",)
    if reaches_people and "@" not in value and not _PLAIN_TARGET.fullmatch(value):
        return ('"', SecretUrl(value) if "/" in value else Address(value), '"')
    return quoted(value)
