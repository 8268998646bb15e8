"""A repository with pull requests and merges, and checkouts of it as `actions/checkout` makes them: shallow, detached.

Every checkout believes that its origin is on GitHub; git is told in a configuration of its own where that really is.
Knows git, and nothing of what the files mean.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.action.github import REPOSITORY

_PERSON = {
    "GIT_AUTHOR_NAME": "Ana",
    "GIT_AUTHOR_EMAIL": "ana@example.com",
    "GIT_COMMITTER_NAME": "Ana",
    "GIT_COMMITTER_EMAIL": "ana@example.com",
    "GIT_AUTHOR_DATE": "2026-11-23T09:00:00Z",
    "GIT_COMMITTER_DATE": "2026-11-23T09:00:00Z",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True, slots=True)
class History:
    """The repository at its origin, in *folder*, with a work tree that commits are made in."""

    folder: Path
    home: Path
    """A home folder of its own, whose .gitconfig leads from GitHub to the origin."""

    @classmethod
    def begin(cls, folder: Path, server_url: str) -> History:
        """An empty repository that its checkouts know as one on *server_url*."""
        history = cls(folder / "origin", folder / "home")
        for each in (history.folder, history.home):
            each.mkdir(parents=True)
        config = f'[url "file://{history.folder}"]\n\tinsteadOf = {server_url}/{REPOSITORY}\n'
        (history.home / ".gitconfig").write_text(config, encoding="utf-8")
        history.git("init", "--quiet", "--initial-branch=main")
        # GitHub gives out every commit that somebody asks for by name.
        history.git("config", "uploadpack.allowAnySHA1InWant", "true")
        return history

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """What git says, at the origin or in *folder*."""
        return subprocess.run(
            ["git", *arguments],
            cwd=folder or self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **_PERSON},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def commit(self, files: Mapping[str, str | None], *, message: str = "Change something") -> str:
        """A commit that writes *files* (None removes one) on the branch that is checked out; its name."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def propose(self, number: int, files: Mapping[str, str | None]) -> tuple[str, str]:
        """A pull request with *files* on top of main; its head and the merge commit that GitHub tries out for it."""
        self.git("checkout", "--quiet", "-B", f"topic-{number}")
        head = self.commit(files, message=f"Propose {number}")
        self.git("update-ref", f"refs/pull/{number}/head", head)
        self.git("checkout", "--quiet", "main")
        return head, self.try_merge(number)

    def try_merge(self, number: int) -> str:
        """The merge of pull request *number* with main as it is now, without moving main."""
        self.git("checkout", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge {number}", f"refs/pull/{number}/head")
        merged = self.git("rev-parse", "HEAD")
        self.git("update-ref", f"refs/pull/{number}/merge", merged)
        self.git("checkout", "--quiet", "main")
        return merged

    def merge(self, number: int) -> str:
        """Merge pull request *number* into main; the commit that this makes."""
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge pull request {number}", f"refs/pull/{number}/head")
        return self.git("rev-parse", "HEAD")

    def checkout(self, folder: Path, ref: str, server_url: str) -> Path:
        """A checkout of *ref* in *folder*: one commit deep, detached, as a runner has it."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        steps = [
            ["init", "--quiet", "--initial-branch=main"],
            ["remote", "add", "origin", f"{server_url}/{REPOSITORY}"],
            ["fetch", "--quiet", "--no-tags", "--depth=1", "origin", f"+{ref}:refs/remotes/checked-out"],
            ["checkout", "--quiet", "--detach", "refs/remotes/checked-out"],
        ]
        for step in steps:
            self.git(*step, folder=folder)
        return folder
