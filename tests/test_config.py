"""The config: what it says, where it is found, and everything that would send a key or a change astray refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import config, schema
from reconciler.errors import InvalidInput, UsageError
from reconciler.kinds import recipients
from reconciler.manifests import Folder
from reconciler.model import Config, Environment, Policy
from reconciler.privacy import Key, show

HEAD = "apiVersion: posthog-reconciler/v1\nkind: Config\n"
SMALL = HEAD + 'namespace: growth\nenvironments:\n  production: {host: "https://us.posthog.com", project_id: 12345}\n'
FULL = (
    HEAD
    + """\
namespace: growth
manifests: [subscriptions, "../shared/*.yaml"]
environments:
  production: {host: "https://us.posthog.com", project_id: 12345}
  staging:    {host: "HTTPS://EU.posthog.com:443/", project_id: "67890", key_env: POSTHOG_EU_KEY}
references:
  dashboards: {growth: {production: 42, staging: 7}}
recipients:
  growth-team: [bo@example.com, cy@example.com]
policy:
  allowed_domains: [example.com]
  max_deletes: {count: 5, percent: 12.5}
  max_new_recipients: null
"""
)
PRODUCTION = Environment("production", "https://us.posthog.com", "12345")
STAGING = Environment("staging", "https://eu.posthog.com", "67890", "POSTHOG_EU_KEY")
BOTH = Config("growth", (PRODUCTION, STAGING), "reconciler.yaml")


def loaded(folder: Path, text: str, path: str = "reconciler.yaml") -> Config:
    """The Config that *text* says."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return config.load(Folder(folder), path)


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with *text*, each as `line:column rule message`."""
    with pytest.raises(InvalidInput) as caught:
        loaded(folder, text)
    assert all(problem.path == "reconciler.yaml" for problem in caught.value.problems)
    return [
        f"{each.line}:{each.column} {each.rule} {show(each.message, addresses=True)}" for each in caught.value.problems
    ]


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_config_says_everything_the_design_names(tmp_path: Path) -> None:
    """Hosts are normalised, numbers of projects are text, paths are seen from the root."""
    found = loaded(tmp_path, FULL, "ops/reconciler.yaml")

    assert (
        Config(
            "growth",
            (PRODUCTION, STAGING),
            "ops/reconciler.yaml",
            ("ops/subscriptions", "shared/*.yaml"),
            {"dashboards": {"growth": {"production": 42, "staging": 7}}},
            {"growth-team": ("bo@example.com", "cy@example.com")},
            Policy(("example.com",), 5, 12.5, None),
        )
        == found
    )


def test_a_small_config_has_the_defaults(tmp_path: Path) -> None:
    """The manifests are the config's folder, the limits are those of design §3, and nobody is kept out."""
    assert Config("growth", (PRODUCTION,), "reconciler.yaml", (".",)) == loaded(tmp_path, SMALL)
    assert Policy(None, 3, 25, 50) == loaded(tmp_path, SMALL).policy


def test_the_config_is_found_here_or_above(tmp_path: Path) -> None:
    """The nearest one counts."""
    deep = tmp_path / "a/b/c"
    deep.mkdir(parents=True)
    (tmp_path / "a/reconciler.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "a/b/reconciler.yaml").mkdir()

    assert (tmp_path / "a/reconciler.yaml").resolve() == config.find(deep)
    assert config.find(tmp_path) not in ((tmp_path / "a/reconciler.yaml").resolve(), deep)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 document-type"),
        (SMALL + "---\n" + SMALL, "7:1 document-type"),
        ("a: 1\n", "1:1 foreign"),
        ("a: [", "2:1 yaml-syntax"),
        (SMALL + "namespace: x\n", "6:1 duplicate-key"),
        (SMALL.replace("v1", "v2"), "1:13 not-a-choice"),
        (SMALL.replace("Config", "Subscription"), "2:7 not-a-choice"),
        (SMALL.replace("growth", "Growth"), "3:12 bad-format"),
        (SMALL.replace("growth", "a" * 17), "3:12 bad-format"),
        (SMALL.replace("namespace: growth\n", ""), "1:1 missing-field"),
        (HEAD + "namespace: x\nenvironments: {}\n", "4:15 empty"),
        (SMALL.replace("production:", "Prod uction:"), "5:3 bad-name"),
        (SMALL.replace("12345", "0"), "5:60 out-of-range"),
        (SMALL.replace("12345", '"@current"'), "5:60 bad-format"),
        (SMALL.replace("12345", '"007"'), "5:60 bad-format"),
        (SMALL.replace("12345", "1.5"), "5:60 wrong-type"),
        (SMALL.replace("12345}", "12345, key: x}"), "5:67 unknown-field"),
        (SMALL.replace("12345}", '12345, key_env: "A-B"}'), "5:76 bad-format"),
        (SMALL.replace("12345}", "12345, key_env: GITHUB_TOKEN}"), "5:76 bad-format"),
        (SMALL + "recipients: {team: []}\n", "6:20 empty"),
        (SMALL + "recipients: {team: ['@other']}\n", "6:21 bad-format"),
        (SMALL + "recipients: {team: [ana@example]}\n", "6:21 bad-format"),
        (SMALL + "recipients: {team: [a@x.io, b@x.io, a@X.IO]}\n", "6:37 duplicate-recipient"),
        (SMALL + "references: {dashboards: {x: {prod: 1}}}\n", "6:31 unknown-environment"),
        (SMALL + "references: {dashboards: {42: {production: 1}}}\n", "6:27 key-not-text"),
        (SMALL + "references: {dashboards: {'42': {production: 1}}}\n", "6:27 bad-name"),
        (SMALL + "references: {dashboards: {x: {production: 0}}}\n", "6:43 out-of-range"),
        (SMALL + "policy: {allowed_domains: [Example.com]}\n", "6:28 bad-format"),
        (SMALL + "policy: {allowed_domains: ['*.example.com']}\n", "6:28 bad-format"),
        (SMALL + "policy: {max_deletes: 3}\n", "6:23 wrong-type"),
        (SMALL + "policy: {max_deletes: {percent: 101}}\n", "6:33 out-of-range"),
        (SMALL + "policy: {max_new_recipients: -1}\n", "6:30 out-of-range"),
        (SMALL + "polcy: {}\n", "6:1 unknown-field"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """One mistake, one problem: line, column and rule."""
    assert [expected] == [" ".join(line.split()[:2]) for line in problems(tmp_path, text)]


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Those of the schema together, and those beyond it together."""
    text = HEAD + (
        "namespace: g\n"
        "environments:\n"
        "  a: {host: us.posthog.com, project_id: 1}\n"
        '  b: {host: "https://us.posthog.com/", project_id: "1"}\n'
        '  c: {host: "http://us.posthog.com", project_id: 1}\n'
        "references: {insights: {x: {d: 1}}}\n"
    )

    found = problems(tmp_path, text)

    assert ["6:52 duplicate-project", "7:13 bad-host", "8:29 unknown-environment"] == [
        " ".join(line.split()[:2]) for line in found
    ]
    assert found[0].endswith("the project of environment a again; one project has one environment")
    assert found[1].endswith("because the key goes with every request; http:// only reaches this machine")
    assert found[2].endswith('references.insights.x.d: unknown environment "d"; the config has a, b, c')


def test_a_missing_config_is_a_problem(tmp_path: Path) -> None:
    """Named by its path."""
    with pytest.raises(InvalidInput) as caught:
        config.load(Folder(tmp_path), "nowhere.yaml")

    assert [("nowhere.yaml", "unreadable")] == [(found.path, found.rule) for found in caught.value.problems]


@pytest.mark.parametrize(
    "said",
    [
        "12345, key: phx_abcdefgh12345678}",
        "12345, key_env: phx_abcdefgh12345678}",
        "phx_abcdefgh12345678}",
    ],
)
def test_a_key_in_the_file_is_refused_and_not_repeated(tmp_path: Path, said: str) -> None:
    """It belongs into an environment variable; the message must not spread it further."""
    (line,) = problems(tmp_path, SMALL.replace("12345}", said))

    assert "phx_" not in line


def test_a_password_in_a_host_is_not_repeated(tmp_path: Path) -> None:
    """Nor are user names."""
    (line,) = problems(tmp_path, SMALL.replace("https://us", "https://ana:secret@us"))

    assert "user name or a password" in line
    assert not re.search("ana|secret@", line.partition("host:")[2])


@given(
    st.sampled_from(["a@b.co", "x", "a@b", "a.b@c-d.example", "@a", "a@b.c,d@e.f", "a b@c.de", "ä@b.co"]) | st.emails()
)
def test_groups_hold_what_the_kind_takes_for_an_address(address: str) -> None:
    """The schema of the config and the kind agree on what an address is."""
    document = {
        "apiVersion": schema.API_VERSION,
        "kind": "Config",
        "namespace": "g",
        "environments": {"a": {"host": "https://x.io", "project_id": 1}},
        "recipients": {"team": [address]},
    }

    assert recipients.is_address(address) == (not schema.breaches("config", document))


# --- hosts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://us.posthog.com", "https://us.posthog.com"),
        (" HTTPS://US.PostHog.com:443/ \n", "https://us.posthog.com"),
        ("us.posthog.com", "https://us.posthog.com"),
        ("posthog.example.com:8443", "https://posthog.example.com:8443"),
        ("localhost:8000", "https://localhost:8000"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.255.0.9", "http://127.255.0.9"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("https://10.0.0.1", "https://10.0.0.1"),
    ],
)
def test_a_host_becomes_an_origin(text: str, origin: str) -> None:
    """One spelling per host, so that two of them can be compared."""
    assert origin == config.check_host(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://us.posthog.com",
        "http://localhost.example.com",
        "http://localhost.",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://127.1",
        "http://2130706433",
        "http://0x7f.1",
        "http://127.0.0.1.example.com",
        "http://[::ffff:127.0.0.1]",
        "http://127.0.0.1@example.com",
        "http://127.0.0.1\\@example.com",
        "https://ana@us.posthog.com",
        "https://us.posthog.com/project/1",
        "https://us.posthog.com?x",
        "https://us.posthog.com#x",
        "https://us.posthog.com\\.example.com",
        "https://us.i.posthog.com",
        "https://x:0",
        "https://x:99999",
        "https://x:y",
        "https://",
        "//x",
        "ftp://x",
        "https://a b",
        "https://x\n.example.com",
        "https://ü.example.com",
        "https://x..y",
        f"https://{'a' * 64}.example.com",
        "https://us.posthog.com.",
        "https://[fe80::1%25eth0]",
        "https://[x]",
        "",
    ],
)
def test_a_host_that_could_lead_astray_is_refused(text: str) -> None:
    """The key goes with every request: https only, but for this machine; nothing that two parsers read differently."""
    with pytest.raises(ValueError, match=r"must|write"):
        config.check_host(text)


# --- variables and options ------------------------------------------------------------------------------------------


def test_no_file_is_needed() -> None:
    """Two variables make one environment, namespace gitops (design §3)."""
    found = config.from_environment({"POSTHOG_PROJECT_ID": " 12345\n"})

    assert Config("gitops", (Environment("default", "https://us.posthog.com", "12345"),)) == found


def test_options_win_over_variables() -> None:
    """What is typed last counts."""
    variables = {"POSTHOG_PROJECT_ID": "1", "POSTHOG_HOST": "https://eu.posthog.com"}

    found = config.from_environment(variables, host="http://localhost:8000", project_id="2", namespace="me")

    assert Config("me", (Environment("default", "http://localhost:8000", "2"),)) == found
    assert "https://eu.posthog.com" == config.from_environment(variables).environments[0].host


@pytest.mark.parametrize(
    ("variables", "options", "message"),
    [
        ({}, {}, "set POSTHOG_PROJECT_ID"),
        ({"POSTHOG_PROJECT_ID": "@current"}, {}, "POSTHOG_PROJECT_ID .* is no project"),
        ({"POSTHOG_PROJECT_ID": "1", "POSTHOG_HOST": "http://x.io"}, {}, "POSTHOG_HOST must be https"),
        ({"POSTHOG_PROJECT_ID": "1"}, {"host": "ftp://x"}, "--host must begin with https"),
        ({}, {"project_id": "x/1"}, "--project-id .* is no project"),
        ({"POSTHOG_PROJECT_ID": "1"}, {"namespace": "My Space"}, "--namespace .* does not fit"),
    ],
)
def test_what_is_missing_or_wrong_outside_of_files_says_what_to_set(
    variables: dict[str, str], options: dict[str, str], message: str
) -> None:
    """The variable or the option is named."""
    with pytest.raises(UsageError, match=message):
        config.from_environment(variables, **options)


def test_options_override_one_environment() -> None:
    """The others stay as they are."""
    found = config.override(BOTH, host="http://localhost:1", project_id="9", namespace="me", selected=("staging",))

    assert ("me", "http://localhost:1", "9") == (
        found.namespace,
        found.environments[1].host,
        found.environments[1].project_id,
    )
    assert PRODUCTION == found.environments[0]
    assert "POSTHOG_EU_KEY" == found.environments[1].key_env
    assert BOTH is config.override(BOTH)


def test_options_do_not_override_two_environments() -> None:
    """Both would be one project."""
    with pytest.raises(UsageError, match="choose it with --env"):
        config.override(BOTH, host="http://localhost:1")


def test_variables_beside_a_config_are_ignored_and_named() -> None:
    """They would send every environment to one project (design §3)."""
    variables = {"POSTHOG_HOST": "https://x.io", "POSTHOG_PROJECT_ID": "7", "POSTHOG_PERSONAL_API_KEY": "k"}

    assert ("POSTHOG_HOST", "POSTHOG_PROJECT_ID") == config.ignored_variables(BOTH, variables)
    assert () == config.ignored_variables(BOTH, {})
    assert () == config.ignored_variables(config.from_environment(variables), variables)


def test_environments_are_chosen_by_name_in_the_order_of_the_config() -> None:
    """No name means all of them."""
    assert (PRODUCTION, STAGING) == config.select(BOTH, ())
    assert (PRODUCTION, STAGING) == config.select(BOTH, ("staging", "production", "staging"))
    assert (STAGING,) == config.select(BOTH, ("staging",))


def test_an_unknown_environment_is_answered_with_the_nearest() -> None:
    """A slip must not be taken for all or none."""
    with pytest.raises(UsageError, match="did you mean 'staging'"):
        config.select(BOTH, ("stagin",))


def test_keys_come_from_the_variables_that_the_config_names() -> None:
    """White space around them, as copying leaves it, is not theirs."""
    found = config.keys(BOTH.environments, {"POSTHOG_PERSONAL_API_KEY": "phx_a\n", "POSTHOG_EU_KEY": " phx_b"})

    assert {"production": Key("phx_a"), "staging": Key("phx_b")} == found


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "set POSTHOG_PERSONAL_API_KEY"),
        ({"POSTHOG_PERSONAL_API_KEY": "phx_a"}, "set POSTHOG_EU_KEY"),
        ({"POSTHOG_PERSONAL_API_KEY": "phx_a", "POSTHOG_EU_KEY": "  "}, "set POSTHOG_EU_KEY"),
        ({"POSTHOG_PERSONAL_API_KEY": "phx_a phx_b"}, "POSTHOG_PERSONAL_API_KEY holds spaces"),
        ({"POSTHOG_PERSONAL_API_KEY": "phx_ä"}, "POSTHOG_PERSONAL_API_KEY holds spaces"),
        ({"POSTHOG_PERSONAL_API_KEY": "phx_a", "POSTHOG_EU_KEY": "phx_a"}, "the same key for two hosts"),
    ],
)
def test_a_key_that_is_missing_broken_or_meant_for_another_host_is_refused(
    variables: dict[str, str], message: str
) -> None:
    """The variable is named, its value never."""
    with pytest.raises(UsageError, match=message) as caught:
        config.keys(BOTH.environments, variables)

    assert "phx_" not in str(caught.value)


def test_one_key_serves_two_projects_of_one_host() -> None:
    """A personal key is its host's, not its project's."""
    other = Environment("other", PRODUCTION.host, "2")

    assert 2 == len(config.keys((PRODUCTION, other), {"POSTHOG_PERSONAL_API_KEY": "phx_a"}))
