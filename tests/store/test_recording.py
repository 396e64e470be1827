"""What came of a repository, as the store has it afterwards."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keysweep.findings import Confidence, Finding, Origin, Problem, ProblemCode, Severity, Source
from keysweep.frozen import replace
from keysweep.store import runs
from tests.store.made import NOON, PROBLEM, Sweeps, at, commit, leak, listed, swept


def test_the_same_leak_in_many_repositories_is_one_leak(sweeps: Sweeps) -> None:
    key = leak()
    run = sweeps.begin(["app", "fork", "copy"])
    assert [sweeps.record(run, name, [at(key, "prod.env")]) for name in ("app", "fork", "copy")] == [1, 0, 0]
    assert sweeps.ask("SELECT key_id, severity, standing, status, places, repositories FROM leak_overview") == [
        (key.key_id, "high", "unverified", "open", 3, 3)
    ]
    assert sweeps.ask("SELECT repository, path FROM place_overview ORDER BY repository") == [
        ("app", "prod.env"),
        ("copy", "prod.env"),
        ("fork", "prod.env"),
    ]


def test_a_leak_that_stands_twice_in_a_repository_has_two_places_there(sweeps: Sweeps) -> None:
    key = leak()
    sweeps.sweep(
        {"app": [at(key, "a.env", "b.env"), at(replace(key, origin=replace(key.origin, blob="c" * 40)), "b.env")]}
    )
    assert sweeps.counts() == [(2, 1)]


def test_what_a_later_sweep_does_not_find_is_gone_and_still_known(sweeps: Sweeps) -> None:
    kept, taken = leak(), leak()
    sweeps.sweep({"app": [at(kept, "a"), at(taken, "b")]})
    sweeps.sweep({"app": [at(kept, "a")]})
    assert sweeps.ask("SELECT path FROM place_overview") == [("a",)]
    (gone,) = sweeps.ask("SELECT path, refs, ref FROM places WHERE gone IS NOT NULL")
    assert gone == ("b", 0, None)
    assert sorted(sweeps.counts()) == [(0, 0), (1, 1)]


def test_only_what_a_sweep_saw_was_seen_by_it(sweeps: Sweeps) -> None:
    kept, taken = leak(), leak()
    sweeps.sweep({"app": [at(kept, "a"), at(taken, "b")]})
    sweeps.sweep({"app": [at(kept, "a")]})
    seen = dict(sweeps.ask("SELECT key_id, last_seen > first_seen FROM leaks"))
    assert (bool(seen[kept.key_id]), bool(seen[taken.key_id])) == (True, False)


def test_what_comes_back_is_the_place_that_it_was(sweeps: Sweeps) -> None:
    key = leak()
    for found in ([at(key, "a")], [], [at(key, "a")]):
        sweeps.sweep({"app": found})
    assert sweeps.ask("SELECT COUNT(*), COUNT(gone) FROM places") == [(1, 0)]
    assert sweeps.counts() == [(1, 1)]


def test_what_moves_within_a_file_stays_one_place_and_tells_where_it_is_now(sweeps: Sweeps) -> None:
    key = leak()
    sweeps.sweep({"app": [at(key, "a")]})
    first, *others = key.parts
    lower = replace(first, place=replace(first.place, line=99))
    moved = replace(key, parts=(lower, *others), origin=replace(key.origin, blob="d" * 40))
    sweeps.sweep({"app": [at(moved, "a")]})
    assert sweeps.ask("SELECT line, object_id FROM places") == [(99, "d" * 40)]


def test_what_moves_to_another_file_is_gone_here_and_new_there(sweeps: Sweeps) -> None:
    key = leak()
    sweeps.sweep({"app": [at(key, "a")]})
    sweeps.sweep({"app": [at(key, "b")]})
    assert sweeps.ask("SELECT path FROM place_overview") == [("b",)]
    assert sweeps.counts() == [(1, 1)]


def test_a_rewritten_history_is_told_by_its_new_commits(sweeps: Sweeps) -> None:
    key = leak()
    sweeps.sweep({"app": [at(key, "a")]})
    rewritten, taken = commit(NOON - timedelta(days=9), "Eve", ""), commit()
    sweeps.sweep({"app": [at(key, "a", introduced=(rewritten,), removed=(taken,), refs=())]})
    assert sweeps.ask("SELECT commit_id, author, removed_by, refs FROM place_overview") == [
        (rewritten.id, "Eve", taken.id, 0)
    ]


def test_a_leak_was_introduced_by_its_first_commit_in_any_repository(sweeps: Sweeps) -> None:
    key = leak()
    earlier, later = commit(NOON - timedelta(days=400)), commit(NOON - timedelta(days=2))
    undated = replace(commit(), date=None)
    run = sweeps.begin(["a", "b", "c"])
    for name, brought in (("a", later), ("b", earlier), ("c", undated)):
        sweeps.record(run, name, [at(key, "x", introduced=(brought,))])
    assert str(sweeps.ask("SELECT introduced FROM leaks")[0][0]).startswith("2025-10-23 ")


def test_an_incomplete_sweep_calls_nothing_gone(sweeps: Sweeps) -> None:
    kept, unseen, fresh = leak(), leak(), leak()
    sweeps.sweep({"app": [at(kept, "a"), at(unseen, "b")]})
    sweeps.sweep({"app": [at(kept, "a"), at(fresh, "c")]}, incomplete=["app"])
    assert sweeps.ask("SELECT path FROM place_overview ORDER BY path") == [("a",), ("b",), ("c",)]
    assert sweeps.counts() == [(1, 1)] * 3
    assert sweeps.ask("SELECT state, reason, swept_refs FROM repositories") == [
        ("incomplete", "big.bin: took too long", None)
    ]
    assert sweeps.ask("SELECT code, message, path, object_id FROM problems") == [
        ("timeout", "took too long", "big.bin", "a" * 40)
    ]
    sweeps.sweep({"app": [at(kept, "a")]})
    assert sweeps.ask("SELECT path FROM place_overview") == [("a",)]
    assert sweeps.ask("SELECT COUNT(*) FROM problems") == [(0,)]


def test_a_leak_is_told_by_the_finding_that_weighs_most_whichever_came_first(sweeps: Sweeps) -> None:
    strong = leak()
    weak = replace(strong, severity=Severity.LOW, confidence=Confidence.LOW, reasons=("perhaps",))
    sweeps.sweep({"a": [at(weak, "x")], "b": [at(weak, "x"), at(strong, "y")], "c": [at(weak, "x")]})
    assert sweeps.ask("SELECT severity, found_severity, confidence FROM leaks") == [(3, 3, 2)]
    assert sweeps.ask("SELECT reasons FROM leaks") != [('["perhaps"]',)]


def test_refs_that_moved_came_and_went_are_those_of_the_newest_sweep(sweeps: Sweeps) -> None:
    run = sweeps.begin(["app"])
    sweeps.record(run, "app", refs={"refs/heads/a": "1" * 40, "refs/heads/b": "2" * 40})
    again = sweeps.begin(["app"])
    sweeps.record(again, "app", refs={"refs/heads/b": "3" * 40, "refs/heads/\udce4": "4" * 40})
    assert sweeps.ask("SELECT name, object_id, changed > first_seen FROM refs ORDER BY object_id") == [
        ("refs/heads/b", "3" * 40, True),
        ("refs/heads/\\xe4", "4" * 40, False),
    ]


HOSTILE = "a\0b\udcff\ud83d\x1b[31m\u202e/../" + "x" * 5000 + "'; DROP TABLE leaks; --%s?:name"


def test_texts_that_no_database_takes_are_kept_as_escapes(sweeps: Sweeps) -> None:
    key = leak()
    hostile = replace(
        key,
        reasons=(HOSTILE,),
        origin=Origin(HOSTILE, Source.HISTORY, blob="e" * 40, members=(HOSTILE,)),
        canary=HOSTILE,
    )
    brought = commit(author=HOSTILE, email=HOSTILE)
    problem = Problem(ProblemCode.DAMAGED, HOSTILE, Origin(HOSTILE))
    run = sweeps.begin(["app"])
    sweeps.record(run, "app", [at(hostile, HOSTILE, introduced=(brought,), refs=(HOSTILE,))], [problem])
    ((path, author, ref),) = sweeps.ask("SELECT path, author, ref FROM places")
    assert path.startswith("a\\x00b\\udcff\\ud83d\x1b[31m\u202e/../xxx")
    assert path.endswith("'; DROP TABLE leaks; --%s?:name")
    assert (path in author, ref) == (True, path)
    again = sweeps.begin(["app"])
    sweeps.record(again, "app", [at(hostile, HOSTILE, introduced=(brought,), refs=(HOSTILE,))], [problem])
    assert sweeps.counts() == [(1, 1)]


@pytest.mark.parametrize("text", [HOSTILE, "\0", "\ud800", ""])
def test_a_run_keeps_hostile_names_of_repositories_apart(sweeps: Sweeps, text: str) -> None:
    from keysweep.store import inventories

    with sweeps.store.writing() as connection:
        run = runs.new_run(connection, text, {"text": text.encode("utf-8", "replace").decode()}, "local", NOON)
        given = [replace(listed(name), identity=text + name, name=text, topics=(text,)) for name in "ab"]
        inventories.add_to_run(connection, run, given, NOON)
        runs.note(connection, run, [text], [text])
        assert len(runs.waiting(connection, run)) == 2
        unfinished = runs.unfinished(connection, text)
        assert unfinished is not None
        assert unfinished.id == run


def test_a_place_in_a_member_of_an_archive_is_another_than_the_archive(sweeps: Sweeps) -> None:
    key = leak()
    inside = replace(key, origin=replace(key.origin, members=("x.env",)))
    sweeps.sweep({"app": [at(key, "a.zip"), at(inside, "a.zip")]})
    sweeps.sweep({"app": [at(inside, "a.zip")]})
    assert [row[0] for row in sweeps.ask("SELECT CAST(members AS TEXT) FROM places WHERE gone IS NULL")] == [
        '["x.env"]'
    ]


_KEYS = [leak() for _ in range(4)]
_FOUND = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.tuples(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["x", "y"])), max_size=5), st.booleans()),
    min_size=1,
)


@given(st.lists(_FOUND, min_size=1, max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_are_always_what_the_places_say(
    sweeps: Sweeps, steps: list[dict[str, tuple[list[tuple[int, str]], bool]]]
) -> None:
    for step in steps:
        found: dict[str, list[Finding]] = {
            name: [at(_KEYS[number], path) for number, path in placed] for name, (placed, _) in step.items()
        }
        sweeps.sweep(found, incomplete=[name for name, (_, is_complete) in step.items() if not is_complete])
        sweeps.counts()


def test_an_unknown_repository_is_recorded_by_nobody(sweeps: Sweeps) -> None:
    from keysweep.errors import StoreError
    from keysweep.store import recording

    run = sweeps.begin(["app"])
    with pytest.raises(StoreError), sweeps.store.writing() as connection:
        recording.record(connection, run, 4711, swept([at(leak(), "a")], [PROBLEM]), NOON)
    assert sweeps.ask("SELECT COUNT(*) FROM leaks") == [(0,)]


def test_refs_and_repositories_with_names_of_any_length_are_recorded(sweeps: Sweeps) -> None:
    """Random ones: a database would compress others, and index them."""
    chance = random.Random(11)
    first, second = ("".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6000)) for _ in range(2))
    name = f"acme/{first}"
    for _ in range(2):
        run = sweeps.begin([name])
        same_beginning = f"refs/heads/{first}{second}"
        refs = {f"refs/heads/{first}": "1" * 40, same_beginning: "2" * 40}
        sweeps.record(run, name, [at(leak(), "a.env")], refs=refs)
    assert sweeps.ask("SELECT COUNT(*) FROM refs") == [(2,)]
    assert sweeps.ask("SELECT COUNT(*) FROM repositories") == [(1,)]
