"""The import rule: which room may know which, and which libraries, checked on the source text.

    privacy <- errors <- model
        <- departures, imports, instants, jsonlines, operations, recordings, resource, rules, sessions, several,
           sightings
        <- api, diff, editing, exits, forge, identity, journal, kinds, manifests, report, schema
        <- adoption, audit, config, erasure, executor, gitbase, logbook, planfile, removal <- loading, planner
        <- inspection, pipeline <- ci, demo, errands, importing, lookup, offboarding <- cli <- entry

A module imports only from layers below its own; modules of one room may import each other; a library has its rooms. A
new room is one word in LAYERS, and one in pyproject.toml if it is pure.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "reconciler"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

LAYERS: tuple[set[str], ...] = (
    {"__init__"},
    {"privacy"},
    {"errors"},
    {"model"},
    {
        "departures",
        "imports",
        "instants",
        "jsonlines",
        "operations",
        "recordings",
        "resource",
        "rules",
        "sessions",
        "several",
        "sightings",
    },
    {
        "api",
        "diff",
        "editing",
        "exits",
        "forge",
        "identity",
        "journal",
        "kinds",
        "manifests",
        "report",
        "sandbox",
        "schema",
    },
    {"adoption", "audit", "config", "erasure", "executor", "gitbase", "logbook", "planfile", "removal"},
    {"loading", "planner"},
    {"inspection", "pipeline"},
    {"ci", "demo", "errands", "importing", "lookup", "offboarding"},
    {"cli"},
    {"entry"},
    {"__main__"},
)
LIBRARIES = {
    "click": {"cli"},
    "dateutil": {
        "kinds",
        "sandbox",
    },  # the sandbox is the oracle, so it must not share the schedule code that it checks
    "deepdiff": {"diff"},
    "django": {"sandbox"},
    "exceptions_hog": {"sandbox"},
    "httpx": {
        "api",
        "forge",
        "sandbox",
    },  # the sandbox takes the client's place in tests, or is reached by one from afar
    "jsonschema": {"schema"},
    "jsonschema_rs": {"schema"},
    "referencing": {"schema"},
    "rest_framework": {"sandbox"},
    "ruamel": {"editing"},
    "tenacity": {"api"},
    "yaml": {"manifests"},
}


class Separate(NamedTuple):
    """A room that is a program of its own: the only rooms that it imports, and the only ones that import it."""

    imports: set[str]
    imported_by: set[str]


SEPARATE = {"sandbox": Separate(imports={"errors"}, imported_by={"cli", "demo"})}

PURE = set(PYPROJECT["tool"]["reconciler"]["pure"])
READS_FILES = {"schema": {"pathlib"}}
"""What a pure room may import all the same: schema reads the JSON Schemas that stand beside it."""

WORLDLY_MODULES = {
    "asyncio", "getpass", "glob", "http", "importlib", "io", "locale", "logging", "multiprocessing", "os", "pathlib",
    "platform", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "uuid",
}  # fmt: skip
"""Ways to the disk, the network, the clock, chance and the machine; a pure room has what it needs as arguments."""

WORLDLY_CALLS = {"open", "input", "print", "now", "utcnow", "today"}


class Imported(NamedTuple):
    """A module as the source names it, and the line."""

    name: str
    line: int


def room_of(module: str) -> str:
    """`kinds` of `reconciler.kinds.titles`; `__init__` of `reconciler` itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def layer_of(room: str) -> int | None:
    """How high *room* is; None where LAYERS does not name it."""
    return next((height for height, rooms in enumerate(LAYERS) if room in rooms), None)


def imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[Imported]:
    """Everything that *tree* imports, at its top or in a function, by statement or by `import_module`."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (Imported(alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=name, names=names, level=level):
                start = ".".join(package.split(".")[: len(package.split(".")) - level + 1]) if level else ""
                source = ".".join(part for part in (start, name) if part)
                if source == PACKAGE:
                    yield from (Imported(named(alias.name), node.lineno) for alias in names)
                else:
                    yield Imported(source, node.lineno)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield Imported(name, node.lineno)


def named(name: str) -> str:
    """What `from reconciler import NAME` imports: a room, or something of the package itself."""
    return PACKAGE if name.startswith("__") else f"{PACKAGE}.{name}"


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Every breach of the import rule in the *source* of *module*, each with its line."""
    tree = ast.parse(source)
    room = room_of(module)
    if layer_of(room) is None:
        return [f"{module}: {room} is in no layer; add it to LAYERS"]
    found = [
        f"{module}:{imported.line}: {problem}"
        for imported in imports(tree, module, is_package=is_package)
        if (problem := breach(room, imported.name))
    ]
    if room in PURE:
        found += [f"{module}:{line}: {room} is pure and calls {call}" for call, line in worldly_calls(tree)]
    return found


def breach(room: str, imported: str) -> str | None:
    """What is wrong with *room* importing *imported*; None if nothing is."""
    top = imported.partition(".")[0]
    if top == PACKAGE:
        return breach_between(room, room_of(imported))
    if top in sys.stdlib_module_names:
        worldly = top in WORLDLY_MODULES and room in PURE and top not in READS_FILES.get(room, set())
        return f"{room} is pure and imports {top}" if worldly else None
    if top not in LIBRARIES:
        return f"{top} is in no room; add it to LIBRARIES"
    return None if room in LIBRARIES[top] else f"{top} belongs to {', '.join(sorted(LIBRARIES[top]))}, not to {room}"


def breach_between(room: str, other: str) -> str | None:
    """What is wrong with *room* importing the room *other*; None if nothing is."""
    height, below = layer_of(room), layer_of(other)
    if room == other:
        return None
    if below is None:
        return f"{other} is in no layer; add it to LAYERS"
    if room in SEPARATE and other not in SEPARATE[room].imports:
        return f"{room} is a program of its own and imports {other}"
    if other in SEPARATE and room not in SEPARATE[other].imported_by:
        return f"{other} is a program of its own, and {room} imports it"
    if height is None or below >= height:
        return f"{room} imports {other}, which is not below it"
    return None


def worldly_calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The calls in *tree* that ask the world for something: files, the clock, the terminal."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=call) | ast.Attribute(attr=call)) if call in WORLDLY_CALLS:
                yield call, node.lineno


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package, and its file."""
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def loaded_by(argument: str) -> set[str]:
    """The top-level modules that a run of `reconciler ARGUMENT` has loaded when it ends."""
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr))\n"
        f"sys.argv = ['reconciler', {argument!r}]\n"
        "from reconciler.entry import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_rooms_keep_the_import_rule() -> None:
    """No module imports what is not below it, nor a library of another room; pure rooms do not touch the world."""
    found = [
        line
        for module, path in modules()
        for line in violations(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py")
    ]

    assert [] == found


def test_every_pure_room_is_a_room() -> None:
    """The list in pyproject.toml names rooms of the table, so that a misspelled one cannot lose its checks."""
    known = set().union(*LAYERS)

    assert known >= PURE


@pytest.mark.parametrize(
    ("module", "source", "problem"),
    [
        pytest.param("diff", "from .pipeline import plan", "diff imports pipeline", id="from a higher layer"),
        pytest.param("identity", "from .diff import compare", "identity imports diff", id="from its own layer"),
        pytest.param("model", "from . import resource", "model imports resource", id="by the package's name"),
        pytest.param("errors", "import reconciler.model", "errors imports model", id="by its full name"),
        pytest.param("kinds.titles", "from ..api import Client", "kinds imports api", id="from inside a package"),
        pytest.param("kinds.titles", "def f():\n    from .. import api", "kinds imports api", id="in a function"),
        pytest.param("api", 'import_module("reconciler.diff")', "api imports diff", id="by import_module"),
        pytest.param(
            "planner",
            "import httpx",
            "httpx belongs to api, forge, sandbox, not to planner",
            id="a library of another room",
        ),
        pytest.param("cli", "from yaml import CSafeLoader", "yaml belongs to manifests, not to cli", id="part of one"),
        pytest.param("api", "import requests", "requests is in no room", id="a library that has no room"),
        pytest.param("kinds.schedule", "import time", "kinds is pure and imports time", id="the clock"),
        pytest.param("planner", "from os import environ", "planner is pure and imports os", id="the environment"),
        pytest.param("report", "open('x')", "report is pure and calls open", id="a file"),
        pytest.param("identity", "datetime.now(UTC)", "identity is pure and calls now", id="the time of day"),
        pytest.param("sandbox.world", "from ..model import Live", "sandbox is a program of its own", id="the sandbox"),
        pytest.param("pipeline", "from .sandbox import Sandbox", "and pipeline imports it", id="of the sandbox"),
        pytest.param("attic", "", "attic is in no layer", id="an unknown room"),
        pytest.param("cli", "from .attic import old", "attic is in no layer", id="of an unknown room"),
    ],
)
def test_a_wrong_import_is_seen(module: str, source: str, problem: str) -> None:
    """Each sort of breach, planted, is found; else the rule would hold only by luck."""
    found = violations(source, f"{PACKAGE}.{module}")

    assert 1 == len(found)
    assert problem in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        pytest.param("diff", "from .model import Live\nimport deepdiff", id="below and its own library"),
        pytest.param("kinds.subscription", "from . import titles\nfrom ..rules import X", id="its own package"),
        pytest.param("demo", "from reconciler.sandbox import Sandbox\nimport os", id="the demo and the sandbox"),
        pytest.param("entry", 'from . import __version__\nimport_module("reconciler.cli")', id="the entry"),
        pytest.param("schema", "from pathlib import Path", id="where the schemas stand"),
    ],
)
def test_a_right_import_is_not_held_against_it(module: str, source: str) -> None:
    """What the rule allows passes."""
    assert [] == violations(source, f"{PACKAGE}.{module}")


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_asking_for_help_loads_no_library_but_click(argument: str) -> None:
    """`--help` and `--version` answer before anything heavy is imported."""
    heavy = set(LIBRARIES) - {"click"}

    assert set() == loaded_by(argument) & heavy


def test_asking_for_the_version_does_not_even_load_click() -> None:
    """`--version` is constant text."""
    assert "click" not in loaded_by("--version")


def test_the_version_is_what_click_would_say() -> None:
    """The short way and the long way to `--version` print the same."""
    import_by_click = "import sys; sys.argv[0] = 'reconciler'; from reconciler.cli import main; sys.exit(main())"
    ways = (["-m", "reconciler", "--version"], ["-c", import_by_click, "--version"])

    answers = [subprocess.run([sys.executable, *way], cwd=ROOT, capture_output=True, check=True).stdout for way in ways]

    assert [b"reconciler 0.1.0\n"] * 2 == answers
