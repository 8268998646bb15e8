"""Everything about one sandbox that is not a row: rules, clock, outbox, request log, faults. Knows no Django."""

import itertools
import random
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reconciler.sandbox.faults import Faults
from reconciler.sandbox.records import Journal, Message, Request
from reconciler.sandbox.rules import Rules

# The name under which the gateway hands the world to Django's views.
ENVIRON_KEY = "reconciler.sandbox.world"

# How long the link in a mail works (contract §7).
LINK_LIFE = timedelta(days=30)

MAIN_PROJECT, OTHER_PROJECT, HIDDEN_PROJECT = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Project:
    """A project, as far as a key cares."""

    id: int
    token: str  # the public one, which `?token=` takes
    is_visible: bool = True  # to the owner of the keys


PROJECTS = {
    MAIN_PROJECT: Project(MAIN_PROJECT, "phc_main"),
    OTHER_PROJECT: Project(OTHER_PROJECT, "phc_other"),
    HIDDEN_PROJECT: Project(HIDDEN_PROJECT, "phc_hidden", is_visible=False),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A personal API key, known only by its hash."""

    digest: str
    user_id: int
    scopes: frozenset[str]
    projects: frozenset[int] | None = None  # None: every project of the user

    def grants(self, needed: str) -> bool:
        """Whether it has the scope *needed*; writing implies reading."""
        thing, _, level = needed.partition(":")
        sufficient = {"*", needed} | ({f"{thing}:write"} if level == "read" else set())
        return not sufficient.isdisjoint(self.scopes)


class Clock:
    """The sandbox's time: the real one until it is set."""

    def __init__(self) -> None:
        """Begin with the real time."""
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        """This moment, in UTC."""
        return self._frozen or datetime.now(UTC)

    def set(self, moment: datetime | None) -> None:
        """Stop the clock at *moment*; None lets it run again. A moment without a zone is UTC."""
        self._frozen = moment and in_utc(moment)

    def advance(self, moment: datetime) -> None:
        """Move a stopped clock on to *moment*; a running one needs no help."""
        if self._frozen is not None and in_utc(moment) > self._frozen:
            self._frozen = in_utc(moment)


@dataclass(frozen=True, slots=True)
class Link:
    """What an unsubscribe link stands for."""

    subscription_id: int
    address: str  # as it is spelled in the row
    expires: datetime


@dataclass(slots=True)
class World:
    """The state of one sandbox beside its rows. Mutable: it is the place where things happen."""

    rules: Rules
    random: random.Random
    faults: Faults
    throttle_scale: float = 1.0
    clock: Clock = field(default_factory=Clock)
    outbox: Journal[Message] = field(default_factory=Journal)
    log: Journal[Request] = field(default_factory=Journal)
    keys: dict[str, Key] = field(default_factory=dict)  # by digest
    throttled: dict[str, list[float]] = field(default_factory=dict)  # when each bucket was drawn from, newest first
    drawing: threading.Lock = field(default_factory=threading.Lock)
    links: dict[str, Link] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def of(cls, rules: Rules, seed: int, throttle_scale: float = 1.0) -> "World":
        """A fresh world."""
        return cls(rules, random.Random(seed), Faults(seed), throttle_scale)

    def reset(self, rules: Rules, seed: int) -> None:
        """Everything as it was at the start, by *rules*; the clock runs again."""
        self.rules = rules
        self.random.seed(seed)
        self.faults.reset(seed)
        self.clock.set(None)
        self.outbox.clear()
        self.log.clear()
        self.throttled.clear()
        self.links.clear()
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        """The number of the next request."""
        return next(self._numbers)

    def draw(self, bucket: str, number: int, seconds: float) -> float | None:
        """Take one of *number* per *seconds* from *bucket*: None, or how long until there is one again.

        A sliding window of timestamps; a refusal takes nothing.
        """
        with self.drawing:
            window, now = seconds * self.throttle_scale, time.monotonic()
            drawn = self.throttled.setdefault(bucket, [])
            while drawn and drawn[-1] <= now - window:
                drawn.pop()
            if len(drawn) >= number:
                return window - (now - drawn[-1])
            drawn.insert(0, now)
            return None

    def link_for(self, subscription_id: int, address: str) -> str:
        """A new unsubscribe link, as a path on this server."""
        token = secrets.token_urlsafe(16)
        self.links[token] = Link(subscription_id, address, self.clock.now() + LINK_LIFE)
        return f"/unsubscribe?token={token}"

    def link(self, token: str) -> Link | None:
        """What *token* stands for; None when it is unknown or too old."""
        link = self.links.get(token)
        return link if link and self.clock.now() < link.expires else None


def in_utc(moment: datetime) -> datetime:
    """*moment* in UTC, which is also what a moment without a zone is in."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
