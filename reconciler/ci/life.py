"""The lives of a comment and of a drift issue: what to do next, from what is there. Pure.

    comment   none -> open <-> failed, refused        a plan is written into the first of ours that is no history
                       |
                       +-> applying -> applied        history: the next plan begins a new comment

    issue     none -> open -> resolved                closed by us: the next drift opens a new one
                       |
                       +-> closed by a person         silent until something else drifts, or nothing does: resolved

Ours is what our own login wrote and what begins with a marker of our key: anybody may copy the line. Knows nothing of
HTTP, and of a page only what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..forge import Comment, Issue
from .review import DriftMarker, Marker, drift_marker_of, marker_of

Draft = Callable[[str, str], str]
"""The body of a comment, by which run and when its plan was read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A comment of ours, and what its marker says."""

    comment: Comment
    marker: Marker


def ours(comments: Iterable[Comment], login: str, key: str) -> tuple[Seen, ...]:
    """Those of *comments* that *login* wrote with a marker of *key*, oldest first."""
    found = [Seen(comment, marker) for comment in comments if (marker := marker_of(comment.body)) is not None]
    return tuple(sorted((seen for seen in found if _is_ours(seen, login, key)), key=lambda seen: seen.comment.id))


def current(seen: Sequence[Seen]) -> Seen | None:
    """The comment that the next plan is written into; None where it begins a new one."""
    return next((each for each in seen if not each.marker.state.is_history), None)


def surplus(seen: Sequence[Seen]) -> tuple[Comment, ...]:
    """Comments beside the current one, which two runs at once have made."""
    return tuple(each.comment for each in seen if not each.marker.state.is_history)[1:]


def remembered(seen: Sequence[Seen]) -> Seen | None:
    """The comment that holds what was reviewed: the current one, or else the last that became history."""
    found = current(seen) or (seen[-1] if seen else None)
    return found if found is not None and found.marker.plans else None


def is_same(seen: Seen, draft: Draft) -> bool:
    """Whether the comment says already what *draft* would, whichever run says it and whenever the rows were read."""
    return _plain(seen.comment.body) == _plain(draft(seen.marker.run, seen.marker.read))


def _is_ours(seen: Seen, login: str, key: str) -> bool:
    return seen.comment.author == login and seen.marker.key == key


def _plain(body: str) -> str:
    """*body* as it is compared: GitHub may change the ends of lines, and of the whole."""
    return body.replace("\r\n", "\n").strip()


# --- drift ----------------------------------------------------------------------------------------------------------


class Step(StrEnum):
    """What is to be done about the issue."""

    NOTHING = "nothing"
    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"
    SILENT = "silent"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class IssueStep:
    """What is to be done, and with which issue (None: none is there); `surplus` are open beside it."""

    step: Step
    issue: Issue | None = None
    surplus: tuple[Issue, ...] = ()


def about_drift(issues: Iterable[Issue], key: str, digest: str | None) -> IssueStep:
    """What to do about the drift *digest*, or about there being none, given all of our *issues*.

    The first of several that are open is kept. One that a person closed stays closed for as long as the same drift
    stays; once there is none it is settled, so that the same drift may be told again.
    """
    by_number = {issue.number: (issue, marker) for issue in issues if (marker := _marked(issue, key)) is not None}
    found = [by_number[number] for number in sorted(by_number)]
    is_open = [pair for pair in found if pair[0].is_open]
    return _of_open(is_open, digest) if is_open else _of_closed(found[-1:], key, digest)


def _of_open(found: Sequence[tuple[Issue, DriftMarker]], digest: str | None) -> IssueStep:
    (issue, marker), *more = found
    is_told = Step.NOTHING if marker.digest == digest else Step.UPDATE
    return IssueStep(Step.CLOSE if digest is None else is_told, issue, tuple(other for other, _ in more))


def _of_closed(last: Sequence[tuple[Issue, DriftMarker]], key: str, digest: str | None) -> IssueStep:
    """What to do where none is open, by the *last* one that was closed, if there is one."""
    for issue, marker in last:
        if marker.is_open and digest is None:
            return IssueStep(Step.RESOLVE, issue)
        if marker == DriftMarker(key, digest or ""):
            return IssueStep(Step.SILENT, issue)
    return IssueStep(Step.NOTHING if digest is None else Step.OPEN)


def _marked(issue: Issue, key: str) -> DriftMarker | None:
    marker = drift_marker_of(issue.body)
    return marker if marker is not None and marker.key == key else None
