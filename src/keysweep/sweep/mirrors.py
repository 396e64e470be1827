"""Mirrors of repositories on this machine: made, brought up to date, and given up when they take too much room.

Each has a directory of its own: the mirror, what scans noted about it, and how large both are. What is lost with
a mirror is time: the store knows what was swept, so it is needed again only when something has changed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b

from filelock import FileLock, Timeout

from keysweep.errors import GitError, IncompleteError
from keysweep.frozen import frozen
from keysweep.sources.history.opening.addresses import Address
from keysweep.sources.history.opening.clone import clone, offered, update
from keysweep.sources.history.opening.elsewhere import Elsewhere
from keysweep.sources.history.opening.remote import Access, NoRoomError
from keysweep.sources.progress import OnProgress

_MIRROR, _COMING, _NOTES, _SIZE, _LOCK = "mirror.git", "coming", "notes", "size", "lock"
_MOST_PACKS = 50
"""Each update may add one, and git is not let near a mirror to join them: a new clone is one pack."""


@frozen
class Mirrors:
    """Where mirrors are, and how much room they may take."""

    directory: str
    budget_bytes: int


@frozen
class Mirror:
    """A mirror while nobody else touches it."""

    path: str
    notes: str
    """The directory for what scans note about it."""


@contextmanager
def mirrored(
    mirrors: Mirrors,
    identity: str,
    address: Address,
    access: Access,
    on_progress: OnProgress | None = None,
) -> Iterator[Mirror]:
    """The mirror of a repository as its server has it now, held until the `with` ends.

    Raises UsageError where there is no such repository for this user, GitError where it cannot be had for now, and
    IncompleteError where there is no room for it.
    """
    place = place_of(mirrors, identity)
    with held(place):
        path = os.path.join(place, _MIRROR)
        try:
            _bring(place, path, address, access, on_progress)
        except NoRoomError:
            make_room(mirrors, least_bytes=mirrors.budget_bytes)
            _bring(place, path, address, access, on_progress)
        try:
            yield Mirror(path, os.path.join(place, _NOTES))
        finally:
            _measure(place)


@contextmanager
def held(place: str) -> Iterator[None]:
    """The directory of a mirror, made if need be, while no other process uses or removes it."""
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        lock = FileLock(os.path.join(place, _LOCK))
        lock.acquire()
    except OSError as error:
        raise IncompleteError(
            f"mirrors cannot be kept in {os.path.dirname(place)} ({error.strerror}): name another with --mirrors."
        ) from error
    try:
        yield
    finally:
        lock.release()


def place_of(mirrors: Mirrors, identity: str) -> str:
    """The directory of one repository: a name that says nothing, because what hosts say is anything."""
    name = blake2b(
        identity.encode("utf-8", "surrogateescape"), digest_size=16, person=b"keysweep mirror"
    ).hexdigest()
    return os.path.join(mirrors.directory, name)


def _bring(place: str, path: str, address: Address, access: Access, on_progress: OnProgress | None) -> None:
    if os.path.isdir(path):
        if _is_tidy(path) and _updated(place, path, address, access, on_progress):
            return
        shutil.rmtree(path, ignore_errors=True)
    coming = os.path.join(place, _COMING)
    shutil.rmtree(coming, ignore_errors=True)
    os.mkdir(coming, 0o700)
    try:
        with Elsewhere():
            made = clone(address, coming, on_progress, access)
        os.rename(made, path)
    finally:
        shutil.rmtree(coming, ignore_errors=True)


def _updated(place: str, path: str, address: Address, access: Access, on_progress: OnProgress | None) -> bool:
    """Whether the mirror could be brought up to date; GitError and UsageError where it is not for the mirror."""
    try:
        with Elsewhere(path):
            update(address, path, on_progress, access)
    except GitError:
        with Elsewhere():
            offered(address, place, access)  # which raises where it is the server that does not answer
        return False
    return True


def _is_tidy(path: str) -> bool:
    try:
        with os.scandir(os.path.join(path, "objects", "pack")) as entries:
            return sum(entry.name.endswith(".pack") for entry in entries) <= _MOST_PACKS
    except OSError:
        return False


def _measure(place: str) -> None:
    """Note how much room a mirror takes; the age of that note says when it was last used."""
    size = 0
    for directory, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(directory, name)).st_size
    with suppress(OSError), open(os.path.join(place, _SIZE), "w", encoding="ascii") as stream:
        stream.write(str(size))


def make_room(mirrors: Mirrors, *, least_bytes: int = 0) -> int:
    """Remove mirrors that nobody holds, those unused for longest first, until the rest fits the budget.

    At least as much as `least_bytes` is freed where there is as much. Returns how many bytes that were.
    """
    known = sorted(_sizes(mirrors))
    over = max(sum(size for _, size, _ in known) - mirrors.budget_bytes, least_bytes)
    freed = 0
    for _, size, place in known:
        if freed >= over:
            break
        lock = FileLock(os.path.join(place, _LOCK), blocking=False)
        try:
            lock.acquire()
        except (Timeout, OSError):
            continue
        try:
            for name in (_MIRROR, _COMING, _NOTES):
                shutil.rmtree(os.path.join(place, name), ignore_errors=True)
            with suppress(OSError):
                os.unlink(os.path.join(place, _SIZE))
        finally:
            lock.release()
        freed += size
    return freed


def _sizes(mirrors: Mirrors) -> Iterator[tuple[float, int, str]]:
    """When each mirror was used, how large it is, and where."""
    try:
        entries = list(os.scandir(mirrors.directory))
    except OSError:
        return
    for entry in entries:
        note = os.path.join(entry.path, _SIZE)
        with suppress(OSError, ValueError), open(note, encoding="ascii") as stream:
            yield os.fstat(stream.fileno()).st_mtime, int(stream.read() or 0), entry.path
