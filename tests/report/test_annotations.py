"""Annotations of GitHub: the most important first, no more than are shown, no longer than is shown."""

from __future__ import annotations

from reconciler.model import Action, Severity, Source
from reconciler.report import github
from reconciler.report.github import LONGEST, Annotation, Level
from tests.report.test_report import MAILS_BO, PUBLIC, change, finding, planned


def some(number: int, level: Level = Level.WARNING) -> list[Annotation]:
    """So many annotations."""
    return [Annotation(level, "t", f"no {index}") for index in range(number)]


def test_ten_of_a_kind_are_shown() -> None:
    """As many as a build machine shows."""
    assert 10 == len(github.written(some(10)).splitlines())


def test_of_eleven_nine_are_shown_and_the_rest_is_counted() -> None:
    """9 + 1 (issue 8, point 5)."""
    lines = github.written(some(11)).splitlines()

    assert [f"::warning title=t::no {index}" for index in range(9)] == lines[:9]
    assert ["::warning title=2 more::and 2 more warnings: see the summary of the run"] == lines[9:]


def test_each_kind_has_its_ten() -> None:
    """Errors first."""
    lines = github.written([*some(12, Level.NOTICE), *some(12), *some(12, Level.ERROR)]).splitlines()

    assert ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10 == [line.split(" ")[0].strip(":") for line in lines]


def test_a_message_of_just_the_limit_is_whole() -> None:
    """Counted as it is shown, not as it is written."""
    for length in (LONGEST, LONGEST + 1):
        (line,) = github.written([Annotation(Level.ERROR, "t", "%" * length)]).splitlines()
        shown = line.partition("::error title=t::")[2].replace("%25", "%")

        assert LONGEST == len(shown)
        assert (length > LONGEST) is shown.endswith("…")


def test_a_path_is_told_from_the_top() -> None:
    """Where the manifests lie in a folder of the clone."""
    placed = Annotation(Level.ERROR, "t", "x", "a,b.yaml", 3)

    assert "::error file=infra/a%2Cb.yaml,line=3,title=t::x" == github.written([placed], "infra")
    assert "::error title=t::x" == github.written([Annotation(Level.ERROR, "t", "x")], "infra")


def test_who_is_reached_and_what_is_removed_are_warnings() -> None:
    """On their manifests' lines, behind what blocks and before what is only pointed at."""
    found = planned(
        change(Action.UPDATE, MAILS_BO),
        change(Action.DELETE, source=None, name="old", id=7),
        findings=(finding("hm", severity=Severity.WARNING), finding("no", source=Source("a.yaml", 1))),
    )
    lines = github.plan(found, PUBLIC).splitlines()

    assert [
        "::error file=a.yaml,line=1,title=twin::no",
        "::warning file=subscriptions/growth.yaml,line=3,title=mail::weekly-growth: mail at once: b***@example.com",
        "::warning title=delete::old: row 7 is soft-deleted and sends nothing any more",
        "::warning title=twin::hm",
    ] == lines[:4]
