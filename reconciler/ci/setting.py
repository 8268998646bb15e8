"""Where one run stands: its event, the base it compares with, what its pages link to, and the way to GitHub.

Reads the variables and the event's file of the build machine, and its clone. Knows nothing of plans.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path

from .. import loading
from ..errors import NoBase, ReconcilerError, UsageError
from ..forge import GitHub, Site
from ..loading import Choice
from ..model import Json, Plan
from ..pipeline import World
from ..privacy import Key
from ..report.comment import Context
from . import bases, events, review
from .bases import Exactly
from .checkout import Access, Checkout, Landed
from .events import Event, Occasion
from .inputs import Command, Inputs, Provider
from .talk import Talk

TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
"""The variable that holds the token for GitHub."""
NO_BASE = "none"
"""What `--base` takes to do without a base."""


@dataclass(frozen=True, slots=True)
class Setting:
    """All that a run knows before it reads a manifest.

    `inside` is where the paths of manifests begin in the clone; `talk` the way to GitHub, None where there is none;
    `writing` is called before the first write: from there on a signal must cost nobody an outcome. `landed` finds the
    commits between the base and what is checked out, newest first; `is_base_given` says that a person named the base.
    """

    command: Command
    inputs: Inputs
    choice: Choice
    world: World
    key: str
    context: Context
    event: Event
    commit: str | None = None
    inside: str = ""
    talk: Talk | None = None
    writing: Callable[[], None] = lambda: None
    landed: Callable[[], tuple[Landed, ...]] = tuple
    is_base_given: bool = False

    def of(self, plans: Sequence[Plan]) -> Context:
        """What pages about *plans* link to; without a label they are named for their environments."""
        if self.inputs.label:
            return self.context
        return replace(self.context, label=", ".join(plan.environment.name for plan in plans))


def token_of(variables: Mapping[str, str]) -> Key | None:
    """The token for GitHub, if there is one."""
    text = variables.get(TOKEN, "").strip()
    return Key(text) if text else None


def plainly(command: Command, inputs: Inputs, choice: Choice, world: World) -> Setting:
    """The Setting before anything is known of the event: enough for what compares with nothing."""
    world = replace(world, folder=_folder(inputs, world))
    key = key_of(inputs, choice)
    context = Context(inputs.label or "PostHog", run=events.of_github(_without_event(world.variables), None).run)
    inside = _inside(choice, world, _top(world.variables, None))
    return Setting(command, inputs, choice, world, key, context, Event(Occasion.UNKNOWN), inside=inside)


def event_of(setting: Setting) -> Event:
    """Why the machine runs. UsageError for an event that is refused."""
    match setting.inputs.provider:
        case Provider.GITHUB:
            return events.of_github(setting.world.variables, _payload(setting.world.variables))
        case Provider.GITLAB:
            return events.of_gitlab(setting.world.variables)
    return Event(Occasion.UNKNOWN)


def wholly(setting: Setting, event: Event) -> Setting:
    """*setting* with all there is to know of *event*. NoBase where what it is compared with cannot be had."""
    choice, world = setting.choice, setting.world
    is_given = choice.base is not None
    checkout = _checkout(setting, is_needed=not is_given)
    if checkout is not None and not is_given:
        wanted = bases.wanted(event, setting.command, checkout.commit, checkout.parents)
        choice = replace(choice, base=checkout.obtain(wanted))
    elif choice.base == NO_BASE:
        choice = replace(choice, base=None)
    elif checkout is not None and choice.base is not None and events.is_commit(choice.base):
        # A refused apply names the base for one by hand, which a shallow clone does not have.
        checkout.obtain(Exactly(choice.base))
    commit = checkout.commit if checkout is not None else None
    inside, shown = _inside(choice, world, _top(world.variables, checkout)), event.head or commit or ""
    files = f"{event.tree}{shown}/{f'{inside}/' if inside else ''}" if event.tree and shown else ""
    context = Context(setting.context.label, shown, event.run, files, f"{world.now:%Y-%m-%d %H:%M} UTC")
    known = replace(setting, choice=choice, context=context, event=event, commit=commit, inside=inside)
    return replace(known, landed=_landed(checkout, None if is_given else choice.base), is_base_given=is_given)


@contextmanager
def talking(setting: Setting) -> Iterator[Setting]:
    """*setting* with the way to GitHub, where there is one, until it is left."""
    token = token_of(setting.world.variables)
    if setting.inputs.provider is not Provider.GITHUB or token is None:
        yield setting
        return
    with GitHub(Site.of(setting.world.variables), token) as forge:
        yield replace(setting, talk=Talk(forge, setting.key))


def key_of(inputs: Inputs, choice: Choice) -> str:
    """The key of what is planned: its label, or else where it is and which part of it was chosen."""
    selection = {
        "folder": inputs.folder.strip("/").removeprefix("./"),
        "config": choice.config,
        "paths": sorted(choice.paths),
        "environments": sorted(choice.environments),
        "place": [choice.host, choice.project_id, choice.namespace],
        "only": choice.only,
    }
    return review.key_of(inputs.label, selection)


def _folder(inputs: Inputs, world: World) -> Path:
    folder = world.folder / inputs.folder
    if not folder.is_dir():
        raise UsageError(f"working-directory {inputs.folder}: there is no such folder")
    return folder


def _without_event(variables: Mapping[str, str]) -> dict[str, str]:
    return {**variables, "GITHUB_EVENT_NAME": ""}


def _payload(variables: Mapping[str, str]) -> Json:
    """What GitHub tells of the event; None where it tells nothing."""
    path = variables.get("GITHUB_EVENT_PATH")
    try:
        return json.loads(Path(path).read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError) as error:
        raise UsageError(f"the file in GITHUB_EVENT_PATH cannot be read ({type(error).__name__})") from None


def _checkout(setting: Setting, *, is_needed: bool) -> Checkout | None:
    variables = setting.world.variables
    server = variables.get("GITHUB_SERVER_URL", "") if setting.inputs.provider is Provider.GITHUB else ""
    try:
        return Checkout(setting.world.folder, Access(server, token_of(variables)))
    except NoBase:
        if is_needed:
            raise
    return None


def _landed(checkout: Checkout | None, base: str | None) -> Callable[[], tuple[Landed, ...]]:
    """What finds the commits since *base*, once somebody asks."""
    return (lambda: checkout.since(base)) if checkout is not None else tuple


def _top(variables: Mapping[str, str], checkout: Checkout | None) -> Path | None:
    """The folder that a build machine's pages show paths relative to."""
    workspace = variables.get("GITHUB_WORKSPACE") or variables.get("CI_PROJECT_DIR")
    return Path(workspace) if workspace else checkout.top if checkout is not None else None


def _inside(choice: Choice, world: World, top: Path | None) -> str:
    """Where the paths of manifests begin, seen from *top*; nothing where that is the same, or not inside."""
    with suppress(ReconcilerError, ValueError):
        inside = relpath(loading.root(choice, world.folder).resolve(), top.resolve()) if top is not None else "."
        return "" if inside == "." or inside.startswith("..") else inside.replace("\\", "/")
    return ""
