"""A real cluster of Dask on this machine: a scheduler and workers, each a process that a test can end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PATIENCE_SECONDS = 60


@dataclass
class Cluster:
    """A scheduler and its workers."""

    port: int
    options: tuple[str, ...] = ()
    """For scheduler and workers alike: certificates."""
    protocol: str = "tcp"
    environment: Mapping[str, str] | None = None
    log: Path | None = None
    """Where all that they say is kept."""
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"{self.protocol}://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        """Start it, and wait until it listens."""
        self.scheduler = self._started("scheduler", "--port", str(self.port))
        wait_for(self.port)

    def add_worker(self) -> subprocess.Popen[bytes]:
        """One more, with one thread and nobody who starts it again."""
        worker = self._started("worker", self.address, "--nthreads", "1", "--no-nanny")
        self.workers.append(worker)
        return worker

    def _started(self, *arguments: str) -> subprocess.Popen[bytes]:
        dask = shutil.which("dask", path=os.path.dirname(sys.executable)) or "dask"
        command = [dask, *arguments, "--host", self.address.rpartition(":")[0], "--no-dashboard", *self.options]
        environment = {**os.environ, **(self.environment or {})}
        if self.log is None:
            return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with self.log.open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def stop(self) -> None:
        """End all of it."""
        for each in (*self.workers, *([self.scheduler] if self.scheduler else [])):
            each.kill()
            each.wait()


@contextmanager
def cluster(workers: int, **settings: object) -> Iterator[Cluster]:
    """A cluster with so many workers."""
    made = Cluster(free_port(), **settings)  # type: ignore[arg-type]
    try:
        made.start_scheduler()
        for _ in range(workers):
            made.add_worker()
        yield made
    finally:
        made.stop()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens there."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nobody listens on {port}")
