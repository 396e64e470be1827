"""The baseline: findings that are known and accepted, by fingerprint, each with its reason, owner and dates.

One entry a line, sorted by fingerprint, so that two branches merge without a conflict; where both accepted the
same finding, the entry that ends first counts. It holds no secret and no line number, so it outlives edits.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from keysweep import atomic
from keysweep.detect.pragmas import day
from keysweep.errors import ConfigError, UsageError
from keysweep.frozen import frozen
from keysweep.tables import read_bytes

FILE_NAME = ".keysweep-baseline"
_MOST_BYTES = 64 << 20
_HEADER = (
    "# Findings of keysweep that are accepted, one a line: see docs/suppression.md. Made by `keysweep baseline`."
)
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_REQUIRED = ("fingerprint", "added", "owner", "reason")
_OPTIONAL = ("until", "path")


@frozen
class Entry:
    """One finding that is accepted."""

    fingerprint: str
    added: str
    """The day on which it was accepted, as `2026-11-27`."""
    owner: str
    """Who answers for it."""
    reason: str
    until: str | None = None
    """The last day on which it is accepted."""
    path: str | None = None
    """Where it stood then: for whoever reads this file, and for nothing else."""


def load(path: Path) -> dict[str, Entry]:
    """The entries of a file by their fingerprints; ConfigError with file and line where it is damaged."""
    return parse(read_bytes(path, _MOST_BYTES), str(path))


def parse(content: bytes, name: str) -> dict[str, Entry]:
    """The entries in `content`, which is called `name` in what is raised."""
    entries: dict[str, Entry] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            entry = _entry(line)
        except ValueError as error:
            raise ConfigError(f"{name}:{number} {error}.") from error
        other = entries.get(entry.fingerprint)
        if other is None or _ends(entry) < _ends(other):
            entries[entry.fingerprint] = entry
    return entries


def written(entries: Iterable[Entry]) -> str:
    """The text of a file with these entries."""
    return "\n".join([_HEADER, *(_line(each) for each in sorted(entries, key=lambda each: each.fingerprint)), ""])


def merged(old: Mapping[str, Entry], new: Iterable[Entry]) -> dict[str, Entry]:
    """The old entries as they are, and the new ones that are of something else."""
    return {each.fingerprint: each for each in new} | dict(old)


def _line(entry: Entry) -> str:
    values = {name: getattr(entry, name) for name in (*_REQUIRED, *_OPTIONAL)}
    return json.dumps({name: value for name, value in values.items() if value is not None})


def _ends(entry: Entry) -> str:
    return entry.until or "9999-99-99"


def _entry(line: bytes) -> Entry:
    """One line read; ValueError says what is wrong with it, and what to do."""
    if line.startswith((b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")):
        raise ValueError("is the mark of a merge conflict: keep the entries of both sides and delete the marks")
    try:
        values = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("is no JSON object: restore the line, or delete it") from error
    if not isinstance(values, dict):
        raise ValueError("is no JSON object: restore the line, or delete it")  # noqa: TRY004 - the caller's one kind
    for name, value in values.items():
        if name not in _REQUIRED + _OPTIONAL:
            raise ValueError(f"has {name!r:.40}, which no entry has: {', '.join(_REQUIRED + _OPTIONAL)} are known")
        if not isinstance(value, str):
            raise ValueError(f"has a `{name}` that is no string: put it in quotes")  # noqa: TRY004
    for name in _REQUIRED:
        if not values.get(name, "").strip():
            raise ValueError(f"has no `{name}`: every entry needs {', '.join(_REQUIRED)}")
    if not _FINGERPRINT.fullmatch(values["fingerprint"]):
        raise ValueError("has no fingerprint of 32 hexadecimal digits: copy it from a report")
    for name in ("added", "until"):
        if name in values and day(values[name]) is None:
            raise ValueError(f"has a `{name}` that is no date: write it as 2027-01-31")
    return Entry(**values)


def save(path: Path, entries: Iterable[Entry]) -> None:
    """Write a file with these entries, whole or not at all; it is for everyone whom the directory is for."""
    try:
        atomic.write(os.path.realpath(path), written(entries).encode())
    except OSError as error:
        raise _unwritable(path, error) from error


def check_writable(path: Path) -> None:
    """Raise UsageError where `save` would, before anybody has taken the trouble to decide something."""
    temporary = atomic.beside(os.path.realpath(path))
    try:
        with open(temporary, "xb"):
            pass
        os.unlink(temporary)
    except OSError as error:
        raise _unwritable(path, error) from error


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep others who do the same from changing the file meanwhile, where the system can; UsageError."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        directory = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with contextlib.suppress(OSError):  # a file system that cannot: then nobody is kept
            fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path} cannot be written ({error.strerror}): name another file with --output, or change permissions."
    )
