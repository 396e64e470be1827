"""The user's cache directory: files that save time, hold no secret, and may be deleted at any moment.

Whatever goes wrong here costs time and nothing else, so nothing is raised. A file is believed only if it and its
directory belong to this user and its checksum holds.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from hashlib import blake2b

_DIGEST_BYTES = 32
_MOST_BYTES = 1 << 30


def directory() -> str | None:
    """Where the files are: `$KEYSWEEP_CACHE`, or `keysweep` in the system's directory for caches.

    None for a user without a home, as many containers have. `platformdirs` then raises, or names a directory below
    the current one: that is the repository being scanned, where somebody else may have put the files.
    """
    own = os.environ.get("KEYSWEEP_CACHE")
    if own:
        return os.path.abspath(own)
    from platformdirs import user_cache_dir

    try:
        place = user_cache_dir("keysweep", appauthor=False)
    except RuntimeError:
        return None
    return place if os.path.isabs(place) else None


def read(name: str, place: str | None = None) -> bytes | None:
    """What `write` kept under `name`; None where there is nothing, or nothing to be trusted.

    Here and below `place` is another directory for it, such as the one beside a mirror.
    """
    place = place or directory()
    if place is None:
        return None
    try:
        if not _is_ours(os.stat(place)):
            return None
        descriptor = os.open(os.path.join(place, name), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not _is_ours(status) or not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
                return None
            content = stream.read()
    except OSError:
        return None
    digest, content = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return content if digest == _digest(name, content) else None


def write(name: str, content: bytes, place: str | None = None) -> bool:
    """Keep `content` under `name`, whole or not at all; False where it could not be kept."""
    place = place or directory()
    if place is None:
        return False
    temporary = None
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        if not _is_ours(os.stat(place)):
            return False
        descriptor, temporary = tempfile.mkstemp(dir=place, prefix=".new-")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(_digest(name, content) + content)
        os.replace(temporary, os.path.join(place, name))
        temporary = None
    except OSError:
        return False
    finally:  # an interrupt leaves nothing behind either
        if temporary is not None:
            _remove(temporary)
    return True


def remove(name: str, place: str | None = None) -> None:
    """Forget what is kept under `name`."""
    if (place := place or directory()) is not None:
        _remove(os.path.join(place, name))


def prune(beginnings: tuple[str, ...], most: int, place: str | None = None) -> None:
    """Remove the oldest files whose names begin so, where there are more than `most`."""
    place = place or directory()
    if place is None:
        return
    try:
        with os.scandir(place) as entries:
            files = [(each.stat().st_mtime, each.path) for each in entries if each.name.startswith(beginnings)]
    except OSError:
        return
    for _, path in sorted(files)[: max(0, len(files) - most)]:
        _remove(path)


def _digest(name: str, content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST_BYTES, person=b"keysweep cache", key=name.encode()[:64]).digest()


def _is_ours(status: os.stat_result) -> bool:
    """Whether nobody else can have written it; Windows keeps each user's directories apart itself."""
    if sys.platform == "win32":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
