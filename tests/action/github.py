"""A double of the part of GitHub's API that the action uses, as strict as GitHub, on loopback, in memory.

It pages with `Link`, checks the token and its permissions, refuses bodies that are too long, can be told to fail, and
keeps every call. What it does not know it answers with 404, as GitHub does, so that a call to an address that does not
exist is seen. Knows nothing of plans, of PostHog or of the program under test.

    with GitHub() as github:
        github.add_pull(7, head="a" * 40, merged_as="b" * 40)
        ...                                     # GITHUB_API_URL=github.api_url, a token from github.token
        github.writes                           # what was written, in order
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

REPOSITORY = "acme/mail"
TOKEN = "ghs_" + "t" * 36
BOT = "github-actions[bot]"
ALL_PERMISSIONS = {"contents": "read", "issues": "write", "pull-requests": "write"}
LONGEST_BODY = 65_536
"""Characters of a comment or an issue; more is answered with 422."""
MOST_BYTES = 262_144
LONGEST_TITLE = 256
MOST_PER_PAGE = 100
USUAL_PER_PAGE = 30
_LEVELS = {"none": 0, "read": 1, "write": 2}


class Call(NamedTuple):
    """One request and how it was answered; *body* is the JSON that came with it."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    token: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Fault:
    """An answer given instead of the right one, *times* times, to what *method* and *path* (a pattern) match."""

    status: int
    message: str = "Server Error"
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    method: str = ""
    path: str = ""
    text: str | None = None
    """A body that is not JSON, such as a proxy's page."""

    def fits(self, method: str, path: str) -> bool:
        """Whether this request is to fail."""
        return self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None


class Answer(NamedTuple):
    """A status, a JSON document and headers."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = {}


class Rejected(Exception):
    """A request that GitHub refuses, with its status and words."""

    def __init__(self, status: int, message: str, *errors: Mapping[str, str]) -> None:
        super().__init__(message)
        self.answer = Answer(status, refusal(status, message, errors))


def refusal(status: int, message: str, errors: Iterable[Mapping[str, str]] = ()) -> dict[str, Any]:
    """GitHub's JSON for an error."""
    detail = {"errors": list(errors)} if errors else {}
    return {"message": message, **detail, "documentation_url": "https://docs.github.com/rest", "status": str(status)}


class Request(NamedTuple):
    """A request that passed the door: its parts, and what its path named."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    words: Mapping[str, str]

    @property
    def number(self) -> int:
        """The number or id in the path."""
        return int(self.words["number"])


class Route(NamedTuple):
    """An address: the permissions of which one is enough, and the method of GitHub that answers."""

    method: str
    pattern: str
    permissions: tuple[str, ...]
    deed: str


_REPO = r"/repos/(?P<repo>[^/]+/[^/]+)"
_EITHER = ("issues", "pull-requests")
ROUTES = (
    Route("GET", "/user", ("user",), "user"),
    Route("GET", _REPO, ("contents",), "repository"),
    Route("GET", rf"{_REPO}/issues", ("issues",), "issues"),
    Route("POST", rf"{_REPO}/issues", ("issues",), "create_issue"),
    Route("GET", rf"{_REPO}/issues/(?P<number>\d+)", _EITHER, "one_issue"),
    Route("PATCH", rf"{_REPO}/issues/(?P<number>\d+)", ("issues",), "change_issue"),
    Route("GET", rf"{_REPO}/issues/(?P<number>\d+)/comments", _EITHER, "comments"),
    Route("POST", rf"{_REPO}/issues/(?P<number>\d+)/comments", _EITHER, "create_comment"),
    Route("GET", rf"{_REPO}/issues/comments/(?P<number>\d+)", _EITHER, "one_comment"),
    Route("PATCH", rf"{_REPO}/issues/comments/(?P<number>\d+)", _EITHER, "change_comment"),
    Route("DELETE", rf"{_REPO}/issues/comments/(?P<number>\d+)", _EITHER, "delete_comment"),
    Route("GET", rf"{_REPO}/labels", _EITHER, "list_labels"),
    Route("GET", rf"{_REPO}/labels/(?P<name>[^/]+)", _EITHER, "one_label"),
    Route("POST", rf"{_REPO}/labels", _EITHER, "create_label"),
    Route("POST", rf"{_REPO}/issues/(?P<number>\d+)/labels", _EITHER, "add_labels"),
    Route("GET", rf"{_REPO}/pulls/(?P<number>\d+)", ("pull-requests",), "pull"),
    Route("GET", rf"{_REPO}/pulls/(?P<number>\d+)/files", ("pull-requests",), "files"),
    Route("GET", rf"{_REPO}/commits/(?P<sha>[0-9a-f]+)/pulls", ("pull-requests",), "pulls_of_commit"),
)


class GitHub:
    """The server: its state, its switches, and the calls it had."""

    def __init__(self, *, enterprise: bool = False) -> None:
        """An empty repository; *enterprise* puts the API where GitHub Enterprise Server has it, below `/api/v3`."""
        self.enterprise = enterprise
        self.token = TOKEN
        self.login = BOT
        self.permissions: dict[str, str] = dict(ALL_PERMISSIONS)
        self.faults: list[Fault] = []
        self.foreign_next: str | None = None
        """Another origin, which the `Link` to the next page then names."""
        self.viewer_is_known = True
        """Whether GraphQL tells the token's own login; older servers do not for an installation's token."""
        self.calls: list[Call] = []
        self.issues_by_number: dict[int, dict[str, Any]] = {}
        self.comments_by_id: dict[int, dict[str, Any]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.files_of_pull: dict[int, list[str]] = {}
        self.commits: dict[str, list[int]] = {}
        self.labels: dict[str, dict[str, Any]] = {}
        self.minimized: dict[str, str] = {}
        self._next_id = 1000
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # Where it is

    @property
    def server_url(self) -> str:
        """GITHUB_SERVER_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api_url(self) -> str:
        """GITHUB_API_URL."""
        return self.server_url + ("/api/v3" if self.enterprise else "")

    @property
    def graphql_url(self) -> str:
        """GITHUB_GRAPHQL_URL."""
        return self.server_url + ("/api/graphql" if self.enterprise else "/graphql")

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables by which a runner says where its GitHub is."""
        return {
            "GITHUB_API_URL": self.api_url,
            "GITHUB_GRAPHQL_URL": self.graphql_url,
            "GITHUB_SERVER_URL": self.server_url,
            "GITHUB_REPOSITORY": REPOSITORY,
        }

    # What a test puts there

    def add_pull(
        self, number: int, *, head: str, base: str = "main", merged_as: str | None = None, fork: bool = False
    ) -> None:
        """A pull request with its commits; *merged_as* is the commit that merging it made."""
        owner = "stranger/mail" if fork else REPOSITORY
        self.pulls[number] = {
            "number": number,
            "state": "closed" if merged_as else "open",
            "title": f"Pull request {number}",
            "html_url": f"{self.server_url}/{REPOSITORY}/pull/{number}",
            "user": {"login": "ana", "type": "User"},
            "merged_at": "2026-11-23T09:00:00Z" if merged_as else None,
            "merge_commit_sha": merged_as,
            "head": {"sha": head, "ref": f"topic-{number}", "repo": {"full_name": owner, "fork": fork}},
            "base": {"sha": "0" * 40, "ref": base, "repo": {"full_name": REPOSITORY}},
        }
        self.issues_by_number[number] = self._issue(number, self.pulls[number]["title"], "", [], "ana")
        self.issues_by_number[number]["pull_request"] = {"url": f"{self.api_url}/repos/{REPOSITORY}/pulls/{number}"}
        for sha in (head, merged_as):
            if sha:
                self.commits.setdefault(sha, []).append(number)

    def add_commit(self, sha: str) -> None:
        """A commit that belongs to no pull request."""
        self.commits.setdefault(sha, [])

    def add_comment(self, number: int, body: str, *, login: str = "ana") -> int:
        """A comment by *login* on the issue or pull request *number*; answers with its id."""
        with self._lock:
            comment = self._comment(number, body, login)
            self.comments_by_id[comment["id"]] = comment
            return int(comment["id"])

    def add_issue(self, title: str, body: str, *, labels: Iterable[str] = (), login: str = "ana") -> int:
        """An open issue by *login*; answers with its number."""
        number = max(self.issues_by_number, default=0) + 1
        self.issues_by_number[number] = self._issue(number, title, body, [self._label(name) for name in labels], login)
        return number

    def fail(self, status: int, message: str = "Server Error", **more: Any) -> None:
        """Answer the next requests with *status* instead; see `Fault`."""
        self.faults.append(Fault(status, message, **more))

    def make_read_only(self) -> None:
        """What a fork's pull request, and Dependabot's, gets: a token that may write nothing."""
        self.permissions = dict.fromkeys(self.permissions, "read")

    # What a test reads

    def comments_on(self, number: int) -> list[dict[str, Any]]:
        """The comments of an issue or pull request, oldest first."""
        place = self._issue_url(number)
        return [comment for comment in self.comments_by_id.values() if comment["issue_url"] == place]

    def bodies_on(self, number: int, *, login: str | None = None) -> list[str]:
        """What the comments of *number* say, those by *login* only where one is given."""
        found = self.comments_on(number)
        return [each["body"] for each in found if login in (None, each["user"]["login"])]

    @property
    def issues_list(self) -> list[dict[str, Any]]:
        """The issues that are no pull requests, oldest first."""
        return [issue for issue in self.issues_by_number.values() if "pull_request" not in issue]

    @property
    def writes(self) -> list[Call]:
        """The calls that changed something, or tried to."""
        return [call for call in self.calls if call.method != "GET" and not call.path.endswith("/graphql")]

    @property
    def done(self) -> list[str]:
        """The writes that succeeded, as `METHOD what`, with numbers left out: `PATCH issues/comments`."""
        return [
            f"{call.method} {re.sub(r'/[0-9]+', '', call.path.partition(REPOSITORY)[2]).strip('/')}"
            for call in self.writes
            if call.status < 300
        ]

    def clear_calls(self) -> None:
        """Forget the calls so far."""
        self.calls.clear()

    # The door

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Answer | Fault:
        """The answer to a request, which is written down."""
        parts = urlsplit(target)
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw.decode("utf-8", "replace")
        with self._lock:
            answered = self._answered(method, parts.path, query, headers, body)
            token = headers.get("Authorization", "").partition(" ")[2]
            self.calls.append(Call(method, parts.path, query, body, answered.status, token, dict(headers)))
        return answered

    def _answered(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any
    ) -> Answer | Fault:
        for fault in self.faults:
            if fault.fits(method, path):
                fault.times -= 1
                return fault
        try:
            self._check(method, headers, body)
            if self.server_url + path == self.graphql_url:
                return self._graphql(method, body)
            return self._routed(method, path, query, body)
        except Rejected as rejected:
            return rejected.answer

    def _check(self, method: str, headers: Mapping[str, str], body: Any) -> None:
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if not headers.get("User-Agent"):
            raise Rejected(403, "Request forbidden by administrative rules. Please make sure your request has a "
                                "User-Agent header")  # fmt: skip
        if scheme.lower() not in ("bearer", "token") or token != self.token:
            raise Rejected(401, "Bad credentials")
        if method in ("POST", "PATCH") and not isinstance(body, dict):
            raise Rejected(400, "Problems parsing JSON")

    def _routed(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
        prefix = urlsplit(self.api_url).path
        plain = path.removeprefix(prefix)
        if path.startswith(f"{prefix}/"):
            for route in ROUTES:
                found = re.fullmatch(route.pattern, plain) if route.method == method else None
                if found and found.groupdict().get("repo", REPOSITORY) == REPOSITORY:
                    self._authorize(method, route.permissions)
                    deed: Callable[[Request], Answer] = getattr(self, f"_{route.deed}")
                    return deed(Request(method, path, query, body, found.groupdict()))
        raise Rejected(404, "Not Found")

    def _authorize(self, method: str, permissions: Iterable[str]) -> None:
        needed = _LEVELS["read" if method == "GET" else "write"]
        if all(_LEVELS[self.permissions.get(name, "none")] < needed for name in permissions):
            raise Rejected(403, "Resource not accessible by integration")

    # GraphQL

    def _graphql(self, method: str, body: Any) -> Answer:
        query = body.get("query") if method == "POST" else None
        if not isinstance(query, str):
            raise Rejected(400, "A query attribute must be specified and must be a string.")
        if "minimizeComment" in query:
            return self._minimize(body.get("variables") or {})
        if re.search(r"\bviewer\s*{\s*login\s*}", query) and self.viewer_is_known:
            return Answer(200, {"data": {"viewer": {"login": self.login}}})
        return Answer(200, {"data": None, "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible"}]})

    def _minimize(self, variables: Mapping[str, Any]) -> Answer:
        self._authorize("POST", _EITHER)
        known = {comment["node_id"] for comment in self.comments_by_id.values()}
        subject = next((value for value in variables.values() if value in known), None)
        if subject is None:
            return Answer(200, {"data": None, "errors": [{"type": "NOT_FOUND", "message": "Could not resolve"}]})
        self.minimized[subject] = "OUTDATED"
        return Answer(200, {"data": {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}})

    # REST

    def _user(self, request: Request) -> Answer:
        return Answer(200, {"login": self.login, "type": "Bot" if self.login.endswith("[bot]") else "User"})

    def _repository(self, request: Request) -> Answer:
        return Answer(200, {"full_name": REPOSITORY, "default_branch": "main", "private": True})

    def _issues(self, request: Request) -> Answer:
        query = request.query
        wanted = set(filter(None, query.get("labels", "").split(",")))
        found = [
            issue
            for issue in self.issues_by_number.values()
            if query.get("state", "open") in ("all", issue["state"])
            and wanted <= {label["name"] for label in issue["labels"]}
            and query.get("creator", issue["user"]["login"]) == issue["user"]["login"]
        ]
        newest_first = query.get("direction", "desc") == "desc"
        return self._page(request, sorted(found, key=lambda issue: int(issue["number"]), reverse=newest_first))

    def _create_issue(self, request: Request) -> Answer:
        body = request.body
        self._check_title(body.get("title"))
        self._check_body(body.get("body") or "x", "Issue")
        # A label that does not exist is dropped without a word.
        labels = [self.labels[name] for name in body.get("labels", []) if name in self.labels]
        number = max(self.issues_by_number, default=0) + 1
        self.issues_by_number[number] = self._issue(number, body["title"], body.get("body") or "", labels, self.login)
        return Answer(201, self.issues_by_number[number])

    def _issue_of(self, request: Request) -> dict[str, Any]:
        if request.number not in self.issues_by_number:
            raise Rejected(404, "Not Found")
        return self.issues_by_number[request.number]

    def _one_issue(self, request: Request) -> Answer:
        return Answer(200, self._issue_of(request))

    def _change_issue(self, request: Request) -> Answer:
        issue, body = self._issue_of(request), request.body
        if "title" in body:
            self._check_title(body["title"])
        if "body" in body:
            self._check_body(body["body"] or "x", "Issue")
        if body.get("state", "open") not in ("open", "closed"):
            raise Rejected(422, "Validation Failed", {"resource": "Issue", "code": "invalid", "field": "state"})
        issue.update({key: body[key] for key in ("title", "body", "state", "state_reason") if key in body})
        return Answer(200, issue)

    def _comments(self, request: Request) -> Answer:
        self._issue_of(request)
        return self._page(request, self.comments_on(request.number))

    def _create_comment(self, request: Request) -> Answer:
        is_pull = "pull_request" in self._issue_of(request)
        # Permission for pull requests is none for issues.
        self._authorize("POST", _EITHER if is_pull else ("issues",))
        self._check_body(request.body.get("body"), "IssueComment")
        id = self.add_comment(request.number, request.body["body"], login=self.login)
        return Answer(201, self.comments_by_id[id])

    def _comment_of(self, request: Request) -> dict[str, Any]:
        if request.number not in self.comments_by_id:
            raise Rejected(404, "Not Found")
        return self.comments_by_id[request.number]

    def _one_comment(self, request: Request) -> Answer:
        return Answer(200, self._comment_of(request))

    def _change_comment(self, request: Request) -> Answer:
        comment = self._comment_of(request)
        self._check_body(request.body.get("body"), "IssueComment")
        comment["body"] = request.body["body"]
        return Answer(200, comment)

    def _delete_comment(self, request: Request) -> Answer:
        self._comment_of(request)
        del self.comments_by_id[request.number]
        return Answer(204)

    def _list_labels(self, request: Request) -> Answer:
        return self._page(request, list(self.labels.values()))

    def _one_label(self, request: Request) -> Answer:
        name = unquote(request.words["name"])
        if name not in self.labels:
            raise Rejected(404, "Not Found")
        return Answer(200, self.labels[name])

    def _create_label(self, request: Request) -> Answer:
        name = request.body.get("name")
        if not isinstance(name, str) or not name:
            raise Rejected(422, "Validation Failed", {"resource": "Label", "code": "missing_field", "field": "name"})
        if name in self.labels:
            raise Rejected(422, "Validation Failed", {"resource": "Label", "code": "already_exists", "field": "name"})
        return Answer(201, self._label(name))

    def _add_labels(self, request: Request) -> Answer:
        issue = self._issue_of(request)
        issue["labels"] += [self._label(name) for name in request.body["labels"]]
        return Answer(200, issue["labels"])

    def _pull(self, request: Request) -> Answer:
        if request.number not in self.pulls:
            raise Rejected(404, "Not Found")
        pull = self.pulls[request.number]
        return Answer(200, {**pull, "merged": pull["merged_at"] is not None})

    def _files(self, request: Request) -> Answer:
        return self._page(request, [{"filename": name} for name in self.files_of_pull.get(request.number, [])])

    def _pulls_of_commit(self, request: Request) -> Answer:
        sha = request.words["sha"]
        if sha not in self.commits:
            raise Rejected(422, f"No commit found for SHA: {sha}")
        return self._page(request, [self.pulls[number] for number in self.commits[sha]])

    # Helpers

    def _page(self, request: Request, items: list[dict[str, Any]]) -> Answer:
        size = min(MOST_PER_PAGE, self._natural(request.query, "per_page", USUAL_PER_PAGE))
        page = self._natural(request.query, "page", 1)
        last = max(1, -(-len(items) // size))
        numbers = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page >= last:
            del numbers["next"], numbers["last"]
        if page == 1:
            del numbers["prev"], numbers["first"]
        links = ", ".join(
            f'<{self._page_url(request, number, rel)}>; rel="{rel}"' for rel, number in numbers.items()
        )  # fmt: skip
        return Answer(200, items[(page - 1) * size : page * size], {"Link": links} if links else {})

    def _page_url(self, request: Request, page: int, rel: str) -> str:
        origin = self.foreign_next if rel == "next" and self.foreign_next else self.server_url
        return f"{origin}{request.path}?{urlencode({**request.query, 'page': page})}"

    @staticmethod
    def _natural(query: Mapping[str, str], name: str, usual: int) -> int:
        text = query.get(name, "")
        return int(text) if text.isdecimal() and int(text) > 0 else usual

    @staticmethod
    def _check_body(body: Any, resource: str) -> None:
        if not isinstance(body, str) or not body.strip():
            raise Rejected(422, "Validation Failed", {"resource": resource, "code": "missing_field", "field": "body"})
        if len(body) > LONGEST_BODY or len(body.encode()) > MOST_BYTES:
            words = f"Body is too long (maximum is {LONGEST_BODY} characters)"
            error = {"resource": resource, "code": "unprocessable", "field": "data", "message": words}
            raise Rejected(422, "Validation Failed", error)

    @staticmethod
    def _check_title(title: Any) -> None:
        if not isinstance(title, str) or not title.strip():
            raise Rejected(422, "Validation Failed", {"resource": "Issue", "code": "missing_field", "field": "title"})
        if len(title) > LONGEST_TITLE:
            words = f"title is too long (maximum is {LONGEST_TITLE} characters)"
            raise Rejected(422, "Validation Failed", {"resource": "Issue", "code": "custom", "message": words})

    def _label(self, name: str) -> dict[str, Any]:
        return self.labels.setdefault(name, {"id": self._new_id(), "name": name, "color": "ededed"})

    def _issue(self, number: int, title: str, body: str, labels: list[dict[str, Any]], login: str) -> dict[str, Any]:
        return {
            "id": self._new_id(),
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "state_reason": None,
            "labels": labels,
            "user": self._author(login),
            "html_url": f"{self.server_url}/{REPOSITORY}/issues/{number}",
        }

    def _comment(self, number: int, body: str, login: str) -> dict[str, Any]:
        id = self._new_id()
        kind = "pull" if number in self.pulls else "issues"
        return {
            "id": id,
            "node_id": f"IC_{id}",
            "issue_url": self._issue_url(number),
            "body": body,
            "user": self._author(login),
            "created_at": f"2026-11-23T09:{id // 60 % 60:02}:{id % 60:02}Z",
            "html_url": f"{self.server_url}/{REPOSITORY}/{kind}/{number}#issuecomment-{id}",
        }

    def _issue_url(self, number: int) -> str:
        return f"{self.api_url}/repos/{REPOSITORY}/issues/{number}"

    @staticmethod
    def _author(login: str) -> dict[str, str]:
        return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id


def _handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    """The HTTP side of *github*."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answered = github.answer(
                self.command, self.path, {name.title(): value for name, value in self.headers.items()}, raw
            )
            if isinstance(answered, Fault):
                text = answered.text or json.dumps(refusal(answered.status, answered.message))
            else:
                text = "" if answered.status == 204 else json.dumps(answered.document)
            content = text.encode()
            self.send_response(answered.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            for name, value in answered.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815  # the names that http.server looks for

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing; the calls are kept."""

    return Handler
