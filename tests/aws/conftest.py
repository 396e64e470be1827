"""What tests of verification share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws.emulators import ministack, moto
from tests.emulators.keys import ACCOUNT


@pytest.fixture(scope="session")
def ministack_server() -> Iterator[str]:
    """The address of a ministack that checks who asks and what they may do."""
    with ministack() as address:
        yield address


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The address of a moto that checks nothing."""
    with moto() as address:
        yield address


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Who runs keysweep: the root user of the emulated account, and nothing of this machine's own AWS settings."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.fspath(tmp_path / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": os.fspath(tmp_path / "aws-credentials"),
        "XDG_CONFIG_HOME": os.fspath(tmp_path / "config"),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
