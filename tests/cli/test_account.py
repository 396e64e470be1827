"""`keysweep account` against an account of an emulator, as whoever looks after it runs it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from keysweep.cli.account import account as command
from keysweep.errors import UsageError
from keysweep.store.opening import opened
from tests.cli.containing import Operator, leak
from tests.cli.verifying import ID, PAIR, scanned
from tests.emulators.accounts import Account
from tests.emulators.moto import Moto


@pytest.fixture
def account(moto: Moto) -> Account:
    """One with an administrator, whose key the operator has."""
    return Account(moto, moto.administrator())


@pytest.fixture
def auditor(tmp_path: Path, moto: Moto, account: Account) -> Operator:
    """Who asks."""
    return Operator(tmp_path / "home", moto, account.key)


def judged(auditor: Operator, *arguments: str, code: int = 1) -> dict[str, Any]:
    """The report as data."""
    done = auditor.runs("account", "--format", "json", *arguments)
    assert done.returncode == code, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_every_key_is_listed_with_its_user_its_use_and_what_it_can_do(auditor: Operator, account: Account) -> None:
    quiet = account.user("quiet")
    account.allow("quiet", "s3:GetObject")
    report = judged(auditor)
    (known,) = report["accounts"]
    assert (known["users"], report["complete"], report["not_checked"]) == (2, True, [])
    keys = {each["key_id"]: each for each in known["keys"]}
    assert keys.keys() == {quiet.key_id, account.key.key_id}
    assert keys[quiet.key_id]["last_used"]["when"] is None
    assert keys[quiet.key_id]["powers"]["stores"] == ["s3"]
    assert keys[account.key.key_id]["last_used"]["when"]
    assert keys[account.key.key_id]["powers"]["administrator"]
    assert [each["rule"] for each in report["lapses"]] == ["powerful-key", "no-trail"]


def test_what_groups_allow_counts(auditor: Operator, account: Account) -> None:
    account.user("member")
    account.iam.create_group(GroupName="makers")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}
    account.iam.put_group_policy(GroupName="makers", PolicyName="all", PolicyDocument=json.dumps(policy))
    account.iam.add_user_to_group(GroupName="makers", UserName="member")
    (found,) = [each for each in judged(auditor)["lapses"] if each["user"] == "member"]
    assert found["rule"] == "powerful-key"
    assert "makers: inline all" in found["evidence"][0]


@pytest.mark.practice(18)
def test_who_may_change_a_policy_or_a_group_of_their_own_can_take_the_account_over(
    auditor: Operator, account: Account
) -> None:
    for name in ("member", "holder", "neither"):
        account.user(name)
    group = account.iam.create_group(GroupName="makers", Path="/teams/")["Group"]["Arn"]

    def allows(action: str, resource: str) -> str:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        return json.dumps({"Version": "2012-10-17", "Statement": statement})

    account.iam.add_user_to_group(GroupName="makers", UserName="member")
    for name in ("member", "neither"):
        document = allows("iam:PutGroupPolicy", group)
        account.iam.put_user_policy(UserName=name, PolicyName="group", PolicyDocument=document)
    arn = account.iam.create_policy(PolicyName="own", PolicyDocument=allows("s3:ListBucket", "*"))["Policy"]["Arn"]
    account.iam.attach_user_policy(UserName="holder", PolicyArn=arn)
    document = allows("iam:CreatePolicyVersion", arn)
    account.iam.put_user_policy(UserName="holder", PolicyName="versions", PolicyDocument=document)
    powerful = {
        each["user"]: each["evidence"] for each in judged(auditor)["lapses"] if each["rule"] == "powerful-key"
    }
    assert powerful.keys() >= {"member", "holder"}
    assert "iam:PutGroupPolicy" in powerful["member"][0]
    assert "iam:CreatePolicyVersion" in powerful["holder"][0]
    assert "neither" not in powerful


def test_a_leaked_key_of_the_account_comes_first_and_those_of_others_are_counted(
    auditor: Operator, account: Account, tmp_path: Path
) -> None:
    leaked = account.user("deploy")
    account.attach("deploy", "AdministratorAccess")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "prod.env").write_text(f"AWS_ACCESS_KEY_ID={leaked.key_id}\nAWS_SECRET_ACCESS_KEY={leaked.secret}\n")
    (tree / "other.txt").write_text(f"{ID}\n")
    found = scanned(tree)
    report = judged(auditor, str(found))
    first = report["lapses"][0]
    assert (first["rule"], first["severity"], first["key_id"]) == ("leaked-key", "critical", leaked.key_id)
    assert "found at prod.env:1" in first["evidence"]
    assert f"keysweep contain {leaked.key_id}" in first["remedy"]["cli"]
    text = auditor.runs("account", str(found)).stdout
    assert "1 of 2 leaked keys known here belong to it" in " ".join(text.split())


def test_leaks_that_a_sweep_recorded_are_joined_until_somebody_settles_them(
    auditor: Operator, account: Account, tmp_path: Path
) -> None:
    leaked = account.user("deploy")
    leak(tmp_path / "org" / "app", leaked)
    db = str(tmp_path / "leaks.db")
    swept = auditor.runs_offline(
        "sweep", str(tmp_path / "org"), "--db", db, "--mirrors", str(tmp_path / "mirrors")
    )
    assert swept.returncode == 1, swept.stderr
    (found,) = [
        each for each in judged(auditor, "--swept", "--db", db)["lapses"] if each["key_id"] == leaked.key_id
    ]
    assert (found["rule"], found["severity"]) == ("leaked-key", "high")
    assert "found at app: deploy0.ini:2" in found["evidence"]
    with opened(db) as store, store.writing() as connection:
        connection.exec_driver_sql("UPDATE leaks SET status = 'false'")
    assert not [each for each in judged(auditor, "--swept", "--db", db)["lapses"] if each["rule"] == "leaked-key"]


def test_bait_is_there_to_be_found(auditor: Operator, account: Account, tmp_path: Path) -> None:
    bait = account.user("bait")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "keysweep.toml").write_text(f'canary-accounts = ["{account.id}"]\n')
    (tree / "x.env").write_text(f"AWS_ACCESS_KEY_ID={bait.key_id}\nAWS_SECRET_ACCESS_KEY={bait.secret}\n")
    report = judged(auditor, str(scanned(tree)))
    assert not [each for each in report["lapses"] if each["key_id"] == bait.key_id]


def test_a_scan_that_was_not_complete_may_hide_leaks(auditor: Operator, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "x.ini").write_text(PAIR)
    (tree / "odd.gz").write_bytes(b"\x1f\x8b\x08\x00 cut short")
    report = judged(auditor, str(scanned(tree)))
    assert not report["complete"]
    assert report["not_checked"][0]["reason"] == "its scan was not complete"


def test_a_store_is_named_only_to_be_joined(auditor: Operator) -> None:
    done = auditor.runs("account", "--db", "leaks.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--db goes with --swept" in done.stderr


def test_a_store_that_is_not_there_is_one_sentence(auditor: Operator) -> None:
    done = auditor.runs("account", "--swept", "--db", "nowhere.db")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1


def test_what_may_not_be_read_is_unchecked_and_never_in_order(
    account: Account, moto: Moto, tmp_path: Path
) -> None:
    own = account.user("reader")
    account.allow("reader", "iam:ListUsers", "iam:ListAccessKeys")
    reader = Operator(tmp_path / "reader", moto, own)
    report = judged(reader, code=3)
    assert not report["complete"]
    needed = {each["needs"] for each in report["not_checked"]}
    assert needed == {
        "iam:GenerateCredentialReport, iam:GetCredentialReport",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountSummary",
        None,  # moto refuses DescribeTrails in a form that AWS does not have
    }
    assert "whether CloudTrail writes down what is done" in {each["what"] for each in report["not_checked"]}
    assert len(report["accounts"][0]["keys"]) == 2
    text = reader.runs("account")
    assert text.returncode == 3
    assert "not checked:" in text.stdout
    assert "needs iam:GetAccessKeyLastUsed" in text.stdout


def test_without_a_single_user_it_is_a_failure_of_aws(account: Account, moto: Moto, tmp_path: Path) -> None:
    nobody = Operator(tmp_path / "nobody", moto, account.user("nobody"))
    done = nobody.runs("account")
    assert (done.returncode, done.stdout) == (4, "")
    assert "iam:ListUsers" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_table_has_a_row_for_each_lapse_and_every_field_in_quotes(auditor: Operator, account: Account) -> None:
    account.user("twice")
    account.access_key("twice")
    done = auditor.runs("account", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["rule"] for row in rows if row["record"] == "lapse"} == {
        "powerful-key",
        "no-trail",
        "two-active-keys",
    }
    assert done.stdout.startswith('"record"')


def test_what_is_less_than_asked_for_does_not_fail(auditor: Operator) -> None:
    assert auditor.runs("account", "--fail-on", "critical").returncode == 0


def test_a_file_that_is_none_is_said_before_anybody_is_asked(auditor: Operator, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text("{}")
    done = auditor.runs("account", str(path))
    assert done.returncode == 2
    assert "no findings file" in done.stderr


def test_several_reports_of_one_run_and_what_the_next_one_finds_changed(
    auditor: Operator, account: Account, moto: Moto, tmp_path: Path
) -> None:
    account.user("twice")
    second = account.access_key("twice")
    named = {form: tmp_path / f"out.{form}" for form in ("html", "sarif", "asff", "csv")}
    done = auditor.runs("account", *(f"--report={form}={path}" for form, path in named.items()))
    assert done.returncode == 1
    assert "two-active-keys" in done.stdout
    assert "since the last" not in done.stdout
    assert all("two-active-keys" in path.read_text() for path in named.values())
    (request,) = map(json.loads, named["asff"].read_text().splitlines())
    answer = moto.client("securityhub", account.key).batch_import_findings(**request)
    assert (answer["FailedCount"], answer["SuccessCount"]) == (0, 3)

    account.iam.delete_access_key(UserName="twice", AccessKeyId=second.key_id)
    report = judged(auditor)
    assert (report["since"]["accounts"], report["since"]["new"]) == (1, [])
    assert [each["rule"] for each in report["since"]["mended"]] == ["two-active-keys"]
    trend = json.loads(auditor.runs_offline("account", "--trend", "--format", "json").stdout)
    (series,) = trend["series"]
    assert [(each["new"], each["mended"]) for each in series["runs"]] == [(None, None), (0, 1)]
    assert series["accounts"] == [account.id]

    for kept in (auditor.state / "account-runs").iterdir():
        kept.write_bytes(b"\x1b[2J{")
    done = auditor.runs("account")
    assert done.returncode == 1
    assert "cannot be read as earlier runs and were passed over" in done.stderr
    assert "since the last" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--trend", "--report", "csv=x.csv"), "--trend shows earlier runs and asks nobody"),
        (("--trend", "--format", "html"), "--trend is told as text or json"),
        (("--report", "junit=x.xml"), "there is no report format 'junit'"),
        (("--report", "csv=x", "--output", "x"), "two reports go to x"),
        (("--hub-region", "Frankfurt!"), "--hub-region Frankfurt! is no region"),
    ],
)
def test_what_cannot_be_told_is_said_before_anybody_is_asked(arguments: tuple[str, ...], why: str) -> None:
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert why in str(done.exception)
