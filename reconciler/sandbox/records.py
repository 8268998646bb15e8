"""What the sandbox remembers: messages it would have sent and requests it answered. Knows no Django and no rule."""

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_plus

# More than any run writes; a sandbox left alone for days must not eat the memory of its host.
JOURNAL_SIZE = 200_000

# Headers that can hold nothing secret; every other header is forgotten at the door (contract §11 item 25).
HARMLESS_HEADERS = ("accept", "content-type", "user-agent")

# Parameters of a query that hold a key.
_KEY_PARAMETERS = frozenset(("personal_api_key", "api_key", "token"))
_KEYS = re.compile(r"\bph[a-z]_[A-Za-z0-9_-]+|(?i:\bbearer\s+\S+)")
_REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class Message:
    """One message a real PostHog would have sent, and why."""

    at: datetime
    subscription_id: int
    recipient: str  # an address as a mail server reads it (trimmed), a Slack channel id, or a Teams host
    channel: str  # 'email', 'slack' or 'teams'
    why: str  # 'create', 'added', 'content', 'enabled', 'test', 'ui', 'schedule', 'restore-stale' or 'disabled'
    write: int | None  # the number of the request that caused it; None for the scheduler and for people
    title: str | None
    unsubscribe_link: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API, without anything that could be a secret."""

    number: int
    at: datetime
    method: str
    path: str
    query: str
    status: int | None  # None: the connection was dropped or left hanging
    body: Any = None  # the JSON that was sent; None for anything else
    headers: tuple[tuple[str, str], ...] = ()


Entry = TypeVar("Entry")


class Journal(Generic[Entry]):
    """An append-only list that several threads may write to."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def extend(self, entries: Iterable[Entry]) -> None:
        """Append *entries*, forgetting the oldest when there are far too many."""
        with self._lock:
            self._entries.extend(entries)
            if len(self._entries) > JOURNAL_SIZE:
                del self._entries[: JOURNAL_SIZE // 10]

    def entries(self) -> list[Entry]:
        """Everything so far, oldest first."""
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


def without_keys(value: Any) -> Any:
    """*value* with everything that is, or is called, a key replaced."""
    if isinstance(value, str):
        return _KEYS.sub(_REDACTED, value)
    if isinstance(value, list):
        return [without_keys(item) for item in value]
    if isinstance(value, dict):
        return {
            without_keys(name): _REDACTED if name == "personal_api_key" else without_keys(item)
            for name, item in value.items()
        }
    return value


def query_without_keys(query: str) -> str:
    """A query string with every value that is, or is called, a key replaced, however it is encoded."""
    return "&".join(_pair_without_keys(pair) for pair in query.split("&"))


def _pair_without_keys(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if _KEYS.search(unquote_plus(name)):
        name = _REDACTED
    if unquote_plus(name) in _KEY_PARAMETERS or _KEYS.search(unquote_plus(value)):
        value = _REDACTED
    return name + equals + value
