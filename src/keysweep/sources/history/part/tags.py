"""Annotated tags that lead to some commits: their messages are as public as those of the commits."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from keysweep import git

_MOST_BYTES = 64 << 20
_TARGET = re.compile(rb"object ([0-9a-f]{40,64})\ntype (commit|tag)\n")
_DEEPEST = 20
"""Tags of tags that are followed."""


def tags_into(repository: str, commits: Collection[str], named: Iterable[str]) -> tuple[str, ...]:
    """The tags below `refs/tags` and among `named` that lead to one of `commits`, with the tags between."""
    asked = ("for-each-ref", "--format=%(objecttype) %(objectname)", "refs/tags")
    lines = git.run(asked, repository).decode("ascii").splitlines()
    tags = [line.split(" ")[1] for line in lines if line.startswith("tag ")]
    found: dict[str, None] = {}
    with git.Objects(repository) as objects:
        chains: list[tuple[str, ...]] = [(tag,) for tag in dict.fromkeys((*tags, *named))]
        for _ in range(_DEEPEST):
            chains = _one_further(objects, chains)
            for *above, target in chains:
                if target in commits:
                    found |= dict.fromkeys(above)
    return tuple(found)


def _one_further(objects: git.Objects, chains: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Those of the chains whose last object is a tag, with what it points to."""
    contents = objects.read_all([chain[-1] for chain in chains], _MOST_BYTES)
    longer = []
    for chain, (kind, content) in zip(chains, contents, strict=True):
        if kind == "tag" and (target := _TARGET.match(content)):
            longer.append((*chain, target.group(1).decode("ascii")))
    return longer
