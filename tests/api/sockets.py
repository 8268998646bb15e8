"""Servers in a few lines on real sockets of this machine, and a Writer that speaks to them.

Each connection is answered by the next of what the server was given: bytes, nothing (it is closed), or a deed that does
with the connection as it likes. What was heard, and through which connection, is kept.
"""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reconciler.api import Place, Run, Writer, writer
from reconciler.model import Environment
from reconciler.privacy import Key
from tests.api.fakes import KEY, Clock

CERTIFICATE = Path(__file__).with_name("selfsigned.pem")
"""Of localhost, us.posthog.com and eu.posthog.com, signed by itself; with its key."""

Deed = Callable[[socket.socket, list[bytes]], object]
"""What is done with a connection; what it hears on it, it adds to the list."""


def answer(status: int, body: Any = None, *headers: str) -> bytes:
    """An answer on the wire, JSON unless *body* is bytes already."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


GOOD = answer(200, {"id": 1})


@contextmanager
def server(*answers: bytes | Deed | None, tls: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """Where it listens, and what it heard. One of *answers* for each connection, the last for ever."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    context = _trusted_by_nobody() if tls else None

    def serve() -> None:
        for number in range(10_000):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            deed = answers[min(number, len(answers) - 1)]
            threading.Thread(target=_meet, args=(connection, context, deed, heard), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        port = listener.getsockname()[1]
        yield (f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"), heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _meet(
    connection: socket.socket, context: ssl.SSLContext | None, deed: bytes | Deed | None, heard: list[bytes]
) -> None:
    # Whoever is refused, or has heard enough, goes away in the middle.
    with suppress(OSError), connection:
        spoken = context.wrap_socket(connection, server_side=True) if context else connection
        with spoken:
            if callable(deed):
                deed(spoken, heard)
                return
            heard.append(spoken.recv(65536))
            if deed:
                spoken.sendall(deed)


def _trusted_by_nobody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def tunnel(inside: bytes) -> Deed:
    """A proxy whose tunnels all end at a server that gives the answer *inside*, by TLS."""

    def deed(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with _trusted_by_nobody().wrap_socket(connection, server_side=True) as spoken:
            heard.append(spoken.recv(65536))
            spoken.sendall(inside)

    return deed


def dripping(whole: bytes, *, after: int, seconds: float) -> Deed:
    """A server that sends *whole* at once up to byte *after*, and then byte by byte."""

    def deed(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(whole[:after])
        for byte in whole[after:]:
            if _waited(connection, seconds):
                return
            connection.sendall(bytes([byte]))

    return deed


def silent(connection: socket.socket, heard: list[bytes]) -> None:
    """A server that hears and never answers, until the other side goes away."""
    heard.append(connection.recv(65536))
    _waited(connection, 60)


def _waited(connection: socket.socket, seconds: float) -> bool:
    """Wait *seconds*, whatever is heard meanwhile; true as soon as the other side has gone."""
    end = time.monotonic() + seconds
    with suppress(TimeoutError):
        while (left := end - time.monotonic()) > 0:
            connection.settimeout(left)
            if connection.recv(65536) == b"":
                return True
    return False


def at(host: str, clock: Clock | None = None, *, key: str = KEY, project: str = "1") -> Writer:
    """A Writer for *host* that never really waits between tries."""
    clock = clock or Clock()
    return writer(Place(Environment("x", host, project), Key(key)), Run(clock=clock, sleep=clock.sleep))


def really_at(host: str, run: Run) -> Writer:
    """A Writer for *host* whose time is everybody's."""
    return writer(Place(Environment("x", host, "1"), Key(KEY)), run)
