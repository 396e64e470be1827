"""Many accounts read side by side: what goes wrong in one of them concerns that one alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from keysweep.account.audit import Unreached
from keysweep.account.evidence import Account
from keysweep.account.reading.members import Member
from keysweep.aws.responders import Acting, Responders
from keysweep.aws.threads import Threads
from keysweep.errors import KeysweepError
from keysweep.frozen import frozen

_LOOK_AGAIN_SECONDS = 0.1
_PATIENCE_SECONDS = 5.0
"""For the accounts in hand once nobody wants more: what they have read so far is worth that."""


@frozen
class Way:
    """How accounts are read."""

    responders: Responders
    partition: str
    read_one: Callable[[Acting], Account]
    """Reads the account of an identity; raises AwsError where it cannot, and ends soon once `goes_on` says no."""
    at_once: int
    goes_on: Callable[[], bool]


def read_all(members: Sequence[Member], way: Way) -> Iterator[Account | Unreached]:
    """Each account as it was read, or why it was not, in the order in which they come.

    Those that have not come soon after `goes_on` says no are told as unreached. Raises AwsError where AWS does not
    say who the operator is.
    """
    own = way.responders.operator(way.partition)

    def read(member: Member) -> Account | Unreached:
        try:
            if member.account == own.account:
                return way.read_one(own)
            return way.read_one(way.responders.in_account(member.account, way.partition))
        except KeysweepError as error:
            return Unreached(member.account, member.name, str(error).rstrip("."))
        finally:
            way.responders.let_go(member.account, way.partition)

    threads: Threads[Member, Account | Unreached] = Threads(lambda job: read(job.task))
    waiting = list(reversed(members))
    missing = {each.account: each for each in members}
    with threads:
        gives_up = None
        while (waiting and gives_up is None) or threads.running:
            if not way.goes_on() and gives_up is None:
                gives_up = time.monotonic() + _PATIENCE_SECONDS
            if gives_up is not None and time.monotonic() > gives_up:
                break
            while waiting and gives_up is None and threads.running < way.at_once:
                threads.begin(waiting.pop())
            for each in threads.finished(_LOOK_AGAIN_SECONDS):
                missing.pop(each.id if isinstance(each, Account) else each.account, None)
                yield each
    for member in missing.values():
        yield Unreached(member.account, member.name, "it was interrupted before this account was read")
