"""What must hold when the example workflows run, as plain functions: a test calls each on the action as it is, and the
mutation tests call them on an action that was broken, where they must fail.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping

import cmarkgfm
from cmarkgfm.cmark import Options

from reconciler.sandbox import Sandbox
from tests.action.conftest import manifest
from tests.action.github import BOT, LONGEST_BODY
from tests.action.ground import Ground
from tests.action.rig import ROOT, Ran, Rig
from tests.action.strict import LARGEST_SUMMARY

MANY = 4_000
"""Changes of a plan that fits into no comment."""

TAKEOVERS = {
    "yaml.py": "",
    "json.py": "",
    "os.py": "",
    "sitecustomize.py": "",
    "usercustomize.py": "",
    "reconciler/__init__.py": "",
    "reconciler/entry.py": "",
    "reconciler/__main__.py": "",
    "click/__init__.py": "",
    "pip/__init__.py": "",
    "pip/__main__.py": "",
    "action/main.py": "",
}
"""Files of a pull request that would be run if the working directory were on the path; each then makes a file."""

HOSTILE = (
    "::error::owned",
    "   ::warning::owned",
    "##[error]owned",
    "said ##[set-output name=result]owned",
    "%0A::error::owned",
    "::stop-commands::error",
    "::add-mask::e",
)
"""Titles that look like commands in every way that the runner knows."""

MARKUP = (
    "@everyone #1 GH-2 acme/mail#3",
    "a | b | c",
    "<b>bold</b> <!-- -->",
    "</details></summary></code></pre>",
    "`code` ``` ~~~",
    "![picture](http://example.org/x.png)",
)
"""Titles that would be markup, mentions or links."""


def propose(rig: Rig, number: int, files: Mapping[str, str | None]) -> None:
    """Open a pull request, here and on GitHub."""
    head, merged = rig.history.propose(number, files)
    rig.github.add_pull(number, head=head)
    rig.github.pulls[number]["merge_commit_sha"] = merged
    rig.github.pulls[number]["base"]["sha"] = rig.history.git("rev-parse", "main")


def merge(rig: Rig, number: int) -> tuple[str, str]:
    """Merge a pull request, here and on GitHub; main's commit before and after it."""
    before = rig.history.git("rev-parse", "main")
    after = rig.history.merge(number)
    rig.github.pulls[number] |= {"state": "closed", "merged_at": "2026-11-23T09:00:00Z", "merge_commit_sha": after}
    rig.github.commits.setdefault(after, []).append(number)
    return before, after


def ours(rig: Rig, number: int = 7) -> str:
    """The only comment of ours on the pull request *number*."""
    (body,) = rig.github.bodies_on(number, login=BOT)
    return body


def nothing_leaked(rig: Rig, ran: Ran) -> None:
    """No key and no whole address stands in anything that act or GitHub keeps; a mask is told, and never shown."""
    kept = ran.everything + json.dumps([call.body for call in rig.github.writes])
    for secrets in rig.secrets.values():
        for secret in secrets.values():
            assert secret not in kept
    assert "ana@example.com" not in kept
    assert rig.github.token not in kept


def one_comment(rig: Rig) -> None:
    """A pull request has one comment of ours, found among many, kept up to date, never somebody else's."""
    propose(rig, 7, manifest("weekly-growth"))
    first = rig.pull_request(7)
    assert first.succeeded, first.everything
    assert ("changes", "1", "0", "0") == tuple(
        first.outputs[name] for name in ("result", "to-create", "to-update", "to-delete")
    )
    said = ours(rig)
    assert "weekly-growth" in said
    assert "a***@example.com" in said
    nothing_leaked(rig, first)

    # Somebody says the same before us, and much is said after it.
    github = rig.github
    (mine,) = github.comments_on(7)
    spoof = {**mine, "id": 1, "user": {"login": "mallory", "type": "User"}, "body": said}
    for number in range(130):
        github.add_comment(7, f"comment {number}")
    others = [{**each, "id": each["id"] - 900} for each in github.comments_on(7) if each["id"] != mine["id"]]
    github.comments_by_id = {each["id"]: each for each in (spoof, *others, mine)}

    rig.history.git("checkout", "--quiet", "topic-7")
    head = rig.history.commit(manifest("weekly-growth", to="ana@example.com, bo@example.com"))
    rig.history.git("update-ref", "refs/pull/7/head", head)
    rig.history.git("checkout", "--quiet", "main")
    github.pulls[7]["head"]["sha"] = head
    github.pulls[7]["merge_commit_sha"] = rig.history.try_merge(7)
    github.clear_calls()
    second = rig.pull_request(7)
    assert second.succeeded, second.everything
    assert ["PATCH issues/comments"] == github.done
    assert "b***@example.com" in ours(rig)
    assert said == github.comments_by_id[1]["body"]


def the_same_plan_writes_nothing(rig: Rig) -> None:
    """A second run over the same plan leaves the comment alone."""
    propose(rig, 7, manifest("weekly-growth"))
    rig.pull_request(7)
    rig.github.clear_calls()

    assert rig.pull_request(7).succeeded
    assert [] == rig.github.done


def a_fork(rig: Rig, sandbox: Sandbox) -> None:
    """A fork has no key and may write nothing: its manifests are checked, a notice says so, and it is green."""
    propose(rig, 7, manifest("weekly-growth"))
    sandbox.clear_requests()

    ran = rig.pull_request(7, fork=True)

    assert ran.succeeded, ran.everything
    assert "valid" == ran.outputs["result"]
    assert any("fork" in notice for notice in ran.annotations("notice"))
    assert [] == sandbox.requests()
    assert [] == rig.github.done


def a_huge_plan(rig: Rig) -> None:
    """A plan that fits nowhere is shortened, says what is missing, and keeps its true numbers."""
    files: dict[str, list[str]] = {}
    for number in range(MANY):
        (text,) = manifest(f"report-{number:04}", title=f"Report {number} 😀").values()
        files.setdefault(f"subscriptions/{number // 200}.yaml", []).append(text)
    propose(rig, 7, {name: "---\n".join(texts) for name, texts in files.items()})

    ran = rig.pull_request(7)

    assert ran.succeeded, ran.everything[-3000:]
    assert str(MANY) == ran.outputs["to-create"]
    said = ours(rig)
    assert "4,000" in said or "4000" in said
    assert 55_000 < len(said) <= LONGEST_BODY
    assert 100_000 < len(ran.summary.encode()) <= LARGEST_SUMMARY
    assert said.count("<details>") == said.count("</details>")
    assert said.count("```") % 2 == 0


def apply_of_what_was_reviewed(rig: Rig, sandbox: Sandbox) -> None:
    """After the merge exactly the plan in the comment is applied, and the comment says so."""
    propose(rig, 7, manifest("weekly-growth"))
    rig.pull_request(7)
    assert [] == sandbox.rows()

    ran = rig.push(*merge(rig, 7))

    assert ran.succeeded, ran.everything
    assert ("applied", "0") == (ran.outputs["result"], ran.outputs["exit-code"])
    assert ["Weekly-Growth [growth:weekly-growth]"] == [row["title"] for row in sandbox.rows()]
    assert "applied" in ours(rig).lower()
    nothing_leaked(rig, ran)


def a_stale_plan(rig: Rig, sandbox: Sandbox) -> None:
    """A row that somebody edits after the review makes another plan of it, which is not applied."""
    applied(rig, {**manifest("weekly-growth"), **manifest("support", insight=5)})
    propose(rig, 7, manifest("weekly-growth", title="Growth, weekly"))
    rig.pull_request(7)
    (support,) = (row for row in sandbox.rows() if "support" in row["title"])
    sandbox.edit(support["id"], title="Mine now [growth:support]")
    before = sandbox.rows()

    ran = rig.push(*merge(rig, 7))

    assert not ran.succeeded
    assert ("refused", "plan-changed", "3") == tuple(
        ran.outputs[name] for name in ("result", "failure-reason", "exit-code")
    )
    assert before == sandbox.rows()
    assert "support" in ran.log
    assert "support" in ours(rig)


def a_subset(rig: Rig, sandbox: Sandbox) -> None:
    """What is strictly less than what was reviewed goes ahead: part of it has come true by itself."""
    applied(rig, {**manifest("weekly-growth"), **manifest("support", insight=5)})
    changed = {**manifest("weekly-growth", title="Growth, weekly"), **manifest("support", title="Help", insight=5)}
    propose(rig, 7, changed)
    rig.pull_request(7)
    (support,) = (row for row in sandbox.rows() if "support" in row["title"])
    sandbox.edit(support["id"], title="Help [growth:support]")

    ran = rig.push(*merge(rig, 7))

    assert ran.succeeded, ran.everything
    assert "applied" == ran.outputs["result"]
    assert {"Growth, weekly [growth:weekly-growth]", "Help [growth:support]"} == {
        row["title"] for row in sandbox.rows()
    }


def nothing_reviewed(rig: Rig, sandbox: Sandbox) -> None:
    """A push that no pull request explains is refused, and a person may apply it by hand with the base it names."""
    before = rig.history.git("rev-parse", "main")
    after = rig.history.commit(manifest("weekly-growth"))
    rig.github.add_commit(after)

    ran = rig.push(before, after)

    assert not ran.succeeded
    assert ("refused", "plan-not-found", "3") == tuple(
        ran.outputs[name] for name in ("result", "failure-reason", "exit-code")
    )
    assert [] == sandbox.rows()
    assert f"args: --base={before}" in ran.log
    rig.history.commit({"README.md": "hello"})
    assert "blocked" == rig.dispatch("apply").outputs["failure-reason"]
    assert rig.dispatch("apply", base=before).succeeded
    assert 1 == len(sandbox.rows())


def the_digest_goes_from_job_to_job(rig: Rig, sandbox: Sandbox) -> None:
    """The workflow of docs/ci.md that plans in one job and applies in the next what that one named."""
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    (jobs,) = re.findall(r"^```yaml\n(jobs:.*?)^```", page, re.DOTALL | re.MULTILINE)
    before = rig.history.git("rev-parse", "main")
    after = rig.history.commit(manifest("weekly-growth"))

    ran = rig.push(before, after, workflow=f"on: push\n{jobs}")

    assert ran.succeeded, ran.everything
    results = {event["jobID"]: event["arg"] for event in ran.events if event.get("name") == "result"}
    assert {"plan": "changes", "apply": "applied"} == results
    assert 1 == len(sandbox.rows())
    # Nothing of GitHub is asked; the digest alone decides.
    assert [] == [call.path for call in rig.github.calls if call.method != "GET"]


def the_merge_queue(rig: Rig, sandbox: Sandbox) -> None:
    """What was reviewed is let through; what is another plan by now is not; nothing is written either way."""
    applied(rig, manifest("support", insight=5))
    propose(rig, 7, manifest("weekly-growth"))
    rig.pull_request(7)
    base = rig.history.git("rev-parse", "main")
    queued = rig.history.try_merge(7)
    rig.github.clear_calls()

    same = rig.merge_group(7, base, queued)
    (support,) = sandbox.rows()
    sandbox.edit(support["id"], title="Mine now [growth:support]")
    other = rig.merge_group(7, base, queued)

    assert same.succeeded, same.everything
    assert (False, "plan-changed") == (other.succeeded, other.outputs["failure-reason"])
    assert [] == rig.github.done
    assert 1 == len(sandbox.rows())


def the_life_of_a_drift_issue(rig: Rig, sandbox: Sandbox) -> None:
    """One issue: made with the drift, silent while it stays, changed with it, closed when it is gone."""
    applied(rig, manifest("weekly-growth"))
    github = rig.github
    (row,) = sandbox.rows()

    def drift(succeeds: bool = True) -> list[str]:
        github.clear_calls()
        ran = rig.scheduled()
        assert succeeds is ran.succeeded, ran.everything
        return github.done

    assert [] == drift()
    sandbox.edit(row["id"], title="Mine now [growth:weekly-growth]")
    assert ["POST labels", "POST issues"] == drift()
    (issue,) = github.issues_list
    assert ["drift"] == [label["name"] for label in issue["labels"]]
    assert "weekly-growth" in issue["body"]
    assert [] == drift()
    sandbox.edit(row["id"], title="Mine again [growth:weekly-growth]")
    assert ["PATCH issues", "POST issues/comments"] == drift()
    # PostHog is down: that is not "no drift".
    key, rig.secrets["plan"] = rig.secrets["plan"], {"POSTHOG_PERSONAL_API_KEY": "phx_wrong"}
    assert [] == drift(succeeds=False)
    assert "open" == issue["state"]
    rig.secrets["plan"] = key
    sandbox.edit(row["id"], title="Weekly-Growth [growth:weekly-growth]")
    assert ["POST issues/comments", "PATCH issues"] == drift()
    assert ("closed", 1) == (issue["state"], len(github.issues_list))


def hostile_files_and_titles(rig: Rig, sandbox: Sandbox) -> None:
    """Files of a pull request are never run, and no text of it becomes a command, markup or a mention."""
    trace = rig.folder / "taken-over"
    program = f"open({str(trace)!r}, 'a').write(__file__ + chr(10))\nraise SystemExit(0)\n"
    files: dict[str, str | None] = dict.fromkeys(TAKEOVERS, program)
    for number, title in enumerate((*HOSTILE, *MARKUP)):
        files |= manifest(f"report-{number}", title=title)
        sandbox.add(title=f"{title} [growth:gone-{number}]", insight=9, target_value="ana@example.com")
    propose(rig, 7, files)

    ran = rig.pull_request(7)

    assert not trace.exists(), trace.read_text(encoding="utf-8")
    # Thirteen rows without a manifest are more than the limit, so it refuses to remove them, and says all of it.
    assert ("refused", "13", "13") == tuple(ran.outputs[name] for name in ("result", "to-create", "to-delete"))
    assert not [text for text in ran.annotations("error") if "owned" in text]
    said = cmarkgfm.github_flavored_markdown_to_html(ours(rig), options=Options.CMARK_OPT_UNSAFE)
    plain = re.sub(r"<(code|pre)\b.*?</\1>", "", said, flags=re.DOTALL)
    assert "report-0" in said
    assert not [word for word in ("owned", "everyone", "#1", "bold", "<img", "picture") if word in plain]
    assert plain.count("<details>") == plain.count("</details>")


def an_enterprise_server(rig: Rig) -> None:
    """Its API is below another address, and that is the only one that is asked."""
    propose(rig, 7, manifest("weekly-growth"))

    ran = rig.pull_request(7)

    assert ran.succeeded, ran.everything
    assert "weekly-growth" in ours(rig)
    assert {"/api/v3", "/api/graphql"} == {"/".join(call.path.split("/")[:3]) for call in rig.github.calls}
    assert [] == [call for call in rig.github.calls if call.status == 404]


def applied(rig: Rig, files: Mapping[str, str | None]) -> None:
    """Put *files* on main, and the server where they say."""
    rig.history.commit(files)
    variables = {**os.environ, **rig.secrets["production"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "reconciler", "apply", "--yes"]
    subprocess.run(command, cwd=rig.history.folder, env=variables, check=True, capture_output=True)


# --- in the strict runner -------------------------------------------------------------------------------------------


def texts_are_no_commands(ground: Ground) -> None:
    """Titles, of manifests and of rows, are shown while commands are stopped, and are none."""
    for number, title in enumerate(HOSTILE):
        ground.write(manifest(f"report-{number}", title=f"{title} wanted"))
        ground.sandbox.add(title=f"{title} [growth:report-{number}]", insight=4, target_value="ana@example.com")

    done = ground.run(command="drift")

    assert ((), "changes", "7") == (done.broken, done.outputs["result"], done.outputs["to-update"])
    assert {"add-mask", "stop-commands", "warning", "notice"} >= {each.name for each in done.commands}
    said = [line for line in done.shown.splitlines() if "owned" in line]
    assert 5 == len(said)
    assert set(said) <= set(done.steps["run"].log.guarded)
    assert not [each for each in done.annotations if each.text.startswith("owned")]
    assert 2 == len([each for each in done.commands if each.name == "add-mask"])


def annotations_are_limited(ground: Ground) -> None:
    """At most nine and one of a type, none too long, each on the line of its manifest."""
    for number in range(30):
        ground.write({f"subscriptions/bad-{number}.yaml": f"apiVersion: posthog-reconciler/v1\nkind: {'x' * 9000}\n"})

    done = ground.run(command="validate")

    assert ((), "error", "1") == (done.broken, done.outputs["result"], done.outputs["exit-code"])
    errors = [each for each in done.annotations if each.name == "error"]
    assert 10 == len(errors)
    assert all(each.properties["file"].startswith("subscriptions/bad-") for each in errors[:9])


def keys_are_masked(ground: Ground) -> None:
    """Every secret is a mask in the very first lines, and stands nowhere else; no address is whole."""
    ground.write(manifest("weekly-growth"))

    done = ground.run(command="drift")

    masks = [each.text for each in done.commands if each.name == "add-mask"]
    assert {ground.sandbox.key, ground.github.token} <= set(masks)
    for mask in masks:
        assert mask not in done.shown + done.summary
    run = done.steps["run"].raw.splitlines()
    assert all(line.startswith("::add-mask::") for line in run[: len(masks)])
    assert "ana@example.com" not in done.raw + done.summary
