"""Ends the command without warning at random moments, and runs the same command again.

    python -m tests.faults.kills [--points 200] [--seed 0] [--signals 20]

Most points are chosen from the inside: a forked child counts what it does with sockets and with its journal (connect,
send, receive, write, fsync; before and after each) and leaves at the nth with `os._exit`, which runs nothing further.
The others are a `SIGKILL` from outside, at a random time. After each: the same command ends with 0, a further one has
nothing to do, each manifest has one row, each person was mailed once, and the journal can be read. A command that ends
by itself with anything but 0 is wrong as well; and where fewer than half of the points killed it, nothing was shown.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.cli import main as reconciler
from tests.faults.processes import LONG, Ground, ended, ground
from tests.faults.stage import Pace, lines

KILLED = 99


def arrange(there: Ground, *, pinned: bool) -> Counter[str]:
    """One change of every sort, some of them several times; whom they mail. *pinned* adds a replacement."""
    stage = there.stage
    stage.set(*(("later-fields", "target-required") if pinned else ()))
    write = stage.tree.manifest
    for number, name in enumerate(("ana", "bo", "cy"), 10):
        write(name, insight=number, target_value=[f"{name}@example.com"])
    for number, name in enumerate(("dee", "eve"), 20):
        stage.row(name, insight=number)
        write(name, insight=number, target_value=["ana@example.com", f"{name}@example.com"])
    stage.row("fay", insight=30, deleted=True)
    write("fay", insight=30, target_value=["ana@example.com", "fay@example.com"])
    stage.row("gone", insight=31)
    mailed = ["ana", "bo", "cy", "dee", "eve", "fay"]
    if pinned:
        stage.row("gil", insight=None, dashboard=1, target_value="gil@example.com")
        write("gil", insight=32, target_value=["gil@example.com"])
        mailed.append("gil")
    return Counter(f"{name}@example.com" for name in mailed)


def forked(there: Ground, *arguments: str, leave_at: int = 0) -> tuple[int, int]:
    """The exit code of a command in a child of this process that leaves at its nth moment, and how many it had."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 70
        try:
            os.close(reading)
            code = _inside(there, arguments, leave_at, writing)
        except BaseException:  # noqa: BLE001  # a child must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        met = len(pipe.read())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), met


def _inside(there: Ground, arguments: Sequence[str], leave_at: int, counted: int) -> int:
    os.chdir(there.stage.tree.folder)
    os.environ["POSTHOG_PERSONAL_API_KEY"] = there.key
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    moments = _Moments(leave_at)
    for owner, names in (socket.socket, ("connect", "sendall", "recv")), (os, ("write", "fsync")):
        for name in names:
            setattr(owner, name, moments.counted(getattr(owner, name)))
    code = reconciler(arguments, pace=there.stage.pace)
    os.write(counted, b"." * moments.met)
    return code


class _Moments:
    """Counts what this process does with the world, and leaves at one of them."""

    def __init__(self, leave_at: int) -> None:
        self.met = 0
        self._leave_at = leave_at
        self._turn = threading.Lock()

    def counted(self, deed: Callable[..., Any]) -> Callable[..., Any]:
        """*deed*, with a moment before and one after it."""

        def done(*arguments: Any) -> Any:
            self._pass()
            result = deed(*arguments)
            self._pass()
            return result

        return done

    def _pass(self) -> None:
        with self._turn:
            self.met += 1
            if self.met == self._leave_at:
                os._exit(KILLED)


@dataclass(frozen=True, slots=True)
class Report:
    """How many points were played, how many of them ended the command before its end, and what went wrong."""

    points: int
    killed: int
    wrong: tuple[str, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """What went wrong, and that too few were killed for the rest to say anything."""
        too_few = f"only {self.killed} of {self.points} points ended the command: the moments are not where it works"
        return (*self.wrong, too_few) if 2 * self.killed < self.points else self.wrong


def judged(code: int, what: str, look: Callable[[], list[str]]) -> list[str]:
    """What is wrong of one point: the *code* that the command ended with, and what a *look* afterwards found."""
    wrong = [] if code in (0, KILLED) else [f"{what}: the command ended by itself, with {code}"]
    try:
        return wrong + look()
    except Exception as error:  # the point that it came up at is what has to be known  # noqa: BLE001
        return [*wrong, f"{what}: {type(error).__name__} in the look at what came of it: {error}"]


def check(there: Ground, mails: Counter[str], journal: Path, what: str) -> list[str]:
    """What is wrong after a kill, once the same command was run again."""
    there.until_buried()
    torn = _journal_is_torn(journal)
    again = forked(there, *command(journal))[0]
    empty = forked(there, "plan", "--exit-code", "--timeout", "6000")[0]
    stage = there.stage
    facts = {
        "the same command ends with 0": again == 0,
        "a plan is empty": empty == 0,
        "each manifest has one row": set(stage.live()) == {"steady", *(each.partition("@")[0] for each in mails)},
        "each person was mailed once": stage.mailed() == mails,
        "others are untouched": stage.untouched(),
        "the journal can be read": not torn,
    }
    return [f"{what}: not so: {fact} ({again}, {dict(stage.mailed())})" for fact, holds in facts.items() if not holds]


def _journal_is_torn(journal: Path) -> bool:
    try:
        return journal.exists() and any(not isinstance(line, dict) for line in lines(journal))
    except ValueError:
        return True


def command(journal: Path) -> list[str]:
    """The command that is killed, and run again."""
    return ["apply", "--yes", "--format", "json", "--timeout", "6000", "--journal", str(journal)]


def play(there: Ground, points: int, signals: int, seed: int, tell: Callable[[str], None]) -> Report:
    """Play *points* kills from inside and *signals* from outside."""
    chance = random.Random(seed)
    there.stage.pace = Pace(patience=LONG)  # nothing hangs here, and a busy machine must not look as if something did
    journal = there.stage.tree.folder / "journal"
    arrange(there, pinned=True)
    _warm_up(there)
    code, moments = forked(there, *command(journal))
    wrong, killed = [] if code == 0 else [f"without a kill: {code}"], 0
    tell(f"a whole run has {moments} moments")
    for number in range(points + signals):
        journal.unlink(missing_ok=True)
        mails = arrange(there, pinned=number % 2 == 0)
        if number < points:
            at = chance.randint(1, moments)
            code, _ = forked(there, *command(journal), leave_at=at)
            what = f"point {number}, moment {at}"
        else:
            after = chance.uniform(0.2, 1.2)
            code, what = _shot(there, journal, after), f"SIGKILL after {after:.3f} s"
        killed += code == KILLED
        found = judged(code, what, partial(check, there, mails, journal, what))
        wrong += found
        for line in found:
            tell(line)
    return Report(points + signals, killed, tuple(wrong))


def _warm_up(there: Ground) -> None:
    """Import in the parent what every child needs."""
    before = os.getcwd()
    os.chdir(there.stage.tree.folder)
    os.environ["POSTHOG_PERSONAL_API_KEY"] = there.key
    there.stage.run("plan")
    os.chdir(before)


def _shot(there: Ground, journal: Path, after: float) -> int:
    """The exit code of a command that is killed from outside; KILLED where it was."""
    process = there.start(*command(journal))
    time.sleep(after)
    process.kill()
    code = ended(process).code
    return KILLED if code == -signal.SIGKILL else code


def main(arguments: Sequence[str]) -> int:
    """Play as many points as asked for; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description="Kill the command, run it again.")
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--signals", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder, ground(Path(folder)) as there:
        report = play(there, options.points, options.signals, options.seed, _say)
    seconds = time.monotonic() - began
    _say(f"{report.points} points, {report.killed} of them before the end, {len(report.wrong)} wrong, {seconds:.0f} s")
    for failure in report.failures:
        _say(f"FAILED: {failure}")
    return 1 if report.failures else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
