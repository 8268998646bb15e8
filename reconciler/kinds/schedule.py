"""When a subscription is delivered: reading instants, and the server's recurrence rule (contract §6). Pure.

The only room that knows dateutil. Everything is UTC, because the server repeats in UTC; how a wall clock follows its
zone is in `clocks`. Knows no recipients and no plans; the time it is comes in as an argument.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from ..instants import spelled

if TYPE_CHECKING:
    from dateutil.rrule import rrule

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_POSITION = {day: position for position, day in enumerate(WEEKDAYS)}

BUFFER = timedelta(minutes=15)
"""The server never plans a delivery sooner than this after a save (contract §6)."""

FIELDS = frozenset({"frequency", "interval", "byweekday", "bysetpos", "count", "start_date", "until_date"})
"""The fields that make the rule; a change of one makes the server compute a new delivery date (contract §6)."""

# A rule that begins before the year 9000 and repeats at least this often meets a weekday long before the year 9999.
_SURELY_OFTEN = 100

# The weeks that every period of a frequency has in full.
_WEEKS = {"daily": 0, "weekly": 1, "monthly": 4, "yearly": 52}
_END = datetime.max.replace(tzinfo=UTC)
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


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

    def understood(self, *, later: bool) -> Schedule:
        """The rule that the server makes of it: a position counts with weekdays only, *later* in months only (§6)."""
        counts = self.byweekday and not (later and self.frequency != "monthly")
        return self if counts else replace(self, bysetpos=None)


def instant(text: str) -> str:
    """*text* as the canonical spelling of its instant: UTC, `Z`, whole seconds; a naive one is UTC (contract §3.2).

    The server drops microseconds from its rule (contract §6), so they mean nothing. Raises ValueError for what is not
    a date and time, OverflowError for an instant outside the years 1 to 9999.
    """
    # Nearly every value is already spelled as the server spells it; this runs once per row and field.
    if len(text) == 20 and text[4] == text[7] == "-" and text[13] == text[16] == ":" and text[10] + text[19] == "TZ":
        return text
    return spelled(moment(text))


def moment(text: str) -> datetime:
    """The instant that *text* means, as an aware datetime in UTC."""
    when = datetime.fromisoformat(text)
    return (when.replace(tzinfo=UTC) if when.tzinfo is None else when).astimezone(UTC)


def weekdays(days: Any) -> Any:
    """*days* as the set they mean, Monday first; none at all is None (trap T-4). What is no list of texts stays."""
    if not days:
        return None
    if not isinstance(days, list | tuple) or not all(isinstance(day, str) for day in days):
        return days
    return tuple(sorted(set(days), key=_place)) if len(days) > 1 else tuple(days)


def _place(day: str) -> tuple[int, str]:
    return _POSITION.get(day, len(WEEKDAYS)), day


def is_sound(schedule: Schedule) -> bool:
    """Whether *schedule* is one that a manifest may have, and so the server can reckon with (contract §5)."""
    return (
        schedule.frequency in _WEEKS
        and type(schedule.interval) is int
        and schedule.interval >= 1
        and all(number is None or type(number) is int for number in (schedule.bysetpos, schedule.count))
        and (schedule.byweekday is None or _are_days(schedule.byweekday))
        and _is_instant(schedule.start_date)
        and (schedule.until_date is None or _is_instant(schedule.until_date))
    )


def _are_days(days: Any) -> bool:
    return isinstance(days, tuple) and all(isinstance(day, str) and day in _POSITION for day in days)


def _is_instant(text: Any) -> bool:
    try:
        moment(text)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def can_fire(schedule: Schedule) -> bool:
    """Whether the rule has any delivery at all, judged from its start and not from the clock (design §2)."""
    days = schedule.byweekday
    if days is None:
        # The first delivery is the start itself.
        return schedule.until_date is None or schedule.start_date <= schedule.until_date
    if _never_matches(schedule):
        return False
    every = schedule.bysetpos is None or abs(schedule.bysetpos) <= max(1, _WEEKS[schedule.frequency] * len(days))
    often = schedule.interval <= _SURELY_OFTEN and schedule.start_date < "9000"
    return (every and often and schedule.until_date is None) or first(schedule) is not None


def is_over(schedule: Schedule, now: datetime) -> bool:
    """Whether a rule that ends has no delivery left after *now*."""
    if schedule.count is None and schedule.until_date is None:
        return False
    return not deliveries(schedule, now, 1)


@lru_cache(maxsize=8192)
def deliveries(schedule: Schedule, now: datetime, many: int) -> tuple[datetime, ...]:
    """The next *many* deliveries the server would compute at *now*: strictly after the 15-minute buffer."""
    if _never_matches(schedule):
        return ()
    after = now + BUFFER
    begun = _advanced(schedule, after)
    return tuple(islice((when for when in _found(schedule, begun) if when > after), many))


def first(schedule: Schedule) -> datetime | None:
    """The very first delivery of the rule, or None when it ends before one."""
    if _never_matches(schedule):
        return None
    return next(_found(schedule, schedule), None)


def positions(schedule: Schedule) -> int:
    """How many matching days a period of the rule has at the most: what `bysetpos` can count up to."""
    weeks, extra = divmod(_longest_period(schedule), 7)
    days = {_POSITION[day] for day in schedule.byweekday or WEEKDAYS}
    # The days beyond full weeks follow one another, from whichever weekday the period begins with.
    return weeks * len(days) + max(sum((begin + day) % 7 in days for day in range(extra)) for begin in range(7))


def _longest_period(schedule: Schedule) -> int:
    """How many days the longest period has that the rule ever comes to."""
    start, interval = moment(schedule.start_date), schedule.interval
    match schedule.frequency:
        case "daily":
            return 1
        case "weekly":
            return 7
        case "monthly" if interval % 12 == 0:
            leap = start.month == 2 and _meets_leap_year(start.year, interval // 12)
            return 29 if leap else _DAYS_IN_MONTH[start.month - 1]
        case "monthly":
            return max(_DAYS_IN_MONTH[(start.month - 1 + number * interval) % 12] for number in range(12))
        case _:
            return 366 if _meets_leap_year(start.year, interval) else 365


def _meets_leap_year(year: int, every: int) -> bool:
    return any(map(isleap, islice(range(year, 10_000, every), 400)))


def _never_matches(schedule: Schedule) -> bool:
    """Whether no day can ever match: an unreachable position, or days a daily rule steps over for ever.

    Decided without searching, because the search runs to the year 9999 (contract §5: half a second to hanging).
    """
    if schedule.byweekday is None:
        return False
    if schedule.bysetpos is not None and abs(schedule.bysetpos) > positions(schedule):
        return True
    return schedule.frequency == "daily" and not _steps_that_match(schedule)


def _steps_that_match(schedule: Schedule) -> list[int]:
    """Which of the first seven days of a daily rule are among its weekdays; from the eighth on, they come again."""
    start, days = moment(schedule.start_date).weekday(), schedule.byweekday or WEEKDAYS
    return [step for step in range(7) if WEEKDAYS[(start + step * schedule.interval) % 7] in days]


def _advanced(schedule: Schedule, after: datetime) -> Schedule:
    """The same rule begun later: every delivery after *after* is kept, most of those before are not walked through.

    Whole periods are stepped over; where a count is to be kept, only such as all hold the same number of deliveries.
    """
    start = moment(schedule.start_date)
    behind = (after - start).days
    if schedule.count is not None and schedule.count > behind + 400_000:
        # With one delivery a day at the most, it runs out in a thousand years at the earliest.
        schedule = replace(schedule, count=None)
    if schedule.frequency in ("daily", "weekly"):
        days, held = _cycle(schedule)
        if schedule.frequency == "weekly" and schedule.byweekday and schedule.bysetpos is not None:
            return _advanced_weeks(schedule, schedule.bysetpos, after)
        skipped = max(0, behind // days)
        left = None if schedule.count is None else max(0, schedule.count - skipped * held)
        return replace(schedule, start_date=spelled(start + timedelta(days=skipped * days)), count=left)
    months = schedule.interval * (12 if schedule.frequency == "yearly" else 1)
    passed = (after.year - start.year) * 12 + after.month - start.month
    skipped = max(0, passed // months)
    if schedule.count is not None or not skipped:
        return schedule
    year, month = divmod(start.year * 12 + start.month - 1 + skipped * months, 12)
    return replace(schedule, start_date=spelled(start.replace(year=year, month=month + 1, day=1)), count=None)


def _advanced_weeks(schedule: Schedule, position: int, after: datetime) -> Schedule:
    """A weekly rule with a position, begun later: its first week counts from the start, every later one from Monday."""
    start = moment(schedule.start_date)
    monday = start - timedelta(days=start.weekday())
    skipped = max(0, (after - monday).days // (7 * schedule.interval))
    if not skipped:
        return schedule
    in_first_week = sum(_POSITION[day] >= start.weekday() for day in schedule.byweekday or ())
    gone = skipped - 1 + (abs(position) <= in_first_week)
    left = None if schedule.count is None else max(0, schedule.count - gone)
    begun = monday + timedelta(weeks=skipped * schedule.interval)
    return replace(schedule, start_date=spelled(begun), count=left)


def _cycle(schedule: Schedule) -> tuple[int, int]:
    """After how many days a daily or weekly rule comes to the same weekdays again, and its deliveries in them."""
    if schedule.frequency == "weekly":
        return 7 * schedule.interval, len(schedule.byweekday or (None,))
    if schedule.byweekday is None:
        return schedule.interval, 1
    return 7 * schedule.interval, len(_steps_that_match(schedule))


def _found(schedule: Schedule, begun: Schedule) -> Iterator[datetime]:
    """The deliveries of *schedule* from the start of *begun* on."""
    ends = [moment(schedule.until_date)] if schedule.until_date is not None else []
    if _is_once(begun):
        start = moment(begun.start_date)
        ends.append(start + min(_END - start, timedelta(days=0 if begun.frequency == "daily" else 6 - start.weekday())))
    try:
        for when in _recurrence(schedule, begun):
            # The server ends by date and by count, which dateutil no longer combines.
            if ends and when > min(ends):
                return
            yield when
    except ValueError:  # the week that the year 9999 ends in has days without a date
        return


def _is_once(begun: Schedule) -> bool:
    """Whether a rule in days has no second period before the year 10000, which dateutil would look for at length."""
    step = {"daily": 1, "weekly": 7}.get(begun.frequency, 0) * begun.interval
    return step > (_END - moment(begun.start_date)).days


def _recurrence(schedule: Schedule, begun: Schedule) -> rrule:
    """The server's rule for *schedule*, begun as *begun* is (contract §6)."""
    from dateutil import rrule as rules

    frequencies: dict[str, Literal[0, 1, 2, 3]] = {
        "yearly": rules.YEARLY,
        "monthly": rules.MONTHLY,
        "weekly": rules.WEEKLY,
        "daily": rules.DAILY,
    }
    start, days = moment(schedule.start_date), schedule.byweekday
    by_date = days is None and schedule.frequency in ("monthly", "yearly")
    return rules.rrule(
        frequencies[schedule.frequency],
        dtstart=moment(begun.start_date),
        interval=1 if _is_once(begun) else schedule.interval,
        count=begun.count,
        bymonth=start.month if by_date and schedule.frequency == "yearly" else None,
        bymonthday=start.day if by_date else None,
        byweekday=[_POSITION[day] for day in days] if days else None,
        # Without weekdays the server leaves the position out (contract §6).
        bysetpos=schedule.bysetpos if days else None,
    )
