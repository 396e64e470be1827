"""The access keys of one user in IAM: their states, which one is new, and how one is switched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ACTIVE, INACTIVE, ABSENT = "Active", "Inactive", "absent"
"""States of a key."""


def listed(iam: Any, user: str) -> dict[str, str]:
    """The state of every key of a user, by its ID; raises what botocore raises."""
    pages = iam.get_paginator("list_access_keys").paginate(UserName=user)
    return {str(each["AccessKeyId"]): str(each["Status"]) for page in pages for each in page["AccessKeyMetadata"]}


def state(iam: Any, user: str, key_id: str) -> str:
    """The state of one of them, or ABSENT; raises what botocore raises."""
    return listed(iam, user).get(key_id, ABSENT)


def added(iam: Any, user: str, there: Iterable[str]) -> str:
    """The ID of the key that is not one of those that were `there`; empty if there is none."""
    before = frozenset(there)
    return next((key_id for key_id in listed(iam, user) if key_id not in before), "")


def switch(iam: Any, user: str, key_id: str, status: str) -> Any:
    """Switch one on or off; AWS's answer. Raises what botocore raises."""
    # UserName always: without it, temporary credentials are refused and others mean the caller's own key.
    return iam.update_access_key(UserName=user, AccessKeyId=key_id, Status=status)
