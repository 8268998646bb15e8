"""The same with processes of their own: a sandbox in one, the command in another, as on somebody's machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.sandbox.remote import RemoteSandbox
from tests.conftest import Ran, Tree
from tests.faults.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
LONG = 30.0
"""Seconds after which a process that should have ended has not."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A sandbox in a process, and a stage on it; the command runs in processes, too."""

    stage: Stage
    key: str
    begun: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the command: nothing of this machine's that could change what it does."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("POSTHOG_", "PYTEST_", "CI"))}
        return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "POSTHOG_PERSONAL_API_KEY": self.key}

    def start(
        self, *arguments: str, stdin: int | None = None, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Begin a command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.stage.tree.folder,
            env=self.variables,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )
        self.begun.append(process)
        return process

    def apply(self, *options: str) -> subprocess.Popen[str]:
        """Begin `reconciler apply --yes`, with JSON as its answer."""
        return self.start("apply", "--yes", "--format", "json", *options)

    def close(self) -> None:
        """End what a test that failed left running."""
        for process in self.begun:
            if process.returncode is None:
                process.kill()
                process.communicate(timeout=LONG)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until the server has seen something."""
        end = time.monotonic() + LONG
        while not is_so():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.01)

    def at_rest(self) -> None:
        """Wait until the server has finished whatever a killed client had asked of it."""
        heard, since = -1, time.monotonic()
        while time.monotonic() - since < 0.1:
            if (now := len(self.stage.sandbox.requests())) != heard:
                heard, since = now, time.monotonic()
            time.sleep(0.01)


def ended(process: subprocess.Popen[str]) -> Ran:
    """How a command ended that was begun."""
    out, err = process.communicate(timeout=LONG)
    return Ran(process.returncode, out, err)


@contextmanager
def ground(folder: Path, *options: str) -> Iterator[Ground]:
    """A sandbox process, and a tree in *folder* for it."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--json", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        tree = Tree(folder)
        tree.config(facts["url"], facts["project_id"])
        sandbox = RemoteSandbox(facts["url"])
        there = Ground(Stage(sandbox, tree), facts["key"])
        try:
            yield there
        finally:
            there.close()
        sandbox.close()
    finally:
        process.terminate()
        process.communicate(timeout=LONG)
