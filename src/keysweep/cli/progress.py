"""How far a scan has come: one line on a terminal, which is gone again when the report is written."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TextIO

from keysweep.report.style import size
from keysweep.sources.progress import OnProgress, Progress

_FIRST_AFTER_SECONDS = 0.3
"""Before that nobody wonders."""
_BETWEEN_SECONDS = 0.1
_LEFT_AFTER_SECONDS = 2
"""What is left after less than that is a guess."""
_COLUMNS = 80
_FEWEST_COLUMNS = 10
_WIDEST_BAR = 30
_NARROWEST_BAR = 6


def progress_line() -> AbstractContextManager[OnProgress | None]:
    """A context manager that gives whom to tell of progress: a line on a terminal, or None without one."""
    return ProgressLine(sys.stderr) if sys.stderr.isatty() else nullcontext()


class TerminalLine:
    """One line on a terminal, each in the place of the one before."""

    def __init__(self, stream: TextIO) -> None:
        """Shows nothing yet."""
        self._stream = stream
        self._width = 0
        """Columns of the line that is on the screen."""

    def show(self, text: str) -> None:
        """This one from now on, as much of it as there is room for."""
        room = columns_of(self._stream) - 1
        line = text[:room]
        self._write("\r" + line.ljust(min(self._width, room)))
        self._width = len(line)

    def clear(self) -> None:
        """None any more."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # nobody looks any more, which is no reason to stop
            self._stream.write(text)
            self._stream.flush()


class ProgressLine:
    """The line while it is shown."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Shows nothing yet. `stream` is a terminal, `clock` gives seconds."""
        self._stream = stream
        self._clock = clock
        self._began = self._phase_began = clock()
        self._phase = ""
        self._drawn_at = 0.0
        self._line = TerminalLine(stream)

    def __enter__(self) -> OnProgress:
        return self._update

    def __exit__(self, *_: object) -> None:
        self._line.clear()

    def _update(self, progress: Progress) -> None:
        now = self._clock()
        turned = progress.phase != self._phase
        if turned:
            self._phase, self._phase_began = progress.phase, now
        if now - self._began < _FIRST_AFTER_SECONDS or (now - self._drawn_at < _BETWEEN_SECONDS and not turned):
            return
        self._drawn_at = now
        self._line.show(line_of(progress, now - self._phase_began, columns_of(self._stream) - 1))


def columns_of(stream: TextIO) -> int:
    """How wide a terminal is."""
    try:
        return max(_FEWEST_COLUMNS, os.get_terminal_size(stream.fileno()).columns or _COLUMNS)
    except OSError:
        return _COLUMNS


def line_of(progress: Progress, seconds: float, columns: int) -> str:
    """The line for a moment `seconds` into its phase, with as much of it as goes into `columns`."""
    facts = _facts(progress, seconds)
    share = f" {min(100, 100 * progress.done // progress.total)}%" if progress.total else ""
    head = progress.phase + share
    for least in range(len(facts) + 1):
        tail = ", ".join(fact for worth, fact in facts if worth >= least)
        room = columns - len(head) - len(tail) - bool(tail)
        if room >= 0 and tail:
            return f"{head}{_bar(progress, room)} {tail}"
    return (head + _bar(progress, columns - len(head)))[:columns]


def _facts(progress: Progress, seconds: float) -> list[tuple[int, str]]:
    """What there is to say in the order in which it stands, each with what it is worth: the least goes first."""
    facts = []
    if progress.counts_bytes:
        facts.append((2, f"{size(progress.done)} of {size(progress.total)}"))
    elif progress.total:
        facts.append((1, f"{progress.done}/{progress.total} objects"))
    if progress.bytes and not progress.counts_bytes:
        facts.append((2, size(progress.bytes)))
    if progress.bytes and seconds >= 1:
        facts.append((0, f"{size(progress.bytes / seconds)}/s"))
    if progress.done and progress.total and seconds >= _LEFT_AFTER_SECONDS:
        facts.append((3, f"{clock_time(seconds * (progress.total - progress.done) / progress.done)} left"))
    return facts


def _bar(progress: Progress, room: int) -> str:
    """A bar for `room` columns, with a blank before it; nothing where it would say nothing."""
    length = min(_WIDEST_BAR, room - len(" []"))
    if length < _NARROWEST_BAR or not progress.total:
        return ""
    full = min(length, length * progress.done // progress.total)
    return f" [{'#' * full}{'-' * (length - full)}]"


def clock_time(seconds: float) -> str:
    """Hours, minutes and seconds as a clock shows them."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
