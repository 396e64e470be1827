"""Where the secrets of leaked keys can be read again, which is all that the store knows of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from keysweep.findings import Origin, Recorded, Source
from keysweep.frozen import frozen
from keysweep.store.rows import batches
from keysweep.store.schema import keys, leaks, places, repositories


@frozen
class SecretPlace:
    """One leak in one repository."""

    key_id: str
    repository_id: int
    identity: str
    url: str
    host_kind: str
    recorded: Recorded


def secret_places(connection: Connection, key_ids: Sequence[str]) -> Iterator[SecretPlace]:
    """For each of these keys every different leak of it once, where it still stands: in a ref if anywhere."""
    for batch in batches(key_ids, 100):
        best_first = func.row_number().over(
            partition_by=places.c.leak_id, order_by=((places.c.refs > 0).desc(), places.c.id)
        )
        ranked = (
            select(
                leaks.c.fingerprint,
                leaks.c.key_id,
                keys.c.canary,
                places.c.path,
                places.c.members,
                places.c.source,
                places.c.object_id,
                places.c.further,
                repositories.c.id.label("repository_id"),
                repositories.c.identity,
                repositories.c.url,
                repositories.c.host_kind,
                best_first.label("rank"),
            )
            .join(leaks, leaks.c.id == places.c.leak_id)
            .join(keys, keys.c.key_id == leaks.c.key_id)
            .join(repositories, repositories.c.id == places.c.repository_id)
            .where(leaks.c.key_id.in_(batch), places.c.gone.is_(None), repositories.c.gone.is_(None))
            .subquery()
        )
        best = select(ranked).where(ranked.c.rank == 1).order_by(ranked.c.key_id, ranked.c.fingerprint)
        yield from map(_secret_place, connection.execute(best))


def _secret_place(row: Row[Any]) -> SecretPlace:
    recorded = Recorded(
        row.fingerprint,
        row.key_id,
        _origin({"path": row.path, "members": row.members, "source": row.source, "object_id": row.object_id}),
        tuple(map(_origin, row.further)),
        row.canary,
    )
    return SecretPlace(row.key_id, row.repository_id, row.identity, row.url, row.host_kind, recorded)


def _origin(said: Mapping[str, Any]) -> Origin:
    source = Source(said["source"])
    object_id = said["object_id"]
    is_commit = source in (Source.COMMIT_MESSAGE, Source.COMMIT)
    return Origin(
        said["path"],
        source,
        commit=object_id if is_commit else None,
        blob=None if is_commit else object_id,
        members=tuple(said["members"]),
    )
