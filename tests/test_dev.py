"""`dev.py`: what it decides, tried on checkouts that are laid out in a temporary folder and never reach the network."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load() -> ModuleType:
    """`dev.py` as a module; it is no part of the package."""
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dev = load()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that has dev.py and a project, and no environment yet."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / "dev.py", folder)
    (folder / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    return folder


@pytest.fixture
def ready(checkout: Path) -> Path:
    """The checkout after a finished set-up with the sandbox extra."""
    venv.create(checkout / ".venv", with_pip=False)
    write_stamp(checkout, {"sandbox"})
    return checkout


def write_stamp(checkout: Path, extras: set[str]) -> None:
    """Say in *checkout* that an installation with *extras* was finished."""
    environment = dev.Environment(checkout)
    environment.stamp.write_text(json.dumps(environment.wanted_stamp(extras)), encoding="utf-8")


def installer(checkout: Path, script: str) -> str:
    """A PATH on which `uv`, which installs where an environment has no pip, is the shell *script*."""
    folder = checkout / "programs"
    folder.mkdir()
    (folder / "uv").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "uv").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def run(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the checkout's dev.py, with *environment* over ours."""
    command = [sys.executable, str(checkout / "dev.py"), *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_an_old_python_can_read_it() -> None:
    """The syntax is Python 3.6's, so that an old Python says that it is too old and not that it is confused."""
    ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_it_needs_nothing_but_the_standard_library() -> None:
    """A bare machine can run it."""
    tree = ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert set() == {name.partition(".")[0] for name in modules} - sys.stdlib_module_names


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        pytest.param(["demo"], ["-P", "-m", "reconciler", "demo"], id="a command of the program"),
        pytest.param(["plan", "--help"], ["-P", "-m", "reconciler", "plan", "--help"], id="with its options"),
        pytest.param(["run", "plan", "x"], ["-P", "-m", "reconciler", "plan", "x"], id="run"),
        pytest.param(["run", "--", "--help"], ["-P", "-m", "reconciler", "--help"], id="run, two dashes"),
        pytest.param(["test"], ["-m", "pytest", "-q", "-n", "auto", "--maxprocesses", "8"], id="the tests"),
        pytest.param(["test", "-k", "dev"], ["-m", "pytest", "-q", "-k", "dev"], id="some of the tests"),
        pytest.param(["setup"], [], id="nothing to run"),
    ],
)
def test_the_first_word_chooses_what_is_run(arguments: list[str], command: list[str]) -> None:
    """`test` is pytest, `run` and every other word is the program."""
    assert command == dev.command_for(arguments)


def test_without_a_word_it_explains_itself(checkout: Path) -> None:
    """No argument is a mistake, `--help` a question; both show the usage and set up nothing."""
    bare, asked = run(checkout), run(checkout, "--help")

    assert (1, 0) == (bare.returncode, asked.returncode)
    assert "python3 dev.py demo" in bare.stdout
    assert bare.stdout == asked.stdout
    assert not (checkout / ".venv").exists()


def test_a_finished_installation_is_not_repeated(ready: Path) -> None:
    """What is installed already, alone or among more, needs nothing."""
    environment = dev.Environment(ready)

    assert environment.holds({"sandbox"})
    assert environment.holds(set())
    assert not environment.holds({"dev"})


def test_a_changed_project_is_installed_again(ready: Path) -> None:
    """The stamp is of pyproject.toml's content."""
    (ready / "pyproject.toml").write_text("[project]\nname = 'y'\n", encoding="utf-8")

    assert not dev.Environment(ready).holds({"sandbox"})


def test_installing_for_one_command_keeps_what_another_needs(ready: Path) -> None:
    """`demo` after `test` leaves the tests' libraries wanted, and the other way round."""
    write_stamp(ready, {"dev", "sandbox"})

    assert {"dev", "sandbox"} == dev.Environment(ready).installed_extras()
    assert dev.Environment(ready).holds({"sandbox"})


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"extras": 7}'])
def test_a_spoilt_stamp_counts_as_none(ready: Path, stamp: str) -> None:
    """Whatever stands in the stamp, the worst is one more installation."""
    environment = dev.Environment(ready)
    environment.stamp.write_text(stamp, encoding="utf-8")

    assert not environment.holds(set())
    assert set() == environment.installed_extras()


def test_a_checkout_without_environment_gets_a_new_one(checkout: Path) -> None:
    """A fresh clone is not a fault to report."""
    assert "new" == dev.Environment(checkout).fault()


def test_a_moved_checkout_gets_a_new_environment(ready: Path) -> None:
    """An editable installation points to where the checkout was; a copy would run the code of the original."""
    moved = ready.rename(ready.with_name("elsewhere"))

    assert not dev.Environment(moved).holds({"sandbox"})
    assert "the checkout was moved or copied" == dev.Environment(moved).fault()


def test_an_environment_whose_python_is_gone_is_made_anew(ready: Path) -> None:
    """As happens when the system's Python is upgraded."""
    dev.Environment(ready).python.unlink()

    assert "its Python does not run" == dev.Environment(ready).fault()


def test_a_folder_that_is_no_environment_is_never_removed(checkout: Path) -> None:
    """`.venv` may be anything; only a virtual environment is ours to make anew."""
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "diary.txt").write_text("dear diary", encoding="utf-8")

    done = run(checkout, "demo")

    assert 1 == done.returncode
    assert "is not a virtual environment; move it away" in done.stderr
    assert (checkout / ".venv" / "diary.txt").exists()


def test_a_python_without_venv_is_told_what_to_install(checkout: Path) -> None:
    """Debian ships Python without ensurepip; with no uv and no virtualenv either, the message says the way out."""
    blocker = checkout / "blocker"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n", encoding="utf-8")

    done = run(checkout, "demo", PYTHONPATH=str(blocker), PATH=str(blocker))

    assert 1 == done.returncode
    assert "sudo apt install python3." in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_failed_installation_shows_why_and_is_not_taken_for_a_finished_one(ready: Path) -> None:
    """The installer's last lines are shown, and the next run tries again."""
    path = installer(ready, "echo many words; echo no such package; exit 2")

    done = run(ready, "test", PATH=path)

    assert 1 == done.returncode
    assert "the installation failed" in done.stderr
    assert "no such package" in done.stderr
    assert not dev.Environment(ready).stamp.exists()


def test_an_interrupted_installation_is_not_taken_for_a_finished_one(ready: Path) -> None:
    """Whatever ends dev.py while it installs, the next run starts over."""
    path = installer(ready, "kill -9 $PPID")

    done = run(ready, "test", PATH=path)

    assert 0 != done.returncode
    assert not dev.Environment(ready).holds({"sandbox"})


def test_a_finished_installation_holds_what_was_asked_for_and_what_was_there(ready: Path) -> None:
    """Only a finished one is stamped."""
    path = installer(ready, "exit 0")

    done = run(ready, "setup", PATH=path)

    assert 0 == done.returncode
    assert dev.Environment(ready).holds({"dev", "sandbox"})


def test_a_missing_package_index_is_named() -> None:
    """No network is told from a broken project."""
    assert "PIP_INDEX_URL" in dev.network_advice("ERROR: No matching distribution found for hatchling")
    assert not dev.network_advice("SyntaxError: invalid syntax")


def test_the_exit_code_is_the_commands(ready: Path) -> None:
    """dev.py becomes the program that it starts."""
    package = ready / "reconciler"
    package.mkdir()
    (package / "__main__.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(3)\n", encoding="utf-8")

    done = run(ready, "plan", "here", PYTHONPATH=str(ready))

    assert (3, "['plan', 'here']\n") == (done.returncode, done.stdout)


def test_only_one_installs_at_a_time(tmp_path: Path) -> None:
    """A second dev.py waits for the first; the lock is free again afterwards."""
    path = tmp_path / "lock"
    with dev.locked(path), path.open("a") as second:
        assert not dev.lock(second.fileno(), wait=False)

    with path.open("a") as second:
        assert dev.lock(second.fileno(), wait=False)
