"""How fast an organisation's results are recorded: `python -m bench.store`.

A thousand repositories with a million places of twenty thousand leaks, each in a dozen repositories as forks and
copied files have them, through `recording.record` as a sweep calls it: one transaction a repository.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fixtures.keys import key_id
from keysweep.findings import (
    Accounting,
    Commit,
    Confidence,
    Exposure,
    Finding,
    Kind,
    Origin,
    Part,
    Place,
    Role,
    ScanResult,
    Secret,
    Severity,
    Source,
)
from keysweep.frozen import frozen
from keysweep.repositories import Listed
from keysweep.store import inventories, recording, runs
from keysweep.store.opening import Store, opened
from tests.postgres import server

_NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
_BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)


@frozen
class Size:
    """What is generated."""

    repositories: int = 1_000
    places: int = 1_000_000
    leaks: int = 20_000
    keys: int = 3_000
    paths: int = 4
    """Places of a leak in one repository."""


class Organisation:
    """Made-up results, the same for the same seed."""

    def __init__(self, size: Size, seed: int = 617) -> None:
        self.size = size
        self._chance = random.Random(seed)
        self._keys = [key_id(self._chance) for _ in range(size.keys)]
        self._fingerprints = [f"{self._chance.getrandbits(128):032x}" for _ in range(size.leaks)]

    def listed(self) -> list[Listed]:
        """Its repositories."""
        return [
            Listed(
                f"git.example.net/repository/{number}",
                f"team{number % 40}/app{number}",
                f"https://git.example.net/{number}.git",
            )
            for number in range(self.size.repositories)
        ]

    def swept(self, number: int) -> recording.Swept:
        """What a sweep of one repository found."""
        size = self.size
        each = size.places // size.repositories // size.paths
        fresh = size.leaks // size.repositories
        first = number * fresh
        own = range(first, first + fresh)
        others = self._chance.sample(range(size.leaks), min(size.leaks, each))
        which = list(dict.fromkeys((*own, *others)))[:each]
        result = ScanResult(
            tuple(map(self._finding, which)), (), 50_000_000, 4_000, Accounting(4_000, 4_000, 0, 0)
        )
        refs = {f"refs/heads/branch{each}": self._object() for each in range(10)}
        return recording.Swept(result, refs, self._object(), "rules", 1.5)

    def _finding(self, number: int) -> Finding:
        redacted = f"{self._fingerprints[number][:4]}…(40 characters)"
        place = Place(self._chance.randrange(1, 500), self._chance.randrange(1, 60), 0, 20)
        return Finding(
            Kind.PAIR,
            Severity.HIGH,
            Confidence.HIGH,
            ("the ID has the form of an access key", "the secret stands beside it in the same section"),
            Origin("", Source.HISTORY, blob=self._object()),
            (
                Part(Role.KEY_ID, Secret("", self._keys[number % self.size.keys]), place),
                Part(Role.SECRET, Secret("", redacted), place),
            ),
            self._fingerprints[number],
            key_id=self._keys[number % self.size.keys],
            account_id="123456789012",
            exposures=tuple(self._exposure(number, each) for each in range(self.size.paths)),
        )

    def _exposure(self, number: int, copy: int) -> Exposure:
        path = f"services/service{number % 97}/deploy/environment{copy}/settings-{number}.env"
        removed = (self._commit(),) if self._chance.random() < 0.5 else ()
        return Exposure(path, (self._commit(),), removed, () if removed else ("refs/heads/main",))

    def _commit(self) -> Commit:
        person = self._chance.randrange(300)
        date = _BEGINNING + timedelta(seconds=self._chance.randrange(370_000_000))
        return Commit(self._object(), f"Person {person}", f"person{person}@example.net", date, "add settings")

    def _object(self) -> str:
        return f"{self._chance.getrandbits(160):040x}"


def ingest(store: Store, organisation: Organisation) -> float:
    """Record all of it, as a sweep does; returns the seconds that this took, without making it up."""
    with store.writing() as connection:
        run = runs.new_run(connection, "bench", {}, "local", _NOW)
        inventories.add_to_run(connection, run, organisation.listed(), _NOW, "gitea")
        inventories.all_listed(connection, run, _NOW)
    with store.reading() as connection:
        waiting = runs.waiting(connection, run)
    taken = 0.0
    for number, task in enumerate(waiting):
        swept = organisation.swept(number)
        started = time.perf_counter()
        with store.writing() as connection:
            recording.record(connection, run, task.repository_id, swept, _NOW)
        taken += time.perf_counter() - started
        if sys.stderr.isatty():
            print(f"\r{number + 1} repositories, {taken:.1f} s", end="", file=sys.stderr)
    return taken


@contextmanager
def _stores(kinds: list[str]) -> Iterator[Iterator[tuple[str, str]]]:
    """Each kind of database and an address in it."""

    def each() -> Iterator[tuple[str, str]]:
        if "sqlite" in kinds:
            with tempfile.TemporaryDirectory(prefix="bench-store-", dir=os.environ.get("TMPDIR")) as directory:
                yield "sqlite", os.fspath(Path(directory) / "store.db")
        if "postgresql" in kinds:
            with server(durable=True) as running:
                running.run("CREATE DATABASE bench")
                yield "postgresql", running.address("bench")

    yield each()


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    options.add_argument("--places", type=int, default=Size().places)
    chosen = options.parse_args()
    scale = chosen.places / Size().places
    size = Size(int(1_000 * scale), chosen.places, int(20_000 * scale), int(3_000 * scale))
    print(f"{size.repositories} repositories, {size.places} places, {size.leaks} leaks, {size.keys} keys\n")
    print(f"{'database':<12}{'seconds':>9}{'places/s':>11}{'again':>9}{'places/s':>11}{'MB':>7}")
    with _stores(chosen.database or ["sqlite", "postgresql"]) as stores:
        for kind, address in stores:
            with opened(address) as store:
                first = ingest(store, Organisation(size))
                again = ingest(store, Organisation(size))
                with store.reading() as connection:
                    query = "SELECT COUNT(*) FROM places"
                    found = connection.exec_driver_sql(query).scalar_one()
                    bytes_ = connection.exec_driver_sql(_BYTES[kind]).scalar_one()
            rates = "".join(f"{seconds:>9.1f}{found / seconds:>11.0f}" for seconds in (first, again))
            print(f"{kind:<12}{rates}{bytes_ / 1e6:>7.0f}")


_BYTES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    "postgresql": "SELECT pg_database_size(current_database())",
}


if __name__ == "__main__":
    main()
