"""Ready-made views for whoever asks the store in SQL, in the words of each database.

They hold no data, so they are made anew whenever the schema changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Boolean, Connection, column, select, table, text

from keysweep.frozen import frozen
from keysweep.store.schema import Moment


@frozen
class View:
    """A view, and what it says."""

    what: str
    columns: Mapping[str, str]
    """Name to meaning, in their order."""
    query: str
    moments: frozenset[str] = frozenset()
    """Of the columns those that are moments, which SQLite has as text."""
    flags: frozenset[str] = frozenset()
    """Of the columns those that say yes or no, which SQLite has as numbers."""


_LEAK = {
    "leak_id": "number of the leak, as tables have it",
    "fingerprint": "names the leak in every report and every store",
}

VIEWS: Mapping[str, View] = {
    "leak_overview": View(
        "each leak, with what is known of its key",
        {
            **_LEAK,
            "kind": "as in findings: `key-pair` and so on",
            "key_id": "empty where a secret stands alone",
            "account_id": "as AWS says, or decoded from the key ID",
            "severity": "`critical`, `high`, `medium`, `low` or `info`",
            "standing": "`live`, `dead`, `switched-off` and so on",
            "status": "what people say: `open`, `real`, `false`, `accepted` or `resolved`",
            "assignee": "who looks after it",
            "principal": "`root`, `user`, `role`, `federated-user` or `other`",
            "owner": "name of the user or role",
            "arn": "as AWS says",
            "checked": "when AWS was asked last",
            "containment": "what keysweep did last: `switched-off`, `limited`, `undone`, `unknown`",
            "first_seen": "by a sweep",
            "last_seen": "by a sweep",
            "introduced": "when a commit brought it first, in any repository",
            "contained": "when it was first known to be harmless",
            "places": "where it stands",
            "repositories": "in which it stands",
        },
        """
        SELECT l.id AS leak_id, l.fingerprint, l.kind, l.key_id,
               COALESCE(k.account_id, l.account_id) AS account_id,
               CASE l.severity WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' WHEN 1 THEN 'low'
                    ELSE 'info' END AS severity,
               l.standing, l.status, l.assignee, k.principal, k.owner, k.arn, k.checked,
               k.contained AS containment,
               l.first_seen, l.last_seen, l.introduced, l.contained, l.places, l.repositories
        FROM leaks l LEFT JOIN keys k ON k.key_id = l.key_id
        """,
        frozenset({"checked", "first_seen", "last_seen", "introduced", "contained"}),
    ),
    "place_overview": View(
        "each place that still has a leak, with its repository",
        {
            "place_id": "number of the place",
            **_LEAK,
            "key_id": "empty where a secret stands alone",
            "standing": "of the leak",
            "status": "of the leak",
            "repository_id": "number of the repository",
            "repository": "its name in full",
            "path": "of the file",
            "line": "in it, from 1",
            "commit_id": "that brought it",
            "author": "of that commit",
            "introduced": "when that commit was written",
            "removed_by": "the commit that took it out",
            "removed": "when that commit was written",
            "refs": "how many have it in their newest commit: 0 where it is in history alone",
            "first_seen": "by a sweep",
        },
        """
        SELECT p.id AS place_id, l.id AS leak_id, l.fingerprint, l.key_id, l.standing, l.status,
               r.id AS repository_id, r.name AS repository, p.path, p.line, p.commit_id, p.author, p.introduced,
               p.removed_by, p.removed, p.refs, p.first_seen
        FROM places p JOIN leaks l ON l.id = p.leak_id JOIN repositories r ON r.id = p.repository_id
        WHERE p.gone IS NULL
        """,
        frozenset({"introduced", "removed", "first_seen"}),
    ),
    "repository_overview": View(
        "each repository that is still listed, with how many leaks it has",
        {
            "repository_id": "number of the repository",
            "name": "in full",
            "holds": "`code`, `wiki` or `snippet`",
            "state": "`new`, `swept`, `incomplete`, `failed` or `quarantined`",
            "reason": "why it is in that state",
            "swept": "when it was last swept whole",
            "archived": "whether its host says so",
            "private": "whether its host says so; empty where it does not",
            "fork_of": "what it was forked from",
            "leaks": "that stand in it",
            "live_leaks": "of these, live",
        },
        """
        SELECT r.id AS repository_id, r.name, r.holds, r.state, r.reason, r.swept, r.archived, r.private,
               r.fork_of,
               COUNT(DISTINCT p.leak_id) AS leaks,
               COUNT(DISTINCT CASE WHEN l.standing = 'live' THEN l.id END) AS live_leaks
        FROM repositories r
        LEFT JOIN places p ON p.repository_id = r.id AND p.gone IS NULL
        LEFT JOIN leaks l ON l.id = p.leak_id
        WHERE r.gone IS NULL
        GROUP BY r.id, r.name, r.holds, r.state, r.reason, r.swept, r.archived, r.private, r.fork_of
        """,
        frozenset({"swept"}),
        frozenset({"archived", "private"}),
    ),
    "key_overview": View(
        "each leaked key, whose it is and how widely it is spread",
        {
            "key_id": "the key",
            "account_id": "as AWS says, or decoded from the key ID",
            "principal": "`root`, `user`, `role`, `federated-user` or `other`",
            "owner": "name of the user or role",
            "arn": "as AWS says",
            "status": "what AWS last said; empty where nobody asked",
            "reason": "how that is known",
            "checked": "when AWS was asked last",
            "containment": "what keysweep did last",
            "contained_when": "when it did that",
            "contained_by": "who ran it, as AWS names them",
            "leaks": "of this key: with each secret that was found beside it, and without",
            "places": "where they stand",
        },
        """
        SELECT k.key_id, k.account_id, k.principal, k.owner, k.arn, k.status, k.reason, k.checked,
               k.contained AS containment, k.contained_when, k.contained_by,
               COUNT(l.id) AS leaks, SUM(l.places) AS places
        FROM keys k JOIN leaks l ON l.key_id = k.key_id
        GROUP BY k.key_id, k.account_id, k.principal, k.owner, k.arn, k.status, k.reason, k.checked, k.contained,
                 k.contained_when, k.contained_by
        """,
        frozenset({"checked", "contained_when"}),
    ),
    "time_to_contain": View(
        "how long each leak took from when a sweep found it until it was known to be harmless",
        {
            **_LEAK,
            "key_id": "its key",
            "first_seen": "by a sweep",
            "contained": "when it was first known to be harmless",
            "seconds": "between the two",
        },
        """
        SELECT id AS leak_id, fingerprint, key_id, first_seen, contained, {seconds} AS seconds
        FROM leaks WHERE contained IS NOT NULL
        """,
        frozenset({"first_seen", "contained"}),
    ),
    "days": View(
        "how many leaks were found, and how many became harmless, on each day",
        {
            "day": "in UTC, as `2026-01-31`; days on which nothing happened are left out",
            "found": "leaks that a sweep found first on that day",
            "contained": "leaks that were known to be harmless from that day on",
        },
        """
        SELECT day, SUM(found) AS found, SUM(contained) AS contained FROM (
            SELECT {day_found} AS day, 1 AS found, 0 AS contained FROM leaks
            UNION ALL
            SELECT {day_contained} AS day, 0 AS found, 1 AS contained FROM leaks WHERE contained IS NOT NULL
        ) each_leak GROUP BY day
        """,
    ),
}
"""In an order in which they can be made."""

_WORDS = {
    "sqlite": {
        "seconds": "CAST(ROUND((julianday(contained) - julianday(first_seen)) * 86400) AS INTEGER)",
        "day_found": "date(first_seen)",
        "day_contained": "date(contained)",
    },
    "postgresql": {
        "seconds": "ROUND(EXTRACT(EPOCH FROM contained - first_seen))::bigint",
        "day_found": "to_char(first_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        "day_contained": "to_char(contained AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    },
}


def drop_views(connection: Connection) -> None:
    """Take them away, so that the tables below them can change."""
    for name in reversed(tuple(VIEWS)):
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))


def make_views(connection: Connection) -> None:
    """Make all of them."""
    words = _WORDS[connection.dialect.name]
    for name, view in VIEWS.items():
        connection.execute(text(f"CREATE VIEW {name} AS {view.query.format(**words)}"))


def rows_of(connection: Connection, name: str) -> Iterator[tuple[Any, ...]]:
    """All rows of a view, with values as what they are, in the order of its first column."""
    view = VIEWS[name]
    types = dict.fromkeys(view.moments, Moment()) | dict.fromkeys(view.flags, Boolean())
    columns = [column(each, types.get(each)) for each in view.columns]
    query = select(*columns).select_from(table(name)).order_by(columns[0])
    for row in connection.execution_options(yield_per=1_000).execute(query):
        yield tuple(row)
