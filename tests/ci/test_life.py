"""What is to be done about comments and issues, from what is there."""

from __future__ import annotations

import pytest

from reconciler.ci import life
from reconciler.ci.life import IssueStep, Seen, Step
from reconciler.ci.review import DriftMarker, Marker, Remembered, State
from reconciler.forge import Comment, Issue

KEY, LOGIN = "79cdde0070b6", "us[bot]"
PLAN = Remembered("production", f"sha256:{'0' * 64}", "", ())


def comment(id: int, state: State = State.OPEN, *, author: str = LOGIN, key: str = KEY, plans: bool = True) -> Comment:
    """A comment with a marker."""
    return Comment(id, author, f"{Marker(key, state, plans=(PLAN,) if plans else ()).line}\nbody", "")


def seen(*comments: Comment) -> tuple[Seen, ...]:
    """Those that are ours."""
    return life.ours(comments, LOGIN, KEY)


def ids(*found: Seen | Comment | None) -> list[int | None]:
    """The ids of comments."""
    return [each.comment.id if isinstance(each, Seen) else each.id if each else None for each in found]


def test_ours_is_what_our_login_wrote_with_a_marker_of_our_key() -> None:
    """Oldest first, however they are listed."""
    found = seen(
        comment(5),
        comment(1, author="mallory"),
        comment(2, key="other"),
        Comment(3, LOGIN, "no marker", ""),
        Comment(6, LOGIN, f"\n{Marker(KEY, State.OPEN).line}", ""),
        comment(4),
    )

    assert [4, 5] == ids(*found)


@pytest.mark.parametrize("state", [State.OPEN, State.FAILED, State.REFUSED])
def test_a_plan_is_written_into_the_first_that_is_no_history(state: State) -> None:
    """And those beside it are too many."""
    found = seen(comment(1, State.APPLIED), comment(2, State.APPLYING), comment(3, state), comment(4))

    assert [3, 4] == ids(life.current(found), *life.surplus(found))


def test_after_an_apply_a_plan_begins_a_new_comment() -> None:
    """What was applied is not overwritten."""
    found = seen(comment(1, State.APPLIED), comment(2, State.APPLYING))

    assert [None] == ids(life.current(found), *life.surplus(found))


def test_what_was_reviewed_is_what_stands_open_or_was_applied_last() -> None:
    """So that an apply can be run again."""
    assert [3] == ids(life.remembered(seen(comment(1, State.APPLIED), comment(3))))
    assert [2] == ids(life.remembered(seen(comment(1, State.APPLIED), comment(2, State.APPLIED))))


def test_without_a_plan_nothing_was_reviewed() -> None:
    """Not by a comment about a failure, not by none."""
    assert [None] == ids(life.remembered(seen(comment(1, State.FAILED, plans=False))))
    assert [None] == ids(life.remembered(()))


def test_a_comment_is_the_same_whichever_run_says_it() -> None:
    """GitHub may change the ends of lines."""
    marker = Marker(KEY, State.OPEN, run="first", read="then")
    there = Seen(Comment(1, LOGIN, f"{marker.line}\r\nby first, then\r\n", ""), marker)

    assert life.is_same(there, lambda run, read: f"{marker.line}\nby {run}, {read}")
    assert not life.is_same(there, lambda run, read: f"{marker.line}\nby {run}, {read}, other")


# --- drift ----------------------------------------------------------------------------------------------------------


def issue(number: int, digest: str, *, is_open: bool = True, marked_open: bool = True, key: str = KEY) -> Issue:
    """An issue about drift."""
    return Issue(number, LOGIN, f"{DriftMarker(key, digest, marked_open).line}\nbody", is_open, "")


OPEN, BY_A_PERSON = issue(1, "d1"), issue(2, "d1", is_open=False)
BY_US = issue(3, "d1", is_open=False, marked_open=False)
SECOND = issue(4, "d2")


@pytest.mark.parametrize(
    ("issues", "digest", "expected"),
    [
        pytest.param([], None, IssueStep(Step.NOTHING), id="nothing at all"),
        pytest.param([], "d1", IssueStep(Step.OPEN), id="drift, no issue"),
        pytest.param([OPEN], "d1", IssueStep(Step.NOTHING, OPEN), id="the same drift"),
        pytest.param([OPEN], "d2", IssueStep(Step.UPDATE, OPEN), id="another drift"),
        pytest.param([OPEN], None, IssueStep(Step.CLOSE, OPEN), id="no drift any more"),
        pytest.param([BY_A_PERSON], "d1", IssueStep(Step.SILENT, BY_A_PERSON), id="closed by a person, the same"),
        pytest.param([BY_A_PERSON], "d2", IssueStep(Step.OPEN), id="closed by a person, another"),
        pytest.param([BY_A_PERSON], None, IssueStep(Step.RESOLVE, BY_A_PERSON), id="closed by a person, none"),
        pytest.param([BY_A_PERSON, BY_US], None, IssueStep(Step.NOTHING), id="the last closed one is settled"),
        pytest.param([BY_US], None, IssueStep(Step.NOTHING), id="closed by us, none"),
        pytest.param([BY_US], "d1", IssueStep(Step.OPEN), id="closed by us, and back again"),
        pytest.param([BY_A_PERSON, BY_US], "d1", IssueStep(Step.OPEN), id="the last closed one decides"),
        pytest.param([OPEN, BY_A_PERSON], "d1", IssueStep(Step.NOTHING, OPEN), id="an open one decides"),
        pytest.param([SECOND, OPEN], "d1", IssueStep(Step.NOTHING, OPEN, (SECOND,)), id="two are open"),
        pytest.param([OPEN, SECOND], None, IssueStep(Step.CLOSE, OPEN, (SECOND,)), id="two are open, none"),
        pytest.param([OPEN, OPEN], "d2", IssueStep(Step.UPDATE, OPEN), id="one that is listed twice"),
        pytest.param([issue(4, "d1", key="other")], "d1", IssueStep(Step.OPEN), id="another's"),
        pytest.param([Issue(4, LOGIN, "no marker", True, "")], "d1", IssueStep(Step.OPEN), id="no marker"),
    ],
)
def test_what_is_done_about_drift(issues: list[Issue], digest: str | None, expected: IssueStep) -> None:
    """The life of the issue, step by step."""
    assert expected == life.about_drift(issues, KEY, digest)
