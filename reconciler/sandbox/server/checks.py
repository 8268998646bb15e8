"""The server's rules across fields, in the order it checks them (contract §4.3, §4.4, §5). Writes nothing."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rest_framework.exceptions import PermissionDenied

from reconciler.sandbox.rules import Rules
from reconciler.sandbox.schedule import ScheduleCrash, ScheduleHang
from reconciler.sandbox.server.deeds import Origin
from reconciler.sandbox.server.errors import LimitExceeded, QuotaExceeded, refuse
from reconciler.sandbox.server.models import Integration, Subscription, Tile
from reconciler.sandbox.server.throttles import draw_test_delivery
from reconciler.sandbox.world import World

MOST_EXPORTS = 10
SCHEDULE_FIELDS = frozenset(
    ("frequency", "interval", "byweekday", "bysetpos", "count", "start_date", "until_date"),
)
TEAMS_HOSTS = (".webhook.office.com", ".logic.azure.com", ".api.powerplatform.com")

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Situation:
    """Who writes, where, and by which rules."""

    world: World
    project_id: int
    user_id: int | None
    origin: Origin
    may_query: bool = True  # the key has query:read, which AI reports need

    @property
    def rules(self) -> Rules:
        """The rules of the sandbox."""
        return self.world.rules


def check(situation: Situation, row: Subscription | None, values: dict[str, Any]) -> None:
    """Refuse what the server refuses; *row* is None for a create."""
    rules, wanted = situation.rules, _wanted(row, values)
    _check_ownership(situation, values)
    if rules.has("target-required"):
        _check_resource(situation, row, wanted, values)
    if rules.has("export-list-required"):
        _check_exports(row, wanted, values)
    if rules.has("later-fields"):
        _check_summary(rules, values)
        _check_teams_url(wanted, values)
    if rules.has("dead-schedules-refused"):
        _check_enabling(situation, row, wanted)
        _check_schedule(situation, row, wanted, values)
    if rules.has("integration-required"):
        _check_integration(situation, wanted, values)
    _check_limits(situation, row, wanted)
    if row is not None and values.get("send_test_now") and situation.origin.write is not None:
        draw_test_delivery(situation.world, situation.project_id)


def _wanted(row: Subscription | None, values: Values) -> Subscription:
    wanted = Subscription() if row is None else copy.copy(row)
    for name in values.keys() - {"invite_message", "send_test_now"}:
        setattr(wanted, name, values[name])
    return wanted


def _check_ownership(situation: Situation, values: Values) -> None:
    for name in ("dashboard", "insight"):
        thing = values.get(name)
        if thing is None:
            continue
        if thing.project_id != situation.project_id:
            raise refuse(name, f"This {name} does not belong to your team.")
        if thing.is_restricted and situation.rules.has("later-fields"):
            raise refuse(name, f"You do not have access to this {name}.")


def _check_resource(situation: Situation, row: Subscription | None, wanted: Subscription, values: Values) -> None:
    if wanted.prompt is not None and not situation.may_query:
        raise PermissionDenied("API key missing required scope 'query:read'")
    if row is None:
        chosen = [thing for thing in (wanted.dashboard_id, wanted.insight_id, wanted.prompt) if thing is not None]
        if len(chosen) != 1:
            raise refuse(None, "Exactly one of dashboard, insight and prompt is needed.")
        return
    if row.resource_type is None:
        raise refuse(None, "This subscription has nothing to deliver.")
    if values.get("dashboard") and row.resource_type != "dashboard":
        raise refuse(row.resource_type.removeprefix("ai_"), "The kind of a subscription cannot change.")
    if values.get("insight") and row.resource_type != "insight":
        raise refuse(row.resource_type.removeprefix("ai_"), "The kind of a subscription cannot change.")


def _check_exports(row: Subscription | None, wanted: Subscription, values: Values) -> None:
    attr, chosen = "dashboard_export_insights", values.get("dashboard_export_insights")
    if wanted.dashboard_id is None:
        if chosen:
            raise refuse(attr, "Only a dashboard subscription has insights to export.")
        return
    if chosen is None and row is not None:
        return
    if not chosen:
        raise refuse(attr, "Select at least one insight.")
    if len(chosen) > MOST_EXPORTS:
        raise refuse(attr, f"You cannot select more than {MOST_EXPORTS} insights.")
    tiles = Tile.objects.filter(dashboard_id=wanted.dashboard_id, insight__deleted=False, insight__is_restricted=False)
    if not set(chosen) <= set(tiles.values_list("insight_id", flat=True)):
        raise refuse(attr, "Some of the insights are not on the dashboard, or not yours to view.")


def _check_summary(rules: Rules, values: Values) -> None:
    if not values.get("summary_enabled"):
        return
    if rules.has("no-ai-consent"):
        raise PermissionDenied("The organization has not agreed to AI data processing.")
    if rules.has("summary-quota"):
        raise QuotaExceeded


def _check_teams_url(wanted: Subscription, values: Values) -> None:
    if wanted.target_type != "teams" or not values.keys() & {"target_type", "target_value"}:
        return
    try:
        url = urlsplit(wanted.target_value)
        is_right = url.scheme == "https" and url.port in (None, 443)
    except ValueError:
        raise refuse("target_value", "Not a Teams webhook URL.") from None
    if not is_right or not (url.hostname or "").endswith(TEAMS_HOSTS):
        raise refuse("target_value", "Not a Teams webhook URL.")


def _check_enabling(situation: Situation, row: Subscription | None, wanted: Subscription) -> None:
    if row is None or row.enabled or not wanted.enabled:
        return
    if not wanted.target(situation.rules).has_channel:
        raise refuse("enabled", "The channel of this subscription is broken.")
    if _is_over(situation, wanted):
        raise refuse("enabled", "The schedule has reached its end.")


def _check_schedule(situation: Situation, row: Subscription | None, wanted: Subscription, values: Values) -> None:
    if row is None and _is_over(situation, wanted):
        raise refuse("start_date", "The schedule has reached its end.")
    if row is not None and wanted.enabled and SCHEDULE_FIELDS & values.keys() and _is_over(situation, wanted):
        raise refuse(None, "The schedule has reached its end.")


def _is_over(situation: Situation, wanted: Subscription) -> bool:
    try:
        return wanted.schedule(situation.rules).next_delivery(situation.world.clock.now()) is None
    except (ScheduleCrash, ScheduleHang):
        return True


def _check_integration(situation: Situation, wanted: Subscription, values: dict[str, Any]) -> None:
    if wanted.target_type != "slack":
        values["integration_id"] = None  # only Slack has one (contract §3.1)
        return
    ours = Integration.objects.filter(project_id=situation.project_id, kind="slack")
    if wanted.integration_id is None or not ours.filter(id=wanted.integration_id).exists():
        raise refuse("integration_id", "A Slack subscription needs a Slack integration of this project.")


def _check_limits(situation: Situation, row: Subscription | None, wanted: Subscription) -> None:
    plan, resource = situation.rules.number("plan-limit"), situation.rules.number("resource-limit")
    is_one_more = not wanted.deleted and (row is None or row.deleted)
    if not is_one_more or plan is resource is None:
        return
    current = Subscription.objects.filter(project_id=situation.project_id, deleted=False).count()
    if plan is not None and current >= plan:
        raise refuse("subscription", f"Your plan is limited to {plan} subscriptions.")
    if row is None and resource is not None and current >= resource:
        raise LimitExceeded(resource, current)
