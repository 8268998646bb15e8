"""One request to GitHub, sent again where that is safe, and every page of a listing.

                         429, or 403 for haste   502 503 504   no answer
    GET PATCH DELETE     yes                     yes           yes
    POST                 yes                     no            no

What was refused for haste was not done. Whatever else a POST ends with leaves it in doubt, which is for the caller to
clear up by looking. No redirect is followed, and no `next` that leads out of the addresses of the environment.
Knows addresses, the token and statuses; knows nothing of comments or issues.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from .. import __version__
from ..errors import ForgeError, UsageError
from ..model import Json
from ..privacy import Key

TRIES = 3
LONGEST_WAIT = 60.0
"""Seconds. GitHub asks for at least a minute where it names no time; what lasts longer ends the matter."""
PAUSE = 1.0
MOST_BYTES = 32 * 1024 * 1024
MOST_PAGES = 100
PER_PAGE = 100

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


def checked(name: str, url: str) -> str:
    """*url*, from the variable *name*, without its last slash; UsageError for what a token must not be sent to."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise UsageError(f"{name} is not a URL") from None
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"{name} is not the address of a GitHub: write it like https://api.github.com")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise UsageError(f"{name} must begin with https://, because the token goes with every request")
    return url.rstrip("/")


class Wire:
    """Requests to *api* and *graphql* alone, with the token in their header."""

    def __init__(
        self, api: str, graphql: str, token: Key | None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Speak to two checked addresses; nothing is sent yet."""
        self._api, self._graphql, self._sleep = api, graphql, sleep
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": f"posthog-reconciler/{__version__}",
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token.value}"
        is_here = urlsplit(api).hostname in _LOOPBACK
        self._client = httpx.Client(headers=headers, timeout=_TIMEOUT, follow_redirects=False, trust_env=not is_here)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def send(self, method: str, path: str, body: Json = None) -> Json:
        """The answer to one request for *path*, which begins with a slash; None for an empty one. ForgeError."""
        return _content(method, path, self._insist(method, self._api + path, {}, body))

    def query(self, text: str) -> Json:
        """The data that a GraphQL query answers with. ForgeError also where it answers with errors."""
        content = _content("POST", "graphql", self._insist("POST", self._graphql, {}, {"query": text}))
        if not isinstance(content, dict) or content.get("errors") or not isinstance(content.get("data"), dict):
            raise ForgeError("GitHub's GraphQL answered without data", status=200)
        return content["data"]

    def pages(self, path: str, query: Mapping[str, str | int] | None = None) -> Iterator[dict[str, Any]]:
        """Everything in the listing *path*, page after page. ForgeError, also for a listing that does not end."""
        url, asked = self._api + path, {**(query or {}), "per_page": PER_PAGE}
        for _ in range(MOST_PAGES):
            response = self._insist("GET", url, asked, None)
            content = _content("GET", path, response)
            if not isinstance(content, list):
                raise ForgeError(f"GET {path}: GitHub answered with something else than a list", status=200)
            yield from (item for item in content if isinstance(item, dict))
            following = response.links.get("next", {}).get("url")
            if following is None:
                return
            url, asked = self._inside(following), {}
        raise ForgeError(f"GET {path}: more than {MOST_PAGES} pages, which is more than can be read", status=200)

    def _inside(self, url: str) -> str:
        """*url*, if it is below the address of the API."""
        ours, theirs = urlsplit(self._api), urlsplit(url)
        is_same = (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc)
        if not is_same or not theirs.path.startswith(f"{ours.path}/") or ".." in theirs.path.split("/"):
            raise ForgeError("GitHub's listing goes on outside GITHUB_API_URL, where the token is not sent", status=200)
        return url

    def _insist(self, method: str, url: str, query: Mapping[str, Any], body: Json) -> httpx.Response:
        """The first answer that needs no other try. ForgeError where none came."""
        for left in reversed(range(TRIES)):
            try:
                response = self._once(method, url, query, body)
            except httpx.HTTPError as error:
                if method == "POST" or not left:
                    raise ForgeError(f"{method} {urlsplit(url).path}: no answer from GitHub ({_name(error)})") from None
                self._sleep(PAUSE)
                continue
            wait = _wait(method, response)
            if wait is None or wait > LONGEST_WAIT or not left:
                return response
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, url: str, query: Mapping[str, Any], body: Json) -> httpx.Response:
        content = json.dumps(body).encode() if body is not None else None
        request = self._client.build_request(
            method,
            url,
            params=dict(query) or None,
            content=content,
            headers={"Content-Type": "application/json"} if content is not None else None,
        )
        response = self._client.send(request, stream=True)
        try:
            return _whole(response)
        finally:
            response.close()


def _whole(response: httpx.Response) -> httpx.Response:
    """*response* with its body, which is read up to a limit."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise httpx.DecodingError("too large")
    headers = [(name, value) for name, value in response.headers.multi_items() if name != "content-encoding"]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)


def _wait(method: str, response: httpx.Response) -> float | None:
    """Seconds until another try makes sense; None where it makes none."""
    if _is_haste(response):
        asked = response.headers.get("retry-after", "")
        return float(asked) if asked.isascii() and asked.isdigit() else LONGEST_WAIT
    return PAUSE if response.status_code in (502, 503, 504) and method != "POST" else None


def _is_haste(response: httpx.Response) -> bool:
    """Whether GitHub refuses because too much was asked in too short a time."""
    if response.status_code == 429:
        return True
    return response.status_code == 403 and (
        "retry-after" in response.headers or b"secondary rate limit" in response.content.lower()
    )


def _content(method: str, path: str, response: httpx.Response) -> Json:
    status = response.status_code
    if not 200 <= status < 300:
        # What was refused for haste, or for having asked enough in this hour, would be allowed at another time.
        is_denied = status != 403 or not (_is_haste(response) or b"rate limit" in response.content.lower())
        told = f"{method} {path}: GitHub answered {status}{_reason(response)}"
        raise ForgeError(told, status=status if is_denied else 429)
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise ForgeError(f"{method} {path}: GitHub's answer is not JSON", status=None) from None


def _reason(response: httpx.Response) -> str:
    """What GitHub says of a refusal, shortened."""
    try:
        said = response.json()["message"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f" ({said[:200]})" if isinstance(said, str) else ""


def _name(error: httpx.HTTPError) -> str:
    # The class says what happened; the text may hold anything, a proxy's password among it.
    return type(error).__name__
