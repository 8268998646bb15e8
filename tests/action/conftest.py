"""What the tests of the action share: the tools of a session, a GitHub, and a rig with a PostHog behind it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox
from tests.action.github import GitHub
from tests.action.history import History
from tests.action.rig import Rig, Toolbox
from tests.conftest import START


@pytest.fixture(scope="session")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Toolbox:
    """The tools of this session, made by the first of its processes that needs them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "toolbox"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "filled").exists():
            box = Toolbox.filled(folder)
            (folder / "filled").touch()
            return box
    return Toolbox.at(folder)


@pytest.fixture
def github() -> Iterator[GitHub]:
    """An empty repository on a GitHub of our own."""
    with GitHub() as server:
        yield server


@pytest.fixture
def rig(toolbox: Toolbox, tmp_path: Path, github: GitHub, sandbox: Sandbox, url: str) -> Rig:
    """A repository on that GitHub whose secrets lead to the sandbox; main has a config and no manifest yet."""
    return rig_on(toolbox.hurried, tmp_path, github, sandbox, url)


def rig_on(toolbox: Toolbox, folder: Path, github: GitHub, sandbox: Sandbox, url: str) -> Rig:
    """A rig whose repository has a config for the sandbox at *url*."""
    history = History.begin(folder, github.server_url)
    keys = {"plan": sandbox.new_key(["subscription:read"]), "production": sandbox.key}
    secrets = {name: {"POSTHOG_PERSONAL_API_KEY": key} for name, key in keys.items()}
    rig = Rig(toolbox, folder, github, history, secrets)
    history.commit({"reconciler.yaml": config(url, sandbox.project_id)}, message="Begin")
    return rig


def config(url: str, project_id: int) -> str:
    """A config with one environment, production, on the server at *url*."""
    return (
        "apiVersion: posthog-reconciler/v1\nkind: Config\nnamespace: growth\nmanifests: [subscriptions]\n"
        f"environments:\n  production: {{host: '{url}', project_id: {project_id}}}\n"
    )


def manifest(name: str, *, to: str = "ana@example.com", title: str | None = None, insight: int = 4) -> dict[str, str]:
    """The file of one weekly e-mail, by its path."""
    return {
        f"subscriptions/{name}.yaml": (
            "apiVersion: posthog-reconciler/v1\nkind: Subscription\n"
            f"metadata:\n  name: {name}\nspec:\n  title: {title or name.title()!r}\n  insight: {insight}\n"
            f"  target_type: email\n  target_value: [{to}]\n  frequency: weekly\n  start_date: {START}\n"
        )
    }
