"""Worker processes on this machine, each alone with its work: one that dies takes nothing else with it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from keysweep.sweep.engines import Engine
from keysweep.sweep.engines.apart import Apart

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class LocalEngine(Engine):
    """As many processes as there are workers."""

    def __init__(self, workers: int, most_seconds: float) -> None:
        """`most_seconds` is how long one piece of work may take before its worker is ended."""
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="keysweep")
        self._all = [Apart(most_seconds) for _ in range(workers)]
        self._idle: SimpleQueue[Apart] = SimpleQueue()
        for each in self._all:
            self._idle.put(each)

    def submit(
        self, fn: Callable[_Parameters, _Result], /, *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> Future[_Result]:
        """Have it done; `fn` has to be importable in a worker."""
        return self._threads.submit(self._run, fn, args, kwargs)

    def _run(self, fn: Callable[..., _Result], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Result:
        worker = self._idle.get()
        try:
            result: _Result = worker.run(fn, args, kwargs)
        finally:
            self._idle.put(worker)
        return result

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers; with `cancel_futures` also those that are at work, and what they have started."""
        if cancel_futures:
            for each in self._all:
                each.end(forever=True)
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        for each in self._all:
            each.close()
