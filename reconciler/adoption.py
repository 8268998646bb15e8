"""Live rows -> manifests that adopt them, each proven: valid by schema and rules, and planning nothing. Pure.

Names the manifests, and tells why a row gets none. Knows rows and manifests; knows no files and no server.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import diff, schema
from .errors import UsageError
from .imports import Imported, Skipped, Written
from .model import Config, Environment, Json, Live, Manifest, Source
from .privacy import Message, guarded, joined, listed, say
from .resource import Resource, Wish

_EXTERNAL = "domain-not-allowed"
_LONGEST = 48


@dataclass(frozen=True, slots=True)
class Scope:
    """Where rows are imported: the tree's config, environment and manifests, and the ids a person named (none: all)."""

    config: Config
    environment: Environment
    manifests: tuple[Manifest, ...]
    ids: frozenset[int]


def adopt(rows: Iterable[Live], scope: Scope, resource: Resource) -> Imported:
    """A manifest for each of *rows* that no manifest has; tagged ones are left out unless they are named.

    UsageError where a row that was named is not there.
    """
    there = sorted(rows, key=lambda row: row.id)
    working = _Working(scope, resource, _ours(there, scope))
    tagged = 0
    for row in there:
        if row.id in scope.ids or (not scope.ids and row.tag is None):
            working.take(row)
        elif not scope.ids:
            tagged += 1
    if missing := scope.ids - working.seen:
        what = "row" if len(missing) == 1 else "rows"
        raise UsageError(
            f"no live {what} ",
            *listed(sorted(missing)),
            f" in project {scope.environment.project_id} on {scope.environment.host}; nothing was written",
        )
    return Imported(scope.environment, tuple(working.written), tuple(working.skipped), tagged, working.leftovers)


def _ours(rows: Iterable[Live], scope: Scope) -> Mapping[str, int]:
    """The rows that carry our tag, by the name in it."""
    tags = ((row.tag, row.id) for row in rows)
    return {tag.name: id for tag, id in tags if tag is not None and tag.namespace == scope.config.namespace}


@dataclass(slots=True)
class _Working:
    """What was made so far."""

    scope: Scope
    resource: Resource
    ours: Mapping[str, int]
    written: list[Written] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    _names: set[str] = field(init=False)
    _owners: dict[int, Manifest] = field(init=False)

    def __post_init__(self) -> None:
        here = self.scope.environment.name
        manifests = [manifest for manifest in self.scope.manifests if manifest.kind == self.resource.kind]
        self._names = {name for manifest in manifests for name in (manifest.name, *manifest.previous_names)}
        ids = [(manifest.id_in(here), manifest) for manifest in manifests if manifest.lives_in(here)]
        self._owners = {id: manifest for id, manifest in ids if id is not None}

    @property
    def leftovers(self) -> tuple[int, ...]:
        """The rows that carry our tag and have no manifest, so that an apply removes them."""
        return tuple(sorted(id for name, id in self.ours.items() if name not in self._names))

    def take(self, row: Live) -> None:
        """Write or skip *row*."""
        self.seen.add(row.id)
        why = self._refusal(row)
        if why is None:
            name = self._name(row)
            made = self._manifest(row, name)
            if isinstance(made, Written):
                self._names.add(name)
                self.written.append(made)
                return
            why = made
        self.skipped.append(Skipped(row.id, why))

    def _refusal(self, row: Live) -> Message | None:
        """Why *row* is not ours to describe."""
        owner = self._owners.get(row.id)
        if owner is not None:
            return say(f"the manifest {owner.name} at {owner.source} has it already")
        if row.tag is None:
            return None
        if row.tag.namespace != self.scope.config.namespace:
            return say(f"it carries {row.tag}, the tag of another namespace; import it there")
        if row.tag.name in self._names:
            return say(f"it carries {row.tag}, and there is a manifest of that name")
        return None

    def _name(self, row: Live) -> str:
        """The name of its tag, or one made of its title, that no other manifest has."""
        if row.tag is not None:
            return row.tag.name
        by_id = f"{self.resource.kind.lower()}-{row.id}"
        name = slug(row.fields.get("title")) or by_id
        longer = f"{name[: _LONGEST - 1 - len(str(row.id))]}-{row.id}"
        # A name in the tag of another live row would block the next plan: two rows for one manifest.
        return next((free for free in (name, longer) if free not in self._names and free not in self.ours), by_id)

    def _manifest(self, row: Live, name: str) -> Written | Message:
        """The manifest of *row*, or why there can be none."""
        spelled = self.resource.spelled(row)
        if spelled.spec is None:
            return spelled.why
        metadata: dict[str, Any] = {"name": name, "id": row.id}
        if len(self.scope.config.environments) > 1:
            metadata["environments"] = [self.scope.environment.name]
        document = {
            "apiVersion": schema.API_VERSION,
            "kind": self.resource.kind,
            "metadata": metadata,
            "spec": dict(spelled.spec),
        }
        checked = self._checked(document)
        if checked.problems and all(problem.rule == _EXTERNAL for problem in checked.problems):
            # The row mails them today; to say so is not to add anybody.
            metadata["external"] = True
            checked = self._checked(document)
        if checked.problems:
            return say("no manifest can say it: ", *joined((each.message for each in checked.problems), ". "))
        if different := self._different(checked.manifests[0], row):
            return say("no manifest can say its ", *listed(different))
        return Written(row.id, name, document)

    def _checked(self, document: Json) -> schema.Checked:
        made = _Document(Source("", 1), document)
        kinds = {self.resource.kind: self.resource}
        return schema.check([made], config=self.scope.config, kinds=kinds, locate=schema.nowhere)

    def _different(self, manifest: Manifest, row: Live) -> tuple[str, ...]:
        """The fields that the next plan would change; a manifest is written only where there are none."""
        desired = self.resource.desired(manifest, self.scope.config, self.scope.environment)
        settled = self.resource.settle(desired, row, None, Wish(reanchor=False))
        return diff.changed(row.fields, settled.fields)


@dataclass(frozen=True, slots=True)
class _Document:
    source: Source
    data: Json
    is_sound: bool = False


def slug(title: Any) -> str:
    """*title* as the name of a manifest: `Übersicht: Q3!` is `ubersicht-q3`; nothing where no letter is left.

    An address in it is left out: names stand in tags, in paths and in every log.
    """
    plain = "".join(part for part in _public(title)) if isinstance(title, str) else ""
    text = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].rstrip("-")


def _public(title: str) -> Iterator[str]:
    return (part for part in guarded(title, tokens=False) if isinstance(part, str))
