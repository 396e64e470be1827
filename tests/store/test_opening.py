"""Opening a store, as a user meets it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from keysweep.errors import KeysweepError, StoreError, UsageError
from keysweep.store.opening import Store, opened
from tests.postgres import PASSWORD, Server
from tests.stores import NewStore


def leaks_in(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.exec_driver_sql("SELECT COUNT(*) FROM leak_overview").scalar_one())


def refused(address: str | None, kind: type[KeysweepError] = StoreError, **options: bool) -> str:
    """The one sentence with which an address is refused."""
    with pytest.raises(kind) as caught, opened(address, **options) as store:
        leaks_in(store)
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert "Traceback" not in said
    return said


def test_a_new_store_is_made_where_there_is_none(empty_address: str) -> None:
    for _ in range(2):
        with opened(empty_address) as store:
            assert leaks_in(store) == 0
    with opened(empty_address, must_exist=True) as store:
        assert leaks_in(store) == 0


def test_two_processes_that_open_a_new_store_at_once_both_get_it(empty_address: str) -> None:
    program = (
        "import sys\nfrom keysweep.store.opening import opened\n"
        "with opened(sys.argv[1]) as store, store.reading() as connection:\n"
        "    print(connection.exec_driver_sql('SELECT COUNT(*) FROM leak_overview').scalar_one())"
    )
    command = [sys.executable, "-c", program, empty_address]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    assert [each.communicate() for each in started] == [(b"0\n", b"")] * 4


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_nobody_else_can_read_the_file_or_those_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    os.umask(os.umask(0))
    with opened(os.fspath(path)) as store:
        leaks_in(store)
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM leaks")
        files = list(path.parent.iterdir())
        assert {each.suffix for each in files} == {".db", ".db-wal", ".db-shm"}
        assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_file_that_others_could_read_is_made_private(new_of: NewStore) -> None:
    path = Path(new_of("sqlite"))
    path.chmod(0o644)
    with opened(os.fspath(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_store_can_be_named_as_an_address_too(new_of: NewStore) -> None:
    path = new_of("sqlite")
    with opened(f"sqlite:///{path}", must_exist=True) as store:
        assert (store.where, store.is_sqlite) == (path, True)


def test_a_name_of_a_path_may_hold_what_an_address_could_not(tmp_path: Path) -> None:
    path = tmp_path / "100% of?it#here &more.db"
    with opened(os.fspath(path)) as store:
        assert leaks_in(store) == 0
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_without_an_address_the_environment_names_the_store(
    new_of: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = new_of("sqlite")
    monkeypatch.setenv("KEYSWEEP_DB", path)
    with opened(None) as store:
        assert store.where == path


def test_without_any_name_it_lies_in_the_directory_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYSWEEP_DB", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", os.fspath(tmp_path))
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    with opened(None) as store:
        assert store.where.startswith(os.fspath(tmp_path))


def test_a_password_on_the_command_line_is_refused_and_not_repeated() -> None:
    said = refused("postgresql://ada:hunter2@127.0.0.1/x", UsageError)
    assert "KEYSWEEP_DB" in refused("postgresql://ada@127.0.0.1/x?password=hunter2", UsageError)
    assert "hunter2" not in said
    assert "KEYSWEEP_DB" in said


def test_a_password_in_the_environment_is_used_and_not_shown(
    postgres: Server, new_of: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_of("postgresql").partition("?")[0].rpartition("/")[2]
    address = postgres.address_on_loopback(name)
    monkeypatch.setenv("KEYSWEEP_DB", address.replace("owner@", f"owner:{PASSWORD}@"))
    with opened(None) as store:
        assert leaks_in(store) == 0
        assert (store.where, PASSWORD in repr(store)) == (address, False)
    monkeypatch.setenv("KEYSWEEP_DB", address)
    assert "~/.pgpass" in refused(None)
    monkeypatch.setenv("KEYSWEEP_DB", address.replace("owner@", "owner:wr0ngpass@"))
    said = refused(None)
    assert "refuses the user or the password" in said
    assert "wr0ngpass" not in said
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with opened(address) as store:
        assert leaks_in(store) == 0


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://ada@host/x", "a file of SQLite, or PostgreSQL"),
        ("postgresql://[::1/x", "is no address of a database"),
        ("postgresql://host:port/x", "is no address of a database"),
        ("://", "is no address of a database"),
        ("sqlite://", "a file of SQLite, or PostgreSQL"),
        ("sqlite:///:memory:", "a file of SQLite, or PostgreSQL"),
        ("sqlite:///x.db?mode=ro", "a file of SQLite, or PostgreSQL"),
        ("x\0y.db", "holds a character"),
    ],
)
def test_what_is_no_address_of_a_store_is_refused(address: str, told: str) -> None:
    assert told in refused(address, UsageError)


def test_a_store_that_has_to_be_there_and_is_not_is_not_made(
    tmp_path: Path, empty_address: str, kind: str
) -> None:
    said = refused(os.fspath(tmp_path / "no" / "store.db"), must_exist=True)
    assert "run keysweep sweep first" in said
    assert not (tmp_path / "no").exists()
    assert "run keysweep sweep first" in refused(empty_address, must_exist=True)


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    assert f"the store {tmp_path} " in refused(os.fspath(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="links need privileges there")
def test_a_symbolic_link_is_followed_by_nobody(tmp_path: Path, new_of: NewStore) -> None:
    (tmp_path / "link.db").symlink_to(new_of("sqlite"))
    assert "is a symbolic link" in refused(os.fspath(tmp_path / "link.db"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_no_store(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in refused(os.fspath(tmp_path / "pipe"))


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot be opened" in refused(os.fspath(tmp_path / "file" / "store.db"))


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("important\n" * 500)
    path.chmod(0o644)
    assert "is no database of SQLite" in refused(os.fspath(path))
    assert path.read_text() == "important\n" * 500
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path, postgres: Server, new_of: NewStore) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    path.chmod(0o644)
    before = path.read_bytes()
    assert "belongs to something else" in refused(os.fspath(path))
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (before, 0o644)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    connection.close()
    address = new_of("postgresql", is_empty=True)
    name = address.partition("?")[0].rpartition("/")[2]
    with postgres.connected(name) as theirs:
        theirs.execute("CREATE TABLE alembic_version (version_num text)")
        theirs.execute("INSERT INTO alembic_version VALUES ('ab12cd')")
        theirs.execute("CREATE TABLE theirs (x text)")
    assert "belongs to something else" in refused(address)


def test_a_store_of_a_newer_keysweep_is_refused_and_not_changed(store: Store, address: str) -> None:
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    said = refused(address)
    assert "was written by a newer keysweep" in said
    assert "9999" in said


def test_a_server_that_is_not_there_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYSWEEP_DB", "postgresql://ada:hunter2@127.0.0.1:1/leaks")
    said = refused(None)
    assert "postgresql://ada@127.0.0.1:1/leaks cannot be reached" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(("option", "told"), [("nonsense=1", "an option"), ("sslmode=bogus", "an `sslmode`")])
def test_an_option_that_there_is_not_is_not_taken_for_a_server_that_is_not_there(option: str, told: str) -> None:
    assert f"an address with {told} that PostgreSQL does not know" in refused(
        f"postgresql://127.0.0.1:1/x?{option}"
    )


def test_a_database_that_is_not_there_is_named(postgres: Server) -> None:
    said = refused(postgres.address("missing"))
    assert "/missing" in said
    assert "does not exist: create it" in said


def test_a_user_and_a_host_that_are_not_there_are_told_apart_from_a_database_that_is_not(postgres: Server) -> None:
    assert "does not take this user: check PGUSER" in refused(postgres.address("postgres", "nobody-of-that-name"))
    assert "has no address: check its name" in refused("postgresql://ada@no.such.host.invalid/leaks")


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "one.example.net,a..b"])
def test_a_host_that_cannot_be_one_is_refused(host: str) -> None:
    assert "a host that cannot be one" in refused(f"postgresql://ada@{host}/leaks", UsageError)


def test_a_server_on_a_socket_is_named_with_it(postgres: Server, new_of: NewStore) -> None:
    with opened(new_of("postgresql")) as store:
        assert os.fspath(postgres.directory) in store.where


@pytest.mark.parametrize("missing", ["sqlalchemy", "alembic", "psycopg"])
def test_what_is_not_installed_is_named_with_what_installs_it(missing: str, tmp_path: Path) -> None:
    blocked = f"import sys; sys.modules[{missing!r}] = None; from keysweep.cli.databases import opened_store\n"
    address = "postgresql://127.0.0.1:1/x" if missing == "psycopg" else os.fspath(tmp_path / "x.db")
    program = (
        f"{blocked}from keysweep.errors import KeysweepError\n"
        f"try:\n    with opened_store({address!r}): pass\nexcept KeysweepError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    extra = "postgres" if missing == "psycopg" else "sweep"
    assert f"pip install 'keysweep[{extra}]'" in done.stdout
