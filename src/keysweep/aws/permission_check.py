"""Which permissions an identity has: asked of IAM's simulator, or else tried with reads that change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from keysweep.aws.clients import DENIED, NOT_THERE, code_of, failures, in_words
from keysweep.aws.permissions import ANYTHING, GROUPS, ITSELF, ROLES, SERVICES, STATEMENTS, USERS, Permission
from keysweep.aws.responders import Acting
from keysweep.errors import AwsError
from keysweep.frozen import frozen

HELD, LACKING, UNKNOWN = "held", "lacking", "unknown"
SIMULATED, TRIED, ROOT = "simulated", "tried", "root"

NOBODY = "keysweep-check-nobody"
"""A user, group or role that there is not: a read of it answers NoSuchEntity to whoever may read."""
DOCUMENTATION_KEY = "AKIAIOSFODNN7EXAMPLE"
"""The key ID of AWS's own documentation, which belongs to nobody."""

_LAST_USED = "iam:GetAccessKeyLastUsed"
_NAMES = {USERS: "UserName", GROUPS: "GroupName", ROLES: "RoleName"}
_REQUESTS: Mapping[str, dict[str, Any]] = {
    "iam:GetUserPolicy": {"UserName": NOBODY, "PolicyName": NOBODY},
    "iam:GetRolePolicy": {"RoleName": NOBODY, "PolicyName": NOBODY},
    "cloudtrail:LookupEvents": {"MaxResults": 1},
    "secretsmanager:GetSecretValue": {"SecretId": NOBODY},
    "ssm:GetParameter": {"Name": NOBODY},
    "ssm:GetParameterHistory": {"Name": NOBODY},
}
"""What a read is tried with, where it takes more than a name."""
_NOTHING_OF_THAT_NAME = frozenset({"ResourceNotFoundException", "ParameterNotFound"})
"""What other services answer to a read of what is not there."""


@frozen
class Answer:
    """Whether one permission is there."""

    permission: Permission
    state: str
    """HELD, LACKING or UNKNOWN."""
    reason: str = ""
    """Why it is not HELD."""


@frozen
class Checked:
    """What one identity may do in one account."""

    account: str
    principal: str
    """The ARN that AWS knows the identity by."""
    how: str
    """SIMULATED, TRIED (writes then stay unknown), or ROOT, whom IAM denies nothing."""
    answers: tuple[Answer, ...]


def check(acting: Acting, permissions: Iterable[Permission], *, role: str | None = None) -> Checked:
    """Say which of `permissions` an identity has. Nothing is changed in its account.

    `role` is the name, with its path, of the role that was assumed: an ARN of a session does not tell the path.
    Raises AwsError where AWS cannot be reached.
    """
    wanted = tuple(permissions)
    account, arn = acting.account, acting.arn
    if arn.endswith(":root"):
        return Checked(account, arn, ROOT, tuple(Answer(each, HELD) for each in wanted))
    iam = acting.client("iam")
    simulated, why_not = _simulated(iam, wanted, _principal(iam, arn, role), account)
    if simulated:
        return Checked(account, arn, SIMULATED, simulated)
    clients = {each: acting.client(each) for each in {it.action.partition(":")[0] for it in wanted}}
    own = acting.session.get_credentials().access_key
    key = own if own.startswith("AKIA") else DOCUMENTATION_KEY
    return Checked(account, arn, TRIED, tuple(_tried(clients, each, key, why_not) for each in wanted))


def _principal(iam: Any, arn: str, role: str | None) -> str:
    """The user or role behind an ARN of STS (`arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`)."""
    start, _, end = arn.partition(":assumed-role/")
    if not end:
        return arn
    name = end.partition("/")[0]
    known = (role or "").lstrip("/")
    if known.rpartition("/")[2] == name:
        return f"{start.replace(':sts:', ':iam:')}:role/{known}"
    try:
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    except failures():  # without a path the guess is right, and with one the simulator says NoSuchEntity
        return f"{start.replace(':sts:', ':iam:')}:role/{name}"


def _simulated(
    iam: Any, wanted: tuple[Permission, ...], principal: str, account: str
) -> tuple[tuple[Answer, ...], AwsError | None]:
    """What the simulator says of each, boundaries and policies of the organisation included; or why it did not."""
    decisions: dict[str, str] = {}
    try:
        for pattern in {each.resource for each in wanted} - {ITSELF}:
            for managed in {_managed(each) for each in wanted if each.resource == pattern}:
                actions = [
                    each.action for each in wanted if each.resource == pattern and _managed(each) == managed
                ]
                decisions |= _decisions(iam, principal, actions, _example(pattern, principal, account), managed)
    except failures() as error:
        return (), in_words(error, "ask the simulator of IAM")
    reasons = {"allowed": "", "explicitDeny": "a policy denies it", "implicitDeny": "no policy allows it"}
    answers = []
    for each in wanted:
        decision = "allowed" if each.resource == ITSELF else decisions.get(each.action, "")
        state = HELD if decision == "allowed" else LACKING if decision else UNKNOWN
        answers.append(Answer(each, state, reasons.get(decision, "the simulator did not answer for it")))
    return tuple(answers), None


def _decisions(iam: Any, principal: str, actions: list[str], resource: str, managed: str | None) -> dict[str, str]:
    context = []
    if managed:
        arn = f"arn:{principal.split(':')[1]}:iam::aws:policy/{managed}"
        context = [{"ContextKeyName": "iam:PolicyARN", "ContextKeyValues": [arn], "ContextKeyType": "string"}]
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=principal, ActionNames=actions, ResourceArns=[resource], ContextEntries=context
    )
    return {each["EvalActionName"]: each["EvalDecision"] for page in pages for each in page["EvaluationResults"]}


def _managed(permission: Permission) -> str | None:
    return next((each.managed_policy for each in STATEMENTS if each.name == permission.statement), None)


def _example(pattern: str, principal: str, account: str) -> str:
    """One resource that a pattern covers: what the simulator is asked about."""
    if pattern == ANYTHING:
        return pattern
    service = f"{SERVICES[pattern]}:us-east-1" if pattern in SERVICES else "iam:"
    return f"arn:{principal.split(':')[1]}:{service}:{account}:{pattern.replace('*', NOBODY)}"


def _tried(clients: Mapping[str, Any], permission: Permission, key: str, why_not: AwsError | None) -> Answer:
    """Whether a read is refused. A write stays unknown: trying it might do it."""
    if permission.resource == ITSELF:
        denied = why_not is not None and why_not.code in DENIED
        return Answer(permission, LACKING if denied else UNKNOWN, str(why_not))
    if permission.writes:
        return Answer(permission, UNKNOWN, "a write, which only the simulator could check")
    service, _, action = permission.action.partition(":")
    to_try = clients[service]
    method = next(name for name, api in to_try.meta.method_to_api_mapping.items() if api == action)
    request = _REQUESTS.get(permission.action, {_NAMES.get(permission.resource, ""): NOBODY})
    if permission.action == _LAST_USED:
        request = {"AccessKeyId": key}
    try:
        getattr(to_try, method)(**request)
    except failures() as error:
        return _understood(permission, key, error)
    return Answer(permission, HELD)


def _understood(permission: Permission, key: str, error: Exception) -> Answer:
    code = code_of(error)
    if code in NOT_THERE or code in _NOTHING_OF_THAT_NAME:
        return Answer(permission, HELD)
    if code in DENIED and permission.action == _LAST_USED and key == DOCUMENTATION_KEY:
        return Answer(permission, UNKNOWN, "AWS refuses it for keys of nobody as well")
    if code in DENIED:
        return Answer(permission, LACKING, "AWS refused it")
    return Answer(permission, UNKNOWN, str(in_words(error, f"try {permission.action}")))
