"""When a row delivers and how that is worded: contract §6, and checklist items 15 and 17."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox.schedule import FREQUENCIES, WEEKDAYS, Schedule
from tests.sandbox.support import NOW, Api, mixed

START = datetime(2026, 1, 5, 9, tzinfo=UTC)  # a Monday
HORIZON = datetime(2026, 12, 20, tzinfo=UTC)

# The schedule, and its first occurrence after NOW: Monday, 2 March 2026, 08:00.
FIRST: dict[str, tuple[dict[str, Any], str | None]] = {
    "weekly on its own weekday": ({"frequency": "weekly"}, "2026-03-02T09:00:00Z"),
    "weekly on other days": ({"byweekday": ["sunday", "wednesday"]}, "2026-03-04T09:00:00Z"),
    "every other week": ({"interval": 2}, "2026-03-02T09:00:00Z"),
    "every third week": ({"interval": 3}, "2026-03-09T09:00:00Z"),
    "daily": ({"frequency": "daily", "byweekday": None}, "2026-03-02T09:00:00Z"),
    "daily on weekends": ({"frequency": "daily", "byweekday": ["saturday", "sunday"]}, "2026-03-07T09:00:00Z"),
    "every seventh day on another weekday": (
        {"frequency": "daily", "interval": 7, "byweekday": ["friday"]}, None,
    ),
    "monthly on the day of start": ({"frequency": "monthly", "byweekday": None}, "2026-03-05T09:00:00Z"),
    "monthly on the 31st": (
        {"frequency": "monthly", "byweekday": None, "start_date": "2025-12-31T09:00:00Z"}, "2026-03-31T09:00:00Z",
    ),
    "first Friday": ({"frequency": "monthly", "byweekday": ["friday"], "bysetpos": 1}, "2026-03-06T09:00:00Z"),
    "last day of the month": (
        {"frequency": "monthly", "byweekday": list(WEEKDAYS), "bysetpos": -1}, "2026-03-31T09:00:00Z",
    ),
    "fifth Monday": ({"frequency": "monthly", "byweekday": ["monday"], "bysetpos": 5}, "2026-03-30T09:00:00Z"),
    "sixth Monday": ({"frequency": "monthly", "byweekday": ["monday"], "bysetpos": 6}, None),
    "second day of one a week": ({"byweekday": ["monday"], "bysetpos": 2}, None),
    "position without weekdays": ({"byweekday": [], "bysetpos": 2}, "2026-03-02T09:00:00Z"),
    "yearly": ({"frequency": "yearly", "byweekday": None}, "2027-01-05T09:00:00Z"),
    "yearly on 29 February": (
        {"frequency": "yearly", "byweekday": None, "start_date": "2024-02-29T09:00:00Z"}, "2028-02-29T09:00:00Z",
    ),
    "counted out": ({"count": 8}, None),
    "last of its count": ({"count": 9}, "2026-03-02T09:00:00Z"),
    "until just then": ({"until_date": "2026-03-02T09:00:00Z"}, "2026-03-02T09:00:00Z"),
    "until just before": ({"until_date": "2026-03-02T08:59:59Z"}, None),
    "starting later": ({"start_date": "2026-05-04T07:00:00Z"}, "2026-05-04T07:00:00Z"),
    "fractions of a second are dropped": ({"start_date": "2026-01-05T09:00:00.9Z"}, "2026-03-02T09:00:00Z"),
    "nearer than the buffer": ({"start_date": "2026-01-05T08:14:59Z"}, "2026-03-09T08:14:59Z"),
    "exactly the buffer away": ({"start_date": "2026-01-05T08:15:00Z"}, "2026-03-09T08:15:00Z"),
    "beyond the buffer": ({"start_date": "2026-01-05T08:15:01Z"}, "2026-03-02T08:15:01Z"),
    "local time is turned into UTC": ({"start_date": "2026-01-05T23:30:00-02:00"}, "2026-03-09T01:30:00Z"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), **mixed(FIRST))
def test_6_the_first_delivery_of_a_new_row(seed: Api, fields: dict[str, Any], expected: str | None) -> None:
    """The first occurrence strictly later than fifteen minutes from now; UTC throughout."""
    assert expected == seed.post(**fields).json()["next_delivery_date"]


def test_6_later_servers_count_positions_in_months_only(latest: Api) -> None:
    """Elsewhere bysetpos is stored and means nothing."""
    row = latest.post(byweekday=["monday"], bysetpos=2).json()

    assert (2, "2026-03-02T09:00:00Z") == (row["bysetpos"], row["next_delivery_date"])


UNTOUCHED: dict[str, dict[str, Any]] = {
    "title": {"title": "new"},
    "recipients": {"target_value": "cy@x.example"},
    "the same schedule again": {"frequency": "weekly", "interval": 1, "start_date": "2026-01-05T10:00:00+01:00"},
    "weekdays in another order": {"byweekday": ["wednesday", "monday", "monday"]},
    "nothing": {},
    "deleted": {"deleted": True},
    "fraction of a second": {"start_date": "2026-01-05T09:00:00.25Z"},
}


@pytest.mark.parametrize("fields", **mixed(UNTOUCHED))
def test_6_the_date_is_kept_unless_the_rule_changes(seed: Api, fields: dict[str, Any]) -> None:
    """Even a date in the past stays: only a changed rule is computed again."""
    row = seed.new(byweekday=["monday", "wednesday"])
    seed.sandbox.set_now(NOW + timedelta(days=30))

    assert "2026-03-02T09:00:00Z" == seed.patch(row, **fields).json()["next_delivery_date"]


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "start": ({"start_date": "2026-01-05T10:00:00Z"}, "2026-04-06T10:00:00Z"),
    "interval": ({"interval": 2}, "2026-04-13T09:00:00Z"),
    "frequency": ({"frequency": "daily", "byweekday": None}, "2026-04-02T09:00:00Z"),
    "weekdays": ({"byweekday": ["friday"]}, "2026-04-03T09:00:00Z"),
    "until": ({"until_date": "2027-01-01"}, "2026-04-06T09:00:00Z"),
    "count": ({"count": 100}, "2026-04-06T09:00:00Z"),
}


@pytest.mark.parametrize(("fields", "expected"), **mixed(CHANGED))
def test_6_a_changed_rule_is_computed_again(seed: Api, fields: dict[str, Any], expected: str) -> None:
    """From now on, not from the old date."""
    row = seed.new()
    seed.sandbox.set_now(NOW + timedelta(days=31))

    assert expected == seed.patch(row, **fields).json()["next_delivery_date"]


def test_6_an_empty_list_of_weekdays_is_no_list(seed: Api) -> None:
    """`[]` and null are stored as they are and mean the same rule."""
    row = seed.new(byweekday=None)
    seed.sandbox.set_now(NOW + timedelta(days=30))

    assert ([], "2026-03-02T09:00:00Z") == (
        (patched := seed.patch(row, byweekday=[]).json())["byweekday"],
        patched["next_delivery_date"],
    )


def test_6_enabling_computes_the_date_again(latest: Api) -> None:
    """A pause does not leave a stale date behind."""
    row = latest.new()
    latest.patch(row, enabled=False)
    latest.sandbox.set_now(NOW + timedelta(days=30))

    assert "2026-04-06T09:00:00Z" == latest.patch(row, enabled=True).json()["next_delivery_date"]


def test_6_a_scheduled_delivery_advances_the_date(seed: Api) -> None:
    """What is due within fifteen minutes is sent once, and the next date stored."""
    row = seed.new()
    seed.sandbox.clear_outbox()

    assert [] == seed.sandbox.tick(NOW + timedelta(minutes=44))
    sent = seed.sandbox.tick(NOW + timedelta(minutes=45))
    assert [("ana@x.example", "schedule"), ("bo@x.example", "schedule")] == [
        (each.recipient, each.why) for each in sent
    ]
    assert "2026-03-09T09:00:00Z" == seed.sandbox.row(row)["next_delivery_date"]
    assert [] == seed.sandbox.tick(NOW + timedelta(minutes=60))


def test_6_a_scheduler_that_was_away_sends_once(seed: Api) -> None:
    """Missed occurrences are not made up for."""
    row = seed.new()
    seed.sandbox.clear_outbox()

    assert 2 == len(seed.sandbox.tick(NOW + timedelta(days=100)))
    assert "2026-06-15T09:00:00Z" == seed.sandbox.row(row)["next_delivery_date"]


SILENT: dict[str, dict[str, Any]] = {
    "deleted": {"deleted": True},
    "not due": {"next_delivery_date": "2026-03-02T09:00:01Z"},
    "never": {"next_delivery_date": None},
    "webhook": {"target_type": "webhook"},
    "content gone": {"dashboard": 50},
    "no content": {"dashboard": None},
}


@pytest.mark.parametrize("fields", **mixed(SILENT))
def test_6_what_the_scheduler_leaves_alone(seed: Api, fields: dict[str, Any]) -> None:
    """Nothing is sent, and the date does not move."""
    row = seed.sandbox.add(**{"next_delivery_date": "2026-03-02T09:00:00Z", **fields})
    seed.sandbox.remove_dashboard(50)

    assert [] == seed.sandbox.tick(NOW + timedelta(minutes=45))
    assert row["next_delivery_date"] == seed.sandbox.row(row["id"])["next_delivery_date"]


def test_6_a_paused_row_is_left_alone(latest: Api) -> None:
    """enabled false stops the scheduler."""
    latest.sandbox.add(next_delivery_date="2026-03-02T09:00:00Z", enabled=False)

    assert [] == latest.sandbox.tick(NOW + timedelta(hours=1))


# The words of the seed server, and of later ones.
SUMMARIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "daily": ({"frequency": "daily", "byweekday": None}, "sent every day", "sent every day"),
    "every other week": ({"interval": 2, "byweekday": None}, "sent every 2 weeks", "sent every 2 weeks"),
    "yearly": ({"frequency": "yearly", "byweekday": []}, "sent every year", "sent every year"),
    "a weekday": ({"byweekday": ["monday"]}, "sent every week", "sent every week on Monday"),
    "two weekdays": ({"byweekday": ["friday", "monday"]}, "sent every week", "sent every week on Monday and Friday"),
    "workdays": ({"byweekday": list(WEEKDAYS[:5])}, "sent every week", "sent every week on weekdays"),
    "first Monday": (
        {"frequency": "monthly", "bysetpos": 1},
        "sent every month on the first Monday",
        "sent every month on the first Monday",
    ),
    "last of two": (
        {"frequency": "monthly", "byweekday": ["monday", "friday"], "bysetpos": -1},
        "sent every month on the last day",
        "sent every month on the last day",
    ),
    "second workday": (
        {"frequency": "monthly", "byweekday": list(WEEKDAYS[:5]), "bysetpos": 2},
        "sent every month on the second day",
        "sent every month on the second weekday",
    ),
    "fifth Monday": ({"frequency": "monthly", "bysetpos": 5}, "sent on a schedule", "sent on a schedule"),
    "position in a week": ({"bysetpos": 1}, "sent every week on the first Monday", "sent every week on Monday"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "words", "later_words"), **mixed(SUMMARIES))
def test_6_summaries(seed: Api, fields: dict[str, Any], words: str, later_words: str) -> None:
    """The text differs between the generations, and is never to be compared."""
    assert words == seed.post(**fields).json()["summary"]

    seed.sandbox.reset("latest")
    assert later_words == seed.post(**fields).json()["summary"]


def on_a_calendar(frequency: str, interval: int, days: Sequence[str], position: int | None) -> list[datetime]:
    """Every occurrence from START to HORIZON, found by going through the days of a calendar."""
    periods: dict[int, list[datetime]] = {}
    for day in (START + timedelta(days=number) for number in range(-10, 400)):
        period, is_alike = {
            "daily": ((day - START).days, True),
            "weekly": ((day - START).days // 7, day.weekday() == START.weekday()),
            "monthly": (12 * (day.year - START.year) + day.month - START.month, day.day == START.day),
            "yearly": (day.year - START.year, (day.month, day.day) == (START.month, START.day)),
        }[frequency]
        if period % interval == 0 and (WEEKDAYS[day.weekday()] in days if days else is_alike):
            periods.setdefault(period, []).append(day)
    if days and position is not None:
        place = position - 1 if position > 0 else position
        periods = {
            number: found[place : place + 1 or None] for number, found in periods.items() if len(found) >= abs(position)
        }
    return [day for found in periods.values() for day in found if START <= day <= HORIZON]


@settings(max_examples=150, deadline=None)
@given(
    frequency=st.sampled_from(sorted(FREQUENCIES)),
    interval=st.integers(1, 8),
    days=st.lists(st.sampled_from(WEEKDAYS), max_size=3),
    position=st.none() | st.integers(-6, 6).filter(bool),
    count=st.none() | st.integers(1, 40),
)
def test_6_the_schedule_agrees_with_a_calendar(
    frequency: str, interval: int, days: list[str], position: int | None, count: int | None
) -> None:
    """Whatever the rule, the next delivery is the one found by going through the days."""
    schedule = Schedule(frequency, interval, START, HORIZON, count, tuple(days), position)
    later = [moment for moment in on_a_calendar(frequency, interval, days, position)[:count] if moment > NOW]

    assert next(iter(later), None) == schedule.first_after(NOW)
