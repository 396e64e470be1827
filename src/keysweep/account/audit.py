"""One or many accounts judged together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keysweep.account.evidence import Account, Gap, Key, User
from keysweep.account.judging.checks import Lapse, Leak, urgency
from keysweep.account.reading.members import Member
from keysweep.frozen import frozen


@frozen
class Judged:
    """One account and what was found in it."""

    account: Account
    lapses: tuple[Lapse, ...]


@frozen
class Unreached:
    """An account of the organisation that could not be read at all."""

    account: str
    name: str
    """What the organisation calls it."""
    reason: str
    """A clause."""
    leaks: tuple[str, ...] = ()
    """Leaked keys that are its own by their ID, sorted."""


@frozen
class Audit:
    """All accounts that were asked about."""

    judged: tuple[Judged, ...]
    leaks: Mapping[str, Leak]
    """By key ID."""
    gaps: tuple[Gap, ...] = ()
    """What is not known of any account, such as leaks that a scan may have missed."""
    unreached: tuple[Unreached, ...] = ()
    closed: tuple[Member, ...] = ()
    """Accounts in which no key works, because they are suspended or being closed; they were not read."""

    @property
    def lapses(self) -> list[Lapse]:
        """Of all accounts, what is worst first."""
        return sorted((lapse for each in self.judged for lapse in each.lapses), key=urgency)

    @property
    def is_complete(self) -> bool:
        """Whether everything was read that was to be."""
        return not self.unreached and not any(True for _ in self.each_gap())

    def each_gap(self) -> Iterator[tuple[str, Gap]]:
        """Everything that was not checked, with the account; that is empty for what concerns all."""
        yield from (("", gap) for gap in self.gaps)
        yield from ((each.account.id, gap) for each in self.judged for gap in each.account.gaps)

    def each_key(self) -> Iterator[tuple[Key, User | None]]:
        """Every key of all accounts with its user; None for the root user."""
        for each in self.judged:
            yield from each.account.each_key()

    @property
    def foreign(self) -> int:
        """Leaked keys that none of these accounts has."""
        return len(self.leaks.keys() - {key.key_id for key, _ in self.each_key()})
