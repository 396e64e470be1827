"""Signed requests: a key ID with a signature and a date, but never the secret."""

from __future__ import annotations

import re

from keysweep.detect.credentials import Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_SEP = r"(?:/|%(?:25)*2[Ff]|\\/|\\u002[Ff])"
_SCOPE = rf"(?i){_SEP}(\d{{8}}){_SEP}([a-z0-9-]+){_SEP}([a-z0-9-]+){_SEP}aws4_request"
_DATE = r"(?i)X-Amz-Date(?:=|%3D|\"?\s*:\s*\"?)(\d{8}T\d{6})Z"
_LIFETIME = r"(?i)X-Amz-Expires(?:=|%3D|\"?\s*:\s*\"?)(\d{1,7})"
_V2_QUERY = ("awsaccesskeyid=", "awsaccesskeyid%3d")
_V2_SIGNATURE = r"(?i)(?:&|&amp;|%26|\\u0026|\?)Signature(?:=|%3D)[A-Za-z0-9%/+]{20,}"
_V2_EXPIRES = r"(?i)(?:&|&amp;|%26|\\u0026|\?)Expires(?:=|%3D)(\d{9,11})"
_V2_HEADER = r"\A:[A-Za-z0-9/+]{27}="
_HEADER_GRACE_MINUTES = 15
"""A request signed in its headers is refused when its date is more than fifteen minutes off."""


def read_signature(before: str, after: str) -> Signature | None:
    """What follows (and precedes) a key ID if the ID stands in a signed request; None if it does not.

    Signature Version 4 as in 'Authenticating Requests: Using Query Parameters' and '... Authorization
    Header' of the S3 API reference; Version 2 as in 'Signing and authenticating REST requests'.
    """
    if "aws4_request" in after.lower() and (scope := re.match(_SCOPE, after)):
        return _version_4(scope, before, after)
    if before.endswith("AWS ") and re.match(_V2_HEADER, after):
        return Signature(2, None, None, None, "s3")
    near = before[-700:] + after[:700]
    if before[-24:].lower().endswith(_V2_QUERY) and re.search(_V2_SIGNATURE, near):
        expires = re.search(_V2_EXPIRES, near)
        return Signature(2, None, _from_epoch(int(expires.group(1))) if expires else None, None, "s3")
    return None


def _version_4(scope: re.Match[str], before: str, after: str) -> Signature:
    from datetime import timedelta

    near = before[-700:] + after[:1500]
    issued = _parse(scope.group(1) + "T000000")
    stamp = re.search(_DATE, near)
    if stamp and stamp.group(1).startswith(scope.group(1)):
        issued = _parse(stamp.group(1))
    lifetime = re.search(_LIFETIME, near)
    expires = None
    if issued:
        if lifetime:
            expires = issued + timedelta(seconds=int(lifetime.group(1)))
        else:
            expires = issued + timedelta(days=0 if stamp else 1, minutes=_HEADER_GRACE_MINUTES)
    return Signature(4, issued, expires, scope.group(2).lower(), scope.group(3).lower())


def _parse(stamp: str) -> datetime | None:
    from datetime import UTC, datetime

    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _from_epoch(seconds: int) -> datetime | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
