"""What names a lapse, the same in every run: by it runs are compared, and a later import changes a finding."""

from __future__ import annotations

from hashlib import sha256

from keysweep.account.evidence import Key
from keysweep.account.judging.checks import Lapse
from keysweep.account.judging.rules import Rule


def lapse_id(lapse: Lapse) -> str:
    """By account, rule and key; evidence and severity may change without making it another lapse."""
    return named(lapse.account, lapse.rule, lapse.key)


def named(account: str, rule: Rule, key: Key | None) -> str:
    """What a lapse of this rule by that key, or by the account itself, is called."""
    text = "\0".join(("keysweep account 1", account, rule.id, *_of_key(key)))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _of_key(key: Key | None) -> tuple[str, ...]:
    if key is None:
        return ()
    if key.key_id and key.user is not None:
        return (key.key_id,)
    # A credential report names no key: its user and when it was made tell it from the other one. The ID of one of
    # the root user is known only while it is known to have leaked.
    return (key.arn, key.created.isoformat() if key.created else "")
