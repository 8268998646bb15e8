"""What the schema cannot say of a Subscription's manifest: targets, policy, references, dates, schedules. Pure.

Each check answers with Faults, never with the first of them only. Knows the manifest and the config; knows no rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..model import Config, Fields, Manifest, Tag
from ..privacy import Address, SecretUrl, say
from ..resource import Fault, Pointer
from . import reading, recipients, schedule, titles
from .recipients import EMAIL, SLACK
from .schedule import Schedule

_ZONED = (
    '2026-01-05T09:00:00Z, 2026-01-05T09:00:00+01:00, or {date: 2026-01-05, time: "09:00", timezone: Europe/Vienna}'
)


def check(manifest: Manifest, config: Config, now: datetime) -> Sequence[Fault]:
    """Every Fault of *manifest*, in the order of its fields. A tombstone needs none of them to hold."""
    spec = manifest.spec
    if spec.get("deleted") is True:
        return ()
    return [
        *_title(manifest, config),
        *_references(manifest, config),
        *_target(manifest, config),
        *_dates(spec),
        *_schedule(spec, now),
    ]


def _title(manifest: Manifest, config: Config) -> Iterator[Fault]:
    title = titles.normal(manifest.spec.get("title"))
    adopted = manifest.ids and not manifest.takeover
    tag = None if adopted else Tag(config.namespace, manifest.name)
    size = len(titles.joined(title, tag) or "")
    if size > titles.LIMIT:
        room = titles.LIMIT - (size - len(title or ""))
        yield Fault(
            ("spec", "title"),
            "title-too-long",
            say(
                f"the title is {len(title or '')} characters, and with its tag {tag or ''} {size}: the server takes "
                f"{titles.LIMIT}; shorten it to {room}"
            ),
        )


def _references(manifest: Manifest, config: Config) -> Iterator[Fault]:
    for field in ("dashboard", "insight"):
        name = manifest.spec.get(field)
        if isinstance(name, str):
            yield from _named(field, name, manifest, config)


def _named(field: str, name: str, manifest: Manifest, config: Config) -> Iterator[Fault]:
    known = config.references.get(f"{field}s", {})
    if name not in known:
        yield Fault(
            ("spec", field),
            "unknown-reference",
            say(f"no {field} is named {name!r} in the config's references{_nearest(name, known)}"),
        )
        return
    for environment in config.environments:
        if manifest.lives_in(environment.name) and environment.name not in known[name]:
            yield Fault(
                ("spec", field),
                "unknown-reference",
                say(
                    f"{name!r} has no number for {environment.name}; add it to references, or leave {environment.name} out of the manifest's environments"
                ),
            )


def _target(manifest: Manifest, config: Config) -> Iterator[Fault]:
    spec = manifest.spec
    value, entries = spec["target_value"], reading.entries(spec)
    at: Pointer = ("spec", "target_value")
    if spec["target_type"] == EMAIL:
        for index, entry in enumerate(entries):
            place: Pointer = (*at, index) if isinstance(value, list) else at
            yield from _person(entry, place, manifest, config)
        yield from _twice(entries, at, value)
        return
    if len(entries) != 1:
        yield Fault(at, "target", say(f"target_type {spec['target_type']} takes exactly one value, not {len(entries)}"))
    elif spec["target_type"] == SLACK:
        yield from _slack(entries[0], at)
    elif not entries[0].startswith("https://"):
        yield Fault(
            at, "target", say("a ", spec["target_type"], " target is an https:// address, not ", SecretUrl(entries[0]))
        )


def _slack(text: str, at: Pointer) -> Iterator[Fault]:
    channel = text.split("|", 1)[0].strip()
    if not channel.isalnum() or not channel.isascii():
        yield Fault(
            at,
            "target",
            say('a Slack target is "CHANNEL_ID|#name", such as "C0123456789|#growth": the id is what delivers'),
        )


def _person(entry: str, place: Pointer, manifest: Manifest, config: Config) -> Iterator[Fault]:
    if entry.startswith("@"):
        group = entry[1:]
        if group not in config.recipients:
            yield Fault(
                place,
                "unknown-group",
                say(f"no recipient group is named {group!r} in the config{_nearest(group, config.recipients)}"),
            )
            return
        people: tuple[str, ...] = config.recipients[group]
    else:
        people = (entry,)
    for address in people:
        yield from _address(address, place, manifest, config)


def _address(address: str, place: Pointer, manifest: Manifest, config: Config) -> Iterator[Fault]:
    if not recipients.is_address(address):
        # The server checks nothing (trap T-29): a slip would mail company data to a stranger.
        yield Fault(place, "address", say("not an e-mail address: ", Address(address)))
        return
    allowed = config.policy.allowed_domains
    if allowed is not None and not manifest.external and recipients.domain_of(address) not in allowed:
        yield Fault(
            place,
            "domain-not-allowed",
            say(
                "the domain of ",
                Address(address),
                " is not in policy.allowed_domains; metadata.external: true if it is meant",
            ),
        )


def _twice(entries: Sequence[str], at: Pointer, value: Any) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        meaning = recipients.normal(entry)
        if meaning in seen:
            place: Pointer = (*at, index) if isinstance(value, list) else at
            named = entry if entry.startswith("@") else Address(entry)
            yield Fault(place, "duplicate-recipient", say(named, " stands in the list twice; remove one"))
        seen.add(meaning)


def _dates(spec: Fields) -> Iterator[Fault]:
    for field in ("start_date", "until_date"):
        value = spec.get(field)
        if isinstance(value, str):
            yield from _instant(field, value)
        elif isinstance(value, Mapping):
            yield from _wall_clock(field, value)


def _instant(field: str, text: str) -> Iterator[Fault]:
    at: Pointer = ("spec", field)
    try:
        when = datetime.fromisoformat(text)
        if len(text) > 10 and when.tzinfo is not None:
            schedule.instant(text)
            return
    except (ValueError, OverflowError):
        yield Fault(at, "date", say(f"not a date and time: {text!r}; write {_ZONED}"))
        return
    yield Fault(at, "date-without-zone", say(f"{text!r} does not say in which zone; write {_ZONED}"))


def _wall_clock(field: str, value: Mapping[str, Any]) -> Iterator[Fault]:
    for part, read in (("date", date.fromisoformat), ("time", time.fromisoformat), ("timezone", _zone)):
        try:
            read(value[part])
        except (ValueError, ZoneInfoNotFoundError, OSError):
            yield Fault(("spec", field, part), "date", say(f"not a {part}: {value[part]!r}; write {_ZONED}"))
    if not isinstance(value["time"], str) or "Z" in value["time"] or "+" in value["time"]:
        yield Fault(
            ("spec", field, "time"),
            "date",
            say(f'a time without an offset, such as "09:00": the zone is in timezone, not {value["time"]!r}'),
        )


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _schedule(spec: Fields, now: datetime) -> Iterator[Fault]:
    if any(True for _ in _dates(spec)):
        return
    rule = reading.rule(spec)
    if rule.until_date is not None and rule.until_date <= rule.start_date:
        yield Fault(("spec", "until_date"), "until-before-start", say("until_date must be after start_date"))
        return
    unreachable = _position(rule)
    if unreachable:
        yield Fault(("spec", "bysetpos"), "never-fires", say(unreachable))
    elif not schedule.can_fire(rule):
        yield Fault(("spec", "frequency"), "never-fires", say(_why_never(rule)))
    elif schedule.is_over(rule, now):
        yield Fault(("spec",), "over", say("the schedule is over: it has no delivery left"), warning=True)


def _position(rule: Schedule) -> str | None:
    """Why `bysetpos` points at no day of the period, if it does not."""
    if rule.bysetpos is None or not rule.byweekday:
        return None
    most = schedule.positions(rule)[1]
    if abs(rule.bysetpos) <= most:
        return None
    return f"bysetpos {rule.bysetpos} does not exist: {rule.frequency} on these weekdays has at most {most} days"


def _why_never(rule: Schedule) -> str:
    if rule.until_date is not None:
        return "the schedule never fires: until_date comes before its first delivery"
    return (
        f"the schedule never fires: every {rule.interval} days from {rule.start_date[:10]} never meets "
        f"{', '.join(rule.byweekday or ())}; start on such a day or change the interval"
    )


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
