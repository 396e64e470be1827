"""A directory of our own for what is cloned or unpacked, gone again whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from types import FrameType, TracebackType

_ENDINGS = [each for name in ("SIGTERM", "SIGHUP") if (each := getattr(signal, name, None)) is not None]
"""What ends a process without a word; as long as there is something to clean up, they interrupt it instead."""
_MOST_TRIES = 20
_BETWEEN_TRIES_SECONDS = 0.1


class PrivateDirectory:
    """A context manager: a new directory that nobody else may look into, and that is removed in the end.

    Nothing can be done against SIGKILL: it leaves the directory behind, for the system to clear.
    """

    def __init__(self) -> None:
        """Makes nothing before the `with`."""
        self.path = ""
        self._handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> PrivateDirectory:
        self.path = tempfile.mkdtemp(prefix="keysweep-")
        if threading.current_thread() is threading.main_thread():
            for each in _ENDINGS:
                if signal.getsignal(each) is signal.SIG_DFL:
                    self._handlers[each] = signal.signal(each, _interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deaf = {each: signal.signal(each, signal.SIG_IGN) for each in (*self._handlers, *_interrupts())}
        try:
            self._remove()
        finally:
            for number, handler in (deaf | self._handlers).items():
                signal.signal(number, handler)  # type: ignore[arg-type]

    def _remove(self) -> None:
        """Remove it all; what a git that was interrupted still writes is waited for."""
        for _ in range(_MOST_TRIES):
            shutil.rmtree(self.path, ignore_errors=True)
            if not os.path.lexists(self.path):
                return
            time.sleep(_BETWEEN_TRIES_SECONDS)

    @property
    def is_left(self) -> bool:
        """Whether it could not be removed."""
        return os.path.lexists(self.path)


def _interrupts() -> tuple[signal.Signals, ...]:
    return (signal.SIGINT,) if threading.current_thread() is threading.main_thread() else ()


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
