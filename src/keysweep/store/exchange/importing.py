"""An export read into a store that may have rows already: what is newer counts, and nothing is there twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, BinaryIO

from sqlalchemy import Connection

from keysweep.frozen import frozen
from keysweep.store.counting import count_anew
from keysweep.store.exchange.checking import DamagedError, checked
from keysweep.store.exchange.merging import Merge, UnknownError
from keysweep.store.exchange.shapes import SHAPES, Shape
from keysweep.store.rows import batches
from keysweep.store.words import index_anew

_ROWS_AT_ONCE = 1_000


@frozen
class Imported:
    """What became of the rows of a table."""

    read: int
    fresh: int
    changed: int


def imported(connection: Connection, stream: BinaryIO, name: str, now: datetime) -> Mapping[str, Imported]:
    """Merge an export, which people know as `name`, into the store; returns what became of each table.

    It has to be alone (`Store.writing`). Raises DamagedError where the export is not whole: keep nothing then.
    """
    merge = Merge(connection, now)
    read = dict.fromkeys(SHAPES, 0)
    for shape, numbers, rows in _batched(stream, name):
        read[shape.table.name] += len(rows)
        try:
            merge.take(shape, rows)
        except UnknownError as error:
            number = numbers[rows.index(error.row)]
            raise DamagedError(
                f"{name}, line {number}: the {error.what} that it names is not in any line before; "
                "nothing was imported."
            ) from error
    merge.finish()
    count_anew(connection)
    index_anew(connection)
    changes = merge.changes
    return {table: Imported(read[table], changes.fresh[table], changes.changed[table]) for table in SHAPES}


def _batched(stream: BinaryIO, name: str) -> Iterator[tuple[Shape, list[int], list[dict[str, Any]]]]:
    for table, lines in groupby(checked(stream, name), lambda line: line[1].table.name):
        for batch in batches(lines, _ROWS_AT_ONCE):
            yield SHAPES[table], [line[0] for line in batch], [line[2] for line in batch]
