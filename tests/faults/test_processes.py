"""The command as a process: signals, kills, terminals, and some cells of the table once more."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from subprocess import Popen

import pytest

from reconciler.sandbox import BAD_GATEWAY, Fault
from tests.faults.processes import LONG, Ground, ended, ground
from tests.faults.stage import lines, reasons, statuses
from tests.faults.table import DELETED, LATER, LIVE, PATCHED, POSTED

NAMES = ("ana", "bo", "cy", "dee", "eve")
PEOPLE = Counter(f"{name}@example.com" for name in NAMES)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One sandbox process for all of them."""
    with ground(tmp_path_factory.mktemp("processes")) as shared:
        yield shared


@pytest.fixture
def here(shared: Ground) -> Ground:
    """That process, begun anew, and five subscriptions to make."""
    shared.stage.set()
    for number, name in enumerate(NAMES, 10):
        shared.stage.tree.manifest(name, insight=number, target_value=[f"{name}@example.com"])
    return shared


def capped(here: Ground) -> None:
    """The same on a server that gives three rows a page, and has several pages."""
    here.stage.set("page-cap:3", bystanders=9)
    for number, name in enumerate(NAMES, 10):
        here.stage.tree.manifest(name, insight=number, target_value=[f"{name}@example.com"])


def converges(here: Ground) -> bool:
    """Whether the same command again ends with everything done, nothing doubled, and nobody mailed twice."""
    here.at_rest()
    here.stage.sandbox.faults.clear()
    again = ended(here.apply())
    found = (again.code, here.stage.mailed(), set(here.stage.live()), here.stage.untouched())
    return found == (0, PEOPLE, {*NAMES, "steady"}, True)


@pytest.mark.parametrize(
    ("fault", "code", "word"),
    [
        pytest.param(Fault("drop", method="POST", phase="after", count=None), 0, "applied", id="answers lost"),
        pytest.param(Fault("drop", method="POST", count=None), 4, "unknown", id="requests lost"),
        pytest.param(Fault("truncate", method="POST", count=None), 0, "applied", id="half answers"),
        pytest.param(BAD_GATEWAY, 0, "applied", id="a gateway"),
        pytest.param(Fault("status", method="GET", path=DELETED, status=429, retry_after=1), 0, "applied", id="a 429"),
    ],
)
def test_a_fault_meets_the_command_in_a_process_of_its_own(here: Ground, fault: Fault, code: int, word: str) -> None:
    """As in the table: what the first run says, and that the second finishes."""
    here.stage.sandbox.faults.add(fault)

    ran = ended(here.apply())

    assert (code, dict.fromkeys(NAMES, word)) == (ran.code, statuses(ran))
    assert converges(here)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_the_writes(here: Ground, number: signal.Signals) -> None:
    """What is in flight is finished, nothing new is started, everything is told, in the journal too: exit 130."""
    journal = here.stage.tree.folder / "journal"
    journal.unlink(missing_ok=True)
    here.stage.sandbox.faults.add(Fault("delay", method="POST", path=POSTED, phase="after", seconds=1.5, count=None))
    process = here.apply("--parallel", "2", "--journal", "journal")
    here.until(lambda: len(here.stage.sandbox.rows(deleted=False)) >= 5)  # two are made, their answers under way
    process.send_signal(number)
    ran = ended(process)

    assert (130, True, {"applied": 2, "skipped": 3}) == (
        ran.code,
        ran.json["interrupted"],
        Counter(statuses(ran).values()),
    )
    assert statuses(ran) == {line["name"]: line["status"] for line in lines(journal) if "name" in line}
    assert "stopping" in ran.err
    assert converges(here)


def test_a_second_signal(here: Ground) -> None:
    """It stops at once, whatever is in flight: exit 130."""
    here.stage.sandbox.faults.add(Fault("hang", method="POST", phase="after", count=None))
    process = here.apply()
    here.until(lambda: len(here.stage.sandbox.rows(deleted=False)) >= 7)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None

    began = time.monotonic()
    process.send_signal(signal.SIGINT)

    assert (130, True) == (ended(process).code, time.monotonic() - began < 5)
    assert converges(here)


def test_a_signal_while_the_server_wants_to_be_left_alone(here: Ground) -> None:
    """A wait of a minute ends at once; what was not carried out is skipped."""
    here.stage.sandbox.faults.add(Fault("status", method="POST", status=429, retry_after=60, count=None))
    process = here.apply()
    here.until(lambda: here.stage.sent("POST") >= 1)
    here.at_rest()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    ran = ended(process)

    assert (130, {"skipped"}, True) == (ran.code, set(statuses(ran).values()), time.monotonic() - began < 5)
    assert converges(here)


BEFORE_A_WRITE = {
    "the first listing hangs": (Fault("hang", method="GET", path=LIVE), 1),
    "a later page hangs": (Fault("hang", method="GET", path=LATER, count=None), 2),
    "the listing of the deleted hangs": (Fault("hang", method="GET", path=DELETED), 2),
    "the listing is slow": (Fault("slow_bytes", method="GET", path=LIVE, seconds=0.1), 1),
    "the server wants to be left alone": (Fault("status", method="GET", status=429, retry_after=60), 1),
    "the look before the first create hangs": (Fault("hang", method="GET", path=LIVE, nth=2), 3),
}
"""Where a run can stand before it has written anything, and after how many requests it stands there."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("fault", "requests"), BEFORE_A_WRITE.values(), ids=BEFORE_A_WRITE)
def test_a_signal_before_anything_is_written(here: Ground, fault: Fault, requests: int, number: signal.Signals) -> None:
    """The first one ends an apply at once, whatever it waits for, and it says that nothing was written: exit 130."""
    if fault.path == LATER:
        capped(here)
    here.stage.sandbox.faults.add(fault)
    process = here.apply()
    here.until(lambda: len(here.stage.sandbox.requests()) >= requests)
    time.sleep(0.1)  # until the answer is waited for
    began = time.monotonic()
    process.send_signal(number)
    ran = ended(process)

    error = ran.json["errors"][0]
    assert (130, "interrupted", "interrupted: nothing was written") == (ran.code, error["rule"], error["message"])
    assert (0, True) == (here.stage.sent("POST"), time.monotonic() - began < 2)
    assert converges(here)


def test_a_signal_before_a_row_is_read_again(here: Ground) -> None:
    """A change that waits for a read was not begun: nothing was written either."""
    row = here.stage.row("fay", insight=20)
    here.stage.tree.manifest("fay", insight=20, target_value=["ana@example.com", "fay@example.com"])
    here.stage.sandbox.faults.add(Fault("hang", method="GET", path=PATCHED))
    process = here.apply("--only", "fay")
    here.until(lambda: len(here.stage.sandbox.requests()) >= 3)
    process.send_signal(signal.SIGINT)
    ran = ended(process)

    assert (130, "interrupted: nothing was written") == (ran.code, ran.json["errors"][0]["message"])
    assert "ana@example.com" == here.stage.sandbox.row(row)["target_value"]


def test_a_signal_between_the_halves_of_a_replacement(here: Ground) -> None:
    """The old row is gone and the new one is not begun: that is said, and the next run makes it, once."""
    here.stage.set("later-fields", "target-required")
    here.stage.row("weekly", insight=None, dashboard=1)
    here.stage.tree.manifest("weekly")
    here.stage.sandbox.faults.add(Fault("delay", method="PATCH", phase="after", seconds=1.0))
    process = here.apply()
    here.until(lambda: set(here.stage.live()) == {"steady"})
    process.send_signal(signal.SIGINT)
    ran = ended(process)

    assert (130, {"weekly": "failed"}, Counter()) == (ran.code, statuses(ran), here.stage.mailed())
    assert "the old row is already soft-deleted: run it again" in reasons(ran)
    again = ended(here.apply())
    assert (0, {"weekly": "applied"}, {"ana@example.com": 1}) == (again.code, statuses(again), here.stage.mailed())


def test_a_signal_while_it_is_verified(here: Ground) -> None:
    """All was applied and is told; only that it was verified is not."""
    here.stage.sandbox.faults.add(Fault("hang", method="GET", path=LIVE, nth=3))
    process = here.apply()
    here.until(lambda: len(here.stage.sandbox.requests()) >= 3 + len(NAMES) + 1)
    time.sleep(0.1)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    ran = ended(process)

    assert (130, dict.fromkeys(NAMES, "applied"), None) == (ran.code, statuses(ran), ran.json["verified"])
    assert time.monotonic() - began < 2
    assert converges(here)


def test_a_signal_while_a_lost_create_is_looked_for(here: Ground) -> None:
    """It stays unknown, and is told in the journal too; the next run finds the row."""
    journal = here.stage.tree.folder / "journal"
    journal.unlink(missing_ok=True)
    here.stage.sandbox.faults.add(
        Fault("drop", method="POST", phase="after"), Fault("hang", method="GET", path=LIVE, nth=3)
    )
    process = here.apply("--parallel", "1", "--journal", "journal")
    here.until(lambda: len(here.stage.sandbox.requests()) >= 3 + len(NAMES) + 1)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    ran = ended(process)

    assert (130, {"unknown": 1, "applied": 4}) == (ran.code, Counter(statuses(ran).values()))
    assert statuses(ran) == {line["name"]: line["status"] for line in lines(journal) if "name" in line}
    assert converges(here)


@pytest.mark.parametrize(
    "fault", [Fault("hang", method="GET"), Fault("status", method="GET", status=429, retry_after=60)]
)
def test_a_signal_while_a_plan_is_read(here: Ground, fault: Fault) -> None:
    """There is nothing to finish: it ends at once, with a document that says so: exit 130."""
    here.stage.sandbox.faults.add(fault)
    process = here.start("plan", "--format", "json")
    here.until(lambda: bool(here.stage.sandbox.requests()))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    ran = ended(process)

    assert (130, "interrupted") == (ran.code, ran.json["errors"][0]["rule"])
    assert time.monotonic() - began < 5


def test_a_signal_in_the_first_of_two_environments(here: Ground) -> None:
    """The second is not begun, and each of its changes has its outcome."""
    config = here.stage.tree.folder / "reconciler.yaml"
    before = config.read_text(encoding="utf-8")
    host = before.split("host: '")[1].split("'")[0]
    config.write_text(before + f"  staging: {{host: '{host}', project_id: 2}}\n", encoding="utf-8")
    here.stage.sandbox.faults.add(Fault("delay", method="POST", phase="after", seconds=1.5))
    process = here.apply("--parallel", "1")
    here.until(lambda: len(here.stage.sandbox.rows(deleted=False)) >= 4)
    process.send_signal(signal.SIGINT)
    ran = ended(process)
    config.write_text(before, encoding="utf-8")

    first, second = ([each["status"] for each in document["outcomes"]] for document in ran.json)
    assert (130, {"applied": 1, "skipped": 4}, {"skipped": 6}) == (ran.code, Counter(first), Counter(second))
    assert converges(here)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_kill_while_creates_are_under_way(here: Ground, phase: str) -> None:
    """`kill -9`: what the journal says was applied is there, and the same command again finishes."""
    journal = here.stage.tree.folder / "journal"
    journal.unlink(missing_ok=True)
    here.stage.sandbox.faults.add(Fault("delay", method="POST", phase=phase, seconds=3.0, nth=3, count=2))
    process = here.apply("--parallel", "1", "--journal", "journal")
    here.until(lambda: len(lines(journal)) == 3 if journal.exists() else False)
    process.kill()
    ended(process)
    time.sleep(3.2)  # until what is under way in the server is over

    told = [line["name"] for line in lines(journal) if line.get("status") == "applied"]
    assert set(told) <= set(here.stage.live())
    assert 2 == len(told)
    assert converges(here)


def test_a_kill_and_a_new_start_while_a_create_is_still_under_way(here: Ground) -> None:
    """No client can see it: the next run finds both rows, names them, touches neither, and refuses with exit 3."""
    here.stage.sandbox.faults.add(Fault("delay", method="POST", phase="before", seconds=6.0))
    process = here.apply("--parallel", "1")
    here.until(lambda: len(here.stage.sandbox.requests()) >= 3)
    time.sleep(0.3)
    process.kill()
    ended(process)
    assert 0 == ended(here.apply()).code
    here.until(lambda: here.stage.sent("POST") == 6)

    ran = ended(here.apply())

    assert (3, "duplicate-tag") == (ran.code, ran.json["errors"][0]["rule"])
    assert "ana" in ran.json["errors"][0]["message"]


@pytest.mark.parametrize("years", [-30, -1, 1, 30])
def test_a_machine_whose_clock_is_wrong(here: Ground, years: int) -> None:
    """All the same is written, waited for and mailed, and a machine whose clock is right has nothing to add."""
    here.stage.row("weekly", insight=20)
    here.stage.row("gone", insight=21)
    here.stage.tree.manifest("weekly", insight=20, frequency="daily")
    here.stage.sandbox.faults.add(Fault("status", method="POST", status=429, retry_after=in_a_second()))

    ran = ended(here.apply_at(365 * years))

    assert (0, True) == (ran.code, ran.json["verified"])
    assert dict.fromkeys((*NAMES, "weekly", "gone"), "applied") == statuses(ran)
    again = ended(here.apply())
    assert (0, {}, PEOPLE) == (again.code, statuses(again), here.stage.mailed())


@pytest.mark.parametrize("year", [1999, 2080])
def test_a_server_whose_clock_is_wrong(here: Ground, year: int) -> None:
    """Rows are compared and not clocks."""
    here.stage.sandbox.set_now(datetime(year, 3, 1, 12, 0, tzinfo=UTC))
    ran = ended(here.apply())
    again = ended(here.apply())
    here.stage.sandbox.set_now(None)

    assert (0, True, 0, {}) == (ran.code, ran.json["verified"], again.code, statuses(again))
    assert PEOPLE == here.stage.mailed()


def in_a_second() -> str:
    """A Retry-After as a date, by the server's own clock."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


def on_terminal(
    here: Ground, *arguments: str, once: bytes = b"", then: Callable[[Popen[str], int], object] | None = None
) -> tuple[int, bytes]:
    """Run a command on a terminal; once it has said *once*, do *then*. Its exit code and what it wrote."""
    ours, theirs = pty.openpty()
    process = here.on_terminal(theirs, *arguments)
    os.close(theirs)
    seen, end = b"", time.monotonic() + LONG
    while time.monotonic() < end:
        try:
            chunk = os.read(ours, 65536) if select.select([ours], [], [], 0.1)[0] else None
        except OSError:  # how Linux says that nobody writes any more
            break
        seen += chunk or b""
        if then is not None and once in seen:
            then(process, ours)
            then = None
    os.close(ours)
    return process.wait(LONG), seen


def test_ctrl_c_at_the_question(here: Ground) -> None:
    """It ends the program, and nothing was written: exit 130."""

    def press(process: Popen[str], _: int) -> None:
        time.sleep(0.5)  # until it waits for an answer: Python loses a signal that comes a moment before (its own race)
        process.send_signal(signal.SIGINT)

    code, seen = on_terminal(here, "apply", once=b"Apply this?", then=press)

    assert (130, 0) == (code, here.stage.sent("POST"))
    assert b"interrupted" in seen


def test_yes_at_the_question(here: Ground) -> None:
    """The plan stands above it, and is carried out."""
    code, seen = on_terminal(here, "apply", once=b"Apply this?", then=lambda _, terminal: os.write(terminal, b"y\n"))

    assert (0, PEOPLE) == (code, here.stage.mailed())
    assert b"Verified" in seen


def test_a_person_who_thinks_longer_than_the_run_may_take(here: Ground) -> None:
    """The time at the question is not the run's: everything is written and verified in what is left of its own."""

    def think(_: Popen[str], terminal: int) -> None:
        time.sleep(6.5)
        os.write(terminal, b"y\n")

    code, seen = on_terminal(here, "apply", "--timeout", "6", once=b"Apply this?", then=think)

    assert (0, PEOPLE) == (code, here.stage.mailed())
    assert b"Verified" in seen


def test_what_takes_longer_than_a_second_on_a_terminal(here: Ground) -> None:
    """A line says how far it is, also while nothing happens, and is gone before the result is written."""
    here.stage.sandbox.faults.add(Fault("delay", method="GET", path=DELETED, seconds=2.2))

    code, seen = on_terminal(here, "plan")

    assert (0, True) == (code, re.search(rb"\rreading subscriptions: 3 of 3 \(\d+ s\)", seen) is not None)
    assert seen.index(b"\r\x1b[K") < seen.index(b"production:")


def test_what_takes_longer_than_a_second_where_nobody_watches(here: Ground) -> None:
    """Nothing is written on standard error."""
    here.stage.sandbox.faults.add(Fault("delay", method="GET", path=DELETED, seconds=1.3))

    assert "" == ended(here.start("plan")).err


@pytest.mark.parametrize("closed", ["2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"])
def test_a_signal_where_the_shell_closed_the_streams(here: Ground, closed: str) -> None:
    """What has the number of standard error then is the journal or a connection: nothing is written into those."""
    journal = here.stage.tree.folder / "journal"
    journal.unlink(missing_ok=True)
    here.stage.sandbox.faults.add(Fault("delay", method="POST", path=POSTED, phase="after", seconds=1.0, count=None))
    process = here.shell(f"apply --yes -f json --parallel 2 --journal journal {closed}")
    here.until(lambda: len(here.stage.sandbox.rows(deleted=False)) >= 5)
    process.send_signal(signal.SIGTERM)
    ran = ended(process)

    told = [line["status"] for line in lines(journal) if "status" in line]
    assert (130, {"applied": 2, "skipped": 3}) == (ran.code, Counter(told))
    assert converges(here)


@pytest.mark.parametrize(
    ("streams", "code"),
    [
        pytest.param("-f json >/dev/full", 0, id="a full disk for the result"),
        pytest.param("-f json >&-", 0, id="no standard output"),
        pytest.param("-f json 2>/dev/full", 0, id="a full disk for the remarks"),
        pytest.param("-f json | true", 0, id="nobody who reads"),
        pytest.param(">/dev/full", 1, id="a full disk for the plan, which nobody sees then"),
    ],
)
def test_a_result_that_cannot_be_written(here: Ground, streams: str, code: int) -> None:
    """The exit code says what became of the writes; where the plan cannot be shown, there are none."""
    line = f"apply --yes {streams}"
    ran = ended(here.shell(line if "|" not in line else f"{line}; exit ${{PIPESTATUS[0]}}"))

    assert (code, Counter() if code else PEOPLE) == (ran.code, here.stage.mailed())


@pytest.mark.parametrize(
    ("size", "streams", "code", "said"),
    [
        pytest.param(100, "", 1, "journal: the journal cannot be written: ", id="before anything was sent"),
        pytest.param(600, "", 0, "warning: the journal journal is not complete: ", id="in the middle"),
        pytest.param(600, "2>/dev/full", 0, "apply/v1", id="in the middle, and nowhere to say so"),
    ],
)
def test_a_journal_that_cannot_be_written(here: Ground, size: int, streams: str, code: int, said: str) -> None:
    """Nothing is begun without one; a write that is done is not undone by it, and the result is whole."""
    journal = here.stage.tree.folder / "journal"
    journal.unlink(missing_ok=True)
    limit = f"import resource, os, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    ran = ended(here.shell(f"apply --yes -f json --journal journal {streams}", first=limit))

    assert (code, Counter() if code else PEOPLE) == (ran.code, here.stage.mailed())
    assert said in ran.out + ran.err
    assert size >= journal.stat().st_size


def test_the_journal_is_only_for_its_owner(here: Ground, tmp_path: Path) -> None:
    """Also where it was there before with a looser mode."""
    (tmp_path / "journal").touch(mode=0o644)
    ran = ended(here.apply("--journal", str(tmp_path / "journal")))

    assert (0, 0o100600) == (ran.code, (tmp_path / "journal").stat().st_mode)
