"""Old runs and what is gone, taken out of a store."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from keysweep.store.health import faults, size_of
from keysweep.store.opening import Store
from keysweep.store.retention import Retention, prune, shrink
from keysweep.store.runs import new_run
from keysweep.store.schema import keys, leaks, places, repositories, runs, tasks
from keysweep.verdicts import Status
from tests.store.rich import DAY, WHEN, Pair, decided, fill, noticed, swept, verdict

YEAR_LATER = WHEN + timedelta(days=366)
OLD = Retention(gone_for=timedelta(days=365))


@pytest.fixture
def chance() -> random.Random:
    return random.Random(8)


def pruned(store: Store, retention: Retention) -> Mapping[str, int]:
    with store.writing(alone=True) as connection:
        told = prune(connection, retention, YEAR_LATER)
    assert not list(faults(store))
    return told


def names(store: Store, column: object) -> set[object]:
    with store.reading() as connection:
        return set(connection.scalars(select(column)))  # type: ignore[call-overload]


def test_the_newest_runs_of_each_target_stay_with_their_tasks(store: Store, chance: random.Random) -> None:
    pair = Pair(chance)
    made = [swept(store, {"a": pair.found("x.env")}, WHEN + number * DAY) for number in range(5)]
    other = swept(store, {"b": pair.found("x.env")}, target="another")
    assert pruned(store, Retention(keep_runs=2)) == {"runs": 3, "tasks": 3}
    assert names(store, runs.c.id) == names(store, tasks.c.run_id) == {*made[3:], other}


def test_a_run_that_has_not_ended_stays_where_it_is_the_newest_and_so_does_the_last_whole_one(
    store: Store, chance: random.Random
) -> None:
    swept(store, {"a": []})
    whole = swept(store, {"a": []}, WHEN + DAY)
    with store.writing() as connection:
        going = new_run(connection, "an organisation", {}, "local", WHEN + 2 * DAY)
    pruned(store, Retention(keep_runs=1))
    assert names(store, runs.c.id) == {going, whole}


def test_what_is_gone_for_long_enough_goes_with_its_leak_and_key(store: Store, chance: random.Random) -> None:
    gone, stands = Pair(chance), Pair(chance)
    swept(store, {"a": [*gone.found("x.env"), *stands.found("y.env")]}, WHEN - 9 * DAY)
    swept(store, {"a": stands.found("z.env")}, WHEN)
    assert pruned(store, OLD) == {"places": 2, "leaks": 1, "keys": 1}
    assert names(store, leaks.c.key_id) == names(store, keys.c.key_id) == {stands.key_id}
    assert names(store, places.c.path) == {"z.env"}


def test_what_is_gone_for_less_stays(store: Store, chance: random.Random) -> None:
    swept(store, {"a": Pair(chance).found("x.env")}, WHEN)
    swept(store, {"a": []}, WHEN + 2 * DAY)
    assert pruned(store, OLD) == {}


def test_what_stands_somewhere_stays_however_old_it_is(store: Store, chance: random.Random) -> None:
    swept(store, {"a": Pair(chance).found("x.env")}, WHEN - 5_000 * DAY)
    assert pruned(store, Retention(1, timedelta(0))) == {}


def test_a_repository_that_is_gone_takes_its_places_with_it(store: Store, chance: random.Random) -> None:
    both, only = Pair(chance), Pair(chance)
    swept(store, {"a": [*both.found("x.env"), *only.found("y.env")], "b": both.found("x.env")}, WHEN - 9 * DAY)
    swept(store, {"b": both.found("x.env")}, WHEN)
    told = pruned(store, OLD)
    assert told == {"repositories": 1, "tasks": 1, "places": 2, "leaks": 1, "keys": 1}
    assert names(store, repositories.c.name) == {"b"}
    assert names(store, leaks.c.key_id) == {both.key_id}
    assert names(store, leaks.c.places) == names(store, leaks.c.repositories) == {1}


@pytest.mark.parametrize("status", [Status.LIVE, Status.ACTIVE, Status.WRONG_SECRET])
def test_a_key_that_somebody_can_use_stays_unless_asked(
    store: Store, chance: random.Random, status: Status
) -> None:
    pair = Pair(chance)
    swept(store, {"a": pair.found("x.env")}, WHEN - 9 * DAY)
    swept(store, {"a": []}, WHEN - DAY)
    verdict(store, pair, status)
    assert pruned(store, OLD) == {}
    told = pruned(store, Retention(gone_for=timedelta(days=365), with_live=True))
    assert told == {"places": 1, "leaks": 1, "keys": 1}


def test_a_repository_that_is_gone_stays_while_it_says_where_a_live_key_stood(
    store: Store, chance: random.Random
) -> None:
    pair = Pair(chance)
    swept(store, {"a": pair.found("x.env"), "b": [], "c": Pair(chance).found("y.env")}, WHEN - 9 * DAY)
    swept(store, {}, WHEN - DAY)
    verdict(store, pair, Status.LIVE)
    assert pruned(store, OLD) == {"repositories": 2, "tasks": 2, "places": 1, "leaks": 1, "keys": 1}
    assert names(store, repositories.c.name) == {"a"}
    assert names(store, leaks.c.places) == {1}


def test_a_leak_that_somebody_decided_on_stays_unless_asked(store: Store, chance: random.Random) -> None:
    pair = Pair(chance)
    swept(store, {"a": pair.found("x.env")}, WHEN - 9 * DAY)
    swept(store, {"a": []}, WHEN - DAY)
    decided(store, pair, "open")
    noticed(store, pair)
    assert pruned(store, OLD) == {}
    told = pruned(store, Retention(gone_for=timedelta(days=365), with_decided=True))
    assert told == {"places": 1, "leaks": 1, "keys": 1, "decisions": 1}


def test_a_key_stays_while_another_leak_of_it_stands(store: Store, chance: random.Random) -> None:
    pair = Pair(chance)
    swept(store, {"a": pair.found("x.env")}, WHEN - 9 * DAY)
    other = Pair(chance)
    other.key_id = pair.key_id
    swept(store, {"a": other.found("x.env")}, WHEN - DAY)
    assert pruned(store, OLD) == {"places": 1, "leaks": 1}
    assert names(store, keys.c.key_id) == {pair.key_id}


def test_a_transaction_that_is_taken_back_takes_nothing_out(store: Store, chance: random.Random) -> None:
    fill(store, chance)
    with store.writing(alone=True) as connection:
        assert prune(connection, Retention(1, timedelta(0)), YEAR_LATER)
        connection.rollback()
    assert pruned(store, Retention(1, timedelta(0)))


def test_the_file_of_sqlite_gives_its_room_back(store: Store, chance: random.Random) -> None:
    pair = Pair(chance)
    long = "x" * 2_000
    found = [each for number in range(300) for each in pair.found(f"{long}{number}")]
    swept(store, {"a": found}, WHEN - 9 * DAY)
    swept(store, {"a": []}, WHEN - DAY)
    before = size_of(store)
    pruned(store, OLD)
    shrink(store)
    if store.is_sqlite:
        assert size_of(store) < before / 2
        assert os.stat(store.where).st_mode & 0o777 == 0o600
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(places)) == 0
