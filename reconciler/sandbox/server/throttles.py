"""Rate limits: sliding windows of timestamps per key, as REST framework keeps them (contract §2.5)."""

import time
from typing import Any

from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from reconciler.sandbox.world import World

MINUTE, HOUR = 60.0, 3600.0
TEST_DELIVERIES = 10  # per minute and team, whoever asks


def draw(world: World, bucket: str, number: int, seconds: float) -> float | None:
    """Take one from *bucket*: None when there was one, else how long until there is. A refusal takes nothing."""
    window, now = seconds * world.throttle_scale, time.monotonic()
    drawn = world.throttled.setdefault(bucket, [])
    while drawn and drawn[-1] <= now - window:
        drawn.pop()
    if len(drawn) >= number:
        return window - (now - drawn[-1])
    drawn.insert(0, now)
    return None


class _Window(BaseThrottle):
    """One limit of the view, of which a view has two."""

    place: int
    seconds: float

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the key has not yet asked too often."""
        if view.world.rules.has("no-throttle"):
            return True
        bucket = f"{view.key.digest}/{view.rates}/{self.place}"
        self._wait = draw(view.world, bucket, view.rates[self.place], self.seconds)
        return self._wait is None

    def wait(self) -> float | None:
        """Seconds until the next request may come."""
        return self._wait


class Burst(_Window):
    """So many a minute."""

    place, seconds = 0, MINUTE


class Sustained(_Window):
    """So many an hour."""

    place, seconds = 1, HOUR


def draw_test_delivery(world: World, project_id: int) -> None:
    """Refuse the eleventh test delivery of a team within a minute."""
    if world.rules.has("no-throttle"):
        return
    wait = draw(world, f"test-delivery/{project_id}", TEST_DELIVERIES, MINUTE)
    if wait is not None:
        raise Throttled(wait)
