"""Runs: what waits, what became of it, and how a run is taken up again."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import text

from keysweep.store import inventories, runs, summaries
from keysweep.store.knowledge import record_verdicts
from keysweep.store.runs import TaskState
from keysweep.verdicts import Status
from tests.store.made import NOON, Sweeps, at, leak, listed, verdict


def test_a_run_that_did_not_end_is_taken_up_with_what_waits_in_it(sweeps: Sweeps) -> None:
    run = sweeps.begin(["a", "b", "c"])
    sweeps.record(run, "a", [])
    with sweeps.store.writing() as connection:
        runs.failed(connection, run, sweeps.number("b"), "not found", NOON, state=TaskState.FAILED)
        runs.end(connection, run, "interrupted", NOON)
        unfinished = runs.unfinished(connection, sweeps.target)
        assert (unfinished and unfinished.id) == run
        assert [task.name for task in runs.waiting(connection, run)] == ["c"]
        runs.go_on(connection, run, "dask", NOON, again=True)
        assert [task.name for task in runs.waiting(connection, run)] == ["b", "c"]
        runs.end(connection, run, "done", NOON)
        assert runs.unfinished(connection, sweeps.target) is None
    assert sweeps.ask("SELECT state, engine FROM runs") == [("done", "dask")]


def test_only_the_newest_run_of_a_target_can_be_taken_up(sweeps: Sweeps) -> None:
    sweeps.begin(["a"])
    newest = sweeps.begin(["a"])
    with sweeps.store.writing() as connection:
        run = runs.unfinished(connection, sweeps.target)
        assert run is not None
        assert run.id == newest
        assert runs.unfinished(connection, "another") is None


def test_the_largest_waits_first(sweeps: Sweeps) -> None:
    from keysweep.frozen import replace

    run = sweeps.begin(["unknown"])
    sizes = {"small": 10, "large": 10_000_000_000_000, "middle": 500}
    with sweeps.store.writing() as connection:
        given = [replace(listed(name), size_bytes=size) for name, size in sizes.items()]
        inventories.add_to_run(connection, run, given, NOON)
        assert [task.name for task in runs.waiting(connection, run)] == ["large", "middle", "small", "unknown"]


def test_a_repository_that_is_listed_twice_waits_once_and_keeps_what_was_known(sweeps: Sweeps) -> None:
    run = sweeps.begin(["a"])
    sweeps.record(run, "a", [at(leak(), "x")])
    with sweeps.store.writing() as connection:
        inventories.add_to_run(connection, run, [listed("a"), listed("a"), listed("b")], NOON + timedelta(days=1))
        assert [task.name for task in runs.waiting(connection, run)] == ["b"]
    assert sweeps.ask("SELECT state, swept_refs, last_seen > first_seen FROM repositories WHERE name = 'a'") == [
        ("swept", "digest of refs", True)
    ]


def test_what_is_not_listed_any_more_is_gone_until_it_is_listed_again(sweeps: Sweeps) -> None:
    sweeps.begin(["a", "b"])
    Sweeps(sweeps.store, "another target").begin(["z"])
    sweeps.begin(["a"])
    assert sweeps.ask("SELECT name FROM repositories WHERE gone IS NOT NULL") == [("b",)]
    sweeps.begin(["a", "b"])
    assert sweeps.ask("SELECT name FROM repositories WHERE gone IS NOT NULL") == []


def test_a_list_that_is_not_complete_calls_nothing_gone(sweeps: Sweeps) -> None:
    sweeps.begin(["a", "b"])
    with sweeps.store.writing() as connection:
        run = runs.new_run(connection, sweeps.target, {}, "local", NOON + timedelta(hours=1))
        inventories.add_to_run(connection, run, [listed("a")], NOON)
        inventories.all_listed(connection, run, NOON, is_complete=False)
    assert sweeps.ask("SELECT name FROM repositories WHERE gone IS NOT NULL") == []


def test_counts_tell_how_far_a_run_has_come(sweeps: Sweeps) -> None:
    run = sweeps.begin(["a", "b", "c", "d"])
    sweeps.record(run, "a", [at(leak(), "x"), at(leak(), "y")], scanned_bytes=5_000_000_000)
    with sweeps.store.writing() as connection:
        runs.unchanged(connection, run, [sweeps.number("b")], NOON)
        runs.attempted(connection, run, sweeps.number("c"), "timed out\0")
        runs.failed(connection, run, sweeps.number("c"), "timed out", NOON, state=TaskState.QUARANTINED)
        told = runs.counts(connection, run)
        assert (told.total, told.left, told.unread) == (4, 1, 1)
        assert (told.scanned_bytes, told.findings, told.fresh) == (5_000_000_000, 2, 2)
        assert list(runs.unread(connection, run)) == [("c", "quarantined", "timed out")]
    assert sweeps.ask("SELECT attempts FROM tasks WHERE state = 'quarantined'") == [(2,)]


def test_a_note_is_kept_once_in_its_order(sweeps: Sweeps) -> None:
    run = sweeps.begin([])
    with sweeps.store.writing() as connection:
        for notes in (["one", "two"], ["two", "three"]):
            runs.note(connection, run, notes, ["a problem"])
        assert runs.notes_of(connection, run) == ["one", "two", "three"]
        assert runs.problems_of(connection, run) == ["a problem"]


def test_what_needs_somebody_is_told_worst_first_with_one_place_of_each(sweeps: Sweeps) -> None:
    live, spread, dead, settled = leak(), leak(), leak(), leak()
    run = sweeps.sweep(
        {
            "a": [at(live, "old", refs=()), at(live, "new"), at(spread, "x"), at(dead, "y"), at(settled, "z")],
            "b": [at(spread, "x")],
        }
    )
    with sweeps.store.writing() as connection:
        record_verdicts(connection, [verdict(live, Status.LIVE), verdict(dead, Status.DEAD)], NOON)
        decide = text("UPDATE leaks SET status = 'accepted', status_until = '2026-11-30' WHERE key_id = :key_id")
        connection.execute(decide, {"key_id": settled.key_id})
        told = summaries.to_do(connection, run, 2, 10)
        assert [(row.key_id, row.path, row.repositories) for row in told] == [
            (live.key_id, "new", 1),
            (spread.key_id, "x", 2),
        ]
        assert summaries.count_to_do(connection, run, 2) == 2
        assert summaries.count_to_do(connection, run, 4) == 1
        assert summaries.standings(connection, run) == {"live": 1, "dead": 1, "unverified": 1}
        summaries.reopen_lapsed(connection, date(2026, 11, 30), NOON)
        assert summaries.count_to_do(connection, run, 2) == 2
        summaries.reopen_lapsed(connection, date(2026, 12, 1), NOON)
        assert summaries.count_to_do(connection, run, 2) == 3


def test_leaks_of_other_repositories_are_not_those_of_this_run(sweeps: Sweeps) -> None:
    run = sweeps.sweep({"a": [at(leak(), "x")]})
    Sweeps(sweeps.store, "another target").sweep({"z": [at(leak(), "x")]})
    with sweeps.store.reading() as connection:
        assert summaries.count_to_do(connection, run, 0) == 1
