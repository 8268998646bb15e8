"""Every rule a plan can report, with its severity, its meaning and the way out; docs/findings.md is written from here.

Knows the shape of a finding, and nothing of when a rule applies.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import Desired, Finding, Live, Severity, Source
from .privacy import Private, say


@dataclass(frozen=True, slots=True)
class Rule:
    """A sort of finding: its id, how much it matters, what it means and what to do about it."""

    id: str
    severity: Severity
    meaning: str
    way_out: str

    def finding(
        self,
        *parts: str | int | Private,
        name: str | None = None,
        source: Source | None = None,
        id: int | None = None,
    ) -> Finding:
        """This rule's finding, said in *parts*, about the manifest *name* at *source* or the row *id*."""
        return Finding(self.id, self.severity, say(*parts), name, source, id)

    def about(self, desired: Desired, row: Live | int | None, *parts: str | int | Private) -> Finding:
        """This rule's finding about a manifest, and about the *row* that it has or names."""
        id = row.id if isinstance(row, Live) else row
        return self.finding(*parts, name=desired.name, source=desired.manifest.source, id=id)


RULES: dict[str, Rule] = {}
"""Every rule by its id, in the order of this file."""


def _rule(severity: Severity, id: str, meaning: str, way_out: str) -> Rule:
    rule = Rule(id, severity, meaning, way_out)
    RULES[id] = rule
    return rule


_BLOCK, _WARNING, _NOTE = Severity.BLOCK, Severity.WARNING, Severity.NOTE

# Identity (design §4, steps 1 to 6)
ID_NOT_FOUND = _rule(
    _BLOCK,
    "id-not-found",
    "`metadata.id` names a row that is not in this project, neither live nor soft-deleted.",
    "Correct the id, give it per environment (`id: {production: 4218}`), or remove it to have a new row created.",
)
ID_OTHER_TAG = _rule(
    _BLOCK,
    "id-other-tag",
    "`metadata.id` names a row that carries another manifest's or another namespace's tag.",
    "Ask its owner, then add `takeover: true`; or correct the id.",
)
ID_AND_TAG = _rule(
    _BLOCK,
    "id-and-tag",
    "`metadata.id` names one row while another live row carries this manifest's own tag: both would mail.",
    "Delete one of the two in PostHog, or point `id` at the row that carries the tag.",
)
DUPLICATE_TAG = _rule(
    _BLOCK,
    "duplicate-tag",
    "Two or more live rows carry the tag of one manifest, so it cannot be told which one is meant.",
    "Delete all but one of them in PostHog, or remove the tag from their titles.",
)
CLAIMED_TWICE = _rule(
    _BLOCK,
    "claimed-twice",
    "Two manifests lead to one row, one of them by its id and the other by its tag or a previous name.",
    "Remove the `id` or the previous name from one of the two manifests, or delete one manifest.",
)
PREVIOUS_LIVE = _rule(
    _BLOCK,
    "previous-live",
    "Rows with the new name's tag and with a previous name's tag are both live: both would mail.",
    "Delete one of the two rows in PostHog, or remove the name from `previousNames`.",
)
TWIN = _rule(
    _BLOCK,
    "twin",
    "A row without a tag already sends the same thing to the same people; creating another would mail them twice.",
    "Adopt it with the `id:` line, or state with the `distinct:` line that both are meant.",
)
RECREATE = _rule(
    _BLOCK,
    "recreate",
    "The manifest existed at the base, but its row is gone for good: creating it again mails everybody again.",
    "Find out who removed it; then `--allow-recreate`, or delete the manifest.",
)

RENAMED = _rule(
    _WARNING,
    "renamed",
    "A new row is planned although one of ours, which no manifest claims any more, sends the same thing to the same "
    "people: perhaps the manifest was renamed. As it stands everybody is mailed as a new recipient, also who "
    "unsubscribed from the old row.",
    "Add the old name to `previousNames`: the row stays, nobody is mailed, and who unsubscribed stays out.",
)
MOVED = _rule(
    _WARNING,
    "moved",
    "The manifest has another row than it had by its `metadata.id` at the base. The row of then stays as it is: live, "
    "and nobody's.",
    "Delete that row in PostHog, or give it a manifest of its own.",
)
READDED = _rule(
    _BLOCK,
    "readded",
    "The manifest names people who unsubscribed from the row that it had before, under another name or another "
    "`metadata.id`: they would be mailed again.",
    "Add the old name to `previousNames`, or remove the addresses from the manifest; `--resubscribe ADDRESS` for a "
    "person who asked to be back.",
)
TAKEN_OVER = _rule(
    _BLOCK,
    "taken-over",
    "The row was taken over since the base, which had several manifests that it may have been the row of; the plan "
    "would add people to it, and nobody can tell which of them had unsubscribed.",
    "Give a base that has the manifest (`--base REF`), or add the name that it had to `previousNames`.",
)

# Removal (design §4)
EMPTY_TREE = _rule(
    _BLOCK,
    "empty-tree",
    "No manifests were found at all, which would soft-delete every row of this namespace.",
    "Check the `manifests:` paths of the config; `--allow-empty` if it is meant.",
)
TOO_MANY_DELETES = _rule(
    _BLOCK,
    "too-many-deletes",
    "The plan soft-deletes more rows than `policy.max_deletes` allows, by number and by percent.",
    "Check what is being removed; `--max-deletes N` says yes to that number.",
)
PROTECTED = _rule(
    _WARNING,
    "protected",
    "The row's manifest is gone or no longer names this environment, but it was protected, so the row stays.",
    "Remove `protect: true` in one change and the manifest in the next, or restore the manifest.",
)
NOT_REMOVED = _rule(
    _NOTE,
    "not-removed",
    "Rows of this namespace have no manifest, or a tombstone, and this run was not to remove any.",
    "Run without PATH, `--only` and `--no-prune`, with a config or `--prune`.",
)
NO_BASE = _rule(
    _NOTE,
    "no-base",
    "A removal was planned without a base, so nobody could look up whether the manifest had been protected.",
    "Give `--base REF`, as the GitHub Action does.",
)

# Limits (design §3)
TOO_MANY_RECIPIENTS = _rule(
    _BLOCK,
    "too-many-recipients",
    "The plan adds more distinct new addresses than `policy.max_new_recipients` allows.",
    "Split the change, or raise the limit in the config in a change of its own.",
)

# What the server or its people did (design §4, contract §8)
UNSUBSCRIBED = _rule(
    _NOTE,
    "unsubscribed",
    "An address is at the base and in the manifest but gone from the row: the person unsubscribed. It is kept out.",
    "Remove the address from the manifest; `--resubscribe ADDRESS` if the person asked to be back.",
)
EMPTIED = _rule(
    _NOTE,
    "emptied",
    "Everybody unsubscribed, which soft-deleted the row. It stays deleted.",
    "Delete the manifest; `--resubscribe ADDRESS` if a person asked to be back.",
)
STRANGERS = _rule(
    _BLOCK,
    "strangers",
    "Nobody whom the manifest names is on the row any more, and it reaches other people: somebody replaced them by "
    "hand, or they unsubscribed one by one. Neither may the former be mailed again unasked, nor the latter go on "
    "unseen.",
    "Name who is to be mailed in the manifest; `--resubscribe ADDRESS` brings a person back and takes the others off.",
)
DISABLED_BY_SERVER = _rule(
    _WARNING,
    "disabled-by-server",
    "The server switched the row off by itself, mostly because its channel is broken. It is not switched on again.",
    "Mend the channel in PostHog and switch the row on there.",
)
STALE_DELIVERY = _rule(
    _WARNING,
    "stale-delivery",
    "A restored row keeps its old next delivery date, so the server sends to everybody at its next tick.",
    "Accept it, or change the schedule in the same plan, which makes the server compute a new date.",
)

# When the server sends (contract §6)
FIRST_DELIVERY_SKIPPED = _rule(
    _WARNING,
    "first-delivery-skipped",
    "A delivery of the new schedule is due within 15 minutes. The server plans none that near, so the first one that "
    "is sent comes later.",
    "Accept it, or move `start_date`.",
)
FIRST_DELIVERY_SOON = _rule(
    _NOTE,
    "first-delivery-soon",
    "The first delivery after this change is less than an hour away; an apply that comes too late may miss it.",
    "Apply before the time that the finding names, or accept that the first report comes one period later.",
)
EXHAUSTED = _rule(
    _WARNING,
    "exhausted",
    "The schedule has no delivery left after `count` or `until_date`: the row would be there and never send anything.",
    "Remove the manifest, or move the end of its schedule.",
)
EXHAUSTED_REFUSED = _rule(
    _BLOCK,
    "exhausted-refused",
    "The schedule has no delivery left, and this server, a later one, refuses such a row.",
    "Remove the manifest, or move the end of its schedule.",
)
OVER = _rule(
    _NOTE,
    "over",
    "The row is as its manifest says and has sent its last delivery: its schedule is over.",
    "Delete the manifest, or move the end of its schedule.",
)

# What the server cannot do
KIND_PINNED = _rule(
    _WARNING,
    "kind-pinned",
    "This server does not let a row change between insight and dashboard: the row is replaced by a new one.",
    "Accept it: the old row is soft-deleted, the new one has a new id and mails its recipients as a create does.",
)
ADOPTED_PINNED = _rule(
    _BLOCK,
    "adopted-pinned",
    "This server does not let a row change between insight and dashboard, and a row adopted by id cannot be replaced.",
    "Undo the change, or remove the `id`, so that a new row is created, and delete the old one in PostHog.",
)
TITLE_TOO_LONG = _rule(
    _BLOCK,
    "title-too-long",
    "The row's title would pass the server's 100 characters with the tag it has to carry.",
    "Give the manifest a shorter title.",
)
NEVER_DELIVERS = _rule(
    _WARNING,
    "never-delivers",
    "The row would exist but never send anything, because no server version delivers to this target type.",
    "Use another target type.",
)

# What is only compared (design §2, kind RecordingSharing)
SHARING_ON = _rule(
    _WARNING,
    "sharing-on",
    "A session recording is shared by a public link although its manifest says that it is not.",
    "Switch sharing off in PostHog, or write `enabled: true`; nothing is ever sent for this kind.",
)
SHARING_OFF = _rule(
    _WARNING,
    "sharing-off",
    "A session recording is not shared although its manifest says that it is.",
    "Share it in PostHog, or write `enabled: false`; nothing is ever sent for this kind.",
)


def is_drift(finding: Finding) -> bool:
    """Whether *finding* says by itself that the server is not as git says: no change goes with it."""
    return finding.rule in (SHARING_ON.id, SHARING_OFF.id)
