"""Django, set up without a project, and one SQLite database per sandbox. Knows no view and no rule.

All threads share one connection, so that `:memory:` is one database; a lock around every statement keeps them apart,
and a statement is over, its rows all fetched, before the lock is let go: others may reset or commit in the next moment.
Requests are not transactions: between loading a row and saving it others may write, as on the real server.
"""

import logging
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connections
from django.db.backends.sqlite3.base import DatabaseWrapper, SQLiteCursorWrapper

from reconciler.sandbox.server import settings as ours

# Goes up whenever the tables change, so that an old file is refused and not misread.
SCHEMA_VERSION = 1


def configure() -> None:
    """Set Django up, once per process."""
    if not settings.configured:
        settings.configure(**{name: getattr(ours, name) for name in dir(ours) if name.isupper()})
    elif settings.ROOT_URLCONF != ours.ROOT_URLCONF:
        raise RuntimeError("this process already runs another Django project; start the sandbox as its own process")
    if not apps.ready:
        django.setup()
        # Django reports every 4xx on stderr, which is neither news here nor anybody's business.
        logging.getLogger("django").addHandler(logging.NullHandler())
        logging.getLogger("django").propagate = False


class _Cursor(SQLiteCursorWrapper):
    """A cursor that holds every row of its statement as soon as it was executed."""

    _rows: deque[Any] = deque()

    def execute(self, query: str, params: Any = None) -> "_Cursor":
        super().execute(query, params)
        self._rows = deque(super().fetchall())
        return self

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        return self.fetchmany(len(self._rows) or 1)

    def __next__(self) -> Any:
        if not self._rows:
            raise StopIteration
        return self._rows.popleft()


class _Connection(DatabaseWrapper):
    """A connection that threads share, and that none of them closes because of what it sees another one do."""

    def create_cursor(self, name: Any = None) -> _Cursor:
        cursor: _Cursor = self.connection.cursor(factory=_Cursor)
        return cursor

    def close_if_unusable_or_obsolete(self) -> None:
        pass


class Database:
    """One SQLite database, and the pristine copy it can be reset to."""

    def __init__(self, path: Path | None, fill: Callable[[], None]) -> None:
        """Open *path* (None: memory); a new database gets every table and what *fill* puts there."""
        self.lock = threading.RLock()
        self.is_new = path is None or not path.exists() or path.stat().st_size == 0
        self._pristine = self._connect(":memory:")
        self.connection = self._pristine
        with self.exclusive():
            _create_tables(self._pristine)
            self._pristine.connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            fill()
        self.connection = self._connect(":memory:" if path is None else str(path))
        self._claim(path)
        # Closes the file of a sandbox that is merely forgotten, too.
        raw = [each.connection for each in (self._pristine, self.connection)]
        self._let_go = weakref.finalize(self, _close, raw)
        if self.is_new:
            self.reset()

    def bind(self) -> None:
        """Make this database the one that Django uses in this thread."""
        connections["default"] = self.connection

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Bind, and let no other thread run a statement meanwhile."""
        with self.lock:
            self.bind()
            yield

    def reset(self) -> None:
        """Bring back the pristine content."""
        with self.exclusive():
            self._pristine.connection.backup(self.connection.connection)

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self._let_go()

    def _connect(self, name: str) -> DatabaseWrapper:
        connection = _Connection({**connections.settings["default"], "NAME": name}, "default")
        connection.inc_thread_sharing()
        connection.execute_wrappers.append(self._one_at_a_time)
        try:
            connection.ensure_connection()
        except OperationalError as error:
            raise RuntimeError(f"{name}: {error}") from error
        return connection

    def _claim(self, path: Path | None) -> None:
        # Exclusive: two sandboxes on one file would each serve half of the truth.
        raw = self.connection.connection
        try:
            raw.execute("PRAGMA synchronous = OFF")
            raw.execute("PRAGMA locking_mode = EXCLUSIVE")
            raw.execute("BEGIN EXCLUSIVE")
            raw.execute("COMMIT")
            (version,) = raw.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError as error:
            raise RuntimeError(f"{path}: another sandbox uses this file ({error})") from error
        except sqlite3.DatabaseError as error:
            raise RuntimeError(f"{path}: not a sandbox database ({error})") from error
        if not self.is_new and version != SCHEMA_VERSION:
            raise RuntimeError(f"{path}: made by another version of the sandbox; remove it, or choose another file")

    def _one_at_a_time(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        with self.lock:
            return execute(sql, params, many, context)


def _close(connections: Iterable[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()


def _create_tables(connection: DatabaseWrapper) -> None:
    with connection.schema_editor() as editor:
        for model in apps.get_app_config("server").get_models():
            editor.create_model(model)
