"""Repositories as an inventory lists them, recorded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from keysweep.repositories import Listed
from keysweep.store.rows import batches, named, put, stored, stored_or_none
from keysweep.store.schema import repositories, runs, tasks


def add_to_run(
    connection: Connection, run: str, listed: Iterable[Listed], now: datetime, host_kind: str = ""
) -> None:
    """Record repositories of one kind of host, and that `run` has to sweep them; what was known of them stays."""
    by_identity = {named(each.identity): each for each in listed}
    rows = [_row(identity, each, host_kind, now) for identity, each in by_identity.items()]
    put(connection, repositories, rows, ("identity",), keep=_FIRST)
    for batch in batches(by_identity):
        there = select(tasks.c.repository_id).where(tasks.c.run_id == run)
        wanted = select(repositories.c.id).where(
            repositories.c.identity.in_(batch), repositories.c.id.not_in(there)
        )
        waiting = [_waiting(run, repository_id) for repository_id in connection.scalars(wanted)]
        if waiting:
            connection.execute(insert(tasks), waiting)


def _waiting(run: str, repository_id: int) -> dict[str, Any]:
    return {
        "run_id": run,
        "repository_id": repository_id,
        "state": "waiting",
        "attempts": 0,
        "reason": "",
        "seconds": 0,
        "scanned_bytes": 0,
        "findings": 0,
        "fresh": 0,
    }


def all_listed(connection: Connection, run: str, now: datetime, *, is_complete: bool = True) -> None:
    """Say that `run` knows all that it has to sweep.

    What earlier runs of the same target had besides, and no other target has, is gone, unless the list is not
    complete: then nobody knows.
    """
    connection.execute(update(runs).where(runs.c.id == run).values(listed=True))
    if not is_complete:
        return
    target = select(runs.c.target).where(runs.c.id == run).scalar_subquery()
    swept = select(tasks.c.repository_id).join(runs, runs.c.id == tasks.c.run_id)
    earlier, by_others = swept.where(runs.c.target == target), swept.where(runs.c.target != target)
    here = select(tasks.c.repository_id).where(tasks.c.run_id == run)
    connection.execute(
        update(repositories)
        .where(
            repositories.c.gone.is_(None),
            repositories.c.id.in_(earlier),
            repositories.c.id.not_in(here),
            repositories.c.id.not_in(by_others),
        )
        .values(gone=now)
    )


def known_of_target(connection: Connection, run: str) -> int:
    """How many repositories earlier runs of the same target have listed."""
    target = select(runs.c.target).where(runs.c.id == run).scalar_subquery()
    earlier = (
        select(func.count(tasks.c.repository_id.distinct()))
        .join(runs, runs.c.id == tasks.c.run_id)
        .where(runs.c.target == target, runs.c.id != run)
    )
    return connection.scalar(earlier) or 0


_FIRST = ("first_seen", "state", "reason", "scanned_bytes", "objects", "leaks")
"""What only a repository that was never seen before begins with."""


def _row(identity: str, listed: Listed, host_kind: str, now: datetime) -> dict[str, Any]:
    return {
        "identity": identity,
        "name": named(listed.name),
        "url": stored(listed.url),
        "holds": listed.holds.value,
        "host_kind": host_kind,
        "page": stored_or_none(listed.page),
        "size_bytes": listed.size_bytes,
        "pushed": listed.pushed,
        "private": listed.private,
        "archived": listed.archived,
        "fork_of": stored_or_none(listed.fork_of),
        "default_branch": stored_or_none(listed.default_branch),
        "topics": [stored(each) for each in listed.topics],
        "first_seen": now,
        "last_seen": now,
        "gone": None,
        "state": "new",
        "reason": "",
        "scanned_bytes": 0,
        "objects": 0,
        "leaks": 0,
    }
