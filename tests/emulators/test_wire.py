"""Connections end, or do not, as they are told to."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.emulators.script import Reply, endless_continue, huge, slow_body, slow_headers
from tests.emulators.wire import Drop, Endless, Given, serve


def asked(given: Given, reads: Callable[[socket.socket], None]) -> None:
    """Have `reads` see what a server does that answers all with `given`."""
    with serve(lambda _: given) as endpoint:
        place = urlsplit(endpoint)
        with socket.create_connection((place.hostname or "", place.port or 0), timeout=5) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            reads(connection)


@pytest.mark.parametrize("line", [huge(), slow_body(), slow_headers(), endless_continue()])
def test_an_answer_without_an_end_goes_on_while_somebody_reads_it(line: Reply) -> None:
    given = line.what
    assert isinstance(given, Endless)

    def reads(connection: socket.socket) -> None:
        came, until = b"", time.monotonic() + 0.5
        while time.monotonic() < until:
            came += connection.recv(1 << 16)
        assert came.startswith(given.beginning + given.more[:10])
        assert len(came) >= len(given.beginning) + 3 * min(len(given.more), 1 << 10)
        connection.settimeout(2)
        assert connection.recv(1)

    asked(given, reads)


def test_a_reset_and_the_end_of_a_connection_differ() -> None:
    def is_reset(connection: socket.socket) -> None:
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    def ends(connection: socket.socket) -> None:
        assert connection.recv(1) == b""

    asked(Drop(), is_reset)
    asked(Drop(is_reset=False), ends)
