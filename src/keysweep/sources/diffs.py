"""What commits change: each path that a commit has otherwise than all of its parents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from keysweep import git
from keysweep.errors import GitError
from keysweep.findings import Origin, Problem, ProblemCode, Source
from keysweep.frozen import frozen

_DIFF_TREE = (
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
"""Each commit it is told with what it changes; a merge only where it differs from all its parents."""
_MOST_ALONE = 100
"""Commits that git is asked about one by one, once it failed at many."""
_GITLINK = b"160000"


@frozen
class Change:
    """One path that one commit changes."""

    commit: str
    path: str
    before: tuple[str, ...]
    """The blob that stood there in each parent; empty where none did."""
    after: str
    """The blob that stands there now; empty where none does."""


def list_changes(
    commits: Sequence[str], problems: list[Problem], cwd: str | None = None, paths: Sequence[str] = ()
) -> Iterator[Change]:
    """What each commit has that none of its parents has, and what it took away; below `paths` where there are any.

    One damaged tree ends git, so what failed is halved until the damaged commit stands alone and is reported in
    `problems`; where very many are damaged, those left are reported together.
    """
    yield from _changes(commits, problems, cwd, paths, [_MOST_ALONE])


def _changes(
    commits: Sequence[str], problems: list[Problem], cwd: str | None, paths: Sequence[str], left: list[int]
) -> Iterator[Change]:
    if not commits:
        return
    try:
        asked = (*_DIFF_TREE, "--", *paths) if paths else _DIFF_TREE
        raw = git.run(asked, cwd, "\n".join(commits).encode("ascii") + b"\n")
    except GitError as error:
        if len(commits) > 1 and left[0] > 0:
            middle = len(commits) // 2
            yield from _changes(commits[:middle], problems, cwd, paths, left)
            yield from _changes(commits[middle:], problems, cwd, paths, left)
            return
        left[0] -= 1
        others = f" and {len(commits) - 1} more commits cannot be told either" if len(commits) > 1 else ""
        origin = Origin("commit", Source.COMMIT, commit=commits[0])
        message = str(error).removesuffix(".") + others
        problems.append(Problem(ProblemCode.MISSING_OBJECT, message, origin))
        return
    yield from _parsed(raw)


def _parsed(raw: bytes) -> Iterator[Change]:
    """Read the columns of each change, and the path behind them."""
    fields = iter(raw.split(b"\0"))
    commit = ""
    for field in fields:
        if not field.startswith(b":"):
            commit = field.strip().decode("ascii") or commit
            continue
        modes, blobs = raw_columns(field)
        *before, after = (
            "" if mode == _GITLINK or not blob.strip(b"0") else blob.decode("ascii")
            for mode, blob in zip(modes, blobs, strict=True)
        )
        path = os.fsdecode(next(fields))
        if after not in before:  # else only the mode is another than in that parent
            yield Change(commit, path, tuple(before), after)


def raw_columns(field: bytes) -> tuple[list[bytes], list[bytes]]:
    """Modes and object IDs of `:mode mode id id S`, or of `::mode mode mode id id id SS` with more parents."""
    parents = len(field) - len(field.lstrip(b":"))
    columns = field[parents:].split(b" ")
    return columns[: parents + 1], columns[parents + 1 : 2 * parents + 2]
