"""The clone that a build machine made, and what is missing in it: fetched, just what is needed, from where it came.

A token goes in one header to one server, by the environment of git's process, so that no command line and no file has
it. Knows git; knows no event and no plan.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import NoBase
from ..gitbase import Repository
from ..privacy import Key
from .bases import Exactly, Fork, Nothing, Queue, Wanted

DEPTHS = (50, 500, 5_000)
"""How far back a shallow clone is deepened, step by step, to find where a branch began."""
PATIENCE = 300
"""Seconds that one git command may take."""
MOST_LANDED = 100
"""Commits between the base and the checkout that are looked through for the pull requests they were merged from."""
HERE = "refs/reconciler/target"
"""Where a fetched branch is kept, so that no branch of the checkout moves."""

# Variables that would point git to another repository than the one around the folder.
_MISLEADING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


@dataclass(frozen=True, slots=True)
class Landed:
    """A commit of a branch, by its full name, with the full names of its parents, the branch's own first."""

    commit: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """What opens a server for git: its address and a token; none where git has its own ways."""

    server: str = ""
    token: Key | None = None

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables that make git send the token to that server, and no other header of the kind."""
        if self.token is None or not self.server:
            return {}
        header = base64.b64encode(f"x-access-token:{self.token.value}".encode()).decode()
        name = f"http.{self.server.rstrip('/')}/.extraheader"
        first = int(environment.get("GIT_CONFIG_COUNT", "0") or 0)
        # The empty one takes away what the checkout may have left in its config; two such headers are refused.
        pairs = ((name, ""), (name, f"AUTHORIZATION: basic {header}"))
        found = {"GIT_CONFIG_COUNT": str(first + len(pairs))}
        for index, (key, value) in enumerate(pairs, first):
            found |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        return found


class Checkout:
    """The clone around a folder. NoBase where there is none."""

    def __init__(self, folder: Path, access: Access | None = None) -> None:
        """Find it; nothing is fetched yet."""
        repository = Repository.around(folder)
        if repository is None:
            why = Repository.refusal(folder)
            raise NoBase(f"there is no checkout here, so nothing tells what was applied last ({why}): check out first")
        self.top, self._repository, self._access = repository.top, repository, access or Access()

    @property
    def commit(self) -> str:
        """The full name of what is checked out."""
        found = self._repository.commit("HEAD")
        if found is None:
            raise NoBase("the checkout has no commit yet")
        return found

    @property
    def parents(self) -> tuple[str, ...]:
        """The parents of what is checked out, in order, also where a shallow clone does not have them."""
        head = self._git("cat-file", "commit", "HEAD").partition("\n\n")[0]
        return tuple(line.split(" ")[1] for line in head.splitlines() if line.startswith("parent "))

    def obtain(self, wanted: Wanted) -> str | None:
        """The commit that is *wanted*, fetched where it is not here; None where there was nothing before."""
        match wanted:
            case Exactly(commit):
                return self._exactly(commit)
            case Fork(target):
                return self._fork(target)
            case Queue(target, before):
                found = self._fork(target)
                # A queue that is merged already left its branch nowhere.
                return found if found != self.commit else self._exactly(before)
            case Nothing():
                return None

    def since(self, base: str | None) -> tuple[Landed, ...]:
        """What was put on top of *base*, newest first; what is checked out alone, where that cannot be told."""
        head = Landed(self.commit, self.parents)
        if base is None or base in head.parents[:1]:
            return (head,)
        found = self._line(base)
        if not found and self._is_shallow:
            self._fetch(self.commit, depth=self._depth + MOST_LANDED)
            found = self._line(base)
        return found or (head,)

    def _line(self, base: str) -> tuple[Landed, ...]:
        """The first parents of what is checked out down to *base*; none where they do not lead there."""
        most = f"--max-count={MOST_LANDED + 1}"
        lines = self._git("rev-list", "--first-parent", "--parents", most, "HEAD").splitlines()
        line = [Landed(commit, tuple(parents)) for commit, *parents in map(str.split, lines)]
        ends = [index for index, landed in enumerate(line) if landed.commit == base]
        return tuple(line[: ends[0]]) if ends else ()

    def _exactly(self, commit: str) -> str:
        if self._repository.commit(commit) is None:
            problem = self._fetch(commit, depth=1)
            if self._repository.commit(commit) is None:
                raise _missing(f"commit {commit[:12]}", problem)
        return commit

    def _fork(self, target: str) -> str:
        """Where the checkout left *target*; a shallow clone is deepened step by step until it is found."""
        found, problem = self._merge_base(f"refs/remotes/origin/{target}"), ""
        have = self._depth
        for more in DEPTHS if found is None else ():
            problem = self._fetch(f"+refs/heads/{target}:{HERE}", self.commit, depth=have + more)
            found = self._merge_base(HERE)
            if found is not None or not self._is_shallow:
                break
        if found is None:
            raise _missing(f"the point where this left {target}", problem)
        return found

    def _merge_base(self, other: str) -> str | None:
        done = self._run("merge-base", "HEAD", other)
        return done.stdout.strip() if done.returncode == 0 else None

    @property
    def _depth(self) -> int:
        """How deep the clone may be already: a smaller depth would take history away."""
        return int(self._git("rev-list", "--count", "HEAD"))

    @property
    def _is_shallow(self) -> bool:
        return self._git("rev-parse", "--is-shallow-repository").strip() == "true"

    def _fetch(self, *refs: str, depth: int) -> str:
        """Fetch *refs* from origin, in a shallow clone down to *depth*; what git complained of, or nothing."""
        limit = [f"--depth={depth}"] if self._is_shallow else []
        options = ("--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--quiet", *limit)
        done = self._run("fetch", *options, "origin", *refs)
        return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[-1]

    def _git(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode != 0:
            raise NoBase(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key not in _MISLEADING}
        environment |= {"GIT_TERMINAL_PROMPT": "0", **self._access.variables(environment)}
        try:
            return subprocess.run(
                ("git", "-C", str(self.top), *arguments),
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                env=environment,
                timeout=PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoBase(f"git {arguments[0]} did not come to an end ({type(error).__name__})") from None


def _missing(what: str, problem: str) -> NoBase:
    why = f" ({problem})" if problem else ""
    return NoBase(
        f"{what}, which this is to be compared with, is not in this clone and cannot be fetched{why}: "
        "check out with  fetch-depth: 0  or give --base"
    )
