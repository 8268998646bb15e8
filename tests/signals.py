"""A signal that another thread is given, as the system sometimes gives one Ctrl-C."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def signalled() -> Iterator[Callable[[], bool]]:
    """For another thread to call: it is given a signal; whether the main thread, where Python handles it, heard it."""
    heard = threading.Event()

    def give() -> bool:
        time.sleep(0.2)  # until the main thread sleeps, too
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        return heard.wait(5)

    before = signal.signal(signal.SIGUSR1, lambda *_: heard.set())
    try:
        yield give
    finally:
        signal.signal(signal.SIGUSR1, before)
