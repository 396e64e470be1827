"""What a push brings to a server, seen before it is let in: until a hook agrees, git keeps it in quarantine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from keysweep import git
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.errors import IncompleteError, UsageError
from keysweep.findings import ScanResult
from keysweep.frozen import frozen
from keysweep.sources.pushed import (
    Brought,
    beside_commits,
    is_no_object,
    kinds_of,
    scan_brought,
    told_by_git,
)

_OBJECTS = "GIT_OBJECT_DIRECTORY"
_OTHERS = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
_VARIABLES = ("GIT_QUARANTINE_PATH", _OBJECTS, _OTHERS)


@frozen
class Server:
    """The repository that is pushed to."""

    directory: str
    objects: str
    """Where its own objects are."""


def server() -> Server:
    """The repository that git runs the hook in. Raises GitError where that is none."""
    said = git.run(("rev-parse", "--absolute-git-dir", "--git-path", "objects"))
    directory, _, objects = os.fsdecode(said.removesuffix(b"\n")).rpartition("\n")
    return Server(directory, objects)


def received(stdin: IO[bytes]) -> list[Brought]:
    """What the pushed refs shall point to, without those that are deleted.

    Raises UsageError for lines that git never writes, and where there are none: whoever read them before would
    have everything let in unseen.
    """
    lines = told_by_git(stdin)
    if not lines:
        raise UsageError("pre-receive reads lines `OLD NEW REF` from git, and got none: pass standard input on.")
    brought = []
    for fields in lines:
        if len(fields) != 3 or not (git.is_object_id(fields[0]) and git.is_object_id(fields[1])):
            raise UsageError("pre-receive reads lines `OLD NEW REF` from git, and got something else.")
        if not is_no_object(fields[1]):
            brought.append(Brought(fields[1], fields[2]))
    return brought


@contextmanager
def quarantine_of(repository: Server, environment: Mapping[str, str]) -> Iterator[None]:
    """In its `with`, git also reads what this repository has not let in yet, where git's variables say that it is.

    Raises IncompleteError where they lead to the objects of another repository.
    """
    variables = {name: environment[name] for name in _VARIABLES if environment.get(name)}
    if _OBJECTS in variables and not _belongs(variables, repository):
        raise IncompleteError(
            f"{_OBJECTS} is {variables[_OBJECTS]}, which is no quarantine of {repository.directory}: "
            "have git itself run the hook."
        )
    token = git.quarantine.set(variables)
    try:
        yield
    finally:
        git.quarantine.reset(token)


def _belongs(variables: Mapping[str, str], repository: Server) -> bool:
    """Whether the quarantine is below the repository's own objects, as git's is, or has these beside it."""
    own = os.path.realpath(repository.objects)
    others = variables.get(_OTHERS, "").split(os.pathsep)
    quarantine = os.path.realpath(variables[_OBJECTS])
    return quarantine == own or quarantine.startswith(own + os.sep) or own in map(os.path.realpath, others)


def scan_received(
    brought: Sequence[Brought], limits: Limits | None = None, options: Options | None = None
) -> ScanResult:
    """Scan what the pushed refs reach and no ref of the server did.

    Raises IncompleteError where what was pushed cannot be read, GitError where git cannot tell what is new.
    """
    if not brought:
        return ScanResult()
    names = list(dict.fromkeys(each.object_id for each in brought))
    kinds = dict(zip(names, kinds_of(names, None), strict=True))
    if unread := [name for name in names if kinds[name] == git.MISSING]:
        raise IncompleteError(
            f"object {unread[0][:12]}, which is pushed, cannot be read: run the hook as git does, "
            "in the environment that git gives it, and ask `git fsck`."
        )
    listing = git.run(
        ("rev-list", "--reverse", "--topo-order", "--stdin", "--not", "--all"),
        stdin="".join(f"{name}\n" for name in names).encode("ascii"),
    )
    others = [each for each in brought if kinds[each.object_id] != "commit"]
    return scan_brought(listing.decode("ascii").split(), beside_commits(_unknown(others), None), limits, options)


def _unknown(brought: Sequence[Brought]) -> list[Brought]:
    """Those that no ref of the server names yet."""
    if not brought:
        return []
    known = set(git.run(("for-each-ref", "--format=%(objectname)")).decode("ascii").split())
    return [each for each in brought if each.object_id not in known]
