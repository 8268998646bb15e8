"""Instants as people and machines read them: UTC always, and the wall of a zone beside it. Pure.

Knows calendars and zones; knows neither what happens at an instant nor what time it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

# Not the locale's: a report is the same on every machine.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_CLOCK = len("2026-01-05T09:00:00")


def spelled(when: datetime) -> str:
    """*when*, in UTC, as machines read it: `2026-01-05T09:00:00Z`, whole seconds."""
    return when.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def in_words(when: datetime, timezone: str | None = None, *, is_zone_named: bool = True) -> str:
    """*when*, in UTC, as people read it: `Mon 2026-01-05 09:00 UTC (10:00 Europe/Vienna)`.

    *timezone* is an IANA name or an offset such as `+01:00`; where it is not *is_zone_named*, the reader knows it. The
    day is told once more where the zone has another.
    """
    local = on_the_wall(when, timezone) if timezone is not None else None
    if local is None:
        return f"{_day(when)} {_time(when)} UTC"
    other_day = f"{_day(local)} " if local.date() != when.date() else ""
    named = f" {timezone}" if is_zone_named else ""
    return f"{_day(when)} {_time(when)} UTC ({other_day}{_time(local)}{named})"


def on_the_wall(when: datetime, timezone: str) -> datetime | None:
    """*when* as the clocks of *timezone* show it; None on the calendar's last day or first, where they cannot."""
    try:
        return when.astimezone(zone(timezone))
    except OverflowError:
        return None


def zone(timezone: str) -> tzinfo:
    """The zone that *timezone* names: an IANA name, or an offset from UTC such as `+01:00`."""
    if timezone[:1] in ("+", "-"):
        return datetime.fromisoformat(f"2000-01-01T00:00:00{timezone}").tzinfo or UTC
    return ZoneInfo(timezone)


def offset(text: str) -> str | None:
    """The offset that the date and time *text* ends with, such as `+01:00`; None where that is UTC."""
    when = datetime.fromisoformat(text)
    return when.isoformat(timespec="seconds")[_CLOCK:] if when.utcoffset() else None


def wait_in_words(wait: timedelta) -> str:
    """How long *wait* is, for people, in whole minutes: `6 min`."""
    minutes = int(wait.total_seconds()) // 60
    return f"{minutes} min" if minutes else "less than 1 min"


def _day(when: datetime) -> str:
    return f"{_DAYS[when.weekday()]} {when:%Y-%m-%d}"


def _time(when: datetime) -> str:
    return f"{when:%H:%M:%S}" if when.second else f"{when:%H:%M}"
