"""How long a host wants to be left alone."""

from __future__ import annotations

import pytest
from requests.structures import CaseInsensitiveDict

from keysweep.sweep.inventory.waiting import Patience, limited_seconds

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, {"X-RateLimit-Remaining": "0"}, b"", None),
        (403, {}, b'{"message": "Forbidden"}', None),
        (403, {"X-RateLimit-Remaining": "4999"}, b"", None),
        (503, {}, b"", None),
        (401, {"Retry-After": "5"}, b"", None),
        (429, {}, b"", 60.0),
        (429, {"Retry-After": "5"}, b"", 5.0),
        (503, {"retry-after": "5"}, b"", 5.0),
        (403, {"Retry-After": "5"}, b"", 5.0),
        (429, {"Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}, b"", 30.0),
        (429, {"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}, b"", 0.0),
        (429, {"Retry-After": "soon"}, b"", 60.0),
        (429, {"Retry-After": "-5"}, b"", 60.0),
        (429, {"Retry-After": "9" * 400}, b"", 999_999_999.0),
        (429, {"Retry-After": "Fri, 15 Jan 2027 08:00:30 -0000"}, b"", 30.0),
        (429, {"Retry-After": f"Fri, 15 Jan 2027 08:00:30 +{'9' * 20}"}, b"", 60.0),
        (429, {"Retry-After": "Fri, 32 Jan 2027 08:00:30 GMT"}, b"", 60.0),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000090"}, b"", 91.0),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, b"", 0.0),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "never"}, b"", 60.0),
        (429, {"RateLimit-Reset": "1800000090"}, b"", 91.0),
        (429, {"RateLimit-Reset": "12"}, b"", 12.0),
        (403, {}, b'{"message": "You have exceeded a secondary rate limit."}', 60.0),
    ],
)
def test_a_limit_is_told_by_status_headers_and_words(
    status: int, headers: dict[str, str], body: bytes, expected: float | None
) -> None:
    assert limited_seconds(status, CaseInsensitiveDict(headers), body, NOW, Patience()) == expected
