"""What came of sending a message that was not refused whole."""

from __future__ import annotations

from collections.abc import Mapping

from keysweep.frozen import frozen


@frozen
class Taken:
    """What the receiver took; what it refused is told again by the next run."""

    refused: Mapping[str, str]
    """Fingerprint of a leak that was refused, and why."""
    complaint: str = ""
    """What went wrong although all was taken, a clause."""


TAKEN = Taken({})
"""All of it."""
