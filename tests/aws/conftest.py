"""What tests of verification share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.sts import Sts, serve


@pytest.fixture
def sts() -> Iterator[Sts]:
    """An STS of one's own."""
    with serve() as server:
        yield server
