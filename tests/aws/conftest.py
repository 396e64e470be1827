"""Who runs keysweep in tests that run it in their own process."""

from __future__ import annotations

import pytest

from tests.emulators.ministack import Ministack


@pytest.fixture
def ministack_as_root(operator: pytest.MonkeyPatch, ministack: Ministack) -> Ministack:
    """One in which the operator is the root user of an account."""
    key = ministack.root()
    operator.setenv("AWS_ACCESS_KEY_ID", key.key_id)
    operator.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    return ministack
