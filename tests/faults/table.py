"""The fault table: every operation of an apply, met by everything that can go wrong, and what must come of it.

    python -m tests.faults.table           print docs/reliability.md as it ought to be
    python -m tests.faults.table --write   write it

`test_table.py` plays every cell with the real command over real sockets, twice: what the first run says and leaves
behind, and that the same command again ends with everything done, nothing doubled, and nobody mailed twice.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from reconciler.sandbox import DATABASE_UNAVAILABLE, Fault
from tests.faults.stage import Stage, envelope

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"

HTML = "<html><body><h1>Somebody in between</h1></body></html>"


class Word(StrEnum):
    """How the planned change ended in the first run."""

    APPLIED = "applied"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    REFUSED = "no plan"
    UNVERIFIED = "applied, not verified"


class Group(StrEnum):
    """What a request is for, as far as a fault in it matters."""

    READ = "read"
    LOOK = "look"
    ROW = "row"
    VERIFY = "verify"
    POST = "post"
    PATCH = "patch"


class Cell(NamedTuple):
    """What the first run must end with: the change's status, the exit code, and whether the server holds it."""

    word: Word
    code: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of an apply that a fault can meet, and the scene in which it is sent.

    `mails` are those whom the plan names, whatever happens; `live` are our rows in the end; `makes` says how many rows
    there are more than before.
    """

    name: str
    group: Group
    method: str
    path: str
    arrange: Callable[[Stage], None]
    mails: tuple[str, ...]
    live: Mapping[str, str]
    nth: int = 1
    is_second_half: bool = False
    makes: int = 0

    def met_by(self, fault: Fault) -> Fault:
        """*fault*, happening to this request."""
        return replace(fault, method=self.method, path=self.path, nth=self.nth)


@dataclass(frozen=True, slots=True)
class Case:
    """Something that goes wrong: when, what of it a read survives, and what becomes of a POST and of a PATCH.

    `accepted` says that the server answered a write with 2xx that is not applied in the end; `row` what becomes of the
    change when a single row is read so, where that is not what becomes of a listing.
    """

    name: str
    when: str
    fault: Fault
    read: Word
    post: Word
    patch: Word
    accepted: bool = False
    row: Word | None = None

    def cell(self, operation: Operation) -> Cell:
        """What must come of it."""
        match operation.group:
            case Group.POST:
                return self._written(self.post, operation)
            case Group.PATCH:
                return self._written(self.patch, operation)
        read = (self.row if operation.group is Group.ROW else None) or self.read
        if read is Word.APPLIED:
            return Cell(Word.APPLIED, 0, True)
        if operation.group in (Group.LOOK, Group.ROW):
            return Cell(Word.SKIPPED, 1, False)
        if operation.group is Group.VERIFY:
            return Cell(Word.UNVERIFIED, 4, True)
        return Cell(Word.REFUSED, 1, False)

    def _written(self, word: Word, operation: Operation) -> Cell:
        if word is Word.APPLIED:
            return Cell(word, 0, True)
        # Half of a replacement is done by then, which is no skip.
        if operation.is_second_half:
            return Cell(Word.FAILED if word is Word.SKIPPED else word, 4, False)
        return Cell(word, 4 if word is Word.UNKNOWN or self.accepted else 1, False)


def _create(stage: Stage) -> None:
    stage.set()
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])


def _paged(stage: Stage) -> None:
    stage.set("page-cap:4", bystanders=9)
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])


def _update(stage: Stage) -> None:
    stage.set()
    stage.row("weekly")
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])


def _restore(stage: Stage) -> None:
    stage.set()
    stage.row("weekly", deleted=True)
    stage.tree.manifest("weekly", target_value=["ana@example.com", "bo@example.com"])


def _replace(stage: Stage) -> None:
    stage.set("later-fields", "target-required")
    stage.row("weekly", insight=None, dashboard=1)
    stage.tree.manifest("weekly")


def _delete(stage: Stage) -> None:
    stage.set()
    stage.row("weekly")


STEADY = {"steady": "ana@example.com"}
ONE = {**STEADY, "weekly": "ana@example.com"}
BOTH = {**STEADY, "weekly": "ana@example.com,bo@example.com"}
ANA, BO = ("ana@example.com",), ("bo@example.com",)

LIVE = r"/subscriptions/\?(?!.*(deleted|offset)=)"
LATER = r"/subscriptions/\?(?!.*deleted=).*offset="
DELETED = r"/subscriptions/\?.*deleted="
POSTED, PATCHED = r"/subscriptions/$", r"/subscriptions/\d+/$"

OPERATIONS: Sequence[Operation] = (
    Operation("list, first page", Group.READ, "GET", LIVE, _paged, ANA + BO, BOTH, makes=1),
    Operation("list, a later page", Group.READ, "GET", LATER, _paged, ANA + BO, BOTH, makes=1, nth=2),
    Operation("list the deleted", Group.READ, "GET", DELETED, _create, ANA + BO, BOTH, makes=1),
    Operation("look before a create", Group.LOOK, "GET", LIVE, _create, ANA + BO, BOTH, makes=1, nth=2),
    Operation("create", Group.POST, "POST", POSTED, _create, ANA + BO, BOTH, makes=1),
    Operation("look before a change", Group.ROW, "GET", PATCHED, _update, BO, BOTH),
    Operation("update", Group.PATCH, "PATCH", PATCHED, _update, BO, BOTH),
    Operation("restore", Group.PATCH, "PATCH", PATCHED, _restore, BO, BOTH),
    Operation("replace: remove", Group.PATCH, "PATCH", PATCHED, _replace, ANA, ONE, makes=1),
    Operation("replace: create", Group.POST, "POST", POSTED, _replace, ANA, ONE, makes=1, is_second_half=True),
    Operation("delete", Group.PATCH, "PATCH", PATCHED, _delete, (), STEADY),
    Operation("verify", Group.VERIFY, "GET", LIVE, _update, BO, BOTH, nth=2),
)

OK, FAILED, UNKNOWN, SKIPPED, NONE = Word.APPLIED, Word.FAILED, Word.UNKNOWN, Word.SKIPPED, Word.REFUSED

ONCE, AFTER = "before it is carried out", "after it was carried out"
ALWAYS, EVER = "every time, before", "every time, after"


def _status(status: int, body: object = None, **more: object) -> Fault:
    return replace(Fault("status", status=status, json=body), **more)  # type: ignore[arg-type]  # the fields of a Fault


def _page(status: int, **more: object) -> Fault:
    return replace(Fault("status", status=status, html=HTML), **more)  # type: ignore[arg-type]  # the fields of a Fault


def _at(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


THROTTLED = envelope("throttled_error", "throttled")
CRASHED = envelope("server_error", "error")
PROBLEM = {"type": "about:blank", "title": "Service Unavailable", "code": "unavailable"}
"""An error as gateways write it (RFC 9457); PostHog has no such type."""

FINAL: Mapping[str, Fault] = {
    "400 of a field": _status(400, envelope("validation_error", "invalid_choice", "frequency")),
    "400 of the plan's limit": _status(400, envelope("validation_error", "invalid_input", "subscription")),
    "401": _status(401, envelope("authentication_error", "authentication_failed")),
    "402, not in the plan": _status(402, envelope("server_error", "payment_required")),
    "402, limit exceeded": _status(402, envelope("limit_exceeded", "limit_exceeded")),
    "403": _status(403, envelope("authentication_error", "permission_denied")),
    "405": _status(405, envelope("invalid_request", "method_not_allowed")),
    "413, HTML": _page(413),
    "302 to nowhere": _status(302, {}),
}
"""Answers that end the matter, whatever they answer."""


def _never() -> Iterator[Case]:
    for name, fault in FINAL.items():
        yield Case(name, ONCE, fault, NONE, FAILED, FAILED)
    missing = _status(404, envelope("invalid_request", "not_found"), count=None)
    yield Case("404", ALWAYS, missing, NONE, FAILED, FAILED)
    yield Case("429, Retry-After: 9999", ONCE, _status(429, THROTTLED, retry_after=9999), NONE, SKIPPED, SKIPPED)


def _busy() -> Iterator[Case]:
    yield Case("429, Retry-After: 2", ONCE, _status(429, THROTTLED, retry_after=2), OK, OK, OK)
    yield Case("429, Retry-After: a date", ONCE, _status(429, THROTTLED, retry_after=_at(5)), OK, OK, OK)
    yield Case("429 without Retry-After", ONCE, _status(429, THROTTLED), OK, OK, OK)
    yield Case("429 twice", ONCE, _status(429, THROTTLED, retry_after=1, count=2), OK, OK, OK)
    yield Case("500", ONCE, _status(500, CRASHED), OK, OK, FAILED)
    yield Case("503 of the database", ONCE, DATABASE_UNAVAILABLE, OK, OK, OK)
    yield Case("500, HTML", ONCE, _page(500), OK, UNKNOWN, UNKNOWN)
    yield Case("500, JSON of a gateway", ONCE, _status(500, PROBLEM), OK, UNKNOWN, UNKNOWN)
    yield Case("502, HTML", ONCE, _page(502), OK, UNKNOWN, OK)
    yield Case("503, HTML", ONCE, _page(503), OK, UNKNOWN, OK)
    yield Case("503, JSON of a gateway", ONCE, _status(503, PROBLEM), OK, UNKNOWN, OK)
    yield Case("504, HTML", ONCE, _page(504), OK, UNKNOWN, OK)
    yield Case("dropped connection", ONCE, Fault("drop"), OK, UNKNOWN, OK)
    yield Case("no answer", ONCE, Fault("hang"), OK, UNKNOWN, OK)
    yield Case("answer after 0.1 s", ONCE, Fault("delay", seconds=0.1), OK, OK, OK)
    yield Case("one byte at a time", ONCE, Fault("slow_bytes", seconds=0.0001), OK, OK, OK)


def _strange() -> Iterator[Case]:
    yield Case("200, HTML", ONCE, _page(200), OK, UNKNOWN, UNKNOWN)
    yield Case("200, {}", ONCE, _status(200, {}), OK, UNKNOWN, UNKNOWN, row=SKIPPED)
    yield Case("200, []", ONCE, _status(200, []), OK, UNKNOWN, UNKNOWN)
    yield Case(
        "201, another row", ONCE, _status(201, {"id": 1, "title": "x"}), OK, FAILED, FAILED, accepted=True, row=SKIPPED
    )
    yield Case("204, empty", ONCE, _page(204, html=""), OK, UNKNOWN, UNKNOWN)


def _done_and_lost() -> Iterator[Case]:
    yield Case("500", AFTER, _status(500, CRASHED, phase="after"), OK, OK, OK)
    yield Case("500, HTML", AFTER, _page(500, phase="after"), OK, OK, OK)
    yield Case("502, HTML", AFTER, _page(502, phase="after"), OK, OK, OK)
    yield Case("503 of the database", AFTER, replace(DATABASE_UNAVAILABLE, phase="after"), OK, OK, OK)
    yield Case("504, HTML", AFTER, _page(504, phase="after"), OK, OK, OK)
    yield Case("dropped connection", AFTER, Fault("drop", phase="after"), OK, OK, OK)
    yield Case("no answer", AFTER, Fault("hang", phase="after"), OK, OK, OK)
    yield Case("half an answer", AFTER, Fault("truncate"), OK, OK, OK)
    yield Case("200, HTML", AFTER, _page(200, phase="after"), OK, OK, OK)
    yield Case("200, {}", AFTER, _status(200, {}, phase="after"), OK, OK, OK, row=SKIPPED)


def _persistent() -> Iterator[Case]:
    yield Case("500", ALWAYS, _status(500, CRASHED, count=None), NONE, UNKNOWN, FAILED)
    yield Case("502, HTML", ALWAYS, _page(502, count=None), NONE, UNKNOWN, UNKNOWN)
    yield Case("503 of the database", ALWAYS, replace(DATABASE_UNAVAILABLE, count=None), NONE, UNKNOWN, UNKNOWN)
    yield Case("dropped connection", ALWAYS, Fault("drop", count=None), NONE, UNKNOWN, UNKNOWN)
    yield Case("200, HTML", ALWAYS, _page(200, count=None), NONE, UNKNOWN, UNKNOWN)
    yield Case("500", EVER, _status(500, CRASHED, phase="after", count=None), NONE, OK, OK)
    yield Case("502, HTML", EVER, _page(502, phase="after", count=None), NONE, OK, OK)
    yield Case("dropped connection", EVER, Fault("drop", phase="after", count=None), NONE, OK, OK)
    yield Case("half an answer", EVER, Fault("truncate", count=None), NONE, OK, OK)


CASES: Sequence[Case] = (*_never(), *_busy(), *_strange(), *_done_and_lost(), *_persistent())


def cells() -> Iterator[tuple[Case, Operation, Cell]]:
    """Every fault that can meet an operation, and what must come of it."""
    for case in CASES:
        for operation in OPERATIONS:
            yield case, operation, case.cell(operation)


def sequences() -> Iterator[tuple[str, str]]:
    """What the other tests of this folder do, from their names, and what they assert, from their docstrings."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if path.stem != "test_table" and isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node.name.removeprefix("test_").replace("_", " "), ast.get_docstring(node) or ""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Lines of Markdown."""

    lines: list[str] = field(default_factory=list)

    def paragraph(self, text: str) -> None:
        self.lines.extend((text, ""))

    def table(self, head: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
        self.lines.append(f"| {' | '.join(head)} |")
        self.lines.append(f"|{' --- |' * len(head)}")
        self.lines.extend(f"| {' | '.join(row)} |" for row in rows)
        self.lines.append("")


def page() -> str:
    """docs/reliability.md, from the table and the sequences that the tests play."""
    sheet, found = _Sheet(), list(cells())
    words = Counter(cell.word for _, _, cell in found)
    counted = ", ".join(f"{words[word]} {word}" for word in Word if words[word])
    sheet.paragraph("# Reliability: what was broken on purpose, and what came of it")
    sheet.paragraph(_INTRODUCTION)
    sheet.paragraph("## One fault, one request")
    sheet.paragraph(
        f"{len(CASES)} faults met {len(OPERATIONS)} operations in {len(found)} cells, each played with the real "
        f"command over real sockets. The first run ended as: {counted}. After the second run of the same command **all "
        f"{len(found)} were done, none twice, and nobody was mailed twice**."
    )
    sheet.paragraph(_LEGEND)
    sheet.table(["fault", "when", *(operation.name for operation in OPERATIONS)], _rows())
    sheet.paragraph("## Several things at once")
    found_there = list(sequences())
    sheet.paragraph(f"{len(found_there)} sequences, each a test of its own in `tests/faults/`.")
    sheet.table(["what happens", "what must come of it"], iter(found_there))
    sheet.lines.append(_REST)
    return "\n".join(sheet.lines)


def _rows() -> Iterator[Sequence[str]]:
    for case in CASES:
        found = [case.cell(operation) for operation in OPERATIONS]
        yield [case.name, case.when, *(f"{cell.word} ({cell.code})" for cell in found)]


_INTRODUCTION = """\
This page is written by `python -m tests.faults.table --write` from the very data that the tests play; a test fails when
it is stale. The server is the sandbox, which is made of what PostHog is made of and keeps an outbox of everybody it
would have mailed. Unless said otherwise, the command is `reconciler apply --yes`, and the same command is run again
afterwards."""

_LEGEND = """\
A cell says how the one planned change ended in the **first** run, and the exit code. Asserted for each:

- the exit code, the outcome (exactly one), and the document on standard output;
- what the server holds after the first run, and whom it mailed by then;
- after the **second** run: exit 0, a fresh listing plans nothing, each manifest has exactly one live row, no row is too
  many (not even a deleted one), and each person named in the plan was mailed exactly once;
- rows of others are as they were, byte for byte.

`no plan` is a listing that cannot be believed: nothing is planned from it, nothing is written. A second half of a
replacement that fails ends with 4, because the first half was accepted."""

_REST = """\
## Kills

`python -m tests.faults.kills --points 200` ends the command without warning at random moments: before and after each
thing it does with a socket or with its journal, and by `SIGKILL` from outside. After each, as soon as the server has
finished what it was asked, the same command is run again. Asserted for each: exit 0, converged, no second row, nobody
mailed twice, and a journal that can be read. It fails, too, where the killed command ended by itself with anything but
0, and where fewer than half of the points killed it. The moments are drawn with a seed (`--seed`, 0 unless said
otherwise), so that a point that fails can be played again. CI plays them all, always with seed 0, and the load below.

## Load

`python -m tests.faults.load --creates 2000` creates rows under the limits of the real server (480 requests a minute and
4,800 an hour, time compressed), alone and beside another program that takes a third of the limit. Asserted: every row
there once, nobody mailed twice, no 429 when alone, and no storm of them beside others: at most one request in twenty,
and at most eight in a row, which is two for every writer. The program gives itself leave for 400 requests in any
minute. What is asserted is what the server sees, which is never more than 416 finished in any one: what had leave in
one minute may be finished in the next, as much as there are connections (16).

## What no client can promise

- A request that is still under way inside the server when the command is killed and started again at once: neither run
  can see what the other's will do. Two creates make two rows; the next run finds both, names them, and changes neither
  (`duplicate-tag`). Two changes that add the same person may both mail them.
- A change whose answer was lost is sent again, ten seconds later at the earliest, where the row read again does not
  show it. A server that is still busy with the first one then may mail those whom it adds twice; and a row that the
  first one never reached looks like one that somebody has put back since.
- Two applies to one project at the same time. Rows with the names of those to be made are looked for before the first
  create, and again before each for which that was more than 30 seconds ago. Let CI run one at a time (`concurrency`).
- The server offers neither versions nor conditions on writes (no `ETag`). A row that was read more than 30 seconds ago,
  one whose recipients change however young it is, and each one before a further try, is read again after every wait,
  right before it is written; what happens between that read and the write is overwritten.
"""


def main(arguments: Sequence[str]) -> int:
    """Print the page, or write it."""
    if "--write" in arguments:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
