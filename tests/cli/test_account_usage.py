"""`keysweep account --usage`, as whoever looks after an account runs it, with events that somebody else wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.account.scripted import Cloud, event
from tests.emulators.wire import serve
from tests.repositories import environment

KEY, OTHER = "AKIAEXAMPLEEXAMPLE22", "AKIAEXAMPLEEXAMPLE33"


@pytest.fixture
def cloud() -> Cloud:
    """Two users with keys, of whom CloudTrail knows something in one region."""
    made, used = datetime.now(UTC) - timedelta(days=50), datetime.now(UTC) - timedelta(hours=3)
    use = f"{used:%Y-%m-%dT%H:%M:%SZ},us-east-1,ec2"
    return Cloud(users={"ci": (KEY, made, use), "web": (OTHER, made, use)})


@pytest.fixture
def endpoint(cloud: Cloud, operator: pytest.MonkeyPatch) -> Iterator[str]:
    """Where it answers."""
    with serve(cloud.answer) as address:
        yield address


def started(endpoint: str, where: Path, *arguments: str) -> subprocess.Popen[str]:
    variables = {name: text for name, text in os.environ.items() if name.startswith(("AWS_", "XDG_"))}
    variables["KEYSWEEP_STATE"] = os.fspath(where / "state")
    return subprocess.Popen(
        [sys.executable, "-m", "keysweep", "account", "--aws-endpoint", endpoint, *arguments],
        cwd=where,
        env=environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_whoever_had_a_key_writes_nothing_on_the_terminal(cloud: Cloud, endpoint: str, tmp_path: Path) -> None:
    hostile = "Boto3/1 \x1b]0;owned\x07\u202e<script>alert(1)</script>\n::error::x\r\n exec-env/AWS_Lambda_x "
    cloud.events["us-east-1"] = [
        event(KEY, userAgent=hostile + "x" * 10_000, sourceIPAddress="\x1b[2J198.51.100.7\n"),
        event(OTHER, userAgent="\x1b[31m kali", userIdentity={"type": "IAMUser", "invokedBy": "\x1b[2J"}),
    ]
    running = started(endpoint, tmp_path, "--usage")
    printed, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (1, "")
    assert "a tool for attacks" in printed
    assert 'Service = "lambda.amazonaws.com"' in printed
    assert all(line.isprintable() for line in printed.splitlines())
    assert not any(line.lstrip().startswith("::") for line in printed.splitlines())
    assert max(map(len, printed.splitlines())) < 400


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_it_gets_what_cloudtrail_has_told(
    cloud: Cloud, endpoint: str, tmp_path: Path, by: signal.Signals
) -> None:
    cloud.regions |= {"eu-west-1": "opted-in"}
    cloud.events["us-east-1"] = [event(KEY, userAgent="kali")]
    cloud.stuck = frozenset({"eu-west-1"})
    running = started(endpoint, tmp_path, "--usage", "--format", "json")
    while len(cloud.looked_up) < 5:
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(by)
    printed, said = running.communicate(timeout=10)
    assert (running.returncode, said) == (1, "")
    report = json.loads(printed)
    assert "attack-tool" in {each["rule"] for each in report["lapses"]}
    assert "it was interrupted before all was read" in {each["reason"] for each in report["not_checked"]}
    (key,) = [each for each in report["accounts"][0]["keys"] if each["key_id"] == KEY]
    assert key["use"]["by_region"] == {"us-east-1": 1}
    assert key["use"]["incomplete"][0]["region"] == "eu-west-1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--region", "eu-west-1"], "--region goes with --usage"),
        (["--approved-creator", "x"], "--approved-creator goes with --usage"),
        (["--usage-days", "7"], "--usage-days goes with --usage"),
        (["--home-region", "Ireland"], "'Ireland' is no region"),
    ],
)
def test_what_makes_no_sense_is_said_before_anybody_is_asked(
    arguments: list[str], said: str, cloud: Cloud, endpoint: str, tmp_path: Path
) -> None:
    running = started(endpoint, tmp_path, *arguments)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert said in errors
    assert cloud.asked == []


def test_without_the_wish_cloudtrail_is_not_asked_and_that_is_said_once(
    cloud: Cloud, endpoint: str, tmp_path: Path
) -> None:
    running = started(endpoint, tmp_path)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert " ".join(printed.split()).count("What uses each key was not asked: --usage") == 1
    assert cloud.looked_up == []
