"""One run from its words to its exit code: whatever happens, all that a workflow reads is written at the end.

An error of any sort, bad inputs and defects of ours included, is an Ending like any other. Knows which deed a command
is; knows nothing of what the deeds do.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import loading
from ..errors import Interrupted, ReconcilerError, UsageError
from ..loading import Choice
from ..pipeline import World
from ..privacy import Key
from ..report import comment as pages
from ..report import documents
from ..report.comment import Context
from ..report.fitting import SUMMARY, Page
from ..report.github import Annotation, Level
from . import deeds, ending, inputs, setting
from .desk import Desk
from .ending import PUBLIC, Ending
from .events import Occasion
from .inputs import Command, Inputs, Provider
from .setting import Setting

Echo = Callable[[str], None]
Given = Mapping[str, str | None]
"""The words of the workflow by the names of `inputs.NAMES`."""

DEEDS = {
    Command.VALIDATE: deeds.validate,
    Command.PLAN: deeds.plan,
    Command.APPLY: deeds.apply,
    Command.DRIFT: deeds.drift,
}


def run(
    command: str,
    given: Given,
    chosen: Mapping[str, Any],
    world: World,
    echo: Echo,
    writing: Callable[[], None] = lambda: None,
) -> int:
    """Do *command* as *given* and *chosen* (the fields of a Choice) say; the exit code of the process.

    *writing* is called once, before the first write.
    """
    return _Run(command, given, world, echo).through(lambda run: run.deed(Choice(**chosen), writing))


def refuse(message: str, given: Given, world: World, echo: Echo) -> int:
    """End a run whose command line cannot be understood, with its outputs set."""

    def fail(_: _Run) -> Ending:
        raise UsageError(message)

    return _Run("", given, world, echo).through(fail)


class _Run:
    """One run, and what is known of it so far: the more, the more its ending can say."""

    def __init__(self, command: str, given: Given, world: World, echo: Echo) -> None:
        self._command, self._given, self._world = command, given, world
        self._provider = inputs.provider_of(given, world.variables)
        self._desk = Desk(self._provider, world.variables, echo)
        self._inputs: Inputs | None = None
        self._setting: Setting | None = None

    def through(self, deed: Callable[[_Run], Ending]) -> int:
        """Do *deed*, and write what a workflow reads of its ending."""
        token = setting.token_of(self._world.variables)
        self._desk.mask([token] if token is not None else [])
        try:
            found = deed(self)
        except KeyboardInterrupt:
            found = ending.of_error(Interrupted("interrupted"))
        except ReconcilerError as error:
            found = ending.of_error(error)
        except Exception as error:  # noqa: BLE001  # nobody foresaw it: the outputs are set all the same
            found = ending.of_error(_defect(error))
        return self._written(found)

    def deed(self, choice: Choice, writing: Callable[[], None]) -> Ending:
        """Understand the inputs, find where the run stands, and do what is asked."""
        command = Command(self._command)
        self._inputs = asked = inputs.understood(self._given, self._world.variables)
        self._setting = plain = setting.plainly(command, asked, choice, self._world)
        self._mask(plain)
        if command is Command.VALIDATE:
            return deeds.validate(plain)
        event = setting.event_of(plain)
        if event.occasion is Occasion.PULL_REQUEST and not self._keys(plain, choice):
            return deeds.validate_instead(plain)
        self._setting = whole = setting.wholly(plain, event)
        with setting.talking(whole) as ready:
            return DEEDS[command](replace(ready, writing=writing))

    def _mask(self, plain: Setting) -> None:
        """Hide the keys of every environment, also of those that were not chosen."""
        with suppress(ReconcilerError):
            self._desk.mask(self._keys(plain, replace(plain.choice, environments=())))

    def _keys(self, plain: Setting, choice: Choice) -> list[Key]:
        """The keys that are there for the environments of *choice*."""
        names = loading.key_variables(choice, plain.world.folder)
        return [Key(value) for name in names if (value := self._world.variables.get(name, "").strip())]

    # --- the end ----------------------------------------------------------------------------------------------------

    def _written(self, found: Ending) -> int:
        """Write everything, as far as the machine takes it; the exit code of the process."""
        command = Command(self._command) if self._command in list(Command) else None
        code, found = ending.status(found, command, self._inputs)
        page = found.page or pages.failure(found.problems, self._command or "ci", self._context)
        files, found = self._kept(found, page)
        self._desk.log(found.log)
        self._desk.annotate(found.annotations, self._setting.inside if self._setting is not None else "")
        self._attempt("the summary", lambda: self._desk.summarize(page))
        self._attempt("the outputs", lambda: self._desk.put(ending.outputs(found, files), self._folder))
        return code

    @property
    def _context(self) -> Context:
        return self._setting.context if self._setting is not None else Context("PostHog")

    @property
    def _folder(self) -> Path:
        """Where the files of this run go."""
        asked = self._inputs.output_folder if self._inputs is not None else ""
        return self._desk.folder(asked, self._setting.key if self._setting is not None else "", self._world.folder)

    def _kept(self, found: Ending, page: Page) -> tuple[dict[str, str], Ending]:
        """The paths of the files that could be written, and *found* with a warning where they could not."""
        contents = {"plan.md": page.within(SUMMARY) + "\n"}
        if found.plans:
            written = documents.several([documents.plan(each, PUBLIC) for each in found.plans])
            contents["plan.json"] = documents.dumps(written) + "\n"
        if found.plans and self._provider is not Provider.GITHUB:
            contents["terraform.json"] = documents.dumps(dict(found.totals)) + "\n"
        try:
            return self._desk.keep(self._folder, contents), found
        except OSError as error:
            why = f"the files of the plan cannot be written: {error.strerror}"
            return {}, found.noting(Annotation(Level.WARNING, "no files", why))

    def _attempt(self, what: str, write: Callable[[], None]) -> None:
        """Write something that changes nothing about how the run ends."""
        try:
            write()
        except OSError as error:
            self._desk.log(f"warning: {what} cannot be written: {error.strerror}")


def _defect(error: Exception) -> ReconcilerError:
    """A defect of ours: its kind and place, and nothing of its text, which may be private."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return ReconcilerError(f"unexpected {type(error).__name__} at {where}: please report it")
