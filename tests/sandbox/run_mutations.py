"""Apply each mutation to a copy of the package and see the named test go red there; exit 1 if one lives.

    python tests/sandbox/run_mutations.py [WORDS OF A NAME]

Every mutation has a copy and a process of its own, forked after the libraries were imported, which is what makes it
quick. The working tree is only read.
"""

import contextlib
import io
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import django  # noqa: F401  # imported before forking
import httpx  # noqa: F401
import hypothesis  # noqa: F401
import pytest
import rest_framework  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.sandbox.mutations import MUTATIONS, Mutation  # noqa: E402  # found through the line above

PROCESSES = 2
SECONDS = 60  # after which a mutation that hangs is ended by the alarm, and counts as one that lives


def main(words: Sequence[str]) -> int:
    """Run the chosen mutations, and every named test once on an unchanged copy; the exit code."""
    chosen = [mutation for mutation in MUTATIONS if all(word in mutation.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        unchanged = [
            replace(mutation, new=mutation.old) for mutation in {each.caught_by: each for each in chosen}.values()
        ]
        healthy = _verdicts(unchanged, Path(folder) / "unchanged")
        caught = _verdicts(chosen, Path(folder) / "changed")
    lines = [
        f"{'caught' if code == 1 else f'LIVES ({code})':10} {each.name}"
        for each, code in zip(chosen, caught, strict=True)
    ]
    lines += [f"RED BEFORE ({code}) {each.caught_by}" for each, code in zip(unchanged, healthy, strict=True) if code]
    sys.stdout.write("\n".join([*lines, f"{caught.count(1)} of {len(chosen)} caught", ""]))
    return 0 if caught == [1] * len(chosen) and not any(healthy) else 1


def _verdicts(mutations: Sequence[Mutation], folder: Path) -> list[int]:
    """What pytest said of each: 0 green, 1 red, anything else is a mistake in the list."""
    waiting = list(enumerate(mutations))
    running: dict[int, int] = {}
    codes = [-1] * len(mutations)
    while waiting or running:
        if waiting and len(running) < PROCESSES:
            place, mutation = waiting.pop(0)
            running[_fork(mutation, folder / str(place))] = place
            continue
        process, status = os.wait()
        codes[running.pop(process)] = os.waitstatus_to_exitcode(status)
    return codes


def _fork(mutation: Mutation, folder: Path) -> int:
    process = os.fork()
    if process:
        return process
    code = 70  # something went wrong before pytest could say anything
    signal.alarm(SECONDS)
    try:
        code = _run_here(mutation, folder)
    finally:
        os._exit(code)


def _run_here(mutation: Mutation, folder: Path) -> int:
    shutil.copytree(ROOT / "reconciler", folder / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "tests" / "sandbox", folder / "tests" / "sandbox", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy2(ROOT / "tests" / "yardstick.py", folder / "tests")
    _change(mutation, folder / "reconciler" / "sandbox" / mutation.file)
    os.chdir(folder)
    sys.path.remove(str(ROOT))
    for name in [name for name in sys.modules if name.partition(".")[0] in ("reconciler", "tests")]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    options = [
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "-c",
        os.devnull,
        "--rootdir",
        str(folder),
    ]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main([*options, f"tests/sandbox/{mutation.caught_by}"]))


def _change(mutation: Mutation, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.name}: its text stands {text.count(mutation.old)} times in {mutation.file}")
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")


if __name__ == "__main__":
    began = time.monotonic()
    outcome = main(sys.argv[1:])
    sys.stdout.write(f"{time.monotonic() - began:.0f} seconds\n")
    sys.exit(outcome)
