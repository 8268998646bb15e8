"""Where the action starts: `python3 -I action/main.py` with the action's inputs in the environment.

Puts the program's own source and the folder of its libraries first on the path; with -I neither the working directory,
where a pull request's files are, nor PYTHONPATH is on it. Turns each input into the option of the same name and becomes
`reconciler ci` with them. Knows no value of any input and nothing of GitHub.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PREFIX = "RECONCILER_ACTION_"
SOURCE = Path(__file__).resolve().parent.parent
OPTIONS = (
    "config",
    "working-directory",
    "label",
    "comment",
    "fail-on-changes",
    "reviewed-plan",
    "expect-digest",
    "drift-issue",
    "drift-label",
)


def command_line(variables: Mapping[str, str]) -> list[str]:
    """The words of `reconciler` for the inputs in *variables*; whether they make sense the command says."""

    def given(name: str) -> str:
        return variables.get(PREFIX + name.upper().replace("-", "_"), "")

    more = [word for line in given("args").splitlines() if (word := line.strip())]
    # With `=`, so that a value may be empty or begin with a hyphen.
    return ["ci", given("command"), *(f"--{name}={given(name)}" for name in OPTIONS), *more]


def main() -> None:
    """Become `reconciler ci`."""
    libraries = os.environ.get(f"{PREFIX}LIBRARIES", "")
    # Before what is installed on the machine, which may hold the same libraries in other versions.
    sys.path[:0] = [str(SOURCE), *filter(None, [libraries])]
    sys.argv[:] = ["reconciler", *command_line(os.environ)]
    from reconciler.entry import program

    program()


if __name__ == "__main__":
    main()
