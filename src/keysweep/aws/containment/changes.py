"""Everything that keysweep changes in AWS, one table: how each change is seen, made, and taken back.

Only `delete-key` cannot be taken back, and no run of `contain` does it. The policies that are written carry the
name of the run, so none is overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from keysweep.aws import sinks
from keysweep.aws.clients import NOT_THERE, code_of, failures, in_words, translated
from keysweep.aws.containment import keys
from keysweep.aws.containment.keys import ABSENT, ACTIVE, INACTIVE
from keysweep.aws.permissions import QUARANTINE_POLICY
from keysweep.aws.responders import Acting
from keysweep.aws.sinks.interface import STDOUT, Held, Place
from keysweep.errors import AwsError
from keysweep.frozen import frozen, replace

ATTACHED = "attached"
"""The state of a managed policy, beside those of keys; an inline policy is in that of `sha256:` and its digest."""


@frozen
class Change:
    """One write, with everything that it takes to see whether it is made, and to take it back."""

    action: str
    """A name of `mandate.ACTIONS` or `mandate.ROTATING`."""
    account: str
    partition: str
    key_id: str
    """What was found, for whose sake this is done."""
    subject: str
    """The name of the user or role."""
    thing: str
    """What is switched, written or attached: a key ID, the ID of a credential, the name of a policy, a place.

    Of a key that is to be made it is empty until AWS has named it."""
    before: str
    after: str
    document: str = ""
    """As JSON the policy to write, the key IDs that there were before, or more of the place."""

    @property
    def words(self) -> str:
        """What it does, in words."""
        return _TABLE[self.action].words.format(subject=self.subject, thing=self.thing)

    @property
    def call(self) -> str:
        """The name of the API call that makes it."""
        return _TABLE[self.action].call or sinks.CALLS[Place.parse(self.thing).kind]

    @property
    def undone(self) -> str:
        """The state once it is taken back: a key that was made is not deleted then, but switched off."""
        return _TABLE[self.action].undone or self.before

    @property
    def is_new(self) -> bool:
        """Whether it makes a key, whose ID only AWS's answer tells for certain."""
        return self.action == "create-key"

    @property
    def is_final(self) -> bool:
        """Whether nobody can take it back."""
        return _TABLE[self.action].take_back is None


@frozen
class Made:
    """What was answered to a write."""

    request_id: str | None
    """None where no server was asked."""
    values: Mapping[str, str] = {}
    """What the journal has to know beside that, such as the ID of a new key; never a secret."""


@frozen
class _Handler:
    words: str
    call: str
    undoing: str
    state: Callable[[Acting, Change], str]
    make: Callable[[Acting, Change], Any] | None
    """None for what takes a secret, which no change holds: whoever has it gives `Run.make` the write."""
    take_back: Callable[[Acting, Change], Any] | None
    undone: str = ""


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


def create_key(account: str, partition: str, key_id: str, user: str, there: Sequence[str]) -> Change:
    """Make a second key for the user of `key_id`; `there` are the IDs of all keys that the user has."""
    document = json.dumps(sorted(there))
    return Change("create-key", account, partition, key_id, user, "", ABSENT, ACTIVE, document)


def hand_over(account: str, partition: str, key_id: str, user: str, place: Place, held: Held, new: str) -> Change:
    """Put the new key `new` of the user of `key_id` into `place`, which now holds `held`."""
    document = json.dumps({"region": place.region, "file": place.file, "version": held.version})
    after = STDOUT if held.key_id == STDOUT else new
    return Change("hand-over", account, partition, key_id, user, str(place), held.key_id, after, document)


def delete_key(account: str, partition: str, key_id: str, user: str, status: str) -> Change:
    """Delete a key of a user for good, which is `status` now."""
    return Change("delete-key", account, partition, key_id, user, key_id, status, ABSENT)


def place_of(change: Change) -> Place:
    """Where a hand-over goes."""
    more = json.loads(change.document)
    return replace(Place.parse(change.thing), region=more["region"], file=more["file"])


def state(acting: Acting, change: Change) -> str:
    """What state the thing is in now. Raises AwsError where that is not said."""
    try:
        return _TABLE[change.action].state(acting, change)
    except failures() as error:
        if code_of(error) in NOT_THERE:
            return ABSENT
        raise in_words(error, f"see the state of {change.thing or 'the keys'} of {change.subject}") from error


def named(acting: Acting, change: Change) -> Change:
    """The same with the ID of the key that it made, where AWS's answer was lost. Raises AwsError."""
    if not change.is_new or change.thing:
        return change
    with translated(f"list the keys of user {change.subject}"):
        return replace(change, thing=_made_key(acting.client("iam"), change))


def make(acting: Acting, change: Change) -> Made:
    """Make the change. Raises AwsError."""
    write = _TABLE[change.action].make
    if write is None:
        raise AssertionError(f"{change.action} is made by who has the secret")
    return written(lambda: write(acting, change), change.words)


def take_back(acting: Acting, change: Change) -> Made:
    """Take the change back. Raises AwsError."""
    write = _TABLE[change.action].take_back
    if write is None:
        raise AwsError(f"could not take back that {change.thing} was deleted: nobody can bring a key back.")
    return written(lambda: write(acting, change), f"undo: {change.words}")


def written(write: Callable[[], Any], doing: str) -> Made:
    """What AWS answers to a write, or what a sink says of one. Raises AwsError."""
    try:
        answer = write()
    except failures() as error:
        raise in_words(error, doing) from error
    if isinstance(answer, Made):
        return answer
    metadata = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    if not metadata.get("RequestId"):  # whatever answered 200 without one was not AWS
        raise AwsError(f"could not {doing}: the answer has no request ID, so AWS may not have seen it.")
    return Made(str(metadata["RequestId"]))


def _of_iam(ask: Callable[[Any, Change], Any]) -> Callable[[Acting, Change], Any]:
    return lambda acting, change: ask(acting.client("iam"), change)


def _made_key(iam: Any, change: Change) -> str:
    """The ID of the key that a change has made: where AWS's answer was lost it is the one that was not there."""
    return change.thing or keys.added(iam, change.subject, json.loads(change.document))


def _held(acting: Acting, change: Change) -> str:
    return sinks.opened(place_of(change), acting).held().key_id


def _put_back(acting: Acting, change: Change) -> Made:
    version = json.loads(change.document)["version"]
    place = place_of(change)
    return Made(sinks.opened(place, acting).put_back(Held(change.before, version), change.after))


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
        _of_iam(lambda iam, it: keys.state(iam, it.subject, it.thing)),
        _of_iam(lambda iam, it: keys.switch(iam, it.subject, it.thing, INACTIVE)),
        _of_iam(lambda iam, it: keys.switch(iam, it.subject, it.thing, ACTIVE)),
    ),
    "deactivate-service-credential": _Handler(
        "switch the service-specific credential {thing} of user {subject} off",
        "iam:UpdateServiceSpecificCredential",
        "iam:UpdateServiceSpecificCredential",
        _of_iam(_credential_state),
        _of_iam(lambda iam, it: _switch_credential(iam, it, INACTIVE)),
        _of_iam(lambda iam, it: _switch_credential(iam, it, ACTIVE)),
    ),
    "deny-sessions": _Handler(
        "deny everything to sessions that user {subject} has now (policy {thing})",
        "iam:PutUserPolicy",
        "iam:DeleteUserPolicy",
        _of_iam(_user_policy_state),
        _of_iam(
            lambda iam, it: iam.put_user_policy(
                UserName=it.subject, PolicyName=it.thing, PolicyDocument=it.document
            )
        ),
        _of_iam(lambda iam, it: iam.delete_user_policy(UserName=it.subject, PolicyName=it.thing)),
    ),
    "revoke-role-sessions": _Handler(
        "deny everything to sessions that role {subject} has now (policy {thing})",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        _of_iam(_role_policy_state),
        _of_iam(
            lambda iam, it: iam.put_role_policy(
                RoleName=it.subject, PolicyName=it.thing, PolicyDocument=it.document
            )
        ),
        _of_iam(lambda iam, it: iam.delete_role_policy(RoleName=it.subject, PolicyName=it.thing)),
    ),
    "quarantine": _Handler(
        "attach {thing} to user {subject}",
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy",
        _of_iam(_quarantine_state),
        _of_iam(lambda iam, it: iam.attach_user_policy(UserName=it.subject, PolicyArn=_policy_arn(it))),
        _of_iam(lambda iam, it: iam.detach_user_policy(UserName=it.subject, PolicyArn=_policy_arn(it))),
    ),
    "create-key": _Handler(
        "make another key for user {subject}",
        "iam:CreateAccessKey",
        "iam:UpdateAccessKey",
        _of_iam(lambda iam, it: keys.state(iam, it.subject, _made_key(iam, it))),
        None,
        _of_iam(lambda iam, it: keys.switch(iam, it.subject, _made_key(iam, it), INACTIVE)),
        INACTIVE,
    ),
    "hand-over": _Handler("hand the new key of user {subject} over to {thing}", "", "", _held, None, _put_back),
    "delete-key": _Handler(
        "delete {thing} of user {subject} for good",
        "iam:DeleteAccessKey",
        "",
        _of_iam(lambda iam, it: keys.state(iam, it.subject, it.thing)),
        _of_iam(lambda iam, it: iam.delete_access_key(UserName=it.subject, AccessKeyId=it.thing)),
        None,
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
