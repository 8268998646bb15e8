"""What `offboard` did or would do: text, a unified diff, and the JSON format offboard/v1. Pure; decides nothing.

offboard/v1   `address`; `dry_run`; `edits`, one for each file, with `path`, `places` (`line`, `column`, `sort`
              manifest or group, `name`) and the `diff`; `remaining`, what still names the person, each with
              `path`, `line`, `column`, `sort`, `name`, `rule` and `message`; `mentions`, lines on which the
              address stands where nobody is mailed by it, each with `path` and `line`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..departures import Departure, Edit, Hunk, Kept, Place, Sort, hunks
from ..errors import Problem
from ..privacy import Message, say
from .documents import Document
from .text import Writer
from .view import Viewer, count

OFFBOARD = "posthog-reconciler/offboard/v1"

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = 1, 2, 31, 32, 33, 36
_MOST_MENTIONS = 20


def departure(found: Departure, viewer: Viewer) -> str:
    """What was edited, what still names the person, and what to do next."""
    write = Writer(viewer)
    write.message(_headline(found), _BOLD)
    for edit in found.edits:
        for place in edit.places:
            write.pieces((f"    {_where(place)}", None), (f"  {_whose(place)}", _DIM))
    if found.kept:
        write.blank()
    for kept in found.kept:
        write.pieces(("still there ", _RED), (viewer.text(_sentence(kept)), None))
    if found.mentions:
        write.blank()
        write.line(_mentioned(found), _YELLOW)
    write.blank()
    for line in _next(found):
        write.message(line, _DIM)
    return write.text()


def difference(found: Departure, viewer: Viewer) -> str:
    """The edits as a unified diff without the lines around, which may hold other people's secrets."""
    write = Writer(viewer)
    for edit in found.edits:
        write.line(f"--- a/{edit.path}", _BOLD)
        write.line(f"+++ b/{edit.path}", _BOLD)
        for hunk in hunks(edit):
            write.line(_head(hunk), _CYAN)
            for sign, lines, colour in (("-", hunk.gone, _RED), ("+", hunk.come, _GREEN)):
                for line in lines:
                    write.line(f"{sign}{viewer.text(line)}", colour)
    return write.text()


def remaining(found: Departure) -> tuple[Problem, ...]:
    """What still names the person, as problems with a place."""
    return tuple(
        Problem(kept.rule, say(f"{_whose(kept.place)}: ", *kept.message), *_at(kept.place)) for kept in found.kept
    )


def departure_document(found: Departure, viewer: Viewer) -> Document:
    """The offboard/v1 document."""
    return {
        "format": OFFBOARD,
        "address": viewer.value(found.address),
        "dry_run": found.is_rehearsal,
        "edits": [_edit(edit, viewer) for edit in found.edits],
        "remaining": [_kept(kept, viewer) for kept in found.kept],
        "mentions": [{"path": each.path, "line": each.line} for each in found.mentions],
    }


def _edit(edit: Edit, viewer: Viewer) -> Document:
    plain = Viewer(viewer.addresses)
    return {
        "path": edit.path,
        "places": [_place(place) for place in edit.places],
        "diff": "\n".join(
            line
            for hunk in hunks(edit)
            for line in (_head(hunk), *_lines("-", hunk.gone, plain), *_lines("+", hunk.come, plain))
        ),
    }


def _lines(sign: str, lines: Sequence[Message], viewer: Viewer) -> Iterator[str]:
    return (f"{sign}{viewer.text(line)}" for line in lines)


def _place(place: Place) -> Document:
    return {"line": place.line, "column": place.column, "sort": place.sort.value, "name": place.name}


def _kept(kept: Kept, viewer: Viewer) -> Document:
    return {
        "path": kept.place.path,
        **_place(kept.place),
        "rule": kept.rule,
        "message": viewer.text(kept.message),
    }


def _headline(found: Departure) -> Message:
    places = [place for edit in found.edits for place in edit.places]
    if not places and not found.kept:
        return say("No manifest and no group names ", found.address, ".")
    if not places:
        return say(found.address, " could be taken out nowhere.")
    sorts = [count(sum(place.sort is sort for place in places), sort.value) for sort in Sort]
    said = " and ".join(words for words in sorts if not words.startswith("0 "))
    return say(found.address, f" {'would be' if found.is_rehearsal else 'was'} taken out of {said}:")


def _mentioned(found: Departure) -> str:
    shown = ", ".join(f"{each.path}:{each.line}" for each in found.mentions[:_MOST_MENTIONS])
    more = len(found.mentions) - _MOST_MENTIONS
    rest = f" and {more} more" if more > 0 else ""
    return f"It also stands where it mails nobody, or in other capitals: {shown}{rest}"


def _next(found: Departure) -> Iterator[Message]:
    if found.edits:
        yield say("Next: git diff, then reconciler plan shows the rows that the person leaves.")
    yield say("Rows that nobody keeps in git are not touched: reconciler who ", found.address)


def _sentence(kept: Kept) -> Message:
    return say(f"{_where(kept.place)}: {_whose(kept.place)}: ", *kept.message, f" [{kept.rule}]")


def _whose(place: Place) -> str:
    return f"group {place.name}" if place.sort is Sort.GROUP else place.name


def _at(place: Place) -> tuple[str, int, int]:
    return place.path, place.line, place.column


def _where(place: Place) -> str:
    return ":".join(map(str, _at(place)))


def _head(hunk: Hunk) -> str:
    """The line that says where a hunk stands; with no lines of a file it names the line above."""
    (old, new), gone, come = hunk.above, len(hunk.gone), len(hunk.come)
    name = f" {hunk.name}" if hunk.name else ""
    return f"@@ -{old + (gone > 0)},{gone} +{new + (come > 0)},{come} @@{name}"
