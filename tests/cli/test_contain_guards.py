"""Guards of `keysweep contain` held against whoever wants to get around them, against ministack."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.containing import HERE, Leak, Operator, administrator
from tests.emulators.accounts import Account, session_of
from tests.emulators.clients import refusal
from tests.emulators.keys import AccessKey
from tests.emulators.ministack import Ministack

THERE = "444455556666"
ALLOWED = ("--allow-account", HERE)


@pytest.fixture
def operator(ministack: Ministack, account: Account, tmp_path: Path) -> Operator:
    return administrator(account, tmp_path / "operator", ministack)


def yes(key: AccessKey) -> tuple[str, ...]:
    return ("--apply", "--confirm", key.key_id, "--no-trail")


def test_the_plan_does_not_hide_from_the_run_that_the_key_is_in_use(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    """IAM remembers one use of a key: after the plan that is keysweep's own."""
    key = account.user("ci")
    ministack.set_last_used(key, datetime.now(UTC) - timedelta(minutes=5), "s3", "eu-west-1")
    findings = leaked(key)
    plan = operator.told("contain", findings, *ALLOWED)
    assert plan.keys[key.key_id]["refusal"]["guard"] == "recent-use"
    done = operator.told("contain", findings, *ALLOWED, *yes(key))
    assert (done.code, account.status("ci", key)) == (1, "Active")
    assert "5 min ago (s3 in eu-west-1)" in done.keys[key.key_id]["reason"]
    assert done.keys[key.key_id]["owner"]["last_used_before"] is not None
    shown = operator.runs("contain", findings, *ALLOWED)
    assert "s3 in eu-west-1" in shown.stdout
    forced = operator.told("contain", findings, *ALLOWED, *yes(key), "--force")
    assert (forced.code, forced.statuses) == (0, {key.key_id: "disabled"})


def test_a_key_that_nobody_has_used_is_said_to_be_one_after_keysweep_has(
    operator: Operator, account: Account, leaked: Leak
) -> None:
    findings = leaked(account.user("ci"))
    for _ in range(2):
        assert "  used     never" in operator.runs("contain", findings, *ALLOWED).stdout


def test_a_findings_file_cannot_say_that_a_use_of_the_key_was_keysweep(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    key = account.user("ci")
    used = datetime.now(UTC) - timedelta(minutes=5)
    ministack.set_last_used(key, used, "sts", "us-east-1")
    path = Path(leaked(key))
    document = json.loads(path.read_text())
    for finding in document["findings"]:
        finding["verdict"] = {"status": "live", "checked": used.isoformat()}
    path.write_text(json.dumps(document))
    done = operator.told("contain", str(path), *ALLOWED, *yes(key))
    assert done.keys[key.key_id]["refusal"]["guard"] == "recent-use"
    assert account.status("ci", key) == "Active"


def test_a_policy_that_only_has_the_name_of_the_quarantine_is_not_taken_for_it(
    operator: Operator, account: Account, leaked: Leak
) -> None:
    """Whoever has the key, and rights of IAM, could keep the true one away."""
    key = account.user("ci")
    nothing = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "a4b:*", "Resource": "*"}]}
    made = account.iam.create_policy(
        PolicyName="AWSCompromisedKeyQuarantineV3", PolicyDocument=json.dumps(nothing)
    )
    account.iam.attach_user_policy(UserName="ci", PolicyArn=made["Policy"]["Arn"])
    done = operator.told("contain", leaked(key), *ALLOWED, *yes(key), "--quarantine")
    assert [each["outcome"] for each in done.keys[key.key_id]["changes"]] == ["made", "made"], done.document
    attached = account.iam.list_attached_user_policies(UserName="ci")["AttachedPolicies"]
    assert "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3" in [each["PolicyArn"] for each in attached]


def test_two_keys_of_one_user_are_contained_with_their_sessions_in_one_run(
    operator: Operator, account: Account, leaked: Leak
) -> None:
    """Each has a policy of its own, and neither is the only active key of the user: together they are all."""
    first = account.user("ci")
    second = account.access_key("ci")
    findings = leaked(first, second)
    plan = operator.told("contain", findings, *ALLOWED)
    for each in plan.keys.values():
        assert "this run switches off every active key of user ci" in " ".join(each["warnings"])
    done = operator.told("contain", findings, *ALLOWED, *yes(first), "--confirm", second.key_id, "--deny-sessions")
    assert (done.code, set(done.statuses.values())) == (0, {"disabled"}), done.document
    assert len(account.iam.list_user_policies(UserName="ci")["PolicyNames"]) == 2
    undone = operator.told("undo", done.document["run"])
    assert (undone.code, [each["status"] for each in undone.document["keys"]]) == (0, ["restored"] * 4)
    assert account.iam.list_user_policies(UserName="ci")["PolicyNames"] == []
    one = operator.told("contain", first.key_id, *ALLOWED)
    assert "every active key" not in " ".join(one.keys[first.key_id]["warnings"])


def test_two_sessions_of_one_role_are_revoked_in_one_run(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    builder = account.user("builder")
    account.allow("builder", "sts:AssumeRole")
    role = account.role("build", "iam:ListUsers", trusts=f"arn:aws:iam::{HERE}:user/builder")
    sessions = account.assume(builder, role), account.assume(builder, role)
    confirmed = ("--apply", *(word for each in sessions for word in ("--confirm", each.key_id)))
    done = operator.told("contain", leaked(*sessions), *ALLOWED, *confirmed, "--revoke-role-sessions")
    assert (done.code, set(done.statuses.values())) == (0, {"revoked"}), done.document
    for each in sessions:
        assert refusal(ministack.client("iam", each).list_users) == (403, "AccessDenied")


def test_who_acts_with_what_is_contained_is_told(operator: Operator, leaked: Leak) -> None:
    plan = operator.told("contain", leaked(operator.own), *ALLOWED, "--force")
    assert "you act as oncall yourself" in plan.keys[operator.own.key_id]["warnings"][0]


def test_an_unattended_run_does_not_act_as_the_leaked_key(
    operator: Operator, account: Account, leaked: Leak
) -> None:
    """Nothing would tell then whether the key is in use, and nobody would be asked."""
    key = account.user("ci")
    account.allow("ci", "iam:UpdateAccessKey", "iam:ListAccessKeys")
    policy = operator.policy(f'[guards]\nallow-accounts = ["{HERE}"]\n[unattended]\napply = true\n')
    done = operator.runs("contain", leaked(key), "--policy", str(policy), "--auto", "--self")
    assert (done.returncode, "--self is the last resort of a person" in done.stderr) == (2, True)
    assert account.status("ci", key) == "Active"


def test_a_file_with_the_name_of_a_key_id_is_not_read_in_its_place(
    operator: Operator, account: Account, leaked: Leak
) -> None:
    """Whoever commits a file of that name would choose what is contained."""
    key, other = account.user("ci"), account.user("other")
    (operator.home / key.key_id).write_bytes(Path(leaked(other)).read_bytes())
    plan = operator.told("contain", key.key_id, *ALLOWED)
    assert list(plan.keys) == [key.key_id]


def test_a_key_that_may_be_live_is_never_exit_code_0(
    ministack: Ministack, operator: Operator, leaked: Leak
) -> None:
    """Nobody looks into an account that is not on the list, so nothing says that the key is dead."""
    theirs = Account(ministack, ministack.root(THERE)).user("ci")
    named = operator.told("contain", theirs.key_id, *ALLOWED, "--apply")
    assert (named.code, named.keys[theirs.key_id]["refusal"]["guard"]) == (1, "foreign-account")
    old = "AKIAI44QH8DHBEXAMPL7"
    unknown = operator.told("contain", old, *ALLOWED)
    assert (unknown.code, unknown.statuses) in [(1, {old: "refused"}), (4, {old: "refused"})]


def test_sessions_of_a_key_that_is_off_can_still_be_ended_by_who_names_it(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    """The trail that tells of sessions comes when the key is off: then it must not be too late."""
    key = account.user("ci")
    account.allow("ci", "iam:ListUsers")
    session = session_of(ministack.client("sts", key).get_session_token(), HERE)
    findings = leaked(key)
    first = operator.told("contain", findings, *ALLOWED, *yes(key), "--force")
    assert first.statuses == {key.key_id: "disabled"}
    found_again = operator.told("contain", findings, *ALLOWED, *yes(key), "--deny-sessions")
    assert found_again.statuses == {key.key_id: "harmless"}
    assert f"name it: keysweep contain {key.key_id} --deny-sessions" in found_again.keys[key.key_id]["reason"]
    assert refusal(ministack.client("iam", session).list_users) == (200, "")
    done = operator.told("contain", key.key_id, *ALLOWED, *yes(key), "--deny-sessions")
    assert (done.code, done.statuses) == (0, {key.key_id: "revoked"}), done.document
    assert [each["action"] for each in done.keys[key.key_id]["changes"]] == ["deny-sessions"]
    assert refusal(ministack.client("iam", session).list_users) == (403, "AccessDenied")
    undone = operator.told("undo", done.document["run"])
    assert (undone.code, account.status("ci", key)) == (0, "Inactive")
    assert refusal(ministack.client("iam", session).list_users) == (200, "")
