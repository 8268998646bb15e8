"""Paths, keys, scopes, order of checks, throttles, pages: contract §2 and the checklist items 1 to 10, 19, 20, 25."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from reconciler.sandbox import BAD_GATEWAY, DATABASE_UNAVAILABLE
from tests.sandbox.support import Api, error, mixed, refused

FORBIDDEN = (403, "authentication_error", "permission_denied", None)
NOT_FOUND = (404, "invalid_request", "not_found", None)


@pytest.mark.parametrize("root", ["/api/projects/1", "/api/environments/1"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_2_1_both_prefixes_and_both_endings_are_served_directly(seed: Api, root: str, slash: str) -> None:
    """Prefix and slash make no difference, and nothing redirects."""
    row = seed.new()

    assert 200 == seed.get(f"{root}/subscriptions{slash}").status_code
    assert 200 == seed.get(f"{root}/subscriptions/{row}{slash}").status_code


@pytest.mark.parametrize("status", [307, 308])
def test_2_1_redirect_mode_keeps_query_and_method(seed: Api, status: int) -> None:
    """/api/environments/ answers 307 (or 308) to the same path under /api/projects/."""
    seed.sandbox.reset(flags=[f"environments-redirect:{status}"])

    response = seed.send("PATCH", "/api/environments/1/subscriptions/7/?a=b", json={})

    assert (status, "/api/projects/1/subscriptions/7/?a=b") == (response.status_code, response.headers["Location"])


def test_2_1_rewrite_mode_names_the_successor(latest: Api) -> None:
    """The newest server answers on the old path, says that it is going, and pages on the new one."""
    latest.new()
    latest.new()

    response = latest.get("/api/environments/1/subscriptions/?limit=1")

    assert 200 == response.status_code
    assert "true" == response.headers["Deprecation"]
    assert '</api/projects/1/subscriptions/?limit=1>; rel="successor-version"' == response.headers["Link"]
    assert "Sunset" in response.headers
    assert "http://sandbox.example/api/projects/1/subscriptions/?limit=1&offset=1" == response.json()["next"]


@pytest.mark.parametrize("flags", [(), ("environments-redirect",)])
def test_2_1_the_successor_is_a_url_whatever_the_path_holds(latest: Api, flags: tuple[str, ...]) -> None:
    """A path is quoted before it goes into a header: an encoded line break must not become one."""
    latest.sandbox.reset("latest", flags=flags or None)

    headers = latest.get("/api/environments/1/a%20b%0d%0aX-Evil:%20%E2%82%AC/").headers

    successor = headers.get("Location") or headers["Link"].partition(">")[0].removeprefix("<")
    assert "/api/projects/1/a%20b%0D%0AX-Evil:%20%E2%82%AC/" == successor
    assert "/api/environments/1/a b\r\nX-Evil: €/" == latest.sandbox.requests()[0].path


def test_2_1_the_other_prefix_carries_no_deprecation(latest: Api) -> None:
    """Only the old path is going away."""
    assert "Deprecation" not in latest.get().headers


def test_2_1_gone_mode_knows_only_projects(seed: Api) -> None:
    """Where the old path is gone it is an unknown endpoint."""
    seed.sandbox.reset(flags=["environments-gone"])

    assert NOT_FOUND == error(seed.get("/api/environments/1/subscriptions/"))
    assert 200 == seed.get().status_code


UNKNOWN_PLACES = {
    "unknown project": "/api/projects/99/subscriptions/",
    "project that is no number": "/api/projects/abc/subscriptions/",
    "project number beyond every integer": f"/api/projects/{'1' * 5000}/subscriptions/",
    "unknown route": "/api/projects/1/nothing/",
    "unknown route with a line break": "/api/projects/1/%0a/",
    "row number that is no integer": "subscriptions/1.5/",
    "negative row number": "subscriptions/-1/",
    "api root": "/api/",
    "unknown row": "subscriptions/99/",
    "row that is no number": "subscriptions/abc/",
    "row number beyond every integer": "subscriptions/99999999999999999999/",
}


@pytest.mark.parametrize("path", **mixed(UNKNOWN_PLACES))
def test_2_1_what_is_not_there_is_404(seed: Api, path: str) -> None:
    """Projects, routes and rows that do not exist answer the same envelope."""
    assert NOT_FOUND == error(seed.get(path))


def test_2_1_the_project_at_current_is_another_one(seed: Api) -> None:
    """`@current` means whatever project the owner last looked at, which is not the one that is meant."""
    seed.new()

    assert 0 == seed.get("/api/projects/@current/subscriptions/").json()["count"]


def test_2_1_a_project_token_in_the_query_switches_the_project(seed: Api) -> None:
    """`?token=` and `?api_key=` win over the path; a wrong one is a 401."""
    seed.new()

    assert 0 == seed.get("subscriptions/?token=phc_other").json()["count"]
    assert (401, "authentication_failed") == error(seed.get("subscriptions/?api_key=phc_wrong"))[::2]


AUTHORIZATIONS: dict[str, tuple[str | None, str]] = {
    "none": (None, "not_authenticated"),
    "lower-case scheme": ("bearer {key}", "not_authenticated"),
    "other scheme": ("Basic {key}", "not_authenticated"),
    "one character": ("Bearer x", "not_authenticated"),
    "unknown key": ("Bearer phx_wrong", "authentication_failed"),
}


@pytest.mark.parametrize(("header", "code"), **mixed(AUTHORIZATIONS))
def test_2_2_without_a_good_key_it_is_401(seed: Api, header: str | None, code: str) -> None:
    """A missing key and a wrong one differ in their code only."""
    headers = {"Authorization": header.format(key=seed.sandbox.key)} if header else {}
    response = seed.http.get("/api/projects/1/subscriptions/", headers=headers)

    assert (401, "authentication_error", code, None) == error(response)
    assert "WWW-Authenticate" not in response.headers


def test_2_2_newer_servers_hint_at_the_way_to_authenticate(latest: Api) -> None:
    """Their 401 carries a WWW-Authenticate header."""
    response = latest.http.get("/api/projects/1/subscriptions/")

    assert response.headers["WWW-Authenticate"].startswith('Bearer resource_metadata="http://sandbox.example/')


def test_2_2_a_key_in_body_or_query_is_accepted_and_never_shown(seed: Api) -> None:
    """So a test can prove that a client does not do it; the log says that it did, without the key."""
    key = seed.sandbox.key
    in_query = seed.http.get("/api/projects/1/subscriptions/", params={"personal_api_key": key})
    in_body = seed.http.post("/api/projects/1/subscriptions/", json={**seed.body(), "personal_api_key": key})

    assert (200, 201) == (in_query.status_code, in_body.status_code)
    logged = seed.sandbox.requests()
    assert "personal_api_key=[redacted]" == logged[0].query
    assert "[redacted]" == logged[1].body["personal_api_key"]
    assert key not in repr(logged)


# A query, and how it is logged.
QUERIES: dict[str, tuple[str, str]] = {
    "nothing secret": ("limit=3&search=a%20b", "limit=3&search=a%20b"),
    "by its name": ("limit=3&personal_api_key=secret+one", "limit=3&personal_api_key=[redacted]"),
    "under an encoded name": ("personal%5Fapi%5Fkey=secret", "personal%5Fapi%5Fkey=[redacted]"),
    "encoded": ("search=%70hx_secret", "search=[redacted]"),
    "a header in the query": ("search=Bearer%20secret", "search=[redacted]"),
    "a project's token": ("token=secret&api_key=secret", "token=[redacted]&api_key=[redacted]"),
}


@pytest.mark.parametrize(("query", "logged"), **mixed(QUERIES))
def test_2_2_no_key_of_a_query_is_logged(seed: Api, query: str, logged: str) -> None:
    """However it is spelled; the rest of the query is logged as it was sent."""
    seed.get(f"subscriptions/?{query}")

    assert logged == seed.sandbox.requests()[0].query
    assert "secret" not in seed.http.get("http://localhost/").text


def test_2_2_the_header_wins_over_the_query(seed: Api) -> None:
    """Only the first place that has a key counts."""
    assert 401 == seed.get(f"subscriptions/?personal_api_key={seed.sandbox.key}", key="phx_wrong").status_code


def test_25_the_authorization_header_is_nowhere_to_be_found(seed: Api) -> None:
    """Neither the log nor the page holds a key, wherever in the request it was."""
    key = seed.sandbox.key
    seed.get(f"subscriptions/{key}/", headers={"User-Agent": f"agent {key}", "X-Other": key})
    seed.patch(seed.new(), title=f"Bearer {key}", **{key: [key]})

    page = seed.http.get("http://localhost/").text

    assert key not in repr(seed.sandbox.requests())
    assert key not in page


SCOPES: dict[str, tuple[tuple[str, ...], str, str, int]] = {
    "reading with read": (("subscription:read",), "GET", "subscriptions/", 200),
    "reading with write": (("subscription:write",), "GET", "subscriptions/", 200),
    "reading with everything": (("*",), "GET", "subscriptions/", 200),
    "reading with another scope": (("insight:read",), "GET", "subscriptions/", 403),
    "reading with none": ((), "GET", "subscriptions/", 403),
    "asking for options with read": (("subscription:read",), "OPTIONS", "subscriptions/", 200),
    "creating with read": (("subscription:read",), "POST", "subscriptions/", 403),
    "changing with read": (("subscription:read",), "PATCH", "subscriptions/1/", 403),
    "replacing with read": (("subscription:read",), "PUT", "subscriptions/1/", 403),
    "deleting with read": (("subscription:read",), "DELETE", "subscriptions/1/", 403),
    "deleting with write": (("subscription:write",), "DELETE", "subscriptions/1/", 405),
}


@pytest.mark.parametrize(("scopes", "method", "path", "status"), **mixed(SCOPES))
def test_2_3_scopes(seed: Api, scopes: tuple[str, ...], method: str, path: str, status: int) -> None:
    """Writing implies reading, `*` implies everything, and the rest is 403."""
    assert status == seed.send(method, path, key=seed.sandbox.new_key(scopes)).status_code


def test_2_3_a_missing_scope_is_named(seed: Api) -> None:
    """The envelope says authentication_error although the key is good; the detail names the scope."""
    response = seed.send("POST", key=seed.sandbox.read_key, json=seed.body())

    assert FORBIDDEN == error(response)
    assert "subscription:write" in response.json()["detail"]


def test_2_3_a_key_for_other_projects_is_403(seed: Api) -> None:
    """A key restricted to other projects does not open this one."""
    key = seed.sandbox.new_key(projects=[2])

    assert FORBIDDEN == error(seed.get(key=key))
    assert 200 == seed.get("/api/projects/2/subscriptions/", key=key).status_code


def test_2_3_a_project_one_may_not_see_is_403(seed: Api) -> None:
    """A project that exists without one's membership is not a 404."""
    assert FORBIDDEN == error(seed.get(f"/api/projects/{seed.sandbox.hidden_project_id}/subscriptions/"))


def test_2_3_an_organisation_may_forbid_keys(seed: Api) -> None:
    """Then even reading is 403."""
    seed.sandbox.reset(flags=["org-forbids-keys"])

    assert FORBIDDEN == error(seed.get())


def test_2_3_a_viewer_may_read_and_not_write(seed: Api) -> None:
    """Access control at the resource comes after the scope."""
    seed.sandbox.reset(flags=["viewer-only"])

    assert 200 == seed.get().status_code
    assert FORBIDDEN == error(seed.post())


def test_2_2_checks_come_in_the_order_of_the_server(seed: Api) -> None:
    """401, scope 403, project 404, premium 402, throttle 429, and only then the body."""
    seed.sandbox.reset(flags=["premium-missing"])
    statuses = [
        seed.send("POST", "/api/projects/99/subscriptions/", key="phx_wrong").status_code,
        seed.send("POST", "/api/projects/99/subscriptions/", key=seed.sandbox.read_key).status_code,
        seed.send("POST", "/api/projects/99/subscriptions/").status_code,
        seed.send("POST", "/api/projects/3/subscriptions/").status_code,
        seed.send("DELETE", "subscriptions/1/").status_code,
    ]

    assert [401, 403, 404, 403, 402] == statuses


def test_2_2_the_throttle_comes_before_the_body_and_after_the_scope(seed: Api) -> None:
    """Once 480 requests were made even a wrong body is 429; a key without the scope is still 403."""
    key = seed.sandbox.new_key(("subscription:read", "subscription:write"))
    seed.send("DELETE", "subscriptions/1/", key=key)
    seed.as_if_asked(479)

    assert 429 == seed.send("POST", key=key, json={}).status_code
    assert 429 == seed.send("DELETE", "subscriptions/1/", key=key).status_code
    assert 200 == seed.get().status_code  # another key, another bucket


MEDIA: dict[str, tuple[dict[str, str], bytes | None, tuple[int, str, str, str | None]]] = {
    "html wanted": ({"Accept": "text/html"}, None, (406, "invalid_request", "not_acceptable", None)),
    "xml sent": (
        {"Content-Type": "application/xml"},
        b"<a/>",
        (415, "invalid_request", "unsupported_media_type", None),
    ),
    "no type": ({"Content-Type": ""}, b"{}", (415, "invalid_request", "unsupported_media_type", None)),
    "broken json": ({"Content-Type": "application/json"}, b"{", (400, "invalid_request", "parse_error", None)),
    "a list": ({"Content-Type": "application/json"}, b"[]", refused("invalid_input", None)),
    "a list without end": (
        {"Content-Type": "application/json"},
        b"[" * 200_000,
        (500, "server_error", "error", None),
    ),
    "half a character": (
        {"Content-Type": "application/json"},
        b'{"target_value": "\\ud800", "target_type": "email"}',
        refused("surrogate_characters_not_allowed", "target_value"),
    ),
    "no utf-8": ({"Content-Type": "application/json"}, b"\xff", (400, "invalid_request", "parse_error", None)),
    "xml wanted": ({"Accept": "application/xml"}, None, (406, "invalid_request", "not_acceptable", None)),
    "a number": ({"Content-Type": "application/json"}, b"7", refused("invalid_input", None)),
    "nothing": ({"Content-Type": "application/json"}, b"", refused("required", "target_type")),
    "infinity": (
        {"Content-Type": "application/json"},
        b'{"interval": NaN}',
        (400, "invalid_request", "parse_error", None),
    ),
}


@pytest.mark.parametrize(("headers", "content", "expected"), **mixed(MEDIA))
def test_2_4_bodies_and_media_types(
    seed: Api, headers: dict[str, str], content: bytes | None, expected: tuple[Any, ...]
) -> None:
    """What cannot be read is refused before any field is looked at."""
    assert expected == error(seed.send("POST", headers=headers, content=content))


def test_2_4_the_last_of_two_equal_keys_wins(seed: Api) -> None:
    """JSON with a key twice is no error."""
    row = seed.new()
    response = seed.send(
        "PATCH",
        f"subscriptions/{row}/",
        content=b'{"title": "a", "title": "b"}',
        headers={"Content-Type": "application/json"},
    )

    assert "b" == response.json()["title"]


def test_2_4_only_the_first_error_is_told_in_the_order_of_the_fields(seed: Api) -> None:
    """Several wrong fields are one error, about the field that comes first on the wire."""
    response = seed.post(count="x", interval="x", target_type="x", byweekday=["monday", "funday"])

    assert refused("invalid_choice", "target_type") == error(response)
    assert refused("invalid_input", "interval") == error(seed.post(count="x", interval="x"))


def test_2_4_field_errors_come_before_rules_across_fields(seed: Api) -> None:
    """A foreign insight is only noticed once every field is right by itself."""
    assert refused("invalid_input", "count") == error(seed.post(insight=1001, count="x"))
    assert refused("invalid_input", "insight") == error(seed.post(insight=1001))


def test_2_4_a_database_that_is_away_is_503_with_one_second(seed: Api) -> None:
    """The newest servers say when to come back."""
    seed.sandbox.faults.add(DATABASE_UNAVAILABLE)
    response = seed.get()

    assert (503, "server_error", "database_unavailable", None) == error(response)
    assert "1" == response.headers["Retry-After"]


def test_2_4_a_proxy_answers_in_html(seed: Api) -> None:
    """A 502 need not be JSON."""
    seed.sandbox.faults.add(BAD_GATEWAY)
    response = seed.get()

    assert (502, "text/html; charset=utf-8") == (response.status_code, response.headers["Content-Type"])


def test_2_5_after_480_requests_in_a_minute_it_is_429(seed: Api) -> None:
    """The answer says in whole seconds when there is room again; what is refused is not counted."""
    first = seed.get().status_code
    seed.as_if_asked(478)
    statuses = [seed.send("HEAD").status_code for _ in range(2)]
    response = seed.get()

    assert [200, 200, 429] == [first, *statuses]
    assert (429, "throttled_error", "throttled", None) == error(response)
    assert response.headers["Retry-After"].isdecimal()
    assert 50 <= int(response.headers["Retry-After"]) <= 60


def test_2_5_after_4800_requests_in_an_hour_it_is_429(seed: Api) -> None:
    """The second window is as long as it is said to be, and so is the wait."""
    seed.get()
    seed.as_if_asked(4798, ago=100)
    statuses = [seed.get().status_code for _ in range(2)]
    response = seed.get()

    assert [200, 429] == statuses
    assert (429, "throttled_error", "throttled", None) == error(response)
    assert 3490 <= int(response.headers["Retry-After"]) <= 3500


def test_2_5_requests_at_once_are_counted_one_by_one(seed: Api) -> None:
    """Threads that draw from one bucket get exactly what is in it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as people:
            waits = list(people.map(lambda _: seed.sandbox.world.draw("bucket", 500, 60.0), range(2000)))
    finally:
        sys.setswitchinterval(interval)

    assert 500 == waits.count(None)


def test_2_5_a_window_slides_and_can_be_made_shorter(latest: Api) -> None:
    """What was refused is not counted, so a window after the last success there is room for all again."""
    row = latest.new()
    latest.sandbox.world.throttle_scale = 1 / 15  # a minute is four seconds: a busy machine needs one for ten
    try:
        statuses = [latest.patch(row, send_test_now=True).status_code for _ in range(10)]
        time.sleep(2)
        refusal = latest.patch(row, send_test_now=True)
        time.sleep(2.2)
        statuses += [latest.patch(row, send_test_now=True).status_code for _ in range(10)]
    finally:
        latest.sandbox.world.throttle_scale = 1.0

    assert [200] * 20 == statuses
    assert 429 == refusal.status_code
    assert int(refusal.headers["Retry-After"]) in (1, 2)


def test_2_5_some_servers_do_not_say_when_to_come_back(seed: Api) -> None:
    """Retry-After is missing with the flag for it."""
    seed.sandbox.reset(flags=["no-retry-after"])
    seed.get()
    seed.as_if_asked(479)
    response = seed.get()

    assert 429 == response.status_code
    assert "Retry-After" not in response.headers


def test_2_5_recordings_and_sessions_are_limited_more_tightly(latest: Api) -> None:
    """240 a minute, in a bucket of their own."""
    first = latest.get("sessions/values?key=x").status_code
    latest.as_if_asked(238)
    answers = [latest.get(path).status_code for path in ("sessions/values?key=x", "session_recordings/x/sharing")]

    assert [200, 200, 429] == [first, *answers]
    assert 200 == latest.get().status_code


def test_2_5_the_limits_can_be_switched_off(seed: Api) -> None:
    """For runs that want to be quick."""
    seed.sandbox.reset(flags=["no-throttle"])

    assert 200 == seed.get().status_code
    assert {} == seed.sandbox.world.throttled


def test_2_6_a_limit_that_is_no_limit_is_100_and_there_is_no_largest(seed: Api) -> None:
    """Zero, negative numbers and nonsense are the default; a huge limit is honoured."""
    for _ in range(101):
        seed.sandbox.add()

    pages = {
        limit: seed.get(f"subscriptions/?limit={limit}").json() for limit in ("0", "-1", "x", "", "2.5", "1000000")
    }

    assert {"0": 100, "-1": 100, "x": 100, "": 100, "2.5": 100, "1000000": 101} == {
        limit: len(page["results"]) for limit, page in pages.items()
    }
    assert {101} == {page["count"] for page in pages.values()}
    assert ["1000000"] == [limit for limit, page in pages.items() if page["next"] is None]


def test_2_6_a_server_may_cap_its_pages(seed: Api) -> None:
    """With the flag a page holds fewer rows than were asked for, and `next` says how many."""
    seed.sandbox.reset(flags=["page-cap:2"])
    for _ in range(3):
        seed.sandbox.add()

    page = seed.get("subscriptions/?limit=50").json()

    assert (2, 3) == (len(page["results"]), page["count"])
    assert "limit=2&offset=2" in page["next"]


PAGES: dict[str, tuple[str, str | None, str | None, int]] = {
    "first": ("limit=2", "limit=2&offset=2", None, 2),
    "middle": ("limit=2&offset=2", "limit=2&offset=4", "limit=2", 2),
    "between": ("limit=2&offset=1", "limit=2&offset=3", "limit=2", 2),
    "last": ("limit=2&offset=4", None, "limit=2&offset=2", 1),
    "beyond": ("limit=2&offset=50", None, "limit=2&offset=48", 0),
    "negative": ("limit=2&offset=-3", "limit=2&offset=2", None, 2),
    "nonsense": ("limit=2&offset=x", "limit=2&offset=2", None, 2),
    "sorted": ("offset=0&limit=2&zz=1&deleted=false", "deleted=false&limit=2&offset=2&zz=1", None, 2),
}


@pytest.mark.parametrize(("query", "following", "previous", "rows"), **mixed(PAGES))
def test_2_6_links_between_pages(seed: Api, query: str, following: str | None, previous: str | None, rows: int) -> None:
    """Absolute links with sorted parameters, the path as it was asked for, and an empty page beyond the end."""
    for _ in range(5):
        seed.sandbox.add()
    path = "/api/environments/1/subscriptions"

    page = seed.get(f"{path}?{query}").json()

    links = [link and link.removeprefix(f"http://sandbox.example{path}?") for link in (page["next"], page["previous"])]
    assert ["count", "next", "previous", "results"] == list(page)
    assert [following, previous] == links
    assert (5, rows) == (page["count"], len(page["results"]))


def test_2_6_links_carry_the_host_of_the_request(seed: Api) -> None:
    """Scheme and host are the request's own."""
    seed.sandbox.add()
    seed.sandbox.add()
    page = seed.send("GET", "subscriptions/?limit=1", headers={"Host": "elsewhere.example:8443"}).json()

    assert page["next"].startswith("http://elsewhere.example:8443/api/projects/1/subscriptions/?")


def test_2_6_links_carry_the_scheme_and_host_a_proxy_forwards(seed: Api) -> None:
    """X-Forwarded-* win over what the connection itself says."""
    seed.sandbox.add()
    seed.sandbox.add()
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "eu.example"}
    page = seed.send("GET", "subscriptions/?limit=1", headers=forwarded).json()

    assert page["next"].startswith("https://eu.example/api/projects/1/subscriptions/?")


def test_2_6_a_written_row_moves_to_the_end_of_an_unordered_list(seed: Api) -> None:
    """The seed server does not order: rows lie as in a heap."""
    first, second, third = (seed.new() for _ in range(3))
    seed.patch(first, title="moved")

    assert [second, third, first] == [row["id"] for row in seed.get().json()["results"]]


def test_2_6_a_write_between_two_pages_skips_one_row_and_repeats_none_or_one(seed: Api) -> None:
    """What the heap does to a reader of pages: the row that slid into the gap is never seen."""
    rows = [seed.new() for _ in range(4)]
    before = seed.get("subscriptions/?limit=2").json()["results"]
    seed.patch(rows[0], title="moved")
    after = seed.get("subscriptions/?limit=2&offset=2").json()["results"]

    assert [rows[0], rows[1], rows[3], rows[0]] == [row["id"] for row in before + after]


def test_2_6_later_servers_list_the_newest_first(latest: Api) -> None:
    """Writing a row does not move it; a new row shifts all others."""
    for minute in range(3):
        latest.sandbox.add(created_at=f"2026-01-01T00:0{minute}:00Z")
    latest.patch(1, title="does not move")

    assert [3, 2, 1] == [row["id"] for row in latest.get().json()["results"]]


def test_2_7_a_body_beyond_20_megabytes_is_500(seed: Api) -> None:
    """Measured: not a 413."""
    response = seed.send("POST", json={"title": "x" * (21 * 1024 * 1024)})

    assert (500, "server_error", "error", None) == error(response)


def test_4_5_delete_is_405_without_a_body_and_lists_delete_as_allowed(seed: Api) -> None:
    """Also for rows that do not exist; nothing is changed."""
    row = seed.new()
    for row_id in (row, 999):
        response = seed.send("DELETE", f"subscriptions/{row_id}/")

        assert (405, b"", "0") == (response.status_code, response.content, response.headers["Content-Length"])
        assert "Content-Type" not in response.headers
        assert "GET, PUT, PATCH, DELETE, HEAD, OPTIONS" == response.headers["Allow"]
    assert seed.sandbox.row(row)["deleted"] is False


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "subscriptions/"), ("POST", "subscriptions/1/"), ("PATCH", "subscriptions/")]
)
def test_4_5_verbs_without_an_action(seed: Api, method: str, path: str) -> None:
    """Older servers refuse a key there, before they look at the verb; later ones answer 405."""
    assert FORBIDDEN == error(seed.send(method, path))

    seed.sandbox.reset("latest")
    assert (405, "invalid_request", "method_not_allowed", None) == error(seed.send(method, path))


def test_5_premium_missing_is_402_for_reads_too(seed: Api) -> None:
    """A plan without the feature answers every method so, with type server_error."""
    seed.sandbox.reset(flags=["premium-missing"])

    assert (402, "server_error", "payment_required", None) == error(seed.get())
    assert (402, "server_error", "payment_required", None) == error(seed.post())


def test_5_a_plan_limit_is_a_400_about_subscription_and_counts_restores(latest: Api) -> None:
    """The sixth row of a free plan is refused, and so is bringing one back; deleted rows do not count."""
    latest.sandbox.reset(flags=["plan-limit", *("later-fields", "target-required")], profile="latest")
    rows = [latest.new() for _ in range(5)]

    assert refused("invalid_input", "subscription") == error(latest.post())
    latest.patch(rows[0], deleted=True)
    latest.new()
    assert refused("invalid_input", "subscription") == error(latest.patch(rows[0], deleted=False))
    assert 200 == latest.patch(rows[1], title="others can still be changed").status_code


def test_5_a_resource_limit_is_a_402_of_its_own_type_with_numbers(latest: Api) -> None:
    """Retrying it would file requests; the numbers say why."""
    latest.sandbox.reset("latest", flags=["resource-limit:2"])
    latest.new()
    latest.new()
    response = latest.post()

    assert (402, "limit_exceeded", "limit_exceeded", None) == error(response)
    extra = response.json()["extra"]
    assert {"limit_key": "analytics.max_subscriptions_per_team", "limit": 2, "current": 2} == {
        name: extra[name] for name in ("limit_key", "limit", "current")
    }


def test_0_options_show_writable_fields_on_later_servers_only(seed: Api) -> None:
    """Presence of a field proves a capability; absence proves nothing."""
    assert "actions" not in seed.send("OPTIONS").json()

    seed.sandbox.reset("latest")
    fields = seed.send("OPTIONS").json()["actions"]["POST"]
    assert fields["send_test_now"]["type"] == "boolean"
    assert fields["title"]["max_length"] == 100
    assert "actions" not in seed.send("OPTIONS", key=seed.sandbox.read_key).json()


def test_head_has_no_body(seed: Api) -> None:
    """HEAD answers as GET does, without a body."""
    response = seed.send("HEAD")

    assert (200, b"") == (response.status_code, response.content)


def test_requests_are_numbered_and_tell_what_was_asked(seed: Api) -> None:
    """Method, path, query, status and JSON body of every request to the API, in order."""
    seed.get("subscriptions/?limit=3")
    seed.patch(99, title="x")

    assert [
        (1, "GET", "/api/projects/1/subscriptions/", "limit=3", 200, None),
        (2, "PATCH", "/api/projects/1/subscriptions/99/", "", 404, {"title": "x"}),
    ] == [(each.number, each.method, each.path, each.query, each.status, each.body) for each in seed.sandbox.requests()]


def test_two_clients_of_one_app_do_not_meet(seed: Api) -> None:
    """The WSGI app keeps no state between requests."""
    with httpx.Client(transport=httpx.WSGITransport(app=seed.sandbox.app), base_url="http://other.example") as other:
        assert 401 == other.get("/api/projects/1/subscriptions/").status_code
        assert 200 == seed.get().status_code
