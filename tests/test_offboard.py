"""A person taken out of every manifest and group: byte for byte, and until the last message."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler import kinds, loading, offboarding
from reconciler.departures import Departure
from reconciler.errors import InvalidInput, UsageError
from reconciler.loading import Choice
from reconciler.sandbox import Sandbox
from tests.conftest import Run, Tree

ANA, BO, CY = "ana@example.com", "bo@example.com", "cy@example.com"
KINDS = kinds.registry(datetime(2026, 1, 1, tzinfo=UTC))
GROUPS = "recipients:\n  team: [bo@example.com, ana@example.com]\n"


@pytest.fixture
def config(tree: Tree) -> Tree:
    """A config with the group `team`, and no manifest yet."""
    tree.config("https://us.posthog.com", 12345, more=GROUPS)
    (tree.folder / "subscriptions").mkdir()
    return tree


def leave(tree: Tree, address: str = ANA, *paths: str, rehearse: bool = False) -> Departure:
    """Take *address* out of *tree*."""
    return offboarding.offboard(address, Choice(paths=paths), tree.folder, KINDS, is_rehearsal=rehearse)


def specs(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the tree says: the recipients of every manifest, as a list, and the groups."""
    loaded = loading.checkout(Choice(), folder, KINDS).loaded
    assert loaded.problems == ()
    targets = {each.name: each.spec["target_value"] for each in loaded.manifests}
    lists = {
        name: [part.strip() for part in target.split(",")] if isinstance(target, str) else list(target)
        for name, target in targets.items()
    }
    return lists, {name: list(members) for name, members in loaded.config.recipients.items()}


# --- byte for byte ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """A list of people and how a person wrote it; what it looks like with or without somebody is the same code."""

    people: tuple[str, ...]
    style: str
    quote: str = ""
    comment: str = ""
    comma: str = ", "
    trailing: bool = False
    padding: str = ""
    indent: str = "    "

    def without(self, address: str) -> Layout:
        """The same, less *address*; whoever would leave nobody behind stays."""
        rest = tuple(each for each in self.people if each.strip().casefold() != address)
        return replace(self, people=rest or self.people)

    def text(self) -> str:
        """What follows the colon of the key."""
        match self.style:
            case "flow":
                end = self.comma.rstrip() if self.trailing else ""
                return f" [{self.padding}{self.comma.join(self._quoted())}{end}{self.padding}]{self.comment}\n"
            case "lines":
                last = len(self.people) - 1
                commas = ["," if number < last or self.trailing else "" for number in range(last + 1)]
                pairs = zip(self._quoted(), commas, strict=True)
                inner = "".join(f"{self.indent}{each}{comma}{self.comment}\n" for each, comma in pairs)
                return f" [{self.comment}\n{inner}  ]\n"
            case "block":
                return "\n" + "".join(f"{self.indent}- {each}{self.comment}\n" for each in self._quoted())
            case "text":
                return f" {self.quote}{self.comma.join(self.people)}{self.quote}{self.comment}\n"
        return " >-\n" + ",\n".join(f"{self.indent}{each}" for each in self.people) + "\n"

    def _quoted(self) -> list[str]:
        return [f"{self.quote}{each}{self.quote}" if self.quote else each for each in self.people]


def manifest(number: int, layout: Layout, remark: str) -> str:
    """A document with *layout* as its recipients."""
    return (
        f"{remark}---\napiVersion: posthog-reconciler/v1\nkind: Subscription\nmetadata: {{name: n{number}}}\nspec:\n"
        f"  title: 'Title  {number}'   # kept\n  insight: {number + 1}\n  target_type: email\n"
        f"  target_value:{layout.text()}{remark}  frequency: weekly\n  start_date: 2026-01-05T09:00:00Z\n"
    )


@dataclass(frozen=True)
class Files:
    """A config with groups and a file with manifests, in one line end and encoding."""

    manifests: tuple[tuple[Layout, str], ...]
    groups: tuple[Layout, ...]
    line_end: str = "\n"
    mark: bytes = b""
    is_ended: bool = True

    def without(self, address: str) -> Files:
        """The same, less *address*."""
        left = tuple((layout.without(address), remark) for layout, remark in self.manifests)
        return replace(self, manifests=left, groups=tuple(each.without(address) for each in self.groups))

    def contents(self) -> Mapping[str, bytes]:
        """The bytes of each file."""
        config = (
            "# ours\napiVersion: posthog-reconciler/v1\nkind: Config\nnamespace: growth\nmanifests: [m.yaml]\n"
            "environments:\n  production: {host: 'https://us.posthog.com', project_id: 1}\nrecipients:\n"
        )
        groups = "".join(f"  g{number}:{layout.text()}" for number, layout in enumerate(self.groups)) or "  {}\n"
        text = "".join(manifest(number, *each) for number, each in enumerate(self.manifests))
        return {"reconciler.yaml": self._bytes(config + groups), "m.yaml": self._bytes(text)}

    def _bytes(self, text: str) -> bytes:
        text = text if self.is_ended else text.removesuffix("\n")
        return self.mark + text.replace("\n", self.line_end).encode()


PEOPLE = st.lists(st.sampled_from([BO, CY, "dan@example.com", "e+f@sub.example.org"]), unique=True, max_size=3)
PERSON = st.sampled_from([[], [ANA], ["ana@Example.COM"]])


@st.composite
def layouts(draw: st.DrawFn, styles: Sequence[str], groups: Sequence[str] = ()) -> Layout:
    """A list that may name ana, written in one of *styles*."""
    style = draw(st.sampled_from(styles))
    others = draw(PEOPLE)
    if style in ("flow", "lines", "block"):
        others += draw(st.lists(st.sampled_from(groups), unique=True, max_size=1)) if groups else []
    person = draw(PERSON) or ([] if others else [BO])
    quote = draw(st.sampled_from(["", "'", '"']))
    return Layout(
        tuple(draw(st.permutations(others + person))),
        style,
        '"' if any(each.startswith("@") for each in others) else quote,
        draw(st.sampled_from(["", "  # of them", " # ana and bo, [both]"])),
        draw(st.sampled_from([", ", ","])),
        draw(st.booleans()),
        draw(st.sampled_from(["", " "])),
        draw(st.sampled_from(["    ", "        "])),
    )


@st.composite
def files(draw: st.DrawFn) -> Files:
    """A tree."""
    groups = draw(st.lists(layouts(("flow", "lines", "block")), max_size=2))
    names = [f"@g{number}" for number in range(len(groups))]
    remarks = st.sampled_from(["", "# a remark\n", "\n"])
    lists = st.tuples(layouts(("flow", "lines", "block", "text", "folded"), names), remarks)
    return Files(
        tuple(draw(st.lists(lists, min_size=1, max_size=3))),
        tuple(groups),
        draw(st.sampled_from(["\n", "\r\n"])),
        draw(st.sampled_from([b"", b"\xef\xbb\xbf"])),
        draw(st.booleans()),
    )


@given(files())
@example(Files(((Layout((ANA, BO), "block"), ""),), (Layout((ANA,), "flow"),)))
def test_every_file_is_the_one_a_person_would_have_written_without_them(
    tmp_path_factory: pytest.TempPathFactory, given: Files
) -> None:
    """Byte for byte, in every layout: comments, order, quotes and line ends. A list of theirs alone stays."""
    folder = tmp_path_factory.mktemp("tree")
    for name, content in given.contents().items():
        (folder / name).write_bytes(content)
    before = specs(folder)
    found = leave(Tree(folder))

    assert given.without(ANA).contents() == {path.name: path.read_bytes() for path in folder.iterdir()}
    alone = [name for lists in before for name, people in lists.items() if less(people) == []]
    assert sorted(alone) == sorted(kept.place.name for kept in found.kept)
    expected = tuple({name: less(people) or people for name, people in lists.items()} for lists in before)
    assert expected == specs(folder)


def less(people: Sequence[str]) -> list[str]:
    """*people* without ana."""
    return [each for each in people if each.casefold() != ANA]


# --- what stays -------------------------------------------------------------------------------------------------------


def test_nobody_is_taken_out_who_is_only_alike(config: Tree) -> None:
    """The name before the @ is the mail server's to judge; a longer address is another person."""
    people = ["Ana@example.com", "ana@example.com.au", "diana@example.com", "ana@example.org"]
    config.manifest("weekly", target_value=people)
    found = leave(config)

    assert people == specs(config.folder)[0]["weekly"]
    # The first is told all the same: it may well be the same person.
    assert [("subscriptions/weekly.yaml", 9)] == [(each.path, each.line) for each in found.mentions]


def test_a_list_that_would_hold_nobody_stays_and_its_way_out_is_told(config: Tree) -> None:
    """A manifest without recipients is none; all others are edited, and the command ends with 1."""
    config.manifest("alone", target_value=[ANA])
    config.manifest("both", target_value=[ANA, BO], insight=5)
    config.write("reconciler.yaml", (config.folder / "reconciler.yaml").read_text() + "  only: [ana@example.com]\n")
    config.manifest("grouped", target_value=["@only"], insight=6)
    found = leave(config)

    assert {"alone": [ANA], "both": [BO], "grouped": ["@only"]} == specs(config.folder)[0]
    told = {kept.place.name: "".join(map(str, kept.message)) for kept in found.kept}
    assert "deleted: true" in told["alone"]
    assert "used by grouped" in told["only"]
    assert {"alone", "only"} == told.keys()


def test_a_tombstone_is_only_mentioned(config: Tree) -> None:
    """Nobody is mailed by it, so nothing stands in the way."""
    config.manifest("gone", target_value=[ANA], deleted=True)
    found = leave(config, ANA, "subscriptions/gone.yaml")

    assert [("subscriptions/gone.yaml", 9)] == [(each.path, each.line) for each in found.mentions]
    assert ["team"] == [kept.place.name for kept in found.kept]


def test_where_the_address_stands_otherwise_is_mentioned_by_line_as_it_is_then(config: Tree) -> None:
    """In a comment below the line that went; and what was edited is no mention."""
    text = config.manifest("weekly", target_value=None).read_text()
    config.write("subscriptions/weekly.yaml", text + f"  target_value:\n    - {ANA}\n    - {BO}\n# ask {ANA}\n")
    rehearsed, found = leave(config, rehearse=True), leave(config)
    line = len((config.folder / "subscriptions/weekly.yaml").read_text().splitlines())

    assert [[line + 1], [line]] == [[each.line for each in done.mentions] for done in (rehearsed, found)]


def test_what_still_names_the_person_is_told_where_it_stands_now(config: Tree) -> None:
    """Two documents in one file: the second moved up."""
    first = config.manifest("one", target_value=None).read_text() + f"  target_value:\n    - {ANA}\n    - {BO}\n"
    second = config.manifest("two", target_value=[ANA], insight=9).read_text()
    config.write("subscriptions/one.yaml", f"{first}---\n{second}")
    (config.folder / "subscriptions/two.yaml").unlink()
    (kept,) = leave(config).kept

    assert ANA in (config.folder / kept.place.path).read_text().splitlines()[kept.place.line - 1]


def test_a_path_leaves_other_manifests_and_groups_alone_and_says_so(config: Tree) -> None:
    """Nothing is lost: what is outside is named, with the way out."""
    for number, name in enumerate(("one", "two"), 4):
        config.manifest(name, target_value=[ANA, BO], insight=number)
    found = leave(config, ANA, "subscriptions/one.yaml")

    assert ({"one": [BO], "two": [ANA, BO]}, {"team": [BO, ANA]}) == specs(config.folder)
    assert {("two", "outside-path"), ("team", "outside-path")} == {(kept.place.name, kept.rule) for kept in found.kept}


def test_without_a_config_the_path_is_the_tree(tree: Tree) -> None:
    """As everywhere."""
    tree.manifest("one", target_value=[ANA, BO])
    found = leave(tree, ANA, "subscriptions")

    assert (True, 1) == (found.is_complete, len(found.edits))


@pytest.mark.parametrize(
    ("spec", "left"),
    [
        pytest.param('"ana@example.com\\x2cbo@example.com"', ["weekly"], id="an escaped comma"),
        pytest.param('"ana\\x40example.com,bo@example.com"', [], id="an escaped sign"),
        pytest.param(
            f"[&who {ANA}, {BO}]\n  invite_message: *who", ["weekly"], id="an anchor that something else needs"
        ),
        pytest.param(f"&all [{ANA}, {BO}]", [], id="an anchor of the list"),
    ],
)
def test_what_cannot_be_edited_without_harm_is_left_and_named(config: Tree, spec: str, left: list[str]) -> None:
    """Never a file that reads otherwise than before, less the person."""
    text = config.manifest("weekly", target_value=None).read_text() + f"  target_value: {spec}\n"
    config.write("subscriptions/weekly.yaml", text)
    found = leave(config)

    assert left == [kept.place.name for kept in found.kept if kept.rule == "not-cut"]
    assert (text == (config.folder / "subscriptions/weekly.yaml").read_text()) is bool(left)


def test_an_edit_that_would_change_anything_else_is_not_made(config: Tree) -> None:
    """The title is the list, by an alias: cut there, it would be another title, and every check would still pass."""
    text = config.manifest("weekly", target_value=None).read_text()
    text = text.replace('"Weekly"', f"&who {ANA},{BO}") + "  target_value: *who\n"
    config.write("subscriptions/weekly.yaml", text)
    found = leave(config, ANA, "subscriptions/weekly.yaml")

    assert ("weekly", "not-cut") in {(kept.place.name, kept.rule) for kept in found.kept}
    assert text == (config.folder / "subscriptions/weekly.yaml").read_text()


def test_one_place_that_cannot_be_edited_does_not_hold_up_the_others_of_its_document(config: Tree) -> None:
    """Two groups of the config; one comma is an escape no list has, so an anchor does it here."""
    text = (config.folder / "reconciler.yaml").read_text().partition("recipients:")[0]
    groups = f"recipients:\n  ? one\n  : - {ANA}\n    - {BO}\n  two: [{ANA}, {BO}]\n"
    config.write("reconciler.yaml", text + groups)
    found = leave(config)

    assert {"one": [ANA, BO], "two": [BO]} == specs(config.folder)[1]
    assert [("one", "not-cut")] == [(kept.place.name, kept.rule) for kept in found.kept]


# --- files ------------------------------------------------------------------------------------------------------------


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below *folder* with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_rehearsal_writes_nothing(config: Tree) -> None:
    """And finds the same."""
    config.manifest("weekly", target_value=[ANA, BO])
    before = snapshot(config.folder)
    rehearsed = leave(config, rehearse=True)

    assert before == snapshot(config.folder)
    assert rehearsed.edits == leave(config).edits


def test_a_file_keeps_its_mode_and_nothing_is_left_beside_it(config: Tree) -> None:
    """The edit is a whole new file in the place of the old."""
    path = config.manifest("weekly", target_value=[ANA, BO])
    path.chmod(0o640)
    before = set(snapshot(config.folder))
    leave(config)

    assert (0o640, before) == (stat.S_IMODE(path.stat().st_mode), set(snapshot(config.folder)))


def test_a_link_inside_the_tree_stays_a_link(config: Tree) -> None:
    """What it leads to is edited."""
    path = config.manifest("weekly", target_value=[ANA, BO])
    (config.folder / "elsewhere").mkdir()
    path.rename(config.folder / "elsewhere/real.yaml")
    path.symlink_to("../elsewhere/real.yaml")
    leave(config)

    assert path.is_symlink()
    assert ANA not in (config.folder / "elsewhere/real.yaml").read_text()


def test_a_link_out_of_the_tree_is_refused_as_it_is_for_reading(
    config: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing is written, inside or outside."""
    outside = tmp_path_factory.mktemp("outside") / "real.yaml"
    config.manifest("weekly", target_value=[ANA, BO]).rename(outside)
    (config.folder / "subscriptions/weekly.yaml").symlink_to(outside)
    before = outside.read_bytes()
    with pytest.raises(InvalidInput) as invalid:
        leave(config)

    assert ["link-outside"] == [problem.rule for problem in invalid.value.problems]
    assert before == outside.read_bytes()


def test_a_config_that_is_a_link_out_of_the_tree_is_not_written(
    config: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its group is named instead."""
    outside = tmp_path_factory.mktemp("outside") / "real.yaml"
    (config.folder / "reconciler.yaml").rename(outside)
    text = outside.read_text().replace("[subscriptions]", f"[{config.folder}/subscriptions]")
    outside.write_text(text)
    (config.folder / "reconciler.yaml").symlink_to(outside)
    found = leave(config)

    assert [("team", "link-outside")] == [(kept.place.name, kept.rule) for kept in found.kept]
    assert text == outside.read_text()


def test_a_tree_that_is_not_valid_is_not_edited(config: Tree) -> None:
    """Nobody could tell whom a manifest names that cannot be read; every problem is told."""
    config.manifest("weekly", target_value=[ANA, BO])
    config.manifest("wrong", interval=0)
    before = snapshot(config.folder)
    with pytest.raises(InvalidInput):
        leave(config)

    assert before == snapshot(config.folder)


def test_a_tree_that_would_not_be_valid_afterwards_is_not_edited(config: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever made it so: the last look comes before the first write."""
    config.manifest("weekly", target_value=[ANA, BO])
    before = snapshot(config.folder)
    monkeypatch.setattr(offboarding, "_less", lambda path, document, *_: document.replace(ANA, "nobody"))
    with pytest.raises(InvalidInput) as invalid:
        leave(config, ANA, "subscriptions/weekly.yaml")

    assert {"address"} == {problem.rule for problem in invalid.value.problems}
    assert before == snapshot(config.folder)


@pytest.mark.parametrize("address", ["", "ana", "@team", f"{ANA},{BO}", "ana@localhost"])
def test_only_an_address_can_leave(config: Tree, address: str) -> None:
    """A group is no person."""
    with pytest.raises(UsageError, match="one person"):
        leave(config, address)


def test_a_file_that_somebody_changes_meanwhile_is_not_overwritten(
    config: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading and writing; no other file is written either."""
    path = config.manifest("weekly", target_value=[ANA, BO])
    beside = offboarding._beside  # noqa: SLF001  # the moment before the first file is written

    def changed(*arguments: Any) -> Path:
        path.write_text(path.read_text() + "# mine\n")
        return beside(*arguments)

    monkeypatch.setattr(offboarding, "_beside", changed)
    with pytest.raises(UsageError, match="changed in the meantime"):
        leave(config)

    assert [True, True] == [ANA in path.read_text(), ANA in (config.folder / "reconciler.yaml").read_text()]
    assert [] == list(config.folder.rglob(".*"))


def test_a_disk_that_fails_writes_nothing_and_leaves_nothing(config: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every new file is there before the first old one is replaced."""
    config.manifest("weekly", target_value=[ANA, BO])
    before, fsync = snapshot(config.folder), os.fsync
    calls = iter([None, OSError(28, "No space left on device", "m")])

    def full(file: int) -> None:
        fsync(file)
        if (error := next(calls)) is not None:
            raise error

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left on device; nothing was written"):
        leave(config)

    assert before == snapshot(config.folder)


def test_a_file_that_may_not_be_written_is_not_replaced(config: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its folder would allow it. The tests may run as root, who may write anything, so the answer is made up."""
    config.manifest("weekly", target_value=[ANA, BO])
    before = snapshot(config.folder)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match=r"reconciler\.yaml: cannot be written: it is read-only"):
        leave(config)

    assert before == snapshot(config.folder)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_edits_says_what_is_left_and_ends_with_1(config: Tree, run: Run) -> None:
    """Addresses are masked where there is no terminal; the document has them."""
    config.manifest("both", target_value=[ANA, BO])
    config.manifest("alone", target_value=[ANA], insight=5)
    ran = run("offboard", ANA)

    assert (1, "") == (ran.code, ran.err)
    assert ran.out.startswith("a***@example.com was taken out of 1 manifest and 1 group:")
    assert "still there subscriptions/alone.yaml:9:18: alone: nobody else receives it" in ran.out
    assert "reconciler who a***@example.com" in ran.out


def test_the_document_has_everything(config: Tree, run: Run) -> None:
    """offboard/v1."""
    config.manifest("both", target_value=[ANA, BO])
    config.manifest("alone", target_value=[ANA], insight=5)
    document = run("offboard", ANA, "--format", "json").json

    assert ("posthog-reconciler/offboard/v1", ANA, False) == tuple(
        document[key] for key in ("format", "address", "dry_run")
    )
    assert ["reconciler.yaml", "subscriptions/both.yaml"] == [edit["path"] for edit in document["edits"]]
    assert [{"line": 9, "column": 18, "sort": "manifest", "name": "both"}] == document["edits"][1]["places"]
    (left,) = document["remaining"]
    assert ("subscriptions/alone.yaml", 9, 18, "manifest", "alone", "last-recipient") == tuple(left.values())[:6]


def test_a_dry_run_is_the_diff_and_nothing_else(config: Tree, run: Run) -> None:
    """What is left goes to standard error; the code is that of the run itself."""
    config.manifest("both", target_value=[ANA, BO])
    config.manifest("alone", target_value=[ANA], insight=5)
    before = snapshot(config.folder)
    masked, shown = run("offboard", ANA, "--dry-run"), run("offboard", ANA, "--dry-run", "--show-addresses")

    assert (1, before) == (masked.code, snapshot(config.folder))
    assert "alone: nobody else receives it" in masked.err
    assert "ana@" not in masked.out + masked.err
    assert [
        "--- a/reconciler.yaml",
        "+++ b/reconciler.yaml",
        "@@ -8,1 +8,1 @@ team",
        "-  team: [bo@example.com, ana@example.com]",
        "+  team: [bo@example.com]",
        "--- a/subscriptions/both.yaml",
        "+++ b/subscriptions/both.yaml",
        "@@ -9,1 +9,1 @@ both",
        '-  target_value: ["ana@example.com", "bo@example.com"]',
        '+  target_value: ["bo@example.com"]',
    ] == shown.out.splitlines()


def test_a_line_with_escapes_is_not_shown_to_those_who_may_not_see_addresses(config: Tree, run: Run) -> None:
    """An address that is spelled with an escape is still one."""
    config.manifest("weekly", target_value=None)
    path = config.folder / "subscriptions/weekly.yaml"
    path.write_text(path.read_text() + '  target_value: "ana\\x40example.com,bo\\x40example.com"\n')
    ran = run("offboard", ANA, "subscriptions/weekly.yaml", "--dry-run")

    assert "+***" in ran.out.splitlines()


def test_many_mentions_are_counted(config: Tree, run: Run) -> None:
    """Nobody reads a line that names a hundred."""
    text = config.manifest("weekly", target_value=[BO]).read_text()
    config.write("subscriptions/weekly.yaml", text + f"# {ANA}\n" * 30)
    config.write("reconciler.yaml", (config.folder / "reconciler.yaml").read_text().partition("recipients")[0])
    ran = run("offboard", ANA)

    assert "No manifest and no group names" in ran.out
    assert ran.out.count("subscriptions/weekly.yaml:") == 20
    assert "and 10 more" in ran.out


def test_where_nothing_could_be_edited_the_headline_says_so(config: Tree, run: Run) -> None:
    """Not that nobody was found."""
    config.manifest("alone", target_value=[CY])
    ran = run("offboard", CY)

    assert (1, "c***@example.com could be taken out nowhere.") == (ran.code, ran.out.splitlines()[0])


def test_nobody_of_that_address_is_no_error(config: Tree, run: Run) -> None:
    """And says where else to look."""
    config.manifest("weekly", target_value=[BO])
    ran = run("offboard", "zoe@example.com")

    assert 0 == ran.code
    assert "No manifest and no group names z***@example.com." in ran.out


# --- until the last message -------------------------------------------------------------------------------------------


def messages(sandbox: Sandbox, days: int) -> Iterator[str]:
    """Whoever is mailed in the next *days*, by schedules and by writes."""
    start = sandbox.now
    for day in range(1, days + 1):
        sandbox.tick(start + timedelta(days=day))
    yield from (message.recipient for message in sandbox.outbox())


def test_after_the_next_apply_no_message_reaches_the_person_again(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Not by a list, a text, or a group, not at once and not by any schedule of a month; everybody else goes on."""
    config = gitops.folder / "reconciler.yaml"
    config.write_text(config.read_text() + GROUPS)
    gitops.manifest("list", target_value=[ANA, BO], frequency="daily")
    gitops.manifest("text", target_value=f"{CY}, {ANA}", insight=5, frequency="daily")
    gitops.manifest("group", target_value=["@team", CY], insight=6, frequency="daily")
    run("apply", "--yes")
    assert ANA in set(messages(sandbox, 3))
    assert 0 == run("offboard", ANA).code
    sandbox.clear_outbox()
    ran = run("apply", "--yes", "--format", "json")

    assert (0, True) == (ran.code, ran.json["verified"])
    assert {BO, CY} == set(messages(sandbox, 31))
    assert not [row for row in sandbox.rows() if ANA in json.dumps(row["target_value"])]
