"""Fields, defaults, coercions and refusals of one row: contract §3, §4 and §5, as tables."""

from typing import Any

import pytest

from reconciler.sandbox import Sandbox
from tests.sandbox.support import Api, error, mixed, refused

SEED_FIELDS = [
    "id",
    "dashboard",
    "insight",
    "target_type",
    "target_value",
    "frequency",
    "interval",
    "byweekday",
    "bysetpos",
    "count",
    "start_date",
    "until_date",
    "created_at",
    "created_by",
    "deleted",
    "title",
    "summary",
    "next_delivery_date",
    "invite_message",
]
LATER_FIELDS = {
    "insight_short_id", "resource_name", "resource_type", "dashboard_export_insights", "integration_id", "enabled",
    "summary_enabled", "summary_prompt_guide", "prompt", "ai_prompt_config", "ai_query_plan_status",
    "ai_prompt_export_insights", "delivery_config",
}  # fmt: skip


def test_3_the_fields_of_the_seed_page_in_its_order(seed: Api) -> None:
    """Nineteen fields, and created_by with eight."""
    row = seed.post().json()

    assert SEED_FIELDS == list(row)
    assert (
        ["id", "uuid", "distinct_id", "first_name", "last_name", "email", "is_email_verified", "hedgehog_config"]
        == list(row["created_by"])
    )  # fmt: skip


def test_3_1_the_fields_of_later_servers(latest: Api) -> None:
    """The same and thirteen more; send_test_now is never shown."""
    row = latest.post(send_test_now=False).json()

    assert SEED_FIELDS == list(row)[: len(SEED_FIELDS)]
    assert LATER_FIELDS == row.keys() - set(SEED_FIELDS)
    assert "role_at_organization" in row["created_by"]


def test_3_what_is_left_out_has_a_default(seed: Api) -> None:
    """interval 1, deleted false, the rest null."""
    row = seed.post(
        dashboard=..., interval=..., byweekday=..., title=...
    ).json()  # fmt: skip

    assert {
        "dashboard": None, "insight": None, "interval": 1, "byweekday": None, "bysetpos": None, "count": None,
        "until_date": None, "deleted": False, "title": None, "invite_message": None,
    }.items() <= row.items()  # fmt: skip


def test_3_1_later_fields_have_defaults_too(latest: Api) -> None:
    """enabled is true; nothing else is set."""
    row = latest.post().json()

    assert {
        "enabled": True, "integration_id": None, "summary_enabled": False, "summary_prompt_guide": "", "prompt": None,
        "delivery_config": {}, "resource_type": "dashboard", "resource_name": "Dashboard 42", "insight_short_id": None,
    }.items() <= row.items()  # fmt: skip


def test_3_1_an_insight_without_a_name_is_called_none(latest: Api) -> None:
    """resource_name is then the literal text."""
    row = latest.post(dashboard=None, insight=60).json()

    assert ("insight", "None", "in000060") == (row["resource_type"], row["resource_name"], row["insight_short_id"])


# What is sent, and what is read back (contract §3.2).
REWRITTEN: dict[str, tuple[str, Any, Any]] = {
    "start_date with an offset": ("start_date", "2026-01-05T11:00:00+02:00", "2026-01-05T09:00:00Z"),
    "start_date without a zone": ("start_date", "2026-01-05T09:00:00", "2026-01-05T09:00:00Z"),
    "start_date with a space": ("start_date", "2026-01-05 09:00", "2026-01-05T09:00:00Z"),
    "start_date as a day": ("start_date", "2026-01-05", "2026-01-05T00:00:00Z"),
    "start_date as a week": ("start_date", "2026-W02-1", "2026-01-05T00:00:00Z"),
    "start_date with a fraction": ("start_date", "2026-01-05T09:00:00.5Z", "2026-01-05T09:00:00.500000Z"),
    "start_date with an empty fraction": ("start_date", "2026-01-05T09:00:00.000Z", "2026-01-05T09:00:00Z"),
    "title trimmed": ("title", "  a b  ", "a b"),
    "title of spaces": ("title", "   ", ""),
    "title empty": ("title", "", ""),
    "title null": ("title", None, None),
    "title number": ("title", 7, "7"),
    "title of 100 code points": ("title", "ü" * 100, "ü" * 100),
    "target_value trimmed outside only": ("target_value", " a@x, b@x ", "a@x, b@x"),
    "target_value number": ("target_value", 5, "5"),
    "target_value that is no address": ("target_value", "nobody", "nobody"),
    "target_value case kept": ("target_value", "Ana@X.example,Ana@X.example", "Ana@X.example,Ana@X.example"),
    "interval text": ("interval", "2", 2),
    "interval whole float": ("interval", 2.0, 2),
    "dashboard text": ("dashboard", "12", 12),
    "dashboard float": ("dashboard", 12.5, 12),
    "deleted text": ("deleted", "yes", True),
    "deleted number": ("deleted", 1, True),
    "deleted text false": ("deleted", "false", False),
    "byweekday empty": ("byweekday", [], []),
    "byweekday null": ("byweekday", None, None),
    "byweekday order and twins": ("byweekday", ["friday", "monday", "friday"], ["friday", "monday", "friday"]),
    "count zero": ("count", 0, 0),
    "bysetpos without weekdays": ("bysetpos", 0, 0),
    "invite_message": ("invite_message", "hello", None),
    "invite_message empty": ("invite_message", "", None),
    "invite_message null": ("invite_message", None, None),
    "invite_message of any length": ("invite_message", "x" * 5000, None),
    "target_value of any length": ("target_value", "a@x," * 2000, "a@x," * 2000),
    "until_date null": ("until_date", None, None),
    "until_date as a day": ("until_date", "2030-01-01", "2030-01-01T00:00:00Z"),
    "count text": ("count", "7", 7),
    "interval of the largest": ("interval", 2147483647, 2147483647),
    "deleted text true": ("deleted", "true", True),
}


@pytest.mark.parametrize(("field", "sent", "read"), **mixed(REWRITTEN))
def test_3_2_what_the_server_makes_of_a_value(seed: Api, field: str, sent: Any, read: Any) -> None:
    """Some spellings are rewritten, others are kept as they are."""
    extra = {"byweekday": None} if field == "bysetpos" else {}
    response = seed.post(**{**extra, field: sent})
    patched = seed.patch(seed.new(**extra), **{field: sent})

    assert (201, 200) == (response.status_code, patched.status_code), response.text
    assert (read, read) == (response.json()[field], patched.json()[field])
    assert read == seed.sandbox.row(response.json()["id"])[field]


def test_3_unknown_and_read_only_fields_are_ignored(seed: Api) -> None:
    """A typo never errors, and nobody chooses an id."""
    response = seed.post(
        titel="x", id=999, summary="x", next_delivery_date=None, created_at="1999-01-01", enabled=False
    )

    row = response.json()
    assert (201, 1, "sent every week") == (response.status_code, row["id"], row["summary"])
    assert "2026-03-02T09:00:00Z" == row["next_delivery_date"]
    assert "2026-03-02T08:00:00Z" == row["created_at"]
    assert "titel" not in row


MISSING = ("target_type", "target_value", "frequency", "start_date")

# The table of contract §5, for the seed server: what is sent, code, attr.
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    **{f"{name} missing": ({name: ...}, "required", name) for name in MISSING},
    **{f"{name} null": ({name: None}, "null", name) for name in (*MISSING, "interval", "deleted")},
    "target_type unknown": ({"target_type": "sms"}, "invalid_choice", "target_type"),
    "target_type upper case": ({"target_type": "Email"}, "invalid_choice", "target_type"),
    "target_type empty": ({"target_type": ""}, "invalid_choice", "target_type"),
    "target_type of later": ({"target_type": "teams"}, "invalid_choice", "target_type"),
    "frequency unknown": ({"frequency": "hourly"}, "invalid_choice", "frequency"),
    "target_value empty": ({"target_value": ""}, "blank", "target_value"),
    "target_value spaces": ({"target_value": "  "}, "blank", "target_value"),
    "target_value list": ({"target_value": ["a@x"]}, "invalid_input", "target_value"),
    "target_value object": ({"target_value": {}}, "invalid_input", "target_value"),
    "target_value bool": ({"target_value": True}, "invalid_input", "target_value"),
    "target_value with a null character": ({"target_value": "a\0"}, "null_characters_not_allowed", "target_value"),
    "title with a null character": ({"title": "a\0"}, "null_characters_not_allowed", "title"),
    "title too long": ({"title": "x" * 101}, "max_length", "title"),
    "interval fraction": ({"interval": 2.5}, "invalid_input", "interval"),
    "interval bool": ({"interval": True}, "invalid_input", "interval"),
    "interval text": ({"interval": "x"}, "invalid_input", "interval"),
    "interval too large": ({"interval": 2147483648}, "max_value", "interval"),
    "interval too small": ({"interval": -2147483649}, "min_value", "interval"),
    "count too large": ({"count": 2147483648}, "max_value", "count"),
    "bysetpos too small": ({"bysetpos": -2147483649}, "min_value", "bysetpos"),
    "byweekday text": ({"byweekday": "monday"}, "not_a_list", "byweekday"),
    "byweekday wrong": ({"byweekday": ["monday", "Tuesday"]}, "invalid_choice", "byweekday__1"),
    "byweekday null inside": ({"byweekday": [None]}, "null", "byweekday__0"),
    "start_date words": ({"start_date": "tomorrow"}, "invalid_input", "start_date"),
    "start_date number": ({"start_date": 7}, "invalid_input", "start_date"),
    "start_date empty": ({"start_date": ""}, "invalid_input", "start_date"),
    "start_date 24:00": ({"start_date": "2026-01-05T24:00:00Z"}, "invalid_input", "start_date"),
    "until_date words": ({"until_date": "never"}, "invalid_input", "until_date"),
    "start_date before time": ({"start_date": "0001-01-01T00:00:00+14:00"}, "overflow", "start_date"),
    "deleted word": ({"deleted": "x"}, "invalid_input", "deleted"),
    "insight unknown": ({"insight": 999}, "does_not_exist", "insight"),
    "insight short id": ({"insight": "AbC123"}, "incorrect_type", "insight"),
    "insight bool": ({"insight": True}, "incorrect_type", "insight"),
    "insight list": ({"insight": [1]}, "incorrect_type", "insight"),
    "insight of another team": ({"insight": 1001}, "invalid_input", "insight"),
    "dashboard unknown": ({"dashboard": 999}, "does_not_exist", "dashboard"),
    "dashboard beyond integers": ({"dashboard": 99999999999999999999}, "does_not_exist", "dashboard"),
    "dashboard of another team": ({"dashboard": 1001}, "invalid_input", "dashboard"),
    "dashboard bool": ({"dashboard": True}, "incorrect_type", "dashboard"),
    "dashboard list": ({"dashboard": []}, "incorrect_type", "dashboard"),
    "title list": ({"title": ["x"]}, "invalid_input", "title"),
    "invite_message with a null character": (
        {"invite_message": "\0"}, "null_characters_not_allowed", "invite_message",
    ),
    "bysetpos fraction": ({"bysetpos": 1.5}, "invalid_input", "bysetpos"),
    "count text": ({"count": "many"}, "invalid_input", "count"),
    "until_date empty": ({"until_date": ""}, "invalid_input", "until_date"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "code", "attr"), **mixed(REFUSED))
def test_5_what_a_create_refuses(seed: Api, fields: dict[str, Any], code: str, attr: str) -> None:
    """Every wrong value is a 400 with the code and attr of the server, and makes no row."""
    assert refused(code, attr) == error(seed.post(**fields))
    assert [] == seed.sandbox.rows()


@pytest.mark.parametrize(
    ("fields", "code", "attr"), **mixed({n: c for n, c in REFUSED.items() if ... not in c[0].values()})
)
def test_5_what_a_patch_refuses(seed: Api, fields: dict[str, Any], code: str, attr: str) -> None:
    """The same values are wrong in a PATCH, and change nothing."""
    row = seed.new()
    before = seed.sandbox.row(row)

    assert refused(code, attr) == error(seed.patch(row, **fields))
    assert before == seed.sandbox.row(row)


@pytest.mark.parametrize("kind", ["dashboard", "insight"])
def test_5_what_was_softly_deleted_does_not_exist(seed: Api, kind: str) -> None:
    """A deleted dashboard or insight cannot be subscribed to."""
    seed.sandbox.remove_dashboard(7)
    seed.sandbox.remove_insight(7)

    assert refused("does_not_exist", kind) == error(seed.post(**{kind: 7}))


def test_4_3_the_seed_server_wants_no_target_and_takes_two(seed: Api) -> None:
    """Neither dashboard nor insight, or both, are accepted."""
    assert 201 == seed.post(dashboard=...).status_code
    assert 201 == seed.post(dashboard=1, insight=1).status_code


def test_4_3_two_equal_creates_make_two_rows(seed: Api) -> None:
    """Nothing is unique, and everybody is mailed twice."""
    assert [1, 2] == [seed.new(), seed.new()]
    assert 4 == len(seed.told())


def test_4_3_a_row_may_be_born_deleted(seed: Api) -> None:
    """`deleted: true` on POST makes a row that is gone."""
    row = seed.new(deleted=True)

    assert 0 == seed.get().json()["count"]
    assert True is seed.sandbox.row(row)["deleted"]


def test_4_3_the_maker_is_the_owner_of_the_key(seed: Api) -> None:
    """created_by cannot be chosen."""
    assert 1 == seed.post(created_by=2).json()["created_by"]["id"]


def test_4_4_an_empty_patch_is_accepted(seed: Api) -> None:
    """200, and nothing changes."""
    row = seed.new()

    assert (200, seed.sandbox.row(row)) == ((response := seed.patch(row)).status_code, response.json())


def test_4_4_nearly_everything_can_be_patched_on_the_seed_server(seed: Api) -> None:
    """Kind, channel and content too."""
    row = seed.new()
    wanted = {"dashboard": None, "insight": 3, "target_type": "webhook", "target_value": "https://x.example/"}

    assert wanted.items() <= seed.patch(row, **wanted).json().items()


def test_4_4_put_replaces_nothing_that_is_left_out(seed: Api) -> None:
    """PUT wants the required fields and keeps the optional ones."""
    row = seed.new(count=5)
    body = {name: seed.body()[name] for name in MISSING}

    assert refused("required", "target_type") == error(seed.send("PUT", f"subscriptions/{row}/", json={}))
    replaced = seed.send("PUT", f"subscriptions/{row}/", json=body).json()
    assert (5, "Weekly growth") == (replaced["count"], replaced["title"])


def test_4_1_lists_hide_deleted_rows_unless_asked(seed: Api) -> None:
    """There is no single call that returns both."""
    live, gone = seed.new(), seed.new(deleted=True)
    listed = {
        query: [row["id"] for row in seed.get(f"subscriptions/?{query}").json()["results"]]
        for query in ("", "deleted=true", "deleted=1", "deleted=YES", "deleted=banana", "deleted=")
    }

    assert {
        "": [live], "deleted=true": [gone], "deleted=1": [gone], "deleted=YES": [gone],
        "deleted=banana": [live], "deleted=": [live],
    } == listed  # fmt: skip


def test_4_1_the_seed_server_filters_by_insight_and_dashboard_only(seed: Api) -> None:
    """Anything else in the query is ignored; an id that is no number is a 500."""
    one, two = seed.new(dashboard=1), seed.new(dashboard=None, insight=2)

    assert [one] == [row["id"] for row in seed.get("subscriptions/?dashboard=1").json()["results"]]
    assert [two] == [row["id"] for row in seed.get("subscriptions/?insight=2").json()["results"]]
    assert 2 == seed.get("subscriptions/?search=zzz&target_type=zzz&created_by=zzz").json()["count"]
    assert 500 == seed.get("subscriptions/?insight=abc").status_code


LATER_FILTERS: dict[str, tuple[str, list[int]]] = {
    "search in titles": ("search=FIRST", [1]),
    "search in names of dashboards": ("search=dashboard+8", [2]),
    "search in names of insights": ("search=insight+9", [3]),
    "target_type": ("target_type=slack", [2]),
    "resource_type": ("resource_type=insight", [3]),
    "ordering by title": ("ordering=title", [1, 3, 2]),
    "ordering by title downwards": ("ordering=-title", [2, 3, 1]),
    "ordering by date": ("ordering=created_at", [1, 2, 3]),
    "ordering unknown": ("ordering=banana", [3, 2, 1]),
    "insight": ("insight=9", [3]),
    "unknown parameter": ("banana=1", [3, 2, 1]),
}


@pytest.mark.parametrize(("query", "expected"), **mixed(LATER_FILTERS))
def test_4_1_filters_of_later_servers(latest: Api, query: str, expected: list[int]) -> None:
    """Search, ordering and filters; the newest comes first."""
    latest.sandbox.add(title="first", created_at="2026-01-01")
    latest.sandbox.add(title="third", dashboard=8, target_type="slack", target_value="C1", created_at="2026-01-02")
    latest.sandbox.add(title="second", insight=9, created_at="2026-01-03")

    assert expected == [row["id"] for row in latest.get(f"subscriptions/?{query}").json()["results"]]


@pytest.mark.parametrize("name", ["insight", "dashboard", "target_type", "created_by"])
def test_4_1_later_servers_refuse_nonsense_in_filters(latest: Api, name: str) -> None:
    """A filter that cannot be read is a 400 about its parameter."""
    assert refused("invalid_input", name) == error(latest.get(f"subscriptions/?{name}=banana"))


def test_4_1_later_servers_filter_by_maker(latest: Api) -> None:
    """created_by takes the uuid of a user."""
    latest.sandbox.add(created_by=2)
    mine = latest.post().json()

    listed = latest.get(f"subscriptions/?created_by={mine['created_by']['uuid']}").json()
    assert [mine["id"]] == [row["id"] for row in listed["results"]]


def test_4_1_everybodys_rows_are_listed_and_other_projects_are_not(seed: Api) -> None:
    """Not only the key owner's."""
    seed.sandbox.add(created_by=2)
    seed.sandbox.add(project=2, dashboard=1001)

    assert 1 == seed.get().json()["count"]
    assert 1 == seed.get("/api/projects/2/subscriptions/").json()["count"]


def test_4_2_a_deleted_row_can_be_read_by_id(seed: Api) -> None:
    """200 with deleted true is gone; 404 is really gone."""
    row = seed.new()
    seed.patch(row, deleted=True)

    assert True is seed.get(f"subscriptions/{row}/").json()["deleted"]
    seed.sandbox.forget(row)
    assert 404 == seed.get(f"subscriptions/{row}/").status_code


def test_4_2_a_row_of_another_project_is_404(seed: Api) -> None:
    """Ids are global, projects are walls."""
    row = seed.sandbox.add(project=2, dashboard=1001)["id"]

    assert 404 == seed.get(f"subscriptions/{row}/").status_code
    assert 404 == seed.patch(row, title="x").status_code


def test_4_2_query_parameters_narrow_the_detail_route(seed: Api) -> None:
    """A filter that does not match makes a row a 404."""
    row = seed.new(deleted=True)

    assert 404 == seed.get(f"subscriptions/{row}/?deleted=false").status_code
    assert 404 == seed.get(f"subscriptions/{row}/?insight=3").status_code
    assert 200 == seed.get(f"subscriptions/{row}/?search=zzz").status_code
    seed.sandbox.reset("latest")
    assert 404 == seed.get(f"subscriptions/{seed.new()}/?search=zzz").status_code


def test_10_t22_a_form_turns_absent_booleans_into_false(latest: Api) -> None:
    """Why JSON is the only way to write."""
    row = latest.new()
    response = latest.send("PATCH", f"subscriptions/{row}/", data={"title": "form"})

    assert ("form", True) == (response.json()["title"], response.json()["enabled"])
    form = {
        name: value for name, value in latest.body().items() if name not in ("byweekday", "dashboard_export_insights")
    }
    replaced = latest.send("PUT", f"subscriptions/{row}/", data={**form, "byweekday": ["monday"]})
    assert (200, False) == (replaced.status_code, replaced.json()["enabled"])


def test_11_23_a_response_may_hold_fields_from_the_future(seed: Api) -> None:
    """With the flag, rows carry fields nobody knows."""
    seed.sandbox.reset(flags=["unknown-response-fields"])

    assert seed.post().json().keys() - set(SEED_FIELDS)


BAD, EXPORT, VALUE = "invalid_input", "dashboard_export_insights", "target_value"

# What only later servers refuse (contract §4.4, §5): fields of a create, code, attr.
LATER_REFUSED: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "interval missing": ({"interval": ...}, "required", "interval"),
    "interval zero": ({"interval": 0}, "min_value", "interval"),
    "webhook": ({"target_type": "webhook"}, "invalid_choice", "target_type"),
    "no content": ({"dashboard": ...}, BAD, None),
    "two contents": ({"insight": 1}, BAD, None),
    "enabled null": ({"enabled": None}, "null", "enabled"),
    "guide null": ({"summary_prompt_guide": None}, "null", "summary_prompt_guide"),
    "guide too long": ({"summary_prompt_guide": "x" * 501}, "max_length", "summary_prompt_guide"),
    "no insights to export": ({EXPORT: ...}, BAD, EXPORT),
    "an empty export": ({EXPORT: []}, BAD, EXPORT),
    "eleven exports": ({EXPORT: list(range(42, 53))}, BAD, EXPORT),
    "an export not on the dashboard": ({EXPORT: [41]}, BAD, EXPORT),
    "an export of another team": ({EXPORT: [1001]}, BAD, EXPORT),
    "an export that is no list": ({EXPORT: 42}, BAD, EXPORT),
    "an export that is no id": ({EXPORT: ["x"]}, BAD, EXPORT),
    "exports of an insight": (
        {"dashboard": None, "insight": 42, EXPORT: [42]}, BAD, EXPORT,
    ),
    "slack without integration": ({"target_type": "slack"}, BAD, "integration_id"),
    "slack, unknown integration": ({"target_type": "slack", "integration_id": 99}, BAD, "integration_id"),
    "slack, wrong kind": ({"target_type": "slack", "integration_id": 4}, BAD, "integration_id"),
    "slack, foreign": ({"target_type": "slack", "integration_id": 1001}, BAD, "integration_id"),
    "teams over http": (
        {"target_type": "teams", VALUE: "http://a.webhook.office.com/x"}, BAD, VALUE,
    ),
    "teams on another port": (
        {"target_type": "teams", VALUE: "https://a.webhook.office.com:8443/x"}, BAD, VALUE,
    ),
    "teams elsewhere": ({"target_type": "teams", VALUE: "https://x.example/"}, BAD, VALUE),
    "teams host alone": ({"target_type": "teams", VALUE: "a.webhook.office.com"}, BAD, VALUE),
    "over already": ({"until_date": "2026-01-06"}, BAD, "start_date"),
    "until before start": ({"until_date": "2025-01-01"}, BAD, "start_date"),
    "count used up": ({"count": 1}, BAD, "start_date"),
    "count zero": ({"count": 0}, BAD, "start_date"),
    "position that is none": ({"frequency": "monthly", "bysetpos": 6}, BAD, "start_date"),
    "position zero": ({"frequency": "monthly", "bysetpos": 0}, BAD, "start_date"),
    "config that is no object": ({"delivery_config": [1]}, "not_a_dict", "delivery_config"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "code", "attr"), **mixed(LATER_REFUSED))
def test_5_what_later_servers_refuse(latest: Api, fields: dict[str, Any], code: str, attr: str | None) -> None:
    """Stricter than the seed server, with the codes and attrs of the real one."""
    assert refused(code, attr) == error(latest.post(**fields))


def test_5_the_seed_server_accepts_what_later_ones_refuse(seed: Api) -> None:
    """A dead schedule is stored, and never delivers."""
    for fields in ({"until_date": "2025-01-01"}, {"count": 0}, {"frequency": "weekly", "bysetpos": 2}):
        response = seed.post(**fields)

        assert (201, None) == (response.status_code, response.json()["next_delivery_date"])


BROKEN: dict[str, dict[str, Any]] = {
    "weekly interval 0": {"interval": 0},
    "negative interval": {"interval": -1, "frequency": "daily"},
    "position 0": {"bysetpos": 0},
    "position beyond a year": {"bysetpos": 367},
    "position before a year": {"bysetpos": -367},
    "daily interval 0": {"interval": 0, "frequency": "daily"},
    "monthly interval 0": {"interval": 0, "frequency": "monthly"},
    "yearly interval 0": {"interval": 0, "frequency": "yearly"},
}


@pytest.mark.parametrize("fields", **mixed(BROKEN))
def test_5_schedules_that_break_the_seed_server_are_500(seed: Api, fields: dict[str, Any]) -> None:
    """Nothing is stored, and nobody is told."""
    row = seed.new()
    before = seed.sandbox.row(row)
    seed.sandbox.clear_outbox()

    assert (500, "server_error", "error", None) == error(seed.post(**fields))
    assert 500 == seed.patch(row, **fields).status_code
    assert ([before], []) == (seed.sandbox.rows(), seed.told())


def test_4_4_later_servers_pin_the_kind(latest: Api) -> None:
    """A dashboard row cannot become an insight row, nor the other way round; another insight is fine."""
    dashboard, insight = latest.new(), latest.new(dashboard=None, insight=3)

    assert refused("invalid_input", "dashboard") == error(latest.patch(dashboard, insight=3))
    assert refused("invalid_input", "insight") == error(latest.patch(insight, dashboard=3))
    assert 4 == latest.patch(insight, insight=4).json()["insight"]


def test_4_4_taking_the_insight_away_orphans_the_row(latest: Api) -> None:
    """It is accepted, and after that every PATCH is refused."""
    row = latest.new(dashboard=None, insight=3)

    assert 200 == latest.patch(row, insight=None).status_code
    assert refused("invalid_input", None) == error(latest.patch(row, title="x"))
    assert None is latest.get(f"subscriptions/{row}/").json()["resource_type"]


def test_5_patches_of_schedule_fields_are_checked_while_enabled(latest: Api) -> None:
    """A schedule that ends is refused; a paused row takes it, and then cannot be enabled."""
    row = latest.new()

    assert refused("invalid_input", None) == error(latest.patch(row, until_date="2026-01-06"))
    assert 200 == latest.patch(row, enabled=False).status_code
    assert 200 == latest.patch(row, until_date="2026-01-06").status_code
    assert refused("invalid_input", "enabled") == error(latest.patch(row, enabled=True))


def test_5_slack_is_checked_on_every_patch(latest: Api) -> None:
    """Once the integration is gone even a title cannot change, and the row cannot be enabled again."""
    row = latest.new(target_type="slack", target_value="C1|#a", integration_id=1)
    latest.sandbox.remove_integration(1)

    assert None is latest.sandbox.row(row)["integration_id"]
    assert refused("invalid_input", "integration_id") == error(latest.patch(row, title="x"))
    latest.sandbox.disable(row)
    assert refused("invalid_input", "enabled") == error(latest.patch(row, enabled=True))


def test_3_1_only_slack_has_an_integration(latest: Api) -> None:
    """It is null for e-mail, whatever is sent."""
    assert None is latest.post(integration_id=1).json()["integration_id"]


def test_3_1_a_patch_may_leave_the_export_out_and_not_empty_it(latest: Api) -> None:
    """The list is a set of live tiles, in no order one may rely on."""
    row = latest.new(dashboard_export_insights=[44, 43, 42, 43])

    assert {42, 43, 44} == set(latest.patch(row, title="x").json()["dashboard_export_insights"])
    assert refused("invalid_input", "dashboard_export_insights") == error(
        latest.patch(row, dashboard_export_insights=[])
    )
    orders = {tuple(latest.get(f"subscriptions/{row}/").json()["dashboard_export_insights"]) for _ in range(30)}
    assert len(orders) > 1


def test_3_1_delivery_config_is_replaced_as_a_whole(latest: Api) -> None:
    """PATCH does not merge."""
    row = latest.new(delivery_config={"a": 1, "b": 2})

    assert {"c": 3} == latest.patch(row, delivery_config={"c": 3}).json()["delivery_config"]


def test_3_2_a_teams_url_is_shown_as_its_host(latest: Api) -> None:
    """The rest is a secret; the row keeps it all."""
    url = "https://a.webhook.office.com/webhookb2/secret"
    row = latest.new(target_type="teams", target_value=url)

    assert "a.webhook.office.com" == latest.get(f"subscriptions/{row}/").json()["target_value"]
    assert url == latest.sandbox.row(row)["target_value"]
    assert refused("invalid_input", "target_value") == error(latest.patch(row, target_value="a.webhook.office.com"))
    assert 200 == latest.patch(row, title="x").status_code


def test_3_1_summaries_are_gated(latest: Api) -> None:
    """Without consent 403, beyond the quota 402."""
    latest.sandbox.reset("latest", flags=["no-ai-consent"])
    assert (403, "permission_denied") == error(latest.post(summary_enabled=True))[::2]

    latest.sandbox.reset("latest", flags=["summary-quota"])
    assert (402, "server_error", "quota_limit_exceeded", None) == error(latest.post(summary_enabled=True))
    assert 201 == latest.post(summary_enabled=False).status_code


def test_2_3_ai_reports_need_query_read(latest: Api) -> None:
    """A key without it may not write one."""
    key = latest.sandbox.new_key(("subscription:write",))
    body = latest.body(dashboard=..., prompt="What changed?")

    assert 403 == latest.send("POST", key=key, json=body).status_code
    assert "ai_prompt" == latest.send("POST", json=body).json()["resource_type"]


def test_4_1_later_servers_hide_what_one_may_not_view(latest: Api) -> None:
    """Rows about a restricted dashboard are not listed, and none can be made."""
    row = latest.new()
    latest.sandbox.restrict_dashboard(42)

    assert 0 == latest.get().json()["count"]
    assert 404 == latest.get(f"subscriptions/{row}/").status_code
    assert refused("invalid_input", "dashboard") == error(latest.post())


def test_5_what_one_may_not_view_cannot_be_named(latest: Api) -> None:
    """Neither as the insight of a row, nor among those a dashboard row exports."""
    row = latest.new(dashboard=41, dashboard_export_insights=[41])
    latest.sandbox.restrict_insight(42)

    assert refused("invalid_input", "insight") == error(latest.post(dashboard=None, insight=42))
    assert refused("invalid_input", EXPORT) == error(latest.post(dashboard_export_insights=[42, 43]))
    assert refused("invalid_input", EXPORT) == error(latest.patch(row, dashboard_export_insights=[42]))
    latest.sandbox.restrict_insight(42, restricted=False)
    assert 200 == latest.patch(row, dashboard_export_insights=[42]).status_code


def test_flags_can_be_taken_away_from_a_profile() -> None:
    """Each deviation is a switch of its own."""
    sandbox = Sandbox("latest", flags=("-interval-required", "-export-list-required", "-environments-rewrite"))
    with Api(sandbox) as api:
        response = api.send("POST", "/api/environments/1/subscriptions/", json=api.body(interval=...))

    assert (201, False) == (response.status_code, "Deprecation" in response.headers)
    sandbox.close()
