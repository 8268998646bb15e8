"""Titles and tags: what a title becomes on the wire, and what is read out of it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds import titles
from reconciler.model import Tag

TAG = Tag("growth", "weekly-growth")
tags = st.builds(
    Tag, st.from_regex(r"[a-z0-9-]{1,16}", fullmatch=True), st.from_regex(r"[a-z0-9][a-z0-9._-]{0,47}", fullmatch=True)
)


@pytest.mark.parametrize(
    ("title", "tag", "expected"),
    [
        ("Weekly growth", TAG, "Weekly growth [growth:weekly-growth]"),
        (None, TAG, "[growth:weekly-growth]"),
        ("Weekly growth", None, "Weekly growth"),
        (None, None, None),
    ],
)
def test_a_tag_ends_the_title(title: str | None, tag: Tag | None, expected: str | None) -> None:
    """A row without a title is its tag; an adopted row has no tag."""
    assert expected == titles.joined(title, tag)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Weekly growth [growth:weekly-growth]", ("Weekly growth", TAG)),
        ("  Weekly growth \n [growth:weekly-growth]  ", ("Weekly growth", TAG)),
        ("[growth:weekly-growth]", (None, TAG)),
        ("Weekly [a:b] [growth:weekly-growth]", ("Weekly [a:b]", TAG)),
        ("Weekly growth", ("Weekly growth", None)),
        ("Weekly[growth:weekly-growth]", ("Weekly[growth:weekly-growth]", None)),
        ("Weekly [growth:weekly-growth].", ("Weekly [growth:weekly-growth].", None)),
        ("Weekly [Growth:weekly]", ("Weekly [Growth:weekly]", None)),
        ("Weekly [growth:-weekly]", ("Weekly [growth:-weekly]", None)),
        ("Weekly [growth weekly]", ("Weekly [growth weekly]", None)),
        ("Weekly [growth:]", ("Weekly [growth:]", None)),
        ("Weekly [:weekly]", ("Weekly [:weekly]", None)),
        ("Weekly ]", ("Weekly ]", None)),
        ("]", ("]", None)),
        (f"Weekly [{'x' * 17}:weekly]", (f"Weekly [{'x' * 17}:weekly]", None)),
        (f"Weekly [growth:{'x' * 49}]", (f"Weekly [growth:{'x' * 49}]", None)),
        ("", (None, None)),
        ("   ", (None, None)),
        (None, (None, None)),
        (17, (None, None)),
    ],
)
def test_only_an_exact_tag_at_the_very_end_is_a_tag(title: object, expected: tuple[str | None, Tag | None]) -> None:
    """Whatever else stands in brackets is somebody's title, and the row is not ours."""
    assert expected == titles.split(title)


@given(st.text(max_size=60), tags)
def test_what_is_joined_is_split_again(title: str, tag: Tag) -> None:
    """Every title comes back as it was, trimmed, with its tag."""
    normal = titles.normal(title)

    assert (normal, tag) == titles.split(titles.joined(normal, tag))
