"""A listing is read to its end and proven complete, or it is an error."""

from collections.abc import Callable
from itertools import pairwise
from math import ceil
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.api import Run, listing
from reconciler.errors import IncompleteListing, NoAnswer, OutOfTime, Refused
from reconciler.operations import list_subscriptions, update_subscription
from tests.api.fakes import Clock, Script, Shelf, client, ok
from tests.signals import signalled

Meddler = Callable[[Shelf, int], None]


def ids(shelf: Shelf, **how: Any) -> list[int]:
    """The ids a client reads from *shelf*."""
    return [row["id"] for row in client(shelf).rows(list_subscriptions(), **how)]


def once(page: int, deed: Callable[[Shelf], None]) -> Meddler:
    """Somebody does *deed* just before page number *page* of the whole reading is cut."""

    def meddle(shelf: Shelf, number: int) -> None:
        if number == page:
            deed(shelf)

    return meddle


def always(deed: Callable[[Shelf], None]) -> Meddler:
    """Somebody does *deed* before every page but the first of a round."""

    def meddle(shelf: Shelf, number: int) -> None:
        if number:
            deed(shelf)

    return meddle


@pytest.mark.parametrize("heap", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 20, 21, 95])
def test_every_row_comes_once_and_in_the_servers_order(rows: int, heap: bool) -> None:
    """Whatever the number of rows and pages, the rows are those of the server."""
    shelf = Shelf(rows, heap=heap)

    assert shelf.ids == ids(shelf, page=10)


def test_the_first_page_asks_for_a_thousand_rows_oldest_first() -> None:
    """One request reads a thousand rows; the filter of the request is kept."""
    shelf = Shelf(1000)
    client(shelf).rows(list_subscriptions(deleted=True))

    assert [{"ordering": "created_at", "deleted": "true", "limit": "1000"}] == shelf.asked


def test_offsets_come_from_what_was_received() -> None:
    """A server that gives 100 rows where 1000 were asked for is read in pages of 100, each overlapping the last."""
    shelf = Shelf(250, cap=100)

    assert (250, [("0", "1000"), ("99", "100"), ("198", "100")]) == (
        len(ids(shelf)),
        sorted(((asked.get("offset", "0"), asked["limit"]) for asked in shelf.asked), key=lambda each: int(each[0])),
    )


@given(st.integers(0, 20_000), st.integers(142, 1500))
@example(999_000, 1000)
def test_at_most_one_request_more_than_there_are_pages(rows: int, cap: int) -> None:
    """The overlap costs one request at most, where there are not more pages than rows in one."""
    received = min(rows, cap)
    windows = list(listing.windows(rows, received))

    assert 1 + len(windows) <= max(1, ceil(rows / cap)) + 1


@given(st.integers(3, 3_000), st.integers(2, 200))
def test_every_page_overlaps_the_one_before_it(rows: int, cap: int) -> None:
    """By one row, also where pages are tiny for their number; only pages of a single row cannot."""
    offsets = [0, *(offset for offset, _ in listing.windows(rows, min(rows, cap)))]

    assert {cap - 1} >= {after - before for before, after in pairwise(offsets)}


@given(st.integers(1, 3_000), st.integers(1, 200))
def test_the_windows_cover_every_row(rows: int, cap: int) -> None:
    """No row lies between two pages."""
    received = min(rows, cap)
    covered = set(range(received))
    for offset, limit in listing.windows(rows, received):
        covered.update(range(offset, offset + limit))

    assert covered >= set(range(rows))


@pytest.mark.parametrize("count", [1000, 10_000])
def test_the_number_of_requests_is_the_number_of_pages(count: int) -> None:
    """A thousand rows are one request, ten thousand are eleven."""
    shelf = Shelf(count)

    assert (count, {1000: 1, 10_000: 11}[count]) == (len(ids(shelf)), len(shelf.asked))


def swap(shelf: Shelf) -> None:
    """Somebody removes the first row and makes another."""
    shelf.delete(0)
    shelf.insert()


RACES: dict[str, Callable[[Shelf], None]] = {
    "insert": lambda shelf: shelf.insert(),
    "delete the first": lambda shelf: shelf.delete(0),
    "delete the last": lambda shelf: shelf.delete(-1),
    "patch the first": lambda shelf: shelf.patch(0),
    "patch one of another page": lambda shelf: shelf.patch(25),
    "delete one, insert one": swap,
}


@pytest.mark.parametrize("heap", [True, False], ids=["heap", "newest first"])
@pytest.mark.parametrize("race", RACES)
@pytest.mark.parametrize("page", [1, 2, 3, 4])
def test_rows_that_change_between_two_pages_are_noticed(page: int, race: str, heap: bool) -> None:
    """Whatever somebody does between two pages, what is read is what the server held at one moment of the reading."""
    shelf = Shelf(40, heap=heap)
    before = sorted(shelf.ids)
    shelf.meddle = once(page, RACES[race])

    assert sorted(ids(shelf, page=10)) in (before, sorted(shelf.ids))


@pytest.mark.parametrize("cap", [10, 4, 3, 2])
@pytest.mark.parametrize(("heap", "place"), [(True, 0), (False, 35)], ids=["heap", "newest first"])
def test_a_row_that_vanishes_while_another_appears_does_not_hide_a_third(heap: bool, place: int, cap: int) -> None:
    """The count stays, every id is different, and still one row was skipped or is gone: the overlap shows it."""
    shelf = Shelf(40, heap=heap, cap=cap)

    def replace(shelf: Shelf) -> None:
        shelf.delete(place)
        shelf.insert()

    shelf.meddle = once(3, replace)

    assert shelf.ids == ids(shelf)


@pytest.mark.parametrize("heap", [True, False], ids=["heap", "newest first"])
@pytest.mark.parametrize("race", ["insert", "delete the first"])
def test_rows_that_never_stop_changing_are_an_error(race: str, heap: bool) -> None:
    """After three rounds the listing is given up, with what was seen and what to do."""
    shelf = Shelf(200, heap=heap)
    shelf.meddle = always(RACES[race])

    with pytest.raises(
        IncompleteListing, match=r"was read 3 times .*the number of rows changed .* nothing was planned"
    ):
        ids(shelf, page=10)


def test_later_rounds_read_one_page_after_the_other() -> None:
    """The second round asks for each page when the one before it is there."""
    shelf = Shelf(25, cap=10)
    shelf.meddle = once(1, RACES["delete the first"])
    ids(shelf)

    assert ["0", "9", "18"] == [asked.get("offset", "0") for asked in shelf.asked[3:]]


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_tiny_pages_are_read_to_the_end_in_later_rounds_too(cap: int) -> None:
    """However small the server's pages are, every round ends."""
    shelf = Shelf(12, cap=cap)
    shelf.meddle = once(1, RACES["delete the first"])

    assert shelf.ids == ids(shelf)


def page(count: int, *row_ids: int, more: str | None = None) -> httpx.Response:
    """One page of a listing."""
    return ok({"count": count, "next": more, "previous": None, "results": [{"id": each} for each in row_ids]})


@pytest.mark.parametrize(
    ("answers", "seen"),
    [
        ([page(3, 1, 2)], "rows"),
        ([page(2, 1, 1)], "1 rows came twice, of 2"),
        ([page(1, 1, 2)], "2 rows came, and the server counts 1"),
        ([page(2, 1, 2, more="https://us.posthog.com/x")], "2 rows came, and the server says there are more"),
        ([page(5)], "0 rows came, and the server counts 5"),
    ],
    ids=["short", "twice", "too many", "more", "none"],
)
def test_a_listing_that_does_not_add_up_is_an_error(answers: list[httpx.Response], seen: str) -> None:
    """The message says what did not add up."""
    with pytest.raises(IncompleteListing, match=seen):
        client(Script(*answers)).rows(list_subscriptions())


@pytest.mark.parametrize(
    "broken",
    [
        {"results": []},
        {"count": "1", "results": []},
        {"count": True, "results": []},
        {"count": 1, "results": {}},
        {"count": 1, "results": [7]},
        {"count": 1, "results": [{"name": "no id"}]},
        {"count": 1, "results": [{"id": None}]},
        {"count": 1, "results": [{"id": [1]}]},
    ],
)
def test_what_is_not_a_page_is_a_lost_answer(broken: dict[str, Any]) -> None:
    """A body of another shape is asked for again, and is never taken for an empty listing."""
    script = Script(ok(broken))

    with pytest.raises(NoAnswer, match="not a page of rows"):
        client(script).rows(list_subscriptions())
    assert 5 == len(script.requests)


def test_a_row_that_cannot_be_decoded_is_an_error() -> None:
    """The listing says why; another program's answer is not planned from."""

    def decode(row: Any) -> None:
        raise ValueError("not a subscription")

    with pytest.raises(IncompleteListing, match="cannot be read \\(not a subscription\\): nothing was planned"):
        client(Script(page(1, 1))).rows(list_subscriptions(), decode=decode)


def test_a_page_that_cannot_be_had_is_an_error() -> None:
    """When one page of many fails, no rows are returned at all."""
    shelf = Shelf(30)

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500) if request.url.params.get("offset") == "18" else shelf(request)

    with pytest.raises(NoAnswer):
        client(handler).rows(list_subscriptions(), page=10)


def test_a_signal_that_the_reader_of_a_page_is_given_is_heard_at_once() -> None:
    """Python handles it in the main thread, which must not sleep until the page is there."""
    heard: list[bool] = []
    shelf = Shelf(20)

    with signalled() as give:

        def handler(request: httpx.Request) -> httpx.Response:
            if request.url.params.get("offset") == "9":
                heard.append(give())
            return shelf(request)

        assert 20 == len(client(handler).rows(list_subscriptions(), page=10))
    assert [True] == heard[:1]


def test_a_next_link_elsewhere_is_only_a_sign_that_there_is_more() -> None:
    """Links of another origin are not followed and do no harm: every request goes to the host of the config."""
    hosts = set()
    shelf = Shelf(30)

    def handler(request: httpx.Request) -> httpx.Response:
        hosts.add(f"{request.url.scheme}://{request.url.host}")
        return shelf(request)

    assert (30, {"https://us.posthog.com"}) == (len(client(handler).rows(list_subscriptions(), page=10)), hosts)


def test_an_absurd_count_is_refused_without_filling_the_memory() -> None:
    """A count that no run could read ends as an error, not as a plan for a billion requests."""
    clock = Clock()
    run = Run(1, clock=clock, sleep=clock.sleep)

    with pytest.raises(OutOfTime, match="the 1 seconds this run may take"):
        client(Script(page(10**15, 1, 2)), run=run).rows(list_subscriptions())


def test_rows_are_decoded_as_they_come() -> None:
    """What *decode* returns is kept, in the server's order, each row once although pages overlap."""
    assert tuple(str(number) for number in range(1, 31)) == client(Shelf(30)).rows(
        list_subscriptions(), decode=lambda row: str(row["id"]), page=10
    )


def test_progress_is_told() -> None:
    """Rows read so far, and how many there are."""
    told: list[tuple[int, int]] = []
    client(Shelf(25)).rows(list_subscriptions(), page=10, progress=lambda *seen: told.append(seen))

    assert [(10, 25), (19, 25), (25, 25)] == told


def test_a_listing_only_reads() -> None:
    """A request that writes is no listing."""
    shelf = Shelf(1)

    with pytest.raises(Refused, match="it is none of the reads this program knows"):
        client(shelf).rows(update_subscription(1, {}))
    assert [] == shelf.asked
