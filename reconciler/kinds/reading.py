"""Reading a Subscription's checked spec: groups opened, references looked up, dates turned into instants. Pure.

Every function here trusts that `checks` found nothing wrong. Knows the config; knows no rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from ..model import Config, Fields
from . import recipients, schedule
from .recipients import EMAIL
from .schedule import Schedule, WallClock


def addresses(spec: Fields, config: Config) -> tuple[str, ...]:
    """The e-mail addresses of a checked spec, groups opened, each once, in order; none for another channel."""
    if spec["target_type"] != EMAIL:
        return ()
    found: dict[str, str] = {}
    for entry in entries(spec):
        members = config.recipients[entry[1:]] if entry.startswith("@") else (entry,)
        for member in members:
            found.setdefault(recipients.normal(member), member.strip())
    return tuple(found.values())


def target_text(spec: Fields, people: Sequence[str]) -> str:
    """The `target_value` of a checked spec as it goes on the wire."""
    return ",".join(people) if spec["target_type"] == EMAIL else entries(spec)[0]


def reference(field: str, value: Any, config: Config, environment: str) -> int | None:
    """The number behind a `dashboard` or `insight`: itself, or what its name stands for in *environment*."""
    if isinstance(value, str):
        return config.references[f"{field}s"][value][environment]
    return None if value is None else int(value)


def clock(value: Any) -> WallClock | None:
    """The wall clock of a checked `start_date`, where it is written as one."""
    if not isinstance(value, Mapping):
        return None
    local = datetime.combine(date.fromisoformat(value["date"]), time.fromisoformat(value["time"]))
    return WallClock(local, value["timezone"])


def start(value: Any) -> str:
    """The instant of a checked `start_date`, in the canonical spelling."""
    wall = clock(value)
    return schedule.instant(value) if wall is None else schedule.spelled(wall.start)


def entries(spec: Fields) -> list[str]:
    """A `target_value` as a list: of a list its items, of the API's own text its parts."""
    value = spec["target_value"]
    if isinstance(value, str):
        return recipients.addresses_in(value) if spec["target_type"] == EMAIL else [value.strip()]
    return [entry.strip() for entry in value]


def schedule_fields(spec: Fields) -> dict[str, Any]:
    """The seven schedule fields of a checked spec, normalised; a wall clock as its first instant."""
    until = spec.get("until_date")
    return {
        "frequency": spec["frequency"],
        "interval": spec.get("interval", 1),
        "byweekday": schedule.weekdays(spec.get("byweekday")),
        "bysetpos": spec.get("bysetpos"),
        "count": spec.get("count"),
        "start_date": start(spec["start_date"]),
        "until_date": None if until is None else schedule.instant(until),
    }


def rule(fields: Fields) -> Schedule:
    """The recurrence rule of a spec or of normalised fields."""
    return Schedule(**schedule_fields(fields))
