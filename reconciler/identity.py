"""Which row is which manifest's: the order of design §4, steps 1 to 6. Pure.

A row is known by `metadata.id`, by the tag in its title, by a previous name's tag, or by one of these on a soft-deleted
row; never by its title. Whatever is doubtful is a blocking finding that names both sides. Knows no fields of any kind
and nothing of what will be done with a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice

from . import rules
from .model import Desired, Finding, Live, Tag
from .privacy import Message, listed


class How(StrEnum):
    """By which evidence a manifest knows its row."""

    ID = "id"
    TAG = "tag"
    PREVIOUS = "previous name"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Binding:
    """A manifest with its row, or without one. A blocked binding is neither updated nor created."""

    desired: Desired
    live: Live | None = None
    how: How = How.NONE
    blocked: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a project, indexed for look-ups. `deleted` is empty until somebody needs it."""

    namespace: str
    live: Mapping[int, Live]
    deleted: Mapping[int, Live]
    live_by_tag: Mapping[Tag, tuple[Live, ...]]
    deleted_by_tag: Mapping[Tag, tuple[Live, ...]]

    @classmethod
    def of(cls, namespace: str, live: Iterable[Live], deleted: Iterable[Live] = ()) -> Rows:
        """Index the rows of both listings by id and by tag, in the order of ids.

        What a row says of itself counts, not where it was listed: it may have been restored or deleted between the two
        listings. One that says both is taken as live, because a live row is never made a second time.
        """
        everything = sorted((*live, *deleted), key=lambda row: row.id)
        alive = {row.id: row for row in everything if not row.deleted}
        dead = {row.id: row for row in everything if row.deleted and row.id not in alive}
        return cls(namespace, alive, dead, _by_tag(alive.values()), _by_tag(dead.values()))

    @property
    def sample(self) -> tuple[Live, ...]:
        """One row to tell the server by, live or deleted, where there is one: all rows of a server have its keys."""
        return tuple(islice(chain(self.live.values(), self.deleted.values()), 1))


@dataclass(frozen=True, slots=True)
class Resolution:
    """Every manifest's Binding, in the manifests' order, and what remains of the live rows.

    `orphans` carry our namespace's tag and no manifest leads to them; `untagged` carry none and no manifest names them.
    `claimed` are the rows a manifest has or names, also in vain; `ours` the live ones that may be called so: those with
    our namespace's tag, those a manifest has, and untagged ones that it names.
    """

    bindings: tuple[Binding, ...]
    orphans: tuple[Live, ...]
    untagged: tuple[Live, ...]
    claimed: frozenset[int]
    ours: frozenset[int]


def needs_deleted(wanted: Iterable[Desired], rows: Rows) -> bool:
    """Whether some manifest has no live row, so that the soft-deleted ones must be read."""
    return any(not desired.tombstone and _live_row(desired, rows) is None for desired in wanted)


def resolve(wanted: Sequence[Desired], rows: Rows) -> Resolution:
    """Find every manifest's row; two manifests that lead to one row block each other."""
    bindings = _unshared([_bind(desired, rows) for desired in wanted])
    bound = {binding.live.id for binding in bindings if binding.live is not None}
    # A row that a manifest names is never an orphan, not even when the name is refused.
    named = {desired.id for desired in wanted if desired.id is not None}
    claimed = frozenset(bound | named)
    tagged = [row for row in rows.live.values() if row.tag is not None and row.tag.namespace == rows.namespace]
    free = [row for row in rows.live.values() if row.tag is None]
    ours = {row.id for row in tagged} | {row.id for row in free if row.id in named} | (bound & rows.live.keys())
    return Resolution(
        tuple(bindings),
        orphans=_orphans([row for row in tagged if row.id not in claimed], wanted, rows),
        untagged=tuple(row for row in free if row.id not in claimed),
        claimed=claimed,
        ours=frozenset(ours),
    )


def _orphans(tagged: Sequence[Live], wanted: Sequence[Desired], rows: Rows) -> tuple[Live, ...]:
    """Those of the rows *tagged* as ours that no manifest leads to, by a name that it has or had."""
    if not tagged:
        return ()
    known = {tag for desired in wanted for tag in _tags(desired, rows)}
    return tuple(row for row in tagged if row.tag not in known)


def unclaimed(rows: Iterable[Live], resolution: Resolution, namespace: str) -> list[Live]:
    """Those of *rows* that carry a tag of *namespace* under which no manifest goes, or went, and that none names."""
    manifests = [binding.desired.manifest for binding in resolution.bindings]
    names = {name for manifest in manifests for name in (manifest.name, *manifest.previous_names)}
    return [
        row
        for row in rows
        if row.tag is not None and row.tag.namespace == namespace and row.tag.name not in names
        if row.id not in resolution.claimed
    ]


def tag_of(desired: Desired, namespace: str) -> Tag:
    """The tag of a manifest's own rows."""
    return Tag(namespace, desired.name)


def _bind(desired: Desired, rows: Rows) -> Binding:
    # A tombstone takes any evidence of ownership: where its id is no longer live, a row with its tag may be.
    if desired.id is not None and (desired.id in rows.live or not desired.tombstone):
        return _bind_by_id(desired, desired.id, rows)
    own = rows.live_by_tag.get(tag_of(desired, rows.namespace), ())
    if len(own) == 1 and not desired.manifest.previous_names:
        return Binding(desired, own[0], How.TAG)
    found = _live_row(desired, rows)
    blocked = _doubts(desired, rows)
    if blocked:
        return Binding(desired, None, How.NONE, blocked)
    if found is None:
        found = _deleted_row(desired, rows)
    if found is None:
        return Binding(desired)
    is_own = found.tag == tag_of(desired, rows.namespace)
    return Binding(desired, found, How.TAG if is_own else How.PREVIOUS)


def _bind_by_id(desired: Desired, id: int, rows: Rows) -> Binding:
    """Step 1: the row named by id must be here, must not be somebody else's, and must be the only one of ours."""
    row = rows.live.get(id) or rows.deleted.get(id)
    if row is None:
        return Binding(desired, None, How.NONE, (_id_not_found(desired, id),))
    tags = _tags(desired, rows)
    if row.tag is not None and row.tag not in tags and not desired.manifest.takeover:
        return Binding(desired, None, How.NONE, (_id_other_tag(desired, row),))
    others = [other for tag in tags for other in rows.live_by_tag.get(tag, ()) if other.id != id]
    if others:
        return Binding(desired, None, How.NONE, (_id_and_tag(desired, row, others[0]),))
    return Binding(desired, row, How.ID)


def _live_row(desired: Desired, rows: Rows) -> Live | None:
    """Steps 1 to 3 among live rows: the first that fits; doubts are judged elsewhere."""
    if desired.id is not None and not desired.tombstone:
        return rows.live.get(desired.id)
    found = [row for tag in _tags(desired, rows) for row in rows.live_by_tag.get(tag, ())]
    return found[0] if found else None


def _deleted_row(desired: Desired, rows: Rows) -> Live | None:
    """Step 4: the newest soft-deleted row with our tag, else with a previous name's; older ones were replaced."""
    for tag in _tags(desired, rows):
        found = rows.deleted_by_tag.get(tag)
        if found:
            return found[-1]
    return None


def _doubts(desired: Desired, rows: Rows) -> tuple[Finding, ...]:
    """What makes the live rows with our tags ambiguous: two with one tag, or an old and a new tag both live."""
    own, *previous = (rows.live_by_tag.get(tag, ()) for tag in _tags(desired, rows))
    if len(own) > 1:
        return (_duplicate_tag(desired, own),)
    older = [row for group in previous for row in group]
    if len(own) + len(older) > 1:
        return (_previous_live(desired, [*own, *older]),)
    return ()


def _unshared(bindings: list[Binding]) -> list[Binding]:
    """Block every binding whose row another one has too."""
    bound = [binding.live.id for binding in bindings if binding.live is not None]
    if len(set(bound)) == len(bound):
        return bindings
    by_row = defaultdict(list)
    for binding in bindings:
        if binding.live is not None:
            by_row[binding.live.id].append(binding.desired)
    return [
        Binding(
            binding.desired, None, How.NONE, (_claimed_twice(binding.desired, binding.live, by_row[binding.live.id]),)
        )
        if binding.live is not None and len(by_row[binding.live.id]) > 1
        else binding
        for binding in bindings
    ]


def _tags(desired: Desired, rows: Rows) -> list[Tag]:
    """The tags under which the manifest's row may go: its own first."""
    return [Tag(rows.namespace, name) for name in (desired.name, *desired.manifest.previous_names)]


def _by_tag(rows: Iterable[Live]) -> dict[Tag, tuple[Live, ...]]:
    found: dict[Tag, tuple[Live, ...]] = {}
    for row in rows:
        if row.tag is not None:
            found[row.tag] = (*found.get(row.tag, ()), row)
    return found


def _ids(rows: Iterable[Live]) -> Message:
    return listed((row.id for row in rows), " and ")


def _id_not_found(desired: Desired, id: int) -> Finding:
    return rules.ID_NOT_FOUND.about(
        desired,
        id,
        f"metadata.id {id} is not a row of this project, neither live nor soft-deleted; correct the id or remove it",
    )


def _id_other_tag(desired: Desired, row: Live) -> Finding:
    return rules.ID_OTHER_TAG.about(
        desired,
        row,
        f"metadata.id {row.id} carries the tag {row.tag} of somebody else; ask its owner, then add takeover: true",
    )


def _id_and_tag(desired: Desired, row: Live, other: Live) -> Finding:
    return rules.ID_AND_TAG.about(
        desired,
        row,
        f"metadata.id names row {row.id}, but row {other.id} is live with the tag {other.tag}: both would mail; "
        "delete one of them in PostHog, or correct the id",
    )


def _duplicate_tag(desired: Desired, found: Sequence[Live]) -> Finding:
    return rules.DUPLICATE_TAG.about(
        desired,
        None,
        "the rows ",
        *_ids(found),
        f" all carry the tag {found[0].tag}; delete all but one of them in PostHog",
    )


def _previous_live(desired: Desired, found: Sequence[Live]) -> Finding:
    return rules.PREVIOUS_LIVE.about(
        desired,
        None,
        "the rows ",
        *listed((f"{row.id} {row.tag}" for row in found), " and "),
        " are live under the new and previous names; delete all but one of them in PostHog",
    )


def _claimed_twice(desired: Desired, row: Live, claimants: Sequence[Desired]) -> Finding:
    places = (f"{other.name} ({other.manifest.source})" for other in claimants if other is not desired)
    return rules.CLAIMED_TWICE.about(
        desired,
        row,
        f"row {row.id} is also claimed by ",
        *listed(places, " and "),
        "; remove the id or the previous name from one of them",
    )
