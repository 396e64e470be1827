"""What policies allow, added up from their documents: the blast radius of a key.

Actions that let somebody give themselves more: Rhino Security Labs, 'AWS IAM privilege escalation methods', and
AWS's managed policy AWSCompromisedKeyQuarantineV3, which denies the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any

from keysweep.account.evidence import Powers

_ESCALATIONS = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
)
_STORES: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"),
    "ec2": ("ec2:CreateSnapshot", "ec2:ModifySnapshotAttribute"),
    "kms": ("kms:Decrypt",),
    "rds": ("rds:CreateDBSnapshot", "rds:ModifyDBSnapshotAttribute"),
    "s3": ("s3:GetObject",),
    "secretsmanager": ("secretsmanager:GetSecretValue",),
    "sqs": ("sqs:ReceiveMessage",),
    "ssm": ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"),
}
"""Services that keep data, and the actions by which it leaves."""


def powers(documents: Iterable[Mapping[str, Any]], granted_by: Iterable[str]) -> Powers:
    """What all documents of a user allow together; what one of them denies everywhere and always, none allows."""
    allowed: list[str] = []
    denied: list[str] = []
    everywhere: list[str] = []
    for statement in (each for document in documents for each in _list(document.get("Statement"))):
        if not isinstance(statement, Mapping):
            continue
        actions = _actions(statement)
        if statement.get("Effect") == "Deny":
            if "*" in _list(statement.get("Resource")) and not statement.get("Condition"):
                denied += actions
        else:
            allowed += actions
            if "*" in _list(statement.get("Resource")) and not statement.get("Condition"):
                everywhere += actions

    def can(action: str) -> bool:
        return _any(allowed, action) and not _any(denied, action)

    is_administrator = "*" in {each.replace("*:*", "*") for each in everywhere} and "*" not in denied
    services = {each.partition(":")[0].lower() for each in allowed if not _any(denied, each)}
    return Powers(
        is_administrator=is_administrator,
        escalations=tuple(each for each in _ESCALATIONS if can(each)),
        stores=tuple(service for service, reads in _STORES.items() if any(map(can, reads))),
        services=("*",) if any("*" in each for each in services) else tuple(sorted(services)),
        granted_by=tuple(granted_by),
    )


def _actions(statement: Mapping[str, Any]) -> list[str]:
    """The patterns of actions; all of them where a statement names those that it is not about."""
    if "NotAction" in statement:
        return ["*"] if statement.get("Effect") != "Deny" else []
    return [str(each) for each in _list(statement.get("Action"))]


def _any(patterns: Iterable[str], action: str) -> bool:
    return any(_pattern(each).fullmatch(action.lower()) for each in patterns)


@lru_cache(4096)
def _pattern(action: str) -> re.Pattern[str]:
    """IAM knows `*` and `?` in actions, and no difference between capitals and others (IAM reference, Action)."""
    return re.compile(translate(action.lower().replace("[", "[[]")))


def _list(value: object) -> list[Any]:
    """What a policy may write as one thing or as a list of it."""
    return value if isinstance(value, list) else [] if value is None else [value]
