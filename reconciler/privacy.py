"""Values that not everybody may see, and the one place where they are shown.

An address, a webhook URL or a key is wrapped the moment it enters the program. Formatting a wrapped value in any way
(`str`, `repr`, an f-string, a traceback) gives its mask; the value itself is only had by name, with `.value`, and only
those ask for it who send it (`api`, and for the token of a build machine `forge` and `ci`) and `show`, below, which
knows who is looking. Knows nothing of subscriptions, of HTTP or of how a report is laid out.
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
        """The text for somebody who may (*addresses*) or may not see addresses; the mask where that decides nothing.

        A URL or a key that stands in the place of an address is as secret there as anywhere.
        """
        is_secret = "://" in self.value or is_like_key(self.value)
        return self.value if addresses and self.is_for_reviewers and not is_secret else self.mask

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
        """Every address masked, the commas kept, so that they can be counted; nothing where there is none."""
        return ",".join(mask_address(part) for part in self.value.split(",")) if self.value.strip() else ""


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


def joined(messages: Iterable[Message], separator: str) -> Message:
    """*messages* as one, with *separator* between each two."""
    return tuple(part for place, one in enumerate(messages) for part in ((separator, *one) if place else one))


def show(message: Message, *, addresses: bool) -> str:
    """*message* as text, for somebody who may (*addresses*) or may not see addresses."""
    return "".join(part if isinstance(part, str) else part.shown(addresses=addresses) for part in message)


_MOST_SHOWN = 60
_LOOKS_LIKE_KEY = re.compile(r"ph[a-z]_\w{8}")
_LOOKS_LIKE_TOKEN = re.compile(r"[A-Za-z0-9_-]{28,100}")


def is_like_key(text: str) -> bool:
    """Whether a key of PostHog's stands in *text*."""
    return _LOOKS_LIKE_KEY.search(text) is not None


def is_like_token(text: str) -> bool:
    """Whether *text* is as long as a token and as random: a part of it is no word."""
    return _LOOKS_LIKE_TOKEN.fullmatch(text) is not None and any(map(_is_random, re.split(r"[_-]", text)))


def _is_random(text: str) -> bool:
    """Whether *text* mixes capitals, small letters and digits for longer than a word does."""
    return len(text) >= 10 and all(re.search(sort, text) for sort in ("[a-z]", "[A-Z]", "[0-9]"))


def quoted(text: str) -> Message:
    """*text* in double quotes for a message: shortened, control characters visible, masked where it looks private."""
    short = text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
    if is_like_key(text):
        return (Key(text),)
    if is_like_token(text):
        return (Token(text),)
    if "://" in text:
        return (SecretUrl(text),)
    if "@" in text.lstrip("@"):
        return ('"', Recipients(short), '"')
    return (json.dumps(short, ensure_ascii=False),)


# A key, a URL, an address, and what is long enough to be a token. Every part has a limit, so that no text takes long.
_KNOWN = (
    r"(?P<key>ph[a-z]_[\w-]{6,})"
    r"|(?P<url>(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]{0,20}://|https?:/(?!/))[^\s\"'<>]+)"
    r"|(?P<address>[^\s@\"'<>(){}\[\],;:=/][^\s@\"<>()\[\],;:]{0,79}@[A-Za-z0-9.-]+)"
)
_SURELY_PRIVATE = re.compile(_KNOWN, re.ASCII)
_PRIVATE = re.compile(rf"{_KNOWN}|(?P<token>(?<![\w-])[\w-]{{28,}})", re.ASCII)
_HOST_ALONE = re.compile(r"[^:]+://[^/?#@]+/?[.:;,)]?")


def guarded(text: str, *, tokens: bool = True) -> Message:
    """*text* in which all that looks private is masked: for words that come from somewhere without being wrapped.

    A net below the types, for what a person typed by mistake where it does not belong, such as a key in the place of a
    name, and what a library then repeats. A URL that is only a host is no secret. Without *tokens* a long word is not
    taken for one: titles have long words.
    """
    parts: list[str | Private] = []
    end = 0
    for found in (_PRIVATE if tokens else _SURELY_PRIVATE).finditer(text):
        parts += [text[end : found.start()], _wrapped(found[0], found.lastgroup)]
        end = found.end()
    return tuple(part for part in (*parts, text[end:]) if part != "")


def _wrapped(text: str, sort: str | None) -> str | Private:
    if sort == "key" or (sort == "url" and is_like_key(text)):
        return Key(text)
    if sort == "url":
        return text if _HOST_ALONE.fullmatch(text) else SecretUrl(text)
    if sort == "token":
        return Token(text) if is_like_token(text) else text
    return Address(text)
