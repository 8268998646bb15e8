"""What `show` and `who` answer, as people and machines read it; and that nothing private or hostile gets out."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model import (
    Action,
    Cause,
    Change,
    Deliveries,
    Environment,
    FieldChange,
    Finding,
    Live,
    Manifest,
    Request,
    Severity,
    Source,
    Tag,
)
from reconciler.privacy import Address, SecretUrl, say
from reconciler.report import Viewer, lookup
from reconciler.sightings import Owner, Portrait, Reach, Sighting, Standing

REVIEWER, PUBLIC = Viewer(addresses=True), Viewer()
PLACE = Environment("production", "https://us.posthog.com", "12345")
ANA, BO, DEV = Address("ana@example.com"), Address("bo@example.com"), Address("dev@example.com")
SOURCE = Source("subscriptions/growth.yaml", 3)
WEEKLY = Manifest("Subscription", "weekly", SOURCE, {})
ROW = Live("Subscription", 7, Tag("growth", "weekly"), False, {"title": "Weekly"}, DEV)
PAGE = "https://us.posthog.com/dashboard/42/subscriptions/7"
API = "https://us.posthog.com/api/projects/12345/subscriptions/7/"
MONDAYS = tuple(datetime(2026, 3, day, 9, tzinfo=UTC) for day in (2, 9))
UNSUBSCRIBED = Finding("unsubscribed", Severity.NOTE, say("kept out: ", BO), "weekly", SOURCE, 7)
BLOCK = Finding("twin", Severity.BLOCK, say("row 5 looks the same"), "weekly", SOURCE, 5)


def portrait(**given: Any) -> Portrait:
    """A subscription that is as git says."""
    usual = {"base": None, "manifest": WEEKLY, "row": ROW, "page": PAGE, "api": API, "recipients": (ANA, BO)}
    return Portrait(PLACE, "weekly", **{**usual, **given})


def change(action: Action = Action.UPDATE, **given: Any) -> Change:
    """A change of its frequency."""
    field = FieldChange("frequency", "daily", "weekly", Cause.DRIFT)
    request = Request("PATCH", "subscriptions/7/", {"frequency": "weekly"})
    return Change(**{
        "action": action, "kind": "Subscription", "name": "weekly", "id": 7, "source": SOURCE, "fields": (field,),
        "requests": (request,), **given,
    })  # fmt: skip


def lines(*found: Portrait, viewer: Viewer = REVIEWER) -> list[str]:
    """What a person reads of a subscription."""
    return lookup.portraits(found, viewer).splitlines()


# One subscription


def test_a_subscription_is_read_on_a_terminal() -> None:
    """Its place, and everything about its row."""
    assert [
        "weekly  (subscriptions/growth.yaml:3)",
        "",
        "production: project 12345 on https://us.posthog.com",
        '    row         7, live, "Weekly" [growth:weekly]',
        f"    page        {PAGE}",
        f"    api         {API}",
        "    made by     dev@example.com",
        "    recipients  ana@example.com, bo@example.com",
        "    deliveries  Mon 2026-03-02 09:00 UTC (10:00 Europe/Vienna), Mon 2026-03-09 09:00 UTC (10:00)",
        "    as git says: nothing to do",
    ] == lines(portrait(deliveries=Deliveries(MONDAYS, MONDAYS, "Europe/Vienna")))


def test_a_difference_is_read_as_in_a_plan() -> None:
    """With its cause, and the deliveries of the change only once; then the findings."""
    told = Deliveries(MONDAYS[:1], MONDAYS)
    found = portrait(change=change(deliveries=told), deliveries=told, base="3f2c", findings=(UNSUBSCRIBED,))

    assert [
        "    recipients  ana@example.com, bo@example.com",
        "    not as git says: an apply would update it",
        "",
        "~ update weekly (row 7)  subscriptions/growth.yaml:3",
        "    frequency  daily → weekly  (drift)",
        "    next deliveries before: Mon 2026-03-02 09:00 UTC",
        "    next deliveries after: Mon 2026-03-02 09:00 UTC, Mon 2026-03-09 09:00 UTC",
        "",
        "note subscriptions/growth.yaml:3: weekly: kept out: bo@example.com [unsubscribed]",
    ] == lines(found)[7:]


def test_a_public_log_shows_masks() -> None:
    """Of whoever made the row, too; and of a title in which an address stands."""
    odd = replace(ROW, fields={"title": "For ana@example.com"})
    found = lines(portrait(row=odd), viewer=PUBLIC)

    assert "    made by     d***@example.com" in found
    assert "    recipients  a***@example.com, b***@example.com" in found
    assert "ana@" not in "\n".join(found)


def test_several_environments_follow_one_another() -> None:
    """Each with its own row."""
    staging = Environment("staging", "https://eu.posthog.com", "7")
    found = lines(portrait(), replace(portrait(), environment=staging))

    assert ["production: project 12345 on https://us.posthog.com", "staging: project 7 on https://eu.posthog.com"] == [
        line for line in found if " on https" in line
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"row": None, "change": change(Action.CREATE, fields=(FieldChange("title", None, "x"),))},
         "not as git says: an apply would create it"),
        ({"change": change()},
         "not as git says: an apply would update it; give --base REF to be told who changed what"),
        ({"change": change(), "base": "3f2c"}, "not as git says: an apply would update it"),
        ({"row": None, "findings": (BLOCK,)}, "not settled: see what blocks it"),
        ({"manifest": None}, "its manifest is gone, and an apply of this would leave the row alone"),
        ({"manifest": replace(WEEKLY, environments=("staging",)), "row": None}, "not meant for this environment"),
        ({"manifest": replace(WEEKLY, environments=("staging",))},
         "not meant for this environment, and an apply of this would leave its row alone"),
        ({"row": None}, "not there, and an apply would leave it so"),
        ({"row": replace(ROW, deleted=True), "findings": (UNSUBSCRIBED,)}, "not there, and an apply would leave it so"),
        ({}, "as git says: nothing to do"),
    ],
)  # fmt: skip
def test_how_git_and_the_server_differ_is_one_sentence(given: dict[str, Any], expected: str) -> None:
    """Whatever is there and is not."""
    assert f"    {expected}" in lines(portrait(**given))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"row": replace(ROW, deleted=True, tag=None)}, '    row         7, soft-deleted, "Weekly", no tag'),
        ({"row": replace(ROW, fields={"title": None})}, "    row         7, live [growth:weekly]"),
        ({"row": replace(ROW, creator=None)}, "    made by     nobody known"),
        ({"silence": "it is switched off"}, "    silent      nothing is sent: it is switched off"),
        ({"recipients": (SecretUrl("https://example.com/secret"),)}, "    recipients  https://example.com/***"),
        ({"deliveries": Deliveries(MONDAYS[:1])}, "    deliveries  Mon 2026-03-02 09:00 UTC; none after an apply"),
        ({"deliveries": Deliveries(MONDAYS[:1], MONDAYS[:1], overdue=True)},
         "    deliveries  Mon 2026-03-02 09:00 UTC (the first at the server's next tick)"),
        ({"deliveries": Deliveries()}, "    deliveries  none"),
    ],
)  # fmt: skip
def test_the_facts_are_said_as_they_are(given: dict[str, Any], expected: str) -> None:
    """Of a deleted row, a nameless one, a silent one, a secret channel."""
    assert expected in lines(portrait(**given))


def test_what_is_not_known_is_not_said() -> None:
    """A manifest without a row has neither owner nor URL."""
    found = lines(portrait(row=None, page=None, api=None, recipients=()))

    assert ["    not there, and an apply would leave it so"] == found[3:]


def test_a_hostile_title_is_only_shown() -> None:
    """It gives a terminal no orders, and Markdown neither markup nor a mention."""
    hostile = replace(ROW, fields={"title": "\x1b[31m**bold** <b> #12"})
    said = lookup.portraits_markdown([portrait(row=hostile)], PUBLIC)

    assert "\x1b" not in "\n".join(lines(portrait(row=hostile)))
    assert "\x1b" not in said
    assert "\\u001b[31m" in "\n".join(lines(portrait(row=hostile)))
    assert not any(mark in said for mark in ("**bold", "<b>", "#12"))


def test_a_subscription_is_read_in_markdown() -> None:
    """URLs as code, addresses masked, the change and the findings as in a plan."""
    said = lookup.portraits_markdown([portrait(change=change(), findings=(UNSUBSCRIBED,))], PUBLIC).splitlines()

    assert "### `weekly` in `subscriptions/growth.yaml:3`" == said[0]
    assert f"- page: `{PAGE}`" in said
    assert "- recipients: `a***@example.com`, `b***@example.com`" in said
    assert "#### update `weekly` (row 7) in `subscriptions/growth.yaml:3`" in said
    assert "| note | `weekly` | kept out&#58; `b***@example.com` (`unsubscribed`) |" in [
        line.replace("out: ", "out&#58; ") for line in said
    ]
    assert "### `weekly`" == lookup.portraits_markdown([portrait(manifest=None)], PUBLIC).splitlines()[0]


def test_a_subscription_is_one_document() -> None:
    """Every key in its place."""
    found = portrait(base="3f2c", deliveries=Deliveries(MONDAYS[:1], ()), findings=(UNSUBSCRIBED,), silence="it is off")

    assert {
        "format": "posthog-reconciler/show/v1",
        "name": "weekly",
        "environments": [
            {
                "environment": {"name": "production", "host": "https://us.posthog.com", "project_id": "12345"},
                "base": "3f2c",
                "source": {"path": "subscriptions/growth.yaml", "line": 3},
                "meant_here": True,
                "row": {
                    "id": 7, "deleted": False, "title": "Weekly", "tag": "[growth:weekly]",
                    "created_by": "dev@example.com", "page": PAGE, "api": API,
                },
                "recipients": ["ana@example.com", "bo@example.com"],
                "silence": "it is off",
                "change": None,
                "deliveries": {"before": ["2026-03-02T09:00:00Z"], "after": [], "timezone": None},
                "findings": [
                    {
                        "rule": "unsubscribed", "severity": "note", "name": "weekly", "id": 7,
                        "message": "kept out: bo@example.com",
                        "source": {"path": "subscriptions/growth.yaml", "line": 3},
                    }
                ],
            }
        ],
    } == json.loads(json.dumps(lookup.portraits_document([found], REVIEWER)))  # fmt: skip


def test_a_document_says_null_where_there_is_nothing() -> None:
    """No row, no manifest, nothing to change."""
    bare = Portrait(PLACE, "weekly", None)
    (environment,) = lookup.portraits_document([bare], REVIEWER)["environments"]

    assert {"row", "source", "change", "deliveries", "silence", "base"} == {
        key for key, value in environment.items() if value is None
    }
    assert (
        "update"
        == lookup.portraits_document([portrait(change=change())], REVIEWER)["environments"][0]["change"]["action"]
    )


# Everything that reaches a person


def said(*sightings: Sighting, **given: Any) -> list[str]:
    """What a person reads of *sightings*."""
    return lookup.reaches([Reach(PLACE, ANA, sightings, **given)], REVIEWER).splitlines()


def sighting(standing: Standing = Standing.REACHED, owner: Owner = Owner.MANAGED, **given: Any) -> Sighting:
    """A managed row."""
    usual = {"name": "weekly", "source": SOURCE, "row": ROW, "ways": ("directly",)}
    return Sighting(standing, owner, **{**usual, **given})


STRANGER = replace(ROW, tag=None, fields={"title": "Old numbers"})
LEFT = "ours, but no manifest here leads to it"
KEPT = "row 7: weekly (subscriptions/growth.yaml:3), directly; kept out, an apply would not add this address"
HERE = "production: project 12345 on https://us.posthog.com: "


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (sighting(), "row 7: weekly (subscriptions/growth.yaml:3), directly"),
        (sighting(ways=("@team", "directly")),
         "row 7: weekly (subscriptions/growth.yaml:3), through @team and directly"),
        (sighting(Standing.LEAVING, ways=()), "row 7: weekly (subscriptions/growth.yaml:3); an apply ends it"),
        (sighting(Standing.COMING, row=None),
         "no row: weekly (subscriptions/growth.yaml:3), directly; from the next apply on"),
        (sighting(Standing.KEPT_OUT, findings=(UNSUBSCRIBED, UNSUBSCRIBED, BLOCK)),
         f"{KEPT} (unsubscribed, twin)"),
        (sighting(Standing.KEPT_OUT), KEPT),
        (sighting(silence="it is switched off"),
         "row 7: weekly (subscriptions/growth.yaml:3), directly; nothing is sent: it is switched off"),
        (sighting(Standing.LEAVING, Owner.LEFTOVER, source=None, ways=()),
         f"row 7: weekly, {LEFT}, \"Weekly\" [growth:weekly], made by dev@example.com; an apply ends it"),
        (sighting(owner=Owner.UNMANAGED, name=None, source=None, row=STRANGER, ways=()),
         'row 7: not managed here, "Old numbers", made by dev@example.com'),
        (sighting(owner=Owner.FOREIGN, name=None, source=None, row=replace(ROW, creator=None), ways=()),
         'row 7: of another namespace, "Weekly" [growth:weekly], made by nobody known'),
        (sighting(owner=Owner.LEFTOVER, row=None, ways=()),
         f"no row: weekly, {LEFT} (subscriptions/growth.yaml:3)"),
    ],
)  # fmt: skip
def test_a_sighting_is_one_line(found: Sighting, expected: str) -> None:
    """Which row, whose it is, how the person is named, and what an apply changes."""
    assert f"    {expected}" == said(found)[1]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((), "nothing reaches ana@example.com, and no manifest names this address"),
        ((Standing.REACHED,), "ana@example.com is reached by 1 row"),
        ((Standing.REACHED, Standing.COMING, Standing.COMING),
         "ana@example.com is reached by 1 row, and by 3 after an apply"),
        ((Standing.LEAVING, Standing.REACHED), "ana@example.com is reached by 2 rows, and by 1 after an apply"),
        ((Standing.KEPT_OUT,), "ana@example.com is reached by 0 rows"),
    ],
)  # fmt: skip
def test_the_first_line_counts(found: tuple[Standing, ...], expected: str) -> None:
    """Now, and after an apply where that differs."""
    assert HERE + expected == said(*(sighting(standing) for standing in found))[0]


def test_addresses_that_look_alike_are_pointed_at() -> None:
    """Whoever takes somebody off every list must not miss one."""
    warning = "not counted, because its capital letters differ: Ana@example.com; ask for it, too"
    alike = (Address("Ana@example.com"),)

    assert f"    {warning}" == said(lookalikes=alike)[-1]
    assert (
        "- **not counted, because its capital letters differ: `A***@example.com`; ask for it, too**"
        == (lookup.reaches_markdown([Reach(PLACE, ANA, (), alike)], PUBLIC).splitlines()[-1])
    )


def test_a_person_is_masked_in_markdown() -> None:
    """And so is everybody else; a group is not mentioned."""
    found = [Reach(PLACE, ANA, (sighting(ways=("@team",)), sighting(owner=Owner.UNMANAGED, row=STRANGER, ways=())))]
    text = lookup.reaches_markdown(found, PUBLIC)

    assert "`a***@example.com` is reached by 2 rows" in text
    assert "@team" not in text
    assert "made by `d***@example.com`" in text
    assert "ana@" not in text


def test_everything_that_reaches_a_person_is_one_document() -> None:
    """Every key in its place."""
    reach = Reach(PLACE, ANA, (sighting(page=PAGE, ways=("@team",)), sighting(Standing.COMING, row=None)), (BO,))
    document = json.loads(json.dumps(lookup.reaches_document([reach], REVIEWER)))

    assert {
        "format": "posthog-reconciler/who/v1",
        "address": "ana@example.com",
        "environments": [
            {
                "environment": {"name": "production", "host": "https://us.posthog.com", "project_id": "12345"},
                "lookalikes": ["bo@example.com"],
                "subscriptions": [
                    {
                        "standing": "reached", "owner": "managed", "ours": True, "name": "weekly",
                        "source": {"path": "subscriptions/growth.yaml", "line": 3},
                        "row": {
                            "id": 7, "deleted": False, "title": "Weekly", "tag": "[growth:weekly]",
                            "created_by": "dev@example.com", "page": PAGE,
                        },
                        "ways": ["@team"], "silence": None, "findings": [],
                    },
                    {
                        "standing": "coming", "owner": "managed", "ours": True, "name": "weekly",
                        "source": {"path": "subscriptions/growth.yaml", "line": 3},
                        "row": None, "ways": ["directly"], "silence": None, "findings": [],
                    },
                ],
            }
        ],
    } == document  # fmt: skip
