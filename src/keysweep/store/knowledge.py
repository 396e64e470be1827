"""What AWS said of keys and what keysweep did about them, recorded; and which keys are to be asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from keysweep.findings import Kind
from keysweep.standing import Standing
from keysweep.store.leaks import key_rows, stand_anew, verdict_in
from keysweep.store.rows import add_missing, stored, stored_or_none
from keysweep.store.schema import containments, keys, leaks, verifications
from keysweep.verdicts import Containment, Status, Verdict

_FRESH_FOR = timedelta(hours=12)
"""A run that is taken up again asks about no key twice."""
_DEAD_FOR = timedelta(days=30)
"""A key that was switched off may be switched on again, but few are."""
_WITH_SECRET = (Kind.PAIR.value, Kind.TEMPORARY.value)
_SETTLED = frozenset({Status.CANARY, Status.EXPIRED})


def keys_to_ask(connection: Connection, now: datetime) -> list[str]:
    """The IDs of keys that leaked with a secret and that AWS is to be asked about, the never asked first."""
    with_secret = select(leaks.c.key_id).where(
        leaks.c.places > 0, leaks.c.kind.in_(_WITH_SECRET), leaks.c.standing != Standing.EXAMPLE.value
    )
    rows = connection.execute(
        select(keys.c.key_id, keys.c.status, keys.c.checked)
        .where(keys.c.canary.is_(None), keys.c.key_id.in_(with_secret))
        .order_by(keys.c.checked.is_not(None), keys.c.checked, keys.c.key_id)
    )
    return [row.key_id for row in rows if _is_due(row.status, row.checked, now)]


def _is_due(status: str | None, checked: datetime | None, now: datetime) -> bool:
    if status is None or checked is None:
        return True
    if Status(status) in _SETTLED:
        return False
    return now - checked > (_DEAD_FOR if Status(status) is Status.DEAD else _FRESH_FOR)


def record_verdicts(connection: Connection, verdicts: Iterable[Verdict], now: datetime) -> None:
    """Record what is known of keys; leaks stand by it from then on.

    That nothing is known any more, because AWS did not answer this time, takes back nothing that was known before.
    """
    given = {each.key_id: each for each in verdicts}
    add_missing(connection, keys, [_new(key_id) for key_id in given], "key_id")
    before = {row.key_id: verdict_in(row) for row in key_rows(connection, given, hold="write")}
    told = [each for key_id, each in given.items() if _is_news(each, before[key_id])]
    if not told:
        return
    connection.execute(insert(verifications), [_verification(each) for each in told])
    for each in told:
        known = before[each.key_id]
        if each.status is Status.UNKNOWN and known and known.status is not Status.UNKNOWN:
            continue
        connection.execute(update(keys).where(keys.c.key_id == each.key_id).values(_columns(each)))
    stand_anew(connection, given, now)


def _is_news(verdict: Verdict, before: Verdict | None) -> bool:
    return before is None or verdict.checked > before.checked


def _new(key_id: str) -> dict[str, Any]:
    return {"key_id": key_id, "reason": "", "contained_reason": ""}


def _verification(verdict: Verdict) -> dict[str, Any]:
    return {
        "key_id": verdict.key_id,
        "status": verdict.status.value,
        "reason": stored(verdict.reason),
        "checked": verdict.checked,
        "partition": verdict.partition,
        "account_id": verdict.account_id,
        "arn": stored_or_none(verdict.arn),
        "user_id": verdict.user_id,
        "user": stored_or_none(verdict.user),
        "request_id": stored_or_none(verdict.request_id),
        "asked": verdict.asked,
    }


def _columns(verdict: Verdict) -> dict[str, Any]:
    columns = {
        "status": verdict.status.value,
        "reason": stored(verdict.reason),
        "checked": verdict.checked,
        "partition": verdict.partition,
        "arn": stored_or_none(verdict.arn),
        "principal": verdict.principal.value if verdict.principal else None,
        "owner": stored_or_none(verdict.name),
    }
    return columns | ({"account_id": verdict.account_id} if verdict.account_id else {})


def record_containments(connection: Connection, told: Mapping[str, Containment], now: datetime) -> None:
    """Record what the journal says was done last about leaked keys; keys that no leak has are passed over."""
    rows = {row.key_id: row for row in key_rows(connection, told, hold="write")}
    changed = [each for key_id, each in told.items() if key_id in rows and _is_new(each, rows[key_id])]
    for each in changed:
        when = each.when or now
        connection.execute(
            insert(containments).values(
                key_id=each.key_id,
                state=each.state.value,
                run=stored(each.run),
                when=when,
                operator=stored(each.operator),
                reason=stored(each.reason),
            )
        )
        connection.execute(
            update(keys)
            .where(keys.c.key_id == each.key_id)
            .values(
                contained=each.state.value,
                contained_when=when,
                contained_run=stored(each.run),
                contained_by=stored(each.operator),
                contained_reason=stored(each.reason),
            )
        )
    stand_anew(connection, [each.key_id for each in changed], now)


def _is_new(containment: Containment, key: Any) -> bool:
    if key.contained is None or key.contained_when is None:
        return True
    if containment.when is None or containment.when < key.contained_when:
        return False
    return (containment.run, containment.state.value) != (key.contained_run, key.contained)
