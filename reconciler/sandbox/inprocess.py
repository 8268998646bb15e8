"""The sandbox as a WSGI callable for httpx.WSGITransport: what a socket would do to a client, as httpx's exceptions."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import httpx

from reconciler.sandbox.faults import Dropped, Hung
from reconciler.sandbox.gateway import WSGI, Environ, StartResponse


class InProcess:
    """A gateway without a socket. A request left hanging times out at once: there is no time in here."""

    def __init__(self, gateway: WSGI) -> None:
        """Wrap *gateway*."""
        self._gateway = gateway

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, or raise what httpx would."""
        # httpx decodes a path as UTF-8; WSGI wants its bytes as Latin-1.
        path = environ["PATH_INFO"].encode().decode("latin-1")
        with _as_httpx_errors():
            body = self._gateway({**environ, "PATH_INFO": path}, start_response)
        return body if isinstance(body, list) else _translated(body)


def _translated(body: Iterable[bytes]) -> Iterator[bytes]:
    with _as_httpx_errors():
        yield from body


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except Dropped as error:
        raise httpx.RemoteProtocolError("the sandbox dropped the connection") from error
    except Hung as error:
        raise httpx.ReadTimeout("the sandbox never answers this") from error
