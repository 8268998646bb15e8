"""Whom a subscription reaches: reading, comparing and editing `target_value`. Pure.

Compared by meaning, edited by spelling: the server compares recipients as text (contract §7), so a value that is only
spelled otherwise is never written, and an edit keeps the row's own spelling. Knows nothing of schedules or plans.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..privacy import Address, Private, Recipients, SecretUrl

EMAIL, SLACK, WEBHOOK, TEAMS = "email", "slack", "webhook", "teams"

# The HTML standard's definition of a valid e-mail address, with a dot required in the domain: the server checks
# nothing at all (trap T-29), so what a mail form would refuse is refused here.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+")

_HOST = re.compile(r"[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A target type with its value. Two are equal when the server means the same by them (design §5).

    `wire` is the text as it is or will be on the wire, masked where it is private; `meaning` is what is compared.
    """

    type: str | None
    wire: Private | str
    meaning: Any = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Target) and self.meaning == other.meaning

    def __hash__(self) -> int:
        return hash(self.meaning)

    @property
    def text(self) -> str:
        """The text on the wire, unmasked."""
        return self.wire.value if isinstance(self.wire, Private) else self.wire


def target(target_type: str | None, text: str) -> Target:
    """The Target of a `target_value` as it is on the wire.

    E-mail means its set of addresses, Slack its channel id, Teams the host that is all a server shows of it (T-6 to
    T-8); anything else, also a type nobody has heard of, means its text.
    """
    if target_type == EMAIL:
        return Target(target_type, Recipients(text), people(text))
    if target_type == SLACK:
        return Target(target_type, text, text.split("|", 1)[0].strip())
    if target_type == TEAMS:
        # The bare host, as a server shows it, is no secret.
        return Target(target_type, text if _HOST.fullmatch(text) else SecretUrl(text), host_of(text))
    return Target(target_type, SecretUrl(text), text.strip())


def host_of(text: str) -> str:
    """The host of a Teams URL; a text that is only a host, as servers mask it, is that host."""
    return text.strip().removeprefix("https://").split("/", 1)[0].split(":", 1)[0].lower()


def addresses_in(text: str) -> list[str]:
    """The addresses of an e-mail `target_value`, trimmed, in order, blanks dropped."""
    return [address for part in text.split(",") if (address := part.strip())]


# A row and its manifest nearly always spell the same text, and both are asked for what it means.
@lru_cache(maxsize=65_536)
def people(text: str) -> frozenset[str]:
    """The set of addresses that an e-mail `target_value` means."""
    return frozenset(map(normal, addresses_in(text)))


@lru_cache(maxsize=65_536)
def normal(address: str) -> str:
    """*address* as it is compared: trimmed, its domain in lower case; the local part is the mail server's to judge."""
    local, at, domain = address.strip().rpartition("@")
    return f"{local}{at}{domain.lower()}"


def folded(addresses: Iterable[str]) -> frozenset[str]:
    """*addresses* without their capitals: whom they reach at nearly every mail server."""
    return frozenset(address.strip().casefold() for address in addresses)


@lru_cache(maxsize=65_536)
def is_address(text: str) -> bool:
    """Whether *text* is an e-mail address that a mail form would accept, at most 254 characters long."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def domain_of(address: str) -> str:
    """The domain of *address*, in lower case."""
    return address.rpartition("@")[2].strip().lower()


def edited(row: str, wanted: Iterable[str]) -> str:
    """*row* changed to reach exactly the addresses *wanted*, spelled as it was wherever it can be (design §5).

    Removed addresses are cut out of the row's own text; additions are appended with a comma, in the order wanted. A
    row that reaches them already is left as it is, blanks and all.
    """
    by_meaning = {normal(address): address.strip() for address in wanted}
    if by_meaning.keys() == people(row):
        return row
    kept = [part for part in row.split(",") if normal(part) in by_meaning]
    there = {normal(part) for part in kept}
    added = [address for meaning, address in by_meaning.items() if meaning not in there]
    # The server trims what it is sent, so the text is planned as it will be.
    return ",".join([*kept, *added]).strip()


def new_by_text(before: str, after: str) -> tuple[str, ...]:
    """The recipients an old server sees as new: it splits on commas and compares untrimmed texts (contract §7, S/M)."""
    known = set(before.split(","))
    return _distinct(part.strip() for part in after.split(",") if part not in known)


def new_by_meaning(before: str, after: str) -> tuple[str, ...]:
    """The recipients a later server sees as new: trimmed, blanks dropped (contract §7, N and X)."""
    known = set(addresses_in(before))
    return _distinct(part for part in addresses_in(after) if part not in known)


def as_addresses(texts: Iterable[str]) -> tuple[Address, ...]:
    """*texts* as masked values."""
    return tuple(Address(text) for text in texts)


def without(addresses: Iterable[str], meanings: Collection[str]) -> tuple[str, ...]:
    """*addresses* less those that mean one of *meanings*."""
    return tuple(address for address in addresses if normal(address) not in meanings)


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
