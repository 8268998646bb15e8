"""The kind Subscription: its fields, what equal means for them, and the calls that change a row. Pure.

Facts are from the API contract: §3 fields, §4 operations, §7 who gets a message, §10 traps. Knows nothing of files,
of HTTP, of other kinds, nor of why a change was planned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .. import operations, rules
from ..model import (
    NOTHING,
    Cause,
    Config,
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
from ..privacy import Address, Private, Recipients, SecretUrl
from ..resource import Draft, Edit, Fault, Settled, Wish
from . import checks, effects, reading, recipients, schedule, titles
from .effects import Audience, Generation
from .recipients import EMAIL, SLACK, TEAMS, WEBHOOK, Target
from .schedule import WallClock

SEED_FIELDS = (
    "title",
    "dashboard",
    "insight",
    "target_type",
    "target_value",
    "frequency",
    "interval",
    "byweekday",
    "bysetpos",
    "count",
    "start_date",
    "until_date",
)
"""Fields of the seed page that are compared: one that is left out means the API's default (design §2)."""

LATER_FIELDS = ("integration_id", "dashboard_export_insights", "enabled", "summary_enabled", "summary_prompt_guide")
"""Fields of later servers: one that is left out is not ours and is never sent."""

WRITE_ONLY = ("invite_message",)
"""Sent, never returned, never compared (trap T-1)."""

FIELDS = (*SEED_FIELDS, "deleted", *WRITE_ONLY, *LATER_FIELDS)
"""Every field a manifest's spec may name."""

TITLE_LIMIT = titles.LIMIT


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What a row tells beside its fields: its next delivery, and how new its server is."""

    next_delivery: str | None
    generation: Generation


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """What a manifest tells beside its fields: its addresses in order, its wall clock, whether it names a title."""

    addresses: tuple[str, ...]
    clock: WallClock | None
    names_title: bool


@dataclass(frozen=True, slots=True)
class Subscription:
    """Scheduled reports, as seen at `now`."""

    now: datetime
    kind: str = "Subscription"

    def check(self, manifest: Manifest, config: Config) -> Sequence[Fault]:
        """The cross-field rules of design §2 and §3: targets, policy, dates, schedules, references, title length."""
        return checks.check(manifest, config, self.now)

    def desired(self, manifest: Manifest, config: Config, environment: Environment) -> Desired:
        """The manifest worked out for *environment*: references are ids, groups are addresses, instants are UTC."""
        spec = manifest.spec
        if spec.get("deleted") is True:
            return Desired(manifest, NOTHING, tombstone=True, id=manifest.id_in(environment.name))
        addresses = reading.addresses(spec, config)
        clock = reading.clock(spec.get("start_date"))
        fields: dict[str, Any] = {
            "title": titles.normal(spec.get("title")),
            "dashboard": reading.reference("dashboard", spec.get("dashboard"), config, environment.name),
            "insight": reading.reference("insight", spec.get("insight"), config, environment.name),
            "target_type": spec["target_type"],
            "target_value": recipients.target(spec["target_type"], reading.target_text(spec, addresses)),
            **reading.schedule_fields(spec),
        }
        if clock is not None:
            fields["start_date"] = schedule.anchored(reading.rule(fields), clock, self.now)
        fields |= {name: _later(name, spec[name]) for name in LATER_FIELDS if name in spec}
        written = {name: spec[name] for name in WRITE_ONLY if spec.get(name) is not None}
        facts = ManifestFacts(addresses, clock, "title" in spec)
        return Desired(manifest, fields, written, id=manifest.id_in(environment.name), facts=facts)

    def listing(self, *, deleted: bool) -> Request:
        """The live rows, or the soft-deleted ones; no single call has both (contract §4.1)."""
        return operations.list_subscriptions(deleted=deleted)

    def retrieve(self, id: int) -> Request:
        """One row, deleted or not (contract §4.2)."""
        return operations.retrieve_subscription(id)

    def decode(self, row: Json) -> Live:
        """The row, its title without tag; values no manifest could have are kept as they are."""
        if not isinstance(row, dict) or type(row.get("id")) is not int:
            raise ValueError("not a subscription")
        title, tag = titles.split(row.get("title"))
        target_type = row.get("target_type")
        fields: dict[str, Any] = {
            "title": title,
            "dashboard": row.get("dashboard"),
            "insight": row.get("insight"),
            "target_type": target_type,
            "target_value": recipients.target(target_type, str(row.get("target_value") or "")),
            "frequency": row.get("frequency"),
            "interval": row.get("interval"),
            "byweekday": schedule.weekdays(row.get("byweekday")),
            "bysetpos": row.get("bysetpos"),
            "count": row.get("count"),
            "start_date": _instant_or_text(row.get("start_date")),
            "until_date": _instant_or_text(row.get("until_date")),
        }
        fields |= {name: _later(name, row[name]) for name in LATER_FIELDS if name in row}
        deleted = row.get("deleted") is True
        return Live(self.kind, row["id"], tag, deleted, fields, _creator(row), _row_facts(row))

    def wire(self, value: Any) -> Any:
        """Targets as their text, weekdays and ids as lists, anything else as it is."""
        if isinstance(value, Target):
            return value.wire
        return list(value) if isinstance(value, tuple) else value

    def settle(self, desired: Desired, live: Live, base: Desired | None, wish: Wish) -> Settled:
        """Hear the base and the row: who unsubscribed stays out, what the server switched off stays off."""
        fields = dict(desired.fields)
        causes: dict[str, Cause] = {}
        if not _facts(desired).names_title and desired.id is not None:
            # On an adopted row a title that is left out is not compared (design §2).
            del fields["title"]
        kept_out = _settle_recipients(fields, desired, live, base, wish)
        findings = [_kept_out(desired, live, kept_out)] if kept_out else []
        emptied = live.deleted and not _texts(live) and live.fields["target_type"] == EMAIL
        stays_deleted = emptied and not fields["target_value"].meaning
        if stays_deleted:
            findings.append(_emptied(desired, live))
        if _is_switched_off(fields, live, base):
            del fields["enabled"]
            findings.append(_switched_off(desired, live))
        self._settle_start(fields, causes, desired, live, wish)
        return Settled(fields, causes, tuple(findings), stays_deleted)

    def _settle_start(
        self, fields: dict[str, Any], causes: dict[str, Cause], desired: Desired, live: Live, wish: Wish
    ) -> None:
        """Tell a start that daylight saving time moved from one that somebody changed (design §2)."""
        clock = _facts(desired).clock
        there = live.fields["start_date"]
        if clock is None or there == fields["start_date"] or not schedule.is_shifted(there, clock):
            return
        if wish.reanchor:
            causes["start_date"] = Cause.DST
        else:
            fields["start_date"] = there

    def is_pinned(self, live: Live, fields: Fields, changed: Collection[str]) -> bool:
        """From N on a row stays an insight's or a dashboard's for ever (contract §4.4)."""
        if live.facts.generation < Generation.N:
            return False
        return any(name in changed and live.fields[name] is None for name in ("dashboard", "insight"))

    def create(self, desired: Desired, tag: Tag, peers: Sequence[Live]) -> Draft:
        """The POST with every field that is not null, and whom it reaches on this server."""
        body = {name: self.wire(value) for name, value in desired.fields.items() if value is not None}
        body |= desired.write_only
        body["title"] = titles.joined(desired.fields["title"], tag)
        # Accepted by every server, honoured by the newest (contract §7).
        body["send_test_now"] = False
        server = max((peer.facts.generation for peer in peers), default=Generation.UNKNOWN)
        after = effects.audience(desired.fields)
        found = (_never_delivers(desired),) if after.type == WEBHOOK else ()
        added, _ = _movement(Audience(after.type, ""), after)
        return Draft((operations.create_subscription(body),), effects.of_create(after, server), found, added)

    def edit(self, edit: Edit) -> Draft:
        """The PATCH with the fields that changed and nothing else, and whom it reaches on this server."""
        live, server = edit.live, edit.live.facts.generation
        body: dict[str, Any] = {"deleted": False} if live.deleted else {}
        body |= {name: self.wire(edit.fields[name]) for name in edit.changed}
        if "title" in edit.changed or edit.retag:
            title = edit.fields["title"] if "title" in edit.changed else live.fields["title"]
            body["title"] = titles.joined(title, edit.tag)
        before, after = effects.audience(live.fields), effects.audience({**live.fields, **edit.fields})
        added, removed = _movement(before, after)
        if added:
            body |= edit.desired.write_only
        if server.has_enabled:
            body["send_test_now"] = False
        told, found = self._told(edit, before, after)
        if len(body.get("title") or "") > titles.LIMIT:
            found += (_too_long(edit.desired, live, body["title"]),)
        return Draft((operations.update_subscription(live.id, body),), told, found, added, removed)

    def _told(self, edit: Edit, before: Audience, after: Audience) -> tuple[tuple[Effect, ...], tuple[Finding, ...]]:
        """What people notice. A restore keeps the old delivery date unless the PATCH changes the rule (trap T-28)."""
        if not edit.live.deleted:
            return effects.of_update(before, after, edit.changed, edit.live.facts.generation), ()
        rescheduled = not schedule.FIELDS.isdisjoint(edit.changed)
        stale = not rescheduled and effects.is_stale(edit.live.facts.next_delivery, self.now)
        server = edit.live.facts.generation
        told = effects.of_restore(before, after, edit.changed, server, stale=stale)
        return told, ((_stale(edit.desired, edit.live),) if stale else ())

    def remove(self, id: int) -> Request:
        """The soft delete: `{"deleted": true}` and nothing else (trap T-30)."""
        return operations.update_subscription(id, {"deleted": True})

    def likeness(self, desired: Desired, live: Live) -> str | None:
        """Same report, same channel type, and the same people, the same Slack channel or the same schedule."""
        mine, its = desired.fields, live.fields
        if any(mine[name] != its[name] for name in ("dashboard", "insight", "target_type")):
            return None
        if mine["target_type"] == EMAIL and mine["target_value"].meaning & its["target_value"].meaning:
            return "overlapping recipients"
        if mine["target_type"] == SLACK and mine["target_value"] == its["target_value"]:
            return "the same Slack channel"
        same = all(mine[name] == its[name] for name in schedule.FIELDS)
        return "the same schedule" if same else None

    def mismatch(self, request: Request, row: Json) -> tuple[str, ...]:
        """The names in the request's body whose values the answer does not show; write-only ones cannot be told."""
        live = self.decode(row)
        body = dict(request.body or {})
        wrong = [] if body.pop("deleted", live.deleted) is live.deleted else ["deleted"]
        if "title" in body and titles.split(body["title"]) != (live.fields["title"], live.tag):
            wrong.append("title")
        asked = {name: body[name] for name in body if name in live.fields and name != "title"}
        return (*wrong, *(name for name, value in asked.items() if _sent(name, value, live) != live.fields[name]))


def _later(name: str, value: Any) -> Any:
    """A later server's field as it is compared: an export list is a set (trap T-9)."""
    return tuple(sorted(value)) if name == "dashboard_export_insights" and isinstance(value, list) else value


def _instant_or_text(text: Any) -> Any:
    try:
        return schedule.instant(text) if isinstance(text, str) else text
    except (ValueError, OverflowError):
        return text


def _creator(row: dict[str, Any]) -> Address | None:
    creator = row.get("created_by")
    email = creator.get("email") if isinstance(creator, dict) else None
    return Address(email) if isinstance(email, str) else None


def _row_facts(row: dict[str, Any]) -> RowFacts:
    return RowFacts(_instant_or_text(row.get("next_delivery_date")), effects.generation(row.keys()))


def _facts(desired: Desired) -> ManifestFacts:
    facts: ManifestFacts = desired.facts
    return facts


def _texts(live: Live) -> list[str]:
    wire = live.fields["target_value"].wire
    return recipients.addresses_in(wire.value if isinstance(wire, Private) else wire)


def _movement(before: Audience, after: Audience) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """The addresses that come and those that go, by what they mean."""
    was, will = (
        {recipients.normal(text): text for text in recipients.addresses_in(side.text)} if side.type == EMAIL else {}
        for side in (before, after)
    )
    return (
        recipients.as_addresses(text for meaning, text in will.items() if meaning not in was),
        recipients.as_addresses(text for meaning, text in was.items() if meaning not in will),
    )


def _settle_recipients(
    fields: dict[str, Any], desired: Desired, live: Live, base: Desired | None, wish: Wish
) -> tuple[str, ...]:
    """Edit the row's own text towards the manifest's people less those who left; answer whom that keeps out."""
    if fields["target_type"] == TEAMS:
        fields["target_value"] = _settled_teams(fields["target_value"], base)
    if fields["target_type"] != EMAIL or live.fields["target_type"] != EMAIL:
        return ()
    there = live.fields["target_value"].meaning
    wanted = _facts(desired).addresses
    gone = _gone(wanted, there, base, wish, emptied=live.deleted and not there)
    staying = recipients.without(wanted, gone)
    if staying:
        row = live.fields["target_value"].wire.value
        fields["target_value"] = recipients.target(EMAIL, recipients.edited(row, staying))
    else:
        # Never a row without recipients: with nobody left to send to, the text stays as it is (design §4).
        fields["target_value"] = live.fields["target_value"]
    return tuple(address for address in wanted if recipients.normal(address) in gone)


def _gone(
    wanted: Sequence[str], there: Collection[str], base: Desired | None, wish: Wish, *, emptied: bool
) -> frozenset[str]:
    """The addresses that were applied once and have left the row since: they unsubscribed (design §4)."""
    back = {recipients.normal(address) for address in wish.resubscribe}
    if base is not None and not base.tombstone and base.fields["target_type"] == EMAIL:
        known: Collection[str] = base.fields["target_value"].meaning
    else:
        # Without a base nobody can be told from an addition, except where everybody has left.
        known = {recipients.normal(address) for address in wanted} if emptied else ()
    return frozenset(
        meaning
        for meaning in map(recipients.normal, wanted)
        if meaning in known and meaning not in there and meaning not in back
    )


def _settled_teams(wanted: Target, base: Desired | None) -> Target:
    """A server shows a Teams URL's host only (trap T-8), so the base tells whether the rest of it changed."""
    if base is None or base.tombstone or base.fields["target_type"] != TEAMS:
        return wanted
    before, after = base.fields["target_value"].wire.value, wanted.wire
    changed = isinstance(after, SecretUrl) and before != after.value
    return Target(TEAMS, after, (wanted.meaning, "changed")) if changed else wanted


def _is_switched_off(fields: Fields, live: Live, base: Desired | None) -> bool:
    """Whether the row is off although the manifest, unchanged since the base, says on (trap T-31)."""
    if fields.get("enabled") is not True or live.fields.get("enabled") is not False:
        return False
    return base is not None and not base.tombstone and base.fields.get("enabled") is True


def _sent(name: str, value: Any, live: Live) -> Any:
    """A value of a request's body, normalised as the answer is."""
    if name == "target_value":
        text = value.value if isinstance(value, Private) else value
        return recipients.target(live.fields["target_type"], text)
    if name == "byweekday":
        return schedule.weekdays(value)
    return _later(name, value)


def _kept_out(desired: Desired, live: Live, addresses: Sequence[str]) -> Finding:
    return rules.UNSUBSCRIBED.finding(
        "kept out, because they unsubscribed: ",
        Recipients(", ".join(addresses)),
        "; remove them from the manifest, or say --resubscribe ADDRESS",
        name=desired.name,
        source=desired.manifest.source,
        id=live.id,
    )


def _emptied(desired: Desired, live: Live) -> Finding:
    return rules.EMPTIED.finding(
        f"everybody unsubscribed from row {live.id}, so it stays deleted; delete the manifest, "
        "or say --resubscribe ADDRESS for somebody who asked to be back",
        name=desired.name,
        source=desired.manifest.source,
        id=live.id,
    )


def _switched_off(desired: Desired, live: Live) -> Finding:
    return rules.DISABLED_BY_SERVER.finding(
        f"row {live.id} was switched off in PostHog, mostly because its channel is broken, and is left so; "
        "mend the channel and switch it on there",
        name=desired.name,
        source=desired.manifest.source,
        id=live.id,
    )


def _stale(desired: Desired, live: Live) -> Finding:
    return rules.STALE_DELIVERY.finding(
        f"row {live.id} keeps its old delivery date ({live.facts.next_delivery}), so everybody is sent the report "
        "at the server's next tick",
        name=desired.name,
        source=desired.manifest.source,
        id=live.id,
    )


def _never_delivers(desired: Desired) -> Finding:
    return rules.NEVER_DELIVERS.finding(
        "target_type webhook: no server version delivers to it; use email, slack or teams",
        name=desired.name,
        source=desired.manifest.source,
    )


def _too_long(desired: Desired, live: Live, title: str) -> Finding:
    return rules.TITLE_TOO_LONG.finding(
        f"the title of row {live.id} would be {len(title)} characters with its tag, and the server takes "
        f"{titles.LIMIT}; give the manifest a shorter title",
        name=desired.name,
        source=desired.manifest.source,
        id=live.id,
    )
