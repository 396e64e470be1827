"""Runs of sweeps, and how far one of them has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, select
from sqlalchemy.engine import Row

from keysweep.frozen import frozen
from keysweep.store.rows import stored
from keysweep.store.runs import Counts, TaskState, counts
from keysweep.store.schema import repositories, runs, tasks

_MOST_RUNS = 100
_MOST_FAILURES = 100
_GUESSED_AFTER = 3
"""What is left is a guess from what is done, so something has to be."""
_SILENT = timedelta(minutes=5)
"""A run that has not said for so long that it goes on has probably ended without a word."""
_BAD = (TaskState.INCOMPLETE, TaskState.FAILED, TaskState.QUARANTINED)


def newest_runs(connection: Connection) -> list[Row[Any]]:
    """The newest of them."""
    return list(connection.execute(select(runs).order_by(runs.c.started.desc()).limit(_MOST_RUNS)))


def run(connection: Connection, name: str) -> Row[Any] | None:
    """One of them."""
    return connection.execute(select(runs).where(runs.c.id == stored(name))).first()


@frozen
class Progress:
    """How far a run has come."""

    counts: Counts
    seconds: float
    """Since it started."""
    bytes_per_second: int | None
    seconds_left: int | None
    """A guess; None where there is nothing to guess from."""
    is_silent: bool
    """Whether it says that it runs, and has not said so for a while."""


def progress(connection: Connection, row: Row[Any], now: datetime) -> Progress:
    """How far it has come, by the tasks it has done and by how long it has taken."""
    told = counts(connection, row.id)
    is_silent = row.state == "running" and now - row.beat > _SILENT
    is_running = row.state == "running" and not is_silent
    seconds = max(0.0, ((now if is_running else row.ended or row.beat) - row.started).total_seconds())
    done = told.total - told.left
    left = seconds * told.left / done if is_running and done >= _GUESSED_AFTER else None
    return Progress(
        told,
        seconds,
        round(told.scanned_bytes / seconds) if seconds > 1 and told.scanned_bytes else None,
        None if left is None else round(left),
        is_silent,
    )


def failures(connection: Connection, name: str) -> list[Row[Any]]:
    """The tasks of a run that did not read all, the failed ones first, with their reasons."""
    worst = case({"quarantined": 0, "failed": 1}, value=tasks.c.state, else_=2)
    columns = (tasks.c.state, tasks.c.reason, tasks.c.attempts, repositories.c.id, repositories.c.name)
    told = (
        select(*columns)
        .join(repositories, repositories.c.id == tasks.c.repository_id)
        .where(tasks.c.run_id == name, tasks.c.state.in_(_BAD))
    )
    return list(connection.execute(told.order_by(worst, repositories.c.name).limit(_MOST_FAILURES)))
