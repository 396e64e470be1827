"""Where leaks stand in one repository: what a sweep found there in the place of what the one before did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from keysweep.findings import Commit, Exposure, Finding, Origin
from keysweep.store.rows import stored, stored_or_none
from keysweep.store.schema import Moment, places
from keysweep.store.words import index_places, newest_place

_CHANGING = ("object_id", "line", "column", "removed_by", "removed", "refs", "ref", "gone")
_Key = tuple[int, str, tuple[str, ...]]


def replace_places(
    connection: Connection,
    repository_id: int,
    findings: Sequence[Finding],
    leak_ids: Mapping[str, int],
    now: datetime,
    *,
    is_complete: bool,
) -> dict[int, dict[str, Any]]:
    """Write down where `findings` stand; returns what that adds to the counts of each leak, as `add_up` takes it.

    A place that is not among them any more is gone since now, unless the sweep was incomplete: then nobody knows.
    """
    before = _there(connection, repository_id)
    counts_before = Counter(key[0] for key, row in before.items() if row["gone"] is None)
    found: dict[_Key, dict[str, Any]] = {}
    for finding in findings:
        for row in _rows(finding, leak_ids[finding.fingerprint], repository_id, now):
            found.setdefault((row["leak_id"], row["path"], tuple(row["members"])), row)
    changed = [
        {"which": before[key]["id"], **{f"new_{name}": row[name] for name in _CHANGING}}
        for key, row in found.items()
        if key in before and any(before[key][name] != row[name] for name in _CHANGING)
    ]
    fresh = [row for key, row in found.items() if key not in before]
    left = [key for key, row in before.items() if row["gone"] is None and key not in found]
    gone = left if is_complete else []
    if fresh:
        newest = newest_place(connection)
        connection.execute(insert(places), fresh)
        index_places(connection, newest)
    if changed:
        values = {name: bindparam(f"new_{name}", type_=places.c[name].type) for name in _CHANGING}
        connection.execute(update(places).where(places.c.id == bindparam("which")).values(values), changed)
    if gone:
        connection.execute(
            update(places)
            .where(places.c.id == bindparam("which"))
            .values(gone=bindparam("now", type_=Moment), refs=0, ref=None),
            [{"which": before[key]["id"], "now": now} for key in gone],
        )
    counts = Counter(key[0] for key in found)
    if not is_complete:
        counts.update(key[0] for key in left)
    entered: dict[int, datetime] = {}
    for row in found.values():
        if row["introduced"] is not None:
            entered[row["leak_id"]] = min(row["introduced"], entered.get(row["leak_id"], row["introduced"]))
    return {
        leak_id: {
            "more_places": counts[leak_id] - counts_before[leak_id],
            "more_repositories": bool(counts[leak_id]) - bool(counts_before[leak_id]),
            "entered": entered.get(leak_id),
        }
        for leak_id in {*counts, *counts_before}
    }


def _there(connection: Connection, repository_id: int) -> dict[_Key, Mapping[str, Any]]:
    columns = (
        places.c.id,
        places.c.leak_id,
        places.c.path,
        places.c.members,
        *(places.c[name] for name in _CHANGING),
    )
    rows = connection.execute(select(*columns).where(places.c.repository_id == repository_id)).mappings()
    return {(row["leak_id"], row["path"], tuple(row["members"])): dict(row) for row in rows}


def _rows(finding: Finding, leak_id: int, repository_id: int, now: datetime) -> Iterator[dict[str, Any]]:
    further = [_further(part.origin) for part in (*finding.parts, *finding.alternatives) if part.origin]
    for exposure in finding.exposures or (Exposure(finding.origin.path),):
        brought, taken = _first(exposure.introduced), _last(exposure.removed)
        yield {
            "leak_id": leak_id,
            "repository_id": repository_id,
            "path": stored(exposure.path),
            "members": [stored(each) for each in finding.origin.members],
            "source": finding.origin.source.value,
            "object_id": finding.origin.blob or finding.origin.commit,
            "line": finding.place.line,
            "column": finding.place.column,
            "decoding": [stored(each) for each in finding.place.decoding],
            "further": further,
            "commit_id": brought and brought.id,
            "author": brought and stored(_author(brought)),
            "introduced": brought and brought.date,
            "removed_by": taken and taken.id,
            "removed": taken and taken.date,
            "refs": len(exposure.refs),
            "ref": stored_or_none(exposure.refs[0]) if exposure.refs else None,
            "first_seen": now,
            "gone": None,
        }


def _further(origin: Origin) -> dict[str, Any]:
    return {
        "path": stored(origin.path),
        "members": [stored(each) for each in origin.members],
        "source": origin.source.value,
        "object_id": origin.blob or origin.commit,
    }


def _author(commit: Commit) -> str:
    return f"{commit.author} <{commit.email}>" if commit.email else commit.author


def _first(commits: Sequence[Commit]) -> Commit | None:
    return commits[0] if commits else None


def _last(commits: Sequence[Commit]) -> Commit | None:
    return commits[-1] if commits else None
