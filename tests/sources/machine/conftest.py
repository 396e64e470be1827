"""A home for every test that asks for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.homes import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Empty, and of a key of its own in every test."""
    return Home(tmp_path / "home", seed=81)
