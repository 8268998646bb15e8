"""A sandbox in another process, with the methods of the one in this process. Knows HTTP; no Django, no rule."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import httpx

from reconciler.sandbox.faults import Fault
from reconciler.sandbox.records import Message, Request


class RemoteFaults:
    """What goes wrong over there."""

    def __init__(self, client: httpx.Client) -> None:
        """Speak through *client*."""
        self._client = client

    def add(self, *faults: Fault) -> None:
        """Switch *faults* on."""
        _send(self._client, "POST", "faults", {"faults": [fault.to_json() for fault in faults]})

    def clear(self) -> None:
        """Switch everything off."""
        _send(self._client, "DELETE", "faults")

    def all(self) -> list[Fault]:
        """The faults that are on."""
        return [Fault.from_json(document) for document in _send(self._client, "GET", "faults")]


class RemoteSandbox:
    """A sandbox that runs elsewhere on this machine."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        """Drive the sandbox at *url*, which is what it printed when it started."""
        self._client = httpx.Client(base_url=f"{url.rstrip('/')}/_sandbox/", timeout=timeout, trust_env=False)
        self.faults = RemoteFaults(self._client)

    def state(self) -> dict[str, Any]:
        """Profile, flags, clock and project ids."""
        state: dict[str, Any] = self._get("state")
        return state

    @property
    def project_id(self) -> int:
        """The project everything happens in."""
        return int(self.state()["project_id"])

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return datetime.fromisoformat(self.state()["now"])

    def rows(self, deleted: bool | None = None, project: int | None = None) -> list[dict[str, Any]]:
        """The rows of a project as stored, in id order."""
        rows: list[dict[str, Any]] = self._get("rows", deleted=deleted, project=project)
        return rows

    def row(self, row_id: int) -> dict[str, Any]:
        """One row as stored."""
        row: dict[str, Any] = self._get("row", row_id=row_id)
        return row

    def outbox(self) -> list[Message]:
        """Every message that would have been sent, oldest first."""
        return [_message(document) for document in self._get("outbox")]

    def clear_outbox(self) -> None:
        """Forget the messages."""
        _send(self._client, "DELETE", "outbox")

    def requests(self) -> list[Request]:
        """Every request to the API, oldest first."""
        return [_request(document) for document in self._get("requests")]

    def clear_requests(self) -> None:
        """Forget the requests."""
        _send(self._client, "DELETE", "requests")

    def recordings(self, deleted: bool = False) -> list[str]:
        """The recordings that are there, or those that were deleted."""
        recordings: list[str] = self._get("recordings", deleted=deleted)
        return recordings

    def add(self, notify: bool = False, **fields: Any) -> dict[str, Any]:
        """Somebody made a row by hand."""
        row: dict[str, Any] = self._post("add", notify=notify, **fields)
        return row

    def edit(self, row_id: int, **fields: Any) -> dict[str, Any]:
        """Somebody edits a row in the UI."""
        row: dict[str, Any] = self._post("edit", row_id=row_id, **fields)
        return row

    def unsubscribe(self, row_id: int, address: str) -> bool:
        """Somebody follows the link in a mail."""
        return bool(self._post("unsubscribe", row_id=row_id, address=address))

    def follow(self, token: str) -> bool:
        """The link itself."""
        return bool(self._post("follow", token=token))

    def disable(self, row_id: int) -> None:
        """The server switches a row off."""
        self._post("disable", row_id=row_id)

    def forget(self, row_id: int) -> None:
        """The row vanishes altogether."""
        self._post("forget", row_id=row_id)

    def remove_dashboard(self, dashboard: int, hard: bool = False) -> None:
        """A dashboard is deleted."""
        self._post("remove_dashboard", dashboard=dashboard, hard=hard)

    def remove_insight(self, insight: int, hard: bool = False) -> None:
        """An insight is deleted."""
        self._post("remove_insight", insight=insight, hard=hard)

    def restore_dashboard(self, dashboard: int) -> None:
        """A softly deleted dashboard comes back."""
        self._post("restore_dashboard", dashboard=dashboard)

    def restore_insight(self, insight: int) -> None:
        """A softly deleted insight comes back."""
        self._post("restore_insight", insight=insight)

    def restrict_dashboard(self, dashboard: int, restricted: bool = True) -> None:
        """The owner of the keys may not view a dashboard."""
        self._post("restrict_dashboard", dashboard=dashboard, restricted=restricted)

    def restrict_insight(self, insight: int, restricted: bool = True) -> None:
        """The owner of the keys may not view an insight."""
        self._post("restrict_insight", insight=insight, restricted=restricted)

    def remove_integration(self, integration: int) -> None:
        """A Slack workspace is disconnected."""
        self._post("remove_integration", integration=integration)

    def remove_user(self, user: int) -> None:
        """Somebody leaves."""
        self._post("remove_user", user=user)

    def add_recording(
        self, session_id: str, shared_at: datetime | None = None, access_token: str | None = None
    ) -> None:
        """A recording is made, and shared where *shared_at* is given."""
        self._post("add_recording", session_id=session_id, shared_at=shared_at, access_token=access_token)

    def set_now(self, moment: datetime | None) -> None:
        """Stop the sandbox's clock at *moment*; None lets it run again."""
        self._post("set_now", moment=moment)

    def tick(self, now: datetime) -> list[Message]:
        """One run of the scheduler."""
        return [_message(document) for document in self._post("tick", now=now)]

    def new_key(self, scopes: Sequence[str] = ("*",), projects: Sequence[int] | None = None) -> str:
        """A key with *scopes*, for *projects* only where they are given."""
        return str(self._post("new_key", scopes=list(scopes), projects=projects))

    def reset(self, profile: str | None = None, flags: Iterable[str] | None = None, seed: int | None = None) -> None:
        """Back to the start."""
        self._post("reset", profile=profile, flags=None if flags is None else list(flags), seed=seed)

    def close(self) -> None:
        """Hang up; the sandbox goes on."""
        self._client.close()

    def _get(self, name: str, **query: Any) -> Any:
        given = {key: str(value).lower() for key, value in query.items() if value is not None}
        return _send(self._client, "GET", name, query=given)

    def _post(self, name: str, **arguments: Any) -> Any:
        return _send(self._client, "POST", name, arguments)


def _send(
    client: httpx.Client, method: str, name: str, arguments: Any = None, query: dict[str, str] | None = None
) -> Any:
    content = None if arguments is None else json.dumps(arguments, default=datetime.isoformat)
    response = client.request(method, name, content=content, params=query, headers={"Content-Type": "application/json"})
    if response.is_error:
        raise ValueError(response.json()["error"])
    return response.json()


def _message(document: dict[str, Any]) -> Message:
    return Message(**{**document, "at": datetime.fromisoformat(document["at"])})


def _request(document: dict[str, Any]) -> Request:
    headers = tuple((name, value) for name, value in document["headers"])
    return Request(**{**document, "at": datetime.fromisoformat(document["at"]), "headers": headers})
