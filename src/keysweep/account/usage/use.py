"""What is known of the use of a key: who made it, what it did from where, and what of its permissions was used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from keysweep.account.usage.agents import Confidence, Guess, Kind
from keysweep.frozen import frozen


@frozen
class Sighting:
    """All calls to one service in one region from one address with one program."""

    region: str
    service: str
    """Whose events they are, without `.amazonaws.com`."""
    address: str
    """A service of AWS stands there by name."""
    agent: str
    guess: Guess
    count: int
    first: datetime
    last: datetime
    after_leak: int = 0
    """How many came after the leak; 0 if its date is not known."""
    refused: int = 0
    """How many AWS refused."""

    @property
    def was_before_leak(self) -> bool:
        """Whether something of it came before the leak."""
        return self.after_leak < self.count


@frozen
class Call:
    """A name of what was called, and what called it."""

    name: str
    """As in `s3:ListBuckets`."""
    kind: Kind
    is_new: bool
    """Whether it was only called after the leak: it may be somebody else's business."""


@frozen
class Use:
    """What a key did, as CloudTrail tells it of management events."""

    since: datetime
    until: datetime
    sightings: tuple[Sighting, ...] = ()
    """The most frequent first."""
    calls: tuple[Call, ...] = ()
    """What was called and not refused, sorted by name."""
    shortfalls: tuple[tuple[str, str], ...] = ()
    """Regions of which not everything is known, each with why."""
    key_ids: tuple[str, ...] = ()
    """Of the root user, whose keys IAM does not name: the long-term ones that it used, sorted."""

    @property
    def events(self) -> int:
        """Calls in all."""
        return sum(each.count for each in self.sightings)

    @property
    def after_leak(self) -> int:
        """Calls after the leak."""
        return sum(each.after_leak for each in self.sightings)

    def counted(self, of: Callable[[Sighting], str]) -> tuple[tuple[str, int], ...]:
        """Calls by one of their properties, the most frequent first."""
        counts: Counter[str] = Counter()
        for each in self.sightings:
            counts[of(each)] += each.count
        return ranked(counts)

    @property
    def kinds(self) -> tuple[tuple[Guess, int], ...]:
        """What uses the key, with calls: what is known before what is not, then the most frequent first.

        Of each kind the surest guess stands; a service of AWS calls on behalf of somebody who has the key.
        """
        counts: Counter[Kind] = Counter()
        best: dict[Kind, Guess] = {}
        for each in self.sightings:
            kind = each.guess.kind
            counts[kind] += each.count
            if kind not in best or _SURENESS[each.guess.confidence] < _SURENESS[best[kind].confidence]:
                best[kind] = each.guess
        order = sorted(counts, key=lambda it: (it in _LESS, -counts[it], it.value))
        return tuple((best[kind], counts[kind]) for kind in order)


GLOBAL = frozenset(
    {
        *("iam", "sts", "signin", "cloudfront", "route53", "organizations", "support", "health", "ce", "billing"),
        *("budgets", "waf", "shield", "globalaccelerator", "account", "sso", "trustedadvisor", "importexport"),
    }
)
"""Services that write their events down in one region for all (CloudTrail user guide, Global service events)."""
_SURENESS = {each: number for number, each in enumerate(Confidence)}
_LESS = frozenset({Kind.UNKNOWN, Kind.SERVICE})


def ranked(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    """The most frequent first."""
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


@frozen
class Creation:
    """Who made a key, as CloudTrail tells it."""

    key_id: str
    by: str
    """The ARN of who asked for it."""
    role: str
    """The ARN of the role whose session that was; empty for a user."""
    when: datetime
    address: str
    agent: str
    with_key: str = ""
    """The key with which that was asked for; a temporary one of a session."""

    @property
    def names(self) -> tuple[str, ...]:
        """By which an approved creator may be named."""
        return tuple(filter(None, (self.by, self.role, (self.role or self.by).rpartition("/")[2])))


@frozen
class Granted:
    """A service of which a user's policies allow something, as IAM tells it (Access Advisor)."""

    service: str
    """As policies name it: `s3`."""
    last: datetime | None
    """When the user last used it; None if not in the 400 days that IAM knows of."""


@frozen
class Simulated:
    """What IAM says that a user may do, boundaries and policies of the organisation considered."""

    allowed: tuple[str, ...]
    """Of the actions that were asked about."""
    denied: tuple[tuple[str, str], ...]
    """Each with what takes it away: a clause, empty where IAM names nothing."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """What takes permissions away, each once."""
        return tuple(dict.fromkeys(why for _, why in self.denied if why))


def use_of(use: Use) -> Counter[str]:
    """Calls by region, without those to services that write theirs down in one region for all."""
    counts: Counter[str] = Counter()
    for each in use.sightings:
        if each.service not in GLOBAL:
            counts[each.region] += each.count
    return counts


def away_from_home(use: Use) -> list[str]:
    """The regions of a key in which it makes less than one call in five, where there is another."""
    counts = use_of(use)
    return [region for region, count in counts.items() if count * 5 < counts.total()]
