"""A whole store as JSON Lines: a header, one object a row, and a last line that says how many there were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from keysweep import __version__
from keysweep.store.exchange.shapes import FORMAT, SHAPES, VERSION, Shape, everything
from keysweep.store.versions import NEWEST

_ROWS_AT_ONCE = 2_000


def exported(connection: Connection) -> Iterator[str]:
    """The lines of an export, of one moment; the same from every store that says the same."""
    yield _line({"format": FORMAT, "version": VERSION, "schema": NEWEST, "keysweep": __version__})
    counts: dict[str, int] = {}
    for name, shape in SHAPES.items():
        counts[name] = 0
        for row in _rows(connection, shape):
            counts[name] += 1
            yield _line({"table": name, **row})
    yield _line({"end": counts})


def _rows(connection: Connection, shape: Shape) -> Iterator[dict[str, Any]]:
    names = tuple(shape.columns)
    found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(everything(connection, shape))
    for row in found:
        yield {name: _plain(value) for name, value in zip(names, row, strict=True)}


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":")) + "\n"
