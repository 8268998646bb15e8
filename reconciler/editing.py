"""One entry less in a list of a YAML text, and every other character as it was. Pure; the only room that knows ruamel.

Nothing is written anew: the marks of ruamel's parser say where an entry, its dash or its comma stand, and just these
are cut out, so that comments, order, quotes, layout and line ends stay. Whoever asks must read the result again and
see that it says what was meant. Knows no manifest, no file, and not why an entry has to go.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.tokens import BlockEntryToken, FlowEntryToken

from .resource import Pointer

_Span = tuple[int, int]
"""What is cut out: from one offset up to another."""

_BREAK = re.compile(r"\r\n|\r|\n")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


class Uncut(Exception):
    """The entry stands in a way that cannot be cut out of the text."""


def without(document: str, pointers: Iterable[Pointer], is_meant: Callable[[str], bool]) -> str:
    """*document* less the entries that are *meant* in the lists, or the texts joined by commas, at *pointers*.

    Another entry has to stay in each. Raises Uncut where one of them cannot be cut out.
    """
    places, is_left = tuple(pointers), True
    while is_left:
        layout = _Layout(document)
        nodes = [layout.find(pointer) for pointer in places]
        # One entry of each list at a time, and with it what aliases repeat: a cut moves the places of the next.
        spans = {span for node in nodes for span in layout.spans(node, is_meant)}
        for start, end in sorted(spans, reverse=True):
            document = document[:start] + document[end:]
        is_left = any(node.count(is_meant) > 1 for node in nodes)
    return document


@dataclass(slots=True)
class _Node:
    """A value and where it is written, with its tag and anchor; for an alias `there` is what it stands for."""

    start: int
    end: int
    value: str | None = None
    style: str | None = None
    is_flow: bool = False
    items: list[_Node] = field(default_factory=list)
    fields: dict[str, _Node] = field(default_factory=dict)
    stands_for: _Node | None = None

    def count(self, is_meant: Callable[[str], bool]) -> int:
        """How many entries are meant, of a list or of a text joined by commas."""
        entries = [item.there.value or "" for item in self.items] or (self.value or "").split(",")
        return sum(map(is_meant, entries))

    @property
    def there(self) -> _Node:
        """The node itself, or that of its anchor."""
        return self if self.stands_for is None else self.stands_for


class _Layout:
    """Where everything stands in the first document of a text. Uncut where ruamel cannot read it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._anchors: dict[str, _Node] = {}
        try:
            self._events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))
            self._root = next(node for event in self._events if (node := self._node(event)) is not None)
            tokens = [(type(token), token.start_mark.index) for token in YAML(typ="safe", pure=True).scan(text)]
        except (YAMLError, StopIteration, RecursionError) as error:
            raise Uncut("the text cannot be read in a way that keeps it") from error
        self._dashes = [index for sort, index in tokens if sort is BlockEntryToken]
        self._commas = [index for sort, index in tokens if sort is FlowEntryToken]

    def find(self, pointer: Pointer) -> _Node:
        """The node at *pointer*, aliases followed."""
        node = self._root.there
        for step in pointer:
            found = node.fields.get(str(step))
            if found is None:
                raise Uncut("the place is not there")
            node = found.there
        return node

    def spans(self, node: _Node, is_meant: Callable[[str], bool]) -> list[_Span]:
        """What to cut out so that the first entry of *node* goes that is meant; nothing, if none is."""
        if not node.items:
            return self._of_text(node, is_meant)
        number = next((number for number, item in enumerate(node.items) if is_meant(item.there.value or "")), None)
        if number is None:
            return []
        return self._of_flow(node, number) if node.is_flow else [self._of_block(node.items[number])]

    # --- from events to nodes ---------------------------------------------------------------------------------------

    def _node(self, event: Any) -> _Node | None:
        """The node that begins with *event*; None for an event that begins none."""
        start, end = event.start_mark.index, event.end_mark.index
        match event:
            case AliasEvent():
                if event.anchor not in self._anchors:
                    raise Uncut("an alias has no anchor before it")
                return _Node(start, end, stands_for=self._anchors[event.anchor])
            case ScalarEvent():
                node = _Node(start, end, event.value, event.style)
            case SequenceStartEvent():
                node = _Node(start, end, is_flow=event.flow_style)
            case MappingStartEvent():
                node = _Node(start, end, is_flow=event.flow_style)
            case _:
                return None
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if isinstance(event, SequenceStartEvent):
            node.items.extend(self._inner(SequenceEndEvent, node))
        elif isinstance(event, MappingStartEvent):
            inner = self._inner(MappingEndEvent, node)
            for key in inner:
                node.fields.setdefault(key.there.value or "", next(inner))
        return node

    def _inner(self, closing: type[Any], node: _Node) -> Iterator[_Node]:
        """The nodes inside *node* up to its end, which becomes known then."""
        for event in self._events:
            if type(event) is closing:
                node.end = event.end_mark.index
                return
            inner = self._node(event)
            if inner is not None:
                yield inner

    # --- lists --------------------------------------------------------------------------------------------------------

    def _of_block(self, item: _Node) -> _Span:
        """The lines of an item with a dash of its own, and what is remarked at the end of the last."""
        dash = self._dashes[bisect_left(self._dashes, item.start) - 1]
        begin = self._line_begin(dash)
        if self.text[begin:dash].strip():
            raise Uncut("its dash does not begin the line")
        end = self._line_end(item.start + len(self.text[item.start : item.end].rstrip()))
        after = self._after(end)
        if after == end and begin:
            # The last line of a text that ends without a line break still ends without one.
            return begin - len(_last_break(self.text[:begin])), end
        return begin, after

    def _of_flow(self, node: _Node, number: int) -> list[_Span]:
        """An item between brackets with one of its commas; with its line, where it has one to itself."""
        item = node.items[number]
        before, after = self._commas_around(node, number)
        tail = item.end if after is None else after + 1
        begin, end = self._line_begin(item.start), self._line_end(tail)
        is_first = not self.text[begin : item.start].strip()
        is_last = self.text[tail:end].lstrip()[:1] in ("", "#")
        if is_first and is_last:
            return [(begin, self._after(end)), *(self._comma(before) if after is None else ())]
        if after is None:
            return self._last_of_flow(item, before)
        following = tail + _blanks(self.text[tail:end])
        if is_last:
            return [(item.start - _blanks(self.text[begin : item.start][::-1]), tail)]
        if self.text[following] == "]" and before is not None:
            return [(before, after)]
        return [(item.start, following)]

    def _last_of_flow(self, item: _Node, before: int | None) -> list[_Span]:
        """The last item, which the bracket follows at once, with the comma in front of it."""
        if before is None:
            raise Uncut("it is the only entry")
        if "#" not in self.text[before + 1 : item.start]:
            return [(before, item.end)]
        return [(item.start, item.end), *self._comma(before)]

    def _commas_around(self, node: _Node, number: int) -> tuple[int | None, int | None]:
        """The commas before and after the item *number*, where there are any."""
        item = node.items[number]
        last = node.items[number - 1].end if number else item.start
        following = node.items[number + 1].start if number + 1 < len(node.items) else node.end
        return self._comma_in(last, item.start), self._comma_in(item.end, following)

    def _comma_in(self, start: int, end: int) -> int | None:
        found = bisect_left(self._commas, start)
        return self._commas[found] if found < len(self._commas) and self._commas[found] < end else None

    def _comma(self, at: int | None) -> list[_Span]:
        """A comma that nothing follows any more; it stays where it holds a remark apart from the item before it."""
        return [] if at is None or self.text[at + 1 : at + 2] == "#" else [(at, at + 1)]

    def _of_text(self, node: _Node, is_meant: Callable[[str], bool]) -> list[_Span]:
        """A part of a text joined by commas, with one of them."""
        begin, end = self._inside(node)
        raw, parts = self.text[begin:end].split(","), (node.value or "").split(",")
        number = next((number for number, part in enumerate(parts) if is_meant(part)), None)
        if number is None:
            return []
        if len(raw) != len(parts):
            raise Uncut("its commas are written as escapes")
        before = begin + sum(len(part) + 1 for part in raw[:number])
        if number:
            # With the comma in front of it, without the blanks after it.
            return [(before - 1, before + len(raw[number].rstrip()))]
        following = raw[1] if len(raw) > 1 else ""
        return [(before + _blanks(raw[0]), before + len(raw[0]) + 1 + _blanks(following))]

    # --- text ---------------------------------------------------------------------------------------------------------

    def _inside(self, node: _Node) -> _Span:
        """Where the words of a scalar stand, without tag, anchor, quotes or the line that says how to read them."""
        if node.value is None:
            raise Uncut("it is neither a list nor a text")
        begin = node.start + len(_match(_PROPERTIES, self.text[node.start : node.end]))
        if node.style in ("'", '"'):
            return begin + 1, node.end - 1
        if node.style in ("|", ">"):
            return self._after(self._line_end(begin)), node.end
        return begin, node.end

    def _line_begin(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def _line_end(self, at: int) -> int:
        """Where the line break after *at* begins, or the end of the text."""
        found = _BREAK.search(self.text, at)
        return found.start() if found else len(self.text)

    def _after(self, end: int) -> int:
        """Where the line after the line break at *end* begins."""
        return end + len(_match(_BREAK, self.text[end : end + 2]))


def _blanks(text: str) -> int:
    """How many blanks *text* begins with, line breaks included."""
    return len(text) - len(text.lstrip())


def _match(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.match(text)
    return found[0] if found else ""


def _last_break(text: str) -> str:
    """The line break that *text* ends with."""
    return "\r\n" if text.endswith("\r\n") else text[-1:]
