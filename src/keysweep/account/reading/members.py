"""Which accounts an organisation has (AWS Organizations API Reference, ListAccounts)."""

from __future__ import annotations

from collections.abc import Sequence

from keysweep.aws.clients import translated
from keysweep.aws.responders import Acting
from keysweep.frozen import frozen

_OPEN = "ACTIVE"


@frozen
class Member:
    """One account of an organisation."""

    account: str
    name: str = ""
    is_open: bool = True
    """Whether anything works there: in an account that is suspended or being closed no key does."""


def members(acting: Acting) -> Sequence[Member]:
    """All accounts of the organisation that `acting` is in, by ID.

    Only the management account, or an account to which that was delegated, may list them. Raises AwsError.
    """
    with translated("list the accounts of the organisation (organizations:ListAccounts)"):
        pages = acting.client("organizations").get_paginator("list_accounts").paginate()
        found = {
            str(each["Id"]): Member(str(each["Id"]), str(each.get("Name", "")), _is_open(each))
            for page in pages
            for each in page["Accounts"]
        }
    return [found[account] for account in sorted(found)]


def _is_open(listed: dict[str, str]) -> bool:
    """By `State`, which takes the place of `Status` (ibid., Account)."""
    return (listed.get("State") or listed.get("Status") or _OPEN) == _OPEN
