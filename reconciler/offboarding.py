"""Take a person out of every manifest and every group, so that the next plan takes them out of every row. Offline.

Nothing is lost on the way: an edit is made only where what comes out reads as it did, less that person, and the tree is
valid with all edits before the first is written. What cannot be edited so is left as it is and told with the way out.
Reads and writes files; knows no server, no command line and no terminal.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field, replace
from errno import EACCES
from pathlib import Path
from typing import Any

from . import editing, loading, manifests
from .departures import Departure, Edit, Kept, Mention, Part, Place, Sort, lines
from .errors import InvalidInput, UsageError
from .kinds import recipients
from .loading import Checkout, Choice
from .manifests import Locator
from .model import Json, Manifest, Source
from .privacy import Address, Private, quoted, say
from .resource import Kinds, Pointer

_LIMIT = 500_000_000
_MARK = b"\xef\xbb\xbf"
"""The byte order mark, which some editors put in front of UTF-8."""

_TARGET: Pointer = ("spec", "target_value")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A place that names the person, and where the list or the text stands that holds it."""

    place: Place
    index: int
    pointer: Pointer


@dataclass(slots=True)
class _Work:
    """What is to be edited, and what has to stay."""

    entries: list[_Entry] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def keep(self, place: Place, rule: str, *parts: str | Private) -> None:
        """Leave *place* as it is."""
        self.kept.append(Kept(place, rule, say(*parts)))


@dataclass(frozen=True, slots=True)
class _Text:
    """A file as it lies on disk: its one real path from the root, its bytes, and its text."""

    path: str
    real: str
    content: bytes = field(repr=False)
    text: str = field(repr=False)

    def holding(self, text: str) -> bytes:
        """The bytes of the file with another *text*."""
        return (_MARK if self.content.startswith(_MARK) else b"") + text.encode()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A file with its edit, not written yet."""

    file: _Text
    edit: Edit
    content: bytes = field(repr=False)


def offboard(address: str, choice: Choice, folder: Path, kinds: Kinds, *, is_rehearsal: bool = False) -> Departure:
    """Take the person at *address* out of the tree that *choice* means; a rehearsal only says what would be done.

    InvalidInput where the tree is not valid to begin with, or would not be afterwards; UsageError for what is no
    address, and where a file cannot be written. Nothing is written then.
    """
    person = _person(address)
    meaning = recipients.normal(person)
    tree = _checkout(choice, folder, kinds)
    work = _work(tree, meaning)
    drafts = list(_drafts(tree, work, meaning))
    edits = tuple(draft.edit for draft in drafts)
    if drafts:
        # As the next command will read it: nothing is written that makes the tree invalid.
        edited = _checkout(choice, folder, kinds, {draft.file.real: draft.content for draft in drafts})
        if not is_rehearsal:
            _write(tree.root, drafts)
            tree, work.kept = edited, _moved(work.kept, _work(edited, meaning))
    kept = tuple(sorted(work.kept, key=lambda each: each.place))
    places = [each.place for each in kept]
    places += [place for edit in edits for place in edit.places if is_rehearsal]
    return Departure(Address(person), edits, kept, tuple(_mentions(tree, person, places)), is_rehearsal)


def _person(address: str) -> str:
    person = address.strip()
    if not recipients.is_address(person):
        raise UsageError("offboard takes the e-mail address of one person, not ", *quoted(address))
    return person


def _checkout(choice: Choice, folder: Path, kinds: Kinds, edited: Mapping[str, bytes] | None = None) -> Checkout:
    """The tree, with *edited* files by their real path. InvalidInput where anything is wrong in it."""
    tree = loading.checkout(choice, folder, kinds, edited)
    if tree.loaded.problems:
        raise InvalidInput(tree.loaded.problems, tree.loaded.warnings)
    return tree


def _moved(kept: Iterable[Kept], now: _Work) -> list[Kept]:
    """*kept*, each where it stands *now*: what was cut out above a place moved it up."""
    places = [*(each.place for each in now.kept), *(each.place for each in now.entries)]
    known = {(place.path, place.sort, place.name): place for place in places}
    return [
        replace(each, place=known.get((each.place.path, each.place.sort, each.place.name), each.place)) for each in kept
    ]


# --- where the person is named ----------------------------------------------------------------------------------------


def _work(tree: Checkout, meaning: str) -> _Work:
    """Every place that names the person, sorted into what is edited and what stays."""
    work, locate = _Work(), Locator(tree.files)
    for manifest in tree.loaded.manifests:
        entries = _recipients_of(manifest)
        if (number := _position(entries, meaning)) is not None:
            pointer = _TARGET if isinstance(manifest.spec["target_value"], str) else (*_TARGET, number)
            place = Place(manifest.source.path, *locate(manifest.source, pointer), Sort.MANIFEST, manifest.name)
            entry = _Entry(place, manifest.source.index, _TARGET)
            _sort_manifest(work, tree, entry, manifest, is_last=not _others(entries, meaning))
    for name, members in tree.loaded.config.recipients.items():
        if (number := _position(members, meaning)) is not None:
            source, pointer = _config_source(tree), ("recipients", name)
            place = Place(source.path, *locate(source, (*pointer, number)), Sort.GROUP, name)
            _sort_group(work, tree, _Entry(place, source.index, pointer), is_last=not _others(members, meaning))
    return work


def _recipients_of(manifest: Manifest) -> Sequence[str]:
    """The entries of an e-mail target as they are written; none of another channel, or of another kind."""
    if manifest.spec.get("target_type") != recipients.EMAIL:
        return ()
    value = manifest.spec.get("target_value", ())
    return value.split(",") if isinstance(value, str) else value


def _position(entries: Sequence[str], meaning: str) -> int | None:
    return next((number for number, entry in enumerate(entries) if recipients.normal(entry) == meaning), None)


def _others(entries: Iterable[str], meaning: str) -> list[str]:
    return [entry for entry in _entries(entries) if recipients.normal(entry) != meaning]


def _entries(written: Iterable[str]) -> list[str]:
    return [entry for entry in written if entry.strip()]


def _config_source(tree: Checkout) -> Source:
    """Where the one document of the config stands."""
    path = tree.config or ""
    documents, _, _ = manifests.parse(path, tree.files.read(path, _LIMIT), named=True)
    return documents[0].source


def _sort_manifest(work: _Work, tree: Checkout, entry: _Entry, manifest: Manifest, *, is_last: bool) -> None:
    """Decide what becomes of a manifest's own list."""
    if tree.named is not None and manifest.source.path not in tree.named:
        work.keep(entry.place, "outside-path", "is not in the PATHs given; leave them out to take the person out here")
    elif not is_last:
        work.entries.append(entry)
    elif manifest.spec.get("deleted") is not True:
        # Of a tombstone nobody is mailed: it is only mentioned.
        way_out = "name somebody else, or write deleted: true under spec, which stops it"
        work.keep(entry.place, "last-recipient", f"nobody else receives it; {way_out}")


def _sort_group(work: _Work, tree: Checkout, entry: _Entry, *, is_last: bool) -> None:
    """Decide what becomes of a group."""
    place = entry.place
    if tree.named is not None:
        work.keep(place, "outside-path", "groups are in the config; leave the PATHs out to take the person out here")
    elif os.path.isabs(tree.files.follow(place.path)[1]):
        work.keep(place, "link-outside", "the config is a link out of the tree, which is not followed; edit it there")
    elif not is_last:
        work.entries.append(entry)
    else:
        users = [manifest.name for manifest in tree.loaded.manifests if f"@{place.name}" in _trimmed(manifest)]
        used = f" (used by {', '.join(sorted(users))})" if users else ""
        way_out = "name somebody else, or remove the group and what uses it"
        work.keep(place, "last-recipient", f"nobody else is in the group{used}; {way_out}")


def _trimmed(manifest: Manifest) -> Collection[str]:
    return {entry.strip() for entry in _recipients_of(manifest)}


# --- what is edited ---------------------------------------------------------------------------------------------------


def _drafts(tree: Checkout, work: _Work, meaning: str) -> Iterator[_Draft]:
    """Every file that is edited, with its edit; what cannot be cut out of its text is kept."""
    by_file: dict[str, list[_Entry]] = defaultdict(list)
    for entry in work.entries:
        by_file[entry.place.path].append(entry)
    for path, entries in sorted(by_file.items()):
        file = _read(tree, path)
        pieces = manifests.split(file.text)
        edited, cut = _edited(path, pieces, entries, meaning)
        for entry in entries:
            if entry not in cut:
                way_out = "remove the address by hand"
                work.keep(
                    entry.place, "not-cut", f"it is written in a way that cannot be edited without harm; {way_out}"
                )
        if cut:
            places = tuple(sorted(entry.place for entry in cut))
            edit = Edit(path, tuple(_parts(pieces, edited)), places)
            yield _Draft(file, edit, file.holding("".join(edited)))


def _read(tree: Checkout, path: str) -> _Text:
    content = tree.files.read(path, _LIMIT)
    return _Text(path, tree.files.follow(path)[1], content, content.decode("utf-8-sig"))


def _edited(path: str, pieces: Sequence[str], entries: Sequence[_Entry], meaning: str) -> tuple[list[str], set[_Entry]]:
    """*pieces* of a file without what can be cut out of them, and the entries of which that is true."""
    edited, done = list(pieces), set[_Entry]()
    by_document: dict[int, list[_Entry]] = defaultdict(list)
    for entry in entries:
        by_document[entry.index].append(entry)
    for index, found in by_document.items():
        # What an alias repeats goes in one cut or not at all; where that fails, each is tried by itself.
        for some in (found, *([each] for each in found)):
            waiting = [entry for entry in some if entry not in done]
            text = _less(path, edited[index + 1], [entry.pointer for entry in waiting], meaning) if waiting else None
            if text is not None:
                edited[index + 1] = text
                done.update(waiting)
    return edited, done


def _less(path: str, document: str, pointers: Sequence[Pointer], meaning: str) -> str | None:
    """*document* without the person at *pointers*; None where that cannot be done, or changes anything else."""

    def is_meant(entry: str) -> bool:
        return recipients.normal(entry) == meaning

    try:
        edited = editing.without(document, pointers, is_meant)
    except editing.Uncut:
        return None
    after = _data(path, edited)
    if after is None:
        return None
    expected = _with_lists(_data(path, document), pointers, lambda entries: _others(entries, meaning))
    return edited if expected == _with_lists(after, pointers, _entries) else None


def _data(path: str, document: str) -> Json:
    """What the one document of ours says; None where there is none, or something is wrong with it."""
    documents, problems, _ = manifests.parse(path, document.encode(), named=False)
    return documents[0].data if documents and not problems else None


def _with_lists(data: Json, pointers: Iterable[Pointer], made: Any) -> Json:
    """*data* with the entries at *pointers* as *made* of them; those of a text as a list of its own sort, trimmed."""
    data = deepcopy(data)
    for *way, last in pointers:
        holder: Any = data
        for step in way:
            holder = holder[step]
        value = holder[last]
        if isinstance(value, str):
            holder[last] = ("text", [entry.strip() for entry in made(value.split(","))])
        else:
            holder[last] = made(value)
    return data


def _parts(before: Sequence[str], after: Sequence[str]) -> Iterator[Part]:
    """The documents that differ, with how many lines stand above them."""
    above = (0, 0)
    for old, new in zip(before, after, strict=True):
        if old != new:
            yield Part(old, new, above)
        above = (above[0] + len(lines(old)) - 1, above[1] + len(lines(new)) - 1)


# --- writing ----------------------------------------------------------------------------------------------------------


def _write(root: Path, drafts: Sequence[_Draft]) -> None:
    """Put every draft in the place of its file, once all of them are on the disk. UsageError where that fails."""
    written = 0
    try:
        with ExitStack() as stack:
            ready = [(_beside(root, draft, stack), root / draft.file.real) for draft in drafts]
            for beside, path in ready:
                os.replace(beside, path)
                written += 1
    except OSError as error:
        what = f"{written} other files are edited, run it again for the rest" if written else "nothing was written"
        raise UsageError(f"{error.filename2 or error.filename}: cannot be written: {error.strerror}; {what}") from error


def _beside(root: Path, draft: _Draft, stack: ExitStack) -> Path:
    """A file beside the draft's own that holds what that shall become, with its mode; *stack* takes it away again."""
    path = root / draft.file.real
    if path.read_bytes() != draft.file.content:
        raise UsageError(f"{draft.file.path}: was changed in the meantime; nothing was written, run it again")
    if not os.access(path, os.W_OK):
        raise PermissionError(EACCES, "it is read-only", draft.file.path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    beside = Path(name)
    stack.callback(beside.unlink, missing_ok=True)
    with open(descriptor, "wb") as file:
        file.write(draft.content)
        file.flush()
        os.fsync(file.fileno())
    beside.chmod(path.stat().st_mode & 0o7777)
    return beside


# --- what is left -----------------------------------------------------------------------------------------------------


def _mentions(tree: Checkout, person: str, places: Iterable[Place]) -> Iterator[Mention]:
    """The lines on which the address stands and that are none of *places*: a comment, a title, a tombstone."""
    # The next character of a longer address, or of a longer domain, would make it another one.
    inner = r"[\w.+-]"
    pattern = re.compile(rf"(?<!{inner}){re.escape(person)}(?![\w-]|\.[A-Za-z0-9])", re.IGNORECASE)
    told = {(place.path, place.line) for place in places}
    paths = {manifest.source.path for manifest in tree.loaded.manifests} | ({tree.config} if tree.config else set())
    for path in sorted(paths):
        text = _read(tree, path).text
        if pattern.search(text):
            found = (number for number, line in enumerate(lines(text), 1) if pattern.search(line))
            yield from (Mention(path, number) for number in found if (path, number) not in told)
