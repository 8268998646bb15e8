"""What goes to standard output and standard error: formats, who may see addresses, progress, and the worst exit code.

Standard output holds the result and nothing else; standard error never holds an address.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

import click

from ..errors import Problem
from ..model import ApplyResult, Finding, Plan, Severity
from ..privacy import guarded, show
from ..report import Viewer, documents, github, markdown, text

if TYPE_CHECKING:
    from ..departures import Departure
    from ..sightings import Portrait, Reach


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sits at *stream*; nobody does where the shell closed it."""
    return stream is not None and stream.isatty()


@dataclass(frozen=True, slots=True)
class Output:
    """Where and for whom a command writes."""

    format: Format
    viewer: Viewer

    @classmethod
    def chosen(cls, format: Format, *, show_addresses: bool, in_ci: bool, plain: bool) -> Output:
        """The Output for this terminal: addresses in full on a person's terminal and in JSON only (design §6)."""
        terminal = is_terminal(sys.stdout) and not in_ci
        addresses = show_addresses or format is Format.JSON or (format is Format.TEXT and terminal)
        colour = format is Format.TEXT and is_terminal(sys.stdout) and not plain
        return cls(format, Viewer(addresses, colour))

    def plans(self, plans: Sequence[Plan], *, drift: bool = False) -> None:
        """Write *plans*, one environment after the other."""
        match self.format:
            case Format.JSON:
                _write(documents.dumps(documents.several([documents.plan(plan, self.viewer) for plan in plans])))
            case Format.MARKDOWN:
                _write_each(markdown.plan(plan, self.viewer) for plan in plans)
            case Format.GITHUB:
                _write_each(github.plan(plan, self.viewer) for plan in plans)
            case Format.TEXT:
                _write_each((text.drift if drift else text.plan)(plan, self.viewer) for plan in plans)

    def results(self, results: Sequence[ApplyResult]) -> None:
        """Write what became of every change."""
        match self.format:
            case Format.JSON:
                _write(documents.dumps(documents.several([documents.apply(item, self.viewer) for item in results])))
            case Format.MARKDOWN:
                _write_each(markdown.result(result, self.viewer) for result in results)
            case Format.GITHUB:
                _write_each(github.result(result, self.viewer) for result in results)
            case Format.TEXT:
                _write_each(text.result(result, self.viewer) for result in results)

    def validation(self, manifests: int, problems: Sequence[Problem], warnings: Sequence[Problem]) -> None:
        """Write every problem of a validation."""
        match self.format:
            case Format.JSON:
                _write(documents.dumps(documents.validation(manifests, problems, warnings, self.viewer)))
            case Format.MARKDOWN:
                _write(markdown.problems(problems, warnings, self.viewer))
            case Format.GITHUB:
                _write(github.problems(problems, warnings, self.viewer))
            case Format.TEXT:
                _write(text.validation(manifests, problems, warnings, self.viewer))

    def portraits(self, found: Sequence[Portrait]) -> None:
        """Write what is known of one subscription, an environment after the other."""
        from ..report import lookup

        match self.format:
            case Format.JSON:
                _write(documents.dumps(lookup.portraits_document(found, self.viewer)))
            case Format.MARKDOWN:
                _write(lookup.portraits_markdown(found, self.viewer))
            case _:
                _write(lookup.portraits(found, self.viewer))

    def reaches(self, found: Sequence[Reach]) -> None:
        """Write everything that reaches a person, an environment after the other."""
        from ..report import lookup

        match self.format:
            case Format.JSON:
                _write(documents.dumps(lookup.reaches_document(found, self.viewer)))
            case Format.MARKDOWN:
                _write(lookup.reaches_markdown(found, self.viewer))
            case _:
                _write(lookup.reaches(found, self.viewer))

    def departure(self, found: Departure) -> None:
        """Write where a person was taken out; of a rehearsal nothing but what would be edited."""
        from ..report import departures

        if self.format is Format.JSON:
            _write(documents.dumps(departures.departure_document(found, self.viewer)))
        elif found.is_rehearsal:
            _write(departures.difference(found, self.viewer))
        else:
            _write(departures.departure(found, self.viewer))

    def failure(self, problems: Sequence[Problem]) -> None:
        """Write why the command could not do its work: a document on standard output, sentences on standard error."""
        problems = [problem.guarded for problem in problems]
        match self.format:
            case Format.JSON:
                _write(documents.dumps(documents.error(problems, self.viewer)))
            case Format.GITHUB:
                _write(github.problems(problems, (), self.viewer))
            case _:
                complain(problems)


def complain(problems: Iterable[Problem]) -> None:
    """Problems on standard error, addresses masked."""
    click.echo(
        text.problems((problem.guarded for problem in problems), Viewer(addresses=False, colour=_colour_on_stderr())),
        err=True,
    )


def warn(warnings: Iterable[Problem]) -> None:
    """Warnings on standard error, addresses masked."""
    found = text.warnings(
        (warning.guarded for warning in warnings), Viewer(addresses=False, colour=_colour_on_stderr())
    )
    if found:
        click.echo(found, err=True)


def note(message: str) -> None:
    """A remark on standard error, in which no file name can speak to a terminal or a build machine."""
    click.echo(text.remark(show(guarded(message), addresses=False)), err=True)


def of_findings(findings: Iterable[Finding]) -> tuple[Problem, ...]:
    """Blocking findings as problems with a place, naming manifest and row."""
    return tuple(_as_problem(finding) for finding in findings if finding.severity is Severity.BLOCK)


def _as_problem(finding: Finding) -> Problem:
    name = (f"{finding.name}: ",) if finding.name else ()
    source = finding.source
    place = (source.path, source.line) if source is not None else (None, None)
    return Problem(finding.rule, (*name, *finding.message), *place)


class Progress:
    """A line on standard error about what takes longer than a second; on terminals only.

    As a context manager it also tells the seconds while nothing happens, as in a wait for a busy server, and takes the
    line away at the end.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to wait for *what*; nothing is written in the first second."""
        self._what = what
        self._clock = clock
        self._begun = clock()
        self._far = ""
        self._ended = threading.Event()
        self._drawing = threading.Lock()
        self._ticker: threading.Thread | None = None
        self._written = False

    def __call__(self, done: int, of: int) -> None:
        """Say that *done* of *of* are done."""
        self._far = f": {done} of {of}"
        self._draw()

    def end(self) -> None:
        """Take the line away; nothing is written after it."""
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        with self._drawing:
            if self._written:
                click.echo("\r\x1b[K", err=True, nl=False)
                self._written = False

    def __enter__(self) -> Self:
        """Begin to tell the seconds, where somebody watches."""
        if is_terminal(sys.stderr):
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away."""
        self.end()

    def _tick(self) -> None:
        while not self._ended.wait(1):
            self._draw()

    def _draw(self) -> None:
        seconds = self._clock() - self._begun
        with self._drawing:
            if seconds > 1 and is_terminal(sys.stderr) and not self._ended.is_set():
                click.echo(f"\r{self._what}{self._far} ({seconds:.0f} s)\x1b[K", err=True, nl=False)
                self._written = True


def _write_each(texts: Iterable[str]) -> None:
    _write("\n\n".join(item for item in texts if item))


class Unwritten(Exception):
    """Standard output takes nothing more: its reader went away, its disk is full, or it was never open."""


def told(results: Sequence[ApplyResult]) -> None:
    """What became of every change, on standard error with addresses masked, where standard output failed."""
    with suppress(OSError):
        for result in results:
            click.echo(text.result(result, Viewer()), err=True)


def _write(result: str) -> None:
    """Write *result*; a reader who has read enough changes nothing about how the command ends.

    Click would end it with 1, which says that nothing was written to the server (design §6).
    """
    if not result:
        return
    try:
        click.echo(result, color=True)
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    except (OSError, ValueError) as error:
        if sys.stdout is not None:  # what is still buffered must not fail once more at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Unwritten from error


def _colour_on_stderr() -> bool:
    return is_terminal(sys.stderr) and not os.environ.get("NO_COLOR")
