"""What is fetched into a shallow clone, how deep, and what leaves the machine with it."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest

from reconciler.ci import checkout
from reconciler.ci.bases import Exactly, Fork, Nothing
from reconciler.ci.checkout import Access, Checkout
from reconciler.errors import NoBase
from reconciler.privacy import Key
from tests.test_gitbase import commit, git


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with five commits on main and three on a topic that left it after the second."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    for number in range(2):
        commit(folder, {"a.txt": str(number)})
    git(folder, "checkout", "--quiet", "-b", "topic")
    for number in range(3):
        commit(folder, {"b.txt": str(number)})
    git(folder, "checkout", "--quiet", "main")
    for number in range(3):
        commit(folder, {"a.txt": f"later {number}"})
    return folder


def clone(origin: Path, branch: str, *options: str) -> Path:
    """A clone of *branch*."""
    folder = origin.parent / "clone"
    git(origin, "clone", "--quiet", "--branch", branch, *options, f"file://{origin}", str(folder))
    return folder


@pytest.mark.parametrize("options", [(), ("--depth=1",), ("--depth=2",), ("--single-branch",)])
def test_where_a_branch_began_is_found(origin: Path, options: tuple[str, ...]) -> None:
    """In a whole clone and in a shallow one, whose history is fetched."""
    expected = git(origin, "merge-base", "main", "topic")

    assert expected == Checkout(clone(origin, "topic", *options)).obtain(Fork("main"))


@pytest.mark.parametrize("options", [(), ("--depth=1",), ("--depth=3",)])
def test_what_was_put_on_top_of_the_base_is_found(origin: Path, options: tuple[str, ...]) -> None:
    """Newest first, each with its parents; the base itself is not among them."""
    git(origin, "merge", "--quiet", "--no-ff", "--message", "Merge", "topic")
    expected = [
        tuple(line.split(" ")) for line in git(origin, "log", "-3", "--first-parent", "--format=%H %P").split("\n")
    ]
    checkout = Checkout(clone(origin, "main", *options))
    base = expected[-1][1]
    checkout.obtain(Exactly(base))

    assert expected == [(landed.commit, *landed.parents) for landed in checkout.since(base)]


@pytest.mark.parametrize("options", [(), ("--depth=1",)])
def test_of_a_base_elsewhere_what_is_checked_out_stands_alone(origin: Path, options: tuple[str, ...]) -> None:
    """So that nobody else's review counts; likewise on the first parent, and without a base."""
    checkout = Checkout(clone(origin, "topic", *options))
    elsewhere, parent = git(origin, "rev-parse", "main"), git(origin, "rev-parse", "topic~1")

    assert {(checkout.commit,)} == {
        tuple(landed.commit for landed in checkout.since(base)) for base in (elsewhere, parent, None)
    }


def test_a_commit_that_is_missing_is_fetched_alone(origin: Path) -> None:
    """One commit deep; no branch of the clone moves."""
    folder = clone(origin, "topic", "--depth=1")
    before = git(folder, "for-each-ref")
    wanted = git(origin, "rev-parse", "main~2")

    assert wanted == Checkout(folder).obtain(Exactly(wanted))
    assert before == git(folder, "for-each-ref")
    assert "1" == git(folder, "rev-list", "--count", wanted)


def test_a_whole_clone_stays_whole(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A depth, which the history of a real repository is longer than, would make it shallow."""
    monkeypatch.setattr(checkout, "DEPTHS", (-3,))
    folder = clone(origin, "topic", "--single-branch")

    assert git(origin, "merge-base", "main", "topic") == Checkout(folder).obtain(Fork("main"))
    assert "false" == git(folder, "rev-parse", "--is-shallow-repository")


def test_no_history_is_taken_away(origin: Path) -> None:
    """Of a clone that somebody made deeper."""
    folder = clone(origin, "topic", "--depth=4")
    Checkout(folder).obtain(Fork("main"))

    assert int(git(folder, "rev-list", "--count", "HEAD")) >= 4


@pytest.mark.parametrize("wanted", [Exactly("1" * 40), Fork("nowhere")])
def test_what_cannot_be_had_is_an_error_with_the_way_out(origin: Path, wanted: Exactly | Fork) -> None:
    """Never silently no base (issue 8, point 4)."""
    with pytest.raises(NoBase, match="fetch-depth: 0"):
        Checkout(clone(origin, "topic", "--depth=1")).obtain(wanted)


def test_branches_without_a_common_commit_have_no_base(origin: Path) -> None:
    """And the search comes to an end."""
    git(origin, "checkout", "--quiet", "--orphan", "island")
    commit(origin, {"c.txt": "c"})

    with pytest.raises(NoBase, match="the point where this left main"):
        Checkout(clone(origin, "island", "--depth=1")).obtain(Fork("main"))


def test_before_the_first_commit_there_was_nothing(origin: Path) -> None:
    """No base is the truth there."""
    assert Checkout(origin).obtain(Nothing()) is None


def test_the_parents_are_known_in_a_shallow_clone(origin: Path) -> None:
    """In which git itself says that there are none."""
    git(origin, "checkout", "--quiet", "main")
    git(origin, "-c", "user.name=a", "-c", "user.email=a@example.com", "merge", "--quiet", "--no-edit", "topic")
    folder = clone(origin, "main", "--depth=1")

    assert (git(origin, "rev-parse", "HEAD^1"), git(origin, "rev-parse", "HEAD^2")) == Checkout(folder).parents


def test_without_a_clone_there_is_no_base(tmp_path: Path) -> None:
    """A folder is no checkout."""
    with pytest.raises(NoBase, match="check out first"):
        Checkout(tmp_path)


# --- the token ------------------------------------------------------------------------------------------------------


def configured(access: Access, environment: dict[str, str]) -> list[str]:
    """What git makes of the variables, for the header of a URL of that server."""
    done = subprocess.run(
        ("git", "config", "--get-urlmatch", "http.extraheader", "https://git.example/acme/mail"),
        capture_output=True,
        check=False,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **environment, **access.variables(environment)},
        text=True,
    )
    return done.stdout.split()


def test_the_token_goes_to_its_server_in_one_header() -> None:
    """By the environment of git, which no command line shows; beside variables that are there."""
    access = Access("https://git.example/", Key("ghs_secret"))
    expected = base64.b64encode(b"x-access-token:ghs_secret").decode()
    there = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "ana"}

    assert ["AUTHORIZATION:", "basic", expected] == configured(access, {})
    assert ["AUTHORIZATION:", "basic", expected] == configured(access, there)
    assert "3" == access.variables(there)["GIT_CONFIG_COUNT"]


def test_a_header_that_the_checkout_left_is_taken_away() -> None:
    """GitHub refuses two."""
    first, second = list(Access("https://git.example", Key("k")).variables({}).items())[1:3]

    assert ("GIT_CONFIG_VALUE_0", "") in (first, second)


@pytest.mark.parametrize("access", [Access(), Access("https://git.example"), Access("", Key("k"))])
def test_without_a_token_git_has_its_own_ways(access: Access) -> None:
    """A deploy key, a helper, nothing."""
    assert {} == access.variables({})
