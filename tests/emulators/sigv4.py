"""Signature Version 4 of requests that carry it in headers: read it, recompute it, make it.

The specification: IAM user guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from urllib.parse import parse_qsl, quote

from tests.emulators.wire import Request

WINDOW = timedelta(minutes=15)
_TIME = "%Y%m%dT%H%M%SZ"
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key_id>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
    r", ?SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Signature:
    """What a request says about who signed it, when and for what."""

    key_id: str
    date: str
    region: str
    service: str
    names: tuple[str, ...]
    """The headers that are signed, in lower case."""
    signature: str
    time: str
    token: str | None

    def matches(self, request: Request, secret: str) -> bool:
        """Whether `secret` signed `request`, and the request is what was signed."""
        stated = request.headers.get("x-amz-content-sha256")
        whole = {"host"} <= set(self.names) and self.time.startswith(self.date)
        honest = stated is None or stated == hashlib.sha256(request.body).hexdigest()
        made = _compute(request.method, request.target, request.headers, request.body, self, secret)
        return whole and honest and hmac.compare_digest(made, self.signature)

    def for_service(self, service: str) -> Signature:
        """The same for another service."""
        return replace(self, service=service)

    def skew(self, now: datetime) -> str | None:
        """AWS's words if it was signed more than a quarter of an hour from `now`."""
        signed = datetime.strptime(self.time, _TIME).replace(tzinfo=UTC)
        early, late = now - WINDOW, now + WINDOW
        if signed < early:
            return f"Signature expired: {self.time} is now earlier than {early:{_TIME}} ({now:{_TIME}} - 15 min.)"
        if signed > late:
            return f"Signature not yet current: {self.time} is still later than {late:{_TIME}} ({now:{_TIME}} + 15 min.)"
        return None


def read(request: Request) -> Signature | None:
    """The signature of `request`, or None where there is none."""
    found = _HEADER.fullmatch(request.headers.get("authorization", "").strip())
    time = request.headers.get("x-amz-date", "")
    if found is None or not re.fullmatch(r"\d{8}T\d{6}Z", time):
        return None
    return Signature(
        key_id=found["key_id"],
        date=found["date"],
        region=found["region"],
        service=found["service"],
        names=tuple(found["names"].split(";")),
        signature=found["signature"],
        time=time,
        token=request.headers.get("x-amz-security-token"),
    )


def sign(
    headers: Mapping[str, str], body: bytes, key_id: str, secret: str, token: str | None, like: Signature
) -> dict[str, str]:
    """The headers of a POST to `/` signed with another key for the time, region and service of `like`."""
    full = {name.lower(): value for name, value in headers.items()} | {"x-amz-date": like.time}
    if token is not None:
        full["x-amz-security-token"] = token
    names = tuple(sorted(full))
    unsigned = Signature(key_id, like.date, like.region, like.service, names, "", like.time, token)
    signature = _compute("POST", "/", full, body, unsigned, secret)
    credential = f"{key_id}/{like.date}/{like.region}/{like.service}/aws4_request"
    parts = f"Credential={credential}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return full | {"authorization": f"AWS4-HMAC-SHA256 {parts}"}


def scope(region: str, service: str, at: datetime | None = None) -> Signature:
    """Where and when a request of our own is signed: now, unless it is to be another time."""
    time = f"{at or datetime.now(UTC):{_TIME}}"
    return Signature("", time[:8], region, service, (), "", time, None)


def _compute(
    method: str, target: str, headers: Mapping[str, str], body: bytes, like: Signature, secret: str
) -> str:
    path, _, query = target.partition("?")
    pairs = sorted((quote(key, "-_.~"), quote(value, "-_.~")) for key, value in parse_qsl(query, True))
    canonical = "\n".join(
        [
            method,
            quote(path, "/-_.~"),
            "&".join(f"{key}={value}" for key, value in pairs),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in like.names),
            "",
            ";".join(like.names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scoped = (like.date, like.region, like.service, "aws4_request")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", like.time, "/".join(scoped), digest])
    key = reduce(lambda key, part: hmac.digest(key, part.encode(), "sha256"), scoped, b"AWS4" + secret.encode())
    return hmac.digest(key, text.encode(), "sha256").hex()
