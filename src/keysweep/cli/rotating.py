"""What `rotate` and `delete` have in common: the key IDs that they are given, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence

from keysweep.aws.containment.targets import Target, targets
from keysweep.cli.leaked import gathered, is_key_id
from keysweep.errors import UsageError


def keys(ids: Sequence[str], partition: str) -> list[Target]:
    """The keys with these IDs. Raises UsageError for what is no key of a user."""
    refuse_others(ids)
    given = gathered(ids, None)
    return targets((), (), given.named, {}, given.described, partition, given.checks, given.uses)


def refuse_others(ids: Sequence[str]) -> None:
    """Raise UsageError for what is no key of a user."""
    for each in ids:
        if not (is_key_id(each) and each.startswith("AKIA")):
            raise UsageError(
                f"{each} is no access key of a user: give key IDs, which begin with AKIA; what leaked is for "
                "`keysweep contain`."
            )
