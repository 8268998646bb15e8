"""A few of the kills and a little of the load, so that what is run by hand and in CI cannot rot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import kills, load
from tests.faults.processes import Ground, ground


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A sandbox process whose minutes last six seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "")
    with ground(tmp_path, "--throttle-scale", "0.1") as there:
        yield there


def test_a_kill_at_a_random_moment(there: Ground) -> None:
    """Eight of the moments: the same command again converges, nothing is there twice, nobody is mailed twice."""
    report = kills.play(there, points=8, signals=0, seed=1, tell=lambda _: None)

    assert (8, ()) == (report.points, report.wrong)


def test_a_kill_is_noticed_when_it_does_harm(there: Ground) -> None:
    """Without its rerun, a run that was killed half way is not what is asked for: the check can fail."""
    mails = kills.arrange(there, pinned=False)
    there.stage.sandbox.add(title="Ana [growth:ana]", insight=10)
    there.stage.sandbox.add(title="Ana [growth:ana]", insight=10)

    with pytest.raises(AssertionError, match="two live rows"):
        kills.check(there, mails, there.stage.tree.folder / "journal", "two rows of one manifest")


def test_a_load_under_the_limits(there: Ground) -> None:
    """Thirty creates: every row once, everybody mailed once, and no 429."""
    load.write(there, 30)
    report = load.play(there, 30, 0.1, alone=True)

    assert ([], 0) == (report.wrong(30, alone=True), report.throttled)
