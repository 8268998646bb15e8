"""Who will be mailed, and when, in sentences: the first thing a reviewer wants to know.

Knows effects and deliveries, not their cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..instants import in_words, on_the_wall
from ..model import Action, Change, Deliveries, Effect, Plan
from ..privacy import Message, joined, listed, say
from .view import count


@dataclass(frozen=True, slots=True)
class Reached:
    """The union of a plan's effects: people and channels at once, people at the next delivery, and what is unknown."""

    people: tuple[Any, ...]
    channels: tuple[Any, ...]
    later: tuple[Any, ...]
    unknown: bool

    @property
    def nobody(self) -> bool:
        """Whether nobody gets anything because of this apply."""
        return not (self.people or self.channels or self.later)


def reached(changes: Iterable[Change]) -> Reached:
    """The union of the effects of *changes*, each person and channel once, in the order of first mention."""
    effects = [effect for change in changes for effect in change.effects]
    now = [effect for effect in effects if effect.when is None]
    return Reached(
        _once(person for effect in now for person in effect.recipients),
        _once(effect.channel for effect in now if effect.effect == "post"),
        _once(person for effect in effects if effect.when is not None for person in _whom(effect)),
        any(effect.unknown for effect in effects),
    )


def sentence(plan: Plan) -> Message:
    """`This apply mails 2 people: …`, or that it reaches nobody."""
    union = reached(plan.changes)
    if union.nobody:
        return say("This apply mails nobody and posts to no channel.")
    parts: list[Any] = []
    if union.people:
        # Without a row to look at, a server's generation cannot be told, and nothing is promised (design §6).
        verb = "may mail" if union.unknown else "mails"
        parts += [f"This apply {verb} {_people(len(union.people))}: ", *listed(union.people), ". "]
    if union.channels:
        verb = "may post to" if union.unknown else "posts to"
        who = "It" if union.people else "This apply"
        parts += [f"{who} {verb} {count(len(union.channels), 'channel')}: ", *listed(union.channels), ". "]
    if union.later:
        who = "it" if parts else "this apply"
        many = count(len(union.later), "recipient")
        parts += [f"At the server's next tick {who} reaches {many}: ", *listed(union.later), ". "]
    return say(*parts)


def effect_line(effect: Effect) -> Message:
    """One effect in words."""
    may = "may " if effect.unknown else ""
    # A restored row keeps its old delivery date, which has passed (trap T-28).
    when = " at the server's next tick, because its old delivery date has passed" if effect.when else " at once"
    why = " again, because its spelling changes" if effect.why == "respelled" else ""
    if effect.effect == "mail":
        return say(f"{may}mail{when}{why}: ", *listed(effect.recipients))
    return say(f"{may}post{when} to ", effect.channel)


def delivery_lines(change: Change) -> tuple[Message, ...]:
    """The next deliveries before and after *change*, a line each; one line where there is one list; none without any.

    In UTC, and in the zone that the manifest speaks in.
    """
    found = change.deliveries
    if found is None:
        return ()
    doubt = " (may be others: servers differ about this rule)" if found.unknown else ""
    after = f"{_after(found)}{doubt}"
    if change.action in (Action.CREATE, Action.RESTORE):
        lines = [f"next deliveries: {after}"]
    elif found.before == found.after:
        lines = [f"next deliveries, as before: {after}"]
    else:
        lines = [f"next deliveries before: {instants_line(found.before, found.timezone)}"]
        lines += [f"next deliveries after: {after}"]
    return tuple(say(line) for line in (*lines, *_slips(found)))


def instants_line(instants: Sequence[datetime], timezone: str | None) -> str:
    """*instants* one after the other, in UTC and in *timezone*, which is named once; `none` where there is none."""
    told = [in_words(when, timezone, is_zone_named=place == 0) for place, when in enumerate(instants)]
    return ", ".join(told) or "none"


def _after(found: Deliveries) -> str:
    """The deliveries after the change; a restored row's first may have passed (trap T-28)."""
    if not found.overdue:
        return instants_line(found.after, found.timezone)
    old, *following = found.after
    then = f", then {instants_line(following, found.timezone)}" if following else ""
    return f"at the server's next tick (due {in_words(old, found.timezone)}){then}"


def _slips(found: Deliveries) -> tuple[str, ...]:
    """Why the deliveries are not all at one time on the wall: the server repeats in UTC (design §2)."""
    if found.timezone is None:
        return ()
    regular = found.after[1:] if found.overdue else found.after
    walls = (on_the_wall(when, found.timezone) for when in regular)
    if len({wall.time() for wall in walls if wall is not None}) < 2:
        return ()
    line = f"the clocks of {found.timezone} change in between, and the server repeats in UTC"
    return (f"{line}; a later run moves start_date where that keeps the days",)


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _whom(effect: Effect) -> tuple[Any, ...]:
    return effect.recipients or ((effect.channel,) if effect.channel is not None else ())


def _once(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))


def coverage(plan: Plan) -> Message:
    """How many live rows are managed here; those of nobody counted by who made them, without any detail."""
    counted = plan.coverage
    total = counted.managed + counted.unmanaged + counted.foreign
    by = [say(creator if creator is not None else "nobody known", f" {rows}") for creator, rows in counted.creators]
    makers = joined(by, ", ")
    return say(
        f"{counted.managed} of {count(total, 'live subscription')} managed here, {counted.unmanaged} unmanaged",
        *((" (made by ", *makers, ")") if makers else ()),
        f", {counted.foreign} of other namespaces.",
    )
