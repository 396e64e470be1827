"""A profile in the credentials file of AWS, which is replaced whole or not at all and is its owner's alone.

What it held is kept in the same file, as profile `NAME-kept-KEYID`: for `undo`, until the old key is deleted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time

from keysweep.aws.sinks import sections
from keysweep.aws.sinks.interface import ABSENT, KEY_ID, NO_KEY, STAND_IN, Held, Pair
from keysweep.errors import SinkError

_MOST_BYTES = 1 << 20
_STALE_SECONDS = 60
_MOUNTS = "/proc/self/mountinfo"
_ESCAPE = re.compile(rb"\\([0-7]{3})")


def credentials_file() -> str:
    """The file that AWS's own tools would read."""
    named = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    return os.path.abspath(os.path.expanduser(os.path.expandvars(named)))


class CredentialsProfile:
    """One profile."""

    def __init__(self, name: str, path: str) -> None:
        """The one that is called `name`, in the file at `path`."""
        self._name = name
        self._path = path

    def held(self) -> Held:
        """Which key the profile holds."""
        self._sweep(_STALE_SECONDS)
        pair = sections.pair_in(self._read()[0], self._name)
        if pair is None:
            return Held(ABSENT)
        if any(pair) and not KEY_ID.fullmatch(pair[0]):
            raise SinkError(
                f"could not use profile {self._name} of {self._path}: it holds something that is no key of a user "
                "of AWS, and that is not overwritten; name another one."
            )
        return Held(pair[0] or NO_KEY)

    def rehearse(self) -> None:
        """See that the file would take the pair, and its directory a file."""
        self._with(self._read()[0], STAND_IN)
        directory = os.path.dirname(self._path)
        while not os.path.lexists(directory):
            directory = os.path.dirname(directory)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise SinkError(f"could not use {self._path}: nothing can be written in {directory}; change that.")
        if _is_mounted(self._path):
            raise SinkError(
                f"could not use {self._path}: it is mounted by itself, as into a container, so that it cannot be "
                "replaced; mount its directory, or run this where the file is."
            )

    def put(self, pair: Pair) -> str | None:
        """Put the pair there, and keep the one that was there."""
        content, seen = self._read()
        self._write(self._with(content, pair), seen)
        return None

    def _with(self, content: bytes, pair: Pair) -> bytes:
        before = sections.pair_in(content, self._name)
        after = sections.with_pair(content, self._name, pair.key_id, pair.secret.reveal().encode())
        if before and KEY_ID.fullmatch(before[0]):
            after = sections.with_pair(after, self._kept(before[0]), *before)
        return after

    def put_back(self, before: Held, left: str) -> str | None:  # noqa: ARG002 - the caller has looked
        """Put the kept pair there again, or take out what was not there."""
        content, seen = self._read()
        if before.key_id in (ABSENT, NO_KEY):
            self._write(sections.without_pair(content, self._name), seen)
            return None
        kept = self._kept(before.key_id)
        pair = sections.pair_in(content, kept)
        if not pair or pair[0] != before.key_id:
            raise SinkError(f"could not put {before.key_id} back: {self._path} has no profile {kept} any more.")
        self._write(sections.without_pair(sections.with_pair(content, self._name, *pair), kept), seen)
        return None

    def forget(self, key_id: str) -> bool:
        """Take out the profile in which the old pair was kept."""
        content, seen = self._read()
        after = sections.without_pair(content, self._kept(key_id))
        if after == content:
            return False
        self._write(after, seen)
        return True

    def keeps(self, key_id: str) -> bool:
        """Whether the pair of an old key is kept."""
        return sections.pair_in(self._read()[0], self._kept(key_id)) is not None

    def _kept(self, key_id: str) -> str:
        return f"{self._name}-kept-{key_id}"

    def _read(self) -> tuple[bytes, tuple[int, ...] | None]:
        """The file, and what would tell that somebody else wrote it meanwhile. None where there is none."""
        try:
            descriptor = os.open(
                self._path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            )
        except FileNotFoundError:
            return b"", None
        except OSError as error:
            link = " or is a link, which is not followed" if os.path.islink(self._path) else ""
            raise SinkError(f"could not use {self._path}: it cannot be read ({error.strerror}){link}.") from error
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
                raise SinkError(f"could not use {self._path}: it is no file that AWS's tools would have written.")
            if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
                raise SinkError(f"could not use {self._path}: it belongs to another user; run this as that one.")
            return stream.read(), _seen(status)

    def _write(self, content: bytes, seen: tuple[int, ...] | None) -> None:
        """Replace the file in one step, unless somebody else has written it since it was read."""
        temporary = self._temporary
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            self._sweep(0)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            try:
                with os.fdopen(os.open(temporary, flags, 0o600), "wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                self._refuse_changed(seen)
                os.replace(temporary, self._path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            _sync(os.path.dirname(self._path))
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            do = "free some room" if is_full else "see that its directory can be written and the file replaced"
            raise SinkError(f"could not write {self._path} ({error.strerror}): {do}.") from error

    def _refuse_changed(self, seen: tuple[int, ...] | None) -> None:
        if _seen_at(self._path) != seen:
            raise SinkError(f"could not write {self._path}: somebody else has changed it; run this again.")

    @property
    def _temporary(self) -> str:
        """One name, so that what a crash has left is found and removed."""
        return f"{self._path}.keysweep-new"

    def _sweep(self, older_than_seconds: float) -> None:
        with contextlib.suppress(OSError):
            if time.time() - os.lstat(self._temporary).st_mtime >= older_than_seconds:
                os.unlink(self._temporary)


def _is_mounted(path: str) -> bool:
    """Whether something is mounted at `path` itself: nothing can take its place then (proc_pid_mountinfo(5))."""
    with contextlib.suppress(OSError), open(_MOUNTS, "rb") as stream:
        wanted = os.fsencode(os.path.realpath(path))
        return any(_unescaped(line.split(b" ")[4]) == wanted for line in stream if line.count(b" ") > 4)
    return False


def _unescaped(name: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 8) & 255]), name)


def _seen(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _seen_at(path: str) -> tuple[int, ...] | None:
    try:
        return _seen(os.lstat(path))
    except FileNotFoundError:
        return None


def _sync(directory: str) -> None:
    """Have the new name on the disk: the secret is handed over once."""
    if not hasattr(os, "O_DIRECTORY"):  # where directories cannot be opened
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
