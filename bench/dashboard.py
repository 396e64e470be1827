"""What each query of the dashboard takes in a large store: `python -m bench.dashboard`.

Its address is one that `keysweep sweep --db` takes; an empty store is filled first. Without one it is a store made
for the purpose, in a temporary file of SQLite or on a server of PostgreSQL of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, select, text

from bench.filled import NOW, fill
from keysweep.store.opening import opened
from keysweep.store.queries import one_leak, overview, repositories, sweeps, trends
from keysweep.store.queries.chosen import NOBODY, TO_DO, Wanted, conditions
from keysweep.store.queries.listed import count, listed
from keysweep.store.schema import keys, leaks
from tests.postgres import server

_ROUNDS = 9
_GOAL_MS = 100
_Query = Callable[[Connection], object]

_WANTED = {
    "what needs somebody": Wanted(status=TO_DO),
    "everything": Wanted(),
    "live": Wanted(standing="live"),
    "live, nobody's, open": Wanted(standing="live", status="open", assignee=NOBODY),
    "canaries that were accepted": Wanted(standing="canary", status="accepted", kind="temporary-credentials"),
    "critical": Wanted(severity=4),
    "of the last week": Wanted(within_days=7),
    "older than 90 days": Wanted(status=TO_DO, older_days=90),
    "of one assignee": Wanted(assignee="judy"),
    "of nobody that exists": Wanted(assignee="mallory"),
    "in one repository": Wanted(repository="team-1/service-1"),
    "in many repositories": Wanted(repository="team-1/"),
    "search: a rare word": Wanted(search="m4711"),
    "search: a frequent word": Wanted(search="credentials"),
    "search: an author and a file": Wanted(search="alice17 settings.py"),
    "search: three letters": Wanted(search="con"),
    "search: a repository": Wanted(search="service-1234"),
    "search: beginning of a key ID": Wanted(search="AKIA"),
    "search: nothing of that name": Wanted(search="zebra"),
}


def _queries(connection: Connection) -> Iterator[tuple[str, _Query]]:
    account = connection.scalar(select(leaks.c.account_id).limit(1)) or ""
    key_id = connection.scalar(select(keys.c.key_id).limit(1)) or ""
    fingerprint = connection.scalar(select(leaks.c.fingerprint).limit(1)) or ""
    yield "overview: standings", overview.standings

    yield "overview: found this week", lambda it: overview.found_since(it, NOW - timedelta(days=7))
    yield "overview: not read", overview.unread
    yield "overview: last run", overview.last_run
    wanted = {**_WANTED, "of one account": Wanted(account=account), "search: a key ID": Wanted(search=key_id)}
    for name, each in wanted.items():
        yield f"leaks {name}: chosen", lambda it, each=each: conditions(it, each, NOW)  # type: ignore[misc]
        chosen = conditions(connection, each, NOW)
        yield f"leaks {name}: counted", lambda it, chosen=chosen: count(it, chosen)  # type: ignore[misc]
        for order in ("urgent", "newest", "oldest"):
            yield f"leaks {name}: {order}", lambda it, chosen=chosen, order=order: listed(it, chosen, order)  # type: ignore[misc]
    middle = f"2~{int((NOW - timedelta(days=100)).timestamp()) * 1_000_000}~5"
    every = conditions(connection, Wanted(status=TO_DO), NOW)
    yield "leaks: a page from the middle", lambda it: listed(it, every, "urgent", middle)
    yield "leak: itself", lambda it: one_leak.leak(it, fingerprint)
    yield "leak: places", lambda it: one_leak.places_of(it, 1)
    yield "leak: history", lambda it: (one_leak.verifications_of(it, key_id), one_leak.decisions_on(it, 1))
    for order in ("name", "leaks"):
        yield f"repositories by {order}", lambda it, o=order: repositories.repositories_page(it, "", "", o, 1)  # type: ignore[misc]
    yield "repositories: last page", lambda it: repositories.repositories_page(it, "", "", "name", 200)
    yield (
        "repositories: a search",
        lambda it: repositories.repositories_page(it, "unread", "service-99", "leaks", 1),
    )
    yield "repositories: states", repositories.states
    yield "repository: sweeps", lambda it: repositories.sweeps_of(it, 7)
    yield "runs", sweeps.newest_runs
    run = overview.last_run(connection)
    assert run
    yield "run: progress", lambda it: sweeps.progress(it, run, NOW)
    yield "run: failures", lambda it: sweeps.failures(it, run.id)
    edges = trends.edges_of_weeks(NOW)
    yield "trends: found", lambda it: trends.by_week(it, leaks.c.first_seen, edges)
    yield "trends: contained", lambda it: trends.by_week(it, leaks.c.contained, edges)
    yield "trends: times", lambda it: trends.times_to_contain(it, edges[0])


def main(address: str, number: int) -> None:
    with opened(address) as store:
        with store.reading() as connection:
            is_empty = connection.scalar(select(leaks.c.id).limit(1)) is None
        if is_empty:
            with store.writing() as connection:
                fill(connection, number)
            if not store.is_sqlite:
                with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.execute(text("VACUUM ANALYZE"))
        with store.reading() as connection:
            for name, query in _queries(connection):
                took = _median_ms(query, connection)
                print(f"{took:8.1f} ms  {'SLOW  ' if took > _GOAL_MS else '      '}{name}", flush=True)


def _median_ms(query: _Query, connection: Connection) -> float:
    taken = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        query(connection)
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken)


def _arguments() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--db", metavar="ADDRESS")
    options.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options.add_argument("--places", type=int, default=1_000_000)
    chosen = options.parse_args()
    if chosen.db:
        main(chosen.db, chosen.places)
    elif chosen.database == "postgresql":
        with server(durable=True) as running:
            running.run("CREATE DATABASE bench")
            main(running.address("bench"), chosen.places)
    else:
        with tempfile.TemporaryDirectory() as directory:
            main(str(Path(directory) / "large.db"), chosen.places)


if __name__ == "__main__":
    _arguments()
