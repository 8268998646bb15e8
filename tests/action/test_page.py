"""The commands that docs/ci.md shows are run as they stand there, on a machine that is no CI anybody knows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Run, Tree

PAGE = (Path(__file__).resolve().parents[2] / "docs/ci.md").read_text(encoding="utf-8")


def shown() -> Iterator[str]:
    """The lines of the page's shell that call the program."""
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        yield from (line for line in block.splitlines() if line.startswith("reconciler "))


@pytest.fixture
def checkout(gitops: Tree, run: Run, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A clone with one manifest more than at its base, which is applied, on a machine without any CI's variables."""
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "GITLAB_", "RUNNER_", "CI"))]:
        monkeypatch.delenv(name)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    commit = ["git", *identity, "commit", "--quiet", "--message", "step"]
    quiet = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "init", "--quiet"], check=True, env=quiet)
    for step in range(2):
        gitops.manifest(f"report-{step}", insight=4 + step)
        subprocess.run(["git", "add", "--all"], check=True, env=quiet)
        subprocess.run(commit, check=True, env=quiet)
        if step == 0:
            assert 0 == run("apply", "--yes").code
    subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD~1"], check=True, env=quiet)
    return gitops


def test_something_is_shown() -> None:
    """The search finds what it is meant to find."""
    assert {"reconciler ci validate", "reconciler ci drift"} < set(shown())


@pytest.mark.parametrize("line", list(shown()))
def test_a_command_that_the_page_shows_runs(checkout: Tree, run: Run, line: str) -> None:
    """It does its work, or ends with 2 where it found drift; a digest that was made up is that of a plan before it."""
    run("ci", "plan", "--base", "HEAD~1")
    outputs = (checkout.folder / "reconciler-ci/outputs.env").read_text(encoding="utf-8")
    (digest,) = re.findall(r"^RECONCILER_DIGEST=(.*)$", outputs, re.MULTILINE)
    words = shlex.split(line)[1:]

    ran = run(*(digest if word.startswith("sha256:") else word for word in words))

    assert ran.code in (0, 2), ran.err


def test_what_the_page_says_is_left_behind_is(checkout: Tree, run: Run) -> None:
    """The files that the recipes for GitLab and Jenkins take from there."""
    assert 0 == run("ci", "plan", "--base", "HEAD~1").code

    named = set(re.findall(r"reconciler-ci/([\w.-]+)", PAGE)) | {"plan.json"}
    assert {"plan.md", "outputs.env", "terraform.json", "plan.json"} == named
    assert named <= {path.name for path in (checkout.folder / "reconciler-ci").iterdir()}
