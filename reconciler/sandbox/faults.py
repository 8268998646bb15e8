"""What can go wrong on the way, as data, and when it does. Knows no HTTP server, no Django and no subscription.

A fault matches requests by method and by a regular expression over path and query; it acts on the *nth* match and on
*count* matches from there (None: for ever), each time with *probability*.
"""

import random
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

EFFECTS: Mapping[str, str] = {
    "status": "answer with `status`, `json` or `html`, and `retry_after`",
    "drop": "close the connection without an answer",
    "hang": "never answer",
    "delay": "wait `seconds`",
    "truncate": "answer with half of the body, then close the connection",
    "slow_bytes": "send the body byte by byte, `seconds` apart",
    "shift": "somebody else changes a row: `shift` is insert, patch or delete, of `row` with `fields`",
}

PHASES: Mapping[str, str] = {
    "before": "before the request does anything",
    "during": "after the row was loaded and before it is saved (only for delay and shift on a PATCH or PUT)",
    "after": "after the request did its work",
}

SHIFTS = ("insert", "patch", "delete")


class Dropped(Exception):
    """The connection ends here, without (the rest of) an answer."""


class Hung(Exception):
    """No answer ever comes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    effect: str
    method: str | None = None  # None: any
    path: str = ""  # a regular expression, searched for in "path?query"
    phase: str = "before"  # truncate and slow_bytes always act on the answer
    nth: int = 1
    count: int | None = 1
    probability: float = 1.0
    status: int = 500
    json: Any = None
    html: str | None = None
    retry_after: int | str | None = None
    seconds: float = 0.0
    shift: str = "patch"
    row: int | None = None  # None: the newest row for delete and patch
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could never act."""
        if self.effect not in EFFECTS:
            raise ValueError(f"no effect {self.effect!r}; there are {', '.join(EFFECTS)}")
        if self.phase not in PHASES:
            raise ValueError(f"no phase {self.phase!r}; there are {', '.join(PHASES)}")
        if self.phase == "during" and self.effect not in ("delay", "shift"):
            raise ValueError(f"{self.effect} cannot act during a request; only delay and shift can")
        if self.shift not in SHIFTS:
            raise ValueError(f"no shift {self.shift!r}; there are {', '.join(SHIFTS)}")
        if self.nth < 1 or (self.count is not None and self.count < 1) or not 0 <= self.probability <= 1:
            raise ValueError("nth and count begin at 1, and probability lies between 0 and 1")
        re.compile(self.path)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Fault":
        """A fault as it is written in a faults file or sent to /_sandbox/faults."""
        unknown = document.keys() - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        if "effect" not in document:
            raise ValueError(f"a fault needs an effect: {', '.join(EFFECTS)}")
        try:
            return cls(**document)
        except (TypeError, re.error) as error:
            raise ValueError(f"not a fault: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """The fault as `from_json` reads it."""
        return asdict(self)

    def matches(self, method: str, target: str) -> bool:
        """Whether a request is one this fault is about."""
        return self.method in (None, method) and re.search(self.path, target) is not None


# A PostgreSQL that is away for a moment, and a proxy whose server is (contract §2.4).
DATABASE_UNAVAILABLE = Fault(
    "status",
    status=503,
    retry_after=1,
    json={
        "type": "server_error",
        "code": "database_unavailable",
        "detail": "The database is temporarily unavailable.",
        "attr": None,
    },
)
BAD_GATEWAY = Fault("status", status=502, html="<html><body><h1>502 Bad Gateway</h1></body></html>")


class Faults:
    """The faults that are switched on, and how often each was met."""

    def __init__(self, seed: int = 0) -> None:
        """Begin with none; *seed* decides every probability."""
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._met: list[tuple[Fault, int]] = []

    def add(self, *faults: Fault) -> None:
        """Switch *faults* on; each counts from its own beginning."""
        with self._lock:
            self._met.extend((fault, 0) for fault in faults)

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._met.clear()

    def reset(self, seed: int) -> None:
        """Switch everything off, and begin chance anew."""
        with self._lock:
            self._random.seed(seed)
            self._met.clear()

    def all(self) -> list[Fault]:
        """The faults that are on, whether they still act or not."""
        with self._lock:
            return [fault for fault, _ in self._met]

    def met(self) -> int:
        """How often a request matched a fault so far."""
        with self._lock:
            return sum(met for _, met in self._met)

    def strike(self, method: str, target: str) -> list[Fault]:
        """The faults that act on this request, in the order they were added; counts it for each that matches."""
        with self._lock:
            struck = []
            for place, (fault, met) in enumerate(self._met):
                if not fault.matches(method, target):
                    continue
                self._met[place] = (fault, met + 1)
                if self._acts(fault, met + 1):
                    struck.append(fault)
            return struck

    def _acts(self, fault: Fault, met: int) -> bool:
        is_due = met >= fault.nth and (fault.count is None or met < fault.nth + fault.count)
        return is_due and self._random.random() < fault.probability
