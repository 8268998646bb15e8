"""Who gets a message because of a write, by the rules of contract §7 for each generation of the server. Pure.

Knows rows and bodies; knows nothing of why a write is made, nor of anyone who is mailed on schedule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum

from ..model import Effect, Fields
from . import recipients
from .recipients import EMAIL, SLACK, TEAMS
from .schedule import BUFFER, moment


class Generation(IntEnum):
    """How new the server is, told by the keys of its rows (contract §0). UNKNOWN when there is no row to look at."""

    UNKNOWN = 0
    SEED = 1
    M3 = 2
    N = 3
    X = 4

    @property
    def has_enabled(self) -> bool:
        """Whether rows can be paused, and `send_test_now` is at least accepted without surprise."""
        return self >= Generation.M3


_SIGNS = (("delivery_config", Generation.X), ("resource_type", Generation.N), ("enabled", Generation.M3))

# A change of these makes a later server deliver again although the recipients stayed (contract §7).
_RETRIGGER = frozenset({"target_type", "integration_id", "insight", "dashboard", "dashboard_export_insights"})


def generation(keys: Collection[str]) -> Generation:
    """The generation of the server that answers with rows of these *keys*."""
    for sign, newest in _SIGNS:
        if sign in keys:
            return newest
    return Generation.SEED


@dataclass(frozen=True, slots=True)
class Audience:
    """A row as far as messages go: its channel, its recipients as on the wire, and whether it is switched on."""

    type: str | None
    text: str = field(repr=False)
    enabled: bool = True

    @property
    def addresses(self) -> list[str]:
        """Everybody it reaches by e-mail."""
        return recipients.addresses_in(self.text) if self.type == EMAIL else []


def audience(fields: Fields) -> Audience:
    """The Audience of a row or of a body."""
    return Audience(fields["target_type"], fields["target_value"].text, fields.get("enabled") is not False)


def of_create(after: Audience, server: Generation) -> tuple[Effect, ...]:
    """Everybody is mailed or the channel gets a post, except where the server honours `send_test_now: false`."""
    if server is Generation.X or (server.has_enabled and not after.enabled):
        return ()
    told = _reached(after, after.addresses)
    return tuple(replace(effect, unknown=True) for effect in told) if server is Generation.UNKNOWN else told


def of_update(before: Audience, after: Audience, changed: Collection[str], server: Generation) -> tuple[Effect, ...]:
    """Whom an edit of the fields *changed* reaches, new or merely respelled in the server's eyes."""
    if server is Generation.X:
        # `send_test_now: false` goes with the write and silences it.
        return ()
    if server.has_enabled and not (before.enabled and after.enabled):
        # Nothing leaves a row that is off; one that is switched on is confirmed to everybody (contract §7).
        return _reached(after, after.addresses) if after.enabled else ()
    if "target_value" in changed and after.text != before.text:
        new = recipients.new_by_meaning if server is Generation.N else recipients.new_by_text
        return _reached(after, new(before.text, after.text), before)
    if server is Generation.N and not _RETRIGGER.isdisjoint(changed):
        # Channels get the report again; by e-mail it goes to new addresses only, and there are none.
        return _reached(after, ())
    return ()


def of_restore(
    before: Audience, after: Audience, changed: Collection[str], server: Generation, *, stale: bool
) -> tuple[Effect, ...]:
    """An edit's effects, and everybody at the next tick when the old delivery date is *stale* (trap T-28)."""
    now = of_update(before, after, changed, server)
    if not stale:
        return now
    return now + tuple(replace(effect, when="next delivery") for effect in _reached(after, after.addresses))


def is_stale(next_delivery: str | None, now: datetime) -> bool:
    """Whether a scheduler that looks 15 minutes ahead would send at its next tick (contract §6)."""
    return next_delivery is not None and moment(next_delivery) <= now + BUFFER


def _reached(after: Audience, texts: Iterable[str], before: Audience | None = None) -> tuple[Effect, ...]:
    """The effects of a delivery to *texts*, or to the channel where it is not e-mail; old addresses are respelled."""
    if after.type == EMAIL:
        return _mails(texts, recipients.people(before.text) if before is not None else frozenset())
    if after.type in (SLACK, TEAMS):
        return (Effect("post", channel=recipients.target(after.type, after.text).wire),)
    # `webhook` never delivers in any version (contract §7).
    return ()


def _mails(texts: Iterable[str], known: frozenset[str]) -> tuple[Effect, ...]:
    new: list[str] = []
    respelled: list[str] = []
    for text in texts:
        (respelled if recipients.normal(text) in known else new).append(text)
    return tuple(
        Effect("mail", recipients.as_addresses(group), why=why)
        for group, why in ((new, None), (respelled, "respelled"))
        if group
    )
