"""What an answer means in words: the facts of its error envelope, and a sentence that says what to do.

Decides by status, type, code and attr, never by `detail`, which changes between versions (contract, introduction); only
the advice about a 403, whose reasons differ in nothing else, is narrower where the detail is one that we know.
Everything the server wrote passes `scrub` before anybody sees it. Knows hosts, keys by their variable's name, and
statuses; knows nothing of connections, of kinds or of plans.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ..errors import Answer
from ..model import Environment, Json, Request
from ..operations import Operation
from ..privacy import Key, mask_address
from .transport import Fault, Reply

DETAIL_LIMIT = 500
"""Characters of a server's text that are kept."""

_READ_LIMIT = 4 * DETAIL_LIMIT
"""Characters of it that are read at all: what looks for secrets takes the longer, the longer the text."""

_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*)://(?:[^\s/?#\"'<>@]*@)?([^\s/?#\"'<>@]*)([^\s\"'<>]*)")
_KEY = re.compile(r"\bph[a-z](?:_|%5[Ff])[A-Za-z0-9_-]{6,}")
_AT = re.compile(r"%(?:25)*40")
_ADDRESS = re.compile(r"[^\s@\"'<>(),;:]+@[^\s@\"'<>(),;:]+")
_LAST_WORD = re.compile(r"\S*\Z")


def scrub(text: str, key: Key) -> str:
    """*text* without the key, anything shaped like one, what follows the host in a URL, and whole addresses.

    Characters that a terminal would obey, or that turn the direction of text, are made visible (`\\x1b`).
    """
    if key.value:
        text = text.replace(key.value, "***")
    is_whole = len(text) <= _READ_LIMIT
    # Half a word may be half an address, which nothing would know for one.
    text = text if is_whole else _LAST_WORD.sub("", text[:_READ_LIMIT]).rstrip()
    text = _AT.sub("@", _KEY.sub("***", text))
    text = _URL.sub(lambda url: f"{url[1]}://{url[2]}" + ("/***" if url[3] else ""), text)
    text = _ADDRESS.sub(lambda address: mask_address(address[0]), text)
    return visible(text if is_whole and len(text) <= DETAIL_LIMIT else text[:DETAIL_LIMIT] + "…")


def visible(text: str) -> str:
    """*text* with every character that does not print written as its escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def decode(body: bytes) -> Json:
    """The JSON in *body*; ValueError for anything that is not JSON."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def answer_of(reply: Reply, key: Key) -> Answer:
    """The error envelope of *reply* (contract §2.4), as far as it has one, scrubbed; never raises."""
    if reply.status is None or reply.is_success:
        return Answer(reply.status, detail=reply.problem or None)
    try:
        envelope = decode(reply.body)
    except ValueError:
        envelope = None
    if not isinstance(envelope, dict):
        return Answer(reply.status, detail=reply.problem or None)
    facts = {
        name: scrub(envelope[name], key)
        for name in ("type", "code", "attr", "detail")
        if isinstance(envelope.get(name), str)
    }
    return Answer(reply.status, **facts)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, of whom, for the sentences about it."""

    environment: Environment
    request: Request
    operation: Operation | None
    key_prefix: str = ""
    is_listing: bool = False

    @property
    def title(self) -> str:
        """The method and the path, as the user may see them."""
        return f"{self.request.method} {visible(self.request.path)}"

    @property
    def key(self) -> str:
        """The key by the name of its variable."""
        return f"the key in {self.environment.key_env}"

    @property
    def project(self) -> str:
        """The project and the host it was looked for on."""
        return f"project {self.environment.project_id} on {self.environment.host}"


def refusal(asked: Asked, reply: Reply, answer: Answer) -> str:
    """The sentence for a final answer: what was asked, what the server said, and what to do."""
    if reply.fault is Fault.UNTRUSTED:
        return (
            f"{asked.title}: the certificate of {asked.environment.host} cannot be verified"
            f"{f' ({visible(reply.problem)})' if reply.problem else ''}: nothing was sent. "
            "For a certificate authority of your own set SSL_CERT_FILE; verification is never switched off"
        )
    said = f"{asked.title}: {answer.status}"
    if answer.code:
        said += f" {answer.code}"
    if answer.attr:
        said += f" ({answer.attr})"
    if answer.detail:
        said += f": {answer.detail.rstrip('.')}"
    advice = way_out(asked, answer)
    return f"{said}. {advice[0].upper()}{advice[1:]}"


def way_out(asked: Asked, answer: Answer) -> str:
    """What to do about a final answer, by its status (contract §2 and §5)."""
    if not answer.is_posthog and answer.status not in (401, 405):
        return (
            f"This is not how PostHog answers: check that {asked.environment.host} is the PostHog you mean, and that "
            "no proxy or firewall answers in its place"
        )
    match answer.status:
        case 400:
            return _bad_request(asked, answer)
        case 401:
            return _unknown_key(asked, answer)
        case 402:
            return _payment(asked, answer)
        case 403:
            return _forbidden(asked, answer)
        case 404:
            return _missing(asked)
    return _WAYS_OUT.get(answer.status or 0, "Asking again would not help: look at the server's reason, and plan again")


_WAYS_OUT = {
    405: "The server does not allow this: a subscription is removed by marking it deleted, never by DELETE",
    406: "The server would not answer in JSON: a proxy may be changing the request's headers",
    409: "Somebody else is changing the same thing: run plan again and look",
    413: "The request is too large for the server: shorten the longest text in the manifest",
    415: "The server would not take JSON: a proxy may be changing the request's headers",
}


def _bad_request(asked: Asked, answer: Answer) -> str:
    if answer.attr == "subscription":
        return (
            f"{asked.project} has as many subscriptions as its plan allows: remove one, or take a larger plan, then "
            "run plan again"
        )
    if answer.code == "parse_error":
        return "The server could not read the request: a proxy may have changed it; if not, please report this"
    if answer.attr:
        return f"The server does not accept this value of {answer.attr}: change it in the manifest"
    return "The server does not accept these fields together: change the manifest"


def _unknown_key(asked: Asked, answer: Answer) -> str:
    if answer.code == "not_authenticated":
        return f"{asked.key} was sent, and the server did not see it: a proxy may take the Authorization header away"
    if asked.key_prefix in _OTHER_KEYS:
        return f"{asked.key} is {_OTHER_KEYS[asked.key_prefix]}: make a personal API key, which begins with phx_"
    return (
        f"the host {asked.environment.host} does not know {asked.key}: it was revoked, its owner left, or it belongs "
        f"to another host. Keys of us.posthog.com and eu.posthog.com differ{_region(asked.environment.host)}"
    )


_OTHER_KEYS = {
    "phc_": "the key of a project, which can only send events in",
    "phs_": "a project's secret key",
    "pha_": "an OAuth token that has run out",
    "phr_": "an OAuth refresh token",
}


def _region(host: str) -> str:
    for here, there in (("us", "eu"), ("eu", "us")):
        if host.endswith(f"//{here}.posthog.com"):
            return f": if this key was made on {there}.posthog.com, write host: https://{there}.posthog.com"
    return ""


def _payment(asked: Asked, answer: Answer) -> str:
    if answer.type == "limit_exceeded":
        return (
            f"{asked.project} has as many subscriptions as PostHog allows one team. Each further try files a request "
            "with PostHog, so none was made: remove some, or ask PostHog to raise the limit, then run plan again"
        )
    if answer.code == "quota_limit_exceeded":
        return "The quota of AI summaries is used up: set summary_enabled to false, or wait until it is renewed"
    return f"Subscriptions are not in the plan that {asked.project} pays for: change it on PostHog's billing page"


def _forbidden(asked: Asked, answer: Answer) -> str:
    scope = asked.operation.scope if asked.operation else None
    if scope is None:
        return (
            f"Older servers open this to no personal API key, later ones to keys with the scope query:read; if "
            f"{asked.key} has it, the server is an older one, or the key may not see {asked.project}"
        )
    facts = {"key": asked.key, "project": asked.project, "scope": scope}
    for known, advice in _FORBIDDEN.items():
        if re.search(known, answer.detail or "", re.IGNORECASE):
            return advice.format(**facts)
    return (
        f"{asked.key} may not do this: it needs the scope {scope}, and access to {asked.project} for itself and for "
        "its owner. Change the key in PostHog's settings, or take one that belongs to this project"
    )


_FORBIDDEN = {
    "missing required scope": (
        "{key} may not do this: it needs the scope {scope}. Add it to the key in PostHog's settings"
    ),
    "access to the requested project": (
        "{key} was made for other projects and has no access to {project}: check project_id, or take a key for this one"
    ),
    "access to the requested organi[sz]ation": (
        "{key} was made for another organization and has no access to {project}: check project_id and host, or take a "
        "key of this organization"
    ),
    "have access to the project": (
        "The owner of {key} has no access to {project}: check project_id, or take the key of a member of the project"
    ),
    "access to this resource": (
        "The owner of {key} may look at this and not change it: ask for the access in {project}, or take another key"
    ),
    "allow personal API keys": (
        "The organization of {project} lets only its admins use personal API keys: ask one of them for {key}"
    ),
    "AI data processing": "Set summary_enabled to false, or let an admin of the organization agree to it",
}
"""By what the server says (contract §2.3); each only narrows the sentence that is said of all others."""


def _missing(asked: Asked) -> str:
    if asked.is_listing:
        return (
            f"There is no {asked.project}, neither under /api/environments/ nor under /api/projects/: check project_id "
            "(the number in the address of the project's pages) and host"
        )
    return f"{asked.project} does not have this (or there is no such project): run plan again to see what it has"
