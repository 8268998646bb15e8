#!/usr/bin/env python3
"""Everything a fresh clone needs, in one word: sets up `.venv` in the checkout and runs the program or its tests in it.

    python3 dev.py demo                 a local PostHog, a plan, an apply, a hand edit and the drift it makes
    python3 dev.py test [ARGUMENT...]   the tests; arguments are pytest's
    python3 dev.py run [ARGUMENT...]    reconciler itself: python3 dev.py run plan examples
    python3 dev.py setup                set up only, for an editor and its tools

Needs Python 3.11 or newer and nothing else; installs again only when pyproject.toml has changed. Knows how to install
and start the program, and nothing of what it does.

An older Python must be able to read this file, to say that it is too old: no syntax younger than Python 3.6.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
NEWEST_LOOKED_FOR = 20
EXTRAS = {"test": {"dev", "sandbox"}, "setup": {"dev", "sandbox"}}
"""The extras that a first word needs, where it is not DEFAULT_EXTRAS."""
DEFAULT_EXTRAS = {"sandbox"}
ALL_AT_ONCE = ["-n", "auto", "--maxprocesses", "8"]
"""All the tests share the cores; a few chosen ones are done before another process has started."""
SHOWN_LINES = 15
"""How much of a failed installer's output is shown: its last lines say what is wrong."""

SIGNS_OF_NO_NETWORK = (
    "NewConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "name resolution", "No matching distribution",
    "error sending request", "dns error",
)  # fmt: skip

Stamp = Dict[str, object]


class SetupError(Exception):
    """The checkout cannot be set up; the text says why and the way out."""


def main(arguments: Sequence[str]) -> int:
    """Set up what *arguments* need, and become the program that they name."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if arguments else 1
    if sys.version_info < OLDEST:
        return start_with_newer_python(arguments)
    environment = Environment(ROOT)
    try:
        environment.provide(EXTRAS.get(arguments[0], DEFAULT_EXTRAS))
    except SetupError as error:
        say(str(error))
        return 1
    command = command_for(arguments)
    if not command:
        return 0
    if arguments[0] == "test":
        os.chdir(str(ROOT))
    return become([str(environment.python), *command])


def command_for(arguments: Sequence[str]) -> List[str]:
    """What Python is to run for *arguments*; empty where there is nothing to run."""
    word, rest = arguments[0], list(arguments[1:])
    if word == "setup":
        return []
    if word == "test":
        return ["-m", "pytest", "-q", *(rest or ALL_AT_ONCE)]
    if word != "run":
        rest = list(arguments)
    elif rest[:1] == ["--"]:
        rest = rest[1:]
    # -P: a folder that happens to be the current one must not be able to shadow a library.
    return ["-P", "-m", "reconciler", *rest]


class Environment:
    """The checkout's virtual environment: whether it still fits, and how to make it fit."""

    def __init__(self, root: Path) -> None:
        """The environment `.venv` of the checkout *root*."""
        self.root = root
        self.folder = root / ".venv"
        self.stamp = self.folder / "dev-stamp.json"
        self.python = self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def provide(self, extras: Set[str]) -> None:
        """Make the environment hold the project with *extras*; does nothing where it does already."""
        if self.holds(extras):
            return
        with locked(self.root / ".venv.lock"):
            if self.holds(extras):  # somebody else has just done it
                return
            fault = self.fault()
            if fault:
                self.create(fault)
            self.install(extras | self.installed_extras())

    def holds(self, extras: Set[str]) -> bool:
        """Whether the last finished installation was of this very project, in this place, with *extras*."""
        stamp = self.read_stamp()
        return bool(stamp) and stamp == self.wanted_stamp(extras | self.installed_extras())

    def fault(self) -> Optional[str]:
        """Why the environment cannot be used and has to be made anew; None where it can be used."""
        if not self.folder.exists() and not self.folder.is_symlink():
            return "new"
        stamp, version = self.read_stamp(), self.version()
        if version is None:
            return "its Python does not run"
        if version < OLDEST:
            return "its Python is too old"
        if stamp and stamp.get("checkout") != str(self.root):
            return "the checkout was moved or copied"
        if stamp and stamp.get("python") != list(version):
            return "its Python changed"
        if not (self.has_pip() or shutil.which("uv")):
            return "it has no pip"
        return None

    def version(self) -> Optional[Tuple[int, ...]]:
        """The version of the environment's Python; None where it does not run, or not as a virtual environment's."""
        question = "import sys; print(*sys.version_info[:2]); sys.exit(sys.prefix == sys.base_prefix)"
        code, answer = run([str(self.python), "-I", "-c", question])
        return tuple(int(number) for number in answer.split()) if code == 0 else None

    def has_pip(self) -> bool:
        """Whether pip is there; an environment that uv made has none."""
        return run([str(self.python), "-I", "-c", "import pip"])[0] == 0

    def create(self, fault: str) -> None:
        """Make the environment anew, with the first of venv, uv and virtualenv that there is and that succeeds."""
        self.clear()
        if fault != "new":
            say("making .venv anew: {}".format(fault))
        failures = []
        for tool, command in creators(self.folder):
            code, output = run(command)
            if code == 0 and self.version():
                return
            failures.append("{}: {}".format(tool, last_lines(output)))
            self.clear()
        raise SetupError("\n".join(["cannot make a virtual environment.", *failures, advice()]))

    def clear(self) -> None:
        """Remove the environment, and nothing that is not one."""
        if self.folder.is_symlink():
            self.folder.unlink()
        elif self.folder.exists():
            if not (self.folder / "pyvenv.cfg").is_file():
                raise SetupError("{} is not a virtual environment; move it away and try again".format(self.folder))
            shutil.rmtree(str(self.folder))

    def install(self, extras: Set[str]) -> None:
        """Install the project, editable, with *extras*; the stamp says so only once that is done."""
        stamp = self.wanted_stamp(extras)  # of pyproject.toml as it is read now, should it change meanwhile
        with contextlib.suppress(FileNotFoundError):
            self.stamp.unlink()
        names = ",".join(sorted(extras))
        say("installing the project with {} into .venv; the first time takes a minute ...".format(names))
        code, output = run([*self.installer(), "--editable", "{}[{}]".format(self.root, names)], cwd=self.root)
        if code != 0:
            raise SetupError("the installation failed.{}\n{}".format(network_advice(output), last_lines(output)))
        draft = self.stamp.with_suffix(".draft")
        draft.write_text(json.dumps(stamp, indent=1, sort_keys=True), encoding="utf-8")
        draft.replace(self.stamp)

    def installer(self) -> List[str]:
        """The command that installs into the environment: its own pip, or uv where it has none."""
        if self.has_pip():
            quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
            return [str(self.python), "-I", "-m", "pip", "install", *quiet]
        return ["uv", "pip", "install", "--quiet", "--python", str(self.python)]

    def read_stamp(self) -> Stamp:
        """What the last finished installation was of; empty where there was none."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    def wanted_stamp(self, extras: Set[str]) -> Stamp:
        """What an installation with *extras* would be of now."""
        project = (self.root / "pyproject.toml").read_bytes()
        return {
            "checkout": str(self.root),  # an editable installation points to it, so a moved one has to be made anew
            "extras": sorted(extras),
            "project": hashlib.sha256(project).hexdigest(),
            "python": list(self.version() or ()),
        }

    def installed_extras(self) -> Set[str]:
        """The extras of the last finished installation, so that installing for one command keeps those of another."""
        extras = self.read_stamp().get("extras")
        return {str(extra) for extra in extras} if isinstance(extras, list) else set()


def creators(folder: Path) -> Iterator[Tuple[str, List[str]]]:
    """The ways to make a virtual environment in *folder* that this machine has, best first."""
    if find_spec("venv") and find_spec("ensurepip"):  # Debian and Ubuntu ship Python without the latter
        yield "venv", [sys.executable, "-m", "venv", str(folder)]
    uv, virtualenv = shutil.which("uv"), shutil.which("virtualenv")
    if uv:
        yield "uv", [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
    if virtualenv:
        yield "virtualenv", [virtualenv, "--quiet", "--python", sys.executable, str(folder)]


def advice() -> str:
    """How to get what `creators` looks for."""
    version = "{}.{}".format(*sys.version_info)
    return (
        "This Python has no venv with pip. On Debian and Ubuntu: sudo apt install python{}-venv. "
        "Elsewhere install uv or virtualenv; dev.py uses what it finds.".format(version)
    )


def network_advice(output: str) -> str:
    """What to do where an installer's *output* shows that it reached no package index; empty where it does not."""
    if not any(sign in output for sign in SIGNS_OF_NO_NETWORK):
        return ""
    return " It needs a package index: connect this machine, or set PIP_INDEX_URL to one that it reaches."


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold *path* as a lock, so that two of us do not install at once; the system lets go of it should we die."""
    with path.open("a") as file:
        if not lock(file.fileno(), wait=False):
            say("waiting for another dev.py to finish installing ...")
            lock(file.fileno(), wait=True)
        yield


def lock(descriptor: int, wait: bool) -> bool:
    """Lock the open file *descriptor*; False where another holds it and we are not to *wait*."""
    if sys.platform == "win32":
        import msvcrt

        deed = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK
        while True:
            try:
                msvcrt.locking(descriptor, deed, 1)
            except OSError:  # LK_LOCK gives up after ten seconds
                if not wait:
                    return False
            else:
                return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start_with_newer_python(arguments: Sequence[str]) -> int:
    """Start again with a Python that is new enough, where the PATH has one; else say what is needed."""
    for minor in range(NEWEST_LOOKED_FOR, OLDEST[1] - 1, -1):
        python = shutil.which("python3.{}".format(minor))
        # It is asked, because a version manager's placeholder is on the PATH and does not run.
        if python and run([python, "-c", "pass"])[0] == 0:
            return become([python, str(ROOT / "dev.py"), *arguments])
    found = "{}.{}".format(*sys.version_info)
    say("needs Python 3.{} or newer; this one is {}, and the PATH has no other".format(OLDEST[1], found))
    return 1


def run(command: Sequence[str], cwd: Optional[Path] = None) -> Tuple[int, str]:
    """The exit code of *command* and everything it printed; a command that cannot be started has failed."""
    where = str(cwd) if cwd else None
    try:
        done = subprocess.run(list(command), check=False, cwd=where, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def become(command: Sequence[str]) -> int:
    """Go on as *command*, so that signals reach it directly and its exit code is ours."""
    sys.stdout.flush()
    if os.name != "nt":  # there exec would give the prompt back at once
        os.execv(command[0], list(command))
    return subprocess.call(list(command))


def last_lines(output: str) -> str:
    """The end of *output*, where an installer says what is wrong."""
    return "\n".join(output.strip().splitlines()[-SHOWN_LINES:])


def say(message: str) -> None:
    """Tell the person; standard output is the program's."""
    print("dev.py: " + message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
