"""What the text around a value calls it: the name it is assigned to, and what that name promises."""

from __future__ import annotations

import re
from enum import IntEnum

from keysweep.frozen import frozen


class Promise(IntEnum):
    """How plainly a name says that its value is a secret access key."""

    NONE = 0
    LOOSE = 1
    """The word stands near, but something else stands between."""
    GENERIC = 2
    """A secret, but of whom is not said."""
    AWS = 3
    """A secret access key of AWS."""


@frozen
class Name:
    """A name and what it promises."""

    text: str
    promise: Promise


_WORD = r"[A-Za-z0-9_.\-$]"
_LOWER_WORD = r"[a-z0-9_.\-$]"
# They see lowered text: ignoring case would treble the time they take to compile, for which a hook waits.
_SECRET_WORD = re.compile(
    rf"(?<!{_LOWER_WORD})({_LOWER_WORD}{{0,100}}?"
    rf"(?:secret|aws[_.\- ]?(?:sk|pass|pwd|cred|private|key)|access[_.\- ]?key(?![_.\- ]?id))"
    rf"{_LOWER_WORD}{{0,60}}(?:[ _\-](?:access|key|access[ _\-]key))*)"
)
_BETWEEN = re.compile(
    r"(?>\\[nrt]|[a-z_][a-z0-9_.:]{0,40}\(|%[0-9a-f]{2}|&\w+;|[\s\"'`\])}>:=,(\[{|\\$!<;*~#@&?+\-/.]"
    r"|\b(?:value|values?from|default|string|stringvalue|is|was|are|type|text|data|the|key|set|to"
    r"|td|th|tr|code|pre|span|div|nbsp|quot|str|stringdata|description|echo|from|sensitive|true|false|env|name|const|final|static|std|new|secret|plain"
    r"|getenv|fallback|or|varchar|nvarchar|class|entry|property|param|parameter|defaultvalue|option|b|i|p|x|u|n|r|f)\b"
    r"){0,60}+"
)
_AWS_NAME = re.compile(
    r"aws|amazon|amzn|(?<![a-z0-9])s3|s3(?![a-z0-9])|secret[_.\- ]?access[_.\- ]?key|boto|dynamo"
    r"|(?<![a-z])(?:sqs|ses)(?![a-z])|cloudfront|access[_.\- ]?key[_.\- ]?secret|glacier|ec2"
)
_OTHER_NAME = re.compile(
    r"client|consumer|app|webhook|jwt|session|cookie|shared|oauth|api|github|gitlab|google|gcp|azure|facebook|twitter"
    r"|slack|stripe|paypal|twilio|signing|csrf|django|flask|token|encryption|hash|salt|base|password"
)
_IDENTIFIER = re.compile(
    rf"(?<!{_WORD})([A-Za-z_$]{_WORD}*+(?: {_WORD}++)*?)[\"'`\])]{{0,3}}+(?:[ \t]*+(?:=>|:=|->|[=:,>(])|\s)"
    r"[\s\"'`(\[<>]*+(?:[\w!]++>)?$"
)
"""Possessive and from whole words on, so that no text makes it try the same spaces twice."""


def secret_name(before: str) -> Name:
    """Judge a secret candidate by the up to 200 characters that stand before it."""
    near = before[-200:].lower()
    words = list(_SECRET_WORD.finditer(near))
    if not words:
        return Name("", Promise.NONE)
    found = words[-1]
    gap = near[found.end() :]
    lowered = found.group(1)
    text = before[-200:][found.start(1) : found.end(1)]
    if len(gap) > 110:
        return Name("", Promise.NONE)
    if not _BETWEEN.fullmatch(gap) or gap.count("\n") > 4:
        return Name(text, Promise.LOOSE)
    if _AWS_NAME.search(lowered):
        return Name(text, Promise.AWS)
    if "secret" in lowered and not _OTHER_NAME.search(lowered):
        return Name(text, Promise.GENERIC)
    return Name(text, Promise.LOOSE)


def identifier(before: str) -> str:
    """The nearest name that a value is assigned to, or an empty string."""
    found = _IDENTIFIER.search(before[-120:])
    return found.group(1).strip() if found else ""


_ROLE_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        aws amazon s3 s3a s3n fs iam spring cloud cloudaws my the
        access key keys id ids secret secrets token session password pass pwd login username user
        sid a k s ak sk         accesskey accesskeyid secretkey secretaccesskey secretid keyid
        awsaccesskey awsaccesskeyid awssecretkey awssecretaccesskey
        credential credentials cred creds config settings name value default data string str
        var env set export const let public private static final
        """,
    )
)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def stem(name: str) -> str:
    """What is left of a name without the words every key has: `AWS_SECRET_KEY_PROD` is `prod`."""
    words = [word.lower() for word in _CAMEL.findall(name)]
    return "-".join(word for word in words if word not in _ROLE_WORDS)


def speaks_of_aws(text: str) -> bool:
    """Whether text near a generic secret says that AWS is meant."""
    lowered = text.lower()
    return _AWS_NAME.search(lowered) is not None or re.search(r"access[_.\- ]?key", lowered) is not None
