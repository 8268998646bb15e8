"""PostHog over HTTP: the one room that knows hosts, keys, retries, pages and status codes.

    operations.py   which requests there are            (next door, pure)
    client.py       Reader and Writer: one Request sent, one listing read; what is raised, and when
    listing.py      pages, and the proof that nothing was missed
    retry.py        what is sent again, and after how long
    answers.py      what an answer means, in sentences; scrubbing of what a server wrote
    transport.py    one exchange: TLS, proxies, the key's header, limits; httpx's errors
    budget.py       how much, until when, and by how many at once

A module imports only from those below it. Importing this package imports httpx, so others import it when they need it.
"""

from .answers import scrub
from .budget import Budget, Run, Width
from .client import Place, Reader, Sent, Writer, reader, writer
from .transport import ready

__all__ = ["Budget", "Place", "Reader", "Run", "Sent", "Width", "Writer", "reader", "ready", "scrub", "writer"]
