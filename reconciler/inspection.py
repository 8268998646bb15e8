"""From what a plan is made of to what `show` and `who` say: one subscription whole, or all that reaches a person.

Pure, and read from the very scene that the plan is made from, so that the two never contradict each other. Knows
identity and plans; knows no HTTP, no rendering, and no field of any kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import identity
from .identity import Resolution, Rows
from .model import Action, Change, Config, Deliveries, Desired, Environment, Finding, Live, Manifest, Plan, Tag
from .planner import Scene
from .privacy import Address
from .resource import Kinds, Resource
from .sightings import Owner, Portrait, Reach, Sighting, Standing

# Every server answers on it, also those that moved away from the page's /api/environments (contract §2.1).
_API = "api/projects"


@dataclass(frozen=True, slots=True)
class Observed:
    """An environment as it is and as an apply would make it: what its plan is made from, and the plan."""

    scene: Scene
    plan: Plan


def portrait(observed: Observed, kinds: Kinds, name: str) -> Portrait | None:
    """What is known of the manifest *name*, or of a row that goes under it; None where there is neither."""
    for case in _cases(observed, kinds):
        subject = _named(case, name)
        if subject is not None:
            return _portrait(case, subject, name)
    return None


def names(observed: Observed) -> set[str]:
    """Every name under which `portrait` finds something."""
    scene = observed.scene
    found = {desired.name for desired in scene.wanted} | {manifest.name for manifest in scene.elsewhere}
    for rows in scene.rows.values():
        found |= {tag.name for tag in (*rows.live_by_tag, *rows.deleted_by_tag) if tag.namespace == rows.namespace}
    return found | {change.name for change in observed.plan.changes}


def reach(observed: Observed, kinds: Kinds, config: Config, address: Address) -> Reach:
    """Every row and manifest that sends to *address*, will after an apply, or would if it were not kept out."""
    subjects = [(case, subject) for case in _cases(observed, kinds) for subject in _subjects(case)]
    found = (_sighting(case, subject, config, address) for case, subject in subjects)
    others = {each.value: each for case, subject in subjects for each in _lookalikes(case, subject, address)}
    return Reach(
        observed.scene.environment,
        address,
        tuple(sighting for sighting in found if sighting is not None),
        tuple(others[text] for text in sorted(others)),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """One kind in one environment: its rows, who has which of them, and what the plan does.

    `changes` are by the row that they are about, or by the name that they make a row for.
    """

    resource: Resource
    rows: Rows
    resolution: Resolution
    elsewhere: tuple[Manifest, ...]
    changes: Mapping[int | str, Change]
    observed: Observed

    @property
    def environment(self) -> Environment:
        return self.observed.scene.environment

    def change(self, live: Live | None, name: str | None) -> Change | None:
        """What the plan does with the row *live*, or to make one for *name* where there is none."""
        return self.changes.get(live.id if live is not None else name or "")

    def findings(self, name: str | None) -> tuple[Finding, ...]:
        """What the plan says about *name*."""
        return tuple(finding for finding in self.observed.plan.findings if name is not None and finding.name == name)


@dataclass(frozen=True, slots=True)
class _Subject:
    """A row, a manifest, or both. `desired` is the manifest worked out for this environment, if it is meant for it."""

    owner: Owner
    live: Live | None = None
    desired: Desired | None = None
    manifest: Manifest | None = None
    name: str | None = None

    @property
    def wanted(self) -> Desired | None:
        """What the row shall be, where it shall be at all."""
        return None if self.desired is None or self.desired.tombstone else self.desired


def _cases(observed: Observed, kinds: Kinds) -> Iterator[_Case]:
    scene = observed.scene
    for kind, rows in scene.rows.items():
        wanted = tuple(desired for desired in scene.wanted if desired.manifest.kind == kind)
        elsewhere = tuple(manifest for manifest in scene.elsewhere if manifest.kind == kind)
        changes = {change.id or change.name: change for change in observed.plan.changes if change.kind == kind}
        yield _Case(kinds[kind], rows, identity.resolve(wanted, rows), elsewhere, changes, observed)


def _named(case: _Case, name: str) -> _Subject | None:
    """The manifest *name* with its row; else a row that still goes under the name."""
    for binding in case.resolution.bindings:
        if binding.desired.name == name:
            return _managed(binding.desired, binding.live)
    tag = Tag(case.rows.namespace, name)
    manifest = _elsewhere(case, name)
    rows = case.rows.live_by_tag.get(tag, ()) or case.rows.deleted_by_tag.get(tag, ())
    gone = [change.expected for change in case.changes.values() if change.name == name]
    live = next(iter((*reversed(rows), *gone)), None)
    return None if manifest is None and live is None else _Subject(Owner.LEFTOVER, live, manifest=manifest, name=name)


def _elsewhere(case: _Case, name: str) -> Manifest | None:
    """The manifest *name*, if it is meant for other environments only."""
    return next((manifest for manifest in case.elsewhere if manifest.name == name), None)


def _portrait(case: _Case, subject: _Subject, name: str) -> Portrait:
    resource, live = case.resource, subject.live
    change = case.change(live, name)
    is_there = live is not None and not live.deleted
    if subject.wanted is not None and not is_there:
        recipients = resource.recipients(subject.wanted.fields)
    else:
        recipients = resource.recipients(live.fields) if live is not None else ()
    page = resource.page(live) if live is not None else None
    return Portrait(
        case.environment,
        name,
        case.observed.plan.base,
        subject.manifest,
        live,
        f"{case.environment.host}/{page}" if page is not None else None,
        _api(case, live),
        recipients,
        resource.silence(live) if is_there and live is not None else None,
        change,
        _deliveries(case, subject, change),
        case.findings(name),
    )


def _api(case: _Case, live: Live | None) -> str | None:
    if live is None:
        return None
    return f"{case.environment.host}/{_API}/{case.environment.project_id}/{case.resource.retrieve(live.id).path}"


def _deliveries(case: _Case, subject: _Subject, change: Change | None) -> Deliveries | None:
    """The next deliveries as things stand, and after an apply."""
    if change is not None and change.deliveries is not None:
        return change.deliveries
    if subject.live is None:
        return None
    found = case.resource.deliveries(subject.live, subject.wanted)
    is_going = change is not None and change.action is Action.DELETE
    return Deliveries(found.before, (), found.timezone) if is_going else found


def _subjects(case: _Case) -> Iterator[_Subject]:
    """Every live row, then every manifest that has none."""
    bound = {binding.live.id: binding.desired for binding in case.resolution.bindings if binding.live is not None}
    claims = _claims(case)
    with_rows = set()
    for row in case.rows.live.values():
        subject = _of_row(case, row, bound.get(row.id), claims)
        with_rows.add(subject.name)
        yield subject
    for binding in case.resolution.bindings:
        is_live = binding.live is not None and not binding.live.deleted
        if not is_live and binding.desired.name not in with_rows:
            yield _managed(binding.desired, binding.live)


def _claims(case: _Case) -> dict[Tag | int, Desired]:
    """The manifests by the tags and ids of rows that they lead to, also where something blocks them."""
    found: dict[Tag | int, Desired] = {}
    for binding in case.resolution.bindings:
        desired = binding.desired
        for name in (*desired.manifest.previous_names, desired.name):
            found[Tag(case.rows.namespace, name)] = desired
        if desired.id is not None:
            found[desired.id] = desired
    return found


def _of_row(case: _Case, row: Live, desired: Desired | None, claims: dict[Tag | int, Desired]) -> _Subject:
    desired = desired or claims.get(row.tag or row.id)
    if desired is not None:
        return _managed(desired, row)
    if row.tag is not None and row.tag.namespace != case.rows.namespace:
        return _Subject(Owner.FOREIGN, row)
    if row.tag is not None:
        name = row.tag.name
        return _Subject(Owner.LEFTOVER, row, manifest=_elsewhere(case, name), name=name)
    change = case.change(row, None)
    if change is not None:
        # A manifest adopted the row at the base, and is gone since.
        return _Subject(Owner.LEFTOVER, row, name=change.name)
    return _Subject(Owner.UNMANAGED, row)


def _managed(desired: Desired, live: Live | None) -> _Subject:
    return _Subject(Owner.MANAGED, live, desired, desired.manifest, desired.name)


def _sighting(case: _Case, subject: _Subject, config: Config, address: Address) -> Sighting | None:
    resource, live = case.resource, subject.live
    change = case.change(live, subject.name)
    now = live is not None and not live.deleted and _reaches(resource, live, address)
    standing = _standing(now, after=_is_reached_after(resource, change, address, now=now))
    if standing is None:
        wanted = subject.wanted
        if wanted is None or not resource.is_among(address, resource.recipients(wanted.fields)):
            return None
        standing = Standing.KEPT_OUT
    page = resource.page(live) if live is not None else None
    manifest = subject.manifest
    return Sighting(
        standing,
        subject.owner,
        subject.name,
        manifest.source if manifest is not None else (change.source if change is not None else None),
        live,
        f"{case.environment.host}/{page}" if page is not None else None,
        resource.ways(manifest, config, address) if manifest is not None and subject.wanted is not None else (),
        resource.silence(live) if now and live is not None else None,
        case.findings(subject.name),
    )


def _standing(now: bool, *, after: bool) -> Standing | None:
    if now:
        return Standing.REACHED if after else Standing.LEAVING
    return Standing.COMING if after else None


def _is_reached_after(resource: Resource, change: Change | None, address: Address, *, now: bool) -> bool:
    """Whether *address* is on the list once *change* was carried out."""
    if change is None:
        return now
    if change.action is Action.DELETE:
        return False
    if resource.is_among(address, change.added):
        return True
    if resource.is_among(address, change.removed):
        return False
    # A row that comes back brings its people along.
    return change.expected is not None and _reaches(resource, change.expected, address)


def _lookalikes(case: _Case, subject: _Subject, address: Address) -> Iterator[Address]:
    """The addresses of the subject that differ from *address* in capital letters only, and not in its domain's."""
    folded = address.value.casefold()
    for fields in (part.fields for part in (subject.live, subject.wanted) if part is not None):
        for each in case.resource.recipients(fields):
            is_like = isinstance(each, Address) and each.value.casefold() == folded
            if isinstance(each, Address) and is_like and not case.resource.is_among(address, (each,)):
                yield each


def _reaches(resource: Resource, live: Live, address: Address) -> bool:
    return resource.is_among(address, resource.recipients(live.fields))
