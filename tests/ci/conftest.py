"""What tests of CI systems begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ci.forge import Forge


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)
