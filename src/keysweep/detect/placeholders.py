"""Values that only look like keys: documentation examples, masks, sequences, repeats."""

from __future__ import annotations

import re
from collections import Counter

_WORD = re.compile(
    r"EXAMPLE|SAMPLE|DUMMY|PLACEHOLDER|REDACTED|CHANGEME|NOTAREAL|XXXXX|TESTKEY|FAKEKEY|YOURACCESS|YOURSECRET"
)
_BUILDING_WORDS = re.compile(
    r"ACCESS|SECRET|PUBLIC|PRIVATE|KEY|TEST|UNIT|FAKE|DUMMY|MOCK|FAUX|STUB|NOT|REAL|USER|ADMIN|ROOT|YOUR|THIS|THAT"
    r"|INVALID|VALID|FIRST|SECOND|OTHER|DEFAULT|VALUE|STRING|LOCAL|STACK|DEMO|SOME|RANDOM|WRONG|HELLO|WORLD|FOO"
    r"|BAR|BAZ|QUX|ABC|XYZ|HERE|GOES|INSERT|REPLACE|TEMP|TOKEN|AWS|ACCOUNT|EXPIRED|OLD|NEW|IAM"
)
_LONG_WORDS = re.compile(
    r"example|placeholder|redacted|changeme|notareal|secretaccess|secretkey|accesskey|your(?:own)?(?:aws)?secret|yourkey"
    r"|dummysecret|fakesecret|testsecret|mysecret|xxxxx|foobar",
    re.IGNORECASE,
)
_OF_ALL = {"zuf+tfteSlswRu7BJ86wekitnifILbZam1KYY3TG": "the key to MinIO's public playground"}
"""Keys that programs come with: `mc` writes this one into everybody's configuration."""
_REPEAT = re.compile(r"(.)\1{5}|(..)\2{4}|(...)\3{3}|(.{4,10})\4{2}|(.{10,20})\5")
_WALKS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SEQUENCES = tuple(
    text[at : at + 7]
    for line in ("abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890", *_WALKS)
    for text in (line, line[::-1])
    for at in range(len(text) - 6)
)


def placeholder_key_id(key_id: str) -> str | None:
    """Why a key ID is an example or a mask, or None; fewer than 1 random ID in 10 000 is called one."""
    body = key_id[4:]
    if word := _WORD.search(body):
        return f"a documentation example (contains {word.group()})"
    if sum(map(len, _BUILDING_WORDS.findall(body))) >= 9:
        return "built of words"
    if len(set(body)) <= 5:
        return f"only {len(set(body))} different characters"
    return _patterned(body)


def placeholder_secret(secret: str) -> str | None:
    """Why a secret is an example or a mask, or None; fewer than 1 random secret in 10 000 is called one."""
    if word := _LONG_WORDS.search(secret):
        return f"a documentation example (contains {word.group()})"
    if told := _OF_ALL.get(secret):
        return told
    if max(Counter(secret).values()) > 12:
        return "one character over and over"
    return _patterned(secret)


def placeholder_token(token: str) -> str | None:
    """Why a session token, password or API key is a documentation example, or None."""
    if word := _WORD.search(token):
        return f"a documentation example (contains {word.group()})"
    if re.search(r"(.)\1{11}", token):
        return "one character over and over"
    return None


def _patterned(text: str) -> str | None:
    lowered = text.lower()
    if any(run in lowered for run in _SEQUENCES):
        return "a sequence of the alphabet or the keyboard"
    if _REPEAT.search(text):
        return "a repeated pattern"
    return None
