"""Rows of another store taken into this one: all of them, or none.

What both know is told as whoever looked last says it: repositories and their places by the later sweep, keys by
the later answer of AWS and the later containment. What people decided here stays. The same file again changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from keysweep.errors import UsageError
from keysweep.store import schema
from keysweep.store.counting import count_anew
from keysweep.store.exchange import FORMAT, NAMED, VERSION, read_line, row_of
from keysweep.store.leaks import stand_anew
from keysweep.store.merging_places import Places
from keysweep.store.rows import among, batches
from keysweep.store.schema import keys, leaks, repositories
from keysweep.store.versions import NEWEST

_AT_ONCE = 1_000
_Row = dict[str, Any]


def import_all(connection: Connection, lines: Iterable[str], name: str) -> dict[str, int]:
    """Take in what `exported` wrote; returns how many rows are new, by table.

    Raises UsageError that names the line where something is wrong with one; nothing is to be kept then.
    """
    if connection.dialect.name == "postgresql":  # sweeps wait meanwhile, as they do with SQLite
        connection.execute(text("LOCK TABLE repositories, keys, leaks, places IN SHARE ROW EXCLUSIVE MODE"))
    importing = _Importing(connection, name)
    added: dict[str, int] = {}
    for table, group in groupby(_rows(lines, name), lambda each: each[1]):
        for batch in batches(group, _AT_ONCE):
            added[table] = added.get(table, 0) + importing.take(table, batch)
    importing.finish()
    return {table: number for table, number in added.items() if number}


def _rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, str, _Row]]:
    """Number, table and values of each line between the first and the last."""
    number = 0
    is_ended = False
    for number, line in enumerate(lines, 1):
        try:
            said = read_line(line)
            if number == 1:
                _check_head(said)
            elif is_ended or "rows" in said:
                _check_end(said, number, is_ended)
                is_ended = True
            else:
                yield (number, *row_of(said))
        except ValueError as error:
            raise UsageError(f"line {number} of {name} {error}: nothing was imported.") from error
    if not is_ended:
        raise UsageError(f"{name} ends after line {number}, before its last one: export it again.")


def _check_head(said: _Row) -> None:
    if said.get("format") != FORMAT:
        raise ValueError("is not the first of an exported store")
    if said.get("version") != VERSION or said.get("schema") != NEWEST:
        raise ValueError("is of another version of keysweep")


def _check_end(said: _Row, number: int, is_ended: bool) -> None:
    if is_ended:
        raise ValueError("comes after the last one")
    if said != {"rows": number - 2}:
        raise ValueError("counts other rows than there are")


class _Importing:
    """An import under way."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._ids: dict[str, dict[str, int]] = {"repository": {}, "leak": {}}
        self._named: dict[str, set[str]] = {"key_id": set(), "run_id": set()}
        self._newer: set[int] = set()
        """Repositories of which the file knows more than the store did."""
        self._changed_keys: set[str] = set()
        self._places = Places(connection)

    def take(self, table: str, lines: Sequence[tuple[int, str, _Row]]) -> int:
        """Take in some rows of one table; returns how many are new."""
        rows = [self._resolved(line, table, row) for line, _, row in lines]
        match table:
            case "repositories":
                return self._repositories(rows)
            case "keys":
                return self._keys(rows)
            case "leaks":
                return self._leaks(rows)
            case "places":
                return self._places.take(rows)
            case "refs" | "problems":
                return self._add(table, [row for row in rows if row["repository_id"] in self._newer])
            case "runs":
                self._named["run_id"].update(row["id"] for row in rows)
                return self._add_unknown(table, rows, "id")
            case "tasks":
                return self._add_unknown(table, rows, "run_id", ("run_id", "repository_id"))
            case _:
                return self._add_unknown(table, rows, "leak_id" if "leak_id" in rows[0] else "key_id")

    def finish(self) -> None:
        """Have everything that follows from the rows follow from them."""
        self._places.finish()
        count_anew(self._connection)
        latest = self._connection.scalar(select(func.max(leaks.c.last_seen)))
        if latest is not None:
            stand_anew(self._connection, self._changed_keys, latest)

    def _resolved(self, line: int, table: str, row: _Row) -> _Row:
        """The row with numbers in the place of names; UsageError where it names what no line before it has."""
        for column, (said, _) in NAMED.items():
            if said in row:
                number = self._ids[said].get(row.pop(said))
                if number is None:
                    raise self._dangling(line, said)
                row[column] = number
        for said, there in self._named.items():
            if table != "keys" and row.get(said) is not None and row[said] not in there:
                raise self._dangling(line, said.removesuffix("_id"))
        return row

    def _dangling(self, line: int, what: str) -> UsageError:
        return UsageError(
            f"line {line} of {self._name} names a {what} that no line before it has: nothing was imported."
        )

    def _repositories(self, rows: Sequence[_Row]) -> int:
        known = self._by(repositories, "identity", rows)
        fresh = [row for row in rows if row["identity"] not in known]
        self._add("repositories", [{**row, "leaks": 0} for row in fresh])
        for row in rows:
            there = known.get(row["identity"])
            if there is None or row["last_seen"] <= there.last_seen:
                continue
            first = min(row["first_seen"], there.first_seen)
            changed = update(repositories).where(repositories.c.id == there.id)
            self._connection.execute(changed.values({**row, "first_seen": first}))
            for table in (schema.refs, schema.problems):
                self._connection.execute(delete(table).where(table.c.repository_id == there.id))
            self._newer.add(there.id)
        there_now = self._by(repositories, "identity", rows)
        self._ids["repository"].update((identity, row.id) for identity, row in there_now.items())
        added = {there_now[row["identity"]].id for row in fresh}
        self._places.expect(added, {there.id: there for there in there_now.values()}, self._newer)
        self._newer |= added
        return len(fresh)

    def _keys(self, rows: Sequence[_Row]) -> int:
        known = self._by(keys, "key_id", rows)
        self._named["key_id"].update(row["key_id"] for row in rows)
        for row in rows:
            there = known.get(row["key_id"])
            if there is None:
                continue
            changed = {
                name: row[name]
                for newer, names in ((_VERDICT[0], _VERDICT), (_CONTAINMENT[0], _CONTAINMENT))
                if row[newer] is not None and (there._mapping[newer] is None or row[newer] > there._mapping[newer])
                for name in names
            }
            if row["canary"] and not there.canary:
                changed["canary"] = row["canary"]
            if changed:
                self._connection.execute(update(keys).where(keys.c.key_id == row["key_id"]).values(changed))
                self._changed_keys.add(row["key_id"])
        return self._add("keys", [row for row in rows if row["key_id"] not in known])

    def _leaks(self, rows: Sequence[_Row]) -> int:
        known = self._by(leaks, "fingerprint", rows)
        fresh = [row for row in rows if row["fingerprint"] not in known]
        self._add("leaks", [{**row, "places": 0, "repositories": 0} for row in fresh])
        for row in rows:
            there = known.get(row["fingerprint"])
            if there is None:
                if row["key_id"]:
                    self._changed_keys.add(row["key_id"])
                continue
            changed: _Row = {
                "first_seen": min(row["first_seen"], there.first_seen),
                "last_seen": max(row["last_seen"], there.last_seen),
                **{
                    name: min((each for each in (row[name], there._mapping[name]) if each), default=None)
                    for name in ("introduced", "usable")
                },
            }
            if (row["found_severity"], row["confidence"]) > (there.found_severity, there.confidence):
                changed |= {name: row[name] for name in _TOLD_OF_LEAK}
                self._changed_keys.update([row["key_id"]] if row["key_id"] else [])
            if there.status == "open" and row["status"] != "open":
                changed |= {name: row[name] for name in ("status", "status_until", "assignee")}
            if any(there._mapping[name] != value for name, value in changed.items()):
                self._connection.execute(update(leaks).where(leaks.c.id == there.id).values(changed))
        there_now = self._by(leaks, "fingerprint", rows)
        self._ids["leak"].update((fingerprint, row.id) for fingerprint, row in there_now.items())
        return len(fresh)

    def _by(self, table: Table, column: str, rows: Sequence[_Row]) -> dict[str, Any]:
        """The rows that are there already, by a column."""
        chosen = among(self._connection, table.c[column], [row[column] for row in rows])
        return {row._mapping[column]: row for row in self._connection.execute(select(table).where(chosen))}

    def _add(self, table: str, rows: Sequence[_Row]) -> int:
        if rows:
            self._connection.execute(insert(schema.metadata.tables[table]), rows)
        return len(rows)

    def _add_unknown(self, name: str, rows: Sequence[_Row], near: str, same: Sequence[str] = ()) -> int:
        """Add the rows that are not there yet, the same in all columns or in some of them."""
        table = schema.metadata.tables[name]
        same = same or (["id"] if near == "id" else list(rows[0]))
        chosen = among(self._connection, table.c[near], list({row[near] for row in rows}))
        query = select(*(table.c[each] for each in same)).where(chosen)
        there = {tuple(row) for row in self._connection.execute(query)}
        fresh = {tuple(row[each] for each in same): row for row in rows}
        return self._add(name, [row for key, row in fresh.items() if key not in there])


_VERDICT = ("checked", "account_id", "status", "reason", "partition", "arn", "principal", "owner")
_CONTAINMENT = ("contained_when", "contained", "contained_run", "contained_by", "contained_reason")
"""What is known of a key at one moment, which comes first."""
_TOLD_OF_LEAK = ("severity", "found_severity", "confidence", "reasons", "parts")
