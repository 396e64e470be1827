"""What a repository tells of itself and of its copies: remotes, refs, work trees. Nobody else is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator

from keysweep import git
from keysweep.frozen import frozen
from keysweep.sources.history.objects.stores import find_stores
from keysweep.sources.history.opening.addresses import without_credentials
from keysweep.sources.history.opening.submodules import find_submodules


@frozen
class Surroundings:
    """What is known of the copies of a repository without asking anybody."""

    is_bare: bool = False
    is_mirror: bool = False
    """Whether it is a clone with `--mirror`, which is what is rewritten."""
    is_shallow: bool = False
    has_lfs: bool = False
    remotes: tuple[tuple[str, str], ...] = ()
    """Names and addresses, without what an address may hold before its host."""
    work_trees: tuple[str, ...] = ()
    """Further ones, with their own index and HEAD."""
    borrowed: tuple[str, ...] = ()
    """Object directories of other repositories that this one reads from."""
    submodules: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """The address that it was cloned from, or an empty string."""
        return dict(self.remotes).get("origin", "")


def look_around(repository: str) -> Surroundings:
    """Ask the repository itself; what it does not tell is left out. Raises GitError where there is none."""
    told = git.run(("rev-parse", "--is-bare-repository", "--is-shallow-repository"), repository).split()
    attributes = git.answer(("cat-file", "blob", "HEAD:.gitattributes"), repository) or b""
    submodules, _ = find_submodules(repository)
    return Surroundings(
        told[:1] == [b"true"],
        _setting(repository, "remote.origin.mirror") == b"true",
        told[1:2] == [b"true"],
        b"filter=lfs" in attributes,
        tuple(_remotes(repository)),
        tuple(_work_trees(repository)),
        tuple(find_stores(repository).directories[1:]),
        tuple(each.name for each in submodules),
        tuple(_lines(git.answer(("for-each-ref", "--format=%(refname)"), repository) or b"")),
    )


def _setting(repository: str, name: str) -> bytes:
    return (git.answer(("config", "--local", "--get", name), repository) or b"").strip()


def _remotes(repository: str) -> Iterator[tuple[str, str]]:
    listing = git.answer(("config", "--local", "--null", "--get-regexp", r"^remote\..*\.url$"), repository) or b""
    for entry in listing.split(b"\0")[:-1]:
        name, _, address = os.fsdecode(entry).partition("\n")
        yield name.removeprefix("remote.").removesuffix(".url"), without_credentials(address)


def _work_trees(repository: str) -> Iterator[str]:
    listing = git.answer(("worktree", "list", "--porcelain"), repository) or b""
    paths = [line.removeprefix("worktree ") for line in _lines(listing) if line.startswith("worktree ")]
    yield from paths[1:]


def _lines(answer: bytes) -> list[str]:
    return os.fsdecode(answer).split("\n")[:-1]
