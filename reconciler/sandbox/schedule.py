"""When a subscription delivers, and how the server puts it in words (contract §6). Pure; knows dateutil, no Django.

Everything is UTC. The rule is iCalendar's; what the server does with rules that have no end of looking is named here
as two exceptions, so that the rooms above decide between hanging and a 500.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dateutil import rrule

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORKDAYS = frozenset(WEEKDAYS[:5])
FREQUENCIES: Mapping[str, Literal[0, 1, 2, 3]] = {
    "daily": rrule.DAILY,
    "weekly": rrule.WEEKLY,
    "monthly": rrule.MONTHLY,
    "yearly": rrule.YEARLY,
}

# A delivery nearer than this is left to the next occurrence.
BUFFER = timedelta(minutes=15)

_UNITS = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
_RRULE_DAYS = dict(zip(WEEKDAYS, rrule.weekdays, strict=True))


class ScheduleCrash(Exception):
    """The real server's rule engine raises: a 500."""


class ScheduleHang(Exception):
    """The real server's rule engine never returns."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The seven schedule fields of one subscription."""

    frequency: str
    interval: int
    start: datetime
    until: datetime | None = None
    count: int | None = None
    byweekday: tuple[str, ...] = ()
    bysetpos: int | None = None
    later: bool = False  # the later server: bysetpos counts for monthly only, and summaries name weekdays

    @property
    def days(self) -> frozenset[str]:
        """The weekdays as the rule sees them: a set."""
        return frozenset(self.byweekday)

    @property
    def position(self) -> int | None:
        """The bysetpos that counts; without weekdays, none does."""
        if not self.days or (self.later and self.frequency != "monthly"):
            return None
        return self.bysetpos

    @property
    def rule(self) -> tuple[object, ...]:
        """What must change for the next delivery to be computed again; spelling is not part of it."""
        start, until = self.start.replace(microsecond=0), self.until and self.until.replace(microsecond=0)
        return self.frequency, self.interval, start, until, self.count, self.days, self.position

    def first_after(self, moment: datetime) -> datetime | None:
        """The first occurrence strictly after *moment*; None when there is none."""
        self._refuse_what_breaks_the_server()
        if self._is_unreachable:
            return None
        start = self.start.replace(microsecond=0)
        found: datetime | None = self._recurrence(start).after(moment)
        return None if found and self.until and found > self.until else found

    def next_delivery(self, now: datetime, after: datetime | None = None) -> datetime | None:
        """The date the server stores: strictly after both the buffer and *after*."""
        return self.first_after(max(now + BUFFER, after or now))

    @property
    def summary(self) -> str:
        """The text the server shows."""
        unit = _UNITS[self.frequency]
        every = f"sent every {unit}" if self.interval == 1 else f"sent every {self.interval} {unit}s"
        if self.position is None:
            return every + (self._named_days if self.later else "")
        if self.position not in _ORDINALS:
            return "sent on a schedule"
        return f"{every} on the {_ORDINALS[self.position]} {self._ordinal_day}"

    @property
    def _ordinal_day(self) -> str:
        if len(self.days) == 1:
            return next(iter(self.days)).capitalize()
        return "weekday" if self.later and self.days == WORKDAYS else "day"

    @property
    def _named_days(self) -> str:
        if not self.days:
            return ""
        if self.days == WORKDAYS:
            return " on weekdays"
        names = [day.capitalize() for day in WEEKDAYS if day in self.days]
        return " on " + " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))

    def _recurrence(self, start: datetime) -> rrule.rrule:
        # Without `until`: newer versions of dateutil object to it beside `count`, which the server accepts.
        return rrule.rrule(
            FREQUENCIES[self.frequency],
            interval=self.interval,
            dtstart=start,
            count=self.count,
            byweekday=[_RRULE_DAYS[day] for day in sorted(self.days)] or None,
            bysetpos=self.position,
        )

    def _refuse_what_breaks_the_server(self) -> None:
        # contract §5: measured on dateutil 2.9; guarded here so that no other version of it hangs the sandbox itself.
        if self.interval == 0 and self.frequency != "weekly":
            raise ScheduleHang(f"{self.frequency} with interval 0 never ends")
        if self.interval <= 0:
            raise ScheduleCrash(f"interval {self.interval}")
        if self.position is not None and not 1 <= abs(self.position) <= 366:
            raise ScheduleCrash(f"bysetpos {self.position}")

    @property
    def _is_unreachable(self) -> bool:
        # The real server walks to the year 9999 to learn this (0.5 to 1.4 seconds); the answer is the same.
        is_always_one_weekday = self.frequency == "daily" and self.interval % 7 == 0
        if is_always_one_weekday and self.days and WEEKDAYS[self.start.weekday()] not in self.days:
            return True
        return self.position is not None and abs(self.position) > self._most_days_in_a_period

    @property
    def _most_days_in_a_period(self) -> int:
        days = len(self.days)
        # A month of 31 has five of at most three weekdays; a leap year has 53 of at most two.
        return {"daily": 1, "weekly": days, "monthly": 4 * days + min(days, 3), "yearly": 52 * days + min(days, 2)}[
            self.frequency
        ]
