"""A wiki as the repository that it is, beside the one whose pages it holds."""

from __future__ import annotations

from keysweep.frozen import replace
from keysweep.repositories import Holds, Listed
from keysweep.sweep.inventory.filters import WIKI_ENDING


def wiki_of(repository: Listed, url: str, page: str | None = None) -> Listed:
    """The wiki beside a repository, cloned from `url`; hosts say little of it."""
    return replace(
        repository,
        identity=f"{repository.identity}/wiki",
        name=f"{repository.name}{WIKI_ENDING}",
        url=url,
        holds=Holds.WIKI,
        page=page,
        size_bytes=None,
        pushed=None,
        default_branch=None,
    )
