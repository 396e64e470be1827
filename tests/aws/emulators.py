"""ministack and moto as they are, without what `tests/emulators` adds: for tests of permissions and clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.emulators import process
from tests.emulators.environments import bin_of
from tests.emulators.keys import ACCOUNT


@contextmanager
def ministack() -> Iterator[str]:
    """The address of one that checks who asks and what they may do."""

    def variables(port: int) -> dict[str, str]:
        return {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "GATEWAY_PORT": str(port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "CLOUDTRAIL_RECORDING": "1",
        }

    with process.server(lambda _port: [bin_of("ministack") / "ministack"], variables, "/_ministack/ready") as it:
        yield it


@contextmanager
def moto() -> Iterator[str]:
    """The address of one that checks nothing."""

    def command(port: int) -> list[str | Path]:
        return [bin_of("moto") / "moto_server", "-H", "127.0.0.1", "-p", str(port)]

    with process.server(command, lambda _port: {}, "/moto-api/") as it:
        yield it
