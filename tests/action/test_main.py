"""`action/main.py`: inputs become options, and nothing of the machine or the repository comes before our own source."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from action.main import OPTIONS, PREFIX, SOURCE, command_line

ROOT = Path(__file__).resolve().parents[2]
NAMES = [PREFIX + name.upper().replace("-", "_") for name in OPTIONS]


def test_every_input_becomes_an_option_with_its_text_unchanged() -> None:
    """Also an empty one, and one that begins with a hyphen; the command judges them."""
    values = ["", "-x", "  two words ", "True", "a\nb", "ö", "=", "--label", "'"]
    given = dict(zip(NAMES, values, strict=True))

    expected = [f"--{name}={value}" for name, value in zip(OPTIONS, values, strict=True)]
    assert ["ci", "plan", *expected] == command_line({**given, f"{PREFIX}COMMAND": "plan"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("--env\nproduction", ["--env", "production"]),
        ("\n  --only=a b  \n\n--no-prune\n", ["--only=a b", "--no-prune"]),
        ("$(touch x); `y` && z", ["$(touch x); `y` && z"]),
        ("--env\r\nproduction\r\n", ["--env", "production"]),
    ],
)
def test_args_are_one_word_a_line(text: str, words: list[str]) -> None:
    """No shell reads them, so blanks and dollar signs are part of a word."""
    assert words == command_line({f"{PREFIX}ARGS": text})[2 + len(OPTIONS) :]


def test_nothing_else_is_read_from_the_environment() -> None:
    """A variable of the runner, or one that looks like an input, is none."""
    assert command_line({}) == command_line(
        {"INPUT_COMMAND": "apply", "RECONCILER_ACTION_YES": "1", "COMMAND": "apply"}
    )


def test_our_source_and_libraries_come_first(tmp_path: Path) -> None:
    """Before what the machine has, and without the working directory or PYTHONPATH."""
    libraries, workspace = tmp_path / "libraries", tmp_path / "workspace"
    for folder in (libraries, workspace):
        folder.mkdir()
        (folder / "yaml.py").write_text("raise SystemExit('hijacked')\n", encoding="utf-8")
    program = (
        "import runpy, sys\n"
        "import reconciler.entry as entry\n"
        "entry.program = lambda: print(*sys.path[:2], '' in sys.path, *sys.argv, sep='\\n')\n"
        f"runpy.run_path({str(ROOT / 'action/main.py')!r}, run_name='__main__')\n"
    )
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(workspace),
        f"{PREFIX}LIBRARIES": str(libraries),
        f"{PREFIX}COMMAND": "plan",
    }
    preface = f"import sys; sys.path.append({str(ROOT)!r})\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", preface + program],
        cwd=workspace,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )

    assert SOURCE == ROOT
    assert [str(ROOT), str(libraries), "False", "reconciler", "ci", "plan"] == done.stdout.splitlines()[:6]
