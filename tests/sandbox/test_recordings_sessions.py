"""Recordings, sharing and session properties in both generations: contract §9, and checklist item 24."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.sandbox.support import Api, error, refused

NOT_FOUND = (404, "invalid_request", "not_found", None)
FORBIDDEN = (403, "authentication_error", "permission_denied", None)


@pytest.mark.parametrize("profile", ["seed", "latest"])
@pytest.mark.parametrize("kind", ["known", "unknown", "no-uuid"])
def test_9_1_deleting_a_recording_is_204_once_and_then_404(seed: Api, profile: str, kind: str) -> None:
    """Also for ids that never existed, which are not checked to be UUIDs."""
    seed.sandbox.reset(profile)
    recording = {"known": seed.sandbox.recordings()[0], "unknown": "018f3c2e-9999-7000-8000-000000000000"}.get(
        kind, kind
    )

    first = seed.send("DELETE", f"session_recordings/{recording}/")
    second = seed.send("DELETE", f"session_recordings/{recording}")

    assert (204, b"") == (first.status_code, first.content)
    assert NOT_FOUND == error(second)
    assert [recording] == seed.sandbox.recordings(deleted=True)


def test_9_1_many_are_deleted_at_once(seed: Api) -> None:
    """Threads share one connection to the database, and do not disturb each other."""
    seed.sandbox.reset(flags=["no-throttle"])
    with ThreadPoolExecutor(8) as people:
        statuses = set(
            people.map(lambda number: seed.send("DELETE", f"session_recordings/r{number}/").status_code, range(200))
        )

    assert {204} == statuses
    assert 200 == len(seed.sandbox.recordings(deleted=True))


def test_9_1_deleting_needs_its_scope(seed: Api) -> None:
    """session_recording:write; subscription scopes do not help."""
    key = seed.sandbox.new_key(("subscription:write", "session_recording:read"))

    assert FORBIDDEN == error(seed.send("DELETE", "session_recordings/x/", key=key))
    assert [] == seed.sandbox.recordings(deleted=True)


def test_9_1_the_service_behind_may_fail(latest: Api) -> None:
    """500 with a code of its own, and the recording is still there."""
    latest.sandbox.reset("latest", flags=["recording-failure"])
    recording = latest.sandbox.recordings()[0]
    response = latest.send("DELETE", f"session_recordings/{recording}/")

    assert (500, "server_error", "recording_api_failure", None) == error(response)
    assert recording in latest.sandbox.recordings()


@pytest.mark.parametrize("recording", ["018f3c2e-0000-7000-8000-000000000008", "never-existed"])
def test_9_2_what_is_not_shared_has_a_fresh_token_each_time(seed: Api, recording: str) -> None:
    """Never 404; only `enabled` means anything."""
    states = [seed.get(f"session_recordings/{recording}/sharing").json() for _ in range(2)]

    assert ["created_at", "enabled", "access_token"] == list(states[0])
    assert [(None, False)] * 2 == [(state["created_at"], state["enabled"]) for state in states]
    assert states[0]["access_token"] != states[1]["access_token"]


def test_9_2_what_is_shared_keeps_its_token(seed: Api) -> None:
    """The token opens a public page: a secret."""
    seed.sandbox.add_recording("mine", shared_at=datetime(2026, 2, 1, tzinfo=UTC), access_token="secret-token")
    expected = {"created_at": "2026-02-01T00:00:00Z", "enabled": True, "access_token": "secret-token"}

    assert [expected] * 2 == [seed.get("session_recordings/mine/sharing/").json() for _ in range(2)]


def test_9_2_some_recordings_are_shared_from_the_start(seed: Api) -> None:
    """So that there is something to find."""
    states = [seed.get(f"session_recordings/{each}/sharing/").json()["enabled"] for each in seed.sandbox.recordings()]

    assert [True, True] + [False] * 6 == states


def test_9_2_later_servers_tell_more(latest: Api) -> None:
    """Four more fields."""
    state = latest.get(f"session_recordings/{latest.sandbox.recordings()[0]}/sharing/").json()

    assert {"settings", "password_required", "share_passwords", "user_access_level"} == state.keys() - {
        "created_at", "enabled", "access_token",
    }  # fmt: skip


def test_9_2_sharing_needs_its_scope(seed: Api) -> None:
    """sharing_configuration:read."""
    assert FORBIDDEN == error(
        seed.get("session_recordings/x/sharing/", key=seed.sandbox.new_key(("subscription:read",)))
    )
    assert 200 == seed.get("session_recordings/x/sharing/", key=seed.sandbox.read_key).status_code


@pytest.mark.parametrize("path", ["sessions/property_definitions", "sessions/values?key=x"])
def test_9_3_the_seed_server_lets_no_key_in(seed: Api, path: str) -> None:
    """The two endpoints have no scope there."""
    assert FORBIDDEN == error(seed.get(path))


@pytest.mark.parametrize("path", ["sessions/property_definitions", "sessions/values?key=x"])
def test_9_3_later_servers_want_query_read(latest: Api, path: str) -> None:
    """And nothing else will do."""
    assert FORBIDDEN == error(latest.get(path, key=latest.sandbox.new_key(("subscription:read",))))
    assert 200 == latest.get(path, key=latest.sandbox.read_key).status_code


def test_9_3_property_definitions(latest: Api) -> None:
    """All of them on one page, each with six fields."""
    found = latest.get("sessions/property_definitions/").json()

    assert ["count", "results"] == list(found)
    assert 37 == found["count"] == len(found["results"])
    assert {
        "id": "$session_duration", "name": "$session_duration", "is_numerical": True, "property_type": "Numeric",
        "is_seen_on_filtered_events": None, "tags": [],
    } in found["results"]  # fmt: skip


def test_9_3_searching_property_definitions(latest: Api) -> None:
    """Every word must be in the name; numerical ones can be asked for."""
    counts = {
        query: latest.get(f"sessions/property_definitions?{query}").json()["count"]
        for query in ("search=utm", "search=utm+SOURCE", "search=zzz", "is_numerical=true", "is_numerical=false")
    }

    assert {
        "search=utm": 5,
        "search=utm+SOURCE": 1,
        "search=zzz": 0,
        "is_numerical=true": 5,
        "is_numerical=false": 32,
    } == counts


def test_9_3_values_want_a_key(latest: Api) -> None:
    """400 without one."""
    response = latest.get("sessions/values")

    assert refused("invalid_input", None) == error(response)
    assert "Key not provided" == response.json()["detail"]


def test_9_3_values(latest: Api) -> None:
    """Channel types are a fixed list, booleans have two values, numbers and unknown keys none."""
    counts = {
        query: len(latest.get(f"sessions/values?key={query}").json()["results"])
        for query in ("$channel_type", "$channel_type&value=PAID", "$is_bounce", "$session_duration", "banana")
    }

    assert {
        "$channel_type": 18, "$channel_type&value=PAID": 5, "$is_bounce": 2, "$session_duration": 0, "banana": 0,
    } == counts  # fmt: skip


def test_9_3_values_are_a_bare_list_on_older_servers_that_let_keys_in(seed: Api) -> None:
    """Newer ones wrap it."""
    seed.sandbox.reset(flags=["sessions-open"])
    assert [{"name": "true"}, {"name": "false"}] == seed.get("sessions/values?key=$is_bounce").json()

    seed.sandbox.reset("latest")
    assert {"results": [{"name": "true"}, {"name": "false"}], "refreshing": False} == seed.get(
        "sessions/values?key=$is_bounce"
    ).json()
