"""Runs of a sweep and their tasks, one a repository: what is to be done, what was done, and what failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from keysweep import __version__
from keysweep.frozen import frozen
from keysweep.store.rows import stored
from keysweep.store.schema import repositories, runs, tasks


class TaskState(StrEnum):
    """What became of a task; the values are stable names that queries use."""

    WAITING = "waiting"
    SWEPT = "swept"
    UNCHANGED = "unchanged"
    """Its refs name what was swept before, by the same rules."""
    INCOMPLETE = "incomplete"
    """Swept but for something that could not be read."""
    FAILED = "failed"
    QUARANTINED = "quarantined"
    """It has ended its worker as often as is allowed."""


@frozen
class Task:
    """A repository that a run has to sweep, and what is known of it."""

    repository_id: int
    identity: str
    name: str
    url: str
    holds: str
    host_kind: str
    size_bytes: int | None
    attempts: int
    """That failed in this run."""
    swept_refs: str | None
    swept_rules: str | None


def new_run(connection: Connection, target: str, settings: Mapping[str, Any], engine: str, now: datetime) -> str:
    """Begin a run; returns its name, which begins with the time."""
    name = f"{now:%Y%m%dt%H%M%Sz}-{token_hex(3)}"
    connection.execute(
        insert(runs).values(
            id=name,
            target=stored(target),
            settings=dict(settings),
            engine=engine,
            version=__version__,
            state="running",
            started=now,
            beat=now,
            listed=False,
            notes=[],
            problems=[],
        )
    )
    return name


def unfinished(connection: Connection, target: str) -> Any | None:
    """The row of the newest run of `target` if it has not ended: what `--resume` goes on with."""
    newest = select(runs).where(runs.c.target == stored(target)).order_by(runs.c.started.desc()).limit(1)
    run = connection.execute(newest).first()
    return run if run and run.ended is None else None


def go_on(connection: Connection, run: str, engine: str, now: datetime, *, again: bool) -> None:
    """Take a run up where it ended; with `again` what failed in it is tried once more."""
    connection.execute(
        update(runs).where(runs.c.id == run).values(state="running", engine=engine, beat=now, ended=None)
    )
    if again:
        failed = (TaskState.FAILED, TaskState.QUARANTINED)
        connection.execute(
            update(tasks)
            .where(tasks.c.run_id == run, tasks.c.state.in_(failed))
            .values(state=TaskState.WAITING, attempts=0, ended=None)
        )


def waiting(connection: Connection, run: str) -> list[Task]:
    """What `run` still has to sweep, the largest first: they take longest, and nothing waits in the end."""
    columns = (
        tasks.c.repository_id,
        repositories.c.identity,
        repositories.c.name,
        repositories.c.url,
        repositories.c.holds,
        repositories.c.host_kind,
        repositories.c.size_bytes,
        tasks.c.attempts,
        repositories.c.swept_refs,
        repositories.c.swept_rules,
    )
    size = func.coalesce(repositories.c.size_bytes, repositories.c.scanned_bytes)
    rows = connection.execute(
        select(*columns)
        .join(repositories, repositories.c.id == tasks.c.repository_id)
        .where(tasks.c.run_id == run, tasks.c.state == TaskState.WAITING)
        .order_by(size.desc(), tasks.c.repository_id)
    )
    return [Task(**row) for row in rows.mappings()]


def unchanged(connection: Connection, run: str, repository_ids: Sequence[int], now: datetime) -> None:
    """Record that these have nothing new."""
    _end(connection, run, repository_ids, {"state": TaskState.UNCHANGED, "ended": now})
    connection.execute(
        update(repositories)
        .where(repositories.c.id.in_(repository_ids), repositories.c.state != TaskState.SWEPT)
        .values(state=TaskState.SWEPT.value, reason="")
    )


def attempted(connection: Connection, run: str, repository_id: int, reason: str) -> None:
    """Record that an attempt failed, and that there will be another one."""
    task = (tasks.c.run_id == run, tasks.c.repository_id == repository_id)
    connection.execute(update(tasks).where(*task).values(attempts=tasks.c.attempts + 1, reason=stored(reason)))


def failed(
    connection: Connection, run: str, repository_id: int, reason: str, now: datetime, *, state: TaskState
) -> None:
    """Record that a task was given up: failed, or quarantined."""
    values = {"state": state, "reason": stored(reason), "ended": now, "attempts": tasks.c.attempts + 1}
    _end(connection, run, (repository_id,), values)
    connection.execute(
        update(repositories)
        .where(repositories.c.id == repository_id)
        .values(state=state.value, reason=stored(reason))
    )


def _end(connection: Connection, run: str, repository_ids: Sequence[int], values: Mapping[str, Any]) -> None:
    connection.execute(
        update(tasks).where(tasks.c.run_id == run, tasks.c.repository_id.in_(repository_ids)).values(values)
    )


def beat(connection: Connection, run: str, now: datetime) -> None:
    """Say that the run goes on."""
    connection.execute(update(runs).where(runs.c.id == run).values(beat=now))


def note(connection: Connection, run: str, notes: Sequence[str], problems: Sequence[str] = ()) -> None:
    """Add to what a reader of the run should know, and to what makes it incomplete; each clause once."""
    row = connection.execute(select(runs.c.notes, runs.c.problems).where(runs.c.id == run)).one()
    told = list(dict.fromkeys((*row.notes, *map(stored, notes))))
    wrong = list(dict.fromkeys((*row.problems, *map(stored, problems))))
    if (told, wrong) != (row.notes, row.problems):
        connection.execute(update(runs).where(runs.c.id == run).values(notes=told, problems=wrong))


def notes_of(connection: Connection, run: str) -> list[str]:
    """What a reader of the run should know, a clause each."""
    return list(connection.scalar(select(runs.c.notes).where(runs.c.id == run)) or ())


def problems_of(connection: Connection, run: str) -> list[str]:
    """What was not listed or not asked, a clause each."""
    return list(connection.scalar(select(runs.c.problems).where(runs.c.id == run)) or ())


@frozen
class Counts:
    """How far a run has come."""

    states: Mapping[str, int]
    """Tasks by what became of them."""
    scanned_bytes: int
    findings: int
    fresh: int
    """Leaks that were in no repository before."""

    @property
    def total(self) -> int:
        """All tasks."""
        return sum(self.states.values())

    @property
    def left(self) -> int:
        """Tasks that wait."""
        return self.states.get(TaskState.WAITING, 0)

    @property
    def unread(self) -> int:
        """Tasks that ended without all having been read."""
        bad = (TaskState.INCOMPLETE, TaskState.FAILED, TaskState.QUARANTINED)
        return sum(self.states.get(state, 0) for state in bad)


def counts(connection: Connection, run: str) -> Counts:
    """How far `run` has come."""
    columns = (func.count(), func.sum(tasks.c.scanned_bytes), func.sum(tasks.c.findings), func.sum(tasks.c.fresh))
    rows = connection.execute(select(tasks.c.state, *columns).where(tasks.c.run_id == run).group_by(tasks.c.state))
    told = list(rows)
    return Counts(
        {row[0]: row[1] for row in told},
        *(int(sum(row[number] or 0 for row in told)) for number in (2, 3, 4)),
    )


def unread(connection: Connection, run: str) -> Iterator[tuple[str, str, str]]:
    """Name, state and reason of each repository that was not read whole."""
    bad = (TaskState.INCOMPLETE, TaskState.FAILED, TaskState.QUARANTINED)
    rows = connection.execute(
        select(repositories.c.name, tasks.c.state, tasks.c.reason)
        .join(repositories, repositories.c.id == tasks.c.repository_id)
        .where(tasks.c.run_id == run, tasks.c.state.in_(bad))
        .order_by(repositories.c.name)
    )
    yield from ((row.name, row.state, row.reason) for row in rows)


def end(connection: Connection, run: str, state: str, now: datetime) -> None:
    """Say that a run is over, or `interrupted`, and then not over."""
    ended = None if state == "interrupted" else now
    connection.execute(update(runs).where(runs.c.id == run).values(state=state, beat=now, ended=ended))
