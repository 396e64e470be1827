"""A small repository in which nothing can hold a key: told without what a large one needs and loads.

Only what is certain is told here. Whatever is unusual, damaged, large or might hold a key is for the sweep.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import new as new_hash

from keysweep import git
from keysweep.detect.quick import may_hold_key
from keysweep.errors import GitError
from keysweep.findings import Accounting, Problem, ScanResult
from keysweep.sources.history.objects.listing import loose_objects, pack_paths
from keysweep.sources.history.objects.stores import Stores

_MOST_PACK_BYTES = 4 << 20
_MOST_BYTES = 32 << 20
_MOST_OBJECTS = 5000
_WITH_NAMES = (b"commit", b"tag")
_NAMES = re.compile(rb"\A(?:(?:tree|parent|object) [0-9a-f]{40,64}\n)+")
"""What commits and tags begin with: names of objects, which look like secrets from afar."""
_HEADER = re.compile(rb"[0-9a-f]{40,64} (blob|tree|commit|tag) (\d{1,9})\n")


def nothing_in(stores: Stores) -> ScanResult | None:
    """The result of a scan that finds nothing, where that is certain; None where the sweep has to look."""
    if stores.problems or not _is_small_and_whole(stores):
        return None
    objects = 0
    scanned_bytes = 0
    try:
        for kind, content in _contents(stores):
            objects += 1
            scanned_bytes += len(content)
            if may_hold_key(_NAMES.sub(b"", content, count=1) if kind in _WITH_NAMES else content):
                return None
    except (GitError, ValueError):
        return None
    return ScanResult((), (), scanned_bytes, objects, Accounting(objects, objects, 0))


def _is_small_and_whole(stores: Stores) -> bool:
    """Whether all packs together are small, and each as it was written."""
    problems: list[Problem] = []
    paths = list(pack_paths(stores, problems))
    try:
        if problems or sum(os.stat(path).st_size for path in paths) > _MOST_PACK_BYTES:
            return False
        if len(loose_objects(stores, problems)) > _MOST_OBJECTS or problems:
            return False
        return all(_is_whole(path, stores.hash_bytes) for path in paths)
    except OSError:
        return False


def _is_whole(path: str, hash_bytes: int) -> bool:
    """Whether pack and index end with the checksums that they have, and belong together (gitformat-pack)."""
    name = "sha1" if hash_bytes == 20 else "sha256"
    with open(path, "rb") as stream:
        pack = stream.read(_MOST_PACK_BYTES + 1)
    with open(f"{path.removesuffix('.pack')}.idx", "rb") as stream:
        index = stream.read(_MOST_PACK_BYTES + 1)
    ends = [
        new_hash(name, content[:-hash_bytes], usedforsecurity=False).digest() == content[-hash_bytes:]
        for content in (pack, index)
    ]
    return all(ends) and index[-2 * hash_bytes : -hash_bytes] == pack[-hash_bytes:]


def _contents(stores: Stores) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of every object; ValueError for more than is small, or where git did not get to its end."""
    command = ("cat-file", "--batch-all-objects", "--unordered", "--buffer", "--batch")
    with git.Stream(command, stores.repository) as stream:
        content = bytearray()
        while piece := stream.read(1 << 20):
            content += piece
            if len(content) > _MOST_BYTES:
                raise ValueError
    if not stream.ended_well:
        raise ValueError
    at, whole = 0, bytes(content)
    while at < len(whole):
        header = _HEADER.match(whole, at)
        if header is None:
            raise ValueError
        end = header.end() + int(header[2])
        if whole[end : end + 1] != b"\n":
            raise ValueError
        yield header[1], whole[header.end() : end]
        at = end + 1
