"""Pieces of an object database scanned in a worker: what holds something, and what only git can read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from keysweep import git
from keysweep.detect.containers import may_be_opened
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.prefilter import find_hits
from keysweep.detect.scanner import NAME_HINT, worth_scanning
from keysweep.findings import Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.history.changed import changed
from keysweep.sources.history.decode import MOST_IN_MEMORY_BYTES, trees_of
from keysweep.sources.history.packs import TREE, TYPES, opened
from keysweep.sources.windows import scan_in_memory, scan_windows

_GROUP_BYTES = 512 << 10
"""Contents are looked at together up to about this size, which fits into a core's cache."""
_BEFORE_BYTES = 4096
_AFTER_BYTES = 16 << 10
"""Farther from the first and the last hit nothing changes what is found: neither names nor the longest token."""
_HELD_BYTES = 16 << 20
"""Whole contents kept until their group is looked at."""
_COMPARED_BYTES = 24 << 10
"""From this size on, comparing a version with the one before costs less than scanning it."""


@frozen
class PackPiece:
    """Some delta trees of a pack, all of one type."""

    path: str
    hash_bytes: int
    kind: int
    """One of `packs.TYPES`."""
    starts: tuple[int, ...]
    """Objects from which on the trees are walked: their roots, or where a large tree was cut."""
    objects: int
    """How many objects these trees have in all."""
    duplicates: frozenset[int] = frozenset()
    """Those of them that another pack has too, where they are scanned."""
    stops: frozenset[int] = frozenset()
    """Where other pieces begin."""


@frozen
class NamedPiece:
    """Objects that git has to read."""

    repository: str
    names: tuple[str, ...]

    @property
    def objects(self) -> int:
        """How many these are."""
        return len(self.names)


Piece = PackPiece | NamedPiece


@frozen
class Swept:
    """What came of one piece."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    scanned_objects: int = 0
    scanned_bytes: int = 0
    unread: tuple[str, ...] = ()
    """IDs of objects that could not be decoded here, for git to read."""


_Item = tuple[int, int, bytes, bytes]
"""Number, number of the base, content, and what of it has to be looked at if nothing is in the base.

A plain tuple, because there are millions.
"""


def sweep(piece: Piece, limits: Limits, options: Options) -> Swept:
    """Scan a piece; runs in a worker."""
    if isinstance(piece, NamedPiece):
        return _sweep_by_git(piece, limits, options)
    return _PackSweep(piece, limits, options).run()


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
        self._seen: dict[bytes, ScanResult] = {}
        """What came of a version, by all that decides it; lines and offsets are those of that version."""
        self._tainted: set[int] = set()
        """Objects in which the prefilter sees something: what builds on them is looked at whole."""

    def run(self) -> Swept:
        trees = trees_of(self._piece.path, self._piece.hash_bytes)
        group: list[_Item] = []
        size = held = 0
        duplicates, tainted, everything = self._piece.duplicates, self._tainted, bool(self._options.rules)
        for number, content, base, base_content in trees.walk(self._piece.starts, self._piece.stops):
            if content is None:
                if number not in duplicates:
                    self._unread.append(self._pack.name(number))
                continue
            if number in duplicates:
                tainted.add(number)  # whatever is in it, nobody has looked at it here
                continue
            part = content
            if (
                base_content is not None
                and len(content) >= _COMPARED_BYTES
                and not everything
                and base not in tainted
            ):
                part = changed(base_content, content)
            self._objects += 1
            self._bytes += len(content)
            group.append((number, base, content, part))
            size += len(part)
            held += len(content)
            if size >= _GROUP_BYTES or held >= _HELD_BYTES:
                self._look(group)
                group, size, held = [], 0, 0
        self._look(group)
        self._pack.forget()
        return Swept(tuple(self._findings), tuple(self._problems), self._objects, self._bytes, tuple(self._unread))

    def _look(self, group: Sequence[_Item]) -> None:
        if self._piece.kind == TREE:
            self._look_at_names(group)
            return
        wholes = [content for _, _, content, _ in group]
        parts = [part for _, _, _, part in group]
        suspicious = set(worth_scanning(parts, (), self._options, wholes=wholes))
        for position, (number, base, content, part) in enumerate(group):
            if position in suspicious or (part is not content and base in self._tainted):
                self._look_closely(number, content)

    def _look_closely(self, number: int, content: bytes) -> None:
        """Scan an object in which there may be something, unless it shows only what another version showed."""
        whole = bool(self._options.rules) or may_be_opened(content)
        hits = find_hits(content, hyperscan=self._options.hyperscan)
        if not hits and not whole:
            return
        self._tainted.add(number)
        seen = None
        if not whole:
            stretch = content[max(0, hits[0].position - _BEFORE_BYTES) : hits[-1].position + _AFTER_BYTES]
            seen = blake2b(stretch, digest_size=16).digest()
        result = self._seen.get(seen) if seen else None
        origin = _origin(self._pack.name(number), TYPES[self._piece.kind])
        if result is None:
            result = scan_in_memory(content, origin, self._limits, self._options)
            if seen:
                self._seen[seen] = result
        self._findings += [replace(finding, origin=_at(finding.origin, origin)) for finding in result.findings]
        self._problems += [
            replace(each, origin=each.origin and _at(each.origin, origin)) for each in result.problems
        ]

    def _look_at_names(self, group: Sequence[_Item]) -> None:
        """Keys in names of files and directories; what stands in a base was seen there."""
        if not _NAME_HINT.search(b"\n".join(part for _, _, _, part in group)):
            return
        for number, _, content, part in group:
            if _NAME_HINT.search(part):
                tree = self._pack.name(number)
                self._findings += scan_names(content, self._piece.hash_bytes, tree, self._limits, self._options)


def _at(old: Origin, new: Origin) -> Origin:
    return replace(new, members=old.members)


_NAME_HINT = re.compile(NAME_HINT.pattern.encode())
_ENTRY = b"([0-7]{5,6}) ([^\\0]+)\\0(?s:.){%d}"


def scan_names(content: bytes, hash_bytes: int, tree: str, limits: Limits, options: Options) -> Iterator[Finding]:
    """The findings in the names that a tree object lists."""
    for entry in re.compile(_ENTRY % hash_bytes).finditer(content):
        name = entry.group(2).decode("utf-8", "surrogateescape")
        if NAME_HINT.search(name):
            origin = Origin(name, Source.HISTORY, blob=tree)
            yield from scan_in_memory(b"", origin, limits, options).findings


def _origin(name: str, kind: str) -> Origin:
    if kind == "commit":
        return Origin("", Source.COMMIT_MESSAGE, commit=name)
    return Origin("", Source.TAG_MESSAGE if kind == "tag" else Source.HISTORY, blob=name)


def _sweep_by_git(piece: NamedPiece, limits: Limits, options: Options) -> Swept:
    """Whatever is unusual: loose objects, foreign bases, damage, objects too large for memory."""
    findings: list[Finding] = []
    problems: list[Problem] = []
    objects = size = 0
    with git.Objects(piece.repository) as reader:
        contents = reader.read_all(piece.names, MOST_IN_MEMORY_BYTES)
        for name, (kind, content) in zip(piece.names, contents, strict=True):
            if kind == git.TOO_LARGE:
                result = _scan_stream(piece.repository, name, limits, options)
            elif kind == git.MISSING:
                message = f"object {name} cannot be read; `git fsck` says more"
                problems.append(Problem(ProblemCode.DAMAGED, message))
                continue
            elif kind == "tree":
                result = Swept(
                    tuple(scan_names(content, len(name) // 2, name, limits, options)), (), 1, len(content)
                )
            else:
                scanned = scan_in_memory(content, _origin(name, kind), limits, options)
                result = Swept(scanned.findings, scanned.problems, 1, len(content))
            findings += result.findings
            problems += result.problems
            objects += result.scanned_objects
            size += result.scanned_bytes
    return Swept(tuple(findings), tuple(problems), objects, size)


def _scan_stream(repository: str, name: str, limits: Limits, options: Options) -> Swept:
    """An object larger than memory should hold, in windows."""
    kind = git.run(("cat-file", "-t", name), repository).decode("ascii").strip()
    origin = _origin(name, kind)
    with git.Stream(("cat-file", kind, name), repository) as stream:
        result = scan_windows(stream.read, origin, limits, options)
    problems = result.problems
    if not stream.ended_well:
        message = f"object {name} cannot be read to its end; `git fsck` says more"
        problems = (*problems, Problem(ProblemCode.DAMAGED, message))
    return Swept(result.findings, problems, 1, result.scanned_bytes)
