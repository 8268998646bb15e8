"""`import`: rows made by hand become manifests that change nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler import adoption, kinds, manifests
from reconciler.adoption import Scope
from reconciler.model import Config, Environment
from reconciler.sandbox import Sandbox
from tests.conftest import Run, Tree

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PLACE = Environment("production", "https://us.posthog.com", "1")


def weekly(title: str, **fields: Any) -> dict[str, Any]:
    """A row as somebody makes it in the UI."""
    usual = {"target_type": "email", "target_value": "ana@example.com, bo@example.com", "frequency": "weekly"}
    return usual | {"insight": 4, "interval": 1, "title": title, "start_date": "2026-01-05T09:00:00Z"} | fields


def read(path: Path) -> Any:
    """The manifest in *path*."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_plan_with_imported_manifests_is_empty(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """And the rows are managed from then on."""
    for fields in (
        weekly("Weekly growth"),
        weekly("No days", byweekday=[], interval=2),
        weekly("Dashboard", insight=None, dashboard=1, frequency="monthly", byweekday=["monday"], bysetpos=-1),
        weekly("Slack: #growth", target_type="slack", target_value="C0123|#growth"),
        weekly("", count=900),
        weekly("Until", until_date="2031-01-05T09:00:00+01:00"),
    ):
        sandbox.add(**fields)
    assert 0 == run("import", "--out", "subscriptions").code
    planned = run("plan", "--format", "json").json
    assert ([], 6, 0) == (planned["changes"], planned["summary"]["unchanged"], planned["summary"]["unmanaged"])


def test_a_manifest_says_what_a_person_would_write(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """No defaults, no nulls, one address a line."""
    id = sandbox.add(**weekly("Weekly growth", byweekday=["monday"]))["id"]
    run("import", "--out", "subscriptions")
    expected = f"""\
apiVersion: posthog-reconciler/v1
kind: Subscription
metadata:
  name: weekly-growth
  id: {id}
spec:
  title: Weekly growth
  insight: 4
  target_type: email
  target_value:
  - ana@example.com
  - bo@example.com
  frequency: weekly
  byweekday:
  - monday
  start_date: '2026-01-05T09:00:00Z'
"""
    assert expected == (gitops.folder / "subscriptions/weekly-growth.yaml").read_text(encoding="utf-8")


def test_nothing_but_get_is_sent(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """A reading command cannot write."""
    sandbox.add(**weekly("Weekly growth"))
    run("import", "--out", "subscriptions")
    assert {"GET"} == {request.method for request in sandbox.requests()}


def test_tagged_rows_are_left_out_unless_they_are_named(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """A row of ours gets its own name back; another namespace's stays there."""
    ours = sandbox.add(**weekly("Lost [growth:lost-report]"))["id"]
    theirs = sandbox.add(**weekly("Theirs [sales:pipeline]"))["id"]
    left = run("import", "--format", "json").json
    assert ([], [], 2) == (left["manifests"], left["skipped"], left["tagged"])
    named = run("import", str(ours), str(theirs), "--format", "json").json
    assert [("lost-report", ours)] == [(item["name"], item["id"]) for item in named["manifests"]]
    assert [theirs] == [item["id"] for item in named["skipped"]]
    assert "another namespace" in named["skipped"][0]["reason"]


def test_a_name_in_the_tag_of_another_row_is_not_free(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """Two rows for one manifest would block the next plan; and that an apply would remove the other is told."""
    left = sandbox.add(**weekly("Team [growth:team]"))["id"]
    id = sandbox.add(**weekly("Team", insight=5))["id"]
    ran = run("import", "--out", "subscriptions", "--format", "json")
    assert [(f"team-{id}", id)] == [(item["name"], item["id"]) for item in ran.json["manifests"]]
    assert ([left], True) == (ran.json["leftovers"], f"import them by id: {left}" in ran.err)
    assert 0 == run("plan", "--no-prune").code


def test_no_two_manifests_get_one_name(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """Not even where a title ends like the number that would part them."""
    for number, title in enumerate(("Foo", "Other", "Foo 4", "Foo")):
        sandbox.add(**weekly(title, insight=4 + number))
    names = [item["name"] for item in run("import", "--format", "json").json["manifests"]]
    assert ["foo", "other", "foo-4", "subscription-4"] == names


def test_a_row_that_a_manifest_has_is_not_imported_again(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """Neither by its id nor under a name that is taken."""
    id = sandbox.add(**weekly("Weekly growth"))["id"]
    run("import", "--out", "subscriptions")
    again = sandbox.add(**weekly("Weekly growth", insight=5))["id"]
    found = run("import", "--format", "json").json
    assert [(f"weekly-growth-{again}", again)] == [(item["name"], item["id"]) for item in found["manifests"]]
    assert [(id, True)] == [(item["id"], "has it already" in item["reason"]) for item in found["skipped"]]


def test_what_no_manifest_can_say_is_skipped_with_a_reason(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """The others are written."""
    rows = {
        "orphan": sandbox.add(**weekly("Orphan", insight=None))["id"],
        "nobody": sandbox.add(**weekly("Typo", target_value="ana(at)example.com"))["id"],
        "secret": sandbox.add(**weekly("Hook", target_type="webhook", target_value="https://hooks.example/T0/s3cret"))[
            "id"
        ],
    }
    good = sandbox.add(**weekly("Good"))["id"]
    found = run("import", "--out", "subscriptions", "--format", "json")
    assert [good] == [item["id"] for item in found.json["manifests"]]
    reasons = {item["id"]: item["reason"] for item in found.json["skipped"]}
    assert sorted(rows.values()) == sorted(reasons)
    assert "neither dashboard nor insight" in reasons[rows["orphan"]]
    assert "not an e-mail address" in reasons[rows["nobody"]]
    assert "https://hooks.example/***" in reasons[rows["secret"]]
    assert "s3cret" not in found.out + found.err


def test_a_recipient_outside_the_allowed_domains_is_said_to_be_meant(
    tree: Tree, url: str, sandbox: Sandbox, run: Run, variables: Any
) -> None:
    """The row mails them today; without it the manifest would be refused."""
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.key})
    tree.config(url, sandbox.project_id, more="policy: {allowed_domains: [example.com]}\n")
    sandbox.add(**weekly("Partners", target_value="gus@example.org"))
    run("import", "--out", "subscriptions")
    assert read(tree.folder / "subscriptions/partners.yaml")["metadata"]["external"]
    assert 0 == run("plan", "--exit-code").code


def test_no_file_is_overwritten(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """Nothing at all is written where one of them is in the way."""
    sandbox.add(**weekly("First"))
    sandbox.add(**weekly("Second"))
    gitops.write("new/second.yaml", "mine")
    ran = run("import", "--out", "new")
    assert (1, "mine", False) == (
        ran.code,
        (gitops.folder / "new/second.yaml").read_text(encoding="utf-8"),
        (gitops.folder / "new/first.yaml").exists(),
    )
    assert "second.yaml" in ran.err


def test_a_row_that_is_not_there_is_an_error(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """Before anything is written."""
    sandbox.add(**weekly("First"))
    ran = run("import", "99999", "--out", "new")
    assert (1, False) == (ran.code, (gitops.folder / "new").exists())
    assert "no live row 99999" in ran.err


def test_addresses_are_not_written_to_a_log(gitops: Tree, sandbox: Sandbox, run: Run) -> None:
    """Standard output here is no terminal; nothing is asked of the server either."""
    sandbox.add(**weekly("First"))
    sandbox.clear_requests()
    ran = run("import")
    assert (1, "", []) == (ran.code, ran.out, sandbox.requests())
    assert "--out DIR" in ran.err
    shown = run("import", "--show-addresses")
    assert "first" == yaml.safe_load(shown.out)["metadata"]["name"]


def test_an_environment_is_named_where_there_are_several(
    tree: Tree, url: str, sandbox: Sandbox, run: Run, variables: Any
) -> None:
    """An id is a row of one project only."""
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.key})
    more = f"  staging: {{host: '{url}', project_id: {sandbox.other_project_id}}}\n"
    tree.config(url, sandbox.project_id, more=more)
    sandbox.add(**weekly("First"))
    assert 1 == run("import", "--out", "subscriptions").code
    assert 0 == run("import", "--env", "production", "--out", "subscriptions").code
    assert ["production"] == read(tree.folder / "subscriptions/first.yaml")["metadata"]["environments"]
    assert 0 == run("plan", "--env", "production", "--exit-code").code


def test_without_a_config_the_variables_say_where(
    tree: Tree, url: str, sandbox: Sandbox, run: Run, variables: Any
) -> None:
    """As `plan PATH` does."""
    variables(
        {
            "POSTHOG_PERSONAL_API_KEY": sandbox.key,
            "POSTHOG_HOST": url,
            "POSTHOG_PROJECT_ID": str(sandbox.project_id),
        }
    )
    sandbox.add(**weekly("First"))
    assert 0 == run("import", "--out", "here").code
    assert 0 == run("plan", "here", "--exit-code").code


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Übersicht: Q3!", "ubersicht-q3"),
        ("  --  ", ""),
        ("日本", ""),
        (None, ""),
        ("x" * 60, "x" * 48),
        ("a" * 47 + " b", "a" * 47),
        ("For ana@example.com, daily", "for-daily"),
    ],
)
def test_a_title_becomes_a_name(title: Any, name: str) -> None:
    """Of letters, digits and hyphens; nothing where there are none."""
    assert name == adoption.slug(title)


def test_rows_of_one_title_get_names_of_their_own() -> None:
    """Also where the name has no room for a number more."""
    resource = kinds.registry(NOW)["Subscription"]
    rows = [resource.decode(weekly("x" * 80, id=id)) for id in (1234567, 1234568)]
    found = adoption.adopt(rows, Scope(Config("growth", (PLACE,)), PLACE, (), frozenset()), resource)
    assert ["x" * 48, "x" * 40 + "-1234568"] == [item.name for item in found.written]


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["no", "10:30", "0o14", "1e3", "~", "null", "<<", "-", "1_000", "0x1F", ".inf", "2026-01-05", "=", "a: b", "#x", ""]
)


@given(st.recursive(texts | st.integers() | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3)))
def test_what_is_written_is_read_back_as_the_same(value: Any) -> None:
    """Whatever YAML 1.1 and 1.2 disagree about."""
    document = {"apiVersion": "posthog-reconciler/v1", "spec": {"value": value}}
    found, problems, _ = manifests.parse("x.yaml", manifests.text_of(document).encode(), False)
    assert ([document], ()) == ([item.data for item in found], problems)
