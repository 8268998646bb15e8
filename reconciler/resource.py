"""The seam between the engine and a kind: what a kind must be able to say. Pure on purpose.

A kind reads rows and builds requests; it never sends one. So a kind is tested with literals, and a new kind is one
module, one line in the registry, a schema and an example. Knows the nouns; knows neither which kinds exist nor how a
Request is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .model import (
    Cause,
    Config,
    Deliveries,
    Desired,
    Effect,
    Environment,
    Fields,
    Finding,
    Json,
    Live,
    Manifest,
    Request,
    Tag,
)
from .privacy import Address, Message, Private

Pointer = tuple[str | int, ...]
"""The way from a document's root to a value: keys and list positions."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something a kind does not accept in a manifest, by the place inside the document. A warning is not an error."""

    pointer: Pointer
    rule: str
    message: Message
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for on the command line that changes what a manifest means.

    `resubscribe` are addresses to be mailed again although they unsubscribed; `reanchor` is False for `drift`, which
    does not count a start that only daylight saving time has moved; `written` are rows this very run has written.
    """

    resubscribe: Collection[str] = field(default=frozenset(), repr=False)
    reanchor: bool = True
    written: Collection[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Settled:
    """The fields a row should have, once the base, the row and the Wish were heard.

    Fields that are left out are not to be touched. `causes` are those the kind knows better than a comparison with the
    base. `stays_deleted` says that the row must not be restored.
    """

    fields: Fields
    causes: Mapping[str, Cause] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    stays_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """The calls that carry out a change, in order, what people notice of them, and what a reader must know.

    `added` and `removed` are the recipients who come and go, mailed at once or not; `deliveries` are told where the
    calls can move them.
    """

    requests: tuple[Request, ...]
    effects: tuple[Effect, ...] = ()
    findings: tuple[Finding, ...] = ()
    added: tuple[Private, ...] = ()
    removed: tuple[Private, ...] = ()
    deliveries: Deliveries | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """An update or a restore to be drafted: the fields *changed* of *live* become those of *fields*.

    `tag` is the tag the title shall carry, None for none; `retag` is True where that differs from the row's own.
    """

    desired: Desired
    live: Live
    fields: Fields
    changed: tuple[str, ...]
    tag: Tag | None
    retag: bool = False


@dataclass(frozen=True, slots=True)
class Spelled:
    """A live row as the spec of a manifest, addresses in full; or None, and *why* no spec can say it."""

    spec: Fields | None = field(repr=False)
    why: Message = ()


class Resource(Protocol):
    """What the engine asks of a kind. Every answer is a value; nothing here touches the world."""

    @property
    def kind(self) -> str:
        """The `kind:` of its manifests."""

    def check(self, manifest: Manifest, config: Config) -> Sequence[Fault]:
        """What the manifest and the config alone show to be wrong; what JSON Schema cannot say (design §2)."""

    def desired(self, manifest: Manifest, config: Config, environment: Environment) -> Desired:
        """The manifest worked out for *environment*. The manifest passed `check`."""

    def listing(self, *, deleted: bool) -> Request:
        """The call that lists every live row, or every soft-deleted one."""

    def retrieve(self, id: int) -> Request:
        """The call that reads one row."""

    def decode(self, row: Json) -> Live:
        """The row of an answer, lenient with what it does not know. Raises ValueError for what is no row at all."""

    def wire(self, value: Any) -> Any:
        """A field's normalised value as JSON, private parts still masked."""

    def settle(self, desired: Desired, live: Live, base: Desired | None, wish: Wish) -> Settled:
        """What *live* should become, never against the will of those who unsubscribed or of the server itself."""

    def is_pinned(self, live: Live, fields: Fields, changed: Collection[str]) -> bool:
        """Whether this server would refuse the change in place, so that the row must be replaced."""

    def create(self, desired: Desired, tag: Tag, peers: Sequence[Live], replaced: Live | None = None) -> Draft:
        """The call that creates the row, beside or in the place of the row *replaced*.

        *peers* are other rows, one is enough: they tell the server's generation.
        """

    def edit(self, edit: Edit) -> Draft:
        """The PATCH that updates a live row, or restores a deleted one."""

    def remove(self, id: int) -> Request:
        """The call that soft-deletes a row."""

    def subject(self, fields: Fields) -> Hashable:
        """What a row or a manifest with *fields* is about: only those that are about the same can be alike."""

    def likeness(self, desired: Desired, live: Live) -> str | None:
        """What makes *live* look like the same thing sent to the same people, in words, or None."""

    def spelled(self, live: Live) -> Spelled:
        """The row as a manifest's spec would say it."""

    def mismatch(self, request: Request, row: Json) -> tuple[str, ...]:
        """The fields of *request* that the answered *row* does not hold: servers ignore what they do not know."""

    def recipients(self, fields: Fields) -> tuple[Private | str, ...]:
        """Whom a row or a manifest with *fields* sends to: Addresses, or one channel."""

    def is_among(self, address: Address, people: Collection[Private | str]) -> bool:
        """Whether *address* is one of *people*, compared as the kind compares them (design §5)."""

    def ways(self, manifest: Manifest, config: Config, address: Address) -> tuple[str, ...]:
        """How *manifest* names *address*: `directly`, and each group that holds it with its `@`."""

    def deliveries(self, live: Live, desired: Desired | None) -> Deliveries:
        """The next deliveries of a row that nobody touches, before and after alike, in the zone of *desired*."""

    def silence(self, live: Live) -> str | None:
        """Why a live row sends nothing, in words; None where it does."""

    def page(self, live: Live) -> str | None:
        """The path of the row's page in PostHog, without a first slash; None where the row does not tell it."""


class Audit(Protocol):
    """What is asked of a kind that the API only reads: it is compared, and nothing is ever sent to change it."""

    @property
    def kind(self) -> str:
        """The `kind:` of its manifests."""

    def reading(self, manifest: Manifest) -> Request:
        """The call that reads what the manifest is about."""

    def compare(self, manifest: Manifest, answer: Json) -> tuple[Finding, ...]:
        """What differs, each difference a finding. Raises ValueError for what is no such answer."""


Kinds = Mapping[str, Resource]

Audits = Mapping[str, Audit]
