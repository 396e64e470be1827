"""A PostgreSQL server of the tests' own: found, or installed by `python -m tests.postgres`, as `tests/run` does.

It lies in a directory below /tmp that only its user can enter, and listens on a socket there (where everybody who gets
that far is trusted) and on a port of loopback (where a password is asked for). `TEST_POSTGRES` names the directory of
the programs where they are not found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.emulators.process import free_port

_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
_OTHERS = ("postgres", "nobody")
"""Users as whom a server can run where the tests are root, which PostgreSQL refuses to be."""
_READY_SECONDS = 60
_SUPERVISE = Path(__file__).parent / "emulators" / "supervise.py"
_CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}
"""A test may kill the server, but the system stays."""
_SETTINGS = {
    "max_connections": "40",
    "timezone": "Asia/Kathmandu",  # which nobody may notice
    "log_min_messages": "error",
}
PASSWORD = "loopback-only"
"""Of every user, on the port of loopback."""


def programs() -> Path | None:
    """The directory of `initdb` and `postgres`, the newest where there are several."""
    named = os.environ.get("TEST_POSTGRES")
    if named:
        return Path(named)
    found = [path for place in _PLACES for path in Path("/").glob(place[1:]) if (path / "initdb").exists()]
    if found:
        return max(found, key=lambda path: [int(part) for part in path.parts if part.isdigit()])
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@dataclass
class Server:
    """A server, and how it is reached."""

    directory: Path
    programs: Path
    port: int
    prefix: tuple[str, ...] = ()
    """Of every command: who it is run as."""
    is_durable: bool = False
    """Whether it writes as an operator's server does, for benchmarks."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = _SETTINGS | {
            "unix_socket_directories": os.fspath(self.directory),
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
        }
        settings |= {} if self.is_durable else _CARELESS
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server = [*self.prefix, os.fspath(self.programs / "postgres"), "-D", os.fspath(self.directory / "data")]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", _SUPERVISE, *server, *options],
                env=_clean(),
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + _READY_SECONDS
        while self.process.poll() is None and time.monotonic() < until:
            with suppress(psycopg.OperationalError), self.connected():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{(self.directory / 'log').read_text(errors='replace')}")

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process is None:
            return
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process = None

    def stop(self) -> None:
        """End it and all its processes, so that nobody writes into its directory any more."""
        if self.process is not None:
            stop = [*self.prefix, os.fspath(self.programs / "pg_ctl"), "-D", os.fspath(self.directory / "data")]
            subprocess.run(
                [*stop, "stop", "-m", "immediate", "-w"],
                env=_clean(),
                cwd="/",
                stdout=subprocess.DEVNULL,
                check=False,
            )
            self.kill()

    def connected(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection that commits each statement; the server's owner made it."""
        return psycopg.connect(
            host=os.fspath(self.directory), port=self.port, user="owner", dbname=database, autocommit=True
        )

    def run(self, statement: str) -> None:
        """Run one statement as the server's owner."""
        with self.connected() as connection:
            connection.execute(statement.encode())

    def address(self, database: str, user: str = "owner") -> str:
        """As `--db` takes it."""
        return f"postgresql://{user}@/{database}?host={self.directory}&port={self.port}"

    def address_on_loopback(self, database: str, user: str = "owner") -> str:
        """The same by a port, which asks for the password."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"


@contextmanager
def server(*, durable: bool = False) -> Iterator[Server]:
    """A new server, gone afterwards with all that it has."""
    found = programs()
    if found is None:
        raise RuntimeError(
            "the tests of stores need PostgreSQL: install it, or name its programs in TEST_POSTGRES."
        )
    short = "/tmp" if os.path.isdir("/tmp") else None  # the name of a socket has to be short
    with tempfile.TemporaryDirectory(prefix="postgres-", dir=short) as name:
        made = Server(Path(name), found, free_port(), _as_somebody(name), is_durable=durable)
        password = made.directory / "password"
        password.write_text(PASSWORD, encoding="ascii")
        password.chmod(0o644)  # in a directory that nobody else can enter
        _initialise(made, password)
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _initialise(made: Server, password: Path) -> None:
    command = [*made.prefix, os.fspath(made.programs / "initdb"), "-D", os.fspath(made.directory / "data")]
    options = ["-U", "owner", "-A", "trust", f"--pwfile={password}", "-E", "UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run([*command, *options], env=_clean(), cwd="/", capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr.decode(errors='replace')}")
    rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (made.directory / "data" / "pg_hba.conf").write_text(rules, encoding="ascii")


def _as_somebody(directory: str) -> tuple[str, ...]:
    """What makes a command run as somebody who is not root, and lets them write into `directory`."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return ()
    import pwd

    for name in _OTHERS:
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            os.chown(directory, user.pw_uid, user.pw_gid)
            return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    raise RuntimeError(f"PostgreSQL refuses to run as root, and there is no user {' or '.join(_OTHERS)}.")


def _clean() -> dict[str, str]:
    """Our environment without what would point at another server, or at Python's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTHON"))}


def install() -> None:
    """Make sure that there are the programs: Debian's where they can be had."""
    if programs():
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "update"], check=True, env=environment)
        command = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", "postgresql"]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return
    sys.exit("tests/run: the tests of stores need PostgreSQL: install it, or name its programs in TEST_POSTGRES.")


if __name__ == "__main__":
    install()
