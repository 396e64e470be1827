"""The staged change: the index's blobs, and of their findings those that the change adds.

First on the hook's path: until some staged blob could hold a key, nothing but git and `detect.quick` is loaded.
"""

from __future__ import annotations

import os

from keysweep import git
from keysweep.detect.quick import may_hold_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keysweep.detect.limits import Limits
    from keysweep.detect.options import Options
    from keysweep.findings import Origin, Problem, ScanResult

MOST_BLOB_BYTES = 1 << 30
"""A larger staged blob is reported, not scanned."""
QUICK_LOOK_BYTES = 4 << 20
"""Above this a quick look costs more than Hyperscan, so the blob is scanned outright."""
_GITLINK = b"160000"
_MOST_HEADS_BYTES = 1 << 16
"""More than a merge of any number of branches that people make."""
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


class Entry:
    """One path of the staged change; a plain class, because `dataclasses` costs the hook more than git does."""

    __slots__ = ("blob", "content", "old_blob", "path", "trouble")

    def __init__(self, path: str, blob: str, old_blob: str | None) -> None:
        """A path with the staged blob and the one it replaces, if any."""
        self.path = path
        self.blob = blob
        self.old_blob = old_blob
        self.content = b""
        self.trouble = ""
        """`git.MISSING` or `git.TOO_LARGE` where the content could not be had."""


def suspicious_entries(cwd: str | None = None, *, everything: bool = False) -> list[Entry]:
    """The staged blobs that could hold a key, with their content, and those that could not be read.

    `everything` keeps the others too, for rules of the user's own that may match anything. Raises GitError
    outside a repository or when git fails.
    """
    changes = git.start(
        (
            "diff",
            "--cached",
            "--raw",
            "-z",
            "--no-abbrev",
            "--find-renames",
            "--no-ext-diff",
            "--no-textconv",
        ),
        cwd,
    )
    with git.Objects(cwd) as objects:
        entries = list(_entries(changes.output(), cwd))
        return [
            entry
            for entry in entries
            if _load(entry, objects, everything) or may_hold_key(os.fsencode(entry.path))
        ]


def scan_staged(
    *,
    whole_files: bool = False,
    limits: Limits | None = None,
    options: Options | None = None,
    cwd: str | None = None,
) -> ScanResult:
    """Scan the staged change of the repository at `cwd`.

    Findings that already stood in the replaced version are left out unless `whole_files` asks for them.
    Raises GitError outside a repository or when git fails.
    """
    entries = suspicious_entries(cwd, everything=bool(options and options.rules))
    return scan_entries(entries, whole_files=whole_files, limits=limits, options=options, cwd=cwd)


def scan_entries(
    entries: list[Entry],
    *,
    whole_files: bool = False,
    limits: Limits | None = None,
    options: Options | None = None,
    cwd: str | None = None,
) -> ScanResult:
    """Scan entries that `suspicious_entries` gave."""
    from keysweep.detect.across import pair_across
    from keysweep.detect.limits import Limits
    from keysweep.detect.options import Options
    from keysweep.findings import Finding, Origin, ScanResult, Source
    from keysweep.sources.added import added
    from keysweep.sources.windows import scan_in_memory

    limits, options = limits or Limits(), options or Options()
    findings: list[Finding] = []
    problems: list[Problem] = []
    scanned = 0
    with git.Objects(cwd) as objects:
        for entry in entries:
            origin = Origin(entry.path, Source.STAGED, blob=entry.blob)
            content = entry.content
            if entry.content.startswith(_LFS_POINTER):
                content = _lfs_content(entry, cwd)
            if entry.trouble:
                problems.append(_problem(entry, origin))
                continue
            result = scan_in_memory(content, origin, limits, options)
            scanned += result.scanned_bytes
            problems += result.problems
            if result.findings and not whole_files:
                texts = _old_versions(entry, objects, cwd)
                old = [scan_in_memory(text, origin, limits, options) for text in texts]
                findings += added(result.findings, old)
            else:
                findings += result.findings
    return ScanResult(pair_across(findings), tuple(problems), scanned, len(entries))


def _entries(raw: bytes, cwd: str | None) -> Iterator[Entry]:
    """Read `git diff --raw -z`: `:mode mode oid oid status`, a path, and for renames the new path."""
    fields = iter(raw.split(b"\0"))
    conflicts = False
    for field in fields:
        if not field:
            continue
        old_mode, mode, old_blob, blob, status = field[1:].split(b" ")
        path = next(fields)
        if status[:1] in (b"R", b"C"):
            path = next(fields)
        if status == b"U":
            conflicts = True
        elif status[:1] != b"D" and mode != _GITLINK:
            old = None if old_mode in (b"000000", _GITLINK) else old_blob.decode("ascii")
            yield Entry(os.fsdecode(path), blob.decode("ascii"), old)
    if conflicts:
        yield from _conflicts(cwd)


def _conflicts(cwd: str | None) -> Iterator[Entry]:
    """Both sides of every conflict; the common ancestor is what they replace."""
    top = os.fsdecode(git.run(("rev-parse", "--show-toplevel"), cwd).rstrip(b"\n"))
    stages: dict[bytes, dict[bytes, str]] = {}
    for line in git.run(("ls-files", "--unmerged", "-z"), top).split(b"\0"):
        if line:
            columns, path = line.split(b"\t", 1)
            mode, blob, stage = columns.split(b" ")
            if mode != _GITLINK:
                stages.setdefault(path, {})[stage] = blob.decode("ascii")
    for path, blobs in stages.items():
        for stage in (b"2", b"3"):
            if stage in blobs:
                yield Entry(os.fsdecode(path), blobs[stage], blobs.get(b"1"))


def _load(entry: Entry, objects: git.Objects, everything: bool) -> bool:
    """Read the blob; True where it has to be looked at, or could not be read."""
    kind, content = objects.read(entry.blob, MOST_BLOB_BYTES)
    if kind in (git.MISSING, git.TOO_LARGE):
        entry.trouble = kind
        return True
    entry.content = content
    if everything or len(content) > QUICK_LOOK_BYTES or content.startswith(_LFS_POINTER) or may_hold_key(content):
        return True
    entry.content = b""
    return False


def _old_versions(entry: Entry, objects: git.Objects, cwd: str | None) -> Iterator[bytes]:
    """What stood at the path before: in HEAD or under the name it was renamed from, and in merged branches."""
    blobs = [entry.old_blob] if entry.old_blob else []
    blobs += _merged_blobs(entry.path, cwd)
    for blob in blobs:
        kind, content = objects.read(blob, MOST_BLOB_BYTES)
        if kind == "blob":
            yield content


def _merged_blobs(path: str, cwd: str | None) -> list[str]:
    location = (git.answer(("rev-parse", "--git-path", "MERGE_HEAD"), cwd) or b"").rstrip(b"\n")
    try:
        with open(os.path.join(os.fsencode(cwd or "."), location), "rb") as stream:
            heads = stream.read(_MOST_HEADS_BYTES).split()
    except OSError:
        return []  # without merged branches more findings count as new, not fewer
    found = []
    for head in heads:
        if not (head.isalnum() and len(head) in (40, 64)):
            continue
        listing = git.answer(("ls-tree", "-z", "--full-tree", head.decode("ascii"), "--", path), cwd)
        if listing:
            found.append(listing.split(b"\t")[0].split(b" ")[2].decode("ascii"))
    return found


def _lfs_content(entry: Entry, cwd: str | None) -> bytes:
    """The real content behind a Git LFS pointer, from the local store; sets `trouble` where it is not there."""
    lines = dict(line.split(b" ", 1) for line in entry.content.splitlines() if b" " in line)
    digest = lines.get(b"oid", b"").removeprefix(b"sha256:").decode("ascii", "replace")
    directory = os.fsdecode((git.answer(("rev-parse", "--git-common-dir"), cwd) or b"").rstrip(b"\n"))
    store = os.path.join(cwd or ".", directory, "lfs", "objects", digest[:2], digest[2:4], digest)
    entry.trouble = git.MISSING
    if len(digest) != 64 or not digest.isalnum() or not os.path.isfile(store):
        return b""
    try:
        with open(store, "rb") as stream:
            content = stream.read(MOST_BLOB_BYTES + 1)
    except OSError:
        return b""
    entry.trouble = git.TOO_LARGE if len(content) > MOST_BLOB_BYTES else ""
    return b"" if entry.trouble else content


def _problem(entry: Entry, origin: Origin) -> Problem:
    from keysweep.findings import Problem, ProblemCode

    if entry.trouble == git.TOO_LARGE:
        message = f"is larger than {MOST_BLOB_BYTES >> 30} GiB; scan the file itself with `keysweep scan PATH`"
        return Problem(ProblemCode.LIMIT, message, origin)
    what = "the content behind its Git LFS pointer" if entry.content else "its staged blob"
    return Problem(ProblemCode.MISSING_OBJECT, f"{what} is not in this repository; fetch it and try again", origin)
