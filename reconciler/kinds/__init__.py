"""The kinds there are. A new kind is one module here, one line in `registry`, a schema and an example.

Knows each kind's API: its fields, paths and quirks. Knows no HTTP library, no files, no terminal, and not why a change
was planned.
"""

from __future__ import annotations

from datetime import datetime

from ..resource import Audits, Kinds
from .recording_sharing import RecordingSharing
from .subscription import Subscription

AHEAD = 3
"""How many deliveries a plan tells before and after a change."""


def registry(now: datetime, *, ahead: int = AHEAD) -> Kinds:
    """Every kind by its name, as seen at *now*: schedules are judged by the clock they are given.

    *ahead* is how many deliveries are told before and after a change.
    """
    return {kind.kind: kind for kind in (Subscription(now, ahead),)}


def audits() -> Audits:
    """Every kind that is only compared, by its name."""
    return {kind.kind: kind for kind in (RecordingSharing(),)}
