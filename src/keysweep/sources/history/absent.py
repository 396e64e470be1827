"""What a clone left on its server: nobody has scanned that, so that a scan without it is not the whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from keysweep import git
from keysweep.errors import GitError
from keysweep.findings import INTERRUPTED, Problem, ProblemCode
from keysweep.sources.history.objects.stores import Stores, packs_in
from keysweep.sources.history.placing.commits import has_parents_of, shallow_commits


def absent(stores: Stores) -> tuple[Problem, ...]:
    """One problem for a shallow clone that lacks commits, and one for a partial one that lacks other objects.

    A clone that was shallow or partial once and has everything by now has none. Nothing is fetched. An interrupt
    is a problem as well.
    """
    try:
        return tuple(_absent(stores))
    except KeyboardInterrupt:
        return (INTERRUPTED,)


def _absent(stores: Stores) -> Iterator[Problem]:
    if cut := _cut(stores):
        others = f" and {len(cut) - 1} more" if len(cut) > 1 else ""
        text = (
            f"this clone is shallow: what came before commit {cut[0][:12]}{others} was not scanned; fetch all of "
            "it (fetch-depth: 0, or `git fetch --unshallow`)"
        )
        yield Problem(ProblemCode.MISSING_OBJECT, text)
    if _is_partial(stores) and not _has_all(stores.repository):
        text = (
            "this is a partial clone, and files of its history are on its server alone: they were not scanned; "
            "scan the address of the server in its place"
        )
        yield Problem(ProblemCode.MISSING_OBJECT, text)


def _cut(stores: Stores) -> list[str]:
    """The commits whose parents are not here, because a shallow clone was cut off at them."""
    if not os.path.exists(os.path.join(os.path.dirname(stores.directories[0]), "shallow")):
        return []
    named = filter(git.is_object_id, shallow_commits(stores.repository))
    return [commit for commit, is_here in has_parents_of(stores.repository, named).items() if not is_here]


def _is_partial(stores: Stores) -> bool:
    """Whether git has marked a pack as one whose objects may name others that a server promised."""
    packs = (path for directory in stores.directories for path in packs_in(directory))
    return any(os.path.exists(f"{path.removesuffix('.pack')}.promisor") for path in packs)


def _has_all(repository: str) -> bool:
    """Whether all is here that the refs lead to: git stops at the first object that is not."""
    with suppress(GitError):
        git.run(("rev-list", "--objects", "--all", "--quiet"), repository)
        return True
    return False
