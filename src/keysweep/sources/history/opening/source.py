"""What a scan of history takes as its repository: a directory, an address to clone, or a bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import unquote

from keysweep.errors import UsageError
from keysweep.findings import Problem
from keysweep.frozen import frozen
from keysweep.sources.history.opening.addresses import Address, address, is_address
from keysweep.sources.history.opening.bundles import is_bundle, unpack
from keysweep.sources.history.opening.clone import clone
from keysweep.sources.history.opening.elsewhere import Elsewhere
from keysweep.sources.history.opening.private import PrivateDirectory
from keysweep.sources.history.opening.submodules import is_git_directory
from keysweep.sources.progress import OnProgress, Progress

_HERE = "."
_LOCAL = "file://"


@frozen
class Repository:
    """A repository on this machine."""

    path: str
    problems: tuple[Problem, ...] = ()
    missing: int = 0
    """Objects that are known of and that it does not hold."""
    private: PrivateDirectory | None = None
    """Where it lies, if it is a copy that nobody needs afterwards."""


def is_directory(named: str) -> bool:
    """Whether what is named is a directory of this machine, in which a configuration may stand."""
    return os.path.isdir(local_path(named))


@contextmanager
def opened_source(named: str | None, on_progress: OnProgress | None = None) -> Iterator[Repository]:
    """The repository that is `named`, or the one that git works on here.

    What has an address is cloned and a bundle is unpacked, into a private directory that is removed in the end. A
    `file://` address is read where it is: serving it would run git under that repository's own configuration.

    Raises UsageError where nothing can be meant or there is no such repository, GitError and IncompleteError where
    it cannot be had.
    """
    with ExitStack() as stack:
        if named is None:
            yield Repository(_HERE)
            return
        path = local_path(named)
        if os.path.isdir(path):
            stack.enter_context(Elsewhere(path if is_git_directory(path) else None))
            yield Repository(path)
            return
        is_file = os.path.isfile(path) and is_bundle(path)
        wanted = None if is_file else _address(named)
        private = stack.enter_context(PrivateDirectory())
        stack.enter_context(Elsewhere())
        if wanted:
            copy = Repository(clone(wanted, private.path, on_progress), private=private)
        else:
            if on_progress:
                on_progress(Progress("unpacking"))
            unpacked = unpack(path, private.path)
            copy = Repository(unpacked.path, unpacked.problems, unpacked.missing, private)
        stack.enter_context(Elsewhere(copy.path))
        yield copy


def local_path(named: str) -> str:
    """The path that is named, by an address of this machine or as it is."""
    return (
        unquote(named.removeprefix(_LOCAL), errors="surrogateescape") if named.startswith(f"{_LOCAL}/") else named
    )


def _address(named: str) -> Address:
    """The address that is named; raises UsageError if that is none, or one of a file that is no bundle."""
    if os.path.exists(local_path(named)):
        raise UsageError(f"{named} is no bundle of git: --history takes a repository, an address or a bundle.")
    if named.startswith(f"{_LOCAL}/") or not is_address(named):
        raise UsageError(f"{named} is no directory: --history takes a repository, an address or a bundle.")
    return address(named)
