"""When a row delivers next, before and after a write, with the sandbox as the judge; and what is found about that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from reconciler.instants import spelled
from reconciler.kinds import reading, schedule
from reconciler.kinds.effects import Generation
from reconciler.kinds.subscription import Subscription
from reconciler.model import Deliveries, Desired, Finding, Live, Severity
from reconciler.resource import Draft
from reconciler.sandbox import Sandbox
from tests.kinds.support import TAG, Server, live, pending, settled, wanted
from tests.kinds.test_schedule import judge as judge_of
from tests.scenes import CONFIG, NOW, PRODUCTION, SUBSCRIPTION, manifest, text

PLACES = ("Europe/Vienna", "Australia/Sydney", "America/Sao_Paulo", "Asia/Kathmandu")


def at(text: str) -> datetime:
    """An instant, given in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(draft: Draft) -> Deliveries:
    """The deliveries of *draft*, which has some."""
    assert draft.deliveries is not None
    return draft.deliveries


def created(server: Generation = Generation.SEED, *, now: datetime = NOW, **given: Any) -> Draft:
    """The draft of a row that a manifest with *given* makes on *server* at *now*."""
    kind = Subscription(now)
    peers = () if server is Generation.UNKNOWN else (live(server),)
    return kind.create(kind.desired(manifest(**given), CONFIG, PRODUCTION), TAG, peers)


def edited(row: Live, *, now: datetime = NOW, **given: Any) -> Draft:
    """The draft that makes *row* what a manifest with *given* says, at *now*."""
    kind = Subscription(now)
    return kind.edit(pending(row, kind.desired(manifest(**given), CONFIG, PRODUCTION), kind=kind))


def days(instants: tuple[datetime, ...]) -> list[str]:
    """*instants* as people write them."""
    return [f"{when:%Y-%m-%d %H:%M}" for when in instants]


# What is told


def test_a_create_tells_its_first_three_deliveries() -> None:
    """There was nothing before it."""
    found = told(created())

    assert (["2026-03-02 09:00", "2026-03-09 09:00", "2026-03-16 09:00"], ()) == (days(found.after), found.before)


def test_an_edit_of_the_schedule_tells_both() -> None:
    """Before: the date the server has planned, and what its rule has after it. After: what it will plan anew."""
    found = told(edited(live(next_delivery_date="2026-03-09T09:00:00Z"), frequency="monthly", byweekday=None))

    assert ["2026-03-09 09:00", "2026-03-16 09:00", "2026-03-23 09:00"] == days(found.before)
    assert ["2026-03-05 09:00", "2026-04-05 09:00", "2026-05-05 09:00"] == days(found.after)


@pytest.mark.parametrize("given", [{"title": "New"}, {"target_value": ["bo@example.com"]}, {"dashboard": 43}])
def test_an_edit_of_something_else_tells_none(given: dict[str, Any]) -> None:
    """It moves nothing."""
    assert edited(live(), **given).deliveries is None


def test_a_changed_field_need_not_move_a_delivery() -> None:
    """A position without weekdays is no part of the rule, so the server keeps its date (contract §6)."""
    row = live(byweekday=None, next_delivery_date="2026-03-09T09:00:00Z")
    found = told(edited(row, byweekday=None, bysetpos=1))

    assert found.before == found.after == (at("2026-03-09 09:00"), at("2026-03-16 09:00"), at("2026-03-23 09:00"))


def test_a_restore_tells_what_it_brings_back() -> None:
    """A deleted row sends nothing; its old date is kept where it has not passed."""
    found = told(edited(live(deleted=True, next_delivery_date="2026-03-16T09:00:00Z")))

    assert ((), ["2026-03-16 09:00", "2026-03-23 09:00", "2026-03-30 09:00"]) == (found.before, days(found.after))
    assert not found.overdue


def test_a_stale_restore_sends_at_the_next_tick() -> None:
    """Then the server goes on from now (trap T-28)."""
    found = told(edited(live(deleted=True, next_delivery_date="2026-01-12T09:00:00Z")))

    assert found.overdue
    assert ["2026-01-12 09:00", "2026-03-02 09:00", "2026-03-09 09:00"] == days(found.after)


def test_a_restore_with_another_schedule_computes_anew() -> None:
    """In the same PATCH."""
    row = live(deleted=True, next_delivery_date="2026-01-12T09:00:00Z")
    draft = edited(row, byweekday=["friday"])

    assert {"deleted": False, "byweekday": ["friday"]} == dict(draft.requests[-1].body or {})
    assert (False, ["2026-03-06 09:00", "2026-03-13 09:00", "2026-03-20 09:00"]) == (
        told(draft).overdue,
        days(told(draft).after),
    )


def test_a_replacement_tells_both_rows() -> None:
    """The new row's first delivery is computed anew, whatever the old one had planned."""
    row = live(Generation.N, next_delivery_date="2026-03-30T09:00:00Z")
    found = told(SUBSCRIPTION.create(wanted(), TAG, (row,), replaced=row))

    assert (["2026-03-30 09:00", "2026-04-06 09:00"], ["2026-03-02 09:00", "2026-03-09 09:00"]) == (
        days(found.before)[:2],
        days(found.after)[:2],
    )


@pytest.mark.parametrize(
    ("row", "given", "before", "after"),
    [
        ({"enabled": True}, {"enabled": False}, True, False),
        ({"enabled": False}, {"enabled": True}, False, True),
        ({"enabled": False}, {"enabled": False, "frequency": "daily", "byweekday": None}, False, False),
        ({"enabled": True}, {"enabled": True, "frequency": "daily", "byweekday": None}, True, True),
    ],
    ids=["switched off", "switched on", "stays off", "stays on"],
)
def test_a_row_that_is_off_sends_nothing(row: dict[str, Any], given: dict[str, Any], before: bool, after: bool) -> None:
    """On servers that know the switch."""
    found = told(edited(live(Generation.N, **row), **given))

    assert (before, after) == (bool(found.before), bool(found.after))


def test_an_old_server_does_not_know_the_switch() -> None:
    """It ignores the field and sends (contract §7)."""
    assert told(created(Generation.SEED, enabled=False)).after
    assert not told(created(Generation.M3, enabled=False)).after


def test_a_webhook_never_delivers() -> None:
    """In no version (contract §7)."""
    hook: dict[str, Any] = {"target_type": "webhook", "target_value": "https://example.com/hook"}

    assert () == told(created(**hook)).after
    assert () == told(edited(live(**hook), **hook, interval=2)).before


@pytest.mark.parametrize(
    "odd",
    [
        {"interval": 0}, {"interval": -1}, {"interval": None}, {"interval": 1.5}, {"frequency": "hourly"},
        {"frequency": None},
        {"byweekday": ["someday"]}, {"byweekday": "monday"}, {"bysetpos": 0}, {"bysetpos": "first"}, {"count": 0},
        {"count": -1}, {"start_date": "xxxx-xx-xxTxx:xx:xxZ"}, {"start_date": None}, {"until_date": "some day"},
        {"until_date": 7},
    ],
    ids=str,
)  # fmt: skip
def test_a_row_that_no_manifest_may_be_tells_its_date_only(odd: dict[str, Any]) -> None:
    """What the server would make of such a rule, nobody knows (contract §5)."""
    found = told(edited(live(**odd, next_delivery_date="2026-03-09T09:00:00Z")))

    assert (at("2026-03-09 09:00"),) == found.before


@pytest.mark.parametrize(
    ("server", "third", "unknown"),
    [
        (Generation.SEED, "2026-03-16", False),
        (Generation.X, "2026-03-06", False),
        (Generation.UNKNOWN, "2026-03-16", True),
    ],
)
def test_servers_differ_about_a_position_in_weeks(server: Generation, third: str, unknown: bool) -> None:
    """The newest read it in months only; without a row to look at, nothing is promised (contract §6)."""
    given: dict[str, Any] = {"byweekday": ["monday", "wednesday", "friday"], "bysetpos": 1}
    found = told(created(server, **given))

    assert (third, unknown) == (days(found.after)[2][:10], found.unknown)
    assert not told(created(Generation.UNKNOWN)).unknown


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-01-05T09:00:00Z", None),
        ("2026-01-05T09:00:00+00:00", None),
        ("2026-01-05T10:00:00+01:00", "+01:00"),
        ("2026-01-05 03:30:00-05:30", "-05:30"),
        ({"date": "2026-01-05", "time": "10:00", "timezone": "Europe/Vienna"}, "Europe/Vienna"),
        ({"date": "2026-01-05", "time": "10:00", "timezone": "UTC"}, None),
    ],
    ids=["Z", "no offset", "an offset", "a negative one", "a wall clock", "a wall clock in UTC"],
)
def test_the_zone_is_the_one_the_manifest_speaks_in(start: Any, expected: str | None) -> None:
    """None where it speaks in UTC."""
    assert expected == told(created(start_date=start, byweekday=None)).timezone


# Around the changes of the clocks


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("Europe/Vienna", "2026-03-27 12:00", ["28 08:00", "29 08:00", "30 08:00"]),
        ("Europe/Vienna", "2026-03-28 12:00", ["29 07:00", "30 07:00", "31 07:00"]),
        ("Europe/Vienna", "2026-10-24 12:00", ["25 08:00", "26 08:00", "27 08:00"]),
        ("Australia/Sydney", "2026-04-03 12:00", ["03 22:00", "04 22:00", "05 22:00"]),
        ("Australia/Sydney", "2026-04-04 12:00", ["04 23:00", "05 23:00", "06 23:00"]),
        ("Australia/Sydney", "2026-10-03 12:00", ["03 22:00", "04 22:00", "05 22:00"]),
    ],
    ids=["before spring", "in spring", "in autumn", "southern, before", "southern autumn", "southern spring"],
)
def test_a_create_keeps_the_wall_clock_at_its_first_delivery(zone: str, now: str, expected: list[str]) -> None:
    """From the first one on the server repeats in UTC; nine o'clock, in both hemispheres (design §2)."""
    wall: dict[str, Any] = {"date": "2026-01-05", "time": "09:00", "timezone": zone}
    found = told(created(now=at(now), frequency="daily", byweekday=None, start_date=wall))

    assert expected == [f"{when:%d %H:%M}" for when in found.after]


def test_a_move_of_the_start_tells_both_times() -> None:
    """Daylight saving time took the next delivery off the wall's nine o'clock; the same PATCH puts it back."""
    wall: dict[str, Any] = {"date": "2026-01-05", "time": "09:00", "timezone": "Europe/Vienna"}
    row = live(start_date="2026-01-05T08:00:00Z", byweekday=None, next_delivery_date="2026-03-30T08:00:00Z")
    found = told(edited(row, now=at("2026-03-24 12:00"), start_date=wall, byweekday=None))

    assert ["2026-03-30 08:00", "2026-04-06 08:00", "2026-04-13 08:00"] == days(found.before)
    assert ["2026-03-30 07:00", "2026-04-06 07:00", "2026-04-13 07:00"] == days(found.after)


# What is found


def rules(draft: Draft) -> list[str]:
    """The rules of the findings of *draft*."""
    return [finding.rule for finding in draft.findings]


def only(draft: Draft) -> Finding:
    """The one finding of *draft*."""
    (finding,) = draft.findings
    return finding


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (0, []), (6, ["first-delivery-skipped"]), (15, ["first-delivery-skipped"]),
        (16, ["first-delivery-soon"]), (59, ["first-delivery-soon"]), (60, []), (600, []),
    ],
)  # fmt: skip
def test_a_first_delivery_that_is_near_is_found(minutes: int, expected: list[str]) -> None:
    """Within 15 minutes the server leaves it out; within the hour an apply may come too late. One of now is over."""
    now = at("2026-03-02 09:00") - timedelta(minutes=minutes)

    assert expected == rules(created(now=now))
    assert expected == rules(edited(live(interval=2), now=now))


def test_only_a_delivery_of_today_is_near() -> None:
    """The schedule's time of day on another day is nothing to tell."""
    assert [] == rules(created(now=at("2026-03-03 08:54")))


def test_a_delivery_that_is_left_out_says_when_the_first_one_goes() -> None:
    """Precisely."""
    finding = only(created(now=at("2026-03-02 08:54"), start_date="2026-01-05T10:00:00+01:00"))

    assert (
        "the delivery of Mon 2026-03-02 09:00 UTC (10:00 +01:00) is in 6 min, and the server plans none nearer than "
        "15 minutes: the first one is Mon 2026-03-09 09:00 UTC (10:00 +01:00); move start_date where that is not meant"
    ) == text(finding)
    assert Severity.WARNING is finding.severity


def test_a_delivery_that_is_left_out_may_have_been_the_only_one() -> None:
    """Then nothing is ever sent on schedule."""
    draft = created(now=at("2026-03-02 08:54"), start_date="2026-03-02T09:00:00Z", count=1)

    assert ["exhausted", "first-delivery-skipped"] == rules(draft)
    assert "15 minutes: and there is no other" in text(draft.findings[1])


def test_an_edit_may_leave_out_the_last_delivery() -> None:
    """The ninth, which comes in six minutes."""
    assert ["exhausted", "first-delivery-skipped"] == rules(edited(live(), now=at("2026-03-02 08:54"), count=9))


def test_a_near_delivery_says_until_when_an_apply_is_in_time() -> None:
    """And what comes of a later one."""
    finding = only(created(now=at("2026-03-02 08:20")))

    assert (
        "first delivery in 40 min: Mon 2026-03-02 09:00 UTC; an apply after Mon 2026-03-02 08:45 UTC misses it, "
        "then the first is Mon 2026-03-09 09:00 UTC"
    ) == text(finding)
    assert (Severity.NOTE, "weekly") == (finding.severity, finding.name)


def test_the_last_near_delivery_has_none_after_it() -> None:
    """A schedule that ends with it."""
    finding = only(created(now=at("2026-03-02 08:20"), start_date="2026-03-02T09:00:00Z", count=1))

    assert text(finding).endswith("misses it, there is no other")


def test_a_date_that_is_kept_cannot_be_missed() -> None:
    """A restored row keeps it, whenever the apply comes."""
    finding = only(edited(live(deleted=True, next_delivery_date="2026-03-02T09:00:00Z"), now=at("2026-03-02 08:20")))

    assert "first delivery in 40 min: Mon 2026-03-02 09:00 UTC" == text(finding)


ENDED: dict[str, Any] = {"start_date": "2026-01-05T09:00:00Z", "count": 2}


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (Generation.UNKNOWN, "exhausted"), (Generation.SEED, "exhausted"), (Generation.M3, "exhausted-refused"),
        (Generation.X, "exhausted-refused"),
    ],
)  # fmt: skip
def test_a_new_row_whose_schedule_is_over_is_found(server: Generation, expected: str) -> None:
    """Old servers take it and never send; later ones refuse it (contract §5)."""
    assert [expected] == rules(created(server, **ENDED))


@pytest.mark.parametrize("server", [Generation.SEED, Generation.X])
@pytest.mark.parametrize("ending", [{"count": 2}, {"until_date": "2026-02-02T09:00:00Z"}])
def test_an_edit_that_ends_a_schedule_is_found(server: Generation, ending: dict[str, Any]) -> None:
    """By its count or by its date."""
    expected = "exhausted" if server is Generation.SEED else "exhausted-refused"

    assert [expected] == rules(edited(live(server), **ending))


@pytest.mark.parametrize(
    ("row", "given", "expected"),
    [
        ({"deleted": True}, {}, ["exhausted"]),
        ({"deleted": True, "enabled": True}, {}, ["exhausted"]),
        ({"enabled": False}, {"enabled": True}, ["exhausted-refused"]),
        ({"enabled": True}, {"enabled": False}, []),
        ({"deleted": True, "enabled": False}, {"enabled": False}, []),
        ({"deleted": True, "next_delivery_date": "2026-03-01T09:00:00Z"}, {}, ["stale-delivery"]),
    ],
    ids=["restored", "restored later", "switched on", "switched off", "restored and off", "one still to send"],
)
def test_a_row_whose_schedule_is_over_is_found_where_it_is_to_send(
    row: dict[str, Any], given: dict[str, Any], expected: list[str]
) -> None:
    """A later server judges what names the rule or switches a row on; a row that is off sends nothing anyway."""
    over: dict[str, Any] = {**ENDED, "next_delivery_date": None, **row}

    assert expected == rules(edited(live(**over), **ENDED, **given))


def test_a_row_that_has_sent_its_last_is_found_although_nothing_changes() -> None:
    """A note: somebody may want to delete the manifest."""
    over = live(**ENDED, next_delivery_date=None)
    (finding,) = settled(over, wanted(**ENDED)).findings

    assert ("over", Severity.NOTE, 1) == (finding.rule, finding.severity, finding.id)


@pytest.mark.parametrize(
    ("row", "given"),
    [
        ({**ENDED, "next_delivery_date": "2026-03-02T09:00:00Z"}, ENDED),
        ({**ENDED, "next_delivery_date": None, "enabled": False}, ENDED),
        ({**ENDED, "next_delivery_date": None, "deleted": True}, ENDED),
        ({**ENDED, "next_delivery_date": None}, {"count": 90}),
        ({**ENDED, "next_delivery_date": None}, {"count": 3}),
        ({"next_delivery_date": None}, {}),
    ],
    ids=["one still to send", "off", "deleted", "about to begin again", "about to change", "without an end"],
)
def test_a_row_that_may_send_again_is_no_such(row: dict[str, Any], given: dict[str, Any]) -> None:
    """Or one of which an edit will speak."""
    assert () == settled(live(**row), wanted(**given)).findings


def test_a_live_row_that_is_due_is_not_stale() -> None:
    """Its report is due, and an edit that moves nothing does not change that."""
    row = live(byweekday=None, next_delivery_date="2026-03-02T08:05:00Z")
    draft = edited(row, byweekday=None, bysetpos=1)

    assert (True, []) == (told(draft).overdue, rules(draft))


def test_a_stale_delivery_says_what_would_help() -> None:
    """And when the row sends after that."""
    finding = only(edited(live(deleted=True, next_delivery_date="2026-01-12T09:00:00Z")))

    assert (
        "row 1 keeps its old delivery date, Mon 2026-01-12 09:00 UTC, so everybody is sent the report at the server's "
        "next tick, and then from Mon 2026-03-02 09:00 UTC on; only a changed schedule would make the server compute "
        "a new one"
    ) == text(finding)


# The sandbox is the judge

starts = st.datetimes(datetime.fromisoformat("2025-06-01"), datetime.fromisoformat("2027-03-01")).map(
    lambda when: when.replace(microsecond=0)
)
zones = st.sampled_from(PLACES)
EDGES = [
    datetime.fromisoformat(text)
    for text in ("2025-12-31T23:50:00", "2026-01-31T09:00:00", "2024-02-29T09:00:00", "2026-03-02T08:00:00")
]
"""The ends of months and of a year, and the moment that most tests call now."""


@st.composite
def rhythms(draw: st.DrawFn) -> dict[str, Any]:
    """The schedule fields of a manifest: as instants, with offsets, on the wall; month ends, counts and ends."""
    start = draw(starts | st.sampled_from(EDGES))
    form = draw(st.sampled_from(["instant", "offset", "wall"]))
    days_of_week = draw(st.sampled_from([None, None, ["monday"], ["friday", "tuesday"], list(schedule.WEEKDAYS)]))
    until = draw(st.none() | st.integers(1, 500))
    return {
        "frequency": draw(st.sampled_from(["daily", "weekly", "monthly", "yearly"])),
        "interval": draw(st.sampled_from([1, 1, 2, 3, 12])),
        "byweekday": days_of_week,
        "bysetpos": draw(st.sampled_from([None, None, 1, -1])) if days_of_week else None,
        "count": draw(st.none() | st.integers(1, 30)),
        "start_date": {
            "instant": spelled(start),
            "offset": start.isoformat() + "+05:45",
            "wall": {
                "date": f"{start:%Y-%m-%d}",
                "time": "09:00" if start.hour < 12 else f"{start:%H:%M}",
                "timezone": draw(zones),
            },
        }[form],
        "until_date": spelled(start + timedelta(days=until)) if until is not None else None,
    }


moments = st.datetimes(
    datetime.fromisoformat("2025-10-01"), datetime.fromisoformat("2027-01-01"), timezones=st.just(UTC)
)
"""Around several changes of the clocks, in both hemispheres."""


def judged(oracle: Sandbox, profile: str, now: datetime) -> Server:
    """The sandbox as *profile*, and a kind that sees it at *now*."""
    server = Server(oracle, profile)
    server.sandbox.set_now(now)
    server.kind = Subscription(now)
    return server


def next_date(row: dict[str, Any]) -> datetime | None:
    """The delivery that the server has planned."""
    planned = row["next_delivery_date"]
    return None if planned is None else schedule.moment(planned)


def is_refused(draft: Draft) -> bool:
    """Whether the plan would be blocked."""
    return any(finding.severity is Severity.BLOCK for finding in draft.findings)


def hold(server: Server, draft: Draft, id: int) -> None:
    """The row does what the plan told: the date it has now, and each that the scheduler moves on to."""
    for when in told(draft).after:
        assert when == next_date(server.row(id))
        server.sandbox.tick(max(when, server.sandbox.now))
    if len(told(draft).after) < 3:
        assert next_date(server.row(id)) is None


@given(st.data(), moments, st.sampled_from(["seed", "latest"]))
def test_the_server_plans_what_a_create_told(oracle: Sandbox, data: st.DataObject, now: datetime, profile: str) -> None:
    """All three, one after the other; what the plan says would be refused, is."""
    server = judged(oracle, profile, now)
    want = desired(server, **data.draw(rhythms()), **server.exports())
    draft = server.kind.create(want, TAG, [server.add(target_value="somebody@example.com")])
    if is_refused(draft):
        event("refused")
        with pytest.raises(AssertionError, match="schedule has reached its end"):
            server.carry_out(draft)
        return
    hold(server, draft, server.carry_out(draft)["id"])


@given(st.data(), moments, st.sampled_from(["seed", "latest"]), st.booleans())
def test_the_server_plans_what_an_edit_told(
    oracle: Sandbox, data: st.DataObject, now: datetime, profile: str, deleted: bool
) -> None:
    """The same for updates and restores of rows that somebody made by hand, overdue ones among them."""
    server = judged(oracle, profile, now - timedelta(days=data.draw(st.sampled_from([0, 3, 60]))))
    rhythm = data.draw(rhythms())
    before = desired(server, **rhythm).fields
    fields = {name: server.kind.wire(value) for name, value in before.items() if name in schedule.FIELDS}
    row = server.add(dashboard=42, target_value="ana@example.com", deleted=deleted, **fields)
    server.sandbox.set_now(now)
    server.kind = Subscription(now)
    spec = data.draw(st.just(rhythm) | rhythms())
    edit = pending(row, desired(server, **spec), kind=server.kind)
    draft = server.kind.edit(edit)
    if draft.deliveries is None:
        event("nothing moves")
        return
    assert (() if deleted else walked(row, now, later=server.is_latest)) == draft.deliveries.before
    if is_refused(draft):
        event("refused")
        return
    server.carry_out(draft)
    event("overdue" if draft.deliveries.overdue else "computed")
    hold(server, draft, row.id)


def walked(row: Live, now: datetime, *, later: bool) -> tuple[datetime, ...]:
    """The next three dates of a row that nobody touches, by the sandbox's own reckoning."""
    judge, when, found = judge_of(reading.rule(row.fields), later=later), row.facts.next_delivery, list[datetime]()
    due = None if when is None else schedule.moment(when)
    while due is not None and len(found) < 3:
        found.append(due)
        due = judge.next_delivery(max(due, now), due)
    return tuple(found)


def desired(server: Server, **given: Any) -> Desired:
    """A manifest worked out at the server's time."""
    return server.kind.desired(manifest(**given), CONFIG, PRODUCTION)
