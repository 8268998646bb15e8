"""The whole story in a few seconds and without an account: plan, apply, a hand edit, drift, apply, an empty plan.

Runs the very pipeline of the commands over real HTTP against a sandbox in this process, on the examples that ship with
the program, in a folder that is gone afterwards. Knows the story; knows nothing of how a plan is made.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ReconcilerError
from .loading import Choice
from .model import ApplyResult
from .pipeline import Prepared, Session, World
from .report import Viewer, text

EDITED = "weekly-growth"
"""The example whose row somebody edits by hand."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story is told: how lines are written, who reads them."""

    echo: Callable[[str], None]
    viewer: Viewer

    def say(self, line: str) -> None:
        """A line of the narrator."""
        self.echo(f"\x1b[1;36m{line}\x1b[0m" if self.viewer.colour else line)

    def show(self, report: str) -> None:
        """A report, indented under the command it answers."""
        self.echo("\n".join(f"  {line}".rstrip() for line in report.splitlines()) + "\n")


def examples() -> Path:
    """The folder of the examples: beside the package in a checkout, inside it when installed."""
    inside = Path(__file__).parent / "examples"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "examples"


def run(stage: Stage, profile: str = "seed") -> None:
    """Tell the story on *stage* against a sandbox of *profile*. Raises ReconcilerError where something went wrong."""
    from .sandbox import Sandbox

    sandbox = Sandbox(profile)
    try:
        with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder, sandbox.serve() as server:
            copy = Path(folder) / "examples"
            shutil.copytree(examples() / ("latest" if profile == "latest" else ""), copy)
            _Story(stage, sandbox, server.url, copy).tell()
    finally:
        sandbox.close()


class _Story:
    """One telling: the sandbox, where it listens, and the folder with the manifests."""

    def __init__(self, stage: Stage, sandbox: Any, url: str, folder: Path) -> None:
        self._stage, self._sandbox = stage, sandbox
        project = str(sandbox.project_id)
        self._choice = Choice(environments=("production",), host=url, project_id=project)
        self._world = World(folder, {"POSTHOG_PERSONAL_API_KEY": sandbox.key})

    def tell(self) -> None:
        stage = self._stage
        stage.say("A PostHog of your own is running here, empty. In a folder lie manifests, as in your git.\n")
        stage.say("$ reconciler plan          # read-only: what would change, and who would be mailed")
        prepared = self._plan()
        stage.show(text.plan(prepared.plan, stage.viewer))
        stage.say("$ reconciler apply --yes")
        self._apply(prepared)
        self._edit_by_hand()
        stage.say("$ reconciler drift         # what somebody changed behind git's back; exit code 2")
        stage.show(text.drift(self._plan(is_drift=True).plan, stage.viewer))
        stage.say("$ reconciler apply --yes")
        self._apply(self._plan())
        stage.say("$ reconciler plan")
        last = self._plan().plan
        stage.show(text.plan(last, stage.viewer))
        if last.changes or last.blockers:
            raise ReconcilerError("the demo did not end with an empty plan")
        self._epilogue()

    def _plan(self, *, is_drift: bool = False) -> Prepared:
        (prepared,) = self._session(is_drift=is_drift).plans()
        return prepared

    def _apply(self, prepared: Prepared) -> None:
        result: ApplyResult = self._session().carry_out(prepared, lambda outcome: None)
        self._stage.show(text.result(result, self._stage.viewer))
        if not result.verified:
            raise ReconcilerError("the demo could not verify what it applied")

    def _session(self, *, is_drift: bool = False) -> Session:
        return Session(self._choice, self._world, is_drift=is_drift)

    def _edit_by_hand(self) -> None:
        rows = self._sandbox.rows(deleted=False)
        row = next(row for row in rows if str(row["title"]).endswith(f":{EDITED}]"))
        title = str(row["title"]).replace("Weekly", "Old weekly", 1)
        self._stage.say(f"Now somebody edits row {row['id']} by hand in PostHog: another title, and every day.\n")
        self._sandbox.edit(row["id"], title=title, frequency="daily")

    def _epilogue(self) -> None:
        mails = sum(message.channel == "email" for message in self._sandbox.outbox())
        self._stage.say(
            f"Git and server agree. In all {mails} mails would have been sent, every one of them named by a plan.\n"
            "Next: copy examples/ and edit, or try by hand against   reconciler sandbox"
        )
