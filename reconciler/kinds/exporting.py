"""A live Subscription as a manifest's spec would say it: what `import` writes. Pure.

Says no more than the row does; whether a manifest may say it is for the schema and `checks`. Knows no names, no ids of
manifests and no files.
"""

from __future__ import annotations

from typing import Any

from ..model import Live
from ..privacy import SecretUrl, say
from ..resource import Spelled
from . import recipients
from .fields import SEED_FIELDS
from .recipients import EMAIL, Target


def spelled(live: Live) -> Spelled:
    """The spec of *live*, or why none can be written.

    A seed field with its default is left out, as a person would; a later server's field is left out because it would
    become ours (design §2).
    """
    target: Target = live.fields["target_value"]
    if isinstance(target.wire, SecretUrl):
        return Spelled(
            None,
            say("its address ", target.wire, " is a secret, which is not written to a file unasked; write it yourself"),
        )
    said = {name: _plain(live.fields[name]) for name in SEED_FIELDS}
    said["target_value"] = _people(target.text) if target.type == EMAIL else target.text
    defaults = {"interval": 1}
    return Spelled({name: value for name, value in said.items() if value not in (None, defaults.get(name))})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _people(text: str) -> list[str]:
    """The addresses of *text* in their order, each once: a list that names somebody twice is refused."""
    found: dict[str, str] = {}
    for address in recipients.addresses_in(text):
        found.setdefault(recipients.normal(address), address)
    return list(found.values())
