"""The sandbox as a process, its control over HTTP, and its page: the command, loopback only, keys, files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from reconciler.cli.tools import sandbox as command
from reconciler.errors import UsageError
from reconciler.sandbox import DATABASE_UNAVAILABLE, FLAGS, PROFILES, Fault, Rules, Sandbox, run
from reconciler.sandbox.control import DEEDS
from reconciler.sandbox.loopback import is_local
from reconciler.sandbox.remote import RemoteSandbox
from tests.sandbox.support import BODY, Api, mixed
from tests.yardstick import seconds

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", "--json"]


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox in a process of its own."""

    process: subprocess.Popen[str]
    facts: dict[str, Any]
    seconds: float

    def get(self, path: str = "/api/projects/1/subscriptions/", **headers: str) -> httpx.Response:
        """GET with its key, where it told one."""
        return httpx.get(self.facts["url"] + path, headers={"Authorization": f"Bearer {self.facts['key']}", **headers})

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code after a signal."""
        self.process.send_signal(number)
        self.process.communicate(timeout=10)
        return self.process.returncode


def started(*options: str) -> Running:
    """A sandbox that has said where it is."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    return Running(process, json.loads(process.stdout.readline()), time.monotonic() - began)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """One process for the tests that only need any."""
    sandbox = started("--profile", "latest", "--rows", "3", "--flag", "no-retry-after")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def remote(running: Running) -> Iterator[RemoteSandbox]:
    """That process, fresh, through the client for it."""
    client = RemoteSandbox(running.facts["url"])
    client.reset()
    yield client
    client.close()


def test_it_says_where_it_is(running: Running) -> None:
    """The first line is JSON with everything a client needs."""
    assert {"url", "project_id", "key", "profile"} == running.facts.keys()
    assert 3 == running.get().json()["count"]


def test_it_starts_in_under_two_seconds() -> None:
    """On a machine that is busy with other tests, the quickest of a few starts."""

    def start() -> float:
        sandbox = started()
        sandbox.stop()
        return sandbox.seconds

    assert any(start() < seconds(2) for _ in range(5))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_gracefully(number: signal.Signals) -> None:
    """Exit code 0 on both signals."""
    assert 0 == started().stop(number)


def test_text_gives_three_lines_to_paste() -> None:
    """Host, project and key, as a shell wants them."""
    said: list[str] = []

    def stop_at_once(text: str) -> None:
        said.append(text)
        signal.raise_signal(signal.SIGTERM)

    run(port=0, echo=stop_at_once)

    lines = dict(line.removeprefix("export ").split("=", 1) for line in said[0].splitlines() if "export" in line)
    assert ["POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY"] == list(lines)
    assert lines["POSTHOG_HOST"].startswith("http://127.0.0.1:")
    assert lines["POSTHOG_PERSONAL_API_KEY"].startswith("phx_")


def test_a_file_keeps_rows_and_keys_and_shows_a_key_once(tmp_path: Path) -> None:
    """The second start tells no key, the old one still works, and the file does not hold it."""
    file = tmp_path / "sandbox.db"
    first = started("--db", str(file))
    httpx.post(
        first.facts["url"] + "/api/projects/1/subscriptions/",
        json=dict(BODY),
        headers={"Authorization": f"Bearer {first.facts['key']}"},
    )
    first.stop()
    second = started("--db", str(file))
    status = second.get(Authorization=f"Bearer {first.facts['key']}").json()["count"]
    second.stop()

    assert (None, 1) == (second.facts["key"], status)
    assert first.facts["key"].encode() not in file.read_bytes()


def test_a_new_key_can_be_had_for_a_file(tmp_path: Path) -> None:
    """--new-key makes another one; the old one goes on."""
    file = tmp_path / "sandbox.db"
    first = Sandbox(database=file)
    first.close()
    second = started("--db", str(file), "--new-key")

    assert 200 == second.get().status_code
    assert 200 == second.get(Authorization=f"Bearer {first.key}").status_code
    second.stop()


def test_two_sandboxes_cannot_share_a_file(tmp_path: Path) -> None:
    """The second is told why it cannot start."""
    first = Sandbox(database=tmp_path / "sandbox.db")

    with pytest.raises(UsageError, match="another sandbox uses this file"):
        run(port=0, database=tmp_path / "sandbox.db")
    first.close()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "every address": ({"host": "0.0.0.0"}, "not loopback"),  # noqa: S104  # which is what is refused
    "another machine's": ({"host": "192.0.2.1"}, "not loopback"),
    "a name": ({"host": "example.com"}, "not loopback"),
    "an address that is not ours": ({"host": "192.0.2.1", "insecure_bind": True}, "cannot listen"),
    "unknown profile": ({"profile": "newest"}, "no profile 'newest'"),
    "unknown flag": ({"flags": ("fast",)}, "no flag 'fast'"),
    "number for a flag without": ({"flags": ("no-throttle:7",)}, "take a number"),
    "faults file missing": ({"faults_file": "nowhere.json"}, "not a JSON list of faults"),
    "folder missing": ({"database": "no/such/folder/sandbox.db"}, "unable to open"),
}


@pytest.mark.parametrize(("options", "words"), **mixed(REFUSED))
def test_what_cannot_be_is_refused_with_words(options: dict[str, Any], words: str) -> None:
    """Before anything listens."""
    with pytest.raises(UsageError, match=words):
        run(**{"port": 0, "echo": pytest.fail, **options})


def test_from_python_too_only_loopback_is_bound_to() -> None:
    """Unless it is meant."""
    sandbox = Sandbox()

    with pytest.raises(ValueError, match="not loopback"):
        sandbox.serve(host="0.0.0.0")  # noqa: S104  # which is what is refused
    with sandbox.serve(host="0.0.0.0", insecure_bind=True) as server:  # noqa: S104
        assert 401 == httpx.get(f"http://127.0.0.1:{server.port}/api/projects/1/subscriptions/").status_code
    sandbox.close()


def test_a_file_survives_a_kill_and_a_change_of_profile(tmp_path: Path) -> None:
    """What was answered is stored, and what the seed server made is shown by a later one."""
    file = tmp_path / "sandbox.db"
    first = started("--db", str(file), "--rows", "2")
    headers = {"Authorization": f"Bearer {first.facts['key']}"}
    body = {**BODY, "target_type": "webhook", "dashboard": None}
    httpx.post(first.facts["url"] + "/api/projects/1/subscriptions/", json=body, headers=headers)
    first.stop(signal.SIGKILL)

    second = Sandbox("latest", database=file)
    with Api(second) as api:
        rows = api.get(key=first.facts["key"]).json()["results"]

    assert ["webhook", "email", "email"] == [row["target_type"] for row in rows]
    second.close()


def test_the_help_explains_every_flag() -> None:
    """Nobody need read the source to learn what can be switched."""
    said = CliRunner().invoke(command, ["--help"]).output

    assert [] == [name for name in FLAGS if f"  {name} " not in said]


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """It is refused, not overwritten."""
    file = tmp_path / "notes.txt"
    file.write_text("these are my notes, and they are not a database" * 100, encoding="utf-8")

    with pytest.raises(UsageError, match="not a sandbox database"):
        run(port=0, database=file)
    assert file.read_text(encoding="utf-8").startswith("these are my notes")


def test_faults_can_come_from_a_file(tmp_path: Path) -> None:
    """On from the start."""
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([DATABASE_UNAVAILABLE.to_json()]), encoding="utf-8")
    sandbox = started("--faults", str(file))

    assert [503, 200] == [sandbox.get().status_code, sandbox.get().status_code]
    sandbox.stop()


def test_errors_of_the_command_go_to_stderr_with_exit_1() -> None:
    """One line, no traceback."""
    done = subprocess.run(
        [*COMMAND, "--host", "0.0.0.0"],  # noqa: S104  # which is what is refused
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip

    assert (1, "", 1) == (done.returncode, done.stdout, len(done.stderr.splitlines()))


def test_importing_the_sandbox_does_not_import_django() -> None:
    """Only making one does."""
    is_there = "print('django' in sys.modules)"
    code = f"import sys, reconciler.sandbox as s; {is_there}; s.Sandbox(); {is_there}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )

    assert ["False", "True"] == done.stdout.split()


def test_one_sandbox_after_another_and_two_at_once() -> None:
    """Each has its own rows and keys, closed, abandoned or alive."""
    first, second = Sandbox(), Sandbox("latest")
    first.add()
    assert ([1, 0], 401) == ([len(first.rows()), len(second.rows())], Api(second).get(key=first.key).status_code)
    first.close()
    first.close()

    third = Sandbox()
    third.add()
    assert (1, 0) == (len(third.rows()), len(second.rows()))
    second.close()
    third.close()


def test_the_seed_decides_what_is_random() -> None:
    """Same seed, same rows; another seed, others."""
    made = [[row["title"] for row in Sandbox(seed=seed, rows=5).rows()] for seed in (1, 1, 2)]

    assert made[0] == made[1] != made[2]


def test_keys_are_never_decided_by_the_seed() -> None:
    """A key that can be guessed is none."""
    assert Sandbox(seed=1).key != Sandbox(seed=1).key


def test_the_remote_has_every_method_of_the_control(remote: RemoteSandbox) -> None:
    """Rows, edits, the scheduler, messages, requests, faults, clock, recordings, keys, from another process."""
    remote.set_now(datetime(2026, 3, 2, 8, tzinfo=UTC))
    row = remote.add(title="by hand", dashboard=42, target_value="ana@x.example,bo@x.example", notify=True)
    remote.edit(row["id"], title="edited")
    remote.unsubscribe(row["id"], "bo@x.example")

    assert ("edited", "ana@x.example") == ((now := remote.row(row["id"]))["title"], now["target_value"])
    assert ["ana@x.example", "bo@x.example"] == [message.recipient for message in remote.outbox()]
    assert "schedule" in {message.why for message in remote.tick(datetime(2026, 3, 2, 9, tzinfo=UTC))}
    assert datetime(2026, 3, 2, 9, tzinfo=UTC) == remote.now
    remote.disable(row["id"])
    remote.remove_dashboard(42)
    remote.restore_dashboard(42)
    remote.remove_insight(1)
    remote.restore_insight(1)
    remote.remove_integration(1)
    remote.remove_user(2)
    remote.add_recording("mine")
    assert "mine" in remote.recordings()
    assert 4 == len(remote.rows(deleted=False))
    assert [] == remote.rows(project=2)
    remote.forget(row["id"])
    assert 3 == len(remote.rows())
    with pytest.raises(ValueError, match="no subscription"):
        remote.row(row["id"])


def test_the_remote_sees_requests_and_sets_faults(running: Running, remote: RemoteSandbox) -> None:
    """What a test of a real client process needs."""
    fault = Fault("status", status=418)
    remote.faults.add(fault)
    assert [fault] == remote.faults.all()

    key = remote.new_key(("subscription:read",), projects=[remote.project_id])
    statuses = [running.get(Authorization=f"Bearer {key}").status_code for _ in range(2)]

    assert [418, 200] == statuses == [request.status for request in remote.requests()]
    remote.faults.clear()
    remote.clear_requests()
    remote.clear_outbox()
    assert ([], [], []) == (remote.faults.all(), remote.requests(), remote.outbox())


def test_the_remote_can_do_whatever_the_control_can() -> None:
    """No deed is missing, and each is a method of the sandbox in this process too."""
    assert [] == [name for name in DEEDS if not hasattr(RemoteSandbox, name) or not hasattr(Sandbox, name)]


def test_the_remote_changes_the_profile(remote: RemoteSandbox) -> None:
    """State tells what is played."""
    remote.reset("seed", flags=["plan-limit:2"])

    state = remote.state()
    assert ("seed", ["plan-limit"], 1) == (state["profile"], state["flags"], state["project_id"])


# What is sent to the control that no honest caller sends, and the status.
CONTROL_REFUSED: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "another host": ("GET", "/_sandbox/rows", {"headers": {"Host": "evil.example"}}, 403),
    "another host with port": ("GET", "/_sandbox/rows", {"headers": {"Host": "evil.example:80"}}, 403),
    "through a proxy": ("GET", "/_sandbox/rows", {"headers": {"X-Forwarded-For": "192.0.2.1"}}, 403),
    "the page of another host": ("GET", "/", {"headers": {"Host": "evil.example"}}, 403),
    "a form": ("POST", "/_sandbox/reset", {"data": {"profile": "seed"}}, 400),
    "plain text": ("POST", "/_sandbox/reset", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 400),
    "a list": ("POST", "/_sandbox/reset", {"json": []}, 400),
    "broken json": ("POST", "/_sandbox/reset", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    "an unknown deed": ("POST", "/_sandbox/close", {"json": {}}, 404),
    "an unknown parameter": ("POST", "/_sandbox/reset", {"json": {"banana": 1}}, 400),
    "an unknown profile": ("POST", "/_sandbox/reset", {"json": {"profile": "banana"}}, 400),
    "a wrong fault": ("POST", "/_sandbox/faults", {"json": {"faults": [{"effect": "explode"}]}}, 400),
    "no number": ("GET", "/_sandbox/row?row_id=x", {}, 400),
    "a wrong moment": ("POST", "/_sandbox/tick", {"json": {"now": "soon"}}, 400),
    "a moment that is a number": ("POST", "/_sandbox/set_now", {"json": {"moment": 5}}, 400),
    "a flag that is a number": ("POST", "/_sandbox/reset", {"json": {"flags": [1]}}, 400),
    "a fault that is a number": ("POST", "/_sandbox/faults", {"json": {"faults": [5]}}, 400),
    "a row with a wrong date": ("POST", "/_sandbox/add", {"json": {"start_date": "soon"}}, 400),
    "a row about nothing there": ("POST", "/_sandbox/add", {"json": {"dashboard": 9999}}, 400),
    "a row without a channel": ("POST", "/_sandbox/add", {"json": {"target_type": None}}, 400),
    "a row that hangs": ("POST", "/_sandbox/add", {"json": {"frequency": "daily", "interval": 0}}, 400),
    "a host after an address": ("GET", "/_sandbox/rows", {"headers": {"Host": "[::1].evil.example"}}, 403),
}


@pytest.mark.parametrize(("method", "path", "options", "status"), **mixed(CONTROL_REFUSED))
def test_the_control_refuses_others_and_nonsense(
    running: Running, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    """This machine only, by peer and by Host; JSON only; nothing breaks."""
    assert status == httpx.request(method, running.facts["url"] + path, **options).status_code


PEERS: dict[str, tuple[dict[str, str], bool]] = {
    "this machine": ({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8010"}, True),
    "by name": ({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost"}, True),
    "version six": ({"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8010"}, True),
    "another machine": ({"REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "127.0.0.1"}, False),
    "a rebound name": ({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "evil.example"}, False),
    "a name that looks local": ({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost.evil.example"}, False),
    "a name after an address": ({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "[::1].evil.example"}, False),
    "a port that is none": ({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:80.evil.example"}, False),
    "an address in a name": ({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1.evil.example"}, False),
    "no host": ({"REMOTE_ADDR": "127.0.0.1"}, False),
    "no peer": ({"HTTP_HOST": "localhost"}, False),
    "forwarded": ({"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost", "HTTP_FORWARDED": "for=192.0.2.1"}, False),
}


@pytest.mark.parametrize(("environ", "local"), **mixed(PEERS))
def test_who_counts_as_local(environ: dict[str, str], local: bool) -> None:
    """Peer and Host must both be this machine, with nothing in between."""
    assert local == is_local(environ)


class Tags(HTMLParser):
    """The names of the tags on a page."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # the base class's
        """Note one."""
        self.names.append(tag)


def test_the_page_shows_everything_and_escapes_it(seed: Api) -> None:
    """Rows, outbox and requests; markup in titles and addresses stays text, and no other script may run."""
    before = Tags()
    before.feed(seed.http.get("http://localhost/").text)
    evil = "<script>alert(1)</script><img src=x onerror=y>\"'&amp;"
    seed.new(title=evil[:100], target_value=evil)
    seed.get(f"/api/projects/1/subscriptions/?{evil}")
    response = seed.http.get("http://localhost/")
    after = Tags()
    after.feed(response.text)

    assert (before.names.count("script"), 0) == (after.names.count("script"), after.names.count("img"))
    assert "&lt;script&gt;" in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "/api/projects/1/subscriptions/" in response.text


def test_the_page_shows_no_secret(latest: Api) -> None:
    """Of a Teams URL the host; of what looks like a key nothing."""
    latest.new(target_type="teams", target_value="https://a.webhook.office.com/secret", title="phx_secret")
    page = latest.http.get("http://localhost/").text

    assert "a.webhook.office.com" in page
    assert "secret" not in page


def test_the_page_holds_the_newest_hundred(seed: Api) -> None:
    """And says how many there are."""
    for number in range(102):
        seed.sandbox.add(title=f"row number {number}")
    page = seed.http.get("http://localhost/").text

    assert "102, the newest 100 shown" in page
    assert "row number 101<" in page
    assert "row number 1<" not in page


def test_the_page_is_not_in_the_log(seed: Api) -> None:
    """Only the API is."""
    seed.http.get("http://localhost/")
    seed.http.get("http://localhost/_sandbox/state")

    assert [] == seed.sandbox.requests()


def test_every_flag_can_be_switched() -> None:
    """On in one profile, off in the other."""
    for name in FLAGS:
        assert Rules.of("seed", (name,)).has(name)
        assert not Rules.of("latest", (f"-{name}",)).has(name)
    assert set(PROFILES["latest"]) <= set(FLAGS)
