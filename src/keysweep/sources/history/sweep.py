"""Pieces of an object database scanned in a worker: what holds something, and what only git can read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from keysweep import git
from keysweep.detect.anchors import Hit
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.prefilter import find_hits
from keysweep.detect.scanner import NAME_HINT, has_to_be_opened, worth_scanning
from keysweep.findings import Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.history.changed import Copy, Hits, copied, hits_between, looked_at, unrepeated
from keysweep.sources.history.decode import MOST_IN_MEMORY_BYTES, trees_of
from keysweep.sources.history.entries import Entries, entries
from keysweep.sources.history.graph import Headers, headers
from keysweep.sources.history.packs import COMMIT, TREE, TYPES, opened
from keysweep.sources.windows import scan_in_memory, scan_windows

_GROUP_BYTES = 512 << 10
"""Contents are looked at together up to about this size, which fits into a core's cache."""
_BEFORE_BYTES = 4096
_AFTER_BYTES = 16 << 10
"""Farther from the first and the last hit nothing changes what is found: neither names nor the longest token."""
_TREES_TOGETHER = 500
_LOOKS_BETWEEN_FORGETTING = 8
"""A process is charged for the parts of a pack that it has read, until it forgets them."""
_HELD_BYTES = 16 << 20
"""Whole contents kept until their group is looked at."""
_HEADER_BYTES = 16 << 10
"""More than any commit says of its tree and its parents."""
_COMPARED_BYTES = 24 << 10
"""From this size on, comparing a version with the one before costs less than scanning it."""


@frozen
class PackPiece:
    """Some delta trees of a pack, all of one type."""

    path: str
    hash_bytes: int
    kind: int
    """One of `packs.TYPES`."""
    starts: Sequence[int]
    """Objects from which on the delta trees are walked: their roots, or where a large one was cut.

    Tree objects are not walked, they are all here.
    """
    objects: int
    """How many objects these trees have in all."""
    duplicates: frozenset[int] = frozenset()
    """Those of them that another pack has too, where they are scanned."""
    stops: frozenset[int] = frozenset()
    """Where other pieces begin."""
    gathers: bool = False
    """Whether to bring back what trees name and what commits say of themselves."""


@frozen
class NamedPiece:
    """Objects that git has to read."""

    repository: str
    names: tuple[str, ...]
    gathers: bool = False
    """Whether to bring back trees, and what commits say of themselves."""

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
    commits: tuple[str, ...] = ()
    """IDs of those that git read and that are commits."""
    headers: Headers | None = None
    entries: tuple[str, Entries] | None = None
    """The path of a pack, and what its trees name."""
    trees: tuple[tuple[bytes, bytes], ...] = ()
    """IDs and contents of trees that git read."""


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
        return _sweep_by_git(piece, limits, options)
    if piece.kind == TREE:
        return _sweep_names(piece, limits, options)
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
        self._unknown = {int(self._pack.bases[start]) for start in piece.starts} - {-1}
        """Objects that are not looked at here, and in which there may be anything."""
        self._shown: dict[int, _Shown] = {}
        self._results: dict[bytes, ScanResult] = {}
        """What came of a version, by all that decides it."""
        self._commits: list[int] = []
        self._headers: list[bytes] = []

    def run(self) -> Swept:
        trees = trees_of(self._piece.path, self._piece.hash_bytes)
        group: list[_Item] = []
        size = held = looked = 0
        duplicates, everything = self._piece.duplicates, bool(self._options.rules)
        gathers = self._piece.gathers and self._piece.kind == COMMIT
        for number, content, base, base_content, delta in trees.walk(self._piece.starts, self._piece.stops):
            if content is None:
                if number not in duplicates:
                    self._unread.append(self._pack.name(number))
                continue
            if number in duplicates:
                self._unknown.add(number)
                continue
            self._objects += 1
            self._bytes += len(content)
            if gathers:
                self._commits.append(number)
                self._headers.append(content[:_HEADER_BYTES])
            if (
                base_content is None
                or delta is None
                or len(content) < _COMPARED_BYTES
                or everything
                or base in self._unknown
            ):
                item: _Item = (number, base, content, content, None)
            else:
                copies = copied(delta, base_content, content)
                parts = [looked_at(content, *each) for each in unrepeated(copies, len(content))]
                item = (number, base, content, b"\n".join(parts), copies)
            group.append(item)
            size += len(item[3])
            held += len(content)
            if size >= _GROUP_BYTES or held >= _HELD_BYTES:
                self._look(group)
                group, size, held = [], 0, 0
                looked += 1
                if looked % _LOOKS_BETWEEN_FORGETTING == 0:
                    self._pack.forget()
        self._look(group)
        self._pack.forget()
        return Swept(
            tuple(self._findings),
            tuple(self._problems),
            self._objects,
            self._bytes,
            tuple(self._unread),
            headers=self._told_headers(),
        )

    def _told_headers(self) -> Headers | None:
        if not self._commits:
            return None
        names = self._pack.raw_names()[self._commits]
        return headers([name.tobytes() for name in names], self._headers)

    def _look(self, group: Sequence[_Item]) -> None:
        parts = [part for _, _, _, part, _ in group]
        wholes = [content for _, _, content, _, _ in group]
        suspicious = set(worth_scanning(parts, (), self._options, wholes=wholes))
        for position, (number, base, content, _, copies) in enumerate(group):
            if copies is None or base in self._unknown:
                if position in suspicious or base in self._unknown:
                    self._look_closely(number, content, find_hits(content, hyperscan=self._options.hyperscan))
                continue
            shown = self._shown.get(base)
            if position in suspicious:
                self._look_closely(number, content, self._hits(content, copies, shown, anew=True))
            elif shown is not None:
                hits = self._hits(content, copies, shown, anew=False)
                if shown.is_repeated(copies):
                    self._show(number, _Shown(shown.result, Hits(hits)))
                else:
                    self._look_closely(number, content, hits)

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
            key = blake2b(stretch, digest_size=16).digest()
            if key not in self._results:
                self._results[key] = scan_in_memory(content, Origin(""), self._limits, self._options, hits)
            self._show(number, _Shown(self._results[key], Hits(hits)))

    def _show(self, number: int, shown: _Shown) -> None:
        self._shown[number] = shown
        self._report(number, shown.result)

    def _report(self, number: int, result: ScanResult) -> None:
        """Keep what was found, as of this object; lines and offsets may be those of another version of it."""
        if result.findings or result.problems:
            origin = _origin(self._pack.name(number), TYPES[self._piece.kind])
            self._findings += [replace(each, origin=_at(each.origin, origin)) for each in result.findings]
            self._problems += [
                replace(each, origin=each.origin and _at(each.origin, origin)) for each in result.problems
            ]


def _at(old: Origin, new: Origin) -> Origin:
    return replace(new, members=old.members)


_NAME_HINT = re.compile(NAME_HINT.pattern.encode())
_RUN = re.compile(rb"[A-Z2-7]{10,}|ABSK[A-Za-z0-9+]{8,}")
"""What a tree, or the delta of one, holds where a name with a key is new: git copies sixteen bytes or more."""
_RUN_CLASSES = bytes(97 if chr(byte) in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" else 32 for byte in range(256))
_ENTRY = b"([0-7]{5,6}) ([^\0]+)\0(?s:.){%d}"


def _sweep_names(piece: PackPiece, limits: Limits, options: Options) -> Swept:
    """Keys in the names of files and directories, each in a tree that has it first.

    Most trees are deltas that change an entry or two. They are looked at as they stand in the pack, and only where
    a new name may be a key is the tree put together.
    """
    trees = trees_of(piece.path, piece.hash_bytes)
    pack = opened(piece.path, piece.hash_bytes)
    numbers = [number for number in piece.starts if number not in piece.duplicates]
    findings: list[Finding] = []
    unread: list[str] = []
    harmless: set[bytes] = set()
    """Whole runs that turned out to be parts of other names, such as CONTRIBUTING."""
    size = 0
    gathered: list[tuple[int, bytes]] = []
    for at in range(0, len(numbers), _TREES_TOGETHER):
        some = numbers[at : at + _TREES_TOGETHER]
        raws = [trees.inflated(number) for number in some]
        size += sum(len(raw) for raw in raws if raw is not None)
        unread += [pack.name(number) for number, raw in zip(some, raws, strict=True) if raw is None]
        if piece.gathers:
            gathered += [(number, raw) for number, raw in zip(some, raws, strict=True) if raw is not None]
        if not _may_have_a_run(b"\0".join(raw for raw in raws if raw is not None)):
            continue
        for number, raw in zip(some, raws, strict=True):
            runs = set(_RUN.findall(raw)) if raw is not None and _may_have_a_run(raw) else set()
            if runs <= harmless:
                continue
            content = trees.content(number)
            if content is None:
                unread.append(pack.name(number))
            elif _NAME_HINT.search(content):
                findings += scan_names(content, piece.hash_bytes, pack.name(number), limits, options)
            else:
                harmless |= {run for run in runs if run in content}
    swept = Swept(tuple(findings), (), len(numbers) - len(unread), size, tuple(unread))
    if piece.gathers:
        again = [(number, trees.inflated(number)) for number in piece.duplicates]
        gathered += [(number, raw) for number, raw in again if raw is not None]
        swept = replace(swept, entries=(piece.path, entries(gathered, pack.bases)))
    pack.forget()
    return swept


def _may_have_a_run(raw: bytes) -> bool:
    """A first look for `_RUN`, many times as fast."""
    return b"a" * 10 in raw.translate(_RUN_CLASSES) or b"ABSK" in raw


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
    commits: list[str] = []
    heads: list[bytes] = []
    trees: list[tuple[bytes, bytes]] = []
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
                if piece.gathers:
                    trees.append((bytes.fromhex(name), content))
                result = Swept(
                    tuple(scan_names(content, len(name) // 2, name, limits, options)), (), 1, len(content)
                )
            else:
                if kind == "commit":
                    commits.append(name)
                    heads.append(content[:_HEADER_BYTES])
                scanned = scan_in_memory(content, _origin(name, kind), limits, options)
                result = Swept(scanned.findings, scanned.problems, 1, len(content))
            findings += result.findings
            problems += result.problems
            objects += result.scanned_objects
            size += result.scanned_bytes
    told = headers([bytes.fromhex(name) for name in commits], heads) if piece.gathers and commits else None
    return Swept(tuple(findings), tuple(problems), objects, size, (), tuple(commits), told, trees=tuple(trees))


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
