"""Where a run writes: the log, the annotations, the summary, the outputs and the files of a build machine.

On GitHub everything that others wrote stands between two lines that switch the runner's commands off, under a word that
nobody can guess; and every output has a delimiter of its own. Nothing is written that a later step would obey
(GITHUB_ENV, GITHUB_PATH). Knows files and the runner's commands; knows neither plans nor GitHub's API.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..privacy import Key
from ..report import github, text
from ..report.fitting import SUMMARY, Limits, Page
from ..report.github import Annotation
from .inputs import Provider

FOLDER = "reconciler-ci"


class Desk:
    """The places of one run to write to."""

    def __init__(self, provider: Provider, variables: Mapping[str, str], echo: Callable[[str], None]) -> None:
        """Write to standard output by *echo*, and to the files that *variables* name."""
        self._is_github = provider is Provider.GITHUB
        self._variables, self._echo = variables, echo
        self._masked: set[str] = set()

    def mask(self, keys: Iterable[Key]) -> None:
        """Have the runner hide *keys* wherever they may turn up in its log, line by line."""
        lines = {line.strip() for key in keys for line in key.value.splitlines()} - {""} - self._masked
        self._masked |= lines
        if self._is_github:
            # The one place beside the request's header where a key is opened: this command is not shown.
            for line in sorted(lines):
                self._echo(f"::add-mask::{github.data(line)}")

    def log(self, text: str) -> None:
        """Write *text*, in which nothing is obeyed."""
        if not text:
            return
        if not self._is_github:
            self._echo(text)
            return
        token = secrets.token_hex(16)
        self._echo(f"::stop-commands::{token}")
        try:
            self._echo(text)
        finally:
            self._echo(f"::{token}::")

    def annotate(self, annotations: Iterable[Annotation], folder: str) -> None:
        """Show *annotations* on the files below *folder*; as lines of the log where there is no such thing."""
        if self._is_github:
            if commands := github.written(annotations, folder):
                self._echo(commands)
            return
        for each in annotations:
            place = f"{each.path}:{each.line}: " if each.path is not None else ""
            self._echo(text.remark(f"{each.level} {place}{each.text} [{each.title}]"))

    def summarize(self, page: Page) -> None:
        """Add *page* to the summary of the job, as far as it takes it."""
        file = self._variables.get("GITHUB_STEP_SUMMARY")
        if self._is_github and file:
            path = Path(file)
            there = path.stat().st_size if path.exists() else 0
            _append(path, page.within(Limits(SUMMARY.characters, SUMMARY.bytes - there - 2)) + "\n\n")

    def put(self, outputs: Mapping[str, str], folder: Path | None) -> None:
        """Set *outputs*: for later steps of GitHub, elsewhere as lines of a file in *folder*."""
        if not self._is_github:
            if folder is not None:
                _write(folder / "outputs.env", "".join(map(_variable, outputs.items())))
            return
        if file := self._variables.get("GITHUB_OUTPUT"):
            _append(Path(file), "".join(map(_heredoc, outputs.items())))

    def keep(self, folder: Path, files: Mapping[str, str]) -> dict[str, str]:
        """Write *files* into *folder*; their paths by their names."""
        for name, content in files.items():
            _write(folder / name, content)
        return {name: str((folder / name).absolute()) for name in files}

    def folder(self, asked: str, key: str, here: Path) -> Path:
        """Where the files of a run go: where it was *asked*, else a place that no other step uses."""
        if asked:
            return here / asked
        temporary = self._variables.get("RUNNER_TEMP")
        return Path(temporary) / "reconciler" / key if self._is_github and temporary else here / FOLDER


def _heredoc(output: tuple[str, str]) -> str:
    name, value = output
    end = secrets.token_hex(16)
    return f"{name}<<{end}\n{value}\n{end}\n"


def _variable(output: tuple[str, str]) -> str:
    name, value = output
    return f"RECONCILER_{name.upper().replace('-', '_')}={' '.join(value.splitlines())}\n"


def _append(path: Path, content: str) -> None:
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(content)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Never through a link, nor into a file that somebody else keeps open: the folder may come from a pull request.
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(content, encoding="utf-8", newline="\n")
    os.replace(beside, path)
