"""What was reviewed, held against the plan of now: equal, less, or different, and in what. Pure; fails closed.

A plan that was shown in a pull request is remembered in the first line of the comment, as fingerprints: of each
environment, and of each change as long as they are not too many. Whoever may edit the comment may forge it, so this
protects from plans that became stale, and not from a maintainer (docs/ci.md). Knows neither GitHub nor Markdown.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..model import Action, Json, Plan, Severity
from ..planner import Fingerprint, fingerprint
from ..rules import is_drift

VERSION = 1
MOST_NAMED = 16_000
"""Characters of a marker; where the changes would need more, their fingerprints stand in it without their names."""
MOST_LISTED = 40_000
"""Characters of a marker without names, enough for 1,500 changes; above it only the plan as a whole is recognised."""

_LINE = re.compile(r"<!-- reconciler:(plan|drift) (\{[^\n]*\}) -->")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PRINTS = re.compile(r"([\w-]{12}([\w-]{12})?( [\w-]{12}([\w-]{12})?)*)?", re.ASCII)
_PRINT = 12
"""Characters of one half of a fingerprint."""
_NOBODY = "0" * 16
"""What stands for the reach of a plan that reaches nobody, in what is expected of it."""


class State(StrEnum):
    """How far a plan has come. What is `applying`, `partial` or `applied` is history: later plans begin a new comment.

    Only what is `applied` is done with: the run of the others may be repeated.
    """

    OPEN = "open"
    FAILED = "failed"
    REFUSED = "refused"
    APPLYING = "applying"
    PARTIAL = "partial"
    APPLIED = "applied"

    @property
    def is_history(self) -> bool:
        """Whether the comment is not to be overwritten by another plan."""
        return self in (State.APPLYING, State.PARTIAL, State.APPLIED)


@dataclass(frozen=True, slots=True)
class Remembered:
    """The plan of one environment as a comment remembers it.

    `reach` stands for everything that the plan reaches; `changes` are the fingerprints by sign and name, the names
    empty where they were many, None where they were too many.
    """

    environment: str
    digest: str
    reach: str
    changes: tuple[tuple[str, Fingerprint], ...] | None

    @classmethod
    def of(cls, plan: Plan) -> Remembered:
        """What is remembered of *plan*."""
        prints = tuple(
            (f"{change.action.sign}{change.name}", fingerprint(plan.environment, plan.namespace, change))
            for change in plan.changes
        )
        return cls(plan.environment.name, plan.digest, _reach(print.reach for _, print in prints), prints)


@dataclass(frozen=True, slots=True)
class Marker:
    """The first line of a comment. `commit`, `run` and `read` say of which commit, by which run, and when."""

    key: str
    state: State
    commit: str = ""
    run: str = ""
    read: str = ""
    plans: tuple[Remembered, ...] = ()

    @property
    def line(self) -> str:
        """The marker as a line that no reader sees; without names, then without changes, where they are too many."""
        if len(named := self._line(_named)) <= MOST_NAMED:
            return named
        listed = self._line(_listed)
        return listed if len(listed) <= MOST_LISTED else self._line(_bare)

    def _line(self, written: Callable[[Remembered], dict[str, Json]]) -> str:
        document = {
            "v": VERSION,
            "key": self.key,
            "state": self.state.value,
            "sha": self.commit,
            "run": self.run,
            "read": self.read,
            "environments": [written(plan) for plan in self.plans],
        }
        return f"<!-- reconciler:plan {spelled(document)} -->"


@dataclass(frozen=True, slots=True)
class DriftMarker:
    """The first line of a drift issue. `is_open` is False once we closed it ourselves."""

    key: str
    digest: str
    is_open: bool = True

    @property
    def line(self) -> str:
        """The marker as a line that no reader sees."""
        state = "open" if self.is_open else "resolved"
        document = {"v": VERSION, "key": self.key, "state": state, "digest": self.digest}
        return f"<!-- reconciler:drift {spelled(document)} -->"


def key_of(label: str, selection: Mapping[str, Any]) -> str:
    """The key of a label, or without one of what is planned where: each has a comment of its own."""
    facts = {"label": label} if label else {"selection": dict(selection)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def spelled(document: Json) -> str:
    """*document* as JSON that can stand in an HTML comment: it neither ends it nor begins one."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("--", "-\\u002d").replace("&", "\\u0026")


def marker_of(body: str) -> Marker | None:
    """The marker that *body* begins with; None where it has none, or one that is not as we write them."""
    document = _document(body, "plan")
    try:
        return _marker(document) if document is not None else None
    except (KeyError, TypeError, ValueError):
        return None


def drift_marker_of(body: str) -> DriftMarker | None:
    """The marker of a drift issue that *body* begins with, likewise."""
    document = _document(body, "drift")
    if document is None or not all(isinstance(document.get(name), str) for name in ("key", "digest", "state")):
        return None
    return DriftMarker(document["key"], document["digest"], document["state"] == "open")


def _document(body: str, sort: str) -> dict[str, Any] | None:
    """The JSON of the first line of *body*, if it is a marker of *sort* in a version that we know."""
    found = _LINE.fullmatch(body.partition("\n")[0].rstrip("\r"))
    if found is None or found[1] != sort:
        return None
    try:
        document = json.loads(found[2])
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("v") == VERSION else None


def _marker(document: Mapping[str, Any]) -> Marker:
    key, commit, run, read = (_str(document[name]) for name in ("key", "sha", "run", "read"))
    plans = tuple(_remembered(item) for item in document["environments"])
    return Marker(key, State(document["state"]), commit, run, read, plans)


def _bare(plan: Remembered) -> dict[str, Json]:
    return {"name": plan.environment, "digest": plan.digest, "reach": plan.reach}


def _named(plan: Remembered) -> dict[str, Json]:
    if plan.changes is None:
        return _bare(plan)
    if plan.changes and not any(label for label, _ in plan.changes):
        return _listed(plan)  # it was read from a marker that had no names
    return {**_bare(plan), "changes": [[label, *print] for label, print in plan.changes]}


def _listed(plan: Remembered) -> dict[str, Json]:
    if plan.changes is None:
        return _bare(plan)
    return {**_bare(plan), "prints": " ".join(print.essence + print.reach for _, print in plan.changes)}


def _remembered(item: Mapping[str, Any]) -> Remembered:
    digest = _str(item["digest"])
    if not _DIGEST.fullmatch(digest):
        raise ValueError("not a digest")
    return Remembered(_str(item["name"]), digest, _str(item["reach"]), _changes(item))


def _changes(item: Mapping[str, Any]) -> tuple[tuple[str, Fingerprint], ...] | None:
    """The changes of a plan as a marker has them: with their names, without, or not at all."""
    if (changes := item.get("changes")) is not None:
        return tuple((_str(label), Fingerprint(_str(essence), _str(reach))) for label, essence, reach in changes)
    if (prints := item.get("prints")) is None:
        return None
    if not _PRINTS.fullmatch(_str(prints)):
        raise ValueError("not fingerprints")
    return tuple(("", Fingerprint(each[:_PRINT], each[_PRINT:])) for each in prints.split())


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _reach(reaches: Iterable[str]) -> str:
    """Everything that is reached, in a few characters; empty where that is nobody."""
    found = sorted(filter(None, reaches))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16] if found else ""


# --- the comparison -------------------------------------------------------------------------------------------------


class Likeness(StrEnum):
    """How the plan of now is to the reviewed one."""

    EQUAL = "equal"
    LESS = "less"
    DIFFERENT = "different"


class Why(StrEnum):
    """Why a change may not be made although a plan was reviewed."""

    NEW = "not in the reviewed plan"
    OTHER = "reviewed with other values"
    NEITHER = "not in the reviewed plan, or reviewed with other values"
    REACHES = "by now reaches people or channels that the reviewed plan does not name"
    WHOLE = "the plan as a whole is another one; it is too large to say in what"
    DIGEST = "the digest of now is not the expected one"
    BARE = "the expected digest alone does not say whom the plan reaches: expect the output digest as a whole"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that was not reviewed: a change (or None: the plan as a whole) of one environment."""

    environment: str
    action: Action | None
    name: str
    why: Why


@dataclass(frozen=True, slots=True)
class Comparison:
    """The plans of now against the reviewed ones; `differences` is empty unless they are DIFFERENT."""

    likeness: Likeness
    differences: tuple[Difference, ...] = ()


def compare(plans: Sequence[Plan], reviewed: Sequence[Remembered]) -> Comparison:
    """How *plans* are to what was *reviewed*. Nothing to do is always less; nobody unnamed is ever reached."""
    by_environment = {item.environment: item for item in reviewed}
    found = [_compare(plan, by_environment.get(plan.environment.name)) for plan in plans]
    differences = tuple(difference for comparison in found for difference in comparison.differences)
    if differences:
        return Comparison(Likeness.DIFFERENT, differences)
    is_equal = all(comparison.likeness is Likeness.EQUAL for comparison in found)
    return Comparison(Likeness.EQUAL if is_equal and len(by_environment) == len(plans) else Likeness.LESS)


def union(comments: Sequence[Sequence[Remembered]]) -> tuple[Remembered, ...]:
    """What was reviewed in all *comments* together, for what was merged together; a single one is itself."""
    by_environment: dict[str, list[Remembered]] = {}
    for each in (each for comment in comments for each in comment):
        by_environment.setdefault(each.environment, []).append(each)
    return tuple(found[0] if len(found) == 1 else _united(found) for found in by_environment.values())


def _united(found: Sequence[Remembered]) -> Remembered:
    """The changes of all; those of a plan whose changes were too many are not known, and so were not reviewed."""
    return Remembered(found[0].environment, "", "", tuple(item for each in found for item in each.changes or ()))


def expectation(plan: Plan) -> str:
    """What names *plan* and whom it reaches, to be expected by a later run: its digest, a dot, 16 digits.

    The digest alone leaves effects out (design §6), and so does not tell whom a stale delivery date has added.
    """
    return f"{plan.digest}.{Remembered.of(plan).reach or _NOBODY}"


def compare_digests(plans: Sequence[Plan], expected: Sequence[str]) -> Comparison:
    """How *plans* are to what is *expected*, one for each in order: expectations, or digests alone.

    An empty plan is always less. A digest alone vouches for nobody who is reached later, or perhaps.
    """
    pairs = list(zip(plans, expected, strict=True))
    found = [(plan, _unexpected(plan, each)) for plan, each in pairs]
    differences = tuple(Difference(plan.environment.name, None, "", why) for plan, why in found if why is not None)
    if differences:
        return Comparison(Likeness.DIFFERENT, differences)
    is_equal = all(each in (plan.digest, expectation(plan)) for plan, each in pairs)
    return Comparison(Likeness.EQUAL if is_equal else Likeness.LESS)


def _unexpected(plan: Plan, expected: str) -> Why | None:
    """Why *plan* is not what is *expected*; None where it is, or less."""
    digest, _, reach = expected.partition(".")
    if not plan.changes:
        return None
    if plan.digest != digest:
        return Why.DIGEST
    if not reach:
        is_unsure = any(effect.when or effect.unknown for change in plan.changes for effect in change.effects)
        return Why.BARE if is_unsure else None
    return None if Remembered.of(plan).reach in ("", reach) else Why.REACHES


def _compare(plan: Plan, reviewed: Remembered | None) -> Comparison:
    now = Remembered.of(plan)
    if reviewed is not None and (now.digest, now.reach) == (reviewed.digest, reviewed.reach):
        return Comparison(Likeness.EQUAL)
    if not plan.changes:
        return Comparison(Likeness.LESS)
    name = plan.environment.name
    if reviewed is not None and reviewed.changes is None:
        # Nobody at all being reached is less than whatever was reviewed.
        if now.digest == reviewed.digest and not now.reach:
            return Comparison(Likeness.LESS)
        return Comparison(Likeness.DIFFERENT, (Difference(name, None, "", Why.WHOLE),))
    then = (reviewed.changes if reviewed is not None else None) or ()
    found = [
        Difference(name, change.action, change.name, why)
        for change, (label, print) in zip(plan.changes, now.changes or (), strict=True)
        if (why := _why(label, print, then)) is not None
    ]
    return Comparison(Likeness.DIFFERENT, tuple(found)) if found else Comparison(Likeness.LESS)


def _why(label: str, now: Fingerprint, then: Sequence[tuple[str, Fingerprint]]) -> Why | None:
    """Why the change *now* was not reviewed; None where it was."""
    alike = [print for _, print in then if print.essence == now.essence]
    if any(now.reach in ("", print.reach) for print in alike):
        return None
    if alike:
        return Why.REACHES
    if any(label == other for other, _ in then):
        return Why.OTHER
    return Why.NEW if all(other for other, _ in then) else Why.NEITHER


def digest_of_drift(plans: Sequence[Plan]) -> str:
    """The fingerprint of a drift: the digests, and what blocks or differs without a change."""
    found = [
        [plan.environment.name, finding.rule, finding.name, finding.id]
        for plan in plans
        for finding in plan.findings
        if finding.severity is Severity.BLOCK or is_drift(finding)
    ]
    facts = [[plan.digest for plan in plans], sorted(json.dumps(item) for item in found)]
    return "sha256:" + hashlib.sha256(json.dumps(facts).encode()).hexdigest()
