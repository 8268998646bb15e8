"""When a subscription is delivered: reading instants, and the server's recurrence rule (contract §6). Pure.

The only room that knows dateutil. Everything is UTC, because the server repeats in UTC; zones appear only in the
wall-clock form of `start_date`, which is turned into an instant here. Knows no recipients and no plans; the clock comes
in as an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from dateutil.rrule import rrule

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_POSITION = {day: position for position, day in enumerate(WEEKDAYS)}

BUFFER = timedelta(minutes=15)
"""The server never plans a delivery sooner than this after a save (contract §6)."""

# Up to this interval a rule with weekdays meets one of them long before the year 9999; beyond it, it is looked up.
_SURE_TO_MATCH = 100

# How many days of one weekday a period has at the least and at the most.
_OCCURRENCES = {"daily": (1, 1), "weekly": (1, 1), "monthly": (4, 5), "yearly": (52, 53)}


FIELDS = frozenset({"frequency", "interval", "byweekday", "bysetpos", "count", "start_date", "until_date"})
"""The fields that make the rule; a change of one makes the server compute a new delivery date (contract §6)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The seven schedule fields, normalised: instants as `2026-01-05T09:00:00Z`, weekdays in order, [] as None."""

    frequency: str
    interval: int
    byweekday: tuple[str, ...] | None
    bysetpos: int | None
    count: int | None
    start_date: str
    until_date: str | None


@dataclass(frozen=True, slots=True)
class WallClock:
    """A time of day in a zone, from *date* on: the form of `start_date` that follows daylight saving time."""

    local: datetime
    zone: str

    @property
    def start(self) -> datetime:
        """The first instant, UTC. A time that a DST change skips means the instant just as far after the change."""
        return self.local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def offset_at(self, instant: datetime) -> timedelta:
        """The zone's offset from UTC at *instant*."""
        return instant.astimezone(ZoneInfo(self.zone)).utcoffset() or timedelta(0)


def instant(text: str) -> str:
    """*text* as the canonical spelling of its instant: UTC, `Z`, whole seconds; a naive one is UTC (contract §3.2).

    The server drops microseconds from its rule (contract §6), so they mean nothing. Raises ValueError for what is not
    a date and time, OverflowError for an instant outside the years 1 to 9999.
    """
    # Nearly every value is already spelled as the server spells it; this runs once per row and field.
    if len(text) == 20 and text[19] == "Z" and text[10] == "T":
        return text
    return spelled(moment(text))


def moment(text: str) -> datetime:
    """The instant that *text* means, as an aware datetime in UTC."""
    when = datetime.fromisoformat(text)
    return (when.replace(tzinfo=UTC) if when.tzinfo is None else when).astimezone(UTC)


def spelled(when: datetime) -> str:
    """*when* in the canonical spelling."""
    return when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def weekdays(days: Sequence[str] | None) -> tuple[str, ...] | None:
    """*days* as the set they mean, Monday first; none at all is None (trap T-4)."""
    return tuple(sorted(set(days), key=lambda day: _POSITION.get(day, 7))) if days else None


def can_fire(schedule: Schedule) -> bool:
    """Whether the rule has any delivery at all, judged from its start and not from the clock (design §2)."""
    if _never_matches(schedule):
        return False
    if schedule.until_date is None and (schedule.byweekday is None or schedule.interval <= _SURE_TO_MATCH):
        return True
    return first(schedule) is not None


def is_over(schedule: Schedule, now: datetime) -> bool:
    """Whether a rule that ends has no delivery left after *now*."""
    if schedule.count is None and schedule.until_date is None:
        return False
    return not deliveries(schedule, now, 1)


def deliveries(schedule: Schedule, now: datetime, many: int) -> tuple[datetime, ...]:
    """The next *many* deliveries the server would compute at *now*: strictly after the 15-minute buffer."""
    if _never_matches(schedule):
        return ()
    return tuple(islice(_rule(schedule).xafter(now + BUFFER, inc=False), many))


def first(schedule: Schedule) -> datetime | None:
    """The very first delivery of the rule, or None when it ends before one."""
    return next(iter(_rule(schedule)), None)


def anchored(schedule: Schedule, clock: WallClock, now: datetime) -> str:
    """The `start_date` that makes the next delivery come at the wall-clock time (design §2).

    The server repeats in UTC and so slips an hour when the zone's offset changes; the start moves by the difference of
    the offsets. A schedule that is over keeps the start it has.
    """
    start = clock.start
    upcoming = deliveries(schedule, now, 1)
    if not upcoming:
        return spelled(start)
    return spelled(start + clock.offset_at(start) - clock.offset_at(upcoming[0]))


def is_shifted(text: str, clock: WallClock) -> bool:
    """Whether the start *text* is the wall clock's own, moved by nothing but the zone's offsets of a year."""
    start = clock.start
    offsets = {clock.offset_at(start + timedelta(days=days)) for days in range(0, 371, 7)}
    return text in {spelled(start + clock.offset_at(start) - offset) for offset in offsets}


def positions(schedule: Schedule) -> tuple[int, int]:
    """How many matching days a period of the rule has: at the least and at the most."""
    least, most = _OCCURRENCES[schedule.frequency]
    days = 1 if schedule.frequency == "daily" else len(schedule.byweekday or WEEKDAYS)
    return least * days, most * days


def _never_matches(schedule: Schedule) -> bool:
    """Whether no day can ever match: an unreachable position, or days a daily rule steps over for ever.

    Decided without searching, because the search runs to the year 9999 (contract §5: half a second to hanging).
    """
    days = schedule.byweekday
    if days is None:
        return False
    if schedule.bysetpos is not None and abs(schedule.bysetpos) > positions(schedule)[1]:
        return True
    if schedule.frequency == "daily" and schedule.interval % 7 == 0:
        return WEEKDAYS[moment(schedule.start_date).weekday()] not in days
    return False


@lru_cache(maxsize=4096)
def _rule(schedule: Schedule) -> rrule:
    from dateutil import rrule as rules

    frequencies: dict[str, Literal[0, 1, 2, 3]] = {
        "yearly": rules.YEARLY,
        "monthly": rules.MONTHLY,
        "weekly": rules.WEEKLY,
        "daily": rules.DAILY,
    }
    days = schedule.byweekday
    return rules.rrule(
        frequencies[schedule.frequency],
        dtstart=moment(schedule.start_date),
        interval=schedule.interval,
        count=schedule.count,
        until=moment(schedule.until_date) if schedule.until_date else None,
        byweekday=[_POSITION[day] for day in days] if days else None,
        # Without weekdays the server leaves the position out (contract §6).
        bysetpos=schedule.bysetpos if days else None,
    )
