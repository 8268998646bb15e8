"""Checking: the schemas and the code agree, nothing wrong is accepted, and every problem is worded with its way out."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import kinds, manifests, schema
from reconciler.errors import Problem, UsageError
from reconciler.kinds.subscription import FIELDS
from reconciler.manifests import Locator
from reconciler.model import Config, Environment, Manifest, Source
from reconciler.privacy import say, show
from reconciler.resource import Fault, Resource

ROOT = Path(__file__).resolve().parent.parent
HEAD = "apiVersion: posthog-reconciler/v1\nkind: Subscription\n"
CONFIG = Config("growth", (Environment("production", "https://a", "1"), Environment("staging", "https://b", "2")))
SPEC: dict[str, Any] = {
    "title": "Weekly growth",
    "dashboard": 42,
    "target_type": "email",
    "target_value": ["ana@example.com", "@growth-team"],
    "frequency": "weekly",
    "interval": 1,
    "byweekday": ["monday"],
    "bysetpos": None,
    "start_date": "2026-01-05T09:00:00Z",
}

SEED_PAGE = (
    "dashboard", "insight", "target_type", "target_value", "frequency", "interval", "byweekday", "bysetpos", "count",
    "start_date", "until_date", "deleted", "title", "invite_message",
)  # fmt: skip
"""The request parameters of the page that describes the API (contract §1)."""

LATER = ("integration_id", "dashboard_export_insights", "enabled", "summary_enabled", "summary_prompt_guide")


@dataclass(frozen=True, slots=True)
class Memory:
    """A folder of one file, in memory."""

    text: str

    def names(self, folder: str) -> Sequence[tuple[str, manifests.Sort]]:
        """The one file."""
        return [("a.yaml", manifests.Sort.FILE)] if folder == "." else []

    def follow(self, path: str) -> tuple[manifests.Sort, str]:
        """Itself."""
        return manifests.Sort.FOLDER if path == "." else manifests.Sort.FILE, path

    def read(self, path: str, limit: int) -> bytes:
        """The text, whatever the path."""
        return self.text.encode()[: limit + 1] if path else b""


@dataclass(frozen=True, slots=True)
class Picky:
    """A kind that finds the faults it was given."""

    faults: Sequence[Fault] = ()
    kind: str = "Subscription"
    seen: list[str] = field(default_factory=list)

    def check(self, manifest: Manifest, config: Config) -> Sequence[Fault]:
        """The faults it was given, for any manifest."""
        self.seen.append(f"{config.namespace}:{manifest.name}")
        return self.faults


def checked(text: str, *, kind: Picky | None = None, config: Config = CONFIG) -> schema.Checked:
    """What checking *text* finds."""
    files = Memory(text)
    tree = manifests.read(files, ["a.yaml"])
    assert () == tree.problems
    kinds = {"Subscription": cast(Resource, kind)} if kind else {}
    return schema.check(tree.documents, config=config, kinds=kinds, locate=Locator(files))


def told(problems: Sequence[Problem]) -> list[str]:
    """Each of *problems* as `line:column rule message`."""
    return [f"{each.line}:{each.column} {each.rule} {show(each.message, addresses=True)}" for each in problems]


def written(spec: Mapping[str, Any] = SPEC, **metadata: Any) -> str:
    """A manifest with *spec*, as text."""
    document = {"metadata": {"name": "weekly-growth", **metadata}, "spec": dict(spec)}
    return HEAD + "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in document.items()) + "\n"


def spec_with(**fields: Any) -> dict[str, Any]:
    """The usual spec with *fields* on top; `...` takes one away."""
    merged = {**SPEC, **fields}
    return {key: value for key, value in merged.items() if value is not ...}


def messages(spec: Mapping[str, Any]) -> list[str]:
    """What is wrong with *spec*, in words."""
    return [show(problem.message, addresses=True) for problem in checked(written(spec)).problems]


# --- the schemas themselves -----------------------------------------------------------------------------------------


def subschemas(found: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property's schema in *found*, and where it stands."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key == "properties" and "errorMessage" not in found and "/allOf/" not in pointer:
                yield from ((f"{pointer}/{name}", inner) for name, inner in value.items())
            yield from subschemas(value, f"{pointer}/{key}")
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from subschemas(value, f"{pointer}/{index}")


@pytest.mark.parametrize("name", schema.NAMES)
def test_a_schema_is_valid_itself_and_names_its_draft(name: str) -> None:
    """Draft 2020-12, with an identity of its own that nobody would fetch."""
    found = schema.load_schema(name)

    jsonschema.Draft202012Validator.check_schema(found)
    assert "https://json-schema.org/draft/2020-12/schema" == found["$schema"]
    assert f"urn:posthog-reconciler:schema:{name}:v1" == found["$id"]


@pytest.mark.parametrize("name", schema.NAMES)
def test_every_property_helps_an_editor(name: str) -> None:
    """A title, a description and examples, which are valid."""
    for pointer, found in subschemas(schema.load_schema(name)):
        assert {"title", "description", "examples"} <= found.keys(), pointer
        for example in found["examples"]:
            jsonschema.Draft202012Validator(found).validate(example)


@pytest.mark.parametrize("name", schema.NAMES)
def test_every_pattern_brings_its_words(name: str) -> None:
    """A pattern is nothing to read; `patternErrorMessage` says what to write, here and in editors."""
    for pointer, found in walk(schema.load_schema(name)):
        assert ("pattern" in found) == ("patternErrorMessage" in found), pointer


def walk(found: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in *found* that is not a table of properties or an example."""
    if isinstance(found, dict):
        if not pointer.endswith("/properties"):
            yield pointer, found
        for key, value in found.items():
            if key != "examples":
                yield from walk(value, f"{pointer}/{key}")
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from walk(value, f"{pointer}/{index}")


@pytest.mark.parametrize("name", schema.NAMES)
def test_the_examples_of_a_schema_pass_both_validators(name: str) -> None:
    """What the schema shows is right."""
    for example in schema.load_schema(name)["examples"]:
        assert schema.is_accepted(name, example)
        assert [] == list(schema.violations(name, example))


def test_the_spec_has_the_fields_that_the_page_and_the_code_have() -> None:
    """Seed page, schema and kind name the same fields, and no other."""
    fields = set(schema.load_schema("subscription")["properties"]["spec"]["properties"])

    assert {*SEED_PAGE, *LATER} == fields
    assert set(FIELDS) == fields


def test_a_schema_of_another_name_is_refused() -> None:
    """The names there are stand in the message."""
    with pytest.raises(UsageError, match="subscription, recording-sharing, config"):
        schema.load_schema("../pyproject")


def test_what_manifests_share_is_the_same_in_every_schema() -> None:
    """Names and environments have one rule."""
    subscription, recording = (
        schema.load_schema(name)["properties"]["metadata"]["properties"] for name in schema.SCHEMAS.values()
    )

    words = ("title", "description")
    for name in recording:
        mine, other = (
            {key: said for key, said in each[name].items() if key not in words} for each in (subscription, recording)
        )
        assert mine == other


# --- the two validators ---------------------------------------------------------------------------------------------

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-400, 400)
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["monday", "email", "slack", "weekly", "a@b.c", "a@b.c,d@e.f", "x\n", "C1|#x\n", "https://x", "42"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def mutants(draw: st.DrawFn, name: str) -> Any:
    """An example of the schema *name* with some places changed, added or removed."""
    document = copy.deepcopy(draw(st.sampled_from(schema.load_schema(name)["examples"])))
    for _ in range(draw(st.integers(1, 3))):
        places = [
            (holder, key)
            for holder in containers(document)
            for key in (holder if isinstance(holder, dict) else range(len(holder)))
        ]
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["change", "remove", "add", "double"])):
            case "change":
                holder[key] = draw(ODD)
            case "remove" if isinstance(holder, dict):
                del holder[key]
            case "add" if isinstance(holder, dict):
                fields = schema.load_schema(name)["properties"].get("spec", {}).get("properties", {})
                holder[draw(st.sampled_from([*fields, "other"]))] = draw(ODD)
            case _ if isinstance(holder, list):
                holder.append(holder[key])
        if not document:
            break
    return document


def containers(found: Any) -> Iterator[Any]:
    """*found* and everything in it that holds something."""
    if isinstance(found, dict | list) and found:
        yield found
        for inner in found.values() if isinstance(found, dict) else found:
            yield from containers(inner)


@pytest.mark.parametrize("name", schema.NAMES)
def test_the_fast_path_never_accepts_what_the_judge_rejects(name: str) -> None:
    """It may only be wrong by asking the judge once too often; and every rejection can be worded."""

    @given(mutants(name))
    def run(document: Any) -> None:
        rejected = list(schema.violations(name, document))
        assert not (rejected and schema.is_accepted(name, document))
        assert bool(rejected) == bool(schema.breaches(name, document))

    run()


def test_a_newline_at_the_end_does_not_slip_through() -> None:
    """Python's `$` would allow it, and it would be sent."""
    found = checked(HEAD + 'metadata: {name: "weekly\\n"}\nspec: {deleted: true}\n')

    assert ["3:18 bad-format"] == [line[:15] for line in told(found.problems)]


def test_a_clean_run_does_not_import_the_judge() -> None:
    """jsonschema costs 75 ms to import; it is needed only for words."""
    program = (
        "import sys\nfrom reconciler import schema\n"
        "for name in schema.NAMES:\n"
        "    for example in schema.load_schema(name)['examples']:\n"
        "        assert schema.breaches(name, example) == ()\n"
        "print('jsonschema' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "False" == done.stdout.strip()


def test_a_huge_list_is_judged_in_linear_time() -> None:
    """jsonschema's own uniqueItems compares every pair of unsortable items."""
    items: list[Any] = [[index] for index in range(20_000)]

    found = schema.breaches("subscription", {"metadata": {"distinct": [*items, None, [5]]}})

    assert 0 < len(found) <= 200


# --- what is accepted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"title": None},
        {"title": "🦔" * 100},
        {"dashboard": "growth"},
        {"dashboard": ..., "insight": 17},
        {"dashboard": None, "insight": 17},
        {"target_value": "ana@example.com,bo@example.com"},
        {"target_value": "ana@example.com, bo@example.com"},
        {"target_value": "ana@example.com"},
        {"target_type": "slack", "target_value": "C0123456789|#growth"},
        {"target_type": "slack", "target_value": ["C0123456789"]},
        {"target_type": "webhook", "target_value": "https://hooks.example.com/x?y=1"},
        {"target_type": "teams", "target_value": ["https://example.webhook.office.com/x"]},
        {"byweekday": []},
        {"byweekday": None},
        {"bysetpos": -366},
        {"count": 1, "until_date": "2027-01-05T09:00:00Z"},
        {"start_date": {"date": "2026-01-05", "time": "09:00", "timezone": "Europe/Vienna"}},
        {"integration_id": 1, "dashboard_export_insights": [1, 2], "enabled": False, "summary_enabled": True},
        {"summary_prompt_guide": ""},
        {"invite_message": "Two\nlines."},
    ],
)
def test_what_the_api_takes_is_accepted(fields: dict[str, Any]) -> None:
    """Fields may be left out or null where the API lets them; lists and the API's own texts are both fine."""
    assert [] == messages(spec_with(**fields))


@pytest.mark.parametrize("spec", [{"deleted": True}, {**SPEC, "deleted": True}, {"deleted": True, "title": "Gone"}])
def test_a_tombstone_needs_no_other_field(spec: dict[str, Any]) -> None:
    """What it was may be left for the reader, and must then be right."""
    assert [] == messages(spec)


def test_a_manifest_is_built_from_what_the_document_says() -> None:
    """Every field of metadata has its place in the model."""
    text = written(
        id={"production": 4218, "staging": 77},
        environments=["production", "staging"],
        previousNames=["growth-weekly"],
        protect=True,
        external=True,
        takeover=True,
        distinct=[4311],
    )

    (manifest,) = checked(text).manifests

    assert (
        Manifest(
            "Subscription",
            "weekly-growth",
            manifest.source,
            SPEC,
            {"production": 4218, "staging": 77},
            ("production", "staging"),
            ("growth-weekly",),
            protect=True,
            external=True,
            takeover=True,
            distinct=(4311,),
        )
        == manifest
    )


def test_a_lone_id_is_meant_for_every_environment() -> None:
    """`id: 4218` adopts that row wherever the manifest lives; left-out fields are their defaults."""
    adopting, plain = checked(f"{written(id=4218)}---\n{written(name='other')}").manifests

    assert (4218, 4218) == (adopting.id_in("production"), adopting.id_in("staging"))
    assert Manifest("Subscription", "other", plain.source, SPEC) == plain


# --- words ----------------------------------------------------------------------------------------------------------

WORDED = [
    ({"interval": 0}, "spec.interval: must be a whole number of at least 1, not 0"),
    ({"interval": 2147483648}, "spec.interval: must be a whole number of at most 2147483647, not 2147483648"),
    ({"interval": 1.5}, "spec.interval: must be a whole number, not 1.5"),
    ({"interval": True}, "spec.interval: must be a whole number, not true"),
    ({"interval": None}, "spec.interval: is empty; write a whole number"),
    ({"interval": "2"}, 'spec.interval: "2" is text; write the number 2 without quotes'),
    ({"count": 0}, "spec.count: must be a whole number of at least 1, not 0"),
    ({"dashboard": "42"}, 'spec.dashboard: "42" is text; write the number 42 without quotes'),
    (
        {"dashboard": "No!"},
        'spec.dashboard: "No!" does not fit; give the number without quotes, or a name from the config\'s references',
    ),
    ({"title": 2026}, 'spec.title: 2026 is a number; put it in quotes: "2026"'),
    ({"title": True}, 'spec.title: true is a boolean; put it in quotes: "true"'),
    ({"title": ["x"]}, "spec.title: must be text, not a list"),
    ({"dashboard": True}, "spec.dashboard: give its number, or a name from the config's references"),
    ({"start_date": 1767603600}, "spec.start_date: write an instant with its zone: 2026-01-05T09:00:00Z"),
    ({"title": "x" * 101}, "spec.title: is 101 characters long; 100 is the most; shorten it"),
    (
        {"title": "two\nlines"},
        'spec.title: "two\\nlines" does not fit; write the title on one line, without control characters',
    ),
    ({"byweekday": ["Monday"]}, 'spec.byweekday[0]: "Monday" is not a choice here; write it in lower case: monday'),
    ({"byweekday": ["mnday"]}, "spec.byweekday[0]: \"mnday\" is not a choice here; did you mean 'monday'?"),
    ({"byweekday": "monday"}, 'spec.byweekday: "monday" is a lone text; write a list: [monday]'),
    (
        {"target_type": "sms"},
        'spec.target_type: "sms" is not a choice here; choose from email, slack, webhook, teams',
    ),
    ({"frequency": 7}, "spec.frequency: must be daily or weekly or monthly or yearly, not 7"),
    ({"frequncy": "weekly"}, "spec: unknown field \"frequncy\"; did you mean 'frequency'?"),
    ({"frequency": ...}, "spec: frequency is missing; add it"),
    ({"insight": 17}, "spec: gives both dashboard and insight; keep exactly one"),
    ({"dashboard": ...}, "spec: says neither dashboard nor insight; give exactly one, by number or by name"),
    ({"bysetpos": 0}, "spec.bysetpos: must not be 0: 1 is the first, -1 the last"),
    ({"bysetpos": 367}, "spec.bysetpos: must be a whole number of at most 366, not 367"),
    (
        {"bysetpos": 1, "byweekday": ...},
        "spec: bysetpos needs byweekday, the weekdays it chooses from; add it, or remove bysetpos",
    ),
    (
        {"bysetpos": 1, "byweekday": []},
        "spec.byweekday: bysetpos needs weekdays to choose from; write byweekday: [monday], or remove bysetpos",
    ),
    ({"target_value": []}, "spec.target_value: must not be empty; fill it in, or remove the field"),
    ({"target_value": [7]}, 'spec.target_value[0]: 7 is a number; put it in quotes: "7"'),
    (
        {"target_value": "@growth-team"},
        'spec.target_value: "@growth-team" does not fit; write a list: [ana@example.com, "@growth-team"]',
    ),
    (
        {"target_type": "slack", "target_value": "#growth"},
        'spec.target_value: "#growth" does not fit; write the channel\'s id, then its name: C0123456789|#growth',
    ),
    (
        {"target_type": "slack", "target_value": ["C1", "C2"]},
        "spec.target_value: is 2 entries long; 1 is the most; shorten it",
    ),
    (
        {"start_date": {"date": "5.1.2026", "time": "09:00", "timezone": "UTC"}},
        'spec.start_date.date: "5.1.2026" does not fit; write year-month-day: 2026-01-05',
    ),
    ({"start_date": {"date": "2026-01-05", "time": "09:00"}}, "spec.start_date: timezone is missing; add it"),
    ({"deleted": "yes"}, 'spec.deleted: must be true or false, not "yes"'),
    (
        {"dashboard_export_insights": [1, 1]},
        "spec.dashboard_export_insights[1]: 1 stands in the list twice; remove one",
    ),
]


@pytest.mark.parametrize(("fields", "message"), WORDED)
def test_a_breach_says_where_what_and_the_way_out(fields: dict[str, Any], message: str) -> None:
    """In our words, not the validator's."""
    assert [message] == messages(spec_with(**fields))


def test_every_problem_of_a_document_is_told_with_its_own_place() -> None:
    """In the order of the lines; an unknown field at its key, a missing one at the mapping it belongs to."""
    text = HEAD + (
        "metadata:\n"
        "  name: Weekly\n"
        "  protct: true\n"
        "spec:\n"
        "  dashboard: 42\n"
        "  target_type: email\n"
        "  target_value:\n"
        "    - ana@example.com\n"
        "    - 7\n"
        "  interval: 0\n"
        "  start_date: 2026-01-05T09:00:00Z\n"
    )

    assert ["4:9 bad-format", "5:3 unknown-field", "6:1 missing-field", "11:7 wrong-type", "12:13 out-of-range"] == [
        " ".join(line.split()[:2]) for line in told(checked(text).problems)
    ]


SECRET = "https://hooks.slack.com/services/T0/B0/XXXX"


@pytest.mark.parametrize(
    "text",
    [
        written(spec_with(target_value=["ana@example.com", 7, "ana@example.com"], target_type="slack")),
        written(spec_with(target_type="slack", target_value=SECRET)),
        written(spec_with(target_type="webhook", target_value=SECRET.removeprefix("https://"))),
        written(spec_with(target_type="teams", target_value=["http" + SECRET.removeprefix("https")])),
        written(spec_with(target_type=SECRET)),
        written(spec_with(byweekday="ana@example.com")),
        written(spec_with(**{SECRET: 1})),
        written(spec_with(**{"ana@example.com": 1})),
        written(spec_with(dashboard="phx_Abcdefgh12345678")),
        written(name="phx_abcdefgh12345678!"),
        HEAD + f"metadata: '{SECRET}'\nspec: ana@example.com\n",
        f"apiVersion: posthog-reconciler/v1\nkind: {SECRET}\n",
        f"apiVersion: posthog-reconciler/{SECRET}\nkind: x\n",
    ],
)
def test_no_message_carries_an_address_or_a_secret_unmasked(text: str) -> None:
    """Wherever they were put by mistake: masked for everybody but, for an address, its reviewer (design §6)."""
    masked = "\n".join(show(problem.message, addresses=False) for problem in checked(text).problems)
    shown = "\n".join(show(problem.message, addresses=True) for problem in checked(text).problems)

    assert masked
    assert not any(secret in masked for secret in ("ana@", "services/T0", "bcdefgh"))
    assert not any(secret in shown for secret in ("services/T0", "bcdefgh"))


def test_long_values_are_shortened() -> None:
    """A message is a line to read."""
    (message,) = messages(spec_with(target_type="x" * 5000))

    assert len(message) < 160


# --- between manifests ----------------------------------------------------------------------------------------------

OTHER = "spec: {deleted: true}\n"


def named(metadata: str) -> str:
    """A tombstone with *metadata*."""
    return f"{HEAD}metadata: {{{metadata}}}\n{OTHER}"


@pytest.mark.parametrize(
    ("first", "second", "told_of"),
    [
        ("name: a", "name: a", '8:18 duplicate-name metadata.name: the name "a" is also at a.yaml:1; '),
        ("name: a, id: 7", "name: b, id: 7", "8:25 duplicate-id metadata.id: the row 7 is also claimed at a.yaml:1; "),
        (
            "name: a, id: {staging: 7}",
            "name: b, id: {staging: 7}",
            "8:35 duplicate-id metadata.id.staging: the row 7 is also claimed at a.yaml:1; ",
        ),
        (
            "name: a",
            "name: b, previousNames: [a]",
            '8:37 previous-name metadata.previousNames[0]: "a" is the name of the manifest at a.yaml:1; ',
        ),
        (
            "name: a, previousNames: [x]",
            "name: b, previousNames: [x]",
            '8:37 previous-name metadata.previousNames[0]: "x" is a previous name also at a.yaml:1; ',
        ),
    ],
)
def test_two_manifests_that_want_the_same_are_both_named(first: str, second: str, told_of: str) -> None:
    """The problem stands at the second and names the first."""
    found = told(checked(f"{named(first)}---\n{named(second)}").problems)

    assert [told_of] == [line[: len(told_of)] for line in found]


def test_a_manifest_cannot_have_been_called_what_it_is_called() -> None:
    """It would be its own predecessor."""
    assert ["previous-name"] == [problem.rule for problem in checked(named("name: a, previousNames: [a]")).problems]


def test_names_are_compared_also_where_a_manifest_is_wrong_otherwise() -> None:
    """One run tells everything."""
    found = checked(f"{HEAD}metadata: {{name: a}}\n---\n{named('name: a')}").problems

    assert ["missing-field", "duplicate-name"] == [problem.rule for problem in found]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("name: a, id: {production: 7}", "name: b, id: {staging: 7}"),
        ("name: a, id: 7, environments: [production]", "name: b, id: 7, environments: [staging]"),
        ("name: a", "name: b"),
    ],
)
def test_what_is_in_different_environments_is_not_the_same(first: str, second: str) -> None:
    """Ids belong to a project."""
    assert () == checked(f"{named(first)}---\n{named(second)}").problems


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (
            "environments: [prodution]",
            "metadata.environments[0]: unknown environment \"prodution\"; did you mean 'production'?",
        ),
        ("id: {x: 5}", 'metadata.id.x: unknown environment "x"; the config has production, staging'),
    ],
)
def test_unknown_environments_are_refused_with_the_nearest_name(metadata: str, expected: str) -> None:
    """A manifest for no environment would remove its row."""
    found = checked(named(f"name: a, {metadata}"))

    assert [expected] == [show(problem.message, addresses=True) for problem in found.problems]
    assert () == checked(named(f"name: a, {metadata}"), config=Config("gitops", ())).problems


def test_a_protected_tombstone_is_refused() -> None:
    """It would say both that the row must stay and that it must go (design §2)."""
    assert ["3:30 protected-tombstone"] == [
        " ".join(line.split()[:2]) for line in told(checked(named("name: a, protect: true")).problems)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "apiVersion: posthog-reconciler/v2\nkind: Subscription\n",
            '1:13 unknown-version apiVersion: unknown version "',
        ),
        ("apiVersion: posthog-reconciler/v1\nkind: Subscriptoin\n", "2:7 unknown-kind kind: unknown kind "),
        ("apiVersion: posthog-reconciler/v1\nkind: [x]\n", "2:1 unknown-kind kind: unknown kind a list; there are "),
        ("apiVersion: posthog-reconciler/v1\n", "1:1 missing-field kind is missing; write kind: Subscription"),
    ],
)
def test_an_unknown_version_or_kind_of_ours_is_an_error(text: str, expected: str) -> None:
    """Only documents of other programs are skipped (design §2)."""
    (line,) = told(checked(text).problems)

    assert expected == line[: len(expected)]


def test_the_second_kind_knows_what_can_be_said_of_it() -> None:
    """A recording's sharing is only compared, so metadata that steers writing is refused."""
    head = "apiVersion: posthog-reconciler/v1\nkind: RecordingSharing\n"

    right = checked(head + "metadata: {name: a}\nspec: {recording_id: 0190a6f2, enabled: false}\n")
    wrong = checked(head + "metadata: {name: a, id: 5}\nspec: {recording_id: ../x, enabled: false}\n")

    assert ["RecordingSharing"] == [manifest.kind for manifest in right.manifests]
    assert ["unknown-field", "bad-format"] == [problem.rule for problem in wrong.problems]


def test_a_kinds_own_faults_become_problems_and_warnings_with_their_place() -> None:
    """What no JSON Schema can say is asked of the kind, with the config."""
    faults = (
        Fault(("spec", "title"), "too-dull", say("think again")),
        Fault((), "old", say("it is over"), warning=True),
    )
    picky = Picky(faults)

    found = checked(written(), kind=picky)

    assert ["4:17 too-dull spec.title: think again"] == told(found.problems)
    assert ["1:1 old it is over"] == told(found.warnings)
    assert (["growth:weekly-growth"], 1) == (picky.seen, len(found.manifests))


@pytest.mark.parametrize("metadata", ["{}", "{name: Not A Name}", "[]", "{name: 7, id: x, environments: production}"])
def test_a_wrong_name_hides_nothing_else_that_is_wrong(metadata: str) -> None:
    """One run tells every problem: a kind is asked about what is left of a manifest, whatever its name is like."""
    picky = Picky((Fault(("spec", "title"), "too-dull", say("think again")),))
    found = checked(HEAD + f"metadata: {metadata}\nspec: {json.dumps(SPEC)}\n", kind=picky)

    assert (True, ()) == ("too-dull" in {problem.rule for problem in found.problems}, found.manifests)
    assert ["growth:unnamed"] == picky.seen


# --- vetting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["subscription", "recording-sharing"])
def test_a_document_is_sound_where_a_check_of_it_finds_nothing(name: str) -> None:
    """Neither a problem nor a warning: it is the same check, without words, asked again and again."""
    real = kinds.registry(datetime(2026, 3, 1, tzinfo=UTC))
    is_sound = schema.vetting(CONFIG, real)

    @given(mutants(name).filter(lambda data: isinstance(data, dict)))
    def run(data: Any) -> None:
        document = manifests.Document(Source("a.yaml", 1), data)
        found = schema.check([document], config=CONFIG, kinds=real, locate=schema.nowhere)

        assert is_sound(document) == (not found.problems and not found.warnings)

    run()


@pytest.mark.parametrize("warning", [False, True])
def test_what_a_kind_has_to_say_is_left_to_the_check_that_words_it(warning: bool) -> None:
    """Also where it is a warning."""
    for faults in ((), (Fault(("spec", "title"), "too-dull", say("think again"), warning=warning),)):
        is_sound = schema.vetting(CONFIG, {"Subscription": cast(Resource, Picky(faults))})
        document = manifests.read(Memory(written()), ["a.yaml"]).documents[0]

        assert [not faults] * 2 == [is_sound(document), is_sound(document)]


def test_a_sound_document_is_not_checked_again_but_compared_with_the_others() -> None:
    """Its name and its ids are taken as ever."""
    picky = Picky((Fault((), "odd", say("odd")),))
    files = Memory(written(id=7) + "---\n" + written(id=7))
    sound = [replace(each, is_sound=True) for each in manifests.read(files, ["a.yaml"]).documents]
    found = schema.check(sound, config=CONFIG, kinds={"Subscription": cast(Resource, picky)}, locate=Locator(files))

    assert ([], 2) == (picky.seen, len(found.manifests))
    assert {"duplicate-name", "duplicate-id"} == {problem.rule for problem in found.problems}
