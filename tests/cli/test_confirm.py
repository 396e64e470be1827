"""A person at a terminal: the plan of a key is shown, and only its ID, typed, switches it off."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.cli.containing import Operator, found, leak
from tests.cli.terminal import asleep
from tests.emulators.faults import Faults
from tests.emulators.keys import ACCOUNT, AccessKey

CTRL_C, CTRL_D = CONTROL = "\x03", "\x04"


@pytest.fixture
def key(faults: Faults) -> AccessKey:
    return faults.key()


def typed(faults: Faults, operator: Operator, findings: str, *answers: str) -> tuple[int, str]:
    """Run `contain --apply` on a terminal, answer its questions, and return the exit code and the screen."""
    controller, terminal = pty.openpty()
    running = subprocess.Popen(
        [
            sys.executable, "-m", "keysweep", "contain", findings, "--allow-account", ACCOUNT, "--apply", "--no-trail",
            "--aws-endpoint", faults.endpoint,
        ],
        env=operator.environment | {"TERM": "xterm", "COLUMNS": "80"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # or Ctrl-C would be a byte like others
    )  # fmt: skip
    os.close(terminal)
    screen = b""
    asked = 0
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if select.select([controller], [], [], 0.2)[0]:
            try:
                screen += os.read(controller, 4096)
            except OSError:  # the other end is closed
                break
        elif running.poll() is not None:
            break
        if asked < len(answers) and screen.count(b"Type the key ID") > asked:
            asleep(running.pid)
            os.write(controller, answers[asked].encode() + (b"" if answers[asked] in CONTROL else b"\n"))
            asked += 1
    code = running.wait(10)
    os.close(controller)
    return code, screen.decode(errors="replace")


def test_the_key_id_has_to_be_typed(faults: Faults, key: AccessKey, tmp_path: Path) -> None:
    operator = Operator(tmp_path / "operator", faults, faults.key(user="oncall"))
    findings = found(operator, leak(tmp_path / "r", key))
    for answer in ("", "y", "yes", key.key_id[:-1]):
        code, screen = typed(faults, operator, findings, answer)
        assert (code, faults.is_active(key)) == (1, True)
        assert "only active key" in screen
    code, screen = typed(faults, operator, findings, key.key_id)
    assert (code, faults.is_active(key)) == (0, False)
    assert "DISABLED" in screen
    assert key.secret not in screen


@pytest.mark.parametrize("stops", [CTRL_C, CTRL_D])
def test_who_stops_at_the_second_question_is_told_what_became_of_the_first_key(
    faults: Faults, key: AccessKey, tmp_path: Path, stops: str
) -> None:
    other = faults.key(user="other")
    operator = Operator(tmp_path / "operator", faults, faults.key(user="oncall"))
    findings = found(operator, leak(tmp_path / "r", key, other))
    code, screen = typed(faults, operator, findings, key.key_id, stops)
    assert (code, faults.is_active(key), faults.is_active(other)) == (1, False, True)
    assert "DISABLED" in screen
    assert f"keysweep undo {operator.journal()[0]['run']}" in screen.split("Type the key ID")[-1]
    assert "interrupted" in screen
