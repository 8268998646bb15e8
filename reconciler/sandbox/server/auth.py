"""Who asks, what the key may do, and which project it is about (contract §2.2, §2.3). Knows no subscription.

Order inside a request: authenticate, scope, access control, project, plan, throttle, view. The permission classes and
throttles below stand in `ProjectView` in that order.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from reconciler.sandbox.server.errors import PaymentRequired, project_not_found
from reconciler.sandbox.server.seed import digest
from reconciler.sandbox.server.throttles import Burst, Sustained
from reconciler.sandbox.world import ENVIRON_KEY, OTHER_PROJECT, PROJECTS, Key, Project, World

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_BEARER = re.compile(r"^Bearer\s+(\S.+)$")


class PersonalKey(BaseAuthentication):
    """A personal API key in the header, the body or the query; the first place that has one counts."""

    def authenticate(self, request: Request) -> tuple[int, Key] | None:
        """The owner and the key; None when there is no key at all."""
        candidate = _candidate(request)
        if candidate is None:
            return None
        place, text = candidate
        world: World = request.META[ENVIRON_KEY]
        key = world.keys.get(digest(text))
        if key is None:
            raise AuthenticationFailed(f"Personal API key found in request {place} is invalid.")
        return key.user_id, key

    def authenticate_header(self, request: Request) -> str:
        """Makes a missing key a 401; the handler decides whether the header is sent."""
        return "Bearer"


def _candidate(request: Request) -> tuple[str, str] | None:
    found = _BEARER.match(request.META.get("HTTP_AUTHORIZATION", ""))
    if found:
        return "Authorization header", found.group(1).strip()
    if isinstance(request.data, dict) and request.data.get("personal_api_key"):
        return "body", str(request.data["personal_api_key"])
    if request.query_params.get("personal_api_key"):
        return "query string", request.query_params["personal_api_key"]
    return None


class HasScope(BasePermission):
    """The key has the scope the action needs, and is not restricted to other projects."""

    message = ""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the request may go on; otherwise `message` says why not."""
        if request.auth is None:
            return False  # which the framework turns into a 401
        needed = view.needed_scope()
        if needed is None:
            self.message = "This action does not support personal API key access"
            # Later servers let a verb without an action pass, to be refused as 405 (contract §4.5).
            return view.action is None and view.world.rules.has("verbs-405")
        key = key_of(request)
        if not key.grants(needed):
            self.message = f"API key missing required scope '{needed}'"
            return False
        return self._may_see_project(key, view)

    def _may_see_project(self, key: Key, view: Any) -> bool:
        if key.projects is None or view.project.id in key.projects:
            return True
        self.message = f"API key does not have access to the requested project: ID {view.project.id}."
        return False


class IsAllowed(BasePermission):
    """Organisation settings and resource-level access control."""

    message = ""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the request may go on; otherwise `message` says why not."""
        rules = view.world.rules
        if rules.has("org-forbids-keys"):
            self.message = "Your organization does not allow personal API keys."
            return False
        if rules.has("viewer-only") and request.method not in SAFE_METHODS:
            self.message = "You do not have editor access to this resource."
            return False
        return True


class SeesProject(BasePermission):
    """The key's owner is a member of the project."""

    message = "You don't have access to the project."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the request may go on; a project that does not exist is a 404."""
        visible: bool = view.project.is_visible
        return visible


class HasFeature(BasePermission):
    """The plan includes subscriptions."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the request may go on; a missing feature is a 402, for reads too."""
        if view.is_premium and view.world.rules.has("premium-missing"):
            raise PaymentRequired
        return True


def key_of(request: Request) -> Key:
    """The key a request came with; there is one once the scope was checked."""
    return cast(Key, request.auth)


class ProjectView(GenericViewSet[Any]):
    """A view inside a project, with the checks every one of them makes."""

    authentication_classes = (PersonalKey,)
    permission_classes = (HasScope, IsAllowed, SeesProject, HasFeature)
    throttle_classes = (Burst, Sustained)
    rates = (480, 4800)  # per minute and per hour (contract §2.5)
    scopes: ClassVar[Mapping[str, str]] = {}
    is_premium = False

    @property
    def world(self) -> World:
        """The sandbox this request came to."""
        world: World = self.request.META[ENVIRON_KEY]
        return world

    @property
    def key(self) -> Key:
        """The key of the request, once it was authenticated."""
        return key_of(self.request)

    def needed_scope(self) -> str | None:
        """The scope the action needs; None when personal keys cannot do it."""
        return self.scopes.get(self.action or "")

    @functools.cached_property
    def project(self) -> Project:
        """The project in the path, or the one that `?token=` or `?api_key=` switches to (contract §2.1)."""
        token = self.request.query_params.get("token") or self.request.query_params.get("api_key")
        if token:
            return self._project_of_token(token)
        named = self.kwargs["project_id"]
        # The owner last used another project in the UI than the one that is worked on: why nobody should use it.
        number = str(OTHER_PROJECT) if named == "@current" else named
        try:
            return PROJECTS[int(number)]
        except (KeyError, ValueError):
            raise project_not_found() from None

    def _project_of_token(self, token: str) -> Project:
        for project in PROJECTS.values():
            if project.token == token:
                return project
        raise AuthenticationFailed("Project API key invalid.")
