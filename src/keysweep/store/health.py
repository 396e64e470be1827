"""What a store holds, and whether it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

from sqlalchemy import func, select, text

from keysweep.errors import StoreError
from keysweep.frozen import frozen
from keysweep.store.counting import wrongly_counted
from keysweep.store.leaks import key_rows, standing_of
from keysweep.store.opening import Store
from keysweep.store.rows import batches
from keysweep.store.schema import keys, leaks, metadata, runs
from keysweep.store.versions import NEWEST

_MOST_TOLD = 10


@frozen
class About:
    """A store, for people."""

    where: str
    kind: str
    """The database and its version."""
    schema: str
    size_bytes: int
    rows: Mapping[str, int]
    """Of each table."""
    newest_run: str | None


def about(store: Store) -> About:
    """What there is."""
    with store.reading() as connection:
        tables = {table.name: table for table in metadata.sorted_tables}
        counts = {
            name: connection.scalar(select(func.count()).select_from(tables[name])) or 0 for name in sorted(tables)
        }
        newest = select(runs.c.id).order_by(runs.c.started.desc(), runs.c.id.desc()).limit(1)
        if store.is_sqlite:
            kind = f"SQLite {connection.scalar(text('SELECT sqlite_version()'))}"
        else:
            kind = f"PostgreSQL {connection.scalar(text('SHOW server_version'))}"
        return About(store.where, kind, NEWEST, size_of(store), counts, connection.scalar(newest))


def size_of(store: Store) -> int:
    """How many bytes it takes on its disk."""
    if store.is_sqlite:
        return sum(_size(f"{store.where}{suffix}") for suffix in ("", "-wal"))
    with store.reading() as connection:
        return connection.scalar(text("SELECT pg_database_size(current_database())")) or 0


def _size(path: str) -> int:
    with suppress(OSError):
        return os.stat(path).st_size
    return 0


def faults(store: Store) -> Iterator[str]:
    """What is wrong in a store, a clause each; nothing where it is whole."""
    try:
        with store.reading() as connection:
            if store.is_sqlite:
                told = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_TOLD})").scalars().all()
                yield from (f"the file is damaged ({each})" for each in told if each != "ok")
                loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                yield from (f"a row of {row[0]} names one of {row[2]} that is not there" for row in loose)
            wrong = wrongly_counted(connection)
            if wrong["leaks"]:
                yield f"{wrong['leaks']} of the leaks say wrongly in how many places they stand"
            if wrong["repositories"]:
                yield f"{wrong['repositories']} of the repositories say wrongly how many leaks they have"
            stood = 0
            for batch in batches(connection.scalars(select(keys.c.key_id)).all()):
                standings = {row.key_id: standing_of(row) for row in key_rows(connection, batch)}
                said = select(leaks.c.key_id, leaks.c.standing).where(leaks.c.key_id.in_(batch))
                stood += sum(standings[key_id] != standing for key_id, standing in connection.execute(said))
            if stood:
                yield f"{stood} of the leaks say otherwise than their keys how they stand"
    except StoreError as error:
        yield str(error)
