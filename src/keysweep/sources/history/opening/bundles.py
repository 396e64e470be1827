"""Bundles: a pack with refs in one file, unpacked into a directory of our own so far as it stands by itself.

The format is that of gitformat-bundle(5). Git clones no bundle that builds on commits it does not hold; what of it
is complete without them is unpacked nevertheless.
"""

from __future__ import annotations

import mmap
import os
import re

from keysweep import git
from keysweep.errors import GitError, IncompleteError
from keysweep.findings import Problem, ProblemCode
from keysweep.frozen import frozen

_BEGINNINGS = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_MOST_LINE_BYTES = 1 << 16
_LINE = re.compile(rb"(-?)([0-9a-f]{40}|[0-9a-f]{64})(?: (.*))?\n", re.DOTALL)
_REF = re.compile(rb"refs(?:/(?!\.)[^\0-\x20\x7f~^:?*\[\\/]+(?<!\.)(?<!\.lock))+")
_FORMAT = b"@object-format="


@frozen
class Unpacked:
    """A bundle as a repository."""

    path: str
    problems: tuple[Problem, ...]
    missing: int
    """Objects of the bundle that build on some that it does not hold."""


@frozen
class _Header:
    form: str
    prerequisites: int
    refs: tuple[tuple[bytes, bytes], ...]
    """Names and the objects they stand for."""
    size: int
    """Where the pack begins."""


def is_bundle(path: str) -> bool:
    """Whether the file at `path` begins as a bundle does."""
    try:
        with open(path, "rb") as stream:
            return stream.read(len(_BEGINNINGS[0])) in _BEGINNINGS
    except OSError:
        return False


def unpack(path: str, directory: str) -> Unpacked:
    """Make a repository of the bundle at `path` in `directory`.

    Raises IncompleteError where it cannot be read or holds no pack.
    """
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        header = _header(path, content)
        repository = os.path.join(directory, "bundle.git")
        git.run(
            ("init", "--quiet", "--bare", "--template=", f"--object-format={header.form}", repository), directory
        )
        whole = memoryview(content)
        pack = whole[header.size :]
        try:
            unpacked = _put_in(path, pack, header, repository)
        finally:
            pack.release()
            whole.release()
    _write_refs(repository, header.refs)
    return unpacked


def _header(path: str, content: mmap.mmap) -> _Header:
    """What stands before the pack; raises IncompleteError where that is no bundle that git could have made."""
    content.seek(len(_BEGINNINGS[0]))
    form, prerequisites = "sha1", 0
    refs = []
    while (line := content.readline()) != b"\n":
        if line.startswith(b"@"):
            if line.startswith(_FORMAT):
                form = line.removeprefix(_FORMAT).decode("ascii", "replace").strip()
            continue
        parsed = _LINE.fullmatch(line) if len(line) <= _MOST_LINE_BYTES else None
        if parsed is None:
            raise IncompleteError(f"the bundle {path} is cut short or damaged: make it anew.")
        if parsed.group(1):
            prerequisites += 1
        else:
            refs.append((parsed.group(3) or b"", parsed.group(2)))
    if form not in ("sha1", "sha256") or content[content.tell() : content.tell() + 4] != b"PACK":
        raise IncompleteError(f"the bundle {path} holds no pack that keysweep can read: make it anew.")
    return _Header(form, prerequisites, tuple(refs), content.tell())


def _put_in(path: str, pack: memoryview, header: _Header, repository: str) -> Unpacked:
    """Index the pack, or take out of it object by object what is whole, where it cannot be indexed."""
    try:
        git.run(("index-pack", "--stdin"), repository, pack)
    except GitError:
        git.answer(("unpack-objects", "-q", "-r"), repository, pack)
    else:
        return Unpacked(repository, (), 0)
    listed = int.from_bytes(pack[8:12], "big")
    missing = max(1, listed - len(_objects(repository)))
    why, code = "it is damaged", ProblemCode.DAMAGED
    if header.prerequisites:
        why, code = "it builds on commits that it does not hold", ProblemCode.MISSING_OBJECT
    message = (
        f"{missing} of the {listed} objects in the bundle {os.path.basename(path)} cannot be read, because {why}: "
        "scan the repository itself, or a bundle that `git bundle create FILE --all` makes"
    )
    return Unpacked(repository, (Problem(code, message),), missing)


def _objects(repository: str) -> dict[bytes, bytes]:
    """The IDs of all objects, with their types."""
    listing = git.run(
        ("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)", "--unordered"), repository
    )
    return dict(line.split(b" ", 1) for line in listing.splitlines())


def _write_refs(repository: str, refs: tuple[tuple[bytes, bytes], ...]) -> None:
    """Write those refs that git would take: one that it would not keeps it from listing the others."""
    there = _objects(repository)
    kept = {name: value for name, value in refs if value in there and _REF.fullmatch(name)}
    with open(os.path.join(repository, "packed-refs"), "wb") as stream:
        stream.writelines(b"%s %s\n" % (kept[name], name) for name in sorted(kept))
    head = next((value for name, value in refs if name == b"HEAD" and value in there), None)
    if head:
        with open(os.path.join(repository, "HEAD"), "wb") as stream:
            stream.write(head + b"\n")
