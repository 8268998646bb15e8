"""Every cell of the fault table, played; and the page that is written from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.conftest import Ran
from tests.faults.stage import Stage, staged, statuses
from tests.faults.table import CASES, PAGE, Case, Cell, Operation, Word, cells, page


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server for all cells; each begins anew on it."""
    with staged(tmp_path_factory.mktemp("faults")) as stage:
        yield stage


def told(ran: Ran) -> tuple[int, dict[str, str]]:
    """The exit code and how the change ended, as the table has it."""
    found = statuses(ran)
    if ran.json["format"] == "posthog-reconciler/error/v1":
        return ran.code, {"weekly": Word.REFUSED.value}
    if ran.json["verified"] is False and set(found.values()) == {"applied"}:
        return ran.code, dict.fromkeys(found, Word.UNVERIFIED.value)
    return ran.code, found


@pytest.mark.parametrize(
    ("case", "operation", "cell"),
    [pytest.param(*each, id=f"{each[1].name}-{each[0].name}-{each[0].when}") for each in cells()],
)
def test_a_fault_costs_nobody_anything(stage: Stage, case: Case, operation: Operation, cell: Cell) -> None:
    """The first run says what happened; the second finishes; nothing is there twice, and nobody is mailed twice."""
    operation.arrange(stage)
    rows = len(stage.sandbox.rows())
    stage.sandbox.faults.add(operation.met_by(case.fault))
    mails = Counter(operation.mails)

    first = stage.apply()
    assert (cell.code, {"weekly": cell.word.value}) == told(first)
    assert (mails if cell.is_done else Counter()) == stage.mailed()

    stage.sandbox.faults.clear()
    second = stage.apply()
    assert (0, {} if cell.is_done else {"weekly": "applied"}) == (second.code, statuses(second))
    assert (None if cell.is_done else True) is second.json["verified"]
    assert (dict(operation.live), mails, True) == (stage.live(), stage.mailed(), stage.untouched())
    assert rows + operation.makes == len(stage.sandbox.rows())


def test_the_page_is_what_the_table_says() -> None:
    """docs/reliability.md is written by `python -m tests.faults.table --write`."""
    assert page() == PAGE.read_text(encoding="utf-8")


def test_no_two_cells_are_the_same() -> None:
    """A fault is listed once for each moment."""
    assert len(CASES) == len({(case.name, case.when) for case in CASES})
