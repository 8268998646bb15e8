"""The double of GitHub is as strict as the tests that rely on it believe."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import pytest

from tests.action.github import BOT, LONGEST_BODY, REPOSITORY, GitHub

HEAD, MERGED = "a" * 40, "b" * 40
REPO = f"/repos/{REPOSITORY}"


class Said(NamedTuple):
    """An answer: its status, its JSON, and its headers."""

    status: int
    document: Any
    headers: dict[str, str]


def ask(github: GitHub, method: str, path: str, body: Any = None, *, token: str | None = None) -> Said:
    """What *github* answers."""
    url = path if path.startswith("http") else github.api_url + path
    headers = {"Authorization": f"Bearer {token or github.token}"}
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            raw = answer.read()
            return Said(answer.status, json.loads(raw) if raw else None, dict(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            raw = error.read()
            return Said(error.code, json.loads(raw) if raw.startswith(b"{") else raw.decode(), dict(error.headers))


def test_comments_come_in_pages_that_link_to_each_other(github: GitHub) -> None:
    """Thirty by default, a hundred at most, oldest first."""
    github.add_pull(7, head=HEAD)
    for number in range(130):
        github.add_comment(7, f"comment {number}")
    first = ask(github, "GET", f"{REPO}/issues/7/comments?per_page=500")
    (following,) = re.findall(r'<([^>]*)>; rel="next"', first.headers["Link"])
    second = ask(github, "GET", following)

    assert [f"comment {number}" for number in range(130)] == [each["body"] for each in first.document + second.document]
    assert (100, 30) == (len(first.document), len(ask(github, "GET", f"{REPO}/issues/7/comments").document))
    assert 'rel="next"' not in second.headers["Link"]


def test_the_next_page_can_be_elsewhere(github: GitHub) -> None:
    """To see whether the token follows."""
    github.add_pull(7, head=HEAD)
    for number in range(2):
        github.add_comment(7, f"comment {number}")
    github.foreign_next = "http://127.0.0.1:1"

    assert "<http://127.0.0.1:1/" in ask(github, "GET", f"{REPO}/issues/7/comments?per_page=1").headers["Link"]


@pytest.mark.parametrize(
    ("body", "status"),
    [("x" * LONGEST_BODY, 201), ("x" * (LONGEST_BODY + 1), 422), ("😀" * LONGEST_BODY, 201), ("", 422), (None, 422)],
)
def test_a_body_may_be_just_so_long(github: GitHub, body: str | None, status: int) -> None:
    """65,536 characters; none is as wrong as too many."""
    github.add_pull(7, head=HEAD)

    assert status == ask(github, "POST", f"{REPO}/issues/7/comments", {"body": body}).status


def test_a_token_may_do_what_its_permissions_say(github: GitHub) -> None:
    """Permission for pull requests is none for issues, and reading is not writing."""
    github.add_pull(7, head=HEAD)
    issue = github.add_issue("Drift", "body")
    github.permissions = {"contents": "read", "pull-requests": "write"}

    def comment(number: int) -> int:
        return ask(github, "POST", f"{REPO}/issues/{number}/comments", {"body": "x"}).status

    assert (201, 403) == (comment(7), comment(issue))
    assert 403 == ask(github, "GET", f"{REPO}/issues").status
    github.make_read_only()
    assert (403, 200) == (comment(7), ask(github, "GET", f"{REPO}/issues/7/comments").status)
    assert 401 == ask(github, "GET", f"{REPO}/issues/7/comments", token="another").status


def test_who_we_are_is_known_to_graphql_only(github: GitHub) -> None:
    """`/user` is not for the token of an installation."""
    query = {"query": "query { viewer { login } }"}

    assert {"data": {"viewer": {"login": BOT}}} == ask(github, "POST", github.graphql_url, query).document
    assert 403 == ask(github, "GET", "/user").status
    github.viewer_is_known = False
    assert ask(github, "POST", github.graphql_url, query).document["data"] is None


def test_a_comment_can_be_minimized(github: GitHub) -> None:
    """By its node's id."""
    github.add_pull(7, head=HEAD)
    node = github.comments_by_id[github.add_comment(7, "x")]["node_id"]
    query = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { clientMutationId } }"

    ask(github, "POST", github.graphql_url, {"query": query, "variables": {"id": node}})

    assert {node: "OUTDATED"} == github.minimized


def test_a_commit_knows_its_pull_requests(github: GitHub) -> None:
    """Those that it is the head or the merge of; a commit that nobody pushed is an error."""
    github.add_pull(7, head=HEAD, merged_as=MERGED)
    github.add_commit("c" * 40)
    (pull,) = ask(github, "GET", f"{REPO}/commits/{MERGED}/pulls").document

    assert (7, MERGED) == (pull["number"], pull["merge_commit_sha"])
    assert [] == ask(github, "GET", f"{REPO}/commits/{'c' * 40}/pulls").document
    assert 422 == ask(github, "GET", f"{REPO}/commits/{'d' * 40}/pulls").status


def test_an_issue_gets_only_labels_that_there_are(github: GitHub) -> None:
    """An unknown one is dropped without a word; pull requests are issues, too."""
    github.add_pull(7, head=HEAD)
    wish = {"title": "Drift", "body": "x", "labels": ["drift"]}
    without = ask(github, "POST", f"{REPO}/issues", wish).document
    ask(github, "POST", f"{REPO}/labels", {"name": "drift"})
    with_one = ask(github, "POST", f"{REPO}/issues", wish).document

    assert ([], ["drift"]) == (without["labels"], [label["name"] for label in with_one["labels"]])
    assert [with_one["number"]] == [
        each["number"] for each in ask(github, "GET", f"{REPO}/issues?labels=drift").document
    ]
    assert {7, without["number"], with_one["number"]} == {
        each["number"] for each in ask(github, "GET", f"{REPO}/issues").document
    }


def test_it_fails_as_often_as_it_is_told(github: GitHub) -> None:
    """Then it is itself again."""
    github.fail(502, times=2, text="<html>Bad gateway</html>")
    github.fail(429, headers={"Retry-After": "1"})

    said = [ask(github, "GET", REPO) for _ in range(4)]

    assert [502, 502, 429, 200] == [each.status for each in said]
    assert "1" == said[2].headers["Retry-After"]


def test_an_enterprise_server_has_its_api_elsewhere() -> None:
    """Below /api/v3, and GraphQL beside it; there is nothing where github.com has it."""
    with GitHub(enterprise=True) as github:
        assert github.api_url.endswith("/api/v3")
        assert 200 == ask(github, "GET", REPO).status
        assert 404 == ask(github, "GET", f"{github.server_url}{REPO}").status
        assert 404 == ask(github, "GET", f"{REPO}/actions/runs").status


def test_every_call_is_kept(github: GitHub) -> None:
    """With its token and what it changed."""
    github.add_pull(7, head=HEAD)
    ask(github, "POST", f"{REPO}/issues/7/comments", {"body": "x"})

    assert ["POST issues/comments"] == github.done
    assert [github.token] == [call.token for call in github.calls]
