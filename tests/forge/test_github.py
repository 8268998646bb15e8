"""GitHub as it is asked: where, with what, how often; and what an answer becomes. Against a GitHub of our own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.errors import ForgeError, UsageError
from reconciler.forge import Comment, GitHub, Pull, Site, wire
from reconciler.privacy import Key
from tests.action.github import BOT, REPOSITORY
from tests.action.github import GitHub as Double

COMMIT = "a" * 40
NOBODY = {
    "GITHUB_API_URL": "http://127.0.0.1:1",
    "GITHUB_GRAPHQL_URL": "http://127.0.0.1:1/g",
    "GITHUB_REPOSITORY": REPOSITORY,
}
"""A GitHub that nobody is at."""


@pytest.fixture
def double() -> Iterator[Double]:
    """An empty repository."""
    with Double() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """How long was waited, each time."""
    return []


@pytest.fixture
def github(double: Double, waits: list[float]) -> Iterator[GitHub]:
    """The way to it."""
    with GitHub(Site.of(double.variables), Key(double.token), sleep=waits.append) as way:
        yield way


def asked(double: Double, number: int = 7) -> list[tuple[str, int]]:
    """The calls that were made, and how they were answered."""
    return [(call.method, call.status) for call in double.calls]


# --- what is read and written ---------------------------------------------------------------------------------------


def test_every_comment_is_read(double: Double, github: GitHub) -> None:
    """Page after page, a hundred at a time."""
    double.add_pull(7, head=COMMIT)
    for number in range(230):
        double.add_comment(7, f"comment {number}")

    assert [f"comment {number}" for number in range(230)] == [comment.body for comment in github.comments(7)]
    assert ["100"] * 3 == [call.query["per_page"] for call in double.calls]


def test_a_comment_is_written_changed_and_deleted(double: Double, github: GitHub) -> None:
    """As whom the token writes."""
    double.add_pull(7, head=COMMIT)
    made = github.comment(7, "one")
    changed = github.edit_comment(made.id, "two")

    assert Comment(made.id, BOT, "two", made.url) == changed
    assert ["two"] == double.bodies_on(7)
    github.delete_comment(made.id)
    assert [] == double.bodies_on(7)


def test_the_pull_requests_of_a_commit_tell_how_they_were_merged(double: Double, github: GitHub) -> None:
    """An open one was not, whatever GitHub's try of a merge is called."""
    double.add_pull(7, head=COMMIT)
    double.pulls[7]["merge_commit_sha"] = "c" * 40
    double.add_pull(8, head=COMMIT, merged_as="b" * 40)

    assert (Pull(7, True, None, COMMIT), Pull(8, False, "b" * 40, COMMIT)) == github.pulls_of(COMMIT)


def test_a_commit_that_github_does_not_know_has_none(github: GitHub) -> None:
    """GitHub calls that unprocessable."""
    assert () == github.pulls_of("f" * 40)


@pytest.mark.parametrize("name", ["main", "../../x", "a" * 39, "A" * 40, ""])
def test_a_commit_is_named_in_full(github: GitHub, name: str) -> None:
    """It becomes part of an address."""
    with pytest.raises(UsageError):
        github.pulls_of(name)


def test_our_issues_are_read_without_pull_requests_and_others(double: Double, github: GitHub) -> None:
    """By label, and where there is none by author."""
    double.add_pull(1, head=COMMIT)
    double.issues_by_number[1]["user"] = {"login": BOT}
    mine, bare = double.add_issue("a", "mine", labels=["drift"], login=BOT), double.add_issue("b", "bare", login=BOT)
    double.add_issue("c", "theirs", labels=["drift"])

    assert [mine] == [issue.number for issue in github.issues(is_open=True, label="drift")]
    assert [bare, mine] == [issue.number for issue in github.issues(is_open=True)]
    assert [] == list(github.issues(is_open=False))


def test_no_more_issues_are_looked_through_than_is_wanted(double: Double, github: GitHub) -> None:
    """The newest; pull requests count, because GitHub lists them, too."""
    for number in range(1, 151):
        double.add_pull(number, head=COMMIT)
    double.add_issue("a", "mine", login=BOT)
    for number in range(152, 161):
        double.add_pull(number, head=COMMIT)
        double.issues_by_number[number]["user"] = {"login": BOT}

    assert ([], [151]) == (
        list(github.issues(is_open=True, most=9)),
        [issue.number for issue in github.issues(is_open=True, most=10)],
    )


def test_a_refusal_for_haste_is_no_denial(double: Double, github: GitHub, waits: list[float]) -> None:
    """GitHub says 403 for both."""
    double.fail(403, "API rate limit exceeded for installation", path="labels")
    with pytest.raises(ForgeError) as failed:
        github.has_label("drift")

    assert (429, False) == (failed.value.status, failed.value.is_denied)


def test_an_issue_is_opened_changed_and_closed(double: Double, github: GitHub) -> None:
    """With its label, which exists by then."""
    known = github.has_label("drift/1 ü")
    github.make_label("drift/1 ü", "x" * 200)
    made = github.open_issue("title", "one", "drift/1 ü")
    github.edit_issue(made.number, "two")
    github.close_issue(made.number, "three", "completed")
    (issue,) = double.issues_list

    assert (False, True) == (known, github.has_label("drift/1 ü"))
    assert ("three", "closed", "completed") == (issue["body"], issue["state"], issue["state_reason"])
    assert ["drift/1 ü"] == [label["name"] for label in issue["labels"]]


@pytest.mark.parametrize(
    ("viewer", "user", "expected"), [(True, False, "me[bot]"), (False, True, "me[bot]"), (False, False, BOT)]
)
def test_who_the_token_is_is_asked_until_somebody_knows(
    double: Double, github: GitHub, viewer: bool, user: bool, expected: str
) -> None:
    """GraphQL, REST, and then the bot that a workflow's own token is; once."""
    double.login, double.viewer_is_known = "me[bot]", viewer
    double.permissions |= {"user": "read"} if user else {}

    assert [expected] * 2 == [github.login, github.login]
    assert len(double.calls) == (1 if viewer else 2)


# --- where it is asked ----------------------------------------------------------------------------------------------


def test_the_token_goes_in_a_header_and_nowhere_else(double: Double, github: GitHub) -> None:
    """No address and no body has it."""
    double.add_pull(7, head=COMMIT)
    github.comment(7, "one")
    (call,) = double.calls

    assert f"Bearer {double.token}" == call.headers["Authorization"]
    assert double.token not in call.path + str(call.query) + str(call.body)


@pytest.mark.parametrize("enterprise", [False, True])
def test_addresses_come_from_the_environment(enterprise: bool) -> None:
    """Also below a path, as GitHub Enterprise Server has it."""
    with Double(enterprise=enterprise) as double:
        double.add_pull(7, head=COMMIT)
        with GitHub(Site.of(double.variables), Key(double.token)) as github:
            github.comment(7, github.login)

        assert [200, 201] == [call.status for call in double.calls]


@pytest.mark.parametrize(
    "next_page",
    ["http://127.0.0.1:1", "http://user@{host}", "https://{host}", "http://{host}.evil.example"],
)
def test_a_next_page_elsewhere_is_not_asked_for(double: Double, github: GitHub, next_page: str) -> None:
    """The token would go with it."""
    double.add_pull(7, head=COMMIT)
    for number in range(120):
        double.add_comment(7, f"comment {number}")
    double.foreign_next = next_page.format(host=double.server_url.removeprefix("http://"))

    with pytest.raises(ForgeError, match="outside GITHUB_API_URL"):
        list(github.comments(7))
    assert 1 == len(double.calls)


@pytest.mark.parametrize(
    ("api", "following", "is_inside"),
    [
        ("https://g.example/api/v3", "https://g.example/api/v3/x?page=2", True),
        ("https://g.example/api/v3", "https://g.example/api/v33/x", False),
        ("https://g.example/api/v3", "https://g.example/api/v3/../../login", False),
        ("https://g.example/api/v3", "https://g.example/x", False),
        ("https://g.example", "https://g.example/x", True),
        ("https://g.example", "https://g.example:444/x", False),
    ],
)
def test_inside_is_what_lies_below_the_api(api: str, following: str, is_inside: bool) -> None:
    """Host, port and path."""
    with wire.Wire(api, api, None) as found:
        try:
            found._inside(following)  # noqa: SLF001 - the rule itself
        except ForgeError:
            assert not is_inside
        else:
            assert is_inside


@pytest.mark.parametrize(
    "variables",
    [
        {"GITHUB_API_URL": ""},
        {"GITHUB_API_URL": "http://api.example"},
        {"GITHUB_API_URL": "https://user@api.example"},
        {"GITHUB_API_URL": "https://api.example?x=1"},
        {"GITHUB_API_URL": "https://[::1"},
        {"GITHUB_GRAPHQL_URL": "ftp://api.example"},
        {"GITHUB_REPOSITORY": ""},
        {"GITHUB_REPOSITORY": "acme"},
        {"GITHUB_REPOSITORY": "acme/../../user"},
        {"GITHUB_REPOSITORY": "acme/.."},
    ],
)
def test_an_address_that_a_token_must_not_go_to_is_refused(variables: dict[str, str]) -> None:
    """In the open, with a password, or none at all."""
    good = {
        "GITHUB_API_URL": "https://api.example",
        "GITHUB_GRAPHQL_URL": "https://api.example/graphql",
        "GITHUB_REPOSITORY": REPOSITORY,
    }

    assert Site.of(good).repository == REPOSITORY
    with pytest.raises(UsageError):
        Site.of({**good, **variables})


def test_a_redirect_is_not_followed(double: Double, github: GitHub) -> None:
    """Nor is it an answer."""
    double.fail(301, "Moved", headers={"Location": f"{double.api_url}/user"})

    with pytest.raises(ForgeError, match="301"):
        list(github.comments(7))
    assert 1 == len(double.calls)


# --- how often ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_read_is_tried_again_where_the_server_stumbles(
    double: Double, github: GitHub, waits: list[float], status: int
) -> None:
    """Three times in all."""
    double.add_pull(7, head=COMMIT)
    double.fail(status, times=2)

    assert [] == list(github.comments(7))
    assert ([status, status, 200], 2) == ([call.status for call in double.calls], len(waits))


def test_what_fails_three_times_fails(double: Double, github: GitHub) -> None:
    """With the status, for the caller to weigh."""
    double.fail(502, times=9)

    with pytest.raises(ForgeError) as failed:
        list(github.comments(7))
    assert (502, True, False, 3) == (
        failed.value.status,
        failed.value.is_doubtful,
        failed.value.is_denied,
        len(double.calls),
    )


def test_a_write_that_may_have_happened_is_not_sent_again(double: Double, github: GitHub) -> None:
    """The caller looks first."""
    double.add_pull(7, head=COMMIT)
    double.fail(502, method="POST")

    with pytest.raises(ForgeError) as failed:
        github.comment(7, "one")
    assert (True, 1) == (failed.value.is_doubtful, len(double.calls))


def test_a_change_may_be_sent_again(double: Double, github: GitHub) -> None:
    """It does the same twice."""
    double.add_pull(7, head=COMMIT)
    id = double.add_comment(7, "one", login=BOT)
    double.fail(502, method="PATCH")

    assert "two" == github.edit_comment(id, "two").body


@pytest.mark.parametrize(
    ("status", "message", "headers", "waited"),
    [
        (429, "slow down", {"Retry-After": "3"}, 3.0),
        (403, "You have exceeded a secondary rate limit", {"Retry-After": "2"}, 2.0),
        (403, "You have exceeded a secondary rate limit", {}, 60.0),
        (429, "slow down", {"Retry-After": "soon"}, 60.0),
    ],
)
def test_haste_is_waited_out_also_by_a_write(
    double: Double,
    github: GitHub,
    waits: list[float],
    status: int,
    message: str,
    headers: dict[str, str],
    waited: float,
) -> None:
    """The whole of Retry-After: nothing was done."""
    double.add_pull(7, head=COMMIT)
    double.fail(status, message, headers=headers)

    assert "one" == github.comment(7, "one").body
    assert [waited] == waits


def test_a_wait_that_is_too_long_ends_the_matter(double: Double, github: GitHub, waits: list[float]) -> None:
    """A build machine is not kept for an hour."""
    double.fail(429, headers={"Retry-After": "3600"})

    with pytest.raises(ForgeError, match="429"):
        list(github.comments(7))
    assert ([], 1) == (waits, len(double.calls))


def test_a_refusal_is_final(double: Double, github: GitHub, waits: list[float]) -> None:
    """403 without haste: the token may not."""
    double.add_pull(7, head=COMMIT)
    double.make_read_only()

    with pytest.raises(ForgeError, match="Resource not accessible") as failed:
        github.comment(7, "one")
    assert (True, [], 1) == (failed.value.is_denied, waits, len(double.calls))


def test_no_answer_at_all_is_told(waits: list[float]) -> None:
    """Nobody listens there."""
    with GitHub(Site.of(NOBODY), Key("k"), sleep=waits.append) as github, pytest.raises(ForgeError) as failed:
        list(github.comments(7))

    assert (None, True, 2) == (failed.value.status, failed.value.is_doubtful, len(waits))


def test_a_write_without_an_answer_is_not_sent_again(waits: list[float]) -> None:
    """It may have arrived."""
    with GitHub(Site.of(NOBODY), Key("k"), sleep=waits.append) as github, pytest.raises(ForgeError) as failed:
        github.comment(7, "one")

    assert (True, []) == (failed.value.is_doubtful, waits)


# --- what an answer may be ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["<html>", "[1, 2]", '{"message": "x"}', "[", '[{"id": "x"}]', '[{"body": 3}]'])
def test_an_answer_of_another_form_is_an_error_or_nothing(double: Double, github: GitHub, text: str) -> None:
    """Never a defect of ours."""
    double.fail(200, text=text)
    try:
        found: list[Any] = list(github.comments(7))
    except ForgeError:
        return
    assert [] == found


def test_a_comment_by_nobody_is_nobodys(double: Double, github: GitHub) -> None:
    """The account is gone."""
    double.add_pull(7, head=COMMIT)
    id = double.add_comment(7, "one")
    double.comments_by_id[id]["user"] = None

    assert [""] == [comment.author for comment in github.comments(7)]


def test_an_answer_that_does_not_end_is_not_read(
    double: Double, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory has an end."""
    monkeypatch.setattr(wire, "MOST_BYTES", 1_000)
    double.fail(200, text="[" + "1," * 2_000 + "1]", times=9)

    with pytest.raises(ForgeError, match="DecodingError"):
        list(github.comments(7))
