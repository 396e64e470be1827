"""Stores written as JSON Lines, and read into others."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from keysweep.errors import UsageError
from keysweep.store.exchange.exporting import exported
from keysweep.store.exchange.importing import Imported, imported
from keysweep.store.exchange.shapes import SHAPES
from keysweep.store.health import faults
from keysweep.store.opening import Store, opened
from keysweep.store.schema import leaks, metadata, places, repositories
from keysweep.verdicts import Status
from tests.store.rich import DAY, WHEN, Pair, contained, decided, fill, swept, verdict
from tests.stores import NewStore

LATER = WHEN + timedelta(days=9)


@pytest.fixture
def chance() -> random.Random:
    return random.Random(7)


@pytest.fixture
def other(kind: str, new_of: NewStore) -> Iterator[Store]:
    """A second store of the same kind."""
    with opened(new_of(kind)) as made:
        yield made


def lines_of(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(exported(connection))


def put_into(store: Store, lines: list[str] | list[bytes]) -> dict[str, Imported]:
    content = b"".join(each.encode() if isinstance(each, str) else each for each in lines)
    with store.writing(alone=True) as connection:
        return dict(imported(connection, io.BytesIO(content), "leaks.jsonl", LATER))


def one(store: Store, column: Any, *where: Any) -> Any:
    with store.reading() as connection:
        return connection.scalar(select(column).where(*where))


def test_a_store_exported_and_imported_says_the_same(store: Store, other: Store, chance: random.Random) -> None:
    fill(store, chance)
    told = put_into(other, lines_of(store))
    assert all(each.read == each.fresh > 0 and not each.changed for each in told.values()), told
    assert lines_of(other) == lines_of(store)
    assert not list(faults(other))


def test_every_table_is_exported() -> None:
    assert set(SHAPES) == set(metadata.tables)


def test_from_sqlite_to_postgresql_and_back_the_export_stays_the_same(
    new_of: NewStore, chance: random.Random
) -> None:
    with (
        opened(new_of("sqlite")) as first,
        opened(new_of("postgresql")) as second,
        opened(new_of("sqlite")) as last,
    ):
        fill(first, chance)
        put_into(second, lines_of(first))
        put_into(last, lines_of(second))
        assert lines_of(first) == lines_of(second) == lines_of(last)


def test_importing_twice_changes_nothing(store: Store, other: Store, chance: random.Random) -> None:
    fill(store, chance)
    lines = lines_of(store)
    put_into(other, lines)
    again = put_into(other, lines)
    assert not any(each.fresh or each.changed for each in again.values()), again
    assert lines_of(other) == lines


def test_an_export_into_its_own_store_changes_nothing(store: Store, chance: random.Random) -> None:
    fill(store, chance)
    before = lines_of(store)
    put_into(store, before)
    assert lines_of(store) == before


def test_two_stores_with_different_repositories_are_added_up(
    store: Store, other: Store, chance: random.Random
) -> None:
    both, mine = Pair(chance), Pair(chance)
    swept(store, {"a": [*both.found("x.env"), *mine.found("y.env")]})
    swept(other, {"b": both.found("x.env")}, WHEN - 3 * DAY)
    put_into(store, lines_of(other))
    shared = leaks.c.key_id == both.key_id
    assert one(store, leaks.c.places, shared) == one(store, leaks.c.repositories, shared) == 2
    assert one(store, leaks.c.first_seen, shared) == WHEN - 3 * DAY
    assert one(store, leaks.c.last_seen, shared) == WHEN
    assert not list(faults(store))


def test_two_stores_merged_either_way_say_the_same_of_leaks(
    store: Store, other: Store, kind: str, new_of: NewStore, chance: random.Random
) -> None:
    pair = Pair(chance)
    swept(store, {"a": pair.found("x.env"), "b": pair.found("x.env")})
    swept(other, {"a": pair.found("z.env")}, WHEN + DAY)
    verdict(other, pair, Status.LIVE, WHEN + DAY)
    verdict(store, pair, Status.DEAD, WHEN)
    here, there = lines_of(store), lines_of(other)
    put_into(store, there)
    put_into(other, here)
    for each in (store, other):
        assert one(each, leaks.c.standing) == "live"
        assert one(each, leaks.c.severity) == 4
        assert one(each, leaks.c.places) == 2, "z.env in a, and x.env in b"
        assert one(each, places.c.gone, places.c.path == "x.env", repositories_is("a")) == WHEN + DAY
        assert one(each, places.c.gone, places.c.path == "x.env", repositories_is("b")) is None
        assert not list(faults(each))


def repositories_is(name: str) -> Any:
    return places.c.repository_id == select(repositories.c.id).where(repositories.c.name == name).scalar_subquery()


def test_the_later_containment_and_the_later_answer_of_aws_both_count(
    store: Store, other: Store, chance: random.Random
) -> None:
    pair = Pair(chance)
    swept(store, {"a": pair.found("x.env")})
    swept(other, {"b": pair.found("x.env")})
    verdict(store, pair, Status.LIVE, WHEN)
    contained(other, pair, WHEN + DAY)
    put_into(store, lines_of(other))
    assert one(store, leaks.c.standing) == "switched-off"
    assert one(store, leaks.c.contained) == WHEN + DAY, "when it was contained, not when that was imported"
    assert not list(faults(store))


def test_the_later_decision_counts_whichever_store_has_it(
    store: Store, other: Store, chance: random.Random
) -> None:
    pair = Pair(chance)
    for each in (store, other):
        swept(each, {"a": pair.found("x.env")})
    decided(store, pair, "false", WHEN, assignee="Lin")
    decided(other, pair, "real", WHEN + DAY)
    here = lines_of(store)
    put_into(store, lines_of(other))
    put_into(other, here)
    assert one(store, leaks.c.status) == one(other, leaks.c.status) == "real"
    assert one(store, leaks.c.assignee) == "Lin"


def test_an_older_export_takes_nothing_back(store: Store, chance: random.Random) -> None:
    pair, gone = Pair(chance), Pair(chance)
    swept(store, {"a": gone.found("x.env")})
    before = lines_of(store)
    swept(store, {"a": pair.found("y.env")}, WHEN + DAY)
    now = lines_of(store)
    put_into(store, before)
    assert lines_of(store) == now


def test_what_an_older_export_alone_has_is_gone_already(store: Store, other: Store, chance: random.Random) -> None:
    pair = Pair(chance)
    swept(store, {"a": []}, WHEN + DAY)
    swept(other, {"a": pair.found("x.env")})
    put_into(store, lines_of(other))
    assert one(store, places.c.gone) == WHEN + DAY
    assert one(store, leaks.c.places) == 0


def at(lines: list[str], table: str) -> int:
    """Where the first row of a table is."""
    return next(number for number, line in enumerate(lines) if json.loads(line).get("table") == table)


def without(table: str) -> Callable[[list[str]], list[Any]]:
    return lambda lines: [*lines[: at(lines, table)], *lines[at(lines, table) + 1 :]]


def instead(line: int, what: str | bytes) -> Callable[[list[str]], list[Any]]:
    return lambda lines: [*lines[: line - 1], what if isinstance(what, bytes) else what + "\n", *lines[line:]]


def changed(table: str, **values: Any) -> Callable[[list[str]], list[Any]]:
    def change(lines: list[str]) -> list[Any]:
        number = at(lines, table)
        return [*lines[:number], json.dumps(json.loads(lines[number]) | values) + "\n", *lines[number + 1 :]]

    return change


DAMAGE: dict[str, tuple[Callable[[list[str]], list[Any]], str]] = {
    "cut off": (lambda lines: lines[:-1], "the end is missing: the file was cut off"),
    "cut off in a line": (lambda lines: [*lines[:3], lines[3][:20]], "line 4: it is no JSON"),
    "empty": (lambda lines: [], "line 1: it is no export of a store"),
    "another file": (lambda lines: ["hello\n"], "line 1: it is no JSON"),
    "a list": (instead(3, "[]"), "line 3: it is no object"),
    "no UTF-8": (instead(3, b"\xff\xfe\n"), "line 3: it is no JSON"),
    "nested without end": (instead(3, "[" * 100_000), "line 3: it is no JSON"),
    "a row left out": (without("tasks"), "rows before it are missing"),
    "no table": (instead(3, '{"table":"sqlite_master"}'), "line 3: it is of no table of a store"),
    "a table that is none": (instead(3, '{"table":["refs"]}'), "line 3: it is of no table of a store"),
    "a row twice": (lambda lines: [*lines[:2], lines[1], *lines[2:]], "line 3: it comes twice"),
    "another order": (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 3: it comes twice, or not in order"),
    "more after the end": (lambda lines: [*lines, lines[1]], "it comes after the end"),
    "another version": (lambda lines: ['{"format":"keysweep-store","version":2}\n', *lines[1:]], "written by another version"),
    "another column": (changed("keys", colour="red"), "its table has other columns (colour)"),
    "a number for a text": (changed("leaks", kind=4), "its kind is not what it may be"),
    "a word that is none": (changed("leaks", standing="great"), "its standing is not what it may be"),
    "a text for a number": (changed("places", line="7"), "its line is not what it may be"),
    "true for a number": (changed("places", line=True), "its line is not what it may be"),
    "a number too large": (changed("places", line=1 << 40), "its line is not what it may be"),
    "a moment without a zone": (changed("leaks", first_seen="2026-01-01T00:00:00"), "its first_seen is not what"),
    "no moment": (changed("leaks", first_seen="yesterday"), "its first_seen is not what it may be"),
    "nothing where something has to be": (changed("leaks", kind=None), "its kind is not what it may be"),
    "a list of numbers": (changed("places", members=[1]), "its members is not what it may be"),
    "parts that are none": (changed("leaks", parts=[{"role": "secret"}]), "its parts is not what it may be"),
    "further places that are none": (changed("places", further=["x"]), "its further is not what it may be"),
    "no number at all": (changed("runs", settings={"x": float("nan")}), "it is no JSON"),
    "infinitely long": (changed("tasks", seconds=1e999), "it is no JSON"),
    "a key that is not there": (changed("verifications", key_id="AKIA"), "the key that it names is not in any line"),
    "a leak that is not there": (changed("places", leak="0"), "the leak that it names is not in any line"),
    "a run that is not there": (changed("tasks", run_id="0"), "the run that it names is not in any line"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_of_a_damaged_export_nothing_is_imported_and_the_line_is_named(
    damage: str, store: Store, other: Store, chance: random.Random
) -> None:
    fill(store, chance)
    change, complaint = DAMAGE[damage]
    before = lines_of(other)
    with pytest.raises(UsageError) as raised:
        put_into(other, change(lines_of(store)))
    assert complaint in str(raised.value)
    assert str(raised.value).startswith("leaks.jsonl")
    assert str(raised.value).endswith("nothing was imported.")
    assert lines_of(other) == before


def test_texts_that_no_database_takes_are_imported_as_escapes(
    store: Store, other: Store, chance: random.Random
) -> None:
    fill(store, chance)
    lines = changed("runs", target="a\0b\ud800", settings={"\0": ["\ud800\0"]})(lines_of(store))
    put_into(other, lines)
    assert any("a\\\\x00b" in line for line in lines_of(other))


def test_an_export_is_of_one_moment_though_somebody_writes_meanwhile(store: Store, chance: random.Random) -> None:
    pairs = fill(store, chance)
    before = lines_of(store)
    with store.reading() as connection:
        lines = exported(connection)
        begun = [next(lines) for _ in range(2)]
        swept(store, {"late": pairs[0].found("late.env")}, WHEN + 2 * DAY)
        assert [*begun, *lines] == before


def test_a_hostile_path_is_one_line_of_ascii(store: Store, chance: random.Random) -> None:
    swept(store, {"a": Pair(chance).found("\n\x1b[31m\u202e\u2028.env")})
    lines = lines_of(store)
    assert all(line.isascii() and line.count("\n") == 1 for line in lines)


def test_counts_that_a_foreign_hand_changed_are_seen(store: Store, chance: random.Random) -> None:
    fill(store, chance)
    with store.writing() as connection:
        connection.execute(update(leaks).values(places=99))
    assert list(faults(store)) == ["4 of the leaks say wrongly in how many places they stand"]


def test_an_import_waits_for_a_sweep_that_writes_and_loses_nothing_of_it(
    store: Store, other: Store, chance: random.Random
) -> None:
    pair = Pair(chance)
    swept(other, {"a": pair.found("x.env")})
    swept(store, {"b": pair.found("y.env")})
    lines = lines_of(other)
    with ThreadPoolExecutor(1) as threads:
        with store.writing() as connection:
            waiting = threads.submit(put_into, store, lines)
            assert wait([waiting], timeout=1).not_done
            connection.execute(update(leaks).values(assignee="Lin"))
        waiting.result(timeout=60)
    assert one(store, leaks.c.assignee) == "Lin"
    assert one(store, leaks.c.places) == 2
    assert not list(faults(store))
