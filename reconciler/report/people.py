"""Who will be mailed, in one sentence: the first thing a reviewer wants to know. Knows effects, not their cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..model import Change, Effect, Plan
from ..privacy import Message, listed, say
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
        parts += [f"At the next delivery {who} reaches {many}: ", *listed(union.later), ". "]
    return say(*parts)


def effect_line(effect: Effect) -> Message:
    """One effect in words."""
    may = "may " if effect.unknown else ""
    when = f" at the {effect.when}" if effect.when else " at once"
    why = " again, because its spelling changes" if effect.why == "respelled" else ""
    if effect.effect == "mail":
        return say(f"{may}mail{when}{why}: ", *listed(effect.recipients))
    return say(f"{may}post{when} to ", effect.channel)


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
    makers = [part for place, one in enumerate(by) for part in ((", ",) if place else ()) + one]
    return say(
        f"{counted.managed} of {count(total, 'live subscription')} managed here, {counted.unmanaged} unmanaged",
        *((" (made by ", *makers, ")") if makers else ()),
        f", {counted.foreign} of other namespaces.",
    )
