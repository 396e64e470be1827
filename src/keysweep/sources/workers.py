"""Work dealt to processes: results come back as they are done, and a worker that dies costs one piece of work."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain
from threading import Thread, current_thread, main_thread
from typing import Generic, TypeVar

from keysweep.sources.engine import prepare

_WAITING_PER_WORKER = 8
"""Pieces dealt ahead, so that no worker waits while this process makes the next ones."""

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")


class Crew(Generic[_Piece, _Result]):
    """Processes that do pieces of work; use `run`."""

    def __init__(
        self,
        workers: int,
        do: Callable[[_Piece], _Result],
        on_result: Callable[[_Result], None],
        halve: Callable[[_Piece], Sequence[_Piece]],
        on_death: Callable[[_Piece], None],
    ) -> None:
        """`do` runs in a worker and has to be importable there; all else runs here.

        `halve` splits the piece that killed its worker into smaller ones, or returns nothing where it cannot be
        split; then `on_death` is told.
        """
        self._workers = workers
        self._do = do
        self._on_result = on_result
        self._halve = halve
        self._on_death = on_death

    def run(self, pieces: Iterable[_Piece]) -> None:
        """Do all pieces, in about the given order.

        A worker that dies takes its pool with it, so the rest goes to a new one. Pieces are dealt in order and few
        at a time, so the one that killed its worker is among the first undone.
        """
        left = iter(pieces)
        in_hand = 2 * self._workers + 1
        while undone := self._run_pool(left, self._workers):
            for piece in undone[:in_hand]:
                self._run_apart(piece)
            left = chain(undone[in_hand:], left)

    def _run_apart(self, piece: _Piece) -> None:
        """Do a piece in a worker of its own, halved until the part that kills it stands alone and is reported."""
        if not self._run_pool(iter([piece]), 1):
            return
        parts = self._halve(piece)
        if not parts:
            self._on_death(piece)
        for part in parts:
            self._run_apart(part)

    def _run_pool(self, pieces: Iterator[_Piece], workers: int) -> list[_Piece]:
        """Take pieces until there are no more or a worker dies; returns those that were then left undone."""
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker)
        try:
            return self._deal(pieces, pool, workers * _WAITING_PER_WORKER)
        except KeyboardInterrupt:
            with _undisturbed():
                for child in multiprocessing.active_children():
                    child.terminate()
                pool.shutdown(cancel_futures=True)
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _deal(self, pieces: Iterator[_Piece], pool: ProcessPoolExecutor, most_waiting: int) -> list[_Piece]:
        pending: dict[Future[_Result], _Piece] = {}
        for piece in pieces:
            try:
                pending[pool.submit(self._do, piece)] = piece
            except BrokenProcessPool:
                return [*pending.values(), piece]
            if len(pending) >= most_waiting and not self._collect(pending):
                return list(pending.values())
        while pending:
            if not self._collect(pending):
                break
        return list(pending.values())

    def _collect(self, pending: dict[Future[_Result], _Piece]) -> bool:
        """Take what has come back out of `pending`; False where a worker died, whose piece stays there."""
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                self._on_result(future.result())
            except BrokenProcessPool:
                continue
            del pending[future]
        return pending.keys().isdisjoint(done)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """While workers are ended, which takes a moment, a second Ctrl-C would only lose what they found."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin_worker() -> None:
    """Ctrl-C reaches the whole group and the parent alone decides what it means; without it no worker stays."""
    prepare()
    gc.freeze()  # what was imported is never garbage, so no collection need look at it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whatever the parent makes of it, here it ends a worker
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
