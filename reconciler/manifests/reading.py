"""From paths to documents of ours, and every problem on the way.

Decides which documents are ours, not whether they are right. Knows files, the builder and the envelope of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache

import yaml

from ..errors import Problem
from ..model import Json, Source
from ..privacy import quoted
from . import teamwork
from .building import Builder
from .files import Files, Folder, Found, Walk, reason
from .places import duplicates
from .text import MAX_FILE, Parts, Unreadable, decoded, problem, syntax_problem

API_GROUP = "posthog-reconciler/"
"""What the `apiVersion` of every document of ours begins with."""

CONFIG_KIND = "Config"
"""The kind that is walked past: the config may lie among the manifests."""

MAX_TREE = 500_000_000
"""Bytes of all the files of a tree together."""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document as plain data, and where it stands. `is_sound`: whoever vetted it has nothing to say of it."""

    source: Source
    data: Json = field(repr=False)  # addresses and URLs are not wrapped here yet
    is_sound: bool = False


Vet = Callable[[Document], bool]
"""Whether there is nothing to say of a document by itself."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything that was read. With `problems` it is for reporting only: documents may be missing from it.

    `skipped` are documents of other programs that were walked over; `files` counts the files that were read.
    """

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Source, ...] = ()
    files: int = 0


def read(
    files: Files,
    paths: Sequence[str],
    *,
    vet: Vet | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Tree:
    """Every document at *paths* (files, folders, globs), sorted by path, and every problem that was met.

    Each document of a large tree is vetted by the process that read it; *meanwhile* is done while another one reads.
    """
    walk = Walk(files)
    for path in paths:
        walk.add(path)
    reading = _Reading(files, walk.problems)
    met = sorted(walk.found.values(), key=lambda found: found.path)
    if len(met) >= teamwork.WORTH_IT and isinstance(files, Folder) and teamwork.is_possible():
        _read_by_two(reading, met, vet, meanwhile)
    else:
        reading.take_all(met)
    return Tree(tuple(reading.documents), _in_order(reading.problems), tuple(reading.skipped), len(walk.found))


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    files: Files
    problems: list[Problem]
    documents: list[Document] = field(default_factory=list)
    skipped: list[Source] = field(default_factory=list)
    size: int = 0

    def take_all(self, met: Iterable[Found]) -> None:
        """Read file after file, as long as the tree is not too large."""
        for found in met:
            if self.size > MAX_TREE:
                self.problems.append(problem(found.path, "too-large", f"more than {MAX_TREE:,} bytes in one tree"))
                break
            self.take(found)

    def take(self, found: Found) -> None:
        """Read one file more."""
        text, unread = contents(self.files, found.path)
        self.problems += unread
        self.size += len(text)
        documents, problems, skipped = parse(found.path, text, found.named)
        self.problems += problems
        self.skipped += skipped
        for document in documents:
            if document.data.get("kind") != CONFIG_KIND:
                self.documents.append(document)
            elif found.named:
                self.problems.append(_at(document.source, "document-type", "a config; give it with --config"))


@dataclass(slots=True)
class _Share:
    """What one of two processes reads. It stops where there is something to report, or too much of the tree."""

    files: Files
    vet: Vet | None
    size: int = 0
    is_over: bool = False

    def take(self, part: Sequence[Found]) -> tuple[list[tuple[str, int, int, Json, bool]], int] | None:
        """The documents of *part* as plain data, and their bytes; None once it is over."""
        if self.is_over:
            return None
        reading, vet = _Reading(self.files, []), self.vet
        reading.take_all(part)
        self.size += reading.size
        self.is_over = bool(reading.problems or reading.skipped or self.size > MAX_TREE)
        if self.is_over:
            return None
        found = [(*_place(each.source), each.data, vet is not None and vet(each)) for each in reading.documents]
        return found, reading.size


def _read_by_two(
    reading: _Reading, met: Sequence[Found], vet: Vet | None, meanwhile: Callable[[], None] | None
) -> None:
    """Read a large tree with a second process. A tree with anything to report is read again here, where it is told."""
    parts = teamwork.both(_Share(reading.files, vet).take, met, meanwhile)
    if None in parts or sum(size for _, size in parts) > MAX_TREE:
        reading.take_all(met)
        return
    for path, line, index, data, is_sound in (each for found, _ in parts for each in found):
        reading.documents.append(Document(Source(path, line, index), data, is_sound))
    reading.size = sum(size for _, size in parts)


def _place(source: Source) -> tuple[str, int, int]:
    return source.path, source.line, source.index


def contents(files: Files, path: str) -> tuple[bytes, list[Problem]]:
    """The text of the file *path*; nothing, and a problem, where it cannot be had."""
    try:
        text = files.read(path, MAX_FILE)
    except OSError as error:
        return b"", [problem(path, "unreadable", f"cannot be read: {reason(error)}")]
    if len(text) <= MAX_FILE:
        return text, []
    message = f"larger than {MAX_FILE:,} bytes; split it, or move it out of the tree"
    return b"", [problem(path, "too-large", message)]


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda found: (found.path or "", found.line or 0, found.column or 0)))


def parse(path: str, text: bytes, named: bool) -> tuple[tuple[Document, ...], tuple[Problem, ...], tuple[Source, ...]]:
    """The documents of ours in *text*, its problems, and the documents of other programs that were skipped.

    In a file that was *named*, another program's document is a problem. Empty documents are nothing at all.
    """
    parsing = _Parsing(Builder(path), named)
    problems = parsing.builder.problems
    try:
        decoded(text)
        parsing.run(text)
    except Unreadable as error:
        problems.append(problem(path, error.rule, *error.parts, line=error.line, column=error.column))
    except yaml.YAMLError as error:
        problems.append(syntax_problem(path, text, error))
    if parsing.doubled:
        problems += duplicates(path, text, parsing.doubled)
    return tuple(parsing.documents), _in_order(problems), tuple(parsing.skipped)


@dataclass(slots=True)
class _Parsing:
    """What was made of a text so far; `doubled` are the documents in which a key stands twice."""

    builder: Builder
    named: bool
    documents: list[Document] = field(default_factory=list)
    skipped: list[Source] = field(default_factory=list)
    doubled: set[int] = field(default_factory=set)

    def run(self, text: bytes) -> None:
        """Sort every document of *text* into ours and others. What is wrong inside another program's is its own."""
        builder, before = self.builder, 0
        for line, index, data in builder.documents(text):
            document = Document(Source(builder.path, line, index), data)
            stranger = _stranger(document)
            if stranger is None:
                self.documents.append(document)
            elif stranger.rule == "foreign" and not self.named:
                del builder.problems[before:]
                self.skipped.append(document.source)
                continue
            else:
                builder.problems.append(stranger)
            before = len(builder.problems)
            if builder.has_duplicates:
                self.doubled.add(index)


def _stranger(document: Document) -> Problem | None:
    """What makes *document* none of ours; None for one of ours. The rule `foreign` is no error on a walk."""
    data, source = document.data, document.source
    if not isinstance(data, dict):
        what = "a list" if isinstance(data, list) else "a lone value"
        return _foreign(source, f"{what}; a manifest is a mapping that begins with apiVersion: {API_GROUP}v1")
    version = data.get("apiVersion")
    if isinstance(version, str) and version.startswith(API_GROUP):
        return None
    # A slip here must not make a manifest a stranger: a manifest that is gone has its row soft-deleted.
    if isinstance(version, str) and _is_slip(version):
        return _at(source, "api-version", "apiVersion ", *quoted(version), f" is misspelt; write {API_GROUP}v1")
    if "apiVersion" not in data and "kind" in data and ("spec" in data or "metadata" in data):
        return _at(source, "api-version", f"apiVersion is missing; begin the document with apiVersion: {API_GROUP}v1")
    return _foreign(source, f"another program's document; one of ours begins with apiVersion: {API_GROUP}v1")


def _is_slip(version: str) -> bool:
    return _is_near(version[:80].strip().casefold().partition("/")[0])


@lru_cache
def _is_near(group: str) -> bool:
    ours = API_GROUP.rstrip("/")
    # What is much shorter or longer cannot be so alike.
    return abs(len(group) - len(ours)) < 7 and SequenceMatcher(None, group, ours).ratio() > 0.85


def _foreign(source: Source, message: str) -> Problem:
    return _at(source, "foreign", message)


def _at(source: Source, rule: str, *parts: Parts) -> Problem:
    return problem(source.path, rule, *parts, line=source.line)
