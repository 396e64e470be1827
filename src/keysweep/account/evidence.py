"""What is known of the access keys of one account, and what could not be read of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from keysweep.account.usage.use import Creation, Granted, Simulated, Use
from keysweep.aws.ownership import LastUse
from keysweep.frozen import frozen


@frozen
class Gap:
    """Something that was not read, and so was not checked either."""

    what: str
    """As in `the age of keys`."""
    needs: str
    """The permission, as `iam:ListAccessKeys`; empty where it was no permission that was missing."""
    reason: str
    """What AWS said, a clause."""


@frozen
class Powers:
    """What the policies of a user allow, as far as the documents themselves say it.

    Boundaries, conditions, policies of resources and of the organisation may take some of it away again: this is
    what somebody who has the key may try first.
    """

    is_administrator: bool = False
    escalations: tuple[str, ...] = ()
    """Actions by which the user can give itself more, the most direct first."""
    stores: tuple[str, ...] = ()
    """Services that keep data, of which something can be read, sorted."""
    services: tuple[str, ...] = ()
    """Every service of which something is allowed, sorted; `*` where all are."""
    granted_by: tuple[str, ...] = ()
    """Names of the policies, those of groups as `GROUP: POLICY`."""

    @property
    def takes_over(self) -> bool:
        """Whether the user can make itself anything."""
        return self.is_administrator or bool(self.escalations)


@frozen
class Key:
    """One access key."""

    key_id: str
    """Empty where only a credential report tells of it: that names none."""
    user: str | None
    """None for the root user."""
    arn: str
    is_active: bool
    created: datetime | None
    """Aware UTC."""
    last_use: LastUse | None
    """None where it is not known."""
    use: Use | None = None
    """None where CloudTrail was not asked about it, or said nothing at all."""
    creation: Creation | None = None
    """None where it is not known who made it."""

    @property
    def name(self) -> str:
        """How people know it."""
        return self.key_id or f"a key of {self.user or 'the root user'}"

    def age(self, now: datetime) -> timedelta | None:
        """How long ago it was made; None where that is not known."""
        return now - self.created if self.created else None

    def idle(self, now: datetime) -> timedelta | None:
        """How long ago it was last used or, if it never was, made; None where that is not known."""
        if self.last_use is None:
            return None
        return now - self.last_use.date if self.last_use.date else self.age(now)

    @property
    def is_never_used(self) -> bool:
        """Whether it is known that nobody has ever used it."""
        return self.last_use is not None and self.last_use.date is None


@frozen
class User:
    """An IAM user with access keys."""

    name: str
    arn: str
    keys: tuple[Key, ...]
    powers: Powers | None = None
    """None where it is not known."""
    granted: tuple[Granted, ...] | None = None
    """Services that its policies allow; None where IAM was not asked which of them are used."""
    simulated: Simulated | None = None
    """None where IAM was not asked what its policies come to."""


@frozen
class Trail:
    """A trail of CloudTrail, which writes events down for longer than 90 days."""

    name: str
    is_everywhere: bool
    """Whether it has the events of all regions."""
    is_logging: bool
    home: str = ""
    """Where it was made, and the only region that it has events of if it is not for all."""
    is_whole: bool = True
    """Whether it has all calls that manage something: leaves out neither those that read nor those that change."""

    @property
    def is_enough(self) -> bool:
        """Whether everything is written down in the regions that it is for."""
        return self.is_logging and self.is_whole


@frozen
class Regions:
    """The regions that an account may use."""

    enabled: tuple[str, ...]
    disabled: tuple[str, ...] = ()
    """Those that are there and were not enabled."""
    deserted: tuple[tuple[str, str], ...] = ()
    """Region and key ID, where nobody but this key changed anything that CloudTrail knows of."""


@frozen
class RootUse:
    """What the root user did."""

    signed_in: datetime | None = None
    """When its password was last used; None where that is not known, or it never was."""
    use: Use | None = None
    """What CloudTrail knows; None where it was not asked."""


@frozen
class Account:
    """One account as it was when it was read."""

    id: str
    partition: str
    taken: datetime
    """Aware UTC, by AWS's clock."""
    users: tuple[User, ...]
    """Those with access keys, by name."""
    users_in_all: int
    root_keys: tuple[Key, ...] = ()
    as_of: datetime | None = None
    """When the credential report was made that says who has keys; None where each user was asked."""
    gaps: tuple[Gap, ...] = ()
    trails: tuple[Trail, ...] | None = None
    """None where it is not known which there are."""
    root_use: RootUse | None = None
    """None where it is not known."""
    regions: Regions | None = None
    """None where it is not known which there are."""
    notes: tuple[str, ...] = ()
    """What was not asked because nobody wished it, sentences."""

    def each_key(self) -> Iterator[tuple[Key, User | None]]:
        """Every key with its user; None for the root user."""
        yield from ((key, None) for key in self.root_keys)
        yield from ((key, user) for user in self.users for key in user.keys)
