"""The object IDs that trees name, found in trees as they stand in a pack: most are deltas of a few bytes."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from keysweep.frozen import frozen

_Int64 = NDArray[np.int64]

_SKIPPED = 4
"""A delta copies the first bytes of a new ID when the old one began with the same; so those do not count."""
_KEY_BYTES = 4
_FEW = 32
"""So few deltas are read one by one: together, every step costs as much as for thousands."""
_OPERANDS = np.array([(bits & 127).bit_count() for bits in range(256)], dtype=np.int64)
_TABLE_BITS = 24


@frozen
class Entries:
    """Where some IDs may stand: bytes from each of them, and the number of the tree that names it."""

    keys: NDArray[np.uint32]
    trees: NDArray[np.int32]

    def naming(self, ids: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
        """Trees that may name one of `ids`, a row each, and the key by which each was found; see `keys_of`.

        None is left out but one that copies all of an ID from its base, which names it as well.
        """
        wanted = np.sort(keys_of(ids), axis=None)
        table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        table[wanted >> np.uint32(32 - _TABLE_BITS)] = True
        likely = np.flatnonzero(table[self.keys >> np.uint32(32 - _TABLE_BITS)])
        sure = likely[among(self.keys[likely], wanted)]
        return self.trees[sure], self.keys[sure]


def joined(parts: Sequence[Entries]) -> Entries:
    """All of them as one."""
    if not parts:
        return Entries(np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.int32))
    return Entries(np.concatenate([each.keys for each in parts]), np.concatenate([each.trees for each in parts]))


@functools.cache
def entry_pattern(hash_bytes: int) -> re.Pattern[bytes]:
    """One entry of a tree object after the other: its name, and the ID of the object that it names."""
    return re.compile(rb"[0-7]{5,6} ([^\x00]+)\x00(.{%d})" % hash_bytes, re.DOTALL)


def among(keys: NDArray[np.uint32], wanted: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which of `keys` are in `wanted`, which is sorted and not empty."""
    found: NDArray[np.bool_] = wanted[np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)] == keys
    return found


def keys_of(ids: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The keys under which object IDs may be found: a row for each."""
    keys = [
        np.ascontiguousarray(ids[:, at : at + _KEY_BYTES]).view("<u4").ravel()
        for at in range(_SKIPPED, 2 * _SKIPPED)
    ]
    return np.stack(keys, axis=1).astype(np.uint32)


def entries(trees: Sequence[tuple[int, bytes]], bases: _Int64) -> Entries:
    """The entries of trees, given by their numbers and as they stand in the pack; a whole one has the base -1."""
    whole = [tree for tree in trees if bases[tree[0]] == -1]
    return joined([_in_wholes(whole), _in_deltas([tree for tree in trees if bases[tree[0]] != -1])])


def _in_wholes(trees: Sequence[tuple[int, bytes]]) -> Entries:
    content, starts, owners = _together(trees)
    behind_names = np.flatnonzero(content == 0) + 1
    return _keyed(content, behind_names, owners[np.searchsorted(starts, behind_names, side="right") - 1])


def _in_deltas(trees: Sequence[tuple[int, bytes]]) -> Entries:
    """A new ID stands behind the zero that ends its name, or at the beginning of what is inserted."""
    content, starts, owners = _together(trees)
    at, lengths, whose = _inserts(content, starts)
    order = np.argsort(at)
    at, lengths, whose = at[order], lengths[order], whose[order]
    goes_on = np.zeros(len(at), dtype=bool)
    goes_on[1:] = (at[1:] - 1 == at[:-1] + lengths[:-1]) & (whose[1:] == whose[:-1])
    first = np.cumsum(lengths) - lengths
    inserted = content[np.repeat(at - first, lengths) + np.arange(int(lengths.sum()))]
    zeros = np.flatnonzero(inserted == 0)
    begins = np.concatenate((zeros + 1, first[~goes_on]))
    trees_of_them = whose[
        np.concatenate((np.searchsorted(first, zeros, side="right") - 1, np.flatnonzero(~goes_on)))
    ]
    return _keyed(inserted, begins, owners[trees_of_them])


def _together(trees: Sequence[tuple[int, bytes]]) -> tuple[NDArray[np.uint8], _Int64, NDArray[np.int32]]:
    """All bytes, where each tree begins in them, and the numbers of the trees."""
    content = np.frombuffer(b"".join(raw for _, raw in trees), dtype=np.uint8)
    ends = np.cumsum([len(raw) for _, raw in trees], dtype=np.int64)
    starts = np.concatenate((np.zeros(1, dtype=np.int64), ends))
    return content, starts, np.array([*(number for number, _ in trees), -1], dtype=np.int32)


def _keyed(content: NDArray[np.uint8], begins: _Int64, owners: NDArray[np.int32]) -> Entries:
    """The keys of the IDs that may begin at `begins`."""
    within = begins + _SKIPPED + _KEY_BYTES <= len(content)
    begins, owners = begins[within] + _SKIPPED, owners[within]
    keys = np.zeros(len(begins), dtype=np.uint32)
    for byte in range(_KEY_BYTES):
        keys |= content[begins + byte].astype(np.uint32) << np.uint32(8 * byte)
    return Entries(keys, owners)


def _inserts(content: NDArray[np.uint8], starts: _Int64) -> tuple[_Int64, _Int64, _Int64]:
    """Where each delta inserts something, how many bytes, and which delta it is; in no order.

    All deltas are read at once, an instruction of each at a time.
    """
    at, ends = starts[:-1].copy(), starts[1:]
    for _ in range(2):
        at = _behind_numbers(content, at, ends)
    places, lengths, whose = [], [], []
    active = np.flatnonzero(at < ends)
    while len(active) > _FEW:
        here = at[active]
        instructions = content[here].astype(np.int64)
        new = instructions < 128
        places.append(here[new] + 1)
        lengths.append(instructions[new])
        whose.append(active[new])
        here += 1 + np.where(new, instructions, _OPERANDS[instructions])
        at[active] = here
        active = active[here < ends[active]]
    rest = [
        each
        for delta in active.tolist()
        for each in _inserts_of_one(content, int(at[delta]), int(ends[delta]), delta)
    ]
    last = np.array(rest, dtype=np.int64).reshape(-1, 3)
    found_places = np.concatenate([*places, last[:, 0]])
    found_lengths = np.concatenate([*lengths, last[:, 1]])
    found_whose = np.concatenate([*whose, last[:, 2]])
    ends_of_owners = ends[found_whose]
    found_lengths = np.minimum(found_lengths, np.maximum(ends_of_owners - found_places, 0))
    return found_places, found_lengths, found_whose


def _inserts_of_one(content: NDArray[np.uint8], at: int, end: int, delta: int) -> list[tuple[int, int, int]]:
    raw = content[at:end].tobytes()
    found = []
    place = 0
    while place < len(raw):
        instruction = raw[place]
        if instruction < 128:
            found.append((at + place + 1, instruction, delta))
            place += instruction + 1
        else:
            place += 1 + (instruction & 127).bit_count()
    return found


def _behind_numbers(content: NDArray[np.uint8], at: _Int64, ends: _Int64) -> _Int64:
    going = np.flatnonzero(at < ends)
    while len(going):
        more = content[at[going]] >= 128
        at[going] += 1
        going = going[more & (at[going] < ends[going])]
    return at
