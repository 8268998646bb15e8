"""Write `action/requirements.txt`: the program's libraries, each with the hashes of its wheels.

    pip install uv packaging
    python3 action/lock.py              the newest releases that pyproject.toml allows
    python3 action/lock.py --check      say whether the file is what that would write, and end with 1 if not

uv finds the releases; of what it finds only the best wheel for each Python and machine below is kept, so that a source
distribution, whose build runs code, can never be installed. Needs a package index. Knows nothing of the program but
what pyproject.toml says.
"""

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "action" / "requirements.txt"
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
LINUX = ("x86_64", "aarch64")
OLDEST_GLIBC = 28
"""The minor version of the oldest C library, 2.28: Debian 10, RHEL 8, Ubuntu 20.04."""
OLDEST_MAC = (13, 0)
MAC = ("x86_64", "arm64")

HEAD = """\
# The libraries of the action, for Python 3.11 to 3.14 on Linux and macOS, each on x86_64 and arm64. Written by
# action/lock.py; do not edit. The comment above each names the wheels in the order of their hashes.
"""


class NoWheel(Exception):
    """A library has no wheel for one of the machines."""


def main(arguments: Sequence[str]) -> int:
    """Write the lock file, or compare it; the exit code."""
    text = lock_text(resolved())
    if "--check" in arguments:
        return int(TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def resolved() -> list[dict[str, Any]]:
    """Every library that an installation needs, as a `pylock.toml` tells of it (PEP 751)."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        requirements = tomllib.load(file)["project"]["dependencies"]
    with tempfile.TemporaryDirectory() as folder:
        wanted, lock = Path(folder, "requirements.in"), Path(folder, "pylock.toml")
        wanted.write_text("\n".join(requirements), encoding="utf-8")
        oldest = ".".join(map(str, PYTHONS[0]))
        how = ["--universal", "--python-version", oldest, "--format", "pylock.toml", "--quiet", "--output-file"]
        subprocess.run(["uv", "pip", "compile", *how, str(lock), str(wanted)], check=True)
        packages: list[dict[str, Any]] = tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]
    return packages


def lock_text(packages: Sequence[dict[str, Any]]) -> str:
    """The lock file for *packages*, in the order of their names."""
    return HEAD + "".join(entry(package) for package in packages if is_wanted(package.get("marker")))


def is_wanted(marker: str | None) -> bool:
    """Whether any of the Pythons on any of the machines needs a library with this *marker*."""
    environments = (
        {"python_full_version": f"{major}.{minor}.0", "python_version": f"{major}.{minor}", "sys_platform": system}
        for (major, minor), system in product(PYTHONS, ("linux", "darwin"))
    )
    return marker is None or any(Marker(marker).evaluate(dict(each)) for each in environments)


def entry(package: dict[str, Any]) -> str:
    """The lines for one library."""
    hashes = {wheel["url"].rpartition("/")[2]: wheel["hashes"]["sha256"] for wheel in package["wheels"]}
    kept = sorted({best(tags, list(hashes)) for tags in machines()})
    names = "".join(f"# {name}\n" for name in kept)
    marker = f" ; {package['marker']}" if package.get("marker") else ""
    lines = [f"{package['name']}=={package['version']}{marker}", *(f"--hash=sha256:{hashes[name]}" for name in kept)]
    return f"\n{names}" + " \\\n    ".join(lines) + "\n"


def machines() -> Iterator[list[Tag]]:
    """For each Python on each machine the tags of the wheels it takes, best first."""
    linux = [
        [f"manylinux_2_{minor}_{each}" for minor in range(OLDEST_GLIBC, 4, -1)] + more for each, more in linux_aliases()
    ]
    mac = [list(mac_platforms(OLDEST_MAC, each)) for each in MAC]
    for python, platforms in product(PYTHONS, [*linux, *mac]):
        yield [
            *cpython_tags(python, platforms=platforms),
            *compatible_tags(python, f"cp{python[0]}{python[1]}", platforms),
        ]


def linux_aliases() -> Iterator[tuple[str, list[str]]]:
    """Each Linux machine, with the older names of its platforms."""
    for machine in LINUX:
        yield machine, [f"manylinux2014_{machine}"]


def best(tags: Sequence[Tag], names: Sequence[str]) -> str:
    """The wheel of *names* that comes first in *tags*. NoWheel where there is none."""
    for tag in tags:
        for name in names:
            if tag in parse_wheel_filename(name)[3]:
                return name
    raise NoWheel(f"no wheel for {tags[0]} among {', '.join(names)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
