"""What is shipped: the wheel holds the code, the schemas and the examples as they stand in the checkout, no more."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from reconciler import __version__

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SHIPPED = {"reconciler": "reconciler", "schemas": "reconciler/schemas", "examples": "reconciler/examples"}
"""Folders of the checkout, and where they stand in the wheel."""
DATA_ONLY = {"tzdata"}
"""Requirements that nothing imports by name: zoneinfo finds tzdata by itself."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the wheel's content, as an installation does."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Every file below *folder*, without what Python leaves behind."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def requirement_names(requirements: list[str]) -> set[str]:
    """The distributions that *requirements* name, spelled one way."""
    return {spelled_one_way(re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]) for requirement in requirements}


def spelled_one_way(name: str) -> str:
    """`python-dateutil` of `Python_DateUtil`, as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions_imported(folder: Path) -> set[str]:
    """The distributions that the modules below *folder* import from."""
    by_module = packages_distributions()
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"reconciler"}
            found |= {spelled_one_way(distribution) for top in tops for distribution in by_module[top]}
    return found


def run(folder: Path, *arguments: str) -> str:
    """What `reconciler ARGUMENTS` prints when it is run from the code in *folder*."""
    program = [sys.executable, "-P", "-m", "reconciler", *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(program, cwd=folder.parent, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_wheel_holds_the_source(wheel: Path) -> None:
    """Every file of code, schemas and examples is in the wheel byte for byte, and nothing else is."""
    expected = {
        f"{there}/{name}": content for here, there in SHIPPED.items() for name, content in files(ROOT / here).items()
    }

    with zipfile.ZipFile(wheel) as archive:
        shipped = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}

    assert sorted(expected) == sorted(shipped)
    assert expected == shipped


def test_the_wheel_says_what_it_is(unpacked: Path) -> None:
    """Name, version and the oldest Python are the project's; the licence comes along."""
    about = unpacked / f"posthog_reconciler-{__version__}.dist-info"
    metadata = Parser().parsestr((about / "METADATA").read_text(encoding="utf-8"))

    assert "posthog-reconciler" == metadata["Name"]
    assert __version__ == metadata["Version"]
    assert ">=3.11" == metadata["Requires-Python"]
    assert (ROOT / "LICENSE").read_bytes() == (about / "licenses" / "LICENSE").read_bytes()


def test_the_wheel_brings_the_command(unpacked: Path) -> None:
    """Installing it gives the console command `reconciler`."""
    about = unpacked / f"posthog_reconciler-{__version__}.dist-info"

    assert "reconciler = reconciler.entry:program" in (about / "entry_points.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["subscription", "recording-sharing", "config"])
def test_an_installed_reconciler_finds_its_schemas(unpacked: Path, kind: str) -> None:
    """The schemas are found in a wheel as they are in a checkout."""
    assert run(ROOT, "schema", kind) == run(unpacked, "schema", kind)


def test_every_library_of_the_program_is_a_requirement_and_every_requirement_is_used() -> None:
    """What the code imports is what an installation brings; the sandbox's own libraries come with its extra."""
    required = requirement_names(PROJECT["dependencies"])
    extra = requirement_names(PROJECT["optional-dependencies"]["sandbox"])
    sandbox = distributions_imported(ROOT / "reconciler" / "sandbox")

    imported = distributions_imported(ROOT / "reconciler")

    assert required | extra == imported | DATA_ONLY
    assert required >= imported - extra
    assert extra <= sandbox
