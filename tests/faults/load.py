"""Many creates under the limits of the real server, with the minutes made short.

    python -m tests.faults.load [--creates 2000] [--scale 0.1]

The sandbox throttles as PostHog does, 480 requests a minute and 4,800 an hour, and the program keeps to its own 400 a
minute; both minutes last *scale* of a real one. Played twice: alone, and beside another program that uses up a third of
the same limit. Checked: every row is there once, nobody was mailed twice, our own pace as the server saw it, and that
there was no storm of 429s: none when alone, and beside another no more in a row than two for every writer, where each
request of the time in which we were to be silent would be one.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import httpx

from reconciler.api import Budget, Run
from reconciler.cli import main as reconciler
from reconciler.sandbox import Request
from tests.faults.processes import Ground, ground

MINUTE, OURS, THEIRS = 60.0, 400, 160
WRITERS, CONNECTIONS = 4, 16


@dataclass(frozen=True, slots=True)
class Report:
    """How a run went: its exit code, the rows and mails it left, our requests and 429s, and its length in minutes.

    `busiest` is how many of our requests the server finished in any one minute, `in_a_row` how many of them it answered
    with 429 without another answer in between. Minutes are the short ones.
    """

    code: int
    rows: int
    mailed_once: int
    mailed_more: int
    requests: int
    throttled: int
    in_a_row: int
    busiest: int
    minutes: float

    def wrong(self, creates: int, *, alone: bool) -> list[str]:
        """What is not as it must be."""
        few, row = (0, 0) if alone else (self.requests // 20, 2 * WRITERS)
        # What is sent within the pace may be finished a little later, as much as there are connections.
        pace = OURS + CONNECTIONS
        facts = {
            "the command ends with 0": self.code == 0,
            "every row is there once": self.rows == creates,
            "everybody was mailed once": (self.mailed_once, self.mailed_more) == (creates, 0),
            f"at most {pace} requests in any minute": self.busiest <= pace,
            f"at most {few} times 429": self.throttled <= few,
            f"at most {row} times 429 in a row": self.in_a_row <= row,
        }
        return [fact for fact, holds in facts.items() if not holds]


def play(there: Ground, creates: int, scale: float, *, alone: bool) -> Report:
    """Make *creates* rows, *alone* or beside another program."""
    there.stage.sandbox.reset()
    minute = MINUTE * scale

    def pace(timeout: float, *, stop: threading.Event, budget: Budget | None = None) -> Run:
        return Run(timeout, stop=stop, budget=budget or Budget(OURS, period=minute))

    began = time.monotonic()
    with _another(there, minute) if not alone else _nobody():
        code = _applied(there, pace)
    took = (time.monotonic() - began) / minute
    sent = [request for request in there.stage.sandbox.requests() if _is_ours(request)]
    refused = [request.status == 429 for request in sent]
    mailed = Counter(there.stage.mailed().values())
    return Report(
        code=code,
        rows=len(there.stage.live()),
        mailed_once=mailed[1],
        mailed_more=mailed.total() - mailed[1],
        requests=len(sent),
        throttled=sum(refused),
        in_a_row=max((len(list(row)) for is_refused, row in groupby(refused) if is_refused), default=0),
        busiest=_busiest([request.at.timestamp() for request in sent], minute),
        minutes=took,
    )


def _busiest(moments: Sequence[float], minute: float) -> int:
    """The most of *moments*, which are sorted, that lie within any one *minute*."""
    return max(bisect_left(moments, moment + minute) - place for place, moment in enumerate(moments))


def _applied(there: Ground, pace: object) -> int:
    os.chdir(there.stage.tree.folder)
    os.environ["POSTHOG_PERSONAL_API_KEY"] = there.key
    with redirect_stdout(io.StringIO()):
        return reconciler(["apply", "--yes", "--format", "json"], pace=pace)  # type: ignore[arg-type]  # as it is called


def _is_ours(request: Request) -> bool:
    return dict(request.headers).get("user-agent", "").startswith("posthog-reconciler")


@contextmanager
def _nobody() -> Iterator[None]:
    yield


@contextmanager
def _another(there: Ground, minute: float) -> Iterator[None]:
    """Somebody who asks all the time, with the same key."""
    over = threading.Event()
    url = (there.stage.tree.folder / "reconciler.yaml").read_text(encoding="utf-8").split("host: '")[1].split("'")[0]

    def ask() -> None:
        headers = {"Authorization": f"Bearer {there.key}"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
            while not over.wait(minute / THEIRS):
                client.get("/api/projects/1/subscriptions/?limit=1")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


def write(there: Ground, creates: int) -> None:
    """As many manifests, each with a person of its own."""
    config = (there.stage.tree.folder / "reconciler.yaml").read_text(encoding="utf-8")
    there.stage.tree.write("reconciler.yaml", f"{config}policy: {{max_new_recipients: {creates}}}\n")
    for number in range(creates):
        there.stage.tree.manifest(f"n{number}", target_value=[f"person{number}@example.com"])


def main(arguments: Sequence[str]) -> int:
    """Play both, and say how they went; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.load", description="Many creates under real limits.")
    parser.add_argument("--creates", type=int, default=2000)
    parser.add_argument("--scale", type=float, default=0.1)
    options = parser.parse_args(arguments)
    wrong: list[str] = []
    where = os.getcwd()
    with (
        tempfile.TemporaryDirectory(prefix="load-") as folder,
        ground(Path(folder), "--throttle-scale", str(options.scale)) as there,
    ):
        write(there, options.creates)
        for alone in (True, False):
            report = play(there, options.creates, options.scale, alone=alone)
            found = report.wrong(options.creates, alone=alone)
            wrong += found
            said = "".join(f"; not so: {fact}" for fact in found)
            sys.stdout.write(
                f"{'alone' if alone else 'beside another'}: {report.rows} rows, {report.requests} requests in "
                f"{report.minutes:.1f} minutes, at most {report.busiest} in one; {report.throttled} times 429, at most "
                f"{report.in_a_row} in a row{said}\n"
            )
            sys.stdout.flush()
        os.chdir(where)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
