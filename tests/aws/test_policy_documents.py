"""The responder role as documents: valid, no more than the table says, and never against what a mandate protects."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import hcl2
import pytest
import yaml
from cfnlint.api import lint_all
from hypothesis import given
from hypothesis import strategies as st

from keysweep.aws.mandate import Mandate
from keysweep.aws.permissions import OPTIONAL, PERMISSIONS
from keysweep.aws.policy_documents import (
    Responder,
    as_json,
    check,
    operator_document,
    permissions_document,
    trust_document,
)
from keysweep.aws.policy_templates import cloudformation, terraform
from keysweep.errors import UsageError

PRINCIPAL = "arn:aws:iam::111122223333:role/security"
FULL = Responder(
    role="security/keysweep",
    principal=PRINCIPAL,
    external_id="one-two_3",
    org_id="o-a1b2c3d4e5",
    optional=frozenset(OPTIONAL),
    deny_paths=("/break-glass/", "/%{if}/*", "*emergency*"),
    deny_users=("root-*", "a[bc]d"),
)
CHOICES = st.sets(st.sampled_from(OPTIONAL)).map(frozenset)
NAMES = st.text("abz/*?[]!-", min_size=1, max_size=8)
PATHS = st.lists(st.text("abz-", min_size=1, max_size=4), max_size=3).map(
    lambda it: "/" + "".join(f"{x}/" for x in it)
)


def matches(pattern: str, text: str) -> bool:
    """As IAM matches: `*` and `?`, and nothing else."""
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text))


def decide(document: dict[str, Any], action: str, resource: str) -> str:
    """What IAM makes of it; conditions are taken to hold."""
    effects = {
        each["Effect"]
        for each in document["Statement"]
        if action in each["Action"] and any(matches(pattern, resource) for pattern in each["Resource"])
    }
    return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else "none"


@given(CHOICES)
def test_the_policy_allows_what_was_chosen_and_nothing_more(chosen: frozenset[str]) -> None:
    document = permissions_document(Responder(optional=chosen))
    allowed = {action for each in document["Statement"] if each["Effect"] == "Allow" for action in each["Action"]}
    left_out = {*OPTIONAL, "AssumeResponder", "NameAccounts"} - chosen
    assert allowed == {each.action for each in PERMISSIONS if each.statement not in left_out}
    assert len({each["Sid"] for each in document["Statement"]}) == len(document["Statement"])
    assert json.loads(as_json(document)) == document
    assert as_json(document) == as_json(permissions_document(Responder(optional=chosen)))
    for each in document["Statement"]:
        assert each["Action"] == sorted(each["Action"])
        assert each["Resource"] == sorted(each["Resource"])
        assert ("*" in each["Resource"]) is (each["Sid"] in {"Trail", "Audit"})


def test_only_the_quarantine_policy_can_be_attached() -> None:
    (attach,) = [each for each in permissions_document(FULL)["Statement"] if each["Sid"] == "Quarantine"]
    assert attach["Condition"] == {
        "ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"}
    }


def test_the_role_can_never_give_itself_permissions() -> None:
    document = permissions_document(FULL)
    assert decide(document, "iam:PutRolePolicy", "arn:aws:iam::1:role/app") == "Allow"
    assert decide(document, "iam:PutRolePolicy", "arn:aws:iam::1:role/security/keysweep") == "Deny"


@given(NAMES, NAMES, PATHS, st.text("abz-", min_size=1, max_size=4), CHOICES)
def test_whoever_a_mandate_never_touches_is_denied_to_the_role_as_well(
    path_pattern: str, user_pattern: str, path: str, user: str, chosen: frozenset[str]
) -> None:
    mandate = Mandate(deny_paths=(path_pattern,), deny_users=(user_pattern,))
    if mandate.denies(user, path, {}) is None:
        return
    document = permissions_document(
        Responder(optional=chosen, deny_paths=(path_pattern,), deny_users=(user_pattern,))
    )
    for each in PERMISSIONS:
        if each.writes and each.resource == "user/*":
            assert decide(document, each.action, f"arn:aws:iam::123456789012:user{path}{user}") != "Allow"


def test_an_ordinary_user_is_not_denied_and_reads_of_a_protected_one_are_allowed() -> None:
    document = permissions_document(FULL)
    assert decide(document, "iam:UpdateAccessKey", "arn:aws:iam::1:user/ci/deploy") == "Allow"
    assert decide(document, "iam:UpdateAccessKey", "arn:aws:iam::1:user/break-glass/ada") == "Deny"
    assert decide(document, "iam:UpdateAccessKey", "arn:aws:iam::1:user/x/root-1") == "Deny"
    assert decide(document, "iam:ListAccessKeys", "arn:aws:iam::1:user/break-glass/ada") == "Allow"
    assert decide(document, "iam:PutRolePolicy", "arn:aws:iam::1:role/break-glass/admin") == "Deny"


def test_the_whole_policy_fits_into_a_role() -> None:
    """10 240 characters of inline policies for a role, white space not counted (IAM quotas)."""
    assert len(re.sub(r"\s", "", as_json(permissions_document(FULL)))) < 10_240 / 2


def test_the_trust_policy_asks_for_everything_that_was_named() -> None:
    (statement,) = trust_document(FULL)["Statement"]
    assert statement["Principal"] == {"AWS": PRINCIPAL}
    assert statement["Condition"] == {
        "StringEquals": {"sts:ExternalId": "one-two_3", "aws:PrincipalOrgID": "o-a1b2c3d4e5"}
    }
    (bare,) = trust_document(Responder(principal=PRINCIPAL))["Statement"]
    assert "Condition" not in bare
    with pytest.raises(UsageError, match="--principal"):
        trust_document(Responder())


def test_the_operator_may_assume_the_role_where_it_may_act() -> None:
    anywhere, named = operator_document(FULL)["Statement"]
    assert (named["Action"], named["Resource"]) == (["sts:GetAccessKeyInfo"], ["*"])
    assert anywhere["Resource"] == ["arn:aws:iam::*:role/security/keysweep"]
    two, _ = operator_document(FULL, ["222222222222", "111111111111"])["Statement"]
    assert two["Resource"] == [f"arn:aws:iam::{each}:role/security/keysweep" for each in ("1" * 12, "2" * 12)]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (Responder(partition="aws-mars"), "aws-mars"),
        (Responder(role="a b"), "a b"),
        (Responder(role="x/${aws:username}"), "no name of a role"),
        (Responder(principal="*"), "--principal"),
        (Responder(principal="arn:aws:iam::111122223333:user/*"), "--principal"),
        (Responder(principal="arn:aws-cn:iam::111122223333:root"), "aws-cn"),
        (Responder(external_id="x"), "--external-id"),
        (Responder(org_id="r-1"), "--org-id"),
        (Responder(deny_paths=("break-glass/",)), "break-glass/"),
        (Responder(optional=frozenset({"Everything"})), "Everything"),
    ],
)
def test_what_iam_would_refuse_is_refused_here_and_named(wrong: Responder, named: str) -> None:
    with pytest.raises(UsageError, match=re.escape(named)):
        check(wrong)


def resolved(value: Any) -> Any:
    """A value of a template as a stack in account 123456789012 has it, with every parameter given."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            text: str = value["Fn::Sub"]
            return text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", "123456789012")
        if set(value) == {"Fn::If"}:
            return resolved(value["Fn::If"][1])
        if set(value) == {"Ref"}:
            return {"Principal": PRINCIPAL, "ExternalId": "one-two_3", "OrgId": "o-a1b2c3d4e5"}[value["Ref"]]
        return {key: resolved(each) for key, each in value.items()}
    return [resolved(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("responder", [Responder(), FULL], ids=["bare", "full"])
def test_the_cloudformation_template_is_valid_and_says_the_same(responder: Responder) -> None:
    text = cloudformation(responder)
    assert [each for each in lint_all(text) if not each.rule.id.startswith("I")] == []  # I: advice on taste
    template = yaml.safe_load(text)
    role = template["Resources"]["ResponderRole"]["Properties"]
    assert f"{role['Path']}{role['RoleName']}".strip("/") == responder.role
    assert resolved(role["Policies"][0]["PolicyDocument"]) == permissions_document(responder, "123456789012")
    assert resolved(role["AssumeRolePolicyDocument"]) == trust_document(FULL)
    parameters = template["Parameters"]
    assert parameters["Principal"].get("Default") == responder.principal
    assert parameters["ExternalId"]["Default"] == (responder.external_id or "")
    assert parameters["OrgId"]["Default"] == (responder.org_id or "")


@pytest.mark.parametrize("responder", [Responder(), FULL], ids=["bare", "full"])
def test_the_terraform_module_parses_and_says_the_same(responder: Responder) -> None:
    text = terraform(responder)
    module = hcl2.loads(text)
    assert {key.strip('"') for each in module["resource"] for key in each} == {
        "aws_iam_role",
        "aws_iam_role_policy",
    }
    written = text[text.index("policy = jsonencode(", text.index('"aws_iam_role_policy"')) :]
    written = written[written.index("{") : written.index("\n  })") + 4]
    for reference, value in (
        ("${data.aws_partition.current.partition}", "aws"),
        ("${data.aws_caller_identity.current.account_id}", "123456789012"),
    ):
        written = written.replace(reference, value)
    as_if_json = re.sub(r'^( *"[^"]*") +=', r"\1:", written.replace("%%{", "%{"), flags=re.MULTILINE)
    as_if_json = re.sub(r'(["\]}])\n( *")', r"\1,\n\2", as_if_json)
    as_if_json = re.sub(r",(\s*[\]}])", r"\1", as_if_json)
    assert json.loads(as_if_json) == permissions_document(responder, "123456789012")
    assert "%{if}" not in text.replace("%%{if}", "")


def test_globs_of_python_and_of_iam_differ_where_the_test_says() -> None:
    assert fnmatchcase("abd", "a[bc]d")
    assert not matches("a[bc]d", "abd")
