"""The journal of an apply: what was about to be done, and what became of each change, line by line as it happens.

JSON lines, each on the disk before the next change is begun by the same writer, so that a run that was killed can be
read afterwards. First a line for the run, with what it meant to do, then one for every outcome:

    {"format": "posthog-reconciler/journal/v1", "time": "2026-03-02T09:00:00+00:00", "plans": [{"environment":
     "production", "host": "https://us.posthog.com", "project_id": "12345", "digest": "sha256:…", "changes": 2}]}
    {"time": "…", "environment": "production", "digest": "sha256:…", "action": "create", "kind": "Subscription",
     "name": "weekly-growth", "id": 4218, "status": "applied", "reason": null, "error": null, "attempts": 1}

A run adds to what is there. Addresses are masked. Writes disk; knows no server, no format of reports, and nothing of
how outcomes come about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from .jsonlines import JsonLines
from .model import Outcome, Plan
from .privacy import show

FORMAT = "posthog-reconciler/journal/v1"


class Logbook:
    """The journal in one file, open for adding until it is closed."""

    def __init__(self, path: Path) -> None:
        """Open *path*, or make it for its owner alone. UsageError where it cannot be written."""
        self._lines = JsonLines(path)
        self.failure: str | None = None
        """Why an outcome could not be written, if that happened; the change itself is not held up by it."""

    def begin(self, plans: Sequence[Plan]) -> None:
        """Write what is about to be done. UsageError where that fails: nothing was sent yet."""
        header = {
            "format": FORMAT,
            "time": _now(),
            "plans": [
                {
                    "environment": plan.environment.name,
                    "host": plan.environment.host,
                    "project_id": plan.environment.project_id,
                    "digest": plan.digest,
                    "changes": len(plan.changes),
                }
                for plan in plans
            ],
        }
        try:
            self._lines.add(header)
        except OSError as error:
            raise self._lines.unwritable(error) from error

    def add(self, plan: Plan, outcome: Outcome) -> None:
        """Write what became of one change of *plan*. Never raises for the disk: `failure` says so afterwards."""
        line = {
            "time": _now(),
            "environment": plan.environment.name,
            "digest": plan.digest,
            "action": outcome.change.action.value,
            "kind": outcome.change.kind,
            "name": outcome.change.name,
            "id": outcome.id,
            "status": outcome.status.value,
            "reason": show(outcome.reason, addresses=False) or None,
            "error": asdict(outcome.answer) if outcome.answer is not None else None,
            "attempts": outcome.attempts,
        }
        try:
            self._lines.add(line)
        except OSError as error:
            self.failure = error.strerror or type(error).__name__

    def close(self) -> None:
        """Let go of the file."""
        self._lines.close()

    def __enter__(self) -> Self:
        """The journal itself, to be closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self.close()


def _now() -> str:
    return datetime.now(UTC).isoformat()
