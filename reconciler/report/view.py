"""Who is looking: whether addresses are shown and whether colour is. Knows how a masked value becomes text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..privacy import Message, Private, guarded, show


@dataclass(frozen=True, slots=True)
class Viewer:
    """The reader of a report: `addresses` in full or masked, `colour` or plain text."""

    addresses: bool = False
    colour: bool = False

    def text(self, message: Message) -> str:
        """*message* as this viewer may read it, not yet escaped for any place."""
        return show(message, addresses=self.addresses)

    def value(self, value: Any) -> Any:
        """A JSON value as this viewer may read it: masked parts shown or masked, containers walked.

        A title or a message may name an address or a URL, too; who may not see addresses does not see those.
        """
        if isinstance(value, Private):
            return value.shown(addresses=self.addresses)
        if isinstance(value, str) and not self.addresses:
            return self.text(guarded(value, tokens=False))
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def inline(self, value: Any) -> str:
        """A value on one line: text bare where that is clear, anything else as JSON; absent as a dash."""
        shown = self.value(value)
        if shown is None:
            return "-"
        return shown if isinstance(shown, str) and shown else json.dumps(shown, ensure_ascii=False)


def visible(text: str) -> str:
    r"""*text* with control characters written as `\x1b`, so that a terminal shows them and obeys none.

    Also the invisible ones that reorder text (U+202A to U+202E, U+2066 to U+2069), which can disguise a name.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _spelled(character) for character in text)


def _spelled(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`, `2 addresses`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith('s') else 's'}"
