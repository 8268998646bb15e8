"""Runs a composite action as GitHub's runner does, and says where it breaks a rule that the runner only hints at.

For what `act` is lax about: steps get no INPUT_*, workflow commands are seen after blanks and anywhere in a line
(`##[…]`), ten annotations of a type and 4,096 characters of each are shown, a summary over a mebibyte is lost, files of
outputs must be well-formed. Knows only what an action of ours may use: everything else raises Unsupported.

    done = run_action(folder, inputs={"command": "plan"}, machine=machine)
    done.outcome, done.outputs, done.broken
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.action.expressions import Unsupported, Value, evaluated, interpolated, is_true, shown

STEP_KEYS = {"name", "id", "if", "shell", "run", "env", "working-directory"}
BASH = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]
ANNOTATIONS = ("error", "warning", "notice")
MOST_ANNOTATIONS = 10
LONGEST_MESSAGE = 4096
LARGEST_SUMMARY = 1_048_576
LARGEST_OUTPUTS = 1_048_576
OLD_COMMANDS = {"set-env", "add-path", "set-output", "save-state"}
"""Commands that the runner refuses or has announced to refuse: there are files for them."""
COMMANDS = {
    *ANNOTATIONS, *OLD_COMMANDS, "debug", "group", "endgroup", "echo", "add-mask", "add-matcher", "remove-matcher",
    "stop-commands",
}  # fmt: skip
_LONGEST_RUN = 120.0


class Command(NamedTuple):
    """A workflow command that the runner saw in a step's output."""

    name: str
    properties: Mapping[str, str]
    text: str


@dataclass(slots=True)
class Log:
    """A step's output as the runner reads it: the commands in it, and the lines that are shown."""

    commands: list[Command] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    guarded: list[str] = field(default_factory=list)
    """The lines that came while commands were stopped."""
    token: str | None = None

    def read(self, line: str) -> None:
        """Take in one line."""
        if self.token is not None:
            self.guarded.append(line)
        command = command_in(line, self.token)
        if command is None or not self._processed(command):
            shown = line
            for mask in sorted(self.masks, key=len, reverse=True):
                shown = shown.replace(mask, "***")
            self.shown.append(shown)

    def _processed(self, command: Command) -> bool:
        """Whether *command* was one; between stop-commands and its token nothing is."""
        if self.token is not None:
            if command.name != self.token.lower():
                return False
            self.token = None
            return True
        self.commands.append(command)
        if command.name == "stop-commands":
            self.token = command.text
            if not command.text or command.text.lower() in COMMANDS:
                self.broken.append(f"stop-commands with the token {command.text!r}")
        elif command.name == "add-mask":
            self.masks += filter(None, command.text.splitlines())
        elif command.name in OLD_COMMANDS:
            self.broken.append(f"the old command {command.name}")
        return True

    def close(self) -> None:
        """Judge the whole, when the step has ended."""
        if self.token is not None:
            self.broken.append("commands were stopped and never resumed")
        for name in ANNOTATIONS:
            found = [command for command in self.commands if command.name == name]
            if len(found) > MOST_ANNOTATIONS:
                self.broken.append(f"{len(found)} annotations of the type {name}")
            self.broken += [
                f"an annotation of {len(each.text)} characters" for each in found if len(each.text) > LONGEST_MESSAGE
            ]


@dataclass(frozen=True, slots=True)
class Machine:
    """What is around an action: the variables of its job, the contexts, and two folders."""

    variables: Mapping[str, str]
    github: Mapping[str, str]
    workspace: Path
    temp: Path


@dataclass(frozen=True, slots=True)
class Step:
    """How one step ended."""

    outcome: str
    code: int | None
    outputs: Mapping[str, str]
    log: Log
    summary: str
    raw: str


@dataclass(frozen=True, slots=True)
class Done:
    """How the action ended, what it gave, and every rule that it broke."""

    outcome: str
    outputs: Mapping[str, str]
    steps: Mapping[str, Step]
    broken: tuple[str, ...]

    @property
    def commands(self) -> list[Command]:
        """The commands of all its steps."""
        return [command for step in self.steps.values() for command in step.log.commands]

    @property
    def annotations(self) -> list[Command]:
        """The errors, warnings and notices of all its steps, which share one budget."""
        return [command for command in self.commands if command.name in ANNOTATIONS]

    @property
    def shown(self) -> str:
        """The whole log, as people see it."""
        return "\n".join(line for step in self.steps.values() for line in step.log.shown)

    @property
    def raw(self) -> str:
        """The whole log, as it was written."""
        return "".join(step.raw for step in self.steps.values())

    @property
    def summary(self) -> str:
        """The job summary."""
        return "".join(step.summary for step in self.steps.values())


def command_in(line: str, token: str | None = None) -> Command | None:
    """The workflow command in *line*, or None: `::name key=value::text` after blanks, or the old form anywhere."""
    known = COMMANDS | ({token.lower()} if token else set())
    found = re.match(r"\s*::([^ :]*)(?: ([^:]*(?::(?!:)[^:]*)*))?::(.*)", line)
    if found and found[1].lower() in known:
        return Command(found[1].lower(), _properties(found[2] or "", ","), _decoded(found[3]))
    found = re.search(r"##\[([^\] ]*)(?: ([^\]]*))?\](.*)", line)
    if found and found[1].lower() in known:
        return Command(found[1].lower(), _properties(found[2] or "", ";"), _decoded(found[3]))
    return None


def _properties(text: str, separator: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.strip().split(separator))
    return {
        name.strip(): _decoded(value).replace("%3A", ":").replace("%2C", ",") for name, equals, value in pairs if equals
    }


def _decoded(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def read_lines(text: str) -> list[str]:
    """The lines of *text* as the runner reads them: ended by a line feed, a carriage return, or both."""
    return re.split(r"\r\n|\n|\r", text)


def file_values(text: str) -> dict[str, str]:
    """The values in a file of outputs. ValueError where the runner would fail the step."""
    values: dict[str, str] = {}
    lines = iter(read_lines(text))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc >= 0:
            name, _, end = line.partition("<<")
            value = _until(lines, end, name)
        else:
            raise ValueError(f"invalid format {line!r}")
        if not name:
            raise ValueError(f"invalid format {line!r}: no name")
        if name in values:
            raise ValueError(f"{name} is given twice")
        values[name] = value
    return values


def _until(lines: Iterator[str], end: str, name: str) -> str:
    if not end:
        raise ValueError(f"{name}: no delimiter")
    inside: list[str] = []
    for line in lines:
        if line == end:
            return "\n".join(inside)
        inside.append(line)
    raise ValueError(f"{name}: matching delimiter not found {end!r}")


def read_action(folder: Path) -> dict[str, Any]:
    """`action.yml` in *folder*. Unsupported where it is not a composite action of plain bash steps."""
    action: dict[str, Any] = yaml.safe_load((folder / "action.yml").read_text(encoding="utf-8"))
    runs = action["runs"]
    if runs["using"] != "composite" or set(runs) != {"using", "steps"}:
        raise Unsupported("not a composite action")
    for step in runs["steps"]:
        if unknown := set(step) - STEP_KEYS:
            raise Unsupported(f"a step with {', '.join(sorted(unknown))}")
        if step.get("shell") != "bash":
            raise Unsupported("a step that is not bash")
        if "${{" in step["run"]:
            raise Unsupported("an expression in run")
    return action


def run_action(folder: Path, *, inputs: Mapping[str, str], machine: Machine) -> Done:
    """Run the action in *folder* with *inputs* on *machine*."""
    action = read_action(folder)
    github: dict[str, Value] = {**machine.github, "action_path": str(folder), "workspace": str(machine.workspace)}
    contexts: dict[str, Value] = {"github": github, "runner": {"temp": str(machine.temp)}, "steps": {}}
    contexts["inputs"] = {
        name: inputs.get(name, interpolated(str(declared.get("default", "")), contexts))
        for name, declared in action["inputs"].items()
    }
    run = _Run(folder, machine, contexts)
    run.broken += [f"the input {name} is not declared" for name in inputs if name not in action["inputs"]]
    for number, step in enumerate(action["runs"]["steps"]):
        run.step(step, str(step.get("id", number)))
    outputs = {name: interpolated(declared["value"], contexts) for name, declared in action["outputs"].items()}
    return run.done(outputs)


@dataclass(slots=True)
class _Run:
    """An action under way."""

    folder: Path
    machine: Machine
    contexts: dict[str, Value]
    failed: bool = False
    steps: dict[str, Step] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def step(self, step: Mapping[str, Any], id: str) -> None:
        """Run one step, if its condition holds, and keep what became of it."""
        functions = {
            "success": lambda: not self.failed,
            "failure": lambda: self.failed,
            "always": lambda: True,
            "cancelled": lambda: False,
        }
        condition = shown(step.get("if", "success()")).strip().removeprefix("${{").removesuffix("}}")
        if not any(f"{name}(" in condition for name in functions):
            condition = f"success() && ({condition})"
        holds = is_true(evaluated(condition, self.contexts, functions))
        done = self._carried_out(step, id) if holds else Step("skipped", None, {}, Log(), "", "")
        self.failed = self.failed or done.outcome == "failure"
        self.steps[id] = done
        self.contexts["steps"] = {
            name: {"outputs": dict(each.outputs), "outcome": each.outcome, "conclusion": each.outcome}
            for name, each in self.steps.items()
        }

    def _carried_out(self, step: Mapping[str, Any], id: str) -> Step:
        files = self._files(id)
        script = self.machine.temp / f"{id}.sh"
        script.write_text(step["run"], encoding="utf-8")
        given = {name: interpolated(str(value), self.contexts) for name, value in step.get("env", {}).items()}
        where = interpolated(str(step.get("working-directory", "")), self.contexts)
        ended = subprocess.run(
            [*BASH, str(script)],
            cwd=self.machine.workspace / where,
            env={**self.machine.variables, **self._own_variables(files), **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_LONGEST_RUN,
        )
        return self._judged(id, ended.returncode, ended.stdout.decode("utf-8", "replace"), files)

    def _files(self, id: str) -> dict[str, Path]:
        files = {
            name: self.machine.temp / f"{id}.{name}" for name in ("OUTPUT", "ENV", "PATH", "STATE", "STEP_SUMMARY")
        }
        for path in files.values():
            path.write_bytes(b"")
        return files

    def _own_variables(self, files: Mapping[str, Path]) -> dict[str, str]:
        return {
            **{f"GITHUB_{name}": str(path) for name, path in files.items()},
            "GITHUB_ACTION_PATH": str(self.folder),
            "GITHUB_WORKSPACE": str(self.machine.workspace),
            "RUNNER_TEMP": str(self.machine.temp),
        }

    def _judged(self, id: str, code: int, raw: str, files: Mapping[str, Path]) -> Step:
        log = Log()
        for line in read_lines(raw):
            log.read(line)
        log.close()
        self.broken += [f"{id}: {each}" for each in log.broken]
        summary = files["STEP_SUMMARY"].read_bytes()
        if len(summary) > LARGEST_SUMMARY:
            self.broken.append(f"{id}: a summary of {len(summary)} bytes")
            summary = b""
        self.broken += [f"{id}: something in {name}" for name in ("ENV", "PATH") if files[name].read_bytes()]
        outcome = "failure" if code else "success"
        try:
            outputs = file_values(files["OUTPUT"].read_text(encoding="utf-8"))
        except ValueError as error:
            self.broken.append(f"{id}: outputs: {error}")
            outcome, outputs = "failure", {}
        return Step(outcome, code, outputs, log, summary.decode("utf-8", "replace"), raw)

    def done(self, outputs: Mapping[str, str]) -> Done:
        """The whole, with the limits that all steps share."""
        for name in ANNOTATIONS:
            count = sum(command.name == name for step in self.steps.values() for command in step.log.commands)
            if count > MOST_ANNOTATIONS:
                self.broken.append(f"{count} annotations of the type {name} in all")
        if sum(len(value) for value in outputs.values()) > LARGEST_OUTPUTS:
            self.broken.append("outputs of more than a mebibyte")
        return Done("failure" if self.failed else "success", outputs, self.steps, tuple(self.broken))
