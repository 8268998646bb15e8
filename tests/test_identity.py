"""Which row is which manifest's: the order of design §4, and every doubt that blocks."""

import pytest

from reconciler.identity import How, Resolution, Rows, needs_deleted
from reconciler.model import Manifest, Severity
from tests.scenes import NAMESPACE, desired, gone, manifest, resolved, row, text, tombstone


def found(resolution: Resolution) -> list[tuple[str, int | None, How]]:
    """Each manifest with the row it was given, and by which evidence."""
    return [
        (binding.desired.name, binding.live.id if binding.live else None, binding.how)
        for binding in resolution.bindings
    ]


def blocked(resolution: Resolution) -> list[tuple[str, str | None]]:
    """The rules that block, each with the manifest it blocks, whose place it names."""
    findings = [finding for binding in resolution.bindings for finding in binding.blocked]
    assert [] == [finding for finding in findings if finding.severity is not Severity.BLOCK]
    assert [] == [
        finding for finding in findings if not finding.source or finding.source.path != f"{finding.name}.yaml"
    ]
    return [(finding.rule, finding.name) for finding in findings]


def words(resolution: Resolution) -> str:
    """What the first finding says."""
    return next(text(finding) for binding in resolution.bindings for finding in binding.blocked)


# By id


def test_an_id_leads_to_its_row_whatever_its_title() -> None:
    """`metadata.id` comes first and asks for no tag."""
    resolution = resolved(manifest(id=7), rows=[row(7, name=None, title="By hand"), row(8, name="other")])

    assert [("weekly", 7, How.ID)] == found(resolution)


def test_an_id_of_another_environment_is_no_id_here() -> None:
    """In a map of ids, an environment that is left out has none."""
    resolution = resolved(manifest(id={"staging": 7}), rows=[row(1), row(7, name=None)])

    assert [("weekly", 1, How.TAG)] == found(resolution)


def test_an_id_of_this_environment_is_taken_from_the_map() -> None:
    """In a map of ids, each environment has its own."""
    resolution = resolved(manifest(id={"staging": 7, "production": 9}), rows=[row(7, name=None), row(9, name=None)])

    assert [("weekly", 9, How.ID)] == found(resolution)


def test_an_id_that_is_not_in_the_project_blocks() -> None:
    """A row that is neither live nor soft-deleted cannot be adopted; the message names the id."""
    resolution = resolved(manifest(id=7), rows=[row(8, name=None)])

    assert [("id-not-found", "weekly")] == blocked(resolution)
    assert "metadata.id 7" in words(resolution)


def test_an_id_may_name_a_soft_deleted_row() -> None:
    """The row is in the project, so it is restored and not made anew."""
    resolution = resolved(manifest(id=7), rows=[gone(7, name=None)])

    assert [("weekly", 7, How.ID)] == found(resolution)


@pytest.mark.parametrize("title", ["Theirs [sales:weekly]", "Ours [growth:other]"])
def test_an_id_with_somebody_elses_tag_blocks(title: str) -> None:
    """Neither another namespace's row nor another manifest's becomes ours by being named; the message names the tag."""
    resolution = resolved(manifest(id=7), rows=[row(7, title=title), row(8, name="c")])

    assert [("id-other-tag", "weekly")] == blocked(resolution)
    assert title.split()[1] in words(resolution)
    assert {8} == {id for id in resolution.ours if id != 7 or "sales" in title}


def test_takeover_adopts_a_row_with_somebody_elses_tag() -> None:
    """`takeover: true` says that its owner agreed."""
    resolution = resolved(manifest(id=7, takeover=True), rows=[row(7, title="Theirs [sales:weekly]")])

    assert [("weekly", 7, How.ID)] == found(resolution)


@pytest.mark.parametrize("tagged", ["weekly", "daily"])
def test_an_id_and_another_row_with_the_tag_block(tagged: str) -> None:
    """Both rows would mail, so both are named; a row under a previous name is the manifest's own as well."""
    wanted = manifest(id=7, previous_names=("daily",))
    resolution = resolved(wanted, rows=[row(7, name=None), row(8, name=tagged), row(9, name="other")])

    assert [("id-and-tag", "weekly")] == blocked(resolution)
    assert "row 7" in words(resolution)
    assert "row 8" in words(resolution)


# By tag


def test_the_tag_leads_to_the_row_whatever_else_was_edited() -> None:
    """Title, recipients and schedule may have been changed by hand."""
    edited = row(1, title="Renamed by hand [growth:weekly]", target_value="bo@example.com", frequency="daily")

    assert [("weekly", 1, How.TAG)] == found(resolved(manifest(), rows=[edited]))


def test_a_title_without_the_tag_leads_nowhere() -> None:
    """A row is never known by its title."""
    assert [("weekly", None, How.NONE)] == found(resolved(manifest(), rows=[row(1, name=None)]))


def test_the_same_name_in_another_namespace_is_another_manifest() -> None:
    """Two repositories may use one name."""
    resolution = resolved(manifest(), rows=[row(1, title="Weekly [sales:weekly]")])

    assert [("weekly", None, How.NONE)] == found(resolution)
    assert () == resolution.orphans


def test_two_live_rows_with_one_tag_block() -> None:
    """Never last wins: both rows are named."""
    resolution = resolved(manifest(), rows=[row(5), row(6)])

    assert [("duplicate-tag", "weekly")] == blocked(resolution)
    assert "5 and 6" in words(resolution)


# By a previous name


def test_a_previous_name_leads_to_the_row() -> None:
    """A renamed manifest keeps its row."""
    resolution = resolved(manifest(previous_names=("daily", "hourly")), rows=[row(3, name="hourly")])

    assert [("weekly", 3, How.PREVIOUS)] == found(resolution)


def test_rows_under_the_new_and_a_previous_name_block() -> None:
    """Both would mail, so both are named with their tags."""
    resolution = resolved(manifest(previous_names=("daily",)), rows=[row(3, name="daily"), row(4)])

    assert [("previous-live", "weekly")] == blocked(resolution)
    assert "4 [growth:weekly] and 3 [growth:daily]" in words(resolution)


# Among soft-deleted rows


def test_a_soft_deleted_row_with_the_tag_is_found() -> None:
    """It is restored with its id, and no second row is made."""
    assert [("weekly", 3, How.TAG)] == found(resolved(manifest(), rows=[gone(3)]))


def test_the_newest_of_several_soft_deleted_rows_is_found() -> None:
    """The older ones were replaced by it."""
    assert [("weekly", 6, How.TAG)] == found(resolved(manifest(), rows=[gone(2), gone(6), gone(4)]))


def test_a_soft_deleted_row_under_a_previous_name_is_found() -> None:
    """Renaming and restoring may come together."""
    resolution = resolved(manifest(previous_names=("daily",)), rows=[gone(3, name="daily")])

    assert [("weekly", 3, How.PREVIOUS)] == found(resolution)


def test_a_live_row_comes_before_a_soft_deleted_one() -> None:
    """A soft-deleted row is no doubt about a live one, not even under the newer name."""
    resolution = resolved(manifest(previous_names=("daily",)), rows=[row(2, name="daily"), gone(3)])

    assert [("weekly", 2, How.PREVIOUS)] == found(resolution)


@pytest.mark.parametrize(
    ("manifests", "expected"),
    [
        pytest.param([manifest()], False, id="its row is live"),
        pytest.param([manifest(previous_names=("daily",), name="new")], True, id="no row is live"),
        pytest.param([manifest(id=9)], True, id="its id is not live"),
        pytest.param([tombstone("new")], False, id="a tombstone restores nothing"),
    ],
)
def test_soft_deleted_rows_are_read_only_when_a_manifest_has_no_live_row(
    manifests: list[Manifest], expected: bool
) -> None:
    """The second listing is paid for only when it can change the plan."""
    assert expected is needs_deleted(desired(*manifests), Rows.of(NAMESPACE, [row(1)]))


# Two manifests, one row


def test_a_row_that_two_manifests_claim_blocks_both() -> None:
    """Each is told of the other, with its file and line."""
    resolution = resolved(manifest(), manifest("daily", id=1, takeover=True), rows=[row(1)])

    assert [("claimed-twice", "weekly"), ("claimed-twice", "daily")] == blocked(resolution)
    assert "daily (daily.yaml:3)" in words(resolution)


def test_a_row_that_is_in_doubt_is_nobodys_orphan() -> None:
    """What two manifests claim is not removed while they quarrel, nor when only one of them is right."""
    resolution = resolved(
        manifest(id=1, takeover=True), manifest("daily", previous_names=("old",)), rows=[row(1, name="old")]
    )

    assert () == resolution.orphans


# What remains


def test_rows_with_our_tag_and_no_manifest_are_orphans() -> None:
    """Neither untagged rows nor those of other namespaces are."""
    rows = [row(1), row(2, name="left"), row(3, name=None), row(4, title="Theirs [sales:left]")]

    assert [2] == [each.id for each in resolved(manifest(), rows=rows).orphans]


def test_a_row_under_a_previous_name_is_no_orphan() -> None:
    """Not even when the manifest has another row and is blocked."""
    resolution = resolved(manifest(previous_names=("daily",)), rows=[row(1), row(2, name="daily")])

    assert () == resolution.orphans


def test_a_row_that_is_named_in_vain_is_no_orphan() -> None:
    """An id that is refused still says that somebody cares for the row."""
    assert () == resolved(manifest(id=2), rows=[row(2, name="left")]).orphans


def test_a_row_that_a_manifest_adopts_is_no_twin() -> None:
    """Untagged rows are those that no manifest names."""
    resolution = resolved(manifest(id=2), rows=[row(2, name=None), row(3, name=None)])

    assert [3] == [each.id for each in resolution.untagged]


def test_ours_are_tagged_bound_and_named_rows() -> None:
    """A row that nobody names, or that belongs to another namespace, is not."""
    rows = [row(1), row(2, name="left"), row(3, name=None), row(4, title="Theirs [sales:x]"), row(5, name=None)]
    resolution = resolved(manifest(), manifest("b", id=3), rows=rows)

    assert {1, 2, 3} == resolution.ours


def test_a_row_taken_over_is_ours() -> None:
    """It is bound, whatever tag it still carries."""
    assert {4} == resolved(manifest(id=4, takeover=True), rows=[row(4, title="Theirs [sales:x]")]).ours


# Tombstones


def test_a_tombstone_takes_the_row_with_its_tag_where_its_id_is_no_longer_live() -> None:
    """Any evidence of ownership counts."""
    resolution = resolved(tombstone(id=7), rows=[row(8)])

    assert [("weekly", 8, How.TAG)] == found(resolution)


def test_a_tombstone_without_a_row_is_at_peace() -> None:
    """What it asks for is already so."""
    assert [] == blocked(resolved(tombstone(id=7), rows=[row(8, name=None)]))


# Two listings


def test_a_row_in_both_listings_is_live() -> None:
    """It was restored or deleted between them; a live row is never made a second time."""
    rows = Rows.of(NAMESPACE, [row(1)], [gone(1)])

    assert ([1], []) == ([*rows.live], [*rows.deleted])


def test_what_a_row_says_of_itself_counts_more_than_its_listing() -> None:
    """A row restored after the first listing shows up in the second one as what it is."""
    rows = Rows.of(NAMESPACE, [gone(2)], [row(3)])

    assert ([3], [2]) == ([*rows.live], [*rows.deleted])
