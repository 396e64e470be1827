"""All that the store knows of one leak."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select, tuple_
from sqlalchemy.engine import Row

from keysweep.store.rows import stored
from keysweep.store.schema import containments, decisions, keys, leaks, places, repositories, verifications

PLACES_PER_PAGE = 100
_MOST_EVENTS = 50
_MOST_OTHERS = 20


def leak(connection: Connection, fingerprint: str) -> Row[Any] | None:
    """Its row."""
    return connection.execute(select(leaks).where(leaks.c.fingerprint == stored(fingerprint))).first()


def key(connection: Connection, key_id: str) -> Row[Any] | None:
    """What is known of its key."""
    return connection.execute(select(keys).where(keys.c.key_id == key_id)).first()


def places_of(
    connection: Connection, leak_id: int, after: tuple[int, int] = (0, 0), *, gone: bool = False
) -> list[Row[Any]]:
    """Where it stands, or with `gone` where it stood, repository by repository; one more than a page shows."""
    query = (
        select(
            *(each for each in places.c if each.name not in {"decoding", "further"}),
            repositories.c.name.label("repository"),
            repositories.c.page,
            repositories.c.host_kind,
            repositories.c.holds,
        )
        .join(repositories, repositories.c.id == places.c.repository_id)
        .where(
            places.c.leak_id == leak_id,
            places.c.gone.is_not(None) if gone else places.c.gone.is_(None),
            tuple_(places.c.repository_id, places.c.id) > tuple_(*after),
        )
        .order_by(places.c.repository_id, places.c.id)
    )
    return list(connection.execute(query.limit(PLACES_PER_PAGE + 1)))


def verifications_of(connection: Connection, key_id: str) -> list[Row[Any]]:
    """What AWS said of its key, the newest first."""
    told = select(verifications).where(verifications.c.key_id == key_id)
    return list(connection.execute(told.order_by(verifications.c.checked.desc()).limit(_MOST_EVENTS)))


def containments_of(connection: Connection, key_id: str) -> list[Row[Any]]:
    """What keysweep did about its key, the newest first."""
    told = select(containments).where(containments.c.key_id == key_id)
    return list(connection.execute(told.order_by(containments.c.when.desc()).limit(_MOST_EVENTS)))


def decisions_on(connection: Connection, leak_id: int) -> list[Row[Any]]:
    """What people decided on it and noted, the newest first."""
    told = select(decisions).where(decisions.c.leak_id == leak_id)
    newest = told.order_by(decisions.c.when.desc(), decisions.c.id.desc())
    return list(connection.execute(newest.limit(_MOST_EVENTS)))


def newest_change(connection: Connection, leak_id: int) -> Row[Any] | None:
    """The last decision on it that was more than a note."""
    told = select(decisions).where(decisions.c.leak_id == leak_id)
    changes = told.where(or_(decisions.c.status.is_not(None), decisions.c.assignee.is_not(None)))
    return connection.execute(changes.order_by(decisions.c.id.desc()).limit(1)).first()


def others_of(connection: Connection, key_id: str, leak_id: int) -> list[Row[Any]]:
    """Other leaks of the same key: with another secret, or with none."""
    columns = (leaks.c.fingerprint, leaks.c.kind, leaks.c.standing, leaks.c.places)
    told = select(*columns).where(leaks.c.key_id == key_id, leaks.c.id != leak_id)
    return list(connection.execute(told.limit(_MOST_OTHERS)))
