"""Ctrl-C: pressed again and again it is one wish, and where AWS is asked it is granted where nothing gets lost."""

from __future__ import annotations

import signal
import threading
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_PATIENCE_SECONDS = 2.0
"""Whoever presses Ctrl-C again within this wants the same; who does later, no longer wants the report either."""


def be_patient(*others: signal.Signals) -> None:
    """From now on raise KeyboardInterrupt only for the first of several presses that follow one another closely.

    Putting away what was found must not be interrupted by the same wish. Where somebody has interrupts ignored, as
    for a job in the background, that stays so. `others` are signals that mean the same.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    once = _Once()
    for number in (signal.SIGINT, *others):
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, once)


class _Once:
    """A handler of interrupts."""

    def __init__(self) -> None:
        self._last = -_PATIENCE_SECONDS

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Interrupt, unless that was done just now."""
        now = monotonic()
        if now - self._last >= _PATIENCE_SECONDS:
            self._last = now
            raise KeyboardInterrupt


ENDINGS = tuple(each for name in ("SIGTERM", "SIGHUP") if (each := getattr(signal, name, None)) is not None)
"""How a system that shuts down, and a terminal that closes, end a program."""


class CtrlC:
    """A wish that is looked at where it can be granted, rather than an exception that comes anywhere.

    In its `with`, and afterwards if it was pressed, Ctrl-C only sets `is_pressed`.

    So an answer that has come is not lost to a second Ctrl-C while the report of it is written.
    """

    def __init__(self, *others: signal.Signals) -> None:
        """Changes nothing before the `with`; `others` are signals that mean the same."""
        self._pressed_at: float | None = None
        self._before: dict[signal.Signals, Any] = dict.fromkeys((signal.SIGINT, *others))

    @property
    def is_pressed(self) -> bool:
        """Whether somebody wants this to end."""
        return self._pressed_at is not None

    def __enter__(self) -> CtrlC:
        self._is_heard = threading.current_thread() is threading.main_thread()
        for number in self._before if self._is_heard else ():  # in another thread somebody else is asked to end
            self._before[number] = signal.getsignal(number)
            if self._before[number] is not signal.SIG_IGN:  # as in the background of a script
                signal.signal(number, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_heard and not self.is_pressed:
            for number, before in self._before.items():
                signal.signal(number, before or signal.SIG_DFL)

    def _press(self, _number: int, _frame: FrameType | None) -> None:
        now = monotonic()
        if self._pressed_at is None:
            self._pressed_at = now
        elif now - self._pressed_at > _PATIENCE_SECONDS:
            raise KeyboardInterrupt
