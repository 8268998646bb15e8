"""Where a run writes: what a runner makes of it, whatever the words are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.ci.desk import Desk
from reconciler.ci.inputs import Provider
from reconciler.privacy import Key
from reconciler.report.fitting import SUMMARY, Block, Page, Rank
from reconciler.report.github import Annotation, Level
from tests.ci.conftest import outputs


def desk(folder: Path, provider: Provider = Provider.GITHUB) -> tuple[Desk, list[str]]:
    """A desk whose files lie in *folder*, and what it prints."""
    printed: list[str] = []
    variables = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    return Desk(provider, {**variables, "RUNNER_TEMP": str(folder / "temp")}, printed.append), printed


@given(st.dictionaries(st.sampled_from(["digest", "result"]), st.text(st.sampled_from("ab<=\n%: "), max_size=30)))
def test_every_output_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, given: dict[str, str]
) -> None:
    """Its delimiter cannot stand in it."""
    folder = tmp_path_factory.mktemp("desk")
    desk(folder)[0].put(given, None)

    assert given == (outputs((folder / "output").read_text(encoding="utf-8")) if given else {})


def test_each_output_has_a_delimiter_of_its_own(tmp_path: Path) -> None:
    """That nobody can guess."""
    desk(tmp_path)[0].put({"a": "1", "b": "2"}, None)
    lines = (tmp_path / "output").read_text(encoding="utf-8").splitlines()
    delimiters = {line.partition("<<")[2] for line in lines if "<<" in line}

    assert (2, True) == (len(delimiters), all(len(each) >= 32 for each in delimiters))


def test_commands_are_obeyed_again_after_the_log_whatever_happens(tmp_path: Path) -> None:
    """Also where printing failed."""
    printed: list[str] = []

    def echo(line: str) -> None:
        printed.append(line)
        if line == "bad":
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Desk(Provider.GITHUB, {}, echo).log("bad")

    assert printed[2] == f"::{printed[0].removeprefix('::stop-commands::')}::"


def test_every_line_of_a_key_is_masked_once(tmp_path: Path) -> None:
    """The runner masks lines; an empty one would mask everything."""
    found, printed = desk(tmp_path)
    found.mask([Key("one\n\n two%\r\n"), Key("one")])
    found.mask([Key("one")])

    assert ["::add-mask::one", "::add-mask::two%25"] == printed


def test_a_summary_is_never_larger_than_is_shown(tmp_path: Path) -> None:
    """With what stands there already: GitHub would drop it whole."""
    found, _ = desk(tmp_path)
    rows = tuple(Block("x" * 1_000, Rank.ROW) for _ in range(2_000))
    for _ in range(3):
        found.summarize(Page((Block("### head"), *rows), "foot"))

    size = (tmp_path / "summary").stat().st_size
    assert SUMMARY.bytes - 5_000 < size <= 1_024 * 1_024


def test_a_link_is_not_followed_to_another_file(tmp_path: Path) -> None:
    """The folder may have come with a pull request."""
    (tmp_path / "out").mkdir()
    (tmp_path / "precious").write_text("precious", encoding="utf-8")
    (tmp_path / "out" / "plan.md").symlink_to(tmp_path / "precious")
    desk(tmp_path)[0].keep(tmp_path / "out", {"plan.md": "plan"})

    assert "precious" == (tmp_path / "precious").read_text(encoding="utf-8")
    assert "plan" == (tmp_path / "out" / "plan.md").read_text(encoding="utf-8")
    assert ["plan.md"] == os.listdir(tmp_path / "out")


def test_a_machine_without_annotations_gets_lines(tmp_path: Path) -> None:
    """That no build machine obeys."""
    found, printed = desk(tmp_path, Provider.PLAIN)
    found.mask([Key("secret")])
    found.annotate(
        [Annotation(Level.ERROR, "schema", "##[error]no", "a.yaml", 3), Annotation(Level.NOTICE, "t", "x")], ""
    )

    assert [r"error a.yaml:3: \x23#[error]no [schema]", "notice x [t]"] == printed


def test_files_of_two_plans_of_one_job_do_not_meet(tmp_path: Path) -> None:
    """Each key has its folder; where one is asked for, that is it."""
    found, _ = desk(tmp_path)
    plain, _ = desk(tmp_path, Provider.PLAIN)

    assert tmp_path / "temp" / "reconciler" / "k1" == found.folder("", "k1", tmp_path)
    assert tmp_path / "out" == found.folder("out", "k1", tmp_path)
    assert tmp_path / "reconciler-ci" == plain.folder("", "k1", tmp_path)


def test_a_value_of_a_variable_is_one_line(tmp_path: Path) -> None:
    """A path may hold anything."""
    plain, _ = desk(tmp_path, Provider.PLAIN)
    plain.put({"plan-json": "a\nRECONCILER_RESULT=applied"}, tmp_path)

    written = (tmp_path / "outputs.env").read_text(encoding="utf-8")
    assert "RECONCILER_PLAN_JSON=a RECONCILER_RESULT=applied\n" == written
