"""The next deliveries of a change, as people and machines read them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model import Action, Change, Coverage, Deliveries, Environment, Plan, Request, Source
from reconciler.report import Viewer, documents, markdown, people, text

PLACE = Environment("production", "https://us.posthog.com", "12345")
VIENNA = "Europe/Vienna"


def at(text: str) -> datetime:
    """An instant, given in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MONDAYS = (at("2026-03-02 09:00"), at("2026-03-09 09:00"), at("2026-03-16 09:00"))
FRIDAYS = (at("2026-03-06 15:30"), at("2026-03-13 15:30"), at("2026-03-20 15:30"))


def change(deliveries: Deliveries | None, action: Action = Action.UPDATE) -> Change:
    """A change that moves *deliveries*."""
    request = Request("PATCH", "subscriptions/4218/", {"frequency": "weekly"})
    return Change(action, "Subscription", "weekly", 4218, Source("a.yaml", 3), (), (request,), deliveries=deliveries)


def lines(deliveries: Deliveries | None, action: Action = Action.UPDATE) -> list[str]:
    """What is said of *deliveries*."""
    return [Viewer().text(line) for line in people.delivery_lines(change(deliveries, action))]


def planned(deliveries: Deliveries) -> Plan:
    """A plan of one change."""
    return Plan(PLACE, "growth", None, (change(deliveries),), (), 0, Coverage(), "sha256:00")


def test_a_change_says_its_deliveries_before_and_after() -> None:
    """In UTC alone, where the manifest does not speak in another zone."""
    assert [
        "next deliveries before: Mon 2026-03-02 09:00 UTC, Mon 2026-03-09 09:00 UTC, Mon 2026-03-16 09:00 UTC",
        "next deliveries after: Fri 2026-03-06 15:30 UTC, Fri 2026-03-13 15:30 UTC, Fri 2026-03-20 15:30 UTC",
    ] == lines(Deliveries(MONDAYS, FRIDAYS))


def test_a_change_that_moves_none_says_nothing() -> None:
    """Nobody needs to read that a title keeps its deliveries."""
    assert [] == lines(None)


def test_deliveries_that_stay_are_said_once() -> None:
    """A changed field need not change the rule."""
    assert ["next deliveries, as before: Mon 2026-03-02 09:00 UTC"] == lines(Deliveries(MONDAYS[:1], MONDAYS[:1]))


@pytest.mark.parametrize("action", [Action.CREATE, Action.RESTORE])
def test_a_row_that_sent_nothing_before_has_no_before(action: Action) -> None:
    """A new one, and one that was deleted."""
    assert ["next deliveries: Mon 2026-03-02 09:00 UTC"] == lines(Deliveries((), MONDAYS[:1]), action)


def test_a_row_that_never_sends_again_has_none_after() -> None:
    """It was switched off, or its schedule is over."""
    assert [
        "next deliveries before: Mon 2026-03-02 09:00 UTC",
        "next deliveries after: none",
    ] == lines(Deliveries(MONDAYS[:1]))


@pytest.mark.parametrize(
    ("zone", "when", "expected"),
    [
        (VIENNA, "2026-03-02 09:00", "Mon 2026-03-02 09:00 UTC (10:00 Europe/Vienna)"),
        ("+05:30", "2026-03-02 09:00", "Mon 2026-03-02 09:00 UTC (14:30 +05:30)"),
        ("-03:00", "2026-03-02 02:00", "Mon 2026-03-02 02:00 UTC (Sun 2026-03-01 23:00 -03:00)"),
        ("Asia/Tokyo", "2026-02-28 20:00:30", "Sat 2026-02-28 20:00:30 UTC (Sun 2026-03-01 05:00:30 Asia/Tokyo)"),
        (VIENNA, "9999-12-31 23:30", "Fri 9999-12-31 23:30 UTC"),
    ],
    ids=["a zone", "an offset", "the day before", "the day after", "where the calendar ends"],
)
def test_a_delivery_is_also_told_on_the_wall(zone: str, when: str, expected: str) -> None:
    """With its day, where that is another one."""
    assert [f"next deliveries: {expected}"] == lines(Deliveries((), (at(when),), zone), Action.CREATE)


def test_the_zone_is_named_once() -> None:
    """It is the same for all of them."""
    assert ["next deliveries: Mon 2026-03-02 09:00 UTC (10:00 Europe/Vienna), Mon 2026-03-09 09:00 UTC (10:00)"] == (
        lines(Deliveries((), MONDAYS[:2], VIENNA), Action.CREATE)
    )


@pytest.mark.parametrize(
    ("zone", "days"), [(VIENNA, ("2026-03-23", "2026-03-30")), ("Australia/Sydney", ("2026-04-01", "2026-04-08"))]
)
def test_a_change_of_the_clocks_in_between_is_explained(zone: str, days: tuple[str, str]) -> None:
    """Or nobody would know why the third report comes at another hour; in both hemispheres."""
    _, last = lines(Deliveries((), tuple(at(f"{day} 09:00") for day in days), zone), Action.CREATE)

    assert (
        f"the clocks of {zone} change in between, and the server repeats in UTC; "
        "a later run moves start_date where that keeps the days"
    ) == last


@pytest.mark.parametrize(
    "found",
    [
        Deliveries((), (at("2026-03-23 09:00"), at("2026-03-30 08:00")), VIENNA),
        Deliveries((), (at("2026-03-23 09:00"), at("2026-03-30 08:00"))),
        Deliveries((), (at("2026-02-02 09:00"), at("2026-03-30 09:00")), VIENNA, overdue=True),
    ],
    ids=["on the wall they do not", "nobody looks at a wall", "one is not regular"],
)
def test_only_deliveries_that_move_on_the_wall_are_explained(found: Deliveries) -> None:
    """And only those that the schedule makes."""
    assert 1 == len(lines(found, Action.CREATE))


def test_a_stale_delivery_goes_out_at_the_next_tick() -> None:
    """The date that a restored row keeps has passed, and means nothing to people any more (trap T-28)."""
    found = Deliveries((), (at("2026-02-02 09:00"), *MONDAYS[:1]), VIENNA, overdue=True)

    (line,) = lines(found, Action.RESTORE)

    assert (
        "next deliveries: at the server's next tick (due Mon 2026-02-02 09:00 UTC (10:00 Europe/Vienna)), "
        "then Mon 2026-03-02 09:00 UTC (10:00 Europe/Vienna)"
    ) == line


def test_a_stale_delivery_may_be_the_last() -> None:
    """Its schedule was over in the meantime."""
    found = Deliveries((), (at("2026-02-02 09:00"),), overdue=True)

    assert ["next deliveries: at the server's next tick (due Mon 2026-02-02 09:00 UTC)"] == lines(found, Action.RESTORE)


def test_a_doubtful_delivery_says_so() -> None:
    """Where servers differ and nothing tells which of them this one is, nothing is promised."""
    found = Deliveries((), MONDAYS[:1], unknown=True)

    assert [
        "next deliveries: Mon 2026-03-02 09:00 UTC (may be others: servers differ about this rule)"
    ] == lines(found, Action.CREATE)  # fmt: skip


def test_a_plan_shows_them_in_every_form() -> None:
    """On a terminal under the change, in Markdown as a point of the list, where no time of day becomes an emoji."""
    plan = planned(Deliveries((), MONDAYS[:1], VIENNA))

    assert "    next deliveries after: Mon 2026-03-02 09:00 UTC (10:00 Europe/Vienna)" in text.plan(plan, Viewer())
    assert "- next deliveries after: Mon 2026-03-02 09&#58;00 UTC (10&#58;00 Europe/Vienna)\n" in markdown.plan(
        plan, Viewer()
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, None),
        (
            Deliveries(MONDAYS[:2], FRIDAYS[:1], VIENNA),
            {
                "before": ["2026-03-02T09:00:00Z", "2026-03-09T09:00:00Z"],
                "after": ["2026-03-06T15:30:00Z"],
                "timezone": "Europe/Vienna",
            },
        ),
        (
            Deliveries((), MONDAYS[:1], overdue=True, unknown=True),
            {
                "before": [],
                "after": ["2026-03-02T09:00:00Z"],
                "timezone": None,
                "overdue": True,
                "unknown": True,
            },
        ),
    ],
    ids=["none", "before and after", "with what must be known of them"],
)
def test_machines_read_them_in_utc(found: Deliveries | None, expected: Any) -> None:
    """Under a key of their own, null where the change moves none."""
    assert expected == json.loads(json.dumps(documents.deliveries(found)))
