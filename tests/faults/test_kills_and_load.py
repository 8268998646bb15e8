"""A few of the kills and a little of the load, so that what is run by hand and in CI cannot rot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import load
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


def test_a_load_under_the_limits(there: Ground) -> None:
    """Thirty creates: every row once, everybody mailed once, and no 429."""
    load.write(there, 30)
    report = load.play(there, 30, 0.1, alone=True)

    assert ([], 0) == (report.wrong(30, alone=True), report.throttled)
