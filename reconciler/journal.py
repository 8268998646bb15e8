"""The journal of an erasure: which recordings are done, so that a run that ended early is taken up where it ended.

JSON lines, each written as soon as it is true: first which project they are about, then one for every id that is done.

    {"format": "posthog-reconciler/recordings-journal/v1", "host": "https://us.posthog.com", "project_id": "12345"}
    {"id": "0190a6f2-7b2c-7c5e-9d61-1f2e3d4c5b6a", "status": "erased"}

A last line that was torn off by a crash is dropped; everything else that is not as we write it is refused, for the file
may be somebody's. Reads and writes disk; knows no server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from .errors import UsageError
from .jsonlines import JsonLines
from .model import Environment, Json
from .recordings import Fate

FORMAT = "posthog-reconciler/recordings-journal/v1"


class Journal:
    """The journal in the file *path* about one project. As a context manager it is open for `add`."""

    def __init__(self, path: Path, environment: Environment) -> None:
        """Read what is there. UsageError for another project's journal, and for what is no journal."""
        self.path = path
        self._header = {"format": FORMAT, "host": environment.host, "project_id": environment.project_id}
        self._lines: JsonLines | None = None
        self._length = 0
        self.done: Mapping[str, Fate] = self._read()

    def add(self, id: str, fate: Fate) -> None:
        """Write that *id* is done. OSError where that fails."""
        if self._lines is None:
            raise UsageError(f"{self.path}: the journal is not open")
        self._lines.add({"id": id, "status": fate.value})

    def __enter__(self) -> Self:
        """Open it, without what a crash tore off. UsageError where it cannot be written."""
        self._lines = lines = JsonLines(self.path)
        try:
            lines.cut(self._length)
            if not self._length:
                lines.add(self._header)
        except OSError as error:
            lines.close()
            raise lines.unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if self._lines is not None:
            self._lines.close()

    def _read(self) -> Mapping[str, Fate]:
        try:
            if self.path.exists() and not self.path.is_file():
                raise UsageError(f"{self.path}: not a file; name one for the journal")
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise UsageError(f"{self.path}: the journal cannot be read: {error.strerror}") from error
        *lines, torn = data.split(b"\n")
        if not lines and json.dumps(self._header).encode().startswith(torn):
            return {}
        self._length = len(data) - len(torn)
        self._check_header(_parsed(lines[0]) if lines else None)
        return dict(self._entry(line, number) for number, line in enumerate(lines[1:], 2))

    def _check_header(self, found: Json) -> None:
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise UsageError(f"{self.path}: not a journal of recordings delete; name a file that does not exist yet")
        if found != self._header:
            raise UsageError(
                f"{self.path}: the journal of project {found.get('project_id')} on {found.get('host')}, not of "
                f"{self._header['project_id']} on {self._header['host']}; name another file"
            )

    def _entry(self, line: bytes, number: int) -> tuple[str, Fate]:
        entry = _parsed(line)
        match entry:
            case {"id": str(id), "status": Fate.ERASED.value | Fate.GONE.value as status}:
                return id, Fate(status)
        raise UsageError(f"{self.path}:{number}: not a line of a journal; remove it, its recording is then asked again")


def _parsed(line: bytes) -> Json:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
