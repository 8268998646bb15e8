"""The JSON formats of design §6: plan/v1, apply/v1, validation/v1, error/v1. Stable, and never half a document.

A change of plan/v1 has the further key `deliveries`: `before` and `after`, the next three instants in UTC as the server
computes them, and `timezone`, the zone that the manifest speaks in (null for UTC); `overdue` where the first of `after`
goes out at the server's next tick, `unknown` where servers differ about the rule and nothing tells which this one is.
It is null where the change cannot move them. Like the findings about time it hangs on the clock, which is one of the
inputs: the same inputs at the same moment give the same bytes, and `deliveries` stay the same from one delivery to the
next. No digest covers them (times are out, design §6), and no plan is refused because of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import Answer, Problem
from ..instants import spelled
from ..model import (
    Action,
    ApplyResult,
    Change,
    Deliveries,
    Effect,
    Environment,
    FieldChange,
    Finding,
    Outcome,
    Plan,
    Request,
    Source,
    Status,
)
from .view import Viewer

PLAN = "posthog-reconciler/plan/v1"
APPLY = "posthog-reconciler/apply/v1"
VALIDATION = "posthog-reconciler/validation/v1"
ERROR = "posthog-reconciler/error/v1"

Document = dict[str, Any]

# What JSON may spell as an escape just as well: invisible characters, and the second sign of `##[`, which build
# machines obey in a log.
_DISGUISE = re.compile(r"[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]|(?<=#)#")

_encoded = json.JSONEncoder(ensure_ascii=False).encode


def dumps(document: Any) -> str:
    """*document* as JSON text, keys in the order of design §6: a line for each key, and for each item of a list.

    So a person finds a change on a line of its own, and the text is made by the encoder in C, which is ten times faster
    than an indented one.
    """
    if isinstance(document, list):
        return "[\n" + ",\n".join(dumps(item) for item in document) + "\n]"
    lines = (f"{_compact(key)}: {_listed(value)}" for key, value in document.items())
    return "{\n  " + ",\n  ".join(lines) + "\n}"


def _listed(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _compact(value)
    return "[\n    " + ",\n    ".join(_compact(item) for item in value) + "\n  ]"


def _compact(value: Any) -> str:
    text = _encoded(value)
    if text.isascii() and "##" not in text and "\x7f" not in text:
        return text  # nearly all there is, and a search for a disguise would take longer than the encoder
    return _DISGUISE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def several(documents: Sequence[Document]) -> Any:
    """One document by itself, several as a list (design §6)."""
    return documents[0] if len(documents) == 1 else list(documents)


def plan(plan: Plan, viewer: Viewer) -> Document:
    """The plan/v1 document of *plan*."""
    return {
        "format": PLAN,
        "environment": environment(plan.environment),
        "namespace": plan.namespace,
        "digest": plan.digest,
        "base": plan.base,
        "summary": summary(plan),
        "coverage": _coverage(plan, viewer),
        "changes": [change(item, viewer) for item in plan.changes],
        "findings": [finding(item, viewer) for item in plan.findings],
    }


def summary(plan: Plan) -> dict[str, int]:
    """How many changes of each sort, and how many rows stay as they are."""
    counts = {action.value: plan.count(action) for action in Action}
    return counts | {
        "unchanged": plan.unchanged,
        "unmanaged": plan.coverage.unmanaged + plan.coverage.foreign,
    }


def apply(result: ApplyResult, viewer: Viewer) -> Document:
    """The apply/v1 document of *result*."""
    return {
        "format": APPLY,
        "environment": environment(result.plan.environment),
        "namespace": result.plan.namespace,
        "digest": result.plan.digest,
        "summary": {status.value: result.count(status) for status in Status},
        "verified": result.verified,
        "interrupted": result.interrupted,
        "outcomes": [outcome(item, viewer) for item in result.outcomes],
        "findings": [finding(item, viewer) for item in (*result.plan.findings, *result.findings)],
    }


def outcome(outcome: Outcome, viewer: Viewer) -> Document:
    """What became of one change."""
    return {
        "action": outcome.change.action.value,
        "kind": outcome.change.kind,
        "name": outcome.change.name,
        "id": outcome.id,
        "status": outcome.status.value,
        "reason": viewer.text(outcome.reason) or None,
        "error": _answer(outcome.answer),
        "attempts": outcome.attempts,
    }


def validation(manifests: int, problems: Iterable[Problem], warnings: Iterable[Problem], viewer: Viewer) -> Document:
    """The validation/v1 document."""
    errors = [_problem(problem, viewer) for problem in problems]
    return {
        "format": VALIDATION,
        "valid": not errors,
        "manifests": manifests,
        "errors": errors,
        "warnings": [_problem(warning, viewer) for warning in warnings],
    }


def error(problems: Iterable[Problem], viewer: Viewer) -> Document:
    """The error/v1 document."""
    return {"format": ERROR, "errors": [_problem(problem, viewer) for problem in problems]}


def _coverage(plan: Plan, viewer: Viewer) -> Document:
    coverage = plan.coverage
    return {
        "managed": coverage.managed,
        "unmanaged": coverage.unmanaged,
        "other_namespaces": coverage.foreign,
        "unmanaged_by_creator": [
            {"creator": viewer.value(creator), "rows": many} for creator, many in coverage.creators
        ],
    }


def change(change: Change, viewer: Viewer) -> Document:
    """A change, as in plan/v1."""
    *first, last = change.requests
    document: Document = {
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "id": change.id,
        "source": source(change.source),
        "fields": [_field(field, viewer) for field in change.fields],
        "request": _request(last, viewer),
        "effects": [_effect(effect, viewer) for effect in change.effects],
        "deliveries": deliveries(change.deliveries),
    }
    if first:
        # A replacement soft-deletes the old row before `request` creates the new one.
        document["retire"] = _request(first[0], viewer)
    return document


def _field(field: FieldChange, viewer: Viewer) -> Document:
    cause = field.cause.value if field.cause is not None else None
    return {
        "field": field.field,
        "before": viewer.value(field.before),
        "after": viewer.value(field.after),
        "cause": cause,
    }


def _request(request: Request, viewer: Viewer) -> Document:
    return {"method": request.method, "path": request.path, "json": viewer.value(dict(request.body or {}))}


def _effect(effect: Effect, viewer: Viewer) -> Document:
    document: Document = {"effect": effect.effect}
    if effect.effect == "mail":
        document["recipients"] = viewer.value(effect.recipients)
    else:
        document["channel"] = viewer.value(effect.channel)
    document |= {key: value for key, value in (("when", effect.when), ("why", effect.why)) if value is not None}
    return document | ({"unknown": True} if effect.unknown else {})


def deliveries(found: Deliveries | None) -> Document | None:
    """The next deliveries before and after a change, as instants in UTC; None where the change cannot move them."""
    if found is None:
        return None
    document: Document = {
        "before": [spelled(when) for when in found.before],
        "after": [spelled(when) for when in found.after],
        "timezone": found.timezone,
    }
    document |= {"overdue": True} if found.overdue else {}
    return document | ({"unknown": True} if found.unknown else {})


def finding(finding: Finding, viewer: Viewer) -> Document:
    """A finding, as in plan/v1."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "name": finding.name,
        "id": finding.id,
        "message": viewer.text(finding.message),
        "source": source(finding.source),
    }


def environment(environment: Environment) -> Document:
    """Which project on which host, under its name in the config."""
    return {"name": environment.name, "host": environment.host, "project_id": environment.project_id}


def source(source: Source | None) -> Document | None:
    """Where a manifest stands."""
    return {"path": source.path, "line": source.line} if source is not None else None


def _problem(problem: Problem, viewer: Viewer) -> Document:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "rule": problem.rule,
        "message": viewer.text(problem.message),
    }


def _answer(answer: Answer | None) -> Document | None:
    if answer is None:
        return None
    return {
        "status": answer.status,
        "type": answer.type,
        "code": answer.code,
        "attr": answer.attr,
        "detail": answer.detail,
    }
