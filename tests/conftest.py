"""What tests share: a sandbox that is the server, and the command line run as a person runs it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from reconciler.cli import main
from reconciler.sandbox import Sandbox

# Examples are the same on every machine, so that a red test stays red; more of them on request.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command ended with and wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document it must be."""
        return json.loads(self.out)


Run = Callable[..., Ran]

# Its weekday is three days from now: a delivery that is near is a finding, and no test may depend on the hour it is
# run at.
START = f"2026-01-{5 + (datetime.now(UTC).weekday() + 3) % 7:02}T09:00:00Z"


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder of manifests that a test writes to."""

    folder: Path

    def write(self, path: str, text: str) -> Path:
        """Write *text* to *path* in the folder."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def manifest(self, name: str, *, metadata: str = "", **spec: Any) -> Path:
        """Write the manifest *name*: a weekly e-mail to ana, with *spec* on top of it (None takes a field away)."""
        usual: dict[str, Any] = {
            "title": name.title(),
            "insight": 4,
            "target_type": "email",
            "target_value": ["ana@example.com"],
            "frequency": "weekly",
            "start_date": START,
        }
        fields = {key: value for key, value in (usual | spec).items() if value is not None}
        lines = [f"  {key}: {json.dumps(value)}" for key, value in fields.items()]
        head = f"apiVersion: posthog-reconciler/v1\nkind: Subscription\nmetadata:\n  name: {name}\n{metadata}spec:\n"
        return self.write(f"subscriptions/{name}.yaml", head + "\n".join(lines) + "\n")

    def config(self, host: str, project_id: int, *, more: str = "") -> Path:
        """Write a config with one environment, production."""
        return self.write(
            "reconciler.yaml",
            "apiVersion: posthog-reconciler/v1\nkind: Config\nnamespace: growth\nmanifests: [subscriptions]\n"
            f"environments:\n  production: {{host: '{host}', project_id: {project_id}}}\n{more}",
        )


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An empty server of the seed page, in this process."""
    server = Sandbox("seed")
    yield server
    server.close()


@pytest.fixture
def url(sandbox: Sandbox) -> Iterator[str]:
    """The address under which the sandbox listens."""
    with sandbox.serve() as server:
        yield server.url


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """An empty folder, and the current one."""
    monkeypatch.chdir(tmp_path)
    return Tree(tmp_path)


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    """Sets environment variables, having taken away what the machine has of ours."""
    for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY", "CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def put(values: Mapping[str, str]) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], variables: Callable[[Mapping[str, str]], None]) -> Run:
    """Runs a command line in this process, without a terminal."""

    def call(*arguments: str) -> Ran:
        capfd.readouterr()
        code = main(arguments)
        written = capfd.readouterr()
        return Ran(code, written.out, written.err)

    return call


@pytest.fixture
def gitops(tree: Tree, url: str, sandbox: Sandbox, variables: Callable[[Mapping[str, str]], None]) -> Tree:
    """A folder with a config for the sandbox, and its key in the environment."""
    variables({"POSTHOG_PERSONAL_API_KEY": sandbox.key})
    tree.config(url, sandbox.project_id)
    tree.write("host.txt", url)
    return tree
