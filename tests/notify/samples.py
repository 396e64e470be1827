"""Messages without a store."""

from __future__ import annotations

from keysweep.findings import Severity
from keysweep.frozen import replace
from keysweep.notify.messages import Digest, Notice
from keysweep.standing import Standing
from keysweep.store.facts import Facts, Spot
from keysweep.store.notices import Due
from tests.notify.filling import WHEN

DUE = Due(1, "0123456789abcdef" * 2, Severity.CRITICAL, Standing.LIVE, "open", None, 0)
FACTS = Facts(
    fingerprint=DUE.fingerprint,
    kind="key-pair",
    key_id="AKIA" + "Q" * 16,
    account_id="123456789012",
    partition="aws",
    has_secret=True,
    arn="arn:aws:iam::123456789012:user/me",
    principal="user",
    owner="me",
    reason="AWS accepted it",
    checked=WHEN,
    assignee="somebody@example.net",
    first_seen=WHEN,
    last_seen=WHEN,
    introduced=WHEN,
    contained=None,
    places=7,
    repositories=2,
    spots=tuple(Spot("shop/web", f"conf/{n}.ini", 3, "c" * 40, "Ada", WHEN, None) for n in range(5)),
)
NOTICE = Notice(DUE, FACTS, "https://keysweep.example.net/leaks/" + DUE.fingerprint)


def hostile(text: str) -> Notice:
    """All that somebody else can choose is `text`."""
    spot = Spot(text, text, 1, "c" * 40, text, WHEN, text)
    facts = replace(FACTS, arn=text, owner=text, reason=text, assignee=text, spots=(spot,) * 5)
    return replace(NOTICE, facts=facts)


def many(count: int) -> Digest:
    """So many leaks, the first ten whole."""
    dues = [replace(DUE, leak_id=number, fingerprint=f"{number:032x}") for number in range(count)]
    return Digest(dues, tuple(replace(NOTICE, due=each) for each in dues[:10]), None)
