"""Places of another store among those that are here: told by whichever store saw the repository later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Text, cast, select, update

from keysweep.store.bulk import as_json, insert_all, update_all
from keysweep.store.places import KEY, TOLD
from keysweep.store.rows import among, batches
from keysweep.store.schema import places

_Row = dict[str, Any]
_NAMES = (*KEY, *TOLD, "repository_id", "first_seen")
_LISTS = ("members", "decoding", "further")


class Places:
    """The places of an import, taken in batch by batch."""

    def __init__(self, connection: Connection) -> None:
        """Of an import that goes through this connection."""
        self._connection = connection
        self._fresh: set[int] = set()
        """Repositories that were not there before, so that none of their places was."""
        self._newer: set[int] = set()
        """Those that were, of which the file knows more."""
        self._known: dict[int, Any] = {}
        self._left: dict[int, set[int]] = {}
        """Of each of these, the places that stand there and that the file did not have yet."""

    def expect(self, fresh: set[int], known: Mapping[int, Any], newer: set[int]) -> None:
        """Learn of which repositories the places that follow are."""
        self._fresh |= fresh
        self._known.update(known)
        for number in (newer & known.keys()) - self._fresh - self._newer:
            self._newer.add(number)
            query = select(places.c.id).where(places.c.repository_id == number, places.c.gone.is_(None))
            self._left[number] = set(self._connection.scalars(query))

    def take(self, rows: Sequence[_Row]) -> int:
        """Take in some; returns how many are new."""
        for row in rows:
            row.update((name, as_json(row[name])) for name in _LISTS)
        there = self._there([row for row in rows if row["repository_id"] not in self._fresh])
        fresh, changed = [], []
        for row in rows:
            known = there.get((row["leak_id"], row["path"], row["members"], row["repository_id"]))
            if known is None:
                fresh.append(self._as_it_is_now(row))
            elif row["repository_id"] in self._newer:
                self._left[row["repository_id"]].discard(known.id)
                changed.append((*(row[name] for name in TOLD), min(row["first_seen"], known.first_seen), known.id))
        insert_all(self._connection, places, _NAMES, [tuple(row[name] for name in _NAMES) for row in fresh])
        update_all(self._connection, places, (*TOLD, "first_seen"), changed)
        return len(fresh)

    def _as_it_is_now(self, row: _Row) -> _Row:
        """A place that this store never had: if it swept the repository whole since, it is gone."""
        number = row["repository_id"]
        repository = self._known[number]
        is_told = number in self._fresh or number in self._newer
        if is_told or row["gone"] is not None or repository.state != "swept":
            return row
        return {**row, "gone": repository.swept, "refs": 0, "ref": None}

    def finish(self) -> None:
        """Say of places that the file does not have, although it saw the repository later, that they are gone."""
        for number, left in self._left.items():
            repository = self._known[number]
            for batch in batches(left if repository.state == "swept" else ()):
                gone = update(places).where(among(self._connection, places.c.id, batch))
                self._connection.execute(gone.values(gone=repository.swept, refs=0, ref=None))

    def _there(self, rows: Sequence[_Row]) -> dict[tuple[Any, ...], Any]:
        if not rows:
            return {}
        members = cast(places.c.members, Text).label("members")
        near = [
            among(self._connection, places.c[name], list({row[name] for row in rows}))
            for name in ("leak_id", "repository_id")
        ]
        columns = (
            places.c.id,
            places.c.leak_id,
            places.c.path,
            members,
            places.c.repository_id,
            places.c.first_seen,
        )
        found = self._connection.execute(select(*columns).where(*near))
        return {(row.leak_id, row.path, row.members, row.repository_id): row for row in found}
