"""What else has the old history once it was rewritten: what it tells of, and what not."""

from __future__ import annotations

from collections.abc import Iterator

from keysweep.purge.hosts import Host, host_of
from keysweep.purge.surroundings import Surroundings
from keysweep.purge.words import named


def other_copies(around: Surroundings) -> Iterator[str]:
    """What to do about each, in sentences."""
    host = host_of(address for _, address in around.remotes)
    yield from (f"{host.name}: {each}" for each in host.steps)
    yield from _seen(around)
    yield from _unseen(host)


def _seen(around: Surroundings) -> Iterator[str]:
    others = [f"{name} ({address})" for name, address in around.remotes if name != "origin"]
    if others:
        yield f"Other remotes of this repository, perhaps forks: {named(others)}. Each has to be rewritten too."
    if around.work_trees:
        yield f"Work trees of this repository: {named(around.work_trees)}. They go with it."
    if around.borrowed:
        yield f"This repository borrows objects from {named(around.borrowed)}: what is there stays there."
    if around.submodules:
        yield (
            "Its submodules are repositories of their own, and not part of this plan: "
            f"{named(around.submodules)}. Plan for each by its path."
        )
    if around.has_lfs:
        yield (
            "Files kept by Git LFS are not in the history, and git filter-repo does not touch them: what it "
            "reports as orphaned has to be deleted on the server."
        )
    if "refs/stash" in around.refs:
        yield "Stashes are in no clone but this one: drop those you do not need (git stash list, git stash drop)."


def _unseen(host: Host) -> Iterator[str]:
    listed = f" List them: {host.forks}" if host.forks else ""
    yield f"Forks and mirrors: keysweep asks no network, so it cannot know them.{listed}"
    yield (
        "Caches and build directories of CI, images and packages built from old commits, archives of releases, "
        "backups, and repositories that have this one as a submodule."
    )
