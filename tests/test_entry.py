"""The door of the console command: a quiet end when whoever reads the output, or waits for it, goes away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def command(text: str) -> list[str]:
    """The entry with a `cli` in place of ours whose `main` is the one line *text*."""
    program = f"""
import sys, types
cli = types.ModuleType("reconciler.cli")
def main():
    {text}
cli.main = main
sys.modules["reconciler.cli"] = cli
from reconciler.entry import program
program()
"""
    return [sys.executable, "-c", program]


def run(text: str) -> subprocess.CompletedProcess[str]:
    """A finished run of the entry with that `cli`."""
    return subprocess.run(command(text), cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_exit_code_is_the_one_of_the_command() -> None:
    """Returned or raised, it is passed on; nothing returned is success."""
    assert [3, 4, 0] == [run(text).returncode for text in ("return 3", "sys.exit(4)", "pass")]


def test_a_reader_who_has_read_enough_is_no_error() -> None:
    """`reconciler plan | head` ends without a traceback, also when the text was still buffered at the end."""
    with subprocess.Popen(
        command("sys.stdin.read(); print('x' * 100)"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        errors = process.stderr.read()

    assert (141, b"") == (process.returncode, errors)


def test_an_interruption_before_the_command_could_see_to_it_is_quiet() -> None:
    """Ctrl-C while the libraries are being imported ends as it does later on."""
    done = run("raise KeyboardInterrupt")

    assert (130, "") == (done.returncode, done.stderr)


def test_a_closed_standard_output_is_no_error() -> None:
    """`reconciler validate >&-` has nowhere to write to, and says nothing of it."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command("return 0")], cwd=ROOT, capture_output=True, check=False
    )

    assert (0, b"") == (done.returncode, done.stderr)
