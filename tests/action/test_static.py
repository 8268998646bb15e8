"""The action, the workflows and what is written about them, judged without running them, and without the network."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from action import main as entry
from tests.action.rig import ACTION, for_act, tool
from tests.action.strict import read_action

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples/workflows").glob("*.yml"))
WORKFLOWS = [*EXAMPLES, *sorted((ROOT / ".github/workflows").glob("*.yml"))]
AUDITED = [ROOT / "action.yml", *WORKFLOWS]
METADATA = read_action(ROOT)
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/ci.md")}
USES = re.compile(r"^ *(?:- )?uses: (.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def text_of(path: Path) -> str:
    """What *path* says."""
    return path.read_text(encoding="utf-8")


def ran(*command: str, given: str | None = None) -> str:
    """What *command* prints; it must succeed."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd=ROOT)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """The code blocks of the pages in *language*, each with its page."""
    for name, page in PAGES.items():
        for block in re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
            yield name, block


def shown_yaml() -> Iterator[tuple[str, str]]:
    """Everything in YAML that is shown to people: the examples and the blocks of the pages."""
    yield from ((path.name, text_of(path)) for path in WORKFLOWS)
    yield from blocks("yaml")


def steps(document: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping with `uses` or `run` anywhere in *document*."""
    if isinstance(document, dict):
        if "uses" in document or "run" in document:
            yield document
        for value in document.values():
            yield from steps(value)
    elif isinstance(document, list):
        for value in document:
            yield from steps(value)


def scripts() -> Iterator[tuple[str, str]]:
    """Every shell script in the action and the workflows, with a name."""
    for path in AUDITED:
        for number, step in enumerate(steps(yaml.safe_load(text_of(path)))):
            if "run" in step:
                yield f"{path.name}:{number}", step["run"]


def audit(*files: Path | str) -> int:
    """The exit code of zizmor over *files*: 0, or 11 to 14 by the severity of the worst that it found."""
    command = [tool("zizmor"), "--offline", "--persona=auditor", "--strict-collection", "--format=plain"]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.returncode


# --- audited --------------------------------------------------------------------------------------------------------


def test_nothing_is_found_by_zizmor() -> None:
    """Not even as its auditor, who would rather complain once too often."""
    command = [tool("zizmor"), "--offline", "--persona=auditor", "--strict-collection", "--collect=all"]

    ran(*command, *map(str, AUDITED), ".github/dependabot.yml", ".pre-commit-hooks.yaml")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("plan.yml", "persist-credentials: false", "persist-credentials: true"),
        ("plan.yml", "  pull_request:\n", "  pull_request_target:\n"),
        ("plan.yml", "pull-requests: write # the comment", "pull-requests: write"),
        ("apply.yml", "permissions: {}\n", ""),
        ("apply.yml", "    environment: production # holds the key that can write, for main only\n", ""),
        ("drift.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7"),
        (
            "drift.yml",
            "      - uses: posthog",
            "      - run: echo ${{ github.event.issue.title }}\n      - uses: posthog",
        ),
    ],
)
def test_zizmor_would_find_what_is_planted(tmp_path: Path, name: str, old: str, new: str) -> None:
    """So that a clean audit says something."""
    text = text_of(ROOT / "examples/workflows" / name)
    (planted := tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")

    assert old in text
    assert audit(planted) >= 11


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_workflow_fits_the_schema(path: Path) -> None:
    """GitHub's schema as SchemaStore keeps it."""
    ran(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(path))


def test_the_action_and_dependabot_fit_their_schemas() -> None:
    """GitHub's schemas as SchemaStore keeps them."""
    ran(tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml"))
    ran(tool("check-jsonschema"), "--builtin-schema", "vendor.dependabot", str(ROOT / ".github/dependabot.yml"))


@pytest.mark.parametrize(("name", "script"), list(scripts()))
def test_every_script_passes_shellcheck(name: str, script: str) -> None:
    """As bash, which is what runs it."""
    ran(tool("shellcheck"), "--shell=bash", "-", given=script)


# --- the action -----------------------------------------------------------------------------------------------------


def test_the_action_uses_no_other_and_pastes_nothing_into_a_script() -> None:
    """No `uses:`, no `${{ }}` in `run:`; read_action refuses both, and this says so once more."""
    for step in METADATA["runs"]["steps"]:
        assert "uses" not in step
        assert "${{" not in step["run"]


def test_the_libraries_are_installed_from_wheels_with_hashes() -> None:
    """Into a folder of their own, by a pip that imports nothing of the repository."""
    install, run = METADATA["runs"]["steps"]

    assert " -I -m pip install " in install["run"]
    assert {"--target", "--require-hashes", "--only-binary", "--no-deps"} <= set(install["run"].split())
    assert 'exec "$RECONCILER_ACTION_PYTHON" -I "$GITHUB_ACTION_PATH/action/main.py"' == run["run"]


def test_every_input_reaches_the_command() -> None:
    """By a variable of its own, which main.py turns into the option of the same name."""
    given = METADATA["runs"]["steps"][1]["env"]
    own = {"python": "RECONCILER_ACTION_PYTHON", "github-token": "GITHUB_TOKEN"}
    expected = {
        own.get(name, entry.PREFIX + name.upper().replace("-", "_")): f"${{{{ inputs.{name} }}}}"
        for name in METADATA["inputs"]
    }

    assert expected | {"RECONCILER_ACTION_LIBRARIES": "${{ steps.install.outputs.folder }}"} == given
    assert {"command", "args", *entry.OPTIONS} == set(METADATA["inputs"]) - set(own)


def test_every_output_is_the_commands() -> None:
    """Each is read from the step that runs, under its own name."""
    for name, declared in METADATA["outputs"].items():
        assert f"steps.run.outputs.{name}" in declared["value"]


def test_the_marketplace_would_take_it() -> None:
    """It wants a name, a description, and an icon and a colour of its lists."""
    assert {"name", "description", "author", "branding"} <= set(METADATA)
    assert METADATA["branding"] == {"icon": "mail", "color": "orange"}
    assert len(METADATA["description"]) <= 125


# --- the workflows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "text"), list(shown_yaml()))
def test_every_action_is_pinned_to_a_commit_and_says_its_version(name: str, text: str) -> None:
    """Forty hexadecimal digits and a comment; our own workflows may use the action beside them."""
    found = USES.findall(text)

    unpinned = [use for use in found if not PINNED.fullmatch(use) and not use.startswith("./ ")]

    assert [] == unpinned


@pytest.mark.parametrize(("name", "text"), list(shown_yaml()))
def test_every_input_and_output_that_is_shown_exists(name: str, text: str) -> None:
    """Of our action, in every workflow and on every page."""
    ours = [step for step in steps(yaml.safe_load(text)) if str(step.get("uses", "")).startswith((f"{ACTION}@", "./"))]
    ids = {step["id"] for step in ours if "id" in step}
    read = {output for id, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", text) if id in ids}

    assert {key for step in ours for key in step.get("with", {})} <= set(METADATA["inputs"])
    assert read <= set(METADATA["outputs"])


def test_the_page_names_every_input_and_output_with_its_default() -> None:
    """The two tables of docs/ci.md are what action.yml says."""
    rows = re.findall(r"^\| `([a-z-]+)` \| ?(.*?) ?\|", PAGES["docs/ci.md"], re.MULTILINE)
    defaults = {name: value.strip("`") for name, value in rows}
    outputs = re.findall(r"`([a-z-]+)`", " ".join(re.findall(r"^\| (`.*?) \|", PAGES["docs/ci.md"], re.MULTILINE)))
    declared = {name: str(each.get("default", "")) for name, each in METADATA["inputs"].items()}

    assert declared | {"github-token": "the job's"} == {name: defaults[name] for name in declared}
    assert set(METADATA["outputs"]) <= set(outputs)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plan", {"contents": "read", "pull-requests": "write"}),
        ("apply", {"contents": "read", "pull-requests": "write"}),
        ("drift", {"contents": "read", "issues": "write"}),
    ],
)
def test_an_example_asks_for_the_least(name: str, expected: Mapping[str, str]) -> None:
    """Nothing at the top, and in its only job what its command needs."""
    workflow = yaml.safe_load(text_of(ROOT / f"examples/workflows/{name}.yml"))
    (job,) = workflow["jobs"].values()

    assert {} == workflow["permissions"]
    assert expected == job["permissions"]


def test_only_apply_has_the_environment_with_the_key_that_writes() -> None:
    """Plan and drift hold the key that reads, and make no deployment of it."""
    jobs = {path.stem: next(iter(yaml.safe_load(text_of(path))["jobs"].values())) for path in EXAMPLES}

    reading = {"name": "plan", "deployment": False}
    assert {"apply": "production", "drift": reading, "plan": reading} == {
        name: job["environment"] for name, job in jobs.items()
    }


def test_apply_and_drift_take_turns_and_none_is_left_out() -> None:
    """One group, nothing cancelled, everything queued; a plan is for the newest commit only."""
    groups = {path.stem: yaml.safe_load(text_of(path))["concurrency"] for path in EXAMPLES}

    assert (
        groups["apply"] == groups["drift"] == {"group": "reconciler-live", "cancel-in-progress": False, "queue": "max"}
    )
    assert groups["plan"]["cancel-in-progress"] is True


def test_drift_does_not_run_at_the_full_hour() -> None:
    """Then GitHub is late, or skips."""
    (schedule,) = yaml.safe_load(text_of(ROOT / "examples/workflows/drift.yml"))[True]["schedule"]

    assert int(schedule["cron"].split()[0]) % 2 == 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_runs_where_strangers_meet_secrets(path: Path) -> None:
    """Neither pull_request_target nor workflow_run."""
    assert not {"pull_request_target", "workflow_run"} & set(yaml.safe_load(text_of(path))[True])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_what_act_runs_is_the_example(path: Path) -> None:
    """Only lines are left out, and only those of two keys; for_act looks at the rest itself."""
    whole, plain = text_of(path).splitlines(), for_act(text_of(path)).splitlines()

    assert {"queue: max", "deployment: false"} >= {line.strip() for line in whole if line not in plain}
    assert 1 <= len(whole) - len(plain) <= 2


def test_the_recipe_for_gitlab_fits_its_schema(tmp_path: Path) -> None:
    """GitLab's schema as SchemaStore keeps it."""
    (recipe,) = [block for _, block in blocks("yaml") if block.startswith("# .gitlab-ci.yml")]
    (path := tmp_path / ".gitlab-ci.yml").write_text(recipe, encoding="utf-8")

    ran(tool("check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", str(path))


def test_the_workflow_in_the_page_fits_the_schema(tmp_path: Path) -> None:
    """The one that hands the digest from job to job, with something that starts it."""
    (jobs,) = [block for _, block in blocks("yaml") if block.startswith("jobs:")]
    head = "name: both\non: push\npermissions: {}\nconcurrency: {group: live, queue: max, cancel-in-progress: false}\n"
    names = jobs.replace("  plan:\n", "  plan:\n    name: plan\n", 1).replace(
        "  apply:\n", "  apply:\n    name: apply\n", 1
    )
    (path := tmp_path / "both.yml").write_text(head + names, encoding="utf-8")

    ran(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(path))
    assert 0 == audit(path)


# --- the hook and the release ---------------------------------------------------------------------------------------


def test_the_hook_calls_a_command_that_is_there() -> None:
    """`reconciler validate`, once for the whole tree."""
    (hook,) = yaml.safe_load(text_of(ROOT / ".pre-commit-hooks.yaml"))

    assert ("reconciler-validate", "reconciler validate", "python") == (hook["id"], hook["entry"], hook["language"])
    assert hook["pass_filenames"] is False


def test_a_release_points_everything_that_is_shown_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`action/pin.py` leaves no other commit of ours behind."""
    from action import pin

    for path in pin.shown():
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text_of(path), encoding="utf-8")
    monkeypatch.setattr(pin, "ROOT", tmp_path)
    sha = "0123456789abcdef0123456789abcdef01234567"

    assert 0 == pin.main([sha, "v1.2.3"])
    shown = [line for path in pin.shown() for line in re.findall(rf"{ACTION}@.*", text_of(path))]
    assert {f"{ACTION}@{sha} # v1.2.3"} == set(shown)


@pytest.mark.parametrize("words", [["main", "v1.2.3"], ["0" * 40, "v1"], ["0" * 39, "v1.2.3"]])
def test_nothing_is_pointed_to_what_is_no_release(words: list[str]) -> None:
    """A branch, a short name of a commit, a tag that moves."""
    from action import pin

    assert 1 == pin.main(words)
