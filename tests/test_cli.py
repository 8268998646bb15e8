"""The commands as a person runs them, over real HTTP against a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reconciler.sandbox import Fault, Sandbox
from tests.conftest import Run, Tree

Variables = Callable[[Mapping[str, str]], None]


def statuses(document: dict[str, object]) -> list[object]:
    """The statuses of an apply/v1 document's outcomes."""
    outcomes = document["outcomes"]
    assert isinstance(outcomes, list)
    return [outcome["status"] for outcome in outcomes]


def sandbox_url(tree: Tree) -> str:
    """Where the sandbox of *tree* listens, as its first config said."""
    return (tree.folder / "host.txt").read_text(encoding="utf-8")


def test_plan_says_who_would_be_mailed_and_sends_nothing_but_get(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Promise 4: a reading command cannot write."""
    gitops.manifest("weekly")
    ran = run("plan", "--format", "json")

    assert ran.code == 0
    assert ran.json["changes"][0]["effects"] == [{"effect": "mail", "recipients": ["ana@example.com"], "unknown": True}]
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_apply_makes_the_server_hold_what_the_manifests_say(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Promise 6, and the row carries its tag."""
    gitops.manifest("weekly", invite_message="Welcome.")
    ran = run("apply", "--yes", "--format", "json")

    assert (ran.code, statuses(ran.json), ran.json["verified"]) == (0, ["applied"], True)
    assert [row["title"] for row in sandbox.rows()] == ["Weekly [growth:weekly]"]
    assert [message.recipient for message in sandbox.outbox()] == ["ana@example.com"]


def test_after_an_apply_the_next_plan_is_empty(gitops: Tree, run: Run) -> None:
    """Promise 6, with the exit code a script would look at."""
    gitops.manifest("weekly")
    run("apply", "--yes")
    ran = run("plan", "--exit-code", "--format", "json")

    assert (ran.code, ran.json["changes"], ran.json["summary"]["unchanged"]) == (0, [], 1)


def test_plan_ends_with_2_when_changes_are_pending_and_it_was_asked(gitops: Tree, run: Run) -> None:
    """Only with --exit-code: a plan with changes is a success otherwise."""
    gitops.manifest("weekly")

    assert [run("plan").code, run("plan", "--exit-code").code] == [0, 2]


def test_an_update_sends_only_the_fields_that_changed(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """And nobody is mailed for a title."""
    gitops.manifest("weekly")
    run("apply", "--yes")
    sandbox.clear_outbox()
    gitops.manifest("weekly", title="Growth")
    run("apply", "--yes")

    patches = [request.body for request in sandbox.requests() if request.method == "PATCH"]
    assert patches == [{"title": "Growth [growth:weekly]"}]
    assert sandbox.outbox() == []


def test_a_manifest_that_is_gone_soft_deletes_its_row(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """By PATCH of `deleted` alone; DELETE is never sent (contract §4.5)."""
    gitops.manifest("one").unlink()
    gitops.manifest("two")
    gitops.manifest("three", insight=5)
    run("apply", "--yes")
    (gitops.folder / "subscriptions/three.yaml").unlink()
    ran = run("apply", "--yes", "--format", "json")

    assert ran.code == 0
    writes = [(request.method, request.body) for request in sandbox.requests() if request.method != "GET"]
    assert writes[-1] == ("PATCH", {"deleted": True})


def test_drift_shows_a_hand_edit_and_ends_with_2(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Somebody changed the row behind git's back."""
    gitops.manifest("weekly")
    run("apply", "--yes")
    sandbox.edit(sandbox.rows()[0]["id"], frequency="daily")
    ran = run("drift", "--format", "json")

    assert ran.code == 2
    assert ran.json["changes"][0]["fields"] == [
        {"field": "frequency", "before": "daily", "after": "weekly", "cause": "drift"}
    ]


def test_drift_that_cannot_be_judged_is_not_called_none(gitops: Tree, run: Run) -> None:
    """The row is gone altogether: 2, and the first line says so."""
    gitops.manifest("weekly")
    ran = run("drift")

    assert (ran.code, ran.out.splitlines()[0]) == (
        2,
        "Drift: 1 manifest cannot be compared with the server, see below.",
    )


def test_no_drift_ends_with_0(gitops: Tree, run: Run) -> None:
    """What git says and what the server holds agree."""
    gitops.manifest("weekly")
    run("apply", "--yes")

    assert run("drift").code == 0


def test_drift_does_not_readd_who_unsubscribed(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Promise 3: a person who left is a finding, not a difference."""
    gitops.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    run("apply", "--yes")
    sandbox.unsubscribe(sandbox.rows()[0]["id"], "bo@example.com")
    ran = run("drift", "--format", "json")

    assert (ran.code, ran.json["changes"]) == (0, [])
    assert [finding["rule"] for finding in ran.json["findings"]] == ["unsubscribed"]


def test_apply_with_a_base_keeps_out_who_unsubscribed(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """The base shows that the address was applied once and has left since."""
    gitops.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    run("apply", "--yes")
    sandbox.unsubscribe(sandbox.rows()[0]["id"], "bo@example.com")
    sandbox.clear_outbox()
    ran = run("apply", "--yes", "--base", ".", "--format", "json")

    assert (ran.code, ran.json["outcomes"], sandbox.outbox()) == (0, [], [])


def test_resubscribe_brings_a_person_back(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Only by name."""
    gitops.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    run("apply", "--yes")
    sandbox.unsubscribe(sandbox.rows()[0]["id"], "bo@example.com")
    sandbox.clear_outbox()
    run("apply", "--yes", "--base", ".", "--resubscribe", "bo@example.com")

    assert [message.recipient for message in sandbox.outbox()] == ["bo@example.com"]


def test_resubscribe_of_somebody_who_did_not_leave_is_noted(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """A slip in the address would otherwise bring nobody back and say nothing of it; the note is masked."""
    gitops.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    run("apply", "--yes")
    sandbox.unsubscribe(sandbox.rows()[0]["id"], "bo@example.com")
    chosen = ("--base", ".", "--resubscribe", " bo@EXAMPLE.com", "--resubscribe", "boo@example.com")
    ran = run("plan", *chosen)

    assert 1 == ran.err.count("changes nothing")
    assert "--resubscribe b***@example.com changes nothing" in ran.err
    run("apply", "--yes", *chosen)
    assert "bo@example.com" == sandbox.outbox()[-1].recipient


@pytest.mark.parametrize("address", ["NONSENSE", "", "@team", "a@b"])
def test_resubscribe_takes_addresses_only(gitops: Tree, run: Run, sandbox: Sandbox, address: str) -> None:
    """Before anything is asked of the server."""
    gitops.manifest("weekly")
    ran = run("plan", "--resubscribe", address)

    assert (1, []) == (ran.code, sandbox.requests())
    assert "takes one e-mail address" in ran.err


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "0", "-1", "1e300", "soon", ""])
def test_a_run_has_a_number_of_seconds(gitops: Tree, run: Run, sandbox: Sandbox, seconds: str) -> None:
    """What is no number, or more than any run takes, is refused with the way out."""
    gitops.manifest("weekly")
    ran = run("plan", "--timeout", seconds)

    assert (1, []) == (ran.code, sandbox.requests())
    assert "above 0 and up to 31,536,000, such as 600" in ran.err


@pytest.mark.parametrize("scale", ["nan", "inf", "0", "x"])
def test_a_sandbox_has_a_number_to_stretch_its_limits_by(run: Run, scale: str) -> None:
    """It does not start with what is none."""
    ran = run("sandbox", "--throttle-scale", scale)

    assert 1 == ran.code
    assert "above 0 and up to 1,000" in ran.err


def test_validate_says_what_it_skipped(tree: Tree, run: Run) -> None:
    """On standard error, so that the result is one document (design §2 and §6)."""
    tree.manifest("weekly")
    tree.write("subscriptions/other.yaml", "apiVersion: apps/v1\nkind: Deployment\n")
    ran = run("validate", "subscriptions", "--format", "json")

    assert (0, True) == (ran.code, ran.json["valid"])
    assert "subscriptions/other.yaml:1 is not ours" in ran.err


def test_apply_needs_a_yes_where_nobody_can_answer(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Exit 3, and nothing was written."""
    gitops.manifest("weekly")
    ran = run("apply")

    assert (ran.code, sandbox.rows()) == (3, [])
    assert "--yes" in ran.err


def test_apply_of_nothing_needs_no_yes(gitops: Tree, run: Run) -> None:
    """There is nothing to confirm (design §6)."""
    gitops.manifest("weekly")
    run("apply", "--yes")

    assert run("apply").code == 0


def test_a_reviewed_plan_is_applied(gitops: Tree, run: Run) -> None:
    """What --out wrote is what --plan takes."""
    gitops.manifest("weekly")
    run("plan", "--out", "plan.json")

    assert run("apply", "--plan", "plan.json", "--yes").code == 0


def test_a_reviewed_plan_that_no_longer_holds_is_refused(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Another manifest was merged in between: exit 3, nothing written."""
    gitops.manifest("weekly")
    run("plan", "--out", "plan.json")
    gitops.manifest("daily", insight=5)
    ran = run("apply", "--plan", "plan.json", "--yes", "--format", "json")

    assert (ran.code, ran.json["format"], sandbox.rows()) == (3, "posthog-reconciler/error/v1", [])


def test_a_matching_digest_does_not_replace_the_yes(gitops: Tree, run: Run) -> None:
    """Design §6."""
    gitops.manifest("weekly")
    digest = run("plan", "--format", "json").json["digest"]

    assert [run("apply", "--expect", digest).code, run("apply", "--expect", digest, "--yes").code] == [3, 0]


def test_an_empty_expected_digest_is_refused(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """A variable that CI forgot to set must not switch the guard off."""
    gitops.manifest("weekly")

    assert (run("apply", "--expect", "", "--yes").code, sandbox.rows()) == (1, [])


def test_a_blocking_finding_refuses_and_names_manifest_and_row(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """A hand-made twin: the way out is a line to paste."""
    row = sandbox.add(insight=4, target_type="email", target_value="ana@example.com")
    gitops.manifest("weekly")
    ran = run("apply", "--yes", "--format", "json")

    assert ran.code == 3
    (error,) = ran.json["errors"]
    assert (error["rule"], error["path"], error["line"]) == ("twin", "subscriptions/weekly.yaml", 1)
    assert f"id: {row['id']}" in error["message"]
    assert "weekly" in error["message"]


def test_plan_ends_with_3_when_something_blocks(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """And shows all the same what it would do."""
    sandbox.add(insight=4, target_type="email", target_value="ana@example.com")
    gitops.manifest("weekly")

    assert run("plan").code == 3


def test_bad_manifests_end_with_1_and_no_request_is_sent(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Every problem in one run, each with its place."""
    gitops.manifest("one", frequncy="daily")
    gitops.manifest("two", interval=0)
    ran = run("plan", "--format", "json")

    assert (ran.code, sandbox.requests()) == (1, [])
    assert {error["path"] for error in ran.json["errors"]} == {"subscriptions/one.yaml", "subscriptions/two.yaml"}
    assert all(error["line"] and error["column"] for error in ran.json["errors"])


def test_a_field_that_is_wrong_does_not_hide_what_is_wrong_with_the_others(tree: Tree, run: Run) -> None:
    """What the schema says and what the kind says come in one run, in the order of lines."""
    tree.manifest("weekly", interval=0, target_value=["ana@example.com", "@nobody"], start_date="2026-01-05T09:00:00")
    ran = run("validate", "subscriptions", "--format", "json")

    rules = [error["rule"] for error in ran.json["errors"]]
    assert (ran.code, rules) == (1, ["unknown-group", "date-without-zone", "out-of-range"])


def test_validate_needs_neither_key_nor_server(tree: Tree, run: Run) -> None:
    """Offline, and also where there is no config."""
    tree.manifest("weekly")
    ran = run("validate", "subscriptions", "--format", "json")

    assert (ran.code, ran.json["valid"], ran.json["manifests"]) == (0, True, 1)


def test_validate_of_a_broken_tree_ends_with_1(tree: Tree, run: Run) -> None:
    """With the nearest name for a misspelt field."""
    tree.manifest("weekly", frequncy="daily")
    ran = run("validate", "subscriptions", "--format", "json")

    assert (ran.code, ran.json["valid"]) == (1, False)
    assert "frequency" in ran.json["errors"][0]["message"]


def test_without_a_config_the_variables_say_where(
    tree: Tree, run: Run, url: str, sandbox: Sandbox, variables: Variables
) -> None:
    """One environment `default`, namespace gitops (design §3)."""
    variables(
        {
            "POSTHOG_HOST": url,
            "POSTHOG_PROJECT_ID": str(sandbox.project_id),
            "POSTHOG_PERSONAL_API_KEY": sandbox.key,
        }
    )
    tree.manifest("weekly")
    ran = run("plan", "subscriptions", "--format", "json")

    assert (ran.code, ran.json["environment"]["name"], ran.json["namespace"]) == (0, "default", "gitops")


def test_without_a_config_nothing_is_removed_unless_asked(
    tree: Tree, run: Run, url: str, sandbox: Sandbox, variables: Variables
) -> None:
    """Two folders would remove each other's rows."""
    place = {"POSTHOG_HOST": url, "POSTHOG_PROJECT_ID": str(sandbox.project_id)}
    variables({**place, "POSTHOG_PERSONAL_API_KEY": sandbox.key})
    tree.manifest("weekly")
    sandbox.add(title="Other [gitops:other]", insight=9)
    kept = run("plan", "subscriptions", "--format", "json").json
    pruned = run("plan", "subscriptions", "--prune", "--format", "json").json

    assert [kept["summary"]["delete"], pruned["summary"]["delete"]] == [0, 1]


def test_variables_beside_a_config_are_ignored_with_a_warning(gitops: Tree, run: Run, variables: Variables) -> None:
    """They would send every environment to one project."""
    gitops.manifest("weekly")
    variables({"POSTHOG_HOST": "https://eu.posthog.com", "POSTHOG_PROJECT_ID": "9"})
    ran = run("plan")

    assert ran.code == 0
    assert "warning: POSTHOG_HOST is ignored" in ran.err


def test_only_keeps_the_changes_of_matching_names_and_removes_nothing(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """The whole tree is judged all the same."""
    sandbox.add(title="Gone [growth:gone]", insight=9)
    gitops.manifest("weekly")
    gitops.manifest("daily", insight=5)
    document = run("plan", "--only", "week*", "--format", "json").json

    assert [(change["action"], change["name"]) for change in document["changes"]] == [("create", "weekly")]


def test_a_path_keeps_the_changes_of_its_manifests_and_removes_nothing(
    gitops: Tree, run: Run, sandbox: Sandbox
) -> None:
    """A PATH that is not all of the config's manifests."""
    sandbox.add(title="Gone [growth:gone]", insight=9)
    gitops.manifest("weekly")
    gitops.manifest("daily", insight=5)
    document = run("plan", "subscriptions/weekly.yaml", "--format", "json").json

    assert [(change["action"], change["name"]) for change in document["changes"]] == [("create", "weekly")]
    assert [finding["rule"] for finding in document["findings"]] == ["not-removed"]


def test_a_path_outside_the_configured_manifests_is_refused(gitops: Tree, run: Run) -> None:
    """It would be judged without the rest of its tree."""
    gitops.manifest("weekly")
    stranger = gitops.manifest("other").rename(gitops.folder / "other.yaml")
    ran = run("plan", stranger.name)

    assert ran.code == 1
    assert "other.yaml is not among the manifests" in ran.err


def test_an_empty_tree_is_refused_unless_meant(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """No manifests at all is a wrong folder far more often than a wish."""
    sandbox.add(title="Last [growth:last]", insight=9)
    (gitops.folder / "subscriptions").mkdir()
    refused = run("apply", "--yes", "--max-deletes", "1")
    meant = run("apply", "--yes", "--max-deletes", "1", "--allow-empty")

    assert [refused.code, meant.code, sandbox.rows()[0]["deleted"]] == [3, 0, True]


@pytest.mark.parametrize(
    "arguments", [["plan", "--nope"], ["nope"], ["plan", "--format", "yaml"], ["apply", "--parallel", "0"]]
)
def test_bad_usage_ends_with_1_never_2(run: Run, arguments: list[str]) -> None:
    """2 means that changes are pending (design §6)."""
    ran = run(*arguments)

    assert (ran.code, ran.out) == (1, "")


@pytest.mark.parametrize("arguments", [["plan", "--nope", "-f", "json"], ["plan", "--format=json", "--base"]])
def test_with_json_also_bad_usage_is_one_document(run: Run, arguments: list[str]) -> None:
    """Standard output is exactly one JSON document, also on failure."""
    ran = run(*arguments)

    assert (ran.code, ran.json["format"]) == (1, "posthog-reconciler/error/v1")


def test_a_key_that_is_missing_is_named(gitops: Tree, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable to set, before anything is sent."""
    gitops.manifest("weekly")
    monkeypatch.delenv("POSTHOG_PERSONAL_API_KEY")
    ran = run("plan")

    assert ran.code == 1
    assert "POSTHOG_PERSONAL_API_KEY" in ran.err


def test_a_refused_key_is_an_error_and_no_plan(gitops: Tree, run: Run, variables: Variables) -> None:
    """A listing that failed is never an empty listing."""
    gitops.manifest("weekly")
    variables({"POSTHOG_PERSONAL_API_KEY": "phx_" + "0" * 40})
    ran = run("plan", "--format", "json")

    assert (ran.code, ran.json["format"]) == (1, "posthog-reconciler/error/v1")


def test_a_key_that_may_only_read_refuses_the_apply_without_a_write(
    gitops: Tree, run: Run, sandbox: Sandbox, variables: Variables
) -> None:
    """Exit 1: the server refused and nothing was written."""
    gitops.manifest("weekly")
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.read_key})
    ran = run("apply", "--yes", "--format", "json")

    assert (ran.code, statuses(ran.json), sandbox.rows()) == (1, ["failed"], [])


def test_a_lost_answer_makes_no_second_row(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Promise 2: the row is found by its tag."""
    gitops.manifest("weekly")
    sandbox.faults.add(Fault("drop", method="POST", phase="after"))
    ran = run("apply", "--yes", "--format", "json")

    assert (ran.code, statuses(ran.json), len(sandbox.rows())) == (0, ["applied"], 1)


def test_one_failure_does_not_stop_the_others(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Exit 4: some write was accepted, and some change was not applied."""
    gitops.manifest("a-bad", insight=999)
    gitops.manifest("b-good", insight=5)
    ran = run("apply", "--yes", "--parallel", "1", "--format", "json")

    assert (ran.code, statuses(ran.json), ran.json["verified"]) == (4, ["failed", "applied"], False)


def test_addresses_are_masked_where_others_read(gitops: Tree, run: Run) -> None:
    """No terminal: a log. In Markdown: a comment. --show-addresses overrides (design §6)."""
    gitops.manifest("weekly")
    shown = {kind: "ana@example.com" in run("plan", "-f", kind).out for kind in ("text", "markdown", "github", "json")}

    assert shown == {"text": False, "markdown": False, "github": False, "json": True}
    assert "ana@example.com" in run("plan", "--show-addresses").out


def test_the_base_is_a_git_ref(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """The cause of a change is known from it."""
    gitops.manifest("weekly")
    run("apply", "--yes")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull})
    sandbox.edit(sandbox.rows()[0]["id"], interval=3)
    gitops.manifest("weekly", title="Growth")
    document = run("plan", "--base", "HEAD", "--format", "json").json

    assert {field["field"]: field["cause"] for field in document["changes"][0]["fields"]} == {
        "title": "manifest",
        "interval": "drift",
    }
    assert len(document["base"]) == 40


def test_a_base_that_is_not_there_is_an_error(gitops: Tree, run: Run) -> None:
    """Never taken for an empty base."""
    gitops.manifest("weekly")
    ran = run("plan", "--base", "nowhere")

    assert ran.code == 1
    assert "--base nowhere" in ran.err


def test_a_base_that_cannot_be_read_whole_is_an_error_naming_the_file(gitops: Tree, run: Run) -> None:
    """It carries protection and unsubscribes."""
    gitops.manifest("weekly")
    shutil.copytree(".", ".base")
    (gitops.folder / ".base/subscriptions/weekly.yaml").write_text("kind: [", encoding="utf-8")
    ran = run("plan", "--base", ".base")

    assert ran.code == 1
    assert ".base:subscriptions/weekly.yaml" in ran.err


def test_an_id_of_another_project_names_no_row_of_this_one(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Promise 1: the environment moved to another project since the base; the number there is a stranger's row."""
    row = sandbox.add(insight=9, title="CEO private")
    gitops.manifest("moved", metadata=f"  id: {row['id']}\n")
    gitops.config("https://us.posthog.com", 999)
    shutil.copytree(".", ".base")
    (gitops.folder / "subscriptions/moved.yaml").unlink()
    gitops.manifest("weekly")
    gitops.config(sandbox_url(gitops), sandbox.project_id)
    document = run("plan", "--base", ".base", "--format", "json").json

    assert [change["action"] for change in document["changes"]] == ["create"]


@pytest.mark.parametrize("base", ["", " ", "unrelated"])
def test_a_base_that_holds_nothing_of_ours_is_refused(gitops: Tree, run: Run, base: str) -> None:
    """An unset variable in CI, or a wrong folder, must not lift protection."""
    (gitops.folder / "unrelated").mkdir()
    gitops.manifest("weekly")

    assert run("plan", "--base", base).code == 1


def test_a_row_taken_over_from_another_manifest_keeps_out_who_left_it(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Promise 3: the base knows the row under the name it had."""
    both = ["ana@example.com", "bo@example.com"]
    gitops.manifest("old", target_value=both)
    run("apply", "--yes")
    row = sandbox.rows()[0]["id"]
    sandbox.unsubscribe(row, "bo@example.com")
    shutil.copytree(".", ".base")
    (gitops.folder / "subscriptions/old.yaml").unlink()
    gitops.manifest("new", metadata=f"  id: {row}\n  takeover: true\n", title="Old", target_value=both)
    sandbox.clear_outbox()
    ran = run("apply", "--yes", "--base", ".base", "--format", "json")

    assert (statuses(ran.json), sandbox.outbox()) == (["applied"], [])
    assert "unsubscribed" in [finding["rule"] for finding in ran.json["findings"]]


def test_an_unsubscribe_just_after_the_listing_is_not_overwritten(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """A list of recipients is never sent without another look at the row (trap T-34)."""
    gitops.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])
    run("apply", "--yes")
    gitops.manifest("weekly", target_value=["ana@example.com", "bo@example.com", "cy@example.com"])
    sandbox.clear_outbox()
    left = {"target_value": "ana@example.com"}
    sandbox.faults.add(Fault("shift", method="GET", path="limit", phase="after", shift="patch", row=1, fields=left))
    ran = run("apply", "--yes", "--format", "json")

    assert (statuses(ran.json), [message.recipient for message in sandbox.outbox()]) == (["skipped"], [])


def test_a_row_is_not_restored_beside_its_twin(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Two rows would mail the same people."""
    gitops.manifest("weekly")
    run("apply", "--yes")
    sandbox.edit(1, deleted=True)
    sandbox.add(insight=4, target_type="email", target_value="ana@example.com")
    ran = run("apply", "--yes", "--format", "json")

    assert (ran.code, [error["rule"] for error in ran.json["errors"]]) == (3, ["twin"])


@pytest.mark.parametrize("option", ["--out", "--plan"])
def test_a_device_is_no_plan_file(gitops: Tree, run: Run, option: str) -> None:
    """It is neither replaced by a file nor read without end."""
    gitops.manifest("weekly")
    command = "plan" if option == "--out" else "apply"

    assert run(command, option, "/dev/zero").code == 1
    assert Path("/dev/zero").is_char_device()


def test_a_file_name_cannot_give_a_command_to_the_runner(gitops: Tree, run: Run) -> None:
    """A pull request's file with a line break in its name."""
    gitops.manifest("weekly")
    gitops.write("subscriptions/b\n::error::pwned.yaml", "apiVersion: v1\nkind: Secret\n")
    ran = run("plan")

    assert not [line for line in (ran.out + ran.err).splitlines() if line.startswith("::error::")]


def test_outcomes_are_told_when_standard_output_cannot_be_written(gitops: Tree, sandbox: Sandbox) -> None:
    """The disk is full: 1 would say that nothing was written to the server."""
    gitops.manifest("weekly")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", "-f", "json"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, env=environment)

    assert (done.returncode, len(sandbox.rows()), b"Traceback" in done.stderr) == (0, 1, False)
    assert b"applied" in done.stderr


def test_several_environments_are_a_list_and_the_worst_code(
    tree: Tree, run: Run, url: str, sandbox: Sandbox, variables: Variables
) -> None:
    """In config order; the other project has a twin and blocks."""
    key = sandbox.new_key(projects=None)
    variables({"POSTHOG_PERSONAL_API_KEY": key})
    tree.write(
        "reconciler.yaml",
        "apiVersion: posthog-reconciler/v1\nkind: Config\nnamespace: growth\nmanifests: [subscriptions]\n"
        "environments:\n"
        f"  one: {{host: '{url}', project_id: {sandbox.project_id}}}\n"
        f"  two: {{host: '{url}', project_id: {sandbox.other_project_id}}}\n",
    )
    tree.manifest("weekly")
    ran = run("plan", "--exit-code", "-f", "json")

    assert (ran.code, [item["environment"]["name"] for item in ran.json]) == (2, ["one", "two"])


def test_the_schema_of_each_kind_is_printed(run: Run) -> None:
    """For editors."""
    titles = [run("schema", kind).json["$schema"] for kind in ("subscription", "recording-sharing", "config")]

    assert titles == ["https://json-schema.org/draft/2020-12/schema"] * 3


def test_an_unknown_schema_is_bad_usage(run: Run) -> None:
    """With the kinds there are."""
    ran = run("schema", "subscripton")

    assert ran.code == 1
    assert "subscription" in ran.err


@pytest.mark.parametrize("profile", ["seed", "latest"])
def test_the_demo_tells_the_whole_story(run: Run, profile: str) -> None:
    """Plan, apply, a hand edit, drift, apply, an empty plan."""
    ran = run("demo", "--profile", profile)

    assert ran.code == 0
    assert ran.out.count("$ reconciler") == 5
    assert "Nothing to do" in ran.out


def test_a_reader_who_has_read_enough_does_not_change_the_exit_code(gitops: Tree, sandbox: Sandbox) -> None:
    """`reconciler apply | head` wrote to the server: 1 would deny it."""
    gitops.manifest("weekly")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "reconciler", "apply", "--yes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()

    assert (process.returncode, len(sandbox.rows()), b"Traceback" in errors) == (0, 1, False)


def test_the_console_command_runs_as_a_process(gitops: Tree) -> None:
    """`python -m reconciler` is the console command; its result is on standard output alone."""
    gitops.manifest("weekly")
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "plan", "-f", "json"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": root},
    )

    assert (done.returncode, json.loads(done.stdout)["summary"]["create"]) == (0, 1)
