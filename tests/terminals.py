"""A person at a terminal: the real command in a pseudo-terminal of its own, with keys typed where it asks."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A process without a terminal gets the one that it opens first, and with it Ctrl-C.
PROGRAM = """
import os, sys
os.open(sys.argv.pop(1), os.O_RDWR)
from reconciler.entry import program
sys.argv[0] = "reconciler"
program()
"""

WAITED = 30.0
"""Seconds after which a command that neither asks nor ends is given up."""

CTRL_C = b"\x03"
PATIENCE = 2.0
"""Seconds after which a person presses Ctrl-C again. Python looks for signals and then begins to read, and what comes
between the two only ends the next read: a person is never that quick, a test on a busy machine is, once in ten times.
"""


@dataclass(frozen=True, slots=True)
class Sat:
    """What a command ended with, and everything that stood on the terminal, answers included."""

    code: int
    screen: str


def at_a_terminal(*arguments: str, keys: Sequence[tuple[str, bytes]] = (), folder: Path) -> Sat:
    """Run `reconciler` with *arguments* in *folder*; each of *keys* is typed once its text stands on the screen."""
    master, slave = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, os.ttyname(slave), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
    started = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment, start_new_session=True
    )
    os.close(slave)
    try:
        screen = _typed(master, list(keys))
        return Sat(started.wait(WAITED), screen)
    finally:
        started.kill()
        os.close(master)


def _typed(master: int, keys: list[tuple[str, bytes]]) -> str:
    screen, seen, end, typed, at = "", 0, time.monotonic() + WAITED, b"", 0.0
    while time.monotonic() < end:
        if not select.select([master], [], [], 0.2)[0]:
            if typed == CTRL_C and time.monotonic() - at > PATIENCE:
                os.write(master, typed)
                typed = b""
            continue
        try:
            read = os.read(master, 65_536)
        except OSError:  # the other end is closed: the command ended
            return screen
        if not read:
            return screen
        screen += read.decode("utf-8", "replace")
        if keys and keys[0][0] in screen[seen:]:
            seen, typed, at = len(screen), keys.pop(0)[1], time.monotonic()
            os.write(master, typed)
    raise AssertionError(f"the command neither asked nor ended:\n{screen}")
