"""Whether AWS refuses a key yet: IAM is eventually consistent, and a key that is off works on for some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from keysweep.aws.outcomes import Meaning
from keysweep.aws.partitions import Partition
from keysweep.aws.signing import Caller, Credential
from keysweep.frozen import frozen

_REFUSALS = frozenset({Meaning.INVALID, Meaning.EXPIRED})
_PAUSES_SECONDS = (0.5, 1.0, 1.0, 1.0, 2.0, 2.0, 4.0)
"""Between one request and the next; the last is repeated."""


@frozen
class Propagation:
    """What was seen of a key after it was switched off."""

    refused_after_seconds: float | None
    """From when AWS had confirmed the change to the first of two refusals in a row; None if there were none."""
    reason: str


def await_refusal(
    caller: Caller,
    credential: Credential,
    where: Partition,
    most_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Propagation:
    """Use the key until AWS refuses it twice in a row, or `most_seconds` are over.

    Twice, because one part of AWS may have heard of it and the next one not.
    """
    began = clock()
    first: float | None = None
    seen = "AWS still accepts it"
    pauses = iter(_PAUSES_SECONDS)
    while True:
        asked = clock() - began
        outcome = caller.ask(credential, where)
        if outcome.meaning in _REFUSALS:
            if first is not None:
                return Propagation(first, f"AWS has refused it since {first:.0f} s after it was switched off")
            first = asked
        else:
            first = None
            accepted = outcome.meaning is Meaning.LIVE
            seen = "AWS still accepts it" if accepted else f"it cannot be seen: {outcome.reason}"
        pause = next(pauses, _PAUSES_SECONDS[-1])
        if clock() - began + pause > most_seconds and first is None:
            return Propagation(None, f"{seen}, {clock() - began:.0f} s after it was switched off")
        sleep(pause)
