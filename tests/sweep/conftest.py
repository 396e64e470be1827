"""What tests of sweeps begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import http_server
from tests.sweep.organisation import Organisation


@pytest.fixture
def organisation(tmp_path: Path) -> Iterator[Organisation]:
    """One on a server of this machine, without repositories."""
    made = Organisation(tmp_path)
    made.served.mkdir()
    with http_server(made.served) as made.address:
        yield made


@pytest.fixture
def local(tmp_path: Path) -> Organisation:
    """One whose repositories lie in a directory."""
    made = Organisation(tmp_path)
    made.served.mkdir()
    return made
