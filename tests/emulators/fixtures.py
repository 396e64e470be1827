"""The emulators as pytest fixtures: one process for the whole session of a worker, and clean for each test."""

from __future__ import annotations

from collections.abc import Iterator

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
