"""The same deed for many things, several at once. Knows threads; knows nothing of the deed.

Whoever waits here wakes up every moment. Python handles a signal in the main thread, but the system may hand it to any:
then a main thread that sleeps until somebody is done hears of Ctrl-C only when everything is over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8

MOMENT = 0.05
"""Seconds after which whoever waits wakes up, to hear of a signal."""


def awaited(future: Future[R]) -> R:
    """What *future* comes to, or the error that it ends with."""
    _settle(future)
    return future.result()


def _settle(future: Future[R]) -> None:
    while not wait([future], timeout=MOMENT).done:
        pass


def several(things: Sequence[T], deed: Callable[[T], R], *, at_once: int = AT_ONCE) -> list[R]:
    """What *deed* answers for each of *things*, in their order, at most *at_once* under way at a time.

    The first error ends it: what is under way is finished, nothing new is begun, and the error is raised.
    """
    results: dict[int, R] = {}
    waiting = iter(enumerate(things))
    turn, over = threading.Lock(), threading.Event()

    def work() -> None:
        while not over.is_set():
            with turn:
                following = next(waiting, None)
            if following is None:
                return
            index, thing = following
            try:
                results[index] = deed(thing)
            except BaseException:
                over.set()
                raise

    with ThreadPoolExecutor(at_once, thread_name_prefix="several") as pool:
        workers: list[Future[None]] = []
        try:
            for _ in range(min(at_once, len(things))):
                if not _joined(pool, work, workers):
                    break
            for worker in workers:
                awaited(worker)
        finally:
            over.set()  # also when this thread is interrupted while it waits
            for worker in workers:
                _settle(worker)
    return [results[index] for index in range(len(things))]


def _joined(pool: ThreadPoolExecutor, work: Callable[[], None], workers: list[Future[None]]) -> bool:
    """Whether one more does *work*. Where no further thread is to be had, those who are at it already do all of it."""
    try:
        workers.append(pool.submit(work))
    except RuntimeError:
        if not workers:
            raise
        return False
    return True


def meanwhile(waiting: Callable[[], T], deed: Callable[[], R]) -> tuple[T, R]:
    """What both answer: *waiting*, which mostly waits, in a thread of its own, and *deed* here.

    An error of *deed*, or an interrupt, does not wait for the other; nobody hears of that one's answer then.
    """
    answers: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(waiting())
        except BaseException as error:  # raised where it was asked for  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=work, name="meanwhile", daemon=True)
    thread.start()
    done = deed()
    while thread.is_alive():
        thread.join(MOMENT)
    if errors:
        raise errors[0]
    return answers[0], done
