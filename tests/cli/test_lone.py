"""`keysweep verify` of key IDs without a secret: looked up in IAM, on real servers, and in inventory files."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.keys import key_id, secret
from keysweep.report.json import schema
from tests.cli.containing import Operator, pair
from tests.cli.verifying import keysweep, scanned, statuses
from tests.emulators.accounts import Account
from tests.emulators.faults import Faults
from tests.emulators.keys import AccessKey, mint
from tests.emulators.ministack import Ministack
from tests.emulators.moto import Moto
from tests.emulators.script import Reply
from tests.emulators.wire import Hang

HOME, MEMBER = "111122223333", "444455556666"
CANARIES = "052310077262"
LOOK = ("iam:GetAccessKeyLastUsed", "iam:ListAccessKeys", "iam:GetUser")
POLICY = f"""
[responder]
role = "keysweep-responder"
external-id = "the-right-one"

[guards]
allow-accounts = ["{MEMBER}", "{CANARIES}"]
"""
RNG = random.Random(72)


@pytest.fixture
def member(ministack: Ministack) -> Account:
    account = Account(ministack, ministack.root(MEMBER))
    trusts = f"arn:aws:iam::{HOME}:user/oncall"
    Account(ministack, ministack.root(HOME)).user("oncall")
    account.role("keysweep-responder", *LOOK, trusts=trusts, external_id="the-right-one")
    return account


@pytest.fixture
def operator(ministack: Ministack, tmp_path: Path, member: Account) -> Operator:
    """Somebody in the home account, who may assume the responder role in the member account."""
    home = Account(ministack, ministack.root(HOME))
    home.allow("oncall", "sts:AssumeRole", "sts:GetAccessKeyInfo", *LOOK)
    return Operator(tmp_path / "operator", ministack, home.access_key("oncall"))


def lone(operator: Operator, *names: str, **contents: str) -> str:
    """A findings file for key IDs alone, each in a file of its own, and for `contents`."""
    for number, name in enumerate(names):
        (operator.home / f"note{number}.txt").write_text(f"aws_access_key_id = {name}\n")
    for name, content in contents.items():
        (operator.home / f"{name}.ini").write_text(content)
    done = keysweep(operator.home, "scan", ".", "--fail-on", "info", "--format", "json", "--output", "found.json")
    assert done.returncode == 1, done.stderr
    return "found.json"


def actions(ministack: Ministack) -> list[str]:
    """What the server was asked to do since the setup."""
    return [each.action for each in ministack.log.requests()]


def test_a_key_id_alone_is_known_as_active_and_owned(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    key, off, gone = member.user("ci", path="/teams/"), member.user("old"), member.user("gone")
    member.deactivate("old", off)
    member.iam.delete_access_key(UserName="gone", AccessKeyId=gone.key_id)
    found = lone(operator, key.key_id, off.key_id, gone.key_id)
    before = operator.told("verify", found)
    assert set(before.statuses.values()) == {"unknown"}
    policy = os.fspath(operator.policy(POLICY))
    told = operator.told("verify", found, "--lookup", "--policy", policy)
    assert told.code == 0, told.errors
    assert told.statuses == {key.key_id: "active", off.key_id: "inactive", gone.key_id: "unknown"}
    known = told.keys[key.key_id]
    jsonschema.validate(known, {"$ref": "#/$defs/verdict", "$defs": schema()["$defs"]})
    arn = f"arn:aws:iam::{MEMBER}:user/teams/ci"
    assert (known["account_id"], known["arn"], known["principal"], known["name"]) == (MEMBER, arn, "user", "ci")
    assert known["reason"] == f"account {MEMBER} has it, active, user ci, never used"
    assert told.keys[off.key_id]["reason"] == f"account {MEMBER} has it, inactive, user old, never used"
    assert f"no user of account {MEMBER} has it" in told.keys[gone.key_id]["reason"]


def test_the_text_says_whose_it_is_and_where_it_was_last_used(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    key = member.user("ci")
    ministack.set_last_used(key, datetime(2026, 11, 20, 8, tzinfo=UTC), "s3", "eu-west-1")
    policy = os.fspath(operator.policy(POLICY))
    done = operator.runs("verify", lone(operator, key.key_id), "--lookup", "--policy", policy)
    assert done.returncode == 0
    assert f"ACTIVE        {key.key_id}" in done.stdout
    assert f"user ci of account {MEMBER} (arn:aws:iam::{MEMBER}:user/ci)" in done.stdout
    assert "active, user ci, last used 2026-11-20 by s3 in eu-west-1" in done.stdout
    assert "1 active" in done.stdout


def test_no_role_is_assumed_outside_the_allow_list(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    key = member.user("ci")
    found = lone(operator, key.key_id)
    policy = os.fspath(operator.policy(POLICY.replace(f'"{MEMBER}", ', "")))
    ministack.log.clear()
    told = operator.told("verify", found, "--lookup", "--policy", policy)
    assert (told.code, told.statuses) == (0, {key.key_id: "unknown"})
    assert told.keys[key.key_id]["reason"] == (
        f"no secret was found with it; not looked up: account {MEMBER} is not on the allow-list "
        f"(if it is yours: --allow-account {MEMBER})"
    )
    assert actions(ministack) == []
    allowed = operator.told("verify", found, "--lookup", "--policy", policy, "--allow-account", MEMBER)
    assert allowed.statuses == {key.key_id: "active"}


def test_without_a_role_only_the_account_of_the_operator_is_looked_in(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    own = Account(ministack, ministack.root(HOME)).user("mine")
    other = member.user("ci")
    told = operator.told("verify", lone(operator, own.key_id, other.key_id), "--lookup")
    assert told.statuses == {own.key_id: "active", other.key_id: "unknown"}
    assert "not on the allow-list" in told.keys[other.key_id]["reason"]
    assert told.code == 0


def test_bait_and_temporary_keys_are_not_looked_up_and_keys_with_a_secret_need_not_be(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    bait, session = mint(RNG, CANARIES), mint(RNG, MEMBER, "ASIA")
    live = member.user("live")
    found = lone(operator, bait.key_id, session.key_id, live=pair(live))
    policy = os.fspath(operator.policy(POLICY))
    ministack.log.clear()
    told = operator.told("verify", found, "--lookup", "--policy", policy, hidden=(live,))
    assert told.statuses == {bait.key_id: "canary", session.key_id: "unknown", live.key_id: "live"}
    assert "which begin with AKIA" in told.keys[session.key_id]["reason"]
    assert actions(ministack) == ["GetCallerIdentity"]


def test_a_key_whose_secret_is_gone_is_looked_up_and_the_run_is_not_called_complete(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    key = member.user("ci")
    found = lone(operator, leak=pair(key))
    (operator.home / "leak.ini").unlink()
    policy = os.fspath(operator.policy(POLICY))
    told = operator.told("verify", found, "--lookup", "--policy", policy, hidden=(key,))
    assert (told.code, told.statuses) == (3, {key.key_id: "active"})
    assert [each["key_id"] for each in told.document["unread"]] == [key.key_id]


def test_what_a_findings_file_calls_a_key_id_and_is_none_is_not_sent_to_aws(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    found = operator.home / lone(operator, leak=pair(member.user("ci")))
    document = json.loads(found.read_text())
    document["findings"][0]["key_id"] = "AKIA whatever, %2F&Action=x"
    document["findings"][0]["fingerprint"] = "0" * 32
    found.write_text(json.dumps(document))
    ministack.log.clear()
    told = operator.told("verify", os.fspath(found), "--lookup", "--allow-account", MEMBER)
    assert told.code == 3
    assert "which begin with AKIA" in told.document["keys"][0]["reason"]
    assert [each for each in actions(ministack) if each != "GetCallerIdentity"] == []


def test_where_the_role_cannot_be_assumed_it_is_tried_once_and_the_exit_code_is_4(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    names = [member.user(f"ci{number}").key_id for number in range(3)]
    found = lone(operator, *names)
    policy = os.fspath(operator.policy(POLICY.replace("the-right-one", "a-wrong-one")))
    ministack.log.clear()
    told = operator.told("verify", found, "--lookup", "--policy", policy)
    assert (told.code, set(told.statuses.values())) == (4, {"unknown"})
    assert all("not looked up: could not assume" in each["reason"] for each in told.keys.values())
    assert actions(ministack).count("AssumeRole") == 1


def test_without_credentials_of_ones_own_nothing_is_looked_up_and_files_still_count(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    key = member.user("ci")
    found = lone(operator, key.key_id)
    operator.own = AccessKey(key_id(RNG), secret(RNG), HOME)
    policy = os.fspath(operator.policy(POLICY))
    told = operator.told("verify", found, "--lookup", "--policy", policy)
    assert told.code == 4
    assert "your own credentials are not accepted" in told.keys[key.key_id]["reason"]
    listed = inventory(operator.home / "keys.json", (key.key_id, "ci", "Active"))
    told = operator.told("verify", found, "--lookup", "--policy", policy, "--inventory", listed)
    assert (told.code, told.statuses) == (4, {key.key_id: "active"})


def test_iam_comes_before_a_file_that_is_older(ministack: Ministack, operator: Operator, member: Account) -> None:
    off, gone = member.user("off"), member.user("gone")
    listed = inventory(operator.home / "k.json", *((it.key_id, "old", "Active") for it in (off, gone)))
    member.deactivate("off", off)
    member.iam.delete_access_key(UserName="gone", AccessKeyId=gone.key_id)
    found = lone(operator, off.key_id, gone.key_id)
    policy = os.fspath(operator.policy(POLICY))
    told = operator.told("verify", found, "--lookup", "--policy", policy, "--inventory", listed)
    assert told.statuses == {off.key_id: "inactive", gone.key_id: "unknown"}
    assert told.keys[off.key_id]["name"] == "off"
    assert "k.json still has it" in told.keys[gone.key_id]["reason"]


def test_the_account_of_an_old_key_is_asked_for_as_the_operator(
    ministack: Ministack, operator: Operator, member: Account
) -> None:
    old = key_id(RNG, account=None)
    found = lone(operator, old)
    ministack.log.clear()
    told = operator.told("verify", found, "--lookup")
    assert "AWS knows none for it" in told.keys[old]["reason"]
    assert told.code == 0
    (asked,) = ministack.log.requests(action="GetAccessKeyInfo")
    assert (asked.key_id, asked.parameters["AccessKeyId"]) == (operator.own.key_id, old)
    ministack.log.clear()
    nowhere = os.fspath(operator.policy('[responder]\nrole = "keysweep-responder"\n'))
    told = operator.told("verify", found, "--lookup", "--policy", nowhere)
    assert "no account is on the allow-list" in told.keys[old]["reason"]
    assert actions(ministack) == []


def test_an_old_key_is_looked_up_in_the_account_that_sts_names(moto: Moto, tmp_path: Path) -> None:
    old = key_id(RNG, account=None)
    operator = Operator(tmp_path / "operator", moto, moto.administrator(HOME))
    told = operator.told("verify", lone(operator, old), "--lookup")
    assert f"no user of account {HOME} has it" in told.keys[old]["reason"]


def test_ctrl_c_ends_the_looking_up_at_once_and_keeps_what_came(faults: Faults, tmp_path: Path) -> None:
    own = faults.key(user="oncall", account=HOME)
    key = faults.key(account=HOME)
    stuck = [faults.key(Reply(Hang()).on("GetAccessKeyLastUsed"), account=HOME) for _ in range(12)]
    operator = Operator(tmp_path / "operator", faults, own)
    found = lone(operator, key.key_id, *(each.key_id for each in stuck))
    command = [sys.executable, "-m", "keysweep", "verify", found, "--lookup", "--format", "json"]
    asking = subprocess.Popen(
        [*command, "--aws-endpoint", faults.endpoint],
        cwd=operator.home,
        env=operator.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(faults.log.requests(action="GetAccessKeyLastUsed")) < 9:  # one was answered, eight are stuck
        assert asking.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    began = time.monotonic()
    asking.send_signal(signal.SIGINT)
    out, err = asking.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert (asking.returncode, "interrupted before" in err, "Traceback" in err) == (3, True, False)
    document = json.loads(out)
    assert document["complete"] is False
    told = {each["key_id"]: each for each in document["keys"]}
    assert told[key.key_id]["status"] == "active"
    assert all("interrupted before that" in told[each.key_id]["reason"] for each in stuck)


def test_an_export_and_a_report_that_iam_wrote_are_understood(moto: Moto, tmp_path: Path) -> None:
    account = Account(moto, moto.administrator(MEMBER))
    key = account.user("ci", path="/teams/")
    listed = account.iam.list_access_keys(UserName="ci")
    account.iam.generate_credential_report()
    report = account.iam.get_credential_report()
    (tmp_path / "keys.json").write_text(json.dumps(listed, default=str))
    (tmp_path / "report.csv").write_bytes(report["Content"])
    (tmp_path / "note.txt").write_text(f"aws_access_key_id = {key.key_id}\n")
    found = os.fspath(scanned(tmp_path, "note.txt", "--fail-on", "info"))
    files = ("--inventory", "keys.json", "--inventory", "report.csv")
    done = keysweep(tmp_path, "verify", found, *files, "--format", "json")
    (verdict,) = json.loads(done.stdout)["keys"]
    assert (done.returncode, verdict["status"], verdict["name"]) == (0, "active", "ci")
    assert verdict["account_id"] == MEMBER
    assert verdict["arn"] == f"arn:aws:iam::{MEMBER}:user/teams/ci"


def inventory(path: Path, *keys: tuple[str, str, str]) -> str:
    """An export of ListAccessKeys: key IDs, users and states."""
    entries: list[dict[str, Any]] = [
        {"UserName": user, "AccessKeyId": name, "Status": state, "CreateDate": "2024-05-01T12:00:00+00:00"}
        for name, user, state in keys
    ]
    path.write_text(json.dumps({"AccessKeyMetadata": entries}))
    return os.fspath(path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path


def found_in(tree: Path, *names: str) -> str:
    for number, name in enumerate(names):
        (tree / f"note{number}.txt").write_text(f"aws_access_key_id = {name}\n")
    return os.fspath(scanned(tree, *(f"note{number}.txt" for number in range(len(names))), "--fail-on", "info"))


def test_a_file_tells_of_keys_whose_account_nothing_tells(tree: Path) -> None:
    old, off, other = key_id(RNG, account=None), key_id(RNG), key_id(RNG)
    listed = inventory(tree / "keys.json", (old, "ci", "Active"), (off, "deploy", "Inactive"))
    found = found_in(tree, old, off, other)
    done = keysweep(tree, "verify", found, "--inventory", listed, "--format", "json")
    assert done.returncode == 0
    assert statuses(done) == {old: "active", off: "inactive", other: "unknown"}
    told = {each["key_id"]: each for each in json.loads(done.stdout)["keys"]}
    assert told[old]["reason"] == "the inventory has it, active, user ci, says keys.json"
    assert (told[old]["account_id"], told[old]["arn"], told[old]["name"]) == (None, None, "ci")
    assert told[off]["reason"] == "account 123456789012 has it, inactive, user deploy, says keys.json"
    assert told[other]["reason"] == "no secret was found with it; no inventory file lists it"
    text = keysweep(tree, "verify", found, "--inventory", listed).stdout
    assert "user ci of an account that nothing tells" in text
    assert "user deploy of account 123456789012" in text


def test_a_scan_that_verifies_can_look_into_files_too_and_a_lone_id_stays_as_severe_as_it_was(tree: Path) -> None:
    old, off = key_id(RNG, account=None), key_id(RNG)
    inventory(tree / "keys.json", (old, "ci", "Active"), (off, "deploy", "Inactive"))
    (tree / "note.txt").write_text(f"aws_access_key_id = {old}\nand {off}\n")
    asking = ("scan", "note.txt", "--verify", "--inventory", "keys.json", "--no-config")
    done = keysweep(tree, *asking, "--format", "json")
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema())
    found = {each["key_id"]: (each["verdict"]["status"], each["severity"]) for each in document["findings"]}
    assert (done.returncode, found) == (0, {old: ("active", "low"), off: ("inactive", "low")})
    assert "active: the inventory has it, active, user ci, says keys.json" in keysweep(tree, *asking).stdout
    refused = keysweep(tree, "scan", "--inventory", "keys.json")
    assert (refused.returncode, "go with --verify" in refused.stderr) == (2, True)


def test_files_that_contradict_one_another_are_believed_the_worse_and_it_is_said(tree: Path) -> None:
    name = key_id(RNG)
    first = inventory(tree / "a.json", (name, "ci", "Active"))
    second = inventory(tree / "b.json", (name, "admin", "Inactive"))
    found = found_in(tree, name)
    done = keysweep(tree, "verify", found, "--inventory", first, "--inventory", second, "--format", "json")
    (verdict,) = json.loads(done.stdout)["keys"]
    assert (verdict["status"], verdict["name"]) == ("active", None)
    assert "another entry contradicts that" in verdict["reason"]
    assert "(admin, ci)" in verdict["reason"]


def test_the_age_of_what_a_file_says_is_that_of_the_file(tree: Path) -> None:
    name = key_id(RNG)
    listed = inventory(tree / "keys.json", (name, "ci", "Active"))
    os.utime(listed, (1_700_000_000, 1_700_000_000))
    done = keysweep(tree, "verify", found_in(tree, name), "--inventory", listed, "--format", "json")
    (verdict,) = json.loads(done.stdout)["keys"]
    assert verdict["checked"] == "2023-11-14T22:13:20Z"


def test_the_name_of_a_file_cannot_act_on_a_terminal(tree: Path) -> None:
    name = key_id(RNG)
    listed = inventory(tree / "keys\x1b[2J.json", (name, "ci", "Active"))
    done = keysweep(tree, "verify", found_in(tree, name), "--inventory", listed)
    assert "\x1b" not in done.stdout
    assert "says keys\\x1b[2J.json" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--policy", "x.toml"), "go with --lookup"),
        (("--profile", "x"), "go with --lookup"),
        (("--allow-account", HOME), "go with --lookup"),
        (("--inventory", "none.json"), "cannot be read"),
        (("--inventory", "note0.txt"), "is no inventory file"),
        (("--inventory", "found.json"), "names no AccessKeyId"),
        (("--lookup", "--policy", "none.toml"), "none.toml"),
    ],
)
def test_options_that_cannot_be_followed_are_refused_before_anybody_is_asked(
    tree: Path, options: tuple[str, ...], said: str
) -> None:
    found = found_in(tree, key_id(RNG))
    done = keysweep(tree, "verify", found, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
