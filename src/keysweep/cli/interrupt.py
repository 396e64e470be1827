"""Ctrl-C as a wish that is looked at where it can be granted, rather than an exception that comes anywhere."""

from __future__ import annotations

import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

_PATIENCE_SECONDS = 2.0
"""Whoever presses Ctrl-C again within this wants the same; who does later, no longer wants the report either."""


class CtrlC:
    """In its `with`, and afterwards if it was pressed, Ctrl-C only sets `is_pressed`.

    So an answer that has come is not lost to a second Ctrl-C while the report of it is written.
    """

    def __init__(self) -> None:
        """Changes nothing before the `with`."""
        self._pressed_at: float | None = None

    @property
    def is_pressed(self) -> bool:
        """Whether somebody wants this to end."""
        return self._pressed_at is not None

    def __enter__(self) -> CtrlC:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:  # as in the background of a script
            signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        if not self.is_pressed:
            signal.signal(signal.SIGINT, self._before or signal.SIG_DFL)

    def _press(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._pressed_at is None:
            self._pressed_at = now
        elif now - self._pressed_at > _PATIENCE_SECONDS:
            raise KeyboardInterrupt
