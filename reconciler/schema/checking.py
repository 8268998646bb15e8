"""Documents -> Manifests: each by its schema and its kind, then all of them together. Pure.

Every problem is found in one run; a document that is wrong by itself still takes part where it can. Knows manifests
and config; knows no YAML and no live row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import Problem
from ..model import NOTHING, Config, Environment, Json, Manifest, Source
from ..privacy import quoted
from ..resource import Kinds, Pointer
from .validators import is_accepted, violations
from .wording import Breach, Locate, Parts, breach, nearest, shown, worded

API_VERSION = "posthog-reconciler/v1"

MAX_TOLD = 1_000
"""Problems, and warnings, that are worded of one tree: nobody reads more, and each takes a look into its file."""

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

    @property
    def is_sound(self) -> bool:
        """Whether a `vetting` has found that there is nothing to say of it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The manifests that are right by themselves, and everything that is wrong in all of them together.

    Only so many problems are worded; `untold` and `unwarned` count the others, a wrong document as one.
    """

    manifests: tuple[Manifest, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    untold: int = 0
    unwarned: int = 0


def check(
    documents: Iterable[Document],
    *,
    config: Config,
    kinds: Kinds,
    locate: Locate,
    about: Container[str] | None = None,
) -> Checked:
    """The Manifests that *documents* say, and every problem: of each by itself, between them, and of their kinds.

    Of the problems only those of the files *about* are told, where that is given.
    """
    problems, warnings = _Told(locate, about), _Told(locate, about)
    checking = _Checking(config, kinds, problems, warnings)
    for document in documents:
        checking.take(document)
    checking.compare()
    return Checked(
        tuple(checking.manifests),
        in_order(problems.worded),
        in_order(warnings.worded),
        untold=problems.untold,
        unwarned=warnings.untold,
    )


def vetting(config: Config, kinds: Kinds) -> Callable[[Document], bool]:
    """Who can tell whether there is nothing at all to say of a document by itself, be it a problem or a warning.

    It is what `check` finds, without words: the documents of a large tree are checked wherever they are read.
    """
    told = _Told(nowhere, None, most=0)
    checking = _Checking(config, kinds, told, told)

    def is_sound(document: Document) -> bool:
        before = told.untold
        checking.judge(document)
        return told.untold == before

    return is_sound


def nowhere(source: Source, pointer: Pointer, *, key: bool = False) -> tuple[int, int]:  # noqa: ARG001
    """The place of a problem in a document that stands in no file, or of one that is never told."""
    return 1, 1


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
class _Told:
    """Problems in the files *about* (None: all), as far as they are worded, and how many there are beyond."""

    locate: Locate
    about: Container[str] | None
    most: int = MAX_TOLD
    worded: list[Problem] = field(default_factory=list)
    untold: int = 0

    def takes(self, source: Source) -> bool:
        """Whether one more problem at *source* is worded. Where enough are, it is counted: words take longest."""
        if self.about is not None and source.path not in self.about:
            return False
        if len(self.worded) < self.most:
            return True
        self.untold += 1
        return False

    def add(self, found: Breach, source: Source) -> None:
        """Word *found*, with its place."""
        self.worded.append(found.problem(source, self.locate))


@dataclass(slots=True)
class _Checking:
    """What was found so far. Documents are taken one by one, then compared with each other."""

    config: Config
    kinds: Kinds
    problems: _Told
    warnings: _Told
    manifests: list[Manifest] = field(default_factory=list)
    names: dict[tuple[str, str], Source] = field(default_factory=dict)
    _environments: Mapping[str, Environment] = field(init=False)

    def __post_init__(self) -> None:
        self._environments = {environment.name: environment for environment in self.config.environments}

    def take(self, document: Document) -> None:
        """Check *document* by itself, unless that was done where it was read, and note its name."""
        self._register(document)
        manifest = manifest_of(document.data, document.source) if document.is_sound else self.judge(document)
        if manifest is not None:
            self.manifests.append(manifest)

    def judge(self, document: Document) -> Manifest | None:
        """Tell everything that is wrong with *document* by itself; the Manifest that it is, if its schema holds."""
        data, source = document.data, document.source
        kind = _kind(data)
        if kind is None:
            self._refuse(data, source)
            return None
        # The judge has the last word. It takes a hundred times as long, so that it is not asked for a mere number.
        found = () if is_accepted(SCHEMAS[kind], data) else self._breaches(SCHEMAS[kind], data, source)
        if found is None:
            return None
        if found:
            self._check_the_rest(data, source, found)
            return None
        manifest = manifest_of(data, source)
        self._check_environments(manifest)
        self._check_kind(manifest)
        return manifest

    def _refuse(self, data: Json, source: Source) -> None:
        """Tell what makes the document one of no kind that is known here."""
        if self.problems.takes(source):
            self.problems.add(_unknown(data.get("apiVersion"), data.get("kind")), source)

    def _breaches(self, name: str, data: Json, source: Source) -> Sequence[Breach] | None:
        """What is wrong with a document by its schema; None where that is only counted."""
        if not self.problems.takes(source):
            return None
        found = breaches(name, data)
        for each in found[:1]:
            self.problems.add(each, source)
        for each in found[1:]:
            if self.problems.takes(source):
                self.problems.add(each, source)
        return found

    def _check_the_rest(self, data: Json, source: Source, found: Sequence[Breach]) -> None:
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

    def _register(self, document: Document) -> None:
        """Note the name, also of a document that is wrong otherwise: a name twice is told in the same run."""
        kind, metadata, source = _kind(document.data), document.data.get("metadata"), document.source
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if kind is None or not isinstance(name, str):
            return
        first = self.names.setdefault((kind, name), source)
        if first is not source:
            parts = ("the name ", *quoted(name), f" is also at {first}; names are unique, rename one of the two")
            self._report(source, ("metadata", "name"), "duplicate-name", *parts)

    def _check_environments(self, manifest: Manifest) -> None:
        known = self._environments
        # Validated without a config, any name may be meant.
        if not known or {*(manifest.environments or ()), *manifest.ids} - {None} <= known.keys():
            return
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
            told = self.warnings if fault.warning else self.problems
            if told.takes(manifest.source):
                told.add(breach(fault.pointer, fault.rule, *fault.message), manifest.source)

    def _compare_previous_names(self) -> None:
        claimed: dict[tuple[str, str], Source] = {}
        for manifest in self.manifests:
            for index, name in enumerate(manifest.previous_names):
                pointer = ("metadata", "previousNames", index)
                living = self.names.get((manifest.kind, name))
                if living is not None:
                    parts = (
                        *quoted(name),
                        f" is the name of the manifest at {living}; remove it from this list",
                    )
                    self._report(manifest.source, pointer, "previous-name", *parts)
                first = claimed.setdefault((manifest.kind, name), manifest.source)
                if first is not manifest.source:
                    parts = (*quoted(name), f" is a previous name also at {first}; only one can have had it")
                    self._report(manifest.source, pointer, "previous-name", *parts)

    def _compare_ids(self) -> None:
        claimed: dict[tuple[str, str, int], Source] = {}
        for manifest in self.manifests:
            for environment, id, pointer in self._claims(manifest):
                first = claimed.setdefault((manifest.kind, environment, id), manifest.source)
                if first is not manifest.source:
                    message = f"the row {id} is also claimed at {first}; one row has one manifest"
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
        if self.problems.takes(source):
            self.problems.add(breach(pointer, rule, *parts, at_key=key), source)


def _kind(data: Json) -> str | None:
    """The kind of a document that is one of a kind and version that are known here."""
    kind = data.get("kind")
    known = data.get("apiVersion") == API_VERSION and isinstance(kind, str) and kind in SCHEMAS
    return kind if known else None


def _unknown(version: Json, kind: Json) -> Breach:
    """What is wrong with a document of another version, or of a kind that there is not."""
    if version != API_VERSION:
        way_out = f"; this program reads {API_VERSION}"
        return breach(("apiVersion",), "unknown-version", "unknown version ", *shown(version, ()), way_out)
    if kind is None:
        return breach((), "missing-field", f"kind is missing; write kind: {next(iter(SCHEMAS))}")
    near = nearest(kind, SCHEMAS) if isinstance(kind, str) else ""
    way_out = near or f"; there are {', '.join(SCHEMAS)}"
    return breach(("kind",), "unknown-kind", "unknown kind ", *shown(kind, ()), way_out)


def _sound(data: Json, wrong: Collection[Pointer]) -> Json | None:
    """*data* without the fields of metadata and spec that are *wrong*; None where there is no spec.

    A name that is missing or wrong has a stand-in, for everything else is right or wrong without it.
    """
    metadata, spec = data.get("metadata"), data.get("spec")
    if not isinstance(spec, dict):
        return None
    kept = {
        part: {field: value for field, value in said.items() if (part, field) not in wrong}
        for part, said in (("metadata", metadata if isinstance(metadata, dict) else {}), ("spec", spec))
    }
    kept["metadata"].setdefault("name", "unnamed")
    return {**data, **kept}


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
