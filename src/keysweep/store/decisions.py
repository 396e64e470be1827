"""What people decide on leaks: how one is to be taken, who looks after it, and what they note. Kept for good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from keysweep.errors import UsageError
from keysweep.frozen import frozen
from keysweep.store.rows import stored
from keysweep.store.schema import decisions, leaks

STATUSES: Mapping[str, str] = {
    "open": "nobody has decided yet",
    "real": "a leak, and somebody is at it",
    "false": "no credential at all",
    "accepted": "known, and left as it is until a day",
    "resolved": "nothing more has to be done",
}
"""What a leak can be said to be, and what that means."""
_EXPLAINED = ("false", "accepted", "resolved")
"""What makes a leak go away needs a reason that others can read."""
MOST_NOTE = 4_000
MOST_NAME = 100
_LONGEST = timedelta(days=366)


@frozen
class Decision:
    """What somebody decides; None is what does not change."""

    by: str
    status: str | None = None
    until: date | None = None
    """The last day on which `accepted` holds."""
    assignee: str | None = None
    """An empty text for nobody."""
    note: str = ""


def decide(connection: Connection, leak_id: int, decision: Decision, now: datetime) -> bool:
    """Record a decision, and have the leak say it; returns whether there was anything to record.

    Raises UsageError, with what to say instead, for what cannot be decided so, and where there is no such leak.
    """
    row = connection.execute(
        select(leaks.c.status, leaks.c.status_until, leaks.c.assignee).where(leaks.c.id == leak_id)
    ).first()
    if row is None:
        raise UsageError("there is no such leak any more: go back to the list.")
    note = stored(decision.note.strip())
    by, assignee = _name(decision.by), None if decision.assignee is None else _name(decision.assignee)
    until = decision.until.isoformat() if decision.until else None
    if decision.status is not None:
        _check(decision.status, decision.until, note, now.date())
    if len(note) > MOST_NOTE:
        raise UsageError(f"a note has at most {MOST_NOTE} letters: shorten it.")
    status = decision.status if (decision.status, until) != (row.status, row.status_until) else None
    if assignee is not None and assignee == (row.assignee or ""):
        assignee = None
    if status is None and assignee is None and not note:
        return False
    changed: dict[str, str | None] = {}
    if status is not None:
        changed |= {"status": status, "status_until": until}
    if assignee is not None:
        changed["assignee"] = assignee or None
    if changed:
        connection.execute(update(leaks).where(leaks.c.id == leak_id).values(changed))
    connection.execute(
        insert(decisions).values(
            leak_id=leak_id,
            when=now,
            by=by,
            status=status,
            until=until if status else None,
            assignee=assignee,
            note=note,
        )
    )
    return True


def _check(status: str, until: date | None, note: str, today: date) -> None:
    if status not in STATUSES:
        raise UsageError(f"{status:.20} is no status: choose one of {', '.join(STATUSES)}.")
    if (status == "accepted") != (until is not None):
        raise UsageError(
            "say until which day it is accepted: it is open again after that."
            if until is None
            else "a day goes only with accepted: leave it empty."
        )
    if until is not None and not today <= until <= today + _LONGEST:
        raise UsageError("accept it until a day from today on, within a year.")
    if status in _EXPLAINED and not note:
        raise UsageError(f"say in the note why it is {status}: whoever looks next has only that.")


def _name(name: str) -> str:
    name = stored(" ".join(name.split()))
    if len(name) > MOST_NAME:
        raise UsageError(f"a name has at most {MOST_NAME} letters: shorten it.")
    return name
