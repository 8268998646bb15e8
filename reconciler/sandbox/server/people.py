"""What happens behind the API's back: people in the UI, links in mails, the scheduler, things removed (contract §8).

The only door to the rows for everyone but the API's views. Knows no HTTP.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rest_framework.exceptions import APIException

from reconciler.sandbox import delivery
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.records import Message
from reconciler.sandbox.schedule import ScheduleCrash, ScheduleHang
from reconciler.sandbox.server import deeds, seed
from reconciler.sandbox.server.checks import Situation
from reconciler.sandbox.server.database import Database
from reconciler.sandbox.server.deeds import WITH_RELATIONS, Origin
from reconciler.sandbox.server.fields import Instant
from reconciler.sandbox.server.models import Dashboard, Insight, Integration, Recording, StoredKey, Subscription, User
from reconciler.sandbox.server.serializers import serializer_for, wire
from reconciler.sandbox.world import MAIN_PROJECT, Key, World, in_utc

_REFERENCES = {"dashboard": "dashboard_id", "insight": "insight_id", "created_by": "created_by_id"}
_DATES = frozenset(("start_date", "until_date", "created_at", "next_delivery_date"))
_DEFAULTS: Mapping[str, Any] = {
    "target_type": "email",
    "target_value": "somebody@example.com",
    "frequency": "weekly",
    "start_date": datetime(2026, 1, 5, 9, tzinfo=UTC),
    "created_by": seed.OWNER,
}


class People:
    """Everyone but the API."""

    def __init__(self, world: World, database: Database) -> None:
        """Act on the rows of *database* in *world*."""
        self._world = world
        self._database = database
        self._read_keys()
        self._issued = dict(world.keys)  # so that a reset brings back the keys of users who left

    def rows(self, deleted: bool | None, project_id: int = MAIN_PROJECT) -> list[dict[str, Any]]:
        """The rows of a project as stored, in id order; *deleted* None: all of them."""
        with self._database.exclusive():
            found = Subscription.objects.select_related(*WITH_RELATIONS).filter(project_id=project_id)
            if deleted is not None:
                found = found.filter(deleted=deleted)
            return wire(self._situation(project_id), found.order_by("id"))

    def newest_rows(self, limit: int) -> tuple[list[dict[str, Any]], int]:
        """The newest rows of the main project, newest first, and how many there are in all."""
        with self._database.exclusive():
            found = Subscription.objects.select_related(*WITH_RELATIONS).filter(project_id=MAIN_PROJECT)
            return wire(self._situation(MAIN_PROJECT), found.order_by("-id")[:limit]), found.count()

    def row(self, row_id: int) -> dict[str, Any]:
        """One row as stored, of any project."""
        with self._database.exclusive():
            return self._wire(self._load(row_id))

    def add(self, notify: bool, project: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A row made by hand: nothing is checked and, unless *notify*, nobody is told."""
        with self._database.exclusive():
            row = self._add(project, fields)
            if notify:
                letters = delivery.after_create(row.target(self._world.rules), self._world.rules, None)
                deeds.tell(self._world, row, Origin().of(letters), None)
            return self._wire(self._load(row.pk))

    def add_plausible(self, number: int) -> None:
        """*number* rows as somebody could have made them."""
        with self._database.exclusive():
            for each in range(1, number + 1):
                self._add(MAIN_PROJECT, seed.plausible_row(self._world.random, each))

    def edit(self, row_id: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody edits a row in the UI: the rules of a PATCH, and messages with the reason 'ui'."""
        with self._database.exclusive():
            row = self._load(row_id)
            context = {"situation": self._situation(row.project_id)}
            serializer = serializer_for(self._world.rules)(row, data=dict(fields), partial=True, context=context)
            try:
                serializer.is_valid(raise_exception=True)
                serializer.save()
            except (APIException, ScheduleCrash, ScheduleHang) as error:
                raise ValueError(f"subscription {row_id}: {error}") from error
            return self._wire(self._load(row_id))

    def unsubscribe(self, row_id: int, address: str) -> bool:
        """Somebody follows the link in a mail. False: the exact *address* is not in the row (any more)."""
        with self._database.exclusive():
            return deeds.unsubscribe(self._load(row_id), address)

    def disable(self, row_id: int) -> None:
        """A later server switches a row off by itself."""
        if not self._world.rules.has("later-fields"):
            raise ValueError("this server has no `enabled`, and disables nothing (it plays without later-fields)")
        with self._database.exclusive():
            deeds.disable(self._world, self._load(row_id))

    def forget(self, row_id: int) -> None:
        """The row vanishes altogether, as when its team is removed."""
        with self._database.exclusive():
            self._load(row_id).delete()

    def remove_content(self, kind: str, content_id: int, hard: bool) -> None:
        """A dashboard or insight is deleted; *hard* takes its subscriptions along."""
        with self._database.exclusive():
            found = _content_model(kind).objects.filter(id=content_id)
            if hard:
                found.delete()
            else:
                found.update(deleted=True)

    def change_content(self, kind: str, content_id: int, **changes: bool) -> None:
        """A dashboard or insight is restored, or closed to the owner of the keys."""
        with self._database.exclusive():
            _content_model(kind).objects.filter(id=content_id).update(**changes)

    def remove_integration(self, integration_id: int) -> None:
        """A Slack workspace is disconnected; its subscriptions stay, without it."""
        with self._database.exclusive():
            Integration.objects.filter(id=integration_id).delete()

    def remove_user(self, user_id: int) -> None:
        """Somebody leaves: their keys stop working, their rows stay without a maker."""
        with self._database.exclusive():
            User.objects.filter(id=user_id).delete()
            self._read_keys()

    def tick(self, now: datetime) -> list[Message]:
        """One run of the scheduler at *now*, and what it sent."""
        with self._database.exclusive():
            self._world.clock.advance(now)
            return deeds.deliver_due(self._world, in_utc(now))

    def shift(self, fault: Fault) -> None:
        """What a fault has somebody do between two requests, or in the middle of one."""
        if fault.shift == "insert":
            self.add(False, MAIN_PROJECT, fault.fields)
            return
        with self._database.exclusive():
            live = Subscription.objects.filter(project_id=MAIN_PROJECT, deleted=False)
            row = (live if fault.row is None else Subscription.objects.filter(id=fault.row)).order_by("id").last()
            if row is not None:  # otherwise somebody was quicker
                self.edit(row.pk, {"deleted": True} if fault.shift == "delete" else fault.fields)

    def add_recording(self, session_id: str, shared_at: datetime | None, access_token: str | None) -> None:
        """A recording that exists, and is shared where *shared_at* is given."""
        with self._database.exclusive():
            Recording.objects.create(
                project_id=MAIN_PROJECT,
                session_id=session_id,
                is_shared=shared_at is not None,
                shared_at=shared_at and in_utc(shared_at),
                access_token=access_token,
            )

    def recordings(self, deleted: bool) -> list[str]:
        """The ids of the recordings that are there, or of those that were deleted."""
        with self._database.exclusive():
            found = Recording.objects.filter(project_id=MAIN_PROJECT, deleted=deleted).order_by("id")
            return list(found.values_list("session_id", flat=True))

    def new_key(self, scopes: Sequence[str], projects: Sequence[int] | None) -> str:
        """A key that works from now on."""
        with self._database.exclusive():
            text, key = seed.new_key(seed.OWNER, scopes, projects)
            self._issued[key.digest] = key
            self._store_keys([key])
            return text

    def reset(self, rows: int) -> None:
        """The rows of the start, and *rows* made by hand; keys stay valid."""
        with self._database.exclusive():
            self._database.reset()
            self._store_keys(self._issued.values())
            self.add_plausible(rows)

    def _store_keys(self, keys: Iterable[Key]) -> None:
        StoredKey.objects.bulk_create(
            [
                StoredKey(
                    digest=key.digest,
                    user_id=key.user_id,
                    scopes=sorted(key.scopes),
                    projects=None if key.projects is None else sorted(key.projects),
                )
                for key in keys
            ]
        )
        self._read_keys()

    def _read_keys(self) -> None:
        with self._database.exclusive():
            self._world.keys = {
                row.digest: Key(
                    row.digest,
                    row.user_id,
                    frozenset(row.scopes),
                    None if row.projects is None else frozenset(row.projects),
                )
                for row in StoredKey.objects.all()
            }

    def _load(self, row_id: int) -> Subscription:
        try:
            return Subscription.objects.select_related(*WITH_RELATIONS).get(id=row_id)
        except Subscription.DoesNotExist:
            raise LookupError(f"no subscription {row_id}") from None

    def _situation(self, project_id: int) -> Situation:
        return Situation(self._world, project_id, None, Origin())

    def _wire(self, row: Subscription) -> dict[str, Any]:
        return wire(self._situation(row.project_id), [row])[0]

    def _add(self, project_id: int, fields: Mapping[str, Any]) -> Subscription:
        row = Subscription(project_id=project_id, created_at=self._world.clock.now())
        self._assign(row, {**_DEFAULTS, **self._content(fields), **fields})
        if "next_delivery_date" not in fields:
            row.next_delivery_date = row.schedule(self._world.rules).next_delivery(self._world.clock.now())
        row.save()
        return row

    def _content(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        if not fields.keys() & {"dashboard", "insight", "prompt"}:
            content["dashboard"] = 1
        dashboard = fields.get("dashboard", content.get("dashboard"))
        if dashboard in seed.IDS:
            content["dashboard_export_insights"] = seed.tiles_of(dashboard)[:6]
        if fields.get("target_type") == "slack" and self._world.rules.has("integration-required"):
            content["integration_id"] = seed.SLACK_INTEGRATIONS[0]
        return content

    def _assign(self, row: Subscription, fields: Mapping[str, Any]) -> None:
        known = {field.attname for field in Subscription._meta.concrete_fields}  # noqa: SLF001  # documented
        for name, value in fields.items():
            column = _REFERENCES.get(name, name)
            if column not in known:
                raise ValueError(f"a subscription has no {name}")
            setattr(row, column, Instant().run_validation(value) if name in _DATES and value is not None else value)


def _content_model(kind: str) -> Any:
    return {"dashboard": Dashboard, "insight": Insight}[kind]
