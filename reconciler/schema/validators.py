"""The schemas and their two validators: one that accepts at once, one that judges and says why not.

jsonschema-rs accepts what is valid a hundred times faster; jsonschema has the last word on all the rest, and is only
imported when there is such a rest. Knows JSON Schema; words nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from ..errors import UsageError
from ..model import Json
from ..resource import Pointer

if TYPE_CHECKING:
    from jsonschema import ValidationError

MAX_VIOLATIONS = 200
"""How many violations are told of one document: beyond them, something else than a slip is wrong."""

NAMES = ("subscription", "recording-sharing", "config")
"""Every schema there is."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A keyword of a schema that does not hold: at *pointer*, for *instance*, by the sub-schema *schema*.

    `wanted` is the keyword's value; `in_key`: the instance is a key of the mapping at *pointer*.
    """

    pointer: Pointer
    keyword: str
    wanted: Any
    instance: Json = field(repr=False)
    schema: Json
    in_key: bool


@lru_cache
def load_schema(name: str) -> Json:
    """The JSON Schema *name* (one of NAMES), which nobody may change. Raises UsageError for another name."""
    if name not in NAMES:
        raise UsageError(f"there is no schema of that name; there are {', '.join(NAMES)}")
    # In a wheel the schemas stand in the package; in a checkout at the top, where people look for them.
    here = Path(__file__).parent.parent
    folder = here / "schemas" if (here / "schemas").is_dir() else here.parent / "schemas"
    return json.loads((folder / f"{name}.schema.json").read_text(encoding="utf-8"))


def is_accepted(name: str, data: Json) -> bool:
    """Whether *data* is surely valid by the schema *name*; False where only the judge can tell."""
    try:
        return _fast(name).is_valid(data)
    except ValueError:  # a number beyond what it can hold
        return False


def violations(name: str, data: Json) -> Iterator[Violation]:
    """What the judge finds wrong with *data* by the schema *name*."""
    for error in islice(_judge(name).iter_errors(data), MAX_VIOLATIONS):
        yield Violation(
            tuple(error.absolute_path),
            error.validator,
            error.validator_value,
            error.instance,
            error.schema,
            "propertyNames" in error.absolute_schema_path,
        )


@lru_cache
def _fast(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(load_schema(name))


@lru_cache
def _judge(name: str) -> Any:
    from jsonschema import Draft202012Validator, validators

    extend: Any = validators.extend  # has no types
    return extend(Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique})(load_schema(name))


def _pattern(_: Any, pattern: str, instance: Json, __: Json) -> Iterator[ValidationError]:
    """`pattern` as ECMA 262 has it: Python's `$` lets a newline pass at the end, which would then be sent."""
    from jsonschema import ValidationError

    if isinstance(instance, str) and not re.search(re.sub(r"\$(?=\)|$)", r"\\Z", pattern), instance):
        yield ValidationError(f"does not match {pattern}")


def _unique(_: Any, wanted: bool, instance: Json, __: Json) -> Iterator[ValidationError]:
    """`uniqueItems` that points at the item that comes again, in linear time, which jsonschema's own does not."""
    from jsonschema import ValidationError

    seen: set[str] = set()
    for index, item in enumerate(instance if wanted and isinstance(instance, list) else ()):
        spelled = json.dumps(item, sort_keys=True)
        if spelled in seen:
            yield ValidationError("stands in the list twice", path=[index])
        seen.add(spelled)
