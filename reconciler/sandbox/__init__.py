"""A local PostHog, as strict as the real one, for tests, demos and first tries.

It answers the operations this project uses as two generations of the server do, remembers every message a real one
would have sent, and breaks on request. Importing this does not import Django; making a `Sandbox` does.
"""

from reconciler.sandbox.command import run
from reconciler.sandbox.faults import BAD_GATEWAY, DATABASE_UNAVAILABLE, EFFECTS, PHASES, Fault
from reconciler.sandbox.records import Message, Request
from reconciler.sandbox.rules import FLAGS, PROFILES, Rules
from reconciler.sandbox.sandbox import Sandbox

__all__ = [
    "BAD_GATEWAY",
    "DATABASE_UNAVAILABLE",
    "EFFECTS",
    "FLAGS",
    "PHASES",
    "PROFILES",
    "Fault",
    "Message",
    "Request",
    "Rules",
    "Sandbox",
    "run",
]
