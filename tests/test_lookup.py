"""`show` and `who`, run as a person runs them, against a real server that remembers every request."""

import json
from typing import Any

import pytest

from reconciler import api
from reconciler.sandbox import Sandbox
from tests.conftest import Run, Tree

ANA, BO, CY = (f"{name}@example.com" for name in ("ana", "bo", "cy"))


@pytest.fixture
def applied(gitops: Tree, sandbox: Sandbox, run: Run) -> Tree:
    """A folder whose one manifest is applied, with a group; the base is the same; and a row made by hand."""
    host = (gitops.folder / "host.txt").read_text(encoding="utf-8")
    gitops.config(host, sandbox.project_id, more=f"recipients:\n  team: [{BO}, {CY}]\n")
    gitops.manifest("growth", target_value=[ANA, "@team"], dashboard=42, insight=None)
    assert 0 == run("apply", "--yes").code
    for path in ("reconciler.yaml", "subscriptions/growth.yaml"):
        gitops.write(f"base/{path}", (gitops.folder / path).read_text(encoding="utf-8"))
    sandbox.add(title="Old numbers", target_value=f"{BO}, dan@example.com", dashboard=7)
    sandbox.clear_requests()
    return gitops


def environment(run: Run, *arguments: str) -> Any:
    """The one environment of a JSON answer."""
    ran = run(*arguments, "--format", "json")
    assert 0 == ran.code, ran.err
    (found,) = ran.json["environments"]
    return found


def test_show_says_everything_about_a_subscription(applied: Tree, run: Run, sandbox: Sandbox) -> None:
    """File and line, row and URL, owner, recipients, the next five deliveries as the server plans them."""
    (row,) = [each for each in sandbox.rows() if "[growth:growth]" in (each["title"] or "")]
    found = environment(run, "show", "growth")

    assert {"path": "subscriptions/growth.yaml", "line": 1} == found["source"]
    assert (row["id"], "olive@hedgehog.example") == (found["row"]["id"], found["row"]["created_by"])
    assert found["row"]["page"].endswith(f"/dashboard/42/subscriptions/{row['id']}")
    assert [ANA, BO, CY] == found["recipients"]
    assert (None, []) == (found["change"], found["findings"])
    assert 5 == len(found["deliveries"]["after"])
    assert row["next_delivery_date"] == found["deliveries"]["after"][0]


def test_show_says_who_changed_what(applied: Tree, run: Run, sandbox: Sandbox) -> None:
    """With a base by its cause; and everything that a plan would find."""
    sandbox.edit(1, frequency="daily")
    sandbox.unsubscribe(1, CY)
    found = environment(run, "show", "growth", "--base", "base")

    assert [("frequency", "drift")] == [(field["field"], field["cause"]) for field in found["change"]["fields"]]
    assert ["unsubscribed"] == [finding["rule"] for finding in found["findings"]]
    assert found["deliveries"]["before"] != found["deliveries"]["after"]


def test_show_is_text_for_people_and_masked_in_a_log(applied: Tree, run: Run) -> None:
    """Nobody sits at this terminal; --show-addresses says yes to showing them."""
    masked, shown = run("show", "growth"), run("show", "growth", "--show-addresses")

    assert "recipients  a***@example.com, b***@example.com, c***@example.com" in masked.out
    assert f"recipients  {ANA}, {BO}, {CY}" in shown.out
    assert "as git says: nothing to do" in shown.out
    assert "`a***@example.com`" in run("show", "growth", "--format", "markdown").out


def test_show_answers_an_unknown_name_with_the_nearest(applied: Tree, run: Run) -> None:
    """Exit code 1, as for every error that the command line shows."""
    ran = run("show", "grwth")

    assert (1, "") == (ran.code, ran.out)
    assert 'no subscription is named "grwth"; did you mean growth?' in ran.err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("weekly", 'no subscription is named "weekly" any more: it is called renamed now'),
        ("onboarding", '"onboarding" is no Subscription; reconciler plan says what there is to say of it'),
        ("something-else", 'no subscription is named "something-else"\n'),
        ("ana@example.com", 'no subscription is named "a***@example.com"'),
    ],
)
def test_show_says_what_became_of_a_name(applied: Tree, run: Run, name: str, expected: str) -> None:
    """Renamed, of another kind, not like any, or no name at all: standard error carries no address."""
    applied.manifest("renamed", metadata="  previousNames: [weekly]\n", insight=5)
    applied.write(
        "subscriptions/recording.yaml",
        "apiVersion: posthog-reconciler/v1\nkind: RecordingSharing\nmetadata: {name: onboarding}\n"
        "spec: {recording_id: abc, enabled: false}\n",
    )
    ran = run("show", name)

    assert 1 == ran.code
    assert expected in ran.err.replace(" [usage]", "")


def test_show_knows_a_row_whose_manifest_is_gone(applied: Tree, run: Run) -> None:
    """By the name in its tag."""
    (applied.folder / "subscriptions/growth.yaml").unlink()
    applied.manifest("other", insight=5)
    found = environment(run, "show", "growth")

    assert (False, "delete") == (found["meant_here"], found["change"]["action"])


def test_show_needs_no_config(tree: Tree, run: Run, sandbox: Sandbox, url: str, variables: Any) -> None:
    """A folder named on the command line is enough."""
    variables(
        {"POSTHOG_HOST": url, "POSTHOG_PROJECT_ID": str(sandbox.project_id), "POSTHOG_PERSONAL_API_KEY": sandbox.key}
    )
    tree.manifest("growth")

    assert "create" == environment(run, "show", "growth", "subscriptions")["change"]["action"]
    assert "coming" == environment(run, "who", ANA, "subscriptions")["subscriptions"][0]["standing"]


def test_a_look_says_what_a_person_must_know(applied: Tree, run: Run, variables: Any) -> None:
    """On standard error, as every command that reads a config."""
    variables({"POSTHOG_PROJECT_ID": "99"})

    assert "warning: " in run("show", "growth").err


def test_show_says_nothing_of_what_a_path_leaves_out(applied: Tree, run: Run) -> None:
    """Its changes are not planned, so nothing true could be said."""
    applied.manifest("other", insight=5)
    ran = run("show", "growth", "subscriptions/other.yaml")

    assert (1, True) == (ran.code, "is not in the PATHs given" in ran.err)


def test_every_environment_is_shown(applied: Tree, run: Run, sandbox: Sandbox) -> None:
    """One document, an environment after the other; --env chooses."""
    host = (applied.folder / "host.txt").read_text(encoding="utf-8")
    more = f"  staging: {{host: '{host}', project_id: {sandbox.other_project_id}}}\nrecipients:\n  team: [{BO}, {CY}]\n"
    applied.config(host, sandbox.project_id, more=more)

    assert ["production", "staging"] == [
        each["environment"]["name"] for each in run("show", "growth", "--format", "json").json["environments"]
    ]
    assert "staging" == environment(run, "who", ANA, "--env", "staging")["environment"]["name"]


def test_who_says_every_row_that_reaches_a_person(applied: Tree, run: Run) -> None:
    """Managed through a group, and made by hand; compared as people mean it."""
    ran = run("who", " bo@EXAMPLE.com ", "--format", "json")
    found = ran.json["environments"][0]["subscriptions"]

    assert "bo@EXAMPLE.com" == ran.json["address"]
    assert [("managed", True, ["@team"]), ("unmanaged", False, [])] == [
        (each["owner"], each["ours"], each["ways"]) for each in found
    ]
    assert [1, 2] == [each["row"]["id"] for each in found]
    assert {"path": "subscriptions/growth.yaml", "line": 1} == found[0]["source"]


def test_who_says_when_nobody_does(applied: Tree, run: Run) -> None:
    """And ends with 0, as it does where somebody does."""
    ran = run("who", "nobody@example.com", "--show-addresses")

    assert 0 == ran.code
    assert "nothing reaches nobody@example.com, and no manifest names this address" in ran.out
    assert 0 == run("who", ANA).code


def test_who_knows_manifests_that_are_not_applied(applied: Tree, run: Run) -> None:
    """They will mail the person when they are."""
    applied.manifest("new", target_value=["eve@example.com"], insight=5)
    (found,) = environment(run, "who", "eve@example.com")["subscriptions"]

    assert ("coming", "new", None) == (found["standing"], found["name"], found["row"])


def test_who_knows_who_is_kept_out(applied: Tree, run: Run, sandbox: Sandbox) -> None:
    """A person who unsubscribed is still named by the manifest."""
    sandbox.unsubscribe(1, CY)
    (found,) = environment(run, "who", CY, "--base", "base")["subscriptions"]

    assert ("kept-out", ["@team"], ["unsubscribed"]) == (
        found["standing"],
        found["ways"],
        [finding["rule"] for finding in found["findings"]],
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("@team", "not a group"),
        ("ana", 'the e-mail address of one person, not "ana"'),
        ("ana@", "the e-mail address of one person, not"),
        ("@example.com", "the e-mail address of one person, not"),
    ],
)
def test_who_takes_the_address_of_a_person(
    applied: Tree, run: Run, sandbox: Sandbox, address: str, expected: str
) -> None:
    """Nothing is sent for anything else."""
    ran = run("who", address)

    assert (1, True, []) == (ran.code, expected in ran.err, sandbox.requests())


@pytest.mark.parametrize("arguments", [("show", "growth"), ("show", "unknown"), ("who", ANA), ("who", "x@y.example")])
@pytest.mark.parametrize("format", ["text", "json", "markdown"])
def test_a_look_sends_nothing_but_get(
    applied: Tree, run: Run, sandbox: Sandbox, arguments: tuple[str, ...], format: str
) -> None:
    """Promise 4: also where an apply would have a lot to do."""
    applied.manifest("new", insight=5)
    sandbox.edit(1, frequency="daily")
    sandbox.clear_requests()
    before = sandbox.rows()
    run(*arguments, "--format", format)

    assert {"GET"} == {request.method for request in sandbox.requests()}
    assert before == sandbox.rows()


def test_a_look_needs_a_key_that_may_read_only(applied: Tree, run: Run, sandbox: Sandbox, variables: Any) -> None:
    """Whoever looks needs no right to write."""
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.read_key})

    assert (0, 0) == (run("show", "growth").code, run("who", ANA).code)


@pytest.mark.parametrize("arguments", [("show", "growth"), ("who", ANA)])
def test_a_look_makes_no_client_that_could_write(
    applied: Tree, run: Run, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one that is only not used; an apply makes one, and so shows that this would be noticed."""
    made, writer = [], api.writer

    def noted(*given: Any, **named: Any) -> Any:
        made.append(given)
        return writer(*given, **named)

    monkeypatch.setattr(api, "writer", noted)
    applied.manifest("new", insight=5)

    assert (0, []) == (run(*arguments).code, made)
    assert (0, 1) == (run("apply", "--yes").code, len(made))


def test_json_is_one_document_also_on_failure(applied: Tree, run: Run) -> None:
    """As every command (design §6)."""
    assert "posthog-reconciler/error/v1" == run("show", "x", "--format", "json").json["format"]
    assert "posthog-reconciler/who/v1" == json.loads(run("who", ANA, "-f", "json").out)["format"]
