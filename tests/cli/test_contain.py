"""`keysweep contain`: what is planned, what is refused and why, and what is done, against ministack."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from keysweep.aws.mandate import Mandate, load
from keysweep.frozen import fields
from tests.cli.containing import HERE, Leak, Operator, administrator
from tests.emulators.accounts import Account, session_of
from tests.emulators.clients import refusal
from tests.emulators.keys import mint
from tests.emulators.ministack import Ministack

THERE = "444455556666"
ALLOWED = ("--allow-account", HERE)
INVALID, DENIED, FINE = (403, "InvalidClientTokenId"), (403, "AccessDenied"), (200, "")


@pytest.fixture
def operator(ministack: Ministack, account: Account, tmp_path: Path) -> Operator:
    """An administrator of the account, who needs no role."""
    return administrator(account, tmp_path / "operator", ministack)


def test_an_empty_allow_list_means_that_nothing_is_changed(
    operator: Operator, account: Account, leaked: Leak
) -> None:
    key = account.user("ci")
    done = operator.told("contain", leaked(key), "--apply", "--confirm", key.key_id)
    assert (done.code, done.statuses) == (1, {key.key_id: "refused"})
    assert done.keys[key.key_id]["refusal"]["guard"] == "foreign-account"
    assert "the allow-list is empty" in done.keys[key.key_id]["reason"]
    assert (account.status("ci", key), operator.journal()) == ("Active", [])


def test_a_key_of_another_account_is_left_alone(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    other = Account(ministack, ministack.root(THERE))
    theirs, ours = other.user("ci"), account.user("ci")
    done = operator.told("contain", leaked(theirs, ours), *ALLOWED, "--apply", "--confirm", ours.key_id)
    assert done.statuses == {theirs.key_id: "refused", ours.key_id: "disabled"}
    assert any("report-abuse" in step for step in done.keys[theirs.key_id]["refusal"]["steps"])
    assert (other.status("ci", theirs), account.status("ci", ours)) == ("Active", "Inactive")
    asked = {
        each.action for each in ministack.log.requests() if each.parameters.get("AccessKeyId") == theirs.key_id
    }
    assert asked == set()


def test_a_root_key_is_refused_with_what_a_human_should_do(
    ministack: Ministack, operator: Operator, leaked: Leak
) -> None:
    root = ministack.root(HERE)
    done = operator.told("contain", leaked(root), *ALLOWED, "--apply", "--confirm", root.key_id)
    assert (done.code, done.statuses) == (1, {root.key_id: "refused"})
    assert done.keys[root.key_id]["refusal"]["guard"] == "root"
    assert "Sign in as the root user" in done.keys[root.key_id]["refusal"]["steps"][0]


def test_a_canary_is_never_used_and_never_touched(ministack: Ministack, operator: Operator, leaked: Leak) -> None:
    bait = mint(Random(3), "052310077262")
    done = operator.told(
        "contain", leaked(bait), "--allow-account", bait.account, "--apply", "--confirm", bait.key_id
    )
    assert done.statuses == {bait.key_id: "refused"}
    assert done.keys[bait.key_id]["refusal"]["guard"] == "canary"
    named = operator.told("contain", bait.key_id, "--allow-account", bait.account, "--apply")
    assert named.keys[bait.key_id]["refusal"]["guard"] == "canary"
    assert not [each for each in ministack.log.requests() if each.key_id == bait.key_id]


@pytest.mark.parametrize(
    ("guard", "name", "path", "tags"),
    [
        ('deny-users = ["root-*"]', "root-of-all", "/", {}),
        ('deny-paths = ["/break-glass/"]', "admin", "/break-glass/", {}),
        ('deny-tags = { role = "break-*" }', "admin", "/", {"role": "break-glass"}),
    ],
)
def test_a_break_glass_user_is_never_touched(
    operator: Operator, account: Account, leaked: Leak, guard: str, name: str, path: str, tags: dict[str, str]
) -> None:
    key = account.user(name, path=path, tags=tags)
    policy = operator.policy(f'[guards]\nallow-accounts = ["{HERE}"]\n{guard}\n')
    done = operator.told("contain", leaked(key), "--policy", str(policy), "--apply", "--confirm", key.key_id)
    assert (done.code, done.keys[key.key_id]["refusal"]["guard"]) == (1, "protected")
    assert any(name in step for step in done.keys[key.key_id]["refusal"]["steps"])
    assert account.status(name, key) == "Active"


def test_a_user_whose_tags_cannot_be_read_is_not_taken_for_unprotected(
    operator: Operator, account: Account, leaked: Leak
) -> None:
    account.deny("oncall", "iam:ListUserTags")
    key = account.user("ci")
    policy = operator.policy(f'[guards]\nallow-accounts = ["{HERE}"]\ndeny-tags = {{ role = "break-glass" }}\n')
    done = operator.told("contain", leaked(key), "--policy", str(policy), "--apply", "--confirm", key.key_id)
    assert done.keys[key.key_id]["refusal"]["guard"] == "protection-unknown"
    assert account.status("ci", key) == "Active"


def test_a_key_in_use_needs_force(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    key = account.user("ci")
    ministack.set_last_used(key, datetime.now(UTC) - timedelta(minutes=5), "s3", "eu-west-1")
    findings = leaked(key)
    held = operator.told("contain", findings, *ALLOWED, "--apply", "--confirm", key.key_id)
    assert (held.code, held.keys[key.key_id]["refusal"]["guard"]) == (1, "recent-use")
    assert "5 min ago (s3 in eu-west-1)" in held.keys[key.key_id]["reason"]
    ministack.set_last_used(key, datetime.now(UTC) - timedelta(minutes=5), "s3", "eu-west-1")
    forced = operator.told("contain", findings, *ALLOWED, "--apply", "--confirm", key.key_id, "--force")
    assert (forced.code, forced.statuses) == (0, {key.key_id: "disabled"})


def test_verifying_a_key_is_not_taken_for_its_use(operator: Operator, account: Account, leaked: Leak) -> None:
    key = account.user("ci")
    findings = leaked(key)
    assert operator.told("verify", findings).statuses == {key.key_id: "live"}
    plan = operator.told("contain", findings, *ALLOWED)
    assert (plan.statuses, plan.keys[key.key_id]["owner"]["last_use_was_keysweep"]) == (
        {key.key_id: "planned"},
        True,
    )


def test_the_plan_says_what_may_break_and_what_goes_on(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    key = account.user("ci")
    account.attach("ci", "AdministratorAccess")
    ministack.set_last_used(key, datetime.now(UTC) - timedelta(days=3), "s3", "eu-west-1")
    plan = operator.told("contain", leaked(key), *ALLOWED)
    warnings = " ".join(plan.keys[key.key_id]["warnings"])
    assert "last s3 in eu-west-1, 3 days ago" in warnings
    assert "the only active key of user ci" in warnings
    assert "as good as an administrator (AdministratorAccess)" in warnings
    assert "live on for up to 36 hours" in warnings


def test_a_second_active_key_is_no_only_one(operator: Operator, account: Account, leaked: Leak) -> None:
    key = account.user("ci")
    account.access_key("ci")
    plan = operator.told("contain", leaked(key), *ALLOWED)
    assert plan.keys[key.key_id]["owner"]["only_active_key"] is False
    assert "the only active key" not in " ".join(plan.keys[key.key_id]["warnings"])


def test_no_run_changes_more_keys_than_the_policy_says(operator: Operator, account: Account, leaked: Leak) -> None:
    keys = [account.user(name) for name in ("a", "b", "c")]
    policy = operator.policy(f'[guards]\nallow-accounts = ["{HERE}"]\nmost-keys = 2\n')
    yes = [word for key in keys for word in ("--confirm", key.key_id)]
    done = operator.told("contain", leaked(*keys), "--policy", str(policy), "--apply", *yes)
    assert sorted(done.statuses.values()) == ["disabled", "disabled", "refused"]
    assert [each["refusal"]["guard"] for each in done.keys.values() if each["refusal"]] == ["too-many"]


def test_nobody_confirmed_means_that_nothing_is_done(operator: Operator, account: Account, leaked: Leak) -> None:
    key, other = account.user("ci"), account.user("other")
    done = operator.told("contain", leaked(key, other), *ALLOWED, "--apply", "--confirm", other.key_id)
    assert done.statuses == {key.key_id: "refused", other.key_id: "disabled"}
    assert done.keys[key.key_id]["refusal"]["guard"] == "unconfirmed"
    assert (done.code, account.status("ci", key)) == (1, "Active")


def test_an_unattended_run_keeps_to_its_written_policy(operator: Operator, account: Account, leaked: Leak) -> None:
    key = account.user("ci")
    findings = leaked(key)
    for options in ((*ALLOWED, "--auto"), ("--auto", "--policy", str(operator.policy("[guards]\n")))):
        refused = operator.runs("contain", findings, *options)
        assert (refused.returncode, "--auto needs a written policy" in refused.stderr) == (2, True)
    allows = f'[guards]\nallow-accounts = ["{HERE}"]\n[unattended]\napply = true\n'
    policy = str(operator.policy(allows))
    more = operator.told("contain", findings, "--auto", "--policy", policy, "--deny-sessions")
    assert more.keys[key.key_id]["refusal"]["guard"] == "unattended"
    assert account.status("ci", key) == "Active"
    done = operator.told("contain", findings, "--auto", "--policy", policy)
    assert (done.code, done.statuses) == (0, {key.key_id: "disabled"})


def test_a_key_id_that_somebody_names_is_looked_up_and_switched_off(operator: Operator, account: Account) -> None:
    key = account.user("ci")
    plan = operator.told("contain", key.key_id, *ALLOWED)
    assert (plan.code, plan.statuses) == (1, {key.key_id: "planned"})
    done = operator.told("contain", key.key_id, *ALLOWED, "--apply", "--confirm", key.key_id)
    assert (done.code, done.statuses) == (0, {key.key_id: "disabled"})
    assert "its secret is not here" in done.keys[key.key_id]["reason"]
    again = operator.told("contain", key.key_id, *ALLOWED, "--apply", "--confirm", key.key_id)
    assert (again.code, again.statuses) == (0, {key.key_id: "harmless"})


def test_a_key_id_alone_in_a_file_is_not_enough(operator: Operator, account: Account, tmp_path: Path) -> None:
    key = account.user("ci")
    (tmp_path / "note.txt").write_text(f"the key is {key.key_id}\n")
    findings = tmp_path / "found.json"
    scan = operator.runs_offline("scan", str(tmp_path / "note.txt"), "--format", "json", "--output", str(findings))
    assert scan.returncode == 0, scan.stderr
    plan = operator.told("contain", str(findings), *ALLOWED)
    assert (plan.code, plan.keys[key.key_id]["refusal"]["guard"]) == (1, "not-live")
    assert plan.keys[key.key_id]["owner"]["user"] == "ci"


def test_a_wrong_secret_is_not_enough(operator: Operator, account: Account, leaked: Leak) -> None:
    from dataclasses import replace

    key = account.user("ci")
    findings = leaked(replace(key, secret=mint(Random(5)).secret))
    plan = operator.told("contain", findings, *ALLOWED)
    assert plan.keys[key.key_id]["refusal"]["guard"] == "not-live"
    assert plan.keys[key.key_id]["verdict"]["status"] == "wrong-secret"


def test_what_is_off_or_gone_already_is_harmless(operator: Operator, account: Account, leaked: Leak) -> None:
    off, gone = account.user("off"), account.user("gone")
    findings = leaked(off, gone)
    account.deactivate("off", off)
    account.iam.delete_access_key(UserName="gone", AccessKeyId=gone.key_id)
    done = operator.told("contain", findings, *ALLOWED, "--apply")
    assert (done.code, done.statuses) == (0, {off.key_id: "harmless", gone.key_id: "harmless"})
    named = operator.told("contain", gone.key_id, *ALLOWED, "--apply")
    assert named.keys[gone.key_id]["refusal"]["guard"] == "not-found"
    assert operator.journal() == []


def test_sessions_of_a_user_outlive_its_key_unless_they_are_denied(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    key = account.user("ci")
    account.allow("ci", "s3:*", "iam:ListUsers")
    session = session_of(ministack.client("sts", key).get_session_token(), HERE)
    listing = ministack.client("iam", session).list_users
    assert refusal(listing) == FINE
    findings = leaked(key)
    options = ("--apply", "--confirm", key.key_id, "--force")
    done = operator.told("contain", findings, *ALLOWED, *options, "--deny-sessions")
    assert (done.code, done.statuses) == (0, {key.key_id: "disabled"}), done.errors
    assert [each["action"] for each in done.keys[key.key_id]["changes"]] == ["deactivate-key", "deny-sessions"]
    assert refusal(listing) == DENIED
    undone = operator.told("undo", done.document["run"])
    assert undone.code == 0, undone.errors
    assert account.iam.list_user_policies(UserName="ci")["PolicyNames"] == ["allow"]
    assert (account.status("ci", key), refusal(listing)) == ("Active", FINE)


@pytest.mark.parametrize("refused", ["iam:GetUserPolicy", "iam:PutUserPolicy"])
def test_a_key_that_is_off_is_said_to_be_though_what_came_after_it_failed(
    operator: Operator, account: Account, leaked: Leak, refused: str
) -> None:
    """Whoever reads no more than "failed" would take the key for one that lets people in."""
    key = account.user("ci")
    account.deny("oncall", refused)
    options = ("--apply", "--confirm", key.key_id, "--no-trail", "--deny-sessions")
    done = operator.told("contain", leaked(key), *ALLOWED, *options)
    assert (done.code, done.statuses) == (4, {key.key_id: "failed"}), done.document
    assert account.status("ci", key) == "Inactive"
    told = done.keys[key.key_id]
    assert told["reason"].startswith("the key is switched off (AWS has refused it since")
    assert "AccessDenied" in told["reason"]
    assert (told["changes"][0]["action"], told["changes"][0]["outcome"]) == ("deactivate-key", "made")
    assert told["changes"][0]["request_id"]
    assert told["propagation"]["refused_after_seconds"] is not None


def test_a_session_of_a_role_is_revoked_only_when_that_is_asked_for(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    builder = account.user("builder")
    account.allow("builder", "sts:AssumeRole")
    role = account.role("build", "iam:ListUsers", trusts=f"arn:aws:iam::{HERE}:user/builder")
    session = account.assume(builder, role)
    findings = leaked(session)
    plan = operator.told("contain", findings, *ALLOWED)
    assert plan.keys[session.key_id]["refusal"]["guard"] == "role-session"
    options = ("--revoke-role-sessions", "--apply", "--confirm", session.key_id)
    assert refusal(ministack.client("iam", session).list_users) == FINE
    done = operator.told("contain", findings, *ALLOWED, *options)
    assert (done.code, done.statuses) == (0, {session.key_id: "revoked"}), done.errors
    assert list(done.keys[session.key_id]["role"]["cut_off"]) == [f"arn:aws:iam::{HERE}:user/builder as session"]
    assert refusal(ministack.client("iam", session).list_users) == DENIED
    undone = operator.told("undo", done.document["run"])
    assert (undone.code, undone.statuses) == (0, {session.key_id: "restored"}), undone.errors
    assert refusal(ministack.client("iam", session).list_users) == FINE


def test_a_session_of_a_user_is_ended_by_denying_what_the_user_has(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    key = account.user("ci")
    account.allow("ci", "iam:ListUsers")
    session = session_of(ministack.client("sts", key).get_session_token(), HERE)
    findings = leaked(session)
    plan = operator.told("contain", findings, *ALLOWED)
    assert plan.keys[session.key_id]["refusal"]["guard"] == "user-session"
    done = operator.told("contain", findings, *ALLOWED, "--deny-sessions", "--apply", "--confirm", session.key_id)
    assert (done.code, done.statuses) == (0, {session.key_id: "revoked"}), done.errors
    assert refusal(ministack.client("iam", session).list_users) == DENIED
    assert refusal(ministack.client("iam", key).list_users) == FINE


def test_the_leaked_key_can_act_on_itself_as_the_last_resort(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    key = account.user("ci", path="/build/")
    account.allow("ci", "iam:UpdateAccessKey", "iam:ListAccessKeys")
    operator.own = account.user("nobody")
    findings = leaked(key)
    held = operator.told("contain", findings, *ALLOWED, "--apply", "--confirm", key.key_id)
    assert (held.code, held.keys[key.key_id]["refusal"]["guard"]) == (4, "unreachable")
    done = operator.told("contain", findings, *ALLOWED, "--apply", "--confirm", key.key_id, "--self", "--no-trail")
    assert (done.code, done.statuses) == (0, {key.key_id: "disabled"}), done.errors
    assert done.keys[key.key_id]["responder"] == f"arn:aws:iam::{HERE}:user/build/ci"
    assert refusal(ministack.client("sts", key).get_caller_identity) == INVALID


def test_text_shows_the_plan_and_how_to_go_on(operator: Operator, account: Account, leaked: Leak) -> None:
    key = account.user("ci")
    done = operator.runs("contain", leaked(key), *ALLOWED)
    for words in ("PLANNED", key.key_id, "user ci of account", "deactivate-key", "Nothing was changed", "--apply"):
        assert words in done.stdout


@pytest.mark.shows_secrets("arguments", "somebody gives the secret in place of the key ID, and is told so")
def test_what_may_be_a_secret_is_not_taken_for_a_file(operator: Operator) -> None:
    secret = mint(Random(9)).secret.replace("/", "a").replace("+", "b")
    done = operator.runs("contain", secret)
    assert (done.returncode, "length of a secret" in done.stderr) == (2, True)
    assert secret not in done.stdout + done.stderr


def test_wrong_usage_is_one_sentence(operator: Operator) -> None:
    for arguments, said in (
        (("contain", "gone.json"), "cannot be read"),
        (("contain", "AKIAQNZGKIQYZZZZZZZZ", "--confirm", "x"), "--confirm goes with --apply"),
        (("contain", "AKIAQNZGKIQYZZZZZZZZ", "--allow-account", "12"), "twelve digits"),
        (("undo", "nothing"), "knows no run nothing"),
    ):
        done = operator.runs(*arguments)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_findings_file_cannot_say_that_a_key_is_live(operator: Operator, account: Account, leaked: Leak) -> None:
    """A tampered file names another key and claims that AWS has accepted it."""
    key, victim = account.user("ci"), account.user("victim")
    path = Path(leaked(key))
    document = json.loads(path.read_text())
    for finding in document["findings"]:
        finding["key_id"] = victim.key_id
        finding["verdict"] = {"status": "live", "checked": "2026-01-01T00:00:00Z"}
    path.write_text(json.dumps(document))
    done = operator.told("contain", str(path), *ALLOWED, "--apply", "--confirm", victim.key_id)
    assert done.statuses.get(victim.key_id) in (None, "refused")
    assert account.status("victim", victim) == "Active"


def test_the_trail_tells_what_keysweep_did_with_the_key_from_what_others_did(
    ministack: Ministack, operator: Operator, account: Account, leaked: Leak
) -> None:
    key = account.user("ci")
    account.allow("ci", "iam:CreateUser")
    ministack.client("iam", key).create_user(UserName="backdoor")
    done = operator.told("contain", leaked(key), *ALLOWED, "--apply", "--confirm", key.key_id, "--force")
    (region,) = done.keys[key.key_id]["trail"]["regions"]
    assert any(agent.startswith("keysweep/") for agent in region["user_agents"])
    notable = {each["name"]: each["notable"] for each in region["calls"]}
    assert "outlives" in notable["CreateUser"]
    (kept,) = (operator.state / "runs").rglob(f"trail-{key.key_id}.json")
    (noted,) = [each for each in operator.journal() if each["event"] == "trail"]
    assert sha256(kept.read_bytes()).hexdigest() == noted["sha256"]
    shown = operator.runs_offline("log", done.document["run"])
    assert (shown.returncode, "the chain is whole" in shown.stdout) == (0, True)
    for words in (
        f"Run {done.document['run']}: contain",
        f"switch {key.key_id} of user ci off",
        f"AWS did it, request {done.keys[key.key_id]['changes'][0]['request_id']}",
        "AWS has refused it since",
        "user/oncall",
        f"allowed in {HERE}",
        str(noted["sha256"]),
    ):
        assert words in " ".join(shown.stdout.split())


def test_the_policy_that_the_page_shows_can_be_read_and_shows_every_setting(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "containment.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "containment.toml").write_text(example)
    assert load(None, tmp_path).unattended
    whole = tomllib.loads(example)
    assert {key for part in whole.values() for key in part} | {"apply", "actions"} >= {
        name.replace("_", "-") for name in fields(Mandate) if not name.startswith("unattended")
    }
