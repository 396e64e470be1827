"""Signed requests: a key ID with a signature and a date, but never the secret."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from keysweep.detect.credentials import Signature

_SEP = r"(?:/|%(?:25)*2[Ff]|\\/|\\u002[Ff])"
_SCOPE = re.compile(rf"{_SEP}(\d{{8}}){_SEP}([a-z0-9-]+){_SEP}([a-z0-9-]+){_SEP}aws4_request", re.IGNORECASE)
_DATE = re.compile(r"X-Amz-Date(?:=|%3D|\"?\s*:\s*\"?)(\d{8}T\d{6})Z", re.IGNORECASE)
_LIFETIME = re.compile(r"X-Amz-Expires(?:=|%3D|\"?\s*:\s*\"?)(\d{1,7})", re.IGNORECASE)
_V2_QUERY = re.compile(r"AWSAccessKeyId(?:=|%3D)$", re.IGNORECASE)
_V2_SIGNATURE = re.compile(r"(?:&|&amp;|%26|\\u0026|\?)Signature(?:=|%3D)[A-Za-z0-9%/+]{20,}", re.IGNORECASE)
_V2_EXPIRES = re.compile(r"(?:&|&amp;|%26|\\u0026|\?)Expires(?:=|%3D)(\d{9,11})", re.IGNORECASE)
_V2_HEADER = re.compile(r"\A:[A-Za-z0-9/+]{27}=")
_HEADER_GRACE = timedelta(minutes=15)
"""A request signed in its headers is refused when its date is more than fifteen minutes off."""


def read_signature(before: str, after: str) -> Signature | None:
    """What follows (and precedes) a key ID if the ID stands in a signed request; None if it does not.

    Signature Version 4 as in 'Authenticating Requests: Using Query Parameters' and '... Authorization
    Header' of the S3 API reference; Version 2 as in 'Signing and authenticating REST requests'.
    """
    if scope := _SCOPE.match(after):
        return _version_4(scope, before, after)
    near = before[-700:] + after[:700]
    if _V2_HEADER.match(after) and before.endswith("AWS "):
        return Signature(2, None, None, None, "s3")
    if _V2_QUERY.search(before[-24:]) and _V2_SIGNATURE.search(near):
        expires = _V2_EXPIRES.search(near)
        return Signature(2, None, _from_epoch(int(expires.group(1))) if expires else None, None, "s3")
    return None


def _version_4(scope: re.Match[str], before: str, after: str) -> Signature:
    near = before[-700:] + after[:1500]
    issued = _parse(scope.group(1) + "T000000")
    stamp = _DATE.search(near)
    if stamp and stamp.group(1).startswith(scope.group(1)):
        issued = _parse(stamp.group(1))
    lifetime = _LIFETIME.search(near)
    expires = None
    if issued:
        if lifetime:
            expires = issued + timedelta(seconds=int(lifetime.group(1)))
        else:
            expires = issued + _HEADER_GRACE + (timedelta() if stamp else timedelta(days=1))
    return Signature(4, issued, expires, scope.group(2).lower(), scope.group(3).lower())


def _parse(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _from_epoch(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
