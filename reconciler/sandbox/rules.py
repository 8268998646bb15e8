"""Which server is played: two profiles and the named flags they are made of. Pure; knows no Django.

A profile is a set of flags over the server of the seed page. Any flag can be added to a profile, or taken away from it
with a minus sign in front: `Rules.of("latest", ("-environments-rewrite", "plan-limit:5"))`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# What each generation changed. Together they are the profile `latest` (contract §0, §3.1).
LATER: Mapping[str, str] = {
    "later-fields": "rows carry enabled, integration_id, resource_type, delivery_config and the other later fields",
    "later-targets": "target_type is email, slack or teams; webhook is no longer a choice",
    "interval-required": "a create must send interval, and it must be at least 1",
    "target-required": "neither or both of dashboard and insight is refused, and the kind is pinned after create",
    "dead-schedules-refused": "a schedule that never delivers again is a 400, not a row that never fires",
    "export-list-required": "a dashboard subscription must name live tiles of that dashboard, at most ten",
    "integration-required": "a Slack subscription must name a Slack integration, checked on every write",
    "later-messages": "who is mailed follows the later rules: trimmed addresses, send_test_now, enabled, content edits",
    "ordinal-monthly-only": "bysetpos counts for monthly schedules only, and summaries name weekdays",
    "newest-first": "lists come newest first, and accept search, ordering and the later filters",
    "verbs-405": "verbs without an action answer 405; before, a personal key got 403",
    "sessions-by-key": "the two sessions endpoints accept a personal key with query:read, and answer objects",
    "wide-sharing": "the sharing state carries the later fields",
    "bearer-hint": "401 answers carry a WWW-Authenticate header",
    "environments-rewrite": "/api/environments/ is served as /api/projects/, with Deprecation, Link and Sunset",
}

# Deviations no profile has by default: plans, settings, proxies.
DEVIATIONS: Mapping[str, str] = {
    "environments-redirect": "/api/environments/ answers 307 (or :308) to /api/projects/",
    "environments-gone": "/api/environments/ answers 404",
    "no-throttle": "no rate limits",
    "no-retry-after": "429 answers carry no Retry-After",
    "premium-missing": "every subscription request is 402: the plan lacks the feature",
    "plan-limit": "at most 5 (or :N) subscriptions that are not deleted; a create or restore beyond it is a 400",
    "resource-limit": "at most 200 (or :N) subscriptions that are not deleted; a create beyond it is a 402",
    "unknown-response-fields": "rows carry fields nobody has heard of",
    "page-cap": "a page holds at most 100 (or :N) rows, whatever the limit says",
    "org-forbids-keys": "the organisation forbids personal keys: every request is 403",
    "viewer-only": "the key's owner may view but not edit: every write is 403",
    "no-ai-consent": "summary_enabled is refused with 403",
    "summary-quota": "summary_enabled is refused with 402",
    "sessions-open": "the two sessions endpoints accept keys, with the answers' older shape where the profile is older",
    "recording-failure": "deleting a recording fails with 500 recording_api_failure",
}

FLAGS: Mapping[str, str] = {**LATER, **DEVIATIONS}

# Flags that take a number, with the number they stand for when none is given.
NUMBERS: Mapping[str, int] = {"environments-redirect": 307, "plan-limit": 5, "resource-limit": 200, "page-cap": 100}

PROFILES: Mapping[str, frozenset[str]] = {"seed": frozenset(), "latest": frozenset(LATER)}


@dataclass(frozen=True, slots=True)
class Rules:
    """The server that is played, as data."""

    profile: str
    flags: Mapping[str, int | None]
    hazards: bool = False  # hang where the real server hangs; answer 500 otherwise

    @classmethod
    def of(cls, profile: str = "seed", flags: Iterable[str] = (), hazards: bool = False) -> "Rules":
        """The rules of *profile* with *flags* added, or taken away where they begin with a minus sign."""
        if profile not in PROFILES:
            raise ValueError(f"no profile {profile!r}; there are {', '.join(PROFILES)}")
        chosen: dict[str, int | None] = dict.fromkeys(PROFILES[profile])
        for flag in flags:
            name, value = _flag(flag.removeprefix("-"))
            if flag.startswith("-"):
                chosen.pop(name, None)
            else:
                chosen[name] = value
        return cls(profile, chosen, hazards)

    def has(self, flag: str) -> bool:
        """Whether the server deviates so."""
        return flag in self.flags

    def number(self, flag: str) -> int | None:
        """The number that goes with *flag*; None where the flag is off."""
        return self.flags.get(flag)


def _flag(text: str) -> tuple[str, int | None]:
    name, colon, number = text.partition(":")
    if name not in FLAGS:
        raise ValueError(f"no flag {name!r}; there are {', '.join(FLAGS)}")
    if not colon:
        return name, NUMBERS.get(name)
    if name not in NUMBERS or not number.isdigit():
        raise ValueError(f"flag {text!r}: only {', '.join(NUMBERS)} take a number")
    return name, int(number)
