"""No key anywhere, and no address or secret URL but where design §6 says: every command, format, place and error.

Titles, messages and whatever else people write freely count, too: an address in them is masked like any other. The
paths of files and the ids that were asked for are shown as they are, for they are how a person finds the thing.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import click
import pytest

from reconciler.api import Budget, Run
from reconciler.errors import ReconcilerError
from reconciler.sandbox import Fault, Sandbox
from tests.canaries import (
    HOOK,
    OTHER_HOOK,
    PLACES,
    RECORDING,
    TEAMS,
    TOKEN,
    Call,
    Place,
    Stage,
    Wrote,
    address,
    formats,
)
from tests.ci.conftest import OURS, Machine, github, machine, manifest  # noqa: F401  # two are fixtures
from tests.test_docs import commands

COMMANDS: dict[str, click.Command] = dict(commands())

CALLS: Mapping[str, Sequence[Call]] = {
    "validate": [Call(), Call("subscriptions/listed.yaml --show-addresses")],
    "plan": [
        Call(),
        Call("--base then --out plan.json", allowed=("plan.json",)),
        Call(f"--base then --resubscribe {address('left')} --resubscribe {address('nobody')}"),
    ],
    "apply": [
        Call("--yes --base then --journal j.jsonl"),
        Call("--base then", codes=(3,), stdin="n\n"),
        Call("--plan plan.json --yes", prepare=lambda stage: stage.plan_file(), codes=(0, 3), allowed=("plan.json",)),
    ],
    "drift": [Call(codes=(2,))],
    "show": [Call("listed --base then"), Call("texted"), Call("secret"), Call("fresh")],
    "who": [Call(address(name)) for name in ("unmanaged", "group", "left", "nobody")],
    "offboard": [Call(f"{address('group')} --dry-run"), Call(address("list"), allowed=("subscriptions/listed.yaml",))],
    "import": [Call("--out imported", allowed=("imported/",)), Call(codes=(0, 1))],
    "recordings delete": [Call(f"{RECORDING} --yes --journal j.jsonl"), Call(RECORDING, codes=(3,), stdin="n\n")],
    "recordings sharing": [Call(RECORDING), Call("--from-file ids.txt")],
    # The servers of the documentation page open these two to no key.
    "sessions property-definitions": [Call(codes=(0, 1))],
    "sessions values": [Call("--key $channel_type", codes=(0, 1))],
    "schema": [Call(), Call("config")],
    "sandbox": [Call("--port no-port", codes=(1,))],
    "demo": [Call("--profile no-profile", codes=(1,))],
    "ci validate": [Call("--provider plain")],
    "ci plan": [Call("--provider plain --base then --output-folder out", codes=(0, 2), allowed=("out/plan.json",))],
    "ci apply": [Call("--provider plain --base then --reviewed-plan none --output-folder out", codes=(0, 4))],
    "ci drift": [
        Call("--provider plain --output-folder out", (0, 2), lambda stage: stage.commit(), allowed=("out/plan.json",))
    ],
}
"""Each command with the calls that are run in every format and place. A new command needs an entry here."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server and one checkout for all of them."""
    sandbox = Sandbox("latest")
    with sandbox.serve() as served, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if OURS.match(name)]:
            patch.delenv(name)
        yield Stage(tmp_path_factory.mktemp("canaries") / "work", served.url, sandbox, patch, "")
    sandbox.close()


@pytest.fixture
def stage(world: Stage) -> Stage:
    """The world as at the start."""
    world.restore(world.profile or "latest")
    return world


def test_every_command_has_its_calls() -> None:
    """A new command that nobody runs here would be one whose output nobody has looked at: add it to CALLS."""
    assert sorted(COMMANDS) == sorted(CALLS)


def test_the_canaries_are_seen_where_they_may_be(stage: Stage) -> None:
    """Else their absence elsewhere would mean nothing."""
    shown = stage.run("plan", "--base", "then", place=PLACES[0]).out

    assert ["zq7left", "zq7new"] == [name for name in ("zq7left", "zq7new", "zx9hook") if name in shown]
    assert stage.leaks(f"{TOKEN} {HOOK} {TEAMS} {stage.sandbox.key} {address('x')}", addresses=False)


PROFILES = ("latest", "seed")


def cases() -> Iterator[Any]:
    """Every command with its calls, formats and places."""
    for profile, (name, calls) in product(PROFILES, CALLS.items()):
        for number, call in enumerate(calls):
            for format, place in product(formats(COMMANDS[name]) if name in COMMANDS else (), PLACES):
                # Places only matter where a person may sit: to text; an older server only to what is said of it.
                if place.name == "pipe" or (format in ("text", None) and profile == "latest"):
                    told = f"{profile} {name} {number} {format} {place.name}"
                    yield pytest.param(name, call, format, place, profile, id=told)


@pytest.mark.parametrize(("name", "call", "format", "place", "profile"), list(cases()))
def test_no_canary_is_where_none_may_be(
    stage: Stage, name: str, call: Call, format: str | None, place: Place, profile: str
) -> None:
    """Not on standard output, on standard error, nor in any file that the command writes."""
    stage.restore(profile)
    call.prepare(stage)
    before = stage.files()
    wrote = stage.run(*name.split(), *call.words.split(), *asked(format), place=place, stdin=call.stdin)

    assert wrote.code in call.codes, wrote
    assert [] == leaked(stage, wrote, format, place, shown="--show-addresses" in call.words)
    for path, text in stage.written(before):
        assert [] == stage.leaks(text, addresses=path.startswith(call.allowed) if call.allowed else False), path


def asked(format: str | None) -> Sequence[str]:
    """The option that asks for *format*."""
    return () if format is None else ("--format", format)


def leaked(stage: Stage, wrote: Wrote, format: str | None, place: Place, *, shown: bool = False) -> list[str]:
    """The canaries that may not be where they are."""
    out = stage.leaks(wrote.out, addresses=shown or place.shows_addresses(format))
    return out + [f"stderr: {found}" for found in stage.leaks(wrote.err, addresses=False)]


# --- words of the command line ----------------------------------------------------------------------------------------

KEY = "phx_zx9typed0123456789abcdefghijklmnopqrstuvwx"
TYPED_URL = "https://hooks.example.com/services/zx9typed"
TYPED_TOKEN = "zx9Typ3dAbCdEfGhIjKlMnOpQrStUv"
WORDS = (address("typed"), KEY, TYPED_URL, TYPED_TOKEN)
"""What somebody may type, or paste, where it does not belong: an address, a key, a URL, a token."""

SAID_BACK = {
    **dict.fromkeys(product(["recordings delete", "recordings sharing"], ["ids", None]), (TYPED_TOKEN,)),
    ("sessions values", "key"): (address("typed"), TYPED_URL, TYPED_TOKEN),
    ("import", "out"): (address("typed"), TYPED_URL, TYPED_TOKEN, KEY),
}
"""Words that are what was asked for, and so the answer: ids, a property, the folder of files that were written."""

HELD_BACK = {"sandbox": ("--port", "no-port"), "demo": ("--profile", "no-profile")}
"""Bad words for commands that would serve, or take long, if all of theirs were good."""


def typed() -> Iterator[Any]:
    """Each place of each command where a word may be typed."""
    for name, command in COMMANDS.items():
        yield pytest.param(name, None, ["--no-such-option"], id=f"{name} an unknown option")
        yield pytest.param(name, None, [], id=f"{name} one word too many")
        if name.startswith("ci ") and name != "ci plan":
            continue  # they have the very same words
        for item in command.params:
            if isinstance(item, click.Argument):
                yield pytest.param(name, item.name, [], id=f"{name} {item.name}")
            elif isinstance(item, click.Option) and not item.is_flag:
                yield pytest.param(name, item.name, [item.opts[0]], id=f"{name} {item.opts[0]}")
    yield pytest.param("", None, [], id="no such command")
    yield pytest.param("recordings", None, [], id="no such command of a group")
    yield pytest.param("ci", None, [], id="no such command of ci")


@pytest.mark.parametrize(("name", "field", "option"), list(typed()))
def test_a_private_word_that_is_typed_in_the_wrong_place_is_not_repeated(
    stage: Stage, name: str, field: str | None, option: Sequence[str]
) -> None:
    """Neither by us nor by the library that reads the command line; with = and without, as text and as JSON."""
    many = ["one-word", "two-words"] if field is None and not option else []
    for word in WORDS:
        if word in SAID_BACK.get((name, field), ()):
            continue
        shapes = [[*option, word], *([[f"{option[0]}={word}"]] if option and word == KEY else [])]
        for shape, format in product(shapes, formats(COMMANDS[name]) if name in COMMANDS else [None]):
            # A machine may see addresses, and what is told to it is the same message.
            if format in (None, "text") or (format == "json" and word == KEY):
                words = [*name.split(), *asked(format), *many, *shape, *HELD_BACK.get(name, ())]
                wrote = stage.run(*words)
                stage.patch.chdir(stage.folder)
                assert [] == leaked(stage, wrote, format, PLACES[1]), words


@pytest.mark.parametrize("word", WORDS)
def test_a_private_word_in_the_environment_is_not_repeated(stage: Stage, word: str) -> None:
    """The variables that say where to go may hold a key that was pasted into the wrong one."""
    (stage.folder / "reconciler.yaml").unlink()
    for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY"):
        with stage.patch.context() as patch:
            patch.setenv("POSTHOG_HOST", stage.url)
            patch.setenv("POSTHOG_PROJECT_ID", "1")
            patch.setenv(name, word)
            wrote = stage.run("plan", "subscriptions", key=word if name.endswith("KEY") else None)
        assert [] == leaked(stage, wrote, "text", PLACES[1]), name


# --- what is wrong in the files ---------------------------------------------------------------------------------------

HEAD = "apiVersion: posthog-reconciler/v1\nkind: Subscription\nmetadata: {name: wrong}\n"
REST = "  frequency: weekly\n  start_date: 2026-01-05T09:00:00Z\n"
A, B = address("wrong"), address("other")


def spec(target: str, type: str = "email", more: str = "") -> str:
    """A manifest with *target* as its recipients."""
    return f"{HEAD}spec:\n  insight: 21\n  target_type: {type}\n  target_value: {target}\n{REST}{more}"


WRONG_MANIFESTS = {
    "two addresses as one": spec(f"[{A} {B}]"),
    "an address without a dot": spec("[zq7wrong@localhost]"),
    "an address in brackets": spec(f"['Wrong <{A}>']"),
    "an address as a group": spec(f"['@{A}']"),
    "an unknown group": spec(f"['@team', '@{A}']"),
    "the same address twice": spec(f"[{A}, {A}]"),
    "a list of lists": spec(f"[[{A}]]"),
    "a mapping": spec(f"{{{A}: {B}}}"),
    "text with a group": spec(f"'{A},@team'"),
    "an address in the place of a channel": spec(f"[{A}]", "slack"),
    "a URL in the place of a channel": spec(f"['{HOOK}']", "slack"),
    "a URL in the place of an address": spec(f"['{HOOK}']"),
    "a URL without encryption": spec(f"['{HOOK.replace('https', 'http')}']", "webhook"),
    "two URLs": spec(f"['{HOOK}', '{TEAMS}']", "webhook"),
    "a URL with a blank": spec(f"['{HOOK} x']", "teams"),
    "an address as the kind of target": spec(f"[{A}]", A),
    "a URL as the kind of target": spec(f"[{A}]", f"'{HOOK}'"),
    "an address as a date": spec(f"[{A}]").replace("2026-01-05T09:00:00Z", A),
    "a key as a date": spec(f"[{A}]").replace("2026-01-05T09:00:00Z", KEY),
    "an address as a number": spec(f"[{A}]").replace("insight: 21", f"insight: {A}"),
    "a key as a number": spec(f"[{A}]").replace("insight: 21", f"insight: {KEY}"),
    "an unknown field that is an address": spec(f"[{A}]", more=f"  {A}: 1\n"),
    "an unknown field that is a URL": spec(f"[{A}]", more=f"  '{HOOK}': 1\n"),
    "an address as a name": spec(f"[{A}]").replace("name: wrong", f"name: {A}"),
    "an address as an environment": spec(f"[{A}]").replace("name: wrong", f"name: wrong, environments: [{A}]"),
    "an address as a previous name": spec(f"[{A}]").replace("name: wrong", f"name: wrong, previousNames: [{A}]"),
    "an address as the version": spec(f"[{A}]").replace("/v1", f"/{A}"),
    "an address as the kind": spec(f"[{A}]").replace("kind: Subscription", f"kind: {A}"),
    "a version that is nearly ours": spec(f"[{A}]").replace("posthog-reconciler/v1", f"posthog-reconcilr/{A}"),
    "a tag that is an address": spec(f"!{A} [{A}]"),
    "a key that stands twice": spec(f"[{A}]", more=f"  '{A}': 1\n  '{A}': 2\n"),
    "a key that is no text": spec(f"[{A}]", more=f"  [{A}]: 1\n"),
    "no YAML at an address": spec(f"[{A}, {B}"),
    "no YAML at a URL": spec(f"'{HOOK}"),
    "not UTF-8": spec(f"[{A}]") + "# \udcff\n",
    "a long text": spec(f"'{A},{'x' * 300}{B}'"),
    "an address in a title that is too long": spec(f"[{A}]", more=f"  title: '{A} {'x' * 100}'\n"),
    "an address in a title with a tag": spec(f"[{A}]", more=f"  title: 'of {KEY} [growth:x]'\n"),
    "an address as a bool": spec(f"[{A}]", more=f"  deleted: {A}\n"),
    "an address as a message that is a list": spec(f"[{A}]", more=f"  invite_message: [{A}]\n"),
}
WRONG_CONFIGS = {
    "a group of two as one": f"recipients: {{team: ['{A} {B}']}}\n",
    "a group twice the same": f"recipients: {{team: [{A}, {A}]}}\n",
    "a group that is a text": f"recipients: {{team: '{A}'}}\n",
    "a group named like an address": f"recipients: {{team: [{B}], '{A}': [{B}]}}\n",
    "an unknown key": f"recipients: {{team: [{B}]}}\n'{A}': 1\n",
    "a key as a reference": f"recipients: {{team: [{B}]}}\nreferences: {{dashboards: {{a: {{production: {KEY}}}}}}}\n",
    "an unknown environment": f"recipients: {{team: [{B}]}}\nreferences: {{dashboards: {{a: {{'{A}': 1}}}}}}\n",
    "domains that are not allowed": f"recipients: {{team: [{B}]}}\npolicy: {{allowed_domains: [example.org]}}\n",
    "a domain that is an address": f"recipients: {{team: [{B}]}}\npolicy: {{allowed_domains: ['{A}']}}\n",
    "a host with a password": (
        f"recipients: {{team: [{B}]}}\nenvironments: {{x: {{host: 'https://zx9u:zx9p@h', project_id: 1}}}}\n"
    ),
}


@pytest.mark.parametrize("wrong", WRONG_MANIFESTS)
def test_what_is_wrong_in_a_manifest_is_told_without_what_is_private_in_it(stage: Stage, wrong: str) -> None:
    """By every command that reads manifests, in every format and place."""
    text = WRONG_MANIFESTS[wrong]
    (stage.folder / "subscriptions/wrong.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert_nothing_leaks(stage, ("validate", "plan"))


@pytest.mark.parametrize("wrong", WRONG_CONFIGS)
def test_what_is_wrong_in_a_config_is_told_without_what_is_private_in_it(stage: Stage, wrong: str) -> None:
    """By every command that reads one, in every format and place."""
    config = stage.folder / "reconciler.yaml"
    config.write_text(config.read_text().partition("recipients:")[0] + WRONG_CONFIGS[wrong])
    assert_nothing_leaks(stage, ("validate", "plan"))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in HELD_BACK and name != "schema"])
def test_every_command_tells_what_is_wrong_in_files_without_what_is_private(stage: Stage, name: str) -> None:
    """The same problems by whatever way: in the tree, and at the base where a command has one."""
    for number, text in enumerate(WRONG_MANIFESTS.values()):
        path = stage.folder / f"then/subscriptions/wrong{number}.yaml"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    words = CALLS[name][0].words.split()
    base = ("--base", "then") if any(item.name == "base" for item in COMMANDS[name].params) else ()
    for extra in (base, ()):
        for format in formats(COMMANDS[name]):
            for place in PLACES:
                wrote = stage.run(*name.split(), *words, *extra, *asked(format), place=place)
                assert [] == leaked(stage, wrote, format, place)
        for path in (stage.folder / "then/subscriptions").glob("wrong*"):
            (stage.folder / "subscriptions" / path.name).write_bytes(path.read_bytes())


def assert_nothing_leaks(stage: Stage, names: Sequence[str]) -> None:
    """No canary is where it may not be when these commands find what is wrong."""
    for name, place in product(names, PLACES):
        for format in formats(COMMANDS[name]):
            wrote = stage.run(name, *asked(format), place=place)
            assert [] == leaked(stage, wrote, format, place), (name, format, place)
            assert wrote.code == 1, wrote


# --- what a server says, and what nobody foresaw ----------------------------------------------------------------------

ECHO = f"{A} {HOOK} {KEY}"
"""What a server may repeat of what it was sent, or make up."""


def answers(key: str) -> Iterator[tuple[str, Fault]]:
    """Answers that repeat what is private: in every part of an envelope, and in none."""
    envelope = {"type": ECHO, "code": ECHO, "attr": A, "detail": f"no {ECHO} {key}"}
    for status in (400, 401, 402, 403, 404, 405, 409, 429, 500, 503):
        yield f"{status}", Fault("status", status=status, json=envelope, count=9 if status == 429 else None)
    yield "a list", Fault("status", status=400, json={"target_value": [ECHO, key]}, count=None)
    yield "HTML", Fault("status", status=400, html=f"<p>{ECHO} {key}</p>", count=None)
    yield "half of it", Fault("truncate", count=None)


READING = ["plan", "drift", "show", "who", "import", "recordings sharing", "ci plan", "ci drift", "sessions values"]
WRITING = ["apply", "recordings delete", "ci apply"]


@pytest.mark.parametrize(
    ("name", "methods"),
    [*((name, ["GET"]) for name in READING), *((name, ["POST", "PATCH", "DELETE"]) for name in WRITING)],
)
def test_what_a_server_repeats_is_not_repeated(
    stage: Stage, name: str, methods: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its reason, its code, its field, or in a page that is none of its own."""
    monkeypatch.setattr(Run, "pause", lambda run, _: run.check())  # nobody waits for a test,
    monkeypatch.setattr(Budget, "hold", lambda *_: None)  # and nobody is told to be silent
    call = CALLS[name][0]
    for what, fault in answers(stage.sandbox.key):
        # A reason is one message, whatever it is written in; each way to write is looked at once.
        for format in formats(COMMANDS[name]) if what == "400" else formats(COMMANDS[name])[:1]:
            stage.restore()
            for method in methods:
                stage.sandbox.faults.add(dataclasses.replace(fault, method=method))
            call.prepare(stage)
            before = stage.files()
            wrote = stage.run(*name.split(), *call.words.split(), *asked(format))
            assert [] == leaked(stage, wrote, format, PLACES[1]), what
            for path, text in stage.written(before):
                if not path.startswith(("imported/", *call.allowed)):
                    assert [] == stage.leaks(text, addresses=False), (what, path)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
@pytest.mark.parametrize("name", COMMANDS)
def test_what_nobody_foresaw_is_told_without_its_text(
    stage: Stage, name: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of ours may hold anything in its words, and in those of the one before it."""

    def fail(*_: Any, **__: Any) -> None:
        try:
            raise KeyError(ECHO)
        except KeyError as error:
            raise RuntimeError(f"{ECHO} {stage.sandbox.key}") from error

    monkeypatch.setattr(COMMANDS[name], "callback", fail)
    for format in formats(COMMANDS[name]):
        wrote = stage.run(*name.split(), *words_for(name), *asked(format), place=place)
        assert (1, []) == (wrote.code, leaked(stage, wrote, format, place))
        assert "RuntimeError" in wrote.out + wrote.err


def words_for(name: str) -> Sequence[str]:
    """A word for every argument and option that *name* cannot do without."""
    needed = [item for item in COMMANDS[name].params if item.required]
    return [word for item in needed for word in (([item.opts[0]] if isinstance(item, click.Option) else []) + ["1"])]


# --- values and errors ------------------------------------------------------------------------------------------------


def ours(found: object) -> bool:
    """Whether *found* is data or an error of the package, as opposed to plain text that it was made from."""
    kind = type(found)
    module = str(kind.__module__)
    is_ours = module.startswith("reconciler.") and not module.startswith("reconciler.sandbox")
    return is_ours and (dataclasses.is_dataclass(kind) or isinstance(found, BaseException))


FREE_TEXT = ("zq7title", "zq7message", "zq7hand")
"""Addresses in titles and messages, which are text: they are masked where a report shows them."""


class Watch:
    """Looks, whenever something is written, at everything that is there: how would a traceback or a log show it?"""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seen: set[str] = set()
        self.leaks: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Ask everything of ours for its texts."""
        for found in gc.get_objects():
            if ours(found):
                self.seen.add(type(found).__qualname__)
                for text in (repr(found), str(found)):
                    leaks = self.stage.leaks(text, addresses=False)
                    self.leaks |= {(type(found).__qualname__, leak) for leak in leaks if leak not in FREE_TEXT}


@pytest.mark.parametrize("name", sorted({"validate", *READING, *WRITING, "offboard"}))
def test_no_value_and_no_error_shows_what_it_holds(stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is alive when a command writes its result or its reason: by `repr` and by `str`, as debuggers do."""
    watch = Watch(stage)
    echo = click.echo

    def looked(*arguments: Any, **options: Any) -> None:
        watch.look()
        echo(*arguments, **options)

    monkeypatch.setattr(click, "echo", looked)
    for call in (CALLS[name][0], Call(f"{CALLS[name][0].words} --config nowhere.yaml"), *CALLS[name][1:]):
        stage.restore()
        call.prepare(stage)
        stage.run(*name.split(), *call.words.split(), place=PLACES[0], stdin=call.stdin)
    stage.restore()
    stage.sandbox.faults.add(Fault("status", status=403, json={"detail": ECHO}, count=None))
    stage.run(*name.split(), *CALLS[name][0].words.split())

    assert set() == watch.leaks
    assert {"Choice", "World"} <= watch.seen


def test_a_traceback_of_ours_shows_no_more_than_its_message(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with the errors that it came from, which an editor or a test run prints."""
    printed: list[str] = []
    failed = ReconcilerError.__init__

    def noted(error: ReconcilerError, *parts: Any) -> None:
        failed(error, *parts)
        printed.append("".join(traceback.format_exception(error)))

    monkeypatch.setattr(ReconcilerError, "__init__", noted)
    for text in WRONG_MANIFESTS.values():
        (stage.folder / "subscriptions/wrong.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
        stage.run("plan")
    stage.run("plan", "--config", A)
    stage.run("plan", "--base", KEY)
    stage.run("who", HOOK)

    assert len(printed) > len(WRONG_MANIFESTS)
    assert [] == [found for text in printed for found in stage.leaks(text, addresses=False)]


# --- GitHub -----------------------------------------------------------------------------------------------------------


def test_nothing_that_github_is_told_holds_a_canary(machine: Machine) -> None:  # noqa: F811  # the fixture
    """Comments, issues, annotations, log, summary and outputs of a plan, an apply, a drift and a failure."""
    secret = {"subscriptions/secret.yaml": spec(f"'{HOOK}'", "webhook").replace("wrong", "secret")}
    people = {**manifest("people", to=f"{address('list')}, {address('left')}"), **secret}
    machine.applied(people)
    mail, hook = (row["id"] for row in machine.sandbox.rows())
    machine.sandbox.unsubscribe(mail, address("left"))
    machine.sandbox.edit(hook, target_value=OTHER_HOOK)
    machine.propose(7, manifest("people", to=f"{address('list')}, {address('left')}, {address('new')}"))
    machine.propose(8, {"subscriptions/wrong.yaml": WRONG_MANIFESTS["two addresses as one"]})
    ran = [machine.pull_request(7), machine.pull_request(8), machine.pull_request(8, "validate")]
    ran += [machine.push(*machine.merge(7)), machine.scheduled("drift")]
    stage = Stage(machine.folder, "", machine.sandbox, machine.patch, secrets=[machine.sandbox.key])

    assert {0, 1} == {each.code for each in ran}
    told = [json.dumps(call.body) for call in machine.github.calls if call.body]
    assert len(told) >= 3
    for each in ran:
        # A runner takes the line with the key out of the log, and the key out of every line after it.
        log = [line for line in each.log.splitlines() if not line.startswith("::add-mask::")]
        told += [*log, each.summary, *each.outputs.values()]
        told += [path.read_text() for path in each.folder.parent.glob("temp/**/*.md")]
    assert [] == [leak for text in told for leak in stage.leaks(text, addresses=False)]
