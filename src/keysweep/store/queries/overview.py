"""What the first page says: how leaks stand, what is new, and what was not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from keysweep.frozen import frozen
from keysweep.store.schema import leaks, repositories, runs
from keysweep.store.summaries import SETTLED

UNREAD = ("incomplete", "failed", "quarantined")
"""States of repositories that were not read whole."""
_SHOWN = 5


@frozen
class Standings:
    """How many leaks there are."""

    by_standing: Mapping[str, int]
    """Without those that people settled."""
    settled: Mapping[str, int]
    """Those that people settled, by what they said."""


def standings(connection: Connection) -> Standings:
    """How many leaks stand how."""
    told = select(leaks.c.standing, leaks.c.status, func.count())
    by_standing, settled = Counter[str](), Counter[str]()
    for standing, status, number in connection.execute(told.group_by(leaks.c.standing, leaks.c.status)):
        if status in SETTLED:
            settled[status] += number
        else:
            by_standing[standing] += number
    return Standings(by_standing, settled)


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
