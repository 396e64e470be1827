"""Objects that only git can read: loose ones, those with foreign bases, damaged or very large ones."""

from __future__ import annotations

import hashlib

from keysweep import git
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Origin, Problem, ProblemCode, Source
from keysweep.sources.history.objects.graph import headers
from keysweep.sources.history.objects.names import scan_names
from keysweep.sources.history.objects.packs import TYPES
from keysweep.sources.history.objects.pieces import HEADER_BYTES, NamedPiece, Swept, origin_of
from keysweep.sources.large import scan_object
from keysweep.sources.windows import WINDOW_BYTES, scan_in_memory

_LARGEST_DELTA_BYTES = 512 << 20
"""Git makes no deltas of larger files, unless it is told to."""


def sweep_by_git(piece: NamedPiece, limits: Limits, options: Options) -> Swept:
    """Whatever is unusual: loose objects, foreign bases, damage, objects too large for memory."""
    results: list[Swept] = []
    heads: dict[bytes, bytes] = {}
    trees: list[tuple[bytes, bytes]] = []
    names = list(piece.names)
    if piece.packed:
        sizes = git.object_sizes(names, piece.repository)
        bombs = {
            name: size
            for name, (size, is_delta) in zip(names, sizes, strict=True)
            if is_delta and size > _LARGEST_DELTA_BYTES
        }
        message = "is stored as a delta that makes {} MiB; git is trusted with 512 MiB"
        results = [
            Swept(problems=(_lost(name, ProblemCode.LIMIT, message.format(size >> 20)),))
            for name, size in bombs.items()
        ]
        names = [name for name in names if name not in bombs]
    interrupted = False
    try:
        with git.Objects(piece.repository) as reader:
            contents = reader.read_all(names, WINDOW_BYTES)
            for name, (kind, content) in zip(names, contents, strict=True):
                if kind == git.TOO_LARGE:
                    results.append(_scan_stream(piece.repository, name, limits, options))
                else:
                    results.append(_scan_read(name, kind, content, limits, options))
                if kind == "tree" and piece.gathers:
                    trees.append((bytes.fromhex(name), content))
                elif kind == "commit" and piece.gathers:
                    heads[bytes.fromhex(name)] = content[:HEADER_BYTES]
    except KeyboardInterrupt:
        interrupted = True
    told = headers(list(heads), list(heads.values())) if heads else None
    return Swept(
        tuple(each for result in results for each in result.findings),
        tuple(each for result in results for each in result.problems),
        sum(result.scanned_objects for result in results),
        sum(result.scanned_bytes for result in results),
        (),
        tuple(each for result in results for each in result.commits),
        told,
        trees=tuple(trees),
        interrupted=interrupted,
    )


def _scan_read(name: str, kind: str, content: bytes, limits: Limits, options: Options) -> Swept:
    """An object as git gave it."""
    if kind == git.MISSING:
        return Swept(problems=(_lost(name, ProblemCode.DAMAGED, "cannot be read; `git fsck` says more"),))
    problems: tuple[Problem, ...] = ()
    if not _is_named(name, kind, content):
        problems = (_lost(name, ProblemCode.DAMAGED, "is not what was written; `git fsck` says more"),)
    if kind == "tree":
        named = scan_names(content, len(name) // 2, name, limits, options)
        return Swept(tuple(named), problems, 1, len(content))
    result = scan_in_memory(content, origin_of(name, kind), limits, options)
    commits = (name,) if kind == "commit" else ()
    return Swept(result.findings, (*problems, *result.problems), 1, len(content), (), commits)


def _is_named(name: str, kind: str, content: bytes) -> bool:
    """Whether an object is the one that its ID names."""
    digest = hashlib.new("sha1" if len(name) == 40 else "sha256", usedforsecurity=False)
    digest.update(b"%s %d\0" % (kind.encode(), len(content)))
    digest.update(content)
    return digest.hexdigest() == name


def _lost(name: str, code: ProblemCode, message: str) -> Problem:
    return Problem(code, message, Origin("", Source.HISTORY, blob=name))


def _scan_stream(repository: str, name: str, limits: Limits, options: Options) -> Swept:
    """An object larger than memory should hold, in windows."""
    kind = (git.answer(("cat-file", "-t", name), repository) or b"").decode("ascii", "replace").strip()
    if kind not in TYPES.values():
        return _scan_read(name, git.MISSING, b"", limits, options)
    result = scan_object(name, kind, origin_of(name, kind), limits, options, repository)
    return Swept(result.findings, result.problems, 1, result.scanned_bytes)
