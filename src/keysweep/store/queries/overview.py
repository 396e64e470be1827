"""What the first page says: how leaks stand, what is new, and what was not read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from keysweep.store.queries.chosen import bare
from keysweep.store.schema import leaks, repositories, runs
from keysweep.store.summaries import SETTLED

UNREAD = ("incomplete", "failed", "quarantined")
"""States of repositories that were not read whole."""
_SHOWN = 5


def standings(connection: Connection) -> Mapping[str, int]:
    """How many leaks stand how; without what people settled."""
    told = (
        select(leaks.c.standing, func.count())
        .where(bare(connection, "status").not_in(SETTLED))
        .group_by(leaks.c.standing)
    )
    return {row[0]: row[1] for row in connection.execute(told).tuples()}


def settled(connection: Connection) -> Mapping[str, int]:
    """How many leaks people settled, and how."""
    told = select(leaks.c.status, func.count()).where(leaks.c.status.in_(SETTLED)).group_by(leaks.c.status)
    return {row[0]: row[1] for row in connection.execute(told).tuples()}


def found_since(connection: Connection, when: datetime) -> int:
    """How many leaks a sweep has found since then."""
    return connection.scalar(select(func.count()).select_from(leaks).where(leaks.c.first_seen >= when)) or 0


def unread(connection: Connection) -> tuple[int, list[Row[Any]]]:
    """How many repositories were not read whole, and the first of them."""
    where = (repositories.c.state.in_(UNREAD), repositories.c.gone.is_(None))
    number = connection.scalar(select(func.count()).select_from(repositories).where(*where)) or 0
    columns = (repositories.c.id, repositories.c.name, repositories.c.state, repositories.c.reason)
    return number, list(connection.execute(select(*columns).where(*where).limit(_SHOWN)))


def last_run(connection: Connection) -> Row[Any] | None:
    """The newest run."""
    return connection.execute(select(runs).order_by(runs.c.started.desc()).limit(1)).first()
