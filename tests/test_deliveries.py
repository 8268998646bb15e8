"""The next deliveries in a plan: on every change that can move them, in no digest, and true once it is applied."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler import planfile, planner
from reconciler.kinds import registry
from reconciler.loading import Choice
from reconciler.model import Action, Live, Manifest, Plan
from reconciler.pipeline import Session, World
from reconciler.report import Viewer, documents
from reconciler.sandbox import Sandbox
from tests.conftest import Run, Tree
from tests.scenes import NOW, PINNED, gone, manifest, planned, row, rules_of, scene, steps, tombstone

A_WEEK = timedelta(days=7)


def at(now: datetime, *manifests: Manifest, rows: list[Live]) -> Plan:
    """The plan of *manifests* and *rows* at *now*."""
    return planner.plan(scene(*manifests, rows=rows), registry(now))


def text(plan: Plan) -> str:
    """The JSON of *plan*, as it is written."""
    return documents.dumps(documents.plan(plan, Viewer(addresses=True)))


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        (manifest(), [], (Action.CREATE, 0, 3)),
        (manifest(frequency="monthly"), [row()], (Action.UPDATE, 3, 3)),
        (manifest(), [gone(next_delivery_date="2026-03-09T09:00:00Z")], (Action.RESTORE, 0, 3)),
        (manifest(dashboard=None, insight=7), [row(**PINNED)], (Action.REPLACE, 3, 3)),
        (manifest(count=10), [row()], (Action.UPDATE, 3, 2)),
    ],
    ids=["create", "update", "restore", "replace", "an end"],
)
def test_every_change_that_moves_deliveries_tells_them(
    wanted: Manifest, there: list[Live], expected: tuple[Action, int, int]
) -> None:
    """The next three before and after; fewer where the schedule ends."""
    (change,) = planned(wanted, rows=there).changes

    assert change.deliveries is not None
    assert expected == (change.action, len(change.deliveries.before), len(change.deliveries.after))


@pytest.mark.parametrize("wanted", [manifest(title="New"), manifest(target_value=["bo@example.com"]), tombstone()])
def test_no_other_change_does(wanted: Manifest) -> None:
    """It would be the same on both sides; and a row that goes has none to come."""
    (change,) = planned(wanted, rows=[row()], max_deletes=1).changes

    assert change.deliveries is None


def test_deliveries_are_no_part_of_the_digest() -> None:
    """Times are out (design §6): a week later the same change is the one that was reviewed."""
    before, after = (at(now, manifest(), rows=[]) for now in (NOW, NOW + A_WEEK))

    assert before.changes[0].deliveries != after.changes[0].deliveries
    assert before.digest == after.digest


def test_the_same_inputs_are_the_same_bytes() -> None:
    """The clock is one of the inputs; while no delivery is near, even that one may go on."""
    wanted, there, early = manifest(frequency="monthly"), [row()], NOW - timedelta(days=1)

    assert text(at(early, wanted, rows=there)) == text(at(early, wanted, rows=there))
    assert text(at(early, wanted, rows=there)) == text(at(early + timedelta(hours=20), wanted, rows=there))


def test_a_plan_says_what_is_over_although_it_changes_nothing() -> None:
    """The row is as git says, and sends nothing any more."""
    plan = planned(manifest(count=2), rows=[row(count=2, next_delivery_date=None)])

    assert ((), 1, ["over"]) == (plan.changes, plan.unchanged, rules_of(plan))


def test_a_schedule_that_a_later_server_refuses_blocks() -> None:
    """Before anything is sent, and not in the middle of an apply."""
    plan = planned(manifest(count=2), rows=[row(**PINNED)])

    assert (["exhausted-refused"], 1) == (rules_of(plan), len(plan.blockers))
    assert [("update", "weekly", 1)] == steps(plan)


# Through the command


def session(tree: Tree, sandbox: Sandbox, now: datetime) -> Session:
    """A session at *now*, on a server whose clock says the same."""
    sandbox.set_now(now)
    return Session(Choice(), World(tree.folder, {"POSTHOG_PERSONAL_API_KEY": sandbox.key}, now=now))


def test_a_reviewed_plan_is_applied_although_a_delivery_has_passed(gitops: Tree, sandbox: Sandbox) -> None:
    """The file tells other deliveries than the plan of now; what is done is the same."""
    gitops.manifest("growth")
    file = gitops.folder / "plan.json"
    planfile.write(file, [item.plan for item in session(gitops, sandbox, NOW).plans()])
    later = session(gitops, sandbox, NOW + A_WEEK)
    (prepared,) = later.plans()
    planfile.check(planfile.expected([file], ()), [prepared.plan])
    result = later.carry_out(prepared, lambda _: None)

    assert deliveries(file) != documents.plan(prepared.plan, Viewer())["changes"][0]["deliveries"]
    assert result.verified


def deliveries(file: Path) -> Any:
    """The deliveries of the first change in a plan file."""
    return json.loads(file.read_text(encoding="utf-8"))["changes"][0]["deliveries"]


@pytest.mark.parametrize(
    ("row", "spec"),
    [
        ({"frequency": "daily"}, {}),
        ({"deleted": True, "next_delivery_date": NOW - A_WEEK}, {}),
        ({"deleted": True, "next_delivery_date": NOW - A_WEEK}, {"interval": 2}),
        ({"deleted": True, "next_delivery_date": NOW + A_WEEK}, {}),
        (None, {}),
    ],
    ids=["update", "stale restore", "restore with another schedule", "restore in time", "create"],
)
def test_the_scheduler_does_what_the_plan_told(
    gitops: Tree, sandbox: Sandbox, row: dict[str, Any] | None, spec: dict[str, Any]
) -> None:
    """Over three of its runs, and who is mailed at the next one is named beforehand (trap T-28)."""
    gitops.manifest("growth", **spec)
    if row is not None:
        sandbox.set_now(NOW - 8 * A_WEEK)
        there = {"insight": 4, "dashboard": None, "target_value": "ana@example.com", "frequency": "weekly", **row}
        sandbox.add(title="Growth [growth:growth]", start_date=datetime(2026, 1, 5, 9, tzinfo=UTC), **there)
    begun = session(gitops, sandbox, NOW)
    (prepared,) = begun.plans()
    (change,) = prepared.plan.changes
    begun.carry_out(prepared, lambda _: None)
    sandbox.clear_outbox()
    told = change.deliveries
    assert told is not None

    assert [planned.isoformat() for planned in told.after] == [
        message.isoformat() for message in _walked(sandbox, len(told.after))
    ]
    named = {person.value for effect in change.effects if effect.when is not None for person in effect.recipients}
    assert (told.overdue, {"ana@example.com"} if told.overdue else set()) == (
        "stale-delivery" in rules_of(prepared.plan),
        named,
    )


def _walked(sandbox: Sandbox, many: int) -> list[datetime]:
    """The dates that the scheduler had planned for the deliveries that it made, one run after the other."""
    found = []
    for _ in range(many):
        (row,) = sandbox.rows(deleted=False)
        due = datetime.fromisoformat(row["next_delivery_date"])
        sent = sandbox.tick(max(due, sandbox.now))
        assert ["ana@example.com"] == [message.recipient for message in sent]
        found.append(due)
    return found


def test_a_schedule_that_never_fires_stops_a_plan(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """With its place and the way out, and before any request: it is wrong whatever the server has (design §2)."""
    gitops.manifest("growth", frequency="monthly", byweekday=["monday"], bysetpos=6)
    ran = run("plan", "--format", "json")

    assert (1, ["never-fires"], []) == (
        ran.code,
        [error["rule"] for error in ran.json["errors"]],
        sandbox.requests(),
    )


def test_a_schedule_that_is_over_is_found_by_plan(gitops: Tree, run: Run) -> None:
    """It is no error, because it was right once; whoever adds it now should know."""
    gitops.manifest("growth", count=1, start_date="2026-01-05T09:00:00Z")
    ran = run("plan", "--format", "json")

    assert ["exhausted"] == [finding["rule"] for finding in ran.json["findings"]]
    assert {"before": [], "after": [], "timezone": None} == ran.json["changes"][0]["deliveries"]


def test_a_plan_tells_deliveries_in_both_zones(gitops: Tree, run: Run) -> None:
    """In UTC, and as the manifest speaks."""
    start = {"date": "2026-01-05", "time": "09:30", "timezone": "Australia/Sydney"}
    gitops.manifest("growth", start_date=start, frequency="daily")
    ran = run("plan")

    assert "next deliveries: " in ran.out
    assert "09:30 Australia/Sydney)" in ran.out
