"""What an answer of sts:GetCallerIdentity means: one table, from the answer alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from xml.etree import ElementTree

from keysweep.frozen import frozen

MOST_BYTES = 64 << 10
"""No answer of STS is longer; what is, is none of its."""


class Meaning(Enum):
    """What to make of an answer."""

    LIVE = "accepted"
    INVALID = "not known here, or switched off"
    MISMATCH = "the secret is not that of the key ID"
    EXPIRED = "the session has expired"
    SKEWED = "the clocks differ"
    THROTTLED = "too many requests"
    FAILED = "the server failed"
    ODD = "no answer of STS"


CODES: dict[str, tuple[Meaning, str]] = {
    "InvalidClientTokenId": (Meaning.INVALID, "AWS does not know the key ID, or it is switched off"),
    "UnrecognizedClientException": (Meaning.INVALID, "AWS does not know the key ID, or it is switched off"),
    "InvalidAccessKeyId": (Meaning.INVALID, "AWS does not know the key ID, or it is switched off"),
    "SignatureDoesNotMatch": (Meaning.MISMATCH, "AWS knows the key ID, and the secret is not its own"),
    "ExpiredToken": (Meaning.EXPIRED, "the session has expired"),
    "ExpiredTokenException": (Meaning.EXPIRED, "the session has expired"),
    "RequestExpired": (Meaning.SKEWED, "the clock of this machine is wrong"),
    "Throttling": (Meaning.THROTTLED, "AWS asked for fewer requests"),
    "ThrottlingException": (Meaning.THROTTLED, "AWS asked for fewer requests"),
    "RequestLimitExceeded": (Meaning.THROTTLED, "AWS asked for fewer requests"),
    "TooManyRequestsException": (Meaning.THROTTLED, "AWS asked for fewer requests"),
    "SlowDown": (Meaning.THROTTLED, "AWS asked for fewer requests"),
}
"""Error code to what it means (STS API reference, common errors; `docs/verification.md` shows this table)."""

_SKEW = re.compile(r"Signature (?:expired|not yet current)")
_IDENTITY = "GetCallerIdentityResponse"
_ARN = re.compile(r"arn:[a-z-]+:(?:iam|sts)::([0-9]{12}):[\x21-\x7e]{1,1900}")
_USER_ID = re.compile(r"[\x21-\x7e]{1,200}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
_YEARS = range(2000, 2200)
"""What a clock may show: one that is far from that would not put ours right."""


@frozen
class Outcome:
    """One answer, understood."""

    meaning: Meaning
    reason: str
    account_id: str | None = None
    arn: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    date: datetime | None = None
    """The server's clock, from the Date header."""


def read(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """What an HTTP answer to GetCallerIdentity says; only 200 with an ARN and its account is `LIVE`.

    The message of an error is not kept: some repeat the request, and it says no more than its code.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    date = _date(lowered.get("date"))
    kind, values = _values(body)
    ids = (values.get("RequestId", ""), lowered.get("x-amzn-requestid", ""))
    request_id = next(filter(_REQUEST_ID.fullmatch, ids), None)
    if status == 200:
        arn = _ARN.fullmatch(values.get("Arn", ""))
        if kind == _IDENTITY and arn and arn[1] == values.get("Account"):
            user_id = _USER_ID.fullmatch(values.get("UserId", ""))
            named = user_id[0] if user_id else None
            return Outcome(Meaning.LIVE, "AWS accepted it", arn[1], arn[0], named, request_id, date)
        return Outcome(Meaning.ODD, "the answer is 200 but holds no ARN", request_id=request_id, date=date)
    code = values.get("Code", "")
    if code in CODES and status >= 400:
        meaning, reason = CODES[code]
        if meaning is Meaning.MISMATCH and _SKEW.search(values.get("Message", "")):
            meaning, reason = CODES["RequestExpired"]
        return Outcome(meaning, reason, request_id=request_id, date=date)
    if status == 429 or status >= 500:
        meaning = Meaning.THROTTLED if status in {429, 503} else Meaning.FAILED
        return Outcome(meaning, f"the server answered {status}", request_id=request_id, date=date)
    called = f" ({code})" if re.fullmatch(r"[A-Za-z.]{1,60}", code) else ""
    return Outcome(Meaning.ODD, f"the server answered {status}{called}", request_id=request_id, date=date)


def _values(body: bytes) -> tuple[str, dict[str, str]]:
    """The name of the root, and the text of every leaf by its name, without namespaces; nothing of what is no XML.

    AWS writes UTF-8. What an answer says of its encoding is not followed: Python has odd ones, and in others a
    document type would not look like one here.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "", {}
    if len(body) > MOST_BYTES or "<!" in text:
        return "", {}
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no document type, so no entity, gets this far
    except ElementTree.ParseError:
        return "", {}
    values = {_local(each.tag): (each.text or "").strip() for each in root.iter() if not len(each)}
    return _local(root.tag), values


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return date if date.year in _YEARS else None
