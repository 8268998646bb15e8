"""A file of JSON lines: whole lines, on the disk at once, its owner's alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.jsonlines import JsonLines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where lines may stand."""
    return tmp_path / "lines.jsonl"


def test_a_line_is_on_the_disk_when_add_returns(path: Path) -> None:
    """Nothing waits in a buffer for an end that may never come."""
    with JsonLines(path) as lines:
        lines.add({"a": 1})

        assert '{"a": 1}\n' == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("before", "after"), [("", "1\n"), ("0\n", "0\n1\n"), ('{"torn', '{"torn\n1\n')])
def test_a_line_is_never_joined_to_what_a_crash_left(path: Path, before: str, after: str) -> None:
    """It begins on a line of its own, and leaves no empty one where that is not needed."""
    path.write_text(before, encoding="utf-8")
    with JsonLines(path) as lines:
        lines.add(1)

    assert after == path.read_text(encoding="utf-8")


def test_a_line_after_one_that_failed_stands_by_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk takes half a line; when there is room again the next one is whole."""
    write = os.write
    with JsonLines(path) as lines:
        monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:3]))
        with pytest.raises(OSError, match="only a part"):
            lines.add("lost")
        monkeypatch.undo()
        lines.add("whole")

    assert ["whole"] == [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def test_what_is_cut_off_is_gone_and_the_next_line_follows(path: Path) -> None:
    """Only the one who reads the lines knows where the last whole one ends."""
    path.write_text('1\n{"torn', encoding="utf-8")
    with JsonLines(path) as lines:
        lines.cut(2)
        lines.add(2)

    assert "1\n2\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", [None, 0o644])
def test_only_its_owner_may_read_it(path: Path, mode: int | None) -> None:
    """A new file, and one that everybody could read, whatever the umask."""
    before = os.umask(0)
    try:
        if mode is not None:
            path.touch(mode)
        JsonLines(path).close()
    finally:
        os.umask(before)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A folder, a folder that is not there, a pipe that nobody reads, a device; and nothing is left open."""
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd"))
    for place in (tmp_path, tmp_path / "nowhere" / "j", tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(UsageError, match="journal"):
            JsonLines(place)

    assert before == len(os.listdir("/proc/self/fd"))
