"""Leaks as rows: each credential once, over all repositories, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import Row

from keysweep.findings import Finding, Role, Severity
from keysweep.standing import Standing, standing_by
from keysweep.store.bulk import update_all
from keysweep.store.places import Change
from keysweep.store.rows import add_missing, among, batches, stored
from keysweep.store.schema import keys, leaks
from keysweep.verdicts import Contained, Containment, Status, Verdict

HARMLESS = frozenset({Standing.OFF, Standing.INACTIVE, Standing.EXPIRED, Standing.DEAD})
"""Standings in which nobody can use the key."""
_USABLE = frozenset({Standing.LIVE, Standing.ACTIVE, Standing.WRONG_SECRET, Standing.OFF})
"""Standings by which somebody can use the key, or could until keysweep switched it off."""
_WORTH = {Standing.LIVE: Severity.CRITICAL, Standing.EXPIRED: Severity.INFO}


def leak_ids(connection: Connection, findings: Sequence[Finding], now: datetime) -> tuple[dict[str, int], int]:
    """The row of each leak by its fingerprint, made where there is none; and how many were made.

    A leak is told by the finding of it that weighs most, in whichever repository.
    """
    weightiest: dict[str, Finding] = {}
    for finding in findings:
        known = weightiest.setdefault(finding.fingerprint, finding)
        if _weight(finding) > _weight(known):
            weightiest[finding.fingerprint] = finding
    there = _known(connection, weightiest)
    fresh = [each for fingerprint, each in weightiest.items() if fingerprint not in there]
    made = 0
    if fresh:
        made = _make(connection, fresh, now)
        there |= _known(connection, [each.fingerprint for each in fresh])
    _raise(connection, [(row, weightiest[fingerprint]) for fingerprint, row in there.items()])
    return {fingerprint: row.id for fingerprint, row in there.items()}, made


def _weight(finding: Finding) -> tuple[int, int]:
    return int(finding.severity), int(finding.confidence)


def _known(connection: Connection, fingerprints: Iterable[str]) -> dict[str, Any]:
    """The row of each of these leaks that there is."""
    columns = (leaks.c.fingerprint, leaks.c.id, leaks.c.found_severity, leaks.c.confidence, leaks.c.standing)
    return {
        row.fingerprint: row
        for batch in batches(fingerprints)
        for row in connection.execute(select(*columns).where(among(connection, leaks.c.fingerprint, batch)))
    }


def _make(connection: Connection, fresh: Sequence[Finding], now: datetime) -> int:
    """Write down leaks that were not there; returns how many, since somebody else may write the same ones."""
    named = {each.key_id: each for each in fresh if each.key_id}
    add_missing(connection, keys, [_key_row(each) for each in named.values()], "key_id")
    standings = {row.key_id: standing_of(row) for row in key_rows(connection, named, hold="read")}
    rows = [_leak_row(each, standings.get(each.key_id or ""), now) for each in fresh]
    return add_missing(connection, leaks, rows, "fingerprint")


def _raise(connection: Connection, told: Iterable[tuple[Row[Any], Finding]]) -> None:
    """Have leaks be told by findings that weigh more than those by which they were told until now."""
    for row, finding in sorted(told, key=lambda each: each[0].id):
        if _weight(finding) <= (row.found_severity, row.confidence):
            continue
        standing = Standing(row.standing)
        told_anew = {
            "severity": severity_of(finding.severity, standing, has_secret=_has_secret(finding)),
            "found_severity": int(finding.severity),
            "confidence": int(finding.confidence),
            "reasons": [stored(each) for each in finding.reasons],
            "parts": _parts(finding),
        }
        connection.execute(update(leaks).where(leaks.c.id == row.id).values(told_anew))


def key_rows(
    connection: Connection, key_ids: Iterable[str], *, hold: Literal["", "read", "write"] = ""
) -> list[Row[Any]]:
    """All that is known of these keys; held as it is until the transaction ends, or to be changed, if asked."""
    query = select(keys).order_by(keys.c.key_id)
    if hold:
        query = query.with_for_update(read=hold == "read", key_share=hold == "write")
    return [
        row
        for batch in batches(sorted(set(key_ids)))
        for row in connection.execute(query.where(among(connection, keys.c.key_id, batch)))
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
    if standing is None or finding.placeholder:
        standing = standing_by(
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
        "parts": _parts(finding),
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


def _parts(finding: Finding) -> list[dict[str, str]]:
    return [{"role": each.role.value, "redacted": stored(each.value.redacted)} for each in finding.parts]


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
    standings = {row.key_id: standing_of(row) for row in key_rows(connection, key_ids)}
    columns = (
        leaks.c.id,
        leaks.c.key_id,
        leaks.c.found_severity,
        leaks.c.parts,
        leaks.c.usable,
        leaks.c.contained,
    )
    query = select(*columns).where(leaks.c.standing != Standing.EXAMPLE.value)
    changes = []
    for batch in batches(standings):
        for leak in connection.execute(query.where(among(connection, leaks.c.key_id, batch))):
            standing = standings[leak.key_id]
            has_secret = any(part["role"] == Role.SECRET for part in leak.parts)
            severity = severity_of(leak.found_severity, standing, has_secret=has_secret)
            contained = (leak.contained or now) if standing in HARMLESS else None
            usable = leak.usable or (now if standing in _USABLE else None)
            changes.append((standing.value, severity, usable, contained, leak.id))
    _hold(connection, [change[-1] for change in changes])
    update_all(connection, leaks, ("standing", "severity", "usable", "contained"), changes)


def add_up(connection: Connection, changes: Mapping[int, Change], now: datetime) -> None:
    """Count the places of leaks anew."""
    rows = []
    for leak in _hold(connection, changes):
        change = changes[leak.id]
        entered = min((each for each in (leak.introduced, change.entered) if each), default=None)
        seen = now if change.is_seen else leak.last_seen
        rows.append((leak.places + change.places, leak.repositories + change.repositories, entered, seen, leak.id))
    update_all(connection, leaks, ("places", "repositories", "introduced", "last_seen"), rows)


def _hold(connection: Connection, leak_ids: Iterable[int]) -> list[Any]:
    """These leaks, held until the transaction ends: all take them in one order, so that none wait in a circle."""
    columns = (leaks.c.id, leaks.c.places, leaks.c.repositories, leaks.c.introduced, leaks.c.last_seen)
    query = select(*columns).order_by(leaks.c.id).with_for_update(key_share=True)
    return [
        row
        for batch in batches(sorted(leak_ids))
        for row in connection.execute(query.where(among(connection, leaks.c.id, batch)))
    ]
