"""What tests of commands that ask AWS begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.containing import HERE, Leak, Operator, found, leak
from tests.cli.rotating import Desk
from tests.cli.verifying import KEY, PAIR, SESSION, SESSION_KEY
from tests.emulators.accounts import Account
from tests.emulators.faults import Faults
from tests.emulators.ministack import Ministack
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


@pytest.fixture
def account(ministack: Ministack) -> Account:
    """The account of `containing.administrator`, worked on as its root user."""
    return Account(ministack, ministack.root(HERE))


@pytest.fixture
def leaked(operator: Operator, tmp_path: Path) -> Leak:
    """Commit keys and scan for them as the `operator` of the test; the findings file."""
    return lambda *keys: found(operator, leak(tmp_path / "r", *keys))


@pytest.fixture
def desk(ministack: Ministack, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Desk:
    """Somebody who rotates a key."""
    return Desk(ministack, tmp_path / "operator", capfd)
