"""Values that not everybody may see, and the one place where they are shown.

An address, a webhook URL or a key is wrapped the moment it enters the program. Formatting a wrapped value in any way
(`str`, `repr`, an f-string, a traceback) gives its mask; the value itself is only had by name, with `.value`, and only
two rooms ask for it: `api`, which sends it, and `show`, below, which knows who is looking. Knows nothing of
subscriptions, of HTTP or of how a report is laid out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True, repr=False)
class Private:
    """A value that formatting masks. Two of one class are equal, and hash alike, when they hold the same text.

    `is_for_reviewers` says that whoever may see addresses may see the value.
    """

    is_for_reviewers: ClassVar[bool] = False

    value: str

    @property
    def mask(self) -> str:
        """What everybody may see in its place."""
        return "***"

    def shown(self, *, addresses: bool) -> str:
        """The text for somebody who may (*addresses*) or may not see addresses; the mask where that decides nothing."""
        return self.value if addresses and self.is_for_reviewers else self.mask

    def __str__(self) -> str:
        return self.mask

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.mask}>"

    def __format__(self, spec: str) -> str:
        return format(self.mask, spec)


class Key(Private):
    """An API key: seen by nobody, sent in one header."""

    __slots__ = ()


class Token(Private):
    """The access token of a share: whoever has it can watch. Shown to a person who asks for it, in no document."""

    __slots__ = ()


class SecretUrl(Private):
    """A webhook or Teams URL: whoever has it can post. Only its scheme and host are ever shown (design §6)."""

    __slots__ = ()

    @property
    def mask(self) -> str:
        """`https://host/***`, or `***` for what is not a URL."""
        try:
            parts = urlsplit(self.value.strip())
            host = parts.hostname or ""
        except ValueError:
            return "***"
        return f"{parts.scheme}://{host}/***" if parts.scheme and host else "***"


class Address(Private):
    """One e-mail address, shown in full to a reviewer on a terminal and to machines (design §6)."""

    __slots__ = ()
    is_for_reviewers = True

    @property
    def mask(self) -> str:
        """`a***@example.com`; what has no `@` is hidden whole."""
        return mask_address(self.value)


class Recipients(Private):
    """An e-mail `target_value`: addresses joined by commas, spelled exactly as on the wire."""

    __slots__ = ()
    is_for_reviewers = True

    @property
    def mask(self) -> str:
        """Every address masked, the commas kept, so that the number of them can be read."""
        return ",".join(mask_address(part) for part in self.value.split(","))


Message = tuple[str | Private, ...]
"""A sentence in parts: plain text, and values that are masked or shown when it is rendered."""


def mask_address(address: str) -> str:
    """`ana@example.com` as `a***@example.com`; a domain that is none is hidden too, for it may hold anything."""
    local, at, domain = address.strip().rpartition("@")
    if not at:
        return "***"
    return f"{local[:1]}***@{domain if _DOMAIN.fullmatch(domain) else '***'}"


def say(*parts: str | int | Private) -> Message:
    """The message made of *parts*; numbers become text."""
    return tuple(part if isinstance(part, str | Private) else str(part) for part in parts)


def listed(values: Iterable[str | int | Private], separator: str = ", ") -> Message:
    """The message that names *values* one after the other."""
    parts: list[str | Private] = []
    for value in values:
        if parts:
            parts.append(separator)
        parts.append(value if isinstance(value, str | Private) else str(value))
    return tuple(parts)


def show(message: Message, *, addresses: bool) -> str:
    """*message* as text, for somebody who may (*addresses*) or may not see addresses."""
    return "".join(part if isinstance(part, str) else part.shown(addresses=addresses) for part in message)


_MOST_SHOWN = 60
_LOOKS_LIKE_KEY = re.compile(r"ph[a-z]_\w{8}")


def quoted(text: str) -> Message:
    """*text* in double quotes for a message: shortened, control characters visible, masked where it looks private."""
    short = text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
    if _LOOKS_LIKE_KEY.search(text):
        return (Key(text),)
    if "://" in text:
        return (SecretUrl(text),)
    if "@" in text.lstrip("@"):
        return ('"', Recipients(short), '"')
    return (json.dumps(short, ensure_ascii=False),)
