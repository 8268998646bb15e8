"""A file that lines of JSON are added to, each in one piece and on the disk before anybody goes on.

So a run that was killed can be read afterwards, to the line it was interrupted in. The file is its owner's alone, and
it is a file: a pipe would wait for its reader, a device keeps nothing. Writes disk; knows not what the lines say.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from .errors import UsageError
from .model import Json

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT
# Opening a pipe for writing would wait for its reader. Windows has neither of the two.
_FLAGS |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class JsonLines:
    """The lines of one file, open for adding until it is closed."""

    def __init__(self, path: Path) -> None:
        """Open *path*, or make it for its owner alone. UsageError where it cannot hold lines."""
        self.path = path
        try:
            self._file = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            raise self.unwritable(error) from error
        try:
            self._is_torn = self._made_ours()
        except BaseException:
            self.close()
            raise

    def add(self, line: Json) -> None:
        """Write *line*, on a line of its own also where a crash or a full disk tore off the one before. OSError."""
        # In one piece, so that lines of two runs do not mix.
        data = (b"\n" if self._is_torn else b"") + json.dumps(line).encode() + b"\n"
        self._is_torn = True
        if os.write(self._file, data) < len(data):
            raise OSError(0, "only a part of the line could be written")
        self._is_torn = False
        os.fsync(self._file)

    def cut(self, length: int) -> None:
        """Drop what stands after the first *length* bytes, where a line ends. OSError."""
        os.ftruncate(self._file, length)
        self._is_torn = False

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def unwritable(self, error: OSError) -> UsageError:
        """What to say where a line has to be written and cannot be."""
        return UsageError(f"{self.path}: the journal cannot be written: {error.strerror}")

    def __enter__(self) -> Self:
        """The lines themselves, to be closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self.close()

    def _made_ours(self) -> bool:
        """Take the file for its owner alone; whether its last line has no end, which ours must not be joined to."""
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{self.path}: not a file; name one for the journal")
        try:
            # The open file, not what stands at its path by now; Windows can only do the latter.
            os.chmod(self._file if os.chmod in os.supports_fd else self.path, 0o600)
            if not found.st_size:
                return False
            os.lseek(self._file, -1, os.SEEK_END)
            return os.read(self._file, 1) != b"\n"
        except OSError as error:
            raise self.unwritable(error) from error
