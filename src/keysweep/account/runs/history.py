"""The summaries of earlier runs on disk: one file each, whole or not at all, for this user alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import stat
from pathlib import Path

from keysweep import atomic
from keysweep.account.judging.words import some
from keysweep.account.runs.course import Run, document, run_of
from keysweep.aws.containment.journal import is_of_others
from keysweep.frozen import frozen

MOST_RUNS = 400
"""Older ones are taken out: a run a day for a year, and some."""
MOST_BYTES = 8_000_000
"""Of one file, which is an organisation with more than 200 000 lapses."""
_ROOM_BYTES = 64_000_000
"""For all of them."""
_NAME = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}\.json")
_LEFT = re.compile(rf"{_NAME.pattern}\.\d+\.new")
"""What a run leaves that was killed while it wrote."""


@frozen
class History:
    """What earlier runs left."""

    runs: tuple[Run, ...]
    """The oldest first."""
    notes: tuple[str, ...]
    """What was passed over, and why; a clause each."""


def history(place: Path) -> History:
    """Every run that can be read; what cannot is told and passed over."""
    try:
        refused = _refused(place)
        names = [] if refused else sorted(os.listdir(place))
    except FileNotFoundError:
        return History((), ())
    except OSError as error:
        return History((), (f"{place} could not be read ({error.strerror}): no earlier run is known",))
    if refused:
        return History((), (refused,))
    runs, odd = [], []
    for name in names:
        if _LEFT.fullmatch(name):
            continue
        if not _NAME.fullmatch(name):
            odd.append(name)
            continue
        try:
            runs.append(_read(place / name))
        except (OSError, ValueError, RecursionError):
            odd.append(name)
    notes = (f"{some(odd)} in {place} cannot be read as earlier runs and were passed over",) if odd else ()
    return History(tuple(sorted(runs, key=lambda it: it.taken)), notes)


def keep(run: Run, place: Path) -> str:
    """Write it down, and take out what is too old; returns why that was not possible, a clause, or nothing."""
    content = json.dumps(document(run), separators=(",", ":")).encode()
    if len(content) > MOST_BYTES:
        return f"its summary has {len(content)} bytes, and {MOST_BYTES} are the most that is kept"
    name = f"{run.taken:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}.json"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if refused := _refused(place):
            return refused
        atomic.write(os.fspath(place / name), content, 0o600)
        _make_room(place)
    except OSError as error:
        return f"{place} could not be written ({error.strerror})"
    return ""


def _refused(place: Path) -> str:
    """Why nothing in a directory is to be believed; empty where nothing speaks against it."""
    if is_of_others(os.stat(place)):
        return f"{place} belongs to another user or can be written by everybody: no run in it is believed"
    return ""


def _read(path: Path) -> Run:
    """One run; OSError or ValueError for what is none. Nothing but a file is opened."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is no file")
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError("it is too large")
    return run_of(json.loads(content))


def _make_room(place: Path) -> None:
    """Take out the oldest runs beyond the bounds; another keysweep may do so at the same time."""
    room = _ROOM_BYTES
    names = sorted(filter(_NAME.fullmatch, os.listdir(place)), reverse=True)
    for number, name in enumerate(names):
        with contextlib.suppress(FileNotFoundError):
            room -= (place / name).lstat().st_size
            if number >= MOST_RUNS or room < 0:
                (place / name).unlink()
