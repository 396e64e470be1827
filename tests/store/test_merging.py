"""Stores that lived apart and are merged both ways: whatever happened in each, they say the same afterwards."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keysweep.store.exchange.exporting import exported
from keysweep.store.exchange.importing import imported
from keysweep.store.health import faults
from keysweep.store.knowledge import record_containments, record_verdicts
from keysweep.store.opening import Store, opened
from keysweep.store.retention import Retention, prune
from keysweep.verdicts import Contained, Status
from tests.store.made import NOON, PROBLEM, Sweeps, at, containment, key_of, leak, verdict

HOUR = timedelta(hours=1)
KEYS = [leak() for _ in range(4)]
_KEY = st.sampled_from(KEYS)
_FOUND = st.lists(st.tuples(_KEY, st.sampled_from("xy")), max_size=4)
_STEPS = st.one_of(
    st.tuples(st.just("sweep"), st.dictionaries(st.sampled_from("abc"), _FOUND, min_size=1), st.booleans()),
    st.tuples(st.just("verdict"), _KEY, st.sampled_from([Status.LIVE, Status.DEAD, Status.UNKNOWN])),
    st.tuples(st.just("containment"), _KEY, st.sampled_from([Contained.OFF, Contained.UNDONE])),
    st.tuples(st.just("prune"), st.none(), st.none()),
)


@given(st.lists(st.tuples(st.integers(0, 1), _STEPS), min_size=2, max_size=9))
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_merged_both_ways_they_say_the_same_and_are_whole(
    new_sqlite: Path, tmp_path: Path, steps: Sequence[tuple[int, Any]]
) -> None:
    paths = [tmp_path / f"{name}.db" for name in "ab"]
    for path in paths:
        for old in tmp_path.glob(f"{path.name}*"):
            old.unlink()
        shutil.copy(new_sqlite, path)
    with opened(str(paths[0])) as one, opened(str(paths[1])) as other:
        both = Sweeps(one), Sweeps(other)
        for number, (which, step) in enumerate(steps, 1):
            both[which].now = NOON + number * HOUR
            do(both[which], *step)
            assert_whole(one, other)
        of_one = lines_of(one)
        take(other, of_one)
        merged = lines_of(other)
        for lines in (of_one, merged):
            take(other, lines)
            assert lines_of(other) == merged
        take(one, merged)
        assert lines_of(one) == merged
        assert_whole(one, other)


def test_a_leak_was_harmless_since_whoever_asked_aws_says_so(new_sqlite: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.db" for name in "ab"]
    for path in paths:
        shutil.copy(new_sqlite, path)
    with opened(str(paths[0])) as one, opened(str(paths[1])) as other:
        for number, (store, step) in enumerate(
            [
                (one, ("sweep", {"a": [(KEYS[0], "x"), (KEYS[1], "x")]}, False)),
                (other, ("sweep", {"a": [(KEYS[0], "x")]}, False)),
                (one, ("verdict", KEYS[0], Status.DEAD)),
            ]
        ):
            sweeps = Sweeps(store)
            sweeps.now = NOON + number * HOUR
            do(sweeps, *step)
        take(other, lines_of(one))
        take(one, lines_of(other))
        contained = "SELECT contained FROM leaks WHERE contained IS NOT NULL"
        assert Sweeps(one).ask(contained) == Sweeps(other).ask(contained) == [("2026-11-27 14:00:00.000000",)]


def do(sweeps: Sweeps, what: str, about: Any, how: Any) -> None:
    now = sweeps.now
    if what == "sweep":
        run = sweeps.begin(list(about))
        for name, found in about.items():
            sweeps.record(run, name, [at(key, path) for key, path in found], [] if how else [PROBLEM])
        return
    with sweeps.store.writing() as connection:
        if what == "verdict":
            record_verdicts(connection, [verdict(about, how, now)], now)
        elif what == "containment":
            record_containments(connection, {key_of(about): containment(about, how, now, f"run at {now}")}, now)
        else:
            prune(connection, Retention(1, timedelta(0)), now)


def lines_of(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(exported(connection))


def take(store: Store, lines: Sequence[str]) -> None:
    with store.writing() as connection:
        imported(connection, io.BytesIO("".join(lines).encode()), "other.jsonl", NOON + 99 * HOUR)


def assert_whole(*stores: Store) -> None:
    for store in stores:
        assert list(faults(store)) == []
