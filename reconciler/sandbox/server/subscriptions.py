"""The subscription endpoints (contract §2.6, §4). Knows HTTP verbs, lists and pages; no rule about a row."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from rest_framework import mixins
from rest_framework.exceptions import APIException, NotFound
from rest_framework.metadata import SimpleMetadata
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from reconciler.sandbox import delivery
from reconciler.sandbox.gateway import DURING_KEY, NUMBER_KEY
from reconciler.sandbox.server import deeds
from reconciler.sandbox.server.auth import ProjectView, key_of
from reconciler.sandbox.server.checks import Situation
from reconciler.sandbox.server.deeds import WITH_RELATIONS, Origin
from reconciler.sandbox.server.errors import refuse
from reconciler.sandbox.server.models import Subscription
from reconciler.sandbox.server.serializers import LATER_TARGETS, SubscriptionSerializer, serializer_for
from reconciler.sandbox.server.throttles import draw_test_delivery
from reconciler.sandbox.world import ENVIRON_KEY

ORDERINGS = frozenset(("created_at", "next_delivery_date", "title", "created_by__email"))
RESOURCE_TYPES = {
    "insight": Q(insight__isnull=False),
    "dashboard": Q(dashboard__isnull=False),
    "ai_prompt": Q(prompt__isnull=False),
}


class Conflict(APIException):
    """A test delivery that cannot be made now."""

    status_code = 409
    default_code = "conflict"
    default_detail = "The subscription is disabled."


class Pages(LimitOffsetPagination):
    """Limit and offset without a maximum, unless the profile caps the page."""

    def get_limit(self, request: Request) -> int | None:
        """The number of rows on a page."""
        cap = request.META[ENVIRON_KEY].rules.number("page-cap")
        limit = super().get_limit(request)
        return limit if cap is None or limit is None else min(limit, cap)


class Options(SimpleMetadata):
    """What OPTIONS says: the writable fields only where the server shows them to a personal key (contract §0)."""

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        """The fields per method; nothing on older servers or for a key that may not write."""
        if not view.world.rules.has("verbs-405") or not key_of(request).grants("subscription:write"):
            return {}
        actions: dict[str, Any] = super().determine_actions(request, view)
        return actions


class Subscriptions(
    mixins.CreateModelMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.UpdateModelMixin, ProjectView
):
    """The subscriptions of a project, everybody's."""

    pagination_class = Pages
    metadata_class = Options
    is_premium = True
    scopes: ClassVar[Mapping[str, str]] = {
        "list": "subscription:read",
        "retrieve": "subscription:read",
        "metadata": "subscription:read",
        "create": "subscription:write",
        "update": "subscription:write",
        "partial_update": "subscription:write",
        "destroy": "subscription:write",
        "test_delivery": "subscription:write",
    }

    def get_queryset(self) -> QuerySet[Subscription]:
        """The rows this request is about; query parameters narrow the detail route too (contract §4.2)."""
        rows = Subscription.objects.select_related(*WITH_RELATIONS).filter(project_id=self.project.id)
        params = self.request.query_params.dict()
        if "deleted" in params:
            rows = rows.filter(deleted=params["deleted"].lower() in ("y", "yes", "t", "true", "on", "1"))
        elif self.action == "list":
            rows = rows.filter(deleted=False)
        if not self.world.rules.has("newest-first"):
            return _filtered(rows, params).order_by("heap", "id")
        return _ordered(_filtered_later(rows, params), params.get("ordering", ""))

    def get_serializer_class(self) -> type[SubscriptionSerializer]:
        """The serializer of the profile."""
        return serializer_for(self.world.rules)

    def get_serializer_context(self) -> dict[str, Any]:
        """What a serializer must know."""
        return {**super().get_serializer_context(), "situation": self._situation}

    def get_object(self) -> Subscription:
        """The row as it is now; what happens to it until it is saved is lost."""
        row: Subscription = super().get_object()
        if self.action in ("update", "partial_update"):
            self.request.META[DURING_KEY]()
        return row

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Never: 405 without a body, whatever the id (contract §4.5)."""
        return Response(status=405)

    def test_delivery(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A real delivery to everybody, now (contract §7)."""
        if not self.world.rules.has("later-fields"):
            raise NotFound("Endpoint not found.")
        row = self.get_object()
        if row.deleted:
            raise NotFound
        if not row.enabled:
            raise Conflict
        draw_test_delivery(self.world, row.project_id)
        letters = delivery.on_schedule(row.target(self.world.rules), self.world.rules, "test")
        deeds.tell(self.world, row, letters, request.META[NUMBER_KEY])
        return Response({}, status=202)

    @property
    def _situation(self) -> Situation:
        return Situation(
            self.world,
            self.project.id,
            self.key.user_id,
            Origin(self.request.META[NUMBER_KEY]),
            may_query=self.key.grants("query:read"),
        )


def _filtered(rows: QuerySet[Subscription], params: dict[str, str]) -> QuerySet[Subscription]:
    # A value that is no number raises here, and is a 500 on the real server too (contract §4.1).
    for name in ("insight", "dashboard"):
        if name in params:
            rows = rows.filter(**{f"{name}_id": params[name]})
    return rows


def _filtered_later(rows: QuerySet[Subscription], params: dict[str, str]) -> QuerySet[Subscription]:
    rows = rows.exclude(dashboard__is_restricted=True).exclude(insight__is_restricted=True)
    for name in ("insight", "dashboard"):
        if name in params and not params[name].isdecimal():
            raise refuse(name, "A valid id is required.")
    rows = _filtered(rows, params)
    if params.get("search"):
        rows = rows.filter(_mentions(params["search"]))
    if "created_by" in params:
        rows = rows.filter(created_by__uuid=_uuid(params["created_by"]))
    if "target_type" in params:
        if params["target_type"] not in LATER_TARGETS:
            raise refuse("target_type", "Not a target type.")
        rows = rows.filter(target_type=params["target_type"])
    if params.get("resource_type") in RESOURCE_TYPES:
        rows = rows.filter(RESOURCE_TYPES[params["resource_type"]])
    return rows


def _mentions(text: str) -> Q:
    places = ("title", "insight__name", "insight__derived_name", "dashboard__name", "prompt")
    mentioned = Q()
    for place in places:
        mentioned |= Q(**{f"{place}__icontains": text})
    return mentioned


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise refuse("created_by", "A valid UUID is required.") from None


def _ordered(rows: QuerySet[Subscription], ordering: str) -> QuerySet[Subscription]:
    known = [term.strip() for term in ordering.split(",") if term.strip().removeprefix("-") in ORDERINGS]
    # Ties are unbroken on the real server: rows lie as they lie (contract §2.6).
    return rows.order_by(*(known or ["-created_at"]), "heap")
