"""What commits change: the value that both ways of finding it out speak."""

from __future__ import annotations

from keysweep.frozen import frozen


@frozen
class Change:
    """One path that one commit changes."""

    commit: str
    path: str
    before: frozenset[str]
    """The blobs that stood there in the parents; zeros for none, or for one that nobody asked for."""
    after: str


def exists(blob: str) -> bool:
    """Whether an object ID is none of zeros."""
    return bool(blob.strip("0"))
