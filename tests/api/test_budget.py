"""What all requests of a run share: the budget, the width, the deadline and the wish to stop."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.api import Budget, Run, Width
from reconciler.errors import Interrupted, OutOfTime
from tests.api.fakes import Clock


def spend(budget: Budget, clock: Clock, times: int) -> list[float]:
    """When each of *times* requests was allowed."""
    moments = []
    for _ in range(times):
        budget.spend(clock.sleep)
        moments.append(clock())
    return moments


def test_what_the_budget_holds_is_spent_at_once() -> None:
    """Nobody waits while the minute has room."""
    clock = Clock()

    assert [0.0] * 400 == spend(Budget(clock=clock), clock, 400)


def test_the_next_request_waits_until_the_first_is_a_minute_old() -> None:
    """The window slides: request 401 is sent when request 1 has left the minute."""
    clock = Clock()

    assert [0.0, 0.0, 0.0, 60.0, 60.0, 60.0, 120.0] == spend(Budget(3, clock=clock), clock, 7)


@given(st.lists(st.floats(0, 40), min_size=1, max_size=60))
def test_no_minute_ever_holds_more_than_the_limit(gaps: list[float]) -> None:
    """However requests arrive, at most five fall into any sixty seconds."""
    clock = Clock()
    moments: list[float] = []
    budget = Budget(5, clock=clock)
    for gap in gaps:
        clock.seconds += gap
        budget.spend(clock.sleep)
        moments.append(clock())

    assert all(later - earlier >= 60 - 1e-6 for earlier, later in zip(moments, moments[5:], strict=False))


def test_a_hold_silences_everybody() -> None:
    """Once one thread was told to wait, all wait."""
    clock = Clock()
    budget = Budget(clock=clock)
    budget.hold(30)

    assert [30.0, 30.0] == spend(budget, clock, 2)


def test_a_hold_reaches_those_who_already_wait_for_their_turn() -> None:
    """A thread whose slot comes during a hold waits for the end of the hold."""
    clock = Clock()
    budget = Budget(1, clock=clock)

    def pause(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) == 1:
            budget.hold(15)

    budget.spend(pause)
    budget.spend(pause)

    assert [60.0, 15.0] == clock.slept


def test_a_shorter_hold_does_not_lift_a_longer_one() -> None:
    """The latest moment anybody named counts."""
    clock = Clock()
    budget = Budget(clock=clock)
    budget.hold(30)
    budget.hold(5)

    assert [30.0] == spend(budget, clock, 1)


def test_threads_share_the_budget() -> None:
    """Slots are given out once, whoever asks."""
    waits: list[float] = []
    budget = Budget(4, clock=Clock())
    threads = [threading.Thread(target=budget.spend, args=[waits.append]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [60.0] * 4 == waits


def test_a_429_halves_the_writers_and_calm_rounds_bring_them_back_one_by_one() -> None:
    """Additive increase, multiplicative decrease."""
    width = Width(8)
    limits: list[int] = []
    width.throttled()
    limits.append(width.limit)
    for _ in range(4 + 5 + 6 + 7):
        width.succeeded()
        limits.append(width.limit)

    assert [4] * 4 + [5] * 5 + [6] * 6 + [7] * 7 + [8] == limits


def test_429s_of_one_and_the_same_full_bucket_count_once() -> None:
    """Four writers that are all throttled before anything succeeds are halved once."""
    width = Width(4)
    for _ in range(4):
        width.throttled()

    assert 2 == width.limit


def test_there_is_always_one_writer_and_never_more_than_the_most() -> None:
    """The width stays between one and its most."""
    width = Width(2)
    limits: set[int] = set()
    for _ in range(5):
        width.throttled()
        limits.add(width.limit)
        width.succeeded()
    for _ in range(50):
        width.succeeded()
        limits.add(width.limit)

    assert {1, 2} == limits


def test_no_more_writers_work_at_once_than_the_width_allows() -> None:
    """The others wait for a place; after a 429 there are half as many places."""
    width, done = Width(4), threading.Semaphore(0)

    def write() -> None:
        with width.slot():
            done.release()

    threads = [threading.Thread(target=write) for _ in range(6)]
    with width.slot(), width.slot():
        width.throttled()
        for thread in threads:
            thread.start()
        is_held_back = not done.acquire(timeout=0.05)
    for thread in threads:
        thread.join()

    assert (True, 2, True) == (is_held_back, width.limit, all(done.acquire(blocking=False) for _ in threads))


def test_a_wait_beyond_the_deadline_ends_the_run_at_once() -> None:
    """Nobody waits for what cannot come in time; the sentence names both numbers and the option."""
    clock = Clock()
    run = Run(100, clock=clock, sleep=clock.sleep)
    clock.sleep(60)

    with pytest.raises(OutOfTime) as caught:
        run.pause(50)

    assert (
        "the server cannot be asked again for 50 seconds, and of the 100 seconds this run may take (--timeout) 40 are "
        "left: give it more, or run it again later"
    ) == str(caught.value)


def test_after_the_deadline_nothing_more_is_allowed() -> None:
    """The end of the run is stated."""
    clock = Clock()
    run = Run(100, clock=clock, sleep=clock.sleep)
    clock.sleep(100)

    with pytest.raises(OutOfTime, match=r"the 100 seconds this run may take \(--timeout\) are over: give it more"):
        run.check()


def test_a_wish_to_stop_ends_a_wait() -> None:
    """A wait that is cut short by the wish to stop does not go on to the next request."""
    stop = threading.Event()
    clock = Clock(stop=stop, stop_after=1)
    run = Run(clock=clock, sleep=clock.sleep, stop=stop)

    with pytest.raises(Interrupted, match="nothing further was sent"):
        run.pause(10)


def test_a_real_wait_ends_when_the_wish_comes_from_another_thread() -> None:
    """By default waits are waits for the wish to stop."""
    run = Run()
    threading.Timer(0.02, run.stop.set).start()

    with pytest.raises(Interrupted):
        run.pause(500)


def test_time_that_was_not_the_runs_own_is_given_back() -> None:
    """A person who thinks about a question does not use up the time that the run may take."""
    clock = Clock()
    run = Run(100, clock=clock, sleep=clock.sleep)
    with run.standing_still():
        clock.sleep(500)

    assert (100.0, 500.0) == (run.left, clock())
