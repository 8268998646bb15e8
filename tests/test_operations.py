"""The nine operations of the seed page, and the requests made of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import operations
from reconciler.model import Request


def test_the_page_has_nine_operations() -> None:
    """Method, path and scope are those of the page; only the hard delete of a subscription is never sent."""
    actual = [(each.method, each.path, each.scope, each.sent) for each in operations.SEED_PAGE]

    assert [
        ("DELETE", "session_recordings/:id", "session_recording:write", True),
        ("GET", "session_recordings/:recording_id/sharing", "sharing_configuration:read", True),
        ("GET", "sessions/property_definitions", None, True),
        ("GET", "sessions/values", None, True),
        ("GET", "subscriptions", "subscription:read", True),
        ("POST", "subscriptions", "subscription:write", True),
        ("GET", "subscriptions/:id", "subscription:read", True),
        ("PATCH", "subscriptions/:id", "subscription:write", True),
        ("DELETE", "subscriptions/:id", "subscription:write", False),
    ] == actual


def test_what_is_never_sent_says_why() -> None:
    """An operation that is not sent carries the reason."""
    assert ['the server always answers 405; a subscription is removed by PATCH {"deleted": true}'] == [
        each.why for each in operations.SEED_PAGE if not each.sent
    ]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (operations.list_subscriptions(), Request("GET", "subscriptions/", query={"ordering": "created_at"})),
        (
            operations.list_subscriptions(deleted=True),
            Request("GET", "subscriptions/", query={"ordering": "created_at", "deleted": "true"}),
        ),
        (operations.retrieve_subscription(4218), Request("GET", "subscriptions/4218/")),
        (operations.create_subscription({"a": 1}), Request("POST", "subscriptions/", {"a": 1})),
        (operations.update_subscription(7, {"a": 1}), Request("PATCH", "subscriptions/7/", {"a": 1})),
        (operations.delete_recording("01-ab"), Request("DELETE", "session_recordings/01-ab/")),
        (operations.recording_sharing("01-ab"), Request("GET", "session_recordings/01-ab/sharing/")),
        (operations.session_property_definitions(), Request("GET", "sessions/property_definitions/")),
        (
            operations.session_property_definitions("utm", numerical=False),
            Request("GET", "sessions/property_definitions/", query={"search": "utm", "is_numerical": "false"}),
        ),
        (operations.session_values("$k"), Request("GET", "sessions/values/", query={"key": "$k"})),
        (
            operations.session_values("$k", "ab"),
            Request("GET", "sessions/values/", query={"key": "$k", "value": "ab"}),
        ),
    ],
)
def test_each_operation_builds_its_request(request_: Request, expected: Request) -> None:
    """A request is a method, a path relative to the project, a body and a query."""
    assert expected == request_


@pytest.mark.parametrize("number", range(9))
def test_a_request_is_recognised_with_and_without_its_last_slash(number: int) -> None:
    """Every operation is found by its own method and path, and by no other."""
    operation = operations.SEED_PAGE[number]
    path = operation.path.replace(":recording_id", "x").replace(":id", "17")

    assert [operation, operation] == [operations.find(Request(operation.method, path + end)) for end in ("", "/")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "subscriptions/4218/"),
        ("POST", "subscriptions/4218/"),
        ("POST", "subscriptions/4218/test-delivery/"),
        ("DELETE", "subscriptions/"),
        ("GET", "dashboards/"),
        ("GET", "subscriptions/../../999/subscriptions/"),
        ("GET", "subscriptions/../"),
        ("PATCH", "subscriptions//"),
        ("GET", "subscriptions/?limit=1"),
        ("GET", "subscriptions/1#x/"),
        ("GET", "/subscriptions/"),
    ],
)
def test_what_the_page_does_not_have_is_not_recognised(method: str, path: str) -> None:
    """Other verbs, other paths and paths that lead elsewhere are no operation."""
    assert operations.find(Request(method, path)) is None


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "/"])
def test_an_id_that_could_name_another_path_is_refused(id: str) -> None:
    """An id is exactly one segment of a path."""
    with pytest.raises(ValueError, match="one part of a path"):
        operations.retrieve_subscription(id)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_other_id_stays_one_segment(id: str) -> None:
    """Whatever an id holds, the request is about one recording and has no query."""
    if "/" in id or id in (".", ".."):
        return
    path = operations.delete_recording(id).path

    assert (3, False) == (len(path.split("/")), bool(set(path) & set("?#\\ ")))
