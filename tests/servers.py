"""Servers of git on this machine alone: smart HTTP by git's own backend, and ones that answer what they are told."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.repositories import environment


@contextmanager
def http_server(
    root: Path,
    *,
    login: str | None = None,
    redirects: dict[str, str] | None = None,
    status: int = 0,
    fails: Callable[[], bool] = lambda: False,
    port: int = 0,
    heard: list[str] | None = None,
    refuses: Callable[[str], bool] = lambda _: False,
) -> Iterator[str]:
    """The repositories below `root`, at the address that this gives.

    `login` is the `user:password` that it asks for, `redirects` are beginnings of paths and where they lead, and
    with a `status` it answers only that. Whenever it `fails` it answers 503; in
    `heard` it notes what each request says of who sends it, and with that it may be one that it `refuses`.
    """

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True  # which would make each answer wait for that of the reader

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            for beginning, target in (redirects or {}).items():
                if self.path.startswith(beginning):
                    self._head(302, Location=target + self.path.removeprefix(beginning))
                    return
            given = self.headers.get("Authorization", "")
            if heard is not None:
                heard.append(given)
            if refuses(given) or (
                login is not None and given != f"Basic {base64.b64encode(login.encode()).decode()}"
            ):
                self._head(401, **{"WWW-Authenticate": 'Basic realm="here"'})
            elif status or fails():
                self._head(status or 503)
            else:
                self._serve(body)

        def _serve(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            variables = {
                "GIT_PROJECT_ROOT": os.fspath(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"],
                env=environment() | variables,
                input=body,
                capture_output=True,
                check=False,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self._head(int(fields.pop("Status", "200").split()[0]), **fields)
            self.wfile.write(content)

        def _head(self, code: int, **fields: str) -> None:
            self.send_response(code)
            for name, value in fields.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # whoever comes after five others would be left to try again after a second

    with Server(("127.0.0.1", port), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def socket_server(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server of the git protocol that does `answer` for each connection, at the address that this gives."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        Thread(target=serve, daemon=True).start()
        yield f"git://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
