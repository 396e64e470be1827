"""Lines of an export, read as what somebody else wrote: every value is held to what the store may have there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO, NoReturn

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, SmallInteger, Text
from sqlalchemy.types import JSON

from keysweep.errors import UsageError
from keysweep.findings import Confidence, Kind, Role, Severity, Source
from keysweep.repositories import Holds
from keysweep.standing import Standing
from keysweep.store.exchange.shapes import FORMAT, SHAPES, VERSION, Shape
from keysweep.store.rows import stored
from keysweep.store.runs import TaskState
from keysweep.store.schema import Moment
from keysweep.verdicts import Contained, Principal, Status

_ONE_OF: Mapping[tuple[str, str], frozenset[Any]] = {
    ("repositories", "holds"): frozenset(Holds),
    ("repositories", "state"): frozenset({"new", "swept", "incomplete", "failed", "quarantined"}),
    ("runs", "state"): frozenset({"running", "interrupted", "done", "incomplete"}),
    ("tasks", "state"): frozenset(TaskState),
    ("keys", "status"): frozenset(Status),
    ("keys", "principal"): frozenset(Principal),
    ("keys", "contained"): frozenset(Contained),
    ("leaks", "kind"): frozenset(Kind),
    ("leaks", "severity"): frozenset(Severity),
    ("leaks", "found_severity"): frozenset(Severity),
    ("leaks", "confidence"): frozenset(Confidence),
    ("leaks", "standing"): frozenset(Standing),
    ("leaks", "status"): frozenset({"open", "real", "false", "accepted", "resolved"}),
    ("places", "source"): frozenset(Source),
    ("verifications", "status"): frozenset(Status),
    ("containments", "state"): frozenset(Contained),
    ("decisions", "status"): frozenset({"open", "real", "false", "accepted", "resolved"}),
}
"""What may stand in a column of few words."""
_ADDRESSES = ("url", "page")
_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@")
_Reader = Callable[[Any], Any]
_BITS = {SmallInteger: 15, BigInteger: 63, Integer: 31}
_NEWEST = datetime(9000, 1, 1, tzinfo=UTC)
_MOST_BYTES = 64 << 20
"""In one line."""


class DamagedError(UsageError):
    """A line of an export is not what it should be."""


def checked(stream: BinaryIO, name: str) -> Iterator[tuple[int, Shape, dict[str, Any]]]:
    """Line number, table and row of every line of an export; DamagedError for one that is none."""
    numbered = enumerate(iter(partial(stream.readline, _MOST_BYTES), b""), 1)
    _check_header(_object(next(numbered, (1, b"{}"))[1], name, 1), name)
    readers = {table: _readers(shape) for table, shape in SHAPES.items()}
    counts = dict.fromkeys(SHAPES, 0)
    at: tuple[Any, ...] = ()
    number = 1
    for number, line in numbered:
        row = _object(line, name, number)
        if "end" in row:
            break
        table = row.pop("table", None)
        if not isinstance(table, str) or table not in SHAPES:
            raise _damaged(name, number, "it is of no table of a store")
        shape, values = SHAPES[table], _values(readers[table], row, name, number)
        before, at = at, _rank(shape, values)
        if at < before or (at == before and shape.natural):
            raise _damaged(name, number, "it comes twice, or not in order")
        counts[table] += 1
        yield number, shape, values
    else:
        raise _damaged(name, number, "the end is missing: the file was cut off")
    if row != {"end": counts}:
        raise _damaged(name, number, "rows before it are missing, or were added")
    if next(numbered, None) is not None:
        raise _damaged(name, number + 1, "it comes after the end")


def _damaged(name: str, number: int, why: str) -> DamagedError:
    return DamagedError(f"{name}, line {number}: {why}; nothing was imported.")


def _object(line: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _damaged(name, number, "it is no JSON") from error
    if not isinstance(row, dict):
        raise _damaged(name, number, "it is no object")
    return row


def _no_number(word: str) -> NoReturn:
    """`NaN` and `Infinity`, which Python reads and no database does."""
    raise ValueError(word)


def _check_header(header: Mapping[str, Any], name: str) -> None:
    if header.get("format") != FORMAT:
        raise _damaged(name, 1, "it is no export of a store")
    if header.get("version") != VERSION:
        raise UsageError(
            f"{name} was written by another version of keysweep (its format is {header.get('version')!s:.20}, "
            f"this one reads {VERSION}): export it with the same version as this; nothing was imported."
        )


def _values(readers: Mapping[str, _Reader], row: Mapping[str, Any], name: str, number: int) -> dict[str, Any]:
    if row.keys() != readers.keys():
        wrong = min(readers.keys() ^ row.keys())
        raise _damaged(name, number, f"its table has other columns ({stored(wrong):.40})")
    values = {}
    for each, read in readers.items():
        try:
            values[each] = read(row[each])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise _damaged(name, number, f"its {each} is not what it may be") from error
    return values


def _readers(shape: Shape) -> dict[str, _Reader]:
    """Of each column, by its name in the export, what makes a value for the database or raises ValueError."""
    return {name: _reader(shape, column, name) for name, column in shape.columns.items()}


def _reader(shape: Shape, column: Column[Any], name: str) -> _Reader:
    few = _ONE_OF.get((shape.table.name, column.name))
    read = partial(_one_of, few) if few else _text if name != column.name else _by_type(column)
    return partial(_none_or, read) if column.nullable else read


def _by_type(column: Column[Any]) -> _Reader:
    kind = column.type
    if isinstance(kind, JSON):
        return _JSON.get(column.name, _texts)
    if isinstance(kind, Integer):
        return partial(_number, next(1 << bits for each, bits in _BITS.items() if isinstance(kind, each)))
    if column.name in _ADDRESSES:
        return _address
    return next(read for each, read in _READERS.items() if isinstance(kind, each))


def _none_or(read: _Reader, value: Any) -> Any:
    return None if value is None else read(value)


def _one_of(few: frozenset[Any], value: Any) -> Any:
    return _expect(type(value) is not bool and value in few, value)


def _number(end: int, value: Any) -> int:
    return int(_expect(type(value) is int and -end <= value < end, value))


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    moment = moment.astimezone(UTC)
    if moment >= _NEWEST:
        raise ValueError(value)
    return moment


def _address(value: Any) -> str:
    return str(_expect(not _PASSWORD.search(_text(value)), value))


def _boolean(value: Any) -> bool:
    return bool(_expect(type(value) is bool, value))


def _seconds(value: Any) -> float:
    return float(_expect(type(value) in (int, float) and math.isfinite(value), value))


def _expect(is_right: bool, value: Any) -> Any:
    if not is_right:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError(value)
    return stored(value)


def _texts(value: Any) -> list[str]:
    return [_text(each) for each in _expect(isinstance(value, list), value)]


def _parts(value: Any) -> list[dict[str, str]]:
    _expect(isinstance(value, list), value)
    return [{"role": Role(each["role"]).value, "redacted": _text(each["redacted"])} for each in value]


def _further(value: Any) -> list[dict[str, Any]]:
    _expect(isinstance(value, list), value)
    return [
        {
            "path": _text(each["path"]),
            "members": _texts(each["members"]),
            "source": Source(each["source"]).value,
            "object_id": None if each["object_id"] is None else _text(each["object_id"]),
        }
        for each in value
    ]


def _settings(value: Any) -> dict[str, Any]:
    """Anything, but with texts that every database takes."""
    return dict(_storable(_expect(isinstance(value, dict), value)))


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {stored(name): _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return stored(value) if isinstance(value, str) else value


_JSON: Mapping[str, _Reader] = {"parts": _parts, "further": _further, "settings": _settings}
_READERS: Mapping[type, _Reader] = {Text: _text, Moment: _moment, Boolean: _boolean, Float: _seconds}


_NUMBERS = {table: number for number, table in enumerate(SHAPES)}


def _rank(shape: Shape, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """By which rows come in order: as the database puts them."""
    place = (values[name] for name in shape.order)
    texts = (json.dumps(each) if type(each) is list else each for each in place)
    return (_NUMBERS[shape.table.name], *((each is not None, each) for each in texts))
