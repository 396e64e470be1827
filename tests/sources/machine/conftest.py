"""A home for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.homes import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Empty, and of a key of its own in every test; nobody else can pass the directories above it."""
    return Home(tmp_path / "home", seed=81)


@pytest.fixture
def passable() -> Iterator[Home]:
    """A home that everybody may pass, as many are, so that the files in it decide."""
    with TemporaryDirectory() as directory:
        home = Home(Path(directory), seed=87)
        home.path.chmod(0o755)
        yield home
