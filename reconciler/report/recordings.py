"""What people and machines read about session recordings and session properties: tables and JSON. Pure.

The JSON formats, each one document with `format` and `environment` as in plan/v1:

    recordings/v1           `effect`, `summary` (how many of each status), `duplicates`, `interrupted`, and `outcomes`:
                            `id`, `status` (erased, gone, earlier, failed, unknown or skipped), `reason`, `error` (as in
                            apply/v1), `attempts`
    recording-sharing/v1    `recordings`: `id`, `enabled`, `created_at` (null where it is not shared); never the token
    session-properties/v1   `properties`: `name`, `type`, `numerical`
    session-values/v1       `key`, `values`, `refreshing`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from ..model import Environment
from ..privacy import Address
from ..recordings import MEANINGS, Asked, Effect, Erasure, Fate, Outcome, Sharing, in_words, seconds_for
from ..sessions import Property, Values
from .documents import Document
from .view import Viewer, count, visible

ERASURE = "posthog-reconciler/recordings/v1"
SHARING = "posthog-reconciler/recording-sharing/v1"
PROPERTIES = "posthog-reconciler/session-properties/v1"
VALUES = "posthog-reconciler/session-values/v1"

_WORDS = {Fate.GONE: "already gone", Fate.EARLIER: "done by an earlier run"}
_MOST_NAMED = 5

UNPROVEN = (
    "The key may read nothing here, so that a recording that is gone already cannot be told from a wrong project "
    "number: unless another one is erased, a 404 counts as failed. Give it subscription:read or "
    "sharing_configuration:read."
)


# --- erasing --------------------------------------------------------------------------------------------------------


def announcement(environment: Environment, asked: Asked, effect: Effect, *, done: int, timeout: float) -> list[str]:
    """What a person must know before they say yes: how many, where, what happens, and how long it takes.

    *asked* is what will be sent; *done* are the ids that an earlier run has done.
    """
    sending = len(asked.ids)
    where = f"{environment.name}, project {environment.project_id} on {environment.host}"
    lines = [f"{count(sending, 'session recording')} to erase in {where}."]
    if done:
        lines.append(f"{done} more {'is' if done == 1 else 'are'} done by an earlier run and not sent again.")
    if asked.duplicates:
        lines.append(f"{count(asked.duplicates, 'duplicate')} left out: every id is sent once.")
    lines.append(MEANINGS[effect])
    if asked.unusual:
        named = ", ".join(asked.unusual[:_MOST_NAMED]) + (", …" if len(asked.unusual) > _MOST_NAMED else "")
        lines.append(f"Not UUIDs, as ids mostly are: {count(len(asked.unusual), 'id')} ({named}).")
    if (needed := seconds_for(sending)) > timeout:
        lines.append(
            f"The server takes 240 requests a minute and 1200 an hour, so this takes about {in_words(needed)}; the run "
            f"ends after {timeout:g} seconds. Give --timeout {needed + 600}, or --journal FILE and run it again."
        )
    return lines


def erasure(found: Erasure, viewer: Viewer) -> str:
    """What is not done, one line each with the reason; then how many ended how."""
    lines = [_outcome(outcome, viewer) for outcome in found.outcomes if not outcome.fate.is_done]
    counts = ", ".join(f"{found.count(fate)} {_WORDS.get(fate, fate.value)}" for fate in Fate if found.count(fate))
    lines.append(f"{found.environment.name}: {counts or 'nothing to erase'}.")
    if found.interrupted:
        lines.append("Interrupted: what is skipped was not sent.")
    if not found.is_complete:
        lines.append("The same list again does the rest.")
    return _plain(lines)


def erasure_document(found: Erasure, viewer: Viewer) -> Document:
    """The recordings/v1 document."""
    return {
        "format": ERASURE,
        "environment": _environment(found.environment),
        "effect": found.effect.value,
        "summary": {fate.value: found.count(fate) for fate in Fate},
        "duplicates": found.duplicates,
        "interrupted": found.interrupted,
        "outcomes": [
            {
                "id": outcome.id,
                "status": outcome.fate.value,
                "reason": viewer.text(outcome.reason) or None,
                "error": asdict(outcome.answer) if outcome.answer is not None else None,
                "attempts": outcome.attempts,
            }
            for outcome in found.outcomes
        ],
    }


def _outcome(outcome: Outcome, viewer: Viewer) -> str:
    return f"{outcome.fate.ljust(8)}{outcome.id}: {viewer.text(outcome.reason)}"


# --- sharing --------------------------------------------------------------------------------------------------------


def sharing(states: Sequence[Sharing], *, tokens: bool) -> str:
    """A table of how recordings are shared; with the tokens of those that are, where they were asked for."""
    head = ("RECORDING", "SHARED", "SINCE", *(("TOKEN",) if tokens else ()))
    return _table(head, [_state(state, tokens=tokens) for state in states])


def sharing_document(environment: Environment, states: Sequence[Sharing]) -> Document:
    """The recording-sharing/v1 document, without any token."""
    return {
        "format": SHARING,
        "environment": _environment(environment),
        "recordings": [{"id": state.id, "enabled": state.enabled, "created_at": state.since} for state in states],
    }


def _state(state: Sharing, *, tokens: bool) -> tuple[str, ...]:
    told = (state.id, "yes" if state.enabled else "no", state.since or "-")
    # Opened here and nowhere else: a person at a terminal asked for it.
    return (*told, state.token.value if state.token is not None else "-") if tokens else told


# --- sessions -------------------------------------------------------------------------------------------------------


def properties(found: Sequence[Property]) -> str:
    """A table of session properties."""
    return _table(("PROPERTY", "TYPE"), [(item.name, item.type or "-") for item in found])


def properties_document(environment: Environment, found: Sequence[Property]) -> Document:
    """The session-properties/v1 document."""
    return {
        "format": PROPERTIES,
        "environment": _environment(environment),
        "properties": [{"name": item.name, "type": item.type, "numerical": item.numerical} for item in found],
    }


def values(key: str, found: Values, viewer: Viewer) -> str:
    """A table of the values of a session property; addresses in them masked where others may read it."""
    return _table((key,), [(_value(name, viewer),) for name in found.names])


def values_document(environment: Environment, key: str, found: Values) -> Document:
    """The session-values/v1 document."""
    return {
        "format": VALUES,
        "environment": _environment(environment),
        "key": key,
        "values": list(found.names),
        "refreshing": found.refreshing,
    }


def _value(name: str, viewer: Viewer) -> str:
    return Address(name).shown(addresses=viewer.addresses) if "@" in name else name


def _environment(environment: Environment) -> Document:
    return {"name": environment.name, "host": environment.host, "project_id": environment.project_id}


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as they need to be; every untrusted character made visible."""
    if not rows:
        return "Nothing found."
    shown = [[visible(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in shown)


def _plain(lines: Iterable[str]) -> str:
    return "\n".join(visible(line) for line in lines)
