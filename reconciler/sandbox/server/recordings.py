"""Session recordings: deleting one, and how one is shared (contract §9.1, §9.2). Knows nothing of subscriptions."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from reconciler.sandbox.server.auth import ProjectView
from reconciler.sandbox.server.errors import RecordingFailure
from reconciler.sandbox.server.models import Recording

# Backed by the events database, and so limited more tightly (contract §2.5).
RATES = (240, 1200)

_TOKEN_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"


class Recordings(ProjectView):
    """The recordings of a project."""

    rates = RATES
    scopes: ClassVar[Mapping[str, str]] = {"destroy": "session_recording:write", "metadata": "session_recording:read"}

    def destroy(self, request: Request, session_id: str, **kwargs: Any) -> Response:
        """204 for any id that was not deleted before, even one that never existed; then 404."""
        if self.world.rules.has("recording-failure"):
            raise RecordingFailure
        # Not get_or_create: its transaction would enclose what other threads do on the connection they all share.
        identity = {"project_id": self.project.id, "session_id": session_id}
        recording = Recording.objects.filter(**identity).first() or Recording(**identity)
        if recording.deleted:
            raise NotFound("Recording not found")
        recording.deleted = True
        recording.save()
        return Response(status=204)


class Sharing(ProjectView):
    """Whether a recording is shared: one object under the name of a list."""

    rates = RATES
    scopes: ClassVar[Mapping[str, str]] = {
        "list": "sharing_configuration:read",
        "metadata": "sharing_configuration:read",
    }

    def list(self, request: Request, session_id: str, **kwargs: Any) -> Response:
        """The state, for any id; where nothing is shared the token is made up afresh and opens nothing."""
        recording = Recording.objects.filter(project_id=self.project.id, session_id=session_id).first()
        state: dict[str, Any] = {
            "created_at": recording.shared_at if recording else None,
            "enabled": recording.is_shared if recording else False,
            "access_token": (recording.access_token if recording else None) or self._token(),
        }
        if self.world.rules.has("wide-sharing"):
            state |= {"settings": None, "password_required": False, "share_passwords": []}
            state |= {"user_access_level": "manager"}
        return Response(state)

    def _token(self) -> str:
        return "".join(self.world.random.choice(_TOKEN_ALPHABET) for _ in range(30))
