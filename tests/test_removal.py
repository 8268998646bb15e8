"""Which rows are soft-deleted, and each reason that keeps one: design §4, and a test for every rule of it."""

from typing import Any

import httpx
import pytest

from reconciler import api
from reconciler.errors import IncompleteListing
from reconciler.model import Cause, Environment, Live, Manifest, Plan, Policy, Severity
from reconciler.privacy import Key
from tests.scenes import (
    SUBSCRIPTION,
    base,
    gone,
    manifest,
    planned,
    raw,
    row,
    rules_of,
    steps,
    text,
    tombstone,
)

# Enough rows that stay, so that a removal or two is under every limit.
KEPT = tuple(manifest(f"kept-{number}") for number in range(8))
KEPT_ROWS = tuple(row(100 + number, name=f"kept-{number}") for number in range(8))
LEFT = row(2, name="left")


def removing(*manifests: Manifest, **given: Any) -> Plan:
    """The plan of *manifests* beside eight others that stay, with the base of those unless another is given."""
    rows = (*KEPT_ROWS, *given.pop("rows", ()))
    return planned(*KEPT, *manifests, rows=rows, **{"base": base(*KEPT), **given})


def cause(plan: Plan) -> Cause | None:
    """Why the first change of *plan* is made."""
    return plan.changes[0].fields[0].cause


# What goes


def test_a_row_with_our_tag_and_no_manifest_goes() -> None:
    """The tag is evidence enough, and the request is the soft delete and nothing else."""
    plan = removing(rows=[LEFT], base=base(*KEPT, manifest("left")))

    assert [("delete", "left", 2)] == steps(plan)
    assert [("PATCH", "subscriptions/2/", {"deleted": True})] == [
        (request.method, request.path, request.body) for request in plan.changes[0].requests
    ]
    assert [] == rules_of(plan)


def test_rows_of_others_stay() -> None:
    """Neither an untagged row nor another namespace's is ever removed, whatever it looks like."""
    others = [row(3, name=None), row(4, title="Weekly [sales:left]"), row(5, title="[growth:left] Weekly")]

    assert [] == steps(removing(rows=others, max_deletes=99))


def test_an_adopted_row_goes_when_its_manifest_is_gone() -> None:
    """It carries no tag, so only the base knows that it was ours."""
    plan = removing(rows=[row(7, name=None)], base=base(*KEPT, manifest("left", id=7)))

    assert [("delete", "left", 7)] == steps(plan)


def test_an_adopted_row_stays_without_a_base() -> None:
    """Nobody can tell it from a row that somebody made by hand."""
    assert [] == steps(removing(rows=[row(7, name=None)], base=None))


def test_a_row_whose_manifest_only_lost_its_id_stays() -> None:
    """The manifest is not gone, so the row is let go and not removed."""
    plan = removing(
        manifest("left", distinct=(7,)),
        rows=[row(7, name=None), row(8, name="left")],
        base=base(*KEPT, manifest("left", id=7)),
    )

    assert [] == steps(plan)


def test_an_adopted_row_that_another_manifest_adopts_stays() -> None:
    """Its manifest was renamed without saying so."""
    plan = removing(manifest("new", id=7), rows=[row(7, name=None)], base=base(*KEPT, manifest("left", id=7)))

    assert [] == steps(plan)


def test_an_adopted_row_with_somebody_elses_tag_by_now_stays() -> None:
    """It was taken over by another namespace."""
    plan = removing(rows=[row(7, title="Weekly [sales:x]")], base=base(*KEPT, manifest("left", id=7)))

    assert [] == steps(plan)


@pytest.mark.parametrize(
    ("dead", "live"),
    [
        pytest.param(tombstone("dead"), row(2, name="dead"), id="by tag"),
        pytest.param(tombstone("dead", id=2), row(2, name=None), id="by id"),
        pytest.param(tombstone("dead", previous_names=("old",)), row(2, name="old"), id="by previous name"),
    ],
)
def test_a_tombstone_removes_its_row(dead: Manifest, live: Live) -> None:
    """On any evidence of ownership."""
    assert [("delete", "dead", 2)] == steps(removing(dead, rows=[live]))


def test_a_tombstone_of_a_removed_row_is_unchanged() -> None:
    """The row stays soft-deleted, and nothing is sent."""
    plan = removing(tombstone("dead"), rows=[gone(2, name="dead")])

    assert ([], 9) == (steps(plan), plan.unchanged)


def test_a_manifest_that_no_longer_names_this_environment_counts_as_gone() -> None:
    """Narrowing `environments:` removes the row here; its place is the manifest's."""
    plan = removing(manifest("left", environments=("staging",)), rows=[LEFT])

    assert [("delete", "left", 2)] == steps(plan)
    assert plan.changes[0].source is not None
    assert "left.yaml" == plan.changes[0].source.path


# What keeps a row, or stops the run


def test_a_listing_that_is_not_proven_complete_removes_nothing() -> None:
    """A row that the count promises and no page brings ends the run before there is anything to plan from."""

    def answer(request: httpx.Request) -> httpx.Response:
        results = [] if "offset" in request.url.params else [raw(2, name="left")]
        return httpx.Response(200, json={"count": 2, "next": None, "previous": None, "results": results})

    place = api.Place(Environment("production", "https://posthog.example", "1"), Key("phx_a_made_up_key"))
    with api.reader(place, transport=httpx.MockTransport(answer)) as reader, pytest.raises(IncompleteListing):
        reader.rows(SUBSCRIPTION.listing(deleted=False), decode=SUBSCRIPTION.decode)


def test_a_run_that_may_not_remove_removes_nothing_and_says_so() -> None:
    """`--no-prune`, a PATH, or no config: orphans and tombstones stay, and the note names the rows and the reason."""
    plan = removing(tombstone("dead"), rows=[LEFT, row(3, name="dead")], refused="--no-prune was given")

    assert [] == steps(plan)
    assert ["not-removed"] == rules_of(plan)
    assert "2 rows would be removed (3, 2), but --no-prune was given" == text(plan.findings[0])


def test_a_run_that_may_not_remove_is_quiet_when_there_is_nothing_to_remove() -> None:
    """A note about nothing would be noise."""
    assert [] == rules_of(removing(refused="--no-prune was given"))


def test_a_run_about_part_of_the_tree_removes_nothing() -> None:
    """With `--only` the scope alone is enough, also for what is in it."""
    plan = removing(tombstone("dead"), rows=[row(2, name="dead")], scope=frozenset({"dead"}))

    assert [] == steps(plan)


def test_an_empty_tree_blocks() -> None:
    """No manifests at all is a wrong folder far more often than a wish."""
    plan = planned(rows=[LEFT], base=base(manifest("left")))

    assert ([], ["empty-tree"]) == (steps(plan), rules_of(plan))
    assert Severity.BLOCK is plan.findings[0].severity


def test_an_empty_tree_that_is_meant_removes() -> None:
    """`--allow-empty` says that the last subscription shall go."""
    plan = planned(rows=[LEFT], base=base(manifest("left")), allow_empty=True)

    assert ([("delete", "left", 2)], []) == (steps(plan), rules_of(plan))


@pytest.mark.parametrize(
    ("before", "live"),
    [
        pytest.param(manifest("left", protect=True), LEFT, id="by name"),
        pytest.param(manifest("left", protect=True, id=2), row(2, name=None), id="by id"),
        pytest.param(manifest("newer", protect=True, previous_names=("left",)), LEFT, id="by previous name"),
    ],
)
def test_a_row_protected_at_the_base_stays(before: Manifest, live: Live) -> None:
    """Deleting the file does not lift the protection that stands in it; the run goes on with a warning."""
    plan = removing(rows=[live], base=base(*KEPT, before))

    assert ([], ["protected"]) == (steps(plan), rules_of(plan))
    assert Severity.WARNING is plan.findings[0].severity


def test_a_protected_row_stays_under_a_tombstone() -> None:
    """Lifting the protection and removing the row are two changes, so that each is seen."""
    plan = removing(tombstone("left"), rows=[LEFT], base=base(*KEPT, manifest("left", protect=True)))

    assert ([], ["protected"]) == (steps(plan), rules_of(plan))


@pytest.mark.parametrize(
    ("narrowed", "live"),
    [
        pytest.param(manifest("left", protect=True, environments=("staging",)), LEFT, id="by name"),
        pytest.param(
            manifest("new", protect=True, environments=("staging",), previous_names=("left",)), LEFT, id="by old name"
        ),
        pytest.param(manifest("left", protect=True, environments=("staging",), id=2), row(2, name=None), id="by id"),
    ],
)
def test_a_protected_manifest_that_leaves_this_environment_keeps_its_row(narrowed: Manifest, live: Live) -> None:
    """It is still in the tree and still protected."""
    plan = removing(narrowed, rows=[live], base=base(*KEPT, manifest("left", id=2)))

    assert ([], ["protected"]) == (steps(plan), rules_of(plan))


def test_protection_elsewhere_does_not_protect() -> None:
    """A manifest of another row, or of another namespace's row, says nothing about this one."""
    before = base(*KEPT, manifest("left"), manifest("x", protect=True, id=99))
    plan = removing(manifest("y", protect=True, environments=("staging",)), rows=[LEFT], base=before)

    assert [("delete", "left", 2)] == steps(plan)


def test_a_removal_without_a_base_is_noted() -> None:
    """Nobody could look up whether the manifest had been protected."""
    assert ["no-base"] == rules_of(removing(rows=[LEFT], base=None))


# Limits


def limited(many: int, of: int, **given: Any) -> list[str]:
    """The findings of a plan that removes *many* of our *of* live rows."""
    stay = [manifest(f"kept-{number}") for number in range(of - many)]
    rows = [row(100 + number, name=f"kept-{number}") for number in range(of - many)]
    rows += [row(200 + number, name=f"left-{number}") for number in range(many)]
    return rules_of(planned(*stay, rows=rows, base=base(*stay), **given))


def test_many_removals_of_few_rows_block() -> None:
    """Four of sixteen are 25 % and pass; four of fifteen are more than both limits."""
    assert ([], ["too-many-deletes"]) == (limited(4, 16), limited(4, 15))


def test_few_removals_pass_whatever_their_share() -> None:
    """Three of four are 75 %, and not more than three."""
    assert [] == limited(3, 4)


def test_the_policy_sets_the_limits() -> None:
    """Both numbers come from the config."""
    policy = Policy(max_deletes_count=1, max_deletes_percent=50)

    assert ([], ["too-many-deletes"]) == (limited(2, 4, policy=policy), limited(3, 4, policy=policy))


def test_a_number_on_the_command_line_says_yes_to_it_and_to_no_more() -> None:
    """`--max-deletes N` replaces both limits; the message names the number that is needed."""
    assert ([], ["too-many-deletes"]) == (limited(9, 10, max_deletes=9), limited(9, 10, max_deletes=8))
    assert ["too-many-deletes"] == limited(1, 50, max_deletes=0)


def test_a_limit_names_numbers_and_the_way_out() -> None:
    """How many of how many, the limit, and what to say."""
    plan = planned(manifest("kept"), rows=[row(1, name="kept"), *(row(id, name=f"l{id}") for id in range(2, 7))])
    said = next(text(finding) for finding in plan.findings if finding.rule == "too-many-deletes")

    assert said == (
        "5 of our 6 live rows would be removed, more than policy.max_deletes: 3 and 25 % allows; "
        "check the list, then say --max-deletes 5"
    )


def test_tombstones_count_towards_the_limits() -> None:
    """A removal is a removal, whoever asks for it."""
    dead = [tombstone(f"dead-{number}") for number in range(4)]
    rows = [row(number, name=f"dead-{number}") for number in range(4)]

    assert ["too-many-deletes"] == rules_of(planned(*dead, rows=rows, base=base()))


def test_only_our_rows_count() -> None:
    """Hundreds of unmanaged and foreign rows do not make our few look like a small share."""
    others = [row(1000 + number, name=None) for number in range(200)]
    others += [row(2000 + number, title="Weekly [sales:x]") for number in range(200)]
    mine = [row(number, name=f"left-{number}") for number in range(4)]

    assert ["too-many-deletes"] == rules_of(planned(manifest(), rows=[row(9), *mine, *others], base=base(manifest())))


def test_rows_that_only_the_base_knows_are_ours_too() -> None:
    """Twelve adopted rows that stay and four that go are sixteen."""
    stay = [manifest(f"kept-{id}", id=id) for id in range(1, 13)]
    left = [manifest(f"left-{id}", id=id) for id in range(13, 17)]
    rows = [row(id, name=None) for id in range(1, 17)]

    assert [] == rules_of(planned(*stay, rows=rows, base=base(*stay, *left)))


def test_protected_rows_do_not_count_as_removed() -> None:
    """They stay."""
    before = [manifest(f"left-{number}", protect=number == 0) for number in range(4)]
    rows = [row(number, name=f"left-{number}") for number in range(4)]

    assert ["protected"] == rules_of(planned(manifest(), rows=[row(9), *rows], base=base(manifest(), *before)))


# Why a row goes


def test_git_removed_a_manifest_that_was_at_the_base() -> None:
    """The cause is `manifest`."""
    assert Cause.MANIFEST is cause(removing(rows=[LEFT], base=base(*KEPT, manifest("left"))))


def test_somebody_made_a_row_that_no_manifest_ever_led_to() -> None:
    """A row with our tag and no manifest at the base is `drift`."""
    assert Cause.DRIFT is cause(removing(rows=[LEFT]))


def test_a_new_tombstone_is_a_change_of_the_manifest() -> None:
    """Also where the manifest was not at the base at all."""
    assert Cause.MANIFEST is cause(removing(tombstone("left"), rows=[LEFT]))


def test_a_row_brought_back_under_an_old_tombstone_is_drift() -> None:
    """Somebody restored it by hand."""
    assert Cause.DRIFT is cause(removing(tombstone("left"), rows=[LEFT], base=base(*KEPT, tombstone("left"))))


# Names are unique within a kind only


def test_a_name_of_another_kind_at_the_base_says_nothing() -> None:
    """A protected manifest of another kind does not protect a subscription of the same name."""
    before = base(*KEPT, manifest("left"), manifest("left", kind="Other", protect=True))

    assert [("delete", "left", 2)] == steps(removing(rows=[LEFT], base=before))
