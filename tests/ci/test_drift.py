"""`reconciler ci drift` and the issue about it: made once, kept up to date, closed with the drift."""

from __future__ import annotations

import pytest

from tests.action.github import BOT
from tests.ci.conftest import Machine, Ran, manifest
from tests.ci.test_apply import row_of

GROWTH = manifest("weekly-growth")


def drifted(machine: Machine, title: str = "Mine now", *, as_merged: bool = False) -> Ran:
    """A scheduled run after somebody named the row *title*; the calls of GitHub begin with it."""
    if not machine.sandbox.rows():
        machine.applied(GROWTH)
    title = "Weekly-Growth" if as_merged else title
    machine.sandbox.edit(row_of(machine, "weekly-growth"), title=f"{title} [growth:weekly-growth]")
    machine.github.clear_calls()
    return machine.scheduled()


def test_no_drift_says_nothing(machine: Machine) -> None:
    """And ends with 0."""
    ran = drifted(machine, as_merged=True)

    assert (0, ("no-changes", "", "0"), "false", []) == (
        ran.code,
        ran.told,
        ran.outputs["changes"],
        machine.github.writes,
    )


def test_drift_opens_one_issue_with_a_label(machine: Machine) -> None:
    """What drifted, and the two ways out; the label is made where it was absent."""
    ran = drifted(machine)
    (issue,) = machine.github.issues_list

    assert (0, ("changes", "", "2"), str(issue["number"])) == (ran.code, ran.told, ran.outputs["issue-number"])
    assert ("Drift: production", ["drift"]) == (issue["title"], [label["name"] for label in issue["labels"]])
    assert ["POST labels", "POST issues"] == machine.github.done
    for words in ("- title: Mine now", "+ title: Weekly-Growth", "Two ways out"):
        assert words in issue["body"]


def test_the_same_drift_is_silent(machine: Machine) -> None:
    """No second issue, no edit."""
    drifted(machine)
    ran = drifted(machine)

    assert ([], 1, "1") == (machine.github.writes, len(machine.github.issues_list), ran.outputs["issue-number"])


def test_another_drift_is_written_into_the_issue(machine: Machine) -> None:
    """And commented on, once."""
    drifted(machine)
    drifted(machine, "Mine again")
    (issue,) = machine.github.issues_list

    assert ["PATCH issues", "POST issues/comments"] == machine.github.done
    assert "Mine again" in issue["body"]


def test_no_drift_any_more_closes_the_issue(machine: Machine) -> None:
    """As completed, with the run that found it; the next drift opens a new one."""
    drifted(machine)
    drifted(machine, as_merged=True)
    (issue,) = machine.github.issues_list
    closed = (issue["state"], issue["state_reason"])
    drifted(machine)

    assert ("closed", "completed") == closed
    assert ["closed", "open"] == [each["state"] for each in machine.github.issues_list]
    assert "No drift any more" in machine.github.bodies_on(issue["number"], login=BOT)[0]


def test_an_issue_that_a_person_closed_stays_closed_for_the_same_drift(machine: Machine) -> None:
    """A notice says so; another drift opens a new one."""
    drifted(machine)
    (issue,) = machine.github.issues_list
    issue["state"] = "closed"
    same = drifted(machine)
    number = len(machine.github.issues_list)
    drifted(machine, "Mine again")

    assert (1, 2) == (number, len(machine.github.issues_list))
    assert any("closed by a person" in line for line in same.annotations("notice"))


def test_an_issue_that_a_person_closed_speaks_again_after_a_run_without_drift(machine: Machine) -> None:
    """What was closed was another occasion of the same drift."""
    drifted(machine)
    machine.github.issues_list[0]["state"] = "closed"
    drifted(machine, as_merged=True)
    settled = machine.github.done
    ran = drifted(machine)

    assert (["PATCH issues"], "closed") == (settled, machine.github.issues_list[0]["state"])
    assert (["closed", "open"], "2") == (
        [each["state"] for each in machine.github.issues_list],
        ran.outputs["issue-number"],
    )


def test_a_label_that_was_taken_off_does_not_hide_the_issue(machine: Machine) -> None:
    """It is found by its marker; no second one is opened, and it is closed with the drift."""
    drifted(machine)
    machine.github.issues_list[0]["labels"] = []
    drifted(machine)
    silent = machine.github.writes
    drifted(machine, as_merged=True)

    assert ([], ["closed"]) == (silent, [each["state"] for each in machine.github.issues_list])


def test_of_two_open_issues_the_first_is_kept(machine: Machine) -> None:
    """The other one says where it goes on, and is no issue that a person closed."""
    drifted(machine)
    (first,) = machine.github.issues_list
    second = machine.github.add_issue(first["title"], first["body"], login=BOT)
    ran = drifted(machine)

    assert ["open", "closed"] == [each["state"] for each in machine.github.issues_list]
    assert ("not_planned", True) == (
        machine.github.issues_list[1]["state_reason"],
        '"state":"resolved"' in machine.github.issues_list[1]["body"],
    )
    assert f"#{first['number']}" in machine.github.bodies_on(second, login=BOT)[0]
    assert (0, str(first["number"])) == (ran.code, ran.outputs["issue-number"])


def test_a_second_issue_that_cannot_be_closed_waits_for_the_next_run(machine: Machine) -> None:
    """The drift is told all the same."""
    drifted(machine)
    (first,) = machine.github.issues_list
    machine.github.add_issue(first["title"], first["body"], login=BOT)
    machine.github.fail(500, times=9, method="POST", path="comments$")
    ran = drifted(machine)

    assert (0, str(first["number"]), []) == (ran.code, ran.outputs["issue-number"], ran.annotations("error"))


def test_without_drift_every_open_issue_is_closed(machine: Machine) -> None:
    """Also where there are two."""
    drifted(machine)
    (first,) = machine.github.issues_list
    machine.github.add_issue(first["title"], first["body"], login=BOT)
    drifted(machine, as_merged=True)

    assert ["closed", "closed"] == [each["state"] for each in machine.github.issues_list]


@pytest.mark.parametrize(("method", "path"), [("POST", "issues$"), ("PATCH", "issues/[0-9]+$")])
def test_an_issue_that_github_finds_too_long_is_told_in_brief(machine: Machine, method: str, path: str) -> None:
    """What drifted is in the run; who would be mailed stays."""
    if method == "PATCH":
        drifted(machine)
    else:
        machine.applied(GROWTH)
    machine.github.fail(422, "Validation Failed", method=method, path=path)
    ran = drifted(machine, "Mine again")
    (issue,) = machine.github.issues_list

    assert (0, []) == (ran.code, ran.annotations("warning"))
    assert "All the rest is left out for length" in issue["body"]
    assert [] == (drifted(machine, "Mine again"), machine.github.writes)[1]


@pytest.mark.parametrize(
    ("status", "message"), [(401, "Bad credentials"), (500, "Server Error"), (403, "API rate limit exceeded")]
)
def test_drift_that_github_cannot_be_told_fails_the_step(machine: Machine, status: int, message: str) -> None:
    """Else nobody would hear of it."""
    machine.applied(GROWTH)
    machine.github.fail(status, message, times=99)
    ran = drifted(machine)

    assert (1, ("error", "github-error", "1"), "true") == (ran.code, ran.told, ran.outputs["changes"])
    assert any("the issue about drift was not kept up to date" in line for line in ran.annotations("error"))


def test_without_drift_a_github_that_is_down_is_a_warning(machine: Machine) -> None:
    """The issue stays until the next run; nobody has to hear of anything."""
    drifted(machine)
    machine.github.fail(500, times=99)
    ran = drifted(machine, as_merged=True)

    assert (0, "no-changes", 1) == (ran.code, ran.outputs["result"], len(ran.annotations("warning")))


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_token_that_may_write_no_issue_is_a_warning_with_the_way_out(machine: Machine, status: int) -> None:
    """Whoever set it up so knows; 410 is a repository without issues."""
    machine.applied(GROWTH)
    machine.github.fail(status, "No", times=99)
    ran = drifted(machine)
    (warning,) = [line for line in ran.annotations("warning") if "no issue" in line]

    assert 0 == ran.code
    assert "give the job `issues: write`" in warning
    assert "drift-issue: never" in warning


def test_an_error_is_not_no_drift(machine: Machine) -> None:
    """PostHog refuses the key: the issue stays, the step fails."""
    drifted(machine)
    machine.variables["POSTHOG_PERSONAL_API_KEY"] = "phx_wrong"
    machine.github.clear_calls()
    ran = machine.scheduled()

    assert (1, ("error", "api-error", "1"), []) == (ran.code, ran.told, machine.github.writes)
    assert "open" == machine.github.issues_list[0]["state"]


def test_somebody_elses_issue_is_left_alone(machine: Machine) -> None:
    """With our label, our title and our marker."""
    drifted(machine)
    (ours,) = machine.github.issues_list
    machine.github.add_issue(ours["title"], ours["body"], labels=["drift"], login="mallory")
    ours["user"] = {"login": "renamed[bot]"}
    drifted(machine, as_merged=True)

    assert [] == machine.github.writes


def test_a_label_that_cannot_be_made_does_not_hold_up_the_issue(machine: Machine) -> None:
    """It is found again without."""
    machine.github.fail(403, "Resource not accessible", times=99, method="POST", path="labels$")
    drifted(machine)
    drifted(machine)

    assert ([[]], []) == ([issue["labels"] for issue in machine.github.issues_list], machine.github.writes)


def test_an_issue_that_cannot_be_written_is_a_warning(machine: Machine) -> None:
    """The drift is in the summary and the outputs all the same."""
    machine.github.permissions["issues"] = "none"
    ran = drifted(machine)

    assert (0, "changes", "") == (ran.code, ran.outputs["result"], ran.outputs["issue-number"])
    assert any("the issue about drift was not kept up to date" in line for line in ran.annotations("warning"))


def test_without_a_token_the_missing_issue_is_a_warning(machine: Machine) -> None:
    """Nobody may believe that it will be written."""
    machine.variables["GITHUB_TOKEN"] = ""
    machine.applied(GROWTH)
    ran = machine.scheduled()

    assert 0 == ran.code
    assert any("GITHUB_TOKEN is not set" in line for line in ran.annotations("warning"))


def test_no_issue_is_written_where_none_is_wanted(machine: Machine) -> None:
    """`drift-issue: never` does not even ask."""
    machine.applied(GROWTH)
    machine.sandbox.edit(row_of(machine, "weekly-growth"), title="Mine now [growth:weekly-growth]")
    machine.github.clear_calls()
    ran = machine.scheduled("drift", "--drift-issue=never", "--fail-on-changes=1")

    assert (2, "changes-pending", []) == (ran.code, ran.outputs["failure-reason"], machine.github.calls)


def test_each_label_has_its_issue(machine: Machine) -> None:
    """Two configs of one repository do not fight over one."""
    machine.applied(GROWTH)
    machine.sandbox.edit(row_of(machine, "weekly-growth"), title="Mine now [growth:weekly-growth]")
    for label in ("europe", "america", "europe"):
        machine.scheduled("drift", f"--label={label}", "--drift-label=posthog drift")

    assert ["Drift: europe", "Drift: america"] == [issue["title"] for issue in machine.github.issues_list]


def test_drift_that_blocks_is_drift(machine: Machine) -> None:
    """The row is gone altogether: an issue, not a refusal."""
    machine.applied(GROWTH)
    machine.sandbox.forget(row_of(machine, "weekly-growth"))
    ran = machine.scheduled()

    assert (0, ("changes", "", "2"), "true") == (ran.code, ran.told, ran.outputs["changes"])
    assert "[recreate]" in machine.github.issues_list[0]["body"]
