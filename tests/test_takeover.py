"""A row that changes hands keeps out who left it: also for a run whose base is from before (promise 3)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from reconciler.sandbox import Sandbox
from tests.conftest import Run, Tree

ANA, BO, CY = "ana@example.com", "bo@example.com", "cy@example.com"


def applied_then_left(gitops: Tree, run: Run, sandbox: Sandbox, *names: str) -> int:
    """Apply *names*, keep the tree as the base `then`, and let bo leave the first one's row: its id."""
    for number, name in enumerate(names, 4):
        gitops.manifest(name, insight=number, target_value=[ANA, BO])
    run("apply", "--yes")
    shutil.copytree(gitops.folder, gitops.folder / "then")
    (id,) = (int(row["id"]) for row in sandbox.rows() if f"[growth:{names[0]}]" in row["title"])
    sandbox.unsubscribe(id, BO)
    sandbox.clear_outbox()
    return id


def take_over(
    gitops: Tree, id: int, *, gone: Sequence[str], people: Sequence[str] = (ANA, BO), insight: int = 4
) -> None:
    """Put the manifest `heir` in the place of those that are *gone*."""
    for name in gone:
        (gitops.folder / f"subscriptions/{name}.yaml").unlink()
    metadata = f"  id: {id}\n  takeover: true\n"
    gitops.manifest("heir", metadata=metadata, insight=insight, target_value=list(people), title="Heir")


def mailed(sandbox: Sandbox) -> set[str]:
    """Whoever got a message."""
    return {message.recipient for message in sandbox.outbox()}


def test_who_left_stays_out_in_a_second_run_with_the_same_base(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """By then the row carries the new tag, which the base never heard of; who is new all the same is added."""
    id = applied_then_left(gitops, run, sandbox, "weekly")
    take_over(gitops, id, gone=["weekly"], people=[ANA, BO, CY])
    first, second = (run("apply", "--yes", "--base", "then", "--format", "json") for _ in range(2))

    assert first.code == 0, first.out
    assert first.json["verified"]
    assert (0, []) == (second.code, second.json["outcomes"])
    assert ["unsubscribed"] == [finding["rule"] for finding in second.json["findings"]]
    assert {CY} == mailed(sandbox)


def test_who_left_two_manifests_ago_stays_out_if_the_likeness_tells_whose_the_row_was(
    gitops: Tree, run: Run, sandbox: Sandbox
) -> None:
    """Two manifests are gone at once; the one that sends the same is the one that had the row."""
    id = applied_then_left(gitops, run, sandbox, "weekly", "other")
    take_over(gitops, id, gone=["weekly", "other"])
    codes = [run("apply", "--yes", "--base", "then").code for _ in range(2)]

    assert ([0, 0], set()) == (codes, mailed(sandbox))


def test_an_apply_that_cannot_tell_whom_the_row_lost_adds_nobody(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Two manifests are gone and the row sends a third thing: adding bo would be a guess, so a second run blocks."""
    id = applied_then_left(gitops, run, sandbox, "weekly", "other")
    take_over(gitops, id, gone=["weekly", "other"], people=[ANA], insight=9)
    run("apply", "--yes", "--base", "then")
    take_over(gitops, id, gone=[], people=[ANA, BO, CY], insight=9)
    ran = run("apply", "--yes", "--base", "then", "--format", "json")

    assert (3, ["taken-over"], set()) == (ran.code, [error["rule"] for error in ran.json["errors"]], mailed(sandbox))
    assert "from other or weekly" in ran.json["errors"][0]["message"]


def test_a_base_that_knows_the_heir_decides_alone(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Whoever git adds after the takeover is added, as anywhere."""
    id = applied_then_left(gitops, run, sandbox, "weekly")
    take_over(gitops, id, gone=["weekly"], people=[ANA])
    run("apply", "--yes", "--base", "then")
    shutil.rmtree(gitops.folder / "then")
    shutil.copytree(gitops.folder, gitops.folder / "then")
    take_over(gitops, id, gone=[], people=[ANA, BO])
    ran = run("apply", "--yes", "--base", "then")

    assert (0, {BO}) == (ran.code, mailed(sandbox))
