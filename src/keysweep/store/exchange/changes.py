"""Rows of any table looked up, added and changed, and how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from keysweep.store.rows import batches

Row = dict[str, Any]


class Changes:
    """What an import does to tables."""

    def __init__(self, connection: Connection) -> None:
        """`connection` is to be alone in its store."""
        self.connection = connection
        self.fresh: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()

    def there(self, table: Table, column: str, values: Iterable[Any]) -> dict[Any, Row]:
        """The rows with these values in a column, by them."""
        return {
            row[column]: dict(row)
            for batch in batches(values)
            for row in self.connection.execute(select(table).where(table.c[column].in_(batch))).mappings()
        }

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows with these values for columns."""
        self.fresh[table.name] += len(rows)
        if rows:
            self.connection.execute(insert(table), list(rows))

    def update(self, table: Table, key: str, changes: Mapping[Any, Row]) -> None:
        """Change rows, each with the value of `key`, into what `changes` says."""
        self.changed[table.name] += len(changes)
        by_names: dict[tuple[str, ...], list[Row]] = {}
        for value, change in changes.items():
            row = {"which": value, **{f"new_{name}": each for name, each in change.items()}}
            by_names.setdefault(tuple(sorted(change)), []).append(row)
        for names, rows in by_names.items():
            values = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
            statement = update(table).where(table.c[key] == bindparam("which")).values(values)
            self.connection.execute(statement, rows)
