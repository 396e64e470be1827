"""What receivers of notices are told of leaks, read at once for many of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from keysweep.findings import Role
from keysweep.frozen import frozen, replace
from keysweep.store.rows import among, batches
from keysweep.store.schema import keys, leaks, places, repositories

_MOST_PLACES = 5
_REDACTED = re.compile(r"(.{4})…\((\d{1,6}) characters\)", re.DOTALL)
"""What `Secret.redacted` shows."""


@frozen
class Spot:
    """A place where a leak stands. Texts are as they were found, and not yet safe for anybody."""

    repository: str
    path: str
    """With the members of containers that lead to it, joined by `!`."""
    line: int
    commit: str | None
    author: str | None
    introduced: datetime | None
    page: str | None
    """The page of the repository."""


@frozen
class Facts:
    """A leak, as receivers are told of it; never a secret. Texts are not yet safe for anybody."""

    fingerprint: str
    kind: str
    key_id: str | None
    account_id: str | None
    partition: str | None
    has_secret: bool
    arn: str | None
    principal: str | None
    owner: str | None
    """The name of the user or role."""
    reason: str
    """How it is known how the key stands."""
    checked: datetime | None
    assignee: str | None
    first_seen: datetime
    last_seen: datetime
    introduced: datetime | None
    contained: datetime | None
    places: int
    repositories: int
    spots: tuple[Spot, ...]
    """The first few of its places: those that some ref still has come first."""


def facts_of(connection: Connection, leak_ids: Iterable[int]) -> dict[int, Facts]:
    """The facts of these leaks by their numbers."""
    found: dict[int, Facts] = {}
    columns = (
        leaks,
        func.coalesce(keys.c.account_id, leaks.c.account_id).label("whose"),
        func.coalesce(keys.c.partition, leaks.c.partition).label("where"),
        keys.c.arn,
        keys.c.principal,
        keys.c.owner,
        func.coalesce(keys.c.reason, "").label("reason"),
        keys.c.checked,
    )
    for batch in batches(leak_ids):
        spots = _spots(connection, batch)
        query = select(*columns).outerjoin(keys, keys.c.key_id == leaks.c.key_id).where(leaks.c.id.in_(batch))
        for row in connection.execute(query).mappings():
            found[row["id"]] = _facts(row, tuple(spots.get(row["id"], ())))
    return found


def _facts(row: Mapping[Any, Any], spots: tuple[Spot, ...]) -> Facts:
    return Facts(
        fingerprint=row["fingerprint"],
        kind=row["kind"],
        key_id=row["key_id"],
        account_id=row["whose"],
        partition=row["where"],
        has_secret=any(part["role"] == Role.SECRET for part in row["parts"]),
        arn=row["arn"],
        principal=row["principal"],
        owner=row["owner"],
        reason=row["reason"],
        checked=row["checked"],
        assignee=row["assignee"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        introduced=row["introduced"],
        contained=row["contained"],
        places=row["places"],
        repositories=row["repositories"],
        spots=spots,
    )


def _without_secrets(spot: Spot, parts: Sequence[Mapping[str, str]]) -> Spot:
    """A file may be named after its secret, which the store knows by its beginning and its length alone."""
    path, author = spot.path, spot.author
    for part in parts:
        known = _REDACTED.fullmatch(part["redacted"]) if part["role"] != Role.KEY_ID else None
        if known and int(known[2]) > len(known[1]):
            secret = re.compile(re.escape(known[1]) + rf"[^\s]{{{int(known[2]) - len(known[1])}}}")
            path = secret.sub(lambda _: part["redacted"], path)  # noqa: B023 - called at once
            author = author and secret.sub(lambda _: part["redacted"], author)  # noqa: B023
    return replace(spot, path=path, author=author)


def _spots(connection: Connection, leak_ids: list[int]) -> dict[int, list[Spot]]:
    """The database chooses the few: a leak may stand in a hundred thousand places."""
    order = (places.c.refs == 0, places.c.introduced, places.c.id)
    ranked = (
        select(places, func.row_number().over(partition_by=places.c.leak_id, order_by=order).label("rank"))
        .where(places.c.leak_id.in_(leak_ids), places.c.gone.is_(None))
        .subquery()
    )
    query = (
        select(ranked, repositories.c.name, repositories.c.page)
        .join(repositories, repositories.c.id == ranked.c.repository_id)
        .where(ranked.c.rank <= _MOST_PLACES)
        .order_by(ranked.c.leak_id, ranked.c.rank)
    )
    rows = connection.execute(query).mappings().all()
    parts = _parts_at(connection, {(row["repository_id"], row["path"]) for row in rows})
    spots: dict[int, list[Spot]] = {}
    for row in rows:
        path = "!".join((row["path"], *row["members"]))
        spot = Spot(
            row["name"], path, row["line"], row["commit_id"], row["author"], row["introduced"], row["page"]
        )
        told = _without_secrets(spot, parts[row["repository_id"], row["path"]])
        spots.setdefault(row["leak_id"], []).append(told)
    return spots


def _parts_at(
    connection: Connection, files: Collection[tuple[int, str]]
) -> Mapping[tuple[int, str], Sequence[Mapping[str, str]]]:
    """Of each file the parts of all leaks in it: it may be named after the secret of another than is told of."""
    there = (
        select(places.c.leak_id, places.c.repository_id, places.c.path)
        .where(
            among(connection, places.c.repository_id, sorted({repository for repository, _ in files})),
            among(connection, places.c.path, sorted({path for _, path in files})),
        )
        .distinct()
        .subquery()
    )
    query = select(there.c.repository_id, there.c.path, leaks.c.parts).join(leaks, leaks.c.id == there.c.leak_id)
    found: dict[tuple[int, str], list[Mapping[str, str]]] = defaultdict(list)
    for repository, path, parts in connection.execute(query):
        found[repository, path] += parts
    return found
