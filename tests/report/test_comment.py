"""What a reviewer reads on GitHub: what stands where, what is masked, and that no text of others becomes markup."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Answer, Problem
from reconciler.model import (
    Action,
    ApplyResult,
    Cause,
    Change,
    Deliveries,
    Effect,
    FieldChange,
    Outcome,
    Plan,
    Severity,
    Source,
    Status,
)
from reconciler.privacy import Address, say
from reconciler.report import comment
from reconciler.report.comment import Context, Unreviewed
from reconciler.report.fitting import COMMENT, SUMMARY, Page
from tests.report.test_report import ANA, BO, HOOK, HOSTILE, MAILS_BO, PLACE, change, finding, planned

RUN = "https://github.example/acme/mail/actions/runs/9001"
FILES = "https://github.example/acme/mail/blob/4b1e0c2/"
CONTEXT = Context("production", "4b1e0c2" + "0" * 33, RUN, FILES, "2026-11-23 05:12 UTC")
DUE = datetime(2026, 11, 30, 8, tzinfo=UTC)
WEEKS = tuple(DUE + timedelta(weeks=number) for number in range(3))


def told(*changes: Change, **given: Any) -> str:
    """The comment about a plan."""
    return comment.plans([planned(*changes, **given)], CONTEXT).within(COMMENT)


def cells(text: str, name: str) -> list[str]:
    """The cells of the table's line about *name*, but for the sign."""
    (line,) = (line for line in text.splitlines() if line.startswith("|") and f"`{name}`" in line)
    return [cell.strip() for cell in line.split("|")][3:-1]


# --- a plan ---------------------------------------------------------------------------------------------------------


def test_a_plan_is_read_from_the_top() -> None:
    """The sums, who is mailed, what is removed, the table, the details, what else there is, where it comes from."""
    text = told(
        change(Action.UPDATE, MAILS_BO),
        change(Action.DELETE, name="legacy", id=7),
        findings=(finding("hm", severity=Severity.NOTE),),
    )
    found = [text.index(words) for words in (
        "### reconciler plan · `production` — 1 to update, 1 to delete",
        "**This apply mails 1 person: `b***@example.com`.**",
        "> [!WARNING]\n> This plan **soft-deletes 1 row**",
        "| `~` | `weekly-growth` |",
        "| `-` | `legacy` | soft-deleted |",
        "<details><summary><code>&#126; weekly-growth</code> · <a href=",
        "- target_value: a***@example.com\n+ target_value: a***@example.com,b***@example.com\n",
        "<details><summary>1 notice</summary>",
        "11 of 18 live subscriptions managed here",
        "<sub>`+` create",
        f"Plan `00`, live rows read 2026-11-23 05:12 UTC · for `4b1e0c200000` · [summary and log]({RUN})",
    )]  # fmt: skip

    assert sorted(found) == found


def test_a_manifest_is_linked_to_its_line_at_the_commit() -> None:
    """With whatever its path is made of."""
    odd = change(Action.UPDATE, source=Source('a "b"/ü#?.yaml', 3))

    assert 'href="https&#58;//github.example/acme/mail/blob/4b1e0c2/a%20%22b%22/%C3%BC%23%3F.yaml#L3"' in told(odd)


def test_the_next_delivery_stands_in_the_table_and_the_others_in_the_details() -> None:
    """In UTC and in the manifest's zone."""
    text = told(change(Action.CREATE, deliveries=Deliveries((), WEEKS, "Europe/Vienna")))

    assert "Mon 2026-11-30 08:00 UTC (09:00 Europe/Vienna)" == cells(text, "weekly-growth")[-1]
    assert "Mon 2026-12-14" in text


@pytest.mark.parametrize(
    ("action", "deliveries", "expected"),
    [
        (Action.UPDATE, None, "as before"),
        (Action.UPDATE, Deliveries(WEEKS, WEEKS), "Mon 2026-11-30 08:00 UTC, as before"),
        (Action.UPDATE, Deliveries(WEEKS, WEEKS[1:]), "Mon 2026-12-07 08:00 UTC"),
        (Action.UPDATE, Deliveries(WEEKS, ()), "none"),
        (Action.RESTORE, Deliveries((), WEEKS, overdue=True), "at the server's next tick"),
        (Action.DELETE, None, "none"),
    ],
)
def test_every_change_says_when_it_is_delivered_next(
    action: Action, deliveries: Deliveries | None, expected: str
) -> None:
    """Also that nothing changes about it."""
    assert expected == cells(told(change(action, deliveries=deliveries)), "weekly-growth")[-1]


def test_who_hears_of_a_change_stands_beside_it() -> None:
    """At once, at the next tick, no more; nobody is said, too."""
    effects = (MAILS_BO, Effect("post", channel="C1"), Effect("mail", (ANA,), when="next delivery"))
    text = told(change(Action.UPDATE, *effects, removed=(ANA,)), change(Action.UPDATE, name="quiet"))

    assert "nobody" == cells(text, "quiet")[1]
    assert [
        "mail at once: `b***@example.com`",
        "post at once to C1",
        "mail at the server's next tick, because its old delivery date has passed: `a***@example.com`",
        "no more: `a***@example.com`",
    ] == cells(text, "weekly-growth")[1].split("<br>")


def test_too_many_people_are_counted() -> None:
    """Nobody reads a thousand masks; the sum is true."""
    crowd = tuple(Address(f"p{number}@example.com") for number in range(1_000))
    text = told(change(Action.CREATE, Effect("mail", crowd)))

    assert "**This apply mails 1000 addresses.**" in text
    assert "mail: 1000 addresses" == cells(text, "weekly-growth")[1]


def test_what_was_done_by_hand_is_told_apart() -> None:
    """A reviewer who did not do it asks who did."""
    fields = (FieldChange("title", "Mine", "Weekly", Cause.DRIFT),)
    text = told(change(Action.UPDATE, fields=fields))

    assert "`title` (undoes what was done in PostHog)" == cells(text, "weekly-growth")[0]
    assert "- title: Mine\n+ title: Weekly\n! title was changed in PostHog\n" in text


def test_lines_of_a_field_are_lines_of_the_diff() -> None:
    """And a field that was not there, or will not be, has one side."""
    fields = (FieldChange("invite_message", None, "Hi\n\nyou\n"), FieldChange("count", 3, None))
    text = told(change(Action.UPDATE, fields=fields))

    assert "```diff\n+ invite_message: Hi\n+   \n+   you\n- count: 3\n```" in text


def test_what_blocks_is_read_before_the_table() -> None:
    """Unfolded, with its place."""
    text = told(change(), findings=(finding("a twin", name="weekly", source=Source("a.yaml", 3)),))

    assert "refused, 1 finding to settle first (1 to update)" in text.splitlines()[0]
    assert text.index("> [!CAUTION]") < text.index("- `[twin]` `weekly` a twin (<a href=") < text.index("| `~` |")


def test_no_changes_are_told_in_few_lines() -> None:
    """What there is to say is in the headline."""
    lines = [line for line in told().splitlines() if line]

    assert "### reconciler plan · `production` — no changes" == lines[0]
    assert "Nothing to do: 10 subscriptions as git says." == lines[1]
    assert 4 == len(lines)


def test_each_environment_has_a_section() -> None:
    """Under sums over all of them."""
    plans = [replace(planned(change()), environment=replace(PLACE, name=name)) for name in ("eu", "us")]
    text = comment.plans(plans, CONTEXT).within(COMMENT)

    assert "— 2 to update" in text.splitlines()[0]
    assert ["#### `eu` — 1 to update", "#### `us` — 1 to update"] == re.findall(r"^####.*$", text, re.MULTILINE)
    assert "Plan `eu` `00`, `us` `00`" in text


def test_a_secret_url_is_masked() -> None:
    """Also in a diff."""
    text = told(change(Action.CREATE, fields=(FieldChange("target_value", None, HOOK),)))

    assert "+ target_value: https://one.webhook.office.com/***" in text
    assert "secret" not in text


def test_a_page_without_addresses_has_no_links() -> None:
    """On a machine of which nothing is known."""
    text = comment.plans([planned(change())], Context("production")).within(COMMENT)

    assert "](" not in text
    assert "href" not in text


# --- how it went ----------------------------------------------------------------------------------------------------


def result(*statuses: Status, verified: bool | None = True) -> ApplyResult:
    """An apply that ended so."""
    changes = tuple(change(name=f"n{index}") for index, _ in enumerate(statuses))
    outcomes = tuple(
        Outcome(each, status, 7, say() if status is Status.APPLIED else say("because"))
        for each, status in zip(changes, statuses, strict=True)
    )
    return ApplyResult(planned(*changes), outcomes, verified, doubt=() if verified else say("still ", ANA))


def test_what_became_of_a_plan_is_a_table() -> None:
    """With the sums in the headline, and what a fresh listing said."""
    text = comment.applied([result(Status.APPLIED, Status.FAILED, verified=False)], CONTEXT).within(COMMENT)

    assert "### reconciler apply · `production` — 1 applied, 1 failed" in text
    assert "| applied | update `n0` | 7 |  |\n| failed | update `n1` | 7 | because |" in text
    assert "Not verified: still `a***@example.com`. Run plan to see." in text


def test_an_interrupted_apply_says_how_to_go_on() -> None:
    """The same run again."""
    text = comment.applied([replace(result(Status.SKIPPED, verified=None), interrupted=True)], CONTEXT).within(COMMENT)

    assert "The same run again finishes it." in text


def test_news_stand_above_the_plan_that_was_reviewed() -> None:
    """Which stays as it was, however often there is news."""
    plan = replace(comment.plans([planned(change())], CONTEXT), marker="<!-- one -->").within(COMMENT)
    first = replace(comment.above(comment.applying(CONTEXT), plan), marker="<!-- two -->").within(COMMENT)
    second = replace(
        comment.above(comment.applied([result(Status.APPLIED)], CONTEXT), first.replace("\n", "\r\n")),
        marker="<!-- three -->",
    ).within(COMMENT)
    kept = plan.partition("\n")[2]

    assert first.endswith(kept)
    assert second.endswith(kept)
    assert (1, 0, 1) == (second.count(comment.REVIEWED), second.count("applying"), second.count("1 applied"))


def test_a_plan_that_leaves_no_room_for_news_goes_first() -> None:
    """What became of it is more than what it was."""
    plan = f"<!-- one -->\n### plan\n\n{'x' * 64_900}"
    text = comment.above(comment.applied([result(Status.FAILED)], CONTEXT), plan).within(COMMENT)

    assert "| failed | update `n0` |" in text
    assert "Left out for length: 1 reviewed plan." in text


def test_what_was_not_reviewed_is_a_table() -> None:
    """With the fields as they are now, so that a person sees what happened."""
    found = (Unreviewed("production", change(), "not in the reviewed plan"), Unreviewed("eu", None, "another one"))
    text = comment.refused(found, say("no, ", ANA), CONTEXT).within(COMMENT)

    assert "> [!CAUTION]\n> Nothing was written: no, `a***@example.com`. See [this run]" in text
    assert "| `production` | update `weekly-growth` | not in the reviewed plan | `target_value`: " in text
    assert "| `eu` | the plan | another one |  |" in text


def test_of_many_problems_the_first_are_shown() -> None:
    """Twenty, and how many more there are."""
    problems = [Problem("schema", say(f"wrong {number}"), "a.yaml", number, 1) for number in range(23)]
    text = comment.failure(problems, "plan", CONTEXT).within(COMMENT)

    assert "### reconciler plan · `production` — **failed**" in text
    assert "| error | `a.yaml:19:1` | wrong 19 |" in text
    assert ("wrong 20" in text, "… and 3 more problems" in text) == (False, True)


def test_a_validation_says_what_it_found() -> None:
    """Every problem and every warning."""
    wrong, odd = Problem("schema", say("wrong"), "a.yaml", 1, 1), Problem("schema", say("odd"), "a.yaml", 2, 1)

    assert "— 3 manifests valid" in comment.checked(3, [], [], CONTEXT).within(SUMMARY)
    assert "| warning | `a.yaml:2:1` | odd |" in comment.checked(3, [wrong], [odd], CONTEXT).within(SUMMARY)


def test_drift_is_told_with_the_ways_out() -> None:
    """Apply again, or write it into git."""
    text = comment.drift([planned(change())], CONTEXT).within(COMMENT)

    assert text.startswith("### Drift · `production`")
    assert "Two ways out" in text


# --- hostile words --------------------------------------------------------------------------------------------------


class Outside(HTMLParser):
    """Collects what a browser would show outside of code, and every tag."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.depth, self.text, self.tags, self.links = 0, "", [], []  # type: int, str, list[str], list[str]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Count what is code."""
        self.depth += tag in ("code", "pre")
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        """Count what is no more."""
        self.depth -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        """Keep what is not code."""
        self.text += "" if self.depth else data


def outside(markdown: str) -> Outside:
    """*markdown* as GitHub renders it."""
    found = Outside()
    found.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
    return found


def pages(words: str) -> dict[str, Page]:
    """Every page, in which everything that others write is *words*."""
    place = Source(words or "x", 3)
    fields = (FieldChange("title", words, [words, {"x": words}], Cause.DRIFT), FieldChange(words, None, words))
    effects = (Effect("post", channel=words), Effect("mail", (Address(words),)), MAILS_BO)
    bad = change(Action.UPDATE, *effects, name=words, source=place, fields=fields, removed=(Address(words),))
    found = planned(
        bad,
        findings=(
            finding(words, Address(words), name=words, source=place),
            finding(words, severity=Severity.NOTE),
        ),
    )
    outcome = Outcome(bad, Status.FAILED, 5, say(words), Answer(500, words, words, words, words), 1)
    context = replace(CONTEXT, label=words)
    return {
        "plan": comment.plans([found, found], context),
        "drift": comment.drift([found], context),
        "applied": comment.applied([ApplyResult(found, (outcome,), False, doubt=say(words))], context),
        "refused": comment.refused([Unreviewed(words, bad, "new")], say(words), context),
        "failure": comment.failure([Problem(words, say(words), words, 1, 2)], "plan", context),
    }


def shape(page: Page) -> list[str]:
    """The tags of a page, in order, but for those of code and those between fields, of which a long one has none."""
    return [tag for tag in outside(page.within(COMMENT)).tags if tag not in ("code", "br")]


@pytest.mark.parametrize("name", ["plan", "drift", "applied", "refused", "failure"])
def test_no_words_of_others_become_markup(name: str) -> None:
    """The page has the same tags and links as with tame words; nobody is hailed."""
    hostile, tame = outside(pages(HOSTILE)[name].within(COMMENT)), outside(pages("tame")[name].within(COMMENT))

    assert shape(pages("tame")[name]) == shape(pages(HOSTILE)[name])
    assert len(tame.links) == len(hostile.links)
    assert all(link.startswith((FILES, RUN)) for link in hostile.links)
    assert "<!-- -->" not in html.unescape(hostile.text)


_WORDS = st.text(st.sampled_from("ab`|\\*<>@#[]()&_~!:;\"'-=+$ \n\t😀\u202e\x00"), min_size=1, max_size=14)


@given(_WORDS)
def test_no_words_change_the_shape_of_a_page(words: str) -> None:
    """Whatever they are made of: every table, fold and fence ends where it ended with tame words."""
    tame = pages("tame")
    for name, page in pages(words).items():
        assert shape(tame[name]) == shape(page), name


@given(st.text(st.sampled_from("`~ab\n "), max_size=30))
def test_no_value_ends_its_fence(words: str) -> None:
    """A diff shows it as it stands."""
    text = told(change(Action.UPDATE, fields=(FieldChange("invite_message", words, f"{words}x"),)))

    assert 1 == outside(text).tags.count("pre")


def test_a_fence_is_longer_than_any_in_it() -> None:
    """Although no line of a diff begins as a fence does."""
    text = told(change(Action.UPDATE, fields=(FieldChange("invite_message", None, "a\n````\nb"),)))

    assert "\n`````diff\n+ invite_message: a\n+   ````\n+   b\n`````\n" in text


@given(_WORDS)
def test_no_page_shows_an_address(words: str) -> None:
    """Masked, wherever one is."""
    secret = Address(f"canary@{'example.com'}")
    bad = change(Action.UPDATE, Effect("mail", (secret,)), removed=(secret,), name=words)
    found = planned(bad, findings=(finding("x", secret),))

    for page in (comment.plans([found], CONTEXT), comment.drift([found], CONTEXT)):
        assert "canary" not in page.within(SUMMARY)


def crowd(number: int, letter: str = "😀") -> Plan:
    """A plan of many changes with titles that need four bytes a character."""
    fields = (FieldChange("title", letter * 40, letter * 41),)
    return planned(*(change(Action.UPDATE, MAILS_BO, name=f"n-{index}", fields=fields) for index in range(number)))


@pytest.mark.parametrize("number", [1, 100, 190, 200, 400, 3_000])
def test_a_comment_of_any_size_fits_and_keeps_its_numbers(number: int) -> None:
    """Characters and bytes; balanced; with the true sums."""
    text = comment.plans([crowd(number)], CONTEXT).within(COMMENT)

    assert len(text) <= 65_000
    assert len(text.encode()) <= 250_000
    assert f"{number} to update" in text.splitlines()[0]
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    assert text.rstrip().endswith("</sub>")


def test_who_is_reached_stays_in_the_table_longest() -> None:
    """Rows that reach nobody go first."""
    quiet = [change(Action.UPDATE, name=f"quiet-{index}") for index in range(1_500)]
    text = told(*quiet, change(Action.UPDATE, MAILS_BO, name="loud"), change(Action.DELETE, name="gone"))

    assert ["`loud`" in text, "`gone`" in text, "`quiet-1499`" in text] == [True, True, False]
    assert BO.mask in text
