"""Which rows may be soft-deleted, and what stops it: design §4, each reason a function of its own. Pure.

A row goes when it carries our tag and no manifest leads to it, when a manifest adopted it at the base and is gone, or by
tombstone. Every doubt keeps the row. Knows no fields, no HTTP, and not how a row is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import rules
from .identity import Resolution
from .model import Desired, Finding, Live, Manifest, Policy, Source


@dataclass(frozen=True, slots=True)
class Base:
    """The manifests as last applied, worked out for one environment; `label` says where they were read."""

    label: str
    by_name: Mapping[str, Desired]
    by_id: Mapping[int, Desired]

    @classmethod
    def of(cls, label: str, wanted: Iterable[Desired]) -> Base:
        """Index *wanted* by name and by the row it adopted."""
        known = tuple(wanted)
        by_id = {desired.id: desired for desired in known if desired.id is not None}
        return cls(label, {desired.name: desired for desired in known}, by_id)

    def before(self, desired: Desired) -> Desired | None:
        """What *desired* was at the base: under its name, a previous name, or the row it adopts."""
        for name in (desired.name, *desired.manifest.previous_names):
            if name in self.by_name:
                return self.by_name[name]
        return self.by_id.get(desired.id) if desired.id is not None else None


@dataclass(frozen=True, slots=True)
class Pruning:
    """What the command line and the config say about removal.

    `refused` is the reason why this run removes nothing (`--only`, a PATH, `--no-prune`, no config), or None.
    """

    refused: str | None = None
    is_tree_empty: bool = False
    allow_empty: bool = False
    max_deletes: int | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """A row to be soft-deleted: the name it goes under, and where its manifest stands or stood."""

    live: Live
    name: str
    source: Source | None


@dataclass(frozen=True, slots=True)
class Removals:
    """What is to be removed, and what the reader must know about it."""

    rows: tuple[Removal, ...]
    findings: tuple[Finding, ...]


def choose(
    resolution: Resolution,
    live: Mapping[int, Live],
    base: Base | None,
    elsewhere: Mapping[str, Manifest],
    pruning: Pruning,
    policy: Policy,
) -> Removals:
    """The rows to remove. *elsewhere* are the tree's manifests that do not name this environment."""
    asked = [*_tombstones(resolution), *_orphans(resolution, base, elsewhere), *_left(resolution, live, base)]
    if is_switched_off(pruning):
        return Removals((), tuple(_not_removed(asked, pruning.refused or "")))
    if is_empty(pruning):
        return Removals((), (_empty_tree(len(asked)),))
    kept = [removal for removal in asked if is_protected(removal, base, elsewhere)]
    going = [removal for removal in asked if removal not in kept]
    findings = [_protected(removal) for removal in kept]
    findings += [_no_base(removal) for removal in going if base is None]
    ours = (
        sum(1 for id in resolution.claimed if id in live) + len(resolution.orphans) + len(_left(resolution, live, base))
    )
    if is_over_limit(len(going), ours, pruning.max_deletes, policy):
        findings.append(_too_many(len(going), ours, pruning.max_deletes, policy))
    return Removals(tuple(going), tuple(findings))


def is_switched_off(pruning: Pruning) -> bool:
    """Whether this run may not remove: it does not see, or is not to judge, the whole tree."""
    return pruning.refused is not None


def is_empty(pruning: Pruning) -> bool:
    """Whether there are no manifests at all, which is a wrong folder far more often than a wish."""
    return pruning.is_tree_empty and not pruning.allow_empty


def is_protected(removal: Removal, base: Base | None, elsewhere: Mapping[str, Manifest]) -> bool:
    """Whether the manifest was protected at the base, or still is: deleting the file does not lift it."""
    known = [base.by_name.get(removal.name), base.by_id.get(removal.live.id)] if base is not None else []
    manifests = [desired.manifest for desired in known if desired is not None]
    if removal.name in elsewhere:
        manifests.append(elsewhere[removal.name])
    return any(manifest.protect for manifest in manifests)


def is_over_limit(many: int, ours: int, allowed: int | None, policy: Policy) -> bool:
    """Whether *many* removals of *ours* live rows need a yes by number: above the count and above the percentage."""
    if allowed is not None:
        return many > allowed
    return many > policy.max_deletes_count and many * 100 > policy.max_deletes_percent * ours


def _tombstones(resolution: Resolution) -> list[Removal]:
    return [
        Removal(binding.live, binding.desired.name, binding.desired.manifest.source)
        for binding in resolution.bindings
        if binding.desired.tombstone and binding.live is not None and not binding.live.deleted
    ]


def _orphans(resolution: Resolution, base: Base | None, elsewhere: Mapping[str, Manifest]) -> list[Removal]:
    return [
        Removal(row, row.tag.name, _source(row.tag.name, base, elsewhere))
        for row in resolution.orphans
        if row.tag is not None
    ]


def _left(resolution: Resolution, live: Mapping[int, Live], base: Base | None) -> list[Removal]:
    """Untagged rows that a manifest adopted at the base, which is gone since; without a base nobody knows of them."""
    if base is None:
        return []
    names = {
        name
        for binding in resolution.bindings
        for name in (binding.desired.name, *binding.desired.manifest.previous_names)
    }
    return [
        Removal(live[id], desired.name, desired.manifest.source)
        for id, desired in sorted(base.by_id.items())
        if id in live and live[id].tag is None and id not in resolution.claimed and desired.name not in names
    ]


def _source(name: str, base: Base | None, elsewhere: Mapping[str, Manifest]) -> Source | None:
    if name in elsewhere:
        return elsewhere[name].source
    desired = base.by_name.get(name) if base is not None else None
    return desired.manifest.source if desired is not None else None


def _not_removed(asked: Sequence[Removal], reason: str) -> list[Finding]:
    if not asked:
        return []
    many = len(asked)
    rows = "1 row" if many == 1 else f"{many} rows"
    return [rules.NOT_REMOVED.finding(f"{rows} without a manifest would be removed, but {reason}")]


def _empty_tree(many: int) -> Finding:
    return rules.EMPTY_TREE.finding(
        f"no manifests were found at all; applying that would remove {many} of our live rows; "
        "check the manifests paths, or say --allow-empty"
    )


def _protected(removal: Removal) -> Finding:
    return rules.PROTECTED.finding(
        f"row {removal.live.id} stays: its manifest was protected; lift protect in one change, remove it in the next",
        name=removal.name,
        source=removal.source,
        id=removal.live.id,
    )


def _no_base(removal: Removal) -> Finding:
    return rules.NO_BASE.finding(
        f"row {removal.live.id} is removed without a look at what it was protected by; give --base REF to be sure",
        name=removal.name,
        source=removal.source,
        id=removal.live.id,
    )


def _too_many(many: int, ours: int, allowed: int | None, policy: Policy) -> Finding:
    if allowed is not None:
        limit = f"--max-deletes {allowed}"
    else:
        limit = f"policy.max_deletes: {policy.max_deletes_count} and {policy.max_deletes_percent:g} %"
    return rules.TOO_MANY_DELETES.finding(
        f"{many} of our {ours} live rows would be removed, more than {limit} allows; "
        f"check the list, then say --max-deletes {many}"
    )
