"""The whole flow on one page: load, observe, plan, apply, verify.

What a person chose comes in as a Choice, everything outside the program as a World; what goes out is plain data.
Reading is done with a client that cannot write; `carry_out` alone makes one that can. Knows every room; knows no
command line, no exit codes and no terminal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import audit, executor, identity, kinds, loading, planner, recordings
from .errors import InvalidInput, PlanRefused, ReconcilerError
from .identity import Rows
from .loading import Choice, Loaded
from .model import ApplyResult, Environment, Finding, Live, Outcome, Plan, Status
from .planner import Scene
from .privacy import Key, Message, listed, say
from .removal import Base, Pruning
from .resource import Resource, Wish
from .several import meanwhile

if TYPE_CHECKING:
    from .api import Reader, Run


def _quiet(done: int, of: int) -> None:
    """Progress nobody watches."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside the program: the folder, the variables, the clock, the wish to stop, who watches.

    `transport` replaces the network; tests put the sandbox there. `pace` makes what all requests of a run share (an
    `api.Run`, which it is called like); tests put one there for which time passes quickly.
    """

    folder: Path
    variables: Mapping[str, str] = field(repr=False)  # one of them is the key
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    stop: threading.Event = field(default_factory=threading.Event)
    progress: Callable[[int, int], None] = _quiet
    transport: Any = None
    pace: Callable[..., Any] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with what it was made from, so that it can be carried out, and made once more to verify."""

    plan: Plan
    environment: Environment
    key: Key
    read_at: float


def validate(choice: Choice, world: World) -> Loaded:
    """The checked tree, with every problem and warning in it; sends nothing and needs no key."""
    return loading.check(choice, world.folder, kinds.registry(world.now))


class Session:
    """One run of one command: what was chosen, what was loaded, and what all its requests share."""

    def __init__(self, choice: Choice, world: World, *, is_drift: bool = False, ahead: int = kinds.AHEAD) -> None:
        """Load config, tree and base; every problem in them raises InvalidInput before anything is sent.

        *ahead* is how many deliveries are told of a row.
        """
        self._choice, self._world, self._is_drift = choice, world, is_drift
        self._written: frozenset[int] = frozenset()
        self.kinds, self._audits = kinds.registry(world.now, ahead=ahead), kinds.audits()
        self.loaded = loading.load(choice, world.folder, world.variables, self.kinds, meanwhile=_ready)
        if self.loaded.problems:
            raise InvalidInput(self.loaded.problems, self.loaded.warnings)
        self._base = (
            self.loaded if is_drift else loading.load_base(choice, world.folder, self.kinds, self.loaded.config)
        )
        self._keys = loading.keys(self.loaded.environments, world.variables)
        from .api import Budget, Run

        pace = world.pace or Run
        self._run: Run = pace(choice.timeout, stop=world.stop)
        # Recordings have a limit of their own on the server, which is tighter.
        self._auditing: Run = pace(choice.timeout, stop=world.stop, budget=Budget(recordings.A_MINUTE))

    def plans(self, *, audited: bool = False) -> list[Prepared]:
        """The plan of every selected environment, in config order, read by clients that cannot write.

        What is only compared is read where it is *audited*; an apply needs neither the findings nor the right to read.
        """
        return [self._prepare(environment, audited=audited) for environment in self.loaded.environments]

    @property
    def is_all_planned(self) -> bool:
        """Whether a plan that is not audited tells all that may differ: no manifest is only compared."""
        return not any(item.kind in self._audits for item in self.loaded.manifests)

    def observed(self) -> list[tuple[Scene, Plan]]:
        """What the plan of every selected environment is made from, with the plan; read as `plans` reads."""
        scenes = (self._read(environment)[0] for environment in self.loaded.environments)
        return [(scene, planner.plan(scene, self.kinds)) for scene in scenes]

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """While a person is asked, the time that the run may take does not pass; what was read grows old."""
        with self._run.standing_still(), self._auditing.standing_still():
            yield

    def carry_out(self, prepared: Prepared, tell: Callable[[Outcome], None]) -> ApplyResult:
        """Apply a plan that nothing blocks, then list afresh to verify that nothing is left to do."""
        if prepared.plan.blockers:
            raise PlanRefused("a plan with blocking findings cannot be applied")
        if not prepared.plan.changes:
            return ApplyResult(prepared.plan, (), verified=None)
        outcomes = self._outcomes(prepared, tell)
        self._written = frozenset(item.id for item in outcomes if item.status is Status.APPLIED and item.id is not None)
        sent = any(outcome.status is not Status.SKIPPED for outcome in outcomes)
        verified, doubt = self._verified(prepared) if sent and not self._world.stop.is_set() else (None, ())
        if self._world.stop.is_set():
            return ApplyResult(prepared.plan, outcomes, verified=True if verified else None, interrupted=True)
        return ApplyResult(prepared.plan, outcomes, verified, doubt=doubt)

    def _prepare(self, environment: Environment, *, audited: bool = False) -> Prepared:
        scene, read_at = self._read(environment)
        found = self._audited(environment) if audited else ()
        plan = planner.plan(replace(scene, audited=found), self.kinds)
        return Prepared(plan, environment, self._keys[environment.name], read_at)

    def _read(self, environment: Environment) -> tuple[Scene, float]:
        """What *environment* is like, read by a client that cannot write, and when the reading began."""
        from . import api

        place = api.Place(environment, self._keys[environment.name])
        with api.reader(place, self._run, transport=self._world.transport) as reader:
            read_at = self._run.clock()
            return self._scene(environment, reader), read_at

    def _audited(self, environment: Environment) -> tuple[Finding, ...]:
        """What differs of that which is only compared, in the scope of this run."""
        from . import api

        scope = self.loaded.scope
        found = [item for item in self.loaded.manifests if item.kind in self._audits]
        found = [item for item in found if item.lives_in(environment.name) and (scope is None or item.name in scope)]
        if not found:
            return ()
        place = api.Place(environment, self._keys[environment.name])
        with api.reader(place, self._auditing, transport=self._world.transport) as reader:
            return audit.findings(found, self._audits, reader)

    def _outcomes(self, prepared: Prepared, tell: Callable[[Outcome], None]) -> tuple[Outcome, ...]:
        """One for each change, also where the program itself breaks: what was told by then stays true."""
        told: dict[int, Outcome] = {}

        def hear(outcome: Outcome) -> None:
            told[id(outcome.change)] = outcome
            tell(outcome)

        try:
            return self._write(prepared, hear)
        except ReconcilerError as error:  # before anything was sent: there is no client to send it with
            status, reason = Status.SKIPPED, error.message
        except Exception as error:  # an exit code must not say that nothing was written  # noqa: BLE001
            status, reason = Status.UNKNOWN, say(f"unexpected {type(error).__name__}: run plan to see what was done")
        changes = prepared.plan.changes
        return tuple(told.get(id(each)) or Outcome(each, status, each.id, reason) for each in changes)

    def _write(self, prepared: Prepared, tell: Callable[[Outcome], None]) -> tuple[Outcome, ...]:
        from . import api

        place = api.Place(prepared.environment, prepared.key)
        orders = executor.Orders(
            age=lambda: self._run.clock() - prepared.read_at,
            tell=tell,
            parallel=self._choice.parallel,
            fail_fast=self._choice.fail_fast,
            stop=self._world.stop,
        )
        with api.writer(place, self._run, transport=self._world.transport, writers=self._choice.parallel) as writer:
            return executor.execute(prepared.plan, self.kinds, writer, orders)

    def _verified(self, prepared: Prepared) -> tuple[bool, Message]:
        """Whether a fresh listing, with the same flags and base, plans nothing; and what speaks against it."""
        try:
            again = self._prepare(prepared.environment).plan
        except ReconcilerError as error:
            return False, say("a fresh listing could not be read: ", *error.message)
        except Exception as error:  # the outcomes are told, whatever goes wrong after them  # noqa: BLE001
            return False, say(f"a fresh plan could not be made: unexpected {type(error).__name__}")
        if again.blockers:
            return False, say("a fresh listing is blocked (", *listed({each.rule: "" for each in again.blockers}), ")")
        if again.changes:
            names = listed([f"{each.action} {each.name}" for each in again.changes[:3]])
            more = f" and {len(again.changes) - 3} more" if len(again.changes) > 3 else ""
            return False, say("a fresh listing still plans changes (", *names, more, ")")
        return True, ()

    def _scene(self, environment: Environment, reader: Reader) -> Scene:
        loaded, choice = self.loaded, self._choice
        planned = [manifest for manifest in loaded.manifests if manifest.kind in self.kinds]
        here = [manifest for manifest in planned if manifest.lives_in(environment.name)]
        live, wanted = meanwhile(
            lambda: {kind: self._live(resource, reader) for kind, resource in self.kinds.items()},
            lambda: tuple(self.kinds[item.kind].desired(item, loaded.config, environment) for item in here),
        )
        rows = {kind: self._rows(kind, wanted, live[kind], reader) for kind in self.kinds}
        base = self._based(environment)
        # Manifests that are only compared do not mean that every subscription is to go.
        is_empty = not loaded.manifests or (not planned and _has_ours(rows, base))
        return Scene(
            environment=environment,
            namespace=loaded.config.namespace,
            policy=loaded.config.policy,
            wanted=wanted,
            rows=rows,
            elsewhere=tuple(manifest for manifest in planned if not manifest.lives_in(environment.name)),
            base=base,
            pruning=Pruning(loaded.unpruned, is_empty, choice.allow_empty, choice.max_deletes),
            wish=Wish(frozenset(choice.resubscribe), reanchor=not self._is_drift, written=self._written),
            allow_recreate=choice.allow_recreate,
            scope=loaded.scope,
        )

    def _live(self, resource: Resource, reader: Reader) -> Sequence[Live]:
        return reader.rows(resource.listing(deleted=False), decode=resource.decode, progress=self._world.progress)

    def _rows(self, kind: str, wanted: Sequence[Any], live: Sequence[Live], reader: Reader) -> Rows:
        """The *live* rows, and the soft-deleted ones only where some manifest has no live row (design §4)."""
        resource, namespace = self.kinds[kind], self.loaded.config.namespace
        rows = Rows.of(namespace, live)
        if not identity.needs_deleted([item for item in wanted if item.manifest.kind == kind], rows):
            return rows
        return Rows.of(namespace, live, reader.rows(resource.listing(deleted=True), decode=resource.decode))

    def _based(self, environment: Environment) -> Base | None:
        """The base's manifests worked out for *environment*, with the base's own config."""
        if self._base is None:
            return None
        then = next((known for known in self._base.config.environments if known.name == environment.name), None)
        if then is None:
            return Base.of(self._base.label, ())
        here = [manifest for manifest in self._base.manifests if manifest.lives_in(environment.name)]
        planned = [manifest for manifest in here if manifest.kind in self.kinds]
        desired = [self.kinds[item.kind].desired(item, self._base.config, environment) for item in planned]
        if self._base.config.path is not None and (then.host, then.project_id) != (
            environment.host,
            environment.project_id,
        ):
            # The rows were another project's then: an id of then is a stranger's row here.
            desired = [replace(item, id=None) for item in desired]
        return Base.of(self._base.label, desired, self._base.config.namespace)


def _ready() -> None:
    """Import what it takes to talk to a server, which is no hurry before a large tree is read."""
    from . import api

    api.ready()


def _has_ours(rows: Mapping[str, Rows], base: Base | None) -> bool:
    """Whether a live row carries our tag, or the base held a manifest that could have one."""
    tagged = any(tag.namespace == each.namespace for each in rows.values() for tag in each.live_by_tag)
    return tagged or (base is not None and bool(base.by_name))
