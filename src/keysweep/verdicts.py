"""What AWS says of a key, and what was done about it: frozen values that reports show."""

from __future__ import annotations

import re
from enum import StrEnum

from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


class Status(StrEnum):
    """What became of one key ID; the values are stable names that scripts use."""

    LIVE = "live"
    """AWS answered 200 with an ARN: whoever has the pair acts as that principal."""
    DEAD = "dead"
    """Deleted, deactivated or never issued, in every partition that was asked."""
    WRONG_SECRET = "wrong-secret"
    """The key ID exists and is active, but none of the secrets found is its own."""
    ACTIVE = "active"
    """Its account has it, switched on. Whether its secret leaked is not known, because none was found."""
    INACTIVE = "inactive"
    """Its account has it, switched off."""
    EXPIRED = "expired"
    CANARY = "canary"
    """Bait: it was not tried, because that raises an alarm."""
    UNKNOWN = "unknown"
    """Nothing is known; the reason says why. Neither live nor dead."""


class Principal(StrEnum):
    """Whose credentials an ARN says they are."""

    ROOT = "root"
    USER = "user"
    ROLE = "role"
    FEDERATED = "federated-user"
    OTHER = "other"


@frozen
class Verdict:
    """What is known of one key ID, and since when."""

    key_id: str
    status: Status
    reason: str
    """One clause that says how this is known, or why it is not."""
    checked: datetime
    """Aware UTC."""
    partition: str | None = None
    """Where it was accepted."""
    account_id: str | None = None
    arn: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    """AWS's name for the answer that decided, as CloudTrail and AWS's support know it."""
    asked: bool = False
    """Whether any request was signed with it."""
    user: str | None = None
    """The name of its IAM user, where that is known and the ARN is not."""

    @property
    def principal(self) -> Principal | None:
        """Root, user or role; None where neither ARN nor user is known."""
        return principal_of(self.arn) if self.arn else Principal.USER if self.user else None

    @property
    def name(self) -> str | None:
        """The name of the user or role without its path; None where there is none."""
        return name_in(self.arn) if self.arn else self.user


class Contained(StrEnum):
    """What keysweep did last about one key; the values are stable names that scripts use."""

    OFF = "switched-off"
    """IAM says that it is off; whether AWS was seen to refuse it too, the reason says."""
    LIMITED = "limited"
    """It is as it was, but its sessions are denied or its user is in quarantine."""
    UNDONE = "undone"
    """It was switched off, and that was taken back."""
    UNKNOWN = "unknown"
    """AWS did not say whether it did it, or did not do it: somebody has to look."""


@frozen
class Containment:
    """What keysweep did last about one key ID, and when."""

    key_id: str
    state: Contained
    run: str
    """The run of `contain` or `undo` that did it."""
    when: datetime | None = None
    """Aware UTC."""
    operator: str = ""
    """Who ran it, as AWS names them."""
    reason: str = ""


_RESOURCE = re.compile(r"arn:[a-z\-]+:(?:iam|sts)::(\d{12}):(root|user|assumed-role|federated-user)(?:/(.+))?")


def principal_of(arn: str) -> Principal:
    """What kind of principal an ARN names (IAM user guide, IAM ARNs)."""
    found = _RESOURCE.fullmatch(arn)
    kinds = {"assumed-role": Principal.ROLE}
    return kinds.get(found[2]) or Principal(found[2]) if found else Principal.OTHER


def name_in(arn: str) -> str | None:
    """The name of the user, or of the role that was assumed."""
    found = _RESOURCE.fullmatch(arn)
    if not found or not found[3]:
        return None
    return found[3].split("/")[0] if found[2] == "assumed-role" else found[3].rsplit("/", 1)[-1]


def path_in(arn: str) -> str:
    """The IAM path in the ARN of a user, with a slash at both ends; `/` where there is none."""
    found = _RESOURCE.fullmatch(arn)
    path = found[3].rpartition("/")[0] if found and found[3] and found[2] == "user" else ""
    return f"/{path}/" if path else "/"
