"""Reading: every document of ours with its origin, every problem with its place, and hostile files survived."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import Problem
from reconciler.manifests import Document, Folder, Locator, Sort, locate, parse, read, reading, teamwork
from reconciler.model import Source
from reconciler.privacy import show

HEAD = "apiVersion: posthog-reconciler/v1\n"
ROOT = Path(__file__).resolve().parent.parent


def data_of(text: str) -> Any:
    """The data of the only document of *text*, less its apiVersion."""
    documents, problems, skipped = parse("a.yaml", (HEAD + text).encode(), named=False)
    assert ((), ()) == (problems, skipped)
    return {key: value for key, value in documents[0].data.items() if key != "apiVersion"}


def problems_of(text: str | bytes, *, named: bool = False) -> list[tuple[int | None, int | None, str, str]]:
    """Line, column, rule and message of every problem of *text*."""
    _, problems, _ = parse("a.yaml", text if isinstance(text, bytes) else text.encode(), named=named)
    return [told(problem) for problem in problems]


def told(problem: Problem) -> tuple[int | None, int | None, str, str]:
    """A problem as line, column, rule and message."""
    return problem.line, problem.column, problem.rule, show(problem.message, addresses=True)


def rules(problems: Iterable[Problem]) -> list[tuple[str | None, str]]:
    """The path and the rule of each of *problems*."""
    return [(problem.path, problem.rule) for problem in problems]


def write(folder: Path, files: dict[str, str]) -> Folder:
    """*folder* with *files* in it."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return Folder(folder)


def paths(documents: Iterable[Document]) -> list[str]:
    """Where *documents* stand."""
    return [document.source.path for document in documents]


# --- scalars --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("10:30", "10:30"),
        ("2026-01-05", "2026-01-05"),
        ("2026-01-05T09:00:00Z", "2026-01-05T09:00:00Z"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("Null", None),
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000),
        ("1.0", 1),
        ("1.2.3", "1.2.3"),
        ("-x", "-x"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ('!!int "12"', 12),
        ("!!float 1", 1),
        ("! 12", "12"),
        ("=", "="),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    """A word is a word and a date is text; nothing is coerced (design §2)."""
    found = data_of(f"value: {text}\n")["value"]

    assert (value, type(value)) == (found, type(found))


# YAML has no lone surrogates, no C1 characters outside of escapes and no U+FFFE; JSON's texts may hold them.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=80)


@given(
    st.dictionaries(
        TEXT,
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
            max_leaves=20,
        ),
    )
)
def test_what_json_can_say_is_read_as_it_was_written(data: dict[str, Any]) -> None:
    """Whatever another program dumps comes back equal, in quotes as PyYAML writes it or plain as JSON."""
    dumped = yaml.safe_dump(data, default_style='"', allow_unicode=True).replace("\n", "\n  ")
    as_json = json.dumps(data, ensure_ascii=False).replace("\x7f", "\\u007f")

    assert data == data_of(f"spec:\n  {dumped}\n")["spec"]
    assert data == data_of(f"spec: {as_json}\n")["spec"]


@pytest.mark.parametrize("text", [".inf", "-.Inf", ".nan", "1e999"])
def test_numbers_that_json_lacks_are_refused(text: str) -> None:
    """The wire is JSON, which has neither infinity nor NaN."""
    assert [(2, 4, "not-json")] == [found[:3] for found in problems_of(f"{HEAD}a: {text}\n")]


def test_keys_are_shared_by_all_documents() -> None:
    """A tree of 100,000 manifests holds each field name once."""
    first, second = (next(iter(data_of("frequency: daily"))) for _ in range(2))

    assert first is second


# --- what is refused in a mapping -----------------------------------------------------------------------------------


def test_a_key_that_stands_twice_is_named_with_both_places() -> None:
    """The server and most readers let the last one win; here neither does."""
    assert [
        (3, 22, "duplicate-key", 'the key "x" stands twice, first at a.yaml:3:5; remove one'),
        (4, 1, "duplicate-key", 'the key "a" stands twice, first at a.yaml:2:1; remove one'),
    ] == problems_of(f"{HEAD}a: 1\nb: {{x: 1, y: {{x: 2}}, x: 3}}\na: 2\n")


@pytest.mark.parametrize(
    ("text", "rule", "way_out"),
    [
        ("1: x", "key-not-text", 'put it in quotes: "1"'),
        ("true: x", "key-not-text", 'put it in quotes: "true"'),
        ("[a]: x", "key-not-text", "not a list"),
        ("? {a: 1}\n: x", "key-not-text", "not a list, a mapping"),
        ("<<: {a: 1}", "merge-key", "write the fields out"),
        ("a: !!python/object/apply:os.system [x]", "yaml-tag", "nor is any code"),
        ("a: !secret x", "yaml-tag", "remove the tag"),
        ("a: !!int x", "yaml-tag", "remove the tag"),
        ("a: !!set {x}", "yaml-tag", "remove the tag"),
        ("a: *nowhere", "unknown-alias", "no anchor is named"),
        ("a: &self [*self]", "alias-loop", "inside its own anchor"),
        ("a: [1", "yaml-syntax", "did not find expected"),
        ("a: b: c", "yaml-syntax", "mapping values are not allowed"),
        ("a:\n\tb: 1", "yaml-syntax", "cannot start any token"),
        ("a: \x01", "yaml-syntax", "control character U+0001"),
        ("a: \x00", "yaml-syntax", "control character U+0000"),
        ('a: "\\ud800"', "yaml-syntax", "Unicode"),
        ("a: !e!x 1", "yaml-syntax", "undefined tag handle"),
    ],
)
def test_what_is_not_plain_data_is_refused_with_the_way_out(text: str, rule: str, way_out: str) -> None:
    """Each has its own rule, a line and a column."""
    (problem,) = problems_of(f"{HEAD}{text}\n")

    assert (rule, True, True) == (problem[2], problem[0] in (2, 3), bool(problem[1]))
    assert way_out in problem[3]


def test_quoted_merge_and_number_keys_are_text() -> None:
    """What is in quotes is text, whatever it looks like."""
    assert {"<<": 1, "1": 2, "true": 3} == data_of('"<<": 1\n"1": 2\n"true": 3\n')


def test_aliases_repeat_what_they_stand_for() -> None:
    """Anchors and aliases are plain YAML, as long as they are few."""
    assert {"a": [1, {"x": "y"}], "b": [1, {"x": "y"}], "c": "k"} == data_of("a: &a [1, {x: &k y}]\nb: *a\nc: k\n")


def test_a_broken_document_does_not_hide_the_problems_of_others() -> None:
    """Every problem of a file is told in one run."""
    text = f"{HEAD}a: 1\na: 2\n---\n{HEAD}b: !x y\n---\n{HEAD}<<: z\n---\n{HEAD}c: ["

    assert ["duplicate-key", "yaml-tag", "merge-key", "yaml-syntax"] == [found[2] for found in problems_of(text)]


# --- encodings ------------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_not_seen() -> None:
    """Windows editors write one."""
    documents, problems, _ = parse("a.yaml", b"\xef\xbb\xbf" + HEAD.encode() + "a: ü\n".encode(), named=False)

    assert ("ü", ()) == (documents[0].data["a"], problems)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings_are_refused(encoding: str) -> None:
    """libyaml would read some of them; other readers of the tree would not."""
    assert problems_of(f"{HEAD}a: 1\n".encode(encoding))[0][2] in ("not-utf-8", "yaml-syntax")


def test_a_byte_that_is_not_utf_8_is_named_with_its_place() -> None:
    """Latin-1 is the usual accident."""
    assert [(2, 5, "not-utf-8", "not UTF-8 at byte 38; save the file as UTF-8")] == problems_of(
        HEAD.encode() + b"a: M\xfcller\n"
    )


def test_a_control_character_behind_others_is_placed_in_characters() -> None:
    """Columns count characters, not bytes."""
    assert [(2, 5, "yaml-syntax")] == [found[:3] for found in problems_of(f"{HEAD}a: ü\x07\n")]


# --- which documents are ours ---------------------------------------------------------------------------------------


def test_documents_of_other_programs_are_skipped_with_a_note_and_whatever_is_in_them() -> None:
    """Tags, merge keys and doubled keys are their own business."""
    text = f"apiVersion: v1\nkind: X\nx: !Ref y\n<<: 1\n2: 3\na: 1\na: 2\n---\n{HEAD}a: 1\n---\n- a list\n"

    documents, problems, skipped = parse("a.yaml", text.encode(), named=False)

    assert ([Source("a.yaml", 9, 1)], ()) == ([document.source for document in documents], problems)
    assert [1, 12] == [source.line for source in skipped]


def test_documents_of_other_programs_are_an_error_in_a_file_that_was_named() -> None:
    """Who names a file means it to be ours."""
    assert [(1, 1, "foreign"), (3, 1, "foreign")] == [
        found[:3] for found in problems_of("apiVersion: v1\n---\n- x\n", named=True)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apiVersion: posthog-reconcilor/v1", "misspelt"),
        ("apiVersion: posthog_reconciler/v1", "misspelt"),
        ("apiVersion: PostHog-Reconciler/v1", "misspelt"),
        ("kind: Subscription\nmetadata: {name: x}", "apiVersion is missing"),
        ("apiversion: posthog-reconciler/v1\nkind: Subscription\nspec: {}", "apiVersion is missing"),
    ],
)
def test_a_slip_in_the_api_version_does_not_make_a_manifest_vanish(text: str, message: str) -> None:
    """A manifest that is gone has its row soft-deleted, so a near miss is an error even on a walk."""
    (problem,) = problems_of(text)

    assert "api-version" == problem[2]
    assert message in problem[3]


def test_empty_documents_are_nothing() -> None:
    """A trailing `---`, a file of comments."""
    documents, problems, skipped = parse("a.yaml", f"---\n# only a comment\n---\n{HEAD}---\n".encode(), named=True)

    assert ([(3, 1)], (), ()) == ([(d.source.line - 1, d.source.index) for d in documents], problems, skipped)


def test_a_config_among_the_manifests_is_walked_past(tmp_path: Path) -> None:
    """It may lie in the manifests' folder; who names it as a manifest is told so."""
    files = write(tmp_path, {"reconciler.yaml": f"{HEAD}kind: Config\n", "a.yaml": f"{HEAD}kind: X\n"})

    walked, named = read(files, ["."]), read(files, ["reconciler.yaml"])

    assert (["a.yaml"], (), ()) == (paths(walked.documents), walked.problems, walked.skipped)
    assert [("reconciler.yaml", "document-type")] == rules(named.problems)


# --- files and folders ----------------------------------------------------------------------------------------------

SOME = {
    "b.yaml": HEAD,
    "a.yml": HEAD,
    "sub/c.yaml": HEAD,
    "sub/deep/d.yaml": HEAD,
    "sub/notes.txt": "not: yaml: at all",
    ".hidden.yaml": "[",
    ".git/e.yaml": "[",
}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["."], ["a.yml", "b.yaml", "sub/c.yaml", "sub/deep/d.yaml"]),
        (["sub"], ["sub/c.yaml", "sub/deep/d.yaml"]),
        (["sub/", "./sub", "sub/c.yaml"], ["sub/c.yaml", "sub/deep/d.yaml"]),
        (["*.yaml"], ["b.yaml"]),
        (["**/*.yaml"], ["b.yaml", "sub/c.yaml", "sub/deep/d.yaml"]),
        (["sub/**"], ["sub/c.yaml", "sub/deep/d.yaml"]),
        (["s*/deep"], ["sub/deep/d.yaml"]),
        (["[ab].*"], ["a.yml", "b.yaml"]),
        ([".git/../b.yaml"], ["b.yaml"]),
    ],
)
def test_files_folders_and_globs_are_read_once_in_order(tmp_path: Path, given: list[str], found: list[str]) -> None:
    """Hidden names and other suffixes are passed by on a walk (design §2)."""
    tree = read(write(tmp_path, SOME), given)

    assert (found, (), len(found)) == (paths(tree.documents), tree.problems, tree.files)


def test_a_named_file_may_be_hidden_and_have_any_suffix(tmp_path: Path) -> None:
    """A walk passes by; a person does not."""
    tree = read(write(tmp_path, {".x": HEAD, "y.txt": HEAD}), [".x", "y.txt"])

    assert ([".x", "y.txt"], ()) == (paths(tree.documents), tree.problems)


def test_an_existing_name_with_wildcard_characters_is_that_file(tmp_path: Path) -> None:
    """What exists needs no matching."""
    assert ["[1].yaml"] == paths(read(write(tmp_path, {"[1].yaml": HEAD, "1.yaml": HEAD}), ["[1].yaml"]).documents)


@pytest.mark.parametrize("given", ["nowhere", "nowhere/*.yaml", "*.nothing", "b.yaml/x"])
def test_a_path_that_leads_nowhere_is_a_problem(tmp_path: Path, given: str) -> None:
    """Nothing found must never look like nothing wanted: that would remove every row."""
    tree = read(write(tmp_path, SOME), [given])

    assert [(given.removesuffix("/*.yaml"), "no-such-path")] == rules(tree.problems)


def test_paths_outside_the_root_are_read_when_they_are_named(tmp_path: Path) -> None:
    """`../other` and absolute paths are shown as they were typed."""
    write(tmp_path, {"other/a.yaml": HEAD, "home/x.yaml": HEAD})
    files = Folder(tmp_path / "home")

    assert ["../other/a.yaml"] == paths(read(files, ["../other"]).documents)
    assert [f"{tmp_path}/other/a.yaml"] == paths(read(files, [f"{tmp_path}/other/a.yaml"]).documents)


def test_a_folder_that_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    """Its manifests would be taken for gone."""

    class Locked(Folder):
        def names(self, folder: str) -> Iterable[tuple[str, Sort]]:
            raise PermissionError(13, "Permission denied", folder)

    files = Locked(write(tmp_path, SOME).root)

    assert [("sub", "unreadable")] == rules(read(files, ["sub"]).problems)
    assert [("sub", "unreadable")] == rules(read(files, ["sub/**/*.yaml"]).problems)


def test_a_glob_is_not_held_up_by_files_that_it_does_not_ask_for(tmp_path: Path) -> None:
    """A broken link beside what is wanted is somebody else's."""
    files = write(tmp_path, SOME)
    (tmp_path / "sub/broken.yaml").symlink_to("gone.yaml")

    assert () == read(files, ["sub/c*.yaml"]).problems
    assert [("sub/broken.yaml", "no-such-path")] == rules(read(files, ["sub/*.yaml"]).problems)


# --- links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backwards", [True, False])
def test_links_inside_the_tree_are_followed_and_each_real_file_is_read_once(tmp_path: Path, backwards: bool) -> None:
    """What a link points at keeps its own name, whichever the system lists first."""

    class Ordered(Folder):
        def names(self, folder: str) -> Iterable[tuple[str, Sort]]:
            return sorted(Folder.names(self, folder), key=lambda entry: entry[0], reverse=backwards)

    files = Ordered(write(tmp_path, {"team/real.yaml": HEAD, "shelf/one.yaml": HEAD}).root)
    (tmp_path / "team/a-link.yaml").symlink_to("real.yaml")
    (tmp_path / "a-folder").symlink_to("shelf")
    (tmp_path / "z-folder").symlink_to("shelf")
    (tmp_path / "team/up").symlink_to("..")

    whole, part = read(files, ["."]), read(files, ["team"])

    assert (["shelf/one.yaml", "team/real.yaml"], ()) == (paths(whole.documents), whole.problems)
    assert ["team/real.yaml", "team/up/shelf/one.yaml"] == paths(part.documents)


@pytest.mark.parametrize("target", ["../../outside/a.yaml", "../../outside"])
def test_links_out_of_the_tree_are_refused(tmp_path: Path, target: str) -> None:
    """A pull request must not make a run read, and print, files of the machine it runs on."""
    write(tmp_path, {"outside/a.yaml": "secret: [", "home/sub/b.yaml": HEAD})
    (tmp_path / "home/sub/link.yaml").symlink_to(target)

    assert [("sub/link.yaml", "link-outside")] == rules(read(Folder(tmp_path / "home"), ["sub"]).problems)
    assert [("sub/link.yaml", "link-outside")] == rules(read(Folder(tmp_path / "home"), ["sub/link.yaml"]).problems)


def test_links_in_a_circle_are_named(tmp_path: Path) -> None:
    """Two links that point at each other, met on a walk or named."""
    files = write(tmp_path, {"sub/a.yaml": HEAD})
    (tmp_path / "sub/x").symlink_to("y")
    (tmp_path / "sub/y").symlink_to("x")

    assert [("sub/x", "link-loop"), ("sub/y", "link-loop")] == rules(read(files, ["sub"]).problems)
    assert [("sub/x", "link-loop")] == rules(read(files, ["sub/x"]).problems)


def test_a_manifest_that_is_a_link_to_nothing_is_a_problem(tmp_path: Path) -> None:
    """A broken link of another name is nothing."""
    files = write(tmp_path, {"a.yaml": HEAD})
    (tmp_path / "b.yaml").symlink_to("gone.yaml")
    (tmp_path / "other").symlink_to("gone")

    assert [("b.yaml", "no-such-path")] == rules(read(files, ["."]).problems)


# --- hostile files --------------------------------------------------------------------------------------------------

BOMB = (
    HEAD
    + "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
)
LONG = f"{HEAD}a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 90_000)}]\n"
CHAIN = f"{HEAD}a0: &a0 {'[' * 40}{']' * 40}\n" + "".join(
    f"a{n}: &a{n} {'[' * 20}*a{n - 1}{']' * 20}\n" for n in range(1, 3000)
)
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "alias bomb": (BOMB.encode, "alias-bomb"),
    "alias bomb of one long text": (LONG.encode, "alias-bomb"),
    "aliases nested in aliases": (CHAIN.encode, "too-deep"),
    "fifty megabytes": (lambda: HEAD.encode() + b"a: 1\n" * 10_000_000, "too-large"),
    "a million open brackets": (lambda: HEAD.encode() + b"a: " + b"[" * 1_000_000, "too-deep"),
    "a million open braces": (lambda: HEAD.encode() + b"a: " + b"{a: " * 1_000_000, "too-deep"),
    "a million dashes": (lambda: b"- " * 1_000_000, "too-deep"),
    "block after block": (lambda: b"".join(b" " * n + b"a:\n" for n in range(2000)), "too-deep"),
    "a very long list": (lambda: HEAD.encode() + b"a: [" + b"a," * 2_500_000 + b"]", "too-large"),
    "very many keys": (lambda: b"".join(b"k%d: 1\n" % n for n in range(400_000)), "too-large"),
    "very many documents": (lambda: b"---\n" * 1_300_000, "too-large"),
    "one key again and again": (lambda: HEAD.encode() + b"a: 1\n" * 90_000, "duplicate-key"),
    "very many tags": (lambda: HEAD.encode() + b"a: [" + b"!x y, " * 90_000 + b"]", "yaml-tag"),
    "not UTF-8": (lambda: b"\xff" * 5_000_000, "not-utf-8"),
    "zero bytes": (lambda: b"\0" * 5_000_000, "yaml-syntax"),
    "python code": (lambda: HEAD.encode() + b"a: !!python/object/apply:os.abort []\n", "yaml-tag"),
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"---\n" * 80_000, []),
        (b"---\n" * 90_000, ["too-large"]),
        (b"a: [" + b"x," * 99_000 + b"]", []),
        (b"a: [" + b"x," * 101_000 + b"]", ["too-large"]),
        (b"[" * 64 + b"]" * 64, []),
        (b"[" * 65 + b"]" * 65, ["too-deep"]),
    ],
)
def test_limits_are_where_they_are_said_to_be(text: bytes, found: list[str]) -> None:
    """Some 83,000 empty documents in a file, 100,000 values in a document, 64 levels."""
    assert found == [problem[2] for problem in problems_of(text)]


def test_an_alias_is_as_high_as_what_it_stands_for() -> None:
    """Also where the deepest part of it comes before another anchor."""
    text = f"{HEAD}a: &a [{'[' * 40}{']' * 40}, &b x]\nb: {'[' * 30}*a{']' * 30}\n"

    assert ["too-deep"] == [problem[2] for problem in problems_of(text)]


PROBE = """
import resource, sys, time
from pathlib import Path
from reconciler.manifests import Folder, read
resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
before = time.process_time()
tree = read(Folder(Path(sys.argv[1])), ["."])
seconds = time.process_time() - before
status = Path("/proc/self/status")  # ru_maxrss would count what the process that started this one had
if status.exists():
    megabytes = int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
else:
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024**2
print(seconds, megabytes, *{p.rule for p in tree.problems})
assert all(p.path == "hostile.yaml" for p in tree.problems)
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_a_clear_error_in_little_time_and_memory(tmp_path: Path, name: str) -> None:
    """Under two seconds of this machine and under 300 MB, naming the file."""
    text, rule = HOSTILE[name]
    (tmp_path / "hostile.yaml").write_bytes(text())

    seconds, megabytes, *found = _probed(tmp_path)

    assert rule in found
    assert float(seconds) < 2
    assert int(megabytes) < 300


def test_of_many_keys_that_stand_twice_a_thousand_are_told() -> None:
    """Over all the documents of a file, and that there may be more."""
    text = ("---\n" + HEAD + "a: 1\n" * 300) * 5
    found = [problem[2] for problem in problems_of(text)]

    assert {"duplicate-key": 1_000, "too-many-problems": 1} == Counter(found)


def test_a_pipe_does_not_make_a_run_wait(tmp_path: Path) -> None:
    """Nor does a device: only regular files are opened."""
    os.mkfifo(tmp_path / "hostile.yaml")

    assert "unreadable" in _probed(tmp_path)
    with pytest.raises(OSError, match="not a regular file"):
        Folder(tmp_path).read("hostile.yaml", 100)


def _probed(folder: Path) -> list[str]:
    """Seconds, megabytes and rules of reading *folder* in a process of its own."""

    command = [sys.executable, "-c", PROBE, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


# --- places ---------------------------------------------------------------------------------------------------------

PLACED = f"""# a comment
---
{HEAD}spec:
  title: Weekly
  byweekday: [monday, Monday]
  start_date: {{date: x, time: y}}
---
  {HEAD.strip()}
  spec:
    - a
    -   b: c
"""


@pytest.mark.parametrize(
    ("index", "pointer", "key", "place"),
    [
        (0, (), False, (3, 1)),
        (0, ("spec",), False, (4, 1)),
        (0, ("spec", "title"), False, (5, 10)),
        (0, ("spec", "title"), True, (5, 3)),
        (0, ("spec", "byweekday", 1), False, (6, 23)),
        (0, ("spec", "byweekday"), False, (6, 3)),
        (0, ("spec", "start_date", "time"), False, (7, 31)),
        (0, ("spec", "nothing", "deeper"), False, (4, 1)),
        (1, ("spec", 1, "b"), False, (12, 12)),
        (1, ("spec", 0), False, (11, 7)),
        (1, ("apiVersion",), False, (9, 15)),
        (7, ("spec",), False, (1, 1)),
    ],
)
def test_a_place_is_found_by_reading_again(
    tmp_path: Path, index: int, pointer: tuple[str | int, ...], key: bool, place: tuple[int, int]
) -> None:
    """Of a value, of its key, of the nearest parent; by the text alone or by the Locator, which remembers."""
    files = write(tmp_path, {"a.yaml": PLACED})
    locator = Locator(files)

    assert place == locate(PLACED.encode(), index, pointer, key=key)
    assert [place, place] == [locator(Source("a.yaml", 1, index), pointer, key=key) for _ in range(2)]


def test_a_first_document_that_is_indented_is_placed_right(tmp_path: Path) -> None:
    """A document is read again from the start of its first line."""
    files = write(tmp_path, {"a.yaml": f"# x\n\n  {HEAD}  b: c\n"})

    assert (4, 6) == Locator(files)(Source("a.yaml", 3), ("b",))


@pytest.mark.parametrize("text", [b"", b"\xff", b"- x\n"])
def test_a_place_in_a_file_that_changed_since_is_its_document(tmp_path: Path, text: bytes) -> None:
    """An answer that is a little wrong is better than none."""
    (tmp_path / "a.yaml").write_bytes(text)

    assert (7, 1) == Locator(Folder(tmp_path))(Source("a.yaml", 7, 1), ("a",))
    assert (7, 1) == Locator(Folder(tmp_path))(Source("gone.yaml", 7), ("a",))


def many(folder: Path, count: int) -> list[str]:
    """Write *count* small manifests, each in a file of its own; their names in order."""
    for number in range(count):
        text = f"apiVersion: posthog-reconciler/v1\nkind: Subscription\nmetadata: {{name: n{number:05}}}\n"
        (folder / f"{number:05}.yaml").write_text(text, encoding="utf-8")
    return [f"n{number:05}" for number in range(count)]


def test_a_large_tree_is_read_by_two_processes_as_by_one(tmp_path: Path) -> None:
    """The same documents in the same order with the same places, whoever read them."""
    names = many(tmp_path, teamwork.WORTH_IT + 1)
    found = read(Folder(tmp_path), ["."])

    assert names == [document.data["metadata"]["name"] for document in found.documents]
    assert Source("01999.yaml", 1) == found.documents[1999].source
    assert (teamwork.WORTH_IT + 1, ()) == (found.files, found.problems)


def test_the_documents_of_a_large_tree_are_vetted_where_they_are_read(tmp_path: Path) -> None:
    """By whom they are given to, and nothing is taken for right that was not."""
    many(tmp_path, teamwork.WORTH_IT)

    def is_even(document: Document) -> bool:
        return int(document.data["metadata"]["name"][1:]) % 2 == 0

    vetted = [document.is_sound for document in read(Folder(tmp_path), ["."], vet=is_even).documents]

    assert [True, False] * (teamwork.WORTH_IT // 2) == vetted
    assert {False} == {document.is_sound for document in read(Folder(tmp_path), ["."]).documents}


@pytest.mark.parametrize("number", [0, teamwork.WORTH_IT])
def test_a_problem_in_any_part_of_a_large_tree_is_told(tmp_path: Path, number: int) -> None:
    """And everything else is read all the same."""
    many(tmp_path, teamwork.WORTH_IT + 1)
    (tmp_path / f"{number:05}.yaml").write_text("kind: [", encoding="utf-8")
    found = read(Folder(tmp_path), ["."])

    assert [f"{number:05}.yaml"] == [problem.path for problem in found.problems]
    assert teamwork.WORTH_IT == len(found.documents)


@pytest.mark.parametrize("most", [1_000, 150_000])
def test_a_tree_that_is_too_large_for_two_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Once, and at the file from which on it is too large; neither process reads on for long."""
    many(tmp_path, teamwork.WORTH_IT)
    monkeypatch.setattr(reading, "MAX_TREE", most)
    found = read(Folder(tmp_path), ["."])

    assert ["too-large"] == [problem.rule for problem in found.problems]
    assert most < sum((tmp_path / document.source.path).stat().st_size for document in found.documents) < most + 100


def doubled(items: Sequence[int]) -> list[int]:
    """Twice each of *items*."""
    return [item * 2 for item in items]


@given(many=st.integers(1, 300))
@settings(max_examples=10)
def test_every_part_is_done_once_and_they_are_in_order(many: int) -> None:
    """Whoever does it, and whatever is done meanwhile."""
    done: list[str] = []
    found = teamwork.both(doubled, range(many), lambda: done.append("meanwhile"))

    assert [2 * number for number in range(many)] == [item for part in found for item in part]
    assert (["meanwhile"], True) == (done, len(found) <= teamwork.PARTS)


def test_while_this_process_is_busy_the_other_one_does_more() -> None:
    """What is done meanwhile costs no time: all the parts may be done by then."""
    found = teamwork.both(lambda _: os.getpid(), range(10), lambda: time.sleep(1))

    assert os.getpid() not in found


def test_an_error_ends_the_other_process_too() -> None:
    """At its next part, for nobody wants its answer any more."""
    parent = os.getpid()

    def work(items: Sequence[int]) -> None:
        if os.getpid() == parent:
            raise KeyboardInterrupt
        time.sleep(0.2)

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        teamwork.both(work, range(teamwork.PARTS))

    assert time.monotonic() - before < 0.2 * teamwork.PARTS / 2


DURING_FORK: list[int] = []
"""Signals that this process is given while it forks."""


def give_signals() -> None:
    """Registered for good, because nothing can take it back."""
    while DURING_FORK:
        signal.raise_signal(DURING_FORK.pop())


os.register_at_fork(before=give_signals)


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Ctrl-C as a program of its own hears it: where several processes share the tests, it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_during_the_fork_is_heard(interrupts: None) -> None:
    """Python drops an error of what it does around a fork; no child outlives it."""
    DURING_FORK.append(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        teamwork.both(doubled, range(teamwork.PARTS))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert set() == signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_child_that_cannot_be_had_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there may be no further process everything is done here, and nothing stays open."""

    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    before = os.listdir("/dev/fd")

    assert [[2], [4], [6]] == teamwork.both(doubled, [1, 2, 3])
    assert before == os.listdir("/dev/fd")


@pytest.fixture
def children_are_forgotten() -> Iterator[None]:
    """SIGCHLD is ignored, as some supervisors leave it: the system does not keep how a child ended."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGCHLD, before)


def test_a_child_of_which_nobody_can_tell_how_it_ended_changes_nothing(children_are_forgotten: None) -> None:
    """What it says is not believed."""
    assert [[2], [4], [6]] == teamwork.both(doubled, [1, 2, 3], lambda: time.sleep(0.2))


@pytest.mark.parametrize("at", [1, 2])
def test_pipes_that_cannot_be_had_change_nothing(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Where too many files are open everything is done here, and nothing stays open."""
    pipe, had = os.pipe, []

    def scarce() -> tuple[int, int]:
        had.append(at)
        if len(had) == at:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return pipe()

    monkeypatch.setattr(os, "pipe", scarce)
    before, done = os.listdir("/dev/fd"), list[str]()

    assert [[2], [4], [6]] == teamwork.both(doubled, [1, 2, 3], lambda: done.append("meanwhile"))
    assert (before, ["meanwhile"]) == (os.listdir("/dev/fd"), done)


def test_a_child_that_dies_changes_nothing() -> None:
    """What it took on is done by the parent."""
    parent = os.getpid()

    def work(items: Sequence[int]) -> list[int]:
        if os.getpid() != parent:
            os._exit(9)
        return doubled(items)

    assert [[2], [4], [6]] == teamwork.both(work, [1, 2, 3], lambda: time.sleep(0.2))
