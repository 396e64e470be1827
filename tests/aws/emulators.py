"""Real emulators of AWS on loopback, each in an environment of its own because each pins its own botocore."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VENVS = Path(__file__).parents[2] / ".venv"
ACCOUNT = "123456789012"


def program(name: str, requirement: str, script: str) -> Path:
    """The `script` of an emulator, installed now if it was not before."""
    place = VENVS / name
    found = place / "bin" / script
    VENVS.mkdir(exist_ok=True)
    with (VENVS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            subprocess.run([place / "bin" / "pip", "install", "--quiet", requirement], check=True)
    return found


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def running(command: list[str | Path], port: int, ready: str, log: Path, **variables: str) -> Iterator[str]:
    """A server until the block ends; its address once `ready` answers."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**kept, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
        )
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until and process.poll() is None:
                try:
                    with urllib.request.urlopen(address + ready, timeout=1):
                        break
                except OSError:
                    time.sleep(0.05)
            else:
                raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))
            yield address
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def ministack(directory: Path) -> Iterator[str]:
    port = free_port()
    command: list[str | Path] = [program("ministack", "ministack==1.5.33", "ministack")]
    with running(
        command,
        port,
        "/_ministack/ready",
        directory / "ministack.log",
        AUTH="true",
        BIND_HOST="127.0.0.1",
        IOT_MTLS_ENABLED="0",
        GATEWAY_PORT=str(port),
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        CLOUDTRAIL_RECORDING="1",
    ) as address:
        yield address


@contextmanager
def moto(directory: Path) -> Iterator[str]:
    port = free_port()
    command: list[str | Path] = [program("moto", "moto[server]==5.2.5", "moto_server")]
    with running([*command, "-H", "127.0.0.1", "-p", str(port)], port, "/moto-api/", directory / "moto.log") as it:
        yield it
