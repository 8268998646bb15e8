"""Who gets a message, and when (contract §7). Pure; knows neither the database nor HTTP, and sends nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from reconciler.sandbox.rules import Rules


@dataclass(frozen=True, slots=True)
class Target:
    """A row as the one who delivers sees it."""

    target_type: str
    target_value: str
    deleted: bool
    enabled: bool
    has_content: bool  # its dashboard or insight (or prompt) is there and not deleted
    has_channel: bool  # for Slack: an integration to post through
    content: tuple[object, ...]  # the other fields whose change delivers on later servers


@dataclass(frozen=True, slots=True)
class Letter:
    """One message: to whom, as it is spelled in the row, and why."""

    spelled: str
    channel: str
    why: str

    @property
    def recipient(self) -> str:
        """The address a mail server reads, the channel id before its name, or the host of a Teams URL."""
        if self.channel == "slack":
            return self.spelled.partition("|")[0]
        return host_of(self.spelled) if self.channel == "teams" else self.spelled.strip()


def after_create(row: Target, rules: Rules, send_now: bool | None) -> list[Letter]:
    """The messages of a create."""
    if rules.has("later-messages") and (row.deleted or not row.enabled or send_now is False):
        return []
    return _letters(row, addresses(row, rules), "create")


def after_update(before: Target, after: Target, rules: Rules, send_now: bool | None) -> list[Letter]:
    """The messages of a write to a row that was there."""
    if rules.has("later-messages"):
        return _after_later_update(before, after, rules, send_now)
    if before.target_value == after.target_value:
        return []
    return _letters(after, _added(before, after, rules), "added")


def on_schedule(row: Target, rules: Rules, why: str) -> list[Letter]:
    """The messages of a scheduled delivery."""
    return _letters(row, addresses(row, rules), why)


def addresses(row: Target, rules: Rules) -> list[str]:
    """The recipients as the server reads them out of the row's text."""
    parts = row.target_value.split(",")
    if rules.has("later-messages"):
        parts = [part.strip() for part in parts]
    # Before, nothing is trimmed: "a@x, b@x" holds " b@x", which is not "b@x" (contract §7).
    return [part for part in dict.fromkeys(parts) if part.strip()]


def host_of(url: str) -> str:
    """The host name in *url*, which is all that later servers show of a Teams target."""
    return urlsplit(url).hostname or ""


def _after_later_update(before: Target, after: Target, rules: Rules, send_now: bool | None) -> list[Letter]:
    why = _reason(before, after, send_now)
    if why is None or after.deleted or not after.enabled:
        return []
    to_all = before.target_value == after.target_value
    return _letters(after, addresses(after, rules) if to_all else _added(before, after, rules), why)


def _reason(before: Target, after: Target, send_now: bool | None) -> str | None:
    if send_now is False:
        return None
    if after.enabled and not before.enabled:
        return "enabled"
    if before.target_value != after.target_value:
        return "added"
    if (before.target_type, before.content) != (after.target_type, after.content):
        return "content"
    return "test" if send_now else None


def _added(before: Target, after: Target, rules: Rules) -> list[str]:
    known = set(addresses(before, rules))
    return [address for address in addresses(after, rules) if address not in known]


def _letters(row: Target, recipients: Iterable[str], why: str) -> list[Letter]:
    if not row.has_content:
        return []
    match row.target_type:
        case "email":
            return [Letter(recipient, "email", why) for recipient in recipients]
        case "slack" | "teams" if row.has_channel:
            return [Letter(row.target_value, row.target_type, why)]
        case _:  # webhook never delivers in any version (contract §7)
            return []
