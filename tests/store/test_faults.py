"""What goes wrong below a store is told in one sentence, and nothing that was recorded is lost."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keysweep.errors import StoreError
from keysweep.store import opening
from keysweep.store.opening import Store, opened
from keysweep.store.recording import record
from tests.postgres import Server, server
from tests.store.made import NOON, Sweeps, at, leak, swept
from tests.stores import NewStore


@pytest.fixture
def sqlite_path(new_of: NewStore) -> Path:
    """A fresh file."""
    return Path(new_of("sqlite"))


def test_a_store_that_another_program_writes_is_waited_for_and_then_called_in_use(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_BUSY_SECONDS", 0.3)
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with opened(os.fspath(sqlite_path)) as store:
        with pytest.raises(StoreError, match="is in use by another program: wait"):
            write(store)
        with store.reading() as connection:
            assert connection.exec_driver_sql("SELECT COUNT(*) FROM leaks").scalar() == 0
        other.execute("COMMIT")
        write(store)
    other.close()


def write(store: Store) -> None:
    with store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM problems")


def test_a_damaged_store_says_so(sqlite_path: Path) -> None:
    with opened(os.fspath(sqlite_path)) as store:
        sweeps = Sweeps(store)
        sweeps.sweep({"app": [at(leak(), *(f"{number}.env" for number in range(400)))]})
    content = bytearray(sqlite_path.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 12288)
    sqlite_path.write_bytes(content)
    with (
        pytest.raises(StoreError, match="is damaged: put a copy back") as caught,
        opened(os.fspath(sqlite_path)) as store,
    ):
        Sweeps(store).ask("SELECT path FROM places ORDER BY path")
    assert str(sqlite_path) in str(caught.value)


def test_a_store_that_was_cut_off_says_so(sqlite_path: Path) -> None:
    with opened(os.fspath(sqlite_path)) as store:
        Sweeps(store).sweep({"app": [at(leak(), *(f"{number}.env" for number in range(400)))]})
    os.truncate(sqlite_path, 16384)
    with pytest.raises(StoreError, match="is damaged"), opened(os.fspath(sqlite_path)) as store:
        Sweeps(store).ask("SELECT path FROM places ORDER BY path")


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond a megabyte, which is what a full disk looks like to it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_called_one_and_what_was_recorded_stays(
    sqlite_path: Path, request: pytest.FixtureRequest
) -> None:
    with opened(os.fspath(sqlite_path)) as store:
        sweeps = Sweeps(store)
        run = sweeps.begin(["small", "large"])
        sweeps.record(run, "small", [at(leak(), "a.env")])
        request.getfixturevalue("small_files")
        with pytest.raises(StoreError, match=r"make room, and go on with --resume|the disk says"):
            sweeps.record(run, "large", [at(leak(), *("x" * 1000 + str(number) for number in range(3000)))])
        assert sweeps.counts() == [(1, 1)]
        assert sweeps.ask("SELECT state FROM tasks ORDER BY state") == [("swept",), ("waiting",)]


_KILLED = """
import os, signal, sys
from keysweep.store.opening import opened
from tests.store.made import Sweeps, at, leak, swept, NOON
from keysweep.store.recording import record
with opened(sys.argv[1]) as store:
    sweeps = Sweeps(store)
    run = sweeps.begin(["first", "second"])
    sweeps.record(run, "first", [at(leak(), "a.env")])
    with store.writing() as connection:
        record(connection, run, sweeps.number("first") + 1, swept([at(leak(), *map(str, range(3000)))]), NOON)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_loses_nothing_recorded_and_leaves_nothing_half(address: str) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, address], check=False)
    assert done.returncode == -signal.SIGKILL
    with opened(address) as store:
        sweeps = Sweeps(store)
        assert sweeps.counts() == [(1, 1)]
        assert sweeps.ask("SELECT state FROM tasks ORDER BY state") == [("swept",), ("waiting",)]
        assert sweeps.ask("SELECT COUNT(*) FROM places") == [(1,)]


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A server to be killed."""
    with server(durable=True) as running:
        running.run("CREATE DATABASE leaks")
        yield running


def test_a_server_that_dies_is_named_and_what_was_recorded_is_there_when_it_is_back(mortal: Server) -> None:
    with opened(mortal.address("leaks")) as store:
        sweeps = Sweeps(store)
        run = sweeps.begin(["first", "second"])
        sweeps.record(run, "first", [at(leak(), "a.env")])
        second = sweeps.number("second")
        with pytest.raises(StoreError, match="cannot be reached: check that its server runs"):
            record_and_then(mortal.stop, store, run, second)
        with pytest.raises(StoreError, match="cannot be reached"):
            sweeps.record(run, "second", [at(leak(), "b.env")])
        mortal.start()
        assert sweeps.counts() == [(1, 1)]
        sweeps.record(run, "second", [at(leak(), "b.env")])
        assert sweeps.counts() == [(1, 1)] * 2


def record_and_then(do: Callable[[], None], store: Store, run: str, repository_id: int) -> None:
    with store.writing() as connection:
        record(connection, run, repository_id, swept([at(leak(), "b.env")]), NOON)
        do()


def test_a_server_that_dies_while_places_are_copied_is_named(mortal: Server) -> None:
    with opened(mortal.address("leaks")) as store:
        sweeps = Sweeps(store)
        many = [at(leak(), *(f"{'x' * 900}{number}" for number in range(40_000)))]
        killer = threading.Timer(0.7, mortal.stop)
        killer.start()
        with pytest.raises(StoreError, match="cannot be reached"):
            _ = [sweeps.sweep({"app": many}) for _ in range(1000)]
        killer.join()


def test_a_user_without_privileges_is_told_to_get_them(postgres: Server, new_of: NewStore) -> None:
    name = new_of("postgresql").partition("?")[0].rpartition("/")[2]
    with postgres.connected() as owner:
        if not owner.execute("SELECT 1 FROM pg_roles WHERE rolname = 'stranger'").fetchone():
            owner.execute("CREATE ROLE stranger LOGIN")
    with (
        pytest.raises(StoreError, match="does not let this user do that"),
        opened(postgres.address(name, "stranger")),
    ):
        pass


def test_a_programming_mistake_is_not_taken_for_a_broken_store(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.reading():
        _ = 1 / 0
