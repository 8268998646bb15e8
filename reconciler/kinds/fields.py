"""The fields of a Subscription: which there are, and how a later one is compared. Pure; knows no rows and no specs."""

from __future__ import annotations

from typing import Any

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


def later(name: str, value: Any) -> Any:
    """The value of a later server's field as it is compared: an export list is a set (trap T-9), text is trimmed."""
    if name == "dashboard_export_insights" and isinstance(value, list) and all(type(id) is int for id in value):
        return tuple(sorted(set(value)))
    return value.strip() if isinstance(value, str) else value
