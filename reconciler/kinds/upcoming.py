"""The next deliveries of a row, before and after a write, and what about them a reviewer must hear. Pure.

What the server itself will plan, reckoned at the moment of the plan (contract §6): a new date on every create and
wherever the rule changes, never nearer than 15 minutes; the old one on every other write, also where a restore finds
it long past (trap T-28). Knows rows and edits; knows nothing of who is mailed, nor of how a date is shown.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from .. import rules
from ..instants import in_words, offset, wait_in_words
from ..model import Deliveries, Desired, Fields, Finding, Live
from ..resource import Edit
from . import effects, reading, schedule
from .clocks import WallClock
from .effects import Audience, Generation
from .recipients import WEBHOOK
from .schedule import BUFFER, Schedule, moment

# Fields whose change moves the next delivery, or decides whether there is one.
_DECISIVE = schedule.FIELDS | {"enabled"}

SOON = timedelta(hours=1)
"""A first delivery nearer than this is pointed out: an apply that waits for somebody's yes may miss it."""

_DAY = timedelta(days=1)


def of_row(live: Live, now: datetime, many: int) -> tuple[datetime, ...]:
    """The next *many* deliveries of *live* if nobody touches it; none for a row that is deleted, off, or over."""
    if live.deleted or not _sends(effects.audience(live.fields), live.facts.generation):
        return ()
    return _kept(live.facts.next_delivery, _rule(live.fields, live.facts.generation), now, many)


def of_create(desired: Desired, server: Generation, now: datetime, many: int) -> Deliveries:
    """The deliveries of a row that is made of *desired* at *now* on *server*."""
    rule = reading.rule(desired.fields)
    understood, later = (rule.understood(later=is_later) for is_later in (server is Generation.X, True))
    is_sent = _sends(effects.audience(desired.fields), server)
    return Deliveries(
        after=schedule.deliveries(understood, now, many) if is_sent else (),
        timezone=timezone(desired),
        unknown=server is Generation.UNKNOWN and understood != later,
    )


def of_edit(edit: Edit, before: Audience, after: Audience, now: datetime, many: int) -> Deliveries | None:
    """The deliveries before and after *edit*; None where it can move none."""
    live, server = edit.live, edit.live.facts.generation
    if not live.deleted and _DECISIVE.isdisjoint(edit.changed):
        return None
    then, zone = of_row(live, now, many), timezone(edit.desired)
    if not _sends(after, server):
        return Deliveries(then, (), zone)
    rule = _rule({**live.fields, **edit.fields}, server)
    if _is_rescheduled(edit, before, after):
        return Deliveries(then, schedule.deliveries(rule, now, many), zone)
    due = live.facts.next_delivery
    return Deliveries(then, _kept(due, rule, now, many), zone, overdue=effects.is_stale(due, now))


def timezone(desired: Desired) -> str | None:
    """The zone in which the manifest says its start: of its wall clock, or the offset it writes; None for UTC."""
    clock: WallClock | None = desired.facts.clock
    if clock is None:
        return offset(desired.manifest.spec["start_date"])
    return clock.zone if clock.zone != "UTC" else None


def about_create(desired: Desired, found: Deliveries, server: Generation, now: datetime) -> tuple[Finding, ...]:
    """What must be known of the deliveries *found* for a new row: none is left, or the first is near."""
    rule = _rule(desired.fields, server)
    if not schedule.deliveries(rule, now, 1):
        # Later servers look at the schedule of every new row, also of one that is off (contract §5).
        return (_exhausted(desired, None, is_refused=server.has_enabled), *_skipped(desired, None, rule, found, now))
    return _about_first(desired, None, rule, found, now) if found.after else ()


def about_edit(
    edit: Edit, found: Deliveries | None, before: Audience, after: Audience, now: datetime
) -> tuple[Finding, ...]:
    """What must be known of the deliveries *found* for an edited or restored row."""
    if found is None or not _sends(after, edit.live.facts.generation):
        return ()
    desired, live = edit.desired, edit.live
    rule = _rule({**live.fields, **edit.fields}, live.facts.generation)
    is_new = _is_rescheduled(edit, before, after)
    if not schedule.deliveries(rule, now, 1) and (_is_judged(edit, before) or not found.after):
        skipped = _skipped(desired, live, rule, found, now) if is_new else ()
        return (_exhausted(desired, live, is_refused=_is_judged(edit, before)), *skipped)
    if found.overdue:
        return (_stale(desired, live, found),) if live.deleted else ()
    return _about_first(desired, live, rule if is_new else None, found, now) if found.after else ()


def about_row(desired: Desired, live: Live, fields: Fields, now: datetime) -> tuple[Finding, ...]:
    """That a row which is to stay as it is, with the rule of *fields*, has sent its last."""
    # Asked for every row: nearly all of them have a next delivery.
    if live.facts.next_delivery is not None or live.deleted or live.fields.get("enabled") is False:
        return ()
    is_same = all(fields[name] == live.fields[name] for name in schedule.FIELDS)
    if not is_same or not schedule.is_over(_rule(fields, live.facts.generation), now):
        return ()
    return (_over(desired, live),)


def _kept(due: str | None, rule: Schedule, now: datetime, many: int) -> tuple[datetime, ...]:
    """The deliveries of a row that keeps the date *due*: that one, and what *rule* has after it."""
    if due is None:
        return ()
    first = moment(due)
    # Rows may hold what no manifest may, and what the server itself cannot reckon with (contract §5).
    if many < 2 or not schedule.is_sound(rule):
        return (first,)[:many]
    # Once it was sent, the server looks for the next one after it, and after its 15 minutes (contract §6).
    return (first, *schedule.deliveries(rule, max(now, first - BUFFER), many - 1))


def _rule(fields: Fields, server: Generation) -> Schedule:
    """The rule of *fields* as *server* understands it."""
    return reading.rule(fields).understood(later=server is Generation.X)


def _sends(audience: Audience, server: Generation) -> bool:
    """Whether the scheduler sends such a row: `webhook` never delivers in any version (contract §7)."""
    return audience.type != WEBHOOK and (audience.enabled or not server.has_enabled)


def _is_rescheduled(edit: Edit, before: Audience, after: Audience) -> bool:
    """Whether the PATCH makes the server compute the next delivery anew: another rule, or switched on (contract §6)."""
    server = edit.live.facts.generation
    if server >= Generation.N and after.enabled and not before.enabled:
        return True
    if schedule.FIELDS.isdisjoint(edit.changed):
        return False
    return _rule(edit.live.fields, server) != _rule({**edit.live.fields, **edit.fields}, server)


def _is_judged(edit: Edit, before: Audience) -> bool:
    """Whether a later server refuses the PATCH where the rule is over: it names the rule, or switches the row on."""
    if not edit.live.facts.generation.has_enabled:
        return False
    return not schedule.FIELDS.isdisjoint(edit.changed) or not before.enabled


def _about_first(
    desired: Desired, live: Live | None, rule: Schedule | None, found: Deliveries, now: datetime
) -> tuple[Finding, ...]:
    """That the first delivery is near, or that a nearer one is left out; *rule* is None where the old date stays."""
    skipped = _skipped(desired, live, rule, found, now) if rule is not None else ()
    if skipped or found.after[0] - now >= SOON:
        return skipped
    return (_soon(desired, live, found, now, is_new=rule is not None),)


def _skipped(
    desired: Desired, live: Live | None, rule: Schedule, found: Deliveries, now: datetime
) -> tuple[Finding, ...]:
    """That an occurrence of *rule* is nearer than the server plans any (contract §6)."""
    # Every delivery has the time of day of the start, so nearly always nothing needs to be looked for.
    if (moment(rule.start_date) - now) % _DAY > BUFFER:
        return ()
    nearest = schedule.deliveries(rule, now - BUFFER, 1)
    if not nearest or nearest[0] > now + BUFFER:
        return ()
    told = in_words(nearest[0], found.timezone)
    first = f"the first one is {in_words(found.after[0], found.timezone)}" if found.after else "and there is no other"
    return (
        rules.FIRST_DELIVERY_SKIPPED.about(
            desired,
            live,
            f"the delivery of {told} is in {wait_in_words(nearest[0] - now)}, and the server plans none nearer than "
            f"15 minutes: {first}; move start_date where that is not meant",
        ),
    )


def _soon(desired: Desired, live: Live | None, found: Deliveries, now: datetime, *, is_new: bool) -> Finding:
    first = found.after[0]
    told = f"first delivery in {wait_in_words(first - now)}: {in_words(first, found.timezone)}"
    other = f"then the first is {in_words(found.after[1], found.timezone)}" if found.after[1:] else "there is no other"
    missed = f"; an apply after {in_words(first - BUFFER)} misses it, {other}" if is_new else ""
    return rules.FIRST_DELIVERY_SOON.about(
        desired,
        live,
        told + missed,
    )


def _exhausted(desired: Desired, live: Live | None, *, is_refused: bool) -> Finding:
    """That a row would be there and never send on schedule, or would be refused for that."""
    way_out = "remove the manifest, or move its end"
    if is_refused:
        what = "this server refuses a schedule that has no delivery left"
        return rules.EXHAUSTED_REFUSED.about(desired, live, f"{what}; {way_out}")
    row = f"row {live.id}" if live is not None else "the new row"
    what = f"the schedule has no delivery left, so {row} would never send anything on schedule"
    return rules.EXHAUSTED.about(desired, live, f"{what}; {way_out}")


def _stale(desired: Desired, live: Live, found: Deliveries) -> Finding:
    then = f", and then from {in_words(found.after[1], found.timezone)} on" if found.after[1:] else ""
    return rules.STALE_DELIVERY.about(
        desired,
        live,
        f"row {live.id} keeps its old delivery date, {in_words(found.after[0], found.timezone)}, so everybody is sent "
        f"the report at the server's next tick{then}; only a changed schedule would make the server compute a new one",
    )


def _over(desired: Desired, live: Live) -> Finding:
    return rules.OVER.about(
        desired,
        live,
        f"row {live.id} has sent its last: its schedule is over; delete the manifest, or move its end",
    )
