"""Starts a server of another environment on a free port of this machine, and never outlives it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

_READY_SECONDS = 90
_TRIES = 3


@contextmanager
def server(
    command: Callable[[int], Sequence[str | Path]], variables: Callable[[int], Mapping[str, str]], ready: str
) -> Iterator[str]:
    """The address of the server that `command` and `variables` start on a port, once its path `ready` answers 200.

    Between finding a free port and listening on it somebody else may take it: then another one is tried.
    """
    for attempt in range(1, _TRIES + 1):
        with ExitStack() as stack:
            port = free_port()
            log = stack.enter_context(tempfile.TemporaryFile())
            process = stack.enter_context(_supervised(command(port), variables(port), log.fileno()))
            address = f"http://127.0.0.1:{port}"
            if _is_ready(process, address + ready):
                yield address
                return
            log.seek(0)
            said = log.read().decode(errors="replace")
        if attempt == _TRIES:
            raise RuntimeError(f"{command(port)[0]} did not start:\n{said}")


def post(address: str, body: bytes = b"") -> None:
    """POST to one of the emulator's own paths."""
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "text/plain"})
    with _opener().open(request, timeout=30):
        pass


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _supervised(
    command: Sequence[str | Path], variables: Mapping[str, str], log: int
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-I", Path(__file__).with_name("supervise.py"), *command],
        env=_clean() | dict(variables),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def _clean() -> dict[str, str]:
    """Our environment without what would point an emulator at this user's AWS, proxies or Python."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PYTHON")) and not name.lower().endswith("_proxy")
    }


def _is_ready(process: subprocess.Popen[bytes], address: str) -> bool:
    until = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            with _opener().open(address, timeout=5):
                return process.poll() is None
        except OSError:
            time.sleep(0.05)
    return False


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
