"""Every command that the README and the help pages show is run, and every command is documented."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from reconciler.cli.main import reconciler
from reconciler.sandbox import Sandbox
from tests.conftest import Run, Tree

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECORDING = "0190a6f2-7b2c-7c5e-9d61-1f2e3d4c5b6a"


def commands(group: click.Group = reconciler, *above: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield " ".join((*above, name)), command


def in_help() -> Iterator[str]:
    """The lines of every help page that show how to call the program."""
    for _, command in (*commands(), ("", reconciler)):
        for line in (command.help or "").splitlines():
            if re.search(r"(^|[=|&] ?\S* ?)reconciler ", line.strip()):
                yield line.strip()


def in_readme() -> Iterator[str]:
    """The lines of the README's code that call the program."""
    for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            plain = line.removeprefix("$ ").partition("   #")[0].strip()
            if plain.startswith("reconciler "):
                yield plain


def runs(line: str) -> list[list[str]]:
    """The calls that *line* makes of the program, without what the shell would do around them."""
    found = []
    for part in re.split(r"&&|\|", line.partition("#")[0]):
        words = shlex.split(part.partition(">")[0])
        while words and "=" in words[0]:
            words.pop(0)
        if words and words[0] == "reconciler":
            found.append(words[1:])
    return found


SHOWN = sorted({line.rpartition(":   ")[2].strip() for line in (*in_help(), *in_readme())})
SERVING = [line for line in SHOWN if line.startswith("reconciler sandbox")]


@pytest.fixture
def checkout(gitops: Tree, sandbox: Sandbox, run: Run) -> Tree:
    """A checkout with two commits, manifests, a key, a reviewed plan and recordings to erase."""
    for name in ("growth", "support"):
        gitops.manifest(name, insight=4 if name == "growth" else 5)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    steps = [["init", "-q"], ["add", "-A"], *[[*identity, "commit", "-q", "--allow-empty", "-m", "step"]] * 2]
    for step in [*steps, ["update-ref", "refs/remotes/origin/main", "HEAD"]]:
        subprocess.run(["git", *step], check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull})
    run("plan", "--out", "plan.json")
    gitops.write("erase.csv", f"id\n{RECORDING}\n")
    gitops.write("ids.txt", f"{RECORDING}\n")
    sandbox.reset(profile="latest")
    return gitops


@pytest.mark.parametrize("line", [line for line in SHOWN if line not in SERVING])
def test_a_command_that_is_shown_runs(
    checkout: Tree, sandbox: Sandbox, run: Run, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It parses and does its work: done, drift (2), or refused because there is nobody to ask (3), but no error."""
    digest = json.loads((checkout.folder / "plan.json").read_text(encoding="utf-8"))["digest"]
    source = checkout.write("stdin.txt", f"{RECORDING}\n")
    by_hand = sandbox.add(insight=9, title="Made by hand", target_type="email", target_value="ana@example.com")
    meant = dict.fromkeys(re.findall(r"sha256:\S+", line), digest) | {"4218": str(by_hand["id"])}
    for arguments in runs(line):
        with source.open(encoding="utf-8") as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            ran = run(*(meant.get(word, word) for word in arguments))
        assert ran.code in (0, 2, 3), ran.err


@pytest.mark.parametrize("line", SERVING)
def test_a_server_that_is_shown_starts_and_stops(line: str, tmp_path: Path) -> None:
    """It prints what to paste, and SIGTERM ends it well."""
    (arguments,) = runs(line)
    command = [sys.executable, "-m", "reconciler", *arguments, "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as server:
        assert server.stdout is not None
        assert "127.0.0.1" in server.stdout.readline()
        server.terminate()
        assert server.wait(timeout=20) == 0


def test_something_is_shown() -> None:
    """The search above finds what it is meant to find."""
    assert len(SHOWN) >= 20
    assert "reconciler plan --base origin/main" in SHOWN


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_is_in_the_readme(name: str) -> None:
    """A command that nobody can find might as well not be there."""
    assert f"`reconciler {name}" in README


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_and_option_has_help(name: str, command: click.Command) -> None:
    """`--help` says what each is for; the examples are run above."""
    assert command.help
    assert [] == [item.name for item in command.params if isinstance(item, click.Option) and not item.help]


def test_ci_calls_the_readmes_test_command() -> None:
    """What a stranger types is what is tested."""
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()

    assert {"python3 dev.py test", "python3 dev.py demo"} <= set(lines)
    assert "```sh\npython3 dev.py demo\n```" in README
    assert "```sh\npython3 dev.py test\n```" in README


def test_the_manifest_in_the_readme_is_valid(tree: Tree, run: Run) -> None:
    """With the config beside it, which is valid too."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    (config,) = [block for block in blocks if "kind: Config" in block]
    tree.write("reconciler.yaml", config)
    for number, block in enumerate(block for block in blocks if block != config):
        tree.write(f"subscriptions/{number}.yaml", block)
    ran = run("validate", "--format", "json")

    assert (ran.code, ran.json["errors"]) == (0, [])


def test_the_exit_codes_of_the_readme_are_all_there_are() -> None:
    """Design §6."""
    (paragraph,) = re.findall(r"^Exit codes: (.*?)\n\n", README, re.DOTALL | re.MULTILINE)

    assert re.findall(r"\*\*(\d+)\*\*", paragraph) == ["0", "1", "2", "3", "4", "130"]


def test_completion_is_there_for_the_shells() -> None:
    """The line of the README prints a script."""
    bash = shutil.which("bash")
    assert bash is not None
    for shell in ("bash", "zsh", "fish"):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "_RECONCILER_COMPLETE": f"{shell}_source"}
        done = subprocess.run(
            [sys.executable, "-c", "from reconciler.entry import main; main()"],
            capture_output=True,
            check=False,
            env=environment,
            text=True,
        )
        assert "_RECONCILER_COMPLETE" in done.stdout
