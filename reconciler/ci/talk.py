"""What is said on GitHub: one comment in a pull request, one issue about drift. Does what `life` decides.

Every request goes through the forge; whatever it cannot do is a ForgeError, which is for the caller to weigh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from ..errors import ForgeError
from ..forge import Comment, GitHub, Issue, Pull
from ..report import comment as pages
from ..report.fitting import COMMENT, Limits, Page
from . import life
from .life import IssueStep, Seen, Step
from .review import DriftMarker, Marker, State, drift_marker_of

T = TypeVar("T")

Draft = Callable[[str, str], Page]
"""A page with its marker, by which run and when its plan was read."""

PLAN = Limits(62_000, 240_000)
"""A plan leaves some of a comment free, for the news of its apply that come to stand above it."""
TRIES = 3
MOST_ISSUES = 300
"""Issues that are looked through, newest first, open or closed, with the label or without."""


@dataclass(frozen=True, slots=True)
class Said:
    """The comment that says a plan, None where none was wanted, and why another one of ours could not be deleted."""

    comment: Comment | None
    left: tuple[ForgeError, ...] = ()


class Talk:
    """What is said for one key."""

    def __init__(self, forge: GitHub, key: str) -> None:
        """Nothing is asked yet."""
        self._forge, self._key = forge, key

    def seen(self, number: int) -> tuple[Seen, ...]:
        """Our comments on the pull request *number*."""
        return life.ours(self._forge.comments(number), self._forge.login, self._key)

    def pulls_of(self, commit: str) -> tuple[Pull, ...]:
        """The pull requests that *commit* belongs to."""
        return self._forge.pulls_of(commit)

    def plan(self, number: int, draft: Draft, marker: Marker, *, is_quiet: bool) -> Said:
        """Say a plan in the pull request *number*; nothing where nothing was said yet and *is_quiet*."""
        seen = self.seen(number)
        there, page = life.current(seen), draft(marker.run, marker.read)
        if there is None:
            return Said(None if is_quiet else self._create(number, page))
        is_same = life.is_same(there, lambda run, read: draft(run, read).within(PLAN))
        comment = there.comment if is_same else self._edit(there.comment, page, PLAN)
        return Said(comment, tuple(error for extra in life.surplus(seen) if (error := self._deleted(extra))))

    def _deleted(self, comment: Comment) -> ForgeError | None:
        """Why *comment* could not be deleted; None if it was."""
        try:
            self._forge.delete_comment(comment.id)
        except ForgeError as error:
            return error
        return None

    def news(self, seen: Seen, page: Page, state: State, run: str) -> Seen:
        """Say what becomes of a plan, above it; what was reviewed stays remembered."""
        marker = replace(seen.marker, state=state, run=run or seen.marker.run)
        whole = replace(pages.above(page, seen.comment.body), marker=marker.line)
        return Seen(self._edit(seen.comment, whole, COMMENT), marker)

    def _create(self, number: int, page: Page) -> Comment:
        """A new comment. Where the answer was lost it is looked for before it is sent again."""
        body = page.within(PLAN)
        for left in reversed(range(TRIES)):
            try:
                return self._forge.comment(number, body)
            except ForgeError as error:
                is_long = error.status == 422 and body != page.brief
                if not left or not (error.is_doubtful or is_long):
                    raise
                body = page.brief if is_long else body
                if error.is_doubtful and (made := life.current(self.seen(number))) is not None:
                    return made.comment
        raise AssertionError("the last try returns or raises")

    def _edit(self, comment: Comment, page: Page, limits: Limits) -> Comment:
        return _at_length(page, limits, lambda body: self._forge.edit_comment(comment.id, body))

    # --- drift ------------------------------------------------------------------------------------------------------

    def drift(self, page: Page, digest: str, label: str, title: str, run: str) -> IssueStep:
        """Say in an issue what drifted; the step that was taken, with its issue."""
        step = self._step(label, digest)
        page = replace(page, marker=DriftMarker(self._key, digest).line)
        match step:
            case IssueStep(Step.OPEN):
                name = self._label(label)
                made = _at_length(page, COMMENT, lambda body: self._forge.open_issue(title, body, name))
                return IssueStep(Step.OPEN, made)
            case IssueStep(Step.UPDATE, Issue(number=number)):
                _at_length(page, COMMENT, lambda body: self._forge.edit_issue(number, body))
                self._forge.comment(number, f"Changed since: the drift is another one now. {_by(run)}")
        if step.issue is not None:
            self._close_beside(step.issue, step.surplus, run)
        return step

    def _close_beside(self, kept: Issue, surplus: Sequence[Issue], run: str) -> None:
        """Close what is open beside the issue that is *kept*; where that fails the next run does it."""
        for extra in surplus:
            with suppress(ForgeError):
                self._close(extra, f"The issue about this drift is #{kept.number}. {_by(run)}", "not_planned")

    def no_drift(self, label: str, run: str) -> IssueStep:
        """Close the issue about drift, where one is open; settle the last one, where a person closed it."""
        step = self._step(label, None)
        match step:
            case IssueStep(Step.CLOSE, Issue() as issue, surplus):
                for each in (issue, *surplus):
                    self._close(each, f"No drift any more: PostHog is as git says. {_by(run)}", "completed")
            case IssueStep(Step.RESOLVE, Issue() as issue):
                self._forge.edit_issue(issue.number, self._resolved(issue))
        return step

    def _close(self, issue: Issue, why: str, reason: str) -> None:
        self._forge.comment(issue.number, why)
        self._forge.close_issue(issue.number, self._resolved(issue), reason)

    def _resolved(self, issue: Issue) -> str:
        """The text of *issue* with a marker that says that it is done with."""
        marker = drift_marker_of(issue.body) or DriftMarker(self._key, "")
        _, _, rest = issue.body.partition("\n")
        return f"{replace(marker, is_open=False).line}\n{rest}"

    def _step(self, label: str, digest: str | None) -> IssueStep:
        """What to do, by the open issues and, where none is ours, by the closed ones."""
        step = life.about_drift(self._issues(label, is_open=True), self._key, digest)
        if step.issue is not None:
            return step
        return life.about_drift(self._issues(label, is_open=False), self._key, digest)

    def _issues(self, label: str, *, is_open: bool) -> Iterator[Issue]:
        """Those with the label, then the others: it could not be made, or somebody took it off."""
        yield from self._forge.issues(is_open=is_open, label=label, most=MOST_ISSUES)
        yield from self._forge.issues(is_open=is_open, most=MOST_ISSUES)

    def _label(self, name: str) -> str | None:
        """The label *name*, made where it was absent; None where it cannot be."""
        with suppress(ForgeError):
            if not self._forge.has_label(name):
                self._forge.make_label(name, "PostHog is not as git says")
            return name
        return None


def _at_length(page: Page, limits: Limits, write: Callable[[str], T]) -> T:
    """What *write* makes of *page*; of the page in brief where GitHub does not take the whole."""
    try:
        return write(page.within(limits))
    except ForgeError as error:
        if error.status != 422:
            raise
        return write(page.brief)


def _by(run: str) -> str:
    return f"Found by [this run]({run})." if run else ""
