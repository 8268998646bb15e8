"""Reading a Subscription's checked spec: groups opened, references looked up, dates turned into instants. Pure.

Every function here trusts that `checks` found nothing wrong. Knows the config; knows no rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from ..instants import spelled
from ..model import NOTHING, Config, Desired, Fields, Manifest
from . import clocks, recipients, schedule, titles
from .clocks import WallClock
from .fields import LATER_FIELDS, WRITE_ONLY, later
from .recipients import EMAIL
from .schedule import Schedule


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """What a manifest tells beside its fields: its addresses in order, its wall clock, whether it names a title."""

    addresses: tuple[str, ...] = field(repr=False)
    clock: WallClock | None
    names_title: bool


def desired(manifest: Manifest, config: Config, environment: str, now: datetime) -> Desired:
    """What *manifest* means in *environment*; a tombstone has no fields."""
    spec, id = manifest.spec, manifest.id_in(environment)
    if spec.get("deleted") is True:
        return Desired(manifest, NOTHING, tombstone=True, id=id)
    people, wall = addresses(spec, config), clock(spec["start_date"])
    fields: dict[str, Any] = {
        "title": titles.normal(spec.get("title")),
        "dashboard": reference("dashboard", spec, config, environment),
        "insight": reference("insight", spec, config, environment),
        "target_type": spec["target_type"],
        "target_value": recipients.target(spec["target_type"], target_text(spec, people)),
        **schedule_fields(spec),
    }
    if wall is not None:
        fields["start_date"] = clocks.anchored(rule(fields), wall, now)
    for name in LATER_FIELDS:
        if name in spec:
            fields[name] = later(name, spec[name])
    written = {name: spec[name] for name in WRITE_ONLY if spec.get(name) is not None}
    return Desired(manifest, fields, written, id=id, facts=ManifestFacts(people, wall, "title" in spec))


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


def ways(spec: Fields, config: Config, address: str) -> tuple[str, ...]:
    """How a checked spec names *address*: `directly`, and each group that holds it; none where it does not."""
    meaning = recipients.normal(address)
    return tuple(
        entry if entry.startswith("@") else "directly"
        for entry in entries(spec)
        if meaning in map(recipients.normal, config.recipients[entry[1:]] if entry.startswith("@") else (entry,))
    )


def target_text(spec: Fields, people: Sequence[str]) -> str:
    """The `target_value` of a checked spec as it goes on the wire."""
    return ",".join(people) if spec["target_type"] == EMAIL else entries(spec)[0]


def reference(name: str, spec: Fields, config: Config, environment: str) -> int | None:
    """The number behind a `dashboard` or `insight`: itself, or what its name stands for in *environment*."""
    value = spec.get(name)
    if isinstance(value, str):
        return config.references[f"{name}s"][value][environment]
    return None if value is None else int(value)


def clock(value: Any) -> WallClock | None:
    """The wall clock of a checked `start_date`, where it is written as one."""
    if isinstance(value, str):
        return None
    local = datetime.combine(date.fromisoformat(value["date"]), time.fromisoformat(value["time"]))
    return WallClock(local, value["timezone"])


def entries(spec: Fields) -> list[str]:
    """A `target_value` as a list: of a list its items, of the API's own text its parts."""
    value = spec["target_value"]
    if isinstance(value, str):
        return recipients.addresses_in(value) if spec["target_type"] == EMAIL else [value.strip()]
    return [entry.strip() for entry in value]


def schedule_fields(spec: Fields) -> dict[str, Any]:
    """The seven schedule fields of a checked spec, normalised; a wall clock as the instant it means."""
    start, until = spec["start_date"], spec.get("until_date")
    wall = clock(start)
    return {
        "frequency": spec["frequency"],
        "interval": spec.get("interval", 1),
        "byweekday": schedule.weekdays(spec.get("byweekday")),
        "bysetpos": spec.get("bysetpos"),
        "count": spec.get("count"),
        "start_date": schedule.instant(start) if wall is None else spelled(wall.start),
        "until_date": None if until is None else schedule.instant(until),
    }


def rule(fields: Mapping[str, Any]) -> Schedule:
    """The recurrence rule of normalised fields."""
    return Schedule(
        fields["frequency"],
        fields["interval"],
        fields["byweekday"],
        fields["bysetpos"],
        fields["count"],
        fields["start_date"],
        fields["until_date"],
    )
