"""The same with processes of their own: a sandbox in one, the command in another, as on somebody's machine."""

from __future__ import annotations

import json
import os
import shlex
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

TCP, CLOSE_WAIT = Path("/proc/net/tcp"), "08"
"""Where Linux lists connections, and how it names one that only the other side has closed."""


WRONG_CLOCK = """
import datetime, sys, time
really, seconds, shift = datetime.datetime, time.time, datetime.timedelta(days=float(sys.argv.pop(1)))
class Meta(type):
    def __instancecheck__(cls, it): return isinstance(it, really)
class Wrong(really, metaclass=Meta):
    @classmethod
    def now(cls, zone=None): return really.now(zone) + shift
datetime.datetime, time.time = Wrong, lambda: seconds() + shift.total_seconds()
from reconciler.entry import program
program()
"""
"""The program on a machine whose clock is so many days off."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A sandbox in a process, and a stage on it; the command runs in processes, too."""

    stage: Stage
    key: str
    port: int
    begun: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the command: nothing of this machine's that could change what it does."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("POSTHOG_", "PYTEST_", "CI"))}
        return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "POSTHOG_PERSONAL_API_KEY": self.key}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return self._begun([sys.executable, "-m", "reconciler", *arguments])

    def on_terminal(self, terminal: int, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command that has *terminal*, a descriptor, for everything."""
        return self._begun([sys.executable, "-m", "reconciler", *arguments], (terminal, terminal, terminal))

    def _begun(
        self, program: list[str], streams: tuple[int | None, int, int] = (None, subprocess.PIPE, subprocess.PIPE)
    ) -> subprocess.Popen[str]:
        stdin, stdout, stderr = streams
        process = subprocess.Popen(
            program,
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

    def apply_at(self, days: float) -> subprocess.Popen[str]:
        """Begin `apply` on a machine whose clock is *days* ahead."""
        program = [sys.executable, "-c", WRONG_CLOCK, str(days), "apply", "--yes", "--format", "json"]
        return self._begun(program)

    def shell(self, line: str, *, first: str = "") -> subprocess.Popen[str]:
        """Begin a command as a shell does, with redirections; in its process *first*, which is Python."""
        python = f"{first}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])" if first else ""
        program = [sys.executable, *(["-c", python] if first else []), "-m", "reconciler"]
        return self._begun(["bash", "-c", f"{'' if '|' in line else 'exec '}{shlex.join(program)} {line}"])

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
        """Wait until the server has finished whatever a client had asked of it, killed or not."""
        self.until(lambda: not self._has_orphans())
        heard, since = -1, time.monotonic()
        while time.monotonic() - since < 0.1:
            if (now := len(self.stage.sandbox.requests())) != heard:
                heard, since = now, time.monotonic()
            time.sleep(0.01)

    def until_buried(self) -> None:
        """Wait until the server has finished whatever the clients that are dead by now had asked of it."""
        if not TCP.exists():
            self.at_rest()
        self.until(lambda: not self._has_orphans())

    def _has_orphans(self) -> bool:
        """Whether the server holds connections that the other side has closed: it is still at a request of theirs."""
        if not TCP.exists():
            return False
        lines = TCP.read_text(encoding="ascii").splitlines()[1:]
        mine = (line.split()[1:4] for line in lines)
        return any(state == CLOSE_WAIT and int(here.split(":")[1], 16) == self.port for here, _, state in mine)


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
        there = Ground(Stage(sandbox, tree), facts["key"], int(facts["url"].rpartition(":")[2]))
        try:
            yield there
        finally:
            there.close()
        sandbox.close()
    finally:
        process.terminate()
        process.communicate(timeout=LONG)
