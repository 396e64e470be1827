"""The engine of this machine: work in processes apart, whatever becomes of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

import pytest

from keysweep.sweep.engines import EngineLostError, WorkerDiedError
from keysweep.sweep.engines.local import LocalEngine


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    """Two workers, each with little time."""
    made = LocalEngine(2, 30)
    yield made
    made.shutdown()


def test_what_is_wanted_is_done_in_another_process(engine: LocalEngine) -> None:
    assert engine.submit(os.getpid).result() != os.getpid()
    assert engine.submit(pow, 2, 10).result() == 1024


def test_a_worker_goes_on_with_the_next_piece(engine: LocalEngine) -> None:
    processes = {engine.submit(os.getpid).result() for _ in range(10)}
    assert len(processes) <= 2


def test_what_fails_there_fails_here(engine: LocalEngine) -> None:
    with pytest.raises(ZeroDivisionError):
        engine.submit(divmod, 1, 0).result()
    assert engine.submit(pow, 2, 2).result() == 4


def test_a_worker_that_dies_takes_only_its_own_piece_with_it(engine: LocalEngine) -> None:
    slow = engine.submit(time.sleep, 0.5)
    dying = [engine.submit(os._exit, 7), engine.submit(os.abort)]
    for future in dying:
        with pytest.raises(WorkerDiedError):
            future.result()
    assert slow.result() is None
    assert engine.submit(pow, 3, 2).result() == 9


def test_what_is_printed_there_disturbs_nothing(engine: LocalEngine, capfd: pytest.CaptureFixture[str]) -> None:
    assert engine.submit(print, "a line").result() is None
    assert engine.submit(os.system, "echo another").result() == 0
    assert "a line" not in capfd.readouterr().out


def test_more_is_taken_than_there_are_workers(engine: LocalEngine) -> None:
    futures = [engine.submit(pow, number, 2) for number in range(50)]
    wait(futures)
    assert [future.result() for future in futures] == [number**2 for number in range(50)]


def test_a_piece_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    engine = LocalEngine(1, 0.5)
    mark = tmp_path / "mark"
    future = engine.submit(os.system, f"sleep 3; touch {mark}")
    with pytest.raises(WorkerDiedError, match="it took longer than"):
        future.result()
    engine.shutdown()
    time.sleep(3.5)
    assert not mark.exists()


def test_what_is_under_way_can_be_given_up_at_once() -> None:
    engine = LocalEngine(1, 600)
    running, waiting = engine.submit(time.sleep, 600), engine.submit(time.sleep, 600)
    time.sleep(0.3)
    engine.shutdown(cancel_futures=True)
    assert isinstance(running.exception(), (WorkerDiedError, EngineLostError))
    assert waiting.cancelled() or isinstance(waiting.exception(), EngineLostError)
