"""The lock file of the action: what pyproject.toml asks for, with a wheel for every machine that is promised."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "action/requirements.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [(3, 11), (3, 12), (3, 13), (3, 14)]
PLATFORMS = {
    # What GitHub's oldest images have: glibc 2.35 and macOS 13.
    "Linux x86_64": [*(f"manylinux_2_{minor}_x86_64" for minor in range(35, 4, -1)), "manylinux2014_x86_64"],
    "Linux arm64": [*(f"manylinux_2_{minor}_aarch64" for minor in range(35, 16, -1)), "manylinux2014_aarch64"],
    "macOS x86_64": list(mac_platforms((13, 0), "x86_64")),
    "macOS arm64": list(mac_platforms((13, 0), "arm64")),
}


class Locked(NamedTuple):
    """One library of the lock file."""

    requirement: Requirement
    wheels: list[str]
    hashes: list[str]

    @property
    def version(self) -> str:
        """The only version it allows."""
        (specifier,) = self.requirement.specifier
        return specifier.version


def locked() -> Iterator[Locked]:
    """Every library of the lock file, as the file tells of it."""
    for block in LOCK.split("\n\n")[1:]:
        wheels = re.findall(r"^# (.*)$", block, re.MULTILINE)
        (line,) = re.findall(r"^[a-z].*$", block, re.MULTILINE)
        yield Locked(Requirement(line.removesuffix("\\")), wheels, re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block))


LIBRARIES = {canonicalize_name(each.requirement.name): each for each in locked()}


def tags(python: tuple[int, int], platforms: list[str]) -> set[Tag]:
    """The tags of all wheels that *python* takes on a machine with *platforms*."""
    interpreter = f"cp{python[0]}{python[1]}"
    return {*cpython_tags(python, platforms=platforms), *compatible_tags(python, interpreter, platforms)}


def test_every_library_is_pinned_and_each_of_its_wheels_has_a_hash() -> None:
    """One version each, no source distribution, and as many hashes as names of wheels."""
    for each in LIBRARIES.values():
        assert ["=="] == [specifier.operator for specifier in each.requirement.specifier], each.requirement
        assert len(each.wheels) == len(set(each.hashes)) > 0, each.requirement
        assert {(canonicalize_name(each.requirement.name), each.version)} == {
            (name, str(version)) for name, version, _, _ in map(parse_wheel_filename, each.wheels)
        }


def test_the_lock_is_what_the_project_asks_for() -> None:
    """Every requirement of pyproject.toml is there in a version that it allows. If not: python3 action/lock.py."""
    wanted = [Requirement(text) for text in PROJECT["dependencies"]]

    unfit = [
        str(each) for each in wanted if not each.specifier.contains(LIBRARIES[canonicalize_name(each.name)].version)
    ]

    assert [] == unfit


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_there_is_a_wheel_for_every_machine(python: tuple[int, int], platform: str) -> None:
    """For each Python on each machine that is promised, judged by the wheels' own names."""
    taken = tags(python, PLATFORMS[platform])

    lacking = [
        name
        for name, each in LIBRARIES.items()
        if not any(taken & parse_wheel_filename(wheel)[3] for wheel in each.wheels)
    ]

    assert [] == lacking


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_no_machine_is_left_without_a_library_by_a_marker(python: tuple[int, int], system: str) -> None:
    """A marker leaves out no machine of ours, so that the wheels above are what is installed everywhere."""
    version = ".".join(map(str, python))
    machine = {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": system}

    left_out = [
        name
        for name, each in LIBRARIES.items()
        if each.requirement.marker is not None and not Marker(str(each.requirement.marker)).evaluate(dict(machine))
    ]

    assert [] == left_out
