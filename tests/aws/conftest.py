"""Who runs keysweep in tests that run it in their own process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.emulators.ministack import Ministack


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


@pytest.fixture
def ministack_as_root(operator: pytest.MonkeyPatch, ministack: Ministack) -> Ministack:
    """One in which the operator is the root user of an account."""
    key = ministack.root()
    operator.setenv("AWS_ACCESS_KEY_ID", key.key_id)
    operator.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    return ministack
