"""What a row should become once all were heard: the manifest, the base, the row, and the person who runs this. Pure.

Three things may keep a row from becoming what its manifest says: somebody unsubscribed, the server switched it off, or
daylight saving time moved its start. Each is a function of its own. Knows no requests and no effects.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from .. import rules
from ..model import Cause, Desired, Fields, Finding, Live
from ..privacy import listed
from ..resource import Settled, Wish
from . import clocks, reading, recipients, schedule, upcoming
from .effects import Generation
from .reading import ManifestFacts
from .recipients import EMAIL, TEAMS, Target


def settle(desired: Desired, live: Live, base: Desired | None, wish: Wish, now: datetime) -> Settled:
    """The fields *live* should have. *base* is what the manifest said when it was last applied, if it was."""
    before = None if base is None or base.tombstone else base
    fields = dict(desired.fields)
    if desired.id is not None and not _facts(desired).names_title:
        # On an adopted row a title that is left out is not compared (design §2).
        del fields["title"]
    fields["target_value"], kept_out = _target(desired, live, before, wish)
    findings = [_kept_out(desired, live, kept_out, before)] if kept_out else []
    everybody_left = bool(kept_out) and len(kept_out) == len(_facts(desired).addresses)
    # A row is not restored for nobody (design §4).
    stays_deleted = live.deleted and everybody_left
    if stays_deleted:
        findings.append(_emptied(desired, live))
    elif everybody_left and live.fields["target_value"].meaning:
        findings.append(_strangers(desired, live))
    if _is_switched_off(fields, live, before):
        del fields["enabled"]
        findings.append(_switched_off(desired, live))
    start = _start(desired, live, before, wish, now)
    causes = {} if start is None or start == live.fields["start_date"] else {"start_date": Cause.DST}
    if start is not None:
        fields["start_date"] = start
    if fields["target_type"] == TEAMS and fields["target_value"] != desired.fields["target_value"]:
        # Only the base can tell that another URL of the same host is meant.
        causes["target_value"] = Cause.MANIFEST
    findings += upcoming.about_row(desired, live, fields, now)
    return Settled(fields, causes, tuple(findings), stays_deleted)


def _target(desired: Desired, live: Live, before: Desired | None, wish: Wish) -> tuple[Target, Sequence[str]]:
    """The target the row should have, and the addresses that are kept out of it."""
    wanted, there = desired.fields["target_value"], live.fields["target_value"]
    types = (wanted.type, there.type)
    if types == (TEAMS, TEAMS):
        return (wanted if live.id in wish.written else _teams(wanted, before)), ()
    if types != (EMAIL, EMAIL):
        return wanted, ()
    gone = _gone(wanted.meaning, there.meaning, before, wish)
    addresses = _facts(desired).addresses
    staying = recipients.without(addresses, gone) if gone else addresses
    kept_out = [address for address in addresses if recipients.normal(address) in gone] if gone else ()
    if not staying or (not gone and wanted == there):
        # Never a row without recipients: with nobody left to send to, its text stays as it is (design §4).
        return there, kept_out
    return recipients.target(EMAIL, recipients.edited(there.text, staying)), kept_out


def _gone(wanted: frozenset[str], there: frozenset[str], before: Desired | None, wish: Wish) -> Collection[str]:
    """Those who were applied once and have left the row since: they unsubscribed (design §4).

    Other capitals make another recipient (design §5), but do not bring back a person who left.
    """
    missing = wanted - there
    if not missing:
        return ()
    if before is not None and before.fields["target_type"] == EMAIL:
        left = recipients.folded(before.fields["target_value"].meaning) - recipients.folded(there)
    elif there:
        # Without a base nobody can be told from an addition, except where everybody has left: the API takes no empty
        # list, so an empty row is always the work of unsubscribes.
        return ()
    else:
        left = recipients.folded(missing)
    left -= recipients.folded(wish.resubscribe)
    return [address for address in missing if address.casefold() in left]


def _teams(wanted: Target, before: Desired | None) -> Target:
    """A server shows a Teams URL's host only (trap T-8), so the base tells whether the rest of it changed."""
    if before is None or before.fields["target_type"] != TEAMS or before.fields["target_value"].wire == wanted.wire:
        return wanted
    return Target(TEAMS, wanted.wire, (wanted.meaning, "changed"))


def _is_switched_off(fields: Fields, live: Live, before: Desired | None) -> bool:
    """Whether the row is off although the manifest, unchanged since the base, says on (trap T-31)."""
    if fields.get("enabled") is not True or live.fields.get("enabled") is not False:
        return False
    return before is not None and before.fields.get("enabled") is True


def _start(desired: Desired, live: Live, before: Desired | None, wish: Wish, now: datetime) -> str | None:
    """The start of a row whose wall clock daylight saving time may have moved; None where it is not about that."""
    clock, wanted, there = _facts(desired).clock, desired.fields["start_date"], live.fields["start_date"]
    if clock is None or wanted == there or not isinstance(there, str):
        return None
    if before is not None and _facts(before).clock != clock:
        # The manifest was changed.
        return None
    rule = reading.rule({**desired.fields, "start_date": there})
    if not clocks.is_anchor(there, rule, clock, now):
        return None
    if not wish.reanchor:
        return there
    if live.deleted or any(live.fields[name] != desired.fields[name] for name in schedule.FIELDS - {"start_date"}):
        # Its next delivery is computed anew in any case.
        return str(wanted)
    due = live.facts.next_delivery
    understood = rule.understood(later=live.facts.generation is Generation.X)
    return clocks.reanchored(understood, clock, now, None if due is None else schedule.moment(due))


def _facts(desired: Desired) -> ManifestFacts:
    facts: ManifestFacts = desired.facts
    return facts


def _kept_out(desired: Desired, live: Live, addresses: Sequence[str], before: Desired | None) -> Finding:
    why = "they unsubscribed" if before else f"row {live.id} was emptied by unsubscribes, and no base tells by whose"
    return rules.UNSUBSCRIBED.about(
        desired,
        live,
        f"kept out, because {why}: ",
        *listed(recipients.as_addresses(addresses)),
        "; remove them from the manifest, or say --resubscribe ADDRESS",
    )


def _emptied(desired: Desired, live: Live) -> Finding:
    return rules.EMPTIED.about(
        desired,
        live,
        f"everybody unsubscribed from row {live.id}, so it stays deleted; delete the manifest, "
        "or say --resubscribe ADDRESS for somebody who asked to be back",
    )


def _strangers(desired: Desired, live: Live) -> Finding:
    return rules.STRANGERS.about(
        desired,
        live,
        f"nobody whom the manifest names is on row {live.id} any more, but it reaches ",
        *listed(recipients.as_addresses(recipients.addresses_in(live.fields["target_value"].text))),
        "; name in the manifest who is to be mailed, or say --resubscribe ADDRESS for those who did not unsubscribe",
    )


def _switched_off(desired: Desired, live: Live) -> Finding:
    return rules.DISABLED_BY_SERVER.about(
        desired,
        live,
        f"row {live.id} was switched off in PostHog, mostly because its channel is broken, and is left so; "
        "mend the channel and switch it on there",
    )
