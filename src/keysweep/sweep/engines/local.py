"""Worker processes on this machine, each alone with its work: one that dies takes nothing else with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

from keysweep.sweep.engines import Engine, EngineLostError, WorkerDiedError

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class LocalEngine(Engine):
    """A pool of processes; each is started when it is first needed, and again when it has died."""

    def __init__(self, workers: int, most_seconds: float) -> None:
        """`most_seconds` is how long one piece of work may take before its worker is ended."""
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="keysweep")
        self._slots = [_Slot(most_seconds) for _ in range(workers)]
        self._idle: SimpleQueue[_Slot] = SimpleQueue()
        for slot in self._slots:
            self._idle.put(slot)

    def submit(
        self, fn: Callable[_Parameters, _Result], /, *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> Future[_Result]:
        """Have it done; `fn` has to be importable in a worker."""
        return self._threads.submit(self._run, fn, args, kwargs)

    def _run(self, fn: Callable[..., _Result], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Result:
        slot = self._idle.get()
        try:
            return slot.run(fn, args, kwargs)  # type: ignore[no-any-return]
        finally:
            self._idle.put(slot)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers; with `cancel_futures` also those that are at work, and what they started."""
        if cancel_futures:
            for slot in self._slots:
                slot.end(forever=True)
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        for slot in self._slots:
            slot.end(forever=True)


class _Slot:
    """Room for one worker."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._process: multiprocessing.process.BaseProcess | None = None
        self._line: Connection | None = None
        self._lock = Lock()
        self._is_over = False

    def run(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        process, line = self._started()
        try:
            line.send((fn, args, kwargs))
            is_in_time = bool(wait([line, process.sentinel], self._most_seconds))
            is_done, came = line.recv() if is_in_time else (True, None)
        except (EOFError, OSError) as error:
            process.join(1)
            raise WorkerDiedError(_how(process.exitcode)) from error
        if not is_in_time:
            self.end()
            raise WorkerDiedError(f"it took longer than {self._most_seconds:.0f} seconds")
        if is_done:
            return came
        raise came  # type: ignore[misc]

    def _started(self) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        with self._lock:
            if self._is_over:
                raise EngineLostError
            if self._process is None or self._line is None or not self._process.is_alive():
                # a fresh interpreter: this one has threads, which a fork would leave in the middle of things
                context = multiprocessing.get_context("spawn")
                self._line, theirs = context.Pipe()
                self._process = context.Process(target=_work, args=(theirs,), name="keysweep worker", daemon=False)
                self._process.start()
                theirs.close()
            return self._process, self._line

    def end(self, *, forever: bool = False) -> None:
        """End the worker and all that it started."""
        with self._lock:
            self._is_over = self._is_over or forever
            if self._process is not None and self._process.pid is not None and self._process.is_alive():
                _kill(self._process.pid)
                self._process.join()
            if self._line is not None:
                self._line.close()
            self._process = self._line = None


def _kill(pid: int) -> None:
    try:
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:  # it has no group of its own yet
        os.kill(pid, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        why = " (out of memory?)" if -code == getattr(signal, "SIGKILL", 9) else ""
        return f"its worker was ended by signal {-code}{why}"
    return "its worker ended"


def _work(line: Connection) -> None:
    """Do what comes over the line, until nothing more can come."""
    if sys.platform != "win32":
        os.setpgid(0, 0)  # so that it can be ended with the git that it has started, and Ctrl-C is for the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            fn, args, kwargs = line.recv()
        except EOFError:
            return
        try:
            answer = True, fn(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is goes to whoever asked
            answer = False, error
        line.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
