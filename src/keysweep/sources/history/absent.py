"""What a clone left on its server: nobody has scanned that, so that a scan without it is not the whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from keysweep import git
from keysweep.errors import GitError
from keysweep.findings import INTERRUPTED, Problem, ProblemCode
from keysweep.sources.history.objects.stores import Stores, has_promises, note_of_shallow, packs_in

_UNCUT = ("--shallow-file", "")
"""Has git go on where a shallow clone is cut off, to what came before: an earlier fetch may have brought that."""


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
    """Git is asked, which stops at the first object that is not there, and reads no more than that of what is."""
    is_cut = _is_shallow(stores) and not _leads_on(stores.repository, *_UNCUT, "rev-list")
    if is_cut:
        text = (
            "this clone is shallow and lacks commits: what came before the oldest that it has was not scanned; "
            "fetch all of it (fetch-depth: 0, or `git fetch --unshallow`)"
        )
        yield Problem(ProblemCode.MISSING_OBJECT, text)
    within = () if is_cut else _UNCUT
    if _is_partial(stores) and not _leads_on(stores.repository, *within, "rev-list", "--objects"):
        text = (
            "this is a partial clone and lacks objects, which its server has kept or which are lost: they were "
            "not scanned; scan the address of the server in its place"
        )
        yield Problem(ProblemCode.MISSING_OBJECT, text)


def _is_shallow(stores: Stores) -> bool:
    """Whether git would cut history off; what is no file, git would wait for or not take."""
    return os.path.isfile(note_of_shallow(stores))


def _is_partial(stores: Stores) -> bool:
    return any(has_promises(path) for directory in stores.directories for path in packs_in(directory))


def _leads_on(repository: str, *command: str) -> bool:
    """Whether all is here that the refs lead to, and what they were not long ago."""
    with suppress(GitError):
        git.run((*command, "--all", "--reflog", "--quiet"), repository)
        return True
    return False
