"""Repositories that are swept where they are, on this machine."""

from __future__ import annotations

from hashlib import blake2b

from keysweep.sources.history.objects.stores import find_stores
from keysweep.sources.history.opening.elsewhere import Elsewhere
from keysweep.sources.history.opening.submodules import find_submodules, is_git_directory
from keysweep.sources.history.rescans.remembered import snapshot
from keysweep.sweep.mirrors import refs_digest, refs_in


def state_of(repository: str) -> str:
    """Names what a repository and its submodules hold, as far as nothing has to be read for that.

    That is more than refs: commits are made where no ref leads, and objects that nothing leads to are swept too.
    Raises GitError where there is no repository.
    """
    digest = blake2b(digest_size=16, person=b"keysweep state")
    digest.update(refs_digest(refs_in(repository)).encode())
    with held_to(repository):
        submodules, _ = find_submodules(repository)
        _add(repository, digest)
    for each in submodules:
        if not each.leads_out:
            with Elsewhere(each.path, top=each.path):
                _add(each.path, digest)
    return digest.hexdigest()


def _add(repository: str, digest: blake2b) -> None:
    now = snapshot(find_stores(repository))
    digest.update(repr((sorted(now.packs), sorted(now.loose), now.borders)).encode("utf-8", "surrogateescape"))


def held_to(repository: str) -> Elsewhere:
    """A context manager in which git takes this directory for a repository, or nothing: none around it."""
    return Elsewhere(repository if is_git_directory(repository) else None, top=repository)
