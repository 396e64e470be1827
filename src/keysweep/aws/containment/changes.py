"""Everything that keysweep changes in AWS, one table: how each change is seen, made, and taken back.

Nothing here deletes a credential. The policies that are written carry the name of the run, so none is overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from keysweep.aws.clients import NOT_THERE, code_of, failures, in_words
from keysweep.aws.permissions import QUARANTINE_POLICY
from keysweep.errors import AwsError
from keysweep.frozen import frozen

ACTIVE, INACTIVE, ABSENT, ATTACHED = "Active", "Inactive", "absent", "attached"
"""States of what is changed; an inline policy is in the state `sha256:` and its digest."""


@frozen
class Change:
    """One write, with everything that it takes to see whether it is made, and to take it back."""

    action: str
    """A name of `mandate.ACTIONS`."""
    account: str
    partition: str
    key_id: str
    """What was found, for whose sake this is done."""
    subject: str
    """The name of the user or role."""
    thing: str
    """What is switched, written or attached: a key ID, the ID of a credential, or the name of a policy."""
    before: str
    after: str
    document: str = ""
    """The policy to write, as JSON."""

    @property
    def words(self) -> str:
        """What it does, in words."""
        return _TABLE[self.action].words.format(subject=self.subject, thing=self.thing)

    @property
    def call(self) -> str:
        """The name of the API call that makes it."""
        return _TABLE[self.action].call


@frozen
class _Handler:
    words: str
    call: str
    undoing: str
    state: Callable[[Any, Change], str]
    make: Callable[[Any, Change], Any]
    take_back: Callable[[Any, Change], Any]


def deactivate_key(account: str, partition: str, key_id: str, user: str) -> Change:
    """Switch an access key of a user off."""
    return Change("deactivate-key", account, partition, key_id, user, key_id, ACTIVE, INACTIVE)


def deactivate_credential(account: str, partition: str, user: str, credential: str, name: str) -> Change:
    """Switch a service-specific credential off; `name` is what was found of it."""
    return Change("deactivate-service-credential", account, partition, name, user, credential, ACTIVE, INACTIVE)


def deny_sessions(account: str, partition: str, key_id: str, user: str, run: str, until: datetime) -> Change:
    """Deny everything to sessions that a user's keys got until `until`."""
    document = _denial(until)
    return Change(
        "deny-sessions", account, partition, key_id, user, _name(run, key_id), ABSENT, _digest(document), document
    )


def revoke_role_sessions(
    account: str, partition: str, key_id: str, role: str, run: str, until: datetime
) -> Change:
    """Deny everything to sessions of a role that were issued until `until` (as AWSRevokeOlderSessions does)."""
    document = _denial(until)
    return Change(
        "revoke-role-sessions",
        account,
        partition,
        key_id,
        role,
        _name(run, key_id),
        ABSENT,
        _digest(document),
        document,
    )


def quarantine(account: str, partition: str, key_id: str, user: str) -> Change:
    """Attach AWS's quarantine policy to a user: a brake on the costliest kinds of abuse, not containment."""
    return Change("quarantine", account, partition, key_id, user, QUARANTINE_POLICY, ABSENT, ATTACHED)


def state(iam: Any, change: Change) -> str:
    """What state the thing is in now. Raises AwsError where IAM does not say."""
    try:
        return _TABLE[change.action].state(iam, change)
    except failures() as error:
        if code_of(error) in NOT_THERE:
            return ABSENT
        raise in_words(error, f"see the state of {change.thing} of {change.subject}") from error


def make(iam: Any, change: Change) -> str:
    """Make the change; the request ID. Raises AwsError."""
    return _written(_TABLE[change.action].make, iam, change, change.words)


def take_back(iam: Any, change: Change) -> str:
    """Take the change back; the request ID. Raises AwsError."""
    return _written(_TABLE[change.action].take_back, iam, change, f"undo: {change.words}")


def _written(write: Callable[[Any, Change], Any], iam: Any, change: Change, doing: str) -> str:
    try:
        answer = write(iam, change)
    except failures() as error:
        raise in_words(error, doing) from error
    metadata = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    if not metadata.get("RequestId"):  # whatever answered 200 without one was not AWS
        raise AwsError(f"could not {doing}: the answer has no request ID, so AWS may not have seen it.")
    return str(metadata["RequestId"])


def _key_state(iam: Any, change: Change) -> str:
    pages = iam.get_paginator("list_access_keys").paginate(UserName=change.subject)
    listed = (each for page in pages for each in page["AccessKeyMetadata"])
    return next((str(each["Status"]) for each in listed if each["AccessKeyId"] == change.thing), ABSENT)


def _switch_key(iam: Any, change: Change, status: str) -> Any:
    # UserName always: without it, temporary credentials are refused and others mean the caller's own key.
    return iam.update_access_key(UserName=change.subject, AccessKeyId=change.thing, Status=status)


def _credential_state(iam: Any, change: Change) -> str:
    listed = iam.list_service_specific_credentials(UserName=change.subject)["ServiceSpecificCredentials"]
    return next(
        (str(each["Status"]) for each in listed if each["ServiceSpecificCredentialId"] == change.thing), ABSENT
    )


def _switch_credential(iam: Any, change: Change, status: str) -> Any:
    return iam.update_service_specific_credential(
        UserName=change.subject, ServiceSpecificCredentialId=change.thing, Status=status
    )


def _user_policy_state(iam: Any, change: Change) -> str:
    return _digest(iam.get_user_policy(UserName=change.subject, PolicyName=change.thing)["PolicyDocument"])


def _role_policy_state(iam: Any, change: Change) -> str:
    return _digest(iam.get_role_policy(RoleName=change.subject, PolicyName=change.thing)["PolicyDocument"])


def _quarantine_state(iam: Any, change: Change) -> str:
    pages = iam.get_paginator("list_attached_user_policies").paginate(UserName=change.subject)
    # By ARN: anybody with rights in the account can make a policy of their own that has AWS's name.
    attached = {each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]}
    return ATTACHED if _policy_arn(change) in attached else ABSENT


def _name(run: str, key_id: str) -> str:
    """The name of a policy: two keys of one user, or sessions of one role, have one each in the same run."""
    return f"keysweep-{run}-{key_id}"


def _policy_arn(change: Change) -> str:
    return f"arn:{change.partition}:iam::aws:policy/{change.thing}"


_TABLE: Mapping[str, _Handler] = {
    "deactivate-key": _Handler(
        "switch {thing} of user {subject} off",
        "iam:UpdateAccessKey",
        "iam:UpdateAccessKey",
        _key_state,
        lambda iam, it: _switch_key(iam, it, INACTIVE),
        lambda iam, it: _switch_key(iam, it, ACTIVE),
    ),
    "deactivate-service-credential": _Handler(
        "switch the service-specific credential {thing} of user {subject} off",
        "iam:UpdateServiceSpecificCredential",
        "iam:UpdateServiceSpecificCredential",
        _credential_state,
        lambda iam, it: _switch_credential(iam, it, INACTIVE),
        lambda iam, it: _switch_credential(iam, it, ACTIVE),
    ),
    "deny-sessions": _Handler(
        "deny everything to sessions that user {subject} has now (policy {thing})",
        "iam:PutUserPolicy",
        "iam:DeleteUserPolicy",
        _user_policy_state,
        lambda iam, it: iam.put_user_policy(UserName=it.subject, PolicyName=it.thing, PolicyDocument=it.document),
        lambda iam, it: iam.delete_user_policy(UserName=it.subject, PolicyName=it.thing),
    ),
    "revoke-role-sessions": _Handler(
        "deny everything to sessions that role {subject} has now (policy {thing})",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        _role_policy_state,
        lambda iam, it: iam.put_role_policy(RoleName=it.subject, PolicyName=it.thing, PolicyDocument=it.document),
        lambda iam, it: iam.delete_role_policy(RoleName=it.subject, PolicyName=it.thing),
    ),
    "quarantine": _Handler(
        "attach {thing} to user {subject}",
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy",
        _quarantine_state,
        lambda iam, it: iam.attach_user_policy(UserName=it.subject, PolicyArn=_policy_arn(it)),
        lambda iam, it: iam.detach_user_policy(UserName=it.subject, PolicyArn=_policy_arn(it)),
    ),
}


CALLS: Mapping[str, str] = {action: handler.call for action, handler in _TABLE.items()}
"""Action to the API call that makes it."""
UNDOING: Mapping[str, str] = {action: handler.undoing for action, handler in _TABLE.items()}
"""Action to the API call that takes it back."""


def _denial(until: datetime) -> str:
    """A policy that denies everything to sessions issued until `until`.

    Issue times are in whole seconds and the Date of an answer was cut to them: two more leave no gap.
    Requests signed with a long-term key carry no `aws:TokenIssueTime`, so the policy does not concern them (IAM
    user guide, Revoke IAM role temporary security credentials).
    """
    statement = {
        "Sid": "KeysweepDenyOlderSessions",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "DateLessThan": {"aws:TokenIssueTime": f"{until + timedelta(seconds=2):%Y-%m-%dT%H:%M:%SZ}"}
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _digest(document: Any) -> str:
    """The state of an inline policy, however its JSON is spaced and ordered."""
    value = json.loads(document) if isinstance(document, str) else document
    return "sha256:" + sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
