"""Plans, results and problems as people and machines read them; and that nothing hostile in them gets out."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Answer, Problem
from reconciler.model import (
    Action,
    ApplyResult,
    Cause,
    Change,
    Coverage,
    Effect,
    Environment,
    FieldChange,
    Finding,
    Outcome,
    Plan,
    Request,
    Severity,
    Source,
    Status,
)
from reconciler.privacy import Address, Recipients, SecretUrl, say
from reconciler.report import Viewer, documents, github, markdown, people, text
from reconciler.report.view import visible

REVIEWER, PUBLIC = Viewer(addresses=True), Viewer()
ANA, BO = Address("ana@example.com"), Address("bo@example.com")
HOOK = SecretUrl("https://one.webhook.office.com/secret")
PLACE = Environment("production", "https://us.posthog.com", "12345")
SOURCE = Source("subscriptions/growth.yaml", 3)


def change(action: Action = Action.UPDATE, *effects: Effect, **given: Any) -> Change:
    """A change of the recipients of row 4218."""
    body = Request("PATCH", "subscriptions/4218/", {"target_value": Recipients("ana@example.com,bo@example.com")})
    return Change(
        **{
            "action": action,
            "kind": "Subscription",
            "name": "weekly-growth",
            "id": 4218,
            "source": SOURCE,
            "fields": (
                FieldChange(
                    "target_value",
                    Recipients("ana@example.com"),
                    Recipients("ana@example.com,bo@example.com"),
                    Cause.MANIFEST,
                ),
            ),
            "requests": (body,),
            "effects": effects,
            **given,
        }
    )


def finding(*parts: Any, severity: Severity = Severity.BLOCK, **given: Any) -> Finding:
    """A finding that says *parts*."""
    return Finding(**{"rule": "twin", "severity": severity, "message": say(*parts), **given})


def planned(*changes: Change, findings: tuple[Finding, ...] = (), unchanged: int = 10) -> Plan:
    """A plan of *changes*."""
    coverage = Coverage(11, 5, 2, ((ANA, 4), (None, 1)))
    return Plan(PLACE, "growth", "3f2c", changes, findings, unchanged, coverage, "sha256:00")


COVERED = (
    "11 of 18 live subscriptions managed here, 5 unmanaged (made by a***@example.com 4, nobody known 1), "
    "2 of other namespaces."
)
"""What every plan here covers, as anybody may read it."""

MAILS_BO = Effect("mail", (BO,))
ADDS_BO = planned(change(Action.UPDATE, MAILS_BO))


def test_a_plan_is_read_on_a_terminal() -> None:
    """Who is mailed comes first, then each change with its place, its fields and why they differ, then the sum."""
    assert [
        "production: project 12345 on https://us.posthog.com",
        "This apply mails 1 person: bo@example.com.",
        "",
        "~ update weekly-growth (row 4218)  subscriptions/growth.yaml:3",
        "    target_value  ana@example.com → ana@example.com,bo@example.com  (manifest)",
        "    → mail at once: bo@example.com",
        "",
        "Plan: 1 to update, 10 unchanged.",
        COVERED.replace("a***@", "ana@"),
        "Digest sha256:00",
    ] == text.plan(ADDS_BO, REVIEWER).splitlines()


def test_a_plan_is_read_in_a_public_log() -> None:
    """The same with masks."""
    lines = text.plan(ADDS_BO, PUBLIC).splitlines()

    assert "This apply mails 1 person: b***@example.com." == lines[1]
    assert "    target_value  a***@example.com → a***@example.com,b***@example.com  (manifest)" == lines[4]
    assert "    → mail at once: b***@example.com" == lines[5]


@pytest.mark.parametrize("render", [text.plan, markdown.plan, lambda plan, viewer: str(documents.plan(plan, viewer))])
def test_an_address_in_a_title_is_masked_like_any_other(render: Any) -> None:
    """Whoever may edit a row may write anybody into its title, and a comment is read by more people than the row."""
    title = "For zoe@secret.example, see https://hooks.slack.com/services/T0 and the-longest-word-of-all-the-words"
    found = planned(change(fields=(FieldChange("title", title, "Weekly", None),)))
    seen = render(found, PUBLIC)
    assert "zoe@" not in seen
    assert "services" not in seen
    assert "the-longest-word-of-all-the-words" in seen
    assert "zoe@secret.example" in render(found, REVIEWER)


def test_a_create_lists_what_it_sends_and_a_delete_nothing() -> None:
    """There is nothing before a create, and nothing after a delete."""
    fields = (
        FieldChange("title", None, "Weekly"),
        FieldChange("byweekday", None, ["monday"]),
        FieldChange("x", None, ""),
    )
    lines = text.plan(
        planned(change(Action.CREATE, id=None, fields=fields), change(Action.DELETE, source=None)), PUBLIC
    ).splitlines()

    assert [
        "+ create weekly-growth  subscriptions/growth.yaml:3",
        "    title      Weekly",
        '    byweekday  ["monday"]',
        '    x          ""',
        "",
        "- delete weekly-growth (row 4218)",
    ] == lines[3:9]


def test_a_blocked_plan_says_so() -> None:
    """With the finding, where it is from, and the rule to look up."""
    lines = text.plan(
        planned(findings=(finding("row 5 looks the same", name="weekly", source=SOURCE),)), PUBLIC
    ).splitlines()

    assert "blocked subscriptions/growth.yaml:3: weekly: row 5 looks the same [twin]" == lines[2]
    assert "Refused: 1 finding must be settled first (10 unchanged)." == lines[4]


def test_nothing_to_do_is_said() -> None:
    """An empty plan mails nobody, and does not say that it does not."""
    assert "Nothing to do: 1 subscription as git says." == text.plan(planned(unchanged=1), PUBLIC).splitlines()[2]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (planned(), "No drift: what the server holds is what the manifests say."),
        (ADDS_BO, "1 subscription drifted from git; an apply would do this:"),
    ],
)
def test_drift_is_introduced_as_what_it_is(found: Plan, expected: str) -> None:
    """The plan that would undo it follows."""
    head, _, rest = text.drift(found, PUBLIC).partition("\n\n")

    assert (expected, text.plan(found, PUBLIC)) == (head, rest)


DONE = ApplyResult(
    ADDS_BO,
    (
        Outcome(ADDS_BO.changes[0], Status.APPLIED, 4218, (), Answer(200), 1),
        Outcome(ADDS_BO.changes[0], Status.FAILED, 4218, say("no ", BO), Answer(400, "t", "c", "a", "d"), 2),
        Outcome(ADDS_BO.changes[0], Status.SKIPPED),
    ),
    verified=False,
    interrupted=True,
)


def test_a_result_tells_what_became_of_every_change() -> None:
    """One line each, the sum, and whether a fresh listing proved it."""
    assert [
        "applied update weekly-growth (row 4218)",
        "failed  update weekly-growth (row 4218): no b***@example.com",
        "skipped update weekly-growth",
        "",
        "production: 1 applied, 1 failed, 1 skipped.",
        "Interrupted: what is skipped was not started. The same command again finishes it.",
        "Not verified: a fresh listing still plans changes. Run plan to see.",
    ] == [
        line.replace("  ", " ", 1) if line[:7] in ("applied", "skipped") else line
        for line in text.result(DONE, PUBLIC).splitlines()
    ]


def test_a_doubt_is_told() -> None:
    """Why a fresh listing did not prove the result."""
    doubted = ApplyResult(planned(), (), verified=False, doubt=say("row of ", BO, " differs"))

    assert text.result(doubted, PUBLIC).endswith("Not verified: row of b***@example.com differs. Run plan to see.")


def test_a_result_of_nothing_says_so() -> None:
    """A verified nothing, and one that had nothing to verify."""
    assert "production: nothing to do.\nVerified: a fresh listing plans nothing more." == text.result(
        ApplyResult(planned(), (), verified=True), PUBLIC
    )
    assert "production: nothing to do." == text.result(ApplyResult(planned(), (), verified=None), PUBLIC)


PROBLEM = Problem("address", say("not an address: ", BO), "a.yaml", 4, 2)
NOWHERE = Problem("usage", say("no such thing"))


def test_problems_have_their_place() -> None:
    """As compilers write it, where there is one."""
    assert [
        "a.yaml:4:2: error: not an address: b***@example.com [address]",
        "warning: no such thing [usage]",
        "1 error in 2 manifests.",
    ] == text.validation(2, [PROBLEM], [NOWHERE], PUBLIC).splitlines()
    assert "1 manifest valid." == text.validation(1, [], [], PUBLIC)
    assert "error: no such thing [usage]" == text.problems([NOWHERE], PUBLIC)
    assert "warning: no such thing [usage]" == text.warnings([NOWHERE], PUBLIC)


def test_colour_is_only_for_those_who_have_it() -> None:
    """Taken away, the text is the same."""
    coloured = text.plan(ADDS_BO, Viewer(addresses=True, colour=True))

    assert "\x1b[32mana@example.com,bo@example.com\x1b[0m" in coloured
    assert text.plan(ADDS_BO, REVIEWER) == re.sub(r"\x1b\[\d+m", "", coloured)


# Who is mailed


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ([], "This apply mails nobody and posts to no channel."),
        ([MAILS_BO], "This apply mails 1 person: bo@example.com. "),
        ([MAILS_BO, Effect("mail", (ANA, BO))], "This apply mails 2 people: bo@example.com, ana@example.com. "),
        ([Effect("mail", (BO,), unknown=True)], "This apply may mail 1 person: bo@example.com. "),
        ([Effect("post", channel="C1|#growth")], "This apply posts to 1 channel: C1|#growth. "),
        ([Effect("post", channel=HOOK, unknown=True)],
         "This apply may post to 1 channel: https://one.webhook.office.com/***. "),
        ([MAILS_BO, Effect("post", channel="C1")],
         "This apply mails 1 person: bo@example.com. It posts to 1 channel: C1. "),
        ([Effect("mail", (ANA, BO), when="next delivery")],
         "At the server's next tick this apply reaches 2 recipients: ana@example.com, bo@example.com. "),
        ([MAILS_BO, Effect("post", channel="C1", when="next delivery")],
         "This apply mails 1 person: bo@example.com. At the server's next tick it reaches 1 recipient: C1. "),
    ],
)  # fmt: skip
def test_one_sentence_says_who_is_reached(effects: list[Effect], expected: str) -> None:
    """Each person once, in the order of first mention; nothing is promised of a server that cannot be told."""
    assert expected == REVIEWER.text(people.sentence(planned(change(Action.UPDATE, *effects))))


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (MAILS_BO, "mail at once: bo@example.com"),
        (Effect("mail", (ANA, BO), why="respelled"),
         "mail at once again, because its spelling changes: ana@example.com, bo@example.com"),
        (Effect("mail", (BO,), when="next delivery"),
         "mail at the server's next tick, because its old delivery date has passed: bo@example.com"),
        (Effect("post", channel="C1", unknown=True), "may post at once to C1"),
    ],
)  # fmt: skip
def test_an_effect_is_said_in_words(effect: Effect, expected: str) -> None:
    """What, when, why, who."""
    assert expected == REVIEWER.text(people.effect_line(effect))


# JSON


def test_a_plan_document_is_that_of_the_design() -> None:
    """Every key in its place; addresses for machines, URLs for nobody (design §6)."""
    teams = change(
        Action.UPDATE,
        Effect("post", channel=HOOK, when="next delivery", unknown=True),
        Effect("mail", (BO,), why="respelled"),
        source=None,
        requests=(
            Request("PATCH", "subscriptions/1/", {"deleted": True}),
            Request("POST", "subscriptions/", {"target_value": HOOK}),
        ),
    )
    document = documents.plan(planned(teams, findings=(finding("no ", BO, id=5),)), REVIEWER)

    assert {
        "format": "posthog-reconciler/plan/v1",
        "environment": {"name": "production", "host": "https://us.posthog.com", "project_id": "12345"},
        "namespace": "growth",
        "digest": "sha256:00",
        "base": "3f2c",
        "summary": {
            "create": 0, "update": 1, "restore": 0, "replace": 0, "delete": 0, "unchanged": 10, "unmanaged": 7
        },
        "coverage": {
            "managed": 11,
            "unmanaged": 5,
            "other_namespaces": 2,
            "unmanaged_by_creator": [{"creator": "ana@example.com", "rows": 4}, {"creator": None, "rows": 1}],
        },
        "changes": [
            {
                "action": "update",
                "kind": "Subscription",
                "name": "weekly-growth",
                "id": 4218,
                "source": None,
                "fields": [
                    {
                        "field": "target_value",
                        "before": "ana@example.com",
                        "after": "ana@example.com,bo@example.com",
                        "cause": "manifest",
                    }
                ],
                "request": {
                    "method": "POST",
                    "path": "subscriptions/",
                    "json": {"target_value": "https://one.webhook.office.com/***"},
                },
                "effects": [
                    {
                        "effect": "post",
                        "channel": "https://one.webhook.office.com/***",
                        "when": "next delivery",
                        "unknown": True,
                    },
                    {"effect": "mail", "recipients": ["bo@example.com"], "why": "respelled"},
                ],
                "deliveries": None,
                "retire": {"method": "PATCH", "path": "subscriptions/1/", "json": {"deleted": True}},
            }
        ],
        "findings": [
            {
                "rule": "twin",
                "severity": "block",
                "name": None,
                "id": 5,
                "message": "no bo@example.com",
                "source": None,
            }
        ],
    } == json.loads(documents.dumps(document))  # fmt: skip


def test_an_apply_document_has_one_outcome_per_change() -> None:
    """With the server's own words where it refused."""
    document = documents.apply(DONE, REVIEWER)

    assert {"applied": 1, "failed": 1, "unknown": 0, "skipped": 1} == document["summary"]
    assert (False, True) == (document["verified"], document["interrupted"])
    assert {
        "action": "update",
        "kind": "Subscription",
        "name": "weekly-growth",
        "id": 4218,
        "status": "failed",
        "reason": "no bo@example.com",
        "error": {"status": 400, "type": "t", "code": "c", "attr": "a", "detail": "d"},
        "attempts": 2,
    } == document["outcomes"][1]
    assert (None, None, 0) == tuple(document["outcomes"][2][key] for key in ("reason", "error", "attempts"))


def test_validation_and_errors_have_one_shape() -> None:
    """The place is null where there is none."""
    place = {"path": "a.yaml", "line": 4, "column": 2, "rule": "address", "message": "not an address: bo@example.com"}
    nowhere = {"path": None, "line": None, "column": None, "rule": "usage", "message": "no such thing"}

    assert {
        "format": "posthog-reconciler/validation/v1",
        "valid": False,
        "manifests": 2,
        "errors": [place],
        "warnings": [nowhere],
    } == documents.validation(2, [PROBLEM], [NOWHERE], REVIEWER)
    assert documents.validation(0, [], [NOWHERE], REVIEWER)["valid"]
    assert {"format": "posthog-reconciler/error/v1", "errors": [nowhere]} == documents.error([NOWHERE], REVIEWER)


def test_one_document_stands_alone_and_several_are_a_list() -> None:
    """One per environment (design §6)."""
    assert {"a": 1} == documents.several([{"a": 1}])
    assert [{"a": 1}, {"b": 2}] == documents.several([{"a": 1}, {"b": 2}])


def test_a_document_is_safe_to_be_logged() -> None:
    """No command, nothing invisible, and yet the very text for whoever reads it as JSON."""
    for viewer in (REVIEWER, PUBLIC):
        document = documents.plan(hostile(HOSTILE)[0], viewer)
        page = documents.dumps(document)

        assert document == json.loads(page)
        assert not re.search(r"^\s*::|##\w*\[", page, re.MULTILINE)
        assert all(visible(line) == line for line in page.split("\n"))


def test_a_document_is_read_line_by_line() -> None:
    """A line for each key, and for each item of a list."""
    assert '{\n  "a": 1,\n  "b": [\n    {"c": 2},\n    3\n  ],\n  "d": []\n}' == documents.dumps(
        {"a": 1, "b": [{"c": 2}, 3], "d": []}
    )
    assert [{"a": 1}, {"a": 2}] == json.loads(documents.dumps([{"a": 1}, {"a": 2}]))


# Markdown


def test_a_plan_is_read_in_a_comment() -> None:
    """Values are code, and addresses are masked."""
    found = planned(change(Action.UPDATE, MAILS_BO), findings=(finding("kept out: ", BO, name="weekly"),))

    assert [
        "### Plan for `production`",
        "",
        "**This apply mails 1 person: `b***@example.com`.**",
        "",
        "1 to update, 10 unchanged. **Refused: 1 finding must be settled first.**",
        "",
        "#### update `weekly-growth` (row 4218) in `subscriptions/growth.yaml:3`",
        "",
        "| field | before | after | cause |",
        "| --- | --- | --- | --- |",
        "| `target_value` | `a***@example.com` | `a***@example.com,b***@example.com` | manifest |",
        "",
        "- mail at once: `b***@example.com`",
        "",
        "| | manifest | finding |",
        "| --- | --- | --- |",
        "| block | `weekly` | kept out: `b***@example.com` (`twin`) |",
        "",
        COVERED.replace("a***@example.com", "`a***@example.com`"),
        "",
        "Digest `sha256:00`",
    ] == markdown.plan(found, PUBLIC).splitlines()


def test_an_empty_plan_is_short() -> None:
    """Nobody is reached, and there is no table without rows."""
    assert [
        "### Plan for `production`",
        "",
        "10 unchanged.",
        "",
        COVERED.replace("a***@example.com", "`a***@example.com`"),
        "",
        "Digest `sha256:00`",
    ] == markdown.plan(planned(), PUBLIC).splitlines()


def test_a_result_is_a_table() -> None:
    """With whether a fresh listing proved it."""
    lines = markdown.result(DONE, PUBLIC).splitlines()

    assert "1 applied, 1 failed, 1 skipped." == lines[2]
    assert "| failed | update `weekly-growth` | 4218 | no `b***@example.com` |" == lines[7]
    assert "**Not verified:** a fresh listing still plans changes. Run plan to see." == lines[-1]
    assert markdown.result(ApplyResult(planned(), (), verified=True), PUBLIC).endswith("plans nothing more.")
    assert markdown.result(ApplyResult(planned(), (), verified=None), PUBLIC).endswith("nothing to do.\n")


def test_problems_are_a_table() -> None:
    """Errors first."""
    assert [
        "| | where | what |",
        "| --- | --- | --- |",
        "| error | `a.yaml:4:2` | not an address: `b***@example.com` |",
        "| warning |  | no such thing |",
    ] == markdown.problems([PROBLEM], [NOWHERE], PUBLIC).splitlines()
    assert "No problems." == markdown.problems([], [], PUBLIC)


# GitHub annotations


def test_findings_are_annotations() -> None:
    """One workflow command each, by how much it matters, on the line of the manifest."""
    found = planned(
        findings=(
            finding("no ", BO, name="weekly", source=Source("a,b:c.yaml", 3)),
            finding("hm", severity=Severity.WARNING),
            finding("100% sure", severity=Severity.NOTE),
        )
    )

    assert [
        "::error file=a%2Cb%3Ac.yaml,line=3,title=twin::weekly: no b***@example.com",
        "::warning title=twin::hm",
        "::notice title=twin::100%25 sure",
        f"::notice title=coverage::{COVERED}",
    ] == github.plan(found, PUBLIC).splitlines()


def test_problems_are_annotations() -> None:
    """Errors and warnings."""
    assert [
        "::error file=a.yaml,line=4,title=address::not an address: b***@example.com",
        "::warning title=usage::no such thing",
    ] == github.problems([PROBLEM], [NOWHERE], PUBLIC).splitlines()


# Hostile words

HOSTILE = (
    "](http://evil.example) [x](y) @everyone #12 GH-12 | a | b \\| <img src=x> <script>alert(1)</script> `x` ``y`` "
    "**b** __i__ ~~s~~ www.evil.example https://evil.example :shipit: $x$ &lt;\n"
    "::error::x\r\n##[error]y\n##vso[task]z\n"
    "\x1b[31mred\x07\x00\u202egnp.exe\u2066\u200b\u2028# head\n- item\n> quote"
)


def hostile(words: str) -> tuple[Plan, ApplyResult, Problem]:
    """A plan, a result and a problem in which everything that can be hostile is."""
    place = Source(words, 3)
    fields = (FieldChange("title", words, [words, {"x": words}]), FieldChange(words, None, words))
    effects = (
        Effect("post", channel=words),
        Effect("mail", (Address(words),)),
        Effect("mail", (BO,), when="next delivery"),
    )
    bad = change(Action.UPDATE, *effects, name=words, source=place, fields=fields)
    found = planned(bad, findings=(finding(words, Address(words), name=words, source=place),))
    outcome = Outcome(bad, Status.FAILED, 5, say(words), Answer(500, words, words, words, words), 1)
    return found, ApplyResult(found, (outcome,), None), Problem(words, say(words), words, 1, 2)


def rendered(words: str, viewer: Viewer) -> dict[str, str]:
    """The same in every format for people."""
    found, result, problem = hostile(words)
    return {
        "text plan": text.plan(found, viewer),
        "text drift": text.drift(found, viewer),
        "text result": text.result(result, viewer),
        "text problems": text.validation(1, [problem], [problem], viewer),
        "github plan": github.plan(found, viewer),
        "github problems": github.problems([problem], [problem], viewer),
        "markdown plan": markdown.plan(found, viewer),
        "markdown result": markdown.result(result, viewer),
        "markdown problems": markdown.problems([problem], [problem], viewer),
    }


@pytest.mark.parametrize("viewer", [REVIEWER, PUBLIC], ids=["reviewer", "public"])
def test_no_words_reach_a_terminal_or_a_build_machine(viewer: Viewer) -> None:
    """No control character, nothing that reorders text, no line that was not ours, no command in a log."""
    for name, page in rendered(HOSTILE, viewer).items():
        lines = page.splitlines()
        tame = rendered("tame", viewer)[name].splitlines()

        assert len(tame) == len(lines), name
        assert all(visible(line) == line for line in lines), name
        if name.startswith("text"):
            assert not [line for line in lines if re.search(r"^\s*::|##\w*\[", line)], name
        if name.startswith("github"):
            assert all(re.match(r"::(error|warning|notice) ", line) and "\n" not in line for line in lines), name


@pytest.mark.parametrize("words", ["::error::x", "  ::add-mask::x", "a ##[error]x", "##vso[task.complete]x"])
def test_no_file_name_is_a_command(words: str) -> None:
    """A problem\'s line begins with the path, which anybody who opens a pull request may choose."""
    line = text.problems([Problem("schema", say("wrong"), words, 1, 1)], PUBLIC)

    assert not re.search(r"^\s*::|##\w*\[", line)


def plainly(page: str) -> str:
    """*page* without code, which is shown as it stands, and without entities."""
    return re.sub(r"`[^`\n]+`|&#\d+;", "", page)


@pytest.mark.parametrize("viewer", [REVIEWER, PUBLIC], ids=["reviewer", "public"])
def test_no_words_become_markup(viewer: Viewer) -> None:
    """No link, image, mention, issue, emoji, formula, HTML or emphasis that is not ours; no cell ends early."""
    for name, page in rendered(HOSTILE, viewer).items():
        if not name.startswith("markdown"):
            continue
        tame = rendered("tame", viewer)[name]
        shown = plainly(page)

        assert not re.findall(r"\]\(|@\w|#\w|(?i:gh)-\d|www\.|://|:shipit|\$|~~|__|\\", shown), name
        assert {"<code>", "</code>", "<!-- -->"} >= set(re.findall(r"<[^>]*>", shown)), name
        assert [line.count("|") for line in plainly(tame).splitlines()] == [
            line.count("|") for line in shown.splitlines()
        ]
        assert plainly(tame).count("**") == shown.count("**"), name


@given(st.text(alphabet=st.sampled_from("ab`|\\\\*<>@#[]()&_ \n"), max_size=14))
def test_no_words_end_their_code(words: str) -> None:
    """Whatever stands in a code span stays in it, and in its cell."""
    shown = markdown.code(words)

    assert re.fullmatch(r"(`[^`|\\\n]+`|<code>[^`|\\*<>\[\]\n]*</code>)?", re.sub(r"<!-- -->", "", shown))


def test_plain_values_stay_readable() -> None:
    """What needs no care gets none."""
    assert ["`Weekly growth (50% → 60%)`", "`a@x.org,b@x.org`", "", "<code> </code>", "<code>a&#124;b</code>"] == [
        markdown.code(words) for words in ("Weekly growth (50% → 60%)", "a@x.org,b@x.org", "", " ", "a|b")
    ]
    assert "remove max_new_recipients: it (2) is too small, see 4.5" == markdown.escape(
        "remove max_new_recipients: it (2) is too small, see 4.5"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Wöchentlich 🚀", "Wöchentlich 🚀"),
        ("a\x1b[31m\n", "a\\x1b[31m\\x0a"),
        ("\u202e\u200b", "\\u202e\\u200b"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_invisible_characters_are_spelled(words: str, expected: str) -> None:
    """What a terminal would obey, and what would disguise a name."""
    assert expected == visible(words)
