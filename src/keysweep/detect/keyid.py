"""What an AWS unique ID tells offline: what it is, whose account it belongs to, whether it is bait."""

from __future__ import annotations

from keysweep.frozen import frozen

_MEANINGS: dict[str, tuple[str, bool]] = {
    "AKIA": ("long-term access key of an IAM user or of the root user", True),
    "ASIA": ("temporary access key issued by STS, usable only with its session token", True),
    "ABIA": ("STS service bearer token", True),
    "ACCA": ("context-specific credential", True),
    "A3T": ("legacy access key, listed by git-secrets without a source at AWS", True),
    "AGPA": ("IAM user group", False),
    "AIDA": ("IAM user", False),
    "AIPA": ("EC2 instance profile", False),
    "ANPA": ("managed policy", False),
    "ANVA": ("version of a managed policy", False),
    "APKA": ("public key", False),
    "AROA": ("IAM role", False),
    "ASCA": ("certificate", False),
}
"""Prefix to meaning and whether it is a credential (IAM user guide, reference_identifiers; git-secrets)."""

_THINKST = (
    "052310077262 171436882533 534261010715 595918472158 717712589309 "
    "819147034852 992382622183 730335385048 266735846894 893192397702"
)
_OTHER_CANARIES = (
    "044858866125 251535659677 344043088457 351906852752 390477818340 426127672474 427150556519 "
    "439872796651 445142720921 465867158099 637958123769 693412236332 732624840810 735421457923 "
    "959235150393 982842642351 528757803018 538784191382 729780141977"
)
CANARY_ACCOUNTS: dict[str, str] = {
    **dict.fromkeys(_THINKST.split(), "Thinkst Canary"),
    **dict.fromkeys(_OTHER_CANARIES.split(), "a known canary-token service"),
}
"""Account ID to who lays bait there (trufflehog, kingfisher): calling AWS with such a key trips an alarm."""


@frozen
class KeyId:
    """Everything that an ID of AWS says without asking AWS."""

    text: str
    prefix: str
    meaning: str
    is_credential: bool
    account_id: str | None
    """Twelve digits, or None for an old-generation or malformed body."""
    new_generation: bool
    """Whether the body carries an account ID at all (issued since about 2019)."""
    canary: str | None


def describe(key_id: str) -> KeyId | None:
    """Say what `key_id` is, or None if it has not the shape of an AWS unique ID."""
    prefix = "A3T" if key_id.startswith("A3T") else key_id[:4]
    if prefix not in _MEANINGS or not 16 <= len(key_id) <= 128 or not key_id.isalnum():
        return None
    meaning, is_credential = _MEANINGS[prefix]
    account = account_of(key_id)
    return KeyId(
        text=key_id,
        prefix=prefix,
        meaning=meaning,
        is_credential=is_credential,
        account_id=account,
        new_generation=_is_new_generation(key_id),
        canary=CANARY_ACCOUNTS.get(account) if account else None,
    )


_BASE32 = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghijklmnopqrstuv", strict=True))
"""From the digits of RFC 4648 to those that `int` reads."""


def account_of(key_id: str) -> str | None:
    """Decode the account from a 20-character new-generation key ID.

    The body is base32: bit 79 marks the generation, the next 40 bits are the account (awsteele, TalBeery,
    WithSecure). There is no checksum, so a number of more than twelve digits means 'not decodable'.
    """
    if not _is_new_generation(key_id):
        return None
    body = key_id[4:20]
    if not set(body) <= _BASE32.keys():
        return None
    value = int("".join(map(_BASE32.__getitem__, body)), 32)
    account = (value >> 39) & ((1 << 40) - 1)
    return f"{account:012d}" if 0 < account < 10**12 else None


def _is_new_generation(key_id: str) -> bool:
    return len(key_id) == 20 and key_id[4] in "QRSTUVWXYZ234567"
