"""`keysweep contain` and `undo` where AWS, the responder or the machine goes wrong, against the fault stub."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keysweep.aws.outcomes import CODES, Meaning
from tests.cli.containing import Leak, Operator
from tests.emulators.faults import Faults
from tests.emulators.keys import ACCOUNT, AccessKey
from tests.emulators.script import (
    ClockSkew,
    FalseMismatch,
    Fault,
    Refusal,
    Reply,
    SlowPropagation,
    access_denied,
    connection_reset,
    html,
    malformed_xml,
    server_error,
    throttling,
    time_out,
)

ALLOWED = ("--allow-account", ACCOUNT)


@pytest.fixture
def operator(faults: Faults, tmp_path: Path) -> Operator:
    return Operator(tmp_path / "operator", faults, faults.key(user="oncall"))


def apply(operator: Operator, findings: str, key: AccessKey, *options: str) -> tuple[str, ...]:
    return ("contain", findings, *ALLOWED, "--apply", "--confirm", key.key_id, "--no-trail", "--force", *options)


@pytest.mark.parametrize(
    "fault",
    [throttling(times=2), ClockSkew(3600), FalseMismatch(), connection_reset(times=1), server_error(times=1)],
)
def test_a_key_is_contained_through_what_goes_by(
    faults: Faults, operator: Operator, leaked: Leak, fault: Fault
) -> None:
    key = faults.key(fault)
    done = operator.told(*apply(operator, leaked(key), key), hidden=(key,))
    assert (done.code, done.statuses) == (0, {key.key_id: "disabled"}), done.errors
    assert not faults.is_active(key)


@pytest.mark.parametrize("fault", [malformed_xml(), html(), connection_reset(), throttling()])
def test_a_key_that_cannot_be_verified_is_left_alone(
    faults: Faults, operator: Operator, leaked: Leak, fault: Fault
) -> None:
    key = faults.key(fault)
    done = operator.told(*apply(operator, leaked(key), key), hidden=(key,))
    assert (done.code, done.keys[key.key_id]["refusal"]["guard"]) == (1, "not-live")
    assert done.keys[key.key_id]["verdict"]["status"] == "unknown"
    assert faults.is_active(key)
    assert operator.journal() == []


@pytest.mark.parametrize(
    "code", [code for code, (meaning, _) in CODES.items() if meaning is not Meaning.THROTTLED]
)
def test_no_answer_but_a_live_one_lets_anything_be_changed(
    faults: Faults, operator: Operator, leaked: Leak, code: str
) -> None:
    """Every row of the table of outcomes; throttling is tried above, and takes its time."""
    key = faults.key(Reply(Refusal(code)).on("GetCallerIdentity"))
    done = operator.told(*apply(operator, leaked(key), key), hidden=(key,))
    assert done.statuses[key.key_id] in {"harmless", "refused"}
    assert (faults.is_active(key), operator.journal()) == (True, [])


def test_slow_propagation_is_waited_for(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = faults.key(SlowPropagation(seconds=2))
    done = operator.told(*apply(operator, leaked(key), key))
    assert (done.code, done.statuses) == (0, {key.key_id: "disabled"})
    assert done.keys[key.key_id]["propagation"]["refused_after_seconds"] >= 2


def test_a_key_that_aws_still_accepts_is_said_to_be(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = faults.key(SlowPropagation(calls=10_000))
    done = operator.told(*apply(operator, leaked(key), key, "--wait", "2"))
    assert (done.code, done.statuses) == (4, {key.key_id: "disabled-not-propagated"})
    assert "AWS still accepts it" in done.keys[key.key_id]["reason"]
    assert [each["event"] for each in operator.journal()] == [
        "begun", "intended", "made", "not-propagated", "ended"
    ]  # fmt: skip


def test_one_refusal_is_not_taken_for_all_of_aws(faults: Faults, operator: Operator, leaked: Leak) -> None:
    """Some part of AWS refuses the key first, and another still accepts it."""
    key = faults.key(SlowPropagation(seconds=3, flaps=True))
    done = operator.told(*apply(operator, leaked(key), key))
    assert done.keys[key.key_id]["propagation"]["refused_after_seconds"] >= 3


def test_the_user_is_always_named(faults: Faults, operator: Operator, leaked: Leak) -> None:
    """Without UserName temporary credentials are refused, and others mean their own key."""
    key = faults.key()
    policy = operator.policy(f'[responder]\nrole = "keysweep"\n[guards]\nallow-accounts = ["{ACCOUNT}"]\n')
    done = operator.told(*apply(operator, leaked(key), key, "--policy", str(policy)))
    assert (done.code, done.statuses) == (0, {key.key_id: "disabled"}), done.errors
    (update,) = [each for each in faults.log.requests() if each.action == "UpdateAccessKey"]
    assert (update.parameters["UserName"], update.session_token) == ("ci", True)


def test_a_responder_without_the_permission_changes_nothing_and_says_so(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    key = faults.key(access_denied("UpdateAccessKey").on("UpdateAccessKey"))
    done = operator.told(*apply(operator, leaked(key), key))
    assert (done.code, done.statuses) == (4, {key.key_id: "failed"})
    assert "AccessDenied" in done.keys[key.key_id]["reason"]
    assert [each["event"] for each in operator.journal()] == ["begun", "intended", "refused", "ended"]
    undone = operator.told("undo", done.document["run"])
    assert (undone.code, undone.statuses) == (0, {key.key_id: "never-made"})


def test_one_key_that_fails_does_not_stop_the_others(faults: Faults, operator: Operator, leaked: Leak) -> None:
    bad = faults.key(access_denied().on("UpdateAccessKey"), user="bad")
    good = faults.key(user="good")
    findings = leaked(bad, good)
    done = operator.told(*apply(operator, findings, bad, "--confirm", good.key_id))
    assert done.statuses == {bad.key_id: "failed", good.key_id: "disabled"}


def test_a_write_whose_answer_is_lost_is_known_to_nobody_until_undo_has_looked(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    """botocore asks again after a reset, so the answer is lost only where each is; IAM's state may come later."""
    key = faults.key(connection_reset().on("UpdateAccessKey"))
    done = operator.told(*apply(operator, leaked(key), key))
    assert (done.code, done.statuses) == (4, {key.key_id: "unknown"})
    assert faults.is_active(key)
    (loose,) = operator.log().document["outcome_unknown"]
    undone = operator.told("undo", loose["run"])
    assert (undone.code, undone.statuses) == (0, {key.key_id: "never-made"})
    assert (operator.log().code, operator.log().document["outcome_unknown"]) == (0, [])


def test_a_write_that_times_out_is_not_called_done(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = faults.key(malformed_xml().on("UpdateAccessKey"))
    done = operator.told(*apply(operator, leaked(key), key))
    assert (done.code, done.statuses) == (4, {key.key_id: "unknown"})


def test_an_answer_that_is_not_aws_is_not_called_done(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = faults.key(html().on("UpdateAccessKey"))
    done = operator.told(*apply(operator, leaked(key), key))
    assert (done.code, done.statuses) == (4, {key.key_id: "unknown"})
    assert faults.is_active(key)


def test_a_crash_between_the_log_and_the_write_is_visible_and_undo_is_safe(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    """The process is killed while AWS has the request and has not answered."""
    key = faults.key(time_out().on("UpdateAccessKey"))
    arguments = apply(operator, leaked(key), key)
    running = subprocess.Popen(
        [sys.executable, "-m", "keysweep", *arguments, "--aws-endpoint", faults.endpoint],
        env=operator.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not [each for each in faults.log.requests() if each.action == "UpdateAccessKey"]:
        time.sleep(0.05)
    running.kill()
    running.wait()
    log = operator.log()
    assert (log.code, log.document["intact"]) == (1, True)
    (intended,) = log.document["outcome_unknown"]
    assert (intended["key_id"], intended["call"]) == (key.key_id, "iam:UpdateAccessKey")
    undone = operator.told("undo", intended["run"])
    assert (undone.code, undone.statuses) == (0, {key.key_id: "never-made"})
    assert faults.is_active(key)
    assert operator.log().code == 0  # what became of it is known now


def test_after_a_crash_behind_the_write_undo_asks_before_it_takes_back(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    key = faults.key()
    findings = leaked(key)
    done = operator.told(*apply(operator, findings, key))
    path = operator.state / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))  # as if the machine had stopped right after the write
    run = done.document["run"]
    again = operator.told(*apply(operator, findings, key))
    assert (again.code, again.statuses) == (0, {key.key_id: "harmless"})
    asked = operator.told("undo", run)
    assert (asked.code, asked.statuses) == (1, {key.key_id: "unconfirmed"})
    assert not faults.is_active(key)
    confirmed = operator.told("undo", run, "--confirm", key.key_id)
    assert (confirmed.code, confirmed.statuses) == (0, {key.key_id: "restored"})
    assert faults.is_active(key)
    assert operator.log().code == 0


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_stopped_tells_what_it_did(
    faults: Faults, operator: Operator, leaked: Leak, signal_number: signal.Signals
) -> None:
    key = faults.key(SlowPropagation(calls=10_000))
    arguments = apply(operator, leaked(key), key, "--format", "json")
    running = subprocess.Popen(
        [sys.executable, "-m", "keysweep", *arguments, "--aws-endpoint", faults.endpoint],
        env=operator.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while faults.is_active(key):
        time.sleep(0.05)
    time.sleep(1)
    running.send_signal(signal_number)
    out, errors = running.communicate(timeout=30)
    assert "Traceback" not in errors
    assert "made" in [each["event"] for each in operator.journal()]
    assert "interrupted" in errors
    (told,) = json.loads(out)["keys"]
    assert (told["key_id"], told["status"]) == (key.key_id, "disabled-not-propagated")
    assert running.returncode == 4


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_it_while_aws_does_not_answer_a_write_has_it_noted_as_unknown(
    faults: Faults, operator: Operator, leaked: Leak, by: signal.Signals
) -> None:
    key, next_key = faults.key(time_out(times=1).on("UpdateAccessKey")), faults.key(user="next")
    arguments = apply(operator, leaked(key, next_key), key, "--confirm", next_key.key_id, "--format", "json")
    running = subprocess.Popen(
        [sys.executable, "-m", "keysweep", *arguments, "--aws-endpoint", faults.endpoint],
        env=operator.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not [each for each in faults.log.requests() if each.action == "UpdateAccessKey"]:
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(by)
    out, errors = running.communicate(timeout=30)
    assert "Traceback" not in errors
    assert {each["key_id"]: each["status"] for each in json.loads(out)["keys"]} == {
        key.key_id: "unknown",
        next_key.key_id: "planned",
    }
    assert [each["event"] for each in operator.journal()][-1] == "unknown"
    assert faults.is_active(next_key)


def test_without_a_journal_nothing_is_changed(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = faults.key()
    operator.state.write_text("a file where the directory should be")
    done = operator.runs(*apply(operator, leaked(key), key))
    assert (done.returncode, "could not write" in done.stderr) == (4, True), done.stderr
    assert faults.is_active(key)
    assert key.key_id in done.stdout


def test_a_journal_that_is_a_link_is_not_followed(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = faults.key()
    operator.state.mkdir()
    (operator.state / "journal.jsonl").symlink_to(operator.home / "elsewhere")
    done = operator.runs(*apply(operator, leaked(key), key))
    assert (done.returncode, faults.is_active(key)) == (4, True)
    assert not (operator.home / "elsewhere").exists()


def test_a_full_disk_stops_a_run_before_anything_is_changed(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    key = faults.key()
    done = limited(operator, faults, 0, *apply(operator, leaked(key), key))
    assert (done.returncode, "could not write" in done.stderr) == (4, True), done.stderr
    assert faults.is_active(key)


def test_a_disk_that_is_full_after_the_write_loses_nothing(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    """There is room for the first two lines of the journal, and the third is the one with the request ID."""
    key = faults.key()
    arguments = apply(operator, leaked(key), key)
    operator.told(*arguments)
    path = operator.state / "journal.jsonl"
    room = sum(len(line) for line in path.read_bytes().splitlines(keepends=True)[:2]) + 20
    path.unlink()
    faults.client("iam", operator.own).update_access_key(UserName="ci", AccessKeyId=key.key_id, Status="Active")
    done = limited(operator, faults, room, *arguments)
    assert done.returncode == 4
    assert not faults.is_active(key)
    assert key.key_id in done.stdout
    assert "DISABLED-NOT-PROPAGATED" in done.stdout
    assert "made, request ID" in done.stderr
    assert "Keep this" in done.stderr
    assert operator.log().code in {1, 4}


def limited(
    operator: Operator, faults: Faults, most_bytes: int, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no file longer than that, as on a disk that fills up."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return subprocess.run(
        [sys.executable, "-B", "-m", "keysweep", *arguments, "--aws-endpoint", faults.endpoint],
        env=operator.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )


def test_the_session_account_has_to_be_that_of_the_key(faults: Faults, operator: Operator, leaked: Leak) -> None:
    """A server that answers for another account than it was asked to act in."""
    elsewhere = "999988887777"
    key = faults.key(account=elsewhere)
    done = operator.told(
        "contain", leaked(key), "--allow-account", elsewhere, "--apply", "--confirm", key.key_id, "--force"
    )
    assert (done.code, done.keys[key.key_id]["refusal"]["guard"]) == (4, "unreachable")
    assert "you are in" in done.keys[key.key_id]["reason"]
    assert faults.is_active(key)


def test_a_bedrock_key_is_switched_off_as_a_service_specific_credential(
    faults: Faults, operator: Operator, tmp_path: Path
) -> None:
    credential = faults.service_credential("BedrockAPIKey-x7q2")
    (tmp_path / "app.env").write_text(f"AWS_BEARER_TOKEN_BEDROCK={credential.api_key}\n")
    findings = str(operator.home / "found.json")
    scan = operator.runs_offline("scan", str(tmp_path / "app.env"), "--format", "json", "--output", findings)
    assert scan.returncode == 1, scan.stderr
    faults.key(user="BedrockAPIKey-x7q2")
    done = operator.told("contain", findings, *ALLOWED, "--apply", "--confirm", credential.name)
    assert (done.code, done.statuses) == (0, {credential.name: "disabled"}), done.errors
    assert not credential.is_active
    undone = operator.told("undo", done.document["run"])
    assert (undone.code, credential.is_active) == (0, True)
    assert credential.api_key not in (operator.state / "journal.jsonl").read_text()


def test_a_service_specific_credential_can_be_named_by_its_user_name(faults: Faults, operator: Operator) -> None:
    credential = faults.service_credential("git-mirror")
    faults.key(user="git-mirror")
    done = operator.told("contain", credential.name, *ALLOWED, "--apply", "--confirm", credential.name)
    assert (done.code, done.statuses) == (0, {credential.name: "disabled"}), done.document
    assert not credential.is_active


def test_undo_leaves_alone_what_was_changed_since(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = faults.key()
    findings = leaked(key)
    first = operator.told(*apply(operator, findings, key))
    iam = faults.client("iam", operator.own)
    iam.update_access_key(UserName="ci", AccessKeyId=key.key_id, Status="Active")
    undone = operator.told("undo", first.document["run"])
    assert (undone.code, undone.statuses) == (0, {key.key_id: "already-restored"})
    second = operator.told(*apply(operator, findings, key))
    assert second.statuses == {key.key_id: "disabled"}
    superseded = operator.told("undo", first.document["run"])
    assert (superseded.code, superseded.statuses) == (1, {key.key_id: "changed-since"})
    assert not faults.is_active(key)
    planned = operator.told("undo", second.document["run"], "--dry-run")
    assert (planned.code, planned.statuses) == (1, {key.key_id: "planned"})
    assert operator.told("undo", second.document["run"]).statuses == {key.key_id: "restored"}


def test_a_journal_that_was_changed_is_not_gone_by(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = faults.key()
    done = operator.told(*apply(operator, leaked(key), key))
    path = operator.state / "journal.jsonl"
    path.write_text(path.read_text().replace('"event": "made"', '"event": "made "'))
    log = operator.log()
    assert (log.code, log.document["intact"]) == (4, False)
    refused = operator.runs("undo", done.document["run"])
    assert (refused.returncode, "cannot be trusted" in refused.stderr) == (4, True)
    assert not faults.is_active(key)


def test_undo_acts_only_where_its_run_was_allowed_to_act(faults: Faults, operator: Operator, leaked: Leak) -> None:
    """A journal whose first lines were lost does not say where that was."""
    key = faults.key()
    done = operator.told(*apply(operator, leaked(key), key))
    path = operator.state / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    run = ("undo", done.document["run"], "--force")
    left = operator.told(*run)
    assert (left.code, left.statuses) == (4, {key.key_id: "failed"})
    assert "not on the allow-list" in left.keys[key.key_id]["reason"]
    assert not faults.is_active(key)
    assert operator.told(*run, *ALLOWED).statuses == {key.key_id: "restored"}
