"""Which rows may be soft-deleted, and what stops it: design §4, each reason a function of its own. Pure.

A row goes when it carries our tag and no manifest leads to it, when a manifest adopted it at the base and is gone, or
by tombstone. Every doubt keeps the row. Knows no fields, no HTTP, and not how a row is deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import rules
from .identity import Resolution, Rows
from .model import Desired, Finding, Live, Manifest, Policy, Source, Tag
from .privacy import listed


@dataclass(frozen=True, slots=True)
class Base:
    """The manifests as last applied, worked out for one environment; `label` says where they were read.

    Names and ids are looked up within a kind, because only there are they unique.
    """

    label: str
    by_name: Mapping[tuple[str, str], Desired]
    by_previous: Mapping[tuple[str, str], tuple[Desired, ...]]
    by_id: Mapping[tuple[str, int], Desired]
    namespace: str = ""

    @classmethod
    def of(cls, label: str, wanted: Iterable[Desired], namespace: str = "") -> Base:
        """Index *wanted* by name, by previous names, and by the row each adopted."""
        by_name, by_id = {}, {}
        by_previous: dict[tuple[str, str], tuple[Desired, ...]] = defaultdict(tuple)
        for desired in wanted:
            kind = desired.manifest.kind
            by_name[kind, desired.name] = desired
            for name in desired.manifest.previous_names:
                by_previous[kind, name] += (desired,)
            if desired.id is not None:
                by_id[kind, desired.id] = desired
        return cls(label, by_name, dict(by_previous), by_id, namespace)

    def before(self, desired: Desired, live: Live | None = None) -> Desired | None:
        """What *desired*, bound to *live*, was at the base.

        The row leads there more surely than the name, which may have been another subscription's then: first whoever
        adopted the row, then the name in its tag, then the manifest's name, previous names and id. A manifest that had
        adopted another row says nothing of this one.
        """
        kind, names = desired.manifest.kind, [desired.name, *desired.manifest.previous_names]
        if live is not None and (kind, live.id) in self.by_id:
            return self.by_id[kind, live.id]
        if (
            live is not None
            and live.tag is not None
            and (live.tag.name in names or live.tag.namespace == self.namespace)
        ):
            names.insert(0, live.tag.name)
        for name in names:
            then = self.by_name.get((kind, name))
            if then is not None and (live is None or then.id in (None, live.id)):
                return then
        return self.by_id.get((kind, desired.id)) if desired.id is not None else None

    def former(self, desired: Desired, live: Live) -> Desired | None:
        """What *desired* was at the base where it had adopted another row than *live*; None where it had not."""
        for name in (desired.name, *desired.manifest.previous_names):
            then = self.by_name.get((desired.manifest.kind, name))
            if then is not None and not then.tombstone and then.id not in (None, live.id):
                return then
        return None

    def predecessors(self, live: Live, settled: Collection[str], tags: Collection[Tag]) -> list[Desired]:
        """Whose row *live*, which was taken over since, may have been: the manifests that have no row any more.

        *settled* are the names, of now and before, of manifests that have one; *tags* are those that rows carry. Who
        adopted a row by its id is known by that, and a tombstone had none.
        """
        return [
            then
            for (kind, name), then in self.by_name.items()
            if kind == live.kind and name not in settled and then.id is None and not then.tombstone
            if not any(Tag(self.namespace, each) in tags for each in (name, *then.manifest.previous_names))
        ]

    def owners(self, live: Live, namespace: str) -> list[Desired]:
        """Every manifest that led to *live* at the base: by its id, or by its tag under a name it had then."""
        found = [self.by_id[live.kind, live.id]] if (live.kind, live.id) in self.by_id else []
        if live.tag is not None and live.tag.namespace == namespace:
            key = (live.kind, live.tag.name)
            found += [self.by_name[key]] if key in self.by_name else []
            found += self.by_previous.get(key, ())
        return found


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
class Case:
    """What is known of the rows of one kind that may have to go.

    `elsewhere` are the tree's manifests of this kind that do not name *environment*: they count as gone here.
    """

    resolution: Resolution
    rows: Rows
    environment: str
    base: Base | None = None
    elsewhere: tuple[Manifest, ...] = ()

    def owners(self, live: Live) -> list[Manifest]:
        """The manifests that led to *live* at the base, and those that would lead to it if they named us."""
        known = self.base.owners(live, self.rows.namespace) if self.base is not None else []
        return [desired.manifest for desired in known] + [each for each in self.elsewhere if self._leads(each, live)]

    def _leads(self, manifest: Manifest, live: Live) -> bool:
        tags = [Tag(self.rows.namespace, name) for name in (manifest.name, *manifest.previous_names)]
        return live.tag in tags or manifest.id_in(self.environment) == live.id


@dataclass(frozen=True, slots=True)
class Removal:
    """A row to be soft-deleted: the name it goes under, and where its manifest stands or stood."""

    live: Live
    name: str
    source: Source | None
    is_tombstone: bool = False


@dataclass(frozen=True, slots=True)
class Removals:
    """What is to be removed, and what the reader must know about it."""

    rows: tuple[Removal, ...]
    findings: tuple[Finding, ...]


def choose(case: Case, pruning: Pruning, policy: Policy) -> Removals:
    """The rows to remove; none at all where the run may not remove, or the tree is empty."""
    asked = [*_tombstones(case), *_orphans(case), *_left(case)]
    if is_switched_off(pruning):
        return Removals((), tuple(_not_removed(asked, pruning.refused or "")))
    if is_empty(pruning):
        return Removals((), (_empty_tree(len(asked)),))
    judged = [(removal, is_protected(removal, case)) for removal in asked]
    kept = [removal for removal, protected in judged if protected]
    going = [removal for removal, protected in judged if not protected]
    findings = [_protected(removal) for removal in kept]
    findings += [_no_base(removal) for removal in going if case.base is None]
    many, ours = len(going), len(owned(case))
    if is_over_limit(many, ours, pruning.max_deletes, policy):
        findings.append(_too_many(many, ours, pruning.max_deletes, policy))
    return Removals(tuple(going), tuple(findings))


def owned(case: Case) -> frozenset[int]:
    """Our live rows: those the manifests and tags say are ours, and those that only the base knows of."""
    return case.resolution.ours | {removal.live.id for removal in _left(case)}


def is_switched_off(pruning: Pruning) -> bool:
    """Whether this run may not remove: it does not see, or is not to judge, the whole tree."""
    return pruning.refused is not None


def is_empty(pruning: Pruning) -> bool:
    """Whether there are no manifests at all, which is a wrong folder far more often than a wish."""
    return pruning.is_tree_empty and not pruning.allow_empty


def is_protected(removal: Removal, case: Case) -> bool:
    """Whether a manifest of the row was protected at the base, or still is: deleting the file does not lift it."""
    return any(manifest.protect for manifest in case.owners(removal.live))


def is_over_limit(many: int, ours: int, allowed: int | None, policy: Policy) -> bool:
    """Whether *many* removals of *ours* live rows need a yes by number: above the count and above the percentage."""
    if allowed is not None:
        return many > allowed
    return many > policy.max_deletes_count and many * 100 > policy.max_deletes_percent * ours


def _tombstones(case: Case) -> list[Removal]:
    return [
        Removal(binding.live, binding.desired.name, binding.desired.manifest.source, is_tombstone=True)
        for binding in case.resolution.bindings
        if binding.desired.tombstone and binding.live is not None and not binding.live.deleted
    ]


def _orphans(case: Case) -> list[Removal]:
    """Rows with our tag that no manifest leads to."""
    return [Removal(row, row.tag.name, _source(row, case)) for row in case.resolution.orphans if row.tag is not None]


def _left(case: Case) -> list[Removal]:
    """Untagged rows that a manifest adopted at the base, which is gone since; without a base nobody knows of them."""
    if case.base is None:
        return []
    names = {
        name
        for binding in case.resolution.bindings
        for name in (binding.desired.name, *binding.desired.manifest.previous_names)
    }
    free = [row for row in case.rows.live.values() if row.tag is None and row.id not in case.resolution.claimed]
    adopted = [(row, case.base.by_id.get((row.kind, row.id))) for row in free]
    return [
        Removal(row, desired.name, desired.manifest.source)
        for row, desired in adopted
        if desired is not None and desired.name not in names
    ]


def _source(live: Live, case: Case) -> Source | None:
    """Where the manifest of a row that no longer has one stands elsewhere, or stood."""
    return next((manifest.source for manifest in reversed(case.owners(live))), None)


def _not_removed(asked: Sequence[Removal], reason: str) -> list[Finding]:
    if not asked:
        return []
    rows = listed(removal.live.id for removal in asked)
    many = "1 row would be removed" if len(asked) == 1 else f"{len(asked)} rows would be removed"
    return [rules.NOT_REMOVED.finding(f"{many} (", *rows, f"), but {reason}")]


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
