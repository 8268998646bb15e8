"""Each safety rule has a test that turns red when the rule is taken out of a copy of the package.

The copies are judged in processes of their own, forked from one that has the libraries loaded already.
"""

import multiprocessing
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.mutations import EXECUTION, MUTATIONS, RULES, Mutation

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


def copied(mutation: Mutation, folder: Path) -> None:
    """Make a copy of the package with *mutation* in *folder*, and of the tests that judge it."""
    shutil.copytree(PACKAGE, folder / "reconciler", ignore=shutil.ignore_patterns("__pycache__", "sandbox", "cli"))
    target = folder / "reconciler" / mutation.file
    target.write_text(target.read_text(encoding="utf-8").replace(mutation.old, mutation.new), encoding="utf-8")
    (folder / "tests").mkdir()
    for name in ("scenes.py", *(EXECUTION if mutation.file == "executor.py" else RULES)):
        shutil.copy(ROOT / "tests" / name, folder / "tests")


def failing(folder: Path) -> set[str]:
    """The tests in *folder* that fail. Runs in a process of its own, because it imports the copy."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("reconciler", "tests")]:
        del sys.modules[name]
    sys.path[:] = [str(folder), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    sys.dont_write_bytecode = True
    os.chdir(folder)
    failures = Failures()
    options = ["-q", "--tb=no", "--import-mode=importlib", f"--rootdir={folder}", "-k", f"not {SLOW}"]
    options += [part for name in PLUGINS for part in ("-p", f"no:{name}")]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        pytest.main([*options, "tests"], plugins=[failures])
    return failures.names


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_a_mutation_still_fits_the_code(mutation: Mutation) -> None:
    """Its old text stands in the file exactly once; code that moved on needs a mutation that moved along."""
    assert 1 == (PACKAGE / mutation.file).read_text(encoding="utf-8").count(mutation.old)


def test_every_mutation_turns_its_test_red_and_no_other(tmp_path: Path) -> None:
    """A safety rule that can be taken out unseen is no rule."""
    folders = [tmp_path / str(number) for number in range(len(MUTATIONS))]
    for mutation, folder in zip(MUTATIONS, folders, strict=True):
        copied(mutation, folder)
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(LIBRARIES)
    with ProcessPoolExecutor(AT_ONCE, mp_context=context, max_tasks_per_child=1) as pool:
        actual = list(pool.map(failing, folders))

    expected = [{mutation.red, *mutation.also} for mutation in MUTATIONS]
    odd = {each.rule: sorted(red) for each, red, want in zip(MUTATIONS, actual, expected, strict=True) if red != want}
    assert {} == odd
