"""What came of sweeping one repository, recorded: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ScalarSelect, delete, func, insert, select, update

from keysweep.findings import Origin, ScanResult
from keysweep.frozen import frozen
from keysweep.store.leaks import add_up, leak_ids
from keysweep.store.places import replace_places
from keysweep.store.rows import batches, named, put, stored
from keysweep.store.schema import places, problems, refs, repositories, tasks


@frozen
class Swept:
    """What came of sweeping one repository."""

    result: ScanResult
    """Without secrets, as a findings file read back has it."""
    refs: Mapping[str, str]
    """Name to object ID of all refs that were swept."""
    refs_digest: str
    rules: str
    """Names the rules by which it was swept: by others it has to be swept again."""
    seconds: float
    attempts: int = 0
    """That failed before."""


def record(connection: Connection, run: str, repository_id: int, swept: Swept, now: datetime) -> int:
    """Record it as the end of the repository's task in `run`; returns how many leaks were never seen before.

    What the sweep before found and this one did not is gone from the repository, unless this one is incomplete.
    """
    result = swept.result
    _hold(connection, repository_id)
    is_complete = not result.problems
    ids, fresh = leak_ids(connection, result.findings, now)
    counts = replace_places(connection, repository_id, result.findings, ids, now, is_complete=is_complete)
    add_up(connection, counts, now)
    _replace_problems(connection, repository_id, result)
    _replace_refs(connection, repository_id, swept.refs, now)
    state = "swept" if is_complete else "incomplete"
    reason = "" if is_complete else stored(_reason(result))
    values: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "swept_refs": swept.refs_digest if is_complete else None,
        "swept_rules": swept.rules if is_complete else None,
        "objects": result.objects.listed if result.objects else 0,
        "leaks": _leaks_in(repository_id),
    }
    if is_complete:
        values["swept"] = now
    if result.scanned_bytes:
        values["scanned_bytes"] = result.scanned_bytes
    connection.execute(update(repositories).where(repositories.c.id == repository_id).values(values))
    connection.execute(
        update(tasks)
        .where(tasks.c.run_id == run, tasks.c.repository_id == repository_id)
        .values(
            state=state,
            reason=reason,
            attempts=swept.attempts,
            ended=now,
            seconds=swept.seconds,
            scanned_bytes=result.scanned_bytes,
            findings=len(result.findings),
            fresh=fresh,
        )
    )
    return fresh


def _leaks_in(repository_id: int) -> ScalarSelect[int]:
    there = (places.c.repository_id == repository_id) & places.c.gone.is_(None)
    return select(func.count(places.c.leak_id.distinct())).where(there).scalar_subquery()


def _hold(connection: Connection, repository_id: int) -> None:
    """Let whoever else records the same repository wait: what was there before is changed by one at a time."""
    own = select(repositories.c.id).where(repositories.c.id == repository_id)
    connection.execute(own.with_for_update(key_share=True))


def _reason(result: ScanResult) -> str:
    first = result.problems[0]
    more = f", and {len(result.problems) - 1} more" if len(result.problems) > 1 else ""
    where = f"{first.origin.display}: " if first.origin else ""
    return f"{where}{first.message}{more}"


def _replace_problems(connection: Connection, repository_id: int, result: ScanResult) -> None:
    connection.execute(delete(problems).where(problems.c.repository_id == repository_id))
    if not result.problems:
        return
    nowhere = Origin("")
    rows = []
    for each in result.problems:
        origin = each.origin or nowhere
        rows.append(
            {
                "repository_id": repository_id,
                "code": each.code.value,
                "message": stored(each.message),
                "path": stored(origin.display) or None,
                "commit_id": origin.commit,
                "object_id": origin.blob,
            }
        )
    connection.execute(insert(problems), rows)


def _replace_refs(connection: Connection, repository_id: int, now_there: Mapping[str, str], now: datetime) -> None:
    columns = (refs.c.name, refs.c.object_id)
    before = {
        row.name: row.object_id
        for row in connection.execute(select(*columns).where(refs.c.repository_id == repository_id))
    }
    there = {named(name): object_id for name, object_id in now_there.items()}
    for batch in batches(before.keys() - there.keys()):
        connection.execute(delete(refs).where(refs.c.repository_id == repository_id, refs.c.name.in_(batch)))
    changed = [
        {"repository_id": repository_id, "name": name, "object_id": object_id, "first_seen": now, "changed": now}
        for name, object_id in there.items()
        if name not in before
    ]
    if changed:
        connection.execute(insert(refs), changed)
    moved = [
        {"repository_id": repository_id, "name": name, "object_id": object_id, "first_seen": now, "changed": now}
        for name, object_id in there.items()
        if before.get(name, object_id) != object_id
    ]
    put(connection, refs, moved, ("repository_id", "name"), keep=("first_seen",))
