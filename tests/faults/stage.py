"""Where the faults are played: a server with bystanders, a tree of manifests, the real command over real sockets."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.api import Budget, Run
from reconciler.cli import main
from reconciler.sandbox import Sandbox
from tests.conftest import START, Ran, Tree

SPEED = 200.0
"""Seconds of the program's time that pass in one of ours, so that waits for a busy server cost little."""

PATIENCE = 1.0
"""Our seconds after which the program gives up on an answer that does not come."""

WEEKLY: Mapping[str, Any] = {
    "target_type": "email",
    "target_value": "ana@example.com",
    "frequency": "weekly",
    "start_date": START,
}
"""What a row holds that agrees with `Tree.manifest`, but for title and insight."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Makes Runs of the program for which time passes *speed* times as fast, but for its *patience* with an answer."""

    speed: float = SPEED
    patience: float = PATIENCE

    def __call__(self, timeout: float, *, stop: threading.Event | None = None, budget: Budget | None = None) -> Run:
        """A Run that may take *timeout* of its own seconds."""
        stopped = stop or threading.Event()

        def clock() -> float:
            return time.monotonic() * self.speed

        def sleep(seconds: float) -> None:
            stopped.wait(seconds / self.speed)

        budget = budget or Budget(clock=clock)
        return Run(timeout, clock=clock, sleep=sleep, stop=stopped, budget=budget, patience=self.patience)


@dataclass(slots=True)
class Stage:
    """A server, what stands on it that is nobody's business, and the folder the command runs in."""

    sandbox: Any
    tree: Tree
    bystanders: list[dict[str, Any]] = field(default_factory=list)
    pace: Pace = Pace()

    def set(self, *flags: str, profile: str = "seed", bystanders: int = 2) -> None:
        """Begin anew: one row as its manifest says, and *bystanders* that are not ours."""
        self.sandbox.reset(profile=profile, flags=flags)
        for file in (self.tree.folder / "subscriptions").glob("*.yaml"):
            file.unlink()
        self.tree.manifest("steady", insight=1)
        self.row("steady", insight=1)
        self.bystanders = [
            self.sandbox.add(title="Somebody's", insight=2, target_type="email", target_value="dee@example.com")
            if number % 2
            else self.sandbox.add(title="Theirs [sales:weekly]", insight=4, **WEEKLY)
            for number in range(bystanders)
        ]

    def row(self, name: str, **fields: Any) -> int:
        """A row that an earlier run made for the manifest *name*; nobody is mailed for it now."""
        row = self.sandbox.add(**{"title": f"{name.title()} [growth:{name}]", "insight": 4, **WEEKLY, **fields})
        return int(row["id"])

    def apply(self, *options: str) -> Ran:
        """Run `reconciler apply --yes` in this process, quickly, as JSON."""
        return self.run("apply", "--yes", "--format", "json", "--timeout", "6000", *options)

    def run(self, *arguments: str) -> Ran:
        """Run a command line in this process, quickly."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(arguments, pace=self.pace)
        return Ran(code, out.getvalue(), err.getvalue())

    def live(self) -> dict[str, str]:
        """Whom each of our live rows mails, by its name; fails where one name has two rows."""
        rows = [row for row in self.sandbox.rows(deleted=False) if "[growth:" in (row["title"] or "")]
        found = {row["title"].partition("[growth:")[2].rstrip("]"): row["target_value"] for row in rows}
        assert len(found) == len(rows), "two live rows of one manifest"
        return found

    def mailed(self) -> Counter[str]:
        """How often each person was mailed."""
        return Counter(message.recipient for message in self.sandbox.outbox())

    def untouched(self) -> bool:
        """Whether every bystander is as it was."""
        now = {row["id"]: row for row in self.sandbox.rows()}
        return all(now.get(row["id"]) == row for row in self.bystanders)

    def sent(self, method: str) -> int:
        """How many requests of *method* the server heard."""
        return sum(request.method == method for request in self.sandbox.requests())


def statuses(ran: Ran) -> dict[str, str]:
    """How each planned change ended, by name; of several documents the later ones too."""
    documents = ran.json if isinstance(ran.json, list) else [ran.json]
    return {each["name"]: each["status"] for document in documents for each in document.get("outcomes", ())}


def reasons(ran: Ran) -> str:
    """Everything a run said about why."""
    document = ran.json
    said = [each["reason"] or "" for each in document.get("outcomes", ())]
    return "\n".join(said + [each["message"] for each in document.get("errors", ())])


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """A Stage in *folder*, which becomes the current one, with a server in threads of this process."""
    sandbox, before = Sandbox(), Path.cwd()
    with sandbox.serve() as server:
        tree = Tree(folder)
        tree.config(server.url, sandbox.project_id)
        os.environ["POSTHOG_PERSONAL_API_KEY"] = sandbox.key
        os.chdir(folder)
        try:
            yield Stage(sandbox, tree)
        finally:
            os.chdir(before)
            del os.environ["POSTHOG_PERSONAL_API_KEY"]
    sandbox.close()


def envelope(type: str, code: str, attr: str | None = None, detail: str = "Said by the server.") -> dict[str, Any]:
    """An error as PostHog writes it (contract §2.4)."""
    return {"type": type, "code": code, "detail": detail, "attr": attr}


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
