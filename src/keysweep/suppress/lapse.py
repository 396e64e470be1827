"""Whether what a pragma or a baseline says still holds today."""

from __future__ import annotations

from datetime import UTC, date, datetime

from keysweep.detect.pragmas import day


def today() -> date:
    """The day by which everything expires: that of UTC, so that it is the same in every pipeline."""
    return datetime.now(UTC).date()


def lapse(until: str | None, now: date) -> str | None:
    """Why something that holds until then does not hold now; None where it does. The day itself still counts."""
    if until is None:
        return None
    last = day(until)
    if last is None:
        return f"has no date behind `until` ({until!r:.40}): write it as 2027-01-31"
    return f"expired on {until}" if now > last else None
