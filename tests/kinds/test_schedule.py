"""When a rule delivers, with the sandbox's own reading of the server as the judge; and how a wall clock is kept."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from reconciler.instants import spelled
from reconciler.kinds import clocks, schedule
from reconciler.kinds.clocks import WallClock
from reconciler.kinds.schedule import WEEKDAYS, Schedule
from reconciler.sandbox.schedule import Schedule as Judge
from tests.scenes import NOW
from tests.yardstick import seconds

WEEKLY: dict[str, Any] = {
    "frequency": "weekly",
    "interval": 1,
    "byweekday": None,
    "bysetpos": None,
    "count": None,
    "start_date": "2026-01-05T09:00:00Z",
    "until_date": None,
}


def rule(**fields: Any) -> Schedule:
    """Every Monday at nine from January 2026 on, but for *fields*."""
    return Schedule(**{**WEEKLY, **fields})


def judge(rule: Schedule, *, later: bool = False) -> Judge:
    """The same rule, as the sandbox reads it."""
    until = schedule.moment(rule.until_date) if rule.until_date is not None else None
    return Judge(
        rule.frequency,
        rule.interval,
        schedule.moment(rule.start_date),
        until,
        rule.count,
        rule.byweekday or (),
        rule.bysetpos,
        later,
    )


def walked(rule: Schedule, now: datetime, *, later: bool = False) -> Iterator[datetime]:
    """The deliveries after *now*, one after the other, as the sandbox finds them."""
    after = now + schedule.BUFFER
    while (found := judge(rule, later=later).first_after(after)) is not None:
        yield found
        after = found


@st.composite
def rules(draw: st.DrawFn) -> Schedule:
    """A rule as people write them, and a little worse."""
    start = draw(st.datetimes(datetime.fromisoformat("2019-01-01"), datetime.fromisoformat("2027-12-31"))).replace(
        microsecond=0
    )
    days = draw(st.lists(st.sampled_from(WEEKDAYS), max_size=7, unique=True))
    until = draw(st.none() | st.integers(1, 900))
    return rule(
        frequency=draw(st.sampled_from(["daily", "weekly", "monthly", "yearly"])),
        interval=draw(st.integers(1, 15) | st.sampled_from([21, 24, 48])),
        byweekday=schedule.weekdays(days),
        bysetpos=draw(st.none() | st.sampled_from([1, 2, -1, 3, 5, -5, 7, 12, 31])),
        count=draw(st.none() | st.integers(1, 400)),
        start_date=spelled(start),
        until_date=spelled(start + timedelta(days=until)) if until is not None else None,
    )


moments = st.datetimes(
    datetime.fromisoformat("2018-06-01"), datetime.fromisoformat("2029-01-01"), timezones=st.just(UTC)
)


@given(rules(), moments)
@example(rule(byweekday=("monday", "sunday"), start_date="2026-01-07T09:00:00Z", count=5), NOW)
@example(rule(frequency="monthly", start_date="2024-01-31T09:00:00Z"), NOW)
@example(rule(frequency="yearly", start_date="2020-02-29T09:00:00Z"), NOW)
@example(rule(frequency="daily", byweekday=("tuesday",), interval=3, start_date="2020-01-01T00:00:00Z", count=200), NOW)
@example(rule(byweekday=("monday", "friday"), bysetpos=-1, start_date="2020-01-01T00:00:00Z", count=326), NOW)
@example(
    rule(byweekday=("tuesday", "friday"), bysetpos=1, start_date="2026-06-03T09:00:00Z", count=11),
    datetime(2026, 8, 12, 13, 45, tzinfo=UTC),
)
@example(
    rule(byweekday=("tuesday", "friday"), bysetpos=2, start_date="2026-06-03T09:00:00Z"),
    datetime(2026, 8, 12, 13, 45, tzinfo=UTC),
)
def test_deliveries_are_those_of_the_server(rule: Schedule, now: datetime) -> None:
    """The next three, whatever was stepped over to find them, are what a server walking from the start finds."""
    assert tuple(islice(walked(rule, now), 3)) == schedule.deliveries(rule, now, 3)


@given(rules(), moments, st.booleans())
def test_a_later_server_reads_a_position_in_months_only(rule: Schedule, now: datetime, later: bool) -> None:
    """The rule as understood by either server gives the dates that either server computes (contract §6)."""
    understood = rule.understood(later=later)

    assert tuple(islice(walked(rule, now, later=later), 1)) == schedule.deliveries(understood, now, 1)
    assert judge(rule, later=later).rule == judge(understood, later=later).rule


@given(rules())
def test_a_rule_fires_when_the_server_would_ever_deliver(rule: Schedule) -> None:
    """Judged from the start, not from the clock."""
    begin = schedule.moment(rule.start_date) - timedelta(days=1)
    first = next(walked(rule, begin), None)

    assert (first is not None) == schedule.can_fire(rule)
    assert first == schedule.first(rule)


@given(rules(), moments)
def test_a_rule_is_over_when_the_server_has_nothing_left(rule: Schedule, now: datetime) -> None:
    """Only a rule with an end can be over."""
    assume(schedule.can_fire(rule))

    assert (next(walked(rule, now), None) is None) == schedule.is_over(rule, now)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"frequency": "daily", "byweekday": ("monday", "friday")}, 1),
        ({"byweekday": ("monday", "friday")}, 2),
        ({"frequency": "monthly", "byweekday": ("monday",)}, 5),
        ({"frequency": "monthly", "byweekday": ("monday", "tuesday", "wednesday")}, 15),
        ({"frequency": "monthly", "byweekday": ("monday", "wednesday", "friday")}, 14),
        ({"frequency": "monthly", "byweekday": WEEKDAYS}, 31),
        ({"frequency": "monthly", "byweekday": WEEKDAYS, "interval": 12, "start_date": "2026-04-01T09:00:00Z"}, 30),
        ({"frequency": "monthly", "byweekday": WEEKDAYS, "interval": 12, "start_date": "2026-02-01T09:00:00Z"}, 29),
        ({"frequency": "monthly", "byweekday": WEEKDAYS, "interval": 48, "start_date": "2026-02-01T09:00:00Z"}, 28),
        ({"frequency": "monthly", "byweekday": WEEKDAYS, "interval": 6, "start_date": "2026-02-01T09:00:00Z"}, 31),
        ({"frequency": "monthly", "byweekday": WEEKDAYS, "interval": 2, "start_date": "2026-06-01T09:00:00Z"}, 31),
        ({"frequency": "yearly", "byweekday": ("monday",)}, 53),
        ({"frequency": "yearly", "byweekday": ("monday", "thursday")}, 105),
        ({"frequency": "yearly", "byweekday": WEEKDAYS}, 366),
        ({"frequency": "yearly", "byweekday": WEEKDAYS, "interval": 4, "start_date": "2025-01-05T09:00:00Z"}, 365),
    ],
)
def test_a_period_has_only_so_many_days_to_choose_from(fields: dict[str, Any], expected: int) -> None:
    """By arithmetic: a search for a position that does not exist runs to the year 9999."""
    assert expected == schedule.positions(rule(**fields))


HUGE = 2**31 - 1
LONG_AGO, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
ABSURD: dict[str, dict[str, Any]] = {
    "days that never come again": {"frequency": "daily", "interval": HUGE},
    "weeks that never come again": {"frequency": "weekly", "interval": HUGE},
    "months that never come again": {"frequency": "monthly", "interval": HUGE},
    "years that never come again": {"frequency": "yearly", "interval": HUGE},
    "Monday once": {"frequency": "daily", "interval": HUGE, "byweekday": ("monday",)},
    "Tuesday never": {"frequency": "daily", "interval": HUGE, "byweekday": ("tuesday",)},
    "Tuesday in ages": {"frequency": "daily", "interval": 1_000_001, "byweekday": ("tuesday",)},
    "Sunday once": {"interval": HUGE, "byweekday": ("sunday",)},
    "daily since year 1": {"frequency": "daily", "start_date": LONG_AGO},
    "daily on the last day": {"frequency": "daily", "start_date": LAST},
    "weekly on the last day": {"start_date": LAST, "byweekday": ("monday",)},
    "a count without end": {"frequency": "daily", "count": HUGE},
    "a count without end since 1500": {
        "frequency": "daily", "interval": HUGE, "count": HUGE, "start_date": "1500-02-28T12:00:00Z", "until_date": LAST
    },
    "a count without end since year 1": {"frequency": "daily", "count": HUGE, "start_date": LONG_AGO},
    "a count that was used up": {"frequency": "daily", "count": 700_000, "start_date": LONG_AGO},
    "a count of months": {"frequency": "monthly", "count": HUGE, "start_date": LONG_AGO},
    "the 366th day of years without one": {
        "frequency": "yearly", "interval": 4, "byweekday": WEEKDAYS, "bysetpos": 366,
        "start_date": "2025-01-01T00:00:00Z",
    },
    "the 32nd day of a month": {"frequency": "monthly", "byweekday": WEEKDAYS, "bysetpos": 32},
    "the fifth Monday of short Februaries": {
        "frequency": "monthly", "interval": 48, "byweekday": ("monday",), "bysetpos": 5,
        "start_date": "2026-02-01T00:00:00Z",
    },
    "until the last second": {"frequency": "monthly", "until_date": LAST, "start_date": LONG_AGO},
    "years since year 1": {"frequency": "yearly", "start_date": LONG_AGO, "byweekday": ("monday",), "bysetpos": 53},
}  # fmt: skip


@pytest.mark.parametrize("fields", ABSURD.values(), ids=ABSURD.keys())
def test_absurd_rules_are_judged_at_once(fields: dict[str, Any]) -> None:
    """Neither an exception nor a walk to the end of the calendar: both would stop every other manifest."""
    begun = time.process_time()
    schedule.can_fire(rule(**fields))
    schedule.is_over(rule(**fields), NOW)
    schedule.deliveries(rule(**fields), NOW, 3)

    assert time.process_time() - begun < seconds(0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05T09:00:00Z", "2026-01-05T09:00:00Z"),
        ("2026-01-05T09:00:00.000000Z", "2026-01-05T09:00:00Z"),
        ("2026-01-05T09:00:00.123456Z", "2026-01-05T09:00:00Z"),
        ("2026-01-05T10:00:00+01:00", "2026-01-05T09:00:00Z"),
        ("2026-01-05T09:00:00", "2026-01-05T09:00:00Z"),
        ("2026-01-05 09:00Z", "2026-01-05T09:00:00Z"),
        ("2026-01-05 09:00:00Z", "2026-01-05T09:00:00Z"),
        ("2026-01-05", "2026-01-05T00:00:00Z"),
        ("2026-W02-1T09:00:00Z", "2026-01-05T09:00:00Z"),
        ("2026-01-05T090000,1Z", "2026-01-05T09:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_instants_have_one_spelling(text: str, expected: str) -> None:
    """Whatever the server or a person wrote: UTC, whole seconds, a naive one is UTC (contract §3.2)."""
    assert expected == schedule.instant(text)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-01-05T25:00Z", "09:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    """ValueError, for the caller to say where it stands."""
    with pytest.raises(ValueError, match=r"isoformat|must be in"):
        schedule.instant(text)


def test_an_instant_outside_the_calendar_is_refused() -> None:
    """The server answers 400 to these too (contract §5)."""
    with pytest.raises(OverflowError):
        schedule.instant("0001-01-01T00:00:00+14:00")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (None, None),
        ([], None),
        (["friday", "monday", "monday"], ("monday", "friday")),
        (["sunday"], ("sunday",)),
        (["someday", "monday"], ("monday", "someday")),
        ("monday", "monday"),
        ([{"a": 1}], [{"a": 1}]),
    ],
)
def test_weekdays_are_a_set(days: Any, expected: Any) -> None:
    """Order, repetition and the difference between null and [] mean nothing (trap T-4); what is no list is left."""
    assert expected == schedule.weekdays(days)


# Wall clocks. A zone changes its offset twice a year; the server knows UTC only.

VIENNA, NEW_YORK, SYDNEY, LONDON = "Europe/Vienna", "America/New_York", "Australia/Sydney", "Europe/London"


def wall(text: str, zone: str) -> WallClock:
    """The wall clock that shows *text* in *zone*."""
    return WallClock(datetime.fromisoformat(text), zone)


def at(text: str) -> datetime:
    """The instant *text*."""
    return datetime.fromisoformat(text)


def begun(clock: WallClock, **fields: Any) -> Schedule:
    """A rule that begins at the clock's own start."""
    return rule(start_date=spelled(clock.start), **fields)


@pytest.mark.parametrize(
    ("zone", "local", "now", "expected"),
    [
        (VIENNA, "2026-01-05T09:00", "2026-02-02T00:00Z", "2026-01-05T08:00:00Z"),
        (VIENNA, "2026-01-05T09:00", "2026-03-27T00:00Z", "2026-01-05T07:00:00Z"),
        (VIENNA, "2026-01-05T09:00", "2026-07-01T00:00Z", "2026-01-05T07:00:00Z"),
        (VIENNA, "2026-01-05T09:00", "2026-10-20T00:00Z", "2026-01-05T08:00:00Z"),
        (VIENNA, "2026-07-06T09:00", "2026-07-01T00:00Z", "2026-07-06T07:00:00Z"),
        (VIENNA, "2026-07-06T09:00", "2026-12-01T00:00Z", "2026-07-06T08:00:00Z"),
        (NEW_YORK, "2026-01-05T09:00", "2026-03-01T00:00Z", "2026-01-05T14:00:00Z"),
        (NEW_YORK, "2026-01-05T09:00", "2026-03-10T00:00Z", "2026-01-05T13:00:00Z"),
        (NEW_YORK, "2026-01-05T09:00", "2026-11-03T00:00Z", "2026-01-05T14:00:00Z"),
        (SYDNEY, "2026-01-05T13:00", "2026-02-02T00:00Z", "2026-01-05T02:00:00Z"),
        (SYDNEY, "2026-01-05T13:00", "2026-04-07T00:00Z", "2026-01-05T03:00:00Z"),
        (SYDNEY, "2026-01-05T13:00", "2026-10-06T00:00Z", "2026-01-05T02:00:00Z"),
        (LONDON, "2026-01-05T09:00", "2026-06-01T00:00Z", "2026-01-05T08:00:00Z"),
        ("Asia/Tokyo", "2026-01-05T09:00", "2026-06-01T00:00Z", "2026-01-05T00:00:00Z"),
        ("Asia/Kolkata", "2026-01-05T09:15", "2026-06-01T00:00Z", "2026-01-05T03:45:00Z"),
        ("Australia/Lord_Howe", "2026-01-05T13:00", "2026-06-01T00:00Z", "2026-01-05T02:30:00Z"),
    ],
)  # fmt: skip
def test_a_start_is_anchored_so_that_the_next_delivery_is_right(zone: str, local: str, now: str, expected: str) -> None:
    """Its UTC time of day moves by the difference of the zone's offsets; both hemispheres, both changes."""
    clock = wall(local, zone)

    assert expected == clocks.anchored(begun(clock), clock, at(now))


@given(
    st.sampled_from([VIENNA, NEW_YORK, SYDNEY, LONDON, "Asia/Tokyo", "America/Santiago"]),
    st.datetimes(datetime.fromisoformat("2025-01-01"), datetime.fromisoformat("2026-12-31")).map(
        lambda when: when.replace(second=0, microsecond=0)
    ),
    st.sampled_from(["daily", "weekly"]),
    st.integers(1, 4),
    moments,
)
def test_an_anchored_rule_delivers_when_the_wall_says_so(
    zone: str, local: datetime, frequency: str, interval: int, now: datetime
) -> None:
    """A rule that counts from its start keeps the time on the wall, and its days on the wall\'s calendar."""
    clock = WallClock(local, zone)
    assume(clocks.irregularity(clock) is None)
    plain = begun(clock, frequency=frequency, interval=interval)
    moved = rule(frequency=frequency, interval=interval, start_date=clocks.anchored(plain, clock, now))
    found = schedule.deliveries(moved, now, 1)[0].astimezone(ZoneInfo(zone))
    # Within a day of the change itself the delivery that decided may be another than the next one.
    near = {clock.offset_at(found.astimezone(UTC) + timedelta(days=days)) for days in (-2, 0, 2)}
    assume(len(near) == 1)

    assert local.time() == found.time()
    assert 0 == (found.date() - local.date()).days % (interval * (7 if frequency == "weekly" else 1))


def test_a_rule_that_is_over_keeps_its_start() -> None:
    """Nothing will be delivered, so nothing can be off."""
    clock = wall("2026-01-05T09:00", VIENNA)
    ended = begun(clock, until_date="2026-02-01T00:00:00Z")
    moved = rule(start_date="2026-01-05T07:00:00Z", until_date="2026-02-01T00:00:00Z")

    assert "2026-01-05T08:00:00Z" == clocks.anchored(ended, clock, at("2026-07-01T00:00Z"))
    assert "2026-01-05T07:00:00Z" == clocks.reanchored(moved, clock, at("2026-07-01T00:00Z"), None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"frequency": "daily"}, "2026-01-04T23:30:00Z"),
        ({"frequency": "daily", "interval": 3}, "2026-01-04T23:30:00Z"),
        ({"frequency": "weekly"}, "2026-01-04T23:30:00Z"),
        ({"frequency": "weekly", "byweekday": ("monday",)}, "2026-01-05T00:30:00Z"),
        ({"frequency": "daily", "byweekday": ("monday",)}, "2026-01-05T00:30:00Z"),
        ({"frequency": "monthly"}, "2026-01-05T00:30:00Z"),
        ({"frequency": "monthly", "byweekday": ("monday",), "bysetpos": 1}, "2026-01-05T00:30:00Z"),
        ({"frequency": "yearly"}, "2026-01-05T00:30:00Z"),
    ],
)
def test_no_move_over_midnight_changes_the_day(fields: dict[str, Any], expected: str) -> None:
    """At 01:30 in Vienna a summer start is on the UTC day before. Rules that count from it stay on the local day;
    by weekday or day of the month they would leave it, and are rather an hour late."""
    clock = wall("2026-01-05T01:30", VIENNA)

    assert expected == clocks.anchored(begun(clock, **fields), clock, at("2026-07-01T00:00Z"))


@pytest.mark.parametrize(
    ("local", "zone", "fields", "expected"),
    [
        ("2026-01-05T09:00", VIENNA, {"byweekday": ("monday",)}, True),
        ("2026-01-05T01:30", VIENNA, {"byweekday": ("monday",)}, False),
        ("2026-01-05T00:30", VIENNA, {"byweekday": ("monday",)}, False),
        ("2026-01-05T00:30", VIENNA, {}, True),
        ("2026-01-01T08:00", "Asia/Tokyo", {"frequency": "monthly"}, False),
        ("2026-01-01T09:00", "Asia/Tokyo", {"frequency": "monthly"}, True),
        ("2026-01-05T19:30", NEW_YORK, {"frequency": "yearly"}, False),
        ("2026-01-05T18:30", NEW_YORK, {"frequency": "yearly"}, True),
        ("2026-01-05T19:30", NEW_YORK, {"frequency": "daily"}, True),
    ],
)
def test_days_matter_where_the_rule_names_them(local: str, zone: str, fields: dict[str, Any], expected: bool) -> None:
    """The server reads weekdays and days of the month in UTC, all year round."""
    clock = wall(local, zone)

    assert expected is clocks.keeps_days(begun(clock, **fields), clock)


# A row that was made for Monday to Sunday at nine in Vienna; in winter that is 8 o'clock UTC, in summer 7.
WINTER, SUMMER = "2026-01-05T08:00:00Z", "2026-01-05T07:00:00Z"


@pytest.mark.parametrize(
    ("start", "now", "due", "expected"),
    [
        (WINTER, "2026-02-02T00:00Z", "2026-02-02T08:00Z", WINTER),
        # The night of the change to summer is 29 March.
        (WINTER, "2026-03-28T07:00Z", "2026-03-28T08:00Z", WINTER),
        (WINTER, "2026-03-28T09:00Z", "2026-03-29T08:00Z", SUMMER),
        (WINTER, "2026-03-29T06:30Z", "2026-03-29T08:00Z", SUMMER),
        (WINTER, "2026-03-29T06:40Z", "2026-03-29T08:00Z", WINTER),
        (WINTER, "2026-03-29T07:20Z", "2026-03-29T08:00Z", WINTER),
        (WINTER, "2026-03-29T08:20Z", "2026-03-30T08:00Z", SUMMER),
        (SUMMER, "2026-03-29T08:20Z", "2026-03-30T07:00Z", SUMMER),
        # The night of the change to winter is 25 October.
        (SUMMER, "2026-10-24T06:00Z", "2026-10-24T07:00Z", SUMMER),
        (SUMMER, "2026-10-24T07:05Z", "2026-10-25T07:00Z", SUMMER),
        (SUMMER, "2026-10-24T07:44Z", "2026-10-25T07:00Z", SUMMER),
        (SUMMER, "2026-10-24T07:45Z", "2026-10-25T07:00Z", WINTER),
        (SUMMER, "2026-10-25T06:40Z", "2026-10-25T07:00Z", SUMMER),
        (SUMMER, "2026-10-25T07:50Z", "2026-10-26T07:00Z", WINTER),
        # A delivery is due and not sent yet, or the row plans none.
        (WINTER, "2026-07-01T09:00Z", "2026-07-01T08:00Z", WINTER),
        (WINTER, "2026-07-01T09:00Z", None, WINTER),
    ],
)
def test_a_row_is_moved_when_no_delivery_is_lost_or_doubled(
    start: str, now: str, due: str | None, expected: str
) -> None:
    """Judged at the next delivery. An hour earlier could skip today's, an hour later send it again: it waits."""
    clock = wall("2026-01-05T09:00", VIENNA)
    planned = at(due) if due is not None else None

    assert expected == clocks.reanchored(rule(frequency="daily", start_date=start), clock, at(now), planned)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WINTER, True),
        (SUMMER, True),
        ("2026-01-05T09:00:00Z", False),
        ("2026-01-06T08:00:00Z", False),
        ("2026-01-05T07:30:00Z", False),
    ],
)
def test_an_anchor_is_the_wall_clock_moved_by_offsets_of_its_zone(text: str, expected: bool) -> None:
    """Any other start was changed by somebody."""
    clock = wall("2026-01-05T09:00", VIENNA)

    assert expected is clocks.is_anchor(text, rule(), clock, NOW)


@pytest.mark.parametrize(
    ("local", "zone", "expected"),
    [
        ("2026-03-29T02:30", VIENNA, "skipped"),
        ("2026-10-25T02:30", VIENNA, "doubled"),
        ("2026-03-29T03:00", VIENNA, None),
        ("2026-10-25T03:00", VIENNA, None),
        ("2026-10-04T02:30", SYDNEY, "skipped"),
        ("2026-04-05T02:30", SYDNEY, "doubled"),
        ("2026-03-29T02:30", "Asia/Tokyo", None),
    ],
)
def test_a_time_can_be_skipped_or_doubled(local: str, zone: str, expected: str | None) -> None:
    """In the night of a change an hour is missing, or is there twice."""
    assert expected == clocks.irregularity(wall(local, zone))


def test_the_end_of_the_calendar_has_the_offset_of_the_start() -> None:
    """Where a zone would be in the year 10000, its offset cannot be asked for."""
    assert timedelta(hours=1) == wall("2026-01-05T09:00", VIENNA).offset_at(at("9999-12-31T23:30Z"))
