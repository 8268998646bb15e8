"""Which commit the plan is compared with, by event: the one that was applied last, as far as git can tell. Pure.

    pull request      the merge base; where GitHub's merge commit is checked out, its first parent
    merge queue       where the queue left its branch: what stands before this group in the queue is not applied yet
    push              what was there before; for a new branch the first parent
    schedule, drift   the tree itself: nothing in git changed, so whatever differs was done by hand
    by hand           the first parent: right where the last merge alone is still to be applied, else --base says more

Knows events and parents; runs no git.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import NoBase
from .events import Event, Occasion
from .inputs import Command


@dataclass(frozen=True, slots=True)
class Exactly:
    """One commit, by its full name."""

    commit: str


@dataclass(frozen=True, slots=True)
class Fork:
    """Where what is checked out left the branch *target*."""

    target: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Where a merge queue left the branch *target*; *before*, what its last group is on top of, once it is merged."""

    target: str
    before: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """There was nothing before the first commit."""


Wanted = Exactly | Fork | Queue | Nothing


def wanted(event: Event, command: Command, commit: str, parents: Sequence[str]) -> Wanted:
    """What to compare *commit*, which is checked out and has *parents*, with. NoBase where the event does not tell."""
    if command is Command.DRIFT:
        return Exactly(commit)
    match event.occasion:
        case Occasion.PULL_REQUEST:
            return _of_pull(event, parents)
        case Occasion.MERGE_GROUP:
            if event.before is None:
                raise NoBase("the event does not say what the group is put on top of: give --base")
            return Queue(event.target, event.before) if event.target is not None else Exactly(event.before)
        case Occasion.PUSH:
            return Exactly(event.before) if event.before is not None else _first(parents)
        case Occasion.SCHEDULE:
            return Exactly(commit)
        case Occasion.BY_HAND:
            return _first(parents)
        case Occasion.UNKNOWN:
            raise NoBase(
                "nothing tells here what was applied last: give --base, on a pull request the merge base, after a "
                "merge the commit before it; or --base none to do without"
            )


def _of_pull(event: Event, parents: Sequence[str]) -> Wanted:
    """GitHub checks out a merge of the target and the pull request, in this order; GitLab names the merge base."""
    if len(parents) == 2 and event.head is not None and parents[1] == event.head:
        return Exactly(parents[0])
    if event.before is not None:
        return Exactly(event.before)
    if event.target is None:
        raise NoBase("the event does not say which branch the pull request is for: give --base")
    return Fork(event.target)


def _first(parents: Sequence[str]) -> Wanted:
    return Exactly(parents[0]) if parents else Nothing()
