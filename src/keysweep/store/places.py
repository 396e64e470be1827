"""Where leaks stand in one repository: what a sweep found there in the place of what the one before did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, cast, select

from keysweep.findings import Exposure, Finding, Origin
from keysweep.frozen import frozen
from keysweep.store.bulk import Values, as_json, insert_all, update_all
from keysweep.store.rows import stored
from keysweep.store.schema import places
from keysweep.store.words import Spoken, index_places, newest_place, say_anew

_Key = tuple[int, str, str]
KEY = ("leak_id", "path", "members")
"""What makes a place one place, of those in a repository."""
TOLD = (
    "source",
    "object_id",
    "line",
    "column",
    "decoding",
    "further",
    "commit_id",
    "author",
    "introduced",
    "removed_by",
    "removed",
    "refs",
    "ref",
    "gone",
)
"""What each sweep tells anew of a place."""
_AUTHOR, _INTRODUCED, _GONE = map(TOLD.index, ("author", "introduced", "gone"))
_LISTS = frozenset({"members", "decoding", "further"})


@frozen
class Change:
    """What a sweep of one repository adds to what is known of a leak."""

    places: int
    """May be less than nothing, as the next."""
    repositories: int
    is_seen: bool
    """Whether this sweep found it."""
    entered: datetime | None
    """When a commit brought it, the earliest in this repository."""


def replace_places(
    connection: Connection,
    repository_id: int,
    findings: Sequence[Finding],
    leak_ids: Mapping[str, int],
    now: datetime,
    *,
    is_complete: bool,
) -> dict[int, Change]:
    """Write down where `findings` stand; returns what that changes of each leak, as `add_up` takes it.

    A place that is not among them any more is gone since now, unless the sweep was incomplete: then nobody knows.
    """
    before = _there(connection, repository_id)
    found: dict[_Key, Values] = {}
    for finding in findings:
        for key, told in _rows(finding, leak_ids[finding.fingerprint]):
            found.setdefault(key, told)
    fresh, changed, spoken = [], [], []
    for key, told in found.items():
        known = before.get(key)
        if known is None:
            fresh.append((*key, *told, repository_id, now))
        elif known[1] != told:
            changed.append((*told, known[0]))
            if known[1][_AUTHOR] != told[_AUTHOR]:
                spoken.append(Spoken(known[0], key[1], known[1][_AUTHOR], told[_AUTHOR]))
    left = [key for key, (_, told) in before.items() if told[_GONE] is None and key not in found]
    newest = newest_place(connection)
    insert_all(connection, places, (*KEY, *TOLD, "repository_id", "first_seen"), fresh)
    update_all(connection, places, TOLD, changed)
    index_places(connection, newest)
    say_anew(connection, spoken)
    if is_complete:
        update_all(connection, places, ("gone", "refs", "ref"), [(now, 0, None, before[key][0]) for key in left])
    return _changes(before, found, () if is_complete else left)


def _changes(
    before: Mapping[_Key, tuple[int, Values]], found: Mapping[_Key, Values], unknown: Sequence[_Key]
) -> dict[int, Change]:
    seen = {key[0] for key in found}
    counts_before = Counter(key[0] for key, (_, told) in before.items() if told[_GONE] is None)
    counts = Counter(key[0] for key in (*found, *unknown))
    entered: dict[int, datetime] = {}
    for (leak_id, *_), told in found.items():
        when = told[_INTRODUCED]
        if when is not None and (leak_id not in entered or when < entered[leak_id]):
            entered[leak_id] = when
    return {
        leak_id: Change(
            counts[leak_id] - counts_before[leak_id],
            bool(counts[leak_id]) - bool(counts_before[leak_id]),
            leak_id in seen,
            entered.get(leak_id),
        )
        for leak_id in {*counts, *counts_before}
    }


def _there(connection: Connection, repository_id: int) -> dict[_Key, tuple[int, Values]]:
    """Every place that was ever known in the repository: the number of its row, and what is told of it."""
    columns = [cast(places.c[name], Text) if name in _LISTS else places.c[name] for name in ("id", *KEY, *TOLD)]
    rows = connection.execute(select(*columns).where(places.c.repository_id == repository_id))
    return {(row[1], row[2], row[3]): (row[0], tuple(row[4:])) for row in rows}


def _rows(finding: Finding, leak_id: int) -> Iterator[tuple[_Key, Values]]:
    """Each place of a finding: what makes it one, and the values of `TOLD`."""
    origin, place = finding.origin, finding.place
    object_id = origin.blob or origin.commit
    members = as_json([stored(each) for each in origin.members])
    decoding = as_json([stored(each) for each in place.decoding])
    further = as_json([_further(part.origin) for part in (*finding.parts, *finding.alternatives) if part.origin])
    where = (origin.source.value, object_id, place.line, place.column, decoding, further)
    for exposure in finding.exposures or (Exposure(origin.path),):
        ref = stored(exposure.refs[0]) if exposure.refs else None
        yield (
            (leak_id, stored(exposure.path), members),
            (*where, *_brought(exposure), *_taken(exposure), len(exposure.refs), ref, None),
        )


def _brought(exposure: Exposure) -> tuple[str | None, str | None, datetime | None]:
    """The first commit that brought it, by whom and when."""
    if not exposure.introduced:
        return None, None, None
    first = exposure.introduced[0]
    return first.id, stored(f"{first.author} <{first.email}>" if first.email else first.author), first.date


def _taken(exposure: Exposure) -> tuple[str | None, datetime | None]:
    """The last commit that took it out, and when."""
    return (exposure.removed[-1].id, exposure.removed[-1].date) if exposure.removed else (None, None)


def _further(origin: Origin) -> dict[str, Any]:
    return {
        "path": stored(origin.path),
        "members": [stored(each) for each in origin.members],
        "source": origin.source.value,
        "object_id": origin.blob or origin.commit,
    }
