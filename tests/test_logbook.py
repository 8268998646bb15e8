"""The journal of an apply: a line for each outcome, on the disk as it happens, readable after a kill."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from reconciler.errors import Answer, UsageError
from reconciler.logbook import FORMAT, Logbook
from reconciler.model import Outcome, Status
from reconciler.privacy import Address, say
from reconciler.sandbox import Fault, Sandbox
from tests.conftest import Run, Tree
from tests.faults.stage import lines
from tests.scenes import manifest, planned

PLAN = planned(manifest("weekly"))
(CHANGE,) = PLAN.changes
APPLIED = Outcome(CHANGE, Status.APPLIED, 7, attempts=1)


def statuses(path: Path) -> dict[str, str]:
    """The status of each change in the journal *path*, by name."""
    return {line["name"]: line["status"] for line in lines(path) if "name" in line}


def test_a_run_says_what_it_means_to_do_before_it_does_it(tmp_path: Path) -> None:
    """The first line names format, environments, digests and the number of changes."""
    with Logbook(tmp_path / "j") as logbook:
        logbook.begin([PLAN])

    (header,) = lines(tmp_path / "j")
    assert FORMAT == header["format"]
    assert [
        {
            "environment": PLAN.environment.name,
            "host": PLAN.environment.host,
            "project_id": PLAN.environment.project_id,
            "digest": PLAN.digest,
            "changes": 1,
        }
    ] == header["plans"]


def test_an_outcome_is_one_line_with_everything_about_it(tmp_path: Path) -> None:
    """Addresses in a reason are masked; what HTTP said stands beside it."""
    failed = Outcome(CHANGE, Status.FAILED, 7, say("no ", Address("ana@example.com")), Answer(400, code="x"), 2)
    with Logbook(tmp_path / "j") as logbook:
        logbook.begin([PLAN])
        logbook.add(PLAN, failed)

    line = lines(tmp_path / "j")[1]
    assert line.pop("time")
    assert {
        "environment": PLAN.environment.name,
        "digest": PLAN.digest,
        "action": "create",
        "kind": "Subscription",
        "name": "weekly",
        "id": 7,
        "status": "failed",
        "reason": "no a***@example.com",
        "error": {"status": 400, "type": None, "code": "x", "attr": None, "detail": None},
        "attempts": 2,
    } == line


def test_a_line_is_on_the_disk_when_add_returns(tmp_path: Path) -> None:
    """Nothing waits in a buffer for an end that may never come."""
    with Logbook(tmp_path / "j") as logbook:
        logbook.begin([PLAN])
        logbook.add(PLAN, APPLIED)

        assert {"weekly": "applied"} == statuses(tmp_path / "j")


def test_a_second_run_adds_to_the_journal(tmp_path: Path) -> None:
    """Each with a header of its own."""
    for _ in range(2):
        with Logbook(tmp_path / "j") as logbook:
            logbook.begin([PLAN])
            logbook.add(PLAN, APPLIED)

    assert ["format", "name", "format", "name"] == [
        next(name for name in ("format", "name") if name in line) for line in lines(tmp_path / "j")
    ]


def test_a_line_that_a_crash_tore_off_is_not_continued(tmp_path: Path) -> None:
    """The next run begins on a line of its own."""
    (tmp_path / "j").write_text('{"format": "x"}\n{"torn', encoding="utf-8")
    with Logbook(tmp_path / "j") as logbook:
        logbook.begin([PLAN])

    torn, header = (tmp_path / "j").read_text(encoding="utf-8").splitlines()[1:]
    assert ('{"torn', FORMAT) == (torn, json.loads(header)["format"])


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """Mode 0600, whatever the umask."""
    before = os.umask(0)
    try:
        Logbook(tmp_path / "j").close()
    finally:
        os.umask(before)

    assert 0o600 == stat.S_IMODE((tmp_path / "j").stat().st_mode)


@pytest.mark.parametrize("place", ["missing/j", "folder", "pipe"])
def test_a_place_that_cannot_hold_it_is_refused(tmp_path: Path, place: str) -> None:
    """Before anything is sent: a folder that is not there, a folder, a pipe."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UsageError, match=place):
        Logbook(tmp_path / place)


def test_a_disk_that_fails_is_remembered_and_holds_up_nothing(tmp_path: Path) -> None:
    """A change that was sent has its outcome, whether or not the journal can have it."""
    logbook = Logbook(tmp_path / "j")
    logbook.close()

    logbook.add(PLAN, APPLIED)

    assert "Bad file descriptor" == logbook.failure


def test_a_disk_that_fails_at_the_beginning_ends_the_run(tmp_path: Path) -> None:
    """Nothing was sent yet."""
    logbook = Logbook(tmp_path / "j")
    logbook.close()

    with pytest.raises(UsageError, match="cannot be written"):
        logbook.begin([PLAN])


def test_apply_writes_every_outcome_into_its_journal(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Those that failed and those that were never started, too; no address stands in it."""
    for number, name in enumerate(("one", "two", "three"), 4):
        gitops.manifest(name, insight=number)
    refusal = {"type": "validation_error", "code": "x", "attr": None, "detail": "No ana@example.com"}
    sandbox.faults.add(Fault("status", method="POST", status=400, json=refusal, nth=2))
    ran = run("apply", "--yes", "--journal", "j", "--parallel", "1", "--fail-fast", "--format", "json")

    written = statuses(gitops.folder / "j")
    assert {each["name"]: each["status"] for each in ran.json["outcomes"]} == written
    assert {"applied", "failed", "skipped"} == set(written.values())
    assert "ana@" not in (gitops.folder / "j").read_text(encoding="utf-8")


def test_a_journal_that_cannot_be_written_stops_apply_before_anything_is_sent(
    gitops: Tree, run: Run, sandbox: Sandbox
) -> None:
    """Exit 1, and the server heard nothing."""
    gitops.manifest("weekly")
    ran = run("apply", "--yes", "--journal", "missing/j", "--format", "json")

    assert (1, "usage", []) == (ran.code, ran.json["errors"][0]["rule"], sandbox.requests())
