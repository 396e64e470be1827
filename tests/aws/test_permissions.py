"""The table of permissions: what it names exists, and what it leaves out stays out."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import botocore.session
import pytest

from keysweep.aws.mandate import ACTIONS, ROTATING
from keysweep.aws.permissions import (
    AUDIT,
    CHECK,
    OPTIONAL,
    PERMISSIONS,
    PLAN,
    STATEMENTS,
    TRAIL,
    Permission,
    of,
    of_responder,
    required,
    statements,
)


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda it: it.action)
def test_every_permission_is_a_call_that_there_is_and_says_whether_it_writes(permission: Permission) -> None:
    service, _, call = permission.action.partition(":")
    assert call in botocore.session.Session().get_service_model(service).operation_names
    reads = call.startswith(("Get", "List", "Lookup", "Simulate", "AssumeRole", "Describe", "Generate"))
    assert permission.writes is not reads


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda it: it.action)
def test_every_resource_is_one_that_aws_holds_the_call_to(permission: Permission) -> None:
    """A resource of another kind would be a permission that is never given. cfn-lint has AWS's own reference."""
    known = json.loads(files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text(encoding="utf-8"))
    service, _, call = permission.action.partition(":")
    kinds = [each.lower() for each in known[service]["Actions"][call.lower()].get("Resources", [])]
    assert re.split("[/:]", permission.resource)[0] in (kinds or ["*"])


def test_every_permission_is_named_once_for_what_it_is_about_and_belongs_to_a_statement() -> None:
    named = [(each.action, each.resource) for each in PERMISSIONS]
    assert len(named) == len(set(named))
    assert {each.statement for each in PERMISSIONS} == {each.name for each in STATEMENTS}


def test_permissions_are_needed_for_what_a_mandate_can_name() -> None:
    assert {name for each in PERMISSIONS for name in each.needed_for} == {
        *ACTIONS,
        *ROTATING,
        PLAN,
        TRAIL,
        CHECK,
        AUDIT,
    }
    for action in (*ACTIONS, *ROTATING):
        assert any(action in each.needed_for and each.writes for each in PERMISSIONS), action


def test_nothing_but_a_rotation_deletes_a_key_or_makes_one() -> None:
    words = ("AccessKey", "ServiceSpecificCredential", "LoginProfile")
    made_or_gone = [each for each in PERMISSIONS if each.action.endswith(words)]
    assert all(":Update" in each.action for each in made_or_gone if each.statement != "Rotate"), made_or_gone
    assert not any("Deactivate" in each.action or each.action.endswith(":*") for each in PERMISSIONS)


def test_escalation_and_audits_are_optional_and_nothing_else_is() -> None:
    escalating = {each.statement for each in PERMISSIONS if each.writes} & set(OPTIONAL)
    assert escalating == {"DenyUserSessions", "RevokeRoleSessions", "Quarantine", "Rotate", "HandOver"}
    assert set(OPTIONAL) - escalating == {"Audit"}
    for statement in statements():
        writes = {each.action for each in of(statement) if each.writes}
        assert writes <= {"iam:UpdateAccessKey", "iam:UpdateServiceSpecificCredential"}


def test_what_is_required_follows_what_a_run_may_do() -> None:
    ordinary = {each.action for each in required(frozenset())}
    assert "iam:UpdateAccessKey" in ordinary
    assert "iam:PutRolePolicy" not in ordinary
    more = {each.action for each in required(frozenset({"revoke-role-sessions"}))}
    assert more - ordinary == {"iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"}
    assert more <= {each.action for each in of_responder()}
    assert "sts:AssumeRole" not in more
