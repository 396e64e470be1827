"""How a store is written down to be read by another one: lines of JSON, each a row that is named by what it is.

The first line says what the file is, the last one how many rows there are. Repositories are named by their
identity and leaks by their fingerprint, since numbers of rows mean nothing elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, SmallInteger, Table, Text
from sqlalchemy.types import JSON

from keysweep.findings import Confidence, Kind, Role, Severity, Source
from keysweep.repositories import Holds
from keysweep.standing import Standing
from keysweep.store import schema
from keysweep.store.rows import stored
from keysweep.store.runs import TaskState
from keysweep.store.schema import Moment
from keysweep.verdicts import Contained, Principal, Status

FORMAT = "keysweep-store"
VERSION = 1
ORDER: Mapping[str, tuple[str, ...]] = {
    "repositories": ("identity",),
    "refs": ("repository", "name"),
    "runs": ("id",),
    "tasks": ("run_id", "repository"),
    "problems": ("repository", "code", "path", "message", "commit_id", "object_id"),
    "keys": ("key_id",),
    "leaks": ("fingerprint",),
    "places": ("leak", "repository", "path", "members"),
    "verifications": ("key_id", "checked", "status", "request_id"),
    "containments": ("key_id", "when", "run", "state"),
    "decisions": ("leak", "when", "by", "note"),
    "notices": ("leak", "channel", "when", "state"),
}
"""The tables in their order, those first that others name, and what the rows of each are sorted by."""
NAMED = {
    "repository_id": ("repository", schema.repositories.c.identity),
    "leak_id": ("leak", schema.leaks.c.fingerprint),
}
"""Columns that hold a number of a row elsewhere, what a line calls them, and what it has instead."""
_COUNTED = {("leaks", "places"), ("leaks", "repositories"), ("repositories", "leaks")}
"""What follows from other rows."""


def columns_of(table: Table) -> dict[str, Column[Any]]:
    """What a line says of a row, by its name there."""
    return {
        NAMED[column.name][0] if column.name in NAMED else column.name: column
        for column in table.c
        if not (column.primary_key and column.name == "id" and not isinstance(column.type, Text))
        and (table.name, column.name) not in _COUNTED
    }


def line_of(table: str, row: Mapping[str, Any]) -> str:
    """A row as a line."""
    said = {name: _said(value) for name, value in row.items()}
    return json.dumps({"table": table, **said}, separators=(",", ":"))


def _said(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def read_line(line: str) -> dict[str, Any]:
    """What a line says; ValueError where it is no object of JSON."""
    try:
        said = json.loads(line, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except ValueError as error:
        raise ValueError("is no JSON") from error
    if not isinstance(said, dict):
        raise ValueError("is no object")  # noqa: TRY004 - all that is wrong with a line is told alike
    return said


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def row_of(said: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The table and the values of a row, by the names of a line; ValueError with what is wrong with it."""
    name = said.pop("table", None)
    if name not in ORDER:
        raise ValueError("names no table of a store")
    columns = columns_of(schema.metadata.tables[name])
    if said.keys() != columns.keys():
        wrong = min(said.keys() ^ columns.keys())
        raise ValueError(f"has {'no' if wrong in columns else 'an unknown'} {wrong:.40}")
    row = {}
    for each, column in columns.items():
        try:
            row[each] = _value(name, column, said[each])
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ValueError(f"has a wrong {each}") from error
    return name, row


def _value(table: str, column: Column[Any], value: Any) -> Any:
    """A value as its column takes it; ValueError, TypeError or KeyError where it cannot."""
    if value is None:
        if not column.nullable:
            raise ValueError(column.name)
        return None
    check = _CHECKS.get((table, column.name))
    if column.name in NAMED:
        return _text(value)
    for kind, take in _TAKEN:
        if isinstance(column.type, kind):
            taken = take(value)
            if check:
                check(taken)
            return taken
    raise TypeError(column.type)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return stored(value)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _number(bits: int) -> Callable[[Any], int]:
    def number(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << (bits - 1):
            raise ValueError(value)
        return value

    return number


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise ValueError(value)
    return float(value)


def _json(value: Any) -> Any:
    if not isinstance(value, dict | list):
        raise TypeError(value)
    return _stored_within(value)


def _stored_within(value: Any) -> Any:
    if isinstance(value, str):
        return stored(value)
    if isinstance(value, list):
        return [_stored_within(each) for each in value]
    if isinstance(value, dict):
        return {stored(name): _stored_within(each) for name, each in value.items()}
    return value


_TAKEN: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
    (Moment, _moment),
    (JSON, _json),
    (Boolean, _flag),
    (BigInteger, _number(64)),
    (SmallInteger, _number(16)),
    (Integer, _number(32)),
    (Float, _seconds),
    (Text, _text),
)
"""What a column takes; the first that fits."""


def _texts(value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError(value)


def _parts(value: Any) -> None:
    for part in value:
        Role(part["role"])
        _text(part["redacted"])


def _further(value: Any) -> None:
    for origin in value:
        _text(origin["path"])
        Source(origin["source"])
        _texts(origin["members"])
        if origin["object_id"] is not None:
            _text(origin["object_id"])


def _one_of(*names: str) -> Callable[[Any], Any]:
    def check(value: Any) -> None:
        if value not in names:
            raise ValueError(value)

    return check


_DECIDED = _one_of("open", "real", "false", "accepted", "resolved")


_CHECKS: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("repositories", "holds"): Holds,
    ("repositories", "topics"): _texts,
    ("repositories", "state"): _one_of("new", *TaskState),
    ("runs", "state"): _one_of("running", "interrupted", "done", "incomplete"),
    ("runs", "notes"): _texts,
    ("runs", "problems"): _texts,
    ("tasks", "state"): TaskState,
    ("keys", "status"): Status,
    ("keys", "principal"): Principal,
    ("keys", "contained"): Contained,
    ("leaks", "kind"): Kind,
    ("leaks", "severity"): Severity,
    ("leaks", "found_severity"): Severity,
    ("leaks", "confidence"): Confidence,
    ("leaks", "standing"): Standing,
    ("leaks", "reasons"): _texts,
    ("leaks", "parts"): _parts,
    ("leaks", "status"): _DECIDED,
    ("places", "source"): Source,
    ("places", "members"): _texts,
    ("places", "decoding"): _texts,
    ("places", "further"): _further,
    ("verifications", "status"): Status,
    ("containments", "state"): Contained,
    ("decisions", "status"): _DECIDED,
}
"""What else has to be true of a value, or whoever reads the store would stumble over it."""
