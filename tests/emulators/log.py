"""What was asked of an emulator, for tests that prove what was asked and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from threading import Lock

from tests.emulators import answers
from tests.emulators.sigv4 import Signature
from tests.emulators.wire import Answer, Request


@dataclass(frozen=True)
class LoggedRequest:
    """One request, entered when it came and completed when it was answered."""

    action: str
    key_id: str | None
    """The key that signed it, or None where nothing did."""
    parameters: Mapping[str, str]
    body: bytes = field(repr=False)
    at: datetime
    service: str
    region: str
    host: str
    user_agent: str
    session_token: bool
    status: int | None = None
    """None while, or because, there is no answer."""
    error: str | None = None
    """The code of the refusal."""
    request_id: str | None = None
    """That of the answer, if it has one."""


class Log:
    """The requests in the order in which they came."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = Lock()
        self._numbers = count()
        self._entries: dict[int, LoggedRequest] = {}

    def enter(self, request: Request, signature: Signature | None) -> int:
        """Note that `request` came; the number is for `complete`."""
        entry = LoggedRequest(
            action=request.action,
            key_id=signature.key_id if signature else None,
            parameters=request.parameters,
            body=request.body,
            at=request.at,
            service=signature.service if signature else "",
            region=signature.region if signature else "",
            host=request.headers.get("host", ""),
            user_agent=request.headers.get("user-agent", ""),
            session_token="x-amz-security-token" in request.headers,
        )
        with self._lock:
            number = next(self._numbers)
            self._entries[number] = entry
            return number

    def complete(self, number: int, answer: Answer) -> None:
        """Note how the request was answered."""
        error, request_id = answers.code_of(answer), answer.headers.get("x-amzn-requestid")
        with self._lock:
            if number in self._entries:
                self._entries[number] = replace(
                    self._entries[number], status=answer.status, error=error, request_id=request_id
                )

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def requests(self, *, key_id: str | None = None, action: str | None = None) -> list[LoggedRequest]:
        """All of them, or those signed with `key_id`, or those for `action`."""
        with self._lock:
            return [
                entry
                for entry in self._entries.values()
                if key_id in (None, entry.key_id) and action in (None, entry.action)
            ]

    def key_ids(self) -> list[str | None]:
        """The key that signed each request; None where nothing did."""
        return [entry.key_id for entry in self.requests()]
