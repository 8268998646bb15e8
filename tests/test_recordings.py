"""Which recordings are meant, what is said before they are erased, and the two commands as a person runs them."""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler import errands
from reconciler.errors import InvalidInput, UsageError
from reconciler.model import Environment
from reconciler.privacy import Token
from reconciler.recordings import Asked, Effect, Entry, Sharing, asked, effect_of, entries, in_words, seconds_for
from reconciler.report.recordings import announcement
from reconciler.sandbox import Fault, Sandbox
from tests.conftest import Ran, Run, Tree

Variables = Callable[[Mapping[str, str]], None]

ROOT = str(Path(__file__).parent.parent)
SHARED = "018f3c2e-0000-7000-8000-000000000001"
PRIVATE = "018f3c2e-0000-7000-8000-000000000008"
HERE = Environment("production", "https://us.posthog.com", "12345")


def ids_in(text: str) -> list[str]:
    """The ids that *text* holds."""
    return [entry.id for entry in entries(text, "ids.txt")]


def refused(text: str) -> tuple[tuple[str | None, int | None], str]:
    """Where the first problem of *text* is, and what it says."""
    with pytest.raises(InvalidInput) as caught:
        asked(entries(text, "ids.txt"))
    problem = caught.value.problems[0]
    return (problem.path, problem.line), "".join(str(part) for part in problem.message)


def deleted(sandbox: Sandbox) -> list[str]:
    """The ids the server heard a DELETE for, in any order."""
    return sorted(each.path.rstrip("/").split("/")[-1] for each in sandbox.requests() if each.method == "DELETE")


def fates(ran: Ran) -> dict[str, str]:
    """What became of each id, as a recordings/v1 document says it."""
    return {outcome["id"]: outcome["status"] for outcome in ran.json["outcomes"]}


# --- ids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\nb\n", id="lines"),
        pytest.param("\ufeff a \r\n\r\n\tb", id="lines with spaces, blank ones and a mark at the beginning"),
        pytest.param("id\na\nb\n", id="a table of one column"),
        pytest.param('"ID"\n"a"\n"b"\n', id="a quoted table"),
        pytest.param("when,session_id,who\n2026,a,\n2026,b,x\n,,\n", id="a table with other columns and an empty row"),
        pytest.param('who;id\r\n"x;y";a\r\nz;b\r\n', id="a table with semicolons"),
        pytest.param("id\tx\na\t1\nb\t2", id="a table with tabs"),
        pytest.param('["a", "b"]', id="a JSON list"),
        pytest.param(' [{"id": "a", "x": 1}, {"session_id": "b"}]\n', id="a JSON list of objects"),
    ],
)
def test_ids_are_read_from_lines_tables_and_json(text: str) -> None:
    """One id a line, CSV with a column id or session_id, and JSON lists say the same."""
    assert ["a", "b"] == ids_in(text)


@pytest.mark.parametrize("text", ["[]", "id\n", "session_id,x\n"])
def test_a_list_that_says_it_is_empty_is_empty(text: str) -> None:
    """Nothing to do is no error."""
    assert [] == ids_in(text)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("", None, "it is empty", id="nothing at all"),
        pytest.param("\n name,when\nx,1", 2, "no column named id", id="a table without ids"),
        pytest.param("id,session_id\na,b", 1, "more than one column", id="two columns that could be meant"),
        pytest.param('id\n"a', 2, "not a table", id="a quote that does not end"),
        pytest.param("[1]", None, "item 1", id="a number in JSON"),
        pytest.param('["a", {"name": "b"}]', None, "item 2", id="an object without an id"),
        pytest.param('[{"id": "a", "session_id": "b"}]', None, "item 1", id="an object with two"),
        pytest.param('{"id": "a"}', None, "a JSON list", id="no list"),
        pytest.param("[", None, "is not JSON", id="half a list"),
    ],
)
def test_a_text_that_is_no_list_of_ids_is_refused(text: str, line: int | None, words: str) -> None:
    """With its place, and why."""
    place, message = refused(text)

    assert ("ids.txt", line) == place
    assert words in message


@pytest.mark.parametrize(
    "id",
    [
        "../subscriptions/1", "..", ".", "a/b", "a\\b", "a%2fb", "a?b", "a#b", "a b", "a\x00b", "ä", '"a"', "-",
        "x" * 201, "ana@example.com", "phx_abcdefghijklmnopqrstuvwx",
    ],
)  # fmt: skip
def test_what_cannot_be_an_id_is_refused_with_its_line(id: str) -> None:
    """Tricks with paths, other people's words, keys and addresses: a server may answer 204 to any of them."""
    place, _ = refused(f"a\n{id}\nb\n")

    assert ("ids.txt", 2) == place


@pytest.mark.parametrize("id", ["x" * 200, "018f3c2e-0000-7000-8000-000000000001", "17d8-0b.5_x~y:z=+", "a..b"])
def test_what_can_be_an_id_is_taken_as_it_is(id: str) -> None:
    """The server does not want UUIDs, whatever the page says (contract §9.1)."""
    assert Asked((id,)) == asked([Entry(id)])


def test_an_empty_id_is_refused() -> None:
    """On the command line, and in a row of a table that has other cells."""
    place, message = refused("name,id\nx,a\ny\n")

    assert (("ids.txt", 3), True) == (place, "an id is empty" in message)
    with pytest.raises(InvalidInput):
        asked([Entry("")])


def test_a_key_or_an_address_is_not_repeated() -> None:
    """What was pasted by mistake does not end in a log."""
    told = refused("phx_abcdefghijklmnopqrstuvwx")[1] + refused("ana@example.com")[1]

    assert [False, False] == [secret in told for secret in ("phx_abc", "ana@")]


def test_every_id_that_cannot_be_one_is_told_up_to_twenty() -> None:
    """And how many more there are: a wrong file has one in every line."""
    with pytest.raises(InvalidInput) as caught:
        asked(Entry("/", "f", line) for line in range(1, 31))

    assert [*range(1, 21), None] == [problem.line for problem in caught.value.problems]
    assert "and 10 more" in str(caught.value.problems[-1].message)


def test_duplicates_are_left_out_and_counted() -> None:
    """In the order of first mention."""
    assert Asked(("b", "a"), duplicates=3) == asked(
        [Entry(each) for each in "babbb"][:2] + [Entry(each) for each in "aba"]
    )


# --- what is said before ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "effect"),
    [
        (None, Effect.UNKNOWN),
        ({"id": 1, "title": "x"}, Effect.TOMBSTONE),
        ({"id": 1, "enabled": True}, Effect.UNKNOWN),
        ({"id": 1, "enabled": True, "resource_type": "insight"}, Effect.UNKNOWN),
        ({"id": 1, "enabled": True, "resource_type": "insight", "delivery_config": {}}, Effect.SHREDDING),
    ],
)
def test_a_row_tells_what_a_deletion_does(row: dict[str, Any] | None, effect: Effect) -> None:
    """Only of the oldest and the newest servers it is known (contract §9.1)."""
    assert effect is effect_of(row)


@pytest.mark.parametrize(
    ("many", "seconds", "words"),
    [(0, 0, "0 minutes"), (200, 0, "0 minutes"), (201, 60, "1 minute"), (1200, 300, "5 minutes"),
     (1201, 3600, "60 minutes"), (5000, 14400, "4 hours")],
)  # fmt: skip
def test_how_long_it_takes_follows_the_servers_limits(many: int, seconds: int, words: str) -> None:
    """200 a minute, and 1200 an hour (contract §2.5)."""
    assert (seconds, words) == (seconds_for(many), in_words(seconds))


def test_the_announcement_counts_and_names_the_place() -> None:
    """How many, where, how many are done or came twice, and which ids are odd."""
    asked = Asked((SHARED, "b"), duplicates=1)
    said = announcement(HERE, asked, Effect.TOMBSTONE, done=3, timeout=600)

    assert "2 session recordings to erase in production, project 12345 on https://us.posthog.com." == said[0]
    assert "3 more are done by an earlier run and not sent again." == said[1]
    assert "1 duplicate left out: every id is sent once." == said[2]
    assert "Not UUIDs, as ids mostly are: 1 id (b)." == said[-1]


@pytest.mark.parametrize(
    ("effect", "words"),
    [(Effect.TOMBSTONE, "tombstone"), (Effect.SHREDDING, "nobody can ever bring"), (Effect.UNKNOWN, "cannot be told")],
)
def test_the_announcement_says_what_the_server_does(effect: Effect, words: str) -> None:
    """A tombstone, permanent shredding, or that it cannot be told."""
    assert words in announcement(HERE, Asked((SHARED,)), effect, done=0, timeout=600)[1]


def test_a_list_that_takes_longer_than_the_run_may_is_told_with_the_way_out() -> None:
    """1200 an hour (contract §2.5); --timeout or --journal."""
    said = announcement(HERE, Asked(tuple(f"r{number}" for number in range(2000))), Effect.UNKNOWN, done=0, timeout=600)

    assert "about 63 minutes" in said[-1]
    assert "--timeout 4380, or --journal FILE" in said[-1]


# --- sharing --------------------------------------------------------------------------------------------------------


def test_a_token_means_something_only_while_the_recording_is_shared() -> None:
    """Else it is made up for each answer, and thrown away (contract §9.2)."""
    answer = {"created_at": "2026-02-01T10:30:00Z", "enabled": True, "access_token": "secret"}

    assert Sharing("a", True, "2026-02-01T10:30:00Z", Token("secret")) == Sharing.of("a", answer)
    assert Sharing("a", False) == Sharing.of("a", answer | {"enabled": False})


@pytest.mark.parametrize("answer", [[], {}, {"enabled": None}, {"enabled": "true"}, None])
def test_an_answer_that_does_not_say_whether_is_no_answer(answer: object) -> None:
    """Never taken for not shared."""
    with pytest.raises(ValueError, match="does not say"):
        Sharing.of("a", answer)


def test_a_token_is_masked_however_it_is_formatted() -> None:
    """In text, in tracebacks, inside the state it belongs to."""
    state = Sharing("a", True, None, Token("secret"))

    assert "secret" not in f"{state} {state!r} {state.token} {state.token!r}"


# --- recordings delete ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["seed", "latest"])
def test_recordings_are_erased(gitops: Tree, run: Run, sandbox: Sandbox, profile: str) -> None:
    """204 in both generations; one document on standard output."""
    sandbox.reset(profile)
    ran = run("recordings", "delete", SHARED, PRIVATE, "--yes", "-f", "json")

    assert (0, "posthog-reconciler/recordings/v1") == (ran.code, ran.json["format"])
    assert {SHARED: "erased", PRIVATE: "erased"} == fates(ran)
    assert [SHARED, PRIVATE] == sandbox.recordings(deleted=True)


def test_what_is_gone_already_counts_as_done(gitops: Tree, run: Run) -> None:
    """404 on the second run, and exit 0: the same list again finishes it."""
    run("recordings", "delete", SHARED, "--yes")
    ran = run("recordings", "delete", SHARED, PRIVATE, "--yes", "-f", "json")

    assert (0, {SHARED: "gone", PRIVATE: "erased"}) == (ran.code, fates(ran))


def test_the_text_is_a_summary(gitops: Tree, run: Run) -> None:
    """What is done is counted; the rest would be listed."""
    run("recordings", "delete", SHARED, "--yes")

    assert "production: 1 erased, 1 already gone.\n" == run("recordings", "delete", SHARED, PRIVATE, "--yes").out


def test_where_nobody_can_answer_a_yes_is_needed(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Exit 3 after the count was shown; nothing was sent."""
    ran = run("recordings", "delete", SHARED, PRIVATE)

    assert (3, "", []) == (ran.code, ran.out, deleted(sandbox))
    assert "2 session recordings to erase in production, project 1" in ran.err
    assert "--yes" in ran.err


def test_where_standard_input_is_closed_nobody_can_answer(gitops: Tree, sandbox: Sandbox) -> None:
    """As some schedulers start a command."""
    command = f"{sys.executable} -m reconciler recordings delete one <&-"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, check=False, env=os.environ | {"PYTHONPATH": ROOT}
    )

    assert (3, []) == (done.returncode, deleted(sandbox))


def at_terminal(*arguments: str, answer: str) -> tuple[int, bytes, str]:
    """The exit code, standard output, and what stood on the terminal of a person who answers *answer*."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reconciler", *arguments]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"PYTHONPATH": ROOT}
    )
    os.close(theirs)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(ours, 1024)
    os.write(ours, answer.encode())
    out, _ = process.communicate(timeout=30)
    os.close(ours)
    return process.returncode, out, seen.decode()


@pytest.mark.parametrize(("answer", "code", "erased"), [("y\n", 0, [SHARED]), ("n\n", 3, []), ("\n", 3, [])])
def test_on_a_terminal_a_person_is_asked(
    gitops: Tree, sandbox: Sandbox, answer: str, code: int, erased: list[str]
) -> None:
    """The count stands above the question; only a yes erases."""
    ended, _, seen = at_terminal("recordings", "delete", SHARED, answer=answer)

    assert (code, erased) == (ended, sandbox.recordings(deleted=True))
    assert "1 session recording to erase" in seen


def test_ids_come_from_arguments_files_and_standard_input(gitops: Tree, sandbox: Sandbox) -> None:
    """All of them together, each id once."""
    gitops.write("ids.csv", "who,session_id\nx,two\ny,one\n")
    gitops.write("ids.json", '["three"]')
    sources = ("one", "-", "--from-file", "ids.csv", "--from-file", "ids.json")
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "recordings", "delete", *sources, "--yes", "-f", "json"],
        input=b"four\none\n",
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": ROOT},
    )

    assert (2, sorted(["one", "two", "three", "four"])) == (json.loads(done.stdout)["duplicates"], deleted(sandbox))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "name their ids", id="none at all"),
        pytest.param(["--from-file", "nowhere"], "nowhere: cannot be read", id="no such file"),
        pytest.param(["--from-file", "."], ".: cannot be read", id="a folder"),
        pytest.param(["--from-file", "latin"], "latin: error: not UTF-8", id="not UTF-8"),
        pytest.param(["a", "../x"], '"../x" cannot be the id', id="a path"),
    ],
)
def test_bad_lists_end_with_1_before_anything_is_sent(
    gitops: Tree, run: Run, sandbox: Sandbox, arguments: list[str], words: str
) -> None:
    """Not even the project is looked at."""
    (gitops.folder / "latin").write_bytes("ä".encode("latin-1"))
    ran = run("recordings", "delete", *arguments, "--yes")

    assert (1, []) == (ran.code, sandbox.requests())
    assert words in ran.err


def test_a_list_that_is_empty_is_nothing_to_do(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Exit 0 without a yes and without a request."""
    gitops.write("ids.json", "[]")
    ran = run("recordings", "delete", "--from-file", "ids.json")

    assert (0, "production: nothing to erase.\n", []) == (ran.code, ran.out, sandbox.requests())


def test_a_list_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """A disk image named by mistake does not fill the memory."""
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(errands.SIZE_LIMIT + 1)

    with pytest.raises(UsageError, match="too large"):
        errands.gather([], [str(path)], bytes)


def test_some_that_fail_end_with_4(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """The others are erased; the reason and the HTTP facts are told."""
    sandbox.faults.add(Fault("status", method="DELETE", path="/two/", status=400, json={"type": "validation_error"}))
    ran = run("recordings", "delete", "one", "two", "three", "--yes", "-f", "json")

    assert (4, {"one": "erased", "two": "failed", "three": "erased"}) == (ran.code, fates(ran))
    failed = ran.json["outcomes"][1]
    assert (400, "validation_error", 1) == (failed["error"]["status"], failed["error"]["type"], failed["attempts"])


def test_what_is_not_done_is_listed_with_its_reason(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """And that the same list again does the rest."""
    sandbox.reset("latest", flags=["recording-failure"])
    ran = run("recordings", "delete", "one", "--yes")

    assert 1 == ran.code
    assert "failed  one: the server could not erase it (500 recording_api_failure)" in ran.out
    assert ran.out.endswith("production: 1 failed.\nThe same list again does the rest.\n")


def test_an_answer_that_was_lost_is_asked_for_again(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """The recording was erased, the second answer is a 404: done."""
    sandbox.faults.add(Fault("drop", method="DELETE", phase="after"))
    ran = run("recordings", "delete", "one", "--yes", "-f", "json")

    assert (0, {"one": "gone"}, ["one", "one"]) == (ran.code, fates(ran), deleted(sandbox))


def test_a_key_that_may_not_erase_ends_the_run(gitops: Tree, run: Run, sandbox: Sandbox, variables: Variables) -> None:
    """Exit 1 naming the scope; the rest is not sent, for it would be refused alike."""
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.read_key})
    ran = run("recordings", "delete", "one", "two", "three", "--parallel", "1", "--yes", "-f", "json")

    assert (1, {"one": "failed", "two": "skipped", "three": "skipped"}) == (ran.code, fates(ran))
    assert "session_recording:write" in ran.json["outcomes"][0]["reason"]
    assert ["one"] == deleted(sandbox)


def test_a_project_that_is_not_there_is_an_error_and_nothing_counts_as_gone(
    gitops: Tree, run: Run, sandbox: Sandbox
) -> None:
    """A wrong number answers 404 to everything."""
    ran = run("recordings", "delete", "one", "--project-id", "4711", "--yes", "-f", "json")

    assert (1, "posthog-reconciler/error/v1", []) == (ran.code, ran.json["format"], deleted(sandbox))
    assert "there is no project 4711" in ran.json["errors"][0]["message"]


@pytest.mark.parametrize("scope", ["subscription:read", "sharing_configuration:read"])
def test_either_reading_scope_proves_the_project(
    gitops: Tree, run: Run, sandbox: Sandbox, variables: Variables, scope: str
) -> None:
    """The page has no read for session_recording:write, so another one is tried; a 404 then counts."""
    run("recordings", "delete", "one", "--yes")
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.new_key(("session_recording:write", scope))})
    ran = run("recordings", "delete", "one", "--yes", "-f", "json")

    assert (0, {"one": "gone"}) == (ran.code, fates(ran))


def test_a_404_does_not_count_while_nothing_proves_the_project(
    gitops: Tree, run: Run, sandbox: Sandbox, variables: Variables
) -> None:
    """A key that may only erase: failed, with the way out, announced before."""
    run("recordings", "delete", "one", "--yes")
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.new_key(("session_recording:write",))})
    ran = run("recordings", "delete", "one", "--yes", "-f", "json")

    assert (1, {"one": "failed"}) == (ran.code, fates(ran))
    assert "subscription:read" in ran.json["outcomes"][0]["reason"]
    assert "cannot be told from a wrong project" in ran.err


def test_a_recording_that_is_erased_proves_the_project_for_earlier_404s(
    gitops: Tree, run: Run, sandbox: Sandbox, variables: Variables
) -> None:
    """What came back 404 before the first 204 is gone after all, and stands in the journal."""
    run("recordings", "delete", "one", "--yes")
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.new_key(("session_recording:write",))})
    ran = run("recordings", "delete", "one", "two", "--parallel", "1", "--yes", "-f", "json", "--journal", "j")

    assert (0, {"one": "gone", "two": "erased"}) == (ran.code, fates(ran))
    assert {"one", "two"} == {json.loads(line)["id"] for line in Path("j").read_text().splitlines()[1:]}


@pytest.mark.parametrize(
    ("profile", "effect", "words"),
    [("seed", "tombstone", "marks a recording as deleted"), ("latest", "shredding", "destroys the recording's key")],
)
def test_it_says_what_the_server_does(
    gitops: Tree, run: Run, sandbox: Sandbox, profile: str, effect: str, words: str
) -> None:
    """As one subscription of it tells the generation, read before anything is erased."""
    sandbox.reset(profile)
    sandbox.add(insight=4)
    ran = run("recordings", "delete", "one", "--yes", "-f", "json")

    assert effect == ran.json["effect"]
    assert words in ran.err


def test_it_says_that_it_cannot_be_told_what_the_server_does(gitops: Tree, run: Run) -> None:
    """No subscription to look at."""
    ran = run("recordings", "delete", "one", "--yes", "-f", "json")

    assert "unknown" == ran.json["effect"]
    assert "cannot be told" in ran.err


def test_the_journal_makes_it_go_on_where_it_ended(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Ids that are done are not sent again; the file is its owner's alone."""
    sandbox.faults.add(Fault("status", method="DELETE", path="/two/", status=400, json={}))
    first = run("recordings", "delete", "one", "two", "--yes", "-f", "json", "--journal", "j.jsonl")
    sandbox.clear_requests()
    second = run("recordings", "delete", "one", "two", "--yes", "-f", "json", "--journal", "j.jsonl")

    assert (4, {"one": "erased", "two": "failed"}) == (first.code, fates(first))
    assert (0, {"one": "earlier", "two": "erased"}) == (second.code, fates(second))
    assert ["two"] == deleted(sandbox)
    assert 0o600 == stat.S_IMODE(Path("j.jsonl").stat().st_mode)


def test_a_journal_in_which_everything_is_done_needs_no_server(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Nothing to confirm, nothing to send."""
    run("recordings", "delete", "one", "--yes", "--journal", "j.jsonl")
    sandbox.clear_requests()
    ran = run("recordings", "delete", "one", "--journal", "j.jsonl")

    assert (0, "production: 1 done by an earlier run.\n", []) == (ran.code, ran.out, sandbox.requests())


def test_a_journal_of_another_project_is_refused(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Its recordings are others."""
    run("recordings", "delete", "one", "--yes", "--journal", "j.jsonl")
    ran = run(
        *("recordings", "delete", "one", "--yes", "--journal", "j.jsonl"),
        *("--project-id", str(sandbox.other_project_id)),
    )

    assert (1, ["one"]) == (ran.code, deleted(sandbox))
    assert "the journal of project 1 on" in ran.err


def test_a_busy_server_is_waited_for(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """A 429 with Retry-After is no failure while there is time."""
    sandbox.faults.add(Fault("status", method="DELETE", status=429, retry_after=1, json={}))
    ran = run("recordings", "delete", "one", "--yes", "-f", "json")

    assert (0, {"one": "erased"}, 2) == (ran.code, fates(ran), ran.json["outcomes"][0]["attempts"])


def test_a_server_that_is_busy_for_longer_than_the_run_may_take_ends_it(
    gitops: Tree, run: Run, sandbox: Sandbox
) -> None:
    """The hourly limit: the rest is skipped at once, naming --timeout; what was erased is in the journal."""
    sandbox.faults.add(Fault("status", method="DELETE", nth=2, count=None, status=429, retry_after=3000, json={}))
    ran = run(
        *("recordings", "delete", "one", "two", "three", "--parallel", "1", "--yes", "-f", "json"),
        *("--journal", "j", "--timeout", "20"),
    )

    assert (4, {"one": "erased", "two": "skipped", "three": "skipped"}) == (ran.code, fates(ran))
    assert "--timeout" in ran.json["outcomes"][2]["reason"]
    assert ["one"] == [json.loads(line)["id"] for line in Path("j").read_text().splitlines()[1:]]


def test_an_interrupt_finishes_what_is_in_flight_and_the_same_command_goes_on(
    gitops: Tree, run: Run, sandbox: Sandbox
) -> None:
    """Exit 130 with one outcome for every id; the journal has what was erased."""
    sandbox.faults.add(Fault("delay", method="DELETE", count=None, seconds=0.4))
    names = [f"r{number}" for number in range(40)]
    options = ["recordings", "delete", *names, "--yes", "-f", "json", "--journal", "j", "--parallel", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": ROOT},
    )
    # Not by asking the sandbox, which on a busy machine may answer only when it has nothing else to do.
    journal = Path("j")
    while not journal.exists() or len(journal.read_text(encoding="utf-8").splitlines()) < 4:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    document = json.loads(out)
    sandbox.faults.clear()
    again = run(*options)

    assert (130, True, 40) == (process.returncode, document["interrupted"], len(document["outcomes"]))
    erased = [outcome["id"] for outcome in document["outcomes"] if outcome["status"] == "erased"]
    assert set(erased) == {id for id, fate in fates(again).items() if fate == "earlier"}
    assert (0, len(names)) == (again.code, len(deleted(sandbox)))


def test_several_are_erased_at_once(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Eight that take half a second each take one second and not four."""
    sandbox.faults.add(Fault("delay", method="DELETE", count=None, seconds=0.5))
    begun = time.monotonic()
    ran = run("recordings", "delete", *"abcdefgh", "--yes", "--parallel", "4")

    assert (0, list("abcdefgh")) == (ran.code, deleted(sandbox))
    assert time.monotonic() - begun < 3


def test_no_more_are_sent_in_a_minute_than_the_server_takes(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """200, one look at the project among them, of 240 (contract §2.5); a run that has no second minute says so."""
    gitops.write("ids.txt", "\n".join(f"r{number}" for number in range(210)))
    ran = run("recordings", "delete", "--from-file", "ids.txt", "--yes", "--timeout", "45", "-f", "json")

    assert (4, 199, 11) == (ran.code, ran.json["summary"]["erased"], ran.json["summary"]["skipped"])
    assert 199 == len(deleted(sandbox))


def test_progress_is_shown_on_a_terminal_and_taken_away(gitops: Tree, sandbox: Sandbox) -> None:
    """From the second second on; standard output has only the result."""
    sandbox.faults.add(Fault("delay", method="DELETE", count=None, seconds=0.6))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reconciler", "recordings", "delete", "a", "b", "c", "--yes", "--parallel", "1"]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"PYTHONPATH": ROOT}, check=True
    )
    os.close(theirs)
    seen = os.read(ours, 4096).decode()
    os.close(ours)

    assert b"production: 3 erased.\n" == done.stdout
    assert "erasing: 3 of 3" in seen
    assert seen.endswith("\r\x1b[K")


def test_a_command_for_one_project_wants_one_environment(tree: Tree, run: Run, variables: Variables) -> None:
    """It never erases in all of them; -e picks one."""
    variables({"POSTHOG_PERSONAL_API_KEY": "phx_x"})
    head = "apiVersion: posthog-reconciler/v1\nkind: Config\nnamespace: growth\nenvironments:\n"
    places = "  one: {host: 'http://127.0.0.1:1', project_id: 1}\n  two: {host: 'http://127.0.0.1:1', project_id: 2}\n"
    tree.write("reconciler.yaml", head + places)
    commands = (
        ["recordings", "delete", "x", "--yes"],
        ["recordings", "sharing", "x"],
        ["sessions", "values", "--key", "x"],
    )
    ran = [run(*command) for command in commands]
    picked = run("recordings", "sharing", "x", "-e", "two", "--timeout", "0.1")

    assert [1, 1, 1] == [each.code for each in ran]
    assert [True] * 3 == ["choose one of one, two with --env" in each.err for each in ran]
    assert "--env" not in picked.err


def test_manifests_that_are_wrong_do_not_keep_anybody_from_erasing(gitops: Tree, run: Run) -> None:
    """They have nothing to do with it; nor is any PATH wanted where there is no config."""
    gitops.manifest("weekly", frequncy="daily")

    assert 0 == run("recordings", "delete", "one", "--yes").code


def test_a_project_needs_no_config(tree: Tree, run: Run, url: str, sandbox: Sandbox, variables: Variables) -> None:
    """The variables say where."""
    variables({"POSTHOG_HOST": url, "POSTHOG_PROJECT_ID": "1", "POSTHOG_PERSONAL_API_KEY": sandbox.key})

    assert "default: 1 erased.\n" == run("recordings", "delete", "one", "--yes").out


# --- recordings sharing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["seed", "latest"])
def test_sharing_says_which_are_shared_and_since_when(gitops: Tree, run: Run, sandbox: Sandbox, profile: str) -> None:
    """Read by a client that cannot write; ids that never were are not shared."""
    sandbox.reset(profile)
    ran = run("recordings", "sharing", SHARED, PRIVATE, "never-was", "-f", "json")

    assert {
        "format": "posthog-reconciler/recording-sharing/v1",
        "recordings": [
            {"id": SHARED, "enabled": True, "created_at": "2026-02-01T10:30:00Z"},
            {"id": PRIVATE, "enabled": False, "created_at": None},
            {"id": "never-was", "enabled": False, "created_at": None},
        ],
    } == {key: value for key, value in ran.json.items() if key != "environment"}
    assert {"GET"} == {request.method for request in sandbox.requests()}


def test_sharing_is_a_table(gitops: Tree, run: Run) -> None:
    """One row a recording."""
    lines = run("recordings", "sharing", SHARED, PRIVATE).out.splitlines()

    assert [
        ["RECORDING", "SHARED", "SINCE"],
        [SHARED, "yes", "2026-02-01T10:30:00Z"],
        [PRIVATE, "no", "-"],
    ] == [line.split() for line in lines]


@pytest.mark.parametrize("format", ["text", "json"])
def test_the_token_is_never_written(gitops: Tree, run: Run, format: str) -> None:
    """It is a secret: whoever has it can watch. Not where --show-token finds no person either."""
    plain = run("recordings", "sharing", SHARED, "-f", format)
    asked = run("recordings", "sharing", SHARED, "-f", format, "--show-token")

    assert (0, 1) == (plain.code, asked.code)
    assert not [text for text in (plain.out, plain.err, asked.out, asked.err) if "shared-token" in text]


def test_a_person_on_a_terminal_can_ask_for_the_token(gitops: Tree) -> None:
    """What the server answers for a recording that is not shared is random, and is not shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reconciler", "recordings", "sharing", SHARED, PRIVATE, "--show-token"]
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"PYTHONPATH": ROOT}
    done = subprocess.run(command, stdout=theirs, env=environment, check=True)
    os.close(theirs)
    lines = os.read(ours, 4096).decode().splitlines()
    os.close(ours)

    assert 0 == done.returncode
    assert ["TOKEN", "shared-token-1-of-the-sandbox", "-"] == [line.split()[-1] for line in lines]


def test_sharing_needs_its_scope_and_says_so(gitops: Tree, run: Run, sandbox: Sandbox, variables: Variables) -> None:
    """Exit 1 naming it."""
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.new_key(("subscription:read",))})
    ran = run("recordings", "sharing", SHARED)

    assert 1 == ran.code
    assert "sharing_configuration:read" in ran.err


def test_many_are_read_at_once(gitops: Tree, run: Run, sandbox: Sandbox) -> None:
    """Sixteen that take 0.3 seconds each take less than half of what they would one by one."""
    sandbox.faults.add(Fault("delay", path="sharing", count=None, seconds=0.3))
    begun = time.monotonic()
    ran = run("recordings", "sharing", *"abcdefghijklmnop", "-f", "json")

    assert list("abcdefghijklmnop") == [each["id"] for each in ran.json["recordings"]]
    assert time.monotonic() - begun < 2.4
    assert threading.active_count() < 40
