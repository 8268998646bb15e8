"""What a PATH, a config and a base mean: which manifests are judged, which are changed, and what may be removed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import kinds, loading
from reconciler.errors import InvalidInput, UsageError
from reconciler.loading import Choice, Loaded
from reconciler.manifests import teamwork
from reconciler.privacy import show
from tests.conftest import Tree
from tests.yardstick import seconds

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


def test_an_empty_path_is_an_error_and_not_the_whole_tree(two: Tree) -> None:
    """A variable that a script forgot to set; an empty --config is no better."""
    with pytest.raises(UsageError, match="a PATH is empty"):
        load(two, "more", "")
    with pytest.raises(UsageError, match="--config is empty"):
        load(two, config="")


def check(tree: Tree, *paths: str) -> Loaded:
    """What `validate` finds in *paths*."""
    return loading.check(Choice(paths=paths), tree.folder, KINDS)


def broken(count: int, spec: str = "interval: 0", kind: str = "Subscription") -> str:
    """So many documents that are wrong."""
    head = f"---\napiVersion: posthog-reconciler/v1\nkind: {kind}\nmetadata:\n  name: "
    return "".join(f"{head}bad-{number}\nspec:\n  {spec}\n" for number in range(count))


def test_problems_come_in_the_order_of_files_and_lines(two: Tree) -> None:
    """Whoever finds them: the reader, the schema or the kind."""
    two.write("more/a.yaml", broken(1))
    two.write("more/c.yaml", broken(1) + "---\n- a list\n---\n{")
    two.write("subscriptions/b.yaml", "kind: Subscription\nspec: {}\n")
    two.manifest("b2", target_value=["ana"])
    found = [(problem.path, problem.line, problem.column) for problem in check(two).problems]

    assert {"more/a.yaml", "more/c.yaml", "subscriptions/b.yaml", "subscriptions/b2.yaml"} == {
        path for path, *_ in found
    }
    assert found == sorted(found, key=lambda place: (place[0] or "", place[1] or 0, place[2] or 0))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(broken(1_030, "interval: 0\n  count: 0"), id="the schema refuses"),
        pytest.param(broken(1_030, "{}", "Subscripton"), id="of an unknown kind"),
        pytest.param("---\nkind: X\nspec: {}\n" * 1_030, id="the reader refuses"),
    ],
)
def test_of_many_problems_a_thousand_are_told_and_the_others_counted(two: Tree, text: str) -> None:
    """Nobody reads more, and each one takes a look into its file; what comes last says how many there are beyond."""
    two.write("more/a.yaml", text)
    *told, last = check(two).problems

    assert 1_000 == len(told)
    assert (None, "more") == (last.path, last.rule)
    assert re.match(r"and [\d,]+ more", show(last.message, addresses=False))


def test_the_documents_after_the_thousandth_problem_are_read_all_the_same(two: Tree) -> None:
    """So a name that stands twice, at the beginning and at the end, is counted; and the number is right."""
    two.write("more/a.yaml", broken(1_030, "{}", "Subscripton"))
    two.manifest("two", insight=5)
    last = check(two).problems[-1]

    assert "and 31 more" in show(last.message, addresses=False)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(broken(30_000, "interval: 0"), id="documents"),
        pytest.param(broken(1, "\n  ".join(f"f{number}: 1" for number in range(30_000))), id="fields"),
        pytest.param(broken(15_000, "title: a\n  title: b"), id="keys that stand twice"),
    ],
)
def test_a_file_with_tens_of_thousands_of_problems_takes_seconds_at_most(two: Tree, text: str) -> None:
    """All of it is read, and only what is told is worded: it took 25 seconds when all was."""
    two.write("more/a.yaml", text)
    before = time.process_time()
    found = check(two).problems
    took = time.process_time() - before

    assert "more" == found[-1].rule
    assert took < seconds(4)


def test_what_is_wrong_elsewhere_takes_no_room_from_what_was_named(two: Tree) -> None:
    """The named file's one problem is told, however many there are in the others."""
    two.write("more/a.yaml", broken(1_030))
    two.manifest("named", interval=0)
    found = check(two, "subscriptions/named.yaml").problems

    assert ["subscriptions/named.yaml"] == [problem.path for problem in found]


def test_a_named_file_that_the_config_does_not_hold_is_checked_beside_its_manifests(two: Tree) -> None:
    """A hook names whatever file was changed: it is not valid because nobody looked, and its name may be taken."""
    two.write("elsewhere/x.yaml", broken(1, "{}"))
    two.manifest("one", insight=7).rename(two.folder / "elsewhere/one.yaml")
    wrong, twice = check(two, "elsewhere/x.yaml"), check(two, "elsewhere/one.yaml")

    assert {"elsewhere/x.yaml"} == {problem.path for problem in wrong.problems}
    assert 1 == wrong.seen
    assert [] == list(twice.problems)
    two.manifest("one")
    assert ["duplicate-name"] == [problem.rule for problem in check(two, "elsewhere/one.yaml").problems]


def test_a_link_to_a_configured_manifest_is_that_manifest(two: Tree) -> None:
    """Named by another way, it is not a second one of the same name."""
    (two.folder / "link.yaml").symlink_to("subscriptions/one.yaml")
    found = check(two, "link.yaml")

    assert ([], {"one"}) == (list(found.problems), names(found))


def test_validate_notes_what_it_skipped_of_what_was_named(two: Tree) -> None:
    """Design §2, also where only a part is named."""
    two.write("more/deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\n")

    assert [1, 1, 0] == [len(check(two, *paths).notes) for paths in ((), ("more",), ("subscriptions",))]


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


def test_a_large_tree_is_checked_as_a_small_one(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes read it, each checks what it read, and what they find is told as ever: problems and warnings."""
    tree.config("https://us.posthog.com", 12345)
    right = tree.manifest("m0000").read_text(encoding="utf-8")
    for number in range(1, teamwork.WORTH_IT):
        tree.write(f"subscriptions/m{number:04}.yaml", right.replace("m0000", f"m{number:04}"))
    for number in (3, 1_003, 1_990):
        tree.manifest(f"m{number:04}", target_value=["@nobody"])
        tree.manifest(f"m{number + 1:04}", until_date="2026-02-01T00:00:00Z", start_date="2025-01-06T09:00:00Z")
        tree.manifest(f"m{number + 2:04}", metadata="  environments: [nowhere]\n")
    tree.write("subscriptions/m0500.yaml", right.replace("m0000", "m0499"))
    later = kinds.registry(datetime(2026, 3, 1, tzinfo=UTC))
    by_two = loading.load(Choice(), tree.folder, PROJECT, later)
    monkeypatch.setattr(teamwork, "is_possible", lambda: False)
    by_one = loading.load(Choice(), tree.folder, PROJECT, later)

    assert by_one == by_two
    assert Counter({"unknown-group": 3, "unknown-environment": 3, "duplicate-name": 1}) == Counter(
        problem.rule for problem in by_two.problems
    )
    assert ["over"] * 3 == [warning.rule for warning in by_two.warnings]
