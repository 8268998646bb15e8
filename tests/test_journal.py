"""The journal of an erasure: what is noted, what a crash may do to it, and whose it is."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.journal import FORMAT, Journal
from reconciler.model import Environment
from reconciler.recordings import Fate

HERE = Environment("production", "https://us.posthog.com", "12345")
HEADER = json.dumps({"format": FORMAT, "host": HERE.host, "project_id": HERE.project_id}) + "\n"
ONE = '{"id": "one", "status": "erased"}\n'
TWO = '{"id": "two", "status": "gone"}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal may stand."""
    return tmp_path / "journal.jsonl"


def noted(path: Path, *done: tuple[str, Fate], environment: Environment = HERE) -> Journal:
    """A journal in which *done* was noted, closed."""
    with Journal(path, environment) as journal:
        for id, fate in done:
            journal.add(id, fate)
    return journal


def test_what_is_noted_is_read_again(path: Path) -> None:
    """One line of JSON for the project, one for each id."""
    noted(path, ("one", Fate.ERASED), ("two", Fate.GONE))

    assert HEADER + ONE + TWO == path.read_text()
    assert {"one": Fate.ERASED, "two": Fate.GONE} == Journal(path, HERE).done


def test_another_run_adds_to_it(path: Path) -> None:
    """One header, however many runs."""
    noted(path, ("one", Fate.ERASED))
    noted(path, ("two", Fate.GONE))

    assert HEADER + ONE + TWO == path.read_text()


def test_each_line_is_on_disk_as_soon_as_it_is_noted(path: Path) -> None:
    """A run that is killed has lost nothing."""
    with Journal(path, HERE) as journal:
        journal.add("one", Fate.ERASED)

        assert HEADER + ONE == path.read_text()


@pytest.mark.parametrize("mode", [None, 0o644])
def test_it_is_its_owners_alone(path: Path, mode: int | None) -> None:
    """A new file, and one that everybody could read."""
    if mode is not None:
        noted(path)
        path.chmod(mode)
    noted(path)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("length", range(1, len(ONE)))
def test_a_line_that_was_torn_off_is_dropped(path: Path, length: int) -> None:
    """Wherever the crash came; what follows begins on a line of its own."""
    path.write_text(HEADER + TWO + ONE[:length])
    before = Journal(path, HERE).done
    noted(path, ("one", Fate.ERASED))

    assert {"two": Fate.GONE} == before
    assert HEADER + TWO + ONE == path.read_text()


@pytest.mark.parametrize("length", range(len(HEADER)))
def test_a_header_that_was_torn_off_is_written_again(path: Path, length: int) -> None:
    """An empty file, too."""
    path.write_text(HEADER[:length])
    noted(path, ("one", Fate.ERASED))

    assert HEADER + ONE == path.read_text()


def test_reading_changes_nothing(path: Path) -> None:
    """Only opening it repairs a torn line: until somebody has said yes, nothing is written."""
    path.write_text(HEADER + "{")
    Journal(path, HERE)
    Journal(path.with_name("none"), HERE)

    assert (HEADER + "{", False) == (path.read_text(), path.with_name("none").exists())


@pytest.mark.parametrize("other", [replace(HERE, host="https://eu.posthog.com"), replace(HERE, project_id="1")])
def test_a_journal_of_another_project_or_host_is_refused(path: Path, other: Environment) -> None:
    """Naming both; the environment's name does not matter."""
    noted(path, environment=other)

    with pytest.raises(UsageError, match=f"project {other.project_id} on {other.host}, not of 12345"):
        Journal(path, HERE)
    assert {} == Journal(path, replace(other, name="x")).done


@pytest.mark.parametrize("text", ["id\none\n", "[]\n", "{}\n", "one", '{"format": "x"}\n', "\n", "\x00\xff"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(path: Path, text: str) -> None:
    """The list of ids itself, named by mistake, must not be cut off."""
    path.write_text(text)

    with pytest.raises(UsageError, match="not a journal"):
        Journal(path, HERE)
    assert text == path.read_text()


@pytest.mark.parametrize(
    "line", ["{", "", '{"id": 1, "status": "erased"}', '{"id": "x"}', '{"id": "x", "status": "failed"}', "[]"]
)
def test_a_line_that_is_broken_in_the_middle_is_refused(path: Path, line: str) -> None:
    """Nobody tears a line there, so somebody edited it; by number."""
    path.write_text(f"{HEADER}{ONE}{line}\n{TWO}")

    with pytest.raises(UsageError, match=r"journal\.jsonl:3: not a line"):
        Journal(path, HERE)


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    """Said before anything is sent."""
    with pytest.raises(UsageError, match="not a file"):
        Journal(tmp_path, HERE)


def test_a_journal_that_cannot_be_written_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    """A folder that is not there."""
    with pytest.raises(UsageError, match="cannot be written"):
        noted(tmp_path / "nowhere" / "j")


def test_a_journal_that_is_not_open_takes_nothing(path: Path) -> None:
    """A mistake of ours does not pass unseen."""
    with pytest.raises(UsageError, match="not open"):
        Journal(path, HERE).add("one", Fate.ERASED)


def test_two_runs_at_once_do_not_mix_their_lines(path: Path) -> None:
    """Each line goes to the end of the file in one piece."""
    with Journal(path, HERE) as first, Journal(path, HERE) as second:
        for journal, id in _in_turn(first, second):
            journal.add(id, Fate.ERASED)

    assert {str(number): Fate.ERASED for number in range(10)} == Journal(path, HERE).done


def _in_turn(first: Journal, second: Journal) -> Iterable[tuple[Journal, str]]:
    return ((second if number % 2 else first, str(number)) for number in range(10))


def test_a_journal_is_closed_in_the_end(path: Path) -> None:
    """No descriptor is left open."""
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    noted(path, ("one", Fate.ERASED))
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0

    assert before == after
