"""The strict runner keeps the rules that it is there for, tried on actions of a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.action.expressions import Unsupported
from tests.action.strict import Command, Done, Log, Machine, command_in, file_values, run_action

HEAD = "name: toy\ninputs:\n  a: {default: x}\noutputs:\n  o: {value: '${{ steps.one.outputs.o }}'}\n"


def machine(folder: Path) -> Machine:
    """A machine whose folders are in *folder*."""
    for name in ("workspace", "temp"):
        (folder / name).mkdir()
    variables = {"PATH": "/usr/bin:/bin"}
    return Machine(variables, {"event_name": "push"}, folder / "workspace", folder / "temp")


def toy(folder: Path, *scripts: str, last: str = "") -> Done:
    """Run an action of these *scripts*, whose first step is called one; *last* is added to the last step."""
    steps = [
        f"    - id: {name}\n      shell: bash\n      env: {{A: '${{{{ inputs.a }}}}'}}\n      run: |\n        "
        + script.replace("\n", "\n        ")
        for name, script in zip(("one", "two"), scripts, strict=False)
    ]
    steps[-1] += last
    text = HEAD + "runs:\n  using: composite\n  steps:\n" + "\n".join(steps) + "\n"
    (folder / "action.yml").write_text(text, encoding="utf-8")
    return run_action(folder, inputs={}, machine=machine(folder))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("::error file=a%2Cb,line=3::no%0Agood %25", Command("error", {"file": "a,b", "line": "3"}, "no\ngood %")),
        ("   ::warning::indented", Command("warning", {}, "indented")),
        ("::ERROR::in any case", Command("error", {}, "in any case")),
        ("said ##[error]in the middle", Command("error", {}, "in the middle")),
        ("##[warning file=x;line=2]old", Command("warning", {"file": "x", "line": "2"}, "old")),
        ("said ::error::in the middle", None),
        ("::unknown::command", None),
        (": :error::no", None),
    ],
)
def test_commands_are_seen_where_the_runner_sees_them(line: str, expected: Command | None) -> None:
    """After blanks, and in the old form anywhere; act sees less."""
    assert expected == command_in(line)


def test_nothing_is_a_command_between_stop_and_its_token() -> None:
    """And everything is again after it."""
    log = Log()
    for line in ("::stop-commands::t0ken", "::error::hidden", "##[error]hidden", "::t0ken::", "::error::seen"):
        log.read(line)
    log.close()

    assert ["stop-commands", "error"] == [command.name for command in log.commands]
    assert ["::error::hidden", "##[error]hidden"] == log.shown
    assert [] == log.broken


def test_a_mask_hides_what_comes_after_it() -> None:
    """As the log is shown."""
    log = Log()
    for line in ("phx_1", "::add-mask::phx_1", "key phx_1"):
        log.read(line)

    assert ["phx_1", "key ***"] == log.shown


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        (["::error::x"] * 11, "11 annotations of the type error"),
        (["::error::" + "x" * 4097], "an annotation of 4097 characters"),
        (["::stop-commands::error"], "stop-commands with the token 'error'"),
        (["::stop-commands::abc"], "commands were stopped and never resumed"),
        (["::set-output name=a::b"], "the old command set-output"),
    ],
)
def test_a_log_that_breaks_a_rule_says_so(lines: list[str], broken: str) -> None:
    """Ten annotations of a type, 4,096 characters, a token that is one, nothing that GitHub has retired."""
    log = Log()
    for line in lines:
        log.read(line)
    log.close()

    assert broken in log.broken


def test_a_file_of_outputs_has_lines_and_blocks() -> None:
    """`name=value`, or a block that ends with its own delimiter."""
    assert {"a": "1=2", "b": "x\ny", "c": ""} == file_values("a=1=2\nb<<EOF\nx\ny\nEOF\nc<<E\nE\n")


@pytest.mark.parametrize("text", ["a\n", "=1\n", "a<<\nx\n", "a<<EOF\nx\n", "a<<EOF\nx\nEOF \n", "a=1\na=2\n"])
def test_a_file_of_outputs_that_the_runner_refuses_is_refused(text: str) -> None:
    """A step that writes one fails."""
    with pytest.raises(ValueError, match=r".+"):
        file_values(text)


def test_outputs_are_there_after_a_step_that_failed(tmp_path: Path) -> None:
    """And the next step is left out."""
    done = toy(tmp_path, 'echo "o=$A" >>"$GITHUB_OUTPUT"\nfalse', "echo never")

    assert ("failure", {"o": "x"}) == (done.outcome, done.outputs)
    assert ["failure", "skipped"] == [step.outcome for step in done.steps.values()]


@pytest.mark.parametrize(
    ("condition", "outcome"), [("always()", "success"), ("failure()", "success"), ("true", "skipped")]
)
def test_a_condition_decides_after_a_failure(tmp_path: Path, condition: str, outcome: str) -> None:
    """Without a status function there is a silent success()."""
    assert outcome == toy(tmp_path, "false", "true", last=f"\n      if: {condition}").steps["two"].outcome


def test_a_step_ends_with_its_first_failure(tmp_path: Path) -> None:
    """Also of a pipe's first command; and it has no INPUT_ variables."""
    done = toy(tmp_path, "env | grep -c INPUT_ || echo none\nfalse | true\necho after")

    assert ("failure", "0\nnone\n") == (done.outcome, done.raw)


@pytest.mark.parametrize(
    ("script", "broken"),
    [
        ('head -c 1048577 /dev/zero >>"$GITHUB_STEP_SUMMARY"', "one: a summary of 1048577 bytes"),
        ('echo A=1 >>"$GITHUB_ENV"', "one: something in ENV"),
        ('echo /x >>"$GITHUB_PATH"', "one: something in PATH"),
        ('echo nonsense >>"$GITHUB_OUTPUT"', "one: outputs: invalid format 'nonsense'"),
    ],
)
def test_files_that_break_a_rule_are_told(tmp_path: Path, script: str, broken: str) -> None:
    """A summary that would be lost, variables for later steps, outputs that cannot be read."""
    assert broken in toy(tmp_path, script).broken


def test_steps_share_ten_annotations(tmp_path: Path) -> None:
    """The steps of a composite action are one step to the runner."""
    script = "for i in 1 2 3 4 5 6; do echo ::error::x; done"

    assert ("12 annotations of the type error in all",) == toy(tmp_path, script, script).broken


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("shell: bash", "shell: python"),
        ("shell: bash", "uses: a/b@v1"),
        ("shell: bash", "shell: bash\n      continue-on-error: true"),
        ("echo", "echo ${{ inputs.a }}"),
        ("using: composite", "using: node24"),
    ],
)
def test_an_action_that_does_more_is_refused(tmp_path: Path, old: str, new: str) -> None:
    """Other shells, other actions, other keys, expressions in scripts."""
    toy(tmp_path, "echo")
    text = (tmp_path / "action.yml").read_text(encoding="utf-8").replace(old, new)
    (tmp_path / "action.yml").write_text(text, encoding="utf-8")

    with pytest.raises(Unsupported):
        run_action(tmp_path, inputs={}, machine=Machine({}, {}, tmp_path, tmp_path))


def test_an_input_that_is_not_declared_is_told(tmp_path: Path) -> None:
    """The runner only warns."""
    toy(tmp_path, "echo")

    done = run_action(tmp_path, inputs={"b": "1"}, machine=Machine({"PATH": "/usr/bin:/bin"}, {}, tmp_path, tmp_path))

    assert ("the input b is not declared",) == done.broken
