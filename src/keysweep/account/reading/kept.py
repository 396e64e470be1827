"""Accounts that a run has read, kept until all are: what `--resume` goes on with.

A file of JSON Lines that only its user can read: first how accounts are read, then a line an account. It holds
what a report holds: names, key IDs, times; no secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from keysweep.account.evidence import Account
from keysweep.aws.containment.journal import is_of_others
from keysweep.errors import UsageError
from keysweep.frozen import fields

OLDEST = timedelta(hours=24)
"""Of what a run goes on with: after a day the keys of an account may be others."""


class Kept:
    """The accounts of one run, in the file of that name; nobody else may work with it meanwhile."""

    def __init__(self, path: Path, how: str) -> None:
        """Use it in a `with`, which takes its lock. Raises UsageError where another run has that.

        `how` says in which way accounts are read: those that were read otherwise are not gone on with.
        """
        from filelock import FileLock

        self.path = path
        self._how = how
        self._lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0)

    def __enter__(self) -> Kept:
        from filelock import Timeout

        try:
            for place in (self.path.parent.parent, self.path.parent):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise UsageError(
                "another `keysweep account` reads the accounts of this organisation: wait for its end."
            ) from error
        except OSError as error:
            raise UsageError(
                f"could not write in {self.path.parent} ({error.strerror}): free some room, or name another "
                "directory in KEYSWEEP_STATE."
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def accounts(self, now: datetime) -> dict[str, Account]:
        """The accounts that need not be read again, by ID: those read whole, and not too long before `now`."""
        try:
            if is_of_others(os.stat(self.path)):
                return {}
            first, *lines = self.path.read_bytes().splitlines() or [b""]
        except OSError:
            return {}
        if first != self._header:
            return {}
        whole = (each for each in map(_account, lines) if each is not None and not each.gaps)
        return {each.id: each for each in whole if abs(now - each.taken) <= OLDEST}

    def begin(self, accounts: Iterable[Account] = ()) -> None:
        """Keep these alone. Raises OSError."""
        self.clear()
        self._append(self._header, *(json.dumps(_as_data(each)).encode() for each in accounts))

    def add(self, account: Account) -> None:
        """Keep one more, which is on the disk afterwards. Raises OSError."""
        self._append(json.dumps(_as_data(account)).encode())

    def clear(self) -> None:
        """Keep none. Raises OSError."""
        self.path.unlink(missing_ok=True)

    @property
    def _header(self) -> bytes:
        return json.dumps({"version": 1, "how": self._how}).encode()

    def _append(self, *lines: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(self.path, flags, 0o600), "ab") as stream:
            stream.write(b"".join(line + b"\n" for line in lines))
            stream.flush()
            os.fsync(stream.fileno())


def _account(line: bytes) -> Account | None:
    """The account of one line; None for one that was cut off, or that another version wrote."""
    try:
        read = _from_data(Account, json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return read if isinstance(read, Account) else None


def _as_data(value: Any) -> Any:
    """Frozen values as objects, times in ISO 8601, enumerations by their values."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_as_data(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _as_data(each) for name, each in value.items()}
    if hasattr(value, "__match_args__"):
        return {name: _as_data(getattr(value, name)) for name in fields(type(value))}
    return value


def _from_data(kind: Any, data: Any) -> Any:
    """The value of that type again; raises ValueError, TypeError or KeyError for what is none."""
    if get_origin(kind) in (Union, UnionType):
        return _of_union(get_args(kind), data)
    if get_origin(kind) is tuple:
        return tuple(_elements(get_args(kind), data))
    if get_origin(kind) in (dict, Mapping):
        return {name: _from_data(get_args(kind)[1], each) for name, each in data.items()}
    if kind is datetime:
        when = datetime.fromisoformat(data)
        if when.tzinfo is None:
            raise ValueError(data)
        return when
    if hasattr(kind, "__match_args__"):
        hints = get_type_hints(kind)
        if set(data) != set(hints):
            raise ValueError(kind.__name__)
        return kind(**{name: _from_data(each, data[name]) for name, each in hints.items()})
    return _plain(kind, data)


def _of_union(kinds: tuple[Any, ...], data: Any) -> Any:
    """Of types of which one is None."""
    if data is None and NoneType in kinds:
        return None
    (kind,) = (each for each in kinds if each is not NoneType)
    return _from_data(kind, data)


def _elements(kinds: tuple[Any, ...], data: Any) -> Iterator[Any]:
    if not isinstance(data, list):
        raise TypeError(type(data).__name__)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(data)
    for kind, each in zip(kinds, data, strict=True):
        yield _from_data(kind, each)


def _plain(kind: type[Any], data: Any) -> Any:
    """A text, number or flag; an enumeration by its value."""
    if kind in (str, int, bool, float):
        if type(data) is not kind:
            raise TypeError(type(data).__name__)
        return data
    return kind(data)
