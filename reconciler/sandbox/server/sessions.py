"""Session properties: what there is, and which values were seen (contract §9.3). Static data; knows no rows."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from reconciler.sandbox.server.auth import ProjectView
from reconciler.sandbox.server.recordings import RATES

_STRINGS = [
    "$channel_type",
    "$entry_current_url",
    "$entry_pathname",
    "$entry_hostname",
    "$end_current_url",
    "$end_pathname",
    "$end_hostname",
    "$entry_referring_domain",
    "$entry_utm_source",
    "$entry_utm_campaign",
    "$entry_utm_medium",
    "$entry_utm_term",
    "$entry_utm_content",
    "$entry_gclid",
    "$entry_gad_source",
    "$entry_gclsrc",
    "$entry_dclid",
    "$entry_gbraid",
    "$entry_wbraid",
    "$entry_fbclid",
    "$entry_msclkid",
    "$entry_twclid",
    "$entry_li_fat_id",
    "$entry_mc_cid",
    "$entry_igshid",
    "$entry_ttclid",
    "$entry__kx",
    "$entry_irclid",
    "$last_external_click_url",
]
_NUMBERS = ("$pageview_count", "$autocapture_count", "$screen_count", "$session_duration", "$num_uniq_urls")
PROPERTIES: Mapping[str, str] = {
    "$start_timestamp": "DateTime",
    "$end_timestamp": "DateTime",
    "$is_bounce": "Boolean",
    **dict.fromkeys(_NUMBERS, "Numeric"),
    **dict.fromkeys(_STRINGS, "String"),
}

CHANNELS = [
    "Cross Network",
    "Paid Search",
    "Paid Social",
    "Paid Video",
    "Paid Shopping",
    "Paid Unknown",
    "Direct",
    "Organic Search",
    "Organic Social",
    "Organic Video",
    "Organic Shopping",
    "Push",
    "SMS",
    "Audio",
    "Email",
    "Referral",
    "Affiliate",
    "Unknown",
]

_SEEN: Mapping[str, tuple[str, ...]] = {
    "$entry_utm_source": ("google", "newsletter", "github", "hacker-news"),
    "$entry_utm_medium": ("cpc", "email", "social"),
    "$entry_pathname": ("/", "/docs", "/pricing", "/signup"),
    "$entry_referring_domain": ("$direct", "github.com", "www.google.com"),
}


class Sessions(ProjectView):
    """The properties sessions have."""

    rates = RATES

    def needed_scope(self) -> str | None:
        """query:read on later servers; older ones know no scope for it, so no key will do."""
        rules = self.world.rules
        is_open = rules.has("sessions-by-key") or rules.has("sessions-open")
        return "query:read" if is_open and self.action is not None else None

    def property_definitions(self, request: Request, **kwargs: Any) -> Response:
        """Every property whose name has all the words of `search`; not paginated."""
        words = request.query_params.get("search", "").lower().split()
        numerical = request.query_params.get("is_numerical") if self.world.rules.has("sessions-by-key") else None
        found = [
            _definition(name)
            for name, kind in PROPERTIES.items()
            if all(word in name.lower() for word in words)
            and numerical in (None, "true" if kind == "Numeric" else "false")
        ]
        return Response({"count": len(found), "results": found})

    def values(self, request: Request, **kwargs: Any) -> Response:
        """The values of `key` that contain `value`; a bare list on older servers."""
        key = request.query_params.get("key")
        if not key:
            raise ValidationError("Key not provided")
        part = request.query_params.get("value", "").lower()
        found = [{"name": name} for name in _values(key) if part in name.lower()]
        if self.world.rules.has("sessions-by-key"):
            return Response({"results": found, "refreshing": False})
        return Response(found)


def _definition(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "is_numerical": PROPERTIES[name] == "Numeric",
        "property_type": PROPERTIES[name],
        "is_seen_on_filtered_events": None,
        "tags": [],
    }


def _values(key: str) -> tuple[str, ...]:
    if key == "$channel_type":
        return tuple(CHANNELS)
    if PROPERTIES.get(key) == "Boolean":
        return ("true", "false")
    return _SEEN.get(key, ())
