"""Stands in for pip where the very same libraries were installed before: links them instead of unpacking them again.

It is put into a Python as its module `pip`, beside the folder `installed` and the lock file that this came from, and
answers to the one command that the action gives: anything else, or another lock file, ends it with an error.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = ["--no-deps", "--only-binary", "--quiet", "--require-hashes", ":all:"]


def main(words: list[str]) -> int:
    """Link every entry of `installed` into the folder after --target."""
    target, requirement = (words[words.index(option) + 1] for option in ("--target", "--requirement"))
    with open(requirement, "rb") as asked, open(os.path.join(HERE, "requirements.txt"), "rb") as had:
        is_same = asked.read() == had.read()
    if words[0] != "install" or not is_same or not set(NEEDED) <= set(words):
        return 1
    installed = os.path.join(HERE, "installed")
    for name in os.listdir(installed):
        os.symlink(os.path.join(installed, name), os.path.join(target, name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
