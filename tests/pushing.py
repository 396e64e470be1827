"""A server of git that is pushed to, and somebody who pushes: bare repositories, hooks and all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.repositories import Repository, environment
from tests.servers import http_server, socket_server


class Server:
    """A bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "--bare", "-b", "main", ".")
        self.git("config", "http.receivepack", "true")
        self.git("config", "receive.advertisePushOptions", "true")

    def git(self, *arguments: str, check: bool = True) -> str:
        command = ["git", "-C", os.fspath(self.path), *arguments]
        done = subprocess.run(command, env=environment(), capture_output=True, encoding="utf-8", check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def install(self, *options: str) -> str:
        """`keysweep install --server`, and what it says."""
        done = keysweep("install", "--server", os.fspath(self.path), *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def hook(self, text: str, name: str = "pre-receive") -> Path:
        path = self.path / "hooks" / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ") for line in lines)

    def has(self, name: str) -> bool:
        command = ["git", "-C", os.fspath(self.path), "cat-file", "-e", name]
        return subprocess.run(command, env=environment(), capture_output=True, check=False).returncode == 0

    def files(self) -> set[str]:
        """Every file below the repository; objects in quarantine are files too."""
        return {os.fspath(path.relative_to(self.path)) for path in self.path.rglob("*") if path.is_file()}


class Pusher(Repository):
    """A repository whose commits go to a server."""

    def push(self, to: str | Server, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        address = os.fspath(to.path) if isinstance(to, Server) else to
        done = subprocess.run(
            ["git", "-C", os.fspath(self.path), "push", "--no-verify", address, *(arguments or ("main",))],
            env=environment() | {"HOME": os.devnull} | variables,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done


def keysweep(
    *arguments: str, cwd: Path | None = None, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keysweep", *arguments],
        cwd=cwd,
        env=environment() | variables,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@contextmanager
def served(server: Server, how: str) -> Iterator[str]:
    """The address under which a server is pushed to."""
    root, name = server.path.parent, server.path.name
    if how == "path":
        yield os.fspath(server.path)
    elif how == "file":
        yield f"file://{server.path}"
    elif how == "http":
        with http_server(root) as address:
            yield f"{address}/{name}"
    else:
        with socket_server(lambda connection: _daemon(root, connection)) as address:
            yield f"{address}/{name}"


def _daemon(root: Path, connection: socket.socket) -> None:
    command = ["git", "daemon", "--inetd", "--export-all", "--enable=receive-pack", f"--base-path={root}"]
    subprocess.run(
        [*command, os.fspath(root)],
        env=environment(),
        stdin=connection.fileno(),
        stdout=connection.fileno(),
        stderr=subprocess.DEVNULL,
        check=False,
    )
