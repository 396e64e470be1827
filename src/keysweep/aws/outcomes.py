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
    values = _values(body)
    request_id = values.get("RequestId") or lowered.get("x-amzn-requestid")
    arn, account = values.get("Arn", ""), values.get("Account", "")
    if status == 200:
        if re.fullmatch(r"arn:[a-z\-]+:(?:iam|sts)::" + re.escape(account) + r":\S+", arn) and len(account) == 12:
            return Outcome(Meaning.LIVE, "AWS accepted it", account, arn, values.get("UserId"), request_id, date)
        return Outcome(Meaning.ODD, "the answer is 200 but holds no ARN", request_id=request_id, date=date)
    code = values.get("Code", "")
    if code in CODES:
        meaning, reason = CODES[code]
        if meaning is Meaning.MISMATCH and _SKEW.search(values.get("Message", "")):
            meaning, reason = CODES["RequestExpired"]
        return Outcome(meaning, reason, request_id=request_id, date=date)
    if status == 429 or status >= 500:
        meaning = Meaning.THROTTLED if status in {429, 503} else Meaning.FAILED
        return Outcome(meaning, f"the server answered {status}", request_id=request_id, date=date)
    named = f" ({code})" if re.fullmatch(r"[A-Za-z.]{1,60}", code) else ""
    return Outcome(Meaning.ODD, f"the server answered {status}{named}", request_id=request_id, date=date)


def _values(body: bytes) -> dict[str, str]:
    """The text of every leaf by its name without namespace; empty for what is no XML of AWS."""
    if len(body) > MOST_BYTES or b"<!" in body:
        return {}
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - no document type, so no entity, gets this far
    except ElementTree.ParseError:
        return {}
    return {each.tag.rpartition("}")[2]: (each.text or "").strip() for each in root.iter() if not len(each)}


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
