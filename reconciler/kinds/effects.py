"""Who gets a message because of a write, by the rules of contract §7 for each generation of the server. Pure.

Knows rows and bodies; knows nothing of why a write is made, nor of anyone who is mailed on schedule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from ..model import Effect, Fields
from ..privacy import Private
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
    return next((newest for sign, newest in _SIGNS if sign in keys), Generation.SEED)


@dataclass(frozen=True, slots=True)
class Audience:
    """A row as far as messages go: its channel, its recipients as on the wire, and whether it is switched on."""

    type: str | None
    text: str
    enabled: bool = True


def audience(fields: Fields) -> Audience:
    """The Audience of a row or of a body, with its `target_value` unmasked for comparison."""
    wire = fields["target_value"].wire if "target_value" in fields else ""
    return Audience(
        fields.get("target_type"),
        wire.value if isinstance(wire, Private) else wire,
        fields.get("enabled") is not False,
    )


def of_create(after: Audience, server: Generation) -> tuple[Effect, ...]:
    """Everybody is mailed or the channel gets a post, except where the server honours `send_test_now: false`."""
    if server is Generation.X or (server.has_enabled and not after.enabled):
        return ()
    texts = recipients.addresses_in(after.text) if after.type == EMAIL else ()
    return _reaches(after, texts, unknown=server is Generation.UNKNOWN)


def of_update(before: Audience, after: Audience, changed: Collection[str], server: Generation) -> tuple[Effect, ...]:
    """Whom an edit of the fields *changed* reaches, new or merely respelled in the server's eyes."""
    # From X on `send_test_now: false` goes with the write and silences it.
    if server is Generation.X or (server.has_enabled and not (before.enabled and after.enabled)):
        return _of_switching_on(before, after, server)
    retriggered = server is Generation.N and not _RETRIGGER.isdisjoint(changed)
    if "target_value" not in changed:
        return _reaches(after, ()) if retriggered else ()
    return _reaches(after, _new(before, after, server), respelled_from=before)


def of_restore(
    before: Audience, after: Audience, changed: Collection[str], server: Generation, *, stale: bool
) -> tuple[Effect, ...]:
    """An edit's effects, and everybody at the next tick when the old delivery date is *stale* (trap T-28)."""
    now = of_update(before, after, changed, server)
    if not stale or (server.has_enabled and not after.enabled):
        return now
    texts = recipients.addresses_in(after.text) if after.type == EMAIL else ()
    return now + tuple(
        Effect(effect.effect, effect.recipients, effect.channel, when="next delivery")
        for effect in _reaches(after, texts)
    )


def is_stale(next_delivery: str | None, now: datetime) -> bool:
    """Whether a scheduler that looks 15 minutes ahead would send at its next tick (contract §6)."""
    return next_delivery is not None and moment(next_delivery) <= now + BUFFER


def _of_switching_on(before: Audience, after: Audience, server: Generation) -> tuple[Effect, ...]:
    """A row that is switched on is confirmed to everybody (contract §7), except where X is told not to."""
    if server is Generation.X or before.enabled or not after.enabled:
        return ()
    return _reaches(after, recipients.addresses_in(after.text) if after.type == EMAIL else ())


def _new(before: Audience, after: Audience, server: Generation) -> tuple[str, ...]:
    if after.type != EMAIL:
        return ()
    known = before.text if before.type == EMAIL else ""
    later = server >= Generation.N
    return recipients.new_by_meaning(known, after.text) if later else recipients.new_by_text(known, after.text)


def _reaches(
    after: Audience, texts: Iterable[str], *, unknown: bool = False, respelled_from: Audience | None = None
) -> tuple[Effect, ...]:
    """The effects of a delivery to *texts*, or to the channel where it is not e-mail."""
    if after.type == EMAIL:
        return _mails(tuple(texts), unknown=unknown, before=respelled_from)
    if after.type in (SLACK, TEAMS):
        return (Effect("post", channel=_channel(after), unknown=unknown),)
    # `webhook` never delivers in any version (contract §7).
    return ()


def _mails(texts: tuple[str, ...], *, unknown: bool, before: Audience | None) -> tuple[Effect, ...]:
    known = {recipients.normal(text) for text in recipients.addresses_in(before.text)} if before else set()
    new = [text for text in texts if recipients.normal(text) not in known]
    respelled = [text for text in texts if recipients.normal(text) in known]
    return tuple(
        Effect("mail", recipients.as_addresses(group), why=why, unknown=unknown)
        for group, why in ((new, None), (respelled, "respelled"))
        if group
    )


def _channel(after: Audience) -> Any:
    return recipients.target(after.type, after.text).wire
