"""The example workflows, run by act against a sandbox and a GitHub of our own; scenes.py says what must hold."""

from __future__ import annotations

from pathlib import Path

from reconciler.sandbox import Sandbox
from tests.action import scenes
from tests.action.conftest import rig_on
from tests.action.github import GitHub
from tests.action.rig import Rig, Toolbox, act


def test_act_is_the_program_that_its_hash_names() -> None:
    """It comes with the extra `dev`; without it nothing is skipped, this fails."""
    assert act()


def test_a_pull_request_has_one_comment(rig: Rig) -> None:
    """Found among 130 others and a copy by somebody else, and kept up to date."""
    scenes.one_comment(rig)


def test_the_same_plan_writes_nothing(rig: Rig) -> None:
    """Nobody is notified of what they know."""
    scenes.the_same_plan_writes_nothing(rig)


def test_a_fork_is_checked_and_green(rig: Rig, sandbox: Sandbox) -> None:
    """Without a key and with a token that only reads."""
    scenes.a_fork(rig, sandbox)


def test_a_huge_plan_fits(rig: Rig) -> None:
    """4,000 changes in a comment of 65,536 characters and a summary of a mebibyte."""
    scenes.a_huge_plan(rig)


def test_what_was_reviewed_is_applied(
    toolbox: Toolbox, tmp_path: Path, github: GitHub, sandbox: Sandbox, url: str
) -> None:
    """And the comment says so. Here pip installs as on a runner."""
    scenes.apply_of_what_was_reviewed(rig_on(toolbox, tmp_path, github, sandbox, url), sandbox)


def test_a_stale_plan_is_refused(rig: Rig, sandbox: Sandbox) -> None:
    """With exit code 3, what differs, and nothing written."""
    scenes.a_stale_plan(rig, sandbox)


def test_less_than_was_reviewed_is_applied(rig: Rig, sandbox: Sandbox) -> None:
    """A part has come true by itself."""
    scenes.a_subset(rig, sandbox)


def test_what_nobody_reviewed_is_refused(rig: Rig, sandbox: Sandbox) -> None:
    """Until a person starts it by hand."""
    scenes.nothing_reviewed(rig, sandbox)


def test_the_digest_goes_from_job_to_job(rig: Rig, sandbox: Sandbox) -> None:
    """The workflow with an approval after the merge, as docs/ci.md has it."""
    scenes.the_digest_goes_from_job_to_job(rig, sandbox)


def test_the_merge_queue_asks_again(rig: Rig, sandbox: Sandbox) -> None:
    """Before the merge, and writes nothing."""
    scenes.the_merge_queue(rig, sandbox)


def test_drift_has_one_issue_with_a_life(rig: Rig, sandbox: Sandbox) -> None:
    """Made, left alone, changed, closed; an error is not the end of drift."""
    scenes.the_life_of_a_drift_issue(rig, sandbox)


def test_hostile_files_and_titles_change_nothing(rig: Rig, sandbox: Sandbox) -> None:
    """A yaml.py, a package of our name, and titles that look like commands."""
    scenes.hostile_files_and_titles(rig, sandbox)


def test_an_enterprise_server_is_asked_at_its_own_address(
    toolbox: Toolbox, tmp_path: Path, sandbox: Sandbox, url: str
) -> None:
    """Below /api/v3, and nowhere else."""
    with GitHub(enterprise=True) as github:
        scenes.an_enterprise_server(rig_on(toolbox.hurried, tmp_path, github, sandbox, url))
