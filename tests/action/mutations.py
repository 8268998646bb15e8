"""What would make the action unsafe, and the scene that must fail of it; `test_mutations.py` tries them all."""

from collections.abc import Callable
from typing import NamedTuple

from tests.action import scenes


class Edit(NamedTuple):
    """One place of the action, and what stands there instead."""

    file: str
    old: str
    new: str


class Mutation(NamedTuple):
    """Edits that take a rule away. *scene* takes a Rig, a Rig and a Sandbox, or a Ground, as its arguments say."""

    rule: str
    edits: tuple[Edit, ...]
    scene: Callable[..., None]


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "commands are stopped around what others wrote",
        (Edit("reconciler/ci/desk.py", 'self._echo(f"::stop-commands::{token}")', "pass"),),
        scenes.texts_are_no_commands,
    ),
    Mutation(
        "a comment is ours only if our own login wrote it",
        (
            Edit(
                "reconciler/ci/life.py",
                "return seen.comment.author == login and seen.marker.key == key",
                "return seen.marker.key == key",
            ),
        ),
        scenes.one_comment,
    ),
    Mutation(
        "every page of comments is read",
        (Edit("reconciler/forge/wire.py", "if following is None:", "if True:"),),
        scenes.one_comment,
    ),
    Mutation(
        "what is applied is compared with what was reviewed",
        (
            Edit(
                "reconciler/ci/review.py",
                "return Comparison(Likeness.DIFFERENT, tuple(found)) if found else Comparison(Likeness.LESS)",
                "return Comparison(Likeness.LESS)",
            ),
        ),
        scenes.a_stale_plan,
    ),
    Mutation(
        "a plan that was never reviewed is refused in the merge queue, too",
        (
            Edit(
                "reconciler/ci/deeds.py",
                "if setting.event.occasion is Occasion.MERGE_GROUP and is_sound",
                "if False",
            ),
        ),
        scenes.the_merge_queue,
    ),
    Mutation(
        "the program is started with -I, not found by PYTHONPATH",
        (
            Edit(
                "action.yml",
                'run: exec "$RECONCILER_ACTION_PYTHON" -I "$GITHUB_ACTION_PATH/action/main.py"',
                'run: PYTHONPATH="$GITHUB_ACTION_PATH" exec "$RECONCILER_ACTION_PYTHON" -m action.main',
            ),
        ),
        scenes.hostile_files_and_titles,
    ),
    Mutation(
        "pip is started with -I, and not among the files of the pull request",
        (
            Edit("action.yml", '        cd "$RUNNER_TEMP" || exit\n', ""),
            Edit("action.yml", '"$RECONCILER_ACTION_PYTHON" -I -m pip', '"$RECONCILER_ACTION_PYTHON" -m pip'),
        ),
        scenes.hostile_files_and_titles,
    ),
    Mutation(
        "a plan that is too long is shortened",
        (Edit("reconciler/report/fitting.py", "        if _fits(whole, limits):\n", "        if whole:\n"),),
        scenes.a_huge_plan,
    ),
    Mutation(
        "annotations are limited",
        (Edit("reconciler/report/github.py", "MOST_SHOWN = 10\n", "MOST_SHOWN = 50\n"),),
        scenes.annotations_are_limited,
    ),
    Mutation(
        "keys are masked",
        (Edit("reconciler/ci/desk.py", 'self._echo(f"::add-mask::{github.data(line)}")', "pass"),),
        scenes.keys_are_masked,
    ),
)
