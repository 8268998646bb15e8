"""From manifests and rows to a Plan: which changes, in which order, what blocks them, and their digest. Pure.

Knows how the parts follow one another; identity, removal and the kinds know the rest. Does not know HTTP, files,
rendering, or where the rows came from.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import diff, identity, removal, rules
from .identity import Binding, How, Resolution, Rows
from .model import (
    Action,
    Cause,
    Change,
    Coverage,
    Desired,
    Environment,
    FieldChange,
    Finding,
    Live,
    Manifest,
    Plan,
    Policy,
    Tag,
)
from .privacy import Private
from .removal import Base, Pruning
from .resource import Draft, Edit, Kinds, Resource, Settled, Wish


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a plan of one environment is made from.

    `wanted` are the manifests that name this environment, `elsewhere` those that do not; `rows` are the proven listing
    of each kind; `scope` are the names whose changes are kept (None: all), although all of them are judged.
    """

    environment: Environment
    namespace: str
    policy: Policy
    wanted: tuple[Desired, ...]
    rows: Mapping[str, Rows]
    elsewhere: tuple[Manifest, ...] = ()
    base: Base | None = None
    pruning: Pruning = Pruning()
    wish: Wish = Wish()
    allow_recreate: bool = False
    scope: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one manifest, or one kind, adds to a plan."""

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    unchanged: tuple[str, ...] = ()


def plan(scene: Scene, kinds: Kinds) -> Plan:
    """The plan of *scene*: deterministic, and the same bytes for the same inputs."""
    parts, coverage = [], Coverage()
    for kind, rows in scene.rows.items():
        wanted = tuple(desired for desired in scene.wanted if desired.manifest.kind == kind)
        resolution = identity.resolve(wanted, rows)
        parts.append(_of_kind(scene, kinds[kind], rows, resolution))
        coverage = _covered(coverage, rows, resolution)
    changes = sorted((change for part in parts for change in part.changes if _in_scope(scene, change.name)), key=_order)
    findings = [finding for part in parts for finding in part.findings if _in_scope(scene, finding.name)]
    findings += _limits(changes, scene.policy)
    return Plan(
        environment=scene.environment,
        namespace=scene.namespace,
        base=scene.base.label if scene.base is not None else None,
        changes=tuple(changes),
        findings=tuple(sorted(findings, key=_finding_order)),
        unchanged=sum(_in_scope(scene, name) for part in parts for name in part.unchanged),
        coverage=coverage,
        digest=digest(scene.environment, scene.namespace, changes),
    )


def digest(environment: Environment, namespace: str, changes: Iterable[Change]) -> str:
    """The fingerprint of what would be done: environment, namespace, and each change's before and after (design §6).

    Computed over the real values, also of secrets; not over sources, causes, findings, times, order or wording.
    """
    facts = {
        "environment": [environment.name, environment.host, environment.project_id],
        "namespace": namespace,
        "changes": sorted(json.dumps(_essence(change), sort_keys=True, default=_revealed) for change in changes),
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _essence(change: Change) -> list[Any]:
    fields = sorted(([item.field, item.before, item.after] for item in change.fields), key=lambda item: str(item[0]))
    return [change.action, change.kind, change.name, change.id, fields]


def _revealed(value: Any) -> Any:
    if isinstance(value, Private):
        return value.value
    raise TypeError(f"not a JSON value: {type(value).__name__}")


def _of_kind(scene: Scene, resource: Resource, rows: Rows, resolution: Resolution) -> Part:
    parts = [_of_binding(scene, resource, rows, resolution, binding) for binding in resolution.bindings]
    elsewhere = {manifest.name: manifest for manifest in scene.elsewhere if manifest.kind == resource.kind}
    going = removal.choose(resolution, rows.live, scene.base, elsewhere, scene.pruning, scene.policy)
    deletes = [_delete(scene, resource, item) for item in going.rows]
    return Part(
        tuple(change for part in parts for change in part.changes) + tuple(deletes),
        tuple(finding for part in parts for finding in part.findings) + going.findings,
        tuple(name for part in parts for name in part.unchanged),
    )


def _of_binding(scene: Scene, resource: Resource, rows: Rows, resolution: Resolution, binding: Binding) -> Part:
    desired, live = binding.desired, binding.live
    if binding.blocked:
        return Part(findings=binding.blocked)
    if desired.tombstone:
        # A live row of a tombstone is removed with the others, under the same limits.
        return Part(unchanged=(desired.name,) if live is None or live.deleted else ())
    if live is None:
        return _create(scene, resource, rows, resolution, desired)
    before = scene.base.before(desired) if scene.base is not None else None
    settled = resource.settle(desired, live, before, scene.wish)
    if live.deleted and settled.stays_deleted:
        return Part(findings=settled.findings, unchanged=(desired.name,))
    return _close(_Pair(scene, resource, binding, desired, live, before, settled))


def _create(scene: Scene, resource: Resource, rows: Rows, resolution: Resolution, desired: Desired) -> Part:
    """Steps 5 and 6: no twin may exist, and a row that existed before is not made again unasked."""
    twins = [(row, like) for row in resolution.untagged if (like := _likeness(resource, desired, row)) is not None]
    if twins:
        return Part(findings=(_twin(desired, *twins[0]),))
    if scene.base is not None and scene.base.before(desired) is not None and not scene.allow_recreate:
        return Part(findings=(_recreate(desired),))
    tag = identity.tag_of(desired, scene.namespace)
    draft = resource.create(desired, tag, tuple(rows.live.values()))
    return Part((_created(scene, resource, desired, draft, Action.CREATE, None),), draft.findings)


def _likeness(resource: Resource, desired: Desired, row: Live) -> str | None:
    return None if row.id in desired.manifest.distinct else resource.likeness(desired, row)


def _created(
    scene: Scene, resource: Resource, desired: Desired, draft: Draft, action: Action, replaced: Live | None
) -> Change:
    """A change that ends in a new row: every field sent, with nothing before it."""
    sent = [(name, resource.wire(value)) for name, value in desired.fields.items() if value is not None]
    sent += desired.write_only.items()
    before = replaced.fields if replaced is not None else {}
    cause = Cause.MANIFEST if scene.base is not None else None
    return Change(
        action,
        resource.kind,
        desired.name,
        replaced.id if replaced is not None else None,
        desired.manifest.source,
        tuple(FieldChange(name, resource.wire(before.get(name)), value, cause) for name, value in sent),
        draft.requests,
        draft.effects,
        draft.added,
        draft.removed,
        identity.tag_of(desired, scene.namespace),
        replaced,
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """A manifest and its row, with all that is known of both."""

    scene: Scene
    resource: Resource
    binding: Binding
    desired: Desired
    live: Live
    before: Desired | None
    settled: Settled

    @property
    def own_tag(self) -> Tag:
        return identity.tag_of(self.desired, self.scene.namespace)

    @property
    def tag(self) -> Tag | None:
        """The tag the row shall carry: ours, except on a row that is adopted by id and carries none."""
        return None if self.binding.how is How.ID and self.live.tag is None else self.own_tag


def _close(pair: _Pair) -> Part:
    """What closes the difference between a manifest and its row: nothing, an edit, or a new row."""
    changed = diff.changed(pair.live.fields, pair.settled.fields)
    if pair.resource.is_pinned(pair.live, pair.settled.fields, changed):
        return _replace(pair)
    retag = pair.tag != pair.live.tag
    if not changed and not retag and not pair.live.deleted:
        return Part(findings=pair.settled.findings, unchanged=(pair.desired.name,))
    edit = Edit(pair.desired, pair.live, pair.settled.fields, changed, pair.tag, retag)
    draft = pair.resource.edit(edit)
    change = Change(
        Action.RESTORE if pair.live.deleted else Action.UPDATE,
        pair.resource.kind,
        pair.desired.name,
        pair.live.id,
        pair.desired.manifest.source,
        _field_changes(pair, edit),
        draft.requests,
        draft.effects,
        draft.added,
        draft.removed,
        pair.tag,
        pair.live,
    )
    return Part((change,), pair.settled.findings + draft.findings)


def _replace(pair: _Pair) -> Part:
    """The old row is soft-deleted first, so that two rows of one manifest are never live at once, not after a crash."""
    if pair.binding.how is How.ID:
        return Part(findings=(*pair.settled.findings, _adopted_pinned(pair.desired, pair.live)))
    peers = tuple(pair.scene.rows[pair.resource.kind].live.values()) or (pair.live,)
    draft = pair.resource.create(pair.desired, pair.own_tag, peers)
    retire = () if pair.live.deleted else (pair.resource.remove(pair.live.id),)
    draft = Draft((*retire, *draft.requests), draft.effects, draft.findings, draft.added, draft.removed)
    change = _created(pair.scene, pair.resource, pair.desired, draft, Action.REPLACE, pair.live)
    findings = (*pair.settled.findings, *draft.findings, _kind_pinned(pair.desired, pair.live))
    return Part((change,), findings)


def _delete(scene: Scene, resource: Resource, item: removal.Removal) -> Change:
    cause = Cause.MANIFEST if scene.base is not None else None
    return Change(
        Action.DELETE,
        resource.kind,
        item.name,
        item.live.id,
        item.source,
        (FieldChange("deleted", False, True, cause),),
        (resource.remove(item.live.id),),
        tag=item.live.tag,
        expected=item.live,
    )


def _field_changes(pair: _Pair, edit: Edit) -> tuple[FieldChange, ...]:
    wire, there, wanted = pair.resource.wire, pair.live.fields, pair.settled.fields
    found = [FieldChange(name, wire(there.get(name)), wire(wanted[name]), _cause(pair, name)) for name in edit.changed]
    if edit.retag:
        old, new = (str(tag) if tag else None for tag in (pair.live.tag, pair.tag))
        found.insert(0, FieldChange("tag", old, new, Cause.MANIFEST if pair.scene.base is not None else None))
    if pair.live.deleted:
        found.insert(0, FieldChange("deleted", True, False, Cause.DRIFT if pair.before is not None else None))
    return tuple(found)


def _cause(pair: _Pair, name: str) -> Cause | None:
    """Why a field differs: what the kind knows, else what the base tells (design §4)."""
    if name in pair.settled.causes:
        return pair.settled.causes[name]
    if pair.scene.base is None:
        return None
    if pair.binding.how is How.ID and (pair.before is None or pair.before.id != pair.desired.id):
        return Cause.ADOPT
    if pair.before is None or pair.before.tombstone or name not in pair.before.fields:
        return Cause.MANIFEST
    return Cause.DRIFT if pair.before.fields[name] == pair.desired.fields[name] else Cause.MANIFEST


def _covered(so_far: Coverage, rows: Rows, resolution: Resolution) -> Coverage:
    """Count *rows* by owner: ours, other namespaces', nobody's."""
    ours = {id for id in resolution.claimed if id in rows.live} | {
        row.id for row in rows.live.values() if row.tag is not None and row.tag.namespace == rows.namespace
    }
    foreign = sum(row.tag is not None and row.id not in ours for row in rows.live.values())
    creators = Counter(row.creator for row in resolution.untagged)
    return Coverage(
        so_far.managed + len(ours),
        so_far.unmanaged + len(resolution.untagged),
        so_far.foreign + foreign,
        so_far.creators + tuple(sorted(creators.items(), key=lambda item: (-item[1], str(item[0])))),
    )


def _limits(changes: Sequence[Change], policy: Policy) -> list[Finding]:
    """The limit on people: how many distinct addresses a plan may newly add (design §3)."""
    added = {person for change in changes for person in change.added}
    if policy.max_new_recipients is None or len(added) <= policy.max_new_recipients:
        return []
    return [
        rules.TOO_MANY_RECIPIENTS.finding(
            f"{len(added)} addresses would be newly added, more than policy.max_new_recipients "
            f"({policy.max_new_recipients}) allows; split the change, or raise the limit in a change of its own"
        )
    ]


def _in_scope(scene: Scene, name: str | None) -> bool:
    return scene.scope is None or name is None or name in scene.scope


def _order(change: Change) -> tuple[bool, str, str, int]:
    """Removals last, then by kind and name: what fails early then leaves more rows than wanted, not fewer."""
    return change.action is Action.DELETE, change.kind, change.name, change.id or 0


def _finding_order(finding: Finding) -> tuple[int, str, str, int]:
    rank = ("block", "warning", "note").index(finding.severity)
    return rank, finding.name or "", finding.rule, finding.id or 0


def _twin(desired: Desired, row: Live, like: str) -> Finding:
    return rules.TWIN.finding(
        f"row {row.id} looks like the same subscription ({like}); to adopt it, add under metadata:  id: {row.id}  "
        f"or, if both are meant:  distinct: [{row.id}]",
        name=desired.name,
        source=desired.manifest.source,
        id=row.id,
    )


def _recreate(desired: Desired) -> Finding:
    return rules.RECREATE.finding(
        "its row is gone although the manifest existed at the base; creating it again mails everybody again; "
        "find out who removed it, then say --allow-recreate",
        name=desired.name,
        source=desired.manifest.source,
    )


def _kind_pinned(desired: Desired, live: Live) -> Finding:
    return rules.KIND_PINNED.finding(
        f"this server does not let row {live.id} change between insight and dashboard: it is soft-deleted and a new "
        "row is created",
        name=desired.name,
        source=desired.manifest.source,
        id=live.id,
    )


def _adopted_pinned(desired: Desired, live: Live) -> Finding:
    return rules.ADOPTED_PINNED.finding(
        f"row {live.id}, adopted by id, cannot change between insight and dashboard on this server; "
        "remove the id to have a new row created, and delete the old one in PostHog",
        name=desired.name,
        source=desired.manifest.source,
        id=live.id,
    )
