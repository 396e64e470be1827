"""Nothing that may let somebody in is called harmless, complete or clean, against the fault stub."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keysweep.aws import verify
from keysweep.cli.operator import ask
from keysweep.verdicts import Status, Verdict
from tests.cli.containing import Leak, Operator
from tests.emulators.faults import Faults
from tests.emulators.keys import ACCOUNT, AccessKey
from tests.emulators.script import Latency, Reply, SlowPropagation, access_denied, html, invalid_client_token_id
from tests.emulators.wire import Answer

ALLOWED = ("--allow-account", ACCOUNT)


@pytest.fixture
def operator(faults: Faults, tmp_path: Path) -> Operator:
    return Operator(tmp_path / "operator", faults, faults.key(user="oncall"))


def test_a_session_that_could_not_be_asked_about_may_be_live(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    session = faults.session(html())
    plan = operator.told("contain", leaked(session), *ALLOWED)
    assert (plan.code, plan.keys[session.key_id]["verdict"]["status"]) == (1, "unknown")


def test_a_key_of_another_account_that_could_not_be_asked_about_may_be_live(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    key = faults.key(html(), account="999988887777")
    plan = operator.told("contain", leaked(key), *ALLOWED)
    assert (plan.code, plan.keys[key.key_id]["refusal"]["guard"]) == (1, "foreign-account")


def test_a_bedrock_key_of_another_account_may_be_live(faults: Faults, operator: Operator, tmp_path: Path) -> None:
    credential = faults.service_credential("BedrockAPIKey-x7q2")
    (tmp_path / "app.env").write_text(f"AWS_BEARER_TOKEN_BEDROCK={credential.api_key}\n")
    findings = str(operator.home / "found.json")
    operator.runs_offline("scan", str(tmp_path / "app.env"), "--format", "json", "--output", findings)
    policy = operator.policy('[responder]\nrole = "keysweep"\n')
    plan = operator.told("contain", findings, "--policy", str(policy))
    assert (plan.code, plan.statuses) == (1, {credential.name: "refused"})


def test_a_key_that_iam_calls_active_is_not_harmless_because_sts_refuses_it(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    """As with a key that has just been made, or switched on again."""
    key = faults.key(invalid_client_token_id().on("GetCallerIdentity"))
    plan = operator.told("contain", leaked(key), *ALLOWED)
    assert (plan.code, plan.keys[key.key_id]["refusal"]["guard"]) == (1, "not-live")
    assert plan.keys[key.key_id]["verdict"]["status"] == "dead"


def test_a_key_that_iam_calls_off_is_not_harmless_while_aws_accepts_it(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    key = faults.key(SlowPropagation(calls=10_000))
    findings = leaked(key)
    faults.client("iam", operator.own).update_access_key(UserName="ci", AccessKeyId=key.key_id, Status="Inactive")
    plan = operator.told("contain", findings, *ALLOWED)
    assert (plan.code, plan.statuses) == (4, {key.key_id: "disabled-not-propagated"})
    assert plan.keys[key.key_id]["reason"] == "IAM says that it is switched off already, and AWS still accepts it"


@pytest.mark.parametrize("action", ["GetAccessKeyLastUsed", "UpdateAccessKey"])
def test_what_could_not_be_done_is_not_complete(
    faults: Faults, operator: Operator, leaked: Leak, action: str
) -> None:
    key = faults.key(access_denied().on(action))
    confirmed = ("--apply", "--confirm", key.key_id, "--no-trail", "--force")
    done = operator.told("contain", leaked(key), *ALLOWED, *confirmed)
    assert (done.code, done.document["complete"]) == (4, False)


def test_an_undo_that_could_not_be_done_is_not_complete(faults: Faults, operator: Operator, leaked: Leak) -> None:
    key = contained(faults, operator, leaked)
    run = operator.journal()[0]["run"]
    operator.own = AccessKey(operator.own.key_id, "x" * 40, operator.own.account)
    undone = operator.told("undo", run)
    assert (undone.code, undone.statuses, undone.document["complete"]) == (4, {key.key_id: "failed"}, False)


@pytest.mark.parametrize(
    ("action", "inside"),
    [
        ("ListAccessKeys", ""),
        ("ListAccessKeys", "<AccessKeyMetadata><member/></AccessKeyMetadata>"),
        (
            "ListAccessKeys",
            "<AccessKeyMetadata><member><AccessKeyId>{key}</AccessKeyId><Status>Asleep</Status></member>"
            "</AccessKeyMetadata>",
        ),
        ("GetAccessKeyLastUsed", ""),
        ("GetAccessKeyLastUsed", "<UserName>oncall</UserName>"),
        ("GetAccessKeyLastUsed", "<UserName>../../etc</UserName>"),
        (
            "GetAccessKeyLastUsed",
            "<UserName>ci</UserName><AccessKeyLastUsed><LastUsedDate>then</LastUsedDate></AccessKeyLastUsed>",
        ),
        ("GetUser", ""),
        ("ListUserTags", "<Tags><member><Key>tier</Key></member></Tags>"),
    ],
)
def test_an_odd_answer_is_no_leave_to_switch_off_and_no_end_of_the_run(
    faults: Faults, operator: Operator, leaked: Leak, action: str, inside: str
) -> None:
    """As from a proxy, or a server that is none of AWS's: other keys are judged all the same."""
    key = faults.key()
    body = f"<{action}Response><{action}Result>{inside.format(key=key.key_id)}</{action}Result></{action}Response>"
    reply = Reply(Answer(200, body.encode(), {"Content-Type": "text/xml"}), action=action)
    findings = leaked(key)
    operator.own = faults.key(reply, user="oncall")
    guards = f'[guards]\nallow-accounts = ["{ACCOUNT}"]\ndeny-tags = {{ tier = "x" }}\ndeny-paths = ["/y/"]\n'
    confirmed = ("--apply", "--confirm", key.key_id, "--no-trail", "--force")
    done = operator.told("contain", findings, "--policy", str(operator.policy(guards)), *confirmed)
    assert done.statuses[key.key_id] in {"refused", "failed"}, done.document
    assert done.code in {1, 4}
    assert faults.is_active(key)


def test_a_secret_without_its_key_id_is_left_to_a_person_and_not_to_nobody(
    operator: Operator, faults: Faults, tmp_path: Path
) -> None:
    (tmp_path / "app.env").write_text(f"AWS_SECRET_ACCESS_KEY={faults.key(user='ci').secret}\n")
    findings = str(operator.home / "found.json")
    operator.runs_offline("scan", str(tmp_path / "app.env"), "--format", "json", "--output", findings)
    plan = operator.told("contain", findings, *ALLOWED)
    assert (plan.code, plan.document["keys"]) == (1, [])
    (told,) = plan.document["without_key_id"]
    assert (told["kind"], told["place"].endswith("app.env:1")) == ("secret-access-key", True)
    shown = operator.runs("contain", findings, *ALLOWED).stdout
    assert "LEFT TO YOU: 1 without a key ID" in shown
    assert "find the key ID that belongs to it" in " ".join(shown.split())


def test_what_a_scan_did_not_read_is_not_taken_for_clean(operator: Operator, faults: Faults, leaked: Leak) -> None:
    key = faults.key()
    path = Path(leaked(key))
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "complete": False}))
    confirmed = ("--apply", "--confirm", key.key_id, "--no-trail", "--force")
    done = operator.told("contain", str(path), *ALLOWED, *confirmed)
    assert (done.code, done.document["complete"]) == (3, False)
    assert done.statuses == {key.key_id: "disabled"}
    assert "there may be more" in operator.runs("contain", str(path), *ALLOWED).stdout


def contained(faults: Faults, operator: Operator, leaked: Leak) -> AccessKey:
    key = faults.key()
    confirmed = ("--apply", "--confirm", key.key_id, "--no-trail", "--force")
    done = operator.told("contain", leaked(key), *ALLOWED, *confirmed)
    assert done.statuses == {key.key_id: "disabled"}
    assert not faults.is_active(key)
    return key


def test_a_key_that_another_run_switches_off_meanwhile_is_harmless(
    faults: Faults, operator: Operator, leaked: Leak
) -> None:
    """IAM is asked whose it is before STS whether it is live, and in between it was switched off."""
    key, slow = faults.key(), faults.key(Latency(0.4), user="slow")
    findings = leaked(key)

    operator.own = slow
    running = subprocess.Popen(
        [
            sys.executable, "-m", "keysweep", "contain", findings, *ALLOWED, "--format", "json",
            "--aws-endpoint", faults.endpoint,
        ],
        env=operator.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    while not [each for each in faults.log.requests() if each.action == "ListAccessKeys" and each.status]:
        time.sleep(0.02)
    faults.client("iam", faults.key(user="oncall2")).update_access_key(
        UserName="ci", AccessKeyId=key.key_id, Status="Inactive"
    )
    out, _ = running.communicate()
    (told,) = json.loads(out)["keys"]
    assert (running.returncode, told["status"]) == (0, "harmless"), told


def test_who_presses_ctrl_c_with_the_last_answer_wants_nothing_more_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """All was asked then, and `contain --auto` would go on to switch off."""

    def last(*_: object, **__: object) -> Iterator[verify.Answer]:
        yield verify.Answer(Verdict("AKIAQNZGKIQYZZZZZZZZ", Status.DEAD, "because", datetime.now(UTC)))
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("keysweep.aws.verify.verify", last)
    before = signal.getsignal(signal.SIGINT)
    try:
        came = ask([verify.Question("AKIAQNZGKIQYZZZZZZZZ", ())], "http://127.0.0.1:9/")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (came.is_interrupted, came.is_unwanted) == (False, True)
