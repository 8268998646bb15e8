"""What an answer means in words, and what of a server's text may be shown."""

import re
import ssl
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api import Place, scrub
from reconciler.errors import NoAnswer, OutOfTime, Refused, ServerError
from reconciler.model import Environment, Request
from reconciler.operations import (
    create_subscription,
    delete_recording,
    list_subscriptions,
    recording_sharing,
    retrieve_subscription,
    session_property_definitions,
    update_subscription,
)
from reconciler.privacy import Key
from tests.api.fakes import KEY, PROJECT, Script, client, envelope

LIST, CREATE = list_subscriptions(), create_subscription({})
READ, UPDATE = retrieve_subscription(7), update_subscription(7, {})
SAID = "What the server said"


def invalid(code: str, attr: str | None) -> httpx.Response:
    """A 400 as the serializers write it (contract §5)."""
    return envelope(400, "validation_error", code, SAID, attr=attr)


def denied(status: int, code: str) -> httpx.Response:
    """A 401 or 403; both have the same type (contract §2.2, §2.3)."""
    return envelope(status, "authentication_error", code, SAID)


def failure(answer: httpx.Response | Exception, request: Request, at: Place | None = None) -> ServerError:
    """The error that *answer* to *request* ends as."""
    sender = client(Script(answer), at=at)
    carry: Callable[[Request], object] = sender.get if request.method == "GET" else sender.send
    if request == LIST:
        carry = sender.rows
    with pytest.raises(ServerError) as caught:
        carry(request)
    return caught.value


CASES = [
    *(
        (CREATE, invalid(code, attr), Refused, f"does not accept this value of {attr}: change it in the manifest")
        for code, attr in [
            ("required", "target_type"),
            ("null", "frequency"),
            ("invalid_choice", "target_type"),
            ("blank", "target_value"),
            ("null_characters_not_allowed", "title"),
            ("max_length", "title"),
            ("invalid_input", "count"),
            ("max_value", "interval"),
            ("min_value", "interval"),
            ("not_a_list", "byweekday"),
            ("invalid_choice", "byweekday__1"),
            ("overflow", "start_date"),
            ("does_not_exist", "insight"),
            ("incorrect_type", "insight"),
            ("invalid_input", "dashboard"),
            ("invalid_input", "dashboard_export_insights"),
            ("invalid_input", "integration_id"),
            ("invalid_input", "enabled"),
        ]
    ),
    (CREATE, invalid("invalid_input", None), Refused, "does not accept these fields together: change the manifest"),
    (CREATE, invalid("invalid_input", "subscription"), Refused, "as many subscriptions as its plan allows: remove one"),
    (UPDATE, invalid("invalid_input", "subscription"), Refused, "12345 on https://us.posthog.com has as many"),
    (
        CREATE,
        envelope(400, "invalid_request", "parse_error", SAID),
        Refused,
        "could not read the request: a proxy may have",
    ),
    (LIST, denied(401, "not_authenticated"), Refused, "a proxy may take the Authorization header away"),
    (
        LIST,
        denied(401, "authentication_failed"),
        Refused,
        "Keys of us.posthog.com and eu.posthog.com differ: if this key",
    ),
    (LIST, httpx.Response(401), Refused, "does not know the key in POSTHOG_PERSONAL_API_KEY: it was revoked"),
    (LIST, denied(403, "permission_denied"), Refused, "needs the scope subscription:read, and access to project 12345"),
    (UPDATE, denied(403, "permission_denied"), Refused, "needs the scope subscription:write, and access to"),
    (delete_recording("r"), denied(403, "permission_denied"), Refused, "needs the scope session_recording:write"),
    (recording_sharing("r"), denied(403, "permission_denied"), Refused, "the scope sharing_configuration:read"),
    (session_property_definitions(), denied(403, "permission_denied"), Refused, "keys with the scope query:read"),
    (LIST, envelope(402, "server_error", "payment_required", SAID), Refused, "not in the plan that project 12345 on"),
    (CREATE, envelope(402, "server_error", "quota_limit_exceeded", SAID), Refused, "set summary_enabled to false, or"),
    (CREATE, envelope(402, "limit_exceeded", "limit_exceeded", SAID), Refused, "Each further try files a request with"),
    (LIST, envelope(404, "invalid_request", "not_found", SAID), Refused, "check project_id .* and host"),
    (READ, envelope(404, "invalid_request", "not_found", SAID), Refused, "does not have this .*: run plan again"),
    (UPDATE, httpx.Response(405, headers={"Allow": "GET, DELETE"}), Refused, "removed by marking it deleted, never by"),
    (UPDATE, envelope(405, "invalid_request", "method_not_allowed", SAID), Refused, "removed by marking it deleted"),
    (READ, envelope(406, "invalid_request", "not_acceptable", SAID), Refused, "a proxy may be changing the request's"),
    (UPDATE, envelope(415, "invalid_request", "unsupported_media_type", SAID), Refused, "a proxy may be changing"),
    (UPDATE, envelope(409, "x", "y", SAID), Refused, "Somebody else is changing the same thing: run plan again"),
    (UPDATE, envelope(413, "x", "y", SAID), Refused, "shorten the longest text in the manifest"),
    (UPDATE, envelope(418, "x", "y", SAID), Refused, "Asking again would not help: look at the server's reason"),
    *(
        (READ, answer, Refused, "not how PostHog answers: check that https://us.posthog.com is the PostHog you mean")
        for answer in [
            httpx.Response(403, html="<h1>Forbidden</h1>"),
            httpx.Response(404, text="no such host"),
            httpx.Response(400, json=["x"]),
            httpx.Response(403, json={"error": "blocked"}),
            httpx.Response(413),
            httpx.Response(404, json={"type": "about:blank", "title": "Not Found", "status": 404}),
            httpx.Response(403, json={"type": "https://httpstatuses.com/403", "code": "403", "detail": "blocked"}),
            httpx.Response(403, json={"type": "authentication_error", "detail": "no code"}),
        ]
    ),
    (READ, envelope(500, "server_error", "error", SAID), NoAnswer, r"\(status 500, error, 5 tries\): check that https"),
    (
        READ,
        httpx.Response(502, html="<h1>Bad Gateway</h1>"),
        NoAnswer,
        r"\(status 502, 5 tries\): check that https://us",
    ),
    (
        UPDATE,
        envelope(500, "server_error", "error", SAID),
        NoAnswer,
        r"\(status 500, error, 1 try\): it may or may not",
    ),
    (
        CREATE,
        httpx.Response(504),
        NoAnswer,
        r"\(status 504, 1 try\): it may or may not have been carried out, run plan",
    ),
    (
        READ,
        envelope(429, "throttled_error", "throttled", SAID, headers={"Retry-After": "3600"}),
        OutOfTime,
        "--timeout",
    ),
    (READ, httpx.ConnectError("x"), NoAnswer, r"\(no connection could be made, 5 tries\): check that https"),
]


@pytest.mark.parametrize(("request_", "answer", "error", "what_to_do"), CASES)
def test_every_status_is_a_sentence_that_says_what_to_do(
    request_: Request, answer: httpx.Response | Exception, error: type[Exception], what_to_do: str
) -> None:
    """The bodies of contract §2 and §5, each as its error, with the server's reason and the way out."""
    failed = failure(answer, request_)

    assert error is type(failed)
    assert re.search(what_to_do, str(failed)), str(failed)


def test_a_refusal_names_the_request_the_facts_and_the_servers_reason() -> None:
    """One sentence of each: what was asked, what came back, what the server said, what to do."""
    failed = failure(envelope(400, "validation_error", "max_length", "Too long.", attr="title"), UPDATE)
    answer = failed.attempted.answer

    assert (400, "validation_error", "max_length", "title", "Too long.") == (
        answer.status,
        answer.type,
        answer.code,
        answer.attr,
        answer.detail,
    )
    assert (
        "PATCH subscriptions/7/: 400 max_length (title): Too long. The server does not accept this value of title: "
        "change it in the manifest"
    ) == str(failed)


@pytest.mark.parametrize(
    ("host", "tail"),
    [
        (
            "https://us.posthog.com",
            "differ: if this key was made on eu.posthog.com, write host: https://eu.posthog.com",
        ),
        (
            "https://eu.posthog.com",
            "differ: if this key was made on us.posthog.com, write host: https://us.posthog.com",
        ),
        ("https://posthog.example.com", "Keys of us.posthog.com and eu.posthog.com differ"),
    ],
)
def test_a_key_of_the_other_region_is_explained(host: str, tail: str) -> None:
    """401 says that keys of the two regions differ, and names the other one."""
    at = Place(Environment("production", host, "12345", "POSTHOG_EU_KEY"), Key(KEY))

    assert str(failure(denied(401, "authentication_failed"), LIST, at)).endswith(tail)


@pytest.mark.parametrize(
    ("prefix", "what"),
    [
        ("phc_", "is the key of a project, which can only send events in: make a personal API key"),
        ("phs_", "is a project's secret key"),
        ("pha_", "is an OAuth token"),
        ("phr_", "is an OAuth refresh token"),
    ],
)
def test_a_key_of_another_sort_is_explained(prefix: str, what: str) -> None:
    """A key that can never work here is told by its prefix, without being shown."""
    failed = failure(denied(401, "authentication_failed"), LIST, Place(PROJECT, Key(prefix + "s3cret" * 8)))

    assert (True, False) == (what in str(failed), "s3cret" in str(failed))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key {KEY} is bad", "key *** is bad"),
        ("key phx_AbCdEf123456 and phc_zzzzzzzz", "key *** and ***"),
        ("see https://hooks.slack.com/services/T0/B0/s3cret now", "see https://hooks.slack.com/*** now"),
        ("see https://example.com?token=s3cret", "see https://example.com/***"),
        ("see https://ana:pw@example.com/x", "see https://example.com/***"),
        ("see https://example.com", "see https://example.com"),
        (
            '"ana@example.com" is not valid, "Bo <bo@example.org>"',
            '"a***@example.com" is not valid, "Bo <b***@example.org>"',
        ),
        ("\x1b[2J\x07gone\r\n\x9b", "\\x1b[2J\\x07gone\\r\\n\\x9b"),
        ("abc\u202edcb\u2066\u200b\u2028", "abc\\u202edcb\\u2066\\u200b\\u2028"),
        ("\ud800", "\\ud800"),
        ("Grüße, 日本", "Grüße, 日本"),
        ("x" * 600, "x" * 500 + "…"),
        ("ana%40example.com, https://x.example/?to=ana%40example.com", "a***@example.com, https://x.example/***"),
        ("ana%2540example.com", "a***@example.com"),
        ("key phx%5FAbCdEf123456", "key ***"),
        (f"https://x.example/{'a' * 1975} ana.lastname@example.com", "https://x.example/***…"),
        (f"https://x.example/{'a' * 1960} ana.lastname@example.com", "https://x.example/***…"),
        (f"https://x.example/{'a' * 1970} phx_AbCdEf123456", "https://x.example/***…"),
        ("x" * 2001, "…"),
    ],
)
def test_a_servers_text_is_scrubbed(text: str, expected: str) -> None:
    """No key, no path of a URL, no whole address, no character a terminal obeys, no endless text."""
    assert expected == scrub(text, Key(KEY))


@given(st.text(), st.text())
def test_no_text_hides_the_key_or_an_escape(before: str, after: str) -> None:
    """Whatever surrounds it, the key does not get through, and everything printed prints."""
    shown = scrub(before + KEY + after, Key(KEY))

    assert (False, True) == (KEY in shown, shown.isprintable())


def test_an_empty_key_hides_nothing() -> None:
    """Text is not torn apart where there is no key to look for."""
    assert "plain" == scrub("plain", Key(""))


def test_every_part_of_an_answer_is_scrubbed() -> None:
    """Type, code and attr are text of the server as well."""
    failed = failure(envelope(400, "a\x1b[1m", f"b{KEY}", "https://x.example/s3cret", attr="c@example.com"), UPDATE)
    answer = failed.attempted.answer

    assert ("a\\x1b[1m", "b***", "c***@example.com", "https://x.example/***") == (
        answer.type,
        answer.code,
        answer.attr,
        answer.detail,
    )
    assert str(failed).isprintable()


def test_parts_of_another_shape_are_left_out() -> None:
    """An envelope whose parts are no texts is still an answer."""
    answer = failure(httpx.Response(400, json={"type": "x", "code": 7, "detail": ["y"], "attr": {}}), UPDATE).attempted

    assert ("x", None, None, None) == (answer.answer.type, answer.answer.code, answer.answer.detail, answer.answer.attr)


def test_a_certificate_that_cannot_be_verified_is_final_and_says_how_to_trust_ones_own() -> None:
    """It is not tried again, and the sentence names SSL_CERT_FILE."""
    cause = ssl.SSLCertVerificationError("self-signed certificate")
    error = httpx.ConnectError("x")
    error.__cause__ = cause
    script = Script(error)

    with pytest.raises(Refused, match=r"the certificate of https://us.posthog.com cannot be verified.*SSL_CERT_FILE"):
        client(script).get(READ)
    assert 1 == len(script.requests)
