"""Access keys as tests pass them around, in the exact shapes that AWS issues."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from fixtures import keys

ACCOUNT = f"{keys.FAKE_ACCOUNT:012d}"
_LEAST_BITS_ID = 3.0
_LEAST_BITS_SECRET = 4.25


@dataclass(frozen=True)
class AccessKey:
    """An access key ID and all that signs with it."""

    key_id: str
    secret: str = field(repr=False)
    account: str
    token: str | None = field(default=None, repr=False)
    """The session token, which AKIA keys do not have."""


def mint(rng: Random, account: str = ACCOUNT, prefix: str = "AKIA") -> AccessKey:
    """A new key whose ID carries `account`; an ASIA key comes with a session token."""
    return AccessKey(
        key_id=_varied(lambda: keys.key_id(rng, prefix, int(account)), _LEAST_BITS_ID),
        secret=_varied(lambda: keys.secret(rng), _LEAST_BITS_SECRET),
        account=account,
        token=keys.session_token(rng) if prefix == "ASIA" else None,
    )


def _varied(draw: Callable[[], str], least_bits: float) -> str:
    """The first that a scanner takes for random: of real secrets it drops one in ten thousand, of tests none."""
    while True:
        text = draw()
        shares = [count / len(text) for count in Counter(text).values()]
        if -sum(share * math.log2(share) for share in shares) >= least_bits:
            return text
