"""Ctrl-C pressed again and again is one wish: the first ends the work, and the others must not disturb its end."""

from __future__ import annotations

import signal
import threading
from time import monotonic
from types import FrameType

_SECONDS = 2.0
"""Putting away what was found takes less; who presses again after that means it again."""


def be_patient() -> None:
    """Raise KeyboardInterrupt only for the first of several interrupts within two seconds.

    Where somebody has interrupts ignored, as for a job in the background, that stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _Once())


class _Once:
    """A handler of interrupts."""

    def __init__(self) -> None:
        self._last = -_SECONDS

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Interrupt, unless that was done just now."""
        now = monotonic()
        if now - self._last >= _SECONDS:
            self._last = now
            raise KeyboardInterrupt
