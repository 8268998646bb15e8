"""What the workflow asked for, as words, made into values; whatever is not understood is refused with what would be.

Pure: every problem of all inputs is found at once. Knows no environment variable and no command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from ..errors import UsageError
from ..privacy import Message, joined, quoted, say

E = TypeVar("E", bound=StrEnum)

TRUE, FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")
LONGEST_LABEL = 50
"""Characters of a GitHub label."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}(\.[0-9a-f]{16})?")


class Command(StrEnum):
    """What is done."""

    VALIDATE = "validate"
    PLAN = "plan"
    APPLY = "apply"
    DRIFT = "drift"


class Provider(StrEnum):
    """Whose build machine it is."""

    AUTO = "auto"
    GITHUB = "github"
    GITLAB = "gitlab"
    PLAIN = "plain"


class Commenting(StrEnum):
    """When a pull request gets a comment; only ALWAYS makes one that cannot be written a failure."""

    AUTO = "auto"
    ALWAYS = "always"
    CHANGES = "changes"
    NEVER = "never"


class Proof(StrEnum):
    """How an apply knows what was reviewed."""

    COMMENT = "comment"
    DIGEST = "digest"
    NONE = "none"


class DriftIssue(StrEnum):
    """Whether drift is written into an issue."""

    AUTO = "auto"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the workflow asked for. `proof` is what was said or, where nothing was, what the provider is able to do."""

    provider: Provider
    folder: str
    label: str
    commenting: Commenting
    fail_on_changes: bool
    proof: Proof
    digests: tuple[str, ...]
    drift_issue: DriftIssue
    drift_label: str
    output_folder: str


NAMES = (
    "provider", "working-directory", "label", "comment", "fail-on-changes", "reviewed-plan", "expect-digest",
    "drift-issue", "drift-label", "output-folder",
)  # fmt: skip


def detected(variables: Mapping[str, str]) -> Provider:
    """Whose build machine *variables* are of."""
    if variables.get("GITHUB_ACTIONS") == "true":
        return Provider.GITHUB
    return Provider.GITLAB if variables.get("GITLAB_CI") == "true" else Provider.PLAIN


def provider_of(given: Mapping[str, str | None], variables: Mapping[str, str]) -> Provider:
    """The provider that was said, if it is one, or the one that is detected; for telling what else is wrong."""
    said = (given.get("provider") or "").strip().lower()
    return Provider(said) if said in list(Provider) and said != Provider.AUTO else detected(variables)


def understood(given: Mapping[str, str | None], variables: Mapping[str, str]) -> Inputs:
    """The Inputs that *given* words mean; None and "" are the default. UsageError naming every one that is not."""
    words = _Words(given)
    asked = words.one_of("provider", Provider.AUTO)
    provider = detected(variables) if asked is Provider.AUTO else asked
    digests = words.digests("expect-digest")
    usual = Proof.DIGEST if digests or provider is not Provider.GITHUB else Proof.COMMENT
    inputs = Inputs(
        provider,
        words.text("working-directory") or ".",
        words.label("label", ""),
        words.one_of("comment", Commenting.AUTO),
        words.truth("fail-on-changes"),
        words.one_of("reviewed-plan", usual),
        digests,
        words.one_of("drift-issue", DriftIssue.AUTO),
        words.label("drift-label", "drift"),
        words.text("output-folder"),
    )
    words.check(inputs)
    return inputs


class _Words:
    """The words of the workflow, and what is wrong with them so far."""

    def __init__(self, given: Mapping[str, str | None]) -> None:
        self._given = given
        self._wrong: list[Message] = []

    def text(self, name: str) -> str:
        return (self._given.get(name) or "").strip()

    def one_of(self, name: str, usual: E) -> E:
        said = self.text(name).lower()
        kind = type(usual)
        if not said or said in list(kind):
            return kind(said) if said else usual
        self._refuse(name, ", ".join(kind))
        return usual

    def truth(self, name: str) -> bool:
        said = self.text(name).lower()
        if said and said not in TRUE + FALSE:
            self._refuse(name, ", ".join(TRUE + FALSE))
        return said in TRUE

    def label(self, name: str, usual: str) -> str:
        said = self.text(name) or usual
        if len(said) > LONGEST_LABEL or not said.isprintable() or "," in said:
            self._refuse(name, f"up to {LONGEST_LABEL} characters without a comma")
        return said

    def digests(self, name: str) -> tuple[str, ...]:
        found = tuple(re.split(r"[\s,]+", self.text(name))) if self.text(name) else ()
        if not all(_DIGEST.fullmatch(digest) for digest in found):
            self._refuse(
                name,
                "digests as the output digest has them, one per environment: sha256: and 64 digits, a dot and 16 more",
            )
        return found

    def check(self, inputs: Inputs) -> None:
        """Raise UsageError where something is wrong, or two words contradict each other."""
        if inputs.proof is Proof.COMMENT and inputs.provider is not Provider.GITHUB:
            self._wrong.append(say(f"reviewed-plan: comment needs GitHub; on {inputs.provider} it is digest or none"))
        if inputs.proof is Proof.NONE and inputs.digests:
            self._wrong.append(say("reviewed-plan: none and expect-digest exclude each other"))
        if self._wrong:
            raise UsageError(*joined(self._wrong, "; "))

    def _refuse(self, name: str, known: str) -> None:
        self._wrong.append(say(f"{name}: ", *quoted(self.text(name)), f" is none of these: {known}"))
