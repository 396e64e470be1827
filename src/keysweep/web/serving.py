"""The dashboard on a socket, until somebody ends it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from keysweep.errors import UsageError
from keysweep.frozen import frozen

_ENDING_SECONDS = 3
_REQUEST_SECONDS = 15
_MOST_AT_ONCE = 200


@frozen
class Tls:
    """Files of a certificate, with those that it is signed by, and of its key."""

    certificate: str
    key: str


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UsageError where none can."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, where = found[0]
        made = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host} is no address of this machine: name one with --host.") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(where)
        made.listen(128)
    except OSError as error:
        made.close()
        raise UsageError(
            f"port {port} of {host} cannot be listened on ({error.strerror}): name another with --port, or 0 for "
            "any that is free."
        ) from error
    return made


def prepared(application: Any, tls: Tls | None = None) -> uvicorn.Server:
    """A server that can run. Raises UsageError for a certificate of no use."""
    config = uvicorn.Config(
        application,
        http=_Impatient,
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        ws="none",
        lifespan="off",
        limit_concurrency=_MOST_AT_ONCE,
        timeout_keep_alive=_REQUEST_SECONDS,
        timeout_graceful_shutdown=_ENDING_SECONDS,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or "they do not belong together"
        raise UsageError(
            f"the certificate or its key cannot be used ({why}): check --tls-cert and --tls-key."
        ) from error
    return uvicorn.Server(config)


class _Impatient(H11Protocol):
    """HTTP with whoever sends a whole request in time.

    uvicorn waits for ever for a first one, and for the rest of one that has begun: a few connections that say
    nothing would keep everybody else out.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next one."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        if self._waiting:
            self._waiting.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting:
            self._waiting.cancel()
        self._waiting = self.loop.call_later(_REQUEST_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.conn.their_state in {h11.IDLE, h11.SEND_BODY}:
            self.transport.close()
