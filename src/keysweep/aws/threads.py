"""Threads that nobody waits for in the end: one that hangs is left where it is, also when the program ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, Queue, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


class Job(Generic[_Task, _Result]):
    """One task in the hands of a thread."""

    def __init__(self, task: _Task) -> None:
        """A job nobody works on yet."""
        self.task = task
        self.began: float | None = None
        """When its request went out, by the monotonic clock; `mark` says so."""
        self.result: _Result | None = None
        self.error: BaseException | None = None

    def mark(self) -> None:
        """Say that from now on somebody else is waited for."""
        self.began = time.monotonic()


class Threads(Generic[_Task, _Result]):
    """Works on tasks in daemon threads, as many as there are tasks at once, within its `with`.

    `concurrent.futures` waits for its threads when the program ends, so that after Ctrl-C a server that does not
    answer decides how long that takes.
    """

    def __init__(self, work: Callable[[Job[_Task, _Result]], _Result]) -> None:
        """`work` is called in a thread; what it raises is raised again by `finished`."""
        self._work = work
        self._given: SimpleQueue[Job[_Task, _Result] | None] = SimpleQueue()
        self._done: Queue[Job[_Task, _Result]] = Queue()
        """No SimpleQueue: in some Pythons its time-out becomes endless where a signal comes at its end."""
        self._running: dict[Job[_Task, _Result], None] = {}
        self._threads = 0
        self.lost = 0
        """Threads whose task was given up and that have not come back."""

    def __enter__(self) -> Threads[_Task, _Result]:
        return self

    def __exit__(self, *_: object) -> None:
        """Let the threads end that have nothing to do; the others end when they come back, if they ever do."""
        for _each in range(self._threads):
            self._given.put(None)

    @property
    def running(self) -> int:
        """Tasks that were begun, and neither finished nor given up."""
        return len(self._running)

    def begin(self, task: _Task) -> None:
        """Give a task to a thread that has none."""
        job: Job[_Task, _Result] = Job(task)
        self._running[job] = None
        self._given.put(job)
        if self.running + self.lost > self._threads:
            Thread(target=self._serve, name=f"request-{self._threads}", daemon=True).start()
            self._threads += 1

    def finished(self, seconds: float) -> list[_Result]:
        """What has come, after `seconds` at the latest; nothing if nothing has."""
        results = []
        try:
            job = self._done.get(timeout=seconds) if seconds > 0 else self._done.get_nowait()
            while True:
                if job not in self._running:
                    self.lost -= 1
                else:
                    del self._running[job]
                    if job.error:
                        raise job.error
                    results.append(job.result)
                job = self._done.get_nowait()
        except Empty:
            return results  # type: ignore[return-value]  # a job without an error has a result

    def given_up(self, seconds: float) -> list[_Task]:
        """The tasks whose request went out longer ago than that; what comes of them is not waited for any more."""
        limit = time.monotonic() - seconds
        late = [job for job in self._running if job.began is not None and job.began < limit]
        for job in late:
            del self._running[job]
        self.lost += len(late)
        return [job.task for job in late]

    def _serve(self) -> None:
        while True:
            job = self._given.get()
            if job is None:
                return
            try:
                job.result = self._work(job)
            except BaseException as error:  # noqa: BLE001 - raised again where somebody can act on it
                job.error = error
            self._done.put(job)
