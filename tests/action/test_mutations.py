"""Each rule that the action lives by is taken out of a copy of it, and a scene must fail of that."""

from __future__ import annotations

import inspect
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox
from tests.action.conftest import rig_on
from tests.action.github import GitHub
from tests.action.ground import Ground
from tests.action.mutations import MUTATIONS, Mutation
from tests.action.rig import ROOT, Toolbox, compiled


def broken(toolbox: Toolbox, mutation: Mutation, folder: Path) -> Toolbox:
    """*toolbox* with a copy of the action in *folder* from which the rule is gone."""
    shutil.copytree(toolbox.action, folder)
    for edit in mutation.edits:
        path = folder / edit.file
        path.write_text(path.read_text(encoding="utf-8").replace(edit.old, edit.new), encoding="utf-8")
    compiled(folder)
    return replace(toolbox.hurried, action=folder)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_a_mutation_still_fits_the_code(mutation: Mutation) -> None:
    """The old text of each edit stands in its file exactly once."""
    for edit in mutation.edits:
        assert 1 == (ROOT / edit.file).read_text(encoding="utf-8").count(edit.old), edit


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_a_rule_that_is_taken_out_is_missed(
    mutation: Mutation, toolbox: Toolbox, tmp_path: Path, github: GitHub, sandbox: Sandbox, url: str
) -> None:
    """The scene, which holds for the action as it is, does not hold without the rule."""
    tools = broken(toolbox, mutation, tmp_path / "action")
    given: dict[str, object] = {"sandbox": sandbox}
    wanted = inspect.signature(mutation.scene).parameters
    if "ground" in wanted:
        given["ground"] = Ground(tools, tmp_path, github, sandbox, url)
    else:
        given["rig"] = rig_on(tools, tmp_path, github, sandbox, url)

    with pytest.raises(AssertionError):
        mutation.scene(**{name: given[name] for name in wanted})
