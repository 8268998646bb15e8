"""The kind RecordingSharing: whether a session recording is shared, compared and never changed (design §2). Pure.

The API only reads it (contract §9.2), so a difference is a finding and nothing is ever sent. Knows nothing of files, of
HTTP, of other kinds, nor of who reads a finding.
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import operations, rules
from ..model import Finding, Json, Manifest, Request
from ..recordings import Sharing


@dataclass(frozen=True, slots=True)
class RecordingSharing:
    """Public links to session recordings."""

    kind: str = "RecordingSharing"

    def reading(self, manifest: Manifest) -> Request:
        """The call that reads the state of the manifest's recording."""
        return operations.recording_sharing(manifest.spec["recording_id"])

    def compare(self, manifest: Manifest, answer: Json) -> tuple[Finding, ...]:
        """What differs. `enabled` alone is compared: the token of what is not shared is another in every answer."""
        state = Sharing.of(manifest.spec["recording_id"], answer)
        if state.enabled is manifest.spec["enabled"]:
            return ()
        return (_shared(manifest, state) if state.enabled else _unshared(manifest, state),)


def _shared(manifest: Manifest, state: Sharing) -> Finding:
    since = f" since {state.since}" if state.since is not None else ""
    return rules.SHARING_ON.finding(
        f"recording {state.id} is shared by a public link{since}, and the manifest says it is not; "
        "switch sharing off in PostHog, or write enabled: true",
        name=manifest.name,
        source=manifest.source,
    )


def _unshared(manifest: Manifest, state: Sharing) -> Finding:
    return rules.SHARING_OFF.finding(
        f"recording {state.id} is not shared, and the manifest says it is; "
        "share it in PostHog, or write enabled: false",
        name=manifest.name,
        source=manifest.source,
    )
