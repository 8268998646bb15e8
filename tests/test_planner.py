"""From manifests and rows to a plan: what changes and why, what blocks, and what the digest covers."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.model import Cause, Change, Environment, FieldChange, Live, Manifest, Plan, Policy, Severity
from reconciler.planner import digest, plan
from reconciler.privacy import Address, Private
from reconciler.removal import Base
from reconciler.resource import Wish
from tests.scenes import (
    KINDS,
    NAMESPACE,
    PINNED,
    base,
    desired,
    gone,
    manifest,
    planned,
    raw,
    row,
    rules_of,
    scene,
    steps,
    text,
    tombstone,
)

ROOT = Path(__file__).resolve().parent.parent


def only(plan: Plan) -> Change:
    """The one change of *plan*."""
    (change,) = plan.changes
    return change


def body(plan: Plan) -> dict[str, Any]:
    """What the one change sends beside the removal of an old row, private values opened."""
    sent = next(each.body or {} for each in only(plan).requests if each.body != {"deleted": True})
    return {name: value.value if isinstance(value, Private) else value for name, value in sent.items()}


def field(plan: Plan, name: str) -> FieldChange:
    """The change of the field *name* in the one change."""
    return next(each for each in only(plan).fields if each.field == name)


def causes(plan: Plan) -> dict[str, Cause | None]:
    """Why each field of the one change differs."""
    return {each.field: each.cause for each in only(plan).fields}


# Nothing to do


def test_a_row_that_agrees_is_unchanged() -> None:
    """Nothing is planned, and the row is counted."""
    plan = planned(manifest(), rows=[row()])

    assert ([], [], 1) == (steps(plan), rules_of(plan), plan.unchanged)


@pytest.mark.parametrize(
    ("spelled", "live"),
    [
        pytest.param({}, {"byweekday": ["monday", "monday"]}, id="weekdays twice"),
        pytest.param({"byweekday": ...}, {"byweekday": []}, id="no weekdays"),
        pytest.param({}, {"start_date": "2026-01-05T10:00:00+01:00"}, id="another zone"),
        pytest.param({}, {"start_date": "2026-01-05T09:00:00.000001Z"}, id="microseconds"),
        pytest.param({"title": "  Weekly "}, {}, id="spaces around the title"),
        pytest.param(
            {"target_value": ["bo@example.com", "ana@EXAMPLE.com"]},
            {"target_value": "ana@example.com, bo@example.com"},
            id="recipients",
        ),
        pytest.param(
            {"target_type": "slack", "target_value": "C1|#new"},
            {"target_type": "slack", "target_value": "C1|#old"},
            id="channel name",
        ),
    ],
)
def test_two_spellings_of_one_thing_plan_nothing(spelled: dict[str, Any], live: dict[str, Any]) -> None:
    """Writing what is only spelled otherwise would mail people."""
    assert [] == steps(planned(manifest(**spelled), rows=[row(1, **live)]))


# Create: steps 5 and 6


def test_a_manifest_without_a_row_is_created_with_its_tag() -> None:
    """Every field is sent, with nothing before it."""
    plan = planned(manifest(), rows=[row(9, name=None, dashboard=1)])

    assert [("create", "weekly", None)] == steps(plan)
    assert "Weekly [growth:weekly]" == body(plan)["title"]
    assert {None} == {each.before for each in only(plan).fields}


def test_a_manifest_without_a_title_is_created_as_its_tag() -> None:
    """The tag is all of the title."""
    assert "[growth:weekly]" == body(planned(manifest(title=...)))["title"]


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        pytest.param({}, {"frequency": "daily", "target_value": "ANA@x.example,ana@Example.com"}, id="one recipient"),
        pytest.param({}, {"target_value": "bo@example.com"}, id="the same schedule"),
        pytest.param(
            {"target_type": "slack", "target_value": "C1|#a"},
            {"target_type": "slack", "target_value": "C1|#b", "frequency": "daily"},
            id="the same channel",
        ),
    ],
)
def test_a_twin_blocks(wanted: dict[str, Any], live: dict[str, Any]) -> None:
    """An untagged row that sends the same to the same people; the message has both lines to paste."""
    plan = planned(manifest(**wanted), rows=[row(4311, name=None, **live), row(5, name=None, dashboard=1)])

    assert ([], ["twin"]) == (steps(plan), rules_of(plan))
    assert Severity.BLOCK is plan.findings[0].severity
    assert "id: 4311" in text(plan.findings[0])
    assert "distinct: [4311]" in text(plan.findings[0])


def test_all_twins_are_named() -> None:
    """The `distinct:` line to paste holds every one of them."""
    plan = planned(manifest(), rows=[row(4, name=None), row(5, name=None)])

    assert "distinct: [4, 5]" in text(plan.findings[0])


def test_a_distinct_row_is_no_twin() -> None:
    """The manifest says that both are meant."""
    plan = planned(manifest(distinct=(4,)), rows=[row(4, name=None)])

    assert [("create", "weekly", None)] == steps(plan)


def test_rows_with_a_tag_are_never_twins() -> None:
    """Another namespace's row is unmanaged, and another manifest's is managed; neither is in the way."""
    plan = planned(manifest(), manifest("b"), rows=[row(4, title="Weekly [sales:weekly]"), row(5, name="b")])

    assert [("create", "weekly", None)] == steps(plan)


@pytest.mark.parametrize("refused", [None, "--no-prune"])
def test_a_new_name_for_a_row_of_ours_is_asked_after(refused: str | None) -> None:
    """It mails everybody as new, whether the old row is removed or goes on beside it; the line to paste is said."""
    plan = planned(manifest("new"), rows=[row(4)], refused=refused)

    (finding,) = (finding for finding in plan.findings if finding.rule == "renamed")
    assert (Severity.WARNING, "new", 4) == (finding.severity, finding.name, finding.id)
    assert "row 4 (overlapping recipients)" in text(finding)
    assert "previousNames: [weekly]" in text(finding)


@pytest.mark.parametrize(
    ("new", "others"),
    [
        pytest.param({"previous_names": ("weekly",)}, (), id="it is said"),
        pytest.param({}, (manifest(),), id="the old one is still there"),
        pytest.param({"dashboard": 1}, (), id="about something else"),
        pytest.param({"target_value": ["dan@example.com"], "interval": 2}, (), id="to somebody else"),
    ],
)
def test_what_is_no_new_name_is_not_asked_after(new: dict[str, Any], others: tuple[Manifest, ...]) -> None:
    """Only what would mail the same people again."""
    assert "renamed" not in rules_of(planned(manifest("new", **new), *others, rows=[row(4)]))


TWO = ["ana@example.com", "bo@example.com"]


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(row(4), id="live"),
        pytest.param(gone(4), id="deleted since"),
        pytest.param(gone(4, target_value=""), id="everybody left"),
    ],
)
def test_a_new_name_is_no_way_back_for_who_unsubscribed(old: Live) -> None:
    """The row under the old name tells who left; the message has the line to paste."""
    then = base(manifest(target_value=TWO))
    plan = planned(manifest("new", target_value=TWO), rows=[old], base=then)

    assert "create" not in [action for action, _, _ in steps(plan)]
    (finding,) = (finding for finding in plan.findings if finding.rule == "readded")
    assert (Severity.BLOCK, "new", 4) == (finding.severity, finding.name, finding.id)
    assert "bo@example.com; add under metadata:  previousNames: [weekly]" in text(finding)


@pytest.mark.parametrize(
    ("new", "given"),
    [
        pytest.param({"previous_names": ("weekly",)}, {}, id="the old name is said"),
        pytest.param({"target_value": ["ana@example.com"]}, {}, id="who left is not named"),
        pytest.param({}, {"wish": Wish(frozenset({"bo@example.com"}))}, id="who left asked to be back"),
    ],
)
def test_a_new_name_that_brings_nobody_back_does_not_block(new: dict[str, Any], given: dict[str, Any]) -> None:
    """Each is a way out of the block."""
    then = base(manifest(target_value=TWO))

    assert "readded" not in rules_of(
        planned(manifest("new", **{"target_value": TWO, **new}), rows=[row(4)], base=then, **given)
    )


def test_another_id_than_at_the_base_is_another_row() -> None:
    """Nobody has left a row on which nobody was yet; the row of then goes on as nobody's, which is said."""
    rows = [row(4, name=None, target_value="eva@example.com"), row(5, name=None)]
    plan = planned(manifest(id=4), rows=rows, base=base(manifest(id=5)))

    assert [("update", "weekly", 4)] == steps(plan)
    assert {"target_value": Cause.ADOPT} == causes(plan)
    assert ("moved", 5, Severity.WARNING) in [(each.rule, each.id, each.severity) for each in plan.findings]


def test_another_id_is_no_way_back_for_who_unsubscribed() -> None:
    """Who left the row of then is not added to the new one; who is on the new one anyway stays there."""
    rows = [row(4, name=None, target_value="bo@example.com"), row(5, name=None)]
    was = base(manifest(id=5, target_value=[*TWO, "cy@example.com"]))

    assert ["moved"] == rules_of(planned(manifest(id=4, target_value=TWO), rows=rows, base=was))
    assert ["readded", "moved"] == rules_of(
        planned(manifest(id=4, target_value=["cy@example.com"]), rows=rows, base=was)
    )


def test_a_row_that_reaches_strangers_only_is_left_alone() -> None:
    """Whatever else the manifest changes; somebody must say who is meant."""
    rows = [row(4, target_value="x@example.com")]
    plan = planned(manifest(dashboard=7), rows=rows, base=base(manifest()))

    assert ([], ["strangers", "unsubscribed"]) == (steps(plan), rules_of(plan))


@pytest.mark.parametrize("now", [manifest(), manifest("new", previous_names=("weekly",))])
def test_making_a_row_again_blocks(now: Manifest) -> None:
    """It was at the base, also under a previous name, and its row is gone: creating it mails everybody again."""
    plan = planned(now, base=base(manifest()))

    assert ([], ["recreate"]) == (steps(plan), rules_of(plan))
    assert Severity.BLOCK is plan.findings[0].severity


@pytest.mark.parametrize("now", [manifest(), manifest("new", previous_names=("weekly",))])
def test_another_namespace_than_at_the_base_is_called_by_its_name(now: Manifest) -> None:
    """The row is not gone: nobody is sent to make it again beside itself."""
    then = Base.of("HEAD~1", desired(manifest()), "sales")
    plan = planned(now, rows=[row(4, title="Weekly [sales:weekly]")], base=then)

    assert ([], ["recreate"]) == (steps(plan), rules_of(plan))
    assert "row 4 carries [sales:weekly], in the namespace" in text(plan.findings[0])
    assert "id: 4  and  takeover: true" in text(plan.findings[0])
    assert "--allow-recreate" not in text(plan.findings[0])


def test_making_a_row_again_may_be_allowed() -> None:
    """`--allow-recreate`; the manifest did not change, so the cause is drift."""
    plan = planned(manifest(), base=base(manifest()), allow_recreate=True)

    assert [("create", "weekly", None)] == steps(plan)
    assert {Cause.DRIFT} == set(causes(plan).values())


def test_a_new_manifest_is_no_making_again() -> None:
    """It was not at the base."""
    assert [("create", "weekly", None)] == steps(planned(manifest(), base=base(manifest("other"), tombstone("third"))))


# Update


def test_only_what_differs_is_sent() -> None:
    """The PATCH has the one field; clearing sends null."""
    plan = planned(manifest(byweekday=...), rows=[row()])

    assert [("update", "weekly", 1)] == steps(plan)
    assert {"byweekday": None} == body(plan)


def test_a_row_adopted_by_id_is_not_written() -> None:
    """Adoption is silent: no tag, and no write unless a field differs; a left-out title is not compared."""
    plan = planned(manifest(id=7, title=...), rows=[row(7, title="By hand")], base=base())

    assert ([], 1) == (steps(plan), plan.unchanged)


def test_a_row_adopted_by_id_is_edited_without_a_tag() -> None:
    """A title that the manifest names is written as it stands there."""
    plan = planned(manifest(id=7), rows=[row(7, title="By hand")], base=base())

    assert {"title": "Weekly"} == body(plan)
    assert {"title": Cause.ADOPT} == causes(plan)


def test_taking_over_rewrites_the_tag() -> None:
    """In the same PATCH as the fields that differ."""
    plan = planned(manifest(id=7, takeover=True, interval=2), rows=[row(7, title="Theirs [sales:x]")], base=base())

    assert {"title": "Weekly [growth:weekly]", "interval": 2} == body(plan)
    assert FieldChange("tag", "[sales:x]", "[growth:weekly]", Cause.ADOPT) == field(plan, "tag")


def test_an_adopted_row_with_our_tag_keeps_it() -> None:
    """The id only confirms what the tag says."""
    assert [] == steps(planned(manifest(id=1), rows=[row(1)]))


def test_renaming_rewrites_the_tag_alone() -> None:
    """A title-only PATCH, which mails nobody."""
    plan = planned(manifest("new", previous_names=("weekly",)), rows=[row()], base=base(manifest()))

    assert {"title": "Weekly [growth:new]"} == body(plan)
    assert () == only(plan).effects
    assert {"tag": Cause.MANIFEST} == causes(plan)


def test_a_title_that_its_tag_makes_too_long_blocks() -> None:
    """A taken-over row's own title is not in the manifest, so only the plan can count it."""
    long = row(7, title="é" * 90 + " [sales:x]")
    plan = planned(manifest(id=7, takeover=True, title=...), rows=[long])

    assert ["title-too-long"] == [finding.rule for finding in plan.blockers]


def test_a_message_that_goes_with_new_recipients_is_shown() -> None:
    """`invite_message` is sent though never compared, so a reviewer must see it, and the digest cover it."""
    before = planned(manifest(invite_message="Hello", target_value=["ana@example.com", "@team"]), rows=[row()])
    after = planned(manifest(invite_message="Hullo", target_value=["ana@example.com", "@team"]), rows=[row()])

    assert "Hello" == body(before)["invite_message"] == field(before, "invite_message").after
    assert before.digest != after.digest


def test_a_message_alone_plans_nothing() -> None:
    """Nobody knows whether the server's is another."""
    assert [] == steps(planned(manifest(invite_message="Hello"), rows=[row()]))


# Restore


def test_a_soft_deleted_row_is_restored() -> None:
    """With its id, and with every field that differs."""
    plan = planned(manifest(interval=2), rows=[gone(3)], base=base(manifest()))

    assert [("restore", "weekly", 3)] == steps(plan)
    assert {"deleted": False, "interval": 2} == body(plan)
    assert {"deleted": Cause.DRIFT, "interval": Cause.MANIFEST} == causes(plan)


def test_a_restore_rewrites_a_previous_tag() -> None:
    """In the same PATCH."""
    plan = planned(manifest("new", previous_names=("weekly",)), rows=[gone(3)])

    assert {"deleted": False, "title": "Weekly [growth:new]"} == body(plan)


ANA, BO, CY = "ana@example.com", "bo@example.com", "cy@example.com"
HEIR: dict[str, Any] = {"id": 1, "takeover": True, "target_value": [ANA, BO]}
"""A manifest that took over row 1; the apply since the base has written its tag there."""


def then(*manifests: Manifest) -> Base:
    """A base of our namespace that held *manifests*."""
    return Base.of("HEAD~1", desired(*manifests), NAMESPACE)


def test_who_left_a_row_before_it_was_taken_over_stays_out() -> None:
    """The base knows it under the name of a manifest that is gone (promise 3); its other people are added."""
    before = then(manifest("weekly", target_value=[ANA, BO]))
    heir = manifest("heir", **{**HEIR, "target_value": [ANA, BO, CY]})
    (change,) = planned(heir, rows=[row(name="heir")], base=before).changes

    assert (Address(CY),) == change.added


@pytest.mark.parametrize(("wanted", "rules"), [([ANA, BO], ["unsubscribed"]), ([ANA, CY], ["taken-over"]), ([ANA], [])])
def test_a_row_that_may_have_been_several_manifests_gains_nobody(wanted: list[str], rules: list[str]) -> None:
    """Two are gone, and either may have been its manifest: what adds nobody goes on, all else blocks."""
    before = then(manifest("one", target_value=[ANA, BO]), manifest("two", target_value=[ANA]))
    plan = planned(manifest("heir", **{**HEIR, "target_value": wanted}), rows=[row(name="heir")], base=before)

    assert (rules, ()) == (rules_of(plan), plan.changes)


def test_a_manifest_that_has_a_row_under_a_new_name_had_another_row() -> None:
    """So it says nothing of who left the one that was taken over."""
    before = then(manifest("weekly", target_value=[ANA, BO]))
    renamed = manifest("renamed", previous_names=("weekly",), dashboard=7)
    rows = [row(name="heir"), row(2, name="renamed", dashboard=7)]
    plan = planned(manifest("heir", **HEIR), renamed, rows=rows, base=before)

    assert [(Address(BO),)] == [change.added for change in plan.changes if change.name == "heir"]


def test_a_manifest_that_lost_its_row_to_another_tells_who_left_it() -> None:
    """Also while it is still there: git has them both, and the server has one row."""
    before = then(manifest("weekly", target_value=[ANA, BO]))
    plan = planned(manifest("heir", **HEIR), manifest("weekly", dashboard=7), rows=[row(name="heir")], base=before)

    assert ["unsubscribed"] == [finding.rule for finding in plan.findings if finding.name == "heir"]


def test_a_manifest_whose_row_is_still_there_had_another_row() -> None:
    """It is gone, and its row is to be removed: it was never the one that was taken over."""
    before = then(manifest("weekly", target_value=[ANA, BO]))
    plan = planned(manifest("heir", **HEIR), rows=[row(name="heir"), row(2)], base=before)

    assert [(Address(BO),)] == [change.added for change in plan.changes if change.name == "heir"]


def test_a_row_that_everybody_left_stays_deleted() -> None:
    """Also without a base; the note says so, and other changes go on."""
    plan = planned(manifest(), manifest("b", interval=2), rows=[gone(3, target_value=""), row(4, name="b")])

    assert [("update", "b", 4)] == steps(plan)
    assert "emptied" in rules_of(plan)
    assert {Severity.NOTE} == {finding.severity for finding in plan.findings}


def test_somebody_who_asked_to_be_back_brings_the_row_back() -> None:
    """`--resubscribe` restores it, for that address alone."""
    wish = Wish(frozenset({"ana@example.com"}))
    plan = planned(manifest(target_value=["ana@example.com", "@team"]), rows=[gone(3, target_value="")], wish=wish)

    assert {"deleted": False, "target_value": "ana@example.com"} == {
        name: value for name, value in body(plan).items() if name != "send_test_now"
    }


def test_a_manifest_that_was_no_longer_a_tombstone_restores_its_row() -> None:
    """Git asks for the row again, so git is the cause."""
    plan = planned(manifest(), rows=[gone(3)], base=base(tombstone()))

    assert {"deleted": Cause.MANIFEST} == causes(plan)


# Causes


def test_without_a_base_nothing_has_a_cause() -> None:
    """Two things cannot tell which of them changed."""
    assert {"interval": None} == causes(planned(manifest(interval=2), rows=[row()]))


def test_a_field_that_git_changed_has_the_cause_manifest() -> None:
    """The base's value is another than the manifest's."""
    plan = planned(manifest(interval=2), rows=[row()], base=base(manifest()))

    assert {"interval": Cause.MANIFEST} == causes(plan)


def test_a_field_that_git_did_not_change_has_the_cause_drift() -> None:
    """The base's value is the manifest's, so somebody changed the row; for drift the tree itself is the base."""
    plan = planned(manifest(), rows=[row(interval=2)], base=base(manifest()))

    assert {"interval": Cause.DRIFT} == causes(plan)


def test_a_manifest_that_was_not_at_the_base_is_the_cause() -> None:
    """A new manifest that finds its row by tag."""
    plan = planned(manifest(interval=2), rows=[row()], base=base())

    assert {"interval": Cause.MANIFEST} == causes(plan)


def test_a_row_whose_id_the_base_had_is_not_newly_adopted() -> None:
    """Under another name it was the same claim."""
    plan = planned(manifest("new", id=7), rows=[row(7, name=None, interval=2)], base=base(manifest("old", id=7)))

    assert {"interval": Cause.DRIFT} == causes(plan)


def test_a_rename_that_never_arrived_is_drift() -> None:
    """The manifest has had its name since the base; the row has not."""
    renamed = manifest("new", previous_names=("weekly",))

    assert {"tag": Cause.DRIFT} == causes(planned(renamed, rows=[row()], base=base(renamed)))


def test_daylight_saving_time_is_a_cause_of_its_own() -> None:
    """A wall clock whose zone moved re-anchors the start and says why."""
    start = {"date": "2025-06-02", "time": "09:00", "timezone": "Europe/Vienna"}
    plan = planned(
        manifest(start_date=start),
        rows=[row(start_date="2025-06-02T07:00:00Z", next_delivery_date="2026-03-09T07:00:00Z")],
        base=base(manifest(start_date=start)),
    )

    assert {"start_date": Cause.DST} == causes(plan)


# Who left stays away


def test_somebody_who_unsubscribed_is_kept_out() -> None:
    """At the base and in the manifest, but gone from the row; the note names the address to reviewers alone."""
    team = manifest(target_value=["ana@example.com", "@team"])
    plan = planned(team, rows=[row(target_value="ana@example.com,cy@example.com")], base=base(team))

    assert ([], ["unsubscribed"]) == (steps(plan), rules_of(plan))
    assert "bo@example.com" in text(plan.findings[0])


@pytest.mark.parametrize(
    ("now", "before"),
    [
        pytest.param(manifest("new", previous_names=("weekly",)), manifest(), id="renamed"),
        pytest.param(manifest("new", id=1), manifest("old", id=1), id="adopted by another"),
        pytest.param(manifest("new", id=1, takeover=True), manifest("weekly", id=1), id="taken over"),
    ],
)
def test_somebody_who_unsubscribed_is_kept_out_under_another_name(now: Manifest, before: Manifest) -> None:
    """The base is looked up by the row itself, then by names; another subscription of the name was another."""
    people = ["ana@example.com", "@team"]
    now, before = (replace(each, spec={**each.spec, "target_value": people}) for each in (now, before))
    namesake = manifest("new", target_value=["dan@example.com"])
    live = row(1, name=None if now.ids and not now.takeover else "weekly", target_value="ana@example.com")
    known = base(before) if now.previous_names else base(before, namesake)

    assert ["unsubscribed"] == rules_of(planned(now, rows=[live], base=known))


# Replace


INSIGHT: dict[str, Any] = {"dashboard": ..., "insight": 17}


def test_a_row_that_may_change_sides_is_patched() -> None:
    """Old servers let a row change between dashboard and insight."""
    plan = planned(manifest(**INSIGHT), rows=[row()])

    assert {"dashboard": None, "insight": 17} == body(plan)


def test_a_row_that_may_not_change_sides_is_replaced() -> None:
    """The old row is soft-deleted before the new one is made, so that two are never live."""
    plan = planned(manifest(**INSIGHT), rows=[row(**PINNED)], base=base(manifest()))

    assert ([("replace", "weekly", 1)], ["kind-pinned"]) == (steps(plan), rules_of(plan))
    assert [("PATCH", "subscriptions/1/"), ("POST", "subscriptions/")] == [
        (request.method, request.path) for request in only(plan).requests
    ]
    assert "Weekly [growth:weekly]" == body(plan)["title"]


def test_a_replacement_shows_both_rows() -> None:
    """Every field either row has, with a cause where they differ, and everybody who is mailed again."""
    plan = planned(manifest(**INSIGHT), rows=[row(**PINNED)], base=base(manifest()))

    assert FieldChange("dashboard", 42, None, Cause.MANIFEST) == field(plan, "dashboard")
    assert FieldChange("insight", None, 17, Cause.MANIFEST) == field(plan, "insight")
    assert FieldChange("title", "Weekly", "Weekly", None) == field(plan, "title")
    assert [("mail", (Address("ana@example.com"),))] == [
        (effect.effect, effect.recipients) for effect in only(plan).effects
    ]


def test_a_replacement_keeps_out_who_unsubscribed() -> None:
    """The new row is what the old one should have become."""
    team = ["ana@example.com", "@team"]
    plan = planned(
        manifest(target_value=team, **INSIGHT),
        rows=[row(target_value="ana@example.com,cy@example.com", **PINNED)],
        base=base(manifest(target_value=team)),
    )

    assert "ana@example.com,cy@example.com" == body(plan)["target_value"]
    assert ["kind-pinned", "unsubscribed"] == sorted(rules_of(plan))


def test_a_replacement_stays_switched_off() -> None:
    """What the server disabled by itself is not switched on by being made anew."""
    before = manifest(enabled=True)
    plan = planned(manifest(enabled=True, **INSIGHT), rows=[row(**{**PINNED, "enabled": False})], base=base(before))

    assert body(plan)["enabled"] is False


def test_only_people_the_old_row_had_not_are_newly_added_by_a_replacement() -> None:
    """All are mailed, but the limit on new recipients is about new ones."""
    plan = planned(
        manifest(target_value=["ana@example.com", "bo@example.com"], **INSIGHT),
        rows=[row(target_value="ana@example.com,cy@example.com", **PINNED)],
    )

    assert (Address("bo@example.com"),) == only(plan).added
    assert (Address("cy@example.com"),) == only(plan).removed


def test_a_replacement_cut_short_is_finished() -> None:
    """The old row is soft-deleted already, so that only the new one is left to make."""
    plan = planned(manifest(**INSIGHT), rows=[gone(**PINNED)], base=base(manifest(**INSIGHT)))

    assert [("replace", "weekly", 1)] == steps(plan)
    assert ["POST"] == [request.method for request in only(plan).requests]


def test_a_row_adopted_by_id_is_not_replaced() -> None:
    """The new row would have another id than the manifest says."""
    plan = planned(manifest(id=7, **INSIGHT), rows=[row(7, name=None, **PINNED)])

    assert ([], ["adopted-pinned"]) == (steps(plan), rules_of(plan))
    assert Severity.BLOCK is plan.findings[0].severity


# Order, scope, limits, coverage


def test_removals_come_last() -> None:
    """By name otherwise, whatever the order of files and rows."""
    plan = planned(
        manifest("z"),
        manifest("b", interval=2),
        manifest("c"),
        rows=[row(1, name="a"), row(2, name="b"), gone(3, name="c")],
        base=base(manifest("a"), manifest("b")),
    )

    assert [("update", "b", 2), ("restore", "c", 3), ("create", "z", None), ("delete", "a", 1)] == steps(plan)


def test_changes_outside_the_scope_are_left_out() -> None:
    """`--only` keeps those it names; the others are neither changed nor counted."""
    plan = planned(
        manifest(interval=2),
        manifest("b", interval=2),
        manifest("c"),
        rows=[row(1), row(2, name="b"), row(3, name="c")],
        scope=frozenset({"weekly", "d"}),
    )

    assert ([("update", "weekly", 1)], 0) == (steps(plan), plan.unchanged)


def test_what_blocks_outside_the_scope_does_not_stop_the_others() -> None:
    """A doubt about a row blocks every manifest that claims it, so those in scope are safe by their own findings."""
    plan = planned(
        manifest(interval=2),
        manifest("b"),
        rows=[row(1), row(2, name="b"), row(3, name="b")],
        scope=frozenset({"weekly"}),
    )

    assert ([("update", "weekly", 1)], ()) == (steps(plan), plan.blockers)


def test_ownership_is_judged_by_the_whole_tree() -> None:
    """A manifest outside the scope still claims its row, and adopts what would else be a twin."""
    plan = planned(manifest("new"), manifest("b", id=2), rows=[row(2, name=None)], scope=frozenset({"new"}))

    assert ([("create", "new", None)], []) == (steps(plan), rules_of(plan))


def test_too_many_new_recipients_block() -> None:
    """Distinct addresses over all changes of the plan; who was there already does not count."""
    policy = Policy(max_new_recipients=2)
    two = [manifest(name, target_value=["ana@example.com", "@team"]) for name in ("a", "b")]
    rows = [row(1, name="a"), row(2, name="b")]

    assert [] == rules_of(planned(*two, rows=rows, policy=policy))
    assert ["too-many-recipients"] == rules_of(
        planned(*two, manifest("c", target_value=["dan@example.com"]), rows=rows, policy=policy)
    )


def test_a_limit_that_is_not_set_does_not_block() -> None:
    """`max_new_recipients: null` lifts it."""
    crowd = [f"p{number}@example.com" for number in range(60)]

    assert [] == rules_of(planned(manifest(target_value=crowd), policy=Policy(max_new_recipients=None)))


def test_every_live_row_is_counted_once() -> None:
    """Managed, unmanaged by creator, and in other namespaces."""
    bo = {"created_by": {"email": "bo@example.com"}}
    rows: list[Live] = [
        row(1),
        row(2, name="orphan"),
        row(3, name=None),
        row(4, name=None, dashboard=1),
        row(5, name=None, dashboard=2, **bo),
        row(6, name=None, dashboard=3, **bo),
        row(7, title="Theirs [sales:x]"),
        row(8, name=None, dashboard=4, created_by=None),
        gone(9, name="old"),
    ]
    coverage = planned(manifest(), manifest("b", id=3), rows=rows).coverage

    assert (3, 4, 1) == (coverage.managed, coverage.unmanaged, coverage.foreign)
    assert ((Address("bo@example.com"), 2), (None, 1), (Address("dev@example.com"), 1)) == coverage.creators


def test_a_row_that_only_the_base_knows_is_managed() -> None:
    """It is about to be removed, which unmanaged rows never are."""
    coverage = planned(manifest(), rows=[row(1), row(7, name=None)], base=base(manifest("left", id=7))).coverage

    assert (2, 0) == (coverage.managed, coverage.unmanaged)


def test_findings_come_worst_first() -> None:
    """Then by name, so that two runs print the same."""
    hook: dict[str, Any] = {"target_type": "webhook", "target_value": "https://hooks.example.com/x"}
    plan = planned(
        manifest("a"), manifest("z", **hook), manifest("y", **hook), rows=[gone(1, name="a", target_value="")]
    )

    assert ["y", "z", "a"] == list(dict.fromkeys(finding.name for finding in plan.findings))


# Digest


def test_the_digest_does_not_depend_on_order_or_hash_seeds() -> None:
    """Rows and manifests in another order, in another process, make the same plan."""
    program = (
        "import sys\n"
        "from tests.scenes import manifest, planned, row, base\n"
        "people = ['ana@example.com', '@team', 'dan@example.com']\n"
        "tree = [manifest('b', target_value=people), manifest('a', interval=2), manifest('c', target_value=people)]\n"
        "rows = [row(1, name='a'), row(2, name='b'), row(3, name='left'), row(4, name='c', byweekday=['friday'])]\n"
        "way = int(sys.argv[1])\n"
        "plan = planned(*tree[::way], rows=rows[::way], base=base(*tree))\n"
        "print(plan.digest, plan.changes, plan.findings, plan.coverage)\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program, way],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed, way in (("1", "1"), ("2", "-1"))
    }

    assert 1 == len(said)


def test_the_digest_covers_environment_namespace_and_changes() -> None:
    """Another project, namespace, action, row or value is another plan."""
    reviewed = planned(manifest(interval=2), rows=[row()])
    change = only(reviewed)
    others = [
        digest(Environment("production", "https://posthog.example", "2"), "growth", [change]),
        digest(Environment("production", "https://other.example", "12345"), "growth", [change]),
        digest(Environment("staging", "https://posthog.example", "12345"), "growth", [change]),
        digest(reviewed.environment, "sales", [change]),
        digest(reviewed.environment, "growth", []),
        digest(reviewed.environment, "growth", [replace(change, id=2)]),
        planned(manifest(interval=3), rows=[row()]).digest,
        planned(manifest(interval=2), rows=[row(interval=3)]).digest,
    ]

    assert reviewed.digest not in others
    assert len(others) == len(set(others))


def test_the_digest_leaves_out_what_does_not_matter() -> None:
    """Neither the base, nor causes, places, findings and unmanaged rows."""
    one = planned(manifest(interval=2), rows=[row()])
    moved = replace(manifest(interval=2), source=replace(manifest().source, path="elsewhere.yaml", line=9))
    other = planned(moved, rows=[row(), row(9, name=None)], base=base(manifest()), refused="of --only")

    assert one.digest == other.digest


def test_the_digest_is_of_the_real_values_of_secrets() -> None:
    """Two webhook URLs look alike in a plan, and are not."""
    urls = [f"https://hooks.example.com/{secret}" for secret in ("one", "two")]
    plans = [planned(manifest(target_type="webhook", target_value=url)) for url in urls]

    assert str(only(plans[0]).fields) == str(only(plans[1]).fields)
    assert plans[0].digest != plans[1].digest


def test_an_odd_value_never_gets_into_a_digest() -> None:
    """What is neither JSON nor private would make two plans look alike, or one differ from itself."""
    odd = replace(only(planned(manifest(interval=2), rows=[row()])), fields=(FieldChange("x", None, object()),))

    with pytest.raises(TypeError):
        digest(scene().environment, "growth", [odd])


# Rows that make no sense


def test_rows_that_no_manifest_could_make_are_planned_around() -> None:
    """Unknown target types, texts for dates and missing fields are somebody else's business."""
    odd = raw(2, name=None, target_type="carrier-pigeon", start_date="soon", byweekday=["someday"])
    bare = {"id": 3, "title": None}
    rows = [KINDS["Subscription"].decode(each) for each in (odd, bare)]

    assert ([], 2) == (
        steps(planned(manifest(), rows=[row(), *rows])),
        planned(manifest(), rows=[row(), *rows]).coverage.unmanaged,
    )


def test_manifests_of_another_kind_are_not_mixed_in() -> None:
    """Each kind is judged among its own rows."""
    here = scene(manifest(), rows=[row()])
    other = manifest("other", kind="Other")
    mixed = replace(here, wanted=(*here.wanted, *scene(other).wanted), elsewhere=(other,))

    assert plan(here, KINDS) == plan(mixed, KINDS)
