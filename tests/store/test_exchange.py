"""Stores written down and taken in again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from keysweep.errors import UsageError
from keysweep.frozen import replace
from keysweep.store.exporting import exported
from keysweep.store.importing import import_all
from keysweep.store.knowledge import record_containments, record_verdicts
from keysweep.store.opening import Store, opened
from keysweep.verdicts import Contained, Status
from tests.store.made import NOON, Sweeps, at, commit, containment, leak, verdict
from tests.store.test_recording import HOSTILE
from tests.stores import KINDS, NewStore


def lines_of(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(exported(connection))


def take(store: Store, lines: Iterable[str]) -> dict[str, int]:
    with store.writing() as connection:
        return import_all(connection, lines, "leaks.jsonl")


def filled(store: Store) -> Sweeps:
    """A store with something in every table."""
    sweeps = Sweeps(store)
    live, off, gone, hostile = leak(), leak(), leak(), leak()
    odd = replace(hostile, reasons=(HOSTILE,), origin=replace(hostile.origin, members=("ä", HOSTILE)))
    sweeps.sweep({"app": [at(live, "a.env"), at(gone, "b.env")], "fork": [at(live, "a.env", removed=(commit(),))]})
    sweeps.sweep(
        {"app": [at(live, "a.env"), at(off, "Z", "ä", "a b")], "odd": [at(odd, HOSTILE)]}, incomplete=["odd"]
    )
    with store.writing() as connection:
        record_verdicts(connection, [verdict(live, Status.LIVE, arn="arn:aws:iam::1:user/x")], NOON)
        record_containments(connection, {off.key_id or "": containment(off, Contained.OFF)}, NOON)
        (number,) = connection.execute(text("SELECT id FROM leaks WHERE standing = 'live'")).scalars()
        for query in (
            "INSERT INTO decisions (leak_id, \"when\", \"by\", status, note) VALUES (:id, :now, 'ada', 'real', 'ours')",
            "INSERT INTO notices (leak_id, channel, state, \"when\") VALUES (:id, 'slack', 'live', :now)",
            "UPDATE leaks SET status = 'real' WHERE id = :id",
        ):
            connection.execute(
                text(query), {"id": number, "now": "2026-11-27 12:00:00.000000" if store.is_sqlite else NOON}
            )
    return sweeps


@pytest.mark.parametrize("other_kind", KINDS)
def test_a_store_that_was_taken_in_elsewhere_is_written_down_the_same(
    store: Store, new_of: NewStore, other_kind: str
) -> None:
    before = filled(store)
    written = lines_of(store)
    with opened(new_of(other_kind)) as other:
        added = take(other, written)
        assert added["leaks"] == 4
        assert lines_of(other) == written
        assert Sweeps(other).counts() == before.counts()
    assert {json.loads(line)["table"] for line in written[1:-1]} >= {"notices", "decisions", "problems", "refs"}


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    filled(store)
    written = lines_of(store)
    assert take(store, written) == {}
    assert lines_of(store) == written


def test_two_stores_that_swept_different_repositories_become_one(store: Store, new_of: NewStore) -> None:
    key, own = leak(), leak()
    here = Sweeps(store)
    here.sweep({"a": [at(key, "x.env")]})
    with opened(new_of("sqlite")) as other:
        there = Sweeps(other, "another")
        there.sweep({"b": [at(key, "x.env"), at(own, "y.env")]})
        with other.writing() as connection:
            record_verdicts(connection, [verdict(key, Status.LIVE)], NOON)
        written = lines_of(other)
    assert take(store, written)["leaks"] == 1
    assert sorted(here.counts()) == [(1, 1), (2, 2)]
    assert here.ask("SELECT standing, severity FROM leaks WHERE repositories = 2") == [("live", 4)]
    assert take(store, written) == {}


@pytest.mark.parametrize("is_ours_later", [True, False])
def test_a_repository_that_both_swept_is_told_by_the_later_sweep(
    store: Store, new_of: NewStore, is_ours_later: bool
) -> None:
    old, kept, new = leak(), leak(), leak()
    here = Sweeps(store)
    with opened(new_of("sqlite")) as other:
        there = Sweeps(other)
        earlier, later = (there, here) if is_ours_later else (here, there)
        later.now += timedelta(days=1)
        earlier.sweep({"app": [at(old, "old.env"), at(kept, "kept.env")]})
        later.sweep({"app": [at(kept, "kept.env"), at(new, "new.env")]})
        written = lines_of(other)
    take(store, written)
    assert here.ask("SELECT path FROM place_overview ORDER BY path") == [("kept.env",), ("new.env",)]
    assert here.ask("SELECT COUNT(*) FROM places") == [(3,)]
    assert sorted(here.counts()) == [(0, 0), (1, 1), (1, 1)]
    take(store, written)
    assert sorted(here.counts()) == [(0, 0), (1, 1), (1, 1)]


def test_what_people_decided_here_stays(store: Store, new_of: NewStore) -> None:
    key, other_key = leak(), leak()
    here = Sweeps(store)
    here.sweep({"app": [at(key, "x"), at(other_key, "y")]})
    with opened(new_of("sqlite")) as other:
        Sweeps(other).sweep({"app": [at(key, "x"), at(other_key, "y")]})
        for each, status in ((store, "accepted"), (other, "false")):
            with each.writing() as connection:
                query = text("UPDATE leaks SET status = :status WHERE key_id = :key_id")
                connection.execute(query, {"status": status, "key_id": key.key_id})
        with other.writing() as connection:
            connection.execute(text("UPDATE leaks SET status = 'real' WHERE status = 'open'"))
        take(store, lines_of(other))
    told = dict(here.ask("SELECT key_id, status FROM leaks"))
    assert (told[key.key_id], told[other_key.key_id]) == ("accepted", "real")


Spoil = Callable[[list[dict[str, Any]]], object]


def first(rows: list[dict[str, Any]], table: str) -> dict[str, Any]:
    return next(row for row in rows if row.get("table") == table)


SPOILT: list[tuple[str, Spoil]] = [
    ("is not the first of an exported store", lambda rows: rows[0].update(format="x")),
    ("is of another version", lambda rows: rows[0].update(version=99)),
    ("is of another version", lambda rows: rows[0].update(schema="9999")),
    ("names no table of a store", lambda rows: rows[3].update(table="sqlite_master")),
    ("names no table of a store", lambda rows: rows[3].update(table="alembic_version")),
    ("has an unknown extra", lambda rows: rows[3].update(extra=1)),
    ("has no name", lambda rows: first(rows, "repositories").pop("name")),
    ("has a wrong name", lambda rows: first(rows, "repositories").update(name=None)),
    ("has a wrong first_seen", lambda rows: first(rows, "leaks").update(first_seen="2026-11-27T12:00:00")),
    ("has a wrong severity", lambda rows: first(rows, "leaks").update(severity=9)),
    ("has a wrong severity", lambda rows: first(rows, "leaks").update(severity=1 << 80)),
    ("has a wrong standing", lambda rows: first(rows, "leaks").update(standing="fine")),
    ("has a wrong parts", lambda rows: first(rows, "leaks").update(parts=[{"role": "x", "redacted": "y"}])),
    ("has a wrong parts", lambda rows: first(rows, "leaks").update(parts=["x"])),
    ("has a wrong status", lambda rows: first(rows, "verifications").update(status=[])),
    ("has a wrong further", lambda rows: first(rows, "places").update(further=[{}])),
    ("has a wrong line", lambda rows: first(rows, "places").update(line=True)),
    ("has a wrong line", lambda rows: first(rows, "places").update(line=-1)),
    ("names a leak that no line before it has", lambda rows: first(rows, "places").update(leak="x")),
    ("names a repository that no line before it has", lambda rows: first(rows, "places").update(repository="x")),
    ("names a key that no line before it has", lambda rows: first(rows, "leaks").update(key_id="AKIAX")),
    ("names a run that no line before it has", lambda rows: first(rows, "tasks").update(run_id="x")),
    ("counts other rows", lambda rows: rows.pop(-2)),
    ("comes after the last one", lambda rows: rows.append({"rows": 0})),
    ("before its last one", lambda rows: rows.pop()),
]


@pytest.mark.parametrize(("told", "spoil"), SPOILT, ids=[str(number) for number in range(len(SPOILT))])
def test_a_damaged_line_is_named_and_nothing_is_imported(
    new_of: NewStore, told: str, spoil: Spoil, exported_lines: list[str], kind: str
) -> None:
    rows = [json.loads(line) for line in exported_lines]
    spoil(rows)
    with opened(new_of(kind)) as other:
        with pytest.raises(UsageError, match=told) as caught:
            take(other, map(json.dumps, rows))
        assert "leaks.jsonl" in str(caught.value)
        assert "line " in str(caught.value)
        assert Sweeps(other).ask("SELECT COUNT(*) FROM repositories") == [(0,)]


@pytest.fixture(scope="module")
def exported_lines(new_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of a store with something in every table."""
    path = tmp_path_factory.mktemp("exported") / "store.db"
    shutil.copy(new_sqlite, path)
    with opened(str(path)) as store:
        filled(store)
        return lines_of(store)


@pytest.mark.parametrize("line", ["", "{", "[]", "nope", '{"a": NaN}', "[" * 100_000, "1" * 10_000, '"\\ud800"'])
def test_what_is_no_json_is_named_by_its_line(store: Store, exported_lines: list[str], line: str) -> None:
    with pytest.raises(UsageError, match=r"^line 3 of leaks.jsonl is "):
        take(store, [*exported_lines[:2], line, *exported_lines[2:]])
