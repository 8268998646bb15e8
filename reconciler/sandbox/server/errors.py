"""Refusals REST framework has no class for, and the last touch on every refusal (contract §2.4, §5)."""

import uuid
from typing import Any

from exceptions_hog import exception_handler
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from reconciler.sandbox.gateway import HANG_KEY
from reconciler.sandbox.schedule import ScheduleHang
from reconciler.sandbox.world import ENVIRON_KEY, World


class PaymentRequired(APIException):
    """The plan lacks the feature."""

    status_code = 402
    default_code = "payment_required"
    default_detail = "Subscriptions is part of the premium PostHog offering. This sandbox plays a plan without it."


class QuotaExceeded(APIException):
    """The plan's AI summaries are used up."""

    status_code = 402
    default_code = "quota_limit_exceeded"
    default_detail = "The quota of AI summaries is used up."


class LimitExceeded(APIException):
    """The team's resource limit; the only 402 with a type of its own."""

    status_code = 402
    default_type = "limit_exceeded"
    default_code = "limit_exceeded"
    default_detail = "Resource limit exceeded."

    def __init__(self, limit: int, current: int) -> None:
        """Say how many there may be and how many there are."""
        super().__init__()
        self.extra = {
            "limit_key": "analytics.max_subscriptions_per_team",
            "limit": limit,
            "current": current,
            "request": {"id": str(uuid.uuid4())},
        }


class RecordingFailure(APIException):
    """The service that shreds recordings did not."""

    status_code = 500
    default_code = "recording_api_failure"
    default_detail = "The recording could not be deleted."


def project_not_found() -> NotFound:
    """The refusal for a project that does not exist."""
    return NotFound("Project not found.")


def refuse(attr: str | None, detail: str) -> ValidationError:
    """A cross-field refusal: code invalid_input, about *attr* or about the body as a whole."""
    return ValidationError(detail if attr is None else {attr: [detail]})


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to *error*: drf-exceptions-hog's, with what the profile changes about it."""
    request: Request = context["request"]
    world: World = request.META[ENVIRON_KEY]
    if isinstance(error, ScheduleHang) and world.rules.hazards:
        request.META[HANG_KEY] = True
    response: Response | None = exception_handler(error, context)
    if response is None:
        return None
    if world.rules.has("no-retry-after"):
        response.headers.pop("Retry-After", None)
    if world.rules.has("bearer-hint") and isinstance(error, NotAuthenticated | AuthenticationFailed):
        site = request.build_absolute_uri("/.well-known/oauth-protected-resource")
        response.headers["WWW-Authenticate"] = f'Bearer resource_metadata="{site}"'
    return response
