"""Kinds that are only compared: what they are about is read, many at once, and every difference is a finding.

Knows a Reader and the seam to such kinds; knows no kind by name, no plan, and no way to send anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .errors import ServerError
from .model import Finding, Json, Manifest, Request
from .resource import Audits
from .several import several


class Reader(Protocol):
    """What can read one object; `api.Reader` is one."""

    def get(self, request: Request) -> Json:
        """The object that *request* reads."""


def findings(manifests: Sequence[Manifest], audits: Audits, reader: Reader) -> tuple[Finding, ...]:
    """What differs from *manifests*, in their order. What cannot be read is an error that names file and line."""

    def of_one(manifest: Manifest) -> tuple[Finding, ...]:
        audit, source = audits[manifest.kind], manifest.source
        try:
            return audit.compare(manifest, reader.get(audit.reading(manifest)))
        except ServerError as error:
            place = f"{source}: {manifest.name}: "
            raise type(error)(place, *error.message, attempted=error.attempted) from error
        except ValueError as error:
            raise ServerError(f"{source}: {manifest.name}: {error}") from error

    return tuple(finding for found in several(manifests, of_one) for finding in found)
