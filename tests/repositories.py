"""Real git repositories in temporary directories, isolated from the configuration of whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def environment() -> dict[str, str]:
    """What git needs and nothing of the user's: no global configuration, fixed names and dates."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "A Tester",
        "GIT_AUTHOR_EMAIL": "tester@example.net",
        "GIT_COMMITTER_NAME": "A Tester",
        "GIT_COMMITTER_EMAIL": "tester@example.net",
        "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    }


class Repository:
    """A repository to write, stage and commit in."""

    def __init__(self, path: Path, *, options: tuple[str, ...] = ()) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *options)

    def git(self, *arguments: str, stdin: bytes = b"", check: bool = True) -> bytes:
        command = ["git", "-C", os.fspath(self.path), *arguments]
        done = subprocess.run(command, env=environment(), input=stdin, capture_output=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{command} failed: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def write(self, name: str | bytes, content: str | bytes) -> Path:
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def stage(self, name: str | bytes, content: str | bytes) -> None:
        self.write(name, content)
        self.git("add", "-A", "--", os.fsdecode(name))

    def commit(self, message: str = "a commit", *options: str) -> str:
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", message, *options)
        return self.git("rev-parse", "HEAD").decode().strip()
