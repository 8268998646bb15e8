"""How fast this machine is just now: limits of time hold for one that is busy, or measures coverage, too."""

from __future__ import annotations

from time import process_time

from reconciler.manifests import parse

USUAL = 0.02
"""Seconds of the processor that the yardstick takes on a quiet machine of 2026, without coverage."""

_MANIFEST = """\
---
apiVersion: posthog-reconciler/v1
kind: Subscription
metadata: {name: weekly}
spec:
  title: Weekly
  target_value: [ana@example.com, bo@example.com]
  byweekday: [monday, friday]
  frequency: weekly
  interval: 1
"""


def seconds(limit: float) -> float:
    """*limit* seconds, or as much longer as this process is slower just now than a quiet machine."""
    begun = process_time()
    parse("yardstick.yaml", _MANIFEST.encode() * 400, named=False)
    return limit * max(1.0, (process_time() - begun) / USUAL)
