"""What policies allow, added up from their documents: the blast radius of a key.

Actions that let somebody give themselves more: Rhino Security Labs, 'AWS IAM privilege escalation methods', and
AWS's managed policy AWSCompromisedKeyQuarantineV3, which denies the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any

from keysweep.account.evidence import Powers
from keysweep.frozen import frozen

_ESCALATIONS: Mapping[str, str] = {
    "iam:AddUserToGroup": "group",
    "iam:AttachGroupPolicy": "group",
    "iam:AttachRolePolicy": "role",
    "iam:AttachUserPolicy": "user",
    "iam:CreateAccessKey": "user",
    "iam:CreateLoginProfile": "user",
    "iam:CreatePolicyVersion": "policy",
    "iam:PutGroupPolicy": "group",
    "iam:PutRolePolicy": "role",
    "iam:PutUserPolicy": "user",
    "iam:SetDefaultPolicyVersion": "policy",
    "iam:UpdateAssumeRolePolicy": "role",
    "iam:UpdateLoginProfile": "user",
    "sts:AssumeRole": "role",
    "lambda:UpdateFunctionCode": "function",
    "glue:UpdateDevEndpoint": "devEndpoint",
}
"""The most direct first, with what they are about: of any of these, one has more."""
_ON_ONES_OWN = frozenset(
    {
        "iam:AttachGroupPolicy",
        "iam:AttachUserPolicy",
        "iam:CreatePolicyVersion",
        "iam:PutGroupPolicy",
        "iam:PutUserPolicy",
        "iam:SetDefaultPolicyVersion",
    }
)
"""Those by which it is enough to change oneself, a group that one is in, or a policy that one has."""
_ANY: Mapping[str, str] = {
    "group": "iam::{account}:group/{path}",
    "role": "iam::{account}:role/{path}",
    "user": "iam::{account}:user/{path}",
    "policy": "iam::{account}:policy/{path}",
    "function": "lambda:{region}:{account}:function:",
    "devEndpoint": "glue:{region}:{account}:devEndpoint/",
}
_NOBODYS_NAME = "0-keysweep-0"
"""A pattern that this fits was not written for somebody or something."""
_PASS_ROLE = "iam:PassRole"
_RUNNERS = (
    "cloudformation:CreateStack",
    "codebuild:CreateProject",
    "datapipeline:CreatePipeline",
    "ec2:RunInstances",
    "ecs:RunTask",
    "glue:CreateDevEndpoint",
    "lambda:CreateFunction",
    "sagemaker:CreateNotebookInstance",
)
"""What starts something that acts as a role which is passed to it."""
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
TELLING = (*_ESCALATIONS, _PASS_ROLE, *(actions[0] for actions in _STORES.values()))
"""Actions that say together what a key is worth."""


def powers(documents: Iterable[Mapping[str, Any]], granted_by: Iterable[str], own: Sequence[str] = ()) -> Powers:
    """What all documents of a user allow together.

    `own` are the ARNs of the user, of the groups that it is in, and of the policies of its account that it has.
    What one document denies everywhere and always, none allows.
    """
    statements = [
        each
        for document in documents
        for each in _list(document.get("Statement"))
        if isinstance(each, Mapping) and each.get("Effect") in ("Allow", "Deny")
    ]
    granted = [each for each in statements if each["Effect"] == "Allow"]
    allowing = [_Actions.of(each) for each in granted]
    partition, account = next((each.split(":")[1:5:3] for each in own), ("", ""))
    at = partition, account
    denying = [_Actions.of(each) for each in statements if each["Effect"] == "Deny" and _is_always(each)]

    def can(action: str, allowing: Sequence[_Actions] = allowing) -> bool:
        return any(each.has(action) for each in allowing) and not any(each.has(action) for each in denying)

    def gives_more(action: str, kind: str) -> bool:
        its = [each for each in own if f":{kind}/" in each] if action in _ON_ONES_OWN else []
        about = [
            actions
            for each, actions in zip(granted, allowing, strict=True)
            if actions.has(action) and (_is_about_any(each, kind, action, at) or _is_about(each, its, own))
        ]
        return can(action, about)

    passes = gives_more(_PASS_ROLE, "role") and any(map(can, _RUNNERS))
    allows_all = any(_is_always(each) and _Actions.of(each).are_all for each in granted)
    services = {
        "*" if each.is_all_but else pattern.partition(":")[0].lower()
        for each in allowing
        for pattern in (each.patterns or ("*",))
        if each.is_all_but or can(pattern)
    }
    return Powers(
        is_administrator=allows_all and not any(each.are_all or each.is_all_but for each in denying),
        escalations=(
            *(each for each, kind in _ESCALATIONS.items() if gives_more(each, kind)),
            *([_PASS_ROLE] if passes else []),
        ),
        stores=tuple(service for service, reads in _STORES.items() if any(map(can, reads))),
        services=("*",) if any("*" in each for each in services) else tuple(sorted(services)),
        granted_by=tuple(granted_by),
    )


@frozen
class _Actions:
    """The actions that a statement is about."""

    patterns: tuple[str, ...]
    is_all_but: bool
    """Whether it is about all others (`NotAction`)."""

    @staticmethod
    def of(statement: Mapping[str, Any]) -> _Actions:
        is_all_but = "NotAction" in statement
        named = _list(statement.get("NotAction" if is_all_but else "Action"))
        return _Actions(tuple(map(str, named)), is_all_but)

    def has(self, action: str) -> bool:
        return self.is_all_but != _any(self.patterns, action)

    @property
    def are_all(self) -> bool:
        return not self.is_all_but and bool({"*", "*:*"} & {*self.patterns})


def _is_always(statement: Mapping[str, Any]) -> bool:
    """Whether it holds for every resource and without a condition."""
    return "*" in _list(statement.get("Resource")) and not statement.get("Condition")


def _is_about_any(statement: Mapping[str, Any], kind: str, action: str, at: tuple[str, str]) -> bool:
    """Whether it is about any user, role, group, policy or function, and not about some that it names."""
    manages = action.startswith("iam:") and action != _PASS_ROLE
    left_out = [str(each) for each in _list(statement.get("NotResource"))]
    if left_out:
        return not any(_fits_any(each, kind, manages, at) for each in left_out)
    return any(_fits_any(str(each), kind, manages, at) for each in _list(statement.get("Resource")))


@lru_cache(4096)
def _fits_any(pattern: str, kind: str, manages: bool, at: tuple[str, str]) -> bool:
    """Whether it fits one that nobody thought of, in the region and the account that it is about.

    For what manages users and roles, any below a path counts as well: administrators have a path like others.
    """
    said = [*pattern.split(":", 5), *[""] * 6][:6]
    literal = ["" if set("*?$") & set(each) else each for each in said]
    path = said[5].partition("/")[2].rpartition("/")[0] if manages else ""
    place = _ANY[kind].format(
        region=literal[3] or "us-east-1",
        account=at[1] or literal[4] or "000000000000",
        path=f"{path}/" if path and not set("*?$") & set(path) else "",
    )
    name = f"arn:{at[0] or literal[1] or 'aws'}:{place}{_NOBODYS_NAME}"
    return _resource(pattern).fullmatch(name) is not None


def _is_about(statement: Mapping[str, Any], arns: Iterable[str], own: Iterable[str]) -> bool:
    """Whether it is about one of the ARNs, by name or as what belongs to whoever asks."""
    name = next((each.rpartition("/")[2] for each in own if ":user/" in each), "")
    named = [str(each).replace("${aws:username}", name) for each in _list(statement.get("Resource"))]
    return any(_resource(each).fullmatch(arn) for each in named for arn in arns)


@lru_cache(4096)
def _any(patterns: tuple[str, ...], action: str) -> bool:
    return any(_pattern(each).fullmatch(action.lower()) for each in patterns)


@lru_cache(4096)
def _pattern(action: str) -> re.Pattern[str]:
    """IAM knows `*` and `?` in actions, and no difference between capitals and others (IAM reference, Action)."""
    return re.compile(translate(action.lower().replace("[", "[[]")))


@lru_cache(4096)
def _resource(pattern: str) -> re.Pattern[str]:
    """The same of a resource, whose capitals count."""
    return re.compile(translate(pattern.replace("[", "[[]")))


def _list(value: object) -> list[Any]:
    """What a policy may write as one thing or as a list of it."""
    return value if isinstance(value, list) else [] if value is None else [value]
