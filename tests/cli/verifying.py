"""Two keys that leaked, and `keysweep verify` run as a user runs it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from tests.emulators.faults import Faults
from tests.emulators.keys import mint
from tests.repositories import environment

RNG = random.Random(43)
KEY, SESSION_KEY = mint(RNG), mint(RNG, prefix="ASIA")
ID, SECRET = KEY.key_id, KEY.secret
TEMPORARY, ITS_SECRET, TOKEN = SESSION_KEY.key_id, SESSION_KEY.secret, str(SESSION_KEY.token)
PAIR = f'aws_access_key_id = "{ID}"\naws_secret_access_key = "{SECRET}"\n'
SESSION = (
    f"export AWS_ACCESS_KEY_ID={TEMPORARY}\nexport AWS_SECRET_ACCESS_KEY={ITS_SECRET}\n"
    f"export AWS_SESSION_TOKEN={TOKEN}\n"
)


def keysweep(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command; neither secret may be in what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", *arguments],
        cwd=cwd,
        env=environment() | {"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert "Traceback" not in done.stderr
    for hidden in (SECRET, ITS_SECRET, TOKEN):
        assert hidden not in done.stdout + done.stderr
    return done


def scanned(tree: Path, *arguments: str) -> Path:
    """The findings file of what is found in `tree`."""
    done = keysweep(tree, "scan", *arguments, "--format", "json", "--output", "found.json")
    assert done.returncode == 1, done.stderr
    return tree / "found.json"


def statuses(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The status of each key in a report of `verify`."""
    return {each["key_id"]: each["status"] for each in json.loads(done.stdout)["keys"]}


def verified(sts: Faults, found: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask `sts` about the keys of a findings file."""
    return keysweep(
        found.parent, "verify", found.name, "--aws-endpoint", sts.endpoint, "--format", "json", *arguments
    )


def unread(done: subprocess.CompletedProcess[str]) -> dict[str | None, str]:
    """Why each secret could not be read again, in a report of `verify`."""
    return {each["key_id"]: each["reason"] for each in json.loads(done.stdout)["unread"]}
