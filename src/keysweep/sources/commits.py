"""Commits on their way out: the message being written, and the range being pushed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from keysweep import git
from keysweep.detect.across import pair_across
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.errors import GitError, IncompleteError, UsageError
from keysweep.findings import Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.added import added
from keysweep.sources.windows import scan_in_memory

MOST_OBJECT_BYTES = 1 << 30
"""A larger object is reported, not scanned."""
_ZERO = re.compile(r"0+")
_OBJECT_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_GITLINK = b"160000"


@frozen
class Update:
    """One ref being pushed: what it shall point to, and what the remote has now (None for a new ref)."""

    local: str
    remote: str | None
    remote_name: str | None


def scan_message(path: str, limits: Limits | None = None, options: Options | None = None) -> ScanResult:
    """Scan a commit message file as it will be kept.

    Lines that git drops (its own instructions below the scissors line) are left out; comment lines are
    scanned, because `commit.cleanup` may keep them. Raises IncompleteError if the file cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as error:
        raise IncompleteError(f"the commit message {path} cannot be read ({error.strerror}).") from error
    kept = content.split(b"\n# ------------------------ >8 ------------------------\n", 1)[0]
    origin = Origin("commit message", Source.COMMIT_MESSAGE)
    return scan_in_memory(kept, origin, limits or Limits(), options or Options())


def pushed_updates(
    environment: Mapping[str, str], arguments: Sequence[str], stdin: IO[bytes], cwd: str | None = None
) -> list[Update]:
    """What is being pushed: from the pre-commit framework's environment, or from git's lines on stdin.

    Raises UsageError for lines that git never writes, GitError where the framework names no commit.
    """
    if to_ref := environment.get("PRE_COMMIT_TO_REF"):
        remote = environment.get("PRE_COMMIT_FROM_REF")
        known = remote if remote and not _ZERO.fullmatch(remote) else None
        return [Update(to_ref, known, environment.get("PRE_COMMIT_REMOTE_NAME"))]
    if branch := environment.get("PRE_COMMIT_LOCAL_BRANCH"):
        # What pre-commit and prek say, and all they say, of a push that reaches back to a root commit.
        return [Update(git.object_id(branch, cwd), None, environment.get("PRE_COMMIT_REMOTE_NAME"))]
    name = arguments[0] if arguments else None
    updates = []
    for line in stdin.read().decode("utf-8", "surrogateescape").splitlines():
        fields = line.split(" ")
        if len(fields) != 4 or not (_OBJECT_ID.fullmatch(fields[1]) and _OBJECT_ID.fullmatch(fields[3])):
            raise UsageError(
                "pre-push reads lines `LOCAL_REF OID REMOTE_REF OID` from git, and got something else."
            )
        if not _ZERO.fullmatch(fields[1]):
            updates.append(Update(fields[1], None if _ZERO.fullmatch(fields[3]) else fields[3], name))
    return updates


def scan_pushed(
    updates: Sequence[Update],
    limits: Limits | None = None,
    options: Options | None = None,
    cwd: str | None = None,
) -> ScanResult:
    """Scan every commit that a push would send and the remote does not have: messages, tags and blobs.

    A key that one commit adds and a later one removes is found: the history that leaves holds it. What the
    parent's version of a file already held is not reported again. Raises GitError where git cannot tell what is
    being pushed; a single object that it cannot read is a problem beside what was found.
    """
    commits = _new_commits(updates, cwd)
    scanner = _Scanner(limits or Limits(), options or Options(), cwd)
    with git.Objects(cwd) as objects:
        for update in updates:
            scanner.tag(update.local, objects)
        for commit in commits:
            scanner.message(commit, objects)
        for change in _changes(commits, cwd, scanner.problems):
            scanner.change(change, objects)
    findings = pair_across(scanner.findings)
    return ScanResult(findings, tuple(scanner.problems), scanner.scanned_bytes, len(scanner.seen))


@frozen
class _Change:
    commit: str
    path: str
    blob: str
    old_blobs: tuple[str, ...]


class _Scanner:
    """Scans each object once and gathers what comes of it."""

    def __init__(self, limits: Limits, options: Options, cwd: str | None) -> None:
        self.findings: list[Finding] = []
        self.problems: list[Problem] = []
        self.scanned_bytes = 0
        self.seen: set[str] = set()
        self._limits, self._options, self._cwd = limits, options, cwd

    def tag(self, name: str, objects: git.Objects) -> None:
        kind, content = objects.read(name, MOST_OBJECT_BYTES)
        origin = Origin("tag message", Source.COMMIT_MESSAGE, commit=name)
        if kind in (git.MISSING, git.TOO_LARGE):
            self._miss(f"object {name[:12]}", kind, origin)
        elif kind == "tag" and name not in self.seen:
            self.seen.add(name)
            self._keep(self._scan(content, origin))

    def message(self, commit: str, objects: git.Objects) -> None:
        kind, content = objects.read(commit, MOST_OBJECT_BYTES)
        origin = Origin("commit message", Source.COMMIT_MESSAGE, commit=commit)
        if kind != "commit":
            self._miss(f"commit {commit[:12]}", kind, origin)
        elif commit not in self.seen:
            self.seen.add(commit)
            self._keep(self._scan(content, origin))

    def change(self, change: _Change, objects: git.Objects) -> None:
        if change.blob in self.seen:
            return
        self.seen.add(change.blob)
        origin = Origin(change.path, Source.COMMIT, commit=change.commit, blob=change.blob)
        kind, content = objects.read(change.blob, MOST_OBJECT_BYTES)
        if kind != "blob":
            self._miss(f"blob {change.blob[:12]}", kind, origin)
            return
        result = self._scan(content, origin)
        if result.findings:
            old = [self._scan(text, origin) for text in _blobs(change.old_blobs, objects)]
            result = replace(result, findings=tuple(added(result.findings, old)))
        self._keep(result)

    def _miss(self, what: str, kind: str, origin: Origin) -> None:
        code = ProblemCode.LIMIT if kind == git.TOO_LARGE else ProblemCode.MISSING_OBJECT
        self.problems.append(Problem(code, f"{what} is {kind}", origin))

    def _scan(self, content: bytes, origin: Origin) -> ScanResult:
        return scan_in_memory(content, origin, self._limits, self._options)

    def _keep(self, result: ScanResult) -> None:
        self.findings += result.findings
        self.problems += result.problems
        self.scanned_bytes += result.scanned_bytes


def _blobs(names: Sequence[str], objects: git.Objects) -> Iterator[bytes]:
    for name in names:
        kind, content = objects.read(name, MOST_OBJECT_BYTES)
        if kind == "blob":
            yield content


def _new_commits(updates: Sequence[Update], cwd: str | None) -> list[str]:
    """Commits reachable from what is pushed and not from what the remote is known to have, oldest first."""
    if not updates:
        return []
    excluded = [update.remote for update in updates if update.remote and _is_here(update.remote, cwd)]
    names = {update.remote_name for update in updates if update.remote_name}
    refs = git.run(("for-each-ref", "--format=%(refname)", "refs/remotes"), cwd).decode("utf-8", "surrogateescape")
    prefixes = tuple(f"refs/remotes/{name}/" for name in names)
    excluded += [ref for ref in refs.splitlines() if prefixes and ref.startswith(prefixes)]
    revisions = [*(update.local for update in updates), *(f"^{each}" for each in excluded)]
    listing = git.run(
        ("rev-list", "--reverse", "--topo-order", "--stdin"), cwd, "\n".join(revisions).encode() + b"\n"
    )
    return listing.decode("ascii").split()


def _is_here(name: str, cwd: str | None) -> bool:
    """A forced push may replace a commit that was never fetched."""
    return git.answer(("cat-file", "-e", f"{name}^{{commit}}"), cwd) is not None


def _changes(commits: Sequence[str], cwd: str | None, problems: list[Problem]) -> Iterator[_Change]:
    """What each commit has that none of its parents has.

    One damaged tree ends git, so what failed is halved until the damaged commit stands alone and is reported.
    """
    if not commits:
        return
    try:
        raw = _diff_tree(commits, cwd)
    except GitError as error:
        if len(commits) > 1:
            middle = len(commits) // 2
            yield from _changes(commits[:middle], cwd, problems)
            yield from _changes(commits[middle:], cwd, problems)
            return
        origin = Origin("commit", Source.COMMIT, commit=commits[0])
        problems.append(Problem(ProblemCode.MISSING_OBJECT, str(error).removesuffix("."), origin))
        return
    yield from _parsed(raw)


def _diff_tree(commits: Sequence[str], cwd: str | None) -> bytes:
    arguments = (
        "diff-tree",
        "--stdin",
        "--root",
        "-r",
        "-c",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "--no-ext-diff",
    )
    return git.run(arguments, cwd, "\n".join(commits).encode() + b"\n")


def _parsed(raw: bytes) -> Iterator[_Change]:
    fields = iter(raw.split(b"\0"))
    commit = ""
    for field in fields:
        if not field.startswith(b":"):
            commit = field.strip().decode("ascii") or commit
            continue
        parents = len(field) - len(field.lstrip(b":"))
        columns = field[parents:].split(b" ")
        mode, blob = columns[parents], columns[2 * parents + 1].decode("ascii")
        old = tuple(each.decode("ascii") for each in columns[parents + 1 : 2 * parents + 1] if each.strip(b"0"))
        path = os.fsdecode(next(fields))
        if mode not in (b"000000", _GITLINK):
            yield _Change(commit, path, blob, old)
