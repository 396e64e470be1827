"""What an earlier sweep of the same repository did, so that the next one costs only what is new.

Kept in the user's cache directory, never in the repository: object IDs, packs, paths, and the keyed hashes that
name what was found. Never a secret: what was found is read again from where it stands.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from keysweep import cache
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Source
from keysweep.frozen import frozen, replace
from keysweep.sources.diffs import Change
from keysweep.sources.history.objects.listing import loose_objects
from keysweep.sources.history.objects.stores import Stores, has_promises, note_of_shallow, packs_in

_MOST_LOOSE = 50_000
_MOST_HITS = 20_000
_MOST_RECENT = 5_000
"""More new objects than these are worth writing the list of all anew."""
_MOST_FILES = 400
_RULES = ("detect", "sources/history", "sources/windows.py")


@frozen
class Snapshot:
    """What a repository holds, as far as that can be told without reading it."""

    packs: tuple[tuple[str, str], ...]
    """What tells each pack from any other, and its path."""
    loose: frozenset[str]
    borders: str
    """Names where history is cut off: shallow commits, and packs whose objects may lack others."""


@frozen
class Hit:
    """A leak in an object."""

    fingerprint: str
    source: Source
    name: str
    """The object ID."""


@frozen
class Memory:
    """What was done, and what came of it."""

    packs: frozenset[str]
    loose: frozenset[str]
    borders: str
    listed: int
    """Different objects there were."""
    hits: tuple[Hit, ...]
    again: tuple[str, ...]
    """Objects that something was wrong with, to be scanned each time."""
    changes: tuple[Change, ...]
    """What commits change of the hits."""
    recent: tuple[str, ...]
    """Objects done that are not in the list of all yet."""
    objects: str
    """The list of all, by the name under which the cache keeps it: no other one goes with this."""


def snapshot(stores: Stores) -> Snapshot:
    """Look at what there is."""
    packs = [path for directory in stores.directories for path in packs_in(directory)]
    loose = frozenset(loose_objects(stores))
    return Snapshot(tuple((_told_apart(path, stores), path) for path in packs), loose, _borders(stores, packs))


def _told_apart(path: str, stores: Stores) -> str:
    """A pack ends with a checksum of all that is in it."""
    try:
        with open(path, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - stores.hash_bytes))
            return f"{size}-{stream.read().hex()}"
    except OSError:
        return ""


def _borders(stores: Stores, packs: Iterable[str]) -> str:
    digest = blake2b(digest_size=16)
    try:
        digest.update(Path(note_of_shallow(stores)).read_bytes())
    except OSError:
        digest.update(b"none")
    for path in packs:
        if has_promises(path):
            digest.update(path.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


class Notebook:
    """The pages of the cache that are about one repository, scanned by these rules."""

    def __init__(self, stores: Stores, limits: Limits, options: Options, place: str | None = None) -> None:
        """Reads nothing yet. `place` is a directory for them in the place of the cache's own."""
        self._place = place
        own = os.path.realpath(stores.directories[0])
        parts = (own, str(stores.hash_bytes), asked(limits, options), rules_identity())
        name = blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        self._page, self._list = f"history-{name}", f"objects-{name}"
        self._hash_bytes = stores.hash_bytes

    def memory(self) -> Memory | None:
        """What is remembered; None where that is nothing."""
        content = cache.read(self._page, self._place)
        return _parsed(content) if content is not None else None

    def names(self, memory: Memory) -> bytes | None:
        """The list of all objects that are done, as `Done.names`; None where it is not known any more."""
        content = cache.read(memory.objects, self._place)
        return content if content is not None and len(content) % self._hash_bytes == 0 else None

    def keep(self, memory: Memory, objects: bytes | None) -> None:
        """Remember it. `objects` are the IDs of all that is done, sorted; None where `recent` says what is new.

        The list is written before the page that names it: whatever fails or comes between, a page never goes with
        a list that knows of more than what the page tells of.
        """
        if len(memory.hits) > _MOST_HITS or len(memory.loose) > _MOST_LOOSE or len(memory.again) > _MOST_HITS:
            return
        before = self.memory()
        if objects is not None:
            memory = replace(memory, objects=f"{self._list}-{blake2b(objects, digest_size=16).hexdigest()}")
            if not cache.write(memory.objects, objects, self._place):
                return
        if cache.write(self._page, _written(memory), self._place):
            if before is not None and before.objects != memory.objects:
                cache.remove(before.objects, self._place)
            cache.prune(("history-", "objects-"), _MOST_FILES, self._place)


def is_little(fresh: Sequence[str], memory: Memory | None) -> bool:
    """Whether so little is new that it is noted beside the list of all objects."""
    return memory is not None and len(memory.recent) + len(fresh) <= _MOST_RECENT


def asked(limits: Limits, options: Options) -> str:
    """Names what a scan is asked for: the same in every process, which a set is not."""
    accounts = sorted(options.canary_accounts)
    return repr((limits, options.report_placeholders, accounts, options.rules, options.hyperscan))


def rules_identity() -> str:
    """Names the code that decides what is found: another version of it has to look again."""
    digest = blake2b(digest_size=16)
    package = Path(__file__).parents[3]
    for place in _RULES:
        top = package / place
        for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _written(memory: Memory) -> bytes:
    return json.dumps(
        {
            "packs": sorted(memory.packs),
            "loose": sorted(memory.loose),
            "borders": memory.borders,
            "listed": memory.listed,
            "hits": [(hit.fingerprint, hit.source.value, hit.name) for hit in memory.hits],
            "again": memory.again,
            "changes": [(each.commit, each.path, each.before, each.after) for each in memory.changes],
            "recent": memory.recent,
            "objects": memory.objects,
        }
    ).encode("ascii")


def _parsed(content: bytes) -> Memory:
    """The page that `_written` wrote: the cache has checked that nobody else did."""
    page = json.loads(content)
    return Memory(
        packs=frozenset(page["packs"]),
        loose=frozenset(page["loose"]),
        borders=page["borders"],
        listed=page["listed"],
        hits=tuple(Hit(fingerprint, Source(source), name) for fingerprint, source, name in page["hits"]),
        again=tuple(page["again"]),
        changes=tuple(
            Change(commit, path, tuple(before), after) for commit, path, before, after in page["changes"]
        ),
        recent=tuple(page["recent"]),
        objects=page["objects"],
    )
