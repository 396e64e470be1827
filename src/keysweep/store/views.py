"""Ready-made views for whoever asks the store in SQL, in the words of each database.

They hold no data, so they are made anew whenever the schema changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

VIEWS: Mapping[str, tuple[str, str]] = {
    "leak_overview": (
        "each leak, with what is known of its key",
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
    ),
    "place_overview": (
        "each place that still has a leak, with its repository",
        """
        SELECT p.id AS place_id, l.id AS leak_id, l.fingerprint, l.key_id, l.standing, l.status,
               r.id AS repository_id, r.name AS repository, p.path, p.line, p.commit_id, p.author, p.introduced,
               p.removed_by, p.removed, p.refs, p.first_seen
        FROM places p JOIN leaks l ON l.id = p.leak_id JOIN repositories r ON r.id = p.repository_id
        WHERE p.gone IS NULL
        """,
    ),
    "repository_overview": (
        "each repository, with how many leaks it has",
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
    ),
    "key_overview": (
        "each leaked key, whose it is and how widely it is spread",
        """
        SELECT k.key_id, k.account_id, k.principal, k.owner, k.arn, k.status, k.reason, k.checked,
               k.contained AS containment, k.contained_when, k.contained_by,
               COUNT(l.id) AS leaks, SUM(l.places) AS places
        FROM keys k JOIN leaks l ON l.key_id = k.key_id
        GROUP BY k.key_id, k.account_id, k.principal, k.owner, k.arn, k.status, k.reason, k.checked, k.contained,
                 k.contained_when, k.contained_by
        """,
    ),
    "time_to_contain": (
        "how long each leak took from when a sweep found it until it was known to be harmless",
        """
        SELECT id AS leak_id, fingerprint, key_id, first_seen, contained, {seconds} AS seconds
        FROM leaks WHERE contained IS NOT NULL
        """,
    ),
    "days": (
        "how many leaks were found, and how many became harmless, on each day",
        """
        SELECT day, SUM(found) AS found, SUM(contained) AS contained FROM (
            SELECT {day_found} AS day, 1 AS found, 0 AS contained FROM leaks
            UNION ALL
            SELECT {day_contained} AS day, 0 AS found, 1 AS contained FROM leaks WHERE contained IS NOT NULL
        ) each_leak GROUP BY day
        """,
    ),
}
"""Name to what it holds, and the query."""

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
    for name, (_, query) in VIEWS.items():
        connection.execute(text(f"CREATE VIEW {name} AS {query.format(**words)}"))
