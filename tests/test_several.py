"""One deed for many things at once: order, width, and the end at the first error."""

import threading
from collections.abc import Callable

import pytest

from reconciler.several import meanwhile, several
from tests.signals import signalled


def test_answers_come_in_the_order_of_the_things() -> None:
    """Whoever is done first."""
    slow = threading.Event()

    def deed(number: int) -> int:
        if number == 0:
            slow.wait(5)
        if number == 9:
            slow.set()
        return number * 2

    assert [number * 2 for number in range(10)] == several(range(10), deed, at_once=2)


def test_nothing_is_nothing() -> None:
    """No thing, no answer."""
    assert [] == several([], str)


def test_no_more_than_so_many_are_under_way() -> None:
    """And so many are, where there are enough things."""
    everybody = threading.Barrier(3, timeout=5)
    now, most, turn = 0, 0, threading.Lock()

    def deed(_: int) -> None:
        nonlocal now, most
        with turn:
            now += 1
            most = max(most, now)
        everybody.wait()
        with turn:
            now -= 1

    several(range(9), deed, at_once=3)

    assert 3 == most


def test_the_first_error_ends_it() -> None:
    """What is under way is finished; nothing new is begun."""
    begun: list[int] = []

    def deed(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        several(range(1000), deed, at_once=1)

    assert [0, 1] == begun


def test_an_error_of_any_worker_ends_all() -> None:
    """Also where the worker that is waited for first goes on for long."""
    begun: list[int] = []
    failed = threading.Event()

    def deed(number: int) -> None:
        begun.append(number)
        if number == 1:
            failed.set()
            raise ValueError("no")
        failed.wait(5)

    with pytest.raises(ValueError, match="no"):
        several(range(10_000), deed, at_once=2)

    assert len(begun) < 10_000


def test_something_is_done_while_another_waits() -> None:
    """Each hears of the other, which neither could alone."""
    begun, done = threading.Event(), threading.Event()

    def waiting() -> bool:
        begun.set()
        return done.wait(5)

    def deed() -> bool:
        there = begun.wait(5)
        done.set()
        return there

    assert (True, True) == meanwhile(waiting, deed)


@pytest.mark.parametrize("most", [1, 2])
def test_where_no_further_thread_is_to_be_had_the_others_do_it_all(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Nothing is lost, and nothing is raised of which some is done already."""
    start, begun = threading.Thread.start, list[threading.Thread]()

    def scarce(thread: threading.Thread) -> None:
        if len(begun) == most:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)

    assert [0, 2, 4, 6] == several(range(4), lambda number: number * 2)


def test_without_any_thread_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is raised, and no deed was done."""
    done: list[int] = []

    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)

    with pytest.raises(RuntimeError, match="new thread"):
        several([1, 2], done.append)
    assert [] == done


def test_an_error_of_what_waits_is_raised_when_the_deed_is_done() -> None:
    """Not lost in its thread."""
    done: list[str] = []

    def waiting() -> None:
        raise ValueError("no listing")

    with pytest.raises(ValueError, match="no listing"):
        meanwhile(waiting, lambda: done.append("deed"))
    assert ["deed"] == done


def test_an_error_of_the_deed_does_not_wait() -> None:
    """As an interrupt must not: what waits may wait for minutes."""
    never = threading.Event()

    def deed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        meanwhile(lambda: never.wait(60), deed)
    never.set()


@pytest.mark.parametrize(
    "waited_for",
    [
        pytest.param(lambda deed: several([1], deed), id="several"),
        pytest.param(lambda deed: meanwhile(lambda: deed(1), lambda: None)[0], id="meanwhile"),
    ],
)
def test_a_signal_that_another_thread_gets_is_heard_at_once(
    waited_for: Callable[[Callable[[int], bool]], list[bool] | bool],
) -> None:
    """As the system sometimes does with Ctrl-C; the thread that waits handles it, and not only when all is done."""
    with signalled() as give:
        assert waited_for(lambda _: give()) in (True, [True])
