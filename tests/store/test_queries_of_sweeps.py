"""What sweeps record is what pages find: words, numbers of leaks, and since when a key was usable and harmless."""

from __future__ import annotations

import io
from datetime import timedelta

from sqlalchemy import select

from keysweep.findings import Finding
from keysweep.store import knowledge
from keysweep.store.exchange.exporting import exported
from keysweep.store.exchange.importing import imported
from keysweep.store.opening import Store, opened
from keysweep.store.queries.chosen import Wanted, conditions
from keysweep.store.queries.listed import listed
from keysweep.store.queries.trends import trends
from keysweep.store.retention import Retention, prune
from keysweep.store.schema import leaks, repositories
from keysweep.verdicts import Contained, Status
from tests.store.made import NOON, Sweeps, at, commit, containment, key_of, leak, verdict
from tests.stores import NewStore


def found(sweeps: Sweeps, search: str) -> set[str]:
    with sweeps.store.reading() as connection:
        chosen = conditions(connection, Wanted(search=search), NOON)
        return {row.key_id for row in listed(connection, chosen, "newest").rows}


def by(name: str, *findings: Finding) -> list[Finding]:
    brought = (commit(author=name, email=f"{name.lower()}@example.net"),)
    return [at(each, "deploy/prod.env", introduced=brought) for each in findings]


def test_a_place_is_found_by_the_author_that_is_told_now(sweeps: Sweeps) -> None:
    first, second = leak(), leak()
    sweeps.sweep({"app": by("Ada", first, second)})
    assert found(sweeps, "ada prod") == {key_of(first), key_of(second)}
    sweeps.sweep({"app": [*by("Grace", first), *by("Ada", second)]})
    assert found(sweeps, "ada") == {key_of(second)}
    assert found(sweeps, "grace@example") == {key_of(first)}


def test_a_place_that_is_gone_is_not_found_and_one_that_is_back_is(sweeps: Sweeps) -> None:
    key = leak()
    for findings, expected in ((by("Ada", key), {key_of(key)}), ([], set()), (by("Ada", key), {key_of(key)})):
        sweeps.sweep({"app": findings})
        assert found(sweeps, "prod.env") == expected


def test_texts_that_no_database_takes_can_be_searched_for(sweeps: Sweeps) -> None:
    key = leak()
    sweeps.sweep({"app": [at(key, "caf\udce9/na\0me/überall.env", introduced=(commit(author="Ünal"),))]})
    assert found(sweeps, "überall") == found(sweeps, "Ünal") == {key_of(key)}


def test_a_repository_says_how_many_leaks_stand_in_it(sweeps: Sweeps) -> None:
    one, two = leak(), leak()
    sweeps.sweep({"app": [at(one, "a", "b"), at(two, "a")], "fork": [at(one, "a")], "clean": []})
    sweeps.sweep({"app": [at(two, "a")], "fork": [at(one, "a")], "clean": []})
    with sweeps.store.reading() as connection:
        told = {row.name: row.leaks for row in connection.execute(select(repositories))}
    assert told == {"app": 1, "fork": 1, "clean": 0}


def test_only_what_somebody_could_use_counts_as_contained(sweeps: Sweeps) -> None:
    live, dead, off = leak(), leak(), leak()
    sweeps.sweep({"app": [at(each, "x") for each in (live, dead, off)]})
    begun = sweeps.now
    told = (
        (1, [verdict(live, Status.LIVE), verdict(dead, Status.DEAD)]),
        (5, [verdict(live, Status.DEAD, NOON + timedelta(hours=4))]),
    )
    for hours, verdicts in told:
        with sweeps.store.writing() as connection:
            knowledge.record_verdicts(connection, verdicts, begun + timedelta(hours=hours))
    with sweeps.store.writing() as connection:
        switched_off = {key_of(off): containment(off, Contained.OFF)}
        knowledge.record_containments(connection, switched_off, begun + timedelta(hours=2))
    with sweeps.store.reading() as connection:
        week = trends(connection, begun).weeks[-1]
        after = {row.key_id: row.contained - begun for row in connection.execute(select(leaks))}
    assert after == {
        key_of(live): timedelta(hours=5),
        key_of(dead): timedelta(hours=1),
        key_of(off): timedelta(hours=2),
    }
    assert (week.found, week.contained, week.open) == (3, 2, 0)
    assert week.median_seconds == 2 * 3600


def test_what_another_store_had_is_found_after_an_import(
    sweeps: Sweeps, store: Store, new_of: NewStore, kind: str
) -> None:
    here, there = leak(), leak()
    sweeps.sweep({"app": by("Ada", here)})
    with opened(new_of(kind)) as other:
        elsewhere = Sweeps(other)
        elsewhere.sweep({"lib": by("Grace", there), "copy": [at(there, "x")]})
        with other.reading() as connection:
            lines = list(exported(connection))
    with store.writing() as connection:
        imported(connection, io.BytesIO("".join(lines).encode()), "other.jsonl", NOON)
    assert found(sweeps, "grace prod") == {key_of(there)}
    assert found(sweeps, "ada prod") == {key_of(here)}
    with store.reading() as connection:
        told = {row.name: row.leaks for row in connection.execute(select(repositories))}
    assert told == {"app": 1, "lib": 1, "copy": 1}


def test_what_was_pruned_is_found_no_more_and_what_comes_after_it_is(sweeps: Sweeps, store: Store) -> None:
    old, new = leak(), leak()
    sweeps.sweep({"app": by("Ada", old)})
    sweeps.sweep({"app": []})
    with store.writing() as connection:
        prune(connection, Retention(gone_for=timedelta(days=1)), sweeps.now + timedelta(days=2))
    assert found(sweeps, "ada prod") == set()
    sweeps.sweep({"app": by("Grace", new)})
    assert found(sweeps, "ada") == set()
    assert found(sweeps, "grace") == {key_of(new)}
