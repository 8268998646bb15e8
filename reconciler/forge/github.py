"""What is read from GitHub and written to it, as plain data: comments, issues, labels, pull requests.

Every identifier that becomes part of a path is checked first. Knows GitHub's REST and GraphQL; knows nothing of what a
comment means.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from ..errors import ForgeError, UsageError
from ..model import Json
from ..privacy import Key
from .wire import Wire, checked

T = TypeVar("T")

BOT = "github-actions[bot]"
"""Who a workflow's own token writes as, where GitHub does not tell."""

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Site:
    """Where GitHub is, and which repository is meant; all of it from the environment."""

    api: str
    graphql: str
    repository: str

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Site:
        """The Site that *variables* tell. UsageError where they do not."""
        repository = variables.get("GITHUB_REPOSITORY", "")
        if not _REPOSITORY.fullmatch(repository) or {".", ".."} & set(repository.split("/")):
            raise UsageError("GITHUB_REPOSITORY does not name a repository as owner/name")
        names = ("GITHUB_API_URL", "GITHUB_GRAPHQL_URL")
        api, graphql = (checked(name, variables.get(name, "")) for name in names)
        return cls(api, graphql, repository)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a pull request or an issue."""

    id: int
    author: str
    body: str
    url: str


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue; a pull request is none here."""

    number: int
    author: str
    body: str
    is_open: bool
    url: str


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request that a commit belongs to; `merged_as` is the commit it was merged with, if it was.

    `head` is its last commit.
    """

    number: int
    is_open: bool
    merged_as: str | None
    head: str | None = None


class GitHub:
    """One repository, as its token may see and change it. Close it after use."""

    def __init__(self, site: Site, token: Key | None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Nothing is sent yet."""
        self._wire = Wire(site.api, site.graphql, token, sleep=sleep)
        self._root = f"/repos/{site.repository}"
        self._login: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wire.close()

    @property
    def login(self) -> str:
        """Who the token writes as: by GraphQL, else by REST, else the bot of workflows."""
        if self._login is None:
            self._login = self._viewer() or self._user() or BOT
        return self._login

    def comments(self, number: int) -> Iterator[Comment]:
        """Every comment on the issue or pull request *number*, oldest first."""
        return (_comment(item) for item in self._wire.pages(f"{self._root}/issues/{number:d}/comments"))

    def comment(self, number: int, body: str) -> Comment:
        """A new comment on *number*."""
        return _comment(self._wire.send("POST", f"{self._root}/issues/{number:d}/comments", {"body": body}))

    def edit_comment(self, id: int, body: str) -> Comment:
        """The comment *id* with another text."""
        return _comment(self._wire.send("PATCH", f"{self._root}/issues/comments/{id:d}", {"body": body}))

    def delete_comment(self, id: int) -> None:
        """Delete the comment *id*."""
        self._wire.send("DELETE", f"{self._root}/issues/comments/{id:d}")

    def pulls_of(self, commit: str) -> tuple[Pull, ...]:
        """The pull requests that *commit*, a full name, belongs to; none for one that GitHub does not know."""
        if not _COMMIT.fullmatch(commit):
            raise UsageError("a commit is named by all its 40 hexadecimal digits")
        try:
            return tuple(_pull(item) for item in self._wire.pages(f"{self._root}/commits/{commit}/pulls"))
        except ForgeError as error:
            if error.status == 422:
                return ()
            raise

    def issues(self, *, is_open: bool, label: str | None = None, most: int | None = None) -> Iterator[Issue]:
        """Our own issues, newest first: those with *label*, or all; of the *most* newest, pull requests among them."""
        query = {"state": "open" if is_open else "closed", "sort": "created", "direction": "desc"}
        query |= {"labels": label} if label is not None else {"creator": self.login}
        found = islice(self._wire.pages(f"{self._root}/issues", query), most)
        return (issue for item in found if "pull_request" not in item and (issue := _issue(item)).author == self.login)

    def open_issue(self, title: str, body: str, label: str | None) -> Issue:
        """A new issue."""
        labels = {"labels": [label]} if label is not None else {}
        return _issue(self._wire.send("POST", f"{self._root}/issues", {"title": title, "body": body, **labels}))

    def edit_issue(self, number: int, body: str) -> None:
        """Give the issue *number* another text."""
        self._wire.send("PATCH", f"{self._root}/issues/{number:d}", {"body": body})

    def close_issue(self, number: int, body: str, reason: str) -> None:
        """Close the issue *number*, as `completed` or `not_planned`, with another text."""
        closed = {"body": body, "state": "closed", "state_reason": reason}
        self._wire.send("PATCH", f"{self._root}/issues/{number:d}", closed)

    def has_label(self, name: str) -> bool:
        """Whether the repository has the label *name*."""
        try:
            self._wire.send("GET", f"{self._root}/labels/{quote(name, safe='')}")
        except ForgeError as error:
            if error.status == 404:
                return False
            raise
        return True

    def make_label(self, name: str, description: str) -> None:
        """Make the label *name*."""
        self._wire.send(
            "POST", f"{self._root}/labels", {"name": name, "color": "d4a72c", "description": description[:100]}
        )

    def _viewer(self) -> str | None:
        with suppress(ForgeError):
            viewer = self._wire.query("query { viewer { login } }").get("viewer")
            return _text(viewer, "login") if isinstance(viewer, dict) else None
        return None

    def _user(self) -> str | None:
        with suppress(ForgeError):
            user = self._wire.send("GET", "/user")
            return _text(user, "login") if isinstance(user, dict) else None
        return None


def _comment(item: Json) -> Comment:
    return _read(lambda: Comment(int(item["id"]), _author(item), _text(item, "body") or "", _url(item)))


def _issue(item: Json) -> Issue:
    return _read(
        lambda: Issue(
            int(item["number"]), _author(item), _text(item, "body") or "", item["state"] == "open", _url(item)
        )
    )


def _pull(item: Json) -> Pull:
    def read() -> Pull:
        merged = item.get("merge_commit_sha") if item.get("merged_at") else None
        head = _text(item["head"], "sha") if isinstance(item.get("head"), dict) else None
        is_open = item.get("state") == "open"
        return Pull(int(item["number"]), is_open, merged if isinstance(merged, str) else None, head)

    return _read(read)


def _read(make: Callable[[], T]) -> T:
    """What *make* makes of an answer. ForgeError where the answer is not of the form that GitHub documents."""
    try:
        return make()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ForgeError("GitHub's answer lacks what its documentation promises", status=200) from None


def _author(item: Json) -> str:
    user = item.get("user")  # null for an account that is gone
    return (_text(user, "login") or "") if isinstance(user, dict) else ""


def _url(item: Json) -> str:
    return _text(item, "html_url") or ""


def _text(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    return value if isinstance(value, str) else None
