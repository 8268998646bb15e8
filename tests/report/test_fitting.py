"""Pages that are too long: what goes first, what stays always, and that a page is never over its limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report.fitting import COMMENT, SUMMARY, Block, Group, Limits, Page, Rank

TABLE = Group("| a |\n|---|\n")
FOLD = Group("<details>\n\n", "\n\n</details>", "\n\n")


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode())


def page(*blocks: Block) -> Page:
    """A page with a head, *blocks* and a foot."""
    return Page((Block("### head"), *blocks), "foot", "<!-- marker -->", "See the log.")


def left(found: Page, characters: int) -> list[str]:
    """The lines of *found* within so many characters, but for its frame."""
    frame = {"<!-- marker -->", "### head", "foot", ""}
    return [line for line in found.within(Limits(characters, 10**6)).splitlines() if line not in frame]


def test_what_fits_is_shown_whole() -> None:
    """Blocks a line apart, those of a group together, the marker on the first line."""
    found = page(Block("one"), Block("| x |", group=TABLE), Block("| y |", group=TABLE), Block("two"))

    assert "<!-- marker -->\n### head\n\none\n\n| a |\n|---|\n| x |\n| y |\n\ntwo\n\nfoot" == found.within(COMMENT)


@pytest.mark.parametrize("letter", ["a", "ä", "€", "😀"])
def test_a_page_of_just_the_limit_is_whole_and_one_more_is_not(letter: str) -> None:
    """Characters and bytes, whichever is reached first; an astral character is one character of four bytes."""
    found = page(Block(letter * 5_000, Rank.DIFF, "short"))
    whole = found.within(SUMMARY)

    for limits, less in (
        (Limits(len(whole), 10**6), Limits(len(whole) - 1, 10**6)),
        (Limits(None, size(whole)), Limits(None, size(whole) - 1)),
    ):
        assert whole == found.within(limits)
        assert letter * 5_000 not in found.within(less)
        assert "Left out for length: 1 diff. See the log." in found.within(less)


def test_the_largest_diff_goes_first_and_leaves_a_line() -> None:
    """The others stay whole."""
    blocks = [Block(letter * number, Rank.DIFF, f"{letter} left out") for letter, number in (("s", 100), ("l", 900))]

    assert ["s" * 100, "l left out", "> Left out for length: 1 diff. See the log."] == left(page(*blocks), 900)


def test_all_diffs_go_before_a_row() -> None:
    """And then rows from the end, those that matter last."""
    rows = [Block("r" * 300, Rank.ROW, group=TABLE), Block("w" * 300, Rank.WEIGHTY_ROW, group=TABLE)]
    found = page(Block("d" * 300, Rank.DIFF, "d left out"), *rows, Block("q" * 300, Rank.ROW, group=TABLE))

    assert ["| a |", "|---|", "r" * 300, "w" * 300] == left(found, 1100)[:-1]
    assert ["| a |", "|---|", "w" * 300] == left(found, 800)[:-1]
    assert "Left out for length: 1 diff, 2 rows." in left(found, 800)[-1]


def test_notices_go_last() -> None:
    """Of what may go at all; a group without any of its blocks is not there."""
    found = page(Block("w" * 600, Rank.WEIGHTY_ROW, group=TABLE), Block("n" * 100, Rank.NOTICE, group=FOLD), Block("k"))

    assert ["<details>", "n" * 100, "</details>", "k"] == left(found, 650)[:-1]
    assert ["k"] == left(found, 490)[:-1]


def test_what_is_kept_is_kept_until_nothing_helps() -> None:
    """Then the head and the foot are all there is."""
    found = page(Block("k" * 1000), Block("d" * 1000, Rank.DIFF))

    assert "k" * 1000 in left(found, 1500)
    assert ["> All the rest is left out for length. See the log."] == left(found, 900)


_BLOCKS = st.builds(
    lambda text, times, rank, short, group: Block(text * times, rank, short if rank is Rank.DIFF else "", group),
    st.sampled_from(["a", "é", "😀", "line\n"]),
    st.integers(1, 400),
    st.sampled_from(list(Rank)[:-1]),
    st.sampled_from(["", "short"]),
    st.sampled_from([None, TABLE, FOLD]),
)


@given(st.lists(_BLOCKS, max_size=30), st.integers(600, 9_000), st.integers(900, 12_000))
def test_no_page_is_over_its_limits(blocks: list[Block], characters: int, most: int) -> None:
    """Whatever it is made of; its frame is always there, and what opens is closed."""
    found = page(*blocks).within(Limits(characters, most))

    assert len(found) <= characters
    assert size(found) <= most
    assert found.startswith("<!-- marker -->\n### head\n\n")
    assert found.endswith("\n\nfoot")
    assert found.count("<details>") == found.count("</details>")


@given(st.lists(_BLOCKS, min_size=1, max_size=30), st.integers(900, 9_000))
def test_a_page_says_truly_what_is_missing(blocks: list[Block], characters: int) -> None:
    """As many as are not there whole."""
    whole = page(*blocks)
    found = whole.within(Limits(characters, 10**6))
    told = re.search(r"Left out for length: (.*?)\. See", found)
    numbers = [int(number) for number in re.findall(r"\d+", told[1])] if told else []

    assert (found == whole.within(SUMMARY)) is not bool(numbers)
    assert sum(numbers) <= len(blocks)


def test_a_page_of_thousands_of_rows_uses_the_room_there_is() -> None:
    """What is counted too much for each that is gone would add up."""
    rows = [Block(f"| {number:05} |", Rank.ROW, group=TABLE) for number in range(4_000)]
    diffs = [Block("d" * 500, Rank.DIFF, "a diff is left out") for _ in range(4_000)]

    assert 19_000 < len(page(*rows, *diffs).within(Limits(20_000, 10**6))) <= 20_000


def test_in_brief_a_page_keeps_what_stands_always() -> None:
    """The head, then whole blocks that are kept or begin a section, up to some thousand characters, and the foot."""
    kept = [Block("who", Rank.KEPT), Block("| x |", group=TABLE, rank=Rank.WEIGHTY_ROW), Block("section", Rank.SECTION)]
    found = page(*kept, Block("k" * 4_000), Block("after")).brief

    assert [
        "<!-- marker -->\n### head", "who", "section", "> All the rest is left out for length. See the log.", "foot",
    ] == found.split("\n\n")  # fmt: skip
