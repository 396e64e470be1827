"""Keys in the names of files and directories, which only trees hold."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import NAME_HINT
from keysweep.findings import Finding, Origin, Source
from keysweep.frozen import replace
from keysweep.sources.history.objects.decode import trees_of
from keysweep.sources.history.objects.entries import Entries, entries, entry_pattern, joined
from keysweep.sources.history.objects.packs import opened
from keysweep.sources.history.objects.pieces import PackPiece, Swept
from keysweep.sources.windows import scan_in_memory

_TREES_TOGETHER = 500
_GATHERED_BYTES = 4 << 20
"""Trees kept until what they name is taken out of them, all together."""
_NAME_HINT = re.compile(NAME_HINT.pattern.encode())
_LEAST_RUN = b"a" * 10
"""What a tree, or the delta of one, holds where a name with a key is new: git copies sixteen bytes or more."""
_PREFIXES = (b"AKIA", b"ASIA", b"ABIA", b"ACCA", b"A3T", b"ABSK")
"""Keys of one account begin alike: the delta of a tree may hold only the last eight characters of a new name."""
_RUN_CLASSES = bytes(97 if chr(byte) in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" else 32 for byte in range(256))


def sweep_names(piece: PackPiece, limits: Limits, options: Options) -> Swept:
    """Keys in the names of files and directories, each in a tree that has it first.

    Most trees are deltas that change an entry or two. They are looked at as they stand in the pack, and only where
    a new name may be a key is the tree put together, and with the beginning of a key all that builds on it.
    """
    trees = trees_of(piece.path, piece.hash_bytes)
    pack = opened(piece.path, piece.hash_bytes)
    findings: list[Finding] = []
    unread: set[int] = set()
    harmless: set[bytes] = set()
    """Whole runs that turned out to be parts of other names, such as CONTRIBUTING."""
    looked_at: set[int] = set()
    size = 0
    gathered: list[tuple[int, bytes]] = []
    gathered_bytes = 0
    told: list[Entries] = []
    for at in range(0, len(piece.starts), _TREES_TOGETHER):
        some = piece.starts[at : at + _TREES_TOGETHER]
        raws = [trees.inflated(number) for number in some]
        size += sum(len(raw) for raw in raws if raw is not None)
        unread.update(number for number, raw in zip(some, raws, strict=True) if raw is None)
        if piece.gathers:
            gathered += [(number, raw) for number, raw in zip(some, raws, strict=True) if raw is not None]
            gathered_bytes += sum(len(raw) for raw in raws if raw is not None)
            if gathered_bytes >= _GATHERED_BYTES:
                told.append(entries(gathered, pack.bases))
                gathered, gathered_bytes = [], 0
        prefixed, runs_in = _tells([raw or b"" for raw in raws])
        foreign = {at for at, number in enumerate(some) if number in piece.foreign} if piece.foreign else set()
        for at_tree in sorted(prefixed | foreign | runs_in.keys()):
            number = some[at_tree]
            if raws[at_tree] is None or number in looked_at:
                continue
            if at_tree in foreign or at_tree in prefixed:
                for each, content, *_ in trees.walk((number,)):
                    looked_at.add(each)
                    if content is None:
                        unread.add(each)
                    elif _NAME_HINT.search(content):
                        findings += scan_names(content, piece.hash_bytes, pack.name(each), limits, options)
                continue
            runs = runs_in[at_tree]
            if runs <= harmless:
                continue
            content = trees.content(number)
            if content is None:
                unread.add(number)
            elif _NAME_HINT.search(content):
                findings += scan_names(content, piece.hash_bytes, pack.name(number), limits, options)
            else:
                harmless |= {run for run in runs if run in content}
    unread -= piece.duplicates
    count = len(piece.starts) - len(piece.duplicates) - len(unread)
    swept = Swept(tuple(findings), (), count, size, tuple(pack.name(number) for number in sorted(unread)))
    if piece.gathers:
        swept = replace(swept, entries=(piece.path, joined([*told, entries(gathered, pack.bases)])))
    pack.forget()
    return swept


def _tells(raws: Sequence[bytes]) -> tuple[set[int], dict[int, set[bytes]]]:
    """Which of some trees have the beginning of a key, and which have long runs of its characters, with the runs.

    All are looked at together, for classes of characters: that is many times as fast as a pattern.
    """
    whole = b"\0".join(raws)
    ends = list(accumulate(len(raw) + 1 for raw in raws))
    prefixed = {bisect_right(ends, at) for prefix in _PREFIXES for at in _places(whole, prefix)}
    runs: dict[int, set[bytes]] = defaultdict(set)
    classes = whole.translate(_RUN_CLASSES)
    at = classes.find(_LEAST_RUN)
    while at >= 0:
        end = classes.find(b" ", at)
        end = end if end >= 0 else len(whole)
        runs[bisect_right(ends, at)].add(whole[at:end])
        at = classes.find(_LEAST_RUN, end)
    return prefixed, runs


def _places(content: bytes, what: bytes) -> Iterator[int]:
    at = content.find(what)
    while at >= 0:
        yield at
        at = content.find(what, at + 1)


def scan_names(content: bytes, hash_bytes: int, tree: str, limits: Limits, options: Options) -> Iterator[Finding]:
    """The findings in the names that a tree object lists."""
    for raw, _ in entry_pattern(hash_bytes).findall(content):
        name = raw.decode("utf-8", "surrogateescape")
        if NAME_HINT.search(name):
            origin = Origin(name, Source.HISTORY, blob=tree)
            yield from scan_in_memory(b"", origin, limits, options).findings
