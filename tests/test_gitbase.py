"""Files at a git ref: read from the object database, as a folder on disk would be."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.gitbase import GitTree, Repository
from reconciler.manifests import Folder, Sort


def git(folder: Path, *arguments: str) -> str:
    """What git prints in *folder*, as a committer that exists nowhere else."""
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    identity |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ("git", "-C", str(folder), *arguments), capture_output=True, check=True, env=os.environ | identity
    )
    return done.stdout.decode().strip()


def commit(folder: Path, files: dict[str, str]) -> str:
    """Write *files*, commit them all, and answer with the commit."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "step")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An empty repository."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    return folder


@pytest.fixture
def tree(checkout: Path) -> Iterator[GitTree]:
    """A commit with a folder, a link and a link in a circle, whose work tree has changed since."""
    (checkout / "sub").mkdir()
    (checkout / "link").symlink_to("sub")
    (checkout / "sub" / "here.yaml").symlink_to("a.yaml")
    (checkout / "circle").symlink_to("circle")
    (checkout / "out").symlink_to("../elsewhere")
    first = commit(checkout, {"sub/a.yaml": "a: 1\n", "top.yaml": "t: 1\n"})
    commit(checkout, {"sub/a.yaml": "a: 2\n", "sub/new.yaml": "n: 1\n"})
    with closing(GitTree(Repository(checkout), first)) as files:
        yield files


def test_a_file_is_read_as_it_was_at_the_ref(tree: GitTree) -> None:
    """The object database is read, not the work tree, which has another text by now."""
    assert tree.read("sub/a.yaml", 100) == b"a: 1\n"


def test_a_folder_lists_what_was_there_at_the_ref(tree: GitTree) -> None:
    """Files that came later are not listed."""
    assert dict(tree.names("sub")) == {"a.yaml": Sort.FILE, "here.yaml": Sort.LINK}


def test_a_link_is_followed_inside_the_tree(tree: GitTree) -> None:
    """A link to a folder and a link to a file lead to one real path each."""
    assert tree.follow("link/here.yaml") == (Sort.FILE, "sub/a.yaml")


def test_a_link_out_of_the_tree_has_an_absolute_path(tree: GitTree) -> None:
    """So that whoever walks sees that it leaves the tree."""
    assert tree.follow("out")[1].startswith("/")


def test_links_in_a_circle_are_an_error_and_no_hang(tree: GitTree) -> None:
    """As on disk: too many levels of links."""
    with pytest.raises(OSError, match="symbolic links"):
        tree.follow("circle")


@pytest.mark.parametrize("path", ["nowhere", "sub/nowhere.yaml"])
def test_what_is_not_there_is_an_error_as_on_disk(tree: GitTree, path: str) -> None:
    """The reader of manifests handles one sort of error for both."""
    with pytest.raises(FileNotFoundError):
        tree.follow(path)
    with pytest.raises(FileNotFoundError):
        tree.read(path, 10)


def test_a_large_file_is_cut_off_and_the_next_one_still_reads(tree: GitTree) -> None:
    """One byte more than the limit says that it is too large; the rest is not read into memory."""
    assert tree.read("sub/a.yaml", 2) == b"a: "
    assert tree.read("top.yaml", 100) == b"t: 1\n"


def test_the_tree_and_the_disk_list_the_same(checkout: Path) -> None:
    """What is committed and not changed since looks the same from both."""
    name = commit(checkout, {"a.yaml": "a: 1\n", "sub/b.yaml": "b: 1\n"})
    with closing(GitTree(Repository(checkout), name)) as files:
        assert dict(files.names("sub")) == dict(Folder(checkout).names("sub"))


def test_a_ref_is_resolved_to_its_commit(checkout: Path) -> None:
    """Branches, tags and abbreviations name a commit."""
    name = commit(checkout, {"a.yaml": "a: 1\n"})

    assert Repository(checkout).commit("main") == name


@pytest.mark.parametrize("ref", ["nowhere", "--output=x", "", "main:a.yaml"])
def test_what_is_no_commit_here_is_none(checkout: Path, ref: str) -> None:
    """Also what git could take for an option."""
    commit(checkout, {"a.yaml": "a: 1\n"})

    assert Repository(checkout).commit(ref) is None


def test_a_shallow_clone_says_what_to_fetch(checkout: Path, tmp_path: Path) -> None:
    """The ref exists at the origin but not in this clone: the error is the command to type."""
    commit(checkout, {"a.yaml": "a: 1\n"})
    git(checkout, "branch", "old")
    commit(checkout, {"a.yaml": "a: 2\n"})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", checkout.as_uri(), str(clone))
    repository = Repository.around(clone)
    assert repository is not None
    assert repository.commit("origin/old") is None

    assert "git fetch --depth=1 origin old" in str(repository.missing("origin/old"))


def test_a_shallow_clone_with_the_ref_present_is_enough(checkout: Path, tmp_path: Path) -> None:
    """Nothing of the history is needed but the commit itself."""
    commit(checkout, {"a.yaml": "a: 1\n"})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", checkout.as_uri(), str(clone))
    repository = Repository.around(clone)
    assert repository is not None
    with closing(GitTree(repository, repository.commit("HEAD") or "")) as files:
        assert files.read("a.yaml", 100) == b"a: 1\n"


def test_a_folder_outside_any_checkout_has_no_repository(tmp_path: Path) -> None:
    """Then --base can only be a folder."""
    assert Repository.around(tmp_path) is None


def test_git_variables_do_not_point_to_another_repository(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook of another repository sets GIT_DIR; the folder decides all the same."""
    name = commit(checkout, {"a.yaml": "a: 1\n"})
    monkeypatch.setenv("GIT_DIR", str(checkout / "nowhere"))

    assert Repository(checkout).commit("main") == name


def test_git_that_cannot_be_run_is_said(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way out is a folder as base."""
    monkeypatch.setenv("PATH", "")

    with pytest.raises(UsageError, match="--base takes a folder"):
        Repository(checkout).missing("main")
