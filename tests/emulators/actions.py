"""The few calls of STS and IAM that the fault stub answers rightly, on keys whose state is one field each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.emulators import answers, credentials
from tests.emulators.credentials import ServiceCredential
from tests.emulators.keys import AccessKey
from tests.emulators.script import Fault
from tests.emulators.sigv4 import Signature
from tests.emulators.wire import Answer, Request


@dataclass
class State:
    """What the stub knows of one key; only its methods and the stub, which holds a lock, change it."""

    key: AccessKey
    arn: str
    script: tuple[Fault, ...]
    played: list[int]
    """How often each line of the script was."""
    created: datetime
    inactive_since: float | None = None
    """On the monotonic clock."""
    calls_since: int = 0
    wrong_since: float | None = None
    """When another secret was last tried, on the monotonic clock."""
    last_used: tuple[datetime, str, str] | None = None
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def user(self) -> str | None:
        """The IAM user's name, or None for a session."""
        _, is_user, name = self.arn.partition(":user/")
        return name if is_user else None

    @property
    def status(self) -> str:
        """As IAM says it, which is at once."""
        return "Active" if self.inactive_since is None else "Inactive"


@dataclass(frozen=True)
class Asked:
    """A call by a key that may make it."""

    request: Request
    signature: Signature
    caller: State
    about: State | None
    """The key that AccessKeyId names."""
    everybody: tuple[State, ...]
    credentials: tuple[ServiceCredential, ...]
    issue: Callable[[str], AccessKey] = field(repr=False)
    """Makes the session of the role with an ARN."""


def perform(asked: Asked) -> Answer:
    """The right answer."""
    known = _ACTIONS.get(asked.request.action)
    if known is None:
        return answers.error(asked.signature.service, "InvalidAction", f"Could not find {asked.request.action}")
    return known(asked)


def _get_caller_identity(asked: Asked) -> Answer:
    arn = asked.caller.arn
    user_id = (
        "AROAFAULTSFAULTSFAUL:" + arn.rpartition("/")[2] if asked.caller.user is None else "AIDAFAULTSFAULTSFAUL"
    )
    return answers.success(
        "sts", "GetCallerIdentity", answers.xml(Arn=arn, UserId=user_id, Account=asked.caller.key.account)
    )


def _assume_role(asked: Asked) -> Answer:
    role = asked.request.parameters["RoleArn"]
    session = asked.request.parameters["RoleSessionName"]
    arn = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + f"/{session}"
    key = asked.issue(arn)
    ends = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    given = answers.xml(
        AccessKeyId=key.key_id, SecretAccessKey=key.secret, SessionToken=key.token or "", Expiration=ends
    )
    who = answers.xml(AssumedRoleId=f"AROAFAULTSFAULTSFAUL:{session}", Arn=arn)
    result = f"<Credentials>{given}</Credentials><AssumedRoleUser>{who}</AssumedRoleUser>"
    return answers.success("sts", "AssumeRole", result)


def _update_access_key(asked: Asked) -> Answer:
    user = asked.request.parameters.get("UserName", asked.caller.user)
    if user is None:
        message = "Must specify userName when calling with non-User credentials"
        return answers.error("iam", "ValidationError", message)
    if asked.about is None or asked.about.user != user or asked.about.key.account != asked.caller.key.account:
        return _no_such_key(asked)
    is_active = asked.request.parameters["Status"] == "Active"
    asked.about.inactive_since = None if is_active else time.monotonic()
    asked.about.calls_since = 0
    return answers.success("iam", "UpdateAccessKey", "")


def _list_access_keys(asked: Asked) -> Answer:
    user = asked.request.parameters.get("UserName", asked.caller.user)
    members = "".join(
        "<member>"
        + answers.xml(
            UserName=user or "",
            AccessKeyId=state.key.key_id,
            Status=state.status,
            CreateDate=f"{state.created:%Y-%m-%dT%H:%M:%SZ}",
        )
        + "</member>"
        for state in asked.everybody
        if user is not None and state.user == user and state.key.account == asked.caller.key.account
    )
    result = f"<IsTruncated>false</IsTruncated><AccessKeyMetadata>{members}</AccessKeyMetadata>"
    return answers.success("iam", "ListAccessKeys", result)


def _get_access_key_last_used(asked: Asked) -> Answer:
    if asked.about is None or asked.about.key.account != asked.caller.key.account:
        return _no_such_key(asked)
    inner = answers.xml(ServiceName="N/A", Region="N/A")
    if asked.about.last_used is not None:
        date, service, region = asked.about.last_used
        inner = answers.xml(LastUsedDate=f"{date:%Y-%m-%dT%H:%M:%SZ}", ServiceName=service, Region=region)
    outer = answers.xml(UserName=asked.about.user or "")
    result = f"{outer}<AccessKeyLastUsed>{inner}</AccessKeyLastUsed>"
    return answers.success("iam", "GetAccessKeyLastUsed", result)


def _get_user(asked: Asked) -> Answer:
    user = asked.request.parameters.get("UserName", asked.caller.user)
    account = asked.caller.key.account
    for state in asked.everybody:
        if user is not None and state.user == user and state.key.account == account:
            date = f"{state.created:%Y-%m-%dT%H:%M:%SZ}"
            what = answers.xml(
                Path="/", UserName=user, UserId="AIDAFAULTSFAULTSFAUL", Arn=state.arn, CreateDate=date
            )
            return answers.success("iam", "GetUser", f"<User>{what}</User>")
    return answers.error("iam", "NoSuchEntity", f"The user with name {user} cannot be found.")


def _list_credentials(asked: Asked) -> Answer:
    return credentials.listed(
        asked.credentials, asked.request.parameters.get("UserName", ""), asked.caller.key.account
    )


def _update_credential(asked: Asked) -> Answer:
    parameters = asked.request.parameters
    return credentials.updated(
        asked.credentials,
        parameters.get("UserName", ""),
        asked.caller.key.account,
        parameters["ServiceSpecificCredentialId"],
        parameters["Status"],
    )


def _nothing(action: str, element: str) -> Callable[[Asked], Answer]:
    def answer(_asked: Asked) -> Answer:
        return answers.success("iam", action, f"<IsTruncated>false</IsTruncated><{element}/>")

    return answer


def _no_such_key(asked: Asked) -> Answer:
    key_id = asked.request.parameters.get("AccessKeyId")
    return answers.error("iam", "NoSuchEntity", f"The Access Key with id {key_id} cannot be found.")


_ACTIONS: dict[str, Callable[[Asked], Answer]] = {
    "AssumeRole": _assume_role,
    "GetAccessKeyLastUsed": _get_access_key_last_used,
    "GetCallerIdentity": _get_caller_identity,
    "GetUser": _get_user,
    "ListAccessKeys": _list_access_keys,
    "ListGroupsForUser": _nothing("ListGroupsForUser", "Groups"),
    "ListServiceSpecificCredentials": _list_credentials,
    "ListUserPolicies": _nothing("ListUserPolicies", "PolicyNames"),
    "UpdateServiceSpecificCredential": _update_credential,
    "ListAttachedUserPolicies": _nothing("ListAttachedUserPolicies", "AttachedPolicies"),
    "ListUserTags": _nothing("ListUserTags", "Tags"),
    "UpdateAccessKey": _update_access_key,
}
