"""One hostile text: its limits, its encoding, and how a problem in it is said.

Knows no files and nothing of what a document holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ..errors import Problem
from ..privacy import Private, say

# A manifest is about 500 bytes, 40 nodes and 4 levels. The limits leave room for 10,000 of them in one file and keep
# the worst file under two seconds and 300 MB: libyaml alone needs three seconds for 5 MB of `[a,a,a`.
MAX_FILE = 5_500_000
MAX_FILE_NODES = 500_000
DOCUMENT_NODES = 5  # what a document costs by itself, were it empty
MAX_DOCUMENT_WEIGHT = 100_000
MAX_DEPTH = 64
MAX_PROBLEMS = 1_000

TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep; flatten it"

# libyaml 0.2.6 looks ahead for a key as far as 1,000 levels, and then refuses before it tells of the first of them.
_TOO_DEEP_FOR_LIBYAML = "exceeded maximum nesting depth"

Parts = str | int | Private
"""What a message is made of."""


def events(text: bytes | str) -> Iterator[Any]:
    """libyaml's events of *text*, one after the other. Any, because every one has marks though its type may not."""
    # What yaml.parse does, without a generator between libyaml and the reader, which would take a third of the time.
    return iter(yaml.CSafeLoader(text).get_event, None)


class Unreadable(Exception):
    """A text that cannot be read further: where, the rule, and the message."""

    def __init__(self, rule: str, line: int, column: int, *parts: Parts) -> None:
        self.rule, self.line, self.column, self.parts = rule, line, column, parts
        super().__init__(rule)


def decoded(text: bytes) -> str:
    """*text* as UTF-8, without its byte order mark. libyaml would read UTF-16 too; other readers of the tree do not."""
    try:
        return text.decode().removeprefix("\ufeff")  # the codec utf-8-sig is written in Python
    except UnicodeDecodeError as error:
        line, column = _place(text[: error.start].decode("utf-8", "replace"))
        hint = " (it looks like UTF-16)" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise Unreadable(
            "not-utf-8", line, column, f"not UTF-8 at byte {error.start}{hint}; save the file as UTF-8"
        ) from error


def _place(before: str) -> tuple[int, int]:
    """The line and the column, from 1, of what comes after the text *before*."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def syntax_problem(path: str, text: bytes, error: yaml.YAMLError) -> Problem:
    """What libyaml says is wrong, with its place."""
    if isinstance(error, yaml.reader.ReaderError):
        line, column = _place(text[: error.position].decode("utf-8", "replace"))
        found = f"the control character U+{int(error.character):04X}"
        return problem(path, "yaml-syntax", f"{found} is not allowed; remove it", line=line, column=column)
    if not isinstance(error, yaml.MarkedYAMLError):
        return problem(path, "yaml-syntax", f"not YAML: {error}")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if error.problem == _TOO_DEEP_FOR_LIBYAML:
        return problem(path, "too-deep", TOO_DEEP, line=line, column=column)
    reason = ", ".join(part for part in (error.context, error.problem) if part)
    return problem(path, "yaml-syntax", f"not YAML: {reason}", line=line, column=column)


def problem(path: str, rule: str, *parts: Parts, line: int | None = None, column: int | None = None) -> Problem:
    """The breach of *rule* in the file *path*; a line without a column means its first."""
    return Problem(rule, say(*parts), path, line, 1 if line and column is None else column)
