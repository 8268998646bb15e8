"""What was reviewed against the plan of now, and what a comment remembers: equal, less, or different, and in what."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import planner
from reconciler.ci import review
from reconciler.ci.review import Comparison, DriftMarker, Likeness, Marker, Remembered, State, Why
from reconciler.model import Action, Change, Coverage, Effect, Environment, FieldChange, Finding, Plan, Severity
from reconciler.privacy import Address, SecretUrl, say

PRODUCTION = Environment("production", "https://us.posthog.com", "12345")
KEY = "79cdde0070b6"


def update(name: str = "weekly", title: str = "New", *effects: Effect, action: Action = Action.UPDATE) -> Change:
    """A change of a title."""
    return Change(action, "Subscription", name, 7, None, (FieldChange("title", "Old", title),), (), effects)


def mail(*names: str, when: str | None = None, unknown: bool = False) -> Effect:
    """A mail to some people."""
    return Effect("mail", tuple(Address(f"{name}@example.com") for name in names), when=when, unknown=unknown)


def plan_of(*changes: Change, environment: Environment = PRODUCTION, findings: tuple[Finding, ...] = ()) -> Plan:
    """A plan of *changes* with its true digest."""
    digest = planner.digest(environment, "growth", changes)
    return Plan(environment, "growth", None, changes, findings, 0, Coverage(), digest)


def compared(now: Plan, then: Plan | None, *, listed: bool = True) -> Comparison:
    """The plan of now against the one of then, by way of the marker of a comment."""
    plans: tuple[Remembered, ...] = () if then is None else (Remembered.of(then),)
    if not listed:
        plans = tuple(replace(each, changes=None) for each in plans)
    marker = review.marker_of(Marker(KEY, State.OPEN, plans=plans).line)
    assert marker is not None
    return review.compare([now], marker.plans)


def whys(comparison: Comparison) -> list[tuple[str, Why]]:
    """Which changes were not reviewed, and why."""
    return [(each.name, each.why) for each in comparison.differences]


# --- the comparison -------------------------------------------------------------------------------------------------


def test_the_same_plan_is_equal() -> None:
    """Whatever else it says."""
    then = plan_of(update(), update("other"))
    now = replace(then, unchanged=9, base="3f2c", coverage=Coverage(3), changes=tuple(reversed(then.changes)))

    assert Likeness.EQUAL is compared(now, then).likeness
    assert Likeness.EQUAL is compared(now, then, listed=False).likeness


def test_a_part_of_the_plan_is_less() -> None:
    """Also nothing at all."""
    then = plan_of(update(), update("other"))

    assert Likeness.LESS is compared(plan_of(update()), then).likeness
    assert Likeness.LESS is compared(plan_of(), then).likeness
    assert Likeness.LESS is compared(plan_of(), None).likeness


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(update(title="Newer"), id="another value after"),
        pytest.param(replace(update(), fields=(FieldChange("title", "Other", "New"),)), id="another value before"),
        pytest.param(replace(update(), id=8), id="another row"),
        pytest.param(replace(update(), fields=(FieldChange("title", "Old", "New"),) * 2), id="more fields"),
    ],
)
def test_a_reviewed_change_with_other_values_is_different(now: Change) -> None:
    """The reviewer saw something else."""
    assert [("weekly", Why.OTHER)] == whys(compared(plan_of(now), plan_of(update())))


def test_a_change_that_was_not_there_is_different() -> None:
    """And is named; those that were reviewed are not."""
    found = compared(plan_of(update(), update("new"), update(action=Action.DELETE)), plan_of(update()))

    assert [("new", Why.NEW), ("weekly", Why.NEW)] == whys(found)
    assert [Action.UPDATE, Action.DELETE] == [each.action for each in found.differences]


def test_another_place_is_another_plan() -> None:
    """The same change elsewhere was not reviewed."""
    elsewhere, renamed = replace(PRODUCTION, project_id="9"), replace(PRODUCTION, name="eu")

    assert [("weekly", Why.OTHER)] == whys(compared(plan_of(update(), environment=elsewhere), plan_of(update())))
    assert [("weekly", Why.NEW)] == whys(compared(plan_of(update(), environment=renamed), plan_of(update())))


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        pytest.param(mail("ana"), mail("ana"), Likeness.EQUAL, id="the same person"),
        pytest.param(mail("ana", "bo"), mail("bo", "ana"), Likeness.EQUAL, id="in another order"),
        pytest.param(mail("ana", unknown=True), mail("ana"), Likeness.EQUAL, id="surely now"),
        pytest.param(mail("ana"), mail("bo"), Likeness.DIFFERENT, id="somebody else"),
        pytest.param(mail("ana"), mail("ana", "bo"), Likeness.DIFFERENT, id="somebody more"),
        pytest.param(mail("ana", when="next delivery"), mail("ana"), Likeness.DIFFERENT, id="sooner"),
        pytest.param(mail("ana"), None, Likeness.LESS, id="nobody any more"),
        pytest.param(None, mail("ana"), Likeness.DIFFERENT, id="somebody by now"),
    ],
)
def test_nobody_is_reached_who_was_not_named(
    listed: bool, then: Effect | None, now: Effect | None, expected: Likeness
) -> None:
    """Although the digest, which leaves effects out (design §6), is the same (promise 3)."""
    before, after = (plan_of(update("w", "New", *([effect] if effect else []))) for effect in (then, now))

    assert before.digest == after.digest
    assert expected is compared(after, before, listed=listed).likeness


def test_who_is_reached_by_another_change_is_no_excuse() -> None:
    """A person is named for a subscription, not for all of them."""
    then = plan_of(update("a", "New", mail("ana")), update("b"))
    now = plan_of(update("a"), update("b", "New", mail("ana")))

    assert [("b", Why.REACHES)] == whys(compared(now, then))


def test_of_a_plan_without_its_changes_only_the_whole_is_known() -> None:
    """It was too large to list them: less is different, too."""
    then = plan_of(update(), update("other"))

    assert [("", Why.WHOLE)] == whys(compared(plan_of(update()), then, listed=False))


def test_each_environment_is_compared_with_its_own() -> None:
    """And what differs is told with its name."""
    eu = replace(PRODUCTION, name="eu", project_id="9")
    then = [Remembered.of(plan_of(update())), Remembered.of(plan_of(update(), environment=eu))]
    same, other = plan_of(update(), environment=eu), plan_of(update(title="Newer"), environment=eu)

    assert Likeness.EQUAL is review.compare([plan_of(update()), same], then).likeness
    assert ["eu"] == [each.environment for each in review.compare([plan_of(update()), other], then).differences]
    assert Likeness.LESS is review.compare([same], then).likeness


def test_digests_are_compared_in_order() -> None:
    """An empty plan is less than any."""
    first, second, empty = plan_of(update()), plan_of(update("other")), plan_of()

    assert Likeness.EQUAL is review.compare_digests([first, second], [first.digest, second.digest]).likeness
    assert Likeness.LESS is review.compare_digests([first, empty], [first.digest, second.digest]).likeness
    assert [Why.DIGEST] == [each.why for each in review.compare_digests([first], [second.digest]).differences]


def test_an_expected_digest_says_whom_the_plan_reaches() -> None:
    """Nobody, or these and nobody else; the digest alone vouches for those who are reached at once and surely."""
    nobody, ana, both = (plan_of(update("w", "New", *to)) for to in ((), (mail("ana"),), (mail("ana", "bo"),)))
    later, perhaps = (
        plan_of(update("w", "New", to)) for to in (mail("ana", when="next delivery"), mail("ana", unknown=True))
    )

    def likeness(now: Plan, expected: str) -> list[Why] | Likeness:
        found = review.compare_digests([now], [expected])
        return [each.why for each in found.differences] or found.likeness

    assert 1 == len({plan.digest for plan in (nobody, ana, both, later, perhaps)})
    assert [Likeness.EQUAL] * 4 == [likeness(plan, review.expectation(plan)) for plan in (nobody, ana, both, later)]
    assert Likeness.LESS is likeness(nobody, review.expectation(both))
    assert [[Why.REACHES]] * 3 == [
        likeness(now, review.expectation(then)) for now, then in ((ana, nobody), (both, ana), (later, nobody))
    ]
    assert [Likeness.EQUAL] * 2 == [likeness(plan, plan.digest) for plan in (nobody, ana)]
    assert [[Why.BARE]] * 2 == [likeness(plan, plan.digest) for plan in (later, perhaps)]


def test_what_was_reviewed_apart_was_reviewed_together() -> None:
    """Change by change; nothing of a plan whose changes were too many to list."""
    first, second = (Remembered.of(plan_of(update(name))) for name in ("a", "b"))
    both = plan_of(update("a"), update("b"))

    assert (first,) == review.union([(first,)])
    assert Likeness.LESS is review.compare([both], review.union([(first,), (second,)])).likeness
    unlisted = review.union([(first,), (replace(second, changes=None),)])
    assert [("b", Why.NEW)] == whys(review.compare([both], unlisted))


_CHANGES = st.lists(
    st.builds(update, st.sampled_from("abc"), st.sampled_from("xy"), st.sampled_from([mail("ana"), mail("bo")])),
    max_size=4,
    unique_by=lambda change: change.name,
)


@given(_CHANGES, _CHANGES)
def test_what_goes_ahead_was_reviewed_change_by_change(now: list[Change], then: list[Change]) -> None:
    """Equal or less exactly where every change is one of the reviewed, with the same people."""
    is_reviewed = all(change in then for change in now)

    assert is_reviewed is (compared(plan_of(*now), plan_of(*then)).likeness is not Likeness.DIFFERENT)


# --- markers --------------------------------------------------------------------------------------------------------


def test_a_marker_is_read_as_it_was_written() -> None:
    """Every field of it, behind whatever the page says."""
    marker = Marker(KEY, State.REFUSED, "a" * 40, "https://x.example/1", "now", (Remembered.of(plan_of(update())),))

    assert marker == review.marker_of(f"{marker.line}\n### page\n{Marker(KEY, State.OPEN).line}")
    assert marker == review.marker_of(f"{marker.line}\r\npage")


def test_a_marker_of_many_changes_knows_them_without_their_names() -> None:
    """1,500 that all reach somebody; a part of them is less, and what differs is told."""
    changes = [update(f"subscription-number-{index}", "New", mail("ana")) for index in range(1_500)]
    then, part = plan_of(*changes), plan_of(*changes[:-1])
    line = Marker(KEY, State.OPEN, "a" * 40, "https://x.example/1", "now", (Remembered.of(then),)).line
    marker = review.marker_of(line)

    assert marker is not None
    assert line == marker.line
    assert 40_000 > len(line)
    assert Likeness.EQUAL is review.compare([then], marker.plans).likeness
    assert Likeness.LESS is review.compare([part], marker.plans).likeness
    assert [("new", Why.NEITHER)] == whys(review.compare([plan_of(*changes[1:], update("new"))], marker.plans))


def test_a_marker_of_a_huge_plan_leaves_its_changes_out() -> None:
    """So that there is room for the plan; the digest stays."""
    changes = (update(f"subscription-number-{index}", "New", mail("ana")) for index in range(1_700))
    large = Remembered.of(plan_of(*changes))
    line = Marker(KEY, State.OPEN, plans=(large,)).line
    marker = review.marker_of(line)

    assert len(line) < 1_000
    assert marker is not None
    assert (replace(large, changes=None),) == marker.plans


_HOSTILE = st.text(st.sampled_from('->!<&a\n\\"é'))


@given(_HOSTILE, _HOSTILE, _HOSTILE, st.sampled_from(State))
def test_no_words_end_a_marker(key: str, commit: str, run: str, state: State) -> None:
    """One line, one comment, read as it was written."""
    marker = Marker(key, state, commit, run, "")

    assert "\n" not in marker.line
    assert marker.line.index("-->") == len(marker.line) - 3
    assert "--" not in marker.line[4:-3]
    assert marker == review.marker_of(marker.line)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "text",
        "\n<!-- reconciler:plan {} -->",
        "<!-- reconciler:plan [] -->",
        "<!-- reconciler:plan {} -->",
        "<!-- reconciler:plan {" + "[" * 9_000 + "} -->",
        '<!-- reconciler:plan {"v":2,"key":"k","state":"open","sha":"","run":"","read":"","environments":[]} -->',
        '<!-- reconciler:plan {"v":1,"key":7,"state":"open","sha":"","run":"","read":"","environments":[]} -->',
        '<!-- reconciler:plan {"v":1,"key":"k","state":"merged","sha":"","run":"","read":"","environments":[]} -->',
        '<!-- reconciler:plan {"v":1,"key":"k","state":"open","sha":"","run":"","read":"","environments":[7]} -->',
        '<!-- reconciler:drift {"v":1,"key":"k","state":"open","digest":"d"} -->',
    ],
)
def test_what_is_no_marker_of_ours_is_none(body: str) -> None:
    """Nothing that somebody wrote into a comment raises an error."""
    assert review.marker_of(body) is None


@pytest.mark.parametrize(
    "spoilt",
    [
        {"digest": "sha256:1"},
        {"digest": None},
        {"reach": 3},
        {"changes": 3},
        {"changes": [["+a"]]},
        {"changes": None, "prints": "abc"},
        {"changes": None, "prints": 3},
        {"changes": [[1, 2, 3]]},
        {"name": None},
    ],
)
def test_a_marker_with_a_spoilt_plan_is_none(spoilt: dict[str, object]) -> None:
    """Half of one would be half a review."""
    plan = {"name": "production", "digest": f"sha256:{'0' * 64}", "reach": "", "changes": []}
    document = {"v": 1, "key": "k", "state": "open", "sha": "", "run": "", "read": "", "environments": [plan | spoilt]}

    assert review.marker_of(f"<!-- reconciler:plan {json.dumps(document)} -->") is None


def test_the_marker_of_a_drift_issue_is_read_as_it_was_written() -> None:
    """Open, and closed by us."""
    for marker in (DriftMarker(KEY, "sha256:1"), DriftMarker(KEY, "sha256:1", is_open=False)):
        assert marker == review.drift_marker_of(f"{marker.line}\nbody")
    assert review.drift_marker_of(Marker(KEY, State.OPEN).line) is None


def test_a_marker_holds_no_value_in_the_open() -> None:
    """Addresses, URLs and titles stand in it as fingerprints."""
    secret = FieldChange("target_value", Address("ana@example.com"), SecretUrl("https://hook.example/secret"))
    change = replace(update("w", "Title", mail("bo")), fields=(secret,))
    line = Marker(KEY, State.OPEN, plans=(Remembered.of(plan_of(change)),)).line

    assert [] == [word for word in ("ana", "bo@", "secret", "Title", "hook") if word in line]


def test_each_label_has_a_key_and_so_has_each_selection() -> None:
    """A label alone decides where there is one."""
    keys = {review.key_of(label, {"folder": folder}) for label in ("", "eu", "us") for folder in ("a", "b")}

    assert 4 == len(keys)
    assert all(12 == len(key) for key in keys)


# --- drift ----------------------------------------------------------------------------------------------------------


def test_the_digest_of_a_drift_changes_with_what_drifted() -> None:
    """With changes, with what blocks, with what is only compared; not with what is only told."""

    def finding(rule: str, severity: Severity) -> Finding:
        return Finding(rule, severity, say("x"), "weekly")

    found = {
        review.digest_of_drift([plan])
        for plan in (
            plan_of(),
            plan_of(update()),
            plan_of(findings=(finding("twin", Severity.BLOCK),)),
            plan_of(findings=(finding("sharing-on", Severity.WARNING),)),
            plan_of(findings=(finding("unsubscribed", Severity.NOTE),)),
        )
    }

    assert 4 == len(found)


# --- fingerprints ---------------------------------------------------------------------------------------------------


def test_a_fingerprint_hangs_on_everything_that_is_done() -> None:
    """Place, namespace, row, fields; not on the source, nor on the order of fields."""
    first, second = FieldChange("a", 1, 2), FieldChange("b", 1, 2)
    change = replace(update(), fields=(first, second))
    same = planner.fingerprint(PRODUCTION, "growth", change)

    assert same == planner.fingerprint(PRODUCTION, "growth", replace(change, fields=(second, first)))
    assert same.essence != planner.fingerprint(PRODUCTION, "other", change).essence
    assert same.essence != planner.fingerprint(PRODUCTION, "growth", replace(change, fields=(first,))).essence
    assert "" == same.reach
