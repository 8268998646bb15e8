"""Read every page of a listing, and prove that nothing was missed. Pure but for the `fetch` it is given.

A listing is complete when `count` was the same on every page, as many different ids were read as it says, none came
twice, each page began with the row the one before it ended with, and the last page promised no further one. Pages
overlap by that row because the count alone cannot tell when one row vanished and another appeared between two pages:
the rows move up, one is skipped, and the vanished one makes up the number (contract §2.6). A listing that is not
complete is read again, one page after the other, and then given up: a doubtful listing plans nothing.

`next` is only a sign that there is more: its address is never used. Knows offsets and ids; knows nothing of HTTP, of
retries or of what a row is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Generic, TypeVar

from ..errors import IncompleteListing
from ..model import Json
from ..several import awaited

PAGE = 1000
"""Rows asked for at once. Servers have no maximum (contract §2.6); one that has is taken at its word."""

READERS = 8
ROUNDS = 3
PAGES = 4_000
"""More pages than a run has time for. A count beyond them is absurd, and must not fill the memory with plans."""


T = TypeVar("T")

Fetch = Callable[[int, int], Json]
"""(offset, limit) -> the page as it came."""

Progress = Callable[[int, int], None]
"""Called with the rows read so far and the count the server gave, from the thread that reads the listing."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page: where it began, what the server says of the whole, and its rows, already decoded."""

    offset: int
    count: int
    has_next: bool
    ids: tuple[int | str, ...]
    rows: tuple[T, ...]


def is_page(document: Json) -> bool:
    """Whether *document* has the shape of a page: a count, and results that are objects with an id."""
    return (
        isinstance(document, dict)
        and type(document.get("count")) is int
        and isinstance(document.get("results"), list)
        and all(isinstance(row, dict) and type(row.get("id")) in (int, str) for row in document["results"])
    )


def page_of(document: Json, offset: int, decode: Callable[[Json], T]) -> Page[T]:
    """*document*, which `is_page`, with its rows decoded so that the raw ones need not be kept."""
    results = document["results"]
    try:
        rows = tuple(decode(row) for row in results)
    except ValueError as error:
        raise IncompleteListing(
            f"the listing holds a row that cannot be read ({error}): nothing was planned from it. Check that the host "
            "is PostHog's"
        ) from error
    ids = tuple(row["id"] for row in results)
    return Page(offset, document["count"], document.get("next") is not None, ids, rows)


def windows(count: int, received: int) -> Iterator[tuple[int, int]]:
    """(offset, limit) of the pages after a first one that brought *received* of *count* rows, as a server caps them.

    Each begins with the last row of the one before it, which costs one further request as long as there are not more
    pages than rows in one. Pages of a single row can only touch.
    """
    if received < 1:
        return
    step, back = (received, 0) if received == 1 else (received - 1, 1)
    for offset in range(received, count, step):
        yield offset - back, received


def read(
    fetch: Fetch, decode: Callable[[Json], T], *, page: int = PAGE, progress: Progress | None = None
) -> tuple[T, ...]:
    """Every row of the listing, in the server's order; IncompleteListing when that cannot be proven."""
    tell = progress or _tell_nobody
    seen: list[str] = []
    for number in range(ROUNDS):
        read_round = _one_after_the_other if number else _at_once
        pages = read_round(fetch, decode, page, tell)
        if (doubt := doubt_about(pages)) is None:
            return tuple(joined(pages))
        seen.append(doubt)
    raise IncompleteListing(
        f"the listing was read {ROUNDS} times and cannot be proven complete ({'; then '.join(dict.fromkeys(seen))}): "
        "nothing was planned from it. Somebody may be changing subscriptions just now: run it again in a minute"
    )


def doubt_about(pages: Sequence[Page[T]]) -> str | None:
    """What speaks against *pages* being all rows, each once; None when it is proven that they are."""
    counts = sorted({page.count for page in pages})
    if len(counts) > 1:
        return f"the number of rows changed from page to page, {counts[0]} to {counts[-1]}"
    for before, after in pairwise(pages):
        shared = _overlap(before, after)
        if shared and before.ids[-shared:] != after.ids[:shared]:
            return f"rows moved between two pages, about row {after.offset}"
    ids = [each for before, after in _pairs(pages) for each in after.ids[_overlap(before, after) :]]
    if len(ids) != len(set(ids)):
        return f"{len(ids) - len(set(ids))} rows came twice, of {counts[0]}"
    if len(ids) != counts[0]:
        return f"{len(ids)} rows came, and the server counts {counts[0]}"
    if pages[-1].has_next:
        return f"{len(ids)} rows came, and the server says there are more"
    return None


def joined(pages: Sequence[Page[T]]) -> Iterator[T]:
    """The rows of *pages*, those in which two pages overlap only once."""
    for before, after in _pairs(pages):
        yield from after.rows[_overlap(before, after) :]


def _pairs(pages: Sequence[Page[T]]) -> Iterator[tuple[Page[T] | None, Page[T]]]:
    return zip((None, *pages), pages, strict=False)


def _overlap(before: Page[T] | None, after: Page[T]) -> int:
    """How many rows *after* begins with that *before* already had."""
    return 0 if before is None else max(0, before.offset + len(before.ids) - after.offset)


def _tell_nobody(_read: int, _count: int) -> None:
    """Progress that nobody watches."""


def _at_once(fetch: Fetch, decode: Callable[[Json], T], size: int, tell: Progress) -> list[Page[T]]:
    """The first page, then all others at the same time."""
    first = page_of(fetch(0, size), 0, decode)
    tell(len(first.ids), first.count)
    others = list(islice(windows(first.count, len(first.ids)), PAGES))
    if not others:
        return [first]
    pages = [first]
    with ThreadPoolExecutor(min(READERS, len(others)), "listing") as pool:
        coming = [pool.submit(lambda window: page_of(fetch(*window), window[0], decode), window) for window in others]
        try:
            for page in map(awaited, coming):
                pages.append(page)
                tell(min(page.offset + len(page.ids), page.count), page.count)
        except BaseException:
            # When a page cannot be had, those that were not begun are not asked for.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return pages


def _one_after_the_other(fetch: Fetch, decode: Callable[[Json], T], size: int, tell: Progress) -> list[Page[T]]:
    """Page by page, each beginning with the last row of the one before, until there are no more or none is new."""
    pages = [page_of(fetch(0, size), 0, decode)]
    known: set[int | str] = set()
    while True:
        last = pages[-1]
        end = last.offset + len(last.ids)
        tell(min(end, last.count), last.count)
        if known.issuperset(last.ids) or not (last.has_next or end < last.count):
            return pages
        known.update(last.ids)
        offset = end - 1 if len(last.ids) > 1 else end
        pages.append(page_of(fetch(offset, size), offset, decode))
