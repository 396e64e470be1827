"""`keysweep undo` done twice, in the wrong order, of itself, and stopped in the midst of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.containing import Leak, Operator, Report
from tests.emulators.faults import Faults
from tests.emulators.keys import ACCOUNT, AccessKey
from tests.emulators.script import time_out


@pytest.fixture
def operator(faults: Faults, tmp_path: Path) -> Operator:
    return Operator(tmp_path / "operator", faults, faults.key(user="oncall"))


def contained(operator: Operator, findings: str, *keys: AccessKey) -> Report:
    confirmed = [word for key in keys for word in ("--confirm", key.key_id)]
    options = ("--allow-account", ACCOUNT, "--apply", *confirmed, "--no-trail", "--force")
    return operator.told("contain", findings, *options)


def test_an_undo_is_not_taken_back_by_another(faults: Faults, operator: Operator, leaked: Leak) -> None:
    """ "Took back 0 of 0 changes" would leave somebody in the belief that the key is off again."""
    key = faults.key()
    run = contained(operator, leaked(key), key).document["run"]
    undo = operator.told("undo", run).document["run"]
    again = operator.runs("undo", undo)
    assert (again.returncode, f"itself an undo, of {run}" in again.stderr) == (2, True)
    assert "keysweep contain" in again.stderr
    assert faults.is_active(key)


def test_a_run_whose_repetition_is_taken_back_is_taken_back(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    key = faults.key()
    findings = leaked(key)
    first = contained(operator, findings, key).document["run"]
    faults.client("iam", operator.own).update_access_key(UserName="ci", AccessKeyId=key.key_id, Status="Active")
    second = contained(operator, findings, key).document["run"]
    undo = operator.told("undo", second)
    assert undo.statuses == {key.key_id: "restored"}
    done = operator.told("undo", first)
    assert (done.code, done.statuses) == (0, {key.key_id: "already-restored"})
    assert done.keys[key.key_id]["reason"].endswith(f"run {undo.document['run']} took that back")


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_undo_that_is_stopped_tells_of_every_change(
    faults: Faults, operator: Operator, leaked: Leak, by: signal.Signals
) -> None:
    """AWS does not answer about the key that is first to be taken back, which is the last that was contained."""
    keys = faults.key(user="one"), faults.key(user="two")
    run = contained(operator, leaked(*keys), *keys).document["run"]
    operator.own = faults.key(time_out(times=1).on("UpdateAccessKey"), user="another")
    faults.log.clear()
    running = subprocess.Popen(
        [sys.executable, "-m", "keysweep", "undo", run, "--format", "json", "--aws-endpoint", faults.endpoint],
        env=operator.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not [each for each in faults.log.requests() if each.action == "UpdateAccessKey"]:
        time.sleep(0.05)
    running.send_signal(by)
    out, errors = running.communicate(timeout=30)
    document = json.loads(out)
    assert sorted(each["status"] for each in document["keys"]) == ["planned", "unknown"]
    assert (running.returncode, document["complete"]) == (4, False)
    assert "interrupted before everything was taken back" in errors


@pytest.mark.parametrize("lost", [True, False])
def test_what_an_undo_was_cut_off_at_is_known_after_the_next(
    faults: Faults, operator: Operator, leaked: Leak, lost: bool
) -> None:
    """`keysweep log` names the run that is to be taken back, and asks no more once that is done."""
    key = faults.key()
    run = contained(operator, leaked(key), key).document["run"]
    operator.told("undo", run)
    path = operator.state / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if b'"undoes"' in line)
    path.write_bytes(b"".join(lines[: cut + 1]))  # as if the machine had stopped after the write
    if lost:  # or before it
        faults.client("iam", operator.own).update_access_key(
            UserName="ci", AccessKeyId=key.key_id, Status="Inactive"
        )
    shown = operator.runs_offline("log")
    assert (shown.returncode, f"see `keysweep undo {run} --dry-run`" in shown.stdout) == (1, True)
    done = operator.told("undo", run)
    assert (done.code, done.statuses) == (0, {key.key_id: "restored" if lost else "already-restored"})
    assert (operator.log().code, faults.is_active(key)) == (0, True)
