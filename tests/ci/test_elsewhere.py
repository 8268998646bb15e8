"""What is the same on every build machine, and what is not: bad inputs, GitLab, plain machines, GitHub Enterprise."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from reconciler.ci import course, inputs
from reconciler.ci.ending import Ending
from reconciler.ci.inputs import Command
from reconciler.ci.setting import Setting
from tests.action.github import GitHub
from tests.action.history import History
from tests.ci.conftest import Machine, Ran, manifest

GROWTH = manifest("weekly-growth")
EVERY_OUTPUT = {
    "result", "failure-reason", "exit-code", "changes", "to-create", "to-update", "to-delete", "digest", "plan-json",
    "plan-markdown", "comment-url", "issue-number",
}  # fmt: skip


# --- inputs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan", "--comment=sometimes"], "auto, always, changes, never"),
        (["plan", "--fail-on-changes=maybe"], "true, yes, 1, on, false, no, 0, off"),
        (["apply", "--reviewed-plan=trust"], "comment, digest, none"),
        (["drift", "--drift-issue=yes"], "auto, never"),
        (["plan", "--provider=jenkins"], "auto, github, gitlab, plain"),
        (["plan", "--working-directory=nowhere"], "there is no such folder"),
        (["apply", "--reviewed-plan=none", f"--expect-digest=sha256:{'0' * 64}"], "exclude each other"),
        (["plan", "--drift-label=a,b"], "without a comma"),
        (["destroy"], "validate, plan, apply, drift"),
        ([""], "validate, plan, apply, drift"),
        (["--bogus"], "validate, plan, apply, drift"),
        (["plan", "--bogus=1"], "No such option"),
        (["plan", "--max-deletes=many"], "not a valid integer"),
        (["plan", "--env=nowhere"], "there are production"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_would_be(machine: Machine, words: list[str], said: str) -> None:
    """One error, and every output set (issue 8, point 2)."""
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7, *words)

    assert (1, ("error", "usage", "1")) == (ran.code, ran.told)
    assert set(ran.outputs) == EVERY_OUTPUT
    (error,) = ran.annotations("error")
    assert said in error.replace("%2C", ",")


def test_every_wrong_input_is_told_at_once(machine: Machine) -> None:
    """Not one by one, a run each."""
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7, "plan", "--comment=x", "--fail-on-changes=y", "--drift-issue=z")
    (error,) = ran.annotations("error")

    assert ["comment: " in error, "fail-on-changes: " in error, "drift-issue: " in error] == [True] * 3


@pytest.mark.parametrize("words", [["plan"], ["apply", "--reviewed-plan=none"], ["drift"], ["validate"]])
def test_every_output_is_set_every_time(machine: Machine, words: list[str]) -> None:
    """Also those that a command knows nothing about."""
    machine.history.commit(GROWTH)

    assert set(machine.by_hand(*words).outputs) == EVERY_OUTPUT


def test_inputs_may_come_from_the_environment(machine: Machine) -> None:
    """For machines where that is easier than a command line."""
    machine.propose(7, GROWTH)
    machine.variables |= {"RECONCILER_CI_FAIL_ON_CHANGES": "Yes", "RECONCILER_CI_LABEL": "europe"}
    ran = machine.pull_request(7)

    assert (2, True) == (ran.code, "`europe`" in ran.summary)


def test_an_empty_input_is_its_default(machine: Machine) -> None:
    """An input that is left out arrives as an empty word."""
    machine.propose(7, GROWTH)
    names = [*inputs.NAMES, "config"]

    assert 0 == machine.pull_request(7, "plan", *(f"--{name}=" for name in names)).code


def test_nothing_is_written_that_a_later_step_obeys(machine: Machine) -> None:
    """GITHUB_ENV and GITHUB_PATH stay as they were."""
    machine.propose(7, GROWTH)
    machine.variables |= {name: str(machine.folder / name) for name in ("GITHUB_ENV", "GITHUB_PATH")}
    machine.pull_request(7)

    assert [] == [name for name in ("GITHUB_ENV", "GITHUB_PATH") if (machine.folder / name).exists()]


def test_a_run_without_a_checkout_says_so(machine: Machine, tmp_path: Path) -> None:
    """The step that makes one was forgotten."""
    folder = tmp_path / "empty" / "work"
    folder.mkdir(parents=True)
    (folder / "reconciler.yaml").write_bytes((machine.history.folder / "reconciler.yaml").read_bytes())
    ran = machine.call(folder, {
        **machine.github.variables, "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "schedule", "GITHUB_OUTPUT":
        str(folder.parent / "output"), "POSTHOG_PERSONAL_API_KEY": machine.sandbox.key,
        "GIT_CEILING_DIRECTORIES": str(tmp_path)}, "drift")  # fmt: skip

    assert ("error", "no-base", "1") == ran.told
    assert "check out first" in ran.log


def test_validate_needs_neither_key_nor_event(machine: Machine) -> None:
    """It reads files."""
    machine.propose(7, GROWTH)
    machine.variables |= {"POSTHOG_PERSONAL_API_KEY": "", "GITHUB_EVENT_PATH": "/nowhere", "GITHUB_TOKEN": ""}
    ran = machine.pull_request(7, "validate")

    assert (0, ("valid", "", "0"), []) == (ran.code, ran.told, machine.github.calls)


# --- several environments -------------------------------------------------------------------------------------------


def with_staging(machine: Machine) -> None:
    """Give the config a second environment, in the sandbox's other project, and a name for an insight in both."""
    path = machine.history.folder / "reconciler.yaml"
    text = path.read_text(encoding="utf-8")
    host, other = text.partition("host: '")[2].partition("'")[0], machine.sandbox.other_project_id
    more = f"  staging: {{host: '{host}', project_id: {other}}}\n"
    more += f"references: {{insights: {{growth: {{production: 4, staging: {machine.sandbox.foreign_ids[0]}}}}}}}\n"
    machine.history.commit({"reconciler.yaml": text + more})


def test_one_environment_that_fails_makes_the_whole_partly_applied(machine: Machine) -> None:
    """What was written in the other one was written."""
    with_staging(machine)
    machine.history.commit(GROWTH)
    ran = machine.by_hand("apply", "--reviewed-plan=none")

    assert (4, ("partial", "partly-applied", "4")) == (ran.code, ran.told)


def test_several_environments_share_one_comment(machine: Machine) -> None:
    """With a digest of each in its marker, and in the output in the order of the config."""
    with_staging(machine)
    machine.propose(7, {name: text.replace("insight: 4", "insight: growth") for name, text in GROWTH.items()})
    planned = machine.pull_request(7)
    (body,) = machine.github.bodies_on(7)
    applied = machine.push(*machine.merge(7))

    assert (0, 2, "2") == (planned.code, len(planned.outputs["digest"].split(" ")), planned.outputs["to-create"])
    assert ["#### `production` — 1 to create", "#### `staging` — 1 to create"] == [
        line for line in body.splitlines() if line.startswith("#### ")
    ]
    assert (0, "applied") == (applied.code, applied.outputs["result"])
    assert [1, 1] == [len(machine.sandbox.rows(project=project)) for project in (1, machine.sandbox.other_project_id)]


# --- GitHub Enterprise Server ---------------------------------------------------------------------------------------


@pytest.fixture
def enterprise(machine: Machine) -> Iterator[Machine]:
    """The same machine with a GitHub whose API lies below /api/v3, and which does not tell who a token is."""
    with GitHub(enterprise=True) as github:
        github.viewer_is_known = False
        machine.github = github
        machine.history = History.begin(machine.folder / "enterprise", github.server_url)
        before = machine.folder / "origin" / "reconciler.yaml"
        machine.history.commit({"reconciler.yaml": before.read_text(encoding="utf-8")})
        yield machine


def test_a_server_of_ones_own_is_asked_at_its_addresses_only(enterprise: Machine) -> None:
    """Comment, apply, drift issue: by GITHUB_API_URL and GITHUB_GRAPHQL_URL alone."""
    enterprise.propose(7, GROWTH)
    enterprise.pull_request(7)
    ran = enterprise.push(*enterprise.merge(7))
    github = enterprise.github

    assert (0, "applied") == (ran.code, ran.outputs["result"])
    assert all(call.path.startswith(("/api/v3/", "/api/graphql")) for call in github.calls)
    assert "1 applied" in github.bodies_on(7)[0]


# --- GitLab and plain machines --------------------------------------------------------------------------------------


def elsewhere(machine: Machine, variables: Mapping[str, str], command: str, *words: str) -> tuple[Ran, dict[str, str]]:
    """A run in a clone that knows nothing of GitHub, and its outputs."""
    machine.runs += 1
    work = machine.folder / f"run-{machine.runs}" / "work"
    machine.history.git("clone", "--quiet", str(machine.history.folder), str(work))
    named = {"POSTHOG_PERSONAL_API_KEY": machine.sandbox.key, "HOME": str(machine.history.home), **variables}
    ran = machine.call(work, named, command, *words)
    lines = (work / "reconciler-ci" / "outputs.env").read_text(encoding="utf-8").splitlines()
    return ran, dict(line.split("=", 1) for line in lines)


def gitlab(machine: Machine, source: str, **more: str) -> dict[str, str]:
    """The variables of a GitLab pipeline."""
    project = "https://gitlab.example/acme/mail"
    named = {"CI_PIPELINE_SOURCE": source, "CI_PROJECT_URL": project, "CI_JOB_URL": f"{project}/-/jobs/1"}
    return {"GITLAB_CI": "true", "CI": "true", **named, **more}


def test_gitlab_gets_its_widget_and_the_files(machine: Machine) -> None:
    """`terraform.json` is what its merge request widget reads."""
    base = machine.history.git("rev-parse", "main")
    machine.history.commit(GROWTH)
    variables = gitlab(machine, "merge_request_event", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    ran, told = elsewhere(machine, variables, "plan")
    folder = ran.folder / "reconciler-ci"

    assert {"create": 1, "update": 0, "delete": 0} == json.loads(
        (folder / "terraform.json").read_text(encoding="utf-8")
    )
    assert base == json.loads((folder / "plan.json").read_text(encoding="utf-8"))["base"]
    assert "1 to create" in (folder / "plan.md").read_text(encoding="utf-8")
    assert (0, "changes", "2", "1") == (
        ran.code,
        *(told[f"RECONCILER_{n}"] for n in ("RESULT", "EXIT_CODE", "TO_CREATE")),
    )
    assert "::" not in ran.log


def test_gitlab_applies_what_a_job_before_it_planned(machine: Machine) -> None:
    """The digest goes from job to job as a variable; without one nothing is applied."""
    base = machine.history.git("rev-parse", "main")
    machine.history.commit(GROWTH)
    variables = gitlab(machine, "push", CI_COMMIT_BEFORE_SHA=base)
    _, told = elsewhere(machine, variables, "plan")
    without, _ = elsewhere(machine, variables, "apply")
    applied, _ = elsewhere(machine, variables, "apply", f"--expect-digest={told['RECONCILER_DIGEST']}")

    assert (1, 0, 1) == (without.code, applied.code, len(machine.sandbox.rows()))


def test_drift_elsewhere_ends_with_2(machine: Machine) -> None:
    """As `reconciler drift` does: these machines can tell one code from another."""
    machine.applied(GROWTH)
    machine.sandbox.edit(machine.sandbox.rows()[0]["id"], title="Mine now [growth:weekly-growth]")
    ran, told = elsewhere(machine, gitlab(machine, "schedule"), "drift")

    assert (2, "changes") == (ran.code, told["RECONCILER_RESULT"])


def test_a_comment_is_no_review_elsewhere(machine: Machine) -> None:
    """There is nothing to look it up in."""
    ran, told = elsewhere(machine, gitlab(machine, "push"), "apply", "--reviewed-plan=comment")

    assert (1, "usage") == (ran.code, told["RECONCILER_FAILURE_REASON"])


def test_a_plain_machine_is_told_the_base(machine: Machine) -> None:
    """Nothing tells it there; `none` does without."""
    machine.history.commit(GROWTH)
    silent, told = elsewhere(machine, {}, "plan")
    given, _ = elsewhere(machine, {}, "plan", "--base=HEAD~1", "--fail-on-changes")
    none, _ = elsewhere(machine, {}, "plan", "--base=none")

    assert (1, "no-base", 2, 0) == (silent.code, told["RECONCILER_FAILURE_REASON"], given.code, none.code)
    assert "error nothing tells here what was applied last" in silent.log


def test_the_files_go_where_they_are_wanted(machine: Machine) -> None:
    """And the outputs name them."""
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7, "plan", "--output-folder=out")

    assert str(ran.folder / "out" / "plan.json") == ran.outputs["plan-json"]
    assert {"plan.json", "plan.md"} == set(os.listdir(ran.folder / "out"))


def test_files_that_cannot_be_written_are_a_warning(machine: Machine) -> None:
    """The plan is told all the same."""
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7, "plan", "--output-folder=reconciler.yaml")

    assert (0, "changes", "") == (ran.code, ran.outputs["result"], ran.outputs["plan-json"])
    assert any("cannot be written" in line for line in ran.annotations("warning"))


def test_outputs_that_cannot_be_written_are_told_in_the_log(machine: Machine) -> None:
    """And change nothing about how the run ends."""
    machine.propose(7, GROWTH)
    machine.variables |= {"GITHUB_OUTPUT": str(machine.folder), "GITHUB_STEP_SUMMARY": str(machine.folder)}
    ran = machine.pull_request(7)

    assert 0 == ran.code
    assert "warning: the outputs cannot be written" in ran.log
    assert "warning: the summary cannot be written" in ran.log


def test_an_event_that_cannot_be_read_is_an_error(machine: Machine) -> None:
    """Nothing is guessed."""
    machine.propose(7, GROWTH)
    machine.variables["GITHUB_EVENT_PATH"] = str(machine.folder / "nowhere.json")

    assert ("error", "usage", "1") == machine.pull_request(7).told


def test_a_run_that_is_interrupted_sets_the_outputs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled job ends with 130, and says so."""

    def cancel(_: Setting) -> Ending:
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the signal ends the run")

    machine.propose(7, GROWTH)
    monkeypatch.setitem(course.DEEDS, Command.PLAN, cancel)
    ran = machine.pull_request(7)

    assert (130, ("error", "interrupted", "130")) == (ran.code, ran.told)


def test_a_defect_of_ours_sets_the_outputs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody foresaw it; its text, which may be private, is not shown."""

    def fail(_: Setting) -> Ending:
        raise ZeroDivisionError("ana@example.com")

    machine.propose(7, GROWTH)
    monkeypatch.setitem(course.DEEDS, Command.PLAN, fail)
    ran = machine.pull_request(7)

    assert (1, ("error", "internal", "1"), set(ran.outputs)) == (ran.code, ran.told, EVERY_OUTPUT)
    assert "unexpected ZeroDivisionError at test_elsewhere.py" in ran.log
    assert "ana@example.com" not in ran.log + ran.summary


@pytest.mark.parametrize(
    "words",
    [["--help"], ["-h"], ["--version"], ["--anything"], ["plan", "--help"], ["plan", "-h"], ["plan", "--version"]],
    ids=" ".join,
)
def test_a_step_that_asks_for_help_is_refused(machine: Machine, words: list[str]) -> None:
    """Its outputs are set: a green step without them would look like a plan."""
    machine.propose(7, GROWTH)
    command, *more = words
    ran = machine.pull_request(7, command, "--comment=auto", *more)

    assert (1, ("error", "usage", "1"), EVERY_OUTPUT) == (ran.code, ran.told, set(ran.outputs))
    assert 1 == len(ran.annotations("error"))


def test_a_person_who_asks_for_help_gets_it(machine: Machine) -> None:
    """Outside a build machine nothing reads outputs."""
    work = machine.history.checkout(machine.folder / "help" / "work", "refs/heads/main", machine.github.server_url)
    ran = machine.call(work, {}, "plan", "--help")

    assert (0, True) == (ran.code, "--comment" in ran.log)
