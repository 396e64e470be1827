"""Whether the entries of a pack are as they were written: rotten bits may give other content without an error."""

from __future__ import annotations

import os
from collections.abc import Iterator

import deflate

from keysweep.findings import Problem, ProblemCode
from keysweep.frozen import frozen
from keysweep.sources.history.objects.packs import Pack, opened

_PIECE_BYTES = 16 << 20


@frozen
class CheckPiece:
    """Entries of a pack that lie one behind the other."""

    path: str
    hash_bytes: int
    begin: int
    end: int

    objects = 0
    """None is scanned here."""


def checks(pack: Pack, hash_bytes: int) -> Iterator[CheckPiece]:
    """The pieces that check all of a pack; none where its index holds no checksums."""
    begin = 0
    while pack.checksums is not None and begin < len(pack):
        enough = int(pack.offsets[begin]) + _PIECE_BYTES
        end = max(begin + 1, int(pack.offsets.searchsorted(enough)))
        yield CheckPiece(pack.path, hash_bytes, begin, end)
        begin = end


def check(piece: CheckPiece) -> tuple[Problem, ...]:
    """A problem that counts the entries whose checksum is another one, and names the first."""
    pack = opened(piece.path, piece.hash_bytes)
    if pack.checksums is None:
        return ()
    view, among = pack.view(), slice(piece.begin, piece.end)
    entries = zip(
        pack.offsets[among].tolist(), pack.ends[among].tolist(), pack.checksums[among].tolist(), strict=True
    )
    damaged = [
        number
        for number, (begin, end, checksum) in enumerate(entries, piece.begin)
        if deflate.crc32(view[begin:end]) != checksum
    ]
    pack.forget()
    if not damaged:
        return ()
    more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
    message = (
        f"object {pack.name(damaged[0])}{more} in pack {os.path.basename(piece.path)} changed after it was written"
    )
    return (Problem(ProblemCode.DAMAGED, f"{message}; `git fsck` says more"),)
