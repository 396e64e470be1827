"""Commits on their way out: the message being written, and the range being pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO

from keysweep import git
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.errors import IncompleteError, UsageError
from keysweep.findings import Origin, ScanResult, Source
from keysweep.frozen import frozen
from keysweep.sources.pushed import Brought, beside_commits, is_no_object, scan_brought, told_by_git
from keysweep.sources.windows import scan_in_memory


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
        known = remote if remote and not is_no_object(remote) else None
        return [Update(to_ref, known, environment.get("PRE_COMMIT_REMOTE_NAME"))]
    if branch := environment.get("PRE_COMMIT_LOCAL_BRANCH"):
        # What pre-commit and prek say, and all they say, of a push that reaches back to a root commit.
        return [Update(git.object_id(branch, cwd), None, environment.get("PRE_COMMIT_REMOTE_NAME"))]
    name = arguments[0] if arguments else None
    updates = []
    for fields in told_by_git(stdin):
        if len(fields) != 4 or not (git.is_object_id(fields[1]) and git.is_object_id(fields[3])):
            raise UsageError(
                "pre-push reads lines `LOCAL_REF OID REMOTE_REF OID` from git, and got something else."
            )
        if not is_no_object(fields[1]):
            updates.append(Update(fields[1], None if is_no_object(fields[3]) else fields[3], name))
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
    brought = [Brought(update.local, f"object {update.local[:12]}") for update in updates]
    return scan_brought(_new_commits(updates, cwd), beside_commits(brought, cwd), limits, options, cwd)


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
    asked = "".join(f"{each}\n" for each in revisions).encode("utf-8", "surrogateescape")
    listing = git.run(("rev-list", "--reverse", "--topo-order", "--stdin"), cwd, asked)
    return listing.decode("ascii").split()


def _is_here(name: str, cwd: str | None) -> bool:
    """A forced push may replace a commit that was never fetched."""
    return git.answer(("cat-file", "-e", f"{name}^{{commit}}"), cwd) is not None
