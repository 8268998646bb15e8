"""Documents -> Manifests: each by its schema and its kind, then all of them together. Pure.

Every problem is found in one run; a document that is wrong by itself still takes part where it can. Knows manifests
and config; knows no YAML and no live row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import Problem
from ..model import NOTHING, Config, Environment, Json, Manifest, Source
from ..privacy import quoted
from ..resource import Kinds, Pointer
from .validators import is_accepted, violations
from .wording import Breach, Locate, Parts, breach, nearest, shown, worded

API_VERSION = "posthog-reconciler/v1"

SCHEMAS: Mapping[str, str] = {"Subscription": "subscription", "RecordingSharing": "recording-sharing"}
"""The kinds of manifests, and the name of each one's schema."""


class Document(Protocol):
    """A document and where it stands, whoever read it."""

    @property
    def source(self) -> Source:
        """Where it stands."""

    @property
    def data(self) -> Json:
        """What it says."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The manifests that are right by themselves, and everything that is wrong in all of them together."""

    manifests: tuple[Manifest, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def check(documents: Iterable[Document], *, config: Config, kinds: Kinds, locate: Locate) -> Checked:
    """The Manifests that *documents* say, and every problem: of each by itself, between them, and of their kinds."""
    checking = _Checking(config, kinds, locate)
    for document in documents:
        checking.take(document)
    checking.compare()
    return Checked(tuple(checking.manifests), in_order(checking.problems), in_order(checking.warnings))


def breaches(name: str, data: Json) -> Sequence[Breach]:
    """Every breach of the schema *name* in *data*, each once."""
    if is_accepted(name, data):
        return ()
    return tuple(dict.fromkeys(told for found in violations(name, data) for told in worded(found)))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """*problems* by file, line and column, each once."""
    places = dict.fromkeys(problems)
    return tuple(sorted(places, key=lambda found: (found.path or "", found.line or 0, found.column or 0)))


@dataclass(slots=True)
class _Checking:
    """What was found so far. Documents are taken one by one, then compared with each other."""

    config: Config
    kinds: Kinds
    locate: Locate
    manifests: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    names: dict[tuple[str, str], Source] = field(default_factory=dict)
    _environments: Mapping[str, Environment] = field(init=False)

    def __post_init__(self) -> None:
        self._environments = {environment.name: environment for environment in self.config.environments}

    def take(self, document: Document) -> None:
        """Check *document* by itself."""
        data, source = document.data, document.source
        kind, version = data.get("kind"), data.get("apiVersion")
        if version != API_VERSION:
            parts = ("unknown version ", *shown(version, ()), f"; this program reads {API_VERSION}")
            return self._report(source, ("apiVersion",), "unknown-version", *parts)
        if kind not in SCHEMAS if isinstance(kind, str) else True:
            return self._unknown_kind(source, kind)
        self._register(kind, data, source)
        found = breaches(SCHEMAS[kind], data)
        if found:
            self.problems += (each.problem(source, self.locate) for each in found)
            return self._take_the_rest(data, source, found)
        manifest = manifest_of(data, source)
        self.manifests.append(manifest)
        self._check_environments(manifest)
        return self._check_kind(manifest)

    def _take_the_rest(self, data: Json, source: Source, found: Sequence[Breach]) -> None:
        """Check what is not wrong in a wrong document, so that one run tells every problem of it."""
        rest = _sound(data, {each.pointer[:2] for each in found})
        if rest is not None:
            manifest = manifest_of(rest, source)
            self._check_environments(manifest)
            self._check_kind(manifest)

    def compare(self) -> None:
        """Check the manifests taken with each other."""
        self._compare_previous_names()
        self._compare_ids()

    def _unknown_kind(self, source: Source, kind: Json) -> None:
        if kind is None:
            return self._report(source, (), "missing-field", f"kind is missing; write kind: {next(iter(SCHEMAS))}")
        near = nearest(kind, SCHEMAS) if isinstance(kind, str) else ""
        parts = ("unknown kind ", *shown(kind, ()), near or f"; there are {', '.join(SCHEMAS)}")
        return self._report(source, ("kind",), "unknown-kind", *parts)

    def _register(self, kind: str, data: Json, source: Source) -> None:
        """Note the name, also of a document that is wrong otherwise: a name twice is told in the same run."""
        metadata = data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if not isinstance(name, str):
            return
        first = self.names.setdefault((kind, name), source)
        if first is not source:
            parts = ("the name ", *quoted(name), f" is also at {_spot(first)}; names are unique, rename one of the two")
            self._report(source, ("metadata", "name"), "duplicate-name", *parts)

    def _check_environments(self, manifest: Manifest) -> None:
        known = self._environments
        if not known or (manifest.environments is None and not manifest.ids):
            return  # validated without a config, any name may be meant
        places: list[tuple[Pointer, str]] = [
            (("metadata", "environments", index), name) for index, name in enumerate(manifest.environments or ())
        ]
        places += [(("metadata", "id", name), name) for name in manifest.ids if name is not None]
        for pointer, name in places:
            if name not in known:
                way_out = nearest(name, known) or f"; the config has {', '.join(known)}"
                parts = ("unknown environment ", *quoted(name), way_out)
                self._report(manifest.source, pointer, "unknown-environment", *parts, key=pointer[1] == "id")

    def _check_kind(self, manifest: Manifest) -> None:
        """The rules that no JSON Schema can say."""
        if manifest.protect and manifest.spec.get("deleted") is True:
            message = "a protected manifest cannot be a tombstone; remove protect, or remove deleted"
            self._report(manifest.source, ("metadata", "protect"), "protected-tombstone", message)
        kind = self.kinds.get(manifest.kind)
        for fault in kind.check(manifest, self.config) if kind else ():
            problem = breach(fault.pointer, fault.rule, *fault.message).problem(manifest.source, self.locate)
            (self.warnings if fault.warning else self.problems).append(problem)

    def _compare_previous_names(self) -> None:
        claimed: dict[tuple[str, str], Source] = {}
        for manifest in self.manifests:
            for index, name in enumerate(manifest.previous_names):
                pointer = ("metadata", "previousNames", index)
                living = self.names.get((manifest.kind, name))
                if living is not None:
                    parts = (
                        *quoted(name),
                        f" is the name of the manifest at {_spot(living)}; remove it from this list",
                    )
                    self._report(manifest.source, pointer, "previous-name", *parts)
                first = claimed.setdefault((manifest.kind, name), manifest.source)
                if first is not manifest.source:
                    parts = (*quoted(name), f" is a previous name also at {_spot(first)}; only one can have had it")
                    self._report(manifest.source, pointer, "previous-name", *parts)

    def _compare_ids(self) -> None:
        claimed: dict[tuple[str, str, int], Source] = {}
        for manifest in self.manifests:
            for environment, id, pointer in self._claims(manifest):
                first = claimed.setdefault((manifest.kind, environment, id), manifest.source)
                if first is not manifest.source:
                    message = f"the row {id} is also claimed at {_spot(first)}; one row has one manifest"
                    self._report(manifest.source, pointer, "duplicate-id", message)

    def _claims(self, manifest: Manifest) -> Iterator[tuple[str, int, Pointer]]:
        for name, id in manifest.ids.items():
            if name is not None:
                yield name, id, ("metadata", "id", name)
                continue
            for environment in self.config.environments:
                if manifest.lives_in(environment.name):
                    yield environment.name, id, ("metadata", "id")

    def _report(self, source: Source, pointer: Pointer, rule: str, *parts: Parts, key: bool = False) -> None:
        self.problems.append(breach(pointer, rule, *parts, at_key=key).problem(source, self.locate))


def _sound(data: Json, wrong: Collection[Pointer]) -> Json | None:
    """*data* without the fields of metadata and spec that are *wrong*; None where no manifest is left."""
    metadata, spec = data.get("metadata"), data.get("spec")
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        return None
    kept = {
        part: {field: value for field, value in said.items() if (part, field) not in wrong}
        for part, said in (("metadata", metadata), ("spec", spec))
    }
    return {**data, **kept} if "name" in kept["metadata"] else None


def manifest_of(data: Json, source: Source) -> Manifest:
    """The Manifest that a document says which passed its schema."""
    metadata = data["metadata"]
    if len(metadata) == 1:  # most manifests say no more than their name
        return Manifest(data["kind"], metadata["name"], source, data["spec"])
    ids = metadata.get("id", NOTHING)
    return Manifest(
        data["kind"],
        metadata["name"],
        source,
        data["spec"],
        ids={None: ids} if isinstance(ids, int) else ids,
        environments=tuple(metadata["environments"]) if "environments" in metadata else None,
        previous_names=tuple(metadata.get("previousNames", ())),
        protect=metadata.get("protect", False),
        external=metadata.get("external", False),
        takeover=metadata.get("takeover", False),
        distinct=tuple(metadata.get("distinct", ())),
    )


def _spot(source: Source) -> str:
    return f"{source.path}:{source.line}"
