"""Which path is which view. Slash or no slash, one prefix or the other: served directly (contract §2.1)."""

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, re_path

from reconciler.sandbox.server.recordings import Recordings, Sharing
from reconciler.sandbox.server.sessions import Sessions
from reconciler.sandbox.server.subscriptions import Subscriptions

_PROJECT = r"^api/(?:projects|environments)/(?P<project_id>[^/.]+)"


def _not_found(_request: HttpRequest) -> JsonResponse:
    detail = {"type": "invalid_request", "code": "not_found", "detail": "Endpoint not found.", "attr": None}
    return JsonResponse(detail, status=404)


def _path(rest: str, view: object) -> URLPattern:
    return re_path(f"{_PROJECT}/{rest}/?$", view)  # type: ignore[call-overload, no-any-return]  # any callable is a view


urlpatterns = [
    _path("subscriptions", Subscriptions.as_view({"get": "list", "post": "create"})),
    _path(
        r"subscriptions/(?P<pk>[^/.]+)",
        Subscriptions.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    ),
    _path(r"subscriptions/(?P<pk>[^/.]+)/test-delivery", Subscriptions.as_view({"post": "test_delivery"})),
    _path(r"session_recordings/(?P<session_id>[^/.]+)", Recordings.as_view({"delete": "destroy"})),
    _path(r"session_recordings/(?P<session_id>[^/.]+)/sharing", Sharing.as_view({"get": "list"})),
    _path("sessions/property_definitions", Sessions.as_view({"get": "property_definitions"})),
    _path("sessions/values", Sessions.as_view({"get": "values"})),
    re_path(r"(?s)^api(?:/.*)?$", _not_found),
]
