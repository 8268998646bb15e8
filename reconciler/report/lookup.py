"""What `show` and `who` answer, as text, as Markdown and as JSON. Pure; decides nothing.

The JSON formats, each one document:

    show/v1   `name` and `environments`, one each: `environment` as in plan/v1, `base`, `source`, `meant_here` (whether
              git has a manifest for it), `row` (`id`, `deleted`, `title`, `tag`, `created_by`, `page`, `api`; null
              where there is none), `recipients`, `silence` (why nothing is sent although the row is there), `change`
              and `findings` as in plan/v1, and `deliveries`, the next five before and after an apply
    who/v1    `address` and `environments`, one each: `environment`, `lookalikes` (addresses there that differ in
              capital letters only), and `subscriptions`, each with `standing` (reached, leaving, coming or kept-out),
              `owner` (managed, leftover, other-namespace or unmanaged), `ours`, `name`, `source`, `row` as in show/v1
              without `api`, `ways` (`directly`, and groups with their @), `silence`, `findings`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..model import Deliveries, Environment, Live, Severity, Source
from ..privacy import Message, listed, quoted, say
from ..sightings import Owner, Portrait, Reach, Sighting, Standing
from . import documents, markdown, people, text
from .documents import Document
from .view import Viewer, count

SHOW = "posthog-reconciler/show/v1"
WHO = "posthog-reconciler/who/v1"

_BOLD, _DIM, _YELLOW = 1, 2, 33
_WIDTH = len("recipients")


# --- show -----------------------------------------------------------------------------------------------------------


def portraits(found: Sequence[Portrait], viewer: Viewer) -> str:
    """One subscription, an environment after the other, for a terminal or a log."""
    write = text.Writer(viewer)
    write.pieces((found[0].name, _BOLD), (_place(found[0].source, "  "), _DIM))
    for portrait in found:
        write.blank()
        write.line(_where(portrait.environment), _BOLD)
        for label, message in _facts(portrait):
            write.message((f"    {label.ljust(_WIDTH)}  ", *message))
        write.message(("    ", *_state(portrait)))
        if portrait.change is not None:
            write.blank()
            text.write_change(write, portrait.change)
        if portrait.findings:
            write.blank()
        for finding in portrait.findings:
            text.write_finding(write, finding)
    return write.text()


def portraits_markdown(found: Sequence[Portrait], viewer: Viewer) -> str:
    """The same as Markdown."""
    lines = [f"### {markdown.code(found[0].name)}{_place_in_markdown(found[0].source)}", ""]
    for portrait in found:
        lines += [f"**{markdown.escape(_where(portrait.environment))}**", ""]
        lines += [f"- {label}: {_in_markdown(label, message, viewer)}" for label, message in _facts(portrait)]
        lines += [f"- {markdown.words(_state(portrait), viewer)}", ""]
        if portrait.change is not None:
            lines += markdown.change_lines(portrait.change, viewer)
        if portrait.findings:
            lines += ["| | manifest | finding |", "| --- | --- | --- |"]
            lines += [markdown.finding_row(finding, viewer) for finding in portrait.findings]
            lines += [""]
    return "\n".join(lines).rstrip()


def _in_markdown(label: str, message: Message, viewer: Viewer) -> str:
    """A fact as words; a URL as code, which can be copied and is no link that somebody follows by mistake."""
    return markdown.code(viewer.text(message)) if label in ("page", "api") else markdown.words(message, viewer)


def portraits_document(found: Sequence[Portrait], viewer: Viewer) -> Document:
    """The show/v1 document."""
    return {"format": SHOW, "name": found[0].name, "environments": [_portrait(each, viewer) for each in found]}


def _portrait(portrait: Portrait, viewer: Viewer) -> Document:
    change = portrait.change
    return {
        "environment": documents.environment(portrait.environment),
        "base": portrait.base,
        "source": documents.source(portrait.source),
        "meant_here": portrait.is_meant_here,
        "row": _row(portrait.row, portrait.page, viewer, api=portrait.api),
        "recipients": viewer.value(portrait.recipients),
        "silence": portrait.silence,
        "change": documents.change(change, viewer) if change is not None else None,
        "deliveries": documents.deliveries(portrait.deliveries),
        "findings": [documents.finding(finding, viewer) for finding in portrait.findings],
    }


def _facts(portrait: Portrait) -> Iterator[tuple[str, Message]]:
    """What there is to know of the row and the manifest, each under its label."""
    row = portrait.row
    if row is not None:
        yield "row", _row_line(row)
        if portrait.page is not None:
            yield "page", say(portrait.page)
        yield "api", say(portrait.api or "")
        yield "made by", say(row.creator if row.creator is not None else "nobody known")
    if portrait.recipients:
        yield "recipients", listed(portrait.recipients)
    if portrait.silence is not None:
        yield "silent", say(f"nothing is sent: {portrait.silence}")
    if portrait.deliveries is not None and (portrait.change is None or portrait.change.deliveries is None):
        yield "deliveries", say(_upcoming(portrait.deliveries))


def _row_line(row: Live) -> Message:
    state = "soft-deleted" if row.deleted else "live"
    return say(f"{row.id}, {state}", *_title(row), f" {row.tag}" if row.tag is not None else ", no tag")


def _title(row: Live) -> Message:
    """The row's title, in which anything may stand: masked where it looks private."""
    title = row.fields.get("title")
    return say(", ", *quoted(title)) if isinstance(title, str) else ()


def _upcoming(found: Deliveries) -> str:
    """The next deliveries as things stand; the first of them may be overdue, and an apply may end them."""
    told = people.instants_line(found.before, found.timezone)
    if found.before and not found.after:
        return f"{told}; none after an apply"
    return f"{told} (the first at the server's next tick)" if found.overdue else told


def _state(portrait: Portrait) -> Message:
    """How git and the server differ, in a sentence."""
    manifest, row, change = portrait.manifest, portrait.row, portrait.change
    if change is not None:
        known = portrait.base is not None or not any(field.before is not None for field in change.fields)
        hint = "" if known else "; give --base REF to be told who changed what"
        return say(f"not as git says: an apply would {change.action} it{hint}")
    if any(finding.severity is Severity.BLOCK for finding in portrait.findings):
        return say("not settled: see what blocks it")
    if manifest is None:
        return say("its manifest is gone, and an apply of this would leave the row alone")
    if not portrait.is_meant_here:
        left = ", and an apply of this would leave its row alone" if row is not None and not row.deleted else ""
        return say(f"not meant for this environment{left}")
    if row is None or row.deleted:
        return say("not there, and an apply would leave it so")
    return say("as git says: nothing to do")


# --- who ------------------------------------------------------------------------------------------------------------


def reaches(found: Sequence[Reach], viewer: Viewer) -> str:
    """Everything that reaches a person, an environment after the other, for a terminal or a log."""
    write = text.Writer(viewer)
    for reach in found:
        write.blank()
        write.message(_head(reach), _BOLD)
        for sighting in reach.sightings:
            write.message(("    ", *_line(sighting)))
        for line in _warning(reach):
            write.message(("    ", *line), _YELLOW)
    return write.text()


def reaches_markdown(found: Sequence[Reach], viewer: Viewer) -> str:
    """The same as Markdown."""
    lines: list[str] = []
    for reach in found:
        lines += [f"**{markdown.words(_head(reach), viewer)}**", ""]
        lines += [f"- {markdown.words(_line(sighting), viewer)}" for sighting in reach.sightings]
        lines += [f"- **{markdown.words(line, viewer)}**" for line in _warning(reach)]
        lines += [""]
    return "\n".join(lines).rstrip()


def reaches_document(found: Sequence[Reach], viewer: Viewer) -> Document:
    """The who/v1 document."""
    return {
        "format": WHO,
        "address": viewer.value(found[0].address),
        "environments": [
            {
                "environment": documents.environment(reach.environment),
                "lookalikes": viewer.value(reach.lookalikes),
                "subscriptions": [_sighting(sighting, viewer) for sighting in reach.sightings],
            }
            for reach in found
        ],
    }


def _sighting(sighting: Sighting, viewer: Viewer) -> Document:
    return {
        "standing": sighting.standing.value,
        "owner": sighting.owner.value,
        "ours": sighting.owner.is_ours,
        "name": sighting.name,
        "source": documents.source(sighting.source),
        "row": _row(sighting.row, sighting.page, viewer),
        "ways": list(sighting.ways),
        "silence": sighting.silence,
        "findings": [documents.finding(finding, viewer) for finding in sighting.findings],
    }


def _head(reach: Reach) -> Message:
    """Where, and by how many rows the person is reached now and after an apply."""
    now = reach.count(Standing.REACHED) + reach.count(Standing.LEAVING)
    after = reach.count(Standing.REACHED) + reach.count(Standing.COMING)
    where = f"{_where(reach.environment)}: "
    if not reach.sightings:
        return say(where, "nothing reaches ", reach.address, ", and no manifest names this address")
    then = f", and by {after} after an apply" if after != now else ""
    return say(where, reach.address, f" is reached by {count(now, 'row')}{then}")


def _warning(reach: Reach) -> tuple[Message, ...]:
    """Addresses that are not counted, although they may be the same person's."""
    if not reach.lookalikes:
        return ()
    return (say("not counted, because its capital letters differ: ", *listed(reach.lookalikes), "; ask for it, too"),)


def _line(sighting: Sighting) -> Message:
    """One sighting: which row, whose it is, how the person is named there, and what an apply changes."""
    row = f"row {sighting.row.id}" if sighting.row is not None else "no row"
    parts: list[Any] = [row, ": ", *_owner(sighting)]
    if sighting.ways:
        parts += [", ", *listed((_way(way) for way in sighting.ways), " and ")]
    parts += [_STANDINGS[sighting.standing]]
    if sighting.standing is Standing.KEPT_OUT and sighting.findings:
        parts += [" (", *listed(dict.fromkeys(finding.rule for finding in sighting.findings)), ")"]
    if sighting.silence is not None:
        parts += [f"; nothing is sent: {sighting.silence}"]
    return say(*parts)


_STANDINGS = {
    Standing.REACHED: "",
    Standing.LEAVING: "; an apply ends it",
    Standing.COMING: "; from the next apply on",
    Standing.KEPT_OUT: "; kept out, an apply would not add this address",
}


def _owner(sighting: Sighting) -> Message:
    """Whose the row is, and where its manifest stands."""
    place = _place(sighting.source, " ")
    if sighting.owner is Owner.MANAGED:
        return say(f"{sighting.name}{place}")
    made_by = _made_by(sighting.row) if sighting.row is not None else ()
    if sighting.owner is Owner.LEFTOVER:
        return say(f"{sighting.name}, ours, but no manifest here leads to it{place}", *made_by)
    whose = "not managed here" if sighting.owner is Owner.UNMANAGED else "of another namespace"
    return say(whose, *made_by)


def _made_by(row: Live) -> Message:
    tag = f" {row.tag}" if row.tag is not None else ""
    return say(*_title(row), tag, ", made by ", row.creator if row.creator is not None else "nobody known")


def _way(way: str) -> str:
    return f"through {way}" if way.startswith("@") else way


# --- both -----------------------------------------------------------------------------------------------------------


def _row(row: Live | None, page: str | None, viewer: Viewer, **more: str | None) -> Document | None:
    if row is None:
        return None
    return {
        "id": row.id,
        "deleted": row.deleted,
        "title": row.fields.get("title"),
        "tag": str(row.tag) if row.tag is not None else None,
        "created_by": viewer.value(row.creator),
        "page": page,
        **more,
    }


def _where(environment: Environment) -> str:
    return f"{environment.name}: project {environment.project_id} on {environment.host}"


def _place(source: Source | None, before: str) -> str:
    return f"{before}({source})" if source is not None else ""


def _place_in_markdown(source: Source | None) -> str:
    return f" in {markdown.code(str(source))}" if source is not None else ""
