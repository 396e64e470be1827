"""What policies allow together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.account.evidence import Powers
from keysweep.account.reading.powers import powers


def allowed(*statements: dict[str, Any]) -> Powers:
    """Of one policy with these statements."""
    return powers([{"Version": "2012-10-17", "Statement": list(statements)}], ["p"])


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"} | more


def deny(*actions: str, **more: Any) -> dict[str, Any]:
    return allow(*actions, **more) | {"Effect": "Deny"}


@pytest.mark.parametrize("action", ["*", "*:*"])
def test_everything_everywhere_is_an_administrator(action: str) -> None:
    told = allowed(allow(action))
    assert told.is_administrator
    assert told.services == ("*",)
    assert "iam:PutUserPolicy" in told.escalations
    assert "s3" in told.stores


def test_everything_somewhere_or_sometimes_is_none() -> None:
    assert not allowed(allow("*", Resource="arn:aws:s3:::mine/*")).is_administrator
    assert not allowed(allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})).is_administrator


def test_patterns_of_actions_are_understood_as_iam_does_whatever_their_capitals() -> None:
    assert allowed(allow("IAM:put?serPolicy")).escalations == ("iam:PutUserPolicy",)
    assert allowed(allow("s3:Get*", "sqs:SendMessage")).stores == ("s3",)
    assert allowed(allow("s3:[Gg]etObject")).stores == ()


def test_what_is_denied_everywhere_is_not_allowed_and_what_is_denied_somewhere_may_be() -> None:
    assert allowed(allow("iam:*"), deny("iam:*")).escalations == ()
    assert allowed(allow("iam:CreateAccessKey"), deny("iam:*", Resource="arn:aws:iam::1:user/x")).escalations
    assert allowed(allow("iam:CreateAccessKey"), deny("iam:*", Condition={"Null": {}})).escalations
    assert not allowed(allow("*"), deny("*")).is_administrator


def test_whoever_may_change_only_their_own_keys_or_pass_one_role_gains_nothing() -> None:
    own = "arn:aws:iam::*:user/${aws:username}"
    assert allowed(allow("iam:*AccessKey*", Resource=own)).escalations == ()
    assert allowed(allow("iam:CreateAccessKey", Resource="arn:aws:iam::111122223333:user/*")).escalations
    runs = allow("ec2:RunInstances")
    assert allowed(runs, allow("iam:PassRole", Resource="arn:aws:iam::111122223333:role/web")).escalations == ()
    assert allowed(runs, allow("iam:PassRole")).escalations == ("iam:PassRole",)
    assert allowed(allow("iam:PassRole")).escalations == ()


@pytest.mark.parametrize(
    "resource", ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::1:user/ci", "arn:aws:iam::*:user/*i"]
)
def test_whoever_may_give_themselves_a_policy_can_give_themselves_all(resource: str) -> None:
    policy = {"Statement": allow("iam:AttachUserPolicy", "iam:CreateAccessKey", Resource=resource)}
    assert powers([policy], ["p"], ["arn:aws:iam::1:user/ci"]).escalations == ("iam:AttachUserPolicy",)
    assert powers([policy], ["p"], ["arn:aws:iam::1:user/ci"]).takes_over
    if "username" not in resource:
        assert powers([policy], ["p"], ["arn:aws:iam::1:user/web"]).escalations == ()


@pytest.mark.parametrize(
    ("action", "resource", "of_somebody_else"),
    [
        ("iam:PutGroupPolicy", "arn:aws:iam::1:group/teams/ops", "arn:aws:iam::1:group/other"),
        ("iam:AttachGroupPolicy", "arn:aws:iam::1:group/*/ops", "arn:aws:iam::1:group/?"),
        ("iam:CreatePolicyVersion", "arn:aws:iam::1:policy/mine", "arn:aws:iam::1:policy/other"),
        ("iam:SetDefaultPolicyVersion", "arn:aws:iam::*:policy/m*", "arn:aws:iam::1:user/ci"),
    ],
)
def test_so_can_whoever_may_change_a_group_that_they_are_in_or_a_policy_that_they_have(
    action: str, resource: str, of_somebody_else: str
) -> None:
    own = ["arn:aws:iam::1:user/ci", "arn:aws:iam::1:group/teams/ops", "arn:aws:iam::1:policy/mine"]
    for named, gained in ((resource, (action,)), (of_somebody_else, ()), (own[0], ())):
        policy = {"Statement": allow(action, "iam:AddUserToGroup", Resource=named)}
        assert powers([policy], ["p"], own).escalations == gained, named


@pytest.mark.parametrize(
    ("action", "resource", "one"),
    [
        ("lambda:UpdateFunctionCode", "arn:aws:lambda:*:1:function:*", "arn:aws:lambda:*:1:function:build"),
        ("sts:AssumeRole", "arn:aws:iam::*:role/*", "arn:aws:iam::1:role/deploy"),
        ("glue:UpdateDevEndpoint", "arn:aws:glue:*:1:devEndpoint/*", "arn:aws:glue:*:1:devEndpoint/one"),
    ],
)
def test_so_can_whoever_may_act_as_any_role_that_is_there(action: str, resource: str, one: str) -> None:
    assert allowed(allow(action, Resource=resource)).escalations == (action,)
    assert allowed(allow(action, Resource=one)).escalations == ()


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:1:function:app:*"),
        ("sts:AssumeRole", "arn:aws:iam::999999999999:role/*"),
        ("sts:AssumeRole", "arn:aws:iam::1:role/deploy/*"),
        ("*", "arn:aws:s3:::artifacts/*"),
        ("*", "arn:aws:logs:*:*:*"),
        ("iam:CreateAccessKey", "arn:aws:iam::1:user/ci-*"),
        ("iam:CreateAccessKey", "arn:aws:iam::1:group/*"),
    ],
)
def test_what_is_about_some_of_them_or_something_else_gives_nobody_more(action: str, resource: str) -> None:
    own = ["arn:aws:iam::1:user/web"]
    assert powers([{"Statement": allow(action, Resource=resource)}], ["p"], own).escalations == ()


def test_below_a_path_there_are_administrators_too() -> None:
    for resource in ("arn:aws:iam::1:user/staff/*", "arn:aws:iam::*:user/staff/*"):
        assert allowed(allow("iam:CreateAccessKey", Resource=resource)).takes_over


def test_all_but_some_are_any_and_all_but_all_are_none() -> None:
    statement = {"Effect": "Allow", "Action": "iam:CreateAccessKey"}
    assert allowed(statement | {"NotResource": "arn:aws:iam::1:user/admin"}).takes_over
    assert not allowed(statement | {"NotResource": "*"}).takes_over


def test_any_of_one_partition_and_region_are_any() -> None:
    own = ["arn:aws-cn:iam::1:user/web"]
    for action, resource in (
        ("iam:CreateAccessKey", "arn:aws-cn:iam::1:user/*"),
        ("lambda:UpdateFunctionCode", "arn:aws-cn:lambda:cn-north-1:1:function:*"),
    ):
        assert powers([{"Statement": allow(action, Resource=resource)}], ["p"], own).escalations == (action,)


@pytest.mark.parametrize("resource", ["arn:aws:iam::1:user/?*", "arn:aws:iam::1:user/**", "**", "*?"])
def test_a_pattern_that_everything_fits_is_everything_however_it_is_written(resource: str) -> None:
    assert allowed(allow("iam:CreateAccessKey", Resource=resource)).escalations == ("iam:CreateAccessKey",)


def test_a_statement_about_all_other_actions_allows_nearly_all() -> None:
    told = allowed({"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"})
    as_roles = ("sts:AssumeRole", "lambda:UpdateFunctionCode", "glue:UpdateDevEndpoint")
    assert (told.services, told.is_administrator, told.escalations) == (("*",), False, as_roles)
    assert "s3" in told.stores
    but = allowed(allow("*"), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"})
    assert (but.is_administrator, but.escalations, but.stores) == (False, (), ("s3",))


def test_one_statement_and_one_action_may_stand_without_a_list() -> None:
    policy = {"Statement": {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}}
    assert powers([policy], ["p"]) == Powers(stores=("kms",), services=("kms",), granted_by=("p",))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Action", "NotAction", "Resource", "Condition"]), inner
        )
    ),
)


@given(st.lists(st.dictionaries(st.just("Statement"), _JSON)))
def test_no_document_is_too_odd(documents: list[dict[str, Any]]) -> None:
    assert powers(documents, []).granted_by == ()
