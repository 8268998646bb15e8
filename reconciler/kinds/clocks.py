"""How a schedule keeps a wall-clock time although the server repeats in UTC (design §2). Pure.

The server slips an hour against the wall whenever the zone's offset changes. The way out is to move `start_date` by the
difference of the offsets, so that the time on the wall stays what the manifest says. Knows schedules and zones; knows
no rows and no manifests.

**Dates stay.** A move may not change on which days there are deliveries. Near UTC midnight it would take the start to
another UTC date. A rule that only counts days or weeks from its start moves along, and its local dates stay the same.
A rule that goes by weekdays or by the day of the month must not: the server reads both in UTC, so the first of a month
would become the 31st, which half of the months do not have. Such a schedule keeps its start, and is an hour off in a
part of the year; `checks` warns of it.

**No delivery is lost or doubled.** A move makes the server compute the next delivery anew. Where that would skip one,
or send one that was sent an hour ago once more, the start stays until that delivery is over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ..instants import spelled
from . import schedule
from .schedule import BUFFER, Schedule, moment

# An apply may take this long from its plan to the last PATCH (design §7), so a nearer delivery is left alone.
_RUN = timedelta(minutes=10)

_YEAR = 371


@dataclass(frozen=True, slots=True)
class WallClock:
    """A date and a time of day in a zone: the form of `start_date` that follows daylight saving time."""

    local: datetime
    zone: str

    @property
    def start(self) -> datetime:
        """The instant it means, in UTC."""
        return self.local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def start_at(self, offset: timedelta) -> datetime:
        """The instant it would mean if the zone were *offset* ahead of UTC."""
        return (self.local - offset).replace(tzinfo=UTC)

    def offset_at(self, instant: datetime) -> timedelta:
        """The zone's offset from UTC at *instant*; the start's own where the zone cannot say."""
        try:
            return instant.astimezone(ZoneInfo(self.zone)).utcoffset() or timedelta(0)
        except OverflowError:  # the last day of the year 9999, or the first of the year 1
            return self.local - self.start.replace(tzinfo=None)

    def offsets_after(self, instant: datetime) -> set[timedelta]:
        """Every offset the zone has in the year from *instant* on."""
        return {self.offset_at(instant + timedelta(days=days)) for days in range(0, _YEAR, 7)}


def anchored(rule: Schedule, clock: WallClock, now: datetime) -> str:
    """The `start_date` with which the next delivery of *rule*, begun at the wall clock's own start, is right."""
    upcoming = schedule.deliveries(rule, now, 1)
    return _moved(rule, clock, clock.offset_at(upcoming[0])) if upcoming else spelled(clock.start)


def is_anchor(text: str, rule: Schedule, clock: WallClock, now: datetime) -> bool:
    """Whether the start *text* is the wall clock's, moved by nothing but an offset that the zone has had or will have.

    Looked for in the year that begins with the start and in the two around *now*.
    """
    begins = (clock.start, now - timedelta(days=_YEAR), now)
    return any(text == _moved(rule, clock, offset) for begin in begins for offset in clock.offsets_after(begin))


def reanchored(rule: Schedule, clock: WallClock, now: datetime, due: datetime | None) -> str:
    """The start of a row's *rule*, moved where the row's next delivery would come at another time on the wall.

    *due* is the delivery the server has planned. Where it is another one than the rule's next, one is about to be sent
    or the schedule is over; where a move would skip or repeat a delivery, now is not the time: the start stays.
    """
    upcoming = schedule.deliveries(rule, now, 1)
    if not upcoming or due != upcoming[0]:
        return rule.start_date
    moved = replace(rule, start_date=_moved(rule, clock, clock.offset_at(due)))
    target = due + (moment(moved.start_date) - moment(rule.start_date))
    is_near = min(due, target) <= now + BUFFER + _RUN
    if is_near or schedule.deliveries(moved, now, 1) != (target,):
        return rule.start_date
    return moved.start_date


def keeps_days(rule: Schedule, clock: WallClock) -> bool:
    """Whether the server's days are the wall clock's days all year round, wherever they matter to *rule*."""
    if _counts_from_start(rule):
        return True
    return {clock.local.date()} == {clock.start_at(offset).date() for offset in clock.offsets_after(clock.start)}


def irregularity(clock: WallClock) -> str | None:
    """Why the wall clock's time is none, or is two, on its date: "skipped" or "doubled"."""
    early, late = (clock.local.replace(tzinfo=ZoneInfo(clock.zone), fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return None
    there_and_back = early.astimezone(UTC).astimezone(early.tzinfo).replace(tzinfo=None)
    return "doubled" if there_and_back == clock.local else "skipped"


def _moved(rule: Schedule, clock: WallClock, offset: timedelta) -> str:
    start, moved = clock.start, clock.start_at(offset)
    return spelled(moved if moved.date() == start.date() or _counts_from_start(rule) else start)


def _counts_from_start(rule: Schedule) -> bool:
    """Whether the rule's days are so and so many after its start, whatever day that is."""
    return rule.frequency in ("daily", "weekly") and rule.byweekday is None
