"""What tests of `keysweep verify` begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.verifying import KEY, PAIR, SESSION, SESSION_KEY
from tests.emulators.faults import Faults
from tests.emulators.script import expired_token
from tests.repositories import Repository


@pytest.fixture
def sts(faults: Faults) -> Faults:
    """Knows both keys of `verifying`; the session of one has expired."""
    faults.add(KEY)
    faults.add(SESSION_KEY, expired_token(), arn="arn:aws:sts::123456789012:assumed-role/deploy/me")
    return faults


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty one."""
    return Repository(tmp_path / "r")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with both keys of `verifying`."""
    (tmp_path / "deploy.ini").write_text(PAIR)
    (tmp_path / "session.sh").write_text(SESSION)
    return tmp_path
