"""Titles and the tag at their end: `Weekly growth [growth:weekly-growth]` (design §4). Pure."""

from __future__ import annotations

import re
from typing import Any

from ..model import Tag

LIMIT = 100
"""The server's limit for a title with its tag, in characters: code points (contract §3)."""

# Strict in its letters: what is not exactly a tag is somebody's title.
_AFTER_BRACKET = re.compile(r"([a-z0-9-]{1,16}):([a-z0-9][a-z0-9._-]{0,47})\]")


def normal(title: Any) -> str | None:
    """*title* trimmed as the server trims it; an empty one means none (trap T-5)."""
    return (title.strip() or None) if isinstance(title, str) else None


def split(title: Any) -> tuple[str | None, Tag | None]:
    """A row's title without its tag, and the tag: the last word, in square brackets."""
    text = normal(title)
    if text is None or text[-1] != "]":
        return text, None
    before, _, after = text.rpartition("[")
    found = _AFTER_BRACKET.fullmatch(after)
    if found is None or (before and not before[-1].isspace()):
        return text, None
    return before.rstrip() or None, Tag(found[1], found[2])


def joined(title: str | None, tag: Tag | None) -> str | None:
    """The title as it is on the wire; a row without a title is its tag alone."""
    if tag is None:
        return title
    return f"{title} {tag}" if title else str(tag)
