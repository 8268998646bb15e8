"""A real HTTP/1.1 server for the sandbox: threads, keep-alive, and connections that end badly on request.

Knows sockets and WSGI; nothing of what is served.
"""

import contextlib
import io
import select
import socket
import sys
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from reconciler.sandbox.faults import Dropped, Hung
from reconciler.sandbox.gateway import WSGI, Environ

# How long a stop waits for requests that are being answered.
GRACE_SECONDS = 5.0


class Server:
    """The sandbox on a port, in threads of this process."""

    def __init__(self, gateway: WSGI, closing: threading.Event, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind; port 0 takes a free one."""
        self._http = _ThreadingServer(gateway, closing, host, port)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Where clients find the sandbox, without a slash at the end."""
        host = str(self._http.server_address[0])
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def start(self) -> "Server":
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take no new connection, finish the requests in flight, close the rest. Doing it twice does nothing."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.close_connections()

    def __enter__(self) -> "Server":
        """Begin to answer."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop gracefully."""
        self.stop()


class _ThreadingServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, gateway: WSGI, closing: threading.Event, host: str, port: int) -> None:
        self.gateway = gateway
        self.closing = closing
        self.stopping = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._lock = threading.Lock()
        self._open: dict[socket.socket, bool] = {}  # every connection, and whether a request is in flight on it
        super().__init__((host, port), _Handler)

    def note(self, connection: socket.socket, is_busy: bool) -> None:
        """Remember whether *connection* is in the middle of a request."""
        with self._lock:
            self._open[connection] = is_busy

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ended."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wait for requests in flight, then end every connection."""
        self.stopping.set()
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and self._is_busy():
            time.sleep(0.01)
        with self._lock:
            for connection in self._open:
                _end(connection)

    def _is_busy(self) -> bool:
        with self._lock:
            return any(self._open.values())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; a bug of ours is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _ThreadingServer

    def handle_one_request(self) -> None:
        self.server.note(self.connection, False)
        super().handle_one_request()

    def answer(self) -> None:
        """Answer one request of any method."""
        self.server.note(self.connection, True)
        body = self._read_body()
        if body is None:
            self.send_error(400)
            return
        try:
            self._respond(self._environ(body))
        except Dropped:
            self.close_connection = True
        except Hung:
            self._never_answer()
        if self.server.stopping.is_set():
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = answer

    def _respond(self, environ: Environ) -> None:
        head: list[bytes] = []

        def start_response(line: str, headers: list[tuple[str, str]], *_: Any) -> None:
            lines = [f"HTTP/1.1 {line}", *(f"{name}: {value}" for name, value in headers)]
            lines.append(f"Date: {self.date_time_string()}")
            head.append("\r\n".join([*lines, "", ""]).encode("latin-1"))

        self._send(head, self.server.gateway(environ, start_response))

    def _send(self, head: list[bytes], body: Iterable[bytes]) -> None:
        if isinstance(body, list):
            self.wfile.write(b"".join(head + body))
            return
        self.wfile.write(head[0])
        for part in body:
            self.wfile.write(part)

    def _never_answer(self) -> None:
        while not (self.server.closing.is_set() or self.server.stopping.is_set() or _is_gone(self.connection)):
            time.sleep(0.05)
        self.close_connection = True

    def _environ(self, body: bytes) -> Environ:
        url = urlsplit(self.path)
        environ: Environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
            "QUERY_STRING": url.query,
            "SERVER_NAME": str(self.server.server_address[0]),
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            if key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
                environ[key] = value
        return environ

    def _read_body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0")
        return self.rfile.read(int(length)) if length.isdecimal() else None

    def _read_chunks(self) -> bytes | None:
        body = b""
        while True:
            try:
                size = int(self.rfile.readline().partition(b";")[0], 16)
            except ValueError:
                return None
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are shown at `/`, not on the terminal."""


def _is_gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
