"""Session properties: every shape of an answer, and the two commands in both generations."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reconciler.report import Viewer
from reconciler.report import recordings as report
from reconciler.sandbox import Sandbox
from reconciler.sessions import Property, Values, properties, values
from tests.conftest import Run, Tree

Variables = Callable[[Mapping[str, str]], None]

DEFINITIONS = [
    {"id": "$a", "name": "$a", "is_numerical": True, "property_type": "Numeric", "tags": []},
    {"id": "$b", "name": "$b", "is_numerical": False, "property_type": None, "tags": []},
]


@pytest.fixture(params=["latest", "seed"])
def open_sandbox(request: pytest.FixtureRequest, sandbox: Sandbox) -> Sandbox:
    """A server of either generation that lets keys in: objects from the later one, bare arrays from the older."""
    flags = ["sessions-open"] if request.param == "seed" else []
    sandbox.reset(request.param, flags=flags)
    return sandbox


@pytest.mark.parametrize("answer", [DEFINITIONS, {"count": 2, "results": DEFINITIONS}])
def test_properties_come_bare_or_in_an_object(answer: object) -> None:
    """Both shapes mean the same."""
    assert (Property("$a", "Numeric", True), Property("$b", None, False)) == properties(answer)


def test_numerical_properties_are_picked_here_too() -> None:
    """Older servers do not heed the filter (contract §9.3)."""
    assert (Property("$a", "Numeric", True),) == properties(DEFINITIONS, numerical=True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([{"name": "google"}, {"name": "x"}], Values(("google", "x"))),
        ({"results": [{"name": "google"}], "refreshing": False}, Values(("google",))),
        ({"results": [], "refreshing": True}, Values((), refreshing=True)),
        ([{"name": True}, {"name": 3}, {"name": 1.5}], Values(("true", "3", "1.5"))),
    ],
)
def test_values_come_bare_or_in_an_object(answer: object, expected: Values) -> None:
    """Booleans and numbers become their text."""
    assert expected == values(answer)


@pytest.mark.parametrize("answer", [{}, {"results": None}, "x", None, [1], [{}], [{"name": None}], {"results": {}}])
def test_an_answer_without_names_is_no_answer(answer: object) -> None:
    """Never taken for none at all."""
    with pytest.raises(ValueError, match="the answer"):
        values(answer)
    with pytest.raises(ValueError, match="the answer"):
        properties(answer)


def test_property_definitions_are_a_document_for_programs(gitops: Tree, run: Run, open_sandbox: Sandbox) -> None:
    """JSON where standard output is no terminal, without being asked."""
    ran = run("sessions", "property-definitions", "--search", "utm SOURCE")

    assert (0, "posthog-reconciler/session-properties/v1", "1") == (
        ran.code,
        ran.json["format"],
        ran.json["environment"]["project_id"],
    )
    assert [{"name": "$entry_utm_source", "type": "String", "numerical": False}] == ran.json["properties"]


def test_numerical_properties_can_be_asked_for(gitops: Tree, run: Run, open_sandbox: Sandbox) -> None:
    """In both generations, though the older one sends all of them."""
    found = run("sessions", "property-definitions", "--numerical").json["properties"]

    assert (5, {True}) == (len(found), {item["numerical"] for item in found})


def test_values_are_a_document_for_programs(gitops: Tree, run: Run, open_sandbox: Sandbox) -> None:
    """The bare array and the object become one format."""
    ran = run("sessions", "values", "--key", "$channel_type", "--search", "paid s")

    assert 0 == ran.code
    assert {
        "format": "posthog-reconciler/session-values/v1",
        "key": "$channel_type",
        "values": ["Paid Search", "Paid Social", "Paid Shopping"],
        "refreshing": False,
    } == {name: value for name, value in ran.json.items() if name != "environment"}


def test_text_is_a_table(gitops: Tree, run: Run, open_sandbox: Sandbox) -> None:
    """Asked for by --format, or on a terminal."""
    table = run("sessions", "property-definitions", "--search", "duration", "-f", "text").out
    column = run("sessions", "values", "--key", "$is_bounce", "-f", "text").out
    nothing = run("sessions", "values", "--key", "banana", "-f", "text").out

    assert "PROPERTY           TYPE\n$session_duration  Numeric\n" == table
    assert ("$is_bounce\ntrue\nfalse\n", "Nothing found.\n") == (column, nothing)


def test_on_a_terminal_the_default_is_a_table(gitops: Tree, open_sandbox: Sandbox) -> None:
    """For a person."""
    ours, theirs = pty.openpty()
    root = str(Path(__file__).parent.parent)
    command = [sys.executable, "-m", "reconciler", "sessions", "values", "--key", "$is_bounce"]
    subprocess.run(command, stdout=theirs, env=os.environ | {"PYTHONPATH": root}, check=True)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)

    assert ["$is_bounce", "true", "false"] == shown.split()


@pytest.mark.parametrize("command", [["property-definitions"], ["values", "--key", "x"]])
def test_the_oldest_servers_let_no_personal_key_in_and_that_is_explained(
    gitops: Tree, run: Run, command: list[str]
) -> None:
    """403 whatever the key may do (contract §9.3)."""
    ran = run("sessions", *command)

    assert (1, "") == (ran.code, ran.out)
    assert "Older servers open this to no personal API key" in ran.err


@pytest.mark.parametrize("command", [["property-definitions"], ["values", "--key", "x"]])
def test_a_missing_scope_is_named(
    gitops: Tree, run: Run, sandbox: Sandbox, variables: Variables, command: list[str]
) -> None:
    """Later servers want query:read, which the page does not say."""
    sandbox.reset("latest")
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.new_key(("subscription:read",))})
    ran = run("sessions", *command, "-f", "json")

    assert (1, "posthog-reconciler/error/v1") == (ran.code, ran.json["format"])
    assert "query:read" in ran.json["errors"][0]["message"]


@pytest.mark.parametrize("arguments", [["values"], ["values", "--key", ""]])
def test_values_want_a_key(gitops: Tree, run: Run, sandbox: Sandbox, arguments: list[str]) -> None:
    """Said before anything is sent."""
    ran = run("sessions", *arguments)

    assert (1, []) == (ran.code, sandbox.requests())
    assert "--key" in ran.err


def test_nothing_but_get_is_sent(gitops: Tree, run: Run, open_sandbox: Sandbox) -> None:
    """Reading commands cannot write (design §1, promise 4)."""
    run("sessions", "property-definitions")
    run("sessions", "values", "--key", "$is_bounce")

    assert ["GET", "GET"] == [request.method for request in open_sandbox.requests()]


@pytest.mark.parametrize(("addresses", "shown"), [(True, "ana@example.com"), (False, "a***@example.com")])
def test_addresses_among_values_are_masked_where_others_read(addresses: bool, shown: str) -> None:
    """A value is what a visitor's browser sent: anything."""
    assert f"$x\n{shown}" == report.values("$x", Values(("ana@example.com",)), Viewer(addresses))


def test_characters_that_a_terminal_would_obey_are_made_visible() -> None:
    """They come from anybody's browser."""
    assert "$x\n\\x1b[2J" == report.values("$x", Values(("\x1b[2J",)), Viewer())
