"""Why the build machine runs: a pull request, a merge queue, a push, a clock or a person; and where it all is. Pure.

Reads what the machine wrote into variables and, on GitHub, into the event's file. Whatever becomes part of an address
or of a command line is checked here. Knows nothing of what is done about an event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ..errors import UsageError
from ..model import Json

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_URL = re.compile(r"https?://[^\s()<>\"'`\\]+")
_QUEUED = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-([0-9]{1,15})-[0-9a-f]+")


class Occasion(StrEnum):
    """Why the machine runs."""

    PULL_REQUEST = "pull request"
    MERGE_GROUP = "merge queue"
    PUSH = "push"
    SCHEDULE = "schedule"
    BY_HAND = "by hand"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, and the addresses that pages about it link to.

    `pull` is the number of the pull request, where the event names one; `head` its last commit; `target` the branch it
    is to be merged into; `before` the commit that what is new comes on top of. `run` is the address of the run, `tree`
    what stands before a commit in the address of a file. What is not known is None or empty.
    """

    occasion: Occasion
    pull: int | None = None
    head: str | None = None
    target: str | None = None
    before: str | None = None
    run: str = ""
    tree: str = ""


def of_github(variables: Mapping[str, str], payload: Json) -> Event:
    """The event of a run of GitHub Actions. UsageError for one that this program refuses to be run by."""
    said = payload if isinstance(payload, dict) else {}
    name, ref = variables.get("GITHUB_EVENT_NAME", ""), variables.get("GITHUB_REF", "")
    server, repository = variables.get("GITHUB_SERVER_URL", "").rstrip("/"), variables.get("GITHUB_REPOSITORY", "")
    run = variables.get("GITHUB_RUN_ID", "")
    place = f"{server}/{repository}" if _URL.fullmatch(server) and _NAME.fullmatch(repository) else ""
    is_placed = bool(place) and run.isascii() and run.isdecimal()
    somehow = Event(
        Occasion.BY_HAND,
        run=f"{place}/actions/runs/{run}" if is_placed else "",
        tree=f"{place}/blob/" if place else "",
    )
    match name:
        case "pull_request":
            pull = _part(said, "pull_request")
            head, target = _commit(_part(pull, "head").get("sha")), _text(_part(pull, "base").get("ref"))
            number = _number(said.get("number"))
            return replace(somehow, occasion=Occasion.PULL_REQUEST, pull=number, head=head, target=target)
        case "merge_group":
            found = _QUEUED.fullmatch(ref)
            group, number = _part(said, "merge_group"), int(found[1]) if found else None
            before, target = _commit(group.get("base_sha")), _branch(group.get("base_ref"))
            return replace(somehow, occasion=Occasion.MERGE_GROUP, pull=number, before=before, target=target)
        case "push":
            return replace(somehow, occasion=Occasion.PUSH, before=_commit(said.get("before")))
        case "schedule":
            return replace(somehow, occasion=Occasion.SCHEDULE)
        case "pull_request_target" | "workflow_run":
            raise UsageError(
                f"this is not for {name}, which gives credentials to what strangers write: use pull_request"
            )
    return somehow


def is_commit(text: str) -> bool:
    """Whether *text* is the full name of a commit; zeros stand for none."""
    return _COMMIT.fullmatch(text) is not None and set(text) != {"0"}


def of_gitlab(variables: Mapping[str, str]) -> Event:
    """The event of a GitLab pipeline."""
    run, project = variables.get("CI_JOB_URL", ""), variables.get("CI_PROJECT_URL", "").rstrip("/")
    somehow = Event(
        Occasion.BY_HAND,
        run=run if _URL.fullmatch(run) else "",
        tree=f"{project}/-/blob/" if _URL.fullmatch(project) else "",
    )
    before = _commit(variables.get("CI_COMMIT_BEFORE_SHA"))
    match variables.get("CI_PIPELINE_SOURCE", ""):
        case "merge_request_event":
            # GitLab's own name for the merge base, also in pipelines for merged results.
            base = _commit(variables.get("CI_MERGE_REQUEST_DIFF_BASE_SHA"))
            return replace(somehow, occasion=Occasion.PULL_REQUEST, before=base)
        case "push":
            return replace(somehow, occasion=Occasion.PUSH, before=before)
        case "schedule":
            return replace(somehow, occasion=Occasion.SCHEDULE)
    return somehow


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """A name of a branch that no command line can misread."""
    return value if isinstance(value, str) and value and not value.startswith("-") and value.isprintable() else None


def _branch(value: Any) -> str | None:
    """The name of a branch that is given as a whole ref."""
    return _text(value.removeprefix("refs/heads/")) if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _commit(value: Any) -> str | None:
    """The full name of a commit; None for the zeros that stand for no commit, and for anything else."""
    return value if isinstance(value, str) and is_commit(value) else None
