"""Whether the plan of now may be applied: what was reviewed is looked up on GitHub, and held against it.

The pull request of an event is the one that it names, or those that were merged as the commit that is checked out.
Those that a merge queue put below it, or that came with the same push, count, too: every change must have been shown in
one of them. Without a reviewed plan nothing may be applied, except nothing; and no reviewed plan is applied twice, for
that would bring back what was taken back since. Asks GitHub; `review` compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import PlanRefused, UsageError
from ..model import Action, Change, Plan
from ..privacy import Message, say
from ..report.comment import Unreviewed
from . import life, review
from .checkout import Landed
from .ending import Reason
from .events import Occasion
from .inputs import Proof
from .life import Seen
from .review import Comparison, Likeness, State
from .setting import Setting
from .talk import Talk

NOT_FOUND = "no reviewed plan was found{}: merge by a pull request that shows its plan, or read a fresh plan and {}"
CHANGED = (
    "the plan of now is not the one that was reviewed{}: something changed since; review a fresh plan in another pull "
    "request, or read one and {}"
)
TWICE = (
    "the reviewed plan{} is applied already, and what differs now was done since: a run of it again would undo that; "
    "review a fresh plan in another pull request, or read one and {}"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a plan was reviewed and, if not, why; `seen` are the comments that showed what was reviewed."""

    reason: Reason = Reason.NONE
    message: Message = ()
    unreviewed: tuple[Unreviewed, ...] = ()
    seen: tuple[Seen, ...] = ()

    @property
    def is_reviewed(self) -> bool:
        """Whether it may be applied."""
        return self.reason is Reason.NONE


def judged(setting: Setting, plans: Sequence[Plan]) -> Verdict:
    """Whether *plans* were reviewed, as the inputs say that this is known; where there is nothing to do they were."""
    if not any(plan.changes for plan in plans):
        return Verdict()
    found = [_by_digest(setting, plans)] if setting.inputs.proof is Proof.DIGEST or setting.inputs.digests else []
    found += [_by_comment(setting, plans)] if setting.inputs.proof is Proof.COMMENT else []
    return next((verdict for verdict in found if not verdict.is_reviewed), found[-1] if found else Verdict())


def seen(setting: Setting) -> tuple[Seen, ...]:
    """The comments that showed the reviewed plan, one of each pull request; PlanRefused where one has none."""
    talk = setting.talk
    if talk is None:
        raise UsageError(
            "the reviewed plan cannot be looked up: set GITHUB_TOKEN, or say reviewed-plan: digest or none"
        )
    numbers = _pulls(setting, talk)
    below = _below(setting, talk)
    if not numbers and not below:
        why = ", because this commit was not merged by a pull request"
        raise PlanRefused(NOT_FOUND.format(why, way_out(setting)))
    found = {number: life.remembered(talk.seen(number)) for number in [*numbers, *below]}
    missing = [number for number in numbers if found[number] is None]
    if missing or not any(found.values()):
        where = f" in pull request {', '.join(map(str, missing or below))}"
        raise PlanRefused(NOT_FOUND.format(where, way_out(setting)))
    return tuple(remembered for remembered in found.values() if remembered is not None)


def way_out(setting: Setting) -> str:
    """What to do to have it applied all the same, with the base that this needs."""
    if setting.event.occasion is Occasion.MERGE_GROUP:
        return "put it into the queue again; where the queue squashes or rebases, set its build concurrency to 1"
    base = setting.choice.base if setting.event.occasion is Occasion.PUSH else None
    named = f" and args: --base={base} (what was there before; of several refusals in a row take the first's)"
    return f"run the apply by hand with reviewed-plan: none{named if base is not None else ''}"


def _pulls(setting: Setting, talk: Talk) -> list[int]:
    """The numbers of the pull requests that the event is about."""
    if setting.event.pull is not None:
        return [setting.event.pull]
    of_commit = talk.pulls_of(setting.commit) if setting.commit is not None else ()
    if setting.event.occasion is Occasion.MERGE_GROUP:
        return sorted({pull.number for pull in of_commit if pull.is_open})
    return sorted({pull.number for pull in of_commit if pull.merged_as == setting.commit})


def _below(setting: Setting, talk: Talk) -> list[int]:
    """The numbers of those below, which a merge queue or one push brings along."""
    is_queue = setting.event.occasion is Occasion.MERGE_GROUP
    if not is_queue and setting.event.occasion is not Occasion.PUSH:
        return []
    below = setting.landed()[1:]
    return sorted({number for landed in below for number in _landed_by(landed, talk, is_queue=is_queue)})


def _landed_by(landed: Landed, talk: Talk, *, is_queue: bool) -> Iterator[int]:
    """The pull requests that *landed* merges; of those that a queue will merge it is a merge of their last commit."""
    if not is_queue:
        yield from (pull.number for pull in talk.pulls_of(landed.commit) if pull.merged_as == landed.commit)
        return
    for head in landed.parents[1:]:
        yield from (pull.number for pull in talk.pulls_of(head) if pull.is_open and pull.head == head)


def _by_digest(setting: Setting, plans: Sequence[Plan]) -> Verdict:
    digests = setting.inputs.digests
    if not digests:
        raise UsageError("expect-digest is empty: give the digest of the reviewed plan, or say reviewed-plan: none")
    if len(digests) != len(plans):
        raise UsageError(f"expect-digest: {len(plans)} environments are planned and {len(digests)} digests were given")
    return _verdict(setting, plans, review.compare_digests(plans, digests), ())


def _by_comment(setting: Setting, plans: Sequence[Plan]) -> Verdict:
    try:
        comments = seen(setting)
    except PlanRefused as error:
        return Verdict(Reason.PLAN_NOT_FOUND, error.message)
    fresh = [each.marker.plans for each in comments if each.marker.state is not State.APPLIED]
    if not fresh:
        message = say(TWICE.format(_where(comments), way_out(setting)))
        return Verdict(Reason.PLAN_CHANGED, message, seen=comments)
    found = [review.compare(plans, reviewed) for reviewed in (*fresh, review.union(fresh))]
    best = next((each for each in found if each.likeness is not Likeness.DIFFERENT), found[-1])
    return _verdict(setting, plans, best, comments)


def _where(comments: Sequence[Seen]) -> str:
    return f" ({', '.join(each.comment.url for each in comments)})" if comments else ""


def _verdict(setting: Setting, plans: Sequence[Plan], comparison: Comparison, comments: tuple[Seen, ...]) -> Verdict:
    if comparison.likeness is not Likeness.DIFFERENT:
        return Verdict(seen=comments)
    by_name: dict[tuple[str, Action | None, str], Change] = {
        (plan.environment.name, change.action, change.name): change for plan in plans for change in plan.changes
    }
    found = tuple(
        Unreviewed(each.environment, by_name.get((each.environment, each.action, each.name)), each.why)
        for each in comparison.differences
    )
    message = say(CHANGED.format(_where(comments) if len(comments) > 1 else "", way_out(setting)))
    return Verdict(Reason.PLAN_CHANGED, message, found, comments)
