"""What the tests of the kinds share: a server to try a draft on, and what it sent because of it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from reconciler import diff
from reconciler.kinds.effects import Generation
from reconciler.kinds.subscription import Subscription
from reconciler.model import Desired, Effect, Live, Tag
from reconciler.privacy import Private
from reconciler.resource import Draft, Edit, Resource, Settled, Wish
from reconciler.sandbox import Sandbox
from tests.scenes import CONFIG, NAMESPACE, NOW, PRODUCTION, SUBSCRIPTION, manifest, raw

# The keys that only rows of each generation have.
SIGNS: Mapping[Generation, Mapping[str, Any]] = {
    Generation.SEED: {},
    Generation.M3: {"enabled": True},
    Generation.N: {"enabled": True, "resource_type": "dashboard"},
    Generation.X: {"enabled": True, "resource_type": "dashboard", "delivery_config": {}},
}


def live(generation: Generation = Generation.SEED, **fields: Any) -> Live:
    """A row as a server of *generation* answers it."""
    return SUBSCRIPTION.decode(raw(**{**SIGNS[generation], **fields}))


def wanted(kind: Resource = SUBSCRIPTION, **given: Any) -> Desired:
    """A manifest worked out: that of `tests.scenes`, but for *given*."""
    return kind.desired(manifest(**given), CONFIG, PRODUCTION)


def settled(row: Live, want: Desired, base: Desired | None = None, *resubscribe: str, reanchor: bool = True) -> Settled:
    """What *row* should become when *want* is applied and *resubscribe* are to be mailed again."""
    return SUBSCRIPTION.settle(want, row, base, Wish(resubscribe, reanchor))


def pending(row: Live, want: Desired, base: Desired | None = None, kind: Resource = SUBSCRIPTION) -> Edit:
    """The edit that closes the difference between *row* and *want*."""
    fields = kind.settle(want, row, base, Wish()).fields
    return Edit(want, row, fields, diff.changed(row.fields, fields), row.tag)


def body_of(draft: Draft) -> Any:
    """What the last call of *draft* sends, unmasked."""
    return json.loads(json.dumps(dict(draft.requests[-1].body or {}), default=_revealed))


def said(effects: Iterable[Effect]) -> list[str]:
    """*effects* in a few words: who gets what, when, and why."""
    return [
        " ".join(
            [
                effect.effect,
                ",".join(person.value for person in effect.recipients) or _revealed(effect.channel),
                *(word for word in (effect.when, effect.why) if word is not None),
                *(["unknown"] if effect.unknown else []),
            ]
        )
        for effect in effects
    ]


def reached(effects: Iterable[Effect], *, when: str | None = None) -> set[str]:
    """Whom *effects* name at once, or at the time *when*, as the outbox names them."""
    found = set()
    for effect in effects:
        if effect.when == when:
            found |= {person.value for person in effect.recipients}
            found |= {_channel(effect.channel)} if effect.effect == "post" else set()
    return found


class Server:
    """A sandbox, and a kind that sees it at the same moment."""

    def __init__(self, sandbox: Sandbox, profile: str) -> None:
        """Begin anew as *profile*."""
        sandbox.reset(profile, flags=("no-throttle",))
        sandbox.set_now(NOW)
        self.sandbox = sandbox
        self.is_latest = profile == "latest"
        self.kind = Subscription(NOW)
        self._http = httpx.Client(transport=httpx.WSGITransport(app=sandbox.app), base_url="http://sandbox.example")

    def add(self, **fields: Any) -> Live:
        """A row with our tag that somebody made by hand, unchecked, as this server answers it."""
        return self.read(self.sandbox.add(title=str(TAG), **fields)["id"])

    def read(self, id: int) -> Live:
        """A row."""
        return self.kind.decode(self.row(id))

    def row(self, id: int) -> Any:
        """A row as it is on the wire."""
        return self._send("GET", f"subscriptions/{id}/")

    def carry_out(self, draft: Draft) -> Any:
        """Send the last call of *draft*; the row that is answered."""
        request = draft.requests[-1]
        return self._send(request.method, request.path, body_of(draft))

    def told(self) -> set[str]:
        """Who was sent something since the outbox was last looked at."""
        found = {message.recipient for message in self.sandbox.outbox()}
        self.sandbox.clear_outbox()
        return found

    def exports(self) -> dict[str, Any]:
        """The field without which a later server takes no dashboard."""
        return {"dashboard_export_insights": self.sandbox.tiles(42)[:3]} if self.is_latest else {}

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(
            method,
            f"/api/projects/1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.sandbox.key}"},
        )
        assert answer.status_code < 300, answer.text
        return answer.json()


TAG = Tag(NAMESPACE, "weekly")


def _revealed(value: Any) -> Any:
    return value.value if isinstance(value, Private) else value


def _channel(channel: Any) -> str:
    text = str(_revealed(channel))
    return text.removeprefix("https://").split("/")[0].split("|")[0]
