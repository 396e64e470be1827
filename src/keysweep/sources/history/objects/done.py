"""What an earlier sweep of the same repository did, for the one that begins there."""

from __future__ import annotations

from keysweep.frozen import frozen


@frozen
class Done:
    """What an earlier sweep did."""

    packs: frozenset[str]
    """Paths of packs that need not be looked into."""
    loose: frozenset[str]
    """Loose objects that need not be looked at."""
    names: bytes
    """The IDs of all objects that are done, sorted, one after the other; but for those that came since."""
    recent: tuple[str, ...]
    """Those that came since."""
