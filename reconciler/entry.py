"""The door of the console command: answers `--version` at once and sees to a quiet end; `cli` does everything else.

Imports nothing that takes time, because it runs before anybody knows what is wanted. Knows no command and no option.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from . import __version__

VERSION = f"reconciler {__version__}"
"""What `--version` prints; a test keeps it equal to what click would print."""

INTERRUPTED = 130
M_ARENA_MAX = -8
"""The number of this setting in glibc's malloc.h."""

BROKEN_PIPE = 141
"""What a shell reports of a program whose reader went away; no other ending has this number (design §6)."""


def program() -> NoReturn:
    """Run the command line and leave with its exit code, as the console command does.

    Everything is written and closed by then. Taking down a million objects one by one, which is how Python ends by
    itself, would take a tenth of the time of a large plan.
    """
    code = main()
    if sys.stderr:
        sys.stderr.flush()
    os._exit(code)


def main() -> int:
    """Run the command line; the exit code, where `cli` does not raise one itself."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            # A pipe or a file on Windows would be cp1252, which lacks what titles and our own arrows have.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        try:
            return _command()
        finally:
            # What is still buffered would otherwise be written while Python shuts down, where no one can catch it.
            if sys.stdout:  # None when the shell closed it, with `>&-`
                sys.stdout.flush()
    except BrokenPipeError:
        # `reconciler plan | head` is no error. Python flushes once more at the end, so there must be somewhere to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED


def _command() -> int:
    if sys.argv[1:] == ["--version"]:
        print(VERSION)  # noqa: T201 - click's echo would cost the import of click
        return 0
    # A plan of 10,000 rows holds a million objects and makes no garbage in circles: with the usual thresholds the
    # collector walks all of them time and again, which is a quarter of the whole run.
    gc.set_threshold(2_000_000, 50, 100)
    _share_memory()
    code: int | None = import_module("reconciler.cli").main()
    return code or 0


def _share_memory() -> None:
    """Let all threads take memory from one place, where the C library can be told so.

    glibc gives every thread a heap of its own, and each keeps what it was once given: with the threads that read a
    listing of 10,000 rows that is 18 MiB of 127. Python's own lock lets only one of them ask at a time anyway.
    """
    with suppress(ImportError, OSError, AttributeError, TypeError):
        from ctypes import CDLL

        CDLL(None).mallopt(M_ARENA_MAX, 1)
