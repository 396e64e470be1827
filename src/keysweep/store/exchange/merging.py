"""Two stores made one, table after table.

Of a repository the later whole sweep counts, of a key the later answer of AWS and the later containment, of a leak
the later decision; what happened once (answers, containments, decisions, notices) is all kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.types import JSON

from keysweep.store.bulk import as_json, insert_all
from keysweep.store.exchange.changes import Changes, Row
from keysweep.store.exchange.shapes import SHAPES, Shape
from keysweep.store.leaks import stand_anew
from keysweep.store.rows import batches, put
from keysweep.store.schema import (
    Moment,
    decisions,
    keys,
    leaks,
    places,
    problems,
    refs,
    repositories,
    runs,
    tasks,
)

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_OLDEST = ("first_seen", "introduced", "usable")
"""Of two such moments the earlier one is right."""
_LISTS = frozenset(column.name for column in places.c if isinstance(column.type, JSON))
_ANSWER = ("status", "reason", "checked", "partition", "arn", "principal", "owner", "account_id")
_CONTAINMENT = ("contained", "contained_when", "contained_run", "contained_by", "contained_reason")


class UnknownError(Exception):
    """A row names another one that is not there."""

    def __init__(self, row: Row, what: str) -> None:
        """`row` as it was given, and what it names."""
        super().__init__(what)
        self.row = row
        self.what = what


class Merge:
    """What an import knows of the rows that it has seen; one for each import."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        """`connection` is to be alone in its store."""
        self.connection = connection
        self.now = now
        self.changes = Changes(connection)
        self._ids: dict[str, dict[str, int]] = {"repository": {}, "leak": {}}
        self._fresh_ids: dict[str, set[int]] = {"repository": set(), "leak": set()}
        self._key_ids: set[str] = set()
        self._fresh_key_ids: set[str] = set()
        self._key_ids_of_new: set[str] = set()
        """Keys of which the export knows something newer, and nothing older."""
        self._key_ids_of_old: set[str] = set()
        """Keys of which it knows something older, and nothing newer."""
        self._restanding: set[str] = set()
        self._newer: set[int] = set()
        """Repositories of which the export knows more."""
        self._swept: dict[int, tuple[datetime | None, datetime | None]] = {}
        """Repository to when it was last swept whole, here and there."""
        self._run_ids: dict[str, bool] = {}
        """Runs of the export, and whether it knows more of them."""
        self._seen: set[int] = set()
        """Places of newer repositories that are in the export."""
        self._before = connection.scalar(select(func.max(places.c.id))) or 0
        self._takers: Mapping[str, Callable[[list[Row]], None]] = {
            "repositories": self._repositories,
            "refs": self._refs,
            "problems": self._problems,
            "runs": self._runs,
            "tasks": self._tasks,
            "keys": self._keys,
            "leaks": self._leaks,
            "places": self._places,
            "decisions": self._decisions,
        }

    def take(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Merge some rows; raises UnknownError, with the row, for one that names what was not there before it."""
        given = [self._resolved(shape, row) for row in rows]
        taker = self._takers.get(shape.table.name)
        if taker:
            taker(given)
        else:
            self._events(shape, given)

    def finish(self) -> None:
        """Do what can be done only after the last row, but for counts."""
        self._let_go()
        stand_anew(self.connection, self._restanding, self.now)

    def _resolved(self, shape: Shape, row: Row) -> Row:
        """A row with the numbers of this store."""
        given = dict(row)
        for what, known in self._ids.items():
            if what in given:
                number = known.get(given.pop(what))
                if number is None:
                    raise UnknownError(row, what)
                given[f"{what}_id"] = number
        if "run_id" in given and given["run_id"] not in self._run_ids:
            raise UnknownError(row, "run")
        if shape.table is not keys and given.get("key_id") and given["key_id"] not in self._key_ids:
            raise UnknownError(row, "key")
        return given

    def _repositories(self, rows: list[Row]) -> None:
        there = self.changes.there(repositories, "identity", (row["identity"] for row in rows))
        fresh = [row for row in rows if row["identity"] not in there]
        self.changes.insert(repositories, [row | {"leaks": 0} for row in fresh])
        changes = {}
        for row in rows:
            ours = there.get(row["identity"])
            if ours is None:
                continue
            is_newer = _age(row) > _age(ours)
            changes[ours["id"]] = _changes(ours, row if is_newer else {}, row)
            if is_newer:
                self._newer.add(ours["id"])
            self._swept[ours["id"]] = (ours["swept"], row["swept"])
        self.changes.update(repositories, "id", {number: change for number, change in changes.items() if change})
        self._learn("repository", repositories, "identity", rows, {row["identity"] for row in fresh})
        for batch in batches(self._newer & changes.keys()):
            for table in (refs, problems):
                self.connection.execute(delete(table).where(table.c.repository_id.in_(batch)))

    def _learn(self, what: str, table: Table, natural: str, rows: Sequence[Row], fresh: set[str]) -> None:
        for batch in batches(row[natural] for row in rows):
            columns = (table.c[natural], table.c.id)
            for name, number in self.connection.execute(select(*columns).where(table.c[natural].in_(batch))):
                self._ids[what][name] = number
                if name in fresh:
                    self._fresh_ids[what].add(number)

    def _knows_more(self, row: Row) -> bool:
        """Whether what the export says of a repository takes the place of what is said here."""
        number = row["repository_id"]
        return number in self._newer or number in self._fresh_ids["repository"]

    def _refs(self, rows: list[Row]) -> None:
        self.changes.insert(refs, [row for row in rows if self._knows_more(row)])

    def _problems(self, rows: list[Row]) -> None:
        self.changes.insert(problems, [row for row in rows if self._knows_more(row)])

    def _runs(self, rows: list[Row]) -> None:
        there = self.changes.there(runs, "id", (row["id"] for row in rows))
        self.changes.insert(runs, [row for row in rows if row["id"] not in there])
        newer = {row["id"]: row for row in rows if row["id"] in there and row["beat"] > there[row["id"]]["beat"]}
        self.changes.update(runs, "id", {name: _changes(there[name], row) for name, row in newer.items()})
        self._run_ids.update((row["id"], row["id"] in newer or row["id"] not in there) for row in rows)

    def _tasks(self, rows: list[Row]) -> None:
        wanted = [row for row in rows if self._run_ids[row["run_id"]]]
        self.changes.fresh["tasks"] += len(wanted)
        put(self.connection, tasks, wanted, ("run_id", "repository_id"))

    def _keys(self, rows: list[Row]) -> None:
        there = self.changes.there(keys, "key_id", (row["key_id"] for row in rows))
        fresh = [row for row in rows if row["key_id"] not in there]
        self.changes.insert(keys, fresh)
        changes = {}
        for row in rows:
            ours = there.get(row["key_id"])
            if ours is None:
                continue
            newer = {"canary": ours["canary"] or row["canary"]}
            known = [(row[moment] or _NEVER, ours[moment] or _NEVER) for moment in ("checked", "contained_when")]
            if all(theirs <= mine for theirs, mine in known) and any(theirs < mine for theirs, mine in known):
                self._key_ids_of_old.add(row["key_id"])
            if all(theirs >= mine for theirs, mine in known) and any(theirs > mine for theirs, mine in known):
                self._key_ids_of_new.add(row["key_id"])
            for moment, names in (("checked", _ANSWER), ("contained_when", _CONTAINMENT)):
                if (row[moment] or _NEVER) > (ours[moment] or _NEVER):
                    newer |= {name: row[name] for name in names}
            newer["account_id"] = newer.get("account_id") or ours["account_id"] or row["account_id"]
            changes[row["key_id"]] = _changes(ours, newer)
        changes = {key_id: change for key_id, change in changes.items() if change}
        self.changes.update(keys, "key_id", changes)
        self._restanding |= changes.keys()
        self._key_ids |= {row["key_id"] for row in rows}
        self._fresh_key_ids |= {row["key_id"] for row in fresh}

    def _leaks(self, rows: list[Row]) -> None:
        there = self.changes.there(leaks, "fingerprint", (row["fingerprint"] for row in rows))
        fresh = [row for row in rows if row["fingerprint"] not in there]
        self.changes.insert(leaks, [row | {"places": 0, "repositories": 0} for row in fresh])
        self._restanding |= {row["key_id"] for row in fresh if row["key_id"]} - self._fresh_key_ids
        changes = {}
        for row in rows:
            ours = there.get(row["fingerprint"])
            if ours is not None:
                newer = {"last_seen": max(row["last_seen"], ours["last_seen"])}
                newer["contained"] = self._contained(ours, row)
                changes[ours["id"]] = _changes(ours, newer, row)
        self.changes.update(leaks, "id", {number: change for number, change in changes.items() if change})
        self._learn("leak", leaks, "fingerprint", rows, {row["fingerprint"] for row in fresh})

    def _contained(self, ours: Row, row: Row) -> datetime | None:
        """When a leak was first harmless, as whoever knows more of its key says; or else the earlier."""
        if row["key_id"] in self._key_ids_of_new:
            return row["contained"]  # type: ignore[no-any-return]
        if row["key_id"] in self._key_ids_of_old:
            return ours["contained"]  # type: ignore[no-any-return]
        return min(filter(None, (ours["contained"], row["contained"])), default=None)

    def _places(self, rows: list[Row]) -> None:
        known = [
            row
            for row in rows
            if row["leak_id"] not in self._fresh_ids["leak"]
            and row["repository_id"] not in self._fresh_ids["repository"]
        ]
        there = self._places_there(known)
        fresh, changes = [], {}
        for row in rows:
            ours = there.get(_spot(row))
            if ours is None:
                fresh.append(self._as_it_is_now(row))
                continue
            is_newer = row["repository_id"] in self._newer
            self._seen.add(ours["id"])
            change = _changes(ours, row if is_newer else {}, {"first_seen": row["first_seen"]})
            if change:
                changes[ours["id"]] = change
        self._insert_places(fresh)
        self.changes.update(places, "id", changes)

    def _insert_places(self, rows: Sequence[Row]) -> None:
        """There may be a million of them."""
        self.changes.fresh["places"] += len(rows)
        names = tuple(column.name for column in SHAPES["places"].columns.values())
        values = [tuple(as_json(row[name]) if name in _LISTS else row[name] for name in names) for row in rows]
        insert_all(self.connection, places, names, values)

    def _places_there(self, rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
        there: dict[tuple[Any, ...], Row] = {}
        for batch in batches(rows):
            named = {name: list({row[name] for row in batch}) for name in ("leak_id", "repository_id", "path")}
            wanted = (places.c[name].in_(values) for name, values in named.items())
            for row in self.connection.execute(select(places).where(*wanted)).mappings():
                there[_spot(row)] = dict(row)
        return there

    def _as_it_is_now(self, row: Row) -> Row:
        """A place that is not here: gone, if the repository was swept whole here after the export."""
        here, export = self._swept.get(row["repository_id"], (None, None))
        if row["gone"] is None and here is not None and here > (export or _NEVER):
            return row | {"gone": here, "refs": 0, "ref": None}
        return row

    def _let_go(self) -> None:
        """What stands here and not in a later whole sweep of the export is gone."""
        for number in sorted(self._newer):
            here, export = self._swept[number]
            if export is None or export <= (here or _NEVER):
                continue
            stands = (places.c.repository_id == number, places.c.gone.is_(None), places.c.id <= self._before)
            left = self.connection.scalars(select(places.c.id).where(*stands)).all()
            gone = {"gone": export, "refs": 0, "ref": None}
            self.changes.update(
                places, "id", dict.fromkeys((each for each in left if each not in self._seen), gone)
            )

    def _decisions(self, rows: list[Row]) -> None:
        """The later decision counts, unless the leak came with the export, and says it already."""
        numbers = {row["leak_id"] for row in rows} - self._fresh_ids["leak"]
        newest: dict[int, datetime] = {}
        for batch in batches(numbers):
            latest = select(decisions.c.leak_id, func.max(decisions.c.when, type_=Moment))
            found = latest.where(decisions.c.leak_id.in_(batch)).group_by(decisions.c.leak_id)
            newest.update((row[0], row[1]) for row in self.connection.execute(found))
        changes: dict[int, Row] = {}
        for row in sorted(self._events(SHAPES["decisions"], rows), key=lambda row: row["when"]):
            number = row["leak_id"]
            if number in numbers and row["when"] > newest.get(number, _NEVER):
                change = changes.setdefault(number, {})
                if row["status"] is not None:
                    change |= {"status": row["status"], "status_until": row["until"]}
                if row["assignee"] is not None:
                    change["assignee"] = row["assignee"] or None
        self.changes.update(leaks, "id", {number: change for number, change in changes.items() if change})

    def _events(self, shape: Shape, rows: list[Row]) -> list[Row]:
        """Add what happened and is not here; returns it."""
        table = shape.table
        about = "leak_id" if "leak_id" in table.c else "key_id"
        names = [column.name for column in shape.columns.values()]
        there = {
            tuple(row[name] for name in names)
            for batch in batches({row[about] for row in rows})
            for row in self.connection.execute(select(table).where(table.c[about].in_(batch))).mappings()
        }
        fresh = [row for row in rows if tuple(row[name] for name in names) not in there]
        self.changes.insert(table, fresh)
        return fresh


def _age(repository: Row) -> tuple[datetime, datetime]:
    """How new what is known of a repository is: when it was swept whole, and then when it was listed."""
    return (repository["swept"] or _NEVER, repository["last_seen"])


def _spot(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return (row["leak_id"], row["repository_id"], row["path"], tuple(row["members"]))


def _changes(ours: Row, newer: Row, older: Row | None = None) -> Row:
    """What of `newer` is not said here yet; and the moments of either that are earlier than here."""
    change = {name: value for name, value in newer.items() if name not in _OLDEST and ours[name] != value}
    for name in _OLDEST:
        moments = [row[name] for row in (ours, newer, older or {}) if row.get(name) is not None]
        if moments and min(moments) != ours[name]:
            change[name] = min(moments)
    return change
