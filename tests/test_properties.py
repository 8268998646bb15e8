"""Whatever happens, in whatever order: what the promises of design §1 come to, against the sandbox.

A Story is a history: people edit manifests and rows, unsubscribe, and apply while answers get lost and runners die. The
sandbox is the server, and its outbox is the judge of who was mailed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from reconciler import api, planner
from reconciler.executor import Orders, execute
from reconciler.identity import Rows, needs_deleted
from reconciler.model import (
    Action,
    Config,
    Effect,
    Environment,
    Json,
    Live,
    Manifest,
    Outcome,
    Plan,
    Policy,
    Request,
    Source,
    Status,
)
from reconciler.planner import Scene
from reconciler.privacy import Key, Private
from reconciler.removal import Base, Pruning
from reconciler.sandbox import Fault, Sandbox
from tests.scenes import KINDS, NAMESPACE, NOW, SUBSCRIPTION

NAMES = ("a", "b", "c", "d")
PEOPLE = tuple(f"{name}@example.com" for name in ("ana", "bo", "cy", "dan"))
ENVELOPE = {"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": None}
POLICY = Policy(max_new_recipients=None)
CONTENT = ("insight", "dashboard", "dashboard_export_insights")
WEEKLY = {
    "target_type": "email",
    "target_value": list(PEOPLE),
    "frequency": "weekly",
    "interval": 1,
    "start_date": "2026-01-05T09:00:00Z",
}


class Died(BaseException):
    """The runner was switched off: nothing after this is carried out."""


@dataclass
class Mortal:
    """A Sender whose machine is switched off at its *last* write: before it was sent, or after it was carried out."""

    writer: api.Writer
    last: int
    is_sent: bool

    def get(self, request: Request) -> Json:
        """Read one object."""
        return self.writer.get(request)

    def rows(self, request: Request, *, decode: Callable[[Json], Live]) -> Sequence[Live]:
        """Read a listing."""
        return self.writer.rows(request, decode=decode)

    def send(self, request: Request, before: Callable[[], None]) -> api.Sent:
        """Send one write, or die."""
        self.last -= 1
        if self.last > 0:
            return self.writer.send(request, before)
        if self.last == 0 and self.is_sent:
            self.writer.send(request, before)
        raise Died


@dataclass
class Story:
    """A sandbox, the tree of manifests, and the tree that was last applied whole."""

    sandbox: Sandbox
    tree: dict[str, Manifest] = field(default_factory=dict)
    applied: dict[str, Manifest] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)

    # What git says

    def write(self, name: str, spec: Mapping[str, Any]) -> None:
        """Write the manifest *name*; a name that lives again is nobody's previous one."""
        self.tree[name] = Manifest("Subscription", name, Source(f"{name}.yaml", 1), dict(spec))
        self._settle_names()

    def change(self, name: str, part: Mapping[str, Any]) -> None:
        """Edit some fields of the manifest *name*, or of the first one."""
        name = self._known(name)
        if name in self.tree and "deleted" not in self.tree[name].spec:
            self.tree[name] = replace(self.tree[name], spec={**self.tree[name].spec, **part})

    def turn(self, name: str, content: Mapping[str, Any]) -> None:
        """Let the manifest *name*, or the first one, send another insight or dashboard."""
        name = self._known(name)
        if name in self.tree and "deleted" not in self.tree[name].spec:
            spec = {key: value for key, value in self.tree[name].spec.items() if key not in CONTENT}
            self.tree[name] = replace(self.tree[name], spec={**spec, **content})

    def drop(self, name: str) -> None:
        """Delete the file of the manifest *name*."""
        self.tree.pop(name, None)

    def bury(self, name: str) -> None:
        """Make the manifest *name* a tombstone."""
        if name in self.tree:
            self.tree[name] = replace(self.tree[name], spec={"deleted": True}, ids={})

    def rename(self, old: str, new: str) -> None:
        """Rename the manifest *old*, or the first one, and say so."""
        old = self._known(old)
        if old in self.tree and new not in self.tree:
            before = self.tree.pop(old)
            names = tuple(dict.fromkeys((old, *before.previous_names)))
            self.tree[new] = replace(before, name=new, previous_names=names)
            self._settle_names()

    def adopt(self, name: str, row: int) -> None:
        """Let the manifest *name* adopt one of the rows that carry no tag."""
        free = [each["id"] for each in self.sandbox.rows(deleted=False) if "[" not in (each["title"] or "")]
        taken = {id for each in self.tree.values() for id in each.ids.values()}
        free = [id for id in free if id not in taken]
        if free and name in self.tree and "deleted" not in self.tree[name].spec:
            self.tree[name] = replace(self.tree[name], ids={None: free[row % len(free)]})

    def _known(self, name: str) -> str:
        return name if name in self.tree else next(iter(self.tree), name)

    def _settle_names(self) -> None:
        for name, each in self.tree.items():
            names = tuple(old for old in each.previous_names if old not in self.tree)
            self.tree[name] = replace(each, previous_names=names)

    # What people do in PostHog

    def edit(self, row: int, part: Mapping[str, Any]) -> None:
        """Edit a live row by hand; its tag stays."""
        for each in self._pick(row, deleted=False):
            self.sandbox.edit(each["id"], **part)

    def retitle(self, row: int) -> None:
        """Write a title over a row's title and tag: it is nobody's from then on."""
        for each in self._pick(row, deleted=False):
            self.sandbox.edit(each["id"], title="Mine now")

    def leave(self, row: int, person: str) -> None:
        """Somebody unsubscribes."""
        for each in self._pick(row, deleted=False):
            self.sandbox.unsubscribe(each["id"], person)

    def remove(self, row: int) -> None:
        """Soft-delete a live row by hand."""
        for each in self._pick(row, deleted=False):
            self.sandbox.edit(each["id"], deleted=True)

    def bring_back(self, row: int) -> None:
        """Restore a row by hand, unless one with its tag is live."""
        for each in self._pick(row, deleted=True):
            if not any(tags(each) == tags(other) for other in self.sandbox.rows(deleted=False)):
                self.sandbox.edit(each["id"], deleted=False)
                self.removed.discard(each["id"])

    def _pick(self, row: int, *, deleted: bool) -> list[dict[str, Any]]:
        mine = [each for each in self.sandbox.rows(deleted=deleted) if tags(each).startswith(f"[{NAMESPACE}:")]
        return [mine[row % len(mine)]] if mine else []

    # What the tool does

    def plan(self) -> Plan:
        """The plan of the tree, with the tree that was last applied as its base."""
        config = Config(NAMESPACE, (self.environment,), policy=POLICY)

        def wanted(tree: Mapping[str, Manifest]) -> list[Any]:
            return [SUBSCRIPTION.desired(each, config, self.environment) for each in tree.values()]

        here = wanted(self.tree)
        with api.reader(self._place, self._run(), transport=self._transport) as reader:
            live = reader.rows(SUBSCRIPTION.listing(deleted=False), decode=SUBSCRIPTION.decode)
            rows = Rows.of(NAMESPACE, live)
            if needs_deleted(here, rows):
                deleted = reader.rows(SUBSCRIPTION.listing(deleted=True), decode=SUBSCRIPTION.decode)
                rows = Rows.of(NAMESPACE, live, deleted)
        scene = Scene(
            environment=self.environment,
            namespace=NAMESPACE,
            policy=POLICY,
            wanted=tuple(here),
            rows={"Subscription": rows},
            base=Base.of("base", wanted(self.applied)),
            pruning=Pruning(is_tree_empty=not self.tree, allow_empty=True, max_deletes=99),
            allow_recreate=True,
        )
        return planner.plan(scene, KINDS)

    def apply(self, fault: Fault | None = None, death: tuple[int, bool] | None = None) -> bool:
        """Plan and carry out, while *fault* or *death* happens; whether it was applied whole. Holds every promise."""
        self.sandbox.faults.clear()
        plan = self.plan()
        if plan.blockers:
            event("blocked")
            return False
        before = self.sandbox.rows()
        self.sandbox.clear_outbox()
        self._hold_removals(plan)
        if fault is not None:
            self.sandbox.faults.add(fault)
        outcomes = self._execute(plan, death)
        self.sandbox.faults.clear()
        self._hold(plan, outcomes, before)
        is_whole = outcomes is not None and all(each.status is Status.APPLIED for each in outcomes)
        if is_whole:
            self._hold_whole(plan)
            self.applied = dict(self.tree)
        return is_whole

    def _execute(self, plan: Plan, death: tuple[int, bool] | None) -> tuple[Outcome, ...] | None:
        orders = Orders(age=lambda: 0.0, parallel=1)
        with api.writer(self._place, self._run(), transport=self._transport) as writer:
            if death is None:
                return execute(plan, KINDS, writer, orders)
            try:
                return execute(plan, KINDS, Mortal(writer, *death), orders)
            except Died:
                return None

    @property
    def environment(self) -> Environment:
        """The sandbox's project."""
        return Environment("default", "http://127.0.0.1", str(self.sandbox.project_id))

    @property
    def _place(self) -> api.Place:
        return api.Place(self.environment, Key(self.sandbox.key))

    @property
    def _transport(self) -> httpx.WSGITransport:
        return httpx.WSGITransport(app=self.sandbox.app)

    def _run(self) -> api.Run:
        return api.Run(sleep=lambda _: None)

    # The promises

    def _hold(self, plan: Plan, outcomes: tuple[Outcome, ...] | None, before: Sequence[dict[str, Any]]) -> None:
        """Promises 1, 2, 3 and 5, after every apply, however it ended."""
        after = {each["id"]: each for each in self.sandbox.rows()}
        mine = {id for each in self.tree.values() for id in each.ids.values()}
        mine |= {id for each in self.applied.values() for id in each.ids.values()}
        for row in before:
            if not tags(row).startswith(f"[{NAMESPACE}:") and row["id"] not in mine:
                assert row == after[row["id"]], "an unmanaged row was touched"
        for each in self.tree.values():
            assert len(self.live(each)) <= max(1, len(live_rows(each, before))), "two live rows for one manifest"
        told = {(change_of(plan, row, after), row.recipient) for row in self.sandbox.outbox()}
        assert told <= named(plan, lambda _: True), "somebody was told whom the plan did not name"
        if outcomes is not None:
            assert list(plan.changes) == [outcome.change for outcome in outcomes], "a change without its one outcome"

    def _hold_whole(self, plan: Plan) -> None:
        """Whoever was named by a plan that was applied whole got a message: at once, or at the server's next tick."""
        after = {each["id"]: each for each in self.sandbox.rows()}
        told = {(change_of(plan, row, after), row.recipient) for row in self.sandbox.outbox()}
        missing = named(plan, lambda effect: effect.when is None and not effect.unknown) - told
        assert missing == set(), "somebody was named, and told nothing"
        self.sandbox.clear_outbox()
        self.sandbox.tick(self.sandbox.now)
        ours = {change.id for change in plan.changes}
        due = [row for row in self.sandbox.outbox() if row.subscription_id in ours]
        missing = named(plan, lambda effect: effect.when is not None) - {
            (change_of(plan, row, after), row.recipient) for row in due
        }
        assert missing == set(), "somebody was named for the next delivery, and told nothing"

    def _hold_removals(self, plan: Plan) -> None:
        """A row that was soft-deleted is not soft-deleted again, unless somebody brought it back."""
        going = {change.id for change in plan.changes if change.action is Action.DELETE}
        back = {change.id for change in plan.changes if change.action is Action.RESTORE}
        assert not going & self.removed, "soft-deleted twice"
        live = {each["id"] for each in self.sandbox.rows(deleted=False)}
        assert going <= live, "soft-deleted what was not live"
        self.removed = {row["id"] for row in self.sandbox.rows(deleted=True)} - back

    def live(self, manifest: Manifest) -> list[dict[str, Any]]:
        """The live rows of *manifest*, under any of its names."""
        return live_rows(manifest, self.sandbox.rows(deleted=False))


def named(plan: Plan, counts: Callable[[Effect], bool]) -> set[tuple[str, str]]:
    """Whom the effects of *plan* name, each with the change, as far as the effect *counts*."""
    return {
        (change.name, reached(person))
        for change in plan.changes
        for effect in change.effects
        if counts(effect)
        for person in (effect.recipients or (effect.channel,))
    }


def tags(row: Mapping[str, Any]) -> str:
    """What stands in brackets at the end of a row's title."""
    title = row["title"] or ""
    return title[title.rindex("[") :] if title.endswith("]") else ""


def live_rows(manifest: Manifest, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The live ones among *rows* that carry a tag of *manifest* or its id."""
    names = {f"[{NAMESPACE}:{name}]" for name in (manifest.name, *manifest.previous_names)}
    ids = set(manifest.ids.values())
    return [row for row in rows if not row["deleted"] and (tags(row) in names or row["id"] in ids)]


def reached(person: Any) -> str:
    """Somebody an effect names, as the outbox names them."""
    return (person.value if isinstance(person, Private) else str(person)).split("|")[0]


def change_of(plan: Plan, message: Any, rows: Mapping[int, dict[str, Any]]) -> str:
    """The name of the change that a message came from."""
    by_id = {change.id: change.name for change in plan.changes if change.action is not Action.REPLACE}
    tag = tags(rows[message.subscription_id])
    return by_id.get(message.subscription_id) or tag.removeprefix(f"[{NAMESPACE}:").removesuffix("]")


# Histories

people = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True)
targets: st.SearchStrategy[dict[str, Any]] = st.one_of(
    people.map(lambda them: {"target_type": "email", "target_value": them}),
    st.sampled_from(["C1|#one", "C2|#two"]).map(
        lambda channel: {"target_type": "slack", "target_value": channel, "integration_id": 1}
    ),
)
contents: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"insight": 4}, {"insight": 5}, {"dashboard": 7, "dashboard_export_insights": "tiles"}]
)
schedules: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"frequency": "daily", "interval": 1, "start_date": "2026-01-05T09:00:00Z"},
        {"frequency": "weekly", "interval": 2, "start_date": "2026-01-05T09:00:00Z", "byweekday": ["monday", "friday"]},
        {"frequency": "weekly", "interval": 1, "start_date": "2026-01-05T10:00:00+01:00"},
    ]
)
titles: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{}, {"title": "One"}, {"title": "Two"}])
specs = st.tuples(targets, contents, schedules, titles).map(
    lambda parts: {**parts[0], **parts[1], **parts[2], **parts[3]}
)

Step = tuple[str, tuple[Any, ...]]
names = st.sampled_from(NAMES)
rows = st.integers(0, 5)


def step(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """A step of a Story: the method and what it is called with."""
    return st.tuples(st.just(name), st.tuples(*arguments))


other_side = step("turn", names, contents)
edits = st.one_of(
    other_side,
    step("write", names, specs),
    step(
        "change",
        names,
        people.map(lambda them: {"target_type": "email", "target_value": them, "integration_id": None}),
    ),
    step("change", names, schedules),
    step("drop", names),
    step("bury", names),
    step("rename", names, names),
    step("adopt", names, rows),
)
hands = st.one_of(
    step("edit", rows, st.sampled_from([{"frequency": "monthly"}, {"interval": 3}, {"target_value": PEOPLE[0]}])),
    step("retitle", rows),
    step("leave", rows, st.sampled_from(PEOPLE)),
    step("remove", rows),
    step("bring_back", rows),
)
faults = st.one_of(
    st.builds(Fault, st.just("drop"), st.sampled_from(["POST", "PATCH"]), phase=st.sampled_from(["before", "after"])),
    st.builds(
        Fault,
        st.just("status"),
        st.sampled_from(["POST", "PATCH"]),
        phase=st.sampled_from(["before", "after"]),
        status=st.sampled_from([500, 502, 503]),
        json=st.sampled_from([ENVELOPE, None]),
        count=st.sampled_from([1, 9]),
    ),
    st.builds(Fault, st.just("truncate"), st.sampled_from(["POST", "PATCH"])),
    st.builds(Fault, st.just("drop"), st.just("GET"), nth=st.integers(1, 3), count=st.just(9)),
)
applies = st.one_of(
    step("apply"),
    step("apply", faults),
    step("apply", st.none(), st.tuples(st.integers(1, 3), st.booleans())),
)
histories = st.tuples(
    st.lists(step("write", names, specs), min_size=1, max_size=3),
    st.lists(st.one_of(edits, hands, applies, applies), max_size=8),
).map(lambda parts: [*parts[0], *parts[1]])

ONE = {"target_type": "email", "target_value": [PEOPLE[0]], "insight": 4, "interval": 1, "title": "One"}
ONE |= {"frequency": "daily", "start_date": "2026-01-05T09:00:00Z"}
MORE = {"target_type": "email", "target_value": [PEOPLE[0], PEOPLE[1]], "integration_id": None}
"""Histories that chance might not tell: somebody is added, and a row is removed by hand and brought back."""

others = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.sampled_from([None, "By hand", "Theirs [sales:a]", "[growth:a] not at the end"]),
            "insight": st.sampled_from([4, 11, 12]),
            "target_value": st.sampled_from([PEOPLE[0], "eve@example.com", "eve@example.com, fay@example.com"]),
        }
    ),
    max_size=3,
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """A sandbox that every example resets."""
    sandbox = Sandbox(flags=("no-throttle",))
    yield sandbox
    sandbox.close()


def begin(sandbox: Sandbox, profile: str, others: Sequence[Mapping[str, Any]] = ()) -> Story:
    """A fresh Story on a server of *profile* that holds *others*."""
    sandbox.reset(profile, flags=("no-throttle",))
    sandbox.set_now(NOW)
    sandbox.faults.clear()
    for each in others:
        sandbox.add(**each)
    return Story(sandbox)


def spelled_for(story: Story, step: Step) -> Step:
    """*step* with a spec as the Story's server takes it: later fields on later servers only."""
    name, arguments = step
    return name, tuple(_spelled(story, each) if isinstance(each, dict) else each for each in arguments)


def _spelled(story: Story, spec: dict[str, Any]) -> dict[str, Any]:
    is_later = story.sandbox.rules.has("export-list-required")
    spec = {
        key: value
        for key, value in spec.items()
        if is_later or key not in ("integration_id", "dashboard_export_insights")
    }
    if "dashboard_export_insights" in spec:
        spec["dashboard_export_insights"] = story.sandbox.tiles(spec["dashboard"])[:2]
    return spec


def tell(story: Story, history: Sequence[Step]) -> None:
    """Let *history* happen."""
    for each in history:
        name, arguments = spelled_for(story, each)
        getattr(story, name)(*arguments)


@pytest.mark.parametrize("profile", ["seed", "latest"])
@given(others=others, history=histories)
@example(others=[], history=[("write", ("a", ONE)), ("apply", ()), ("change", ("a", MORE)), ("apply", ())])
@example(others=[], history=[("write", ("a", ONE)), ("apply", ()), ("remove", (0,)), ("apply", ())])
def test_no_history_breaks_a_promise(
    shared: Sandbox, profile: str, others: Sequence[Mapping[str, Any]], history: Sequence[Step]
) -> None:
    """Never two rows, never an unmanaged one, nobody told unseen; at the end it converges, and means what it says."""
    story = begin(shared, profile, others)

    tell(story, history)
    # A create that nobody answered is finished by the next run.
    is_whole = any(story.apply() for _ in range(3))

    if story.plan().blockers:
        event("blocked at the end")
        return
    assert is_whole
    assert () == story.plan().changes
    for each in story.tree.values():
        assert_held(story, each)


def assert_held(story: Story, manifest: Manifest) -> None:
    """The server holds what *manifest* says, less those who left."""
    found, spec = story.live(manifest), manifest.spec
    if spec.get("deleted"):
        assert [] == found
        return
    if not found:
        # Only a row that everybody left may stay away.
        assert "emptied" in {finding.rule for finding in story.plan().findings if finding.name == manifest.name}
        return
    (row,) = found
    for name in ("target_type", "frequency", "interval", "insight", "dashboard"):
        assert spec.get(name) == row[name]
    assert (spec.get("byweekday") or []) == (row["byweekday"] or [])
    if not manifest.ids:
        assert f"{spec.get('title', '')} [{NAMESPACE}:{manifest.name}]".strip() == row["title"]
    if spec["target_type"] == "email":
        assert_reached(story, manifest, {each.strip() for each in row["target_value"].split(",")})


def assert_reached(story: Story, manifest: Manifest, people: set[str]) -> None:
    """Exactly those are on the row whom the manifest names and the plan does not keep out."""
    kept_out = {
        part.value
        for finding in story.plan().findings
        if finding.rule == "unsubscribed" and finding.name == manifest.name
        for part in finding.message
        if isinstance(part, Private)
    }
    wanted = set(manifest.spec["target_value"])
    assert wanted - kept_out == people or kept_out == wanted


@pytest.mark.parametrize("profile", ["seed", "latest"])
@given(
    spec=specs,
    history=st.lists(
        st.one_of(
            step("rename", names, names),
            step("change", names, schedules),
            other_side,
            step("edit", rows, st.sampled_from([{"frequency": "monthly"}, {"title": f"X [{NAMESPACE}:a]"}])),
            step("remove", rows),
            applies,
        ),
        max_size=8,
    ),
)
def test_somebody_who_left_is_never_reached_again(
    shared: Sandbox, profile: str, spec: dict[str, Any], history: Sequence[Step]
) -> None:
    """Not by renames, restores, replacements, hand edits or retries: only a manifest that drops and re-adds them."""
    story = begin(shared, profile)
    spec = {key: value for key, value in spec.items() if key != "integration_id"}
    tell(story, [("write", ("a", {**spec, "target_type": "email", "target_value": list(PEOPLE)}))])
    assert story.apply()
    (row,) = story.live(story.tree["a"])
    story.leave(0, PEOPLE[1])
    told = [message.recipient for message in shared.outbox()]
    assert PEOPLE[1] not in shared.row(row["id"])["target_value"]

    for each in [*history, ("apply", ())]:
        shared.clear_outbox()
        tell(story, [each])
        told = [message.recipient for message in shared.outbox()]
        assert PEOPLE[1] not in told

    assert not any(PEOPLE[1] in each["target_value"] for each in shared.rows(deleted=False))


@pytest.mark.parametrize("profile", ["seed", "latest"])
@given(spec=specs, applied=st.lists(st.booleans(), min_size=4, max_size=4), fault=st.none() | faults)
def test_renaming_twice_and_back_never_makes_a_second_row(
    shared: Sandbox, profile: str, spec: dict[str, Any], applied: Sequence[bool], fault: Fault | None
) -> None:
    """Whichever of the renames were applied, and whatever got lost: one row, one id."""
    story = begin(shared, profile)
    tell(story, [("write", ("a", spec))])
    assert story.apply()
    (first,) = story.live(story.tree["a"])

    for (old, new), is_applied in zip([("a", "b"), ("b", "c"), ("c", "b"), ("b", "a")], applied, strict=True):
        story.rename(old, new)
        if is_applied:
            story.apply(fault)
    story.apply()

    assert [(first["id"], f"[{NAMESPACE}:a]")] == [(row["id"], tags(row)) for row in shared.rows()]


@pytest.mark.parametrize("phase", ["before", "after"])
@given(
    fault=faults,
    specs=st.lists(specs, min_size=1, max_size=3),
    death=st.none() | st.tuples(st.integers(1, 4), st.booleans()),
)
def test_a_first_apply_that_breaks_is_finished_by_the_next(
    shared: Sandbox, phase: str, fault: Fault, specs: Sequence[dict[str, Any]], death: tuple[int, bool] | None
) -> None:
    """Whichever write is lost or never sent, every manifest ends with exactly one row, made by exactly one POST."""
    story = begin(shared, "seed")
    fault = replace(fault, phase=fault.phase if fault.effect == "truncate" else phase, count=1)
    tell(story, [("write", (name, spec)) for name, spec in zip(NAMES, specs, strict=False)])

    story.apply(fault, death)
    story.apply()

    assert len(specs) == len(shared.rows())
    assert () == story.plan().changes


@given(fault=faults, death=st.none() | st.tuples(st.integers(1, 3), st.booleans()))
def test_a_replacement_that_breaks_is_finished_by_the_next(
    shared: Sandbox, fault: Fault, death: tuple[int, bool] | None
) -> None:
    """Wherever it breaks, never are two rows live, and the next apply leaves exactly the new one."""
    story = begin(shared, "latest")
    tell(story, [("write", ("a", {**WEEKLY, "insight": 4}))])
    assert story.apply()
    tell(story, [("turn", ("a", {"dashboard": 7, "dashboard_export_insights": "tiles"}))])

    story.apply(replace(fault, count=1), death)
    story.apply()

    assert [7] == [row["dashboard"] for row in shared.rows(deleted=False)]
    assert () == story.plan().changes
