"""The seed page's nine operations: each has a command that uses it, and the README says which.

The list is copied from the page as data, so that neither the code nor the README can lose one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.cli.main import reconciler
from reconciler.operations import SEED_PAGE
from reconciler.sandbox import Fault, Sandbox
from tests.conftest import Run, Tree

README = Path(__file__).resolve().parent.parent / "README.md"


class Operation(NamedTuple):
    """One operation as the page has it."""

    title: str
    method: str
    path: str
    scope: str | None
    status: int


PAGE = (
    Operation(
        "Delete environments session recordings",
        "DELETE",
        "/api/environments/:project_id/session_recordings/:id",
        "session_recording:write",
        204,
    ),
    Operation(
        "List all environments session recordings sharing",
        "GET",
        "/api/environments/:project_id/session_recordings/:recording_id/sharing",
        "sharing_configuration:read",
        200,
    ),
    Operation(
        "Retrieve environments sessions property definitions",
        "GET",
        "/api/environments/:project_id/sessions/property_definitions",
        None,
        200,
    ),
    Operation(
        "Retrieve environments sessions values", "GET", "/api/environments/:project_id/sessions/values", None, 200
    ),
    Operation(
        "List all environments subscriptions",
        "GET",
        "/api/environments/:project_id/subscriptions",
        "subscription:read",
        200,
    ),
    Operation(
        "Create environments subscriptions",
        "POST",
        "/api/environments/:project_id/subscriptions",
        "subscription:write",
        201,
    ),
    Operation(
        "Retrieve environments subscriptions",
        "GET",
        "/api/environments/:project_id/subscriptions/:id",
        "subscription:read",
        200,
    ),
    Operation(
        "Update environments subscriptions",
        "PATCH",
        "/api/environments/:project_id/subscriptions/:id",
        "subscription:write",
        200,
    ),
    Operation(
        "Delete environments subscriptions",
        "DELETE",
        "/api/environments/:project_id/subscriptions/:id",
        "subscription:write",
        405,
    ),
)

ROOT = "/api/environments/:project_id/"


class Row(NamedTuple):
    """A row of the README's table."""

    request: str
    scope: str
    command: str


def table() -> list[Row]:
    """The README's table of operations, in its order."""
    _, _, after = README.read_text(encoding="utf-8").partition("### The nine operations of the API page")
    lines = after.split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [Row(*row) for row in rows[2:]]


def words(text: str) -> list[str]:
    """The code spans of *text*."""
    return re.findall("`([^`]+)`", text)


def request_of(operation: Operation) -> str:
    """An operation as the table writes it."""
    return f"{operation.method} {operation.path.removeprefix(ROOT)}"


def has_command(name: str) -> bool:
    """Whether the console command has such a command, subcommands included."""
    found: object = reconciler
    for word in name.split():
        found = getattr(found, "commands", {}).get(word)
    return found is not None


def heard(sandbox: Sandbox, operation: Operation) -> bool:
    """Whether the server has heard a request of this operation, in either family of paths."""
    path = re.sub(r":[a-z_]+", "[^/]+", operation.path).replace("environments", "(environments|projects)")
    pattern = re.compile(f"{operation.method} {path}/?")
    return any(pattern.fullmatch(f"{request.method} {request.path}") for request in sandbox.requests())


def test_the_code_knows_exactly_the_operations_of_the_page() -> None:
    """Method, path and scope; what the server always refuses is known and never sent."""
    known = [(each.method, ROOT + each.path, each.scope, each.sent) for each in SEED_PAGE]

    assert [(each.method, each.path, each.scope, each.status != 405) for each in PAGE] == known


def test_the_readme_has_exactly_the_operations_of_the_page() -> None:
    """Nine rows, in the page's order."""
    assert [request_of(operation) for operation in PAGE] == [words(row.request)[0] for row in table()]


def test_the_readme_names_the_scopes_of_the_page() -> None:
    """Where the page names none, the one that later servers want."""
    assert [operation.scope or "query:read" for operation in PAGE] == [words(row.scope)[0] for row in table()]


@pytest.mark.parametrize("operation", PAGE, ids=request_of)
def test_the_command_that_the_readme_names_exists(operation: Operation) -> None:
    """A command by its whole name; only the hard delete has none."""
    (row,) = (row for row in table() if words(row.request)[0] == request_of(operation))
    named = words(row.command)[0]

    assert (operation.status != 405) is not row.command.startswith("none")
    assert has_command(named) or row.command.startswith("none")


Prepare = Callable[[Tree, Run, Sandbox], None]


def _nothing(tree: Tree, run: Run, sandbox: Sandbox) -> None:
    """There is nothing to prepare."""


def _manifest(tree: Tree, run: Run, sandbox: Sandbox) -> None:
    tree.manifest("weekly")


def _changed(tree: Tree, run: Run, sandbox: Sandbox) -> None:
    tree.manifest("weekly")
    run("apply", "--yes")
    sandbox.clear_requests()
    tree.manifest("weekly", title="Another")


def _doubtful(tree: Tree, run: Run, sandbox: Sandbox) -> None:
    _changed(tree, run, sandbox)
    sandbox.faults.add(Fault("status", method="PATCH", phase="after", status=500))


def _removed(tree: Tree, run: Run, sandbox: Sandbox) -> None:
    tree.manifest("other", insight=5)
    _changed(tree, run, sandbox)
    (tree.folder / "subscriptions/weekly.yaml").unlink()


USES: Mapping[str, tuple[Prepare, list[str]]] = {
    "DELETE session_recordings/:id": (_nothing, ["recordings", "delete", "one", "--yes"]),
    "GET session_recordings/:recording_id/sharing": (_nothing, ["recordings", "sharing", "one"]),
    "GET sessions/property_definitions": (_nothing, ["sessions", "property-definitions"]),
    "GET sessions/values": (_nothing, ["sessions", "values", "--key", "$is_bounce"]),
    "GET subscriptions": (_manifest, ["plan"]),
    "POST subscriptions": (_manifest, ["apply", "--yes"]),
    "GET subscriptions/:id": (_doubtful, ["apply", "--yes"]),
    "PATCH subscriptions/:id": (_changed, ["apply", "--yes"]),
}
"""How each operation that is sent comes to be sent."""


@pytest.mark.parametrize("profile", ["seed", "latest"])
@pytest.mark.parametrize("operation", [each for each in PAGE if each.status != 405], ids=request_of)
def test_the_command_uses_its_operation(
    gitops: Tree, run: Run, sandbox: Sandbox, operation: Operation, profile: str
) -> None:
    """Run against both generations of the server, it sends that very request, and the README names it for it."""
    sandbox.reset(profile, flags=["sessions-open"])
    prepare, command = USES[request_of(operation)]
    prepare(gitops, run, sandbox)
    ran = run(*command)
    (row,) = (row for row in table() if words(row.request)[0] == request_of(operation))

    assert (0, True) == (ran.code, heard(sandbox, operation))
    assert [name for name in words(row.command) if command[: len(name.split())] == name.split()]


@pytest.mark.parametrize("profile", ["seed", "latest"])
def test_a_subscription_is_removed_without_the_hard_delete(
    gitops: Tree, run: Run, sandbox: Sandbox, profile: str
) -> None:
    """The page says it answers 405; `apply` sends PATCH."""
    sandbox.reset(profile)
    _removed(gitops, run, sandbox)
    run("apply", "--yes")

    assert [False, True] == [heard(sandbox, operation) for operation in (PAGE[8], PAGE[7])]
