"""The kind Subscription: reading rows and manifests, what a row should become, and the calls that make it so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import diff
from reconciler.kinds.effects import Generation
from reconciler.kinds.subscription import Subscription
from reconciler.model import Cause, Config, Live, Request, Severity
from reconciler.privacy import Address, Private, Recipients, show
from reconciler.resource import Edit, Wish
from reconciler.sandbox import Sandbox
from tests.kinds.support import TAG, Server, body_of, live, pending, said, settled, wanted
from tests.scenes import PRODUCTION, SUBSCRIPTION, manifest, raw

SEED, M3, N, X = Generation.SEED, Generation.M3, Generation.N, Generation.X
ANA, BO, CY = "ana@example.com", "bo@example.com", "cy@example.com"


# Reading


def test_a_manifest_is_worked_out() -> None:
    """Groups are opened, each person once; references are numbers; dates are UTC; what is left out has its default."""
    config = Config(
        "growth",
        (PRODUCTION,),
        references={"insights": {"funnel": {"production": 17}}},
        recipients={"team": (BO, "Ana@example.com", "bo@EXAMPLE.com")},
    )
    given = manifest(
        title="  Weekly ",
        dashboard=...,
        insight="funnel",
        target_value=[ANA, "@team", CY],
        byweekday=["friday", "monday"],
        interval=...,
        start_date="2026-01-05T10:00:00+01:00",
        until_date="2026-12-31T23:59:59.5Z",
        invite_message="Hello",
    )
    desired = SUBSCRIPTION.desired(given, config, PRODUCTION)

    assert {
        "title": "Weekly",
        "dashboard": None,
        "insight": 17,
        "target_type": "email",
        "target_value": [ANA, BO, "Ana@example.com", CY],
        "frequency": "weekly",
        "interval": 1,
        "byweekday": ("monday", "friday"),
        "bysetpos": None,
        "count": None,
        "start_date": "2026-01-05T09:00:00Z",
        "until_date": "2026-12-31T23:59:59Z",
    } == {**desired.fields, "target_value": desired.fields["target_value"].text.split(",")}
    assert {"invite_message": "Hello"} == desired.write_only
    assert not desired.tombstone


def test_the_address_that_a_manifest_writes_keeps_its_spelling() -> None:
    """The first spelling is the one that is sent."""
    assert (
        "ana@Example.COM,bo@example.com"
        == wanted(target_value="ana@Example.COM, bo@example.com").fields["target_value"].text
    )


def test_fields_of_later_servers_are_ours_only_when_named() -> None:
    """One that is left out is neither compared nor sent; a list is a set, text is trimmed as the server trims it."""
    named = wanted(dashboard_export_insights=[3, 1, 3], enabled=False, summary_prompt_guide=" short ").fields

    assert ((1, 3), False, "short") == tuple(
        named[name] for name in ("dashboard_export_insights", "enabled", "summary_prompt_guide")
    )
    assert wanted().fields.keys().isdisjoint({"enabled", "integration_id", "summary_enabled"})


def test_a_tombstone_has_no_fields() -> None:
    """It says only that its row is to go, and which."""
    desired = wanted(deleted=True, id={"production": 7})

    assert (True, {}, 7) == (desired.tombstone, dict(desired.fields), desired.id)


def test_a_row_is_read_with_its_tag_apart() -> None:
    """Facts that are not compared are kept beside the fields (trap T-10)."""
    row = live(X, title="Weekly [growth:weekly]", next_delivery_date="2026-03-09T09:00:00.000000Z", deleted=True)

    assert ("Weekly", TAG, True) == (row.fields["title"], row.tag, row.deleted)
    assert ("2026-03-09T09:00:00Z", X) == (row.facts.next_delivery, row.facts.generation)
    assert Address("dev@example.com") == row.creator


@pytest.mark.parametrize("row", [None, [], "row", {}, {"id": "5"}, {"id": None}, {"id": True}])
def test_what_is_no_row_is_refused(row: Any) -> None:
    """A row has a number."""
    with pytest.raises(ValueError, match="not a subscription"):
        SUBSCRIPTION.decode(row)


def test_only_a_true_deleted_is_deleted() -> None:
    """Whatever else a server may answer there."""
    assert [True, False, False] == [live(deleted=value).deleted for value in (True, "false", None)]


JUNK: tuple[Any, ...] = (None, "", "x", 0, -1, 5, True, [], ["x"], [{"a": 1}], {"a": 1}, 2.5, "2026-99-99T09:00:00Z")


@given(
    st.fixed_dictionaries({name: st.sampled_from(JUNK) for name in [*raw(), "enabled", "dashboard_export_insights"]})
)
def test_any_row_can_be_read_and_edited(row: dict[str, Any]) -> None:
    """Servers change, and other people's rows are not ours to judge; what no manifest could have differs from it."""
    found = SUBSCRIPTION.decode({**row, "id": 5})
    want = wanted()
    edit = pending(found, want)

    assert SUBSCRIPTION.likeness(want, found) in (None, "the same schedule")
    assert SUBSCRIPTION.edit(edit).requests[0].path == "subscriptions/5/"


def test_a_target_type_nobody_has_heard_of_is_nobodys_twin() -> None:
    """A row of a later server is read, masked, and left alone."""
    row = live(X, target_type="carrier-pigeon", target_value="https://example.com/secret", title="Weekly")

    assert SUBSCRIPTION.likeness(wanted(), row) is None
    assert "secret" not in repr(row)
    assert ("target_type", "target_value") == pending(row, wanted()).changed


ONE_THING = [
    ({"target_value": "ana@example.com,bo@example.com"}, {"target_value": ["bo@example.com", "ana@example.com"]}),
    ({"target_value": "ana@example.com , bo@Example.com"}, {"target_value": ["bo@example.com", "ana@example.com"]}),
    ({"byweekday": ["friday", "monday", "friday"]}, {"byweekday": ["monday", "friday"]}),
    ({"byweekday": []}, {"byweekday": None}),
    ({"byweekday": None}, {"byweekday": []}),
    ({"byweekday": None}, {"byweekday": ...}),
    ({"start_date": "2026-01-05T09:00:00.000001Z"}, {"start_date": "2026-01-05T10:00:00+01:00"}),
    ({"start_date": "2026-01-05T09:00:00"}, {}),
    ({"until_date": "2026-12-31T00:00:00Z"}, {"until_date": "2026-12-31T01:00:00+01:00"}),
    ({"title": " Weekly   [growth:weekly] "}, {"title": " Weekly "}),
    ({"title": "[growth:weekly]"}, {"title": ""}),
    ({"title": "[growth:weekly]"}, {"title": None}),
    ({"title": "[growth:weekly]"}, {"title": ...}),
    ({"target_type": "slack", "target_value": "C1|#renamed"}, {"target_type": "slack", "target_value": "C1|#growth"}),
    ({"target_type": "teams", "target_value": "one.webhook.office.com"},
     {"target_type": "teams", "target_value": "https://one.webhook.office.com/secret"}),
    ({"dashboard_export_insights": [3, 1]}, {"dashboard_export_insights": [1, 3]}),
    ({"summary_prompt_guide": "short"}, {"summary_prompt_guide": " short"}),
    ({"interval": 1}, {"interval": ...}),
    ({"enabled": True, "delivery_config": {"post_all_insights_in_main_message": False}}, {}),
    ({"next_delivery_date": "2027-01-01T00:00:00Z", "summary": "sent every year", "invite_message": "x"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("row", "spec"), ONE_THING)
def test_two_spellings_of_one_thing_plan_nothing(row: dict[str, Any], spec: dict[str, Any]) -> None:
    """Compared as the server means it, because writing a difference of spelling mails people (design §5)."""
    assert () == pending(live(**row), wanted(**spec)).changed


@pytest.mark.parametrize(
    ("row", "spec", "expected"),
    [
        ({"count": 5}, {}, ("count",)),
        ({"until_date": "2026-12-31T00:00:00Z"}, {}, ("until_date",)),
        ({"title": "Other [growth:weekly]"}, {}, ("title",)),
        ({"title": "Other [growth:weekly]"}, {"title": ...}, ("title",)),
        ({"target_value": "Ana@example.com"}, {}, ("target_value",)),
        ({"enabled": True}, {"enabled": False}, ("enabled",)),
        ({}, {"enabled": True}, ("enabled",)),
        ({"dashboard": None, "insight": 5}, {}, ("dashboard", "insight")),
        ({"interval": 2, "frequency": "daily"}, {}, ("frequency", "interval")),
    ],
)
def test_a_difference_of_meaning_is_planned(
    row: dict[str, Any], spec: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """A seed field that is left out means its default; a later one that is named must be there."""
    assert expected == pending(live(**row), wanted(**spec)).changed


@pytest.mark.parametrize("spec", [{}, {"title": ...}])
def test_an_adopted_row_keeps_a_title_that_is_left_out(spec: dict[str, Any]) -> None:
    """On a row adopted by id a title that is left out is not compared, a written null is (design §2)."""
    row = live(title="Somebody's own")

    assert () == pending(row, wanted(id=1, title=...)).changed
    assert ("title",) == pending(row, wanted(id=1, title=None)).changed


# Writing


def test_a_create_sends_every_field_that_is_not_null() -> None:
    """The interval always (trap T-12), the title with its tag, and the wish not to mail at once."""
    draft = SUBSCRIPTION.create(wanted(target_value=[ANA, BO], invite_message="Hello", enabled=True), TAG, [])

    assert ("POST", "subscriptions/") == (draft.requests[0].method, draft.requests[0].path)
    assert {
        "title": "Weekly [growth:weekly]",
        "dashboard": 42,
        "target_type": "email",
        "target_value": "ana@example.com,bo@example.com",
        "frequency": "weekly",
        "interval": 1,
        "byweekday": ["monday"],
        "start_date": "2026-01-05T09:00:00Z",
        "enabled": True,
        "invite_message": "Hello",
        "send_test_now": False,
    } == body_of(draft)
    assert (Address(ANA), Address(BO)) == draft.added
    assert ["mail ana@example.com,bo@example.com unknown"] == said(draft.effects)


def test_the_newest_row_tells_whom_a_create_mails() -> None:
    """Rows of a later server promise that `send_test_now: false` is heard."""
    assert () == SUBSCRIPTION.create(wanted(), TAG, [live(), live(X)]).effects


def test_a_webhook_is_warned_of_when_it_comes() -> None:
    """No server version delivers to it (contract §7)."""
    hook = wanted(target_type="webhook", target_value="https://example.com/hook")
    row = live(target_type="webhook", target_value="https://example.com/hook", title="Old [growth:weekly]")

    assert ["never-delivers"] == [finding.rule for finding in SUBSCRIPTION.create(hook, TAG, []).findings]
    assert ["never-delivers"] == [finding.rule for finding in SUBSCRIPTION.edit(pending(live(), hook)).findings]
    assert [] == [finding.rule for finding in SUBSCRIPTION.edit(pending(row, hook)).findings]


@pytest.mark.parametrize(
    ("row", "spec", "expected"),
    [
        (live(), {"frequency": "daily"}, {"frequency": "daily"}),
        (live(X), {"frequency": "daily"}, {"frequency": "daily", "send_test_now": False}),
        (live(M3), {"title": "New"}, {"title": "New [growth:weekly]", "send_test_now": False}),
        (live(count=3), {}, {"count": None}),
        (live(byweekday=["friday"]), {"byweekday": None}, {"byweekday": None}),
        (live(title="Old"), {}, {"title": "Weekly"}),
        (live(title="Old", id=1), {"id": 1, "title": None}, {"title": None}),
        (live(), {"target_value": [ANA, BO]}, {"target_value": "ana@example.com,bo@example.com"}),
        (live(), {"target_value": [ANA, BO], "invite_message": "Hi"},
         {"target_value": "ana@example.com,bo@example.com", "invite_message": "Hi"}),
        (live(target_value=f"{ANA}, {BO}"), {"invite_message": "Hi"}, {"target_value": ANA}),
        (live(deleted=True), {"invite_message": "Hi"}, {"deleted": False}),
        (live(deleted=True), {"title": "New"}, {"deleted": False, "title": "New [growth:weekly]"}),
        (live(deleted=True), {"target_value": [BO], "invite_message": "Hi"},
         {"deleted": False, "target_value": BO, "invite_message": "Hi"}),
        (live(X, dashboard_export_insights=[1]), {"dashboard_export_insights": [2, 1]},
         {"dashboard_export_insights": [1, 2], "send_test_now": False}),
    ],
)  # fmt: skip
def test_an_edit_sends_what_changed_and_nothing_else(row: Live, spec: dict[str, Any], expected: dict[str, Any]) -> None:
    """Clearing sends null; the invitation goes with additions only; later servers are asked not to mail."""
    assert expected == body_of(SUBSCRIPTION.edit(pending(row, wanted(**spec))))


def test_who_comes_and_who_goes_is_told_by_meaning() -> None:
    """A respelled address neither comes nor goes, although an old server mails it."""
    draft = SUBSCRIPTION.edit(pending(live(target_value=f"{ANA}, {BO}"), wanted(target_value=[BO, CY])))

    assert ((Address(CY),), (Address(ANA),)) == (draft.added, draft.removed)
    assert ["mail cy@example.com", "mail bo@example.com respelled"] == said(draft.effects)


def test_a_new_tag_is_written_into_the_rows_own_title() -> None:
    """A renamed manifest changes the title only, which mails nobody (design §4)."""
    row = live(title="Weekly [growth:old-name]")
    edit = Edit(wanted(), row, settled(row, wanted()).fields, (), TAG, retag=True)
    draft = SUBSCRIPTION.edit(edit)

    assert ({"title": "Weekly [growth:weekly]"}, ()) == (body_of(draft), draft.effects)


def test_a_title_that_outgrows_the_server_is_blocked() -> None:
    """Adopted rows may carry a tag that their manifests could not know of."""
    row = live(title="Weekly [growth:weekly]")
    draft = SUBSCRIPTION.edit(pending(row, wanted(title="x" * 85)))

    assert ["title-too-long"] == [finding.rule for finding in draft.findings]


def test_the_channel_that_is_named_is_the_one_on_the_wire() -> None:
    """A new name of the same Slack channel is not sent, so it is not what a post goes to."""
    row = live(N, target_type="slack", target_value="C1|#old-name", integration_id=1)
    want = wanted(target_type="slack", target_value="C1|#new-name", dashboard=43, integration_id=1)

    assert ["post C1|#old-name"] == said(SUBSCRIPTION.edit(pending(row, want)).effects)


def test_a_removal_is_one_word() -> None:
    """Alone in its PATCH: an old server mails whoever comes with it (trap T-30)."""
    assert Request("PATCH", "subscriptions/5/", {"deleted": True}) == SUBSCRIPTION.remove(5)


def test_listings_are_of_live_or_of_deleted_rows() -> None:
    """There is no call that returns both (contract §4.1)."""
    assert Request("GET", "subscriptions/", query={"ordering": "created_at"}) == SUBSCRIPTION.listing(deleted=False)
    assert {"ordering": "created_at", "deleted": "true"} == SUBSCRIPTION.listing(deleted=True).query
    assert Request("GET", "subscriptions/5/") == SUBSCRIPTION.retrieve(5)


@pytest.mark.parametrize(
    ("row", "spec", "expected"),
    [
        (live(dashboard=None, insight=5), {}, False),
        (live(M3, dashboard=None, insight=5), {}, False),
        (live(N, dashboard=None, insight=5), {}, True),
        (live(X, dashboard=None, insight=5), {}, True),
        (live(N), {"dashboard": ..., "insight": 5}, True),
        (live(N), {"dashboard": 43}, False),
        (live(N), {"title": "New"}, False),
        (live(N, dashboard=None), {}, True),
    ],
)
def test_later_servers_pin_a_row_to_its_kind(row: Live, spec: dict[str, Any], expected: bool) -> None:
    """From N on a dashboard's row is never an insight's, and a row that lost both takes neither (contract §4.4)."""
    edit = pending(row, wanted(**spec))

    assert expected is SUBSCRIPTION.is_pinned(row, edit.fields, edit.changed)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, "overlapping recipients"),
        ({"target_value": f"{ANA},x@example.com", "frequency": "daily"}, "overlapping recipients"),
        ({"target_value": "x@example.com"}, "the same schedule"),
        ({"target_value": "x@example.com", "frequency": "daily"}, None),
        ({"dashboard": 43}, None),
        ({"dashboard": None, "insight": 42}, None),
        ({"target_type": "slack", "target_value": "C1"}, None),
    ],
)
def test_a_twin_sends_the_same_to_the_same(row: dict[str, Any], expected: str | None) -> None:
    """The same report by the same channel, and the same people or the same schedule (design §4)."""
    assert expected == SUBSCRIPTION.likeness(wanted(), live(**row))


@pytest.mark.parametrize(
    ("value", "frequency", "expected"),
    [
        ("C1|#renamed", "daily", "the same Slack channel"),
        ("C2", "weekly", "the same schedule"),
        ("C2", "daily", None),
    ],
)
def test_a_channels_twin_is_in_its_channel(value: str, frequency: str, expected: str | None) -> None:
    """By its id, whatever its name."""
    row = live(target_type="slack", target_value=value, frequency=frequency)

    assert expected == SUBSCRIPTION.likeness(wanted(target_type="slack", target_value="C1|#growth"), row)


# Answers


def test_a_truthful_answer_is_no_mismatch() -> None:
    """The server respells what it is sent; that is not a difference."""
    draft = SUBSCRIPTION.create(wanted(target_value=[ANA, BO], invite_message="Hi", byweekday=["friday"]), TAG, [])
    answer = raw(byweekday=["friday"], target_value=f"{ANA},{BO}", start_date="2026-01-05T09:00:00.000000Z")

    assert () == SUBSCRIPTION.mismatch(draft.requests[0], answer)


@pytest.mark.parametrize(
    ("body", "answer", "expected"),
    [
        ({"frequency": "daily"}, {}, ("frequency",)),
        ({"target_value": Recipients(f"{ANA},{BO}")}, {}, ("target_value",)),
        ({"title": "New [growth:weekly]"}, {}, ("title",)),
        ({"title": "Weekly [growth:new]"}, {}, ("title",)),
        ({"title": None}, {"title": ""}, ()),
        ({"deleted": True}, {}, ("deleted",)),
        ({"deleted": True}, {"deleted": True}, ()),
        ({"deleted": False, "count": None}, {"deleted": True, "count": 5}, ("deleted", "count")),
        ({"enabled": False}, {}, ("enabled",)),
        ({"enabled": False}, {"enabled": True}, ("enabled",)),
        ({"enabled": False}, {"enabled": False}, ()),
        ({"integration_id": 3}, {"integration_id": None}, ("integration_id",)),
        ({"dashboard_export_insights": [1, 2]}, {"dashboard_export_insights": [2, 1]}, ()),
        ({"dashboard_export_insights": [1, 2]}, {"dashboard_export_insights": [2]}, ("dashboard_export_insights",)),
        ({"byweekday": None}, {"byweekday": []}, ()),
        ({"byweekday": ["friday", "monday"]}, {"byweekday": ["monday", "friday"]}, ()),
        ({"send_test_now": False, "invite_message": "Hi"}, {}, ()),
    ],
)
def test_an_answer_that_is_not_what_was_asked_is_named(
    body: dict[str, Any], answer: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Servers ignore what they do not know and answer 200 all the same (trap T-13)."""
    assert expected == SUBSCRIPTION.mismatch(Request("PATCH", "subscriptions/1/", body), raw(**answer))


@pytest.mark.parametrize("profile", ["seed", "latest"])
@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"title": None},
        {"title": " Wöchentlich 🚀 ", "target_value": ["Ana@Example.COM", BO, "@team"]},
        {"target_type": "slack", "target_value": "C1|#growth", "integration_id": 1},
        {"dashboard": ..., "insight": 5, "dashboard_export_insights": ...},
        {"frequency": "monthly", "byweekday": ["tuesday", "monday"], "bysetpos": -1, "count": 400},
        {"until_date": "2027-12-31T23:59:59.999Z", "start_date": "2026-01-05T09:00:00.5+05:30"},
        {"start_date": {"date": "2026-01-05", "time": "09:00", "timezone": "Europe/Vienna"}},
        {"enabled": False, "summary_prompt_guide": " short "},
        {"target_type": "teams", "target_value": "https://one.webhook.office.com/secret"},
    ],
)
def test_what_is_created_reads_back_as_what_was_wanted(oracle: Sandbox, profile: str, spec: dict[str, Any]) -> None:
    """The round trip through a server: its row means the manifest, and nothing is left to do."""
    server = Server(oracle, profile)
    later = ("enabled", "summary_prompt_guide", "integration_id", "dashboard_export_insights")
    given = {**server.exports(), **spec}
    if profile == "seed":
        if spec.get("target_type") == "teams":
            given |= {"target_type": "webhook"}
        given = {name: value for name, value in given.items() if name not in later}
    want = wanted(**given)
    draft = server.kind.create(want, TAG, [])
    answer = server.carry_out(draft)
    row = server.kind.decode(answer)

    assert {**want.fields} == {name: row.fields[name] for name in want.fields}
    assert TAG == row.tag
    assert () == server.kind.mismatch(draft.requests[0], answer)
    assert () == pending(row, want).changed


def test_a_field_that_an_old_server_does_not_know_is_a_mismatch(oracle: Sandbox) -> None:
    """It swallows `enabled: false` and mails on: a row that is not what was asked is not applied."""
    server = Server(oracle, "seed")
    draft = server.kind.create(wanted(enabled=False), TAG, [])

    assert ("enabled",) == server.kind.mismatch(draft.requests[0], server.carry_out(draft))


# Unsubscribes: an address at the base and in the manifest, and gone from the row


@pytest.mark.parametrize(
    ("row", "manifest_", "base", "resubscribed", "expected", "kept_out"),
    [
        # Without a base the manifest is the truth.
        (ANA, [ANA, BO], None, (), f"{ANA},{BO}", ""),
        # With one, who was there and is not any more has left.
        (ANA, [ANA, BO], [ANA, BO], (), ANA, BO),
        (ANA, [ANA, BO], [ANA], (), f"{ANA},{BO}", ""),
        (ANA, [ANA, BO, CY], [ANA, BO], (), f"{ANA},{CY}", BO),
        (ANA, [ANA, BO, CY], [ANA, BO, CY], (), ANA, f"{BO} {CY}"),
        (ANA, [ANA, BO], [ANA, BO], (BO,), f"{ANA},{BO}", ""),
        (ANA, [ANA, BO], [ANA, BO], (" bo@EXAMPLE.com",), f"{ANA},{BO}", ""),
        (ANA, [ANA, BO], [ANA, BO], (CY,), ANA, BO),
        # Spelling means nothing, and neither does the group that somebody came by.
        (ANA, [ANA, "bo@Example.COM"], ["bo@example.com", ANA], (), ANA, "bo@Example.COM"),
        (f"{ANA}, {BO}", ["@team", ANA], ["@team", ANA], (), f"{ANA}, {BO}", CY),
        (f"{ANA}, {BO}", ["@team", ANA], [ANA, BO, CY], (), f"{ANA}, {BO}", CY),
        # Capitals are no way back, and somebody else's hand that changed them is no farewell.
        (ANA, ["Bo@example.com", ANA], [ANA, BO], (), ANA, "Bo@example.com"),
        (ANA, ["Bo@example.com", ANA], [ANA, BO], (BO,), f"{ANA},Bo@example.com", ""),
        (f"{ANA},BO@example.com", [ANA, BO], [ANA, BO], (), f"{ANA},{BO}", ""),
        # Somebody joined by hand: taken out, as drift is.
        (f"{ANA},x@example.com", [ANA, BO], [ANA, BO], (), ANA, BO),
        ("x@example.com", [BO, CY], [BO], (), CY, BO),
    ],
)
def test_who_unsubscribed_is_kept_out(
    row: str, manifest_: list[str], base: list[str] | None, resubscribed: tuple[str, ...], expected: str, kept_out: str
) -> None:
    """Shown, never mailed again, and overridden by name only (design §4)."""
    before = wanted(target_value=base) if base is not None else None
    result = settled(live(target_value=row), wanted(target_value=manifest_), before, *resubscribed)

    assert expected == result.fields["target_value"].text
    assert kept_out == " ".join(
        part.value for finding in result.findings for part in finding.message if isinstance(part, Private)
    )
    assert ["unsubscribed"] * bool(kept_out) == [finding.rule for finding in result.findings]


def test_a_row_that_reaches_strangers_only_blocks() -> None:
    """Replaced by hand or not: nobody is brought back unasked, nobody goes on unseen, no row is without recipients."""
    row, want = live(target_value="x@example.com,y@example.com"), wanted(target_value=[BO])
    result = settled(row, want, want)

    assert row.fields["target_value"] == result.fields["target_value"]
    assert [("unsubscribed", Severity.NOTE), ("strangers", Severity.BLOCK)] == [
        (finding.rule, finding.severity) for finding in result.findings
    ]
    assert "it reaches x@example.com, y@example.com; " in show(result.findings[1].message, addresses=True)


def test_who_is_brought_back_takes_the_place_of_strangers() -> None:
    """The way out."""
    result = settled(live(target_value="x@example.com"), wanted(target_value=[BO]), wanted(target_value=[BO]), BO)

    assert (BO, ()) == (result.fields["target_value"].text, result.findings)


@pytest.mark.parametrize("base", [None, [ANA, BO]])
@pytest.mark.parametrize(
    ("manifest_", "resubscribed", "stays", "expected"),
    [
        ([ANA, BO], (), True, ""),
        ([ANA, BO], (BO,), False, BO),
        ([ANA, BO], (BO, ANA), False, f"{ANA},{BO}"),
    ],
)
def test_a_row_that_everybody_left_stays_deleted(
    base: list[str] | None, manifest_: list[str], resubscribed: tuple[str, ...], stays: bool, expected: str
) -> None:
    """With or without a base: the API takes no empty list, so an emptied row is always the work of unsubscribes."""
    before = wanted(target_value=base) if base is not None else None
    result = settled(live(target_value="", deleted=True), wanted(target_value=manifest_), before, *resubscribed)

    assert stays is result.stays_deleted
    assert expected == result.fields["target_value"].text
    assert (["unsubscribed", "emptied"] if stays else ["unsubscribed"] * (len(resubscribed) < 2)) == [
        finding.rule for finding in result.findings
    ]


def test_who_had_left_an_emptied_row_is_said_only_where_a_base_tells() -> None:
    """Without one, somebody who was never on the row would be said to have unsubscribed."""
    row = live(target_value="", deleted=True)
    without, with_base = (settled(row, wanted(), before).findings[0] for before in (None, wanted()))

    assert "row 1 was emptied by unsubscribes, and no base tells by whose: " in show(without.message, addresses=False)
    assert "they unsubscribed: " in show(with_base.message, addresses=False)


def test_a_new_person_brings_an_emptied_row_back_without_those_who_left() -> None:
    """The reviewer named somebody who was never on it."""
    result = settled(live(target_value="", deleted=True), wanted(target_value=[ANA, CY]), wanted(target_value=[ANA]))

    assert (False, CY) == (result.stays_deleted, result.fields["target_value"].text)


def test_a_row_is_not_restored_for_strangers() -> None:
    """Everybody whom the manifest names has left; somebody else on the row is no reason to bring it back."""
    result = settled(live(target_value="x@example.com", deleted=True), wanted(), wanted())

    assert result.stays_deleted


def test_an_empty_row_that_is_live_is_left_alone() -> None:
    """Somebody brought it back in the UI; there is still nobody who wants to be mailed."""
    row = live(target_value="")
    result = settled(row, wanted())

    assert () == diff.changed(row.fields, result.fields)
    assert ["unsubscribed"] == [finding.rule for finding in result.findings]


@pytest.mark.parametrize(
    "before",
    [wanted(deleted=True), wanted(target_type="slack", target_value="C1")],
    ids=["a tombstone", "another channel"],
)
def test_a_base_that_names_nobody_keeps_nobody_out(before: Any) -> None:
    """Only who was applied can have left."""
    assert f"{ANA},{BO}" == settled(live(), wanted(target_value=[ANA, BO]), before).fields["target_value"].text


def test_a_finding_shows_the_people_to_reviewers_only() -> None:
    """Masked for everybody else (design §6)."""
    (finding,) = settled(live(target_value=BO), wanted(target_value=[ANA, BO]), wanted(target_value=[ANA])).findings

    assert show(finding.message, addresses=False).startswith("kept out, because they unsubscribed: a***@example.com; ")
    assert ANA in show(finding.message, addresses=True)


def test_another_channel_takes_the_manifests_people() -> None:
    """There is nobody on a Slack row who could have left it."""
    row = live(target_type="slack", target_value="C1")

    assert ANA == settled(row, wanted(), wanted()).fields["target_value"].text


# What the server did, and what it does not show


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (wanted(enabled=True), (False, ["disabled-by-server"])),
        (wanted(enabled=False), (True, [])),
        (wanted(), (True, [])),
        (None, (True, [])),
    ],
    ids=["it was on", "it was off", "it said nothing", "no base"],
)
def test_a_row_that_the_server_switched_off_stays_off(base: Any, expected: tuple[bool, list[str]]) -> None:
    """Forced on, it would mail its maker and go off again (trap T-31), unless the manifest was changed to say on."""
    result = settled(live(X, enabled=False), wanted(enabled=True), base)

    assert expected == ("enabled" in result.fields, [finding.rule for finding in result.findings])


@pytest.mark.parametrize(
    ("base", "changed"),
    [
        (None, ()),
        ("https://one.webhook.office.com/old", ("target_value",)),
        ("https://one.webhook.office.com/new", ()),
        ("https://two.webhook.office.com/new", ("target_value",)),
    ],
)
def test_a_teams_url_is_compared_with_the_base(base: str | None, changed: tuple[str, ...]) -> None:
    """The server shows its host only (trap T-8), so git alone knows whether the rest was changed."""
    row = live(X, target_type="teams", target_value="one.webhook.office.com")
    want = wanted(target_type="teams", target_value="https://one.webhook.office.com/new")
    before = wanted(target_type="teams", target_value=base) if base is not None else None
    edit = pending(row, want, before)

    assert changed == edit.changed
    assert all(body_of(SUBSCRIPTION.edit(edit))[name] == "https://one.webhook.office.com/new" for name in changed)


# Daylight saving time: nine o'clock in Vienna is 8 o'clock UTC in winter, 7 in summer

WALL = {"date": "2026-01-05", "time": "09:00", "timezone": "Europe/Vienna"}
WINTER, SUMMER = "2026-01-05T08:00:00Z", "2026-01-05T07:00:00Z"
JULY = datetime(2026, 7, 1, tzinfo=UTC)


def started(row: Live, base: Any = None, *, reanchor: bool = True, **spec: Any) -> tuple[str, Cause | None]:
    """The start *row* should have in July, and why, where it is not what the manifest or somebody changed."""
    kind = Subscription(JULY)
    want = wanted(kind=kind, **{"start_date": WALL, **spec})
    before = wanted(kind=kind, **base) if base is not None else None
    result = kind.settle(want, row, before, Wish(reanchor=reanchor))
    return result.fields["start_date"], result.causes.get("start_date")


def in_july(start: str, **fields: Any) -> Live:
    """A weekly row with *start*, and its next delivery as its server has planned it."""
    hour = start[11:16]
    return live(**{"start_date": start, "next_delivery_date": f"2026-07-06T{hour}:00Z", **fields})


def test_a_start_that_the_summer_put_off_is_moved() -> None:
    """The next delivery would be at ten; the plan says why it is changed."""
    assert (SUMMER, Cause.DST) == started(in_july(WINTER), {"start_date": WALL})
    assert (SUMMER, Cause.DST) == started(in_july(WINTER))


def test_a_start_that_is_right_is_left() -> None:
    """Nothing to do in the rest of the summer."""
    assert (SUMMER, None) == started(in_july(SUMMER))


def test_drift_does_not_count_daylight_saving_time() -> None:
    """Nobody changed anything behind git's back."""
    assert (WINTER, None) == started(in_july(WINTER), reanchor=False)


def test_a_start_that_somebody_changed_is_drift() -> None:
    """No offset of the zone explains it."""
    assert (SUMMER, None) == started(in_july("2026-01-05T10:00:00Z"))
    assert (SUMMER, None) == started(in_july("2026-01-05T10:00:00Z"), reanchor=False)


def test_a_manifest_that_was_changed_by_an_hour_is_not_daylight_saving_time() -> None:
    """The base knows the other time, so the change is the manifest's, and drift counts it."""
    moved = {"start_date": {**WALL, "time": "10:00"}}

    assert (SUMMER, None) == started(in_july(WINTER), moved)
    assert (SUMMER, None) == started(in_july(WINTER), moved, reanchor=False)


def test_a_schedule_that_changes_anyway_gets_its_right_start_at_once() -> None:
    """Its next delivery is computed anew in any case."""
    assert (SUMMER, Cause.DST) == started(in_july(WINTER, interval=2))


def test_a_restored_row_gets_its_right_start_at_once() -> None:
    """Which also makes the server compute a new date, so that nothing overdue is sent."""
    assert (SUMMER, Cause.DST) == started(in_july(WINTER, deleted=True, next_delivery_date="2026-02-02T08:00:00Z"))


def test_a_start_waits_while_a_delivery_is_due() -> None:
    """The server has not sent it yet, and would forget it over a new schedule."""
    assert (WINTER, None) == started(in_july(WINTER, next_delivery_date="2026-06-29T08:00:00Z"))
    assert (WINTER, None) == started(in_july(WINTER, next_delivery_date=None))


def test_a_start_that_is_no_date_is_replaced() -> None:
    """Whatever a server may answer."""
    assert (SUMMER, None) == started(in_july(WINTER, start_date=None))
    assert (SUMMER, None) == started(in_july(WINTER, start_date="soon"))


def test_a_moved_start_keeps_the_delivery_on_its_day(oracle: Sandbox) -> None:
    """Through the change of clocks with a server: deliveries stay at nine in Vienna, one a week, none lost."""
    server = Server(oracle, "seed")
    sent: list[str] = []
    oracle.set_now(datetime(2026, 3, 2, 12, tzinfo=UTC))
    made = oracle.add(dashboard=42, target_value=ANA, title=str(TAG), start_date=WINTER, byweekday=["monday"])
    for hour in range(24 * 7 * 6):
        now = datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(hours=hour)
        sent += [f"{message.at:%m-%d %H}" for message in oracle.tick(now)]
        kind = Subscription(now)
        row = kind.decode(server.row(made["id"]))
        want = wanted(kind=kind, title=None, start_date=WALL)
        edit = pending(row, want, kind=kind)
        if edit.changed:
            server.carry_out(kind.edit(edit))

    # A tick looks 15 minutes ahead, so what is due at nine goes out at nine.
    assert ["03-09 08", "03-16 08", "03-23 08", "03-30 07", "04-06 07"] == sent[:5]


def test_values_have_a_form_for_the_wire() -> None:
    """Tuples are lists in JSON, targets their masked text."""
    assert [["monday"], [1, 2], None, 5] == [SUBSCRIPTION.wire(value) for value in (("monday",), (1, 2), None, 5)]
    assert Recipients(ANA) == SUBSCRIPTION.wire(wanted().fields["target_value"])
