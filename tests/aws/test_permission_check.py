"""`keysweep responder` against emulators that check who asks and what they may do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keysweep.aws.permissions import OPTIONAL
from keysweep.aws.policy_documents import (
    Document,
    Responder,
    as_json,
    operator_document,
    permissions_document,
    trust_document,
)
from keysweep.cli.main import main
from keysweep.errors import ExitCode
from tests.emulators.keys import ACCOUNT
from tests.emulators.ministack import Ministack
from tests.emulators.moto import Moto

Run = Callable[..., tuple[int, str, str]]
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture
def run(operator: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["responder", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


def iam(server: Ministack) -> Any:
    return server.client("iam", server.root())


WITHOUT_RESOURCE = ("iam:GetAccessKeyLastUsed", "iam:SimulatePrincipalPolicy")
"""Calls that ministack holds to no resource, so that only `*` allows them there; AWS holds them to a user or role."""


def role(server: Ministack, name: str, policy: Document, external_id: str | None = None) -> None:
    """A role with a policy, as ministack understands it."""
    named = {action for each in policy["Statement"] for action in each["Action"]}
    anywhere = [each for each in WITHOUT_RESOURCE if each in named]
    if anywhere:
        more = {"Sid": "Ministack", "Effect": "Allow", "Action": anywhere, "Resource": ["*"]}
        policy = {**policy, "Statement": [*policy["Statement"], more]}
    trusted = as_json(trust_document(Responder(principal=ROOT, external_id=external_id)))
    made = iam(server)
    made.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)
    made.put_role_policy(RoleName=name, PolicyName="keysweep", PolicyDocument=as_json(policy))


def mandate(path: Path, **settings: str) -> str:
    lines = "".join(f'{key.replace("_", "-")} = "{value}"\n' for key, value in settings.items())
    path.write_text(f"[responder]\n{lines}", encoding="utf-8")
    return str(path)


def without(document: Document, *actions: str) -> Document:
    kept = [
        {**each, "Action": [action for action in each["Action"] if action not in actions]}
        for each in document["Statement"]
    ]
    return {**document, "Statement": [each for each in kept if each["Action"]]}


def marks(text: str) -> dict[str, str]:
    rows = [line.split() for line in text.splitlines() if line.startswith("  ")]
    return {row[1]: row[0] for row in rows}


def test_the_role_as_printed_has_everything_it_needs(
    ministack_as_root: Ministack, run: Run, tmp_path: Path
) -> None:
    document = permissions_document(Responder(role="good"))
    role(ministack_as_root, "good", document, external_id="abc")
    file = mandate(tmp_path / "c.toml", role="good", external_id="abc")
    code, out, _ = run("check", "--policy", file, "--aws-endpoint", ministack_as_root.endpoint)
    assert code == ExitCode.CLEAN, out
    assert out.splitlines()[0].startswith(
        f"account {ACCOUNT} as arn:aws:sts::{ACCOUNT}:assumed-role/good/keysweep"
    )
    assert out.rstrip().endswith("all there.")
    seen = marks(out)
    assert seen["iam:UpdateAccessKey"] == "ok"
    assert seen["iam:PutRolePolicy"] == "off"


def test_a_missing_write_is_named_and_the_exit_code_says_so(
    ministack_as_root: Ministack, run: Run, tmp_path: Path
) -> None:
    role(
        ministack_as_root,
        "nowrite",
        without(permissions_document(Responder(role="nowrite")), "iam:UpdateAccessKey"),
    )
    file = mandate(tmp_path / "c.toml", role="nowrite")
    code, out, _ = run("check", "--policy", file, "--aws-endpoint", ministack_as_root.endpoint)
    assert code == ExitCode.AWS
    assert marks(out)["iam:UpdateAccessKey"] == "MISSING"
    assert "missing: iam:UpdateAccessKey. `keysweep responder policy` prints" in out


def test_without_the_simulator_reads_are_tried_and_writes_are_said_to_be_unchecked(
    ministack_as_root: Ministack, run: Run, tmp_path: Path
) -> None:
    policy = without(
        permissions_document(Responder(role="plain")), "iam:SimulatePrincipalPolicy", "iam:ListUserTags"
    )
    role(ministack_as_root, "plain", policy)
    file = mandate(tmp_path / "c.toml", role="plain")
    code, out, _ = run("check", "--policy", file, "--aws-endpoint", ministack_as_root.endpoint)
    seen = marks(out)
    assert code == ExitCode.AWS
    assert seen["iam:ListUserTags"] == "MISSING"
    assert seen["iam:ListAccessKeys"] == "ok"
    assert seen["iam:GetAccessKeyLastUsed"] == "ok"
    assert seen["iam:UpdateAccessKey"] == "UNCHECKED"
    assert re.search(r"^not checked: .*iam:UpdateAccessKey, ", out, re.MULTILINE)


def test_checking_changes_nothing(ministack_as_root: Ministack, run: Run, tmp_path: Path) -> None:
    document = permissions_document(Responder(role="calm", optional=frozenset(OPTIONAL)))
    policy = without(document, "iam:SimulatePrincipalPolicy")
    role(ministack_as_root, "calm", policy)
    file = mandate(tmp_path / "c.toml", role="calm")
    before = [each["UserName"] for each in iam(ministack_as_root).list_users()["Users"]]
    run("check", "--policy", file, "--aws-endpoint", ministack_as_root.endpoint)
    assert [each["UserName"] for each in iam(ministack_as_root).list_users()["Users"]] == before
    assert iam(ministack_as_root).list_role_policies(RoleName="calm")["PolicyNames"] == ["keysweep"]


@pytest.mark.parametrize("external_id", [None, "wrong"])
def test_a_wrong_external_id_is_one_sentence(
    external_id: str | None, ministack_as_root: Ministack, run: Run, tmp_path: Path
) -> None:
    name = f"guarded-{external_id}"
    role(ministack_as_root, name, permissions_document(Responder(role=name)), external_id="right")
    settings = {"role": name} | ({"external_id": external_id} if external_id else {})
    file = mandate(tmp_path / "c.toml", **settings)
    code, out, _ = run(
        "check", "--policy", file, "--account", ACCOUNT, "--aws-endpoint", ministack_as_root.endpoint
    )
    assert code == ExitCode.AWS
    assert out.count("\n") == 1
    assert f"could not assume arn:aws:iam::{ACCOUNT}:role/{name}: AWS answered AccessDenied" in out


def test_every_account_is_told_also_where_one_fails(
    ministack_as_root: Ministack, run: Run, tmp_path: Path
) -> None:
    role(ministack_as_root, "here", permissions_document(Responder(role="here")))
    file = mandate(tmp_path / "c.toml", role="here")
    arguments = ("check", "--policy", file, "--account", "999999999999", "--account", ACCOUNT, "--format", "json")
    code, out, _ = run(*arguments, "--aws-endpoint", ministack_as_root.endpoint)
    told = json.loads(out)
    assert code == ExitCode.AWS
    assert [each["status"] for each in told["accounts"]] == ["failed", "ok"]
    assert told["status"] == "lacking"
    row = next(each for each in told["accounts"][1]["permissions"] if each["action"] == "iam:GetUser")
    assert row["required"] is True
    assert row["state"] == "held"


def test_the_operator_policy_is_enough_to_become_the_responder(
    ministack_as_root: Ministack, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role(ministack_as_root, "target", permissions_document(Responder(role="target")))
    admin = iam(ministack_as_root)
    admin.create_user(UserName="oncall")
    admin.put_user_policy(
        UserName="oncall", PolicyName="assume", PolicyDocument=as_json(operator_document(Responder(role="target")))
    )
    key = admin.create_access_key(UserName="oncall")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    file = mandate(tmp_path / "c.toml", role="target")
    code, out, err = run("check", "--policy", file, "--aws-endpoint", ministack_as_root.endpoint)
    assert code == ExitCode.CLEAN, out
    assert key["SecretAccessKey"] not in out + err
    file = mandate(tmp_path / "own.toml", session_name="own")
    code, out, err = run("check", "--policy", file, "--aws-endpoint", ministack_as_root.endpoint)
    assert code == ExitCode.AWS
    assert marks(out)["iam:UpdateAccessKey"] in {"MISSING", "UNCHECKED"}
    assert key["SecretAccessKey"] not in out + err


def test_the_root_user_is_advised_against(ministack_as_root: Ministack, run: Run) -> None:
    code, out, _ = run("check", "--aws-endpoint", ministack_as_root.endpoint)
    assert code == ExitCode.CLEAN
    assert "Do not contain keys as the root user" in out


def test_a_server_without_a_simulator_leaves_writes_unchecked(
    moto: Moto, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = moto.administrator()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    code, out, _ = run("check", "--aws-endpoint", moto.endpoint)
    assert code == ExitCode.INCOMPLETE
    assert marks(out)["iam:UpdateAccessKey"] == "UNCHECKED"
    assert marks(out)["iam:ListAccessKeys"] == "ok"


def test_an_account_that_is_not_ones_own_needs_a_role(ministack_as_root: Ministack, run: Run) -> None:
    code, out, _ = run("check", "--account", "999999999999", "--aws-endpoint", ministack_as_root.endpoint)
    assert code == ExitCode.AWS
    assert "name the role to assume" in out


def test_a_server_that_is_not_there_is_one_sentence(run: Run) -> None:
    code, out, _ = run("check", "--aws-endpoint", "http://127.0.0.1:9")
    assert code == ExitCode.AWS
    assert "http://127.0.0.1:9/ cannot be reached" in out


def test_no_credentials_and_no_profile_are_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, ministack_as_root: Ministack
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out, _ = run("check", "--aws-endpoint", ministack_as_root.endpoint)
    assert (code, "there are no AWS credentials" in out) == (ExitCode.AWS, True)
    code, out, _ = run("check", "--profile", "gone", "--aws-endpoint", ministack_as_root.endpoint)
    assert (code, "there is no AWS profile gone" in out) == (ExitCode.AWS, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--account", "123"),
        ("check", "--aws-endpoint", "ftp://x"),
        ("check", "--policy", "does-not-exist.toml"),
        ("policy", "--with", "Everything"),
        ("policy", "--document", "trust"),
        ("policy", "--format", "terraform", "--document", "trust"),
        ("policy", "--principal", "*"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(arguments: tuple[str, ...], run: Run) -> None:
    code, out, err = run(*arguments)
    assert code == ExitCode.USAGE
    assert out == ""
    assert err


def test_the_policy_file_that_the_page_shows_can_be_read(run: Run, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "responder.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "c.toml").write_text(example.replace("the one from above", "abc-1"), encoding="utf-8")
    code, out, _ = run("policy", "--policy", str(tmp_path / "c.toml"))
    assert code == ExitCode.CLEAN
    assert "user/break-glass/*" in out


def test_the_policy_follows_the_policy_file_and_options_come_first(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[responder]\nrole = "ops/contain"\nexternal-id = "from-file"\npartitions = ["aws-cn"]\n'
        '[guards]\ndeny-paths = ["/break-glass/"]\nallow-accounts = ["111122223333"]\n',
        encoding="utf-8",
    )
    _, out, _ = run("policy", "--policy", str(file))
    denied = next(each for each in json.loads(out)["Statement"] if each["Effect"] == "Deny")
    assert denied["Resource"] == ["arn:aws-cn:iam::*:user/break-glass/*"]
    _, out, _ = run("policy", "--policy", str(file), "--document", "operator")
    assert json.loads(out)["Statement"][0]["Resource"] == ["arn:aws-cn:iam::111122223333:role/ops/contain"]
    principal = ("--principal", "arn:aws-cn:iam::111122223333:root")
    _, out, _ = run("policy", "--policy", str(file), "--document", "trust", *principal, "--external-id", "mine")
    assert json.loads(out)["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] == "mine"
    code, out, _ = run("policy", "--policy", str(file), "--format", "cloudformation", "--with", "Quarantine")
    assert code == ExitCode.CLEAN
    assert "Quarantine" in out
    _, out, _ = run("policy", "--policy", str(file), "--format", "terraform")
    assert 'resource "aws_iam_role" "responder"' in out
