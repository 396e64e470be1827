"""HTTP as the emulators speak it: a request, an answer, and a server that turns one into the other."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import parse_qsl

_LONGEST_SECONDS = 10.0
"""So long an answer without an end goes on where the client does not give up: no test waits so long for one."""


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters of the call: those of a form, or of JSON with each value that is not text as JSON."""
        if "x-amz-target" in self.headers:
            content = json.loads(self.body or b"{}")
            return {key: value if isinstance(value, str) else json.dumps(value) for key, value in content.items()}
        form = self.body.decode() if self.method == "POST" else self.target.partition("?")[2]
        return dict(parse_qsl(form, keep_blank_values=True))

    @cached_property
    def action(self) -> str:
        """The operation's name, as in `GetCallerIdentity`."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2] or self.parameters.get("Action", "")


@dataclass(frozen=True)
class Answer:
    """What the client gets."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """No answer, until the client gives up."""


@dataclass(frozen=True)
class Endless:
    """An answer, or what may become one, that goes on until the client gives up."""

    beginning: bytes
    more: bytes
    pause_seconds: float = 0.0
    """Before each `more`."""


@dataclass(frozen=True)
class Drop:
    """The end of the connection: by a reset, or as if all had been said."""

    is_reset: bool = True


Given = Answer | Endless | Hang | Drop
"""What comes of a request."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away, which tests of time-outs do; an answer that fails is a 500."""


@contextmanager
def serve(answer: Callable[[Request], Given]) -> Iterator[str]:
    """A server that gives each request's `answer`, at the address that this gives."""
    closing = Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            request = Request(
                self.command,
                self.path,
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(int(self.headers.get("Content-Length", 0))),
                datetime.now(UTC),
            )
            try:
                given: Given = answer(request)
            except Exception as error:  # noqa: BLE001 - whatever broke, the test is to see it and not to wait
                given = Answer(500, f"the emulator's wrapper failed: {error!r}".encode())
            match given:
                case Answer():
                    self._send(given)
                case Endless():
                    self._go_on(given)
                case Hang():
                    self._wait()
                case Drop():
                    if given.is_reset:
                        # Closing with no time to linger sends RST instead of FIN.
                        linger = struct.pack("ii", 1, 0)
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        self.connection.close()
                    self.close_connection = True

        def _send(self, given: Answer) -> None:
            self.send_response_only(given.status)
            # An answer may bring a Date of its own: that of a server with another idea of the time.
            for name, value in {"Date": self.date_time_string(), **given.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)

        def _go_on(self, given: Endless) -> None:
            until = time.monotonic() + _LONGEST_SECONDS
            with suppress(OSError):  # the client gave up
                self.connection.sendall(given.beginning)
                while not closing.wait(given.pause_seconds) and time.monotonic() < until:
                    self.connection.sendall(given.more)
            self.close_connection = True

        def _wait(self) -> None:
            self.connection.settimeout(0.2)
            while not closing.is_set():
                try:
                    if not self.connection.recv(1):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            closing.set()
            server.shutdown()
