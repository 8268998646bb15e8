"""What the tests of identity, removal, planning and execution share: manifests, rows and scenes from a few words.

A manifest and a row made without arguments agree, so that a test names only what differs.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from reconciler.identity import Resolution, Rows, resolve
from reconciler.kinds import registry
from reconciler.model import Config, Desired, Environment, Finding, Live, Manifest, Plan, Policy, Source
from reconciler.planner import Scene, plan
from reconciler.privacy import show
from reconciler.removal import Base, Pruning

# Monday, an hour before the anchor of every schedule below.
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
NAMESPACE = "growth"
PRODUCTION = Environment("production", "https://posthog.example", "12345")
CONFIG = Config(NAMESPACE, (PRODUCTION,), recipients={"team": ("bo@example.com", "cy@example.com")})
KINDS = registry(NOW)
SUBSCRIPTION = KINDS["Subscription"]

SPEC: dict[str, Any] = {
    "title": "Weekly",
    "dashboard": 42,
    "target_type": "email",
    "target_value": ["ana@example.com"],
    "frequency": "weekly",
    "interval": 1,
    "byweekday": ["monday"],
    "start_date": "2026-01-05T09:00:00Z",
}
ROW: dict[str, Any] = {
    "dashboard": 42,
    "insight": None,
    "target_type": "email",
    "target_value": "ana@example.com",
    "frequency": "weekly",
    "interval": 1,
    "byweekday": ["monday"],
    "bysetpos": None,
    "count": None,
    "start_date": "2026-01-05T09:00:00Z",
    "until_date": None,
    "created_at": "2026-01-01T00:00:00Z",
    "created_by": {"email": "dev@example.com"},
    "deleted": False,
    "title": "Weekly [growth:weekly]",
    "summary": "sent every week",
    "next_delivery_date": "2026-03-09T09:00:00Z",
    "invite_message": None,
}
PINNED: dict[str, Any] = {"enabled": True, "resource_type": "dashboard"}
"""Keys that only rows of later servers have, which do not let a row change between insight and dashboard."""


def manifest(name: str = "weekly", *, id: int | dict[str | None, int] | None = None, **given: Any) -> Manifest:
    """A manifest that agrees with `row`; *given* are metadata by the Manifest's names and fields of the spec."""
    meta = {key: given.pop(key) for key in ("previous_names", "protect", "takeover", "distinct") if key in given}
    environments = given.pop("environments", None)
    kind = given.pop("kind", "Subscription")
    ids: dict[str | None, int] = id if isinstance(id, dict) else {} if id is None else {None: id}
    spec = {key: value for key, value in {**SPEC, **given}.items() if value is not ...}
    return Manifest(kind, name, Source(f"{name}.yaml", 3), spec, ids=ids, environments=environments, **meta)


def tombstone(name: str = "weekly", **given: Any) -> Manifest:
    """A manifest that says its row is to be soft-deleted."""
    return manifest(name, deleted=True, **given)


def raw(id: int = 1, *, name: str | None = "weekly", **fields: Any) -> dict[str, Any]:
    """A row as the server answers it; *name* is the name in its tag, None for a row without a tag."""
    title = "Weekly" if name is None else f"Weekly [{NAMESPACE}:{name}]"
    return {"id": id, **ROW, "title": title, **fields}


def row(id: int = 1, **given: Any) -> Live:
    """The same, as the kind reads it."""
    return SUBSCRIPTION.decode(raw(id, **given))


def gone(id: int = 1, **given: Any) -> Live:
    """The same, soft-deleted."""
    return row(id, deleted=True, **given)


def desired(*manifests: Manifest) -> tuple[Desired, ...]:
    """The manifests that name production, worked out for it."""
    here = (each for each in manifests if each.lives_in("production"))
    return tuple(SUBSCRIPTION.desired(each, CONFIG, PRODUCTION) for each in here)


def resolved(*manifests: Manifest, rows: Iterable[Live] = ()) -> Resolution:
    """The Resolution of *manifests* among *rows*, which may be soft-deleted."""
    return resolve(desired(*manifests), Rows.of(NAMESPACE, rows))


def base(*manifests: Manifest) -> Base:
    """A base that held *manifests*."""
    return Base.of("HEAD~1", desired(*manifests))


def scene(*manifests: Manifest, rows: Iterable[Live] = (), **given: Any) -> Scene:
    """The Scene of *manifests* and *rows*; *given* are more of its fields, and those of its Pruning."""
    names = ("refused", "allow_empty", "max_deletes")
    pruning = Pruning(is_tree_empty=not manifests, **{key: given.pop(key) for key in names if key in given})
    return Scene(
        environment=PRODUCTION,
        namespace=NAMESPACE,
        policy=given.pop("policy", Policy()),
        wanted=desired(*manifests),
        rows={"Subscription": Rows.of(NAMESPACE, rows)},
        elsewhere=tuple(each for each in manifests if not each.lives_in("production")),
        pruning=pruning,
        **given,
    )


def planned(*manifests: Manifest, rows: Iterable[Live] = (), **given: Any) -> Plan:
    """The Plan of `scene`."""
    return plan(scene(*manifests, rows=rows, **given), KINDS)


def steps(plan: Plan) -> list[tuple[str, str, int | None]]:
    """What a plan does, in its order: action, name, row."""
    return [(change.action.value, change.name, change.id) for change in plan.changes]


def rules_of(plan: Plan) -> list[str]:
    """The rules of a plan's findings, in its order."""
    return [finding.rule for finding in plan.findings]


def text(finding: Finding) -> str:
    """What a finding says to a reviewer."""
    return show(finding.message, addresses=True)
