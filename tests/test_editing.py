"""One entry cut out of a list: what goes, what stays, and what is refused rather than guessed."""

from __future__ import annotations

import pytest

from reconciler.editing import Uncut, without
from reconciler.resource import Pointer

A: Pointer = ("a",)


def cut(text: str, *pointers: Pointer) -> str:
    """*text* without ana at *pointers*, `a` by itself."""
    return without(text, pointers or (A,), lambda entry: entry.strip() == "ana")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: [x, ana, y]\n", "a: [x, y]\n"),
        ("a: [ana, x]\n", "a: [x]\n"),
        ("a: [x, ana]\n", "a: [x]\n"),
        ("a: [x, ana,]\n", "a: [x,]\n"),
        ("a: [ana, x, ana, ana]\n", "a: [x]\n"),
        ("a: [ x , ana , y ]\n", "a: [ x , y ]\n"),
        ("a: [x,\n  ana]\n", "a: [x]\n"),
        ("a: [x,\n  ana\n  ]\n", "a: [x\n  ]\n"),
        ("a: [\n  x,   # of x\n  ana,  # of ana\n  y\n]\n", "a: [\n  x,   # of x\n  y\n]\n"),
        ("a: [\n  x,   # of x\n  ana  # of ana\n]\n", "a: [\n  x   # of x\n]\n"),
        ("a: [\n  x,\n  ana,\n]\n", "a: [\n  x,\n]\n"),
        ("a: [x, # of x\n  ana]\n", "a: [x # of x\n  ]\n"),
        ("a: [x,# of x\n  ana]\n", "a: [x,# of x\n  ]\n"),
        ("a: [ana,  # of both\n  y]\n", "a: [  # of both\n  y]\n"),
        ("a: [x, ana,  # of both\n  y]\n", "a: [x,  # of both\n  y]\n"),
        ("b: {a: [x, 'ana'], c: 1}\n", "b: {a: [x], c: 1}\n"),
    ],
)
def test_an_entry_between_brackets_goes_with_a_comma(before: str, after: str) -> None:
    """With its line, where it has one to itself; remarks on other lines stay."""
    assert after == cut(before, ("b", "a") if before.startswith("b") else A)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:\n- x\n- ana # of ana\n- y\n", "a:\n- x\n- y\n"),
        ("a:\n  - ana\n  # of x\n  - x\n", "a:\n  # of x\n  - x\n"),
        ("a:\n  - x\n  -   'ana'", "a:\n  - x"),
        ("a:\n  - x\r\n  - ana", "a:\n  - x"),
        ("a:\r\n  - x\r\n  - ana\r\n  - y\r\n", "a:\r\n  - x\r\n  - y\r\n"),
        ("a:\r  - x\r  - ana # of ana\r  - y\r", "a:\r  - x\r  - y\r"),
        ("a:\n  - x\n  - !!str ana\n\n# end\n", "a:\n  - x\n\n# end\n"),
        ("a:\n  - |-\n    ana\n\n  # of x\n  - x\n", "a:\n\n  # of x\n  - x\n"),
        ("a:\n  -\n    ana\n  - x\n", "a:\n  - x\n"),
        ("a:\n  - x\n  - ana\nb:\n  - ana\n", "a:\n  - x\nb:\n  - ana\n"),
    ],
)
def test_an_entry_with_a_dash_goes_with_its_lines(before: str, after: str) -> None:
    """And with what is remarked on them; a text that ends without a line break still does."""
    assert after == cut(before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: ana, x\n", "a: x\n"),
        ("a: x,ana # of both\n", "a: x # of both\n"),
        ("a: ' x, ana,y '\n", "a: ' x,y '\n"),
        ('a: "ana,x"\n', 'a: "x"\n'),
        ("a: &k !!str ana,x\n", "a: &k !!str x\n"),
        ("a: ana,x,ana\n", "a: x\n"),
        ("a: >-\n  ana,\n  x\n", "a: >-\n  x\n"),
        ("a: >-  # folded\n  x,\n  ana\n\n# end\n", "a: >-  # folded\n  x\n\n# end\n"),
        ("a: |-\n  x,\n  ana,\n  y\n", "a: |-\n  x,\n  y\n"),
        ("a: x,\n   ana,\n   y\n", "a: x,\n   y\n"),
    ],
)
def test_a_part_of_a_text_goes_with_a_comma(before: str, after: str) -> None:
    """However the text is written: plain, in quotes, folded, as it stands."""
    assert after == cut(before)


def test_what_an_alias_repeats_goes_once() -> None:
    """A list with an anchor is cut where it is written."""
    assert "a: &k [x]\nb: *k\n" == cut("a: &k [x, ana]\nb: *k\n", A, ("b",))


def test_an_anchor_and_its_aliases_go_together() -> None:
    """One without the other would not be read any more."""
    assert "a: [x]\nb: [y]\n" == cut("a: [x, &k ana]\nb: [y, *k]\n", A, ("b",))


def test_where_nothing_is_meant_nothing_changes() -> None:
    """Another person's list, or nobody's."""
    assert "a: [x]\nb: ana\nc: {}\n" == cut("a: [x]\nb: ana\nc: {}\n", A)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param('a: "x\\x2cana"\n', "escapes", id="a comma as an escape"),
        pytest.param("a: {ana: 1}\n", "neither", id="a mapping"),
        pytest.param("b: [ana]\n", "not there", id="no such place"),
        pytest.param("a: [x, *k]\n", "no anchor", id="an alias of nothing"),
        pytest.param("a: [x\n", "cannot be read", id="no YAML"),
        pytest.param("", "cannot be read", id="nothing"),
        pytest.param("a: [ana]\n", "only entry", id="alone between brackets"),
    ],
)
def test_what_cannot_be_cut_out_is_said(text: str, why: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Uncut, match=why):
        cut(text)


def test_a_dash_in_the_middle_of_a_line_is_left_alone() -> None:
    """Its line holds something else, too; the next entry has a line of its own."""
    with pytest.raises(Uncut, match="begin the line"):
        cut("? a\n: - ana\n  - x\n")
    assert "? a\n: - x\n" == cut("? a\n: - x\n  - ana\n")
