"""How fast AWS is asked: one rate for the whole run, which gives way when AWS says that it is too much."""

from __future__ import annotations

import time
from threading import Lock

_LEAST = 1.0
_RECOVERY = 1.05
"""Each request that AWS does not mind makes the rate this much higher again, up to where it began."""


class Pace:
    """Tells each request when it may go; shared between threads."""

    def __init__(self, most_per_second: float) -> None:
        """`most_per_second` requests in the long run; none at all may be waiting for the first."""
        self._most = most_per_second
        self._rate = most_per_second
        self._next = 0.0
        self._lock = Lock()

    def wait(self) -> None:
        """Return when the next request may go."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + 1 / self._rate
        if at > now:
            time.sleep(at - now)

    def throttled(self) -> None:
        """AWS asked for fewer: half of it."""
        with self._lock:
            self._rate = max(_LEAST, self._rate / 2)

    def accepted(self) -> None:
        """AWS did not mind: a little more again."""
        with self._lock:
            self._rate = min(self._most, self._rate * _RECOVERY)
