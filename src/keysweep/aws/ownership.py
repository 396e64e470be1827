"""Whose a key is, as IAM tells it: its user, its state, its age, its last use, and what the user can do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from keysweep.aws.clients import NOT_THERE, code_of, failures, in_words
from keysweep.aws.permissions import QUARANTINE_POLICY
from keysweep.errors import AwsError
from keysweep.frozen import frozen, replace

_Fact = TypeVar("_Fact")
_POWERFUL = frozenset({"AdministratorAccess", "PowerUserAccess", "IAMFullAccess"})
"""Managed policies of AWS whose holders can make themselves anything, or nearly."""


@frozen
class LastUse:
    """When a key was last used; IAM forgets nothing, but may be hours late."""

    date: datetime | None
    """Aware UTC; None if it never was, or not since IAM keeps count (2015)."""
    service: str
    region: str


NEVER = LastUse(None, "N/A", "N/A")


@frozen
class Sibling:
    """The user's other access key."""

    key_id: str
    is_active: bool


@frozen
class Owned:
    """What is known of a key and its user. What could not be read is None, and `unknown` says why."""

    key_id: str
    account: str
    user: str
    is_active: bool
    created: datetime | None
    last_use: LastUse
    siblings: tuple[Sibling, ...]
    path: str | None = None
    tags: tuple[tuple[str, str], ...] | None = None
    policies: tuple[str, ...] | None = None
    """Names of the policies that give the user its permissions, those of groups as `GROUP: POLICY`."""
    unknown: tuple[str, ...] = ()
    credential: str = ""
    """The ID of a service-specific credential; empty for an access key."""

    @property
    def is_only_active(self) -> bool:
        """Whether the user has no other key that works."""
        return not any(each.is_active for each in self.siblings)

    @property
    def is_quarantined(self) -> bool:
        """Whether AWS, or somebody, has put one of AWS's quarantine policies on the user."""
        prefix = QUARANTINE_POLICY.rstrip("0123456789").removesuffix("V")
        return any(each.startswith(prefix) for each in self.policies or ())

    @property
    def powers(self) -> tuple[str, ...]:
        """The policies that make the user an administrator, or nearly."""
        return tuple(each for each in self.policies or () if each.rpartition(": ")[2] in _POWERFUL)


def owner_of(iam: Any, account: str, key_id: str) -> Owned | None:
    """Look a key up in the account of `iam`, and what its user is and can do; None if it is not there.

    Raises AwsError where IAM does not say whose it is and whether it is active, without which nothing can be done.
    Everything else may be missing.
    """
    owned = key_of(iam, account, key_id)
    return _with_user(iam, owned) if owned else None


def key_of(iam: Any, account: str, key_id: str) -> Owned | None:
    """Look a key up in the account of `iam`, and nothing more of its user than the name; None if it is not there.

    Raises AwsError as `owner_of` does.
    """
    try:
        found = iam.get_access_key_last_used(AccessKeyId=key_id)
    except failures() as error:
        if code_of(error) in NOT_THERE:
            return None
        raise in_words(error, f"look up {key_id} in account {account}") from error
    user = str(found.get("UserName") or "")
    if not user:
        raise AwsError(
            f"could not look up {key_id} in account {account}: IAM names no user, as of a key of the root user."
        )
    keys = _listed(iam, user, key_id)
    this = next((each for each in keys if each.get("AccessKeyId") == key_id), None)
    if this is None:
        return None
    return Owned(
        key_id=key_id,
        account=account,
        user=user,
        is_active=is_active(this),
        created=utc(this.get("CreateDate")),
        last_use=last_use_of(found.get("AccessKeyLastUsed", {})),
        siblings=tuple(
            Sibling(str(each.get("AccessKeyId")), is_active(each))
            for each in keys
            if each.get("AccessKeyId") != key_id
        ),
    )


def credential_of(iam: Any, account: str, name: str) -> Owned | None:
    """Look a service-specific credential up by the name `USER-at-ACCOUNT` that it carries; None if it is gone.

    A user's second credential for a service is `USER+1-at-ACCOUNT` (IAM API reference, ServiceSpecificCredential).
    Raises AwsError where IAM does not say.
    """
    user = re.sub(r"\+\d+$", "", name.rpartition("-at-")[0])
    try:
        listed = iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"]
    except failures() as error:
        if code_of(error) in NOT_THERE:
            return None
        raise in_words(error, f"list the service-specific credentials of user {user}") from error
    names = ("ServiceUserName", "ServiceCredentialAlias")
    this = next((each for each in listed if name in [each.get(field) for field in names]), None)
    if this is None:
        return None
    return _with_user(
        iam,
        Owned(
            key_id=name,
            account=account,
            user=user,
            is_active=is_active(this),
            created=utc(this.get("CreateDate")),
            last_use=NEVER,
            siblings=(),
            credential=str(this.get("ServiceSpecificCredentialId") or ""),
        ),
    )


def by_name_alone(account: str, key_id: str, user: str, path: str, iam: Any) -> Owned:
    """What a live key tells of itself, as far as it may: for `--self`, where no responder can look."""
    unknown = ["age and last use: the leaked key itself was asked, and is not asked about these"]
    tags = _attempt(unknown, "tags", lambda: tags_of(iam, user))
    return Owned(key_id, account, user, True, None, NEVER, (), path, tags, None, tuple(unknown))


def last_use_of(used: dict[str, Any]) -> LastUse:
    """The last use as the AccessKeyLastUsed of an answer has it."""
    return LastUse(utc(used.get("LastUsedDate")), used.get("ServiceName", "N/A"), used.get("Region", "N/A"))


def is_active(listed: dict[str, Any]) -> bool:
    """Whether a key is not known to be off: a state of which nobody has heard may let somebody in."""
    return listed.get("Status") not in {"Inactive", "Expired"}


def _with_user(iam: Any, owned: Owned) -> Owned:
    """The same with what is known of its user."""
    unknown: list[str] = []
    user = owned.user
    path = _attempt(unknown, "path", lambda: str(iam.get_user(UserName=user)["User"]["Path"]))
    tags = _attempt(unknown, "tags", lambda: tags_of(iam, user))
    policies = _attempt(unknown, "permissions", lambda: _policies(iam, user))
    return replace(owned, path=path, tags=tags, policies=policies, unknown=tuple(unknown))


def tags_of(iam: Any, user: str) -> tuple[tuple[str, str], ...]:
    """All tags of a user; raises what botocore raises."""
    pages = iam.get_paginator("list_user_tags").paginate(UserName=user)
    return tuple((str(each["Key"]), str(each["Value"])) for page in pages for each in page["Tags"])


def _listed(iam: Any, user: str, key_id: str) -> list[dict[str, Any]]:
    try:
        pages = iam.get_paginator("list_access_keys").paginate(UserName=user)
        return [each for page in pages for each in page["AccessKeyMetadata"]]
    except failures() as error:
        if code_of(error) in NOT_THERE:
            return []
        raise in_words(error, f"list the access keys of user {user}, who has {key_id}") from error


def _policies(iam: Any, user: str) -> tuple[str, ...]:
    """Names of everything that gives the user permissions; raises what botocore raises."""
    attached = [
        each["PolicyName"]
        for page in iam.get_paginator("list_attached_user_policies").paginate(UserName=user)
        for each in page["AttachedPolicies"]
    ]
    inline = [
        f"inline {name}"
        for page in iam.get_paginator("list_user_policies").paginate(UserName=user)
        for name in page["PolicyNames"]
    ]
    of_groups = []
    groups = iam.get_paginator("list_groups_for_user").paginate(UserName=user)
    for group in (each["GroupName"] for page in groups for each in page["Groups"]):
        for page in iam.get_paginator("list_attached_group_policies").paginate(GroupName=group):
            of_groups += [f"{group}: {each['PolicyName']}" for each in page["AttachedPolicies"]]
        for page in iam.get_paginator("list_group_policies").paginate(GroupName=group):
            of_groups += [f"{group}: inline {name}" for name in page["PolicyNames"]]
    return (*attached, *inline, *of_groups)


def _attempt(unknown: list[str], what: str, read: Callable[[], _Fact]) -> _Fact | None:
    try:
        return read()
    except failures() as error:
        unknown.append(f"{what}: {in_words(error, 'be read')}".replace("could not be read: ", ""))
    except AwsError as error:
        unknown.append(f"{what}: {error}")
    return None


def utc(moment: datetime | None) -> datetime | None:
    """The same moment in UTC, as all that is known of keys has it."""
    return moment.astimezone(UTC) if moment else None
