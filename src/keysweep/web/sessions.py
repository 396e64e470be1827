"""Who is signed in: by a token that works once, or by a password; and which requests are theirs."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable
from hmac import compare_digest
from secrets import token_bytes, token_urlsafe
from time import monotonic

from keysweep.frozen import frozen

_LONGEST_SECONDS = 12 * 3600
_IDLE_SECONDS = 2 * 3600
_MOST_SESSIONS = 500
_SCRYPT = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 1 << 26}
_TRIES = 5
_TRIES_OF_ALL = 50
_TRIES_SECONDS = 60.0
Clock = Callable[[], float]


@frozen
class Session:
    """Somebody who is signed in."""

    name: str
    form_token: str
    """Every form of theirs has it, and nobody else's can."""
    began: float


class Sessions:
    """All who are signed in. It is one program's memory: whoever ends it signs everybody out."""

    def __init__(self, clock: Clock = monotonic) -> None:
        """Nobody is signed in."""
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[bytes, Session] = {}
        self._used: dict[bytes, float] = {}

    def begin(self, name: str) -> str:
        """Sign somebody in; returns what their cookie says."""
        cookie = token_urlsafe(32)
        now = self._clock()
        with self._lock:
            self._forget(now)
            while len(self._sessions) >= _MOST_SESSIONS:
                self._drop(min(self._used, key=self._used.__getitem__))
            self._sessions[_digest(cookie)] = Session(name, token_urlsafe(32), now)
            self._used[_digest(cookie)] = now
        return cookie

    def of(self, cookie: str) -> Session | None:
        """Whose cookie that is; None for nobody's, and for one that was not used for long."""
        now = self._clock()
        with self._lock:
            self._forget(now)
            session = self._sessions.get(_digest(cookie))
            if session:
                self._used[_digest(cookie)] = now
            return session

    def end(self, cookie: str) -> None:
        """Sign somebody out."""
        with self._lock:
            self._drop(_digest(cookie))

    def _drop(self, digest: bytes) -> None:
        self._sessions.pop(digest, None)
        self._used.pop(digest, None)

    def _forget(self, now: float) -> None:
        over = [
            digest
            for digest, session in self._sessions.items()
            if now - session.began > _LONGEST_SECONDS or now - self._used[digest] > _IDLE_SECONDS
        ]
        for each in over:
            self._drop(each)


def _digest(cookie: str) -> bytes:
    """What is kept in place of a cookie: how long a lookup takes then tells nothing of it."""
    return hashlib.sha256(cookie.encode("utf-8", "surrogateescape")).digest()


class OneTimeToken:
    """A token that signs in once."""

    def __init__(self) -> None:
        """Make one; `text` is what is printed."""
        self.text = token_urlsafe(32)
        self._lock = threading.Lock()
        self._is_used = False

    def take(self, given: str) -> bool:
        """Whether it is the token, and for the first time."""
        is_right = compare_digest(_digest(given), _digest(self.text))
        with self._lock:
            is_first, self._is_used = not self._is_used, self._is_used or is_right
        return is_right and is_first


class Password:
    """One password for all who may see the dashboard, kept as a hash that is slow to try."""

    def __init__(self, password: str, clock: Clock = monotonic) -> None:
        """Keep nothing of it but its hash."""
        self._clock = clock
        self._salt = token_bytes(16)
        self._hash = self._scrypt(password)
        self._one_at_a_time = threading.Lock()
        self._lock = threading.Lock()
        self._failed: dict[str, deque[float]] = {}
        self._all: deque[float] = deque()

    def is_it(self, given: str) -> bool:
        """Whether that is the password; in the same time for every answer, and one after the other."""
        with self._one_at_a_time:
            return compare_digest(self._scrypt(given), self._hash)

    def may_try(self, who: str) -> bool:
        """Whether that address, and all together, have not failed too often; counts a try until `forgive`."""
        now = self._clock()
        with self._lock:
            for address in [each for each, times in self._failed.items() if _old(times, now)]:
                del self._failed[address]
            _old(self._all, now)
            mine = self._failed.setdefault(who, deque())
            if len(mine) >= _TRIES or len(self._all) >= _TRIES_OF_ALL:
                return False
            mine.append(now)
            self._all.append(now)
            return True

    def forgive(self, who: str) -> None:
        """Somebody there knew it: their tries do not count."""
        with self._lock:
            self._failed.pop(who, None)

    def _scrypt(self, password: str) -> bytes:
        content = password.encode("utf-8", "surrogateescape")
        return hashlib.scrypt(content, salt=self._salt, dklen=32, **_SCRYPT)


def _old(times: deque[float], now: float) -> bool:
    """Forget what was long ago; whether nothing is left."""
    while times and now - times[0] > _TRIES_SECONDS:
        times.popleft()
    return not times
