"""The kind RecordingSharing: what differs, and what plan, drift and apply make of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reconciler.audit import findings
from reconciler.errors import Refused, ServerError
from reconciler.kinds import audits, registry
from reconciler.model import Json, Manifest, Request, Severity, Source
from reconciler.privacy import show
from reconciler.sandbox import Fault, Sandbox
from reconciler.schema import SCHEMAS
from tests.conftest import Ran, Run, Tree
from tests.scenes import NOW

Variables = Callable[[Mapping[str, str]], None]

SHARED = "018f3c2e-0000-7000-8000-000000000001"
PRIVATE = "018f3c2e-0000-7000-8000-000000000008"
ON = {"enabled": True, "created_at": "2026-02-01T10:30:00Z", "access_token": "secret-token"}
OFF = {"enabled": False, "created_at": None, "access_token": "another-in-every-answer"}
KIND = audits()["RecordingSharing"]


def wanted(enabled: bool) -> Manifest:
    """A manifest of the recording `abc`."""
    return Manifest("RecordingSharing", "tour", Source("a.yaml", 7), {"recording_id": "abc", "enabled": enabled})


def write(tree: Tree, name: str, recording: str, enabled: bool, *, metadata: str = "") -> None:
    """A RecordingSharing manifest in the tree, its document on line 3 of its file."""
    document = {"recording_id": recording, "enabled": enabled}
    head = "# A tour\n---\napiVersion: posthog-reconciler/v1\nkind: RecordingSharing\n"
    tree.write(
        f"subscriptions/{name}.yaml", f"{head}metadata:\n  name: {name}\n{metadata}spec: {json.dumps(document)}\n"
    )


def found(ran: Ran) -> list[tuple[str, str]]:
    """Rule and name of each finding of a plan document."""
    return [(finding["rule"], finding["name"]) for finding in ran.json["findings"]]


def reads(sandbox: Sandbox) -> int:
    """How often the state of a recording was asked for."""
    return sum("/sharing" in request.path for request in sandbox.requests())


def test_every_kind_that_has_a_schema_is_planned_or_compared() -> None:
    """No manifest is read and then forgotten."""
    assert set(SCHEMAS) == registry(NOW).keys() | audits().keys()


def test_a_state_that_is_as_the_manifest_says_is_no_finding() -> None:
    """Whatever its token is this time: enabled alone is compared (contract §9.2)."""
    assert ((), ()) == (KIND.compare(wanted(True), ON), KIND.compare(wanted(False), OFF))


@pytest.mark.parametrize(("enabled", "answer", "rule"), [(False, ON, "sharing-on"), (True, OFF, "sharing-off")])
def test_a_difference_is_a_finding_with_its_place(enabled: bool, answer: Json, rule: str) -> None:
    """A warning: it stops no apply. The token is not in it."""
    (finding,) = KIND.compare(wanted(enabled), answer)

    assert (rule, Severity.WARNING, "tour", Source("a.yaml", 7)) == (
        finding.rule,
        finding.severity,
        finding.name,
        finding.source,
    )
    assert "abc" in show(finding.message, addresses=True)
    assert "secret" not in show(finding.message, addresses=True)


def test_it_is_read_by_one_get() -> None:
    """Of the seed page."""
    assert Request("GET", "session_recordings/abc/sharing/") == KIND.reading(wanted(True))


class Answering:
    """A Reader with one answer for everything."""

    def __init__(self, answer: Json | Exception) -> None:
        """Answer so."""
        self._answer = answer

    def get(self, request: Request) -> Json:
        """The answer."""
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize("answer", [Refused("no"), {"enabled": "maybe"}])
def test_a_state_that_cannot_be_read_is_an_error_with_its_place(answer: Json | Exception) -> None:
    """Never taken for a state; of the same sort as the error it comes from."""
    with pytest.raises(Refused if isinstance(answer, Refused) else ServerError, match=r"a\.yaml:7: tour: "):
        findings([wanted(True)], audits(), Answering(answer))


def test_plan_lists_the_difference_with_file_and_line(gitops: Tree, run: Run) -> None:
    """And how to end it."""
    write(gitops, "tour", SHARED, enabled=False)
    ran = run("plan")

    assert (
        f"warning subscriptions/tour.yaml:3: tour: recording {SHARED} is shared by a public link since "
        "2026-02-01T10:30:00Z, and the manifest says it is not; switch sharing off in PostHog, or write enabled: true "
        "[sharing-on]\n"
    ) in ran.out


@pytest.mark.parametrize("profile", ["seed", "latest"])
def test_plan_finds_what_is_shared_and_what_is_not(gitops: Tree, run: Run, sandbox: Sandbox, profile: str) -> None:
    """In both generations, with nothing but GET."""
    sandbox.reset(profile)
    write(gitops, "a-tour", SHARED, enabled=False)
    write(gitops, "b-tour", PRIVATE, enabled=True)
    write(gitops, "c-tour", SHARED, enabled=True)
    write(gitops, "d-tour", PRIVATE, enabled=False)

    assert [("sharing-on", "a-tour"), ("sharing-off", "b-tour")] == found(run("plan", "-f", "json"))
    assert {"GET"} == {request.method for request in sandbox.requests()}


def test_a_difference_does_not_count_for_the_exit_code_of_plan(gitops: Tree, run: Run) -> None:
    """Nothing is to be applied."""
    write(gitops, "tour", SHARED, enabled=False)
    ran = run("plan", "--exit-code", "-f", "json")

    assert (0, [], [("sharing-on", "tour")]) == (ran.code, ran.json["changes"], found(ran))


@pytest.mark.parametrize(
    ("enabled", "code", "head"), [(False, 2, "No subscription drifted, but 1 recording did"), (True, 0, "No drift")]
)
def test_a_difference_is_drift(gitops: Tree, run: Run, enabled: bool, code: int, head: str) -> None:
    """Exit 2, and the report does not begin by saying that there is none."""
    write(gitops, "tour", SHARED, enabled=enabled)
    ran = run("drift")

    assert (code, True) == (ran.code, ran.out.startswith(head))


@pytest.mark.parametrize("format", ["markdown", "github", "json"])
def test_a_difference_is_told_in_every_format(gitops: Tree, run: Run, format: str) -> None:
    """With its rule."""
    write(gitops, "tour", SHARED, enabled=False)

    assert "sharing-on" in run("drift", "-f", format).out


def test_the_digest_does_not_depend_on_it(gitops: Tree, run: Run) -> None:
    """A plan that was reviewed is still the same when somebody shares a recording (design §6)."""
    gitops.manifest("weekly")
    before = run("plan", "-f", "json").json["digest"]
    write(gitops, "tour", SHARED, enabled=False)

    assert before == run("plan", "-f", "json").json["digest"]


def test_apply_neither_reads_nor_sends_anything_for_it(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """So that a key without sharing_configuration:read can apply subscriptions."""
    gitops.manifest("weekly")
    write(gitops, "tour", SHARED, enabled=False)
    ran = run("apply", "--yes", "-f", "json")

    assert (0, True, 0) == (ran.code, ran.json["verified"], reads(sandbox))


def test_an_environment_it_does_not_name_is_left_out(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """As with every manifest."""
    gitops.write(
        "reconciler.yaml",
        (gitops.folder / "reconciler.yaml").read_text() + "  b: {host: 'https://b.example', project_id: 9}\n",
    )
    write(gitops, "tour", SHARED, enabled=False, metadata="  environments: [b]\n")
    ran = run("drift", "-e", "production", "-f", "json")

    assert (0, [], 0) == (ran.code, found(ran), reads(sandbox))


def test_only_what_is_in_scope_is_read(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """--only by name."""
    write(gitops, "a-tour", SHARED, enabled=False)
    write(gitops, "b-tour", SHARED, enabled=False)
    ran = run("plan", "--only", "b-*", "-f", "json")

    assert ([("sharing-on", "b-tour")], 1) == (found(ran), reads(sandbox))


def test_a_tree_of_recordings_alone_does_not_remove_subscriptions(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """It is as good as empty where there are subscriptions of ours (design §4): blocked unless meant."""
    sandbox.add(title="Last [growth:last]", insight=9)
    write(gitops, "tour", SHARED, enabled=True)
    refused = run("apply", "--yes")
    meant = run("apply", "--yes", "--allow-empty")

    assert [3, 0, True] == [refused.code, meant.code, sandbox.rows()[0]["deleted"]]


def test_a_tree_of_recordings_alone_is_no_mistake_where_there_are_no_subscriptions(gitops: Tree, run: Run) -> None:
    """Somebody may want no more than that."""
    write(gitops, "tour", SHARED, enabled=True)

    assert [0, 0] == [run("plan").code, run("drift").code]


def test_subscriptions_that_the_base_had_are_not_removed_for_recordings(
    gitops: Tree, run: Run, sandbox: Sandbox
) -> None:
    """Also rows without a tag, which only the base knows to be ours."""
    row = sandbox.add(insight=4, target_type="email", target_value="ana@example.com")
    gitops.manifest("weekly", metadata=f"  id: {row['id']}\n")
    write(gitops, "tour", SHARED, enabled=True)
    shutil.copytree(".", ".base")
    Path("subscriptions/weekly.yaml").unlink()

    assert 3 == run("apply", "--yes", "--base", ".base").code


def test_a_base_may_hold_them(gitops: Tree, run: Run) -> None:
    """They are no part of what was applied."""
    gitops.manifest("weekly")
    write(gitops, "tour", SHARED, enabled=True)
    run("apply", "--yes")

    assert 0 == run("plan", "--base", ".").code


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_a_key_that_may_not_read_it_is_an_error_with_the_place_and_the_scope(
    gitops: Tree, run: Run, sandbox: Sandbox, variables: Variables, command: str
) -> None:
    """What could not be looked at is never taken for as it should be."""
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.new_key(("subscription:read",))})
    write(gitops, "tour", SHARED, enabled=False)
    ran = run(command, "-f", "json")

    assert (1, "posthog-reconciler/error/v1") == (ran.code, ran.json["format"])
    assert "subscriptions/tour.yaml:3: tour: " in ran.json["errors"][0]["message"]
    assert "sharing_configuration:read" in ran.json["errors"][0]["message"]


def test_many_recordings_are_read_at_once(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Sixteen that take 0.3 seconds each take less than half of what they would one by one."""
    sandbox.faults.add(Fault("delay", path="sharing", count=None, seconds=0.3))
    for number in range(16):
        write(gitops, f"tour-{number:02}", SHARED, enabled=number % 2 == 0)
    begun = time.monotonic()
    ran = run("drift", "-f", "json")

    assert (2, [f"tour-{number:02}" for number in range(1, 16, 2)]) == (ran.code, [name for _, name in found(ran)])
    assert time.monotonic() - begun < 2.4


def test_no_more_are_read_in_a_minute_than_the_server_takes(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """200 of 240 (contract §2.5), beside what subscriptions may use; a run that has no second minute says so."""
    for number in range(205):
        write(gitops, f"tour-{number}", SHARED, enabled=True)
    ran = run("drift", "--timeout", "45")

    assert (1, 200) == (ran.code, reads(sandbox))
    assert "--timeout" in ran.err


def test_a_token_is_in_no_plan(gitops: Tree, run: Run) -> None:
    """It would let every reader of a log watch."""
    write(gitops, "tour", SHARED, enabled=False)

    assert not [
        format for format in ("text", "json", "markdown", "github") if "shared-token" in run("plan", "-f", format).out
    ]
