"""`keysweep store` as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from keysweep.cli.store import VIEW_NAMES
from keysweep.store.opening import opened
from keysweep.store.views import VIEWS
from tests.store.rich import Pair, fill, swept
from tests.stores import NewStore


def store(*arguments: str, given: bytes | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "keysweep", "store", *arguments]
    variables = {**os.environ, "NO_COLOR": "1", **environment}
    return subprocess.run(command, input=given, capture_output=True, env=variables, check=False)


def said(done: subprocess.CompletedProcess[bytes], code: int = 0) -> str:
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode() if code == 0 else done.stderr.decode()


@pytest.fixture
def full(address: str) -> str:
    """The address of a store with something in every table."""
    with opened(address) as made:
        fill(made, random.Random(12))
    return address


def test_info_says_where_the_store_is_and_how_much_is_in_it(full: str, kind: str) -> None:
    told = said(store("info", "--db", full))
    assert "SQLite 3." in told if kind == "sqlite" else "PostgreSQL" in told
    assert "schema 0001" in told
    assert "  leaks                     4\n" in told
    document = json.loads(said(store("info", "--db", full, "--format", "json")))
    assert (document["format"], document["version"]) == ("keysweep-store-info", 1)
    assert document["rows"]["leaks"] == 4
    assert f"newest run: {document['newest_run']}\n" in told


def test_check_says_that_a_store_is_whole(full: str) -> None:
    assert said(store("check", "--db", full)).endswith(": whole.\n")


def test_check_says_what_is_wrong_and_ends_with_3(full: str) -> None:
    with opened(full) as made, made.writing() as connection:
        connection.exec_driver_sql("UPDATE leaks SET places = 77")
    done = store("check", "--db", full)
    complaint = said(done, 3)
    assert done.stdout.decode() == "WRONG: 4 of the leaks say wrongly in how many places they stand\n"
    assert complaint.count("\n") == 1
    assert "is damaged: put a copy back" in complaint


def test_an_export_is_for_its_owner_alone_and_can_be_imported(
    full: str, kind: str, new_of: NewStore, tmp_path: Path
) -> None:
    file, again = tmp_path / "leaks.jsonl", tmp_path / "again.jsonl"
    assert said(store("export", "--db", full, str(file))) == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = new_of(kind)
    told = said(store("import", "--db", other, str(file)))
    assert "  leaks: 4 read, 4 new, 0 changed\n" in told
    assert told.endswith(f"{file} imported.\n")
    assert "  leaks: 4 read, 0 new, 0 changed\n" in said(store("import", "--db", other, str(file)))
    said(store("export", "--db", other, str(again)))
    assert file.read_bytes() == again.read_bytes()


def test_a_store_is_carried_from_one_database_to_the_other_through_a_pipe(new_of: NewStore) -> None:
    here, there = new_of("sqlite"), new_of("postgresql")
    with opened(here) as made:
        fill(made, random.Random(13))
    content = store("export", "--db", here, "-").stdout
    assert said(store("import", "--db", there, "-", given=content)).endswith("standard input imported.\n")
    assert store("export", "--db", there, "-").stdout == content


def test_an_import_makes_the_store_where_there_is_none(full: str, tmp_path: Path) -> None:
    content = store("export", "--db", full, "-").stdout
    path = tmp_path / "new" / "sweep.db"
    said(store("import", "--db", str(path), "-", given=content))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_of_a_damaged_file_nothing_is_imported_and_the_line_is_named(
    full: str, address: str, tmp_path: Path
) -> None:
    lines = store("export", "--db", full, "-").stdout.splitlines(keepends=True)
    file = tmp_path / "leaks.jsonl"
    file.write_bytes(b"".join([*lines[:7], b"\x1b[31m\n", *lines[8:]]))
    complaint = said(store("import", "--db", str(tmp_path / "new.db"), str(file)), 2)
    assert complaint == f"keysweep: {file}, line 8: it is no JSON; nothing was imported.\n"
    assert "leaks                     0" in said(store("info", "--db", str(tmp_path / "new.db")))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("import", "missing.jsonl"), "missing.jsonl cannot be read (No such file or directory)"),
        (("import", "."), ". cannot be read (Is a directory)"),
        (("export", "."), ". is a directory: give the name of a file."),
        (("export", "missing/x"), "there is no directory"),
        (("export", "-", "--format", "csv"), "--view goes with --format csv"),
        (("export", "-", "--view", "days"), "--view goes with --format csv"),
        (("prune",), "say what may go: --keep-runs N, --gone-after DAYS, or both."),
        (("prune", "--keep-runs", "1", "--with-live"), "--with-live and --with-decided go with --gone-after."),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(
    arguments: Sequence[str], complaint: str, full: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "keysweep", "store", *arguments, "--db", full]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["info", "check", "export", "prune"])
def test_a_store_that_is_not_there_is_not_made(command: str, tmp_path: Path) -> None:
    more = {"export": ["-"], "prune": ["--keep-runs", "3"]}.get(command, [])
    path = tmp_path / "none.db"
    complaint = said(store(command, "--db", str(path), *more), 3)
    assert (
        complaint == f"keysweep: there is no store at {path}: run keysweep sweep first, or name one with --db.\n"
    )
    assert not path.exists()


def test_every_view_is_offered() -> None:
    assert tuple(VIEWS) == VIEW_NAMES


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_written_as_csv_the_same_from_both_databases(
    view: str, new_of: NewStore, tmp_path: Path
) -> None:
    told = []
    for kind in ("sqlite", "postgresql"):
        address = new_of(kind)
        with opened(address) as made:
            fill(made, random.Random(14))
        content = said(store("export", "--db", address, "--format", "csv", "--view", view, "-"))
        head, *rows = csv.reader(io.StringIO(content))
        assert tuple(head) == tuple(VIEWS[view].columns)
        own = [number for number, name in enumerate(head) if name in {"leak_id", "place_id", "repository_id"}]
        told.append(sorted([each for number, each in enumerate(row) if number not in own] for row in rows))
    assert told[0] == told[1]
    assert told[0]


def test_what_a_spreadsheet_or_a_terminal_would_run_is_harmless_in_csv(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    with opened(path) as made:
        swept(made, {"=cmd()": Pair(random.Random(15)).found("\x1b[31m\n=1+1.env", author="@SUM(A1)")})
    content = store("export", "--db", path, "--format", "csv", "--view", "place_overview", "-").stdout
    assert b"\x1b" not in content
    assert content.count(b"\n") == 2
    assert b'"\'=cmd()"' in content
    assert b'"\'@SUM(A1) <ada@example.net>"' in content


def test_prune_says_what_would_go_and_then_takes_it_out(full: str) -> None:
    options = ("prune", "--db", full, "--keep-runs", "1", "--gone-after", "20")
    rows = "1 of runs, 2 of tasks, 1 of repositories, 2 of places, 1 of leaks, 1 of keys"
    would = said(store(*options, "--dry-run"))
    assert would.endswith(f": {rows} would be taken out.\n")
    assert said(store(*options, "--dry-run")) == would
    assert f": {rows} taken out" in said(store(*options))
    assert said(store(*options)).endswith(": nothing taken out.\n")
    assert said(store("check", "--db", full)).endswith(": whole.\n")


def test_a_closed_pipe_is_no_error_with_a_traceback(full: str) -> None:
    command = f"{sys.executable} -m keysweep store export --db '{full}' - | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"{", b"")


def test_without_the_packages_of_sweeps_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise ImportError('no', name='sqlalchemy')\n")
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    complaint = said(store("info", "--db", str(tmp_path / "s.db"), PYTHONPATH=path), 2)
    assert complaint == "keysweep: the store needs sqlalchemy: run `pip install 'keysweep[sweep]'`.\n"


def test_a_full_disk_leaves_neither_half_an_import_nor_a_traceback(tmp_path: Path) -> None:
    content, new = tmp_path / "leaks.jsonl", tmp_path / "new.db"
    with opened(str(tmp_path / "full.db")) as made:
        pair = Pair(random.Random(17))
        swept(made, {"a": [each for number in range(300) for each in pair.found(f"{number}/{'x' * 4_000}")]})
    said(store("export", "--db", str(tmp_path / "full.db"), str(content)))
    with opened(str(new)):
        pass
    limit = new.stat().st_size // 512 + 20
    command = (
        f"ulimit -f {limit}; trap '' XFSZ; exec {sys.executable} -m keysweep store import --db {new} {content}"
    )
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"keysweep: the store {new} ")
    assert "leaks                     0" in said(store("info", "--db", str(new)))


def test_nothing_of_a_secret_is_in_an_export_or_in_the_files_of_a_store(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with opened(str(path)) as made:
        pairs = fill(made, random.Random(16))
        with made.reading():
            files = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    files["export"] = store("export", "--db", str(path), "-").stdout
    assert len(files) == 4
    for pair in pairs:
        assert any(pair.key_id.encode() in content for content in files.values())
        for name, content in files.items():
            assert pair.secret.encode() not in content, name
            assert pair.secret[4:].encode() not in content, name
