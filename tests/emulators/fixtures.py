"""The emulators as pytest fixtures, one process for the whole session of a worker and clean for each test; and who asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.faults import Faults
from tests.emulators.faults import faults as start_faults
from tests.emulators.ministack import Ministack
from tests.emulators.ministack import ministack as start_ministack
from tests.emulators.moto import Moto
from tests.emulators.moto import moto as start_moto


@pytest.fixture(scope="session")
def running_ministack() -> Iterator[Ministack]:
    with start_ministack() as emulator:
        yield emulator


@pytest.fixture
def ministack(running_ministack: Ministack) -> Ministack:
    running_ministack.reset()
    return running_ministack


@pytest.fixture(scope="session")
def running_moto() -> Iterator[Moto]:
    with start_moto() as emulator:
        yield emulator


@pytest.fixture
def moto(running_moto: Moto) -> Moto:
    running_moto.reset()
    return running_moto


@pytest.fixture(scope="session")
def running_faults() -> Iterator[Faults]:
    with start_faults() as emulator:
        yield emulator


@pytest.fixture
def faults(running_faults: Faults) -> Faults:
    running_faults.reset()
    return running_faults


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Who runs keysweep, with a key that nobody knows and nothing of this machine's own AWS settings."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAQNZGKIQYZZZZZZZZ",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.fspath(tmp_path / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": os.fspath(tmp_path / "aws-credentials"),
        "XDG_CONFIG_HOME": os.fspath(tmp_path / "config"),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
