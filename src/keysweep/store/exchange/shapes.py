"""How each table is written in an export: which columns, under which names, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, Text, cast, select
from sqlalchemy.types import JSON

from keysweep.frozen import frozen
from keysweep.store.schema import (
    containments,
    decisions,
    keys,
    leaks,
    notices,
    places,
    problems,
    refs,
    repositories,
    runs,
    tasks,
    verifications,
)

FORMAT = "keysweep-store"
VERSION = 1

_COUNTED = {"leaks": ("places", "repositories"), "repositories": ("leaks",)}
"""Columns that say what other rows say already: they are counted anew."""
_REFERENCES: Mapping[str, tuple[str, Table, str]] = {
    "repository_id": ("repository", repositories, "identity"),
    "leak_id": ("leak", leaks, "fingerprint"),
}
"""Column with the number of a row, which only this store knows, to what stands for it."""


@frozen
class Shape:
    """A table as exports have it."""

    table: Table
    natural: tuple[str, ...]
    """What tells a row from all others, in any store; rows come in the order of it. Empty where all of it does."""

    @property
    def columns(self) -> dict[str, Column[Any]]:
        """Name in the export to column."""
        left_out = _COUNTED.get(self.table.name, ())
        return {
            _REFERENCES[column.name][0] if column.name in _REFERENCES else column.name: column
            for column in self.table.columns
            if column.name not in left_out and not (column.name == "id" and column.autoincrement is True)
        }

    @property
    def order(self) -> tuple[str, ...]:
        """The names by which rows are ordered."""
        return self.natural or tuple(self.columns)


SHAPES: Mapping[str, Shape] = {
    shape.table.name: shape
    for shape in (
        Shape(repositories, ("identity",)),
        Shape(refs, ("repository", "name")),
        Shape(problems, ()),
        Shape(runs, ("id",)),
        Shape(tasks, ("run_id", "repository")),
        Shape(keys, ("key_id",)),
        Shape(leaks, ("fingerprint",)),
        Shape(places, ("leak", "repository", "path", "members")),
        Shape(verifications, ()),
        Shape(containments, ()),
        Shape(decisions, ()),
        Shape(notices, ()),
    )
}
"""In the order in which they are written: what a row refers to comes before it."""


def everything(connection: Connection, shape: Shape) -> Select[Any]:
    """All rows of a table, with the names of the export, the same in every database."""
    named: dict[str, ColumnElement[Any]] = {}
    joined: Any = shape.table
    for name, column in shape.columns.items():
        if column.name in _REFERENCES:
            _, other, natural = _REFERENCES[column.name]
            joined = joined.join(other, other.c.id == column)
            named[name] = other.c[natural]
        else:
            named[name] = column
    query = select(*(column.label(f"c{number}") for number, column in enumerate(named.values())))
    order = [_ordered(connection, named[name]).nulls_first() for name in shape.order]
    return query.select_from(joined).order_by(*order)


def _ordered(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column to order by: texts by their bytes, whatever language a database was made for."""
    if isinstance(column.type, JSON):
        column = cast(column, Text)
    is_text = isinstance(column.type, Text)
    return column.collate("C") if is_text and connection.dialect.name == "postgresql" else column
