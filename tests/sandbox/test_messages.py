"""Who is told, when, and why: contract §7, and checklist items 12, 16 and 22. The oracle of every test against spam."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.support import NOW, SLACK, Api, error, mixed

ALL = ["ana@x.example create", "bo@x.example create"]

# On each server: the fields of a create, and who is told.
CREATED: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "email": ({}, ALL, ALL),
    "email, asked not to": ({"send_test_now": False}, ALL, []),
    "email, asked to": ({"send_test_now": True}, ALL, ALL),
    "email, disabled": ({"enabled": False}, ALL, []),
    "email, born deleted": ({"deleted": True}, ALL, []),
    "spaces and twins": (
        {"target_value": "a@x, b@x,a@x, a@x,,"},
        ["a@x create", "b@x create", "a@x create"],
        ["a@x create", "b@x create"],
    ),
    "slack": (dict(SLACK), ["C123 create"], ["C123 create"]),
    "slack, asked not to": ({**SLACK, "send_test_now": False}, ["C123 create"], []),
}


@pytest.mark.parametrize(("fields", "told", "told_later"), **mixed(CREATED))
def test_7_a_create(seed: Api, fields: dict[str, Any], told: list[str], told_later: list[str]) -> None:
    """Everybody at once; only later servers can be asked not to."""
    seed.new(**fields)
    assert told == seed.told()

    seed.sandbox.reset("latest")
    seed.new(**fields)
    assert told_later == seed.told()


def test_7_a_webhook_never_delivers(seed: Api) -> None:
    """It is accepted, and nothing comes of it."""
    seed.new(target_type="webhook", target_value="https://x.example/")

    assert [] == seed.told()


TEAMS = (
    "https://a.webhook.office.com/secret",
    "https://a.webhook.office.com?secret",
    "https://a.webhook.office.com#secret",
    "https://secret:secret@a.webhook.office.com:443/secret",
)


def test_7_teams_are_told_by_host(latest: Api) -> None:
    """The URL is a secret and not in the outbox."""
    for url in TEAMS:
        latest.new(target_type="teams", target_value=url)

    assert ["a.webhook.office.com create"] * len(TEAMS) == latest.told()
    assert "secret" not in repr(latest.sandbox.outbox())


# On each server: the fields of a PATCH of a row to "ana@x.example,bo@x.example", and who is told.
PATCHED: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "nothing": ({}, [], []),
    "title": ({"title": "new"}, [], []),
    "schedule": ({"interval": 3}, [], []),
    "soft delete": ({"deleted": True}, [], []),
    "one more": (
        {"target_value": "ana@x.example,bo@x.example,cy@x.example"}, ["cy@x.example added"], ["cy@x.example added"],
    ),
    "one less": ({"target_value": "ana@x.example"}, [], []),
    "another order": ({"target_value": "bo@x.example,ana@x.example"}, [], []),
    "a space after the comma": ({"target_value": "ana@x.example, bo@x.example"}, ["bo@x.example added"], []),
    "another case": (
        {"target_value": "Ana@x.example,bo@x.example"}, ["Ana@x.example added"], ["Ana@x.example added"],
    ),
    "the same again": ({"target_value": "ana@x.example,bo@x.example"}, [], []),
    "one more while deleting": ({"target_value": "cy@x.example", "deleted": True}, ["cy@x.example added"], []),
    "one more, asked not to": (
        {"target_value": "cy@x.example", "send_test_now": False}, ["cy@x.example added"], [],
    ),
    "one more while disabling": ({"target_value": "cy@x.example", "enabled": False}, ["cy@x.example added"], []),
    "a test, asked for": ({"send_test_now": True}, [], ["ana@x.example test", "bo@x.example test"]),
    "another dashboard": ({"dashboard": 41}, [], ["ana@x.example content", "bo@x.example content"]),
    "another dashboard, asked not to": ({"dashboard": 41, "send_test_now": False}, [], []),
    "other exports": (
        {"dashboard_export_insights": [42]}, [], ["ana@x.example content", "bo@x.example content"],
    ),
    "the same exports in another order": ({"dashboard_export_insights": [44, 43, 42]}, [], []),
    "another config": ({"delivery_config": {"a": 1}}, [], ["ana@x.example content", "bo@x.example content"]),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "told", "told_later"), **mixed(PATCHED))
def test_7_a_patch(seed: Api, fields: dict[str, Any], told: list[str], told_later: list[str]) -> None:
    """New addresses only, by exact text on older servers; later ones also deliver what else concerns readers."""
    for profile, expected in (("seed", told), ("latest", told_later)):
        seed.sandbox.reset(profile)
        seed.sandbox.set_now(NOW)
        row = seed.new()
        seed.sandbox.clear_outbox()

        response = seed.patch(row, **fields)

        assert 200 == response.status_code, response.text
        assert expected == seed.told()


SLACK_PATCHED: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "the name of the channel": ({"target_value": "C123|#renamed"}, ["C123 added"], ["C123 added"]),
    "another channel": ({"target_value": "C999|#other"}, ["C999 added"], ["C999 added"]),
    "title": ({"title": "new"}, [], []),
    "another workspace": ({"integration_id": 2}, [], ["C123 content"]),
    "to e-mail": (
        {"target_type": "email", "target_value": "cy@x.example"}, ["cy@x.example added"], ["cy@x.example added"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "told", "told_later"), **mixed(SLACK_PATCHED))
def test_7_a_patch_of_a_slack_row(seed: Api, fields: dict[str, Any], told: list[str], told_later: list[str]) -> None:
    """Even the part after the bar is a change."""
    for profile, expected in (("seed", told), ("latest", told_later)):
        seed.sandbox.reset(profile)
        row = seed.new(**SLACK)
        seed.sandbox.clear_outbox()

        seed.patch(row, **fields)

        assert expected == seed.told()


@pytest.mark.parametrize("profile", ["seed", "latest"])
def test_7_restoring_tells_everybody_at_the_next_run(seed: Api, profile: str) -> None:
    """Nothing now; the old date is stale, so the scheduler delivers out of turn, once."""
    seed.sandbox.reset(profile)
    seed.sandbox.set_now(NOW)
    row = seed.new()
    seed.patch(row, deleted=True)
    seed.sandbox.set_now(NOW + timedelta(days=10))
    seed.sandbox.clear_outbox()

    restored = seed.patch(row, deleted=False).json()

    assert ("2026-03-02T09:00:00Z", []) == (restored["next_delivery_date"], seed.told())
    seed.sandbox.tick(NOW + timedelta(days=10, minutes=1))
    assert ["ana@x.example restore-stale", "bo@x.example restore-stale"] == seed.told()
    seed.sandbox.tick(NOW + timedelta(days=17))
    assert ["ana@x.example schedule", "bo@x.example schedule"] == seed.told()[2:]


def test_7_restoring_with_a_changed_schedule_is_not_stale(seed: Api) -> None:
    """The date is computed again, so nothing is sent out of turn."""
    row = seed.new(deleted=True)
    seed.sandbox.set_now(NOW + timedelta(days=10))
    seed.sandbox.clear_outbox()
    seed.patch(row, deleted=False, start_date="2026-01-05T09:30:00Z")

    assert [] == seed.sandbox.tick(NOW + timedelta(days=10, minutes=1))


def test_7_restoring_before_the_date_is_a_regular_delivery(seed: Api) -> None:
    """A row that was gone for a moment missed nothing."""
    row = seed.new(deleted=True)
    seed.patch(row, deleted=False)
    seed.sandbox.clear_outbox()
    seed.sandbox.tick(NOW + timedelta(hours=1))

    assert ["ana@x.example schedule", "bo@x.example schedule"] == seed.told()


def test_7_enabling_again_confirms_to_everybody_unless_asked_not_to(latest: Api) -> None:
    """Pausing tells nobody."""
    row = latest.new(enabled=False)
    latest.patch(row, enabled=True)
    assert ["ana@x.example enabled", "bo@x.example enabled"] == latest.told()

    latest.patch(row, enabled=False)
    latest.patch(row, enabled=True, send_test_now=False)
    assert 2 == len(latest.told())


def test_7_nothing_to_deliver_tells_nobody(seed: Api) -> None:
    """A row without content, or about content that was deleted, is silent."""
    seed.new(dashboard=None)
    row = seed.new()
    seed.sandbox.clear_outbox()
    seed.sandbox.remove_dashboard(42)
    seed.patch(row, target_value="cy@x.example")

    assert [] == seed.told()


def test_7_slack_without_any_integration_tells_nobody(seed: Api) -> None:
    """The seed server posts through the team's first one."""
    for integration in seed.sandbox.integrations:
        seed.sandbox.remove_integration(integration)
    seed.new(**SLACK)

    assert [] == seed.told()


def test_7_a_message_names_the_write_that_caused_it(seed: Api) -> None:
    """Who, why, which request, which row."""
    seed.get()
    row = seed.new(title="Growth")
    message = seed.sandbox.outbox()[0]

    assert (row, "ana@x.example", "email", "create", 2, "Growth", NOW) == (
        message.subscription_id,
        message.recipient,
        message.channel,
        message.why,
        message.write,
        message.title,
        message.at,
    )


def test_7_a_refused_write_tells_nobody(seed: Api) -> None:
    """Not even when only the last field is wrong."""
    seed.post(until_date="x")

    assert [] == seed.told()


def test_7_a_test_delivery_reaches_everybody(latest: Api) -> None:
    """202; 404 for a deleted row and 409 for a disabled one."""
    row = latest.new(send_test_now=False)

    assert 202 == latest.send("POST", f"subscriptions/{row}/test-delivery/").status_code
    assert ["ana@x.example test", "bo@x.example test"] == latest.told()
    latest.patch(row, enabled=False)
    assert 409 == latest.send("POST", f"subscriptions/{row}/test-delivery/").status_code
    latest.patch(row, deleted=True)
    assert 404 == latest.send("POST", f"subscriptions/{row}/test-delivery/").status_code


def test_7_the_seed_server_knows_no_test_delivery(seed: Api) -> None:
    """The endpoint came later."""
    assert 404 == seed.send("POST", f"subscriptions/{seed.new()}/test-delivery/").status_code


def test_2_5_ten_tests_a_minute_for_the_whole_team(latest: Api) -> None:
    """Whichever key asks, and in whichever of the two ways."""
    row = latest.new()
    statuses = [latest.patch(row, send_test_now=True).status_code for _ in range(9)]
    other_key = latest.sandbox.new_key()
    statuses += [
        latest.send("POST", f"subscriptions/{row}/test-delivery/", key=other_key).status_code for _ in range(2)
    ]
    response = latest.patch(row, send_test_now=True)

    assert [200] * 9 + [202, 429] == statuses
    assert (429, "throttled_error", "throttled", None) == error(response)
    assert 200 == latest.patch(row, send_test_now=False).status_code


def test_8_a_mail_carries_a_link_that_unsubscribes_its_reader(seed: Api) -> None:
    """Once; for thirty days; in the spelling of the row."""
    row = seed.new(target_value="a@x, b@x")
    link = seed.sandbox.outbox()[1].unsubscribe_link
    assert link

    assert 200 == seed.http.get(link).status_code
    assert "a@x" == seed.sandbox.row(row)["target_value"]
    assert 400 == seed.http.get(link).status_code
    assert 400 == seed.http.get("/unsubscribe?token=wrong").status_code


def test_8_a_link_dies_after_thirty_days(seed: Api) -> None:
    """Old mail does nothing."""
    seed.new()
    link = seed.sandbox.outbox()[0].unsubscribe_link
    assert link
    seed.sandbox.set_now(datetime(2026, 4, 2, tzinfo=UTC))

    assert 400 == seed.http.get(link).status_code
    assert "ana@x.example,bo@x.example" == seed.sandbox.rows()[0]["target_value"]


def test_8_the_unsubscribe_link_leaves_no_trace_in_the_api(seed: Api) -> None:
    """A client sees only that the row is shorter."""
    seed.new()
    link = seed.sandbox.outbox()[0].unsubscribe_link
    assert link
    seed.sandbox.clear_requests()
    seed.http.get(link)

    assert [] == seed.sandbox.requests()
