"""The nine operations of the seed page as data, and the Requests made of them. Pure.

What is not in SEED_PAGE is never sent, and what stands there with `sent=False` is not either. Knows paths, methods and
scopes; knows neither hosts and keys nor what a subscription means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from .model import Fields, Request


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the page. `path` is relative to the project, as on the page: a `:name` stands for one segment.

    `scope` is what the key must be allowed (None: the page names none). `sent` is False for what is known and never
    sent; `why` says the reason. `many` is True where the answer may be a bare JSON array (contract §9.3).
    """

    name: str
    method: str
    path: str
    scope: str | None
    sent: bool = True
    why: str = ""
    many: bool = False

    def fits(self, method: str, path: str) -> bool:
        """Whether a request for *path* (with or without the last slash) is this operation."""
        mine, theirs = self.path.split("/"), path.rstrip("/").split("/")
        return (
            method == self.method
            and len(mine) == len(theirs)
            and all(_is_segment(b) if a.startswith(":") else a == b for a, b in zip(mine, theirs, strict=True))
        )


SEED_PAGE: tuple[Operation, ...] = (
    Operation("delete_recording", "DELETE", "session_recordings/:id", "session_recording:write"),
    Operation("recording_sharing", "GET", "session_recordings/:recording_id/sharing", "sharing_configuration:read"),
    # The page names no scope: old servers answer 403 to every personal key, later ones want query:read (contract §9.3).
    Operation("session_property_definitions", "GET", "sessions/property_definitions", None),
    Operation("session_values", "GET", "sessions/values", None, many=True),
    Operation("list_subscriptions", "GET", "subscriptions", "subscription:read"),
    Operation("create_subscription", "POST", "subscriptions", "subscription:write"),
    Operation("retrieve_subscription", "GET", "subscriptions/:id", "subscription:read"),
    Operation("update_subscription", "PATCH", "subscriptions/:id", "subscription:write"),
    Operation(
        "delete_subscription",
        "DELETE",
        "subscriptions/:id",
        "subscription:write",
        sent=False,
        why='the server always answers 405; a subscription is removed by PATCH {"deleted": true}',
    ),
)


def find(request: Request) -> Operation | None:
    """The operation *request* is, or None when the page does not know it."""
    return next((each for each in SEED_PAGE if each.fits(request.method, request.path)), None)


def list_subscriptions(*, deleted: bool = False) -> Request:
    """List live subscriptions, or only soft-deleted ones; oldest first where the server can order (contract §4.1)."""
    query = {"ordering": "created_at"} | ({"deleted": "true"} if deleted else {})
    return Request("GET", "subscriptions/", query=query)


def retrieve_subscription(id: int | str) -> Request:
    """Read one subscription, soft-deleted ones too."""
    return Request("GET", f"subscriptions/{segment(id)}/")


def create_subscription(body: Fields) -> Request:
    """Make a row. Sent twice, it makes two."""
    return Request("POST", "subscriptions/", body)


def update_subscription(id: int | str, body: Fields) -> Request:
    """Change the fields in *body*; `{"deleted": true}` removes the row, `{"deleted": false}` brings it back."""
    return Request("PATCH", f"subscriptions/{segment(id)}/", body)


def delete_recording(id: str) -> Request:
    """Delete a session recording for ever."""
    return Request("DELETE", f"session_recordings/{segment(id)}/")


def recording_sharing(id: str) -> Request:
    """Read how a session recording is shared."""
    return Request("GET", f"session_recordings/{segment(id)}/sharing/")


def session_property_definitions(search: str | None = None, numerical: bool | None = None) -> Request:
    """Read the properties a session can have, filtered by words of their names and by being numbers."""
    flag = None if numerical is None else str(numerical).lower()
    return Request("GET", "sessions/property_definitions/", query=_given(search=search, is_numerical=flag))


def session_values(key: str, search: str | None = None) -> Request:
    """Read the values that the session property *key* has had, filtered by a part of them."""
    return Request("GET", "sessions/values/", query=_given(key=key, value=search))


def segment(text: int | str) -> str:
    """*text* as one segment of a path, percent-encoded; ValueError for what could name another path."""
    plain = str(text)
    if plain in ("", ".", "..") or "/" in plain:
        raise ValueError(f"an id is one part of a path, not {plain!r}")
    return quote(plain, safe="")


def _given(**query: str | None) -> Mapping[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def _is_segment(text: str) -> bool:
    return text not in ("", ".", "..") and not set(text) & set("?#\\")
