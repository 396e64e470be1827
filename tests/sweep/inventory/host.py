"""A host on this machine that answers with recorded shapes of an API, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Thread
from typing import Any

from keysweep.repositories import Listed
from keysweep.sweep.inventory import inventory
from keysweep.sweep.inventory.filters import Filters
from keysweep.sweep.inventory.targets import Target, target
from keysweep.sweep.inventory.waiting import Patience

IMPATIENT = Patience(tries=3, first_seconds=0.001, most_limits=3, most_seconds=10, secondary_seconds=0.001)


@dataclass(frozen=True)
class Reply:
    """An answer; `{base}` in its texts becomes the address of the host, `{other}` that of another one."""

    content: Any = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Host:
    """Answers by path, with or without its query; the last of several answers is given for ever."""

    replies: dict[str, Reply | list[Reply]]
    base: str = ""
    other: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Paths with their queries, and the Authorization that came with them."""

    def reply(self, path: str, authorization: str) -> Reply:
        self.asked.append((path, authorization))
        found = self.replies.get(
            path, self.replies.get(path.partition("?")[0], Reply({"message": "Not Found"}, 404))
        )
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    def filled(self, text: str) -> str:
        return text.replace("{base}", self.base).replace("{other}", self.other)

    @property
    def paths(self) -> list[str]:
        return [path.partition("?")[0] for path, _ in self.asked]


@contextmanager
def serving(
    replies: dict[str, Reply | list[Reply]], other: str = "", tls: SSLContext | None = None
) -> Iterator[Host]:
    """The host while it answers."""
    host = Host(replies, other=other)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply = host.reply(self.path, self.headers.get("Authorization", ""))
            body = (
                reply.content
                if isinstance(reply.content, bytes)
                else host.filled(json.dumps(reply.content)).encode()
            )
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, host.filled(value))
            if "Content-Type" not in reply.headers:
                self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
            server.handle_error = lambda *_: None  # type: ignore[method-assign] # whoever does not trust it hangs up
        host.base = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()


@dataclass
class Told:
    """What an inventory gave, and what it said."""

    listed: list[Listed] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    progress: list[int] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.listed]


def listing(
    named: str | Target,
    wanted: Filters | None = None,
    patience: Patience = IMPATIENT,
    goes_on: Callable[[], bool] | None = None,
) -> Told:
    """The inventory of a target, to its end."""
    told = Told()
    found = inventory(
        target(named) if isinstance(named, str) else named,
        wanted or Filters(),
        on_problem=told.problems.append,
        on_progress=told.progress.append,
        on_left_out=told.left_out.append,
        on_wait=told.waits.append,
        goes_on=goes_on,
        patience=patience,
    )
    told.listed.extend(found)
    return told
