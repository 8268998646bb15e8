"""The rows of the sandbox. Knows columns and how a row sees itself; no rule of the server is decided here."""

import time
import uuid
from typing import Any

from django.db import models

from reconciler.sandbox.delivery import Target
from reconciler.sandbox.rules import Rules
from reconciler.sandbox.schedule import Schedule


class User(models.Model):
    """Somebody who owns keys or made rows."""

    uuid = models.UUIDField(default=uuid.uuid4)
    distinct_id = models.CharField(max_length=60)
    first_name = models.CharField(max_length=60)
    last_name = models.CharField(max_length=60)
    email = models.CharField(max_length=200)
    is_email_verified = models.BooleanField(default=True)
    hedgehog_config = models.JSONField(null=True)
    role_at_organization = models.CharField(max_length=60, default="engineering")


class StoredKey(models.Model):
    """A personal API key, known only by its hash; `World.keys` is what requests are checked against."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    scopes = models.JSONField()
    projects = models.JSONField(null=True)  # null: every project of the user


class Dashboard(models.Model):
    """A dashboard, as far as a subscription cares."""

    project_id = models.IntegerField(db_index=True)
    name = models.CharField(max_length=100)
    deleted = models.BooleanField(default=False)
    is_restricted = models.BooleanField(default=False)  # exists, but the owner of the keys may not view it


class Insight(models.Model):
    """An insight, as far as a subscription cares."""

    project_id = models.IntegerField(db_index=True)
    short_id = models.CharField(max_length=12)
    name = models.CharField(max_length=100, null=True)
    derived_name = models.CharField(max_length=100, null=True)
    deleted = models.BooleanField(default=False)
    is_restricted = models.BooleanField(default=False)


class Tile(models.Model):
    """An insight on a dashboard."""

    dashboard = models.ForeignKey(Dashboard, on_delete=models.CASCADE)
    insight = models.ForeignKey(Insight, on_delete=models.CASCADE)


class Integration(models.Model):
    """A connection to another service; only the kind `slack` can carry subscriptions."""

    project_id = models.IntegerField(db_index=True)
    kind = models.CharField(max_length=20)


class Recording(models.Model):
    """A session recording, and whether and how it is shared."""

    project_id = models.IntegerField(db_index=True)
    session_id = models.CharField(max_length=200)
    deleted = models.BooleanField(default=False)
    is_shared = models.BooleanField(default=False)
    shared_at = models.DateTimeField(null=True)
    access_token = models.CharField(max_length=60, null=True)


class Subscription(models.Model):
    """A subscription with the fields of every server generation; what is shown depends on the profile."""

    project_id = models.IntegerField(db_index=True)
    dashboard = models.ForeignKey(Dashboard, null=True, on_delete=models.CASCADE)
    insight = models.ForeignKey(Insight, null=True, on_delete=models.CASCADE)
    target_type = models.CharField(max_length=10)
    target_value = models.TextField()
    frequency = models.CharField(max_length=10)
    interval = models.IntegerField(default=1)
    byweekday = models.JSONField(null=True)
    bysetpos = models.IntegerField(null=True)
    count = models.IntegerField(null=True)
    start_date = models.DateTimeField()
    until_date = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    deleted = models.BooleanField(default=False)
    title = models.CharField(max_length=100, null=True)
    next_delivery_date = models.DateTimeField(null=True)

    dashboard_export_insights = models.JSONField(default=list)
    integration = models.ForeignKey(Integration, null=True, on_delete=models.SET_NULL)
    enabled = models.BooleanField(default=True)
    summary_enabled = models.BooleanField(default=False)
    summary_prompt_guide = models.CharField(max_length=500, default="")
    prompt = models.TextField(null=True)
    ai_prompt_config = models.JSONField(null=True)
    ai_prompt_export_insights = models.JSONField(default=list)
    delivery_config = models.JSONField(default=dict)

    restored_at = models.DateTimeField(null=True)  # tells a stale delivery from a regular one; nobody sees it
    heap = models.BigIntegerField(db_index=True)  # where the row lies: at the end after every write (contract §2.6)

    # Never stored, always rendered null (contract §3).
    invite_message = None

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the whole row, as the server does: what others changed since it was loaded is lost (contract §4.4)."""
        self.heap = time.time_ns()
        super().save(*args, **kwargs)

    def schedule(self, rules: Rules) -> Schedule:
        """When it delivers."""
        return Schedule(
            self.frequency,
            self.interval,
            self.start_date,
            self.until_date,
            self.count,
            tuple(self.byweekday or ()),
            self.bysetpos,
            later=rules.has("ordinal-monthly-only"),
        )

    def target(self, rules: Rules) -> Target:
        """Whom it tells, as the one who delivers sees it."""
        content = (
            self.integration_id,
            self.prompt,
            self.insight_id,
            self.dashboard_id,
            tuple(sorted(self.dashboard_export_insights)),
            repr(self.delivery_config),
            tuple(sorted(self.ai_prompt_export_insights)),
        )
        return Target(
            self.target_type,
            self.target_value,
            self.deleted,
            self.enabled,
            self.has_live_content,
            self._has_channel(rules),
            content,
        )

    @property
    def has_live_content(self) -> bool:
        """Whether there is something to deliver."""
        if self.dashboard is None and self.insight is None:
            return self.prompt is not None
        return not any(thing.deleted for thing in (self.dashboard, self.insight) if thing is not None)

    @property
    def resource_type(self) -> str | None:
        """What is delivered; None for a row that lost it (contract §4.4)."""
        if self.prompt is not None:
            return "ai_prompt"
        if self.dashboard_id is not None:
            return "dashboard"
        return "insight" if self.insight_id is not None else None

    def _has_channel(self, rules: Rules) -> bool:
        if self.target_type == "webhook":
            return not rules.has("later-targets")
        if self.target_type != "slack":
            return True
        if rules.has("integration-required"):
            return self.integration_id is not None
        # Before, the team's first Slack integration carried everything (contract §7).
        return Integration.objects.filter(project_id=self.project_id, kind="slack").exists()
