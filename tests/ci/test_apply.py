"""`reconciler ci apply`: only what was reviewed is applied, or less of it, and the pull request says what came."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.ci import judging
from reconciler.ci.judging import Verdict
from reconciler.ci.review import marker_of
from reconciler.ci.setting import Setting
from reconciler.model import Plan
from reconciler.sandbox import Fault
from tests.action.github import BOT
from tests.ci.conftest import Machine, Ran, manifest
from tests.ci.test_plan import ours

NOUGHTS = f"sha256:{'0' * 64}"
GROWTH = manifest("weekly-growth")
SUPPORT = manifest("support", insight=5)


def reviewed(machine: Machine, files: dict[str, str]) -> tuple[str, str]:
    """A pull request with *files* whose plan was shown, merged: main's commit before and after."""
    machine.propose(7, dict(files))
    assert machine.pull_request(7).outputs["result"] == "changes"
    return machine.merge(7)


def row_of(machine: Machine, name: str) -> int:
    """The id of a manifest's row."""
    (found,) = (row["id"] for row in machine.sandbox.rows() if f":{name}]" in str(row["title"]))
    return int(found)


def refused(ran: Ran, reason: str) -> bool:
    """Whether nothing was applied for *reason*."""
    return (ran.code, ran.told) == (3, ("refused", reason, "3"))


def deleted(machine: Machine) -> int:
    """The id of a row that was applied and soft-deleted by hand, to be restored."""
    machine.applied(GROWTH)
    row = row_of(machine, "weekly-growth")
    machine.sandbox.edit(row, deleted=True)
    return row


def make_overdue(machine: Machine, row: int) -> None:
    """Let the next delivery of *row* have passed, with nothing else changed: a restore sends it at the next tick."""
    machine.sandbox.set_now(datetime.now(UTC) - timedelta(days=30))
    for frequency in ("daily", "weekly"):
        machine.sandbox.edit(row, frequency=frequency)
    machine.sandbox.set_now(None)


# --- what may be applied --------------------------------------------------------------------------------------------


def test_what_was_reviewed_is_applied_and_said_so(machine: Machine) -> None:
    """The outputs, the server, the comment, which keeps the reviewed plan below."""
    ran = machine.push(*reviewed(machine, GROWTH))

    assert (0, ("applied", "", "0"), "true") == (ran.code, ran.told, ran.outputs["changes"])
    assert ["Weekly-Growth [growth:weekly-growth]"] == [row["title"] for row in machine.sandbox.rows()]
    assert "— 1 applied" in ours(machine)
    assert "1 to create" in ours(machine)
    assert '"state":"applied"' in ours(machine)
    assert "| applied | create `weekly-growth` |" in ran.summary


def test_an_apply_that_has_begun_says_so(machine: Machine) -> None:
    """Whoever looks meanwhile sees that it runs, and where."""
    machine.github.clear_calls()
    machine.push(*reviewed(machine, GROWTH))
    bodies = [call.body["body"] for call in machine.github.writes if call.method == "PATCH"]

    assert ['"state":"applying"' in bodies[0], "— applying …" in bodies[0], "/actions/runs/9002" in bodies[0]] == [
        True
    ] * 3
    assert 2 == len(bodies)


def test_a_plan_that_became_another_is_refused(machine: Machine) -> None:
    """Somebody edited a row that the reviewer saw nothing of; the log, the summary and the comment say which."""
    machine.applied({**GROWTH, **SUPPORT})
    merged = reviewed(machine, manifest("weekly-growth", title="Growth"))
    machine.sandbox.edit(row_of(machine, "support"), title="Mine now [growth:support]")
    before = machine.sandbox.rows()
    ran = machine.push(*merged)

    assert refused(ran, "plan-changed")
    assert before == machine.sandbox.rows()
    row = "| `production` | update `support` | not in the reviewed plan | `title`: `Mine now` → `Support` |"
    assert (row in ran.summary, row in ours(machine)) == (True, True)
    assert "production: update support: not in the reviewed plan." in ran.log
    assert '"state":"refused"' in ours(machine)


def test_a_reviewed_change_with_other_values_is_refused(machine: Machine) -> None:
    """The row was edited in the very field: what would be overwritten is not what the reviewer saw."""
    machine.applied(GROWTH)
    merged = reviewed(machine, manifest("weekly-growth", title="Growth"))
    machine.sandbox.edit(row_of(machine, "weekly-growth"), title="Mine now [growth:weekly-growth]")
    ran = machine.push(*merged)

    assert refused(ran, "plan-changed")
    assert "update weekly-growth: reviewed with other values." in ran.log


def test_less_than_what_was_reviewed_is_applied(machine: Machine) -> None:
    """A part of it has come true by itself (issue 8, point 6)."""
    machine.applied({**GROWTH, **SUPPORT})
    merged = reviewed(
        machine, {**manifest("weekly-growth", title="Growth"), **manifest("support", title="Help", insight=5)}
    )
    machine.sandbox.edit(row_of(machine, "support"), title="Help [growth:support]")
    ran = machine.push(*merged)

    assert (0, ("applied", "", "0"), "1") == (ran.code, ran.told, ran.outputs["to-update"])
    assert {"Growth [growth:weekly-growth]", "Help [growth:support]"} == {
        row["title"] for row in machine.sandbox.rows()
    }


def test_nobody_is_reached_whom_the_reviewed_plan_does_not_name(machine: Machine) -> None:
    """A restore that became overdue since: the digest is the same, the people are not (promise 3)."""
    row = deleted(machine)
    merged = reviewed(machine, manifest("weekly-growth", title="Growth"))
    make_overdue(machine, row)
    ran = machine.push(*merged)

    assert refused(ran, "plan-changed")
    assert "by now reaches people or channels" in ran.log


def test_nobody_is_reached_whom_the_expected_digest_does_not_name(machine: Machine) -> None:
    """The same between two jobs of one run: a digest, as a whole or alone, does not let them in."""
    row = deleted(machine)
    machine.propose(7, manifest("weekly-growth", title="Growth"))
    merged = machine.merge(7)
    digest = machine.push(*merged, "plan").outputs["digest"]
    make_overdue(machine, row)
    whole = machine.push(*merged, "apply", f"--expect-digest={digest}")
    alone = machine.push(*merged, "apply", f"--expect-digest={digest.partition('.')[0]}")
    seen = machine.push(*merged, "plan").outputs["digest"]

    assert (refused(whole, "plan-changed"), refused(alone, "plan-changed")) == (True, True)
    assert "by now reaches people or channels" in whole.log
    assert "does not say whom the plan reaches" in alone.log
    assert 0 == machine.push(*merged, "apply", f"--expect-digest={seen}").code


def test_a_failed_apply_is_finished_by_the_same_run_again(machine: Machine) -> None:
    """What is left is less than what was reviewed."""
    merged = reviewed(machine, {**GROWTH, **SUPPORT})
    machine.sandbox.faults.add(Fault("status", method="POST", status=400))
    first = machine.push(*merged)
    second = machine.push(*merged)

    assert (4, ("partial", "partly-applied", "4")) == (first.code, first.told)
    assert (0, "applied", "1") == (second.code, second.outputs["result"], second.outputs["to-create"])
    assert 2 == len(machine.sandbox.rows())


def test_what_is_applied_already_is_nothing_to_apply(machine: Machine) -> None:
    """The run once more, after it was done."""
    merged = reviewed(machine, GROWTH)
    machine.push(*merged)
    ran = machine.push(*merged)

    assert (0, ("nothing-to-apply", "", "0"), "false") == (ran.code, ran.told, ran.outputs["changes"])


def test_an_old_run_does_not_bring_back_what_was_merged_since(machine: Machine) -> None:
    """Running last week's apply again would undo this week's."""
    first = reviewed(machine, GROWTH)
    machine.push(*first)
    machine.propose(8, manifest("weekly-growth", title="Newer"))
    machine.pull_request(8)
    machine.push(*machine.merge(8))

    assert refused(machine.push(*first), "plan-changed")
    assert ["Newer [growth:weekly-growth]"] == [row["title"] for row in machine.sandbox.rows()]


def test_what_was_taken_back_is_not_applied_again(machine: Machine) -> None:
    """Bo was added, then removed: the run that added him, once more, is refused, however often (promise 1)."""
    machine.applied(GROWTH)
    added = reviewed(machine, manifest("weekly-growth", to="ana@example.com, bo@example.com"))
    machine.push(*added)
    machine.propose(8, GROWTH)
    machine.pull_request(8)
    machine.push(*machine.merge(8))
    (body,) = machine.github.bodies_on(7)

    for _ in range(2):
        ran = machine.push(*added)
        assert refused(ran, "plan-changed")
        assert "is applied already" in ran.log
    assert ["ana@example.com"] == [row["target_value"] for row in machine.sandbox.rows()]
    assert [body] == machine.github.bodies_on(7)


def test_an_apply_that_is_blocked_leaves_an_applied_comment_as_it_is(machine: Machine) -> None:
    """Else its run once more would count as the first."""
    machine.applied(GROWTH)
    added = reviewed(machine, manifest("weekly-growth", to="ana@example.com, bo@example.com"))
    machine.push(*added)
    machine.sandbox.edit(row_of(machine, "weekly-growth"), title="Gone")

    assert refused(machine.push(*added), "blocked")
    assert '"state":"applied"' in ours(machine)


def test_a_partly_applied_plan_says_so(machine: Machine) -> None:
    """Its run may be repeated, which ends it."""
    merged = reviewed(machine, {**GROWTH, **SUPPORT})
    machine.sandbox.faults.add(Fault("status", method="POST", status=400))
    machine.push(*merged)
    partly = ours(machine)
    machine.push(*merged)

    assert ('"state":"partial"' in partly, '"state":"applied"' in ours(machine)) == (True, True)


# --- how a review is found ------------------------------------------------------------------------------------------


def test_a_push_without_a_pull_request_is_refused(machine: Machine) -> None:
    """With the way out: a person may apply it by hand."""
    before, after = machine.history.git("rev-parse", "main"), machine.history.commit(GROWTH)
    ran = machine.push(before, after)

    assert refused(ran, "plan-not-found")
    assert any("reviewed-plan: none" in line for line in ran.annotations("error"))
    assert [] == machine.sandbox.rows()
    assert 0 == machine.by_hand("apply", "--reviewed-plan=none").code


def test_a_push_that_changes_nothing_needs_no_review(machine: Machine) -> None:
    """Most pushes."""
    machine.applied(GROWTH)
    before, after = machine.history.git("rev-parse", "main"), machine.history.commit({"README.md": "hello"})
    ran = machine.push(before, after)

    assert (0, "nothing-to-apply", []) == (ran.code, ran.outputs["result"], machine.github.calls)


def test_a_pull_request_whose_plan_was_never_shown_is_refused(machine: Machine) -> None:
    """Its plan was empty, or it was never planned: nobody saw these changes."""
    machine.propose(7, GROWTH)

    assert refused(machine.push(*machine.merge(7)), "plan-not-found")


def test_a_plan_that_failed_was_not_reviewed(machine: Machine) -> None:
    """Its comment holds no plan."""
    machine.propose(7, {"subscriptions/weekly-growth.yaml": "kind: [\n"})
    machine.pull_request(7)
    machine.push_to(7, GROWTH)

    assert refused(machine.push(*machine.merge(7)), "plan-not-found")


def test_a_marker_that_somebody_else_wrote_is_no_review(machine: Machine) -> None:
    """Anybody may copy a line."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    (body,) = machine.github.bodies_on(7)
    machine.github.comments_by_id.clear()
    machine.github.add_comment(7, body, login="mallory")

    assert refused(machine.push(*machine.merge(7)), "plan-not-found")


def test_of_several_pull_requests_all_must_have_shown_the_plan(machine: Machine) -> None:
    """Two that were merged as one commit."""
    machine.propose(8, {"README.md": "hello"})
    before, after = reviewed(machine, GROWTH)
    machine.github.pulls[8] |= {"merged_at": "2026-11-23T09:00:00Z", "merge_commit_sha": after}
    machine.github.commits[after].append(8)

    assert refused(machine.push(before, after), "plan-not-found")


def test_what_one_push_brings_was_reviewed_where_it_was_proposed(machine: Machine) -> None:
    """A merge queue pushes a group at once; each comment says what became of it."""
    for number, files in ((7, GROWTH), (8, SUPPORT)):
        machine.propose(number, files)
        machine.pull_request(number)
    (before, _), (_, after) = machine.merge(7), machine.merge(8)
    ran = machine.push(before, after)

    assert (0, "applied", "2") == (ran.code, ran.outputs["result"], ran.outputs["to-create"])
    assert ["applied"] * 2 == [
        marker.state for number in (7, 8) for body in machine.github.bodies_on(number) if (marker := marker_of(body))
    ]


def test_what_came_beside_a_pull_request_was_not_reviewed(machine: Machine) -> None:
    """A commit of nobody's pull request, in the same push."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    before = machine.history.git("rev-parse", "main")
    machine.github.add_commit(machine.history.commit(SUPPORT))
    ran = machine.push(before, machine.merge(7)[1])

    assert refused(ran, "plan-changed")
    assert "create support: not in the reviewed plan." in ran.log


def test_a_pull_request_that_was_merged_otherwise_does_not_count(machine: Machine) -> None:
    """A commit is in many pull requests; one was merged as it."""
    machine.propose(8, {"README.md": "hello"})
    before, after = reviewed(machine, GROWTH)
    machine.github.commits[after].append(8)

    assert 0 == machine.push(before, after).code


def test_a_review_that_cannot_be_looked_up_is_an_error(machine: Machine) -> None:
    """And nothing is applied."""
    merged = reviewed(machine, GROWTH)
    machine.github.permissions["pull-requests"] = "none"
    machine.github.permissions["issues"] = "none"
    ran = machine.push(*merged)

    assert (1, ("error", "github-error", "1"), []) == (ran.code, ran.told, machine.sandbox.rows())


def test_an_expected_digest_is_enough(machine: Machine) -> None:
    """Between two jobs of one run, where nobody can edit it."""
    machine.propose(7, GROWTH)
    before, after = machine.merge(7)
    digest = machine.push(before, after, "plan").outputs["digest"]
    other = machine.push(before, after, "apply", "--reviewed-plan=digest", f"--expect-digest={NOUGHTS}")
    same = machine.push(before, after, "apply", "--reviewed-plan=digest", f"--expect-digest={digest}")

    assert refused(other, "plan-changed")
    assert (0, "applied") == (same.code, same.outputs["result"])


@pytest.mark.parametrize("digests", ["", "sha256:12", f"{NOUGHTS},{NOUGHTS}"], ids=["none", "none such", "too many"])
def test_a_digest_that_is_none_is_refused(machine: Machine, digests: str) -> None:
    """Fails closed."""
    machine.propose(7, GROWTH)
    ran = machine.push(*machine.merge(7), "apply", "--reviewed-plan=digest", f"--expect-digest={digests}")

    assert (1, ("error", "usage", "1"), []) == (ran.code, ran.told, machine.sandbox.rows())


def test_a_blocked_plan_is_not_applied_and_says_so(machine: Machine) -> None:
    """In the pull request, too."""
    merged = reviewed(machine, GROWTH)
    machine.sandbox.add(title="Weekly", insight=4, target_value="ana@example.com", frequency="weekly")
    ran = machine.push(*merged)

    assert refused(ran, "blocked")
    assert "1 finding must be settled first" in ours(machine)


def test_a_blocked_plan_is_refused_whatever_github_says(machine: Machine) -> None:
    """What blocks is told in the log."""
    merged = reviewed(machine, GROWTH)
    machine.sandbox.add(title="Weekly", insight=4, target_value="ana@example.com", frequency="weekly")
    machine.github.permissions["pull-requests"] = machine.github.permissions["issues"] = "none"

    assert refused(machine.push(*merged), "blocked")


def test_without_a_token_no_review_can_be_looked_up(machine: Machine) -> None:
    """Fails closed, with the way out."""
    merged = reviewed(machine, GROWTH)
    machine.variables["GITHUB_TOKEN"] = ""
    ran = machine.push(*merged)

    assert (1, ("error", "usage", "1"), []) == (ran.code, ran.told, machine.sandbox.rows())
    assert any("set GITHUB_TOKEN" in line for line in ran.annotations("error"))


# --- by hand --------------------------------------------------------------------------------------------------------


def test_a_refusal_names_the_base_that_brings_everybody_in(machine: Machine) -> None:
    """Somebody whom a refused apply was to add is no unsubscriber, also when more was merged since."""
    machine.applied({**GROWTH, **SUPPORT})
    before, after = reviewed(machine, manifest("weekly-growth", to="ana@example.com, bo@example.com"))
    machine.sandbox.edit(row_of(machine, "support"), title="Mine now [growth:support]")
    ran = machine.push(before, after)
    machine.history.commit({"README.md": "hello"})
    named = re.findall(r"args: (--base=\w+)", ran.annotations("error")[0])

    assert [f"--base={before}"] == named
    assert 0 == machine.by_hand("apply", "--reviewed-plan=none", *named).code
    assert "ana@example.com,bo@example.com" in [row["target_value"] for row in machine.sandbox.rows()]


def test_whom_only_the_usual_base_keeps_out_is_a_warning(machine: Machine) -> None:
    """By hand the commit before is taken for applied, which it is not after a refusal."""
    machine.applied(GROWTH)
    machine.history.commit(manifest("weekly-growth", to="ana@example.com, bo@example.com"))
    base = machine.history.git("rev-parse", "HEAD~1")
    machine.history.commit({"README.md": "hello"})
    ran = machine.by_hand("apply", "--reviewed-plan=none")
    given = machine.by_hand("plan", f"--base={base}")

    assert (0, "nothing-to-apply") == (ran.code, ran.outputs["result"])
    assert ["weekly-growth: somebody is kept out" in line for line in ran.annotations("warning title=base")] == [True]
    assert [] == given.annotations("warning title=base")


# --- what GitHub cannot be told -------------------------------------------------------------------------------------


def test_a_comment_that_fails_after_the_apply_is_a_warning(machine: Machine) -> None:
    """What is done is done."""
    merged = reviewed(machine, GROWTH)
    machine.github.make_read_only()
    ran = machine.push(*merged, "apply", "--comment=always")

    assert (0, "applied", 1) == (ran.code, ran.outputs["result"], len(machine.sandbox.rows()))
    assert any("the comment does not say so" in line for line in ran.annotations("warning"))


def test_an_apply_closes_the_issue_about_drift(machine: Machine) -> None:
    """PostHog is as git says again; where the token may not, nobody minds."""
    machine.applied(GROWTH)
    machine.sandbox.edit(row_of(machine, "weekly-growth"), title="Mine now [growth:weekly-growth]")
    machine.scheduled()
    ran = machine.by_hand("apply", "--reviewed-plan=none")
    (issue,) = machine.github.issues_list

    assert (0, "closed", str(issue["number"])) == (ran.code, issue["state"], ran.outputs["issue-number"])


def test_an_apply_leaves_the_issue_open_while_drift_remains(machine: Machine) -> None:
    """A recording that is not shared an apply neither reads nor changes; a run of drift closes the issue."""
    machine.applied(GROWTH)
    recording = "0190aaaa-0000-7000-8000-000000000001"
    machine.sandbox.add_recording(recording)
    sharing = "apiVersion: posthog-reconciler/v1\nkind: RecordingSharing\nmetadata: {name: call}\n"
    machine.history.commit(
        {"subscriptions/call.yaml": f"{sharing}spec: {{recording_id: {recording}, enabled: true}}\n"}
    )
    machine.scheduled()
    ran = machine.push(*reviewed(machine, manifest("weekly-growth", title="Growth")))
    (issue,) = machine.github.issues_list

    assert (0, "applied", "open", "") == (ran.code, ran.outputs["result"], issue["state"], ran.outputs["issue-number"])


def test_the_base_of_a_push_is_what_was_there_before(machine: Machine) -> None:
    """Who unsubscribed after the last apply stays out."""
    machine.applied(manifest("weekly-growth", to="ana@example.com, bo@example.com"))
    merged = reviewed(machine, manifest("weekly-growth", to="ana@example.com, bo@example.com", title="Growth"))
    machine.sandbox.edit(row_of(machine, "weekly-growth"), target_value="ana@example.com")
    ran = machine.push(*merged)

    assert 0 == ran.code
    assert ["ana@example.com"] == [row["target_value"] for row in machine.sandbox.rows()]


def test_a_scheduled_apply_brings_nobody_back(machine: Machine) -> None:
    """The tree itself is the base (issue 6, point 3)."""
    machine.applied(manifest("weekly-growth", to="ana@example.com, bo@example.com"))
    machine.sandbox.edit(row_of(machine, "weekly-growth"), target_value="ana@example.com")
    ran = machine.scheduled("apply", "--reviewed-plan=none")

    assert (0, "nothing-to-apply") == (ran.code, ran.outputs["result"])


def test_a_stop_before_the_first_write_writes_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """130, with the outputs set."""

    def cancelled(_: Setting, __: Sequence[Plan]) -> Verdict:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal ends the run")

    merged = reviewed(machine, GROWTH)
    monkeypatch.setattr(judging, "judged", cancelled)
    ran = machine.push(*merged)

    assert (130, ("error", "interrupted", "130"), []) == (ran.code, ran.told, machine.sandbox.rows())


def test_a_server_that_cannot_be_asked_in_time_is_an_error(machine: Machine) -> None:
    """And nothing is applied."""
    machine.propose(7, GROWTH)
    merged = machine.merge(7)
    machine.sandbox.faults.add(Fault("status", method="GET", status=503, retry_after=9999))
    ran = machine.push(*merged, "apply", "--timeout=1")

    assert (1, ("error", "api-error", "1"), []) == (ran.code, ran.told, machine.sandbox.rows())


def test_the_comment_stays_one(machine: Machine) -> None:
    """Plan, refusal, plan, apply: all in one."""
    machine.applied(SUPPORT)
    merged = reviewed(machine, GROWTH)
    machine.sandbox.edit(row_of(machine, "support"), title="Mine now [growth:support]")
    machine.push(*merged)
    machine.sandbox.edit(row_of(machine, "support"), title="Support [growth:support]")
    machine.push(*merged)

    (body,) = machine.github.bodies_on(7, login=BOT)
    assert ("— 1 applied" in body, "**not applied**" in body, body.count("### reconciler plan")) == (True, False, 1)
