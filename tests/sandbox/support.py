"""What the tests of the sandbox share: a client bound to one sandbox, and bodies that are right."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import httpx

from reconciler.sandbox import Sandbox

# Monday, 8 a.m.: an hour before the anchor of every body below.
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)

BODY: Mapping[str, Any] = {
    "dashboard": 42,
    "target_type": "email",
    "target_value": "ana@x.example,bo@x.example",
    "frequency": "weekly",
    "interval": 1,
    "byweekday": ["monday"],
    "start_date": "2026-01-05T09:00:00Z",
    "title": "Weekly growth",
}
SLACK: Mapping[str, Any] = {"target_type": "slack", "target_value": "C123|#general", "integration_id": 1}


class Api:
    """One sandbox and a client that holds its key, with paths inside the main project."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Speak to *sandbox* in this process."""
        self.sandbox = sandbox
        self.root = "/api/projects/1"
        self.http = httpx.Client(transport=httpx.WSGITransport(app=sandbox.app), base_url="http://sandbox.example")

    def send(self, method: str, path: str = "subscriptions/", key: str | None = None, **options: Any) -> httpx.Response:
        """One request; *path* is inside the project unless it begins with a slash."""
        url = path if path.startswith("/") else f"{self.root}/{path}"
        authorization = {"Authorization": f"Bearer {key or self.sandbox.key}"}
        return self.http.request(method, url, headers={**authorization, **options.pop("headers", {})}, **options)

    def get(self, path: str = "subscriptions/", **options: Any) -> httpx.Response:
        """GET."""
        return self.send("GET", path, **options)

    def post(self, **fields: Any) -> httpx.Response:
        """POST a right body with *fields* changed; a field that is `...` is left out."""
        return self.send("POST", json=self.body(**fields))

    def patch(self, row_id: int, **fields: Any) -> httpx.Response:
        """PATCH *fields*."""
        return self.send("PATCH", f"subscriptions/{row_id}/", json=fields)

    def body(self, **fields: Any) -> dict[str, Any]:
        """A body this server accepts."""
        body = {**BODY, **fields}
        is_about_dashboard = body.get("dashboard") not in (None, ...)
        if self.sandbox.rules.has("export-list-required") and is_about_dashboard:
            body.setdefault("dashboard_export_insights", self.sandbox.tiles(42)[:3])
        return {name: value for name, value in body.items() if value is not ...}

    def new(self, **fields: Any) -> int:
        """The id of a row that was just made."""
        response = self.post(**fields)
        assert response.status_code == 201, response.text
        return int(response.json()["id"])

    def told(self) -> list[str]:
        """Who was told since the outbox was last cleared, with the reason."""
        return [f"{message.recipient} {message.why}" for message in self.sandbox.outbox()]

    def as_if_asked(self, times: int, ago: float = 0.0) -> None:
        """As if the last request had been made *times* more, each *ago* seconds earlier."""
        for drawn in self.sandbox.world.throttled.values():
            drawn.extend([drawn[0] - ago] * times)

    def close(self) -> None:
        """Hang up."""
        self.http.close()

    def __enter__(self) -> "Api":
        """Nothing to do."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Hang up."""
        self.close()


def error(response: httpx.Response) -> tuple[int, str, str, str | None]:
    """The four facts of an error that mean something: status, type, code, attr."""
    envelope = response.json()
    return response.status_code, envelope["type"], envelope["code"], envelope["attr"]


def refused(code: str, attr: str | None) -> tuple[int, str, str, str | None]:
    """What `error` gives for a field that is wrong."""
    return 400, "validation_error", code, attr


def mixed(cases: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `parametrize` for a table whose keys are the ids."""
    return {"argvalues": list(cases.values()), "ids": list(cases)}
