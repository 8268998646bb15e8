"""The cheapest server that answers like PostHog's listing: rows rendered once, pages cut out of them, requests counted.

    python -m benchmarks.server MANIFESTS [--latency MILLISECONDS]

Prints its address, answers on loopback only, and stops when its standard input closes or its time is over, so that it
cannot outlive who started it. `/_count` tells how many requests each listing took since it was last asked.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from . import data

PATH = re.compile(r"/api/(environments|projects)/\d+/subscriptions/")
DEFAULT_PAGE = 100
LIFETIME = 900.0
"""Seconds after which the server stops whatever happens."""


@dataclass
class Listing:
    """The rows as JSON text, and how often each listing was asked for."""

    rows: list[bytes]
    latency: float
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, query: dict[str, list[str]]) -> bytes:
        """One page in PostHog's envelope: of the live rows, or of the soft-deleted ones, of which there are none."""
        deleted = query.get("deleted") == ["true"]
        rows = [] if deleted else self.rows
        with self.lock:
            self.asked["deleted" if deleted else "live"] += 1
        limit = int(query.get("limit", [str(DEFAULT_PAGE)])[0])
        offset = int(query.get("offset", ["0"])[0])
        after, before = offset + limit < len(rows), offset > 0
        return b'{"count":%d,"next":%s,"previous":%s,"results":[%s]}' % (
            len(rows),
            b'"?offset=%d&limit=%d"' % (offset + limit, limit) if after else b"null",
            b'"?offset=%d&limit=%d"' % (max(0, offset - limit), limit) if before else b"null",
            b",".join(rows[offset : offset + limit]),
        )

    def counted(self) -> bytes:
        """The requests since the last call, by listing, as JSON; counting begins anew."""
        with self.lock:
            answer = json.dumps(self.asked).encode()
            self.asked.clear()
        return answer


def handler(listing: Listing) -> type[BaseHTTPRequestHandler]:
    """The request handler that serves *listing*."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/_count":
                self.answer(200, listing.counted())
            elif PATH.fullmatch(url.path):
                time.sleep(listing.latency)
                self.answer(200, listing.page(parse_qs(url.query)))
            else:
                self.answer(404, b'{"type":"invalid_request","code":"not_found","detail":"Not found.","attr":null}')

        def answer(self, status: int, body: bytes) -> None:
            head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            self.wfile.write(head.encode() + b"\r\n" + body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: standard output is the address, and the terminal is the measuring program's."""

    return Handler


def main() -> None:
    """Serve until standard input closes, or the time is over."""
    parser = argparse.ArgumentParser(description="A listing of subscriptions on loopback, for benchmarks.")
    parser.add_argument("manifests", type=int, help="serve the rows that belong to so many manifests")
    parser.add_argument("--latency", type=float, default=20.0, help="milliseconds that each request waits (20)")
    asked = parser.parse_args()
    rendered = [json.dumps(row, separators=(",", ":")).encode() for row in data.rows(asked.manifests)]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Listing(rendered, asked.latency / 1000)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    over = threading.Timer(LIFETIME, server.shutdown)
    over.daemon = True
    over.start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
