"""Plans that were reviewed: written to a file, read back, and held against the plan of now. Fails closed.

A plan file is read by people; what is applied is always planned again (design §6). So nothing in a file is trusted but
its digest, and a file whose text says otherwise than its digest was edited. Reads and writes disk; knows no server.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import PlanRefused, UsageError
from .model import Plan
from .report import Viewer, documents

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SIZE_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was reviewed: plan documents by environment name, or bare digests in the order of environments."""

    documents: Mapping[str, Mapping[str, Any]] = field(repr=False)
    digests: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was reviewed beforehand."""
        return not self.documents and not self.digests


def write(path: Path, plans: Sequence[Plan]) -> None:
    """Write *plans* as JSON with addresses in full, readable by its owner only. UsageError where that fails."""
    if path.exists() and not path.is_file():
        # A rename would put a file in the place of /dev/null.
        raise UsageError(f"{path}: not a file; name one for the plan")
    text = documents.dumps(documents.several([documents.plan(plan, Viewer(addresses=True)) for plan in plans]))
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        # Renamed into place, so that a file is never half a plan and never keeps another's looser mode.
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot write the plan: {error.strerror}") from error


def expected(paths: Iterable[Path], digests: Iterable[str]) -> Reviewed:
    """What `--plan FILE` and `--expect DIGEST` ask for. UsageError for both at once and for what is not a plan."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in paths:
        for document in _read(path):
            name = document["environment"]["name"]
            if name in found:
                raise UsageError(f"{path}: a second plan for the environment {name}; give one per environment")
            found[name] = document
    given = tuple(digests)
    if not all(_DIGEST.fullmatch(digest) for digest in given):
        raise UsageError("--expect takes a digest as plan prints it: sha256: and 64 hexadecimal digits")
    if found and given:
        raise UsageError("--plan and --expect exclude each other: a plan file has its own digest")
    return Reviewed(found, given)


def check(reviewed: Reviewed, plans: Sequence[Plan]) -> None:
    """Raise PlanRefused unless *plans* are exactly the ones that were reviewed, environment by environment."""
    if reviewed.is_empty:
        return
    if reviewed.digests:
        _check_digests(reviewed.digests, plans)
        return
    names = [plan.environment.name for plan in plans]
    if sorted(names) != sorted(reviewed.documents):
        raise PlanRefused(
            f"the plan file is for {', '.join(sorted(reviewed.documents))}, this run for {', '.join(sorted(names))}; "
            "select the same environments with --env"
        )
    for plan in plans:
        _check_document(reviewed.documents[plan.environment.name], plan)


def _check_digests(digests: Sequence[str], plans: Sequence[Plan]) -> None:
    if len(digests) != len(plans):
        raise UsageError(f"{len(plans)} environments are selected: give --expect once for each, in config order")
    for digest, plan in zip(digests, plans, strict=True):
        if digest != plan.digest:
            raise PlanRefused(
                f"{plan.environment.name}: the plan of now is {plan.digest}, not the expected {digest}: something "
                "changed since it was reviewed; run plan, review, and expect the new digest"
            )
        _check_later(plan)


def _check_later(plan: Plan) -> None:
    """A digest leaves effects out (design §6): it cannot tell that a delivery date has passed since (trap T-28)."""
    names = sorted({change.name for change in plan.changes for effect in change.effects if effect.when is not None})
    if names:
        raise PlanRefused(
            f"{plan.environment.name}: {', '.join(names)} would be sent at the server's next tick, because an old "
            "delivery date has passed, and a digest does not say whether that was reviewed; review a plan file "
            "instead: plan --out FILE, then apply --plan FILE"
        )


def _check_document(document: Mapping[str, Any], plan: Plan) -> None:
    now = documents.plan(plan, Viewer(addresses=True))
    differing = _differing(document, now)
    if document["digest"] == plan.digest and not differing:
        _check_effects(document, now)
        return
    what = f" ({', '.join(differing)})" if differing else ""
    raise PlanRefused(
        f"{plan.environment.name}: the plan of now is not the one in the file{what}: something changed since it was "
        "reviewed; run plan --out again and review it"
    )


def _check_effects(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Nobody is reached whom the reviewer did not see: a delivery date may have become stale since (promise 3)."""
    if more := sorted({name for name, reached in _effects(now) - _effects(then)}):
        raise PlanRefused(
            f"{now['environment']['name']}: by now {', '.join(more)} would reach people or channels that the reviewed "
            "plan does not name; run plan --out again and review it"
        )


def _effects(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Who is reached by which change, and when."""
    return {
        (str(change.get("name")), json.dumps([effect.get("effect"), effect.get("when"), reached]))
        for change in document["changes"]
        for effect in change.get("effects") or ()
        for reached in effect.get("recipients") or [effect.get("channel")]
    }


def _differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of changes that are in one document only, or not the same in both; `the file` where it was edited."""
    if any(then.get(key) != now[key] for key in ("environment", "namespace")):
        return ["another environment or namespace"]
    before, after = _essences(then), _essences(now)
    return sorted({key[2] for key in before.keys() | after.keys() if before.get(key) != after.get(key)})


def _essences(document: Mapping[str, Any]) -> dict[tuple[str, str, str, str], str]:
    """What the digest covers of each change (design §6)."""
    return {
        (str(item.get("action")), str(item.get("kind")), str(item.get("name")), str(item.get("id"))): json.dumps(
            [[field.get("field"), field.get("before"), field.get("after")] for field in item.get("fields", ())]
        )
        for item in document.get("changes", ())
    }


def _read(path: Path) -> list[Mapping[str, Any]]:
    try:
        if not path.is_file():
            raise UsageError(f"{path}: cannot read the plan: there is no such file")
        if path.stat().st_size > _SIZE_LIMIT:
            raise UsageError(f"{path}: too large to be a plan")
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the plan: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a plan: it is not JSON") from error
    items = document if isinstance(document, list) else [document]
    if not items or not all(_is_plan(item) for item in items):
        raise UsageError(f"{path}: not a plan: write one with plan --out FILE")
    return items


def _is_plan(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("format") == documents.PLAN
        and isinstance(item.get("digest"), str)
        and isinstance(item.get("environment"), dict)
        and isinstance(item["environment"].get("name"), str)
        and isinstance(item.get("changes"), list)
        and all(isinstance(change, dict) and isinstance(change.get("fields"), list) for change in item["changes"])
        and all(isinstance(field, dict) for change in item["changes"] for field in change["fields"])
    )
