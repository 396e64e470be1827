"""Where the work of a sweep is done: on this machine, or on many. Each is an executor of `concurrent.futures`."""

from __future__ import annotations

from concurrent.futures import Executor

from keysweep.errors import IncompleteError


class WorkerDiedError(Exception):
    """The process that did a piece of work is gone, or was ended because it took too long."""


class EngineLostError(IncompleteError):
    """Nothing more can be asked of the engine; what it was doing has to be done again."""


class Engine(Executor):
    """An executor that outlives its workers: only what a worker dies of raises WorkerDiedError."""

    workers: int
    """How many pieces it does at a time, now."""
