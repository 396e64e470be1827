"""What a sweep of trees and commits tells, for a search that begins at what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from keysweep.frozen import frozen
from keysweep.sources.history.objects.entries import Entries, entry_pattern
from keysweep.sources.history.objects.graph import Graph


@frozen
class Gathered:
    """All that it tells, so that nothing has to be read again."""

    graph: Graph
    packed: Mapping[str, Entries]
    """What the trees in each pack name, by the path of the pack."""
    loose: Mapping[bytes, Sequence[tuple[bytes, bytes]]]
    """Of the trees that git read: each object ID, with the trees and the names under which they name it."""
    hash_bytes: int


def loose_entries(trees: Iterable[tuple[bytes, bytes]], hash_bytes: int) -> dict[bytes, list[tuple[bytes, bytes]]]:
    """What whole trees name, given by their IDs and contents; see `Gathered.loose`."""
    found: dict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
    for tree, content in trees:
        for name, named in entry_pattern(hash_bytes).findall(content):
            found[named].append((tree, name))
    return found
