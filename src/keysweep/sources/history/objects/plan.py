"""An object database cut into pieces of work: the longest first, then what lies together in the pack."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from keysweep.findings import Problem
from keysweep.frozen import frozen
from keysweep.sources.history.objects.checks import checks
from keysweep.sources.history.objects.decode import trees_of
from keysweep.sources.history.objects.done import Done
from keysweep.sources.history.objects.graph import rows_of, sorted_once
from keysweep.sources.history.objects.listing import list_objects, listed_by_git
from keysweep.sources.history.objects.packs import BLOB, COMMIT, TAG, TREE, Pack, sorted_names
from keysweep.sources.history.objects.pieces import NamedPiece, PackPiece, Piece
from keysweep.sources.history.objects.stores import Stores

PIECE_BYTES = 24 << 20
"""Estimated contents of one piece; more pieces cost more dealing, fewer leave a core waiting at the end."""
_CONTENTS = (BLOB, TAG)
_CUT_FROM_PIECES = 16
_DELTA_BYTES = 200
"""What an object costs besides its bytes, in bytes."""
_NAMES_IN_PIECE = 400
_TREES_IN_PIECE = 20_000
_MOST_GATHERED = 50_000
"""Of more objects that git reads the trees are not kept."""


@frozen
class Plan:
    """The pieces and what they account for."""

    contents: tuple[Piece, ...]
    """Blobs, tags, and whatever git has to read."""
    structure: tuple[PackPiece, ...]
    """Trees and commits in packs."""
    listed: int
    """Different objects in what was looked into, those that are done already among them."""
    fresh: tuple[str, ...] | None
    """Those of them that the pieces scan, where not all do."""
    problems: tuple[Problem, ...]
    """What cannot be listed or is damaged; nobody knows all that is in there."""


def plan(stores: Stores, piece_bytes: int = PIECE_BYTES, done: Done | None = None) -> Plan:
    """Read the indexes of all packs, list the loose objects, and cut everything into pieces of `piece_bytes`."""
    listing = list_objects(stores, done.packs if done else frozenset())
    large: list[tuple[float, PackPiece]] = []
    rest: list[PackPiece] = []
    by_name: list[str] = []
    known: list[NDArray[np.uint8]] = []
    listed = 0
    fresh: list[str] = []
    done_names = _names(done, stores.hash_bytes) if done else None
    for pack in listing.packs:
        names = pack.raw_names()
        duplicate = _among(names, known)
        listed += int((~duplicate).sum())
        known.append(sorted_names(pack.path, stores.hash_bytes))
        done_before = _among(names, [] if done_names is None else [done_names])
        if done:
            fresh += [pack.name(number) for number in np.flatnonzero(~duplicate & ~done_before).tolist()]
        by_name += [
            pack.name(number) for number in np.flatnonzero((pack.types == 0) & ~duplicate & ~done_before).tolist()
        ]
        for cost, piece in _pieces(pack, stores.hash_bytes, duplicate, done_before, piece_bytes):
            if cost > piece_bytes:
                large.append((cost, piece))
            else:
                rest.append(piece)
    unpacked = _without(known, sorted({*listing.loose} - (done.loose if done else set())), stores.hash_bytes)
    listed += len(unpacked)
    unpacked = unpacked if done_names is None else _without([done_names], unpacked, stores.hash_bytes)
    lost: list[str] = []
    if listing.damaged:
        seen = known if done_names is None else [*known, done_names]
        lost = _without(seen, sorted({*listed_by_git(stores)} - {*listing.loose}), stores.hash_bytes)
        listed += len(lost)
    large.sort(key=lambda each: -each[0])
    packed = [piece for _, piece in large] + rest
    return Plan(
        (
            *(piece for piece in packed if piece.kind in _CONTENTS),
            *(piece for pack in listing.packs for piece in checks(pack, stores.hash_bytes)),
            *by_git(stores, (*by_name, *lost)),
            *by_git(stores, unpacked, packed=False),
        ),
        tuple(piece for piece in packed if piece.kind not in _CONTENTS),
        listed,
        (*fresh, *unpacked, *lost) if done else None,
        listing.problems,
    )


def by_git(stores: Stores, names: Sequence[str], *, packed: bool = True) -> Iterator[NamedPiece]:
    """Pieces for objects that git has to read."""
    for at in range(0, len(names), _NAMES_IN_PIECE):
        some = tuple(names[at : at + _NAMES_IN_PIECE])
        yield NamedPiece(stores.repository, some, packed, len(names) <= _MOST_GATHERED)


def _among(names: NDArray[np.uint8], known: Sequence[NDArray[np.uint8]]) -> NDArray[np.bool_]:
    """Which of `names`, a row each, are in any of the sorted lists."""
    found = np.zeros(len(names), dtype=bool)
    for each in known:
        found |= rows_of(names, each) >= 0
    return found


def _names(done: Done, hash_bytes: int) -> NDArray[np.uint8]:
    """The IDs of all that is done, sorted, a row each."""
    names = np.frombuffer(done.names, dtype=np.uint8).reshape(-1, hash_bytes)
    recent = np.frombuffer(bytes.fromhex("".join(done.recent)), dtype=np.uint8).reshape(-1, hash_bytes)
    return sorted_once(np.concatenate((names, recent))) if len(recent) else names


def _without(known: Sequence[NDArray[np.uint8]], names: Sequence[str], hash_bytes: int) -> list[str]:
    """Those of `names` that are in none of the sorted lists."""
    rows = np.frombuffer(bytes.fromhex("".join(names)), dtype=np.uint8).reshape(-1, hash_bytes)
    return [name for name, found in zip(names, _among(rows, known).tolist(), strict=True) if not found]


def _pieces(
    pack: Pack,
    hash_bytes: int,
    duplicate: NDArray[np.bool_],
    done: NDArray[np.bool_],
    piece_bytes: int,
) -> Iterator[tuple[float, PackPiece]]:
    """Pieces with their estimated costs; every object is in exactly one, or has only what is done around it."""
    resolved = np.flatnonzero(pack.types != 0)
    members = np.bincount(pack.roots[resolved], minlength=len(pack))
    undone = np.bincount(pack.roots[resolved[~done[resolved]]], minlength=len(pack))
    trees = np.flatnonzero((pack.types == TREE) & ~done)
    duplicate = duplicate | done
    again = np.flatnonzero(duplicate)
    for some in np.array_split(trees, -(-len(trees) // _TREES_IN_PIECE)) if len(trees) else ():
        among = some[duplicate[some]].tolist()
        starts = array("q", some.astype(np.int64).tobytes())
        foreign = some[(pack.bases[some] >= 0) & done[pack.bases[some]]].tolist()
        yield (
            0.0,
            PackPiece(
                pack.path, hash_bytes, TREE, starts, len(starts), frozenset(among), foreign=frozenset(foreign)
            ),
        )
    for kind in (BLOB, COMMIT, TAG):
        roots = np.flatnonzero((pack.types == kind) & (pack.bases == -1) & (undone > 0))
        if not len(roots):
            continue
        costs = (pack.sizes[roots] + _DELTA_BYTES).astype(np.float64) * members[roots]
        large = costs > _CUT_FROM_PIECES * piece_bytes
        for root, cost in zip(roots[large].tolist(), costs[large].tolist(), strict=True):
            for piece in _cut(pack, hash_bytes, kind, root, duplicate, piece_bytes):
                yield cost * piece.objects / int(members[root]), piece
        roots, costs = roots[~large], costs[~large]
        cuts = np.flatnonzero(np.diff(np.cumsum(costs) // piece_bytes)) + 1
        for some, some_costs in zip(np.split(roots, cuts), np.split(costs, cuts), strict=True):
            among = again[np.isin(pack.roots[again], some)].tolist()
            starts = array("q", some.astype(np.int64).tobytes())
            size = int(members[some].sum())
            yield (
                float(some_costs.sum()),
                PackPiece(pack.path, hash_bytes, kind, starts, size, frozenset(among)),
            )


def _cut(
    pack: Pack, hash_bytes: int, kind: int, root: int, duplicate: NDArray[np.bool_], piece_bytes: int
) -> Iterator[PackPiece]:
    """A delta tree that would keep one worker busy while the others have nothing left, in several pieces."""
    trees = trees_of(pack.path, hash_bytes)
    order = trees.members(root)
    share = max(16, int(piece_bytes // (int(pack.sizes[root]) + _DELTA_BYTES)))
    below = dict.fromkeys(order, 1)
    starts = []
    for number in reversed(order):
        if number == root or below[number] >= share:
            starts.append(number)
        else:
            below[int(pack.bases[number])] += below[number]
    stops = frozenset(starts)
    among = frozenset(number for number in order if duplicate[number])
    for start in reversed(starts):
        yield PackPiece(pack.path, hash_bytes, kind, (start,), below[start], among, stops)
