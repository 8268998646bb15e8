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

# What a field of a fault may be; a bool is no number.
_TYPES: Mapping[str, Any] = {
    "effect": str,
    "method": str | None,
    "path": str,
    "phase": str,
    "nth": int,
    "count": int | None,
    "probability": int | float,
    "status": int,
    "html": str | None,
    "retry_after": int | str | None,
    "seconds": int | float,
    "shift": str,
    "row": int | None,
    "fields": Mapping,
}


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
        for name, kind in _TYPES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kind):
                raise ValueError(f"{name} cannot be {value!r}")
        for reason, is_so in self._mistakes().items():
            if is_so:
                raise ValueError(reason)
        re.compile(self.path)

    def _mistakes(self) -> dict[str, bool]:
        is_during = self.phase == "during"
        return {
            f"no effect {self.effect!r}; there are {', '.join(EFFECTS)}": self.effect not in EFFECTS,
            f"no phase {self.phase!r}; there are {', '.join(PHASES)}": self.phase not in PHASES,
            f"{self.effect} cannot act during a request; only delay and shift can": is_during
            and self.effect not in ("delay", "shift"),
            "during a request there is something only for PATCH and PUT": is_during
            and self.method not in (None, "PATCH", "PUT"),
            f"no method {self.method!r}; methods are spelled in capitals": self.method is not None
            and self.method != self.method.upper(),
            f"no shift {self.shift!r}; there are {', '.join(SHIFTS)}": self.shift not in SHIFTS,
            "nth and count begin at 1, and probability lies between 0 and 1": self.nth < 1
            or (self.count is not None and self.count < 1)
            or not 0 <= self.probability <= 1,
            "status lies between 100 and 599, and seconds begin at 0": not 100 <= self.status <= 599
            or self.seconds < 0,
        }

    @classmethod
    def from_json(cls, document: Any) -> "Fault":
        """A fault as it is written in a faults file or sent to /_sandbox/faults."""
        if not isinstance(document, Mapping):
            raise ValueError(f"a fault is an object, not {document!r}")
        unknown = document.keys() - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        if "effect" not in document:
            raise ValueError(f"a fault needs an effect: {', '.join(EFFECTS)}")
        try:
            return cls(**document)
        except re.error as error:
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
