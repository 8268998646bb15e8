"""A world full of canaries: addresses, webhook and Teams URLs, a key and a share's token, each to be known anywhere.

An address is told by its name before the @, a secret by its own text; both are found in any capitals. The place a
command writes to decides which of them it may show (design §6, "Who sees addresses").
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

from reconciler.cli import main
from reconciler.sandbox import Sandbox
from tests.conftest import Tree

RECORDING = "0190a6f2-7b2c-7c5e-9d61-1f2e3d4c5b6a"
TOKEN = "zx9Tok3nAbCdEfGhIjKlMnOpQrStUv"
HOOK = "https://hooks.example.com/services/T0zx9hook/B0?key=zx9hookkey"
OTHER_HOOK = "https://hooks.example.com/services/T0zx9otherhook"
TEAMS = "https://prod-1.westeurope.logic.azure.com/workflows/zx9teams/triggers?sig=zx9sig"

OTHER_TEAMS = "https://prod-2.westeurope.logic.azure.com/workflows/zx9otherteams/triggers?sig=zx9othersig"

_ADDRESSES = re.compile(r"zq7\w*", re.IGNORECASE)
_SECRETS = re.compile(r"zx9\w*", re.IGNORECASE)


def address(name: str) -> str:
    """An address that is known anywhere by what stands before its @."""
    return f"zq7{name}@example.com"


_WORDS = {"title": f"For {address('title')}", "invite_message": f"Ask {address('message')}."}
"""Free text in which somebody names people."""


# --- where a command writes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a command runs: on somebody's terminal or into a pipe, and whether the machine says that it builds."""

    name: str
    is_terminal: bool = False
    in_ci: bool = False

    def shows_addresses(self, format: str | None) -> bool:
        """Whether standard output may hold addresses here (design §6)."""
        return format == "json" or (format in ("text", None) and self.is_terminal and not self.in_ci)


PLACES = (Place("terminal", is_terminal=True), Place("pipe"), Place("ci", is_terminal=True, in_ci=True))


@dataclass(frozen=True)
class Wrote:
    """What a command ended with and wrote."""

    code: int
    out: str
    err: str


class _Stream(io.TextIOWrapper):
    """A stream that is or is not a terminal."""

    def __init__(self, *, is_terminal: bool, content: str = "") -> None:
        super().__init__(io.BytesIO(content.encode()), encoding="utf-8", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Whether a person sits there."""
        return self._is_terminal

    def fileno(self) -> int:
        """It is no file."""
        raise io.UnsupportedOperation("fileno")

    @property
    def text(self) -> str:
        """Everything that was written."""
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


# --- the world --------------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """A checkout, its base and a server, and in all of them canaries."""

    folder: Path
    url: str
    sandbox: Sandbox
    patch: pytest.MonkeyPatch
    profile: str = "latest"
    secrets: list[str] = field(default_factory=list)
    _start: dict[str, bytes] = field(default_factory=dict)

    def reset(self) -> None:
        """Everything as at the start: applied once, and then changed on every side."""
        self.sandbox.faults.clear()
        self.sandbox.reset(profile=self.profile)
        self.secrets = [self.sandbox.key]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.patch.chdir(self.folder)
        self._write_tree()
        self._fill_server()
        self.sandbox.clear_requests()
        self._start = self.files()

    def run(self, *arguments: str, place: Place = PLACES[1], stdin: str = "", key: str | None = None) -> Wrote:
        """Run a command line in this process, in *place*."""
        streams = [_Stream(is_terminal=place.is_terminal, content=stdin)]
        streams += [_Stream(is_terminal=place.is_terminal) for _ in range(2)]
        with self.patch.context() as patch:
            for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
            patch.setenv("POSTHOG_PERSONAL_API_KEY", key or self.sandbox.key)
            if place.in_ci:
                patch.setenv("CI", "true")
            code = main(arguments)
        return Wrote(code, streams[1].text, streams[2].text)

    def leaks(self, text: str, *, addresses: bool) -> list[str]:
        """The canaries in *text* that may not be there; addresses count unless they may."""
        found = [*_SECRETS.findall(text), *(secret for secret in self.secrets if secret in text)]
        return found if addresses else [*found, *_ADDRESSES.findall(text)]

    def written(self, before: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
        """The files that are new or other than *before*, with their text."""
        for path, content in self.files().items():
            if before.get(path) != content:
                yield path, content.decode("utf-8", "replace")

    def files(self) -> dict[str, bytes]:
        """Every file of the checkout."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and ".git" not in path.parts)
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}

    def restore(self, profile: str | None = None) -> None:
        """Reset, unless nothing was written since the last time: neither a file nor anything on the server."""
        wrote = any(request.method != "GET" for request in self.sandbox.requests())
        if wrote or self.files() != self._start or self.profile != (profile or self.profile):
            self.profile = profile or self.profile
            self.reset()
        self.sandbox.faults.clear()
        self.patch.chdir(self.folder)

    def commit(self) -> None:
        """Make the checkout one of git's."""
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "all"]):
            environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull}
            subprocess.run(["git", *words], cwd=self.folder, check=True, env=environment)

    def plan_file(self) -> None:
        """A plan that was reviewed."""
        assert self.run("plan", "--out", "plan.json").code == 0

    @property
    def _hooks(self) -> tuple[str, str, str]:
        """The secret channel that the server takes: its type, our URL, and somebody else's."""
        return ("webhook", HOOK, OTHER_HOOK) if self.profile == "seed" else ("teams", TEAMS, OTHER_TEAMS)

    def _write_tree(self) -> None:
        tree = Tree(self.folder)
        team = f"recipients:\n  team: [{address('group')}, {address('gone')}]\n"
        tree.config(self.url, self.sandbox.project_id, more=team)
        people = [address("list"), address("left"), "@team"]
        tree.manifest("listed", target_value=people, **_WORDS)
        tree.manifest("texted", target_value=f"{address('text')},{address('other')}", insight=5)
        tree.manifest("secret", target_type=self._hooks[0], target_value=self._hooks[1], insight=6)
        tree.write(
            "subscriptions/recording.yaml",
            "apiVersion: posthog-reconciler/v1\nkind: RecordingSharing\nmetadata: {name: shared}\n"
            f"spec: {{recording_id: {RECORDING}, enabled: false}}\n",
        )
        tree.write("ids.txt", f"{RECORDING}\n")

    def _fill_server(self) -> None:
        """Apply, keep that as the base, and then let everybody change something."""
        first = self.run("apply", "--yes")
        assert first.code == 0, first
        shutil.copytree(self.folder, self.folder / "then")
        rows = {row["title"].rpartition(":")[2].rstrip("]"): row["id"] for row in self.sandbox.rows()}
        self.sandbox.unsubscribe(rows["listed"], address("left"))
        self.sandbox.edit(rows["texted"], target_value=f"{address('text')},{address('drift')}")
        self.sandbox.edit(rows["secret"], target_value=self._hooks[2])
        title = f"By {address('hand')}"
        self.sandbox.add(insight=8, target_type="email", target_value=address("unmanaged"), title=title)
        self.sandbox.add(insight=9, target_type=self._hooks[0], target_value=self._hooks[2], title="Hook by hand")
        self.sandbox.add_recording(RECORDING, shared_at=self.sandbox.now, access_token=TOKEN)
        tree = Tree(self.folder)
        people = [address("list"), address("left"), address("new"), "@team"]
        tree.manifest("listed", target_value=people, **_WORDS | {"title": f"Of {address('title')}"})
        tree.manifest("fresh", target_value=[address("fresh")], insight=10)


# --- what is run ------------------------------------------------------------------------------------------------------


def _nothing(_: Stage) -> None:
    """Nothing to prepare."""


@dataclass(frozen=True)
class Call:
    """One way to call a command: its words, what it may end with, and what comes before.

    `allowed` are files that hold addresses because they are for the machine or are the manifests themselves.
    """

    words: str = ""
    codes: tuple[int, ...] = (0,)
    prepare: Callable[[Stage], None] = _nothing
    allowed: tuple[str, ...] = ()
    stdin: str = ""


def formats(command: click.Command) -> Sequence[str | None]:
    """The formats that *command* writes; None where it has no such option."""
    for item in command.params:
        if item.name == "format" and isinstance(item.type, click.Choice):
            return [str(choice) for choice in item.type.choices]
    return [None]
