"""From a leak to harmless and back, on real servers: scan, verify, plan, contain, refused, undo, accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.containing import Operator, found, leak
from tests.emulators.accounts import Account
from tests.emulators.clients import refusal
from tests.emulators.ministack import Ministack

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


def test_from_found_to_harmless_and_back(
    ministack: Ministack, operator: Operator, member: Account, tmp_path: Path
) -> None:
    key = member.user("ci")
    member.allow("ci", "s3:*")
    findings = found(operator, leak(tmp_path / "r", key))
    policy = str(operator.policy(POLICY))
    verified = operator.told("verify", findings, hidden=(key,))
    assert (verified.code, verified.statuses) == (1, {key.key_id: "live"})

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
    undone = operator.told("undo", run, "--policy", policy, hidden=(key,))
    assert (undone.code, undone.statuses) == (0, {key.key_id: "restored"}), undone.errors
    assert refusal(ministack.client("sts", key).get_caller_identity) == FINE
    again = operator.told("undo", run, "--policy", policy, hidden=(key,))
    assert (again.code, again.statuses) == (0, {key.key_id: "already-restored"})

    log = operator.log()
    assert (log.code, log.document["intact"]) == (0, True)
    made = [each for each in log.document["entries"] if each["event"] == "made"]
    assert len(made) == 2
    assert all(each["request_id"] for each in made)
