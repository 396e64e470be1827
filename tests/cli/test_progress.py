"""The progress line as a terminal gets it: a pseudo-terminal, and what is on its screen."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import random
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keysweep.cli.progress import ProgressLine, line_of
from keysweep.sources.progress import Progress
from tests.repositories import Repository, environment


@contextmanager
def terminal(columns: int) -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal: the one to look at, and the one that a program gets."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def watched(cwd: Path, columns: int, *arguments: str) -> tuple[int, bytes, str]:
    """Exit code, standard output, and all that a terminal of so many columns gets to show of the rest."""
    with terminal(columns) as (ours, theirs):
        process = subprocess.Popen(
            [sys.executable, "-m", "keysweep", "scan", *arguments],
            cwd=cwd,
            env=environment() | {"TERM": "xterm"},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        out, _ = process.communicate()
        shown = b""
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # which is how Linux says that nobody has the other end any more
            pass
    return process.returncode, out, shown.decode()


@pytest.fixture
def slow(tmp_path: Path) -> Repository:
    """A repository whose scan takes more than a second, by a rule that gets stuck in one of its objects."""
    rule = '[[rules]]\nname = "slow"\npattern = "(?:q|q|qq)+!"\ntimeout-ms = 1200\n'
    (tmp_path / "slow.toml").write_text(rule)
    repository = Repository(tmp_path / "r")
    repository.stage("stuck.txt", "q" * 4000)
    repository.commit()
    return repository


@pytest.mark.parametrize("arguments", [("--history", "r"), ("r",)])
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("columns", [80, 30, 12])
def test_a_terminal_shows_it_and_is_left_empty(
    slow: Repository, arguments: tuple[str, ...], form: str, columns: int
) -> None:
    code, out, shown = watched(slow.path.parent, columns, "--config", "slow.toml", "--format", form, *arguments)
    assert code == 3
    assert b"\r" not in out
    assert "scanning" in shown
    assert screen(shown) == ""
    assert all(character.isprintable() or character == "\r" for character in shown)
    assert max(map(len, shown.split("\r"))) < columns


def screen(shown: str) -> str:
    """The line that a terminal has in the end."""
    line = ""
    for piece in shown.split("\r"):
        line = piece + line[len(piece) :]
    return line.rstrip()


def test_nothing_of_it_is_in_a_file_or_a_pipe(slow: Repository) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", "scan", "--config", "slow.toml", "--history", "r"],
        cwd=slow.path.parent,
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert not re.search(rb"[\r\x1b]|scanning", done.stdout)


class Clock:
    """A clock that goes as it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A terminal of 80 columns, as far as anybody can tell."""

    def fileno(self) -> int:
        raise OSError


def test_what_is_done_at_once_is_not_shown() -> None:
    stream, clock = Screen(), Clock()
    with ProgressLine(stream, clock) as tell:
        tell(Progress("listing"))
        clock.now += 0.1
        tell(Progress("scanning", 5, 5, 100))
    assert stream.getvalue() == ""


def test_every_phase_is_named_and_the_shorter_line_covers_the_longer_one() -> None:
    stream, clock = Screen(), Clock()
    shown = []
    with ProgressLine(stream, clock) as tell:
        for phase in (
            Progress("cloning", 10, 20, 1 << 20),
            Progress("resolving", 3, 30),
            Progress("scanning", 1_000_000, 4_000_000, 3_000_000_000),
            Progress("finding commits"),
        ):
            clock.now += 5
            tell(phase)
            shown.append(screen(stream.getvalue()))
    assert [line.split(" ")[0] for line in shown] == ["cloning", "resolving", "scanning", "finding"]
    assert shown[-1] == "finding commits"
    assert screen(stream.getvalue()) == ""


def test_a_terminal_is_not_written_to_more_often_than_anybody_can_read() -> None:
    stream, clock = Screen(), Clock()
    with ProgressLine(stream, clock) as tell:
        for done in range(10_000):
            clock.now += 0.001
            tell(Progress("scanning", done, 10_000))
    assert stream.getvalue().count("\r") < 110


def test_a_line_has_objects_bytes_the_rate_and_the_time_left() -> None:
    line = line_of(Progress("scanning", 100_000, 400_000, 2_000_000_000), 20, 79)
    assert line == "scanning 25% [###----------] 100000/400000 objects, 2.0 GB, 100 MB/s, 1:00 left"
    assert len(line) <= 79


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (70, "scanning 25% 100000/400000 objects, 2.0 GB, 526 kB/s, 3:10:00 left"),
        (58, "scanning 25% 100000/400000 objects, 2.0 GB, 3:10:00 left"),
        (50, "scanning 25% [###-----------] 2.0 GB, 3:10:00 left"),
        (25, "scanning 25% 3:10:00 left"),
        (20, "scanning 25%"),
        (12, "scanning 25%"),
        (6, "scanni"),
    ],
)
def test_a_narrow_terminal_loses_what_matters_least_first(columns: int, line: str) -> None:
    assert line_of(Progress("scanning", 100_000, 400_000, 2_000_000_000), 3800, columns) == line


def test_more_than_was_listed_is_no_more_than_all() -> None:
    """Directories are still being listed while files are scanned."""
    assert "100% [" in line_of(Progress("scanning", 30, 20, 30, counts_bytes=True), 5, 79)
    assert "0:00 left" in line_of(Progress("scanning", 30, 20, 30, counts_bytes=True), 5, 79)


def test_random_moments_fit_any_terminal() -> None:
    rng = random.Random(91)
    for _ in range(2000):
        done, total = rng.randrange(10**9), rng.randrange(10**9)
        progress = Progress("finding commits", done, total, rng.randrange(10**13), rng.random() < 0.5)
        columns = rng.randrange(5, 200)
        assert len(line_of(progress, rng.random() * 10**5, columns)) <= columns
