"""What the tests of `reconciler ci` share: a build machine with a GitHub, a repository and a PostHog behind it.

The commands run in this process, in a checkout one commit deep as `actions/checkout` leaves it; everything else is
real: git, HTTP to a GitHub of our own, HTTP to the sandbox.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main
from reconciler.forge import wire
from reconciler.sandbox import Sandbox
from tests.action.conftest import config, manifest
from tests.action.github import REPOSITORY, GitHub
from tests.action.history import History

OURS = re.compile(r"GITHUB_|RUNNER_|CI_|GITLAB_|POSTHOG_|RECONCILER_|CI$|NO_COLOR$")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command ended with, what it printed, and what it left for later steps."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    folder: Path

    def annotations(self, level: str) -> list[str]:
        """The annotations of one kind, as they stand in the log."""
        return [line for line in self.log.splitlines() if line.startswith(f"::{level}")]

    @property
    def told(self) -> tuple[str, str, str]:
        """Result, reason and exit code."""
        return self.outputs["result"], self.outputs["failure-reason"], self.outputs["exit-code"]


@dataclass(slots=True)
class Machine:
    """A build machine of GitHub, and what it builds."""

    folder: Path
    github: GitHub
    history: History
    sandbox: Sandbox
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    variables: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    # --- the repository ---------------------------------------------------------------------------------------------

    def propose(self, number: int, files: Mapping[str, str | None]) -> None:
        """Open a pull request, here and on GitHub."""
        head, merged = self.history.propose(number, files)
        self.github.add_pull(number, head=head)
        self.github.pulls[number]["merge_commit_sha"] = merged

    def push_to(self, number: int, files: Mapping[str, str | None]) -> None:
        """Add a commit to the pull request *number*."""
        self.history.git("checkout", "--quiet", f"topic-{number}")
        head = self.history.commit(files)
        self.history.git("update-ref", f"refs/pull/{number}/head", head)
        self.history.git("checkout", "--quiet", "main")
        self.github.pulls[number]["head"]["sha"] = head
        self.history.try_merge(number)

    def merge(self, number: int) -> tuple[str, str]:
        """Merge a pull request, here and on GitHub; main's commit before and after it."""
        before = self.history.git("rev-parse", "main")
        after = self.history.merge(number)
        self.github.pulls[number] |= {"state": "closed", "merged_at": "2026-11-23T09:00:00Z", "merge_commit_sha": after}
        self.github.commits.setdefault(after, []).append(number)
        return before, after

    def applied(self, *files: Mapping[str, str | None]) -> None:
        """Put *files* on main, and the server where they say."""
        for each in files:
            self.history.commit(each)
            assert self.by_hand("apply", "--reviewed-plan=none").code == 0
        self.github.clear_calls()

    # --- events -----------------------------------------------------------------------------------------------------

    def pull_request(self, number: int, command: str = "plan", *words: str) -> Ran:
        """A run of a pull request, on the merge that GitHub tries out."""
        pull = self.github.pulls[number]
        payload = {"number": number, "pull_request": {"head": pull["head"], "base": pull["base"]}}
        return self.run("pull_request", payload, f"refs/pull/{number}/merge", command, *words)

    def push(self, before: str, after: str, command: str = "apply", *words: str) -> Ran:
        """A run of a push to main."""
        return self.run("push", {"before": before, "after": after}, after, command, *words, ref="refs/heads/main")

    def merge_group(self, number: int, base: str, head: str, *words: str) -> Ran:
        """A run of the merge queue."""
        payload = {"merge_group": {"base_sha": base, "base_ref": "refs/heads/main", "head_sha": head}}
        ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{base}"
        return self.run("merge_group", payload, head, "plan", *words, ref=ref)

    def scheduled(self, command: str = "drift", *words: str) -> Ran:
        """A run by the clock."""
        return self.run("schedule", {"schedule": "17 5 * * *"}, "refs/heads/main", command, *words)

    def by_hand(self, command: str, *words: str) -> Ran:
        """A run that a person started."""
        return self.run("workflow_dispatch", {"inputs": {}}, "refs/heads/main", command, *words)

    def run(
        self,
        event: str,
        payload: Mapping[str, Any],
        checked_out: str,
        command: str,
        *words: str,
        ref: str | None = None,
    ) -> Ran:
        """Run *command* in a fresh checkout of *checked_out*."""
        self.runs += 1
        place = self.folder / f"run-{self.runs}"
        work = self.history.checkout(place / "work", checked_out, self.github.server_url)
        (place / "event.json").write_text(json.dumps(payload), encoding="utf-8")
        variables = {
            **self.github.variables,
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "GITHUB_TOKEN": self.github.token,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(place / "event.json"),
            "GITHUB_REF": ref or checked_out,
            "GITHUB_SHA": self.history.git("rev-parse", checked_out),
            "GITHUB_RUN_ID": str(9000 + self.runs),
            "GITHUB_WORKSPACE": str(work),
            "GITHUB_OUTPUT": str(place / "output"),
            "GITHUB_STEP_SUMMARY": str(place / "summary"),
            "RUNNER_TEMP": str(place / "temp"),
            "POSTHOG_PERSONAL_API_KEY": self.sandbox.key,
            "HOME": str(self.history.home),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        return self.call(work, {**variables, **self.variables}, command, *words)

    def call(self, work: Path, variables: Mapping[str, str], command: str, *words: str) -> Ran:
        """Run *command* in the folder *work* with *variables* and none of this machine's own."""
        for name in [name for name in os.environ if OURS.match(name)]:
            self.patch.delenv(name)
        for name, value in variables.items():
            self.patch.setenv(name, value)
        self.patch.chdir(work)
        self.capture.readouterr()
        code = main(["ci", command, *words])
        written = self.capture.readouterr()
        output, summary = work.parent / "output", work.parent / "summary"
        return Ran(
            code,
            written.out + written.err,
            outputs(output.read_text(encoding="utf-8")) if output.exists() else {},
            summary.read_text(encoding="utf-8") if summary.exists() else "",
            work,
        )


def outputs(text: str) -> dict[str, str]:
    """The outputs that a runner would read in *text*, as strict as it reads them."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, end = line.split("<<")
        value = []
        for part in lines:
            if part == end:
                break
            value.append(part)
        else:
            raise AssertionError(f"{name}: no end")
        found[name] = "\n".join(value)
    return found


@pytest.fixture
def github() -> Iterator[GitHub]:
    """An empty repository on a GitHub of our own."""
    with GitHub() as server:
        yield server


@pytest.fixture
def machine(
    tmp_path: Path,
    github: GitHub,
    sandbox: Sandbox,
    url: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Machine:
    """A build machine whose repository has a config for the sandbox, and no manifest yet."""
    monkeypatch.setattr(wire, "PAUSE", 0.0)
    history = History.begin(tmp_path, github.server_url)
    history.commit({"reconciler.yaml": config(url, sandbox.project_id)}, message="Begin")
    return Machine(tmp_path, github, history, sandbox, capfd, monkeypatch)


__all__ = ["REPOSITORY", "Machine", "Ran", "manifest"]
