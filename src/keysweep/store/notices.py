"""Which leaks a receiver has to be told about: those that stand otherwise than it was told last."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, not_, or_, select

from keysweep.findings import Severity
from keysweep.frozen import frozen
from keysweep.standing import Standing
from keysweep.store.leaks import HARMLESS
from keysweep.store.rows import batches
from keysweep.store.schema import leaks, notices
from keysweep.store.summaries import SETTLED, is_lapsed

_QUIET_STANDINGS = HARMLESS | {Standing.CANARY, Standing.EXAMPLE}


class First(StrEnum):
    """Which leaks are told that a receiver was never told of; the values are those of `--first`."""

    OPEN = "open"
    """Those that somebody has to look at."""
    ALL = "all"
    """Also those that are harmless, accepted, false or resolved already."""
    NONE = "none"
    """None: they count as told, and only what becomes of them is."""


@frozen
class Wanted:
    """Which leaks a receiver wants to hear of. Once it was told of a leak, it hears what becomes of it."""

    least_severity: Severity = Severity.INFO
    standings: frozenset[Standing] = frozenset()
    """Empty for all of them."""
    again_after: timedelta | None = None
    """For a receiver that forgets: what is still open is told once more when it was told last so long ago."""


@frozen
class Due:
    """A leak that a receiver has to be told about."""

    leak_id: int
    fingerprint: str
    severity: Severity
    standing: Standing
    status: str
    """What people say of it; one that was accepted until a day that is over is `open` again."""
    before: str | None
    """The state that the receiver was told last; None if it was told nothing."""
    last: int
    """The number of that notice; 0 if there was none."""
    told: datetime | None = None
    """When that was."""

    @property
    def state(self) -> str:
        """How it stands, and what people say of it."""
        return f"{self.standing} {self.status}"

    @property
    def is_quiet(self) -> bool:
        """Whether nobody has to do anything about it."""
        return is_quiet(self.state)


def is_quiet(state: str) -> bool:
    """Whether nobody has to do anything about a leak in this state."""
    standing, _, status = state.partition(" ")
    return status in SETTLED or standing in _QUIET_STANDINGS


def due(
    connection: Connection, channel: str, wanted: Wanted, now: datetime, first: First = First.OPEN
) -> list[Due]:
    """What the receiver `channel` has to be told, the most urgent first.

    With `First.NONE` it is what was never told, and that alone: to be marked, not sent.
    """
    # By their time: an import of another store numbers its notices in another order, and after all those here.
    order = (notices.c.when.desc(), notices.c.id.desc())
    ranked = (
        select(notices, func.row_number().over(partition_by=notices.c.leak_id, order_by=order).label("rank"))
        .where(notices.c.channel == channel)
        .subquery()
    )
    told = select(ranked).where(ranked.c.rank == 1).subquery()
    status = _status(now)
    is_new = and_(told.c.id.is_(None), *_wanted(wanted), *_first(first, status))
    is_other = told.c.state != leaks.c.standing + " " + status
    if wanted.again_after:
        is_other = or_(is_other, and_(told.c.when < now - wanted.again_after, *_first(First.OPEN, status)))
    rows = connection.execute(
        select(
            leaks.c.id,
            leaks.c.fingerprint,
            leaks.c.severity,
            leaks.c.standing,
            status,
            told.c.state,
            func.coalesce(told.c.id, 0),
            told.c.when,
        )
        .outerjoin(told, told.c.leak_id == leaks.c.id)
        .where(is_new if first is First.NONE else or_(is_new, is_other))
        .order_by(leaks.c.severity.desc(), leaks.c.last_seen.desc(), leaks.c.id)
    )
    return [Due(row[0], row[1], Severity(row[2]), Standing(row[3]), *row[4:]) for row in rows]


def _status(now: datetime) -> ColumnElement[str]:
    """What people say of a leak; what was accepted holds until the end of a day, in UTC."""
    return case((is_lapsed(now.date()), "open"), else_=leaks.c.status)


def _wanted(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [leaks.c.severity >= int(wanted.least_severity)]
    if wanted.standings:
        conditions.append(leaks.c.standing.in_(sorted(wanted.standings)))
    return conditions


def _first(first: First, status: ColumnElement[str]) -> list[ColumnElement[bool]]:
    if first is First.ALL:
        return []
    return [
        not_(leaks.c.standing.in_(sorted(_QUIET_STANDINGS))),
        not_(status.in_(SETTLED)),
    ]


def mark(connection: Connection, channel: str, told: Iterable[Due], now: datetime) -> None:
    """Write down that the receiver was told: only after it has taken the message.

    Whoever ends between the two tells it once more, with the same key: told at least once, and never lost. A clock
    that was set back makes no notice older than the one before it, which would stay the newest.
    """
    for batch in batches(told):
        rows = [
            {
                "leak_id": each.leak_id,
                "channel": channel,
                "state": each.state,
                "when": max(now, each.told or now),
            }
            for each in batch
        ]
        connection.execute(insert(notices), rows)
