"""`reconciler ci plan` on a pull request and in a merge queue, against a GitHub and a PostHog of our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.report.fitting import SUMMARY
from tests.action.github import BOT, LONGEST_BODY, Answer, Request
from tests.ci.conftest import Machine, manifest

GROWTH = manifest("weekly-growth")
BROKEN = {"subscriptions/broken.yaml": "apiVersion: posthog-reconciler/v1\nkind: Subscription\nmetadata: {nam: x}\n"}


def ours(machine: Machine, number: int = 7) -> str:
    """The only comment of ours on the pull request."""
    (body,) = machine.github.bodies_on(number, login=BOT)
    return body


# --- what a plan says -----------------------------------------------------------------------------------------------


def test_a_plan_is_said_in_the_pull_request_and_in_every_output(machine: Machine) -> None:
    """The comment, the summary, the annotations, the files and the outputs tell the same."""
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7)

    assert (0, ("changes", "", "2")) == (ran.code, ran.told)
    assert ("true", "1", "0", "0") == tuple(
        ran.outputs[key] for key in ("changes", "to-create", "to-update", "to-delete")
    )
    plan = json.loads(Path(ran.outputs["plan-json"]).read_text(encoding="utf-8"))
    assert ran.outputs["digest"].startswith(f"{plan['digest']}.")
    assert "weekly-growth" in Path(ran.outputs["plan-markdown"]).read_text(encoding="utf-8")
    assert "**This apply may mail 1 person: `a***@example.com`.**" in ours(machine)
    assert "1 to create" in ran.summary
    assert ran.outputs["comment-url"].endswith(str(machine.github.comments_on(7)[0]["id"]))


def test_a_plan_writes_nothing_to_posthog(machine: Machine) -> None:
    """Promise 4."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)

    assert {"GET"} == {request.method for request in machine.sandbox.requests()}


def test_a_reviewer_sees_first_who_is_mailed_then_when(machine: Machine) -> None:
    """Issue 8, point 5: under the headline who gets mail, then a table that ends with the next delivery."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    lines = [line for line in ours(machine).splitlines() if line]

    assert lines[0].startswith("<!-- reconciler:plan ")
    assert lines[1].startswith("### reconciler plan · `production`")
    assert lines[2].startswith("**This apply may mail 1 person")
    assert "next delivery" in lines[3]
    assert lines[5].endswith("UTC |")


def test_people_and_removals_are_warnings_on_the_manifests_lines(machine: Machine) -> None:
    """Issue 8, point 5."""
    machine.applied(manifest("legacy", insight=5), GROWTH)
    machine.propose(7, {"subscriptions/legacy.yaml": None, **manifest("new", insight=6)})
    ran = machine.pull_request(7)
    removed = "row 1 is soft-deleted and sends nothing any more"

    assert [
        "::warning file=subscriptions/new.yaml,line=1,title=mail::new: mail at once: a***@example.com",
        f"::warning file=subscriptions/legacy.yaml,line=1,title=delete::legacy: {removed}",
    ] == ran.annotations("warning")


def test_annotations_are_told_from_the_top_of_the_clone(machine: Machine) -> None:
    """Also where the manifests lie deeper."""
    for name in ("reconciler.yaml",):
        text = (machine.history.folder / name).read_text(encoding="utf-8")
        machine.history.commit({name: None, f"infra/mail/{name}": text})
    machine.propose(7, {f"infra/mail/{path}": text for path, text in GROWTH.items()})
    ran = machine.pull_request(7, "plan", "--working-directory=infra/mail")

    assert "file=infra/mail/subscriptions/weekly-growth.yaml,line=1" in ran.annotations("warning")[0]
    assert "/infra/mail/subscriptions/weekly-growth.yaml#L1" in ours(machine)


def test_wrong_manifests_are_errors_on_their_lines_and_a_comment(machine: Machine) -> None:
    """The step fails with the outputs set, and the pull request says why."""
    machine.propose(7, BROKEN)
    ran = machine.pull_request(7)

    assert (1, ("error", "invalid-config", "1")) == (ran.code, ran.told)
    assert any("file=subscriptions/broken.yaml,line=3" in line for line in ran.annotations("error"))
    assert "**failed**" in ours(machine)
    assert "broken.yaml&#58;3" in ours(machine) or "broken.yaml:3" in ours(machine)
    assert "" == ran.outputs["changes"]


def test_a_plan_that_is_blocked_is_refused(machine: Machine) -> None:
    """Design §6: 3, also of a plan."""
    machine.sandbox.add(title="Weekly", insight=4, target_value="ana@example.com", frequency="weekly")
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7)

    assert (3, ("refused", "blocked", "3")) == (ran.code, ran.told)
    assert "refused, 1 finding to settle first" in ours(machine)
    assert "[twin]" in ours(machine)


def test_no_changes_are_told_in_a_few_words(machine: Machine) -> None:
    """Nobody reads more."""
    machine.applied(GROWTH)
    machine.propose(7, {"README.md": "hello"})
    ran = machine.pull_request(7)

    assert (0, ("no-changes", "", "0"), "false") == (ran.code, ran.told, ran.outputs["changes"])
    assert "no changes" in ours(machine)


def test_pending_changes_fail_a_step_only_where_that_is_asked_for(machine: Machine) -> None:
    """The output has the 2 either way."""
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7, "plan", "--fail-on-changes=True")

    assert (2, ("changes", "changes-pending", "2")) == (ran.code, ran.told)


# --- the comment ----------------------------------------------------------------------------------------------------


def test_a_second_plan_is_written_into_the_same_comment(machine: Machine) -> None:
    """One per pull request, also behind a hundred others; a copy of our marker by somebody else is left alone."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    spoof = machine.github.add_comment(7, ours(machine), login="mallory")
    (mine,) = (each for each in machine.github.comments_on(7) if each["user"]["login"] == BOT)
    for number in range(120):
        machine.github.add_comment(7, f"comment {number}")
    machine.github.comments_by_id = {
        each["id"]: each for each in sorted(machine.github.comments_by_id.values(), key=lambda each: each is mine)
    }
    machine.push_to(7, manifest("weekly-growth", to="ana@example.com, bo@example.com"))
    machine.github.clear_calls()
    machine.pull_request(7)

    assert ["PATCH issues/comments"] == machine.github.done
    assert "b***@example.com" in ours(machine)
    assert "b***@example.com" not in machine.github.comments_by_id[spoof]["body"]


def test_the_same_plan_again_writes_nothing(machine: Machine) -> None:
    """Another run, a minute later: nothing that a reader would notice is new."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    machine.github.clear_calls()
    ran = machine.pull_request(7)

    assert [] == machine.github.done
    assert ran.outputs["comment-url"]


def test_each_label_has_its_comment(machine: Machine) -> None:
    """Two plans of one pull request do not overwrite each other."""
    machine.propose(7, GROWTH)
    for label in ("europe", "america", "europe"):
        machine.pull_request(7, "plan", f"--label={label}")

    assert [True, True] == [
        f"`{label}`" in body for label, body in zip(("europe", "america"), machine.github.bodies_on(7), strict=True)
    ]


def test_two_comments_of_a_race_become_one(machine: Machine) -> None:
    """The first is kept, and says the newest."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    machine.github.add_comment(7, ours(machine), login=BOT)
    machine.push_to(7, manifest("weekly-growth", title="Other"))
    (first, _) = machine.github.comments_on(7)
    machine.pull_request(7)

    assert [first["id"]] == [each["id"] for each in machine.github.comments_on(7)]
    assert "Other" in ours(machine)


def test_a_plan_after_an_apply_begins_a_new_comment(machine: Machine) -> None:
    """What was applied is history."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    machine.push(*machine.merge(7))
    machine.push_to(7, manifest("weekly-growth", title="Other"))
    machine.pull_request(7)

    applied, planned = machine.github.bodies_on(7, login=BOT)
    assert ("1 applied" in applied, "1 to update" in planned) == (True, True)


def test_changes_alone_are_worth_a_comment_where_that_is_asked_for(machine: Machine) -> None:
    """Nothing is posted without changes; a comment that is there is kept up to date."""
    machine.applied(GROWTH)
    machine.propose(7, manifest("weekly-growth", title="Other"))
    machine.propose(8, {"README.md": "hello"})
    machine.pull_request(8, "plan", "--comment=changes")
    machine.pull_request(7, "plan", "--comment=changes")
    machine.push_to(7, GROWTH)
    machine.pull_request(7, "plan", "--comment=changes")

    assert [] == machine.github.bodies_on(8)
    assert "no changes" in ours(machine)


def test_no_comment_is_written_where_none_is_wanted(machine: Machine) -> None:
    """`comment: never` does not even ask."""
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7, "plan", "--comment=never")

    assert (0, []) == (ran.code, machine.github.calls)


def test_a_token_that_may_not_write_is_a_notice(machine: Machine) -> None:
    """Dependabot's; the plan is in the summary."""
    machine.propose(7, GROWTH)
    machine.github.make_read_only()
    ran = machine.pull_request(7)

    assert (0, "changes", "") == (ran.code, ran.outputs["result"], ran.outputs["comment-url"])
    assert any("403" in line for line in ran.annotations("notice"))


def test_a_comment_that_must_be_fails_the_step_where_it_cannot_be(machine: Machine) -> None:
    """`comment: always`."""
    machine.propose(7, GROWTH)
    machine.github.make_read_only()
    ran = machine.pull_request(7, "plan", "--comment=ALWAYS")

    assert (1, ("error", "github-error", "1")) == (ran.code, ran.told)
    assert "1" == ran.outputs["to-create"]


def test_without_a_token_the_plan_stands(machine: Machine) -> None:
    """The comment is missing, and a notice says so."""
    machine.propose(7, GROWTH)
    machine.variables["GITHUB_TOKEN"] = ""
    ran = machine.pull_request(7)

    assert (0, "changes", []) == (ran.code, ran.outputs["result"], machine.github.calls)
    assert any("GITHUB_TOKEN is not set" in line for line in ran.annotations("notice"))


@pytest.mark.parametrize("status", [502, 503])
def test_a_comment_whose_answer_was_lost_is_not_written_twice(machine: Machine, status: int) -> None:
    """It is looked for before it is sent again."""
    machine.propose(7, GROWTH)
    machine.github.fail(status, times=2, method="POST", path="comments")
    ran = machine.pull_request(7)

    assert (0, True) == (ran.code, bool(ours(machine)))


def test_a_comment_that_was_made_although_its_answer_was_lost_is_not_made_again(machine: Machine) -> None:
    """It is found, and named in the output."""
    machine.propose(7, GROWTH)
    make = machine.github._create_comment  # noqa: SLF001 - what the double does, and then says that it failed

    def lose(request: Request) -> Answer:
        make(request)
        return Answer(502, {})

    machine.patch.setattr(machine.github, "_create_comment", lose)
    ran = machine.pull_request(7)

    assert (0, True) == (ran.code, bool(ours(machine)))
    assert machine.github.comments_on(7)[0]["html_url"] == ran.outputs["comment-url"]


def test_an_edit_that_github_takes_for_too_long_is_shortened_to_its_head(machine: Machine) -> None:
    """Once, too."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    machine.push_to(7, manifest("weekly-growth", title="Other"))
    machine.github.fail(422, "Validation Failed", method="PATCH", path="comments")
    machine.pull_request(7)

    assert "left out for length" in ours(machine)


def test_a_plan_that_failed_stays_what_it_is_where_it_cannot_be_told(machine: Machine) -> None:
    """The first reason is the one that helps."""
    machine.propose(7, BROKEN)
    machine.github.make_read_only()
    ran = machine.pull_request(7, "plan", "--comment=always")

    assert (1, ("error", "invalid-config", "1")) == (ran.code, ran.told)


def test_a_comment_that_github_takes_for_too_long_is_shortened_to_its_head(machine: Machine) -> None:
    """Once: the headline and the foot."""
    machine.propose(7, GROWTH)
    machine.github.fail(422, "Validation Failed", method="POST", path="comments")
    machine.pull_request(7)

    assert "1 to create" in ours(machine)
    assert "left out for length" in ours(machine)
    assert "<details>" not in ours(machine)


def test_a_comment_that_github_refuses_for_good_is_a_notice(machine: Machine) -> None:
    """It is not tried for ever."""
    machine.propose(7, GROWTH)
    machine.github.fail(422, "Validation Failed", times=9, method="POST", path="comments")
    ran = machine.pull_request(7)

    assert 0 == ran.code
    assert 2 == sum(call.method == "POST" and "comments" in call.path for call in machine.github.calls)


def test_a_huge_plan_fits_and_says_what_is_missing(machine: Machine) -> None:
    """Whole blocks are left out; the numbers stay true; what is reviewed can still be applied."""
    files: dict[str, list[str]] = {}
    for number in range(1_500):
        (text,) = manifest(f"report-{number:04}", title=f"Report {number} 😀").values()
        files.setdefault(f"subscriptions/{number // 300}.yaml", []).append(text)
    machine.propose(7, {name: "---\n".join(texts) for name, texts in files.items()})
    ran = machine.pull_request(7)
    said = ours(machine)

    assert (0, "1500") == (ran.code, ran.outputs["to-create"])
    assert 30_000 < len(said) <= LONGEST_BODY
    assert ("1500 to create" in said, "Left out for length" in said) == (True, True)
    assert said.count("<details>") == said.count("</details>")
    assert 200_000 < len(ran.summary.encode()) <= SUMMARY.bytes
    assert 10 == len(ran.annotations("warning"))
    assert "and 1491 more warnings" in ran.annotations("warning")[-1]


# --- bases ----------------------------------------------------------------------------------------------------------


def test_the_base_of_a_pull_request_is_its_merge_base(machine: Machine) -> None:
    """Which a checkout of one commit does not have: it is fetched. What main did meanwhile is no change of ours."""
    machine.applied(GROWTH)
    machine.propose(7, manifest("weekly-growth", title="Other"))
    machine.applied(manifest("support", insight=5))
    machine.history.try_merge(7)
    base = machine.history.git("rev-parse", "main")
    ran = machine.pull_request(7)
    plan = json.loads(Path(ran.outputs["plan-json"]).read_text(encoding="utf-8"))

    assert base == plan["base"]
    assert ["manifest"] == [field["cause"] for change in plan["changes"] for field in change["fields"]]


def test_the_base_of_a_branch_is_where_it_left_the_target(machine: Machine) -> None:
    """Where not GitHub's merge but the branch itself is checked out; history is fetched until it is found."""
    machine.applied(GROWTH)
    base = machine.history.git("rev-parse", "main")
    machine.propose(7, manifest("weekly-growth", title="Other"))
    for number in range(60):
        machine.push_to(7, {"README.md": str(number)})
    machine.history.commit({"other.txt": "main went on"})
    pull = machine.github.pulls[7]
    payload = {"number": 7, "pull_request": {"head": pull["head"], "base": pull["base"]}}
    ran = machine.run("pull_request", payload, "refs/pull/7/head", "plan")

    assert base == json.loads(Path(ran.outputs["plan-json"]).read_text(encoding="utf-8"))["base"]


def test_a_base_that_cannot_be_had_ends_the_run(machine: Machine) -> None:
    """Never silently without: it holds protection and unsubscribes."""
    machine.propose(7, GROWTH)
    ran = machine.push("1" * 40, machine.history.git("rev-parse", "main"), "plan")

    assert (1, ("error", "no-base", "1")) == (ran.code, ran.told)
    assert any("fetch-depth: 0" in line for line in ran.annotations("error"))


def test_a_base_that_is_given_is_taken(machine: Machine) -> None:
    """`args: --base=…`, and `none` for none."""
    machine.applied(GROWTH)
    head = machine.history.git("rev-parse", "main")
    given, none = (machine.by_hand("plan", f"--base={base}") for base in (head, "none"))

    found = [json.loads(Path(ran.outputs["plan-json"]).read_text(encoding="utf-8"))["base"] for ran in (given, none)]
    assert [head, None] == found


# --- who has no key -------------------------------------------------------------------------------------------------


def test_a_pull_request_without_a_key_is_validated_and_green(machine: Machine) -> None:
    """A fork's, or Dependabot's (issue 8, point 8): a notice, a summary, no comment."""
    machine.propose(7, GROWTH)
    machine.variables["POSTHOG_PERSONAL_API_KEY"] = ""
    machine.github.make_read_only()
    ran = machine.pull_request(7)

    assert (0, ("valid", "", "0"), "") == (ran.code, ran.told, ran.outputs["changes"])
    assert any("fork" in line for line in ran.annotations("notice"))
    assert ([], []) == (list(machine.sandbox.requests()), machine.github.done)
    assert "1 manifest valid" in ran.summary


def test_a_pull_request_without_a_key_is_red_where_its_manifests_are_wrong(machine: Machine) -> None:
    """What can be checked is checked."""
    machine.propose(7, BROKEN)
    machine.variables["POSTHOG_PERSONAL_API_KEY"] = ""

    assert (1, ("error", "invalid-config", "1")) == ((ran := machine.pull_request(7)).code, ran.told)


def test_a_key_that_posthog_refuses_is_an_error(machine: Machine) -> None:
    """401 is not the same as no key."""
    machine.propose(7, GROWTH)
    machine.variables["POSTHOG_PERSONAL_API_KEY"] = "phx_wrong"
    ran = machine.pull_request(7)

    assert (1, ("error", "api-error", "1")) == (ran.code, ran.told)


def test_a_push_without_a_key_is_an_error(machine: Machine) -> None:
    """Nobody may take it for a run that had nothing to do."""
    machine.propose(7, GROWTH)
    machine.variables["POSTHOG_PERSONAL_API_KEY"] = ""
    ran = machine.push(*machine.merge(7))

    assert (1, ("error", "no-credential", "1")) == (ran.code, ran.told)


def test_pull_request_target_is_refused(machine: Machine) -> None:
    """It gives credentials to what strangers write."""
    machine.propose(7, GROWTH)
    ran = machine.run("pull_request_target", {"number": 7}, "refs/pull/7/merge", "plan")

    assert (1, ("error", "usage", "1")) == (ran.code, ran.told)


# --- the merge queue ------------------------------------------------------------------------------------------------


def test_the_queue_lets_through_what_was_reviewed(machine: Machine) -> None:
    """And writes nothing."""
    machine.applied(manifest("support", insight=5))
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    base, queued = machine.history.git("rev-parse", "main"), machine.history.try_merge(7)
    machine.github.clear_calls()
    ran = machine.merge_group(7, base, queued)

    assert (0, ("changes", "", "2"), []) == (ran.code, ran.told, machine.github.writes)


def test_the_queue_holds_what_is_another_plan_by_now(machine: Machine) -> None:
    """Before the merge, and with what differs."""
    machine.applied(manifest("support", insight=5))
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    base, queued = machine.history.git("rev-parse", "main"), machine.history.try_merge(7)
    machine.sandbox.edit(machine.sandbox.rows()[0]["id"], title="Mine now [growth:support]")
    machine.github.clear_calls()
    ran = machine.merge_group(7, base, queued)

    assert (3, ("refused", "plan-changed", "3"), []) == (ran.code, ran.told, machine.github.writes)
    assert "update support: not in the reviewed plan." in ran.log
    assert "update `support`" in ran.summary


def test_the_queue_finds_the_pull_request_by_its_commit(machine: Machine) -> None:
    """Where the name of its branch does not tell."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    base, queued = machine.history.git("rev-parse", "main"), machine.history.try_merge(7)
    machine.github.commits[queued] = [7]
    payload = {"merge_group": {"base_sha": base, "head_sha": queued}}
    ran = machine.run("merge_group", payload, queued, "plan", ref="refs/heads/queue")

    assert (0, "changes") == (ran.code, ran.outputs["result"])


def queue(machine: Machine, *numbers: int) -> tuple[str, ...]:
    """Pull requests on top of each other as a merge queue puts them, main left where it is; the commits, main first."""
    found = [machine.history.git("rev-parse", "main")]
    machine.history.git("checkout", "--quiet", "--detach", "main")
    for number in numbers:
        machine.history.git("merge", "--quiet", "--no-ff", "--message", "Queue", f"refs/pull/{number}/head")
        found.append(machine.history.git("rev-parse", "HEAD"))
    machine.history.git("checkout", "--quiet", "main")
    return tuple(found)


def test_the_queue_lets_through_what_was_reviewed_in_all_that_stand_in_it(machine: Machine) -> None:
    """What stands before a group is not applied yet, and was reviewed where it was proposed."""
    for number, files in ((7, GROWTH), (8, manifest("support", insight=5))):
        machine.propose(number, files)
        machine.pull_request(number)
    _, first, second = queue(machine, 7, 8)
    ran = machine.merge_group(8, first, second)

    assert (0, ("changes", "", "2"), "2") == (ran.code, ran.told, ran.outputs["to-create"])


def test_the_queue_holds_what_nobody_reviewed_before_it(machine: Machine) -> None:
    """A plan of its own does not vouch for another's; the refusal says how a queue is set."""
    machine.propose(7, GROWTH)
    machine.propose(8, manifest("support", insight=5))
    machine.pull_request(8)
    _, first, second = queue(machine, 7, 8)
    ran = machine.merge_group(8, first, second)

    assert (3, ("refused", "plan-changed", "3")) == (ran.code, ran.told)
    assert "create weekly-growth: not in the reviewed plan." in ran.log
    assert "set its build concurrency to 1" in ran.log


def test_a_part_of_a_large_plan_is_known_for_one(machine: Machine) -> None:
    """299 of 300 changes are less than what was reviewed, and one more is not."""
    files: dict[str, str | None] = {}
    for index in range(300):
        files |= manifest(f"subscription-number-{index:03}", insight=index + 1)
    machine.propose(7, files)
    machine.pull_request(7)
    gone = {"subscriptions/subscription-number-000.yaml": None}
    machine.push_to(7, gone)
    base, part = machine.history.git("rev-parse", "main"), machine.history.try_merge(7)
    less = machine.merge_group(7, base, part)
    machine.push_to(7, GROWTH)
    more = machine.merge_group(7, base, machine.history.try_merge(7))

    assert ((0, "299"), 3) == ((less.code, less.outputs["to-create"]), more.code)
    assert "create weekly-growth: not in the reviewed plan, or reviewed with other values." in more.log
    assert "create subscription-number-001" not in more.log.partition("the plan of now is not")[2]


def test_a_queue_that_is_merged_already_is_compared_with_what_was_before_it(machine: Machine) -> None:
    """Its check once more."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    before, after = machine.merge(7)

    assert (0, "1") == ((ran := machine.merge_group(7, before, after)).code, ran.outputs["to-create"])


def test_the_queue_may_be_told_not_to_compare(machine: Machine) -> None:
    """`reviewed-plan: none`."""
    machine.propose(7, GROWTH)
    base, queued = machine.history.git("rev-parse", "main"), machine.history.try_merge(7)

    assert 0 == machine.merge_group(7, base, queued, "--reviewed-plan=none").code


def test_the_queue_holds_what_nobody_reviewed(machine: Machine) -> None:
    """No comment is no review."""
    machine.propose(7, GROWTH)
    base, queued = machine.history.git("rev-parse", "main"), machine.history.try_merge(7)
    ran = machine.merge_group(7, base, queued)

    assert (3, ("refused", "plan-not-found", "3")) == (ran.code, ran.told)


def test_the_queue_lets_through_what_changes_nothing(machine: Machine) -> None:
    """Although nobody commented on it."""
    machine.applied(GROWTH)
    machine.propose(7, {"README.md": "hello"})
    base, queued = machine.history.git("rev-parse", "main"), machine.history.try_merge(7)

    assert 0 == machine.merge_group(7, base, queued).code


# --- privacy --------------------------------------------------------------------------------------------------------


def test_no_key_and_no_address_leaves_the_run(machine: Machine) -> None:
    """Log, summary, files, outputs, comment: the keys stand only in the commands that have them masked."""
    machine.propose(7, GROWTH)
    ran = machine.pull_request(7)
    masks = [line for line in ran.log.splitlines() if line.startswith("::add-mask::")]
    rest = "\n".join(line for line in ran.log.splitlines() if line not in masks)
    kept = [rest, ran.summary, str(ran.outputs), *machine.github.bodies_on(7)]
    kept += [Path(ran.outputs[name]).read_text(encoding="utf-8") for name in ("plan-json", "plan-markdown")]

    assert {machine.sandbox.key, machine.github.token} == {line.removeprefix("::add-mask::") for line in masks}
    assert ran.log.splitlines()[: len(masks)] == masks
    for secret in (machine.sandbox.key, machine.github.token, "ana@example.com"):
        assert not [text for text in kept if secret in text]


def test_what_others_wrote_stands_where_no_command_is_obeyed(machine: Machine) -> None:
    """Between two lines with a word that nobody can guess, another one each time."""
    title = "::error::owned ##[error]owned"
    machine.propose(7, manifest("weekly-growth", title=title))
    first, second = (machine.pull_request(7).log.splitlines() for _ in range(2))

    def word(lines: list[str]) -> str:
        (begin,) = (index for index, line in enumerate(lines) if line.startswith("::stop-commands::"))
        token = lines[begin].removeprefix("::stop-commands::")
        end = lines.index(f"::{token}::")
        (there,) = (index for index, line in enumerate(lines) if "owned" in line)
        assert begin < there < end
        return token

    assert len({word(first), word(second)}) == 2
    assert min(len(word(first)), len(word(second))) >= 32


def test_github_is_asked_only_where_the_environment_says(machine: Machine) -> None:
    """A `next` that leads elsewhere is not followed: the token would go with it."""
    machine.propose(7, GROWTH)
    for number in range(120):
        machine.github.add_comment(7, f"comment {number}")
    machine.github.foreign_next = "http://127.0.0.1:1"
    ran = machine.pull_request(7)

    assert 0 == ran.code
    assert any("outside GITHUB_API_URL" in line for line in ran.annotations("notice"))


@pytest.mark.parametrize("status", [404, 500])
def test_a_second_comment_that_cannot_be_deleted_stops_nothing(machine: Machine, status: int) -> None:
    """Two runs may delete it at once: the plan is written first, the rest is a notice."""
    machine.propose(7, GROWTH)
    machine.pull_request(7)
    machine.github.add_comment(7, ours(machine), login=BOT)
    machine.push_to(7, manifest("weekly-growth", title="Other"))
    machine.github.fail(status, "No", times=9, method="DELETE")
    ran = machine.pull_request(7, "plan", "--comment=always")
    notices = [line for line in ran.annotations("notice") if "a second comment" in line]

    assert (0, 1, True) == (ran.code, len(notices), bool(ran.outputs["comment-url"]))
    assert [True, False] == ["Other" in body for body in machine.github.bodies_on(7, login=BOT)]


def test_a_comment_in_brief_keeps_who_is_mailed_and_what_goes(machine: Machine) -> None:
    """What a reviewer must see first is there, however little GitHub takes."""
    machine.applied(manifest("legacy", insight=5))
    machine.propose(7, {"subscriptions/legacy.yaml": None, **GROWTH})
    machine.github.fail(422, "Validation Failed", method="POST", path="comments")
    machine.pull_request(7)

    assert "**This apply mails 1 person: `a***@example.com`.**" in ours(machine)
    assert "soft-deletes 1 row" in ours(machine)
    assert "| subscription |" not in ours(machine)


def test_without_changes_a_comment_is_two_lines_and_none_only_with_comment_changes(machine: Machine) -> None:
    """`auto` and `always` tell every plan."""
    machine.applied(GROWTH)
    for number, when in ((7, "auto"), (8, "always"), (9, "changes")):
        machine.propose(number, {f"{when}.md": "hello"})
        machine.pull_request(number, "plan", f"--comment={when}")

    assert [1, 1, 0] == [len(machine.github.bodies_on(number, login=BOT)) for number in (7, 8, 9)]
