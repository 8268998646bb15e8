"""The examples: valid, different from each other, creatable side by side, and showing what the design promises."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pytest

from reconciler import config, manifests, schema
from reconciler.kinds import registry
from reconciler.manifests import Folder, Locator
from reconciler.model import Config, Desired, Live, Manifest
from reconciler.resource import Kinds

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT / "examples", ROOT / "examples/latest")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS: Kinds = registry(NOW)


def read(folder: Path) -> tuple[Config, tuple[Manifest, ...]]:
    """The config and the manifests in *folder*, in which nothing is wrong."""
    files = Folder(folder)
    found = config.load(files, "reconciler.yaml")
    tree = manifests.read(files, found.manifests)
    checked = schema.check(tree.documents, config=found, kinds=KINDS, locate=Locator(files))
    assert ((), (), (), ()) == (tree.problems, tree.skipped, checked.problems, checked.warnings)
    return found, checked.manifests


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_example_is_right(folder: Path) -> None:
    """No problem, no warning, nothing skipped."""
    assert read(folder)[1]


def subscriptions(found: Config, wanted: tuple[Manifest, ...], environment: str) -> list[Desired]:
    """The rows that the examples want in *environment*."""
    kind = KINDS["Subscription"]
    (place,) = (each for each in found.environments if each.name == environment)
    return [
        kind.desired(each, found, place)
        for each in wanted
        if each.kind == kind.kind and each.lives_in(environment) and not each.spec.get("deleted")
    ]


def test_there_is_an_example_of_every_kind() -> None:
    """A schema nobody can see used might as well not be there."""
    assert set(schema.SCHEMAS) == {manifest.kind for manifest in read(FOLDERS[0])[1]}


def test_there_are_at_least_eight_and_they_show_what_there_is() -> None:
    """A reader finds one of each to copy from."""
    found = read(FOLDERS[0])[1]
    specs = [manifest.spec for manifest in found]

    assert len(found) >= 8
    assert {"email", "slack"} <= {spec.get("target_type") for spec in specs}
    assert {"daily", "weekly", "monthly", "yearly"} <= {spec.get("frequency") for spec in specs}
    assert all(any(field in spec for spec in specs) for field in ("bysetpos", "until_date", "count", "deleted"))
    assert any(isinstance(spec.get("start_date"), dict) for spec in specs)
    assert any(manifest.protect for manifest in found)
    assert any(manifest.external for manifest in found)
    assert any(manifest.previous_names for manifest in found)
    assert any(manifest.environments for manifest in found)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_two_examples_are_twins(folder: Path) -> None:
    """Whoever applies one without its tag is not kept from applying the next (design §4, step 5)."""
    found, wanted = read(folder)
    for environment in found.environments:
        for one, other in combinations(subscriptions(found, wanted, environment.name), 2):
            row = Live("Subscription", 1, None, deleted=False, fields=other.fields)
            assert KINDS["Subscription"].likeness(one, row) is None, (one.name, other.name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_examples_name_what_the_sandbox_has(folder: Path) -> None:
    """Dashboards and insights 1 to 60, so that the demo can create them."""
    found, wanted = read(folder)
    for environment in found.environments:
        for desired in subscriptions(found, wanted, environment.name):
            assert (desired.fields["dashboard"] or desired.fields["insight"]) in range(1, 61)


def test_examples_mail_nobody_real() -> None:
    """Every address is in a domain that is reserved for examples."""
    for path in (ROOT / "examples").rglob("*.y*ml"):
        domains = re.findall(r"@([\w.-]+\.\w+)", path.read_text(encoding="utf-8"))
        assert set(domains) <= {"example.com", "example.org"}, path


def test_every_file_tells_editors_its_schema() -> None:
    """The first line leads to a schema that exists; workflows have one that editors know by their place."""
    for path in set((ROOT / "examples").rglob("*.y*ml")) - set((ROOT / "examples/workflows").iterdir()):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        target = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / target).resolve().is_relative_to(ROOT / "schemas"), path
        assert (path.parent / target).is_file(), path
