"""Random secrets told from look-alikes; each filter with the share of random secrets it loses.

Chosen and measured by bench/secrets_roc.py; docs/detection.md shows the curve.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter

from keysweep.detect.bigrams import TABLE
from keysweep.frozen import frozen

LEAST_SCORE = 0.0
"""Beside a key ID or behind a name that says secret."""
LEAST_SCORE_ALONE = 2.8
"""Where nothing but nearness speaks for it."""

_INDEX = {
    character: number
    for number, character in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}


@frozen
class Verdict:
    """Whether forty characters are a random secret, and why, in words for users."""

    is_secret: bool
    score: float
    reason: str


def shannon(text: str) -> float:
    """Entropy of the characters of `text` in bits per character."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values()) if total else 0.0


def randomness(token: str) -> float:
    """Log2 of how much likelier the neighbours in `token` are by chance than in code, paths and words."""
    total = 0
    for one, two in itertools.pairwise(token):
        total += ord(TABLE[_INDEX[one] * 64 + _INDEX[two]]) - 79
    return -total / 11


def judge_secret(token: str, least_entropy: float, *, strong_context: bool) -> Verdict:
    """Judge forty characters of the secret alphabet; `least_entropy` in bits per character.

    With `strong_context` (a name that says secret, or a key ID in the same statement) only what is surely
    something else is dropped.
    """
    entropy = shannon(token)
    score = randomness(token)
    if entropy < least_entropy:
        return Verdict(False, score, "is hexadecimal or repeats itself")
    if score < (LEAST_SCORE if strong_context else LEAST_SCORE_ALONE):
        return Verdict(False, score, "reads like words or a path")
    return Verdict(True, score, f"is random ({entropy:.1f} bits per character)")


_HASH_BEFORE = (
    r"(?:sha(?:1|224|256|384|512)|md5|integrity|checksum|digest|etag|h1|hash|fingerprint|revision|commit)"
    r"[\"'\s]{0,3}[-:=\s\"']{1,4}$"
)
_PATH_AROUND = r"(?:[\w.\-]+/){2,}$|\./$|~/$|https?://(?![^/@\s]+:$)\S*$"
"""Before a path, but not the password of an address: `https://USER:` is followed by none."""
_ENCODED_BEFORE = r"base64,|-----BEGIN|ssh-(?:rsa|ed25519) |eyJ[\w-]+\.$|[A-Za-z0-9+/]{44,}[ \t]*\r?\n\s{0,12}$"
_ENCODED_AFTER = r"^[ \t]*\r?\n\s{0,12}[A-Za-z0-9+/]{44,}"


def judge_around(token: str, before: str, after: str) -> str | None:
    """Why the text around `token` shows it to be part of something else, or None; up to 64 characters a side."""
    if re.search(_HASH_BEFORE, before, re.IGNORECASE):
        return "is a checksum"
    if re.search(_ENCODED_BEFORE, before) or re.search(_ENCODED_AFTER, after):
        return "is part of a longer encoded block"
    if re.search(_PATH_AROUND, before) and ("/" in token or after.startswith(("/", "."))):
        return "is part of a path"
    return None
