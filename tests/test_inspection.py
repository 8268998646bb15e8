"""What `show` and `who` say, from scenes made of literals: every sort of row, and every way a person is named."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from reconciler import planner
from reconciler.inspection import Observed, names, portrait, reach
from reconciler.kinds import registry
from reconciler.model import Action, Live, Manifest, Tag
from reconciler.privacy import Address
from reconciler.sightings import Owner, Portrait, Sighting, Standing
from tests.scenes import CONFIG, NOW, SUBSCRIPTION, base, gone, manifest, raw, row, scene, tombstone

KINDS = registry(NOW, ahead=5)
ANA, BO = Address("ana@example.com"), Address("bo@example.com")


def observed(*manifests: Manifest, rows: Iterable[Live] = (), **given: Any) -> Observed:
    """What there is to be seen of *manifests* and *rows*."""
    made = scene(*manifests, rows=rows, **given)
    return Observed(made, planner.plan(made, KINDS))


def shown(*manifests: Manifest, rows: Iterable[Live] = (), name: str = "weekly", **given: Any) -> Portrait:
    """The Portrait of *name*, which there is."""
    found = portrait(observed(*manifests, rows=rows, **given), KINDS, name)
    assert found is not None
    return found


def seen(*manifests: Manifest, rows: Iterable[Live] = (), address: Address = ANA, **given: Any) -> tuple[Sighting, ...]:
    """Everything that has to do with *address*."""
    return reach(observed(*manifests, rows=rows, **given), KINDS, CONFIG, address).sightings


def only(*manifests: Manifest, rows: Iterable[Live] = (), address: Address = ANA, **given: Any) -> Sighting:
    """The one thing that has to do with *address*."""
    (sighting,) = seen(*manifests, rows=rows, address=address, **given)
    return sighting


# One subscription


def test_a_subscription_is_shown_whole() -> None:
    """Its place, its row with both URLs, its people, its next five deliveries; nothing to do."""
    found = shown(manifest(), rows=[row()])

    assert found.source == manifest().source
    assert found.row == row()
    assert found.page == "https://posthog.example/dashboard/42/subscriptions/1"
    assert found.api == "https://posthog.example/api/projects/12345/subscriptions/1/"
    assert (found.recipients, found.silence, found.change, found.findings) == ((ANA,), None, None, ())
    assert found.deliveries is not None
    assert ["03-09", "03-16", "03-23", "03-30", "04-06"] == [f"{when:%m-%d}" for when in found.deliveries.after]
    assert found.deliveries.before == found.deliveries.after


def test_a_difference_is_shown_with_its_cause() -> None:
    """By the very plan, with the deliveries that it tells; five of them here."""
    found = shown(manifest(), rows=[row(frequency="daily", byweekday=None)], base=base(manifest()))

    assert found.change is not None
    assert [("frequency", "drift"), ("byweekday", "drift")] == [
        (field.field, field.cause) for field in found.change.fields
    ]
    assert found.deliveries == found.change.deliveries
    assert found.deliveries is not None
    assert 5 == len(found.deliveries.before) == len(found.deliveries.after)


def test_a_manifest_that_is_not_applied_is_shown_with_what_it_would_make() -> None:
    """There is no row yet, but there are people who would be mailed."""
    found = shown(manifest())

    assert (None, None, None) == (found.row, found.page, found.api)
    assert (ANA,) == found.recipients
    assert found.change is not None
    assert Action.CREATE is found.change.action


def test_a_deleted_row_is_shown_with_what_a_restore_would_do() -> None:
    """The recipients are the manifest's, because a deleted row sends to nobody."""
    found = shown(manifest(target_value=["bo@example.com"]), rows=[gone()])

    assert (BO,) == found.recipients
    assert found.row == gone()
    assert found.change is not None
    assert (Action.RESTORE, None) == (found.change.action, found.silence)


def test_what_blocks_is_shown() -> None:
    """Two rows with one tag: which one it is, nobody can tell."""
    found = shown(manifest(), rows=[row(1), row(2)])

    assert (None, None, None) == (found.row, found.change, found.deliveries)
    assert ["duplicate-tag"] == [finding.rule for finding in found.findings]


def test_the_people_shown_are_those_of_the_row() -> None:
    """What the manifest says instead stands in the change."""
    assert (ANA,) == shown(manifest(target_value=["bo@example.com"]), rows=[row()]).recipients


def test_a_delivery_that_is_due_is_told_as_such() -> None:
    """It goes out at the server's next tick; later ones do not."""
    due = shown(manifest(), rows=[row(next_delivery_date="2026-03-02T08:15:00Z")]).deliveries
    later = shown(manifest(), rows=[row()]).deliveries

    assert due is not None
    assert later is not None
    assert (True, False) == (due.overdue, later.overdue)


def test_findings_of_others_are_not_shown() -> None:
    """Only those about the subscription."""
    rows = [row(1), row(2, name="other"), row(3, name="other")]

    assert () == shown(manifest(), manifest("other"), rows=rows).findings


def test_a_row_without_a_manifest_goes_by_the_name_in_its_tag() -> None:
    """An apply removes it; its next deliveries are the last that are told."""
    found = shown(rows=[row()], allow_empty=True, max_deletes=1)

    assert (None, (ANA,)) == (found.manifest, found.recipients)
    assert found.change is not None
    assert Action.DELETE is found.change.action
    assert found.deliveries is not None
    assert (True, ()) == (bool(found.deliveries.before), found.deliveries.after)


def test_a_row_that_was_adopted_goes_by_the_name_of_then() -> None:
    """Its manifest is gone since the base, and it carries no tag."""
    rows = [row(1, name=None), row(2, name="other")]
    found = shown(manifest("other"), rows=rows, base=base(manifest(id=1), manifest("other")), max_deletes=1)

    assert (None, 1) == (found.manifest, found.row.id if found.row is not None else None)
    assert found.source == manifest().source


def test_a_deleted_row_without_a_manifest_is_still_known() -> None:
    """Where the deleted rows were read."""
    found = shown(manifest("other"), rows=[gone(1), gone(2)])

    assert (2, None) == (found.row.id if found.row is not None else None, found.change)
    assert (ANA,) == found.recipients


def test_a_manifest_of_another_environment_is_shown_as_such() -> None:
    """With its row, where there is one: it counts as gone here (design §4)."""
    elsewhere = manifest(environments=("staging",))

    assert not shown(elsewhere).is_meant_here
    assert shown(elsewhere, rows=[row()], max_deletes=1).row == row()
    assert shown(manifest()).is_meant_here


def test_a_tombstone_has_no_people() -> None:
    """Its row, if it is there, has."""
    assert () == shown(tombstone()).recipients
    assert (ANA,) == shown(tombstone(), rows=[row()], max_deletes=1).recipients


def test_nothing_goes_by_an_unknown_name() -> None:
    """Neither a manifest nor a row; a tag of another namespace is none of ours."""
    foreign = replace(row(1), tag=Tag("ops", "weekly"))

    assert portrait(observed(manifest("other"), rows=[foreign]), KINDS, "weekly") is None


def test_every_name_that_can_be_shown_is_known() -> None:
    """So that a misspelled one is answered with the nearest."""
    there = observed(
        manifest("here"),
        manifest("elsewhere", environments=("staging",)),
        rows=[row(1, name="live"), gone(2, name="deleted"), replace(row(3), tag=Tag("ops", "foreign"))],
    )

    assert {"here", "elsewhere", "live", "deleted"} == names(there)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"enabled": True}, None),
        ({"enabled": False}, "it is switched off"),
        ({"target_type": "webhook"}, "no server version delivers to a webhook"),
        ({"next_delivery_date": None}, "its schedule is over"),
    ],
    ids=["sends", "is on", "is off", "a webhook", "is over"],
)
def test_a_silent_row_says_why(fields: dict[str, Any], expected: str | None) -> None:
    """It is there, and nothing comes of it."""
    there = SUBSCRIPTION.decode(raw(**fields))

    assert expected == SUBSCRIPTION.silence(there)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dashboard": 42}, "dashboard/42/subscriptions/1"),
        ({"dashboard": None, "insight": 7}, None),
        ({"dashboard": None, "insight": 7, "insight_short_id": "aBc123"}, "insights/aBc123/subscriptions/1"),
        ({"dashboard": None, "insight": 7, "insight_short_id": "../x"}, None),
        ({"dashboard": None, "insight": None}, None),
        ({"dashboard": "../x"}, None),
    ],
    ids=["dashboard", "insight of an old server", "insight", "no short id", "neither", "no number"],
)
def test_the_page_is_the_one_the_server_links_to(fields: dict[str, Any], expected: str | None) -> None:
    """Only where the row tells enough for it; nothing of a row gets out of its place in the URL."""
    assert expected == SUBSCRIPTION.page(SUBSCRIPTION.decode(raw(**fields)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"target_value": "ana@example.com, bo@example.com,"}, ["ana@example.com", "bo@example.com"]),
        ({"target_type": "slack", "target_value": "C1|#growth"}, ["C1|#growth"]),
        ({"target_type": "webhook", "target_value": "https://example.com/secret"}, ["https://example.com/***"]),
        ({"target_value": ""}, []),
        ({"target_type": None, "target_value": None}, []),
    ],
)
def test_recipients_are_people_or_one_channel(fields: dict[str, Any], expected: list[str]) -> None:
    """A URL stays secret."""
    found = SUBSCRIPTION.recipients(SUBSCRIPTION.decode(raw(**fields)).fields)

    assert expected == [each.shown(addresses=True) if not isinstance(each, str) else each for each in found]


# Everything that reaches a person


@pytest.mark.parametrize(
    ("entries", "person", "expected"),
    [
        (["ana@example.com"], ANA, ("directly",)),
        (["@team", "bo@example.com"], BO, ("@team", "directly")),
        (["@team"], BO, ("@team",)),
        ("bo@Example.COM, ana@example.com", BO, ("directly",)),
    ],
)
def test_a_person_is_named_directly_or_through_a_group(
    entries: Any, person: Address, expected: tuple[str, ...]
) -> None:
    """Both where both do; compared as the server's people mean it (design §5)."""
    there = row(target_value="ana@example.com,bo@example.com,cy@example.com")
    sighting = only(manifest(target_value=entries), rows=[there], address=person)

    assert (Owner.MANAGED, expected, "weekly", there) == (sighting.owner, sighting.ways, sighting.name, sighting.row)


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        ("ana", "ana", Standing.REACHED),
        ("bo", "ana,bo", Standing.LEAVING),
        ("ana,bo", "bo", Standing.COMING),
    ],
)
def test_a_person_stays_leaves_or_comes(wanted: str, there: str, expected: Standing) -> None:
    """By the very plan."""
    spec = [f"{name}@example.com" for name in wanted.split(",")]
    text = ",".join(f"{name}@example.com" for name in there.split(","))

    assert expected is only(manifest(target_value=spec), rows=[row(target_value=text)]).standing


def test_a_person_who_unsubscribed_is_kept_out() -> None:
    """The manifest still names her, and no apply will add her; the finding says why."""
    spec = ["ana@example.com", "bo@example.com"]
    sighting = only(
        manifest(target_value=spec), rows=[row(target_value="bo@example.com")], base=base(manifest(target_value=spec))
    )

    assert (Standing.KEPT_OUT, ["unsubscribed"]) == (
        sighting.standing,
        [finding.rule for finding in sighting.findings],
    )


def test_a_manifest_that_is_not_applied_reaches_from_then_on() -> None:
    """There is no row yet."""
    sighting = only(manifest())

    assert (Standing.COMING, Owner.MANAGED, None) == (sighting.standing, sighting.owner, sighting.row)


def test_a_deleted_row_brings_its_people_back() -> None:
    """Those whom the manifest still names, and not the others."""
    rows = [gone(target_value="ana@example.com,bo@example.com")]
    both = manifest(target_value=["ana@example.com", "@team"])

    assert Standing.COMING is only(both, rows=rows).standing
    assert () == seen(manifest(target_value=["cy@example.com"]), rows=rows)


def test_a_replacement_keeps_its_people() -> None:
    """A new row takes the place of the old one."""
    there = SUBSCRIPTION.decode(raw(dashboard=42, enabled=True, resource_type="dashboard"))
    sighting = only(manifest(dashboard=None, insight=7), rows=[there])

    assert Standing.REACHED is sighting.standing


def test_a_row_that_somebody_made_by_hand_counts() -> None:
    """It is nobody's, and an apply leaves it alone."""
    sighting = only(rows=[row(name=None)], allow_empty=True)

    assert (Owner.UNMANAGED, Standing.REACHED, None, False) == (
        sighting.owner,
        sighting.standing,
        sighting.name,
        sighting.owner.is_ours,
    )


def test_a_row_of_another_namespace_counts() -> None:
    """It is somebody else's."""
    sighting = only(rows=[replace(row(), tag=Tag("ops", "weekly"))], allow_empty=True)

    assert (Owner.FOREIGN, Standing.REACHED, False) == (sighting.owner, sighting.standing, sighting.owner.is_ours)


def test_a_row_that_an_apply_removes_counts_until_then() -> None:
    """Its manifest is gone."""
    sighting = only(rows=[row()], allow_empty=True, max_deletes=1)

    assert (Owner.LEFTOVER, Standing.LEAVING, "weekly", True) == (
        sighting.owner,
        sighting.standing,
        sighting.name,
        sighting.owner.is_ours,
    )


def test_a_row_that_no_apply_removes_stays() -> None:
    """Removal was switched off."""
    assert Standing.REACHED is only(rows=[row()], refused="--no-prune was given").standing


def test_a_row_whose_manifest_is_meant_for_elsewhere_is_a_leftover() -> None:
    """With the place of that manifest."""
    elsewhere = manifest(environments=("staging",))
    sighting = only(elsewhere, rows=[row()], max_deletes=1)

    assert (Owner.LEFTOVER, elsewhere.source, ()) == (sighting.owner, sighting.source, sighting.ways)


def test_a_row_that_was_adopted_once_is_a_leftover() -> None:
    """Only the base knows of it."""
    rows = [row(1, name=None), row(2, name="other", target_value="cy@example.com")]
    other = manifest("other", target_value=["cy@example.com"])
    sighting = only(other, rows=rows, base=base(manifest(id=1), other), max_deletes=1)

    assert (Owner.LEFTOVER, "weekly", Standing.LEAVING) == (sighting.owner, sighting.name, sighting.standing)


def test_rows_that_block_a_manifest_count_each() -> None:
    """Both are mailed, and both are the manifest's; it is not told of once more as one without a row."""
    found = seen(manifest(), rows=[row(1), row(2)])

    assert [(1, Owner.MANAGED), (2, Owner.MANAGED)] == [
        (each.row.id, each.owner) for each in found if each.row is not None
    ]
    assert 2 == len(found)


def test_a_row_with_a_stranger_s_tag_is_not_ours_by_its_id() -> None:
    """A manifest names it in vain (design §4); and the person is told of the manifest besides."""
    theirs = replace(row(1), tag=Tag("ops", "weekly"))
    found = seen(manifest(id=1), rows=[theirs])

    assert [(Owner.FOREIGN, Standing.REACHED), (Owner.MANAGED, Standing.KEPT_OUT)] == [
        (each.owner, each.standing) for each in found
    ]


def test_a_row_that_a_manifest_adopts_is_managed() -> None:
    """By its id; also where something blocks that."""
    assert Owner.MANAGED is only(manifest(id=1), rows=[row(name=None)]).owner
    blocked = seen(manifest(id=1), manifest("other", id=1), rows=[row(name=None)])
    assert [Owner.MANAGED] * 2 == [each.owner for each in blocked]


def test_a_row_under_a_previous_name_is_managed() -> None:
    """Its tag is about to be rewritten."""
    sighting = only(manifest("new", previous_names=("weekly",)), rows=[row()])

    assert ("new", Owner.MANAGED) == (sighting.name, sighting.owner)


def test_rows_under_both_names_are_managed() -> None:
    """Which of them it is, nobody can tell, and both are mailed."""
    found = seen(manifest("new", previous_names=("weekly",)), rows=[row(1), row(2, name="new")])

    assert [("new", Owner.MANAGED)] * 2 == [(each.name, each.owner) for each in found]


def test_a_silent_row_counts_and_says_why() -> None:
    """Somebody may switch it on again."""
    assert "it is switched off" == only(rows=[row(name=None, enabled=False)], allow_empty=True).silence


def test_a_row_that_becomes_a_channel_s_reaches_nobody_any_more() -> None:
    """Its manifest names no person at all."""
    sighting = only(manifest(target_type="slack", target_value="C1|#growth"), rows=[row()])

    assert (Standing.LEAVING, ()) == (sighting.standing, sighting.ways)


def test_a_tombstone_and_a_channel_reach_nobody() -> None:
    """And neither does a row that is deleted."""
    slack = manifest("slack", target_type="slack", target_value="C1|#growth")
    there = row(2, name="slack", target_type="slack", target_value="C1|#growth")

    assert () == seen(tombstone(), slack, rows=[gone(1), there])
    assert () == seen(rows=[row()], address=Address("nobody@example.com"), allow_empty=True)


def test_capital_letters_may_hide_a_person() -> None:
    """The domain's mean nothing; the others are told of, because only the mail server knows."""
    found = reach(
        observed(
            manifest(target_value=["ANA@example.com"]),
            rows=[row(target_value="Ana@example.com,ana@EXAMPLE.com,bo@example.com")],
        ),
        KINDS,
        CONFIG,
        ANA,
    )

    assert (1, ["ANA@example.com", "Ana@example.com"]) == (
        len(found.sightings),
        [each.value for each in found.lookalikes],
    )
