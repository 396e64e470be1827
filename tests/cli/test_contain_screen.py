"""What a person sees of `keysweep contain`: where the key stood, what to do once for all keys, on any terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.containing import Operator, found, leak
from tests.emulators.accounts import Account
from tests.emulators.ministack import Ministack

HERE, THERE = "111122223333", "444455556666"
ALLOWED = ("--allow-account", HERE)


@pytest.fixture
def account(ministack: Ministack) -> Account:
    return Account(ministack, ministack.root(HERE))


@pytest.fixture
def operator(ministack: Ministack, account: Account, tmp_path: Path) -> Operator:
    own = account.user("oncall")
    account.allow("oncall", "iam:*", "cloudtrail:LookupEvents", "sts:*")
    return Operator(tmp_path / "operator", ministack, own)


def test_a_terminal_that_knows_ascii_alone_gets_the_whole_report(
    ministack: Ministack, operator: Operator, account: Account, tmp_path: Path
) -> None:
    """The key is off by then, and its run has to be known; the summary of CloudTrail has a dash between times."""
    key = account.user("ci")
    findings = found(operator, leak(tmp_path / "r", key))
    done = subprocess.run(
        [
            sys.executable, "-m", "keysweep", "contain", findings, *ALLOWED, "--apply", "--confirm", key.key_id,
            "--aws-endpoint", ministack.endpoint,
        ],
        env=operator.environment | {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert (done.returncode, account.status("ci", key)) == (0, "Inactive")
    assert "keysweep undo" in done.stdout
