"""What a subscription looks like on the wire, per profile (contract §3). Rules across fields are in `checks`."""

import copy
from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from reconciler.sandbox.delivery import host_of
from reconciler.sandbox.rules import Rules
from reconciler.sandbox.schedule import FREQUENCIES, WEEKDAYS
from reconciler.sandbox.server import checks, deeds
from reconciler.sandbox.server.fields import IdSet, Instant, Int32, LaterPerson, Person
from reconciler.sandbox.server.models import Dashboard, Insight, Subscription

TARGETS, LATER_TARGETS = ("email", "slack", "webhook"), ("email", "slack", "teams")


class SubscriptionSerializer(serializers.Serializer[Any]):
    """Reads and writes one row as the seed page has it. Needs a `checks.Situation` as the context's `situation`.

    The order of the fields matters twice: it is the order on the wire, and decides which of several errors is reported.
    """

    id = serializers.IntegerField(read_only=True)
    dashboard = serializers.PrimaryKeyRelatedField(
        queryset=Dashboard.objects.filter(deleted=False), allow_null=True, required=False
    )
    insight = serializers.PrimaryKeyRelatedField(
        queryset=Insight.objects.filter(deleted=False), allow_null=True, required=False
    )
    target_type = serializers.ChoiceField(choices=TARGETS)
    target_value = serializers.CharField()
    frequency = serializers.ChoiceField(choices=tuple(FREQUENCIES))
    interval = Int32(required=False)
    byweekday = serializers.ListField(child=serializers.ChoiceField(choices=WEEKDAYS), allow_null=True, required=False)
    bysetpos = Int32(allow_null=True, required=False)
    count = Int32(allow_null=True, required=False)
    start_date = Instant()
    until_date = Instant(allow_null=True, required=False)
    created_at = serializers.DateTimeField(read_only=True)
    created_by = Person(read_only=True)
    deleted = serializers.BooleanField(required=False)
    title = serializers.CharField(max_length=100, allow_null=True, allow_blank=True, required=False)
    summary = serializers.SerializerMethodField()
    next_delivery_date = serializers.DateTimeField(read_only=True)
    invite_message = serializers.CharField(allow_null=True, allow_blank=True, required=False)

    @property
    def situation(self) -> checks.Situation:
        """Who writes, where, and by which rules."""
        situation: checks.Situation = self.context["situation"]
        return situation

    def get_fields(self) -> dict[str, Any]:
        """The fields of the profile."""
        rules, fields = self.situation.rules, super().get_fields()
        if rules.has("later-targets"):
            fields["target_type"] = serializers.ChoiceField(choices=LATER_TARGETS)
        if rules.has("interval-required"):
            fields["interval"] = Int32(min_value=1)
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what the server refuses once every field is right by itself."""
        checks.check(self.situation, self.instance, attrs)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Subscription:
        """A new row, its recipients told."""
        situation = self.situation
        row = Subscription(
            project_id=situation.project_id,
            created_by_id=situation.user_id,
            created_at=situation.world.clock.now(),
        )
        send_now = _take_over(row, validated_data)
        return deeds.create(situation.world, row, situation.origin, send_now)

    def update(self, instance: Subscription, validated_data: dict[str, Any]) -> Subscription:
        """The row as it was loaded, with the changes, saved whole."""
        before = copy.copy(instance)
        send_now = _take_over(instance, validated_data)
        return deeds.update(self.situation.world, before, instance, self.situation.origin, send_now)

    def to_representation(self, instance: Subscription) -> dict[str, Any]:
        """The row as the profile shows it."""
        shown: dict[str, Any] = super().to_representation(instance)
        rules = self.situation.rules
        if instance.target_type == "teams" and not self.context.get("unmasked"):
            shown["target_value"] = host_of(instance.target_value)
        if rules.has("unknown-response-fields"):
            shown |= {"zz_from_the_future": {"nested": [1, None, "two"]}, "zz_flag": True}
        return shown

    def get_summary(self, row: Subscription) -> str:
        """The schedule in words."""
        return row.schedule(self.situation.rules).summary


class LaterSerializer(SubscriptionSerializer):
    """The same with the fields of later servers (contract §3.1)."""

    created_by = LaterPerson(read_only=True)
    insight_short_id = serializers.SerializerMethodField()
    resource_name = serializers.SerializerMethodField()
    resource_type = serializers.SerializerMethodField()
    dashboard_export_insights = IdSet(required=False)
    integration_id = Int32(allow_null=True, required=False)
    enabled = serializers.BooleanField(required=False)
    summary_enabled = serializers.BooleanField(required=False)
    summary_prompt_guide = serializers.CharField(max_length=500, allow_blank=True, required=False)
    prompt = serializers.CharField(allow_null=True, allow_blank=True, required=False)
    ai_prompt_config = serializers.DictField(allow_null=True, required=False)
    ai_query_plan_status = serializers.SerializerMethodField()
    ai_prompt_export_insights = IdSet(required=False)
    delivery_config = serializers.DictField(required=False)
    send_test_now = serializers.BooleanField(write_only=True, required=False)

    def get_insight_short_id(self, row: Subscription) -> str | None:
        """The other id of the insight."""
        return row.insight.short_id if row.insight else None

    def get_resource_name(self, row: Subscription) -> str | None:
        """The name of what is delivered; the literal text "None" for an insight without one (contract §3.1)."""
        if row.insight:
            return str(row.insight.name or row.insight.derived_name)
        return row.dashboard.name if row.dashboard else None

    def get_resource_type(self, row: Subscription) -> str | None:
        """What is delivered. For a row that lost it the real server may raise (contract §12)."""
        if row.resource_type is None and self.situation.rules.hazards and not self.context.get("unmasked"):
            raise LookupError(f"subscription {row.pk} has nothing to deliver")
        return row.resource_type

    def get_ai_query_plan_status(self, row: Subscription) -> None:
        """Never planned here."""


def serializer_for(rules: Rules) -> type[SubscriptionSerializer]:
    """The serializer of the server that is played."""
    return LaterSerializer if rules.has("later-fields") else SubscriptionSerializer


def wire(situation: checks.Situation, rows: Iterable[Subscription]) -> list[dict[str, Any]]:
    """*rows* as stored, with the names and values of the wire."""
    serializer = serializer_for(situation.rules)(context={"situation": situation, "unmasked": True})
    return [serializer.to_representation(row) for row in rows]


def _take_over(row: Subscription, values: dict[str, Any]) -> bool | None:
    values.pop("invite_message", None)
    send_now: bool | None = values.pop("send_test_now", None)
    for name, value in values.items():
        setattr(row, name, value)
    return send_now
