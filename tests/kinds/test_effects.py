"""Who is mailed because of a write: the table of contract §7, and the sandbox's outbox as the judge of it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from reconciler.kinds import effects
from reconciler.kinds.effects import Audience, Generation
from reconciler.kinds.recipients import EMAIL, SLACK, TEAMS, WEBHOOK
from reconciler.sandbox import Sandbox
from tests.kinds.support import TAG, Server, live, pending, reached, said, wanted
from tests.scenes import NOW, SUBSCRIPTION

UNKNOWN, SEED, M3, N, X = Generation
AB = Audience(EMAIL, "a@x.org,b@x.org")
CHANNEL = Audience(SLACK, "C1|#one")
TEAM = Audience(TEAMS, "https://prod.webhook.office.com/secret")
HOOK = Audience(WEBHOOK, "https://example.com/secret")


def off(audience: Audience) -> Audience:
    """*audience*, switched off."""
    return Audience(audience.type, audience.text, enabled=False)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), SEED),
        (("integration_id", "dashboard_export_insights"), SEED),
        (("enabled",), M3),
        (("enabled", "resource_type"), N),
        (("enabled", "resource_type", "delivery_config"), X),
    ],
    ids=["seed", "M1", "M3", "N", "X"],
)
def test_a_generation_is_told_by_the_keys_of_its_rows(keys: tuple[str, ...], expected: Generation) -> None:
    """The newest key that is there decides; keys of the middle generations promise nothing about messages."""
    assert expected is effects.generation(keys)


@pytest.mark.parametrize(
    ("after", "server", "expected"),
    [
        (AB, UNKNOWN, ["mail a@x.org,b@x.org unknown"]),
        (AB, SEED, ["mail a@x.org,b@x.org"]),
        (AB, M3, ["mail a@x.org,b@x.org"]),
        (AB, N, ["mail a@x.org,b@x.org"]),
        (AB, X, []),
        (off(AB), UNKNOWN, ["mail a@x.org,b@x.org unknown"]),
        (off(AB), SEED, ["mail a@x.org,b@x.org"]),
        (off(AB), M3, []),
        (off(AB), N, []),
        (off(AB), X, []),
        (CHANNEL, UNKNOWN, ["post C1|#one unknown"]),
        (CHANNEL, SEED, ["post C1|#one"]),
        (CHANNEL, N, ["post C1|#one"]),
        (CHANNEL, X, []),
        (TEAM, UNKNOWN, ["post https://prod.webhook.office.com/secret unknown"]),
        (TEAM, X, []),
        (HOOK, UNKNOWN, []),
        (HOOK, SEED, []),
    ],
)
def test_a_create_reaches_everybody_but_on_servers_that_hear_no(
    after: Audience, server: Generation, expected: list[str]
) -> None:
    """A new row is mailed or posted at once; X hears `send_test_now: false`, and from M3 on a row can begin paused."""
    assert expected == said(effects.of_create(after, server))


C_JOINS = Audience(EMAIL, "a@x.org,b@x.org,c@x.org")
SPACED = Audience(EMAIL, "a@x.org, b@x.org")


@pytest.mark.parametrize(
    ("before", "after", "changed", "server", "expected"),
    [
        # The text stays.
        (AB, AB, ["title", "frequency"], SEED, []),
        (AB, AB, ["title", "frequency"], M3, []),
        (AB, AB, ["title", "frequency"], N, []),
        (AB, AB, ["dashboard", "insight"], SEED, []),
        (AB, AB, ["dashboard", "insight"], N, []),
        (CHANNEL, CHANNEL, ["dashboard"], M3, []),
        (CHANNEL, CHANNEL, ["dashboard"], N, ["post C1|#one"]),
        (CHANNEL, CHANNEL, ["insight"], N, ["post C1|#one"]),
        (CHANNEL, CHANNEL, ["integration_id"], N, ["post C1|#one"]),
        (CHANNEL, CHANNEL, ["dashboard_export_insights"], N, ["post C1|#one"]),
        (CHANNEL, CHANNEL, ["dashboard_export_insights"], X, []),
        # Somebody joins.
        (AB, C_JOINS, ["target_value"], SEED, ["mail c@x.org"]),
        (AB, C_JOINS, ["target_value"], M3, ["mail c@x.org"]),
        (AB, C_JOINS, ["target_value"], N, ["mail c@x.org"]),
        (AB, C_JOINS, ["target_value"], X, []),
        # Somebody leaves.
        (C_JOINS, AB, ["target_value"], SEED, []),
        (C_JOINS, AB, ["target_value"], N, []),
        # The text is spelled otherwise.
        (AB, SPACED, ["target_value"], SEED, ["mail b@x.org respelled"]),
        (AB, SPACED, ["target_value"], M3, ["mail b@x.org respelled"]),
        (AB, SPACED, ["target_value"], N, []),
        (SPACED, C_JOINS, ["target_value"], SEED, ["mail c@x.org", "mail b@x.org respelled"]),
        (SPACED, C_JOINS, ["target_value"], N, ["mail c@x.org"]),
        (Audience(EMAIL, " b@x.org"), Audience(EMAIL, "b@x.org,c@x.org"), ["target_value"], SEED,
         ["mail c@x.org", "mail b@x.org respelled"]),
        (AB, Audience(EMAIL, "a@X.ORG,b@x.org"), ["target_value"], N, ["mail a@X.ORG respelled"]),
        # The channel changes.
        (CHANNEL, Audience(SLACK, "C2|#two"), ["target_value"], SEED, ["post C2|#two"]),
        (CHANNEL, Audience(SLACK, "C2|#two"), ["target_value"], N, ["post C2|#two"]),
        (CHANNEL, Audience(SLACK, "C2|#two"), ["target_value"], X, []),
        (AB, CHANNEL, ["target_type", "target_value"], SEED, ["post C1|#one"]),
        (CHANNEL, AB, ["target_type", "target_value"], SEED, ["mail a@x.org,b@x.org"]),
        (CHANNEL, AB, ["target_type", "target_value"], N, ["mail a@x.org,b@x.org"]),
        (AB, HOOK, ["target_type", "target_value"], SEED, []),
        (Audience(WEBHOOK, "C1"), Audience(SLACK, "C1"), ["target_type", "target_value"], SEED, []),
        (Audience(WEBHOOK, "C1"), Audience(SLACK, "C1"), ["target_type", "target_value"], N, ["post C1"]),
        (HOOK, Audience(EMAIL, HOOK.text), ["target_type", "target_value"], SEED, []),
        # Switched off and on.
        (off(AB), off(C_JOINS), ["target_value"], SEED, ["mail c@x.org"]),
        (off(AB), off(C_JOINS), ["target_value"], M3, []),
        (AB, off(C_JOINS), ["target_value", "enabled"], M3, []),
        (off(AB), AB, ["enabled"], M3, ["mail a@x.org,b@x.org"]),
        (off(AB), AB, ["enabled"], N, ["mail a@x.org,b@x.org"]),
        (off(CHANNEL), CHANNEL, ["enabled"], N, ["post C1|#one"]),
        (off(AB), C_JOINS, ["enabled", "target_value"], N, ["mail a@x.org,b@x.org,c@x.org"]),
        (off(AB), AB, ["enabled"], X, []),
    ],
)  # fmt: skip
def test_an_update_reaches_whom_the_server_sees_as_new(
    before: Audience, after: Audience, changed: list[str], server: Generation, expected: list[str]
) -> None:
    """Old servers compare untrimmed texts; from N on addresses are trimmed; X hears `send_test_now: false`."""
    assert expected == said(effects.of_update(before, after, changed, server))


@pytest.mark.parametrize(
    ("server", "stale", "expected"),
    [
        (SEED, False, ["mail c@x.org"]),
        (SEED, True, ["mail c@x.org", "mail a@x.org,b@x.org,c@x.org next delivery"]),
        (N, True, ["mail c@x.org", "mail a@x.org,b@x.org,c@x.org next delivery"]),
        (X, False, []),
        (X, True, ["mail a@x.org,b@x.org,c@x.org next delivery"]),
    ],
)
def test_a_restore_reaches_everybody_when_its_old_date_has_passed(
    server: Generation, stale: bool, expected: list[str]
) -> None:
    """No server computes a new date for a restored row, so its scheduler sends what is overdue (trap T-28)."""
    assert expected == said(effects.of_restore(AB, C_JOINS, ["target_value"], server, stale=stale))


@pytest.mark.parametrize(
    ("next_delivery", "expected"),
    [
        (None, False),
        ("2026-03-02T07:59:59Z", True),
        ("2026-03-02T08:15:00Z", True),
        ("2026-03-02T08:15:01Z", False),
    ],
)
def test_a_date_is_stale_when_the_next_tick_would_take_it(next_delivery: str | None, expected: bool) -> None:
    """The scheduler looks 15 minutes ahead; it is 8 o'clock."""
    assert expected is effects.is_stale(next_delivery, NOW)


@pytest.mark.parametrize(
    ("row", "spec", "is_stale"),
    [
        ({}, {}, True),
        ({}, {"title": "New"}, True),
        ({}, {"frequency": "monthly"}, False),
        ({}, {"bysetpos": 1}, False),
        ({"byweekday": None}, {"byweekday": None, "bysetpos": 1}, True),
        ({"next_delivery_date": "2026-03-09T09:00:00Z"}, {}, False),
        ({"next_delivery_date": None}, {}, False),
        ({"next_delivery_date": "soon"}, {}, False),
        ({"enabled": False}, {"enabled": False}, False),
        ({"enabled": False}, {"enabled": True}, True),
        ({"enabled": False, "resource_type": "dashboard"}, {"enabled": True}, False),
        ({"enabled": True, "resource_type": "dashboard", "delivery_config": {}}, {"bysetpos": 1}, True),
    ],
    ids=[
        "nothing changes", "the title changes", "the rule changes", "a position among weekdays",
        "a position of nothing",
        "not due yet", "never due", "no date", "stays off", "switched on at M3", "switched on at N", "ignored by X",
    ],
)  # fmt: skip
def test_a_restore_is_stale_unless_the_server_computes_a_new_date(
    row: dict[str, Any], spec: dict[str, Any], is_stale: bool
) -> None:
    """Only another rule makes a new date, or switching on at later servers. A row that is off sends nothing."""
    overdue = {"deleted": True, "next_delivery_date": "2026-03-02T07:00:00Z", **row}
    draft = SUBSCRIPTION.edit(pending(live(**overdue), wanted(**spec)))

    assert (["stale-delivery"] if is_stale else []) == [finding.rule for finding in draft.findings]
    assert is_stale == any(effect.when == "next delivery" for effect in draft.effects)


ADDRESSES = ("ana@example.com", "bo@example.com", "bo@Example.com", "Bo@example.com", "cy@x.example", "dee@x.example")
addresses = st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=4)
emails = st.builds(
    lambda parts, separators: "".join(part + mark for part, mark in zip(parts, separators, strict=False)).strip(","),
    addresses,
    st.lists(st.sampled_from([",", ", ", " ,", ",,"]), min_size=4, max_size=4),
)
old_targets = st.one_of(
    emails.map(lambda text: (EMAIL, text)),
    st.sampled_from([(SLACK, "C1|#one"), (SLACK, "C1"), (SLACK, "C2|#two"), (WEBHOOK, "https://example.com/one")]),
)
new_targets = st.one_of(
    emails.map(lambda text: (EMAIL, text)),
    st.sampled_from([
        (SLACK, "C1|#one"), (SLACK, "C1|#renamed"), (SLACK, "C2"),
        (TEAMS, "https://one.webhook.office.com/a"), (TEAMS, "https://two.webhook.office.com/b"),
    ]),
)  # fmt: skip
profiles = st.sampled_from(["seed", "latest"])


@st.composite
def specs(draw: st.DrawFn, profile: str) -> dict[str, Any]:
    """A spec that a server of *profile* takes."""
    kind, value = draw(new_targets if profile == "latest" else old_targets)
    people = list(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    spec: dict[str, Any] = {
        "target_type": kind,
        "target_value": people if kind == EMAIL else value,
        "title": draw(st.sampled_from(["Weekly", "Daily", None])),
        "frequency": draw(st.sampled_from(["weekly", "daily"])),
        "byweekday": draw(st.sampled_from([None, ["monday"], ["friday", "monday"]])),
    }
    if profile == "latest":
        spec |= {"integration_id": 1} if kind == SLACK else {}
        spec |= draw(st.sampled_from([{}, {"enabled": True}, {"enabled": False}]))
    return spec


@given(st.data(), profiles)
def test_the_outbox_of_a_create_is_what_the_plan_named(oracle: Sandbox, data: st.DataObject, profile: str) -> None:
    """No message leaves the server that the plan did not name, and none that it named is missing."""
    server = Server(oracle, profile)
    want = wanted(**data.draw(specs(profile)), **server.exports())
    draft = server.kind.create(want, TAG, [server.add(target_value="somebody@example.com")])
    answer = server.carry_out(draft)

    assert reached(draft.effects) == server.told()
    assert () == server.kind.mismatch(draft.requests[0], answer)


@given(st.data(), profiles, st.booleans())
def test_the_outbox_of_an_edit_is_what_the_plan_named(
    oracle: Sandbox, data: st.DataObject, profile: str, deleted: bool
) -> None:
    """The same for updates and restores, however the row is spelled; what comes with the next tick is named as such."""
    server = Server(oracle, profile)
    kind, value = data.draw(new_targets if profile == "latest" else old_targets)
    fields: dict[str, Any] = {"dashboard": 42, "frequency": "weekly", "byweekday": ["monday"], "deleted": deleted}
    if profile == "latest":
        fields["enabled"] = data.draw(st.booleans())
    if deleted:
        fields["next_delivery_date"] = data.draw(st.sampled_from([NOW - timedelta(days=3), NOW + timedelta(days=3)]))
    row = server.add(target_type=kind, target_value=value, **fields)
    want = wanted(**data.draw(specs(profile)))
    edit = pending(row, want)
    if not edit.changed and not deleted:
        event("nothing changes")
        return
    draft = server.kind.edit(edit)
    answer = server.carry_out(draft)

    assert reached(draft.effects) == server.told()
    assert () == server.kind.mismatch(draft.requests[0], answer)
    server.sandbox.tick(NOW + timedelta(minutes=1))
    assert reached(draft.effects, when="next delivery") == server.told()
    assert () == pending(server.read(row.id), want).changed


@given(st.lists(st.sampled_from(ADDRESSES[:3]), min_size=2, max_size=3, unique=True), st.data())
def test_the_outbox_after_an_unsubscribe_is_what_the_plan_named(
    oracle: Sandbox, people: list[str], data: st.DataObject
) -> None:
    """The server rejoins a row without trimming it, so what stays may look new in the next edit; the plan knows."""
    server = Server(oracle, "seed")
    row = server.add(dashboard=42, target_value=", ".join(people), byweekday=["monday"])
    server.sandbox.unsubscribe(row.id, people[0])
    edit = pending(server.read(row.id), wanted(target_value=[*people[1:], "eve@example.com"], title=None))
    draft = server.kind.edit(edit)
    server.carry_out(draft)

    assert reached(draft.effects) == server.told()
