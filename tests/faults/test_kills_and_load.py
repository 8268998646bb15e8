"""A few of the kills and a little of the load, so that what is run by hand and in CI cannot rot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import kills, load
from tests.faults.processes import ROOT, Ground, ground


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A sandbox process whose minutes last six seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "")
    with ground(tmp_path, "--throttle-scale", "0.1") as there:
        yield there


def test_a_kill_at_a_random_moment(tmp_path: Path) -> None:
    """Eight of the moments: the same command again converges, nothing is there twice, nobody is mailed twice."""
    # In a process of its own, which has no threads and so may fork.
    command = [sys.executable, "-m", "tests.faults.kills", "--points", "8", "--signals", "1", "--seed", "1"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert (0, "") == (ran.returncode, ran.stderr)
    assert "9 points" in ran.stdout
    assert ", 0 wrong" in ran.stdout


@pytest.mark.parametrize(("killed", "failures"), [(5, 0), (4, 1), (0, 1)])
def test_kills_that_did_not_kill(killed: int, failures: int) -> None:
    """Fewer than half of the points show nothing, and are a failure of their own."""
    assert failures == len(kills.Report(10, killed, ()).failures)


@pytest.mark.parametrize(("code", "wrong"), [(0, 0), (kills.KILLED, 0), (4, 1), (70, 1), (-11, 1)])
def test_a_command_that_ends_by_itself_where_it_was_to_be_killed(code: int, wrong: int) -> None:
    """With 0 it was done before that moment; anything else is a failure that nobody asked for."""
    assert wrong == len(kills.judged(code, "point 7", list))


def test_a_look_after_a_kill_that_breaks() -> None:
    """The point at which it broke is named."""

    def look() -> list[str]:
        raise AssertionError("two live rows of one manifest")

    (said,) = kills.judged(kills.KILLED, "point 7, moment 12", look)

    assert "point 7, moment 12: AssertionError" in said


def test_a_load_under_the_limits(there: Ground) -> None:
    """Thirty creates: every row once, everybody mailed once, and no 429."""
    load.write(there, 30)
    report = load.play(there, 30, 0.1, alone=True)

    assert ([], 0) == (report.wrong(30, alone=True), report.throttled)
