"""The sandbox over HTTP, under /_sandbox/: what the Python object can do, as JSON. Knows names, not what they do.

    GET    state rows row outbox requests faults recordings    (parameters in the query)
    POST   every deed of `DEEDS`                                (parameters as a JSON object)
    DELETE outbox requests faults

JSON only, which no web page can send here without asking first, and nobody answers that question.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from reconciler.sandbox.faults import Fault
from reconciler.sandbox.gateway import Answer, Call, Environ
from reconciler.sandbox.loopback import is_local

if TYPE_CHECKING:
    from reconciler.sandbox.sandbox import Sandbox

# The methods of `Sandbox` that may be called, with the parameters of the same names.
DEEDS = (
    "add",
    "add_recording",
    "disable",
    "edit",
    "follow",
    "forget",
    "new_key",
    "remove_dashboard",
    "remove_insight",
    "remove_integration",
    "remove_user",
    "reset",
    "restore_dashboard",
    "restore_insight",
    "restrict_dashboard",
    "restrict_insight",
    "set_now",
    "tick",
    "unsubscribe",
)
MOMENTS = ("now", "moment", "shared_at")

Action = Callable[..., Any]


class Control:
    """The desk at /_sandbox/."""

    def __init__(self, sandbox: "Sandbox") -> None:
        """Drive *sandbox*."""
        self._sandbox = sandbox
        self._actions: Mapping[tuple[str, str], Action] = {
            ("GET", "state"): self._state,
            ("GET", "rows"): self._rows,
            ("GET", "row"): lambda row_id: sandbox.row(int(row_id)),
            ("GET", "outbox"): sandbox.outbox,
            ("GET", "requests"): sandbox.requests,
            ("GET", "faults"): lambda: [fault.to_json() for fault in sandbox.faults.all()],
            ("GET", "recordings"): lambda deleted="false": sandbox.recordings(deleted == "true"),
            ("DELETE", "outbox"): sandbox.clear_outbox,
            ("DELETE", "requests"): sandbox.clear_requests,
            ("DELETE", "faults"): sandbox.faults.clear,
            ("POST", "faults"): self._add_faults,
            **{("POST", name): getattr(sandbox, name) for name in DEEDS},
        }

    def __call__(self, environ: Environ, call: Call) -> Answer:
        """Answer one request to the desk."""
        if not is_local(environ):
            return _refusal(403, "the sandbox can be driven from this machine only, as localhost")
        name = call.path.removeprefix("/_sandbox").strip("/")
        action = self._actions.get((call.method, name))
        if action is None:
            known = ", ".join(f"{method} {path}" for method, path in self._actions)
            return _refusal(404, f"no {call.method} {name}; there are {known}")
        try:
            return Answer.of_json(_plain(action(**_arguments(environ, call))))
        except Exception as error:  # noqa: BLE001  # whatever was sent, the caller learns what was wrong with it
            return _refusal(400, f"{type(error).__name__}: {error}")

    def _state(self) -> dict[str, Any]:
        sandbox = self._sandbox
        return {
            "profile": sandbox.rules.profile,
            "flags": sorted(sandbox.rules.flags),
            "hazards": sandbox.rules.hazards,
            "now": sandbox.now,
            "project_id": sandbox.project_id,
            "other_project_id": sandbox.other_project_id,
            "hidden_project_id": sandbox.hidden_project_id,
        }

    def _rows(self, deleted: str | None = None, project: str | None = None) -> list[dict[str, Any]]:
        wanted = None if deleted is None else deleted == "true"
        return self._sandbox.rows(wanted, self._sandbox.project_id if project is None else int(project))

    def _add_faults(self, faults: list[dict[str, Any]]) -> None:
        self._sandbox.faults.add(*[Fault.from_json(document) for document in faults])


def _arguments(environ: Environ, call: Call) -> dict[str, Any]:
    if call.method != "POST":
        return dict(parse_qsl(call.query))
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip() != "application/json":
        raise ValueError("send a JSON object, as application/json")
    arguments = json.loads(call.body or b"{}")
    if not isinstance(arguments, dict):
        raise ValueError("send a JSON object")
    for name in MOMENTS:
        if isinstance(arguments.get(name), str):
            arguments[name] = datetime.fromisoformat(arguments[name])
    return arguments


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _refusal(status: int, error: str) -> Answer:
    return Answer.of_json({"error": error}, status)
