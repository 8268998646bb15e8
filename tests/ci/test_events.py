"""Why a build machine runs, as it says itself; and which commit the plan is then compared with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.ci import bases, events
from reconciler.ci.bases import Exactly, Fork, Nothing, Queue
from reconciler.ci.events import Event, Occasion
from reconciler.ci.inputs import Command
from reconciler.errors import NoBase, UsageError

HEAD, FIRST, SECOND, BEFORE = "a" * 40, "b" * 40, "c" * 40, "d" * 40
ZEROS = "0" * 40
PLACE = {
    "GITHUB_SERVER_URL": "https://git.example",
    "GITHUB_REPOSITORY": "acme/mail",
    "GITHUB_RUN_ID": "9001",
}
RUN, TREE = "https://git.example/acme/mail/actions/runs/9001", "https://git.example/acme/mail/blob/"
PULL = {"number": 7, "pull_request": {"head": {"sha": SECOND}, "base": {"ref": "main"}}}


def of_github(name: str, payload: Any = None, ref: str = "") -> Event:
    """The event *name*."""
    return events.of_github({**PLACE, "GITHUB_EVENT_NAME": name, "GITHUB_REF": ref}, payload)


@pytest.mark.parametrize(
    ("name", "payload", "ref", "expected"),
    [
        ("pull_request", PULL, "", Event(Occasion.PULL_REQUEST, 7, SECOND, "main", None, RUN, TREE)),
        (
            "merge_group",
            {"merge_group": {"base_sha": BEFORE}},
            f"refs/heads/gh-readonly-queue/main/pr-12-{BEFORE}",
            Event(Occasion.MERGE_GROUP, 12, before=BEFORE, run=RUN, tree=TREE),
        ),
        (
            "merge_group",
            {"merge_group": {"base_sha": BEFORE, "base_ref": "refs/heads/release/1"}},
            "refs/heads/queue",
            Event(Occasion.MERGE_GROUP, target="release/1", before=BEFORE, run=RUN, tree=TREE),
        ),
        ("push", {"before": BEFORE}, "", Event(Occasion.PUSH, before=BEFORE, run=RUN, tree=TREE)),
        ("push", {"before": ZEROS}, "", Event(Occasion.PUSH, run=RUN, tree=TREE)),
        ("schedule", {}, "", Event(Occasion.SCHEDULE, run=RUN, tree=TREE)),
        ("workflow_dispatch", {}, "", Event(Occasion.BY_HAND, run=RUN, tree=TREE)),
        ("issue_comment", None, "", Event(Occasion.BY_HAND, run=RUN, tree=TREE)),
    ],
)
def test_an_event_of_github_is_read(name: str, payload: Any, ref: str, expected: Event) -> None:
    """What it is about, and where its pages are."""
    assert expected == of_github(name, payload, ref)


@pytest.mark.parametrize("name", ["pull_request_target", "workflow_run"])
def test_an_event_that_gives_strangers_credentials_is_refused(name: str) -> None:
    """Issue 8, point 8."""
    with pytest.raises(UsageError, match="use pull_request"):
        of_github(name, PULL)


@pytest.mark.parametrize(
    "variables",
    [
        {"GITHUB_SERVER_URL": "javascript:alert(1)"},
        {"GITHUB_SERVER_URL": "https://x/)[a](b"},
        {"GITHUB_REPOSITORY": "acme/mail/../x y"},
        {"GITHUB_RUN_ID": "1)"},
    ],
)
def test_an_address_that_could_end_its_link_is_none(variables: dict[str, str]) -> None:
    """Pages do without."""
    found = events.of_github({**PLACE, **variables, "GITHUB_EVENT_NAME": "push"}, {})

    assert "" == found.run


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["number", "pull_request", "head", "base", "sha", "ref", "before", "merge_group", "base_ref"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(["pull_request", "push", "merge_group", "schedule"]), _JSON, st.text(max_size=20))
def test_no_payload_breaks_the_reading(name: str, payload: Any, ref: str) -> None:
    """What it names is a commit, a number, or nothing."""
    found = of_github(name, payload, ref)

    assert found.head is None or 40 <= len(found.head) <= 64
    assert found.pull is None or found.pull > 0
    assert found.target is None or not found.target.startswith("-")


@pytest.mark.parametrize(
    ("variables", "occasion", "before"),
    [
        (
            {
                "CI_PIPELINE_SOURCE": "merge_request_event",
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": BEFORE,
                "CI_COMMIT_BEFORE_SHA": ZEROS,
            },
            Occasion.PULL_REQUEST,
            BEFORE,
        ),
        ({"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": BEFORE}, Occasion.PUSH, BEFORE),
        ({"CI_PIPELINE_SOURCE": "schedule"}, Occasion.SCHEDULE, None),
        ({"CI_PIPELINE_SOURCE": "web"}, Occasion.BY_HAND, None),
    ],
)
def test_a_pipeline_of_gitlab_is_read(variables: dict[str, str], occasion: Occasion, before: str | None) -> None:
    """By its own names."""
    places = {"CI_JOB_URL": "https://g.example/-/jobs/1", "CI_PROJECT_URL": "https://g.example/x"}
    found = events.of_gitlab({**variables, **places})

    assert Event(occasion, before=before, run="https://g.example/-/jobs/1", tree="https://g.example/x/-/blob/") == found


# --- bases ----------------------------------------------------------------------------------------------------------


def wanted(event: Event, command: Command = Command.PLAN, parents: tuple[str, ...] = (FIRST,)) -> bases.Wanted:
    """What HEAD is compared with."""
    return bases.wanted(event, command, HEAD, parents)


@pytest.mark.parametrize(
    ("event", "parents", "expected"),
    [
        pytest.param(
            Event(Occasion.PULL_REQUEST, 7, SECOND, "main"), (FIRST, SECOND), Exactly(FIRST), id="GitHub's own merge"
        ),
        pytest.param(Event(Occasion.PULL_REQUEST, 7, HEAD, "main"), (FIRST,), Fork("main"), id="the branch itself"),
        pytest.param(Event(Occasion.PULL_REQUEST, 7, HEAD, "main"), (FIRST, SECOND), Fork("main"), id="another merge"),
        pytest.param(Event(Occasion.PULL_REQUEST, before=BEFORE), (FIRST,), Exactly(BEFORE), id="GitLab's merge base"),
        pytest.param(Event(Occasion.MERGE_GROUP, before=BEFORE), (FIRST,), Exactly(BEFORE), id="a merge queue"),
        pytest.param(
            Event(Occasion.MERGE_GROUP, target="main", before=BEFORE), (FIRST,), Queue("main", BEFORE), id="its branch"
        ),
        pytest.param(Event(Occasion.PUSH, before=BEFORE), (FIRST,), Exactly(BEFORE), id="a push"),
        pytest.param(Event(Occasion.PUSH), (FIRST,), Exactly(FIRST), id="a new branch"),
        pytest.param(Event(Occasion.PUSH), (), Nothing(), id="the first commit"),
        pytest.param(Event(Occasion.SCHEDULE), (FIRST,), Exactly(HEAD), id="the clock"),
        pytest.param(Event(Occasion.BY_HAND), (FIRST,), Exactly(FIRST), id="a person"),
    ],
)
def test_the_base_is_what_was_applied_last(event: Event, parents: tuple[str, ...], expected: bases.Wanted) -> None:
    """As far as git can tell (issue 8, point 4)."""
    assert expected == wanted(event, parents=parents)


@pytest.mark.parametrize("occasion", Occasion)
def test_drift_is_judged_by_the_tree_itself(occasion: Occasion) -> None:
    """Whyever it is looked for."""
    assert Exactly(HEAD) == wanted(Event(occasion), Command.DRIFT)


@pytest.mark.parametrize(
    "event", [Event(Occasion.UNKNOWN), Event(Occasion.MERGE_GROUP), Event(Occasion.PULL_REQUEST, 7, HEAD)]
)
def test_an_event_that_does_not_tell_is_an_error(event: Event) -> None:
    """Never silently no base."""
    with pytest.raises(NoBase, match="--base"):
        wanted(event)
