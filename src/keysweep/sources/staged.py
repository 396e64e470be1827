"""The staged change: the index's blobs, and of their findings those that the change adds.

First on the hook's path: until some staged blob could hold a key, nothing but git and `detect.quick` is loaded.
"""

from __future__ import annotations

import os

from keysweep import git
from keysweep.errors import GitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

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
    """One path of the staged change, and what is learnt of it."""

    __slots__ = ("blob", "content", "old_blob", "old_path", "path", "trouble")

    def __init__(self, path: str, blob: str, old_blob: str | None, old_path: str | None = None) -> None:
        """A path with the staged blob and the one it replaces, if any; `old_path` where that had another name."""
        self.path = path
        self.blob = blob
        self.old_blob = old_blob
        self.old_path = old_path or path
        self.content = b""
        self.trouble = ""
        """`git.MISSING` or `git.TOO_LARGE` where the content could not be had."""


class StagedChange:
    """The staged change of the repository at `cwd`; a context manager, so that git is reaped.

    Git starts to work as soon as this is made, while Python still loads what it will be asked.
    """

    def __init__(self, cwd: str | None = None) -> None:
        """Start git; raises GitError if there is none."""
        self._cwd = cwd
        self._changes = git.start(
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
        self._objects = git.Objects(cwd)

    def __enter__(self) -> StagedChange:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._changes.stop()
        self._objects.stop()

    def suspicious_entries(self, *, everything: bool = False) -> list[Entry]:
        """The staged blobs that could hold a key, with their content, and those that could not be read.

        `everything` keeps the others too, for rules of the user's own that may match anything. Raises GitError
        outside a repository or when git fails.
        """
        import re  # noqa: F401 - the largest import of the quick look, while git lists the change

        entries = list(_entries(self._changes.output(), self._cwd))
        contents = self._objects.read_all([entry.blob for entry in entries], MOST_BLOB_BYTES)

        from keysweep.detect.quick import may_hold_key

        kept = []
        for entry, (kind, content) in zip(entries, contents, strict=True):
            if kind in (git.MISSING, git.TOO_LARGE):
                entry.trouble = kind
            elif not (
                everything
                or len(content) > QUICK_LOOK_BYTES
                or content.startswith(_LFS_POINTER)
                or may_hold_key(content)
                or may_hold_key(os.fsencode(entry.path))
            ):
                continue
            entry.content = content  # only now, or the whole change is held at once
            kept.append(entry)
        return kept

    def scan(
        self,
        entries: list[Entry],
        *,
        whole_files: bool = False,
        limits: Limits | None = None,
        options: Options | None = None,
    ) -> ScanResult:
        """Scan entries that `suspicious_entries` gave.

        Findings that already stood in the replaced version are left out unless `whole_files` asks for them.
        """
        merge = git.start(("rev-parse", "--git-path", "MERGE_HEAD"), self._cwd)

        from keysweep.detect.across import pair_across
        from keysweep.detect.limits import Limits
        from keysweep.detect.options import Options
        from keysweep.findings import Finding, Origin, ScanResult, Source
        from keysweep.sources.added import added
        from keysweep.sources.windows import scan_in_memory

        merged = _merged_commits(merge, self._cwd)
        limits, options = limits or Limits(), options or Options()
        findings: list[Finding] = []
        problems: list[Problem] = []
        scanned = 0
        for entry in entries:
            origin = Origin(entry.path, Source.STAGED, blob=entry.blob)
            content = entry.content
            if entry.content.startswith(_LFS_POINTER):
                content = _lfs_content(entry, self._cwd)
            if entry.trouble:
                problems.append(_problem(entry, origin))
                continue
            result = scan_in_memory(content, origin, limits, options)
            scanned += result.scanned_bytes
            problems += result.problems
            if result.findings and not whole_files:
                versions = self._old_versions(entry, merged, everything=bool(options.rules))
                old = [
                    scan_in_memory(text, Origin(path, Source.STAGED), limits, options) for path, text in versions
                ]
                findings += added(result.findings, old)
            else:
                findings += result.findings
        return ScanResult(pair_across(findings), tuple(problems), scanned, len(entries))

    def _old_versions(self, entry: Entry, merged: list[str], *, everything: bool) -> Iterator[tuple[str, bytes]]:
        """What stood at the path before, with its name then: in HEAD, and in merged branches.

        Without those that cannot hold a key, in name or content, unless `everything` is asked for.
        """
        old = [(entry.old_path, entry.old_blob)] if entry.old_blob else []
        for commit in merged:
            listing = git.answer(("ls-tree", "-z", "--full-tree", commit, "--", entry.path), self._cwd)
            if listing:
                old.append((entry.path, listing.split(b"\t")[0].split(b" ")[2].decode("ascii")))
        from keysweep.detect.quick import may_hold_key

        contents = self._objects.read_all([blob for _, blob in old], MOST_BLOB_BYTES)
        for (path, _), (kind, content) in zip(old, contents, strict=True):
            if kind == "blob" and (
                everything
                or len(content) > QUICK_LOOK_BYTES
                or may_hold_key(content)
                or may_hold_key(os.fsencode(path))
            ):
                yield path, content


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
    with StagedChange(cwd) as change:
        entries = change.suspicious_entries(everything=bool(options and options.rules))
        return change.scan(entries, whole_files=whole_files, limits=limits, options=options)


def _entries(raw: bytes, cwd: str | None) -> Iterator[Entry]:
    """Read `git diff --raw -z`: `:mode mode oid oid status`, a path, and for renames the new path."""
    fields = iter(raw.split(b"\0"))
    conflicts = False
    for field in fields:
        if not field:
            continue
        old_mode, mode, old_blob, blob, status = field[1:].split(b" ")
        old_path = path = next(fields)
        if status[:1] in (b"R", b"C"):
            path = next(fields)
        if status == b"U":
            conflicts = True
        elif status[:1] != b"D" and mode != _GITLINK:
            old = None if old_mode in (b"000000", _GITLINK) else old_blob.decode("ascii")
            yield Entry(os.fsdecode(path), blob.decode("ascii"), old, os.fsdecode(old_path))
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


def _merged_commits(location: git.Running, cwd: str | None) -> list[str]:
    """The branches that are being merged; `location` says where git keeps their names."""
    try:
        path = os.path.join(os.fsencode(cwd or "."), location.output().rstrip(b"\n"))
        with open(path, "rb") as stream:
            heads = stream.read(_MOST_HEADS_BYTES).split()
    except (OSError, GitError):
        return []  # without merged branches more findings count as new, not fewer
    return [head.decode("ascii") for head in heads if head.isalnum() and len(head) in (40, 64)]


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
