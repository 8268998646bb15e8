"""Rate limits: which buckets a request draws from (contract §2.5)."""

from typing import Any

from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from reconciler.sandbox.world import World

MINUTE, HOUR = 60.0, 3600.0
TEST_DELIVERIES = 10  # per minute and team, whoever asks


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
        self._wait = view.world.draw(bucket, view.rates[self.place], self.seconds)
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
    wait = world.draw(f"test-delivery/{project_id}", TEST_DELIVERIES, MINUTE)
    if wait is not None:
        raise Throttled(wait)
