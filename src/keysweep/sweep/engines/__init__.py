"""Where the work of a sweep is done: on this machine, or on many. Each is an executor of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from typing import Any

from keysweep.errors import IncompleteError


class WorkerDiedError(Exception):
    """The process that did a piece of work is gone, or was ended because it took too long."""


class EngineLostError(IncompleteError):
    """Nothing more can be asked of the engine; what it was doing has to be done again."""


_LOOK_SECONDS = 0.5


def is_done(future: Future[Any], goes_on: Callable[[], bool]) -> bool:
    """Wait for a piece of work as long as `goes_on` says so; whether it is done by then, well or not."""
    while goes_on():
        if wait((future,), _LOOK_SECONDS).done:
            return goes_on()
    return False


class Engine(Executor):
    """An executor that outlives its workers: only what a worker dies of raises WorkerDiedError."""

    workers: int
    """How many pieces it does at a time, now."""
