"""From manifests and rows to a Plan: which changes, in which order, what blocks them, and their digest. Pure.

Knows how the parts follow one another; identity, removal and the kinds know the rest. Does not know HTTP, files,
rendering, or where the rows came from.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from . import diff, identity, removal, rules
from .identity import Binding, How, Rows
from .model import (
    Action,
    Cause,
    Change,
    Coverage,
    Desired,
    Environment,
    FieldChange,
    Fields,
    Finding,
    Live,
    Manifest,
    Plan,
    Policy,
    Severity,
    Tag,
)
from .privacy import Private, listed
from .removal import Base, Case, Pruning, Removal
from .resource import Edit, Kinds, Resource, Settled, Wish


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a plan of one environment is made from.

    `wanted` are the manifests that name this environment, `elsewhere` those that do not; `rows` are the proven listing
    of each kind; `scope` are the names whose changes are kept (None: all), although all of them are judged. What
    blocks a manifest outside the scope does not stop the others: a doubt about one row blocks every manifest that
    claims it, so that those in scope are safe by their own findings. Nothing is removed where there is a scope.
    `audited` are findings about what is only compared.
    """

    environment: Environment
    namespace: str
    policy: Policy
    wanted: tuple[Desired, ...]
    rows: Mapping[str, Rows]
    elsewhere: tuple[Manifest, ...] = ()
    base: Base | None = None
    pruning: Pruning = field(default_factory=Pruning)
    wish: Wish = field(default_factory=Wish)
    allow_recreate: bool = False
    scope: frozenset[str] | None = None
    audited: tuple[Finding, ...] = ()


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
        elsewhere = tuple(manifest for manifest in scene.elsewhere if manifest.kind == kind)
        resolution = identity.resolve(wanted, rows)
        case = Case(resolution, rows, scene.environment.name, scene.base, elsewhere)
        parts.append(_of_kind(_Ground.of(scene, kinds[kind], case)))
        coverage = _covered(coverage, case)
    changes = sorted((change for part in parts for change in part.changes if _in_scope(scene, change.name)), key=_order)
    found = (*(finding for part in parts for finding in part.findings), *scene.audited)
    findings = [finding for finding in found if _in_scope(scene, finding.name)]
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


class Fingerprint(NamedTuple):
    """One change in a few characters: what it does, and whom it reaches (empty where it reaches nobody).

    Both hang on the environment, the namespace and the real values, as the digest does; unlike the digest they tell one
    change from another, so that a part of a reviewed plan is known for one.
    """

    essence: str
    reach: str


def fingerprint(environment: Environment, namespace: str, change: Change) -> Fingerprint:
    """The Fingerprint of *change*; the order of effects, why they come and whether they are sure do not count."""
    place = [environment.name, environment.host, environment.project_id, namespace]
    reached = sorted({json.dumps(item, default=_revealed) for item in _reached(change)})
    return Fingerprint(
        _short([place, _essence(change)]), _short([place, change.kind, change.name, reached]) if reached else ""
    )


def _reached(change: Change) -> Iterator[list[Any]]:
    """Who or what is reached by *change*, how and when."""
    for effect in change.effects:
        for whom in effect.recipients or (effect.channel,):
            yield [effect.effect, effect.when, whom]


def _short(facts: Any) -> str:
    """*facts* as 12 characters, 72 bits: enough that nobody finds other facts with the same ones."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=_revealed)
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:9]).decode()


def _essence(change: Change) -> list[Any]:
    fields = sorted(([item.field, item.before, item.after] for item in change.fields), key=lambda item: str(item[0]))
    return [change.action, change.kind, change.name, change.id, fields]


def _revealed(value: Any) -> Any:
    if isinstance(value, Private):
        return value.value
    raise TypeError(f"not a JSON value: {type(value).__name__}")


_Likes = list[tuple[Live, str]]
"""Rows that look like a manifest's, each with what the two have in common."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the manifests of one kind are planned on.

    `strangers` are the rows without a tag, `orphans` those of ours without a manifest, and `buried` the soft-deleted
    ones without, where a base can tell who had left them; each by what they are about.
    """

    scene: Scene
    resource: Resource
    case: Case
    strangers: Mapping[Hashable, Sequence[Live]]
    orphans: Mapping[Hashable, Sequence[Live]]
    buried: Mapping[Hashable, Sequence[Live]]

    @classmethod
    def of(cls, scene: Scene, resource: Resource, case: Case) -> _Ground:
        found = case.resolution
        buried = (
            [] if scene.base is None else identity.unclaimed(case.rows.deleted.values(), found, case.rows.namespace)
        )
        return cls(
            scene, resource, case, *(_by_subject(resource, rows) for rows in (found.untagged, found.orphans, buried))
        )


def _by_subject(resource: Resource, rows: Iterable[Live]) -> Mapping[Hashable, Sequence[Live]]:
    found = defaultdict(list)
    for row in rows:
        found[resource.subject(row.fields)].append(row)
    return found


def _of_kind(ground: _Ground) -> Part:
    scene, case = ground.scene, ground.case
    drafts = [_of_binding(ground, binding) for binding in case.resolution.bindings]
    pairs = [each for group in drafts for each in group if isinstance(each, _Pair)]
    changed = iter(diff.changes([(pair.live.fields, pair.settled.fields) for pair in pairs]))
    parts = [
        _safest([each if isinstance(each, Part) else _close(each, next(changed)) for each in group]) for group in drafts
    ]
    going = removal.choose(case, _pruning(scene), scene.policy)
    deletes = [_delete(scene, ground.resource, item) for item in going.rows]
    return Part(
        tuple(change for part in parts for change in part.changes) + tuple(deletes),
        tuple(finding for part in parts for finding in part.findings) + going.findings,
        tuple(name for part in parts for name in part.unchanged),
    )


def _pruning(scene: Scene) -> Pruning:
    """What may be removed: with a scope nothing, whatever the caller says (design §4)."""
    if scene.scope is None or scene.pruning.refused is not None:
        return scene.pruning
    return replace(scene.pruning, refused="this run is about a part of the tree only")


def _of_binding(ground: _Ground, binding: Binding) -> Sequence[Part | _Pair]:
    """What a manifest adds to a plan, or the pair to be compared for that; several where they are to choose from."""
    scene, desired, live = ground.scene, binding.desired, binding.live
    if binding.blocked:
        return (Part(findings=binding.blocked),)
    if desired.tombstone:
        # A live row of a tombstone is removed with the others, under the same limits.
        return (Part(unchanged=(desired.name,) if live is None or live.deleted else ()),)
    if live is None:
        return (_create(ground, desired),)
    known = scene.base.before(desired, live) if scene.base is not None else None
    befores = [known] if known is not None else _predecessors(ground, desired, live) or [None]
    found = [_of_row(ground, binding, live, before) for before in befores]
    return found if len(found) == 1 else [*found, Part(findings=(_taken_over(desired, live, befores),))]


def _safest(parts: Sequence[Part]) -> Part:
    """The one of *parts* to plan: where it may have been several manifests' row, the first that adds nobody.

    Only such a one is safe whichever of them it was; the last one of several adds nobody, and blocks.
    """
    if len(parts) == 1:
        return parts[0]
    safe = (part for part in parts if not any(change.added for change in part.changes))
    return next(safe)


def _predecessors(ground: _Ground, desired: Desired, live: Live) -> list[Desired | None]:
    """Whose row it may have been at the base, where an apply since then took it over and wrote the new tag.

    Nothing on the row tells that any more, and whoever had left it by then must stay out of it (promise 3).
    """
    scene, case = ground.scene, ground.case
    was_taken_over = desired.manifest.takeover and live.tag == identity.tag_of(desired, scene.namespace)
    if scene.base is None or not was_taken_over:
        return []
    others = [each.desired.manifest for each in case.resolution.bindings if each.live not in (None, live)]
    settled = {name for manifest in others for name in (manifest.name, *manifest.previous_names)}
    found = scene.base.predecessors(live, settled, {*case.rows.live_by_tag, *case.rows.deleted_by_tag})
    return [*(then for then in found if ground.resource.likeness(then, live))] or [*found]


def _of_row(ground: _Ground, binding: Binding, live: Live, before: Desired | None) -> Part | _Pair:
    """The manifest and its row, if the manifest was *before* at the base; or why the row stays as it is."""
    desired = binding.desired
    settled = ground.resource.settle(desired, live, before, ground.scene.wish)
    if about_former := tuple(_about_former_row(ground, desired, live)):
        settled = replace(settled, findings=(*settled.findings, *about_former))
    if any(finding.severity is Severity.BLOCK for finding in settled.findings):
        return Part(findings=settled.findings)
    if live.deleted and settled.stays_deleted:
        return Part(findings=settled.findings, unchanged=(desired.name,))
    if live.deleted and binding.how is not How.ID and (twins := _twins(ground, desired)):
        return Part(findings=(*settled.findings, _twin(desired, twins)))
    return _Pair(ground.scene, ground.resource, binding, desired, live, before, settled)


def _create(ground: _Ground, desired: Desired) -> Part:
    """Steps 5 and 6: a new row, unless something says that there is, or was, one already."""
    scene, resource = ground.scene, ground.resource
    before = scene.base.before(desired) if scene.base is not None else None
    former = _alike(ground.resource, desired, ground.orphans)
    if (doubt := _doubt(ground, desired, before, former)) is not None:
        return Part(findings=(doubt,))
    tag = identity.tag_of(desired, scene.namespace)
    draft = resource.create(desired, tag, ground.case.rows.sample)
    cause = _known(scene, Cause.MANIFEST if before is None else Cause.DRIFT)
    sent = [(name, resource.wire(value)) for name, value in desired.fields.items() if value is not None]
    change = Change(
        Action.CREATE,
        resource.kind,
        desired.name,
        None,
        desired.manifest.source,
        tuple(FieldChange(name, None, value, cause) for name, value in (*sent, *desired.write_only.items())),
        draft.requests,
        draft.effects,
        draft.added,
        draft.removed,
        tag,
        deliveries=draft.deliveries,
    )
    return Part((change,), (*draft.findings, *([_renamed(desired, former)] if former else [])))


def _doubt(ground: _Ground, desired: Desired, before: Desired | None, former: _Likes) -> Finding | None:
    """Why no row is made: it has a twin, somebody would be back who left, or it existed before."""
    scene = ground.scene
    if twins := _twins(ground, desired):
        return _twin(desired, twins)
    for row, _ in (*former, *_alike(ground.resource, desired, ground.buried)):
        if departed := _departed(ground, desired, row):
            return _readded(desired, row, departed)
    if before is not None and not scene.allow_recreate:
        return _recreate(desired, _under_old_namespace(ground, desired))
    return None


def _twins(ground: _Ground, desired: Desired) -> _Likes:
    """The live rows without a tag that would mail the same people beside this manifest's own."""
    found = _alike(ground.resource, desired, ground.strangers)
    return [(row, like) for row, like in found if row.id not in desired.manifest.distinct]


def _alike(resource: Resource, desired: Desired, rows: Mapping[Hashable, Sequence[Live]]) -> _Likes:
    """Those of *rows*, by what they are about, that look like *desired*, each with what they have in common."""
    found = ((row, resource.likeness(desired, row)) for row in rows.get(resource.subject(desired.fields), ()))
    return [(row, like) for row, like in found if like is not None]


def _about_former_row(ground: _Ground, desired: Desired, live: Live) -> Iterator[Finding]:
    """What is to be said of another row that the manifest had adopted at the base, and that is live still."""
    scene, case = ground.scene, ground.case
    then = scene.base.former(desired, live) if scene.base is not None else None
    row = case.rows.live.get(then.id) if then is not None and then.id is not None else None
    if row is None:
        return
    there = ground.resource.recipients(live.fields)
    if departed := [person for person in _departed(ground, desired, row) if person not in there]:
        yield _readded(desired, row, departed)
    if row.id not in case.resolution.claimed and row.tag is None:
        yield _left_behind(desired, live, row)


def _departed(ground: _Ground, desired: Desired, row: Live) -> Sequence[Private]:
    """Whom *desired* names that had left *row*, which was another manifest's, or this one's, at the base."""
    base = ground.scene.base
    owners = base.owners(row, ground.scene.namespace) if base is not None else ()
    findings = (
        finding
        for then in owners
        for finding in ground.resource.settle(desired, row, then, ground.scene.wish).findings
        if finding.rule == rules.UNSUBSCRIBED.id
    )
    return list(dict.fromkeys(part for finding in findings for part in finding.message if isinstance(part, Private)))


def _under_old_namespace(ground: _Ground, desired: Desired) -> Live | None:
    """The live row that is the manifest's but for the namespace, which was another one at the base."""
    base, by_tag = ground.scene.base, ground.case.rows.live_by_tag
    if base is None or base.namespace in ("", ground.scene.namespace):
        return None
    names = (desired.name, *desired.manifest.previous_names)
    return next((row for name in names for row in by_tag.get(Tag(base.namespace, name), ())), None)


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


def _close(pair: _Pair, changed: tuple[str, ...]) -> Part:
    """What closes the difference between a manifest and its row, in *changed*: nothing, an edit, or a new row."""
    if changed and pair.resource.is_pinned(pair.live, pair.settled.fields, changed):
        return _replace(pair)
    retag = pair.binding.how is not How.TAG and pair.tag != pair.live.tag
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
        _field_changes(pair, edit, draft.requests[-1].body or {}),
        draft.requests,
        draft.effects,
        draft.added,
        draft.removed,
        pair.tag,
        pair.live,
        draft.deliveries,
    )
    return Part((change,), pair.settled.findings + draft.findings)


def _replace(pair: _Pair) -> Part:
    """The old row is soft-deleted first, so that two rows of one manifest are never live at once, not after a crash.

    The new row is what the old one should have become: who unsubscribed stays out, what is switched off stays off.
    """
    if pair.binding.how is How.ID:
        return Part(findings=(*pair.settled.findings, _adopted_pinned(pair.desired, pair.live)))
    resource, live = pair.resource, pair.live
    fields = {name: pair.settled.fields.get(name, live.fields.get(name)) for name in pair.desired.fields}
    wanted = replace(pair.desired, fields=fields)
    draft = resource.create(wanted, pair.own_tag, (live,), replaced=live)
    # Only those who were not on the old row are newly added, although everybody is mailed again.
    moved = resource.edit(Edit(wanted, live, fields, diff.changed(live.fields, fields), pair.own_tag))
    retire = () if live.deleted else (resource.remove(live.id),)
    change = Change(
        Action.REPLACE,
        resource.kind,
        wanted.name,
        live.id,
        wanted.manifest.source,
        _fields_of_new_row(pair, wanted),
        (*retire, *draft.requests),
        draft.effects,
        moved.added,
        moved.removed,
        pair.own_tag,
        live,
        draft.deliveries,
    )
    return Part((change,), (*pair.settled.findings, *draft.findings, _kind_pinned(pair.desired, live)))


def _fields_of_new_row(pair: _Pair, wanted: Desired) -> tuple[FieldChange, ...]:
    """Every field that one of the two rows has, as with a create; those that stay the same have no cause."""
    wire, there = pair.resource.wire, pair.live.fields
    changed = diff.changed(there, wanted.fields)
    return tuple(
        FieldChange(name, wire(there.get(name)), wire(value), _cause(pair, name) if name in changed else None)
        for name, value in wanted.fields.items()
        if value is not None or there.get(name) is not None
    ) + _told_once(pair, wanted.write_only)


def _told_once(pair: _Pair, write_only: Fields) -> tuple[FieldChange, ...]:
    """Fields that are sent and never shown again: nobody knows what was there before."""
    cause = _known(pair.scene, Cause.MANIFEST)
    return tuple(FieldChange(name, None, value, cause) for name, value in write_only.items())


def _delete(scene: Scene, resource: Resource, item: Removal) -> Change:
    return Change(
        Action.DELETE,
        resource.kind,
        item.name,
        item.live.id,
        item.source,
        (FieldChange("deleted", False, True, _known(scene, _cause_of_removal(scene, item))),),
        (resource.remove(item.live.id),),
        tag=item.live.tag,
        expected=item.live,
    )


def _field_changes(pair: _Pair, edit: Edit, sent: Fields) -> tuple[FieldChange, ...]:
    wire, there, wanted = pair.resource.wire, pair.live.fields, pair.settled.fields
    found = [FieldChange(name, wire(there.get(name)), wire(wanted[name]), _cause(pair, name)) for name in edit.changed]
    if edit.retag:
        old, new = (str(tag) if tag else None for tag in (pair.live.tag, pair.tag))
        found.insert(0, FieldChange("tag", old, new, _cause(pair, "tag")))
    if pair.live.deleted:
        found.insert(0, FieldChange("deleted", True, False, _cause(pair, "deleted")))
    write_only = {name: value for name, value in pair.desired.write_only.items() if name in sent}
    return (*found, *_told_once(pair, write_only))


def _cause(pair: _Pair, name: str) -> Cause | None:
    """Why a field differs: what the kind knows, else what the base tells (design §4)."""
    if name in pair.settled.causes:
        return pair.settled.causes[name]
    if pair.binding.how is How.ID and (pair.before is None or pair.before.id != pair.desired.id):
        return _known(pair.scene, Cause.ADOPT)
    if pair.before is None or pair.before.tombstone:
        return _known(pair.scene, Cause.MANIFEST)
    was, wanted = ({"tag": it.name, "deleted": False, **it.fields} for it in (pair.before, pair.desired))
    is_same = name in was and was[name] == wanted[name]
    return _known(pair.scene, Cause.DRIFT if is_same else Cause.MANIFEST)


def _cause_of_removal(scene: Scene, item: Removal) -> Cause:
    """Git removed the manifest, or wrote the tombstone; else somebody made the row, or brought it back."""
    owners = scene.base.owners(item.live, scene.namespace) if scene.base is not None else []
    was_wanted = any(not owner.tombstone for owner in owners)
    return Cause.MANIFEST if was_wanted or (item.is_tombstone and not owners) else Cause.DRIFT


def _known(scene: Scene, cause: Cause) -> Cause | None:
    """*cause*, where a base tells (design §4)."""
    return cause if scene.base is not None else None


def _covered(so_far: Coverage, case: Case) -> Coverage:
    """Count the live rows by owner: ours, other namespaces', nobody's."""
    ours = removal.owned(case)
    others = [row for row in case.rows.live.values() if row.id not in ours]
    unmanaged = [row for row in others if row.tag is None]
    creators = Counter(row.creator for row in unmanaged)
    return Coverage(
        so_far.managed + len(ours),
        so_far.unmanaged + len(unmanaged),
        so_far.foreign + len(others) - len(unmanaged),
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


def _twin(desired: Desired, twins: _Likes) -> Finding:
    first, ids = twins[0][0].id, ", ".join(str(row.id) for row, _ in twins)
    look = "row looks" if len(twins) == 1 else "rows look"
    return rules.TWIN.about(
        desired,
        first,
        f"{look} like the same subscription: ",
        *listed(f"{row.id} ({like})" for row, like in twins),
        f"; to adopt it, add under metadata:  id: {first}  or, if both are meant:  distinct: [{ids}]",
    )


def _renamed(desired: Desired, former: _Likes) -> Finding:
    tag = former[0][0].tag
    return rules.RENAMED.about(
        desired,
        former[0][0],
        "no manifest claims any more what looks like the same subscription: row ",
        *listed(f"{row.id} ({like})" for row, like in former),
        f"; if this is its new name, add under metadata:  previousNames: [{tag and tag.name}]  and nobody is mailed",
    )


def _readded(desired: Desired, row: Live, departed: Sequence[Private]) -> Finding:
    previous = f"previousNames: [{row.tag.name}]" if row.tag is not None else f"id: {row.id}"
    return rules.READDED.about(
        desired,
        row,
        f"would mail people again who unsubscribed from row {row.id}, which looks like the one it had before: ",
        *listed(departed),
        f"; add under metadata:  {previous}  or remove them, or say --resubscribe ADDRESS for who asked to be back",
    )


def _left_behind(desired: Desired, live: Live, row: Live) -> Finding:
    return rules.MOVED.about(
        desired,
        row,
        f"has row {live.id} now, and had row {row.id} by its id at the base; row {row.id} stays live and is nobody's: "
        "delete it in PostHog, or give it a manifest",
    )


def _recreate(desired: Desired, old: Live | None) -> Finding:
    if old is not None:
        return rules.RECREATE.about(
            desired,
            old,
            f"row {old.id} carries {old.tag}, in the namespace that the config had at the base; put that back, or "
            f"add under metadata:  id: {old.id}  and  takeover: true",
        )
    return rules.RECREATE.about(
        desired,
        None,
        "its row is gone although the manifest existed at the base; creating it again mails everybody again; "
        "find out who removed it, then say --allow-recreate",
    )


def _taken_over(desired: Desired, live: Live, befores: Iterable[Desired | None]) -> Finding:
    return rules.TAKEN_OVER.about(
        desired,
        live,
        f"row {live.id} was taken over since the base, from ",
        *listed((before.name for before in befores if before is not None), " or "),
        ", so nobody can tell who of those it would add had left it; give a --base that has this manifest, or name in "
        "previousNames the one that it was",
    )


def _kind_pinned(desired: Desired, live: Live) -> Finding:
    return rules.KIND_PINNED.about(
        desired,
        live,
        f"this server does not let row {live.id} change between insight and dashboard: it is soft-deleted and a new "
        "row is created",
    )


def _adopted_pinned(desired: Desired, live: Live) -> Finding:
    return rules.ADOPTED_PINNED.about(
        desired,
        live,
        f"row {live.id}, adopted by id, cannot change between insight and dashboard on this server; "
        "remove the id to have a new row created, and delete the old one in PostHog",
    )
