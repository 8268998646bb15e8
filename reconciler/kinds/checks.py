"""What the schema cannot say of a Subscription's manifest: targets, policy, references, dates, schedules. Pure.

Each check answers with Faults, never with the first of them only. Knows the manifest and the config; knows no rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..model import Config, Fields, Manifest, Tag
from ..privacy import Address, Message, SecretUrl, quoted, say
from ..resource import Fault, Pointer
from . import clocks, reading, recipients, schedule, titles
from .clocks import WallClock
from .recipients import EMAIL, SLACK
from .schedule import Schedule

_ZONED = "2026-01-05T09:00:00Z or 2026-01-05T09:00:00+01:00"
_WALL = '{date: 2026-01-05, time: "09:00", timezone: Europe/Vienna}'

# Slack's ids of channels and people; a channel's name in place of its id delivers nothing.
_CHANNEL = re.compile(r"[A-Z][A-Z0-9]+")
_LINK = re.compile(r"https://[^/?#@\s]+([/?#]\S*)?")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")

# Outside these years zones have no daylight saving time to follow, and a move could leave the calendar.
_YEARS = (1900, 9000)


def check(manifest: Manifest, config: Config, now: datetime) -> Sequence[Fault]:
    """Every Fault of *manifest*, in the order of its fields. A tombstone needs none of them to hold.

    Fields may be missing, because the schema refused them: then what needs them is not judged.
    """
    spec = manifest.spec
    if spec.get("deleted") is True:
        return ()
    faults = [*_title(manifest, config), *_content(manifest, config)]
    if "target_type" in spec and "target_value" in spec:
        faults += _target(manifest, config)
    dates = [*(_start(spec["start_date"]) if "start_date" in spec else ()), *_until(spec.get("until_date"))]
    if dates or "start_date" not in spec or "frequency" not in spec:
        return faults + dates
    return faults + _schedule(spec, now)


def _title(manifest: Manifest, config: Config) -> Iterator[Fault]:
    at: Pointer = ("spec", "title")
    title, ending = titles.split(manifest.spec.get("title"))
    if ending is not None:
        yield Fault(at, "title-with-tag", say(f"the title ends in {ending}, which is written by this tool; remove it"))
        return
    tag = Tag(config.namespace, manifest.name) if _is_tagged(manifest, config) else None
    size, most = len(title or ""), titles.LIMIT - (len(str(tag)) + 1 if tag is not None else 0)
    if size > most:
        with_tag = f"; with its tag {tag} it has {size + titles.LIMIT - most}" if tag is not None else ""
        yield Fault(
            at,
            "title-too-long",
            say(
                f"the title has {size} characters{with_tag}, and the server takes {titles.LIMIT}; shorten it to {most}"
            ),
        )


def _is_tagged(manifest: Manifest, config: Config) -> bool:
    """Whether its row carries a tag anywhere; a row adopted by id carries none, unless it is taken over."""
    if not manifest.ids or manifest.takeover:
        return True
    return any(manifest.lives_in(place.name) and manifest.id_in(place.name) is None for place in config.environments)


def _content(manifest: Manifest, config: Config) -> Iterator[Fault]:
    spec = manifest.spec
    for field in ("dashboard", "insight"):
        name = spec.get(field)
        if isinstance(name, str):
            yield from _reference(field, name, manifest, config)
    if spec.get("insight") is not None and spec.get("dashboard_export_insights"):
        yield Fault(
            ("spec", "dashboard_export_insights"),
            "not-for-this-type",
            say("dashboard_export_insights chooses among the insights of a dashboard; remove it, or send a dashboard"),
        )


def _reference(field: str, name: str, manifest: Manifest, config: Config) -> Iterator[Fault]:
    at: Pointer = ("spec", field)
    known = config.references.get(f"{field}s", {})
    if name not in known:
        way_out = _nearest(name, known) or "; add it there, or write its number"
        missing = say(f"no {field} is named ", *quoted(name), f" in the config's references{way_out}")
        yield Fault(at, "unknown-reference", missing)
        return
    for place in config.environments:
        if manifest.lives_in(place.name) and place.name not in known[name]:
            yield Fault(
                at,
                "unknown-reference",
                say(
                    f"the {field} ",
                    *quoted(name),
                    f" has no number for {place.name}; add it to the config's references, "
                    f"or leave {place.name} out of the manifest's environments",
                ),
            )


def _target(manifest: Manifest, config: Config) -> Iterator[Fault]:
    spec = manifest.spec
    kind, found, at = spec["target_type"], reading.entries(spec), ("spec", "target_value")
    if kind == EMAIL:
        yield from _people(found, manifest, config)
    elif len(found) != 1:
        yield Fault(at, "target", say(f"target_type {kind} takes exactly one value, not {len(found)}"))
    elif kind == SLACK:
        if not _CHANNEL.fullmatch(found[0].split("|", 1)[0].strip()):
            way_out = 'write the channel\'s id and its name, such as "C0123456789|#growth": the id is what delivers'
            yield Fault(_place(spec, 0), "target", say(f"not a Slack channel; {way_out}"))
    elif not _LINK.fullmatch(found[0]):
        wrong = say(f"a {kind} target is one https:// address, not ", SecretUrl(found[0]))
        yield Fault(_place(spec, 0), "target", wrong)
    if kind != SLACK and spec.get("integration_id") is not None:
        # Later servers clear it, so that the row would never be as the manifest says.
        yield Fault(
            ("spec", "integration_id"),
            "not-for-this-type",
            say("integration_id is the Slack workspace; remove it, or use target_type slack"),
        )


def _people(entries: Sequence[str], manifest: Manifest, config: Config) -> Iterator[Fault]:
    seen: set[str] = set()
    reached = 0
    for index, entry in enumerate(entries):
        is_group = entry.startswith("@")
        meaning = entry if is_group else recipients.normal(entry)
        if meaning in seen:
            yield _twice(entry, index, manifest)
            continue
        seen.add(meaning)
        reached += len(config.recipients.get(entry[1:], (entry,))) if is_group else 1
        if is_group:
            yield from _group(entry[1:], index, manifest, config)
        elif (wrong := _wrong(entry, manifest, config)) is not None:
            yield Fault(_place(manifest.spec, index), *wrong)
    if not reached:
        yield Fault(("spec", "target_value"), "no-recipients", say("it reaches nobody; name at least one address"))


def _twice(entry: str, index: int, manifest: Manifest) -> Fault:
    named = say(entry) if entry.startswith("@") else say(Address(entry))
    message = say(*named, " stands in the list twice; remove one")
    return Fault(_place(manifest.spec, index), "duplicate-recipient", message)


def _group(name: str, index: int, manifest: Manifest, config: Config) -> Iterator[Fault]:
    place = _place(manifest.spec, index)
    if name not in config.recipients:
        yield Fault(place, "unknown-group", _unknown_group(name, config))
    for address in config.recipients.get(name, ()):
        if (wrong := _wrong(address, manifest, config)) is not None:
            rule, message = wrong
            yield Fault(place, rule, say(f"in the group {name}: ", *message))


def _unknown_group(name: str, config: Config) -> Message:
    if "@" in name:
        return say("an address does not begin with @: ", Address(name))
    way_out = _nearest(name, config.recipients) or "; add it to its recipients, or write the addresses"
    return say("no recipient group is named ", *quoted(name), f" in the config{way_out}")


def _wrong(address: str, manifest: Manifest, config: Config) -> tuple[str, Message] | None:
    """The rule that *address* breaks, and what to say of it; None for a right one, as nearly all are."""
    if not recipients.is_address(address):
        # The server checks nothing (trap T-29): a slip would mail company data to a stranger.
        wrong = say("not an e-mail address: ", Address(address), "; it takes a name, an @ and a domain with a dot")
        return "address", wrong
    allowed = config.policy.allowed_domains
    if allowed is None or manifest.external or recipients.domain_of(address) in allowed:
        return None
    way_out = " is not in policy.allowed_domains; metadata.external: true if it is meant"
    return "domain-not-allowed", say("the domain of ", Address(address), way_out)


def _place(spec: Fields, index: int) -> Pointer:
    """Where the entry *index* of `target_value` stands: in a list by itself, in a text with all the others."""
    at: Pointer = ("spec", "target_value")
    return (*at, index) if isinstance(spec["target_value"], list | tuple) else at


def _start(value: Any) -> Iterator[Fault]:
    if isinstance(value, str):
        return _instant("start_date", value, f"{_ZONED}, or {_WALL}")
    return _wall_clock(value)


def _until(value: Any) -> Iterator[Fault]:
    return iter(()) if value is None else _instant("until_date", value, _ZONED)


def _instant(field: str, text: str, way_out: str) -> Iterator[Fault]:
    at: Pointer = ("spec", field)
    try:
        when = datetime.fromisoformat(text)
        schedule.instant(text)
    except (ValueError, OverflowError):
        yield Fault(at, "date", say("not a date and time: ", *quoted(text), f"; write {way_out}"))
        return
    if when.tzinfo is None:
        yield Fault(at, "date-without-zone", say(*quoted(text), f" does not say in which zone; write {way_out}"))


def _wall_clock(value: Mapping[str, str]) -> Iterator[Fault]:
    at: Pointer = ("spec", "start_date")
    readers = (("date", _read_date), ("time", _read_time), ("timezone", ZoneInfo))
    wrong = [part for part, read in readers if not _is_readable(read, value[part])]
    for part in wrong:
        yield Fault((*at, part), "date", say(f"not a {part}: ", *quoted(value[part]), f"; write {_WALL}"))
    clock = None if wrong else reading.clock(value)
    odd = clocks.irregularity(clock) if clock is not None else None
    if odd is not None:
        yield Fault(
            (*at, "time"),
            "date",
            say(
                f"{value['time']} is {odd} on {value['date']} in {value['timezone']}, where the clocks change; begin "
                "on another day, or write the instant with its offset"
            ),
        )


def _read_date(text: str) -> None:
    if not _YEARS[0] <= date.fromisoformat(text).year <= _YEARS[1]:
        raise ValueError(text)


def _read_time(text: str) -> None:
    if not _TIME.fullmatch(text):
        raise ValueError(text)
    time.fromisoformat(text)


def _is_readable(read: Any, text: str) -> bool:
    try:
        read(text)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return False
    return True


def _schedule(spec: Fields, now: datetime) -> list[Fault]:
    """What is wrong with a rule whose dates are right."""
    rule = reading.rule(reading.schedule_fields(spec))
    if rule.until_date is not None and rule.until_date <= rule.start_date:
        return [Fault(("spec", "until_date"), "until-before-start", say("until_date must be after start_date"))]
    never = _why_never(rule)
    if never is not None:
        return [never]
    if schedule.is_over(rule, now):
        over = say("the schedule is over: it has no delivery left; remove the manifest, or move its end")
        return [Fault(("spec",), "over", over, warning=True)]
    clock = reading.clock(spec["start_date"])
    if clock is None or clocks.keeps_days(rule, clock):
        return []
    return [Fault(("spec", "start_date"), "other-days", _other_days(clock), warning=True)]


def _other_days(clock: WallClock) -> Message:
    return say(
        f"the server reads weekdays and days of the month in UTC, where {clock.local:%H:%M} in {clock.zone} is on "
        "another date, at least in a part of the year; choose another time, or write an instant and the days in UTC"
    )


def _why_never(rule: Schedule) -> Fault | None:
    """Why the rule has no delivery at all, at the field that is to blame."""
    if rule.bysetpos is not None and rule.byweekday:
        most = schedule.positions(rule)
        if abs(rule.bysetpos) > most:
            text = f"bysetpos {rule.bysetpos} does not exist: a period of this schedule has at most {most} such days"
            return Fault(("spec", "bysetpos"), "never-fires", say(f"{text}; choose a smaller one"))
    if schedule.can_fire(rule):
        return None
    if rule.until_date is not None:
        text = "the schedule never fires: until_date comes before its first delivery; move one of the two"
        return Fault(("spec", "until_date"), "never-fires", say(text))
    days = " or ".join(rule.byweekday or ())
    unit = {"daily": "days", "weekly": "weeks", "monthly": "months", "yearly": "years"}[rule.frequency]
    text = f"the schedule never fires: every {rule.interval} {unit} from {rule.start_date[:10]} on is never a {days}"
    return Fault(("spec", "byweekday"), "never-fires", say(f"{text}; start on such a day, or change the interval"))


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
