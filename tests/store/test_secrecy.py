"""No secret is in a store, in no byte of any of its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import keys
from keysweep.store.knowledge import record_verdicts
from keysweep.store.opening import opened
from keysweep.verdicts import Status
from tests.emulators.keys import mint
from tests.postgres import Server
from tests.store.made import NOON, Sweeps, at, leak, verdict
from tests.stores import NewStore
from tests.sweep.organisation import RNG, Organisation, env_file


@pytest.fixture
def secrets() -> Iterator[list[str]]:
    """Every secret that this test makes."""
    made: list[str] = []
    listener = made.append
    keys.listeners.append(listener)
    yield made
    keys.listeners.remove(listener)


def test_no_secret_that_was_swept_is_in_any_byte_of_the_files(
    local: Organisation, postgres: Server, new_of: NewStore, kind: str, secrets: list[str]
) -> None:
    leaked = [mint(RNG) for _ in range(20)]
    local.add("app", {f"{number}.env": env_file(each) for number, each in enumerate(leaked)})
    address = new_of(kind)
    local.sweep("--db", address)
    with opened(address) as store:
        assert Sweeps(store).ask("SELECT COUNT(*) FROM leaks WHERE kind = 'key-pair'") == [(20,)]
        content = bytes_of(address, postgres)
    assert {each.secret for each in leaked} == set(secrets)
    for each in leaked:
        assert each.key_id.encode() in content
        assert each.secret.encode() not in content
        assert each.secret[8:30].encode() not in content


def test_no_secret_of_recorded_results_is_in_any_byte_of_the_files(
    address: str, postgres: Server, secrets: list[str]
) -> None:
    with opened(address) as store:
        sweeps = Sweeps(store)
        found = [leak() for _ in range(50)]
        sweeps.sweep({"app": [at(each, "a.env") for each in found]})
        with store.writing() as connection:
            record_verdicts(connection, [verdict(each, Status.LIVE) for each in found], NOON)
        content = bytes_of(address, postgres)
    assert len(secrets) == 50
    assert found[0].fingerprint.encode() in content
    assert not [each for each in secrets if each.encode() in content or each[8:30].encode() in content]


def bytes_of(address: str, postgres: Server) -> bytes:
    """All that is on disk of a store."""
    if not address.startswith("postgresql:"):
        path = Path(address)
        return b"".join(each.read_bytes() for each in path.parent.iterdir() if each.name.startswith(path.name))
    postgres.run("CHECKPOINT")
    data = postgres.directory / "data"
    files = [each for place in ("base", "pg_wal") for each in (data / place).rglob("*") if os.path.isfile(each)]
    return b"".join(each.read_bytes() for each in files)
