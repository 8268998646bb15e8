"""`reconciler plan` beside the floor program: the same input, the same server, one after the other, several times.

    python -m benchmarks.plan [--rows N ...] [--runs N] [--latency MILLISECONDS] [--check all|counts]

What is compared are ratios of runs that stand next to each other, so that a busy machine slows both. `--check all` ends
with 1 where a target (README.md) is missed; `--check counts` looks only at what no clock decides: requests and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple
from urllib.request import ProxyHandler, build_opener

from . import data
from .floor import PAGE

ROOT = Path(__file__).resolve().parent.parent
JUDGED = 10_000
"""Rows from which on time and memory are judged: in a smaller plan the libraries, 47 MiB of them, weigh more."""

MOST_TIMES_THE_FLOOR = 2.0
BASE_KB = 40 * 1024
MOST_KB_A_ROW = 9
LIMIT = 300
"""Seconds that one run may take."""


class Run(NamedTuple):
    """One process: how long it took by the clock, its processor time, its peak memory, what it printed."""

    wall: float
    cpu: float
    peak_kb: int
    printed: str


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured with one number of rows."""

    rows: int
    floor: list[Run]
    tool: list[Run]
    requests: dict[str, int]

    @property
    def ratio(self) -> float:
        """The tool's time in floors: the median over the pairs."""
        return median(tool.wall / floor.wall for tool, floor in zip(self.tool, self.floor, strict=True))

    @property
    def peak_kb(self) -> int:
        """The most memory that the tool held in any run."""
        return max(run.peak_kb for run in self.tool)

    def misses(self, *, time_too: bool) -> Iterator[str]:
        """The targets that were missed."""
        is_judged = self.rows >= JUDGED
        if is_judged and time_too and self.ratio > MOST_TIMES_THE_FLOOR:
            yield f"{self.ratio:.2f} floors are more than {MOST_TIMES_THE_FLOOR}"
        most_kb = BASE_KB + MOST_KB_A_ROW * self.rows
        if is_judged and self.peak_kb > most_kb:
            yield f"{self.peak_kb} kB of memory are more than {most_kb}"
        most_requests = ceil(self.rows * 1.02 / PAGE) + 1
        for listing, requests in self.requests.items():
            if requests > most_requests:
                yield f"{requests} requests for the {listing} rows are more than {most_requests}"


@contextmanager
def serving(rows: int, latency: float) -> Iterator[str]:
    """The address of a server with the rows that belong to *rows* manifests."""
    command = [sys.executable, "-m", "benchmarks.server", str(rows), "--latency", str(latency)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None  # noqa: S101 - it was asked for, in the line above
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def measured(arguments: list[str], where: Path, scratch: Path) -> Run:
    """Run Python with *arguments* in a process of its own; anything but success ends the measurement."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("POSTHOG_")}
    # An installed program keeps its bytecode; here it is kept beside the input, so that the checkout stays as it is.
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    kept = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}
    environment = inherited | kept | {"POSTHOG_PERSONAL_API_KEY": data.KEY}
    with tempfile.TemporaryFile() as output:
        began = perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], cwd=where, env=environment, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read().decode()
    if process.returncode != 0:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}: {printed[-2000:]}")
    peak = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)  # macOS counts in bytes
    return Run(wall, usage.ru_utime + usage.ru_stime, peak, printed)


def compare(rows: int, runs: int, latency: float) -> Result:
    """Run both programs *runs* times in turn, after a first time that only warms up what the system keeps."""
    with tempfile.TemporaryDirectory() as scratch, serving(rows, latency) as host:
        folder = Path(scratch) / "tree"
        folder.mkdir()
        data.write(folder, rows, host)
        floor, tool = [], []
        for _ in range(runs + 1):
            floor.append(measured(["-m", "benchmarks.floor", str(folder)], ROOT, Path(scratch)))
            requests(host)
            command = ["-m", "reconciler", "plan", "--no-prune", "--format", "json"]
            tool.append(measured(command, folder, Path(scratch)))
            asked = requests(host)
        agree(floor[0].printed, tool[0].printed)
        return Result(rows, floor[1:], tool[1:], asked)


def requests(host: str) -> dict[str, int]:
    """How many requests each listing took since the last call."""
    with build_opener(ProxyHandler({})).open(f"{host}/_count", timeout=10) as answer:
        counted: dict[str, int] = json.load(answer)
    return counted


def agree(floor: str, tool: str) -> None:
    """Stop unless both programs planned the same: a fast wrong answer is worth nothing."""
    expected = json.loads(floor.splitlines()[-1])
    summary = json.loads(tool)["summary"]
    found = {key: summary[key] for key in expected}
    if found != expected:
        sys.exit(f"the floor planned {expected}, reconciler {found}")


def table(result: Result) -> str:
    """What was measured, for people."""
    lines = [f"{result.rows} manifests, {len(result.tool)} runs each"]
    for name, runs in (("floor", result.floor), ("reconciler", result.tool)):
        wall, cpu = sorted(run.wall for run in runs), median(run.cpu for run in runs)
        peak = max(run.peak_kb for run in runs)
        clock = f"wall {median(wall):7.3f} s (least {wall[0]:.3f})  cpu {cpu:7.3f} s"
        lines.append(f"  {name:<10}  {clock}  peak {peak / 1024:6.1f} MiB")
    a_row = (result.peak_kb - BASE_KB) / result.rows
    lines.append(f"  {result.ratio:.2f} x the floor; {a_row:.1f} kB a row above 40 MiB; requests {result.requests}")
    return "\n".join(lines)


def main() -> int:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(description="Measure `reconciler plan` against the floor program.")
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10_000], help="numbers of manifests (1000 10000)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each program (5)")
    parser.add_argument("--latency", type=float, default=20.0, help="milliseconds that each request waits (20)")
    parser.add_argument("--check", choices=["all", "counts"], help="end with 1 where a target is missed")
    asked = parser.parse_args()
    missed: list[str] = []
    for rows in asked.rows:
        result = compare(rows, asked.runs, asked.latency)
        print(table(result), flush=True)
        missed += result.misses(time_too=asked.check == "all")
    for miss in missed:
        print(f"missed: {miss}")
    return 1 if missed and asked.check else 0


if __name__ == "__main__":
    sys.exit(main())
