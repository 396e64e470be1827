"""A store as large as that of a large organisation, made without sweeping anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, insert

from fixtures.keys import key_id
from keysweep.store import schema
from keysweep.store.words import index_places

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_STANDINGS = ("live", "unverified", "dead", "switched-off", "inactive", "wrong-secret", "example", "canary")
_WEIGHTS = (3, 30, 45, 8, 4, 4, 5, 1)
_STATUSES = ("open", "real", "false", "accepted", "resolved")
_DIRECTORIES = ("src", "config", "deploy/prod", "scripts", "infra/terraform", "app/settings", "ci", "notebooks")
_FILES = ("credentials", "settings.py", "app.properties", ".env", "main.tf", "values.yaml", "run.sh", "backup.sql")
_NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
_BATCH = 5_000


def fill(connection: Connection, places: int) -> None:
    """So many places: of a fifth as many leaks, in a fiftieth as many repositories, the same every time."""
    rng = random.Random(places)
    number_of_leaks, number_of_repositories = max(1, places // 5), max(1, places // 50)
    _put(connection, schema.repositories, _repositories(rng, number_of_repositories))
    accounts = [rng.randrange(10**11, 10**12) for _ in range(300)]
    ids = [key_id(rng, account=rng.choice(accounts)) for _ in range(number_of_leaks)]
    _put(connection, schema.keys, _keys(rng, ids))
    _put(connection, schema.leaks, _leaks(rng, ids, accounts))
    _put(connection, schema.places, _places(rng, places, number_of_leaks, number_of_repositories))
    index_places(connection, 0)
    _put(connection, schema.verifications, _verifications(rng, ids))
    _put(connection, schema.runs, _runs())
    _put(connection, schema.tasks, _tasks(rng, number_of_repositories))
    connection.exec_driver_sql("ANALYZE")


def _put(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(rows, _BATCH)):
        connection.execute(insert(table), batch)


def _repositories(rng: random.Random, count: int) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        name = f"team-{number % 97}/service-{number}"
        state = rng.choices(("swept", "incomplete", "failed"), (96, 3, 1))[0]
        yield {
            "identity": f"git.example.net/{number}",
            "name": name,
            "url": f"https://git.example.net/{name}.git",
            "holds": "code",
            "host_kind": "gitlab",
            "page": f"https://git.example.net/{name}",
            "size_bytes": rng.randrange(10**5, 10**9),
            "archived": False,
            "topics": [],
            "first_seen": NOW - timedelta(days=200),
            "last_seen": NOW,
            "state": state,
            "reason": "" if state == "swept" else "the mirror could not be brought up to date",
            "swept": NOW,
            "scanned_bytes": 10**6,
            "objects": 1000,
            "leaks": rng.randrange(60),
        }


def _keys(rng: random.Random, ids: list[str]) -> Iterator[dict[str, Any]]:
    for each in ids:
        yield {
            "key_id": each,
            "status": "dead",
            "reason": "AWS does not know it",
            "checked": NOW - timedelta(days=rng.randrange(90)),
            "contained_reason": "",
        }


def _leaks(rng: random.Random, ids: list[str], accounts: list[int]) -> Iterator[dict[str, Any]]:
    for each in ids:
        standing = rng.choices(_STANDINGS, _WEIGHTS)[0]
        found = NOW - timedelta(seconds=rng.randrange(200 * 86400))
        is_off = standing in ("switched-off", "inactive")
        yield {
            "fingerprint": blake2b(each.encode(), digest_size=16).hexdigest(),
            "kind": rng.choices(("key-pair", "access-key-id", "temporary-credentials"), (80, 15, 5))[0],
            "key_id": each,
            "account_id": str(rng.choice(accounts)),
            "severity": 4 if standing == "live" else rng.choice((1, 2, 3)),
            "found_severity": 3,
            "confidence": 2,
            "reasons": ["it stands beside the name aws_secret_access_key"],
            "parts": [
                {"role": "access-key-id", "redacted": each},
                {"role": "secret-access-key", "redacted": "AbCd…[40 characters]"},
            ],
            "standing": standing,
            "status": rng.choices(_STATUSES, (85, 5, 5, 3, 2))[0],
            "assignee": rng.choice((None, None, *_NAMES)),
            "first_seen": found,
            "last_seen": NOW,
            "introduced": found - timedelta(days=300),
            "usable": found if standing == "live" or is_off else None,
            "contained": found + timedelta(hours=rng.randrange(1, 900)) if is_off or standing == "dead" else None,
            "places": 5,
            "repositories": 3,
        }


def _places(rng: random.Random, count: int, leaks: int, repositories: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        name = rng.choice(_NAMES)
        brought = NOW - timedelta(seconds=rng.randrange(900 * 86400))
        yield {
            "leak_id": number % leaks + 1,
            "repository_id": rng.randrange(repositories) + 1,
            "path": f"{rng.choice(_DIRECTORIES)}/m{number % 7919}/{rng.choice(_FILES)}",
            "members": [],
            "source": "history",
            "object_id": f"{number:040x}",
            "line": rng.randrange(1, 400),
            "column": 12,
            "decoding": [],
            "further": [],
            "commit_id": f"{number * 7:040x}",
            "author": f"{name.title()} Example <{name}{number % 500}@example.net>",
            "introduced": brought,
            "refs": rng.choice((0, 1, 2)),
            "ref": "refs/heads/main",
            "first_seen": NOW,
            "gone": NOW if rng.random() < 0.05 else None,
        }


def _verifications(rng: random.Random, ids: list[str]) -> Iterator[dict[str, Any]]:
    for each in ids:
        yield {
            "key_id": each,
            "status": rng.choice(("live", "dead")),
            "reason": "AWS answered",
            "checked": NOW - timedelta(days=rng.randrange(90)),
            "asked": True,
        }


def _runs() -> Iterator[dict[str, Any]]:
    for number in range(60):
        began = NOW - timedelta(days=number * 3)
        yield {
            "id": f"{began:%Y%m%dt%H%M%Sz}-{number:06x}",
            "target": "gitlab:platform",
            "settings": {},
            "engine": "local",
            "version": "0.1.0",
            "state": "running" if number == 0 else "done",
            "started": began,
            "beat": began + timedelta(hours=2),
            "ended": None if number == 0 else began + timedelta(hours=2),
            "listed": True,
            "notes": [],
            "problems": [],
        }


def _tasks(rng: random.Random, repositories: int) -> Iterator[dict[str, Any]]:
    run = next(_runs())["id"]
    for number in range(1, repositories + 1):
        state = rng.choices(("swept", "unchanged", "waiting", "failed"), (50, 30, 18, 2))[0]
        yield {
            "run_id": run,
            "repository_id": number,
            "state": state,
            "attempts": 0,
            "reason": "the host did not answer" if state == "failed" else "",
            "ended": None if state == "waiting" else NOW,
            "seconds": 2.0,
            "scanned_bytes": 10**6,
            "findings": 3,
            "fresh": 1,
        }
