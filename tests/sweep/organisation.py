"""An organisation of real repositories on a real server, swept as a user sweeps it."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.emulators.keys import AccessKey, mint
from tests.repositories import Repository, environment

RNG = random.Random(617)


@dataclass
class Organisation:
    """Bare repositories below `served`, each with a work tree in which it is written."""

    place: Path
    address: str = ""
    """Of the server; without one the repositories are swept where they are."""
    extra: dict[str, str] = field(default_factory=dict)
    """Variables for keysweep."""

    @property
    def served(self) -> Path:
        """What the server serves."""
        return self.place / "served"

    def add(self, name: str, files: Mapping[str, str | bytes] | None = None) -> Repository:
        """A repository with one commit of these files."""
        work = Repository(self.place / "work" / name)
        for path, content in (files or {"README.md": f"{name}\n"}).items():
            work.stage(path, content)
        if files != {}:
            work.commit("begin")
        self.publish(work)
        return work

    def publish(self, work: Repository) -> Path:
        """Put what a work tree has where it is served."""
        bare = self.bare(work)
        if not bare.exists():
            bare.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], env=environment(), check=True)
        if work.git("for-each-ref"):
            work.git("push", "-q", "--mirror", os.fspath(bare))
        return bare

    def bare(self, work: Repository) -> Path:
        """Where a repository is served from."""
        return self.served / f"{work.path.relative_to(self.place / 'work')}.git"

    def fork(self, work: Repository, name: str) -> Path:
        """A copy as a fork is one."""
        bare = self.served / f"{name}.git"
        bare.parent.mkdir(parents=True, exist_ok=True)
        command = ["git", "clone", "-q", "--mirror", os.fspath(self.bare(work)), os.fspath(bare)]
        subprocess.run(command, env=environment(), check=True)
        return bare

    def remove(self, work: Repository) -> None:
        """As if it had never been."""
        shutil.rmtree(self.bare(work))

    def listed(self, *further: str) -> str:
        """What `keysweep sweep` is pointed at: a list of addresses, or the directory."""
        if not self.address:
            return os.fspath(self.served)
        paths = sorted(path.relative_to(self.served) for path in self.served.rglob("*.git"))
        listed = self.place / "repositories.txt"
        listed.write_text(
            "".join(f"{each}\n" for each in (*(f"{self.address}/{path}" for path in paths), *further))
        )
        return os.fspath(listed)

    def command(self, *options: str, target: str | None = None) -> list[str]:
        """What a user types."""
        base = [sys.executable, "-m", "keysweep", "sweep", target or self.listed(), "--db", os.fspath(self.db)]
        return [*base, "--mirrors", os.fspath(self.place / "mirrors"), *options]

    def environment(self) -> dict[str, str]:
        """What keysweep is started with."""
        return environment() | {"PYTHONUTF8": "1", "KEYSWEEP_TEST": os.fspath(self.place)} | self.extra

    def start(self, *options: str) -> subprocess.Popen[str]:
        """A sweep that was started and goes on."""
        return subprocess.Popen(
            self.command(*options),
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def running(self) -> list[int]:
        """Every process that a sweep has started, and the sweep."""
        mark = f"KEYSWEEP_TEST={self.place}".encode()
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
            except OSError:
                continue
        return found

    def git_that(self, *lines: str) -> None:
        """Have keysweep find a `git` that does this, in `sh`, before it is the real one."""
        real = shutil.which("git", path=environment()["PATH"])
        directory = self.place / "bin"
        directory.mkdir(exist_ok=True)
        script = directory / "git"
        script.write_text("\n".join(["#!/bin/sh", *lines, f'exec {real} "$@"']) + "\n")
        script.chmod(0o755)
        self.extra["PATH"] = f"{directory}{os.pathsep}{environment()['PATH']}"

    def sweep(self, *options: str, target: str | None = None, expect: int = 1) -> dict[str, Any]:
        """The report of a sweep."""
        done = subprocess.run(
            self.command("--format", "json", *options, target=target),
            env=self.environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == expect, f"{done.returncode}: {done.stderr}{done.stdout}"
        report: dict[str, Any] = json.loads(done.stdout)
        report["said"] = done.stderr
        return report

    @property
    def db(self) -> Path:
        """The store."""
        return self.place / "store.db"

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the store says, as a data person asks it."""
        with closing(sqlite3.connect(self.db)) as connection, connection:
            return connection.execute(query, values).fetchall()

    def told(self) -> list[tuple[Any, ...]]:
        """All that the store knows of leaks and their places, but for when."""
        return self.ask(
            "SELECT fingerprint, key_id, standing, status, repository, path, line, commit_id, author, introduced, "
            "removed_by, refs FROM place_overview ORDER BY fingerprint, repository, path"
        )


def key() -> AccessKey:
    """A key of an IAM user that was never given out."""
    return mint(RNG)


def env_file(leaked: AccessKey) -> str:
    """How it leaks."""
    return f"AWS_ACCESS_KEY_ID={leaked.key_id}\nAWS_SECRET_ACCESS_KEY={leaked.secret}\n"
