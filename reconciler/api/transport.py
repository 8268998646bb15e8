"""One HTTP exchange: bytes out, a Reply back, whatever happens. The only module that knows httpx's errors.

Here the key becomes a header, certificates are verified, proxies are chosen, bodies are limited, and every error of the
library becomes a Fault. An exchange on the network runs in a thread of its own, which is left behind when the caller
may not wait any longer: the library's timeouts are for one step each, and a server that sends a byte now and then, or a
name that is being looked up, would outlast any deadline. Knows origins and bytes; knows nothing of paths, retries, or
what an answer means.
"""

from __future__ import annotations

import ipaddress
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from .. import __version__
from ..errors import Refused, UsageError
from ..privacy import Key
from .budget import PATIENCE

AGENT = f"posthog-reconciler/{__version__}"

BODY_LIMIT = 64 * 1024 * 1024
"""The most bytes of one answer that are read, after decompression: about 70,000 subscriptions in one page."""

PIECE = 1024 * 1024
"""The most bytes that are unpacked at once: a small answer may unpack to more than there is memory."""

CONNECTIONS = 16

MOMENT = 0.05
"""Seconds after which whoever waits for an answer asks again whether it may go on waiting."""


class Fault(StrEnum):
    """What was wrong with an answer as such."""

    LOST = "no answer"
    BROKEN = "an answer that cannot be read"
    HUGE = "an answer that is too large"
    UNTRUSTED = "a certificate that cannot be verified"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `status` is None when nothing did; `fault` and `problem` say what is wrong with it."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    fault: Fault | None = None
    problem: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status is not None and 200 <= self.status < 300


def origin(host: str) -> str:
    """`scheme://host[:port]` of *host*; UsageError for what a key must not be sent to."""
    text = host.strip()
    try:
        parts = urlsplit(text)
        name, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise UsageError("host is not a URL: write it like https://us.posthog.com") from None
    if parts.scheme not in ("http", "https") or not _is_name(name) or set(text) & set(" \t\r\n\\"):
        raise UsageError("host is not a URL: write it like https://us.posthog.com")
    if "@" in parts.netloc:
        raise UsageError("host carries a user name: leave it out, only the key says who you are")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(f"host is more than a host: write {parts.scheme}://{name}, the program adds the path")
    if parts.scheme == "http" and not is_loopback(name):
        raise UsageError(f"http:// would send the key in the open: write https://{name}")
    if name.endswith(".i.posthog.com"):
        raise UsageError(f"{name} only takes events in: write https://{name.replace('.i.posthog', '.posthog')}")
    bracketed = f"[{name}]" if ":" in name else name
    is_default = port in (None, {"http": 80, "https": 443}[parts.scheme])
    return f"{parts.scheme}://{bracketed}" + ("" if is_default else f":{port}")


def _is_name(name: str) -> bool:
    """Whether *name* has the lengths of a host's: 63 characters between two dots, 253 in all (RFC 1035)."""
    return 0 < len(name) <= 253 and all(0 < len(label) <= 63 for label in name.split("."))


def is_loopback(name: str) -> bool:
    """Whether *name* is `localhost`, in 127.0.0.0/8 or ::1 (design §3)."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


@dataclass(frozen=True, slots=True)
class Wait:
    """How long an answer is waited for: `left()` seconds in all, `patience` for each step, and not once `is_over()`."""

    left: Callable[[], float]
    patience: float = PATIENCE
    is_over: Callable[[], bool] = lambda: False


class Wire:
    """A pool of connections to one origin, shared by threads. Every request carries the key, in its header only.

    It speaks to httpx's transport without its Client, so that there is nothing here that could follow a redirect,
    keep a cookie or take a password from a .netrc.
    """

    def __init__(self, base: str, key: Key, *, reading: bool, transport: httpx.BaseTransport | None = None) -> None:
        """Speak to *base* (an `origin`) with *key*; a *reading* wire has a transport that refuses all but GET."""
        inner = transport or _transport(base)
        self._is_ours = transport is None
        self._transport = ReadingTransport(inner) if reading else inner
        self._headers = {
            "Authorization": f"Bearer {key.value}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": AGENT,
        }

    def exchange(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
        wait: Wait,
    ) -> Reply:
        """Send one request and read its whole answer, for as long as *wait* says. Never raises for the network."""
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        request = httpx.Request(
            method,
            url,
            params=query or None,
            headers=headers,
            content=body,
            extensions={"timeout": _timeout(min(wait.left(), wait.patience)).as_dict()},
        )
        if not self._is_ours:
            return self._exchange(request, wait)
        return _awaited(lambda: self._exchange(request, wait), lambda: wait.is_over() or wait.left() <= 0)

    def _exchange(self, request: httpx.Request, wait: Wait) -> Reply:
        try:
            response = self._transport.handle_request(request)
        except httpx.RequestError as error:
            return _lost(error)
        except UnicodeError:
            # So says Python of a name that is too long to be looked up.
            return Reply(None, fault=Fault.LOST, problem="the host's name cannot be looked up")
        try:
            return _read(response, wait.left)
        finally:
            with suppress(httpx.TransportError):
                response.close()

    def close(self) -> None:
        """Close every connection; a transport that was given stays open, it may serve others."""
        if self._is_ours:
            self._transport.close()


class ReadingTransport(httpx.BaseTransport):
    """A transport that sends GET and nothing else (design §1, promise 4)."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        """Hand GETs on to *inner*."""
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* if it only reads."""
        if request.method != "GET":
            raise Refused(f"a reading command tried to send {request.method}: nothing was sent, please report this")
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close what is behind."""
        self._inner.close()


def _awaited(exchange: Callable[[], Reply], is_over: Callable[[], bool]) -> Reply:
    """What *exchange* answers, or that nothing came when it *is_over*; the exchange is then left to end by itself."""
    coming: Future[Reply] = Future()

    def carry() -> None:
        try:
            coming.set_result(exchange())
        except BaseException as error:  # the caller's thread is the one to raise it  # noqa: BLE001
            coming.set_exception(error)

    threading.Thread(target=carry, name="exchange", daemon=True).start()
    while not coming.done():
        if is_over():
            return Reply(None, fault=Fault.LOST, problem=_LOSSES[httpx.ReadTimeout])
        with suppress(TimeoutError):
            return coming.result(MOMENT)
    return coming.result()


def _read(response: httpx.Response, left: Callable[[], float]) -> Reply:
    status, headers, body = response.status_code, response.headers, bytearray()

    def broken(fault: Fault, problem: str) -> Reply:
        return Reply(status, headers, b"", fault, problem)

    try:
        for piece in _unpacked(_stream(response), headers.get("content-encoding", "")):
            body += piece
            if len(body) > BODY_LIMIT:
                return broken(Fault.HUGE, f"the answer is larger than {BODY_LIMIT // 1024**2} MiB")
            if left() < 0:
                return broken(Fault.BROKEN, "the answer took longer than the run may take")
    except (httpx.RequestError, httpx.StreamError, zlib.error) as error:
        return broken(Fault.BROKEN, f"the answer ended early ({type(error).__name__})")
    except _UnknownPacking:
        return broken(Fault.BROKEN, "the answer is packed in a way that was not asked for")
    return Reply(status, headers, bytes(body))


class _UnknownPacking(Exception):
    """A Content-Encoding other than gzip. Several on top of each other would unpack to anything."""


def _stream(response: httpx.Response) -> Iterable[bytes]:
    """The bytes as they came. Not through httpx's decoders, which unpack a whole chunk however large that gets."""
    return cast("httpx.SyncByteStream", response.stream)


def _unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """What *chunks* say, in pieces; zlib.error where they are no gzip, or end early."""
    if encoding.strip().lower() in ("", "identity"):
        yield from chunks
        return
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        raise _UnknownPacking
    unpacking, is_empty = zlib.decompressobj(zlib.MAX_WBITS | 16), True
    for chunk in chunks:
        packed, is_empty = chunk, is_empty and not chunk
        while packed and not unpacking.eof:
            yield unpacking.decompress(packed, PIECE)
            packed = unpacking.unconsumed_tail
    yield unpacking.flush()
    if not (unpacking.eof or is_empty):
        raise zlib.error("the end is missing")


def _lost(error: httpx.RequestError) -> Reply:
    if certificate := _cause(error, ssl.SSLCertVerificationError):
        return Reply(None, fault=Fault.UNTRUSTED, problem=str(getattr(certificate, "verify_message", "")))
    # The class says what happened; the text may hold anything, a proxy's password among it.
    return Reply(None, fault=Fault.LOST, problem=_LOSSES.get(type(error), type(error).__name__))


_LOSSES: Mapping[type[Exception], str] = {
    httpx.ConnectError: "no connection could be made",
    httpx.ConnectTimeout: "no connection could be made in time",
    httpx.ReadTimeout: "no answer came in time",
    httpx.ReadError: "the connection was lost",
    httpx.WriteError: "the connection was lost while sending",
    httpx.RemoteProtocolError: "the connection was closed without an answer",
    httpx.ProxyError: "the proxy would not pass the request on",
}


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """The first of *kind* among *error* and what it came from."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def context_for(base: str) -> ssl.SSLContext:
    """What TLS to *base* trusts: certifi's authorities, or SSL_CERT_FILE's; certificates and names are always verified.

    Building it costs 20 ms; over plain HTTP none is needed, and the empty one given there trusts nobody.
    """
    return httpx.create_ssl_context() if base.startswith("https:") else _no_tls()


def proxy_for(name: str) -> str | None:
    """The proxy the environment names for the host *name*; never one for this machine itself."""
    if is_loopback(name):
        return None
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or proxy_bypass(name):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _transport(base: str) -> httpx.BaseTransport:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    proxy = proxy_for(urlsplit(base).hostname or "")
    try:
        return httpx.HTTPTransport(verify=context_for(base), limits=limits, proxy=proxy)
    except (ValueError, ImportError, httpx.InvalidURL):
        # The cause is cut off: it may quote the proxy's password.
        raise UsageError(
            "the proxy in HTTPS_PROXY or ALL_PROXY cannot be used: write it like http://host:port"
        ) from None


def ready() -> None:
    """Let httpx import what it leaves to its first pool of connections."""
    httpx.HTTPTransport(verify=_no_tls()).close()


def _no_tls() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _timeout(most: float) -> httpx.Timeout:
    """Seconds for one step of an exchange, in httpx's terms."""
    return httpx.Timeout(max(0.001, most), connect=max(0.001, min(10.0, most)))
