"""`keysweep` run as an operator runs it, against emulators: a leak, a policy file, a state directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.emulators.accounts import Account
from tests.emulators.clients import Emulator
from tests.emulators.keys import AccessKey
from tests.repositories import Repository, environment

HERE = "111122223333"
Leak = Callable[..., str]


class Operator:
    """Somebody with credentials, a home and nothing else."""

    def __init__(self, home: Path, emulator: Emulator, own: AccessKey) -> None:
        """Signs with `own`, in a directory of the test."""
        self.home = home
        self.own = own
        self._emulator = emulator
        home.mkdir(parents=True, exist_ok=True)

    @property
    def state(self) -> Path:
        """Where the journal is kept."""
        return self.home / "state"

    @property
    def environment(self) -> dict[str, str]:
        """All that the program sees of this user."""
        kept = {name: text for name, text in environment().items() if not name.startswith("AWS_")}
        return kept | {
            "PYTHONUTF8": "1",
            "HOME": os.fspath(self.home),
            "KEYSWEEP_STATE": os.fspath(self.state),
            "KEYSWEEP_CACHE": os.fspath(self.home / "cache"),
            "AWS_ACCESS_KEY_ID": self.own.key_id,
            "AWS_SECRET_ACCESS_KEY": self.own.secret,
            **({"AWS_SESSION_TOKEN": self.own.token} if self.own.token else {}),
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def policy(self, content: str) -> Path:
        """A policy file."""
        path = self.home / "containment.toml"
        path.write_text(content)
        return path

    def runs(self, *arguments: str, hidden: tuple[AccessKey, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command that asks the emulator; none of the secrets may be in what it prints or keeps."""
        done = subprocess.run(
            [sys.executable, "-m", "keysweep", *arguments, "--aws-endpoint", self._emulator.endpoint],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        kept = "".join(path.read_text() for path in self.state.rglob("*") if path.is_file())
        for key in (self.own, *hidden):
            assert key.secret not in done.stdout + done.stderr + kept
        return done

    def told(self, *arguments: str, hidden: tuple[AccessKey, ...] = ()) -> Report:
        """The same in JSON."""
        return Report(self.runs(*arguments, "--format", "json", hidden=hidden))

    def runs_offline(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that asks nobody."""
        done = subprocess.run(
            [sys.executable, "-m", "keysweep", *arguments],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def log(self, *arguments: str) -> Report:
        """What the journal says."""
        return Report(self.runs_offline("log", *arguments, "--format", "json"))

    def journal(self) -> list[dict[str, Any]]:
        """Every line of the journal."""
        path = self.state / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Report:
    """What a command printed in JSON."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        """`done` has ended."""
        self.code = done.returncode
        self.errors = done.stderr
        assert done.stdout, done.stderr
        self.document: dict[str, Any] = json.loads(done.stdout)

    @property
    def keys(self) -> dict[str, dict[str, Any]]:
        """What is said of each key."""
        return {each["key_id"]: each for each in self.document["keys"]}

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each key."""
        return {key_id: each["status"] for key_id, each in self.keys.items()}


def leak(directory: Path, *keys: AccessKey) -> Repository:
    """A repository in whose history the keys were committed and taken out again."""
    repository = Repository(directory)
    for number, key in enumerate(keys):
        repository.stage(f"deploy{number}.ini", pair(key))
    repository.commit("deploy")
    for number, _ in enumerate(keys):
        repository.stage(f"deploy{number}.ini", "moved\n")
    repository.commit("move")
    return repository


def pair(key: AccessKey) -> str:
    """A key as people write it down."""
    token = f"aws_session_token = {key.token}\n" if key.token else ""
    return f"[default]\naws_access_key_id = {key.key_id}\naws_secret_access_key = {key.secret}\n{token}"


def found(operator: Operator, repository: Repository) -> str:
    """Scan the history; the name of the findings file."""
    path = operator.home / "found.json"
    done = operator.runs_offline(
        "scan", "--history", os.fspath(repository.path), "--format", "json", "--output", os.fspath(path)
    )
    assert done.returncode == 1, done.stderr
    return os.fspath(path)


def administrator(account: Account, home: Path, emulator: Emulator) -> Operator:
    """Somebody who may do everything in the account, and needs no role."""
    own = account.user("oncall")
    account.allow("oncall", "iam:*", "cloudtrail:LookupEvents", "sts:*")
    return Operator(home, emulator, own)
