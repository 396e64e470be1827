"""All that was seen while a test ran, and the leaks in it."""

from __future__ import annotations

import ast
import os
from collections import deque
from pathlib import Path
from threading import Lock

from tests.leaks.allowed import is_left_out
from tests.leaks.known import Known
from tests.leaks.startup import leak_spool

_MOST_BYTES = 64 << 20
_MOST_SHOWN = 300
_DATABASES = (".db", ".db-wal", ".db-shm", ".db-journal")
"""Files of SQLite: whoever opens one and closes it takes away the locks that his own process has on it."""


class Net:
    """What this process and its children told since the last look.

    Threads of tests tell and gather at any time, and tests fork: so nothing here ever waits for a lock.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._told: deque[tuple[str, str, bytes]] = deque()
        self._seen: set[tuple[str, str, bytes]] = set()
        self._databases: set[str] = set()
        self._process = os.getpid()
        self._spool: Path | None = None
        self._read = 0
        self._gathering = Lock()

    def hang(self, spool: Path) -> None:
        """Read from now on what children write into a file."""
        spool.write_bytes(b"")
        self._spool, self._read = spool, 0

    def take_down(self) -> None:
        """Read the rest of it; from now on there are no more children."""
        self.gather()
        self._spool = None

    def tell(self, kind: str, where: str, content: bytes) -> None:
        """Take what was seen here, or in a process that was forked from this one and has a copy of all this."""
        if os.getpid() == self._process:
            self._told.append((kind, where, content))
        elif self._spool is not None:
            leak_spool.write(os.fspath(self._spool), kind, where, content)

    def gather(self) -> None:
        """Take what children told, and the content of files that were written, before anybody else changes these."""
        if not self._gathering.acquire(blocking=False):
            return  # somebody is at it
        try:
            self._told.extend(self._from_spool())
            while self._told:
                kind, where, content = self._told.popleft()
                if kind != "file":
                    self._seen.add((kind, where, content))
                elif where.endswith(_DATABASES):
                    self._databases.add(where)
                else:
                    self._look_into(where)
        finally:
            self._gathering.release()

    def _look_into(self, path: str) -> None:
        if os.path.isfile(path) and os.path.getsize(path) <= _MOST_BYTES:
            self._seen.add(("content", path, Path(path).read_bytes()))

    def leaks(self) -> dict[str, set[str]]:
        """By kind, a line for each leak, without the secret; what was seen is forgotten."""
        self.gather()
        while self._databases:
            self._look_into(self._databases.pop())
        seen, self._seen = self._seen, set()
        found: dict[str, set[str]] = {}
        for kind, where, content in seen:
            if not is_left_out(kind, where):
                for leak in self._known.leaked(content):
                    place = " ".join(self._known.redacted(where).split())[:_MOST_SHOWN]
                    found.setdefault(kind, set()).add(f"{kind} of {place}: {leak}")
        return found

    def _from_spool(self) -> list[tuple[str, str, bytes]]:
        if self._spool is None or self._spool.stat().st_size == self._read:
            return []
        with self._spool.open("rb") as stream:
            stream.seek(self._read)
            lines = stream.read()
        lines = lines[: lines.rfind(b"\n") + 1]  # the last one may still be in the writing
        self._read += len(lines)
        return [ast.literal_eval(line.decode()) for line in lines.splitlines()]
