"""Each safety rule has a test that turns red when the rule is taken out of a copy of the package.

The copies are judged in processes of their own, forked from one that has the libraries loaded already.
"""

import compileall
import multiprocessing
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.mutations import JUDGES_OF_EXECUTION, JUDGES_OF_RULES, MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "reconciler"
LIBRARIES = ["pytest", "httpx", "deepdiff", "dateutil.rrule", "tenacity"]
PLUGINS = ["cacheprovider", "hypothesispytest", "xdist", "pytest_cov"]
"""Not needed to judge, and slow to load."""

AT_ONCE = 2

# It starts two more interpreters, and no mutation is about what it says.
SLOW = "test_the_digest_does_not_depend_on_order_or_hash_seeds"


class Failures:
    """A pytest plugin that remembers what failed."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test, without its parameters."""
        if report.failed:
            self.names.add(report.nodeid.partition("::")[2].partition("[")[0])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember a file that cannot even be imported."""
        if report.failed:
            self.names.add(report.nodeid)


def template(folder: Path) -> Path:
    """A copy of the package and of the tests that judge, compiled once for all."""
    shutil.copytree(PACKAGE, folder / "reconciler", ignore=shutil.ignore_patterns("__pycache__", "sandbox", "cli"))
    (folder / "tests").mkdir()
    for name in ("scenes.py", "signals.py", *JUDGES_OF_RULES, *JUDGES_OF_EXECUTION):
        shutil.copy2(ROOT / "tests" / name, folder / "tests")
    compileall.compile_dir(folder, quiet=2)
    return folder


def copied(mutation: Mutation, source: Path, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """A copy of *source* with *mutation*, in *folder*, and the names of the tests that judge it."""
    shutil.copytree(source, folder)
    target = folder / "reconciler" / mutation.file
    target.write_text(target.read_text(encoding="utf-8").replace(mutation.old, mutation.new), encoding="utf-8")
    return folder, JUDGES_OF_EXECUTION if mutation.file == "executor.py" else JUDGES_OF_RULES


def failing(folder: Path, judges: Sequence[str]) -> set[str]:
    """The tests of *judges* in *folder* that fail. Runs in a process of its own, because it imports the copy."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("reconciler", "tests")]:
        del sys.modules[name]
    sys.path[:] = [str(folder), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    sys.dont_write_bytecode = True
    os.chdir(folder)
    # What the outer run was given, coverage for one, is not for this one.
    os.environ.pop("PYTEST_ADDOPTS", None)
    failures = Failures()
    options = ["-q", "--tb=no", "--assert=plain", "--import-mode=importlib", f"--rootdir={folder}", "-k", f"not {SLOW}"]
    options += [part for name in PLUGINS for part in ("-p", f"no:{name}")]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        pytest.main([*options, *(f"tests/{name}" for name in judges)], plugins=[failures])
    return failures.names


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_a_mutation_still_fits_the_code(mutation: Mutation) -> None:
    """Its old text stands in the file exactly once; code that moved on needs a mutation that moved along."""
    assert 1 == (PACKAGE / mutation.file).read_text(encoding="utf-8").count(mutation.old)


def test_every_mutation_turns_its_test_red_and_no_other(tmp_path: Path) -> None:
    """A safety rule that can be taken out unseen is no rule."""
    source = template(tmp_path / "template")
    copies = [copied(mutation, source, tmp_path / str(number)) for number, mutation in enumerate(MUTATIONS)]
    # What is red without any mutation would be so in all of them.
    copies.append((source, (*JUDGES_OF_RULES, *JUDGES_OF_EXECUTION)))
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(LIBRARIES)
    with ProcessPoolExecutor(AT_ONCE, mp_context=context, max_tasks_per_child=1) as pool:
        *actual, without = pool.map(failing, *zip(*copies, strict=True))

    assert set() == without
    expected = [{mutation.red, *mutation.also} for mutation in MUTATIONS]
    odd = {each.rule: sorted(red) for each, red, want in zip(MUTATIONS, actual, expected, strict=True) if red != want}
    assert {} == odd
