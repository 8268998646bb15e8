"""Read files at a git ref, from the object database, without touching the work tree. Knows git; knows no YAML.

Works in a shallow clone as long as the ref is there; where it is not, the error says what to fetch.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from posixpath import join, normpath
from typing import IO, cast

from .errors import UsageError
from .manifests import Sort

_MODES = {"100644": Sort.FILE, "100755": Sort.FILE, "040000": Sort.FOLDER, "120000": Sort.LINK}
_MOST_LINKS = 40

# Variables that would point git to another repository than the one around the folder.
_MISLEADING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


@dataclass(frozen=True, slots=True)
class Repository:
    """A checkout, by its top folder."""

    top: Path

    @classmethod
    def around(cls, folder: Path) -> Repository | None:
        """The checkout that *folder* is in, or None where there is none, or no git."""
        with suppress(UsageError):
            return cls(
                Path(_git(folder, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n"))
            )
        return None

    @staticmethod
    def refusal(folder: Path) -> str:
        """Why git sees no checkout around *folder*, in its own words: missing, or owned by somebody else."""
        try:
            _git(folder, "rev-parse", "--show-toplevel")
        except UsageError as error:
            return str(error)
        return "try again"

    def commit(self, ref: str) -> str | None:
        """The full name of the commit that *ref* names, or None where this clone does not have it."""
        if ref.startswith("-") or not ref.strip():
            return None
        with suppress(UsageError):
            name = f"{ref}^{{commit}}"
            return _git(self.top, "rev-parse", "--verify", "--quiet", "--end-of-options", name).decode().strip()
        return None

    def missing(self, ref: str) -> UsageError:
        """The error for a *ref* that is not here, with the command that fetches it."""
        shallow = _git(self.top, "rev-parse", "--is-shallow-repository").strip() == b"true"
        depth = "--depth=1 " if shallow else ""
        why = "this clone is shallow and does not have it" if shallow else "neither a ref of this clone nor a folder"
        return UsageError(
            f"--base {ref}: {why}; type  git fetch {depth}origin {ref.removeprefix('origin/')}  "
            "and then use --base FETCH_HEAD"
        )


class GitTree:
    """The files of one commit; a `manifests.Files`. Close it after use."""

    def __init__(self, repository: Repository, commit: str) -> None:
        """List *commit*'s files; their contents are read when they are asked for."""
        self._top = repository.top
        self._commit = commit
        self._reader: subprocess.Popen[bytes] | None = None

    def names(self, folder: str) -> Iterable[tuple[str, Sort]]:
        """The name of everything in *folder*, links not followed."""
        found = self._folders.get(_plain(folder))
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        return found.items()

    def follow(self, path: str) -> tuple[Sort, str]:
        """What *path* is with every link followed, and its one real path; absolute if that is outside the tree."""
        done, rest = "", _plain(path).split("/")
        for _ in range(_MOST_LINKS):
            while rest and self._sort(join(done, rest[0])) is not Sort.LINK:
                done = join(done, rest.pop(0))
            if not rest:
                return self._sort(done), done or "."
            target = join(done, self.read(join(done, rest.pop(0)), 4096).decode("utf-8", "surrogateescape"))
            done, rest = "", [*normpath(target).split("/"), *rest]
            if rest[0] in ("", ".."):
                return Sort.OTHER, join("/", normpath(target))
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of the file *path*, cut off one byte after *limit*."""
        name = self._objects.get(_plain(path))
        if name is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        asked, answered = self._pipes()
        asked.write(name.encode() + b"\n")
        asked.flush()
        head = answered.readline().split()
        if len(head) != 3:
            raise OSError(errno.EIO, "the object is missing from this clone", path)
        size = int(head[2])
        text = answered.read(min(size, limit + 1))
        if size > limit + 1:
            # What is left of a file that is too large is not read: the next one starts with a fresh process.
            self.close()
        else:
            answered.read(1)
        return text

    def close(self) -> None:
        """End the process that reads objects."""
        if self._reader is not None:
            self._reader.kill()
            self._reader.communicate()
            self._reader = None

    @cached_property
    def _listing(self) -> Mapping[str, tuple[Sort, str]]:
        """Every path of the commit: what it is and the name of its object."""
        found = {}
        for line in _git(self._top, "ls-tree", "-r", "-t", "-z", "--full-tree", self._commit).split(b"\0"):
            if line:
                facts, path = line.split(b"\t", 1)
                mode, _, name = facts.decode().split(" ")
                found[path.decode("utf-8", "surrogateescape")] = (_MODES.get(mode, Sort.OTHER), name)
        return found

    @cached_property
    def _objects(self) -> Mapping[str, str]:
        return {path: name for path, (sort, name) in self._listing.items() if sort in (Sort.FILE, Sort.LINK)}

    @cached_property
    def _folders(self) -> Mapping[str, dict[str, Sort]]:
        folders: dict[str, dict[str, Sort]] = defaultdict(dict, {"": {}})
        for path, (sort, _) in self._listing.items():
            folder, _, name = path.rpartition("/")
            folders[folder][name] = sort
        return dict(folders)

    def _sort(self, path: str) -> Sort:
        if not path:
            return Sort.FOLDER
        if path not in self._listing:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._listing[path][0]

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """Where objects are asked for and where they come out, of a process that lives as long as it is needed."""
        if self._reader is None:
            self._reader = subprocess.Popen(
                ("git", "-C", str(self._top), "cat-file", "--batch"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        return cast("IO[bytes]", self._reader.stdin), cast("IO[bytes]", self._reader.stdout)


def _plain(path: str) -> str:
    """*path* as git lists it: without `./`, and nothing for the top."""
    plain = normpath(path)
    return "" if plain == "." else plain


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in _MISLEADING}


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints. UsageError where it cannot be run or says no."""
    try:
        done = subprocess.run(
            ("git", "-C", str(folder), *arguments), capture_output=True, check=False, env=_environment()
        )
    except OSError as error:
        raise UsageError(f"git cannot be run ({error.strerror}); --base takes a folder, too") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise UsageError(f"git {arguments[0]} failed: {said}")
    return done.stdout
