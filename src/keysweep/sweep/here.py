"""Repositories on this machine, mirrors among them: what they hold, without reading it."""

from __future__ import annotations

from hashlib import blake2b

from keysweep import git
from keysweep.sources.history.objects.stores import find_stores
from keysweep.sources.history.opening.elsewhere import Elsewhere
from keysweep.sources.history.opening.submodules import find_submodules, is_git_directory
from keysweep.sources.history.rescans.remembered import snapshot


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


def refs_in(repository: str) -> dict[str, str]:
    """All refs of a repository on this machine, with the objects that they name; raises GitError."""
    with held_to(repository):
        told = git.run(("for-each-ref", "--format=%(objectname) %(refname)"), repository)
    lines = (line.partition(" ") for line in told.decode("utf-8", "surrogateescape").split("\n"))
    return {name: object_id for object_id, _, name in lines if name}


def refs_digest(refs: dict[str, str]) -> str:
    """Names what refs there are and what they point to."""
    digest = blake2b(digest_size=16, person=b"keysweep refs")
    for name in sorted(refs):
        digest.update(f"{refs[name]} {name}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def held_to(repository: str) -> Elsewhere:
    """A context manager in which git takes this directory for a repository, or nothing: none around it."""
    return Elsewhere(repository if is_git_directory(repository) else None, top=repository)
