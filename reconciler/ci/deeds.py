"""What a run does: validate, plan, apply, drift, each from its Setting to its Ending, with what GitHub is told of it.

The pipeline does the work. What GitHub cannot be told is a notice or a warning, never a reason to fail what is done
already. Two things fail: a plan with `comment: always` without its comment, and drift that no issue tells because
GitHub was not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from .. import exits, pipeline
from ..errors import ForgeError, Interrupted, ReconcilerError
from ..model import Plan
from ..pipeline import Prepared, Session
from ..privacy import say
from ..report import comment as pages
from ..report import text
from ..report.comment import Context, Unreviewed
from ..report.fitting import Page
from ..report.github import Annotation, Level, of_problems
from ..report.view import count
from . import ending, judging, review
from .ending import PUBLIC, Ending, Reason, Result
from .events import Occasion
from .inputs import Commenting, DriftIssue, Proof, Provider
from .judging import Verdict
from .life import Seen, Step
from .review import Marker, Remembered, State
from .setting import Setting
from .talk import Talk

_ISSUE_WAYS_OUT = "give the job `issues: write` and a token, or say drift-issue: never"
_NO_ISSUES = 410
"""What GitHub answers where issues are switched off for the repository."""

_BY_BASE = ("unsubscribed", "emptied", "strangers", "readded", "moved", "recreate")
"""Findings that hang on what the base says was applied."""

# --- validate -------------------------------------------------------------------------------------------------------


def validate(setting: Setting) -> Ending:
    """Check the manifests; no key, no network."""
    checked = pipeline.validate(setting.choice, setting.world)
    found = Ending(
        Result.ERROR if checked.problems else Result.VALID,
        exits.ERROR if checked.problems else exits.DONE,
        Reason.INVALID_CONFIG if checked.problems else Reason.NONE,
        problems=checked.problems,
        page=pages.checked(checked.seen, checked.problems, checked.warnings, setting.context),
        log=text.validation(checked.seen, checked.problems, checked.warnings, PUBLIC),
    )
    return found.noting(*of_problems(checked.problems, checked.warnings, PUBLIC))


def validate_instead(setting: Setting) -> Ending:
    """What a pull request gets whose run has no key: a fork's, or Dependabot's (issue 8, point 8)."""
    why = "no plan: this run has no credentials, as from a fork or Dependabot; the manifests were validated"
    return validate(setting).noting(Annotation(Level.NOTICE, "no credentials", why))


# --- plan -----------------------------------------------------------------------------------------------------------


def plan(setting: Setting) -> Ending:
    """Plan, and say so in the pull request; in a merge queue, hold the plan against what was reviewed there."""
    if setting.event.occasion is Occasion.PULL_REQUEST:
        return _plan_of_pull(setting)
    found = _planned(setting)
    is_sound = found.code in (exits.DONE, exits.PENDING)
    return _queued(setting, found) if setting.event.occasion is Occasion.MERGE_GROUP and is_sound else found


def _plan_of_pull(setting: Setting) -> Ending:
    """The plan of a pull request; what fails is said there, too."""
    try:
        found = _planned(setting)
    except ReconcilerError as error:
        failed = ending.of_error(error)
        failed = replace(failed, page=pages.failure(failed.problems, "plan", setting.context))
        return _said(setting, failed, lambda context: pages.failure(failed.problems, "plan", context), State.FAILED)
    return _said(setting, found, lambda context: pages.plans(found.plans, context), State.OPEN)


def _planned(setting: Setting) -> Ending:
    session = _session(setting)
    return _shown(setting, session, [prepared.plan for prepared in session.plans(audited=True)])


def _shown(setting: Setting, session: Session, plans: Sequence[Plan]) -> Ending:
    """The ending of *plans*, with all that is to be shown of them."""
    found = replace(
        ending.of_plans(plans),
        page=pages.plans(plans, setting.of(plans)),
        log=_log([text.plan(each, PUBLIC) for each in plans], session),
    )
    return found.noting(*of_problems((), session.loaded.warnings, PUBLIC), *_doubts(setting, plans))


def _doubts(setting: Setting, plans: Sequence[Plan]) -> Iterator[Annotation]:
    """What only the base of a run by hand may be the reason of: an apply that was refused before it was not applied."""
    if setting.event.occasion is not Occasion.BY_HAND or setting.is_base_given:
        return
    names = sorted({finding.name or "" for plan in plans for finding in plan.findings if finding.rule in _BY_BASE})
    if names:
        why = (
            f"{', '.join(names[:9])}: somebody is kept out, or a row is taken for removed, because the commit before "
            "this one is taken for applied; if an apply was refused or failed since, run this again with "
            "args: --base= and the commit that its refusal named"
        )
        yield Annotation(Level.WARNING, "base", why)


def _session(setting: Setting, *, is_drift: bool = False) -> Session:
    return Session(setting.choice, setting.world, is_drift=is_drift)


def _log(reports: Sequence[str], session: Session) -> str:
    notes = [text.remark(note) for note in session.loaded.notes]
    return "\n\n".join(["\n".join(notes), *reports]).strip("\n")


def _said(setting: Setting, found: Ending, draft: Callable[[Context], Page], state: State) -> Ending:
    """*found*, once the pull request has a comment that says it; a notice, or a failure, where it cannot have one."""
    inputs, event = setting.inputs, setting.event
    if inputs.commenting is Commenting.NEVER or event.pull is None:
        return found
    context = setting.of(found.plans) if found.plans else setting.context
    plans = tuple(Remembered.of(each) for each in found.plans)
    marker = Marker(setting.key, state, context.commit, context.run, context.read, plans)

    def stamped(run: str, read: str) -> Page:
        page = draft(replace(context, run=run, read=read))
        return replace(page, marker=replace(marker, run=run, read=read).line)

    is_quiet = inputs.commenting is Commenting.CHANGES and found.code == exits.DONE
    if setting.talk is None:
        return _unsaid(setting, found, "GITHUB_TOKEN is not set")
    try:
        said = setting.talk.plan(event.pull, stamped, marker, is_quiet=is_quiet)
    except ReconcilerError as error:
        return _unsaid(setting, found, ending.reason_in_words(error))
    left = [f"a second comment could not be deleted: {ending.reason_in_words(error)}" for error in said.left]
    found = found.noting(*(Annotation(Level.NOTICE, "comment", why) for why in left))
    return replace(found, comment_url=said.comment.url if said.comment is not None else "")


def _unsaid(setting: Setting, found: Ending, why: str) -> Ending:
    """*found* where the pull request could not be told, and why."""
    told = f"the plan is not in the pull request: {why}"
    if setting.inputs.commenting is not Commenting.ALWAYS:
        return found.noting(Annotation(Level.NOTICE, "no comment", told))
    found = found.noting(Annotation(Level.ERROR, "no comment", f"{told} (comment: always)"))
    if found.code not in (exits.DONE, exits.PENDING):
        return found
    return replace(found, result=Result.ERROR, code=exits.ERROR, reason=Reason.GITHUB_ERROR)


def _queued(setting: Setting, found: Ending) -> Ending:
    """*found*, if it is what was reviewed; the queue is told before the merge, and nothing is written."""
    verdict = judging.judged(setting, found.plans)
    return found if verdict.is_reviewed else _refusal(setting, found, verdict)


def _refusal(setting: Setting, found: Ending, verdict: Verdict) -> Ending:
    """*found*, refused: what differs from what was reviewed is in the log, the summary and the annotations."""
    page = pages.refused(verdict.unreviewed, verdict.message, setting.of(found.plans))
    lines = [PUBLIC.text(verdict.message), *(_unreviewed(each) for each in verdict.unreviewed)]
    refused = replace(
        found,
        result=Result.REFUSED,
        code=exits.REFUSED,
        reason=verdict.reason,
        page=pages.together(page, found.page) if found.page is not None else page,
        log="\n\n".join([found.log, "\n".join(text.remark(line) for line in lines)]),
    )
    return refused.noting(Annotation(Level.ERROR, verdict.reason, " ".join(lines)))


def _unreviewed(each: Unreviewed) -> str:
    what = f"{each.change.action} {each.change.name}" if each.change is not None else "the plan"
    return f"{each.environment}: {what}: {each.why}."


# --- apply ----------------------------------------------------------------------------------------------------------


def apply(setting: Setting) -> Ending:
    """Plan again, hold it against what was reviewed, carry it out, and say in the pull request what became of it."""
    session = _session(setting)
    prepared = session.plans()
    found = _shown(setting, session, [item.plan for item in prepared])
    if found.code == exits.REFUSED:
        return _blocked(setting, found)
    if not found.changes:
        return replace(found, result=Result.NOTHING_TO_APPLY, code=exits.DONE)
    verdict = judging.judged(setting, found.plans)
    if not verdict.is_reviewed:
        refused = _refusal(setting, found, verdict)
        news = pages.refused(verdict.unreviewed, verdict.message, setting.of(found.plans))
        return _told(setting, refused, verdict.seen, news, State.REFUSED)[0]
    setting.writing()
    if setting.world.stop.is_set():
        raise Interrupted("stopped on request: nothing was written")
    return _carried_out(setting, session, prepared, found, verdict.seen)


def _blocked(setting: Setting, found: Ending) -> Ending:
    """A plan in which something blocks, said in the pull request, too."""
    many = sum(len(plan.blockers) for plan in found.plans)
    message = say(f"the plan of now is blocked: {count(many, 'finding')} must be settled first")
    news = pages.refused((), message, setting.of(found.plans))
    try:
        seen = judging.seen(setting) if setting.inputs.proof is Proof.COMMENT else ()
    except ReconcilerError:
        seen = ()  # the plan is refused, whatever GitHub says
    return _told(setting, found, seen, news, State.REFUSED)[0]


def _carried_out(
    setting: Setting, session: Session, prepared: Sequence[Prepared], found: Ending, seen: Sequence[Seen]
) -> Ending:
    context = setting.of(found.plans)
    found, seen = _told(setting, found, seen, pages.applying(context), State.APPLYING)
    results = [session.carry_out(item, lambda outcome: None) for item in prepared]
    news = pages.applied(results, context)
    done = ending.of_results(found.plans, results)
    log = "\n\n".join([found.log, *(text.result(result, PUBLIC) for result in results)])
    page = pages.together(news, found.page) if found.page is not None else news
    done = replace(done, page=page, log=log).noting(*found.annotations)
    is_whole = all(result.verified for result in results)
    done, _ = _told(setting, done, seen, news, State.APPLIED if is_whole else State.PARTIAL)
    # What is only compared an apply neither reads nor changes: the next run of drift looks at it.
    return _without_drift(setting, done) if is_whole and session.is_all_planned else done


def _told(
    setting: Setting, found: Ending, seen: Sequence[Seen], news: Page, state: State
) -> tuple[Ending, tuple[Seen, ...]]:
    """*found*, once the comments in *seen* have the *news*; a warning where they cannot have them.

    What is applied stays applied, whatever is refused afterwards: else the next run of it would bring it back.
    """
    talk = setting.talk
    seen = [each for each in seen if each.marker.state is not State.APPLIED]
    if not seen or talk is None or setting.inputs.commenting is Commenting.NEVER:
        return found, tuple(seen)
    try:
        now = tuple(talk.news(each, news, state, setting.context.run) for each in seen)
    except ReconcilerError as error:
        why = f"the comment does not say so: {ending.reason_in_words(error)}"
        return found.noting(Annotation(Level.WARNING, "no comment", why)), tuple(seen)
    return replace(found, comment_url=now[0].comment.url), now


# --- drift ----------------------------------------------------------------------------------------------------------


def drift(setting: Setting) -> Ending:
    """Compare git with the server, and keep the issue about it up to date. An error is not "no drift"."""
    session = _session(setting, is_drift=True)
    plans = [prepared.plan for prepared in session.plans(audited=True)]
    context = setting.of(plans)
    page = pages.drift(plans, context) if exits.worst(map(exits.of_drift, plans)) else pages.plans(plans, context)
    log = _log([text.drift(each, PUBLIC) for each in plans], session)
    found = replace(ending.of_drift(plans), page=page, log=log)
    found = found.noting(*of_problems((), session.loaded.warnings, PUBLIC))
    if setting.inputs.drift_issue is DriftIssue.NEVER or setting.inputs.provider is not Provider.GITHUB:
        return found
    if setting.talk is None:
        return _without_issue(found, f"GITHUB_TOKEN is not set: {_ISSUE_WAYS_OUT}")
    try:
        return _issue(setting, found, setting.talk, page)
    except ReconcilerError as error:
        why = ending.reason_in_words(error)
        if isinstance(error, ForgeError) and (error.is_denied or error.status == _NO_ISSUES):
            return _without_issue(found, f"{why}: {_ISSUE_WAYS_OUT}")
        return _without_issue(found, why, is_failure=bool(found.changes))


def _without_issue(found: Ending, why: str, *, is_failure: bool = False) -> Ending:
    """*found* where the issue could not be written: a failure where somebody would have had to hear of drift."""
    level = Level.ERROR if is_failure else Level.WARNING
    found = found.noting(Annotation(level, "no issue", f"the issue about drift was not kept up to date: {why}"))
    return replace(found, result=Result.ERROR, code=exits.ERROR, reason=Reason.GITHUB_ERROR) if is_failure else found


def _issue(setting: Setting, found: Ending, talk: Talk, page: Page) -> Ending:
    label, run = setting.inputs.drift_label, setting.context.run
    if not found.changes:
        step = talk.no_drift(label, run)
        return replace(found, issue=step.issue.number if step.issue is not None else None)
    title = f"Drift: {setting.of(found.plans).label}"
    step = talk.drift(page, review.digest_of_drift(found.plans), label, title, run)
    number = step.issue.number if step.issue is not None else None
    if step.step is Step.SILENT:
        why = f"issue {number} about this very drift was closed by a person, so nothing is said again"
        found = found.noting(Annotation(Level.NOTICE, "drift", why))
    return replace(found, issue=number)


def _without_drift(setting: Setting, done: Ending) -> Ending:
    """*done*, with the issue about drift closed, if the token may and the whole was applied; quietly if it may not."""
    choice, is_pull = setting.choice, setting.event.occasion is Occasion.PULL_REQUEST
    is_meant = setting.inputs.drift_issue is DriftIssue.AUTO and not (choice.only or choice.paths or is_pull)
    if not is_meant or setting.talk is None:
        return done
    with suppress(ReconcilerError):
        step = setting.talk.no_drift(setting.inputs.drift_label, setting.context.run)
        return replace(done, issue=step.issue.number if step.issue is not None else None)
    return done
