"""Point every workflow that this repository shows to one release of the action.

    python3 action/pin.py SHA TAG

Rewrites `uses: posthog-reconciler/posthog-reconciler@<40 hex> # vX.Y.Z` in the examples, the README and the docs. Until
there is a release they hold forty zeros, which GitHub refuses. Knows nothing of releases but these two words.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOWN = ("README.md", "docs/*.md", "examples/workflows/*.yml")
ACTION = "posthog-reconciler/posthog-reconciler"
_USE = re.compile(rf"{ACTION}@[0-9a-f]{{40}} # v[0-9.]+")


def main(arguments: Sequence[str]) -> int:
    """Rewrite the files for the commit and the tag in *arguments*; 1 where they are none or nothing uses the action."""
    sha, tag = arguments
    if not re.fullmatch(r"[0-9a-f]{40}", sha) or not re.fullmatch(r"v[0-9]+\.[0-9]+\.[0-9]+", tag):
        return 1
    return 0 if sum(pinned(path, f"{ACTION}@{sha} # {tag}") for path in shown()) else 1


def shown() -> Iterator[Path]:
    """The files that show how to use the action."""
    for pattern in SHOWN:
        yield from sorted(ROOT.glob(pattern))


def pinned(path: Path, use: str) -> int:
    """Write *use* wherever *path* uses the action; how often that was."""
    text, found = _USE.subn(use, path.read_text(encoding="utf-8"))
    if found:
        path.write_text(text, encoding="utf-8")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
