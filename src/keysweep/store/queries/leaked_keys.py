"""Every key that has leaked, for who looks after the account that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, func, select

from keysweep.frozen import frozen
from keysweep.standing import Standing
from keysweep.store.schema import leaks, places, repositories
from keysweep.store.summaries import SETTLED

_MEANT = (Standing.CANARY.value, Standing.EXAMPLE.value)
"""To be found."""


@frozen
class LeakedKey:
    """One key."""

    key_id: str
    since: datetime | None
    """When a commit brought it first."""
    places: int
    place: str
    """One of them, as `REPOSITORY: PATH:LINE`."""


def leaked_keys(connection: Connection) -> Iterator[LeakedKey]:
    """Those in leaks that nobody has settled, by key ID, without bait and examples."""
    first = (
        select(func.min(places.c.id))
        .where(places.c.leak_id == leaks.c.id, places.c.gone.is_(None))
        .correlate(leaks)
        .scalar_subquery()
    )
    asked = (
        select(
            leaks.c.key_id, leaks.c.introduced, leaks.c.places, repositories.c.name, places.c.path, places.c.line
        )
        .join(places, places.c.id == first)
        .join(repositories, repositories.c.id == places.c.repository_id)
        .where(leaks.c.key_id.is_not(None), leaks.c.status.not_in(SETTLED), leaks.c.standing.not_in(_MEANT))
        .order_by(leaks.c.key_id, leaks.c.id)
    )
    for row in connection.execute(asked):
        yield LeakedKey(row.key_id, row.introduced, row.places, f"{row.name}: {row.path}:{row.line}")
