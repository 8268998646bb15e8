"""The action in the strict runner, in a checkout of its own beside a sandbox, as on a schedule or started by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from reconciler.sandbox import Sandbox
from tests.action.conftest import config
from tests.action.github import GitHub
from tests.action.history import History
from tests.action.rig import Toolbox
from tests.action.strict import Done, Machine, run_action


class Ground:
    """A checkout with a config and no manifest yet, and a machine that runs the action in it."""

    def __init__(self, toolbox: Toolbox, folder: Path, github: GitHub, sandbox: Sandbox, url: str) -> None:
        self.toolbox, self.folder, self.github, self.sandbox = toolbox, folder, github, sandbox
        self.history = History.begin(folder, github.server_url)
        self.workspace = self.history.folder
        self.write({"reconciler.yaml": config(url, sandbox.project_id)})

    def write(self, files: Mapping[str, str]) -> None:
        """Commit *files*."""
        self.history.commit(files)

    def run(self, *, key: str | None = None, event: str = "schedule", **inputs: str) -> Done:
        """Run the action; underscores in the names of inputs stand for hyphens."""
        temp = self.folder / "temp"
        temp.mkdir(exist_ok=True)
        (self.folder / "event.json").write_text(json.dumps({"schedule": "17 6 * * *"}), encoding="utf-8")
        variables = {
            **self.github.variables,
            "PATH": self.toolbox.path,
            "HOME": str(temp),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": "a" * 40,
            "GITHUB_RUN_ID": "1",
            "POSTHOG_PERSONAL_API_KEY": self.sandbox.key if key is None else key,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.toolbox.wheels),
        }
        machine = Machine(variables, {"token": self.github.token, "event_name": event}, self.workspace, temp)
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return run_action(self.toolbox.action, inputs=given, machine=machine)
