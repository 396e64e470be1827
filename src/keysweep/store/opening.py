"""A store opened by its address: SQLite in one private file, or PostgreSQL; and what is wrong with it in words."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from keysweep.errors import StoreError, UsageError
from keysweep.frozen import frozen
from keysweep.store.versions import bring_up_to_date, check_ours, missing

VARIABLE = "KEYSWEEP_DB"
_BUSY_SECONDS = 30
_CONNECT_SECONDS = 10
_WRITES = "keysweep_writes"
_NO_TRANSACTION = "keysweep_no_transaction"
_ONE_MOMENT = {"isolation_level": "REPEATABLE READ"}
_WRITERS = 7_237_970_004_966_732_595
"""The advisory lock of PostgreSQL that writers share, and that whoever has to be alone takes for itself."""


@frozen
class Store:
    """An open store."""

    engine: Engine
    where: str
    """A path or an address without a password, for people."""
    file: tuple[int, int] | None = None
    """What tells the file of SQLite from any other that may come to stand in its place."""

    @property
    def is_sqlite(self) -> bool:
        """Whether it is one file of this machine."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store; StoreError for what fails in the database."""
        engine = self.engine if self.is_sqlite else self.engine.execution_options(**_ONE_MOMENT)
        with complaining(self.where), engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[Connection]:
        """A transaction: all that is done in it is kept, or nothing; StoreError for what fails in the database.

        With `alone` nobody else writes meanwhile, as in SQLite nobody ever does: for what changes all of it.
        """
        engine = self.engine.execution_options(**{_WRITES: True})
        if self.file is not None and self.file != _told_apart(self.where):
            raise StoreError(
                f"the store {self.where} was taken away while it was in use: put it back, and try again."
            )
        with complaining(self.where), engine.begin() as connection:
            if not self.is_sqlite:
                take = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
                connection.execute(select(take(_WRITERS)))
            yield connection

    @contextmanager
    def outside(self) -> Iterator[Connection]:
        """A connection of SQLite in no transaction, for what refuses to be in one; StoreError for what fails."""
        engine = self.engine.execution_options(**{_NO_TRANSACTION: True})
        with complaining(self.where), engine.connect() as connection:
            yield connection


def _told_apart(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def opened(address: str | None, *, must_exist: bool = False) -> Iterator[Store]:
    """The store at `address`, made or brought up to date if need be, and closed afterwards.

    An address is a path, `sqlite:///PATH` or `postgresql://USER@HOST/NAME`; without one it is `$KEYSWEEP_DB`, or
    `sweep.db` in the user's data directory. Raises UsageError for what is no address, and StoreError where the
    store cannot be used; what fails inside the `with` is told as StoreError too.
    """
    url = _url(address)
    where = _shown(url)
    with complaining(where):
        if url.get_backend_name() == "sqlite":
            _prepare_file(Path(str(url.database)), must_exist=must_exist)
        engine = _engine(url)
        try:
            is_file = url.get_backend_name() == "sqlite"
            store = Store(engine, where, _told_apart(where) if is_file else None)
            alone = partial(store.writing, alone=True)
            bring_up_to_date(store.reading, alone, where, must_exist=must_exist)
            yield store
        finally:
            engine.dispose()


@contextmanager
def complaining(where: str) -> Iterator[None]:
    """Turn what a database says into one sentence: StoreError."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(_in_words(where, error.orig, is_lost=error.connection_invalidated)) from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store {where} cannot be used ({type(error).__name__}): check it.") from error


def _url(address: str | None) -> URL:
    given = address or os.environ.get(VARIABLE)
    if not given:
        return URL.create("sqlite+pysqlite", database=os.fspath(_default_file()))
    if "\0" in given:
        raise UsageError("--db holds a character that no path and no address has: give it anew.")
    if "://" not in given:
        return URL.create("sqlite+pysqlite", database=os.path.abspath(given))
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            "--db is no address of a database: give a path or postgresql://USER@HOST/NAME."
        ) from error
    if address is not None and (url.password is not None or _SECRET_WORDS & url.query.keys()):
        raise UsageError(
            "--db holds a password, which other users of this machine could read: leave it out and put it into "
            f"~/.pgpass or PGPASSWORD, or the whole address into {VARIABLE}."
        )
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database and url.database != ":memory:" and not url.query:
        return URL.create("sqlite+pysqlite", database=os.path.abspath(url.database))
    if kind in {"postgresql", "postgres"}:
        if not all(map(_may_be_host, (url.host or "").split(","))):
            raise UsageError("--db names a host that cannot be one: check the address.")
        return url.set(drivername="postgresql+psycopg")
    raise UsageError(f"--db names a {kind:.20} database: a store is a file of SQLite, or PostgreSQL.")


def _may_be_host(name: str) -> bool:
    """Whether it can be looked up at all; an empty one is this machine."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


_SECRET_WORDS = {"password", "sslpassword"}
"""Of what an address of PostgreSQL may say after its `?`."""


def _default_file() -> Path:
    from platformdirs import user_data_path

    try:
        place = user_data_path("keysweep", appauthor=False)
    except RuntimeError:
        place = Path()
    if not place.is_absolute():
        raise UsageError("there is no home directory in which a store could be: name one with --db PATH.")
    return place / "sweep.db"


def _shown(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    told = {name: url.query[name] for name in ("host", "port") if name in url.query}
    shown = url.set(drivername="postgresql", query=told).render_as_string(hide_password=True)
    return shown.replace(":***@", "@").replace("%2F", "/")


def _prepare_file(path: Path, *, must_exist: bool) -> None:
    """Make sure that nobody else can read the file, before anything is in it.

    SQLite gives the files beside it the same permissions. What is there already is not opened here: whoever closes
    a file takes away all locks that this process has on it (sqlite.org/howtocorrupt.html, 2.2). Raises StoreError.
    """
    try:
        if must_exist and not path.exists():
            raise missing(os.fspath(path))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise StoreError(f"the store {path} is a symbolic link: name the file itself with --db.")
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(f"the store {path} is no file: name another with --db.")
        if status.st_size:
            _check_file(path)
        if sys.platform != "win32" and status.st_mode & 0o077:
            os.chmod(path, 0o600)
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be opened ({error.strerror}): change its permissions, or use --db."
        ) from error


def _check_file(path: Path) -> None:
    """StoreError where a file is no store: of what somebody else keeps not even the permissions are changed."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error as error:
        raise StoreError(_in_words(os.fspath(path), error)) from error
    check_ours({name for (name,) in tables}, os.fspath(path))


_CONNECTION = {"connect_timeout": _CONNECT_SECONDS, "keepalives_idle": 60}
"""Of psycopg; the claim of a sweep may be idle for hours, which routers on the way must not notice."""


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine
    try:
        return create_engine(url, pool_pre_ping=True, connect_args=_CONNECTION)
    except ImportError as error:
        raise StoreError("PostgreSQL needs its driver: run `pip install 'keysweep[postgres]'`.") from error


_SETTINGS = (
    "journal_mode = wal",
    "synchronous = full",
    "foreign_keys = on",
    "trusted_schema = off",
    "cache_size = -65536",  # KiB: the indexes of a million places stay in memory while they are written
)


def _set_up(connection: Any, _: object) -> None:
    """Readers go on while one writes, and what was committed is there after a crash."""
    connection.isolation_level = None  # transactions are begun below, in all of their words
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    """Whoever is going to write waits for its turn at once: SQLite lets no reader become a writer later."""
    options = connection.get_execution_options()
    if not options.get(_NO_TRANSACTION):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES) else "BEGIN")


_PATTERNS = (
    ("connection option", "has an address with an option that PostgreSQL does not know: look after its `?`"),
    ("sslmode value", "has an address with an `sslmode` that PostgreSQL does not know: look after its `?`"),
    ("database is locked", "is in use by another program: wait until it has ended, and try again"),
    ("disk is full", "cannot grow, because its disk is full: make room, and try again"),
    ("could not extend file", "cannot grow, because its disk is full: make room, and try again"),
    ("file is not a database", "is no database of SQLite: name another file with --db"),
    ("malformed", "is damaged: put a copy back, or name another file with --db and sweep again"),
    ("disk I/O error", "cannot be read or written, the disk says: check it, and try again"),
    ("readonly database", "cannot be written: change its permissions, or those of its directory"),
    ("unable to open database file", "cannot be opened: change its permissions, or name another file with --db"),
    ("authentication failed", "refuses the user or the password: check PGUSER, PGPASSWORD and ~/.pgpass"),
    ("no password supplied", "asks for a password: put it into ~/.pgpass or PGPASSWORD"),
    ("permission denied", "does not let this user do that: grant it the schema"),
    ('role "', "does not take this user: check PGUSER, or create the role and let it log in"),
    ("failed to resolve host", "is on a host that has no address: check its name"),
    ('relation "', "lacks a table that it should have: put a copy back, or name another database with --db"),
    ("does not exist", "does not exist: create it, or check its name"),
    ("starting up", "is starting: try again in a moment"),
    ("too many clients", "has no connection left: try again later"),
)
"""What databases say, and what that means for whoever runs keysweep."""


def _in_words(where: str, error: BaseException | None, *, is_lost: bool = False) -> str:
    said = str(error)
    for pattern, meaning in _PATTERNS:
        if pattern in said:
            return f"the store {where} {meaning}."
    if is_lost or "connection" in said:
        return f"the store {where} cannot be reached: check that its server runs, and try again."
    return f"the store {where} failed ({type(error).__name__}): check it, and try again."
