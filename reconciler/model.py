"""The nouns: what flows from room to room, all of it frozen.

A Manifest is what git wants; a Live is what the server has; a Change is one difference with the calls that close it; a
Plan is every Change and Finding of one environment; an Outcome is what became of one Change. Knows no YAML, no HTTP, no
particular kind and no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from .errors import Answer
from .privacy import Message, Private

Json = Any
"""What `json.loads` returns: None, bool, int, float, str, list or dict of these."""

Fields = Mapping[str, Any]
"""Field name to normalised value: JSON values, masked values, and the kinds' own comparable values."""

NOTHING: Fields = MappingProxyType({})


class Action(StrEnum):
    """What a change does to its row."""

    CREATE = "create"
    UPDATE = "update"
    RESTORE = "restore"
    REPLACE = "replace"
    DELETE = "delete"

    @property
    def sign(self) -> str:
        """The character it is known by wherever plans are read."""
        return _SIGNS[self]


_SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.RESTORE: "^", Action.REPLACE: "±", Action.DELETE: "-"}


class Severity(StrEnum):
    """How much a finding matters: a note is told, a warning is pointed at, a block stops the apply."""

    NOTE = "note"
    WARNING = "warning"
    BLOCK = "block"


class Cause(StrEnum):
    """Why a field differs (design §4). Known only with a base; it explains and never decides."""

    MANIFEST = "manifest"
    DRIFT = "drift"
    ADOPT = "adopt"
    DST = "dst"


class Status(StrEnum):
    """What became of a planned change: exactly one of these."""

    APPLIED = "applied"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where a manifest stands: the file as the user types it, its line, and which document of the file it is."""

    path: str
    line: int
    index: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Tag(NamedTuple):
    """Who a row belongs to, written at the end of its title as `[namespace:name]` (design §4)."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"[{self.namespace}:{self.name}]"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document that passed its schema. `ids` maps an environment (or None: every one) to the row to adopt."""

    kind: str
    name: str
    source: Source
    spec: Fields = field(repr=False)  # as written: addresses and URLs are not wrapped here yet
    ids: Mapping[str | None, int] = field(default_factory=dict)
    environments: tuple[str, ...] | None = None
    previous_names: tuple[str, ...] = ()
    protect: bool = False
    external: bool = False
    takeover: bool = False
    distinct: tuple[int, ...] = ()

    def lives_in(self, environment: str) -> bool:
        """Whether the manifest is meant for *environment*."""
        return self.environments is None or environment in self.environments

    def id_in(self, environment: str) -> int | None:
        """The row it adopts in *environment*, if it adopts one there."""
        return self.ids.get(None, self.ids.get(environment))


@dataclass(frozen=True, slots=True)
class Environment:
    """One project on one host, and the name of the variable that holds its key."""

    name: str
    host: str
    project_id: str
    key_env: str = "POSTHOG_PERSONAL_API_KEY"


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits that refuse a plan (design §3). A limit that is None is not set."""

    allowed_domains: tuple[str, ...] | None = None
    max_deletes_count: int = 3
    max_deletes_percent: float = 25
    max_new_recipients: int | None = 50


@dataclass(frozen=True, slots=True)
class Config:
    """What `reconciler.yaml` says, or its absence (`path` None)."""

    namespace: str
    environments: tuple[Environment, ...]
    path: str | None = None
    manifests: tuple[str, ...] = ()
    references: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    recipients: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    policy: Policy = Policy()


@dataclass(frozen=True, slots=True)
class Desired:
    """A manifest worked out for one environment: references are numbers, groups are addresses, instants are UTC.

    `fields` are ours and are compared; `write_only` goes with a create and is never compared; `id` is the
    row it adopts here; `facts` are read only by the manifest's kind.
    """

    manifest: Manifest
    fields: Fields
    write_only: Fields = field(default_factory=dict)
    tombstone: bool = False
    id: int | None = None
    facts: Any = None

    @property
    def name(self) -> str:
        """The manifest's name."""
        return self.manifest.name


@dataclass(frozen=True, slots=True)
class Live:
    """A row as the server has it: who it belongs to, its fields normalised, and facts that only its kind reads."""

    kind: str
    id: int
    tag: Tag | None
    deleted: bool
    fields: Fields
    creator: Private | None = None
    facts: Any = None


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP call said as data. `path` is relative to the project; `body` may hold masked values."""

    method: str
    path: str
    body: Fields | None = None
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, before and after, and why it differs where a base tells."""

    field: str
    before: Json
    after: Json
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Something people notice because of a change.

    `effect` is `mail` or `post`; `recipients` are Addresses; `channel` names a Slack channel or a masked URL; `when`
    is empty for at once; `why` explains what is not obvious (`respelled`); `unknown` is True where the server's
    generation cannot be told, so that nothing is promised.
    """

    effect: str
    recipients: tuple[Any, ...] = ()
    channel: Any = None
    when: str | None = None
    why: str | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The next scheduled deliveries of a row, before and after a change, as the server computes them (contract §6).

    Instants in UTC, soonest first; none for a row that is not there, is off, or is over. `timezone` is the zone that
    the manifest speaks in, as an IANA name or an offset such as `+01:00`; None where that is UTC. `overdue` says that
    the first of `after` has passed or is about to, so that it goes out at the server's next tick (trap T-28).
    `unknown` says that servers differ about this rule, and that nothing tells which of them this one is.
    """

    before: tuple[datetime, ...] = ()
    after: tuple[datetime, ...] = ()
    timezone: str | None = None
    overdue: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One difference and the calls that close it, in order; self-contained, so that an executor needs nothing else.

    `added` and `removed` are the recipients who come and go; `tag` is what to look for when an answer was lost;
    `expected` is the row as it was compared: an executor that finds another row there skips the change. `deliveries`
    are told where the change can move them; they hang on the clock, and so are no part of the digest (design §6).
    """

    action: Action
    kind: str
    name: str
    id: int | None
    source: Source | None
    fields: tuple[FieldChange, ...]
    requests: tuple[Request, ...]
    effects: tuple[Effect, ...] = ()
    added: tuple[Private, ...] = ()
    removed: tuple[Private, ...] = ()
    tag: Tag | None = None
    expected: Live | None = None
    deliveries: Deliveries | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the reader must know; `rule` is explained in docs/findings.md."""

    rule: str
    severity: Severity
    message: Message
    name: str | None = None
    source: Source | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the live rows are owned: by us, by nobody, by other namespaces; unmanaged ones counted by creator."""

    managed: int = 0
    unmanaged: int = 0
    foreign: int = 0
    creators: tuple[tuple[Private | None, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Every change and finding of one environment, in the order they would be carried out."""

    environment: Environment
    namespace: str
    base: str | None
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    unchanged: int
    coverage: Coverage
    digest: str

    @property
    def blockers(self) -> tuple[Finding, ...]:
        """The findings that stop an apply."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.BLOCK)

    def count(self, action: Action) -> int:
        """How many changes do *action*."""
        return sum(change.action is action for change in self.changes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one planned change. `id` is the row it ended on; `reason` is for people.

    `accepted` is True where the server took some write of a change that is not applied: half of a replacement, or a
    write that it did not carry out as asked.
    """

    change: Change
    status: Status
    id: int | None = None
    reason: Message = ()
    answer: Answer | None = None
    attempts: int = 0
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """One Outcome per planned change, in plan order.

    `verified` is None when nothing was sent to verify, or the run was interrupted first; `doubt` says why it is False.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    verified: bool | None
    interrupted: bool = False
    findings: tuple[Finding, ...] = ()
    doubt: Message = ()

    def count(self, status: Status) -> int:
        """How many changes ended as *status*."""
        return sum(outcome.status is status for outcome in self.outcomes)
