"""The journal is only added to, survives crashes, and shows every change that was made to it afterwards."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.aws.containment.journal import START, Entry, Journal, directory
from keysweep.errors import JournalError


def written(place: Path, count: int = 5) -> Journal:
    journal = Journal(place)
    for number in range(count):
        journal.append("noted", "a-run", number=number)
    return journal


def faults(journal: Journal) -> list[int]:
    return [each.number for each in journal.read() if each.fault]


def test_each_line_has_the_hash_of_the_line_before(tmp_path: Path) -> None:
    journal = written(tmp_path)
    entries = list(journal.read())
    assert faults(journal) == []
    assert [each.values["prev"] for each in entries] == [START, *(each.hash for each in entries[:-1])]
    assert [each.values["number"] for each in entries] == list(range(5))


def test_no_journal_has_no_lines(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "nothing").read()) == []


@given(st.data())
def test_whatever_is_changed_before_the_last_line_breaks_the_chain(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    journal = written(tmp_path_factory.mktemp("journal"))
    content = journal.path.read_bytes()
    last = content.rstrip(b"\n").rindex(b"\n") + 1
    how = data.draw(st.sampled_from(["flip", "delete", "insert", "swap"]))
    lines = content.splitlines(keepends=True)
    if how == "flip":
        place = data.draw(st.integers(0, last - 2))
        byte = data.draw(st.integers(0, 255).filter(lambda each: each != content[place]))
        changed = content[:place] + bytes([byte]) + content[place + 1 :]
    elif how == "delete":
        gone = data.draw(st.integers(0, len(lines) - 2))
        changed = b"".join(lines[:gone] + lines[gone + 1 :])
    elif how == "insert":
        place = data.draw(st.integers(0, len(lines) - 1))
        changed = b"".join([*lines[:place], lines[data.draw(st.integers(0, 4))], *lines[place:]])
    else:
        one = data.draw(st.integers(0, len(lines) - 2))
        lines[one], lines[one + 1] = lines[one + 1], lines[one]
        changed = b"".join(lines)
    journal.path.write_bytes(changed)
    assert faults(journal)


@given(st.binary(max_size=300))
def test_no_content_whatever_is_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    journal.path.write_bytes(content)
    before = list(journal.read())
    journal.append("noted", "a-run")
    after = list(journal.read())
    assert after[-1].event == "noted"
    assert after[-1].fault == ""
    assert [each.hash for each in after[: len(before)]] == [each.hash for each in before]


def test_a_line_that_a_crash_cut_off_is_seen_and_the_chain_goes_on(tmp_path: Path) -> None:
    journal = written(tmp_path)
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-20])
    assert faults(journal) == [5]
    journal.append("noted", "another-run")
    assert faults(journal) == [5]
    (_, last) = list(journal.read())[-2:]
    assert (last.run, last.number) == ("another-run", 6)


def test_a_line_longer_than_a_block_of_the_disk_is_found_whole(tmp_path: Path) -> None:
    journal = written(tmp_path, 2)
    journal.append("noted", "a-run", text="x" * 20_000)
    journal.append("noted", "a-run")
    assert faults(journal) == []


def test_processes_that_write_at_the_same_time_make_one_chain(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from keysweep.aws.containment.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for number in range(25): journal.append('noted', sys.argv[2], number=number)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, os.fspath(tmp_path), name]) for name in ("a", "b", "c")
    ]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    journal = Journal(tmp_path)
    entries = list(journal.read())
    assert (len(entries), faults(journal)) == (75, [])
    for name in ("a", "b", "c"):
        assert [each.values["number"] for each in entries if each.run == name] == list(range(25))


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    journal = written(tmp_path / "state")
    assert journal.path.stat().st_mode & 0o077 == 0
    assert journal.directory.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("what", ["state", "state/journal.jsonl"])
def test_a_journal_that_everybody_can_write_is_neither_written_nor_gone_by(tmp_path: Path, what: str) -> None:
    journal = written(tmp_path / "state")
    (tmp_path / what).chmod(0o777)
    with pytest.raises(JournalError, match="can be written by everybody"):
        journal.append("noted", "a-run")
    with pytest.raises(JournalError, match="can be written by everybody"):
        list(journal.read())


def test_a_journal_of_another_user_is_neither_written_nor_gone_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = written(tmp_path / "state")
    if os.geteuid() == 0:
        os.chown(journal.directory, 54321, 54321)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(JournalError, match="belongs to another user"):
        journal.append("noted", "a-run")
    with pytest.raises(JournalError, match="belongs to another user"):
        list(journal.read())


def test_where_it_cannot_be_written_nothing_may_be_changed(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(JournalError, match="nothing is changed in AWS without its journal"):
        Journal(tmp_path / "state").append("noted", "a-run")


def test_names_in_it_are_ascii_so_that_no_terminal_acts_on_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append("noted", "a-run", reason="\x1b[2J\u202e\ud800")
    content = journal.path.read_bytes()
    assert content.isascii()
    assert b"\x1b" not in content
    assert faults(journal) == []


def test_a_user_without_a_home_has_to_name_a_directory() -> None:
    """A user that the system has no entry of, as many containers have."""
    program = (
        "import os, pwd\n"
        "def unknown(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = unknown\n"
        "os.environ.pop('HOME', None); os.environ.pop('KEYSWEEP_STATE', None)\n"
        "from keysweep.aws.containment.journal import directory\n"
        "from keysweep.errors import ConfigError\n"
        "try: print(directory())\n"
        "except ConfigError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "name a directory in KEYSWEEP_STATE" in done.stdout, done.stdout + done.stderr


def test_the_directory_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KEYSWEEP_STATE", os.fspath(tmp_path))
    assert directory() == tmp_path


def test_undo_of_random_journals_fails_in_words_alone(tmp_path: Path) -> None:
    from keysweep.aws.containment.undo import steps
    from keysweep.errors import KeysweepError

    rng = random.Random(11)
    for _ in range(300):
        values = {
            "prev": START,
            "run": rng.choice(["r", 7, None]),
            "event": rng.choice(["intended", "made", "unknown", 5]),
            "change": rng.choice([1, "x", None, [], 2]),
            "undoes": rng.choice([None, {}, {"run": "r", "change": 1}, 5]),
        }
        entries = [Entry(1, START, "", json.loads(json.dumps(values)))]
        try:
            steps(entries, "r")
        except KeysweepError:
            continue


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = written(tmp_path)
    before, write = journal.path.read_bytes(), os.write

    def full(descriptor: int, content: bytes) -> int:
        if len(content) < 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content[:40])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(JournalError, match="free some room"):
            journal.append("noted", "a-run")
    assert (journal.path.read_bytes(), faults(journal)) == (before, [])
