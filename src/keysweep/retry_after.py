"""What a server asks for that wants to be left alone: the header Retry-After, read in one way for all."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def wanted_seconds(retry_after: str, now: float) -> float | None:
    """Seconds from `now`, by the clock, below zero for a moment that is over; None where it says neither."""
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        date = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):  # the latter for a time zone that no clock has
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
