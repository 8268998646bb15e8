"""Reading a Subscription's row, as any server from the seed page on answers it, and as none should. Pure.

What no manifest could have is kept as it is, so that it differs from everything; nothing is refused but what is no row
at all. Knows no manifests and no plans.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..model import Json, Live, Request
from ..privacy import Address, Private
from . import effects, recipients, schedule, titles
from .effects import Generation
from .fields import LATER_FIELDS, WRITE_ONLY, later

# Sent and never shown by the server that honours them, unknown to the others (traps T-1, T-2).
_NEVER_SHOWN = frozenset({*WRITE_ONLY, "send_test_now"})


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What a row tells beside its fields: its next delivery, how new its server is, and its insight's short id."""

    next_delivery: str | None
    generation: Generation
    short_id: str | None = None


def decode(kind: str, row: Json) -> Live:
    """The row, its title without tag. Raises ValueError for what is no subscription."""
    if not isinstance(row, dict) or type(row.get("id")) is not int:
        raise ValueError("not a subscription")
    title, tag = titles.split(row.get("title"))
    target_type = _one(row.get("target_type"))
    fields: dict[str, Any] = {
        "title": title,
        "dashboard": row.get("dashboard"),
        "insight": row.get("insight"),
        "target_type": target_type,
        "target_value": recipients.target(target_type, str(row.get("target_value") or "")),
        "frequency": _one(row.get("frequency")),
        "interval": row.get("interval"),
        "byweekday": schedule.weekdays(row.get("byweekday")),
        "bysetpos": row.get("bysetpos"),
        "count": row.get("count"),
        "start_date": _instant(row.get("start_date")),
        "until_date": _instant(row.get("until_date")),
    }
    for name in LATER_FIELDS:
        if name in row:
            fields[name] = later(name, row[name])
    generation = effects.generation(row.keys())
    facts = RowFacts(_next_delivery(row.get("next_delivery_date")), generation, _short_id(row.get("insight_short_id")))
    return Live(kind, row["id"], tag, row.get("deleted") is True, fields, _creator(row.get("created_by")), facts)


def mismatch(request: Request, live: Live) -> tuple[str, ...]:
    """The fields of *request* that the answered row *live* does not hold: the server changed or dropped them."""
    body = dict(request.body or {})
    wrong = [] if body.pop("deleted", live.deleted) is live.deleted else ["deleted"]
    if "title" in body and titles.split(body.pop("title")) != (live.fields["title"], live.tag):
        wrong.append("title")
    asked = {name: value for name, value in body.items() if name not in _NEVER_SHOWN}
    wrong += [name for name, value in asked.items() if _sent(name, value, live) != live.fields.get(name)]
    return tuple(wrong)


def _sent(name: str, value: Any, live: Live) -> Any:
    """A value of a request's body, normalised as the answer is."""
    if name == "target_value":
        return recipients.target(live.fields["target_type"], value.value if isinstance(value, Private) else value)
    return schedule.weekdays(value) if name == "byweekday" else later(name, value)


def _one(text: Any) -> Any:
    """*text* itself, or the same text that was seen before: thousands of rows share the few words that they use."""
    return _known(text) if isinstance(text, str) else text


@lru_cache(maxsize=4_096)
def _known(text: str) -> str:
    return text


def _instant(value: Any) -> Any:
    try:
        return _one(schedule.instant(value)) if isinstance(value, str) else value
    except (ValueError, OverflowError):
        return value


def _next_delivery(value: Any) -> str | None:
    """The planned delivery in the canonical spelling; what is no date plans none."""
    try:
        schedule.moment(value)
        return _known(schedule.instant(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _short_id(value: Any) -> str | None:
    """The name that an insight has in URLs (later servers); what could not stand in one is none."""
    return value if isinstance(value, str) and value.isalnum() and value.isascii() else None


def _creator(creator: Any) -> Address | None:
    email = creator.get("email") if isinstance(creator, dict) else None
    return _address(email) if isinstance(email, str) else None


@lru_cache(maxsize=4_096)
def _address(email: str) -> Address:
    return Address(email)
