"""What `show` and `who` answer, as data: one subscription in one environment, and everything that reaches a person.

Frozen, and complete: who renders it asks nobody. Knows the nouns; knows neither how a row was found nor how any of
this is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .model import Change, Deliveries, Environment, Finding, Live, Manifest, Source
from .privacy import Address


@dataclass(frozen=True, slots=True)
class Portrait:
    """One subscription in one environment: what git says, what is there, and what an apply would make of it.

    `manifest` is None where it is gone and only its row is left; `row` is None where there is none, or none can be told
    (see `findings`). `recipients` are the row's, or those the manifest would have: addresses, or one channel. `page`
    and `api` are the row's URLs: `page` is known only where the row tells which page is its own. `silence` says why
    nothing is sent although the row is there. `deliveries` are the next ones as things stand, and after an apply.
    """

    environment: Environment
    name: str
    base: str | None
    manifest: Manifest | None = None
    row: Live | None = None
    page: str | None = None
    api: str | None = None
    recipients: tuple[Any, ...] = ()
    silence: str | None = None
    change: Change | None = None
    deliveries: Deliveries | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def source(self) -> Source | None:
        """Where the manifest stands, or stood."""
        if self.manifest is not None:
            return self.manifest.source
        return self.change.source if self.change is not None else None

    @property
    def is_meant_here(self) -> bool:
        """Whether git has a manifest for this environment."""
        return self.manifest is not None and self.manifest.lives_in(self.environment.name)


class Owner(StrEnum):
    """Who a row belongs to: a manifest, us without a manifest, another namespace, nobody."""

    MANAGED = "managed"
    LEFTOVER = "leftover"
    FOREIGN = "other-namespace"
    UNMANAGED = "unmanaged"

    @property
    def is_ours(self) -> bool:
        """Whether an apply may write the row at all (promise 1)."""
        return self in (Owner.MANAGED, Owner.LEFTOVER)


class Standing(StrEnum):
    """Whether a person is on the list now, and after an apply. Kept out: the manifest names them, and no apply will."""

    REACHED = "reached"
    LEAVING = "leaving"
    COMING = "coming"
    KEPT_OUT = "kept-out"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One row, or one manifest without a row, that reaches a person, will, or would.

    `ways` are how the manifest names them: `directly`, and groups with their `@`. `silence` says why the row sends
    nothing; `findings` are those about the manifest.
    """

    standing: Standing
    owner: Owner
    name: str | None = None
    source: Source | None = None
    row: Live | None = None
    page: str | None = None
    ways: tuple[str, ...] = ()
    silence: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything of one environment that has to do with a person, rows before manifests without one.

    `lookalikes` are other addresses there that differ in capital letters only: to a mail server perhaps somebody else,
    to people mostly not.
    """

    environment: Environment
    address: Address
    sightings: tuple[Sighting, ...]
    lookalikes: tuple[Address, ...] = ()

    def count(self, standing: Standing) -> int:
        """How many sightings are *standing*."""
        return sum(sighting.standing is standing for sighting in self.sightings)
