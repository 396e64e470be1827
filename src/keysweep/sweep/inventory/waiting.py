"""When a host is asked again, and after which time: as it says itself, within limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keysweep.frozen import frozen
from keysweep.retry_after import wanted_seconds

_TRANSIENT = {408, 425, 500, 502, 503, 504, *range(520, 528)}
_LIMITS = (b"rate limit", b"abuse detection", b"too many requests")
"""What hosts write where a limit is reached that no header tells of; in lower case."""
_AFTER_SECONDARY_SECONDS = 60
_MOST_BODY_BYTES = 2000
_FIRST_TIMESTAMP = 1_000_000_000
"""Numbers from here on are points in time, smaller ones are seconds to wait."""


@frozen
class Patience:
    """How long a host is waited for."""

    tries: int = 4
    """For one request that fails."""
    first_seconds: float = 0.5
    """Before the second try; twice as long before each further one."""
    most_limits: int = 10
    """So often one request may meet a limit of rate."""
    most_seconds: float = 3700
    """For all waits of a run that a host asks for: limits of GitHub are lifted every hour."""
    secondary_seconds: float = _AFTER_SECONDARY_SECONDS
    """Where a host says only that it was asked too much."""


@frozen
class Waits:
    """What happens while a host has to be left alone."""

    patience: Patience = Patience()
    on_wait: Callable[[str], None] | None = None
    """Told of each wait that somebody would wonder about."""
    goes_on: Callable[[], bool] | None = None
    """Asked again and again whether that is still wanted."""


def is_transient(status: int) -> bool:
    """Whether the same request may well succeed in a moment."""
    return status in _TRANSIENT


def limited_seconds(
    status: int, headers: Mapping[str, str], body: bytes, now: float, patience: Patience
) -> float | None:
    """How long the host wants to be left alone; None if it does not say that it was asked too much."""
    after = headers.get("Retry-After", "")
    spent = headers.get("X-RateLimit-Remaining") == "0"
    told = any(each in body[:_MOST_BODY_BYTES].lower() for each in _LIMITS)
    if not (status == 429 or (status == 403 and (after or spent or told)) or (status == 503 and after)):
        return None
    if after:
        seconds = wanted_seconds(after, now)
    elif reset := headers.get("X-RateLimit-Reset" if spent else "RateLimit-Reset", ""):
        seconds = _until(reset, now)
    else:
        seconds = None
    return patience.secondary_seconds if seconds is None else max(seconds, 0)


def _until(value: str, now: float) -> float | None:
    if not (value.isascii() and value.isdigit()):
        return None
    number = float(value[:12])
    return number - now + 1 if number >= _FIRST_TIMESTAMP else number
