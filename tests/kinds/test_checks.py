"""What a Subscription's manifest may not say although its schema allows it: where, which rule, and the way out."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds import checks
from reconciler.kinds.schedule import WEEKDAYS
from reconciler.model import Config, Environment, Manifest, Policy, Source
from reconciler.privacy import show
from reconciler.resource import Fault
from tests.scenes import NOW, SPEC
from tests.yardstick import seconds

PLACES = tuple(Environment(name, f"https://{name}.example", "1") for name in ("production", "staging"))
CONFIG = Config(
    "growth",
    PLACES,
    references={"dashboards": {"growth": {"production": 42, "staging": 7}, "board": {"production": 43}}},
    recipients={"team": ("bo@example.com", "cy@example.com"), "other": ("bo@example.com", "eve"), "nobody": ()},
    policy=Policy(allowed_domains=("example.com",)),
)
LONG = "x" * 80
VIENNA = {"date": "2026-01-05", "time": "09:00", "timezone": "Europe/Vienna"}

Found = list[tuple[str, str]]


def faults(config: Config = CONFIG, meta: Mapping[str, Any] | None = None, **spec: Any) -> list[Fault]:
    """The faults of a good manifest with *spec* on top of it; a field that is `...` is left out."""
    fields = {name: value for name, value in {**SPEC, **spec}.items() if value is not ...}
    return list(
        checks.check(Manifest("Subscription", "weekly", Source("a.yaml", 1), fields, **(meta or {})), config, NOW)
    )


def found(**given: Any) -> Found:
    """The same in short: where, and which rule; a warning has a question mark."""
    return [
        (".".join(map(str, fault.pointer)).removeprefix("spec."), fault.rule + ("?" if fault.warning else ""))
        for fault in faults(**given)
    ]


def test_a_good_manifest_has_no_fault() -> None:
    """The manifest that all others here differ from."""
    assert [] == found()


def test_a_tombstone_needs_nothing() -> None:
    """A row that is to go may be as wrong as it likes."""
    assert [] == found(deleted=True, target_value=["nobody"], start_date="soon")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["ana@example.com", "@team"], []),
        ("ana@example.com,bo@example.com", []),
        (["ana@example.com", "@team", "bo@example.com"], []),
        (["ana@example"], [("target_value.0", "address")]),
        (["ana@example.com", "bo", "cy@", "d e@example.com"],
         [("target_value.1", "address"), ("target_value.2", "address"), ("target_value.3", "address")]),
        (["ana@example.com,bo@example.com"], [("target_value.0", "address")]),
        ("ana@example.com,bo", [("target_value", "address")]),
        (["ana@example.com", "@teem"], [("target_value.1", "unknown-group")]),
        (["@ana@example.com"], [("target_value.0", "unknown-group")]),
        (["@other"], [("target_value.0", "address")]),
        (["@team", "@team"], [("target_value.1", "duplicate-recipient")]),
        (["ana@example.com", " ana@Example.com "], [("target_value.1", "duplicate-recipient")]),
        (["ana@example.com", "Ana@example.com"], []),
        ("ana@example.com,ana@example.com", [("target_value", "duplicate-recipient")]),
        (["ana@x.example"], [("target_value.0", "domain-not-allowed")]),
        (["ana@mail.example.com"], [("target_value.0", "domain-not-allowed")]),
        (["ana@EXAMPLE.com"], []),
        (["@nobody"], [("target_value", "no-recipients")]),
        (" , ", [("target_value", "no-recipients")]),
    ],
)  # fmt: skip
def test_recipients_are_addresses_and_groups_that_are_known(value: Any, expected: Found) -> None:
    """Each once, each an address, each of an allowed domain; groups may overlap (design §2, §3)."""
    assert expected == found(target_value=value)


def test_recipients_elsewhere_are_meant_when_the_manifest_says_so() -> None:
    """`metadata.external` lifts the policy on domains, and nothing else."""
    assert [("target_value.1", "address")] == found(meta={"external": True}, target_value=["ana@x.example", "nobody"])


def test_without_a_policy_every_domain_is_allowed() -> None:
    """A limit that is not set does not limit."""
    assert [] == found(config=Config("growth", PLACES), target_value=["ana@x.example"])


@pytest.mark.parametrize(
    ("target_type", "value", "expected"),
    [
        ("slack", "C0123456789|#growth", []),
        ("slack", ["C0123456789"], []),
        ("slack", "growth", [("target_value", "target")]),
        ("slack", "#growth", [("target_value", "target")]),
        ("slack", ["|#growth"], [("target_value.0", "target")]),
        ("slack", ["C1", "C2"], [("target_value", "target")]),
        ("webhook", "https://example.com/hook", []),
        ("webhook", "http://example.com/hook", [("target_value", "target")]),
        ("webhook", "https://", [("target_value", "target")]),
        ("webhook", "https:///hook", [("target_value", "target")]),
        ("webhook", "https://user@example.com/hook", [("target_value", "target")]),
        ("webhook", ["https://example.com/a b"], [("target_value.0", "target")]),
        ("teams", "https://one.webhook.office.com/secret?sig=1", []),
        ("teams", "one.webhook.office.com", [("target_value", "target")]),
        ("teams", "ana@example.com", [("target_value", "target")]),
    ],
)
def test_other_channels_have_one_target_of_their_shape(target_type: str, value: Any, expected: Found) -> None:
    """A Slack channel goes by its id; webhooks and Teams are one https:// address."""
    assert expected == found(target_type=target_type, target_value=value)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"integration_id": 3}, [("integration_id", "not-for-this-type")]),
        ({"integration_id": None}, []),
        ({"integration_id": 3, "target_type": "slack", "target_value": "C1"}, []),
        ({"dashboard_export_insights": [1]}, []),
        ({"dashboard": ..., "insight": 5, "dashboard_export_insights": [1]},
         [("dashboard_export_insights", "not-for-this-type")]),
    ],
)  # fmt: skip
def test_a_field_belongs_to_its_type(spec: dict[str, Any], expected: Found) -> None:
    """What the server clears or refuses for other types would be planned for ever."""
    assert expected == found(**spec)


@pytest.mark.parametrize(
    ("field", "name", "meta", "expected"),
    [
        ("dashboard", "growth", {}, []),
        ("dashboard", "grwth", {}, [("dashboard", "unknown-reference")]),
        ("dashboard", "board", {}, [("dashboard", "unknown-reference")]),
        ("dashboard", "board", {"environments": ("production",)}, []),
        ("insight", "growth", {}, [("insight", "unknown-reference")]),
    ],
)
def test_a_reference_has_a_number_wherever_the_manifest_lives(
    field: str, name: str, meta: dict[str, Any], expected: Found
) -> None:
    """Dashboards and insights have names of their own, per environment."""
    assert expected == found(meta=meta, **{"dashboard": ..., field: name})


@pytest.mark.parametrize(
    ("title", "meta", "expected"),
    [
        (LONG, {}, []),  # 80 + " [growth:weekly]" are 96
        ("x" * 84, {}, []),
        ("x" * 85, {}, [("title", "title-too-long")]),
        ("ü" * 84, {}, []),
        ("🚀" * 84, {}, []),
        (" " * 20 + "x" * 84, {}, []),
        ("x" * 100, {"ids": {None: 4}}, []),
        ("x" * 100, {"ids": {"production": 4, "staging": 5}}, []),
        ("x" * 100, {"ids": {"production": 4}}, [("title", "title-too-long")]),
        ("x" * 100, {"ids": {"production": 4}, "environments": ("production",)}, []),
        ("x" * 100, {"ids": {None: 4}, "takeover": True}, [("title", "title-too-long")]),
        (None, {}, []),
        ("Weekly [growth:weekly]", {}, [("title", "title-with-tag")]),
        ("[other:thing]", {"ids": {None: 4}}, [("title", "title-with-tag")]),
        ("Weekly [draft]", {}, []),
    ],
)
def test_a_title_leaves_room_for_its_tag(title: str | None, meta: dict[str, Any], expected: Found) -> None:
    """100 characters, counted as code points, with the tag; a row adopted by id carries none (design §2, §4)."""
    assert expected == found(meta=meta, title=title)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"start_date": "2026-01-05T09:00:00+01:00"}, []),
        ({"start_date": "2026-01-05T09:00:00"}, [("start_date", "date-without-zone")]),
        ({"start_date": "2026-01-05"}, [("start_date", "date-without-zone")]),
        ({"start_date": "soon"}, [("start_date", "date")]),
        ({"start_date": "2026-02-30T09:00:00Z"}, [("start_date", "date")]),
        ({"start_date": "0001-01-01T00:00:00+14:00"}, [("start_date", "date")]),
        ({"until_date": "2027-01-01"}, [("until_date", "date-without-zone")]),
        ({"until_date": "never"}, [("until_date", "date")]),
        ({"start_date": "soon", "until_date": "never"}, [("start_date", "date"), ("until_date", "date")]),
        ({"until_date": None}, []),
        ({"start_date": VIENNA}, []),
        ({"start_date": {**VIENNA, "date": "2026-02-30"}}, [("start_date.date", "date")]),
        ({"start_date": {**VIENNA, "date": "0001-01-01"}}, [("start_date.date", "date")]),
        ({"start_date": {**VIENNA, "date": "9999-12-31"}}, [("start_date.date", "date")]),
        ({"start_date": {**VIENNA, "time": "24:00"}}, [("start_date.time", "date")]),
        ({"start_date": {**VIENNA, "time": "09:00+01:00"}}, [("start_date.time", "date")]),
        ({"start_date": {**VIENNA, "time": "09:00-05:00"}}, [("start_date.time", "date")]),
        ({"start_date": {**VIENNA, "timezone": "Europe/Wien"}}, [("start_date.timezone", "date")]),
        ({"start_date": {**VIENNA, "timezone": "Europe"}}, [("start_date.timezone", "date")]),
        ({"start_date": {**VIENNA, "timezone": "../Europe/Vienna"}}, [("start_date.timezone", "date")]),
        ({"start_date": {**VIENNA, "timezone": "CET-1CEST"}}, [("start_date.timezone", "date")]),
        ({"start_date": {"date": "x", "time": "y", "timezone": "z"}},
         [("start_date.date", "date"), ("start_date.time", "date"), ("start_date.timezone", "date")]),
        ({"start_date": {**VIENNA, "date": "2026-03-29", "time": "02:30"}}, [("start_date.time", "date")]),
        ({"start_date": {**VIENNA, "date": "2026-10-25", "time": "02:30"}}, [("start_date.time", "date")]),
        ({"start_date": {**VIENNA, "time": "00:30"}}, [("start_date", "other-days?")]),
        ({"start_date": {**VIENNA, "time": "00:30"}, "byweekday": None}, []),
    ],
)  # fmt: skip
def test_instants_need_a_zone_and_wall_clocks_a_time_that_exists(spec: dict[str, Any], expected: Found) -> None:
    """Every part that is wrong is named by itself (design §2)."""
    assert expected == found(**spec)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"until_date": "2026-01-05T09:00:00Z"}, [("until_date", "until-before-start")]),
        ({"until_date": "2025-01-05T09:00:00Z"}, [("until_date", "until-before-start")]),
        ({"until_date": "2026-01-05T10:00:01+01:00"}, [("spec", "over?")]),
        ({"until_date": "2026-02-28T09:00:00Z"}, [("spec", "over?")]),
        ({"until_date": "2026-03-02T09:00:00Z"}, []),
        ({"count": 8}, [("spec", "over?")]),
        ({"count": 9}, []),
        ({"byweekday": ["wednesday"], "until_date": "2026-01-07T08:00:00Z"}, [("until_date", "never-fires")]),
        ({"bysetpos": 1}, []),
        ({"bysetpos": -1}, []),
        ({"bysetpos": 2}, [("bysetpos", "never-fires")]),
        ({"frequency": "monthly", "bysetpos": 5}, []),
        ({"frequency": "monthly", "bysetpos": -6}, [("bysetpos", "never-fires")]),
        ({"frequency": "monthly", "byweekday": list(WEEKDAYS), "bysetpos": 32}, [("bysetpos", "never-fires")]),
        ({"frequency": "daily", "interval": 7, "byweekday": ["monday"]}, []),
        ({"frequency": "daily", "interval": 7, "byweekday": ["tuesday"]}, [("byweekday", "never-fires")]),
        ({"frequency": "daily", "interval": 14, "byweekday": ["tuesday", "friday"]}, [("byweekday", "never-fires")]),
        ({"frequency": "daily", "interval": 8, "byweekday": ["tuesday"]}, []),
        ({"interval": 2147483647, "byweekday": ["sunday"]}, []),
        ({"interval": 2147483647, "byweekday": ["sunday"], "start_date": "2026-01-06T09:00:00Z"}, []),
        ({"start_date": "9999-12-31T09:00:00Z", "byweekday": ["monday"]}, [("byweekday", "never-fires")]),
    ],
)
def test_a_schedule_fires_at_all(spec: dict[str, Any], expected: Found) -> None:
    """Judged from its start and not from the clock; one that is over is a warning (design §2)."""
    assert expected == found(**spec)


def test_every_fault_is_told_at_once() -> None:
    """In the order of the fields, so that one run is enough."""
    assert [
        ("title", "title-too-long"),
        ("dashboard", "unknown-reference"),
        ("target_value.0", "address"),
        ("target_value.1", "unknown-group"),
        ("start_date", "date-without-zone"),
        ("until_date", "date"),
    ] == found(
        title="x" * 90,
        dashboard="grwth",
        target_value=["nobody", "@teem"],
        start_date="2026-01-05T09:00",
        until_date="never",
    )


def said(**given: Any) -> str:
    """What the only fault of a manifest says to a reviewer."""
    (fault,) = faults(**given)
    return show(fault.message, addresses=True)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"title": "x" * 90},
            (
                "the title has 90 characters; with its tag [growth:weekly] it has 106, and the server takes 100; "
                "shorten it to 84"
            ),
        ),
        (
            {"title": "Weekly [growth:weekly]"},
            "the title ends in [growth:weekly], which is written by this tool; remove it",
        ),
        (
            {"dashboard": "grwth"},
            "no dashboard is named \"grwth\" in the config's references; did you mean 'growth'?",
        ),
        (
            {"dashboard": "board"},
            (
                'the dashboard "board" has no number for staging; add it to the config\'s references, '
                "or leave staging out of the manifest's environments"
            ),
        ),
        (
            {"target_value": ["ana@example"]},
            "not an e-mail address: ana@example; it takes a name, an @ and a domain with a dot",
        ),
        ({"target_value": ["@teem"]}, "no recipient group is named \"teem\" in the config; did you mean 'team'?"),
        ({"target_value": ["@ana@example.com"]}, "an address does not begin with @: ana@example.com"),
        (
            {"target_value": ["@other"]},
            "in the group other: not an e-mail address: eve; it takes a name, an @ and a domain with a dot",
        ),
        (
            {"target_value": ["ana@x.example"]},
            "the domain of ana@x.example is not in policy.allowed_domains; metadata.external: true if it is meant",
        ),
        (
            {"target_type": "teams", "target_value": "http://example.com/secret"},
            "a teams target is one https:// address, not http://example.com/***",
        ),
        (
            {"start_date": "2026-01-05T09:00"},
            (
                '"2026-01-05T09:00" does not say in which zone; write 2026-01-05T09:00:00Z or '
                '2026-01-05T09:00:00+01:00, or {date: 2026-01-05, time: "09:00", timezone: Europe/Vienna}'
            ),
        ),
        (
            {"start_date": {**VIENNA, "date": "2026-03-29", "time": "02:30"}},
            (
                "02:30 is skipped on 2026-03-29 in Europe/Vienna, where the clocks change; begin on another day, "
                "or write the instant with its offset"
            ),
        ),
        (
            {"bysetpos": 2},
            "bysetpos 2 does not exist: a period of this schedule has at most 1 such days; choose a smaller one",
        ),
        (
            {"frequency": "daily", "interval": 7, "byweekday": ["tuesday"]},
            (
                "the schedule never fires: every 7 days from 2026-01-05 on is never a tuesday; start on such a day, "
                "or change the interval"
            ),
        ),
    ],
)
def test_a_fault_says_what_why_and_the_way_out(spec: dict[str, Any], expected: str) -> None:
    """So that nobody has to look anything up."""
    assert expected == said(**spec)


@pytest.mark.parametrize(
    "value",
    [["ana@example"], ["@ana@example.com"], ["ana@x.example"], ["@other"], ["ana@example.com", "ana@example.com"]],
)
def test_a_fault_shows_an_address_to_reviewers_only(value: list[str]) -> None:
    """An address in a message is a part of its own, masked where others may read it (design §6)."""
    (fault,) = faults(target_value=value)

    assert "ana@" not in show(fault.message, addresses=False)
    assert "eve" not in show(fault.message, addresses=False)


integers = st.integers(1, 2**31 - 1) | st.sampled_from([1, 7, 400, 2**31 - 1])
dates = st.sampled_from(
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-05T09:00:00Z", "1500-02-28T12:00:00Z"]
)


@given(
    frequency=st.sampled_from(["daily", "weekly", "monthly", "yearly"]),
    interval=integers,
    byweekday=st.none() | st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
    position=st.integers(-366, 366).filter(bool),
    count=st.none() | integers,
    start=dates,
    until=st.none() | dates,
)
def test_whatever_the_schema_allows_is_judged_quickly(
    frequency: str, interval: int, byweekday: Any, position: int, count: int | None, start: str, until: str | None
) -> None:
    """Huge intervals and counts, the first and the last year: never an exception, never a long search."""
    begun = time.process_time()
    faults(
        frequency=frequency,
        interval=interval,
        byweekday=byweekday,
        bysetpos=position if byweekday else None,
        count=count,
        start_date=start,
        until_date=until,
    )

    assert time.process_time() - begun < seconds(0.3)
