"""One subscription whole, and everything that reaches a person: what `show` and `who` do, from reading to answer.

What a person chose comes in as a Choice, everything outside the program as a World; what goes out is plain data. Every
answer is made from what a plan is made of, read by a client that cannot write; nothing here makes another one. Knows
the pipeline; knows no command line, no exit codes and no terminal.
"""

from __future__ import annotations

from difflib import get_close_matches

from . import inspection
from .errors import UsageError
from .inspection import Observed
from .loading import Choice, Loaded
from .pipeline import Session, World
from .privacy import Address, listed, quoted, say
from .sightings import Portrait, Reach

AHEAD = 5
"""How many deliveries are told of a row."""

_MOST_NEAR = 3


class Lookup:
    """One run of one command: what was chosen and loaded. Nothing is sent before something is asked."""

    def __init__(self, choice: Choice, world: World) -> None:
        """Load config, tree and base. InvalidInput for what is wrong in them, UsageError for what cannot be meant."""
        self._session = Session(choice, world, ahead=AHEAD)

    @property
    def loaded(self) -> Loaded:
        """The checked tree."""
        return self._session.loaded

    def portraits(self, name: str) -> tuple[Portrait, ...]:
        """What is known of *name*, an environment each; UsageError with the nearest names where nothing is."""
        self._check_scope(name)
        observed = self._observed()
        found = [inspection.portrait(each, self._session.kinds, name) for each in observed]
        known = tuple(portrait for portrait in found if portrait is not None)
        if not known:
            raise self._unknown(name, sorted(set().union(*map(inspection.names, observed))))
        return known

    def reaches(self, address: str) -> tuple[Reach, ...]:
        """Everything that has to do with *address*, an environment each. UsageError for what is no address."""
        person = _person(address)
        config = self.loaded.config
        return tuple(inspection.reach(each, self._session.kinds, config, person) for each in self._observed())

    def _observed(self) -> list[Observed]:
        return [Observed(scene, plan) for scene, plan in self._session.observed()]

    def _check_scope(self, name: str) -> None:
        """The changes of what a PATH leaves out are not planned, so nothing true could be said of it."""
        here = {manifest.name for manifest in self.loaded.manifests if manifest.kind in self._session.kinds}
        if self.loaded.scope is not None and name in here - self.loaded.scope:
            raise UsageError(*quoted(name), " is not in the PATHs given; leave them out, or name its folder")

    def _unknown(self, name: str, known: list[str]) -> UsageError:
        renamed = [each.name for each in self.loaded.manifests if name in each.previous_names]
        if renamed:
            return UsageError("no subscription is named ", *quoted(name), f" any more: it is called {renamed[0]} now")
        if any(each.name == name for each in self.loaded.manifests):
            return UsageError(*quoted(name), " is no Subscription; reconciler plan says what there is to say of it")
        near = get_close_matches(name, known, _MOST_NEAR)
        hint = say("; did you mean ", *listed(near, " or "), "?") if near else ()
        return UsageError("no subscription is named ", *quoted(name), *hint)


def _person(address: str) -> Address:
    """*address*, trimmed."""
    name, _, domain = address.strip().rpartition("@")
    if address.strip().startswith("@") and not domain.count("."):
        raise UsageError("who takes the e-mail address of one person, not a group: name one of its members")
    if not name or not domain:
        raise UsageError("who takes the e-mail address of one person, not ", *quoted(address))
    return Address(address.strip())
