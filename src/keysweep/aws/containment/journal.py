"""The journal of containment: JSON Lines that are only ever added to, each with the hash of the line before.

A line is on the disk before AWS is asked to change anything, and another once it has answered: a crash between the
two leaves an intention without an outcome, which `keysweep log` shows. A change to any line but the last, or one
taken out, breaks the chain at that place. What no file can show of itself is that lines at its end are missing:
keep the newest hash, which every run prints, somewhere else.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

from keysweep.errors import ConfigError, JournalError
from keysweep.frozen import frozen

FILE_NAME = "journal.jsonl"
START = "0" * 64
"""What stands for the hash of the line before the first."""
_LOCK_SECONDS = 60
_CUT_OFF = "it was cut off: whoever wrote it did not get to its end"


@frozen
class Entry:
    """One line, read back."""

    number: int
    """From 1."""
    hash: str
    """SHA-256 of the line's bytes, without its end."""
    fault: str
    """What is wrong with it; empty for what is right."""
    values: dict[str, Any]
    """Empty for a line that is no JSON."""

    @property
    def event(self) -> str:
        """What the line is about."""
        return str(self.values.get("event", ""))

    @property
    def run(self) -> str:
        """The run that wrote it."""
        return str(self.values.get("run", ""))


def refuse_changed(entries: Sequence[Entry]) -> None:
    """Raise JournalError for a line that somebody has changed.

    One that a crash cut off is none: the line after it, if there is one, has its hash. AWS was never asked on the
    strength of it, and what became of a change of which it would have told is looked for.
    """
    for each, after in zip_longest(entries, entries[1:]):
        is_cut_off = not each.values and (not after.fault if after else each.fault == _CUT_OFF)
        if each.fault and not is_cut_off:
            raise JournalError(
                f"line {each.number} of the journal cannot be trusted ({each.fault}): look at `keysweep log`; "
                "nothing is rotated or deleted by it."
            )


class Journal:
    """The journal in a directory that only its user can read; several runs may write at the same time."""

    def __init__(self, directory: Path) -> None:
        """In `directory`, which is made when the first line is written."""
        self.directory = directory
        self.path = directory / FILE_NAME

    def prepare(self) -> None:
        """Make sure that a line could be written. Raises JournalError where not: then nothing may be changed."""
        try:
            self._open().close()
        except OSError as error:
            raise self._unwritable(error) from error

    def append(self, event: str, run: str, **values: Any) -> str:
        """Add a line; its hash, once it is on the disk. Raises JournalError where it cannot be written."""
        from filelock import FileLock, Timeout

        try:
            self._make_directory()
            with FileLock(self.directory / f"{FILE_NAME}.lock", timeout=_LOCK_SECONDS), self._open() as stream:
                previous, torn = _last(stream)
                line = json.dumps(
                    {
                        "prev": previous,
                        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                        "event": event,
                        "run": run,
                        **values,
                    },
                    ensure_ascii=True,
                ).encode("ascii")
                # A line that a crash has cut off stays as it is, and the chain goes on over it.
                _write_whole(stream.fileno(), b"\n" + line + b"\n" if torn else line + b"\n")
        except Timeout as error:
            raise JournalError(
                f"could not write {self.path}: another run has held its lock for {_LOCK_SECONDS} seconds."
            ) from error
        except OSError as error:
            raise self._unwritable(error) from error
        return sha256(line).hexdigest()

    def read(self) -> Iterator[Entry]:
        """Every line from the first on, each with what is wrong with it; nothing where there is no journal.

        Raises JournalError where it cannot be read.
        """
        try:
            self._refuse_others()
            with open(self.path, "rb") as stream:
                yield from _entries(stream)
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(
                f"could not read {self.path} ({error.strerror}): look at its permissions."
            ) from error

    def _open(self) -> Any:
        self._make_directory()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(self.path, flags, 0o600), "r+b")

    def _make_directory(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_others()

    def _refuse_others(self) -> None:
        """Raise JournalError where somebody else could write what `undo` would then go by."""
        for place in (self.directory, self.path):
            try:
                status = os.stat(place)
            except FileNotFoundError:
                continue
            if is_of_others(status):
                raise JournalError(
                    f"{place} belongs to another user or can be written by everybody, so what was done could be "
                    f"forged: make it yours alone (chmod 700 {self.directory}), or name another directory in "
                    "KEYSWEEP_STATE."
                )

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(
            f"could not write {self.path} ({error.strerror}): nothing is changed in AWS without its journal; free "
            "some room, or name another directory in KEYSWEEP_STATE."
        )


def _write_whole(descriptor: int, content: bytes) -> None:
    """Have all of it on the disk, or nothing: half a line, of a full disk, would be one that cannot be trusted."""
    size = os.fstat(descriptor).st_size
    try:
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def directory() -> Path:
    """Where the journal and what belongs to runs is kept: `$KEYSWEEP_STATE`, or the user's directory for state.

    Raises ConfigError for a user without a home.
    """
    own = os.environ.get("KEYSWEEP_STATE")
    if own:
        return Path(own).absolute()
    from platformdirs import user_state_path

    try:
        place = user_state_path("keysweep", appauthor=False)
    except RuntimeError:
        place = Path()
    if not place.is_absolute():
        raise ConfigError("this user has no home to keep the journal in: name a directory in KEYSWEEP_STATE.")
    return place


def is_of_others(status: os.stat_result) -> bool:
    """Whether somebody else owns a file, or everybody may write it."""
    if not hasattr(os, "geteuid"):
        return False
    owners = {0, os.geteuid()}
    is_foreign = status.st_uid not in owners and os.geteuid() != 0
    return is_foreign or bool(status.st_mode & stat.S_IWOTH)


def _entries(stream: Any) -> Iterator[Entry]:
    previous = START
    for number, raw in enumerate(stream, 1):
        line = raw.removesuffix(b"\n")
        values, fault = _parsed(line)
        if not fault and values.get("prev") != previous:
            fault = "the chain is broken here: the line before was changed, or one was taken out"
        elif fault and not raw.endswith(b"\n"):
            fault = _CUT_OFF
        previous = sha256(line).hexdigest()
        yield Entry(number, previous, fault, values)


def _parsed(line: bytes) -> tuple[dict[str, Any], str]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return {}, "it is no JSON: it was cut off or changed"
    return (values, "") if isinstance(values, dict) else ({}, "it is no entry of a journal")


def _last(stream: Any) -> tuple[str, bool]:
    """The hash of the last line, and whether that line was cut off before its end."""
    size = stream.seek(0, os.SEEK_END)
    if size == 0:
        return START, False
    tail, start = b"", size
    while start > 0 and tail.rstrip(b"\n").find(b"\n") < 0:
        step = min(4096, start)
        start -= step
        stream.seek(start)
        tail = stream.read(size - start)
    last = tail.removesuffix(b"\n").rpartition(b"\n")[2]
    return sha256(last).hexdigest(), not tail.endswith(b"\n")
