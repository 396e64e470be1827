"""Several processes that write into one store."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from keysweep.errors import StoreError
from keysweep.store.opening import Store, opened
from keysweep.store.turns import turn
from tests.store.made import Sweeps, at, leak

_WRITER = """
import pickle, random, sys
from keysweep.store.knowledge import record_verdicts
from keysweep.store.opening import opened
from tests.store.made import Sweeps, at, verdict, NOON
from keysweep.verdicts import Status
address, path, number = sys.argv[1:]
with open(path, "rb") as stream:
    keys = pickle.load(stream)
chance = random.Random(int(number))
with opened(address) as store:
    sweeps = Sweeps(store, f"target {number}")
    names = [f"repository-{number}-{each}" for each in range(12)]
    run = sweeps.begin(names)
    for name in names:
        chance.shuffle(keys)
        sweeps.record(run, name, [at(key, "a.env", "b.env") for key in keys[:40]])
        with store.writing() as connection:
            record_verdicts(connection, [verdict(key, Status.LIVE) for key in keys[:20]], NOON)
"""


def test_writers_of_the_same_leaks_wait_for_each_other_and_lose_no_count(address: str, tmp_path: Path) -> None:
    keys = [leak() for _ in range(60)]
    path = tmp_path / "keys"
    path.write_bytes(pickle.dumps(keys))
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, address, path, str(number)], stderr=subprocess.PIPE)
        for number in range(3)
    ]
    assert [(each.communicate()[1], each.returncode) for each in writers] == [(b"", 0)] * 3
    with opened(address) as store:
        sweeps = Sweeps(store)
        assert sum(places for places, _ in sweeps.counts()) == 3 * 12 * 40 * 2
        told = sweeps.ask("SELECT l.standing, k.status FROM leaks l JOIN keys k ON k.key_id = l.key_id")
        assert {(standing, status or "unverified") for standing, status in told} <= {
            ("live", "live"),
            ("unverified", "unverified"),
        }


def test_two_sweeps_of_one_target_are_refused_and_of_two_are_not(store: Store, address: str) -> None:
    with opened(address) as other, turn(store, "sweep github:acme", 0):
        with (
            pytest.raises(StoreError, match="is going on"),
            turn(other, "sweep github:acme", 0, "it is going on."),
        ):
            pass
        with turn(other, "sweep github:umbrella", 0):
            pass
    with opened(address) as other, turn(other, "sweep github:acme", 0):
        pass


def test_a_claim_of_a_process_that_died_is_nobodys(address: str) -> None:
    program = (
        "import os, signal, sys\nfrom keysweep.store.opening import opened\nfrom keysweep.store.turns import turn\n"
        "with opened(sys.argv[1]) as store, turn(store, 'x', 0):\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, address], check=False)
    with opened(address) as store, turn(store, "x", 0):
        pass


def test_a_repository_that_two_targets_share_is_recorded_once(address: str) -> None:
    key = leak()
    with opened(address) as store, opened(address) as other:
        first, second = Sweeps(store, "one"), Sweeps(other, "two")
        runs = first.begin(["app"]), second.begin(["app"])
        first.record(runs[0], "app", [at(key, "a")])
        second.record(runs[1], "app", [at(key, "a")])
        assert first.counts() == [(1, 1)]
