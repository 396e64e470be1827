"""From a leak to harmless and back, on real servers: scan, verify, plan, contain, refused, undo, accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.containing import Operator, found, leak
from tests.emulators.accounts import Account
from tests.emulators.clients import refusal
from tests.emulators.ministack import Ministack
from tests.emulators.moto import Moto

HOME, MEMBER = "111122223333", "444455556666"
FINE, INVALID = (200, ""), (403, "InvalidClientTokenId")
LOOK = (
    "iam:GetAccessKeyLastUsed",
    "iam:ListAccessKeys",
    "iam:GetUser",
    "iam:ListUserTags",
    "iam:ListAttachedUserPolicies",
    "iam:ListUserPolicies",
    "iam:ListGroupsForUser",
    "iam:GetRole",
    "iam:UpdateAccessKey",
    "cloudtrail:LookupEvents",
)
POLICY = f"""
[responder]
role = "keysweep-responder"
external-id = "the-right-one"

[guards]
allow-accounts = ["{MEMBER}"]
deny-paths = ["/break-glass/"]
"""


@pytest.fixture
def member(ministack: Ministack) -> Account:
    return Account(ministack, ministack.root(MEMBER))


@pytest.fixture
def operator(ministack: Ministack, tmp_path: Path, member: Account) -> Operator:
    """Somebody in the home account, who may assume the responder role in the member account."""
    home = Account(ministack, ministack.root(HOME))
    own = home.user("oncall")
    home.allow("oncall", "sts:AssumeRole")
    member.role(
        "keysweep-responder", *LOOK, trusts=f"arn:aws:iam::{HOME}:user/oncall", external_id="the-right-one"
    )
    return Operator(tmp_path / "operator", ministack, own)


@pytest.mark.practice(5, 10, 16)
def test_from_found_to_harmless_and_back(
    ministack: Ministack, operator: Operator, member: Account, tmp_path: Path
) -> None:
    key = member.user("ci")
    member.allow("ci", "s3:*")
    findings = found(operator, leak(tmp_path / "r", key))
    policy = str(operator.policy(POLICY))
    verified = operator.told("verify", findings, hidden=(key,))
    assert (verified.code, verified.statuses) == (1, {key.key_id: "live"})
    (verdicts := operator.home / "live.json").write_text(json.dumps(verified.document))

    def page() -> tuple[str, str]:
        """What the HTML report says of the key."""
        done = operator.runs_offline("report", findings, "--verified", str(verdicts), "--format", "html")
        found = re.search(r'id="data">(.*?)</script>', done.stdout)
        assert found, done.stderr
        assert key.secret not in done.stdout
        (row,) = json.loads(found[1])
        return row["status"], row["step"]["command"]

    assert page() == ("live", f"keysweep contain FINDINGS.json --allow-account {MEMBER}")

    plan = operator.told("contain", findings, "--policy", policy, hidden=(key,))
    assert (plan.code, plan.statuses) == (1, {key.key_id: "planned"})
    planned = plan.keys[key.key_id]
    assert planned["owner"]["user"] == "ci"
    assert planned["owner"]["only_active_key"] is True
    assert planned["owner"]["policies"] == ["inline allow"]
    assert planned["responder"].startswith(f"arn:aws:sts::{MEMBER}:assumed-role/keysweep-responder/")
    assert (operator.journal(), member.status("ci", key)) == ([], "Active")

    contained = operator.told(
        "contain", findings, "--policy", policy, "--apply", "--confirm", key.key_id, hidden=(key,)
    )
    assert (contained.code, contained.statuses) == (0, {key.key_id: "disabled"}), contained.errors
    assert refusal(ministack.client("sts", key).get_caller_identity) == INVALID
    assert contained.keys[key.key_id]["propagation"]["refused_after_seconds"] is not None
    assert contained.keys[key.key_id]["trail"]["events"] >= 1

    run = contained.document["run"]
    assert page() == ("switched-off", f"keysweep undo {run}")
    undone = operator.told("undo", run, "--policy", policy, hidden=(key,))
    assert (undone.code, undone.statuses) == (0, {key.key_id: "restored"}), undone.errors
    assert refusal(ministack.client("sts", key).get_caller_identity) == FINE
    assert page()[0] == "live"
    again = operator.told("undo", run, "--policy", policy, hidden=(key,))
    assert (again.code, again.statuses) == (0, {key.key_id: "already-restored"})

    log = operator.log()
    assert (log.code, log.document["intact"]) == (0, True)
    made = [each for each in log.document["entries"] if each["event"] == "made"]
    assert len(made) == 2
    assert all(each["request_id"] for each in made)


@pytest.mark.parametrize("external_id", ['external-id = "a-wrong-one"', ""])
def test_the_role_is_not_assumed_without_its_external_id(
    operator: Operator, member: Account, tmp_path: Path, external_id: str
) -> None:
    key = member.user("ci")
    findings = found(operator, leak(tmp_path / "r", key))
    policy = str(operator.policy(POLICY.replace('external-id = "the-right-one"', external_id)))
    done = operator.told(
        "contain", findings, "--policy", policy, "--apply", "--confirm", key.key_id, hidden=(key,)
    )
    assert (done.code, done.keys[key.key_id]["refusal"]["guard"]) == (4, "unreachable")
    assert "AccessDenied" in done.keys[key.key_id]["reason"]
    assert any(f"responder check --account {MEMBER}" in step for step in done.keys[key.key_id]["refusal"]["steps"])
    assert member.status("ci", key) == "Active"


def test_no_role_is_assumed_in_an_account_that_is_not_allowed(
    ministack: Ministack, operator: Operator, tmp_path: Path
) -> None:
    """Whoever makes a key ID chooses the account in it, and could wait there for the ExternalId."""
    trap = "999900001111"
    attacker = Account(ministack, ministack.root(trap))
    attacker.role("keysweep-responder", *LOOK, trusts="*")
    key = attacker.user("bait")
    findings = found(operator, leak(tmp_path / "r", key))
    done = operator.told("contain", findings, key.key_id, "--policy", str(operator.policy(POLICY)), "--apply")
    assert done.keys[key.key_id]["refusal"]["guard"] == "foreign-account"
    assert "AssumeRole" not in [
        each.action for each in ministack.log.requests() if each.key_id == operator.own.key_id
    ]


def test_on_moto_last_use_and_quarantine_are_seen_and_a_key_that_stays_live_is_said_to_be(
    moto: Moto, tmp_path: Path
) -> None:
    """moto tracks uses and knows AWS's managed policies, and goes on to accept keys that are switched off."""
    account = Account(moto, moto.administrator(HOME))
    key = account.user("ci")
    account.allow("ci", "s3:ListAllMyBuckets")
    operator = Operator(tmp_path / "operator", moto, account.key)
    findings = found(operator, leak(tmp_path / "r", key))
    options = ("--allow-account", HOME, "--no-trail", "--wait", "1", "--quarantine")
    plan = operator.told("contain", findings, *options, hidden=(key,))
    assert plan.statuses == {key.key_id: "planned"}, plan.document
    done = operator.told("contain", findings, *options, "--apply", "--confirm", key.key_id, hidden=(key,))
    assert (done.code, done.statuses) == (4, {key.key_id: "disabled-not-propagated"}), done.errors
    assert "AWS still accepts it" in done.keys[key.key_id]["reason"]
    attached = account.iam.list_attached_user_policies(UserName="ci")["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AWSCompromisedKeyQuarantineV3"]
    assert account.status("ci", key) == "Inactive"
    undone = operator.told("undo", done.document["run"], hidden=(key,))
    assert (undone.code, [each["status"] for each in undone.document["keys"]]) == (0, ["restored"] * 2)
    assert account.iam.list_attached_user_policies(UserName="ci")["AttachedPolicies"] == []
    assert account.status("ci", key) == "Active"


@pytest.mark.parametrize(("name", "region"), [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")])
def test_a_key_of_another_partition_is_contained_in_it(moto: Moto, tmp_path: Path, name: str, region: str) -> None:
    account = Account(moto, moto.administrator(HOME, region), region)
    key = account.user("ci")
    operator = Operator(tmp_path / "operator", moto, account.key)
    findings = found(operator, leak(tmp_path / "r", key))
    options = ("--allow-account", HOME, "--no-trail", "--wait", "0", "--partition", name)
    done = operator.told("contain", findings, *options, "--apply", "--confirm", key.key_id, hidden=(key,))
    assert account.status("ci", key) == "Inactive", done.document
    assert done.keys[key.key_id]["responder"].startswith(f"arn:{name}:")
    undone = operator.told("undo", done.document["run"], hidden=(key,))
    assert (undone.code, account.status("ci", key)) == (0, "Active"), undone.errors
