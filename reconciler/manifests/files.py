"""Where files come from, and which of those at and below some paths are to be read.

Links are followed only inside the tree, hidden names are passed by, and nothing is read twice. Knows no YAML.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from ..errors import Problem
from ..privacy import guarded, show
from .text import problem

SUFFIXES = (".yaml", ".yml")


class Sort(Enum):
    """What stands at a path."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "something that is neither a file nor a folder"


class Files(Protocol):
    """Where files come from: a folder on disk, or a tree of the git object database.

    Paths are relative to its root, with `/`; `.` is the root. Every method raises OSError for what is not there, may
    not be read, or is a link in a circle (ELOOP).
    """

    def names(self, folder: str) -> Iterable[tuple[str, Sort]]:
        """The name of everything in *folder*, links not followed."""

    def follow(self, path: str) -> tuple[Sort, str]:
        """What *path* is with every link followed, and its one real path: absolute if that is outside the root."""

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of the file *path*, cut off one byte after *limit*."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a folder on disk."""

    root: Path

    def names(self, folder: str) -> Iterable[tuple[str, Sort]]:
        """The name of everything in *folder*, links not followed."""
        with os.scandir(self.root / folder) as entries:
            return [(entry.name, _sort_of(entry)) for entry in entries]

    def follow(self, path: str) -> tuple[Sort, str]:
        """What *path* is with every link followed, and its one real path."""
        try:
            real = (self.root / path).resolve(strict=True)
        except (RuntimeError, ValueError) as error:  # a circle of links, on Python 3.11 and 3.12; a NUL in the path
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from error
        root = self.root.resolve()
        shown = real.relative_to(root) if real.is_relative_to(root) else real
        return _sort(real.stat().st_mode), shown.as_posix()

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of the regular file *path*, cut off one byte after *limit*."""
        # Text, not Path, because there may be 100,000 files: joining Paths takes as long as opening what they name.
        place = path if path.startswith("/") else f"{self.root}/{path}"
        # Without O_NONBLOCK, opening a pipe that took the file's place would wait for its writer for ever.
        descriptor = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            return _drained(descriptor, min(found.st_size, limit) + 1, limit + 1)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Edited:
    """*files* of which some are read as if they were edited already: *texts*, by their real paths."""

    files: Files
    texts: Mapping[str, bytes] = field(repr=False)

    def names(self, folder: str) -> Iterable[tuple[str, Sort]]:
        """The name of everything in *folder*, links not followed."""
        return self.files.names(folder)

    def follow(self, path: str) -> tuple[Sort, str]:
        """What *path* is with every link followed, and its one real path."""
        return self.files.follow(path)

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of the file *path*, or what they are going to be."""
        text = self.texts.get(self.files.follow(path)[1])
        return self.files.read(path, limit) if text is None else text[: limit + 1]


def _sort_of(entry: os.DirEntry[str]) -> Sort:
    """What *entry* is, of itself; known from the folder mostly, without a look at the file."""
    if entry.is_symlink():
        return Sort.LINK
    if entry.is_file():
        return Sort.FILE
    return Sort.FOLDER if entry.is_dir() else Sort.OTHER


def _drained(descriptor: int, size: int, most: int) -> bytes:
    """All that can be read from *descriptor*, expected to be under *size* bytes, but no more than *most*."""
    text = os.read(descriptor, size)
    while len(text) >= size and len(text) < most:  # it grew since it was measured
        more = os.read(descriptor, most - len(text))
        if not more:
            break
        text += more
    return text[:most]


def _sort(mode: int) -> Sort:
    if stat.S_ISREG(mode):
        return Sort.FILE
    return Sort.FOLDER if stat.S_ISDIR(mode) else Sort.OTHER


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: its path as shown, and whether it was named itself rather than met on a walk."""

    path: str
    named: bool


@dataclass(slots=True)
class Walk:
    """Collects the files at and below paths: each real folder and each real file once."""

    files: Files
    found: dict[str, Found] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: str) -> None:
        """Add the file, the folder or the glob *path*."""
        shown = posixpath.normpath(path)
        try:
            sort, real = self.files.follow(shown)
        except OSError as error:
            if error.errno == errno.ENOENT and any(c in shown for c in "*?["):
                self._add_glob(shown)
            else:
                self._problem(shown, *_unfollowed(error))
            return
        top = _top(shown, real)
        if not _is_inside(real, top):
            self._outside(shown)
        elif sort is Sort.FOLDER:
            self._enter(shown, real, top)
        else:
            self._file(shown, sort, real, named=True)

    def _add_glob(self, pattern: str) -> None:
        """Walk the folder before the first wildcard, and keep what matches, or lies in a folder that matches."""
        parts = pattern.split("/")
        fixed = next(index for index, part in enumerate(parts) if any(c in part for c in "*?["))
        inner = Walk(self.files)
        inner.add("/".join(parts[:fixed]) or ("/" if pattern.startswith("/") else "."))
        chosen = {real: found for real, found in inner.found.items() if _matches(found.path.split("/"), parts)}
        self.found = chosen | self.found
        # What is wrong with a folder counts even if its own name does not match: it may have held what does.
        wrong = [each for each in inner.problems if not _is_file_beside(each.path or "", parts)]
        self.problems += wrong
        if not chosen and not wrong:
            self._problem(pattern, "no-such-path", "no .yaml or .yml file matches this pattern")

    def _enter(self, folder: str, real: str, top: str) -> None:
        """Walk *folder*: what is really in it first, so that a link never takes the place of what it points at."""
        folders, links = [(folder, real)], list[tuple[str, Sort, str]]()
        while folders or links:
            if not folders:
                path, sort, real = links.pop(0)
                if sort is Sort.FOLDER:
                    folders.append((path, real))
                else:
                    self._file(path, sort, real, named=False)
                continue
            path, real = folders.pop()
            if real in self.folders:
                continue
            self.folders.add(real)
            for name, sort in self._names(path):
                inner = _joined(path, name)
                if sort is Sort.LINK:
                    links += self._followed(inner, top)
                elif sort is Sort.FOLDER:
                    folders.append((inner, _joined(real, name)))
                else:
                    self._file(inner, sort, _joined(real, name), named=False)

    def _names(self, folder: str) -> Iterable[tuple[str, Sort]]:
        """What is in *folder* and not hidden."""
        try:
            return [(name, sort) for name, sort in self.files.names(folder) if not name.startswith(".")]
        except OSError as error:
            self._problem(folder, "unreadable", f"cannot be read: {reason(error)}")
            return []

    def _followed(self, link: str, top: str) -> Iterator[tuple[str, Sort, str]]:
        """The *link*, what it leads to and where that really is; a problem instead if that is nowhere or outside."""
        try:
            sort, real = self.files.follow(link)
        except OSError as error:
            if link.endswith(SUFFIXES) or error.errno == errno.ELOOP:
                self._problem(link, *_unfollowed(error))
            return
        if _is_inside(real, top):
            yield link, sort, real
        elif sort is Sort.FOLDER or link.endswith(SUFFIXES):
            self._outside(link)

    def _file(self, path: str, sort: Sort, real: str, *, named: bool) -> None:
        if not (named or path.endswith(SUFFIXES)):
            return
        if sort is not Sort.FILE:
            self._problem(path, "unreadable", f"{sort.value}; move it out of the tree")
        elif named or real not in self.found:
            self.found[real] = Found(path, named)

    def _outside(self, path: str) -> None:
        self._problem(path, "link-outside", "a link out of the tree, which is not followed; put the file here instead")

    def _problem(self, path: str, rule: str, message: str) -> None:
        # What is not there was typed by somebody, who may have typed a key or an address in its place.
        place = show(guarded(path), addresses=False) if rule == "no-such-path" else path
        self.problems.append(problem(place, rule, message))


def _joined(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder.rstrip('/')}/{name}"


def _top(path: str, real: str) -> str:
    """The real folder that links below the named *path* may not leave: the root, or what was named outside of it."""
    return real if path.startswith(("/", "../")) or path == ".." or posixpath.isabs(path) else "."


def _is_inside(real: str, top: str) -> bool:
    """Whether the real path *real* is *top* or below it; Files give what is outside the root as an absolute path."""
    if top == ".":
        return not (Path(real).is_absolute() or real.startswith(("/", "../")))
    return real == top or real.startswith(top.rstrip("/") + "/")


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether *path*, or a folder it lies in, matches *pattern*, both in parts; `**` is any number of folders."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_matches(path[start:], pattern[1:]) for start in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])


def _is_file_beside(path: str, pattern: Sequence[str]) -> bool:
    """Whether *path* is a manifest file that *pattern* does not ask for."""
    return path.endswith(SUFFIXES) and not _matches(path.split("/"), pattern)


def _unfollowed(error: OSError) -> tuple[str, str]:
    """The rule and the message for a path that leads nowhere."""
    if error.errno == errno.ELOOP:
        return "link-loop", "a link that leads back to itself; remove it"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "no-such-path", "there is no such file or folder; check the spelling, or the config's manifests"
    return "unreadable", f"cannot be read: {reason(error)}"


def reason(error: OSError) -> str:
    """Why the system refused, in its own words."""
    return (error.strerror or "the system gives no reason").lower()
