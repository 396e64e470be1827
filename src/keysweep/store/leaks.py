"""Leaks as rows: each credential once, over all repositories, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.engine import Row

from keysweep.findings import Finding, Role, Severity
from keysweep.standing import Standing, standing_by
from keysweep.store.rows import add_missing, batches, stored
from keysweep.store.schema import Moment, keys, leaks
from keysweep.verdicts import Contained, Containment, Status, Verdict

HARMLESS = frozenset({Standing.OFF, Standing.INACTIVE, Standing.EXPIRED, Standing.DEAD})
"""Standings in which nobody can use the key."""
_USABLE = frozenset({Standing.LIVE, Standing.ACTIVE, Standing.WRONG_SECRET, Standing.OFF})
"""Standings by which somebody can use the key, or could until keysweep switched it off."""
_WORTH = {Standing.LIVE: Severity.CRITICAL, Standing.EXPIRED: Severity.INFO}


def leak_ids(connection: Connection, findings: Sequence[Finding], now: datetime) -> tuple[dict[str, int], int]:
    """The row of each leak by its fingerprint, made where there is none; and how many were made."""
    by_fingerprint = {each.fingerprint: each for each in findings}
    known = _known(connection, by_fingerprint)
    fresh = [each for fingerprint, each in by_fingerprint.items() if fingerprint not in known]
    if not fresh:
        return known, 0
    named = {each.key_id: each for each in fresh if each.key_id}
    add_missing(connection, keys, [_key_row(each) for each in named.values()], "key_id")
    standings = {row.key_id: standing_of(row) for row in key_rows(connection, named)}
    rows = [_leak_row(each, standings.get(each.key_id or ""), now) for each in fresh]
    add_missing(connection, leaks, rows, "fingerprint")
    return known | _known(connection, (each.fingerprint for each in fresh)), len(fresh)


def _known(connection: Connection, fingerprints: Iterable[str]) -> dict[str, int]:
    known: dict[str, int] = {}
    for batch in batches(fingerprints):
        found = select(leaks.c.fingerprint, leaks.c.id).where(leaks.c.fingerprint.in_(batch))
        known.update((row.fingerprint, row.id) for row in connection.execute(found))
    return known


def key_rows(connection: Connection, key_ids: Iterable[str]) -> list[Row[Any]]:
    """All that is known of these keys."""
    return [
        row
        for batch in batches(key_ids)
        for row in connection.execute(select(keys).where(keys.c.key_id.in_(batch)))
    ]


def _key_row(finding: Finding) -> dict[str, Any]:
    return {
        "key_id": finding.key_id,
        "account_id": finding.account_id,
        "canary": finding.canary and stored(finding.canary),
        "reason": "",
        "contained_reason": "",
    }


def _leak_row(finding: Finding, standing: Standing | None, now: datetime) -> dict[str, Any]:
    standing = standing or standing_by(
        None, None, is_canary=bool(finding.canary), is_placeholder=bool(finding.placeholder)
    )
    return {
        "fingerprint": finding.fingerprint,
        "kind": finding.kind.value,
        "rule": finding.rule and stored(finding.rule),
        "key_id": finding.key_id,
        "account_id": finding.account_id,
        "severity": severity_of(finding.severity, standing, has_secret=_has_secret(finding)),
        "found_severity": int(finding.severity),
        "confidence": int(finding.confidence),
        "reasons": [stored(each) for each in finding.reasons],
        "parts": [{"role": each.role.value, "redacted": stored(each.value.redacted)} for each in finding.parts],
        "region": finding.region and stored(finding.region),
        "partition": finding.partition,
        "issued": finding.issued,
        "expires": finding.expires,
        "standing": standing.value,
        "status": "open",
        "first_seen": now,
        "last_seen": now,
        "usable": now if standing in _USABLE else None,
        "contained": now if standing in HARMLESS else None,
        "places": 0,
        "repositories": 0,
    }


def _has_secret(finding: Finding) -> bool:
    return finding.part(Role.SECRET) is not None


def severity_of(found: int, standing: Standing, *, has_secret: bool) -> int:
    """What a leak is worth: a live pair is critical, and an expired one worth nothing."""
    return int(_WORTH.get(standing, found)) if has_secret else int(found)


def standing_of(key: Row[Any]) -> Standing:
    """How a key stands, as its row says."""
    return standing_by(verdict_in(key), containment_in(key), is_canary=bool(key.canary))


def verdict_in(key: Row[Any]) -> Verdict | None:
    """What AWS last said of the key in a row."""
    if key.status is None or key.checked is None:
        return None
    return Verdict(
        key.key_id,
        Status(key.status),
        key.reason,
        key.checked,
        key.partition,
        key.account_id,
        key.arn,
        user=None if key.arn else key.owner,
    )


def containment_in(key: Row[Any]) -> Containment | None:
    """What keysweep last did about the key in a row."""
    if key.contained is None:
        return None
    return Containment(
        key.key_id,
        Contained(key.contained),
        key.contained_run or "",
        key.contained_when,
        key.contained_by or "",
        key.contained_reason,
    )


def stand_anew(connection: Connection, key_ids: Iterable[str], now: datetime) -> None:
    """Make leaks say what is known of their keys since it has changed."""
    standings = {row.key_id: standing_of(row) for row in key_rows(connection, set(key_ids))}
    changes = []
    for batch in batches(standings):
        for leak in connection.execute(select(leaks).where(leaks.c.key_id.in_(batch))):
            standing = standings[leak.key_id]
            has_secret = any(part["role"] == Role.SECRET for part in leak.parts)
            changes.append(
                {
                    "which": leak.id,
                    "standing": standing.value,
                    "severity": severity_of(leak.found_severity, standing, has_secret=has_secret),
                    "usable": leak.usable or (now if standing in _USABLE else None),
                    "contained": (leak.contained or now) if standing in HARMLESS else None,
                }
            )
    if changes:
        connection.execute(update(leaks).where(leaks.c.id == bindparam("which")), changes)


def add_up(connection: Connection, changes: Mapping[int, Mapping[str, Any]], now: datetime) -> None:
    """Count the places of leaks anew.

    For each leak `more_places` and `more_repositories` are what is to be added, which may be less than nothing,
    and `entered` is when a commit brought it, or None.
    """
    rows = [{"which": leak_id, "seen": now, **change} for leak_id, change in changes.items()]
    if not rows:
        return
    entered = bindparam("entered", type_=Moment)
    earliest = (
        func.least(leaks.c.introduced, entered)
        if connection.dialect.name == "postgresql"
        else func.min(func.coalesce(leaks.c.introduced, entered), func.coalesce(entered, leaks.c.introduced))
    )
    connection.execute(
        update(leaks)
        .where(leaks.c.id == bindparam("which"))
        .values(
            places=leaks.c.places + bindparam("more_places"),
            repositories=leaks.c.repositories + bindparam("more_repositories"),
            introduced=earliest,
            last_seen=bindparam("seen", type_=Moment),
        ),
        rows,
    )
