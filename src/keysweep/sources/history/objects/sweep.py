"""A piece of an object database scanned in a worker: what of each version is new, and what that holds."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from keysweep.detect.anchors import Hit
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.prefilter import find_hits
from keysweep.detect.scanner import has_to_be_opened, which_may_say
from keysweep.findings import Finding, Origin, Problem, ScanResult
from keysweep.frozen import frozen, replace
from keysweep.sources.history.objects.asked import sweep_by_git
from keysweep.sources.history.objects.changed import Copy, Hits, copied, hits_between, looked_at, unrepeated
from keysweep.sources.history.objects.checks import CheckPiece, check
from keysweep.sources.history.objects.decode import trees_of
from keysweep.sources.history.objects.graph import Headers, headers
from keysweep.sources.history.objects.names import sweep_names
from keysweep.sources.history.objects.packs import COMMIT, TREE, TYPES, opened
from keysweep.sources.history.objects.pieces import HEADER_BYTES, NamedPiece, PackPiece, Piece, Swept, origin_of
from keysweep.sources.windows import scan_in_memory

_GROUP_BYTES = 512 << 10
"""Contents are looked at together up to about this size, which fits into a core's cache."""
_BEFORE_BYTES = 4096
_AFTER_BYTES = 16 << 10
"""Farther from the first and the last hit nothing changes what is found: neither names nor the longest token."""
_LOOKS_BETWEEN_FORGETTING = 8
"""A process is charged for the parts of a pack that it has read, until it forgets them."""
_HELD_BYTES = 16 << 20
"""Whole contents kept until their group is looked at."""
_COMPARED_BYTES = 24 << 10
"""From this size on, comparing a version with the one before costs less than scanning it."""


_Item = tuple[int, int, bytes, bytes, "Sequence[Copy] | None"]
"""Number, base, content, what of it has to be looked at, what of it repeats the base (None: all is looked at).

A plain tuple, because there are millions.
"""


@frozen
class _Shown:
    """An object in which the prefilter sees something."""

    result: ScanResult
    hits: Hits

    def is_repeated(self, copies: Sequence[Copy]) -> bool:
        """Whether one of `copies` holds all that decides the result."""
        first, last = self.hits.positions[0] - _BEFORE_BYTES, self.hits.positions[-1] + _AFTER_BYTES
        return any(
            (copy.begins or copy.old_start <= first)
            and (copy.ends or copy.old_start + copy.length >= last)
            and copy.old_start + copy.length >= self.hits.positions[-1]
            for copy in copies
        )


def sweep(piece: Piece, limits: Limits, options: Options) -> Swept:
    """Scan a piece; runs in a worker."""
    if isinstance(piece, NamedPiece):
        return sweep_by_git(piece, limits, options)
    if isinstance(piece, CheckPiece):
        return Swept(problems=check(piece))
    if piece.kind == TREE:
        return sweep_names(piece, limits, options)
    return _PackSweep(piece, limits, options).run()


def names_in(piece: PackPiece) -> tuple[str, ...]:
    """The IDs of the objects that a piece stands for."""
    pack, trees = opened(piece.path, piece.hash_bytes), trees_of(piece.path, piece.hash_bytes)
    members = piece.starts
    if piece.kind != TREE:
        members = tuple(each for start in piece.starts for each in trees.members(start, piece.stops))
    return tuple(pack.name(number) for number in members if number not in piece.duplicates)


class _PackSweep:
    """One piece of a pack while it is scanned."""

    def __init__(self, piece: PackPiece, limits: Limits, options: Options) -> None:
        self._piece = piece
        self._limits = limits
        self._options = options
        self._pack = opened(piece.path, piece.hash_bytes)
        self._findings: list[Finding] = []
        self._problems: list[Problem] = []
        self._unread: list[str] = []
        self._objects = self._bytes = 0
        self._unknown = {int(self._pack.bases[start]) for start in piece.starts} - {-1}
        """Objects that are not looked at here, and in which there may be anything."""
        self._odd: set[int] = set()
        """Objects that begin like containers."""
        self._shown: dict[int, _Shown] = {}
        self._results: dict[bytes, ScanResult] = {}
        """What came of a version, by all that decides it."""
        self._commits: list[int] = []
        self._headers: list[bytes] = []

    def run(self) -> Swept:
        interrupted = False
        try:
            self._walk()
        except KeyboardInterrupt:
            interrupted = True
        self._pack.forget()
        return Swept(
            tuple(self._findings),
            tuple(self._problems),
            self._objects,
            self._bytes,
            tuple(self._unread),
            headers=self._told_headers(),
            interrupted=interrupted,
        )

    def _walk(self) -> None:
        trees = trees_of(self._piece.path, self._piece.hash_bytes)
        group: list[_Item] = []
        size = held = looked = 0
        duplicates, everything = self._piece.duplicates, bool(self._options.rules)
        gathers = self._piece.gathers and self._piece.kind == COMMIT
        unknown = self._unknown
        for number, content, base, base_content, delta in trees.walk(self._piece.starts, self._piece.stops):
            if content is None:
                if number not in duplicates:
                    self._unread.append(self._pack.name(number))
                continue
            if number in duplicates:
                unknown.add(number)
                continue
            if gathers:
                self._commits.append(number)
                self._headers.append(content[:HEADER_BYTES])
            length = len(content)
            held += length
            if length < _COMPARED_BYTES or base_content is None or delta is None or everything or base in unknown:
                group.append((number, base, content, content, None))
                size += length
            else:
                copies = copied(delta, base_content, content)
                part = b"\n".join([looked_at(content, *each) for each in unrepeated(copies, length)])
                group.append((number, base, content, part, copies))
                size += len(part)
            if size >= _GROUP_BYTES or held >= _HELD_BYTES:
                self._look(group)
                group, size, held = [], 0, 0
                looked += 1
                if looked % _LOOKS_BETWEEN_FORGETTING == 0:
                    self._pack.forget()
        self._look(group)

    def _told_headers(self) -> Headers | None:
        if not self._commits:
            return None
        names = self._pack.raw_names()[self._commits]
        return headers([name.tobytes() for name in names], self._headers)

    def _look(self, group: Sequence[_Item]) -> None:
        # what a version has outside of its part stood in its base, where it was told
        hit, begin_like_containers = which_may_say([part for _, _, _, part, _ in group], self._options)
        for position, (number, base, content, _, copies) in enumerate(group):
            is_odd = position in begin_like_containers or (copies is not None and base in self._odd)
            if is_odd:
                self._odd.add(number)
            is_open = is_odd and has_to_be_opened(content)
            if copies is None or is_open or base in self._unknown:
                if position in hit or is_open or base in self._unknown:
                    self._look_closely(number, content, find_hits(content, hyperscan=self._options.hyperscan))
                continue
            shown = self._shown.get(base)
            if position in hit:
                self._look_closely(number, content, self._hits(content, copies, shown, anew=True))
            elif shown is not None:
                hits = self._hits(content, copies, shown, anew=False)
                if shown.is_repeated(copies):
                    self._show(number, _Shown(shown.result, Hits(hits)))
                else:
                    self._look_closely(number, content, hits)
        self._objects += len(group)
        self._bytes += sum(len(content) for _, _, content, _, _ in group)

    def _hits(self, content: bytes, copies: Sequence[Copy], shown: _Shown | None, *, anew: bool) -> list[Hit]:
        """The hits in a version: those that it repeats, and where `anew` those that it may have by itself."""
        hits = list(shown.hits.carried(copies)) if shown else []
        if anew:
            for start, end in unrepeated(copies, len(content)):
                hits += hits_between(content, start, end, hyperscan=self._options.hyperscan)
            hits.sort(key=lambda hit: (hit.position, hit.kind))
        return hits

    def _look_closely(self, number: int, content: bytes, hits: list[Hit]) -> None:
        """Scan an object in which there may be something, unless it shows only what another version showed."""
        if self._options.rules or has_to_be_opened(content):
            self._unknown.add(number)
            self._report(number, scan_in_memory(content, Origin(""), self._limits, self._options, hits))
        elif hits:
            stretch = content[max(0, hits[0].position - _BEFORE_BYTES) : hits[-1].position + _AFTER_BYTES]
            key = sha256(stretch, usedforsecurity=False).digest()  # which processors do themselves
            if key not in self._results:
                self._results[key] = scan_in_memory(content, Origin(""), self._limits, self._options, hits)
            self._show(number, _Shown(self._results[key], Hits(hits)))

    def _show(self, number: int, shown: _Shown) -> None:
        self._shown[number] = shown
        self._report(number, shown.result)

    def _report(self, number: int, result: ScanResult) -> None:
        """Keep what was found, as of this object; lines and offsets may be those of another version of it."""
        if result.findings or result.problems:
            origin = origin_of(self._pack.name(number), TYPES[self._piece.kind])
            self._findings += [replace(each, origin=_at(each.origin, origin)) for each in result.findings]
            self._problems += [
                replace(each, origin=each.origin and _at(each.origin, origin)) for each in result.problems
            ]


def _at(old: Origin, new: Origin) -> Origin:
    return replace(new, members=old.members)
