"""A role whose session leaked: whether its sessions can be revoked, and everyone whom that cuts off."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from keysweep.aws.clients import NOT_THERE, code_of, failures, in_words
from keysweep.aws.trail import Asked, pages
from keysweep.errors import AwsError
from keysweep.frozen import frozen

_ASSUMING = ("AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")
_MOST_PAGES = 20


@frozen
class Role:
    """A role and who may have sessions of it."""

    account: str
    name: str
    path: str
    tags: tuple[tuple[str, str], ...]
    trusted: tuple[str, ...]
    """Whom its trust policy lets assume it: ARNs, accounts, services, identity providers."""
    longest_session: timedelta

    @property
    def untouchable(self) -> str | None:
        """Why AWS lets nobody put a policy on it; None where that can be done."""
        if self.path.startswith("/aws-service-role/"):
            return "it is a service-linked role, which AWS alone changes"
        if self.path.startswith("/aws-reserved/sso.amazonaws.com/"):
            return "it is a role of IAM Identity Center, which the permission set alone changes"
        return None


@frozen
class Holders:
    """Who got sessions of a role that may still work, by name with the number of times."""

    names: tuple[tuple[str, int], ...]
    incomplete: tuple[str, ...] = ()
    """One sentence for everything that is not known."""


def role_of(iam: Any, account: str, name: str) -> Role | None:
    """Look a role up; None if there is none. Raises AwsError where IAM does not say."""
    try:
        found = iam.get_role(RoleName=name)["Role"]
        return Role(
            account=account,
            name=name,
            path=str(found["Path"]),
            tags=tuple((str(each["Key"]), str(each["Value"])) for each in found.get("Tags", [])),
            trusted=tuple(dict.fromkeys(_trusted(found.get("AssumeRolePolicyDocument", {})))),
            longest_session=timedelta(seconds=int(found.get("MaxSessionDuration") or 3600)),
        )
    except failures() as error:
        if code_of(error) in NOT_THERE:
            return None
        raise in_words(error, f"look up role {name} in account {account}") from error


def holders_of(
    cloudtrail_for: Callable[[str], Any], role: Role, regions: Iterable[str], until: datetime
) -> Holders:
    """Ask CloudTrail who assumed the role so recently that the session may still work. Raises nothing."""
    counted: Counter[str] = Counter()
    incomplete = []
    for region in dict.fromkeys(regions):
        for event in _ASSUMING:
            asked = Asked(("EventName", event), until - role.longest_session, until, _MOST_PAGES)
            try:
                for page in pages(cloudtrail_for(region), asked):
                    counted.update(name for each in page if (name := _holder(each, role)))
            except AwsError as error:
                incomplete.append(f"{region}, {event}: {error}")
    return Holders(tuple(counted.most_common()), tuple(incomplete))


def _holder(event: dict[str, Any], role: Role) -> str | None:
    """Who got a session, if this event is about the role: whoever asked, and the session's name."""
    try:
        record = json.loads(event.get("CloudTrailEvent") or "{}")
        asked = record.get("requestParameters") or {}
        arn = str(asked.get("roleArn", ""))
        if record.get("errorCode") or not arn.endswith(f"/{role.name}") or f":{role.account}:" not in arn:
            return None
        who = record.get("userIdentity") or {}
        name = who.get("arn") or who.get("userName") or who.get("invokedBy") or who.get("type") or "somebody"
        return f"{name} as {asked.get('roleSessionName', '?')}"
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _trusted(document: Any) -> list[str]:
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    names: list[str] = []
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal", {})
        values = principal.values() if isinstance(principal, dict) else [principal]
        for value in values:
            names += [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return names
