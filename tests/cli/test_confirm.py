"""A person at a terminal: the plan of a key is shown, and only its ID, typed, switches it off."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.containing import Operator, found, leak
from tests.emulators.faults import Faults
from tests.emulators.keys import ACCOUNT, AccessKey


@pytest.fixture
def key(faults: Faults) -> AccessKey:
    return faults.key()


def typed(faults: Faults, operator: Operator, key: AccessKey, findings: str, answer: str) -> tuple[int, str]:
    """Run `contain --apply` on a terminal, answer its question, and return the exit code and the screen."""
    controller, terminal = pty.openpty()
    running = subprocess.Popen(
        [
            sys.executable, "-m", "keysweep", "contain", findings, "--allow-account", ACCOUNT, "--apply", "--no-trail",
            "--aws-endpoint", faults.endpoint,
        ],
        env=operator.environment | {"TERM": "xterm"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    screen = b""
    asked = False
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if select.select([controller], [], [], 0.2)[0]:
            try:
                screen += os.read(controller, 4096)
            except OSError:  # the other end is closed
                break
        elif running.poll() is not None:
            break
        if not asked and b"Type the key ID" in screen:
            asked = True
            os.write(controller, answer.encode() + b"\n")
    os.close(controller)
    return running.wait(10), screen.decode(errors="replace")


def test_the_key_id_has_to_be_typed(faults: Faults, key: AccessKey, tmp_path: Path) -> None:
    operator = Operator(tmp_path / "operator", faults, faults.key(user="oncall"))
    findings = found(operator, leak(tmp_path / "r", key))
    for answer in ("", "y", "yes", key.key_id[:-1]):
        code, screen = typed(faults, operator, key, findings, answer)
        assert (code, faults.is_active(key)) == (1, True)
        assert "only active key" in screen
    code, screen = typed(faults, operator, key, findings, key.key_id)
    assert (code, faults.is_active(key)) == (0, False)
    assert "DISABLED" in screen
    assert key.secret not in screen
