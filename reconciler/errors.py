"""Every error raised on purpose: one root, each with the exit code it ends the command with (design §6).

    ReconcilerError                       1
    +-- UsageError                        1   the command line or the environment is wrong
    |   +-- NoKey                         1   the variable of a key is not set
    |   +-- NoBase                        1   the commit to compare with cannot be had
    +-- InvalidInput                      1   manifests or config are wrong; carries every Problem found
    +-- ServerError                       1   the server refused, or cannot be believed
    |   +-- Refused                       1   a final answer: 400 401 402 403 404 405 ...
    |   +-- Moved                         1   a redirect to another origin, which is never followed
    |   +-- IncompleteListing             1   the rows read are not proven to be all of them
    |   +-- NoAnswer                      1   no usable answer; a write may or may not have happened
    |   +-- OutOfTime                     1   the deadline of the run would pass before the server is ready
    |   +-- Overtaken                     1   what was compared is no longer so: the write was not sent
    +-- ForgeError                        1   GitHub refused, or did not answer
    +-- PlanRefused                       3   a blocking finding, another digest, not confirmed
    +-- Interrupted                     130   the person or the machine said stop

Knows messages with masked parts, and nothing else of the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain

from .privacy import Message, Private, guarded, say, show


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the input: where, which rule, and a message that says the way out.

    `path` is as the user would type it; `line` and `column` count from 1; all three are None where there is no place.
    """

    rule: str
    message: Message
    path: str | None = None
    line: int | None = None
    column: int | None = None

    @property
    def place(self) -> str:
        """`path:line:column`, as far as they are known."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)

    @property
    def guarded(self) -> Problem:
        """The same with all masked that looks private: words that somebody typed, or that a server repeats."""
        return replace(self, message=tuple(chain.from_iterable(map(_guarded, self.message))))


def _guarded(part: str | Private) -> Message:
    return guarded(part) if isinstance(part, str) else (part,)


class ReconcilerError(Exception):
    """The root of every error raised on purpose."""

    exit_code = 1
    rule = "error"

    def __init__(self, *parts: str | int | Private) -> None:
        """Say what happened and the way out, in *parts*; masked parts stay masked in `str`."""
        self.message: Message = say(*parts)
        super().__init__(show(self.message, addresses=False))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The error as problems with a place, for reports; one without a place unless a subclass has better."""
        return (Problem(self.rule, self.message),)


class UsageError(ReconcilerError):
    """The command line or the environment variables are wrong."""

    rule = "usage"

    def __init__(self, *parts: str | int | Private) -> None:
        """Say what is wrong; the words that were typed, which may be a key or an address by mistake, are masked."""
        super().__init__(*chain.from_iterable(map(_guarded, say(*parts))))


class NoKey(UsageError):
    """The variable that is to hold a key is not set, or empty."""


class NoBase(UsageError):
    """The commit to compare with is not here and cannot be fetched."""

    rule = "no-base"


class InvalidInput(ReconcilerError):
    """Manifests or config are wrong; `problems` holds every one that was found."""

    rule = "invalid"

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        """Carry every problem in *problems*, in the order of files and lines."""
        self._problems = tuple(problems)
        self.warnings = tuple(warnings)
        many = len(self._problems)
        super().__init__(f"{many} problem{'s' if many != 1 else ''} in the input")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem found, with its place."""
        return self._problems


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP answer said, as far as it may be shown: the error envelope of contract §2.4, scrubbed."""

    status: int | None = None
    type: str | None = None
    code: str | None = None
    attr: str | None = None
    detail: str | None = None

    @property
    def is_posthog(self) -> bool:
        """Whether PostHog itself said it, and not something in front of it, whose errors may be JSON as well.

        PostHog's have a type that is one word, and a code (contract §2.4); a gateway's have an address for a type
        (`about:blank`, RFC 9457), or none.
        """
        return self.type is not None and _WORD.fullmatch(self.type) is not None and bool(self.code)


_WORD = re.compile(r"[a-z]+(_[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Attempted:
    """How a request went: how often it was sent, the last answer, and how many tries may have been carried out."""

    attempts: int = 1
    answer: Answer = field(default_factory=Answer)
    doubts: int = 0


class ServerError(ReconcilerError):
    """The server refused, or its answer cannot be believed."""

    rule = "server"

    def __init__(self, *parts: str | int | Private, attempted: Attempted | None = None) -> None:
        """Say what the server did; *attempted* carries the HTTP facts."""
        self.attempted = attempted or Attempted()
        super().__init__(*parts)


class Refused(ServerError):
    """A final answer: sending the same request again would not help."""

    rule = "refused"


class Moved(ServerError):
    """A redirect, or a `next` link, to another origin: never followed, because the key would go with it."""

    rule = "moved"


class IncompleteListing(ServerError):
    """The rows that were read are not proven to be all of them, so nothing can be planned from them."""

    rule = "incomplete-listing"


class NoAnswer(ServerError):
    """No usable answer. For a write: it may or may not have happened."""

    rule = "no-answer"


class OutOfTime(ServerError):
    """The deadline of the run would pass before the server is ready for another try."""

    rule = "out-of-time"


class Overtaken(ServerError):
    """What was compared is no longer so, or could not be looked at again: the write was not sent."""

    rule = "overtaken"


class ForgeError(ReconcilerError):
    """GitHub refused, or did not answer; what had to be said there is not said."""

    rule = "forge"

    def __init__(self, *parts: str | int | Private, status: int | None = None) -> None:
        """Say what was asked and what became of it; *status* is the HTTP status, None where no answer came."""
        self.status = status
        super().__init__(*parts)

    @property
    def is_denied(self) -> bool:
        """Whether the token may not do this: GitHub says 403, or 404 for what it will not even show."""
        return self.status in (403, 404)

    @property
    def is_doubtful(self) -> bool:
        """Whether a write may have happened all the same."""
        return self.status is None or self.status >= 500


class PlanRefused(ReconcilerError):
    """The plan may not be applied: something blocks, it is not the plan that was reviewed, or nobody said yes."""

    exit_code = 3
    rule = "refused"


class Interrupted(ReconcilerError):
    """The person or the machine said stop."""

    exit_code = 130
    rule = "interrupted"

    def __init__(self, *parts: str | int | Private, attempted: Attempted | None = None) -> None:
        """Say what was left; *attempted* says what had been sent of the request that was not finished."""
        self.attempted = attempted or Attempted(0)
        super().__init__(*parts)
