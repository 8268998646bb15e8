"""What a PATH, a config and a base mean: which manifests are judged, which are changed, and what may be removed."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import kinds, loading
from reconciler.errors import InvalidInput, UsageError
from reconciler.loading import Choice, Loaded
from tests.conftest import Tree

KINDS = kinds.registry(datetime(2026, 1, 1, tzinfo=UTC))
PROJECT = {"POSTHOG_PROJECT_ID": "12345"}


@pytest.fixture
def two(tree: Tree) -> Tree:
    """A config with two folders of manifests, one manifest in each."""
    tree.config("https://us.posthog.com", 12345)
    config = tree.folder / "reconciler.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[subscriptions]", "[subscriptions, more]"), encoding="utf-8")
    tree.manifest("one")
    (tree.folder / "more").mkdir()
    tree.manifest("two", insight=5).rename(tree.folder / "more/two.yaml")
    return tree


def load(tree: Tree, *paths: str, folder: str = ".", **chosen: object) -> Loaded:
    """What the choice means, seen from *folder*."""
    choice = Choice(paths=paths, **chosen)  # type: ignore[arg-type]  # the test names a field of Choice
    return loading.load(choice, tree.folder / folder, PROJECT, KINDS)


def names(loaded: Loaded) -> set[str]:
    """The manifests that are judged."""
    return {manifest.name for manifest in loaded.manifests}


def test_without_a_path_everything_configured_is_changed_and_may_be_removed(two: Tree) -> None:
    """The usual run."""
    loaded = load(two)

    assert (names(loaded), loaded.scope, loaded.unpruned) == ({"one", "two"}, None, None)


def test_a_path_narrows_the_changes_but_not_the_judgement(two: Tree) -> None:
    """The whole tree is read all the same, so that ownership and twins are judged by all of it (design §4)."""
    loaded = load(two, "more")

    assert (names(loaded), loaded.scope) == ({"one", "two"}, frozenset({"two"}))
    assert loaded.unpruned == "the PATHs given are not all the manifests of the config"


def test_paths_that_cover_every_configured_path_are_the_whole(two: Tree) -> None:
    """Then rows may be removed."""
    loaded = load(two, "more", "subscriptions")

    assert (loaded.scope, loaded.unpruned) == (None, None)


def test_the_folder_around_all_covers_all(two: Tree) -> None:
    """A dot is every folder below."""
    assert load(two, ".").unpruned is None


def test_a_glob_that_meets_every_file_does_not_cover_the_folders(two: Tree) -> None:
    """A file deleted in a folder must not look like a wish of somebody who named the others."""
    assert load(two, "more/*.yaml", "subscriptions/*.yaml").unpruned is not None


def test_only_narrows_by_name_and_removes_nothing(two: Tree) -> None:
    """--only matches names."""
    loaded = load(two, only="t*")

    assert (loaded.scope, loaded.unpruned) == (frozenset({"two"}), "--only judges a part of the manifests")


def test_only_that_matches_nothing_is_an_error(two: Tree) -> None:
    """A slip of the pen must not look like `nothing to do`."""
    with pytest.raises(UsageError, match="no manifest has such a name"):
        load(two, only="x*")


def test_no_prune_says_so(two: Tree) -> None:
    """The reason is told with what it kept."""
    assert load(two, prune=False).unpruned == "--no-prune was given"


@pytest.mark.parametrize(("prune", "may"), [(None, False), (False, False), (True, True)])
def test_without_a_config_removal_needs_prune(tree: Tree, prune: bool | None, may: bool) -> None:
    """Two folders would remove each other's rows (design §3)."""
    tree.manifest("one")

    assert (load(tree, "subscriptions", prune=prune).unpruned is None) is may


def test_without_config_and_path_there_is_nothing_to_read(tree: Tree) -> None:
    """The current folder is not taken silently: it could be anybody's."""
    with pytest.raises(UsageError, match="no PATH given"):
        load(tree)


def test_a_config_further_up_is_found_and_paths_stay_as_typed(two: Tree) -> None:
    """PATH is relative to where the person stands."""
    (two.folder / "more/deep").mkdir()

    assert load(two, "..", folder="more/deep").scope == frozenset({"two"})


def test_a_config_elsewhere_brings_its_folder_with_it(two: Tree) -> None:
    """Manifests are relative to the config; they are shown as a person here would type them."""
    loaded = loading.load(Choice(config=f"{two.folder.name}/reconciler.yaml"), two.folder.parent, PROJECT, KINDS)

    assert {manifest.source.path for manifest in loaded.manifests} == {
        f"{two.folder.name}/subscriptions/one.yaml",
        f"{two.folder.name}/more/two.yaml",
    }


def test_a_config_that_is_not_there_is_an_error(two: Tree) -> None:
    """Never taken for `no config`."""
    with pytest.raises(UsageError, match="no such config file"):
        load(two, config="elsewhere.yaml")


def test_a_path_that_is_not_there_is_an_error(two: Tree) -> None:
    """Also where a config says which manifests there are."""
    with pytest.raises(InvalidInput) as invalid:
        load(two, "nowhere")

    assert [problem.rule for problem in invalid.value.problems] == ["no-such-path"]


def test_documents_of_other_programs_are_noted(two: Tree) -> None:
    """Skipped, but not silently (design §2)."""
    two.write("more/deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\n")

    assert any("more/deployment.yaml:1" in note for note in load(two).notes)


def test_one_environment_is_overridden_by_options(two: Tree) -> None:
    """--host and --project-id (design §3)."""
    loaded = load(two, environments=("production",), host="https://eu.posthog.com", project_id="9")

    assert [(item.host, item.project_id) for item in loaded.environments] == [("https://eu.posthog.com", "9")]


def base(tree: Tree, ref: str, folder: str = ".") -> Loaded:
    """The base at *ref*."""
    here = tree.folder / folder
    choice = Choice(base=ref)
    found = loading.load_base(choice, here, KINDS, loading.load(choice, here, PROJECT, KINDS).config)
    assert found is not None
    return found


def commit(tree: Tree) -> None:
    """Commit everything in the folder."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "--allow-empty", "-m", "step"]):
        environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *arguments], cwd=tree.folder, check=True, env=environment)


def test_the_base_of_a_git_ref_is_the_tree_of_then(two: Tree) -> None:
    """The work tree is neither read nor touched."""
    commit(two)
    (two.folder / "more/two.yaml").unlink()

    assert names(base(two, "HEAD")) == {"one", "two"}
    assert not (two.folder / "more/two.yaml").exists()


def test_the_base_in_a_checkout_whose_config_lies_deeper(two: Tree, tmp_path: Path) -> None:
    """Paths inside the commit start at the top of the checkout."""
    inner = Tree(tmp_path / "inner")
    shutil.copytree(two.folder, inner.folder, ignore=shutil.ignore_patterns("inner"))
    commit(two)
    (inner.folder / "more/two.yaml").unlink()

    assert names(base(inner, "HEAD")) == {"one", "two"}


def test_the_base_of_a_folder_is_laid_out_like_this_one(two: Tree, tmp_path: Path) -> None:
    """Outside git a folder is all there is."""
    then = tmp_path / "then"
    shutil.copytree(two.folder, then, ignore=shutil.ignore_patterns("then"))
    (then / "more/two.yaml").unlink()

    assert names(base(two, "then")) == {"one"}


def test_a_base_from_before_the_config_is_empty(tree: Tree) -> None:
    """The first pull request that brings the tool along."""
    commit(tree)
    tree.config("https://us.posthog.com", 12345)
    tree.manifest("one")

    assert names(base(tree, "HEAD")) == set()


def test_a_base_with_a_broken_manifest_is_an_error_naming_file_and_ref(two: Tree) -> None:
    """A base that cannot be read whole carries no protection and no unsubscribes."""
    (two.folder / "more/two.yaml").write_text("kind: [", encoding="utf-8")
    commit(two)
    two.manifest("two", insight=5).rename(two.folder / "more/two.yaml")
    with pytest.raises(InvalidInput) as invalid:
        base(two, "HEAD")

    (problem,) = invalid.value.problems
    assert problem.path is not None
    assert problem.path.endswith(":more/two.yaml")


def test_a_base_that_is_nowhere_is_an_error(two: Tree) -> None:
    """Neither a folder, nor in a checkout."""
    with pytest.raises(UsageError, match="no such folder"):
        base(two, "origin/main")


def test_the_base_has_the_groups_of_then(tree: Tree) -> None:
    """Who was in a group when it was applied is what tells an unsubscribe."""
    tree.config("https://us.posthog.com", 12345, more="recipients: {team: [bo@example.com]}\n")
    tree.manifest("one", target_value=["@team"])
    commit(tree)
    tree.config("https://us.posthog.com", 12345, more="recipients: {team: [cy@example.com]}\n")

    assert base(tree, "HEAD").config.recipients == {"team": ("bo@example.com",)}


def test_a_pattern_of_manifests_holds_at_the_base_too(two: Tree) -> None:
    """And one that matched nothing then is no error: the folder was still empty."""
    config = two.folder / "reconciler.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[subscriptions, more]", "['sub*/*.yaml', 'more/*.yaml']"), encoding="utf-8")
    (two.folder / "more/two.yaml").unlink()
    commit(two)
    two.manifest("two", insight=5).rename(two.folder / "more/two.yaml")

    assert names(base(two, "HEAD")) == {"one"}
