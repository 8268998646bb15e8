"""The action in the strict runner: what act is lax about, its outputs however it ends, and its inputs."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox
from tests.action import scenes
from tests.action.conftest import manifest
from tests.action.github import GitHub
from tests.action.ground import Ground
from tests.action.rig import Toolbox

OUTPUTS = {
    "result", "failure-reason", "exit-code", "changes", "to-create", "to-update", "to-delete", "digest", "plan-json",
    "plan-markdown", "comment-url", "issue-number",
}  # fmt: skip


@pytest.fixture
def ground(toolbox: Toolbox, tmp_path: Path, github: GitHub, sandbox: Sandbox, url: str) -> Ground:
    """A workspace with a config and no manifest yet."""
    return Ground(toolbox.hurried, tmp_path, github, sandbox, url)


def test_texts_of_others_are_never_commands(ground: Ground) -> None:
    """Titles, of manifests and of rows, that look like commands in every way that the runner knows."""
    scenes.texts_are_no_commands(ground)


def test_the_limits_of_annotations_are_kept(ground: Ground) -> None:
    """Thirty problems of nine thousand characters are ten annotations, on the lines of their manifests."""
    scenes.annotations_are_limited(ground)


def test_a_huge_plan_is_within_the_limits(ground: Ground) -> None:
    """Thousands of creations warn ten times, and their summary is kept."""
    texts = [text for number in range(3000) for text in manifest(f"report-{number}", title=f"{number} 😀").values()]
    ground.write({"subscriptions/all.yaml": "---\n".join(texts)})

    done = ground.run(command="plan", event="workflow_dispatch")

    assert ((), "3000") == (done.broken, done.outputs["to-create"])
    assert len(done.summary) > 100_000


def test_a_key_is_masked_before_anything_is_said(ground: Ground) -> None:
    """Every secret is a mask in the very first lines, and stands nowhere else."""
    scenes.keys_are_masked(ground)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"command": ""}, "usage"),
        ({"command": "destroy"}, "usage"),
        ({"command": "drift", "comment": "sometimes"}, "usage"),
        ({"command": "drift", "fail-on-changes": "perhaps"}, "usage"),
        ({"command": "drift", "args": "--no-such-option"}, "usage"),
        ({"command": "drift", "config": "missing.yaml"}, "usage"),
        ({"command": "validate", "config": "broken.yaml"}, "invalid-config"),
        ({"command": "drift", "python": "python9"}, "not-started"),
    ],
)
def test_outputs_are_set_however_it_ends(ground: Ground, inputs: Mapping[str, str], reason: str) -> None:
    """Wrong inputs, a config that is not there, no Python: result, reason and exit code say what happened."""
    ground.write({"broken.yaml": "kind: Config\nnamespace: [\n"})

    done = ground.run(**inputs)

    assert ("failure", ()) == (done.outcome, done.broken)
    assert set(done.outputs) == OUTPUTS
    assert ("error", reason, "1") == tuple(done.outputs[name] for name in ("result", "failure-reason", "exit-code"))


def test_an_unknown_value_is_answered_with_the_list(ground: Ground) -> None:
    """In an error that people see."""
    done = ground.run(command="drift", comment="sometimes")

    (error,) = [each.text for each in done.annotations if each.name == "error"]
    assert all(word in error for word in ("sometimes", "auto", "always", "changes", "never"))


@pytest.mark.parametrize(("value", "outcome"), [("False", "success"), ("YES", "failure"), ("1", "failure")])
def test_pending_changes_fail_only_where_somebody_wants_it(ground: Ground, value: str, outcome: str) -> None:
    """Code 2 is an output; whether it is a failure is an input, in any spelling."""
    ground.write(manifest("weekly-growth"))

    done = ground.run(command="drift", drift_issue="never", fail_on_changes=value)

    assert (outcome, "2", "changes") == (done.outcome, done.outputs["exit-code"], done.outputs["result"])


def test_an_error_of_posthog_is_an_error(ground: Ground) -> None:
    """A wrong key is not "no drift"."""
    ground.write(manifest("weekly-growth"))

    done = ground.run(command="drift", key="phx_wrong")

    assert ("failure", "error", "api-error") == (done.outcome, done.outputs["result"], done.outputs["failure-reason"])


def test_the_libraries_are_unpacked_from_their_wheels(
    toolbox: Toolbox, tmp_path: Path, github: GitHub, sandbox: Sandbox, url: str
) -> None:
    """By pip itself, which the other tests here spare themselves; nothing is in its log."""
    done = Ground(toolbox, tmp_path, github, sandbox, url).run(command="validate", config="missing.yaml")

    assert ("usage", "") == (done.outputs["failure-reason"], done.steps["install"].raw)
    assert {"httpx", "yaml", "deepdiff"} <= {
        path.name for path in Path(done.steps["install"].outputs["folder"]).iterdir()
    }


def test_a_wheel_that_is_another_is_refused(
    toolbox: Toolbox, tmp_path: Path, github: GitHub, sandbox: Sandbox, url: str
) -> None:
    """Its hash is not in the lock file, so nothing of it is run."""
    wheels = shutil.copytree(toolbox.wheels, tmp_path / "wheels")
    (click,) = wheels.glob("click-*.whl")
    with zipfile.ZipFile(click, "a") as archive:
        archive.writestr("click/more.py", "")

    done = Ground(replace(toolbox, wheels=wheels), tmp_path, github, sandbox, url).run(command="validate")

    assert ("failure", "not-started") == (done.outcome, done.outputs["failure-reason"])
    assert "DO NOT MATCH THE HASHES" in done.raw


def test_an_older_python_is_named(ground: Ground) -> None:
    """Before pip says something about it that nobody understands."""
    old = ground.folder / "old"
    old.write_text('#!/bin/sh\nexec python3 -I -c "import sys; sys.version_info = (3, 10); exec(sys.argv[1])" "$3"\n')
    old.chmod(0o755)

    done = ground.run(command="drift", python=str(old))

    assert ("failure", "not-started") == (done.outcome, done.outputs["failure-reason"])
    (error,) = done.annotations
    assert "3.11 or newer" in error.text
