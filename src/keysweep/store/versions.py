"""Which version of the schema a store has, and how it gets the one of this keysweep: by Alembic."""

from __future__ import annotations

from collections.abc import Callable, Set
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from keysweep.errors import StoreError

NEWEST = "0001"
"""The version of this keysweep, the last of those in `migrations/versions`."""
_TABLE = "alembic_version"
_OURS = {_TABLE, "leaks", "places", "repositories"}
"""What tells a store from what others keep in a database, perhaps by Alembic too."""
_Opens = Callable[[], AbstractContextManager[Connection]]


def bring_up_to_date(reading: _Opens, writing: _Opens, where: str, *, must_exist: bool = False) -> None:
    """Make the tables, or change those of an older keysweep; `writing` has to be alone.

    Raises StoreError where they are of a newer one, or where there are none and `must_exist` says that there are.
    """
    with reading() as connection:
        version = version_of(connection, where)
        if version == NEWEST:
            return
        if version is None and must_exist:
            raise missing(where)
    with writing() as connection:
        if version_of(connection, where) == NEWEST:  # somebody else was first
            return
        _migrate(connection)


def missing(where: str) -> StoreError:
    """What a user reads who asks a store that is not there."""
    return StoreError(f"there is no store at {where}: run keysweep sweep first, or name one with --db.")


def check_ours(tables: Set[str], where: str) -> None:
    """StoreError where somebody else keeps tables in a database."""
    if tables and not tables >= _OURS:
        raise StoreError(f"the database {where} belongs to something else: name another one with --db.")


def version_of(connection: Connection, where: str) -> str | None:
    """The version of the schema; None for an empty database, and StoreError for one that is of something else."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    check_ours(tables, where)
    version = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608 - our own name
    if version is not None and version not in _known():
        raise StoreError(
            f"the store {where} was written by a newer keysweep (its schema is {version!s:.20}, this one knows "
            f"{NEWEST}): install that version, or name another store with --db."
        )
    return version


def _known() -> set[str]:
    return {path.name.split("_")[0].removeprefix("v") for path in (_MIGRATIONS / "versions").glob("v*.py")}


_MIGRATIONS = Path(__file__).parent / "migrations"


def _migrate(connection: Connection) -> None:
    try:
        from alembic import command
        from alembic.config import Config
    except ImportError as error:
        raise StoreError(f"the store needs {error.name}: run `pip install 'keysweep[sweep]'`.") from error

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, NEWEST)
