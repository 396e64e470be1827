"""Answers in the form of AWS: XML for STS and IAM, JSON for CloudTrail, and a request ID in each."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from xml.sax.saxutils import escape

from tests.emulators.wire import Answer

NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
}
_JSON_CODES = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "Throttling": "ThrottlingException",
}
"""What services that speak JSON call the same thing; they say it with status 400."""

MESSAGES = {
    "ExpiredToken": "The security token included in the request is expired",
    "InvalidClientTokenId": "The security token included in the request is invalid.",
    "MissingAuthenticationToken": "Request is missing Authentication Token",
    "SignatureDoesNotMatch": (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    ),
    "Throttling": "Rate exceeded",
}
_STATUS = {
    "InvalidAction": 400,
    "LimitExceeded": 409,
    "NoSuchEntity": 404,
    "Throttling": 400,
    "ValidationError": 400,
}
"""Everything else is 403."""


def error(
    service: str,
    code: str,
    message: str | None = None,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A refusal with `code`, in AWS's words unless there are others."""
    words = MESSAGES.get(code, code) if message is None else message
    status = status or _STATUS.get(code, 403)
    request_id = str(uuid.uuid4())
    if service not in NAMESPACES:
        content = json.dumps({"__type": json_code(code), "message": words})
        return _answer(min(status, 400) if status < 500 else status, content, request_id, headers)
    kind = "Sender" if status < 500 else "Receiver"
    body = (
        f'<ErrorResponse xmlns="{NAMESPACES[service]}">'
        f"<Error><Type>{kind}</Type><Code>{escape(code)}</Code><Message>{escape(words)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return _answer(status, body, request_id, headers)


def success(service: str, action: str, result: str, *, headers: Mapping[str, str] | None = None) -> Answer:
    """A 200 to `action` with `result`, which is XML."""
    request_id = str(uuid.uuid4())
    body = (
        f'<{action}Response xmlns="{NAMESPACES[service]}">'
        f"{f'<{action}Result>{result}</{action}Result>' if result else ''}"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return _answer(200, body, request_id, headers)


def xml(**elements: str) -> str:
    """The elements in the order given, their text escaped."""
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())


def json_code(code: str) -> str:
    """What a service that speaks JSON calls `code`."""
    return _JSON_CODES.get(code, code)


def code_of(answer: Answer) -> str | None:
    """The code of a refusal, its status where it has none, and None if it is no refusal."""
    if answer.status < 400:
        return None
    text = answer.body.decode()
    found = re.search(r"<Code>([^<]+)</Code>", text) or re.search(r'"__type": *"([^"]+)"', text)
    return found[1] if found else str(answer.status)


def _answer(status: int, body: str, request_id: str, headers: Mapping[str, str] | None) -> Answer:
    kind = "text/xml" if body.startswith("<") else "application/x-amz-json-1.1"
    return Answer(status, body.encode(), {"Content-Type": kind, "x-amzn-requestid": request_id, **(headers or {})})
