"""The kind Subscription: what the engine may ask of it, and the calls that change a row. Pure.

Facts are from the API contract: §3 fields, §4 operations, §7 who gets a message, §10 traps. Knows nothing of files,
of HTTP, of other kinds, nor of why a change was planned.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .. import operations, rules
from ..model import (
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
from ..privacy import Address, Private
from ..resource import Draft, Edit, Fault, Settled, Spelled, Wish
from . import checks, effects, exporting, reading, recipients, rows, schedule, settling, titles, upcoming
from .effects import Audience, Generation
from .fields import FIELDS, LATER_FIELDS, SEED_FIELDS, WRITE_ONLY
from .recipients import EMAIL, SLACK, WEBHOOK, Target

__all__ = ["FIELDS", "LATER_FIELDS", "SEED_FIELDS", "WRITE_ONLY", "Subscription"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Scheduled reports, as seen at `now`; `ahead` is how many deliveries are told before and after a change."""

    now: datetime
    ahead: int = 3
    kind: str = "Subscription"

    def check(self, manifest: Manifest, config: Config) -> Sequence[Fault]:
        """The cross-field rules of design §2 and §3: targets, policy, dates, schedules, references, title length."""
        return checks.check(manifest, config, self.now)

    def desired(self, manifest: Manifest, config: Config, environment: Environment) -> Desired:
        """The manifest worked out for *environment*: references are ids, groups are addresses, instants are UTC."""
        return reading.desired(manifest, config, environment.name, self.now)

    def listing(self, *, deleted: bool) -> Request:
        """The live rows, or the soft-deleted ones; no single call has both (contract §4.1)."""
        return operations.list_subscriptions(deleted=deleted)

    def retrieve(self, id: int) -> Request:
        """One row, deleted or not (contract §4.2)."""
        return operations.retrieve_subscription(id)

    def decode(self, row: Json) -> Live:
        """The row, its title without tag; values no manifest could have are kept as they are."""
        return rows.decode(self.kind, row)

    def wire(self, value: Any) -> Any:
        """Targets as their text, weekdays and ids as lists, anything else as it is."""
        if isinstance(value, Target):
            return value.wire
        return list(value) if isinstance(value, tuple) else value

    def settle(self, desired: Desired, live: Live, base: Desired | None, wish: Wish) -> Settled:
        """Hear the base and the row: who unsubscribed stays out, what the server switched off stays off."""
        return settling.settle(desired, live, base, wish, self.now)

    def is_pinned(self, live: Live, fields: Fields, changed: Collection[str]) -> bool:
        """From N on a row stays an insight's or a dashboard's for ever (contract §4.4)."""
        if live.facts.generation < Generation.N:
            return False
        kinds = ("dashboard", "insight")
        return any(name in changed and live.fields[name] is None and fields[name] is not None for name in kinds)

    def create(self, desired: Desired, tag: Tag, peers: Sequence[Live], replaced: Live | None = None) -> Draft:
        """The POST with every field that is not null, and whom it reaches on this server, at once and on schedule."""
        body = {name: self.wire(value) for name, value in desired.fields.items() if value is not None}
        body |= desired.write_only
        body["title"] = titles.joined(desired.fields["title"], tag)
        # Accepted by every server, honoured by the newest (contract §7).
        body["send_test_now"] = False
        server = max((peer.facts.generation for peer in peers), default=Generation.UNKNOWN)
        after = effects.audience(desired.fields)
        coming = upcoming.of_create(desired, server, self.now, self.ahead)
        found = upcoming.about_create(desired, coming, server, self.now)
        if after.type == WEBHOOK:
            found += (_never_delivers(desired),)
        if replaced is not None:
            coming = replace(coming, before=upcoming.of_row(replaced, self.now, self.ahead))
        told = effects.of_create(after, server)
        added = _coming(Audience(None, ""), after)
        return Draft((operations.create_subscription(body),), told, found, added, deliveries=coming)

    def edit(self, edit: Edit) -> Draft:
        """The PATCH with the fields that changed and nothing else, and whom it reaches, at once and on schedule."""
        live, changes = edit.live, {name: edit.fields[name] for name in edit.changed}
        body: dict[str, Any] = {"deleted": False} if live.deleted else {}
        body |= {name: self.wire(value) for name, value in changes.items()}
        if "title" in changes or edit.retag:
            body["title"] = titles.joined(changes.get("title", live.fields["title"]), edit.tag)
        before, after = effects.audience(live.fields), effects.audience({**live.fields, **changes})
        added = _coming(before, after)
        if added:
            body |= edit.desired.write_only
        if live.facts.generation.has_enabled:
            body["send_test_now"] = False
        coming = upcoming.of_edit(edit, before, after, self.now, self.ahead)
        found = upcoming.about_edit(edit, coming, before, after, self.now)
        if "target_type" in changes and after.type == WEBHOOK:
            found += (_never_delivers(edit.desired),)
        if len(body.get("title") or "") > titles.LIMIT:
            found += (_too_long(edit.desired, live, body["title"]),)
        return Draft(
            (operations.update_subscription(live.id, body),),
            _told(edit, before, after, coming),
            found,
            added,
            _coming(after, before),
            coming,
        )

    def remove(self, id: int) -> Request:
        """The soft delete: `{"deleted": true}` and nothing else (trap T-30)."""
        return operations.update_subscription(id, {"deleted": True})

    def subject(self, fields: Fields) -> Hashable:
        """The report, and the type of channel that it is sent by; as text where a row holds what none should."""
        about = (fields["dashboard"], fields["insight"], fields["target_type"])
        return about if all(isinstance(each, Hashable) for each in about) else repr(about)

    def likeness(self, desired: Desired, live: Live) -> str | None:
        """Same report, same channel type, and the same people, the same Slack channel or the same schedule."""
        mine, its = desired.fields, live.fields
        if self.subject(mine) != self.subject(its):
            return None
        if mine["target_type"] == EMAIL and mine["target_value"].meaning & its["target_value"].meaning:
            return "overlapping recipients"
        if mine["target_type"] == SLACK and mine["target_value"] == its["target_value"]:
            return "the same Slack channel"
        same = all(mine[name] == its[name] for name in schedule.FIELDS)
        return "the same schedule" if same else None

    def spelled(self, live: Live) -> Spelled:
        """The row as a manifest's spec would say it, or why none can."""
        return exporting.spelled(live)

    def mismatch(self, request: Request, row: Json) -> tuple[str, ...]:
        """The names in the request's body whose values the answer does not show; write-only ones cannot be told."""
        return rows.mismatch(request, self.decode(row))

    def recipients(self, fields: Fields) -> tuple[Private | str, ...]:
        """The addresses of an e-mail target as they are spelled; of any other type its one channel."""
        target: Target = fields["target_value"]
        if target.type == EMAIL:
            return recipients.as_addresses(recipients.addresses_in(target.text))
        return (target.wire,) if target.text else ()

    def is_among(self, address: Address, people: Collection[Private | str]) -> bool:
        """Whether *address* is one of *people*: trimmed, its domain in any case (design §5)."""
        meaning = recipients.normal(address.value)
        return any(isinstance(each, Address) and recipients.normal(each.value) == meaning for each in people)

    def ways(self, manifest: Manifest, config: Config, address: Address) -> tuple[str, ...]:
        """`directly`, and the groups of the config that hold *address*."""
        return reading.ways(manifest.spec, config, address.value)

    def deliveries(self, live: Live, desired: Desired | None) -> Deliveries:
        """The next deliveries of *live* as it is (contract §6)."""
        found = upcoming.of_row(live, self.now, self.ahead)
        overdue = bool(found) and effects.is_stale(live.facts.next_delivery, self.now)
        return Deliveries(found, found, upcoming.timezone(desired) if desired is not None else None, overdue=overdue)

    def silence(self, live: Live) -> str | None:
        """It is off, no server delivers to it, or its schedule is over."""
        if live.facts.generation.has_enabled and live.fields.get("enabled") is False:
            return "it is switched off"
        if live.fields["target_type"] == WEBHOOK:
            return "no server version delivers to a webhook"
        return "its schedule is over" if live.facts.next_delivery is None else None

    def page(self, live: Live) -> str | None:
        """The link that the server itself puts into its mails; an insight's needs its short id, which old rows lack."""
        if live.fields["insight"] is not None:
            short = live.facts.short_id
            return f"insights/{short}/subscriptions/{live.id}" if short is not None else None
        dashboard = live.fields["dashboard"]
        return f"dashboard/{dashboard}/subscriptions/{live.id}" if type(dashboard) is int else None


def _coming(before: Audience, after: Audience) -> tuple[Address, ...]:
    """The addresses in *after* that *before* does not have, by what they mean."""
    known = set(map(recipients.normal, before.addresses))
    new = {recipients.normal(text): text for text in after.addresses if recipients.normal(text) not in known}
    return recipients.as_addresses(new.values())


def _told(edit: Edit, before: Audience, after: Audience, coming: Deliveries | None) -> tuple[Effect, ...]:
    """What people notice. A restore keeps the old delivery date unless the PATCH changes the rule (trap T-28)."""
    server = edit.live.facts.generation
    if not edit.live.deleted:
        return effects.of_update(before, after, edit.changed, server)
    stale = coming is not None and coming.overdue
    return effects.of_restore(before, after, edit.changed, server, stale=stale)


def _never_delivers(desired: Desired) -> Finding:
    return rules.NEVER_DELIVERS.about(
        desired,
        None,
        "target_type webhook: no server version delivers to it; use email, slack or teams",
    )


def _too_long(desired: Desired, live: Live, title: str) -> Finding:
    return rules.TITLE_TOO_LONG.about(
        desired,
        live,
        f"the title of row {live.id} would be {len(title)} characters with its tag, and the server takes "
        f"{titles.LIMIT}; give the manifest a shorter title",
    )
