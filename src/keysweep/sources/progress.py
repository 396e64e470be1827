"""How far a scan has come, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable

from keysweep.frozen import frozen


@frozen
class Progress:
    """A moment of a scan."""

    phase: str
    """What is being done, in a word or two."""
    done: int = 0
    total: int = 0
    """Objects, or bytes where `counts_bytes`; 0 where nobody knows how many there are."""
    bytes: int = 0
    """Bytes scanned or received so far."""
    counts_bytes: bool = False


OnProgress = Callable[[Progress], None]
