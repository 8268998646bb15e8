"""Placeholder."""

from __future__ import annotations

from collections.abc import Sequence

SEQUENCES: Sequence[tuple[str, str]] = ()
