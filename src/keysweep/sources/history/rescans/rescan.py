"""A sweep that begins where an earlier one of the same repository ended."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from keysweep import git
from keysweep.detect.pragmas import allowing, allowing_all, marked
from keysweep.findings import Finding, Origin, Pragma, Problem, ProblemCode, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.diffs import Change
from keysweep.sources.history.objects.done import Done
from keysweep.sources.history.objects.listing import list_objects
from keysweep.sources.history.objects.stores import PackError, Stores
from keysweep.sources.history.placing.leaks import object_of
from keysweep.sources.history.rescans.remembered import Hit, Memory, Notebook, Snapshot, is_little
from keysweep.sources.windows import WINDOW_BYTES

_Rescan = Callable[[str, bytes], Sequence[Finding]]


@frozen
class Before:
    """What need not be done again."""

    memory: Memory
    done: Done
    findings: tuple[Finding, ...]
    """What was found, read again from where it stands."""
    again: tuple[str, ...]
    is_all_here: bool
    """Whether everything that was there then still is."""
    keeps_history: bool
    """Whether the commits that were known then still say the same."""
    is_unchanged: bool
    """Whether there is nothing but what was done then, and nothing was wrong with that."""


def recall(stores: Stores, notebook: Notebook, now: Snapshot, rescan: _Rescan) -> Before | None:
    """What is remembered and still holds; None where everything has to be done."""
    memory = notebook.memory()
    if memory is None:
        return None
    keys = {key for key, _ in now.packs}
    is_all_here = memory.packs <= keys and memory.loose <= now.loose
    packs = frozenset(path for key, path in now.packs if is_all_here and key in memory.packs)
    is_all_known = is_all_here and memory.packs == keys and _is_as_listed(stores, packs, memory)
    names = b"" if is_all_known else notebook.names(memory)
    if names is None:
        return None
    if not is_all_here:
        memory = _still_here(memory, stores.repository)
    found = _found_again(memory.hits, stores.repository, rescan)
    if found is None:
        return None
    findings, too_large = found
    return Before(
        memory,
        Done(packs, memory.loose if is_all_here else frozenset(), names, memory.recent),
        findings,
        (*memory.again, *too_large),
        is_all_here,
        memory.borders == now.borders,
        is_all_known and memory.borders == now.borders and not memory.again and not too_large,
    )


def _is_as_listed(stores: Stores, packs: frozenset[str], memory: Memory) -> bool:
    """Whether a close look lists nothing but what is known, and nothing wrong with it."""
    listing = list_objects(stores, packs)
    return not listing.packs and not listing.problems and frozenset(listing.loose) == memory.loose


def _still_here(memory: Memory, repository: str) -> Memory:
    """Without what stood in objects that are gone."""
    names = {*(hit.name for hit in memory.hits), *(change.commit for change in memory.changes), *memory.again}
    asked = "".join(f"{name}\n" for name in sorted(names)).encode("ascii")
    answers = git.run(("cat-file", "--batch-check"), repository, asked).decode("ascii").splitlines()
    here = {line.split(" ")[0] for line in answers if not line.endswith(" missing")}
    return replace(
        memory,
        hits=tuple(hit for hit in memory.hits if hit.name in here),
        changes=tuple(change for change in memory.changes if change.commit in here),
        again=tuple(name for name in memory.again if name in here),
    )


def _found_again(
    hits: Iterable[Hit], repository: str, rescan: _Rescan
) -> tuple[tuple[Finding, ...], tuple[str, ...]] | None:
    """The findings that the hits stand for, and objects too large to be read here; None where one is not there.

    Each leak is read from one object, and taken to be in the others as it is there, but for pragmas.
    """
    by_leak: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_leak[hit.fingerprint].append(hit)
    found: list[Finding] = []
    too_large: list[str] = []
    with git.Objects(repository) as objects:
        for fingerprint, same in by_leak.items():
            kind, content = objects.read(same[0].name, WINDOW_BYTES)
            if kind == git.TOO_LARGE:
                too_large += [hit.name for hit in same]
                continue
            told = rescan(same[0].name, content) if kind != git.MISSING else ()
            finding = next((each for each in told if each.fingerprint == fingerprint), None)
            if finding is None:
                return None
            members = finding.origin.members
            for hit in same:
                here = finding
                if allowing(finding) and hit is not same[0]:  # a pragma allows only what it stands beside
                    here = marked(finding, _pragma_in(hit, objects, rescan))
                found.append(replace(here, origin=replace(_origin(hit), members=members)))
    return tuple(found), tuple(too_large)


def _pragma_in(hit: Hit, objects: git.Objects, rescan: _Rescan) -> Pragma | None:
    kind, content = objects.read(hit.name, WINDOW_BYTES)
    told = rescan(hit.name, content) if kind not in (git.MISSING, git.TOO_LARGE) else ()
    return allowing_all(each for each in told if each.fingerprint == hit.fingerprint)


def _origin(hit: Hit) -> Origin:
    if hit.source is Source.COMMIT_MESSAGE:
        return Origin("", hit.source, commit=hit.name)
    return Origin("", hit.source, blob=hit.name)


def remember(
    stores: Stores,
    notebook: Notebook,
    now: Snapshot,
    before: Before | None,
    fresh: Sequence[str],
    listed: int,
    findings: Sequence[Finding],
    changes: Sequence[Change],
    problems: Sequence[Problem],
) -> None:
    """Note what was done: all of `now`, of which `fresh` were not done before.

    Nothing is noted of a scan that was interrupted or could not say which objects it missed, nor where a name was
    found to be a leak: names are kept as they are.
    """
    again = {object_of(problem.origin) if problem.origin else "" for problem in problems}
    named = any(finding.place.decoding[:1] == ("file name",) for finding in findings)
    if "" in again or named or any(problem.code is ProblemCode.INTERRUPTED for problem in problems):
        return
    hits = [Hit(each.fingerprint, each.origin.source, object_of(each.origin)) for each in findings]
    little = before is not None and before.is_all_here and is_little(fresh, before.memory)
    recent = (*before.memory.recent, *fresh) if before is not None and little else ()
    try:
        objects = None if little else _all_objects(stores, now)
    except (PackError, OSError):
        return
    if objects is not None:  # what came after the look at what there is will be told by the next scan
        known = partial(_is_among, objects, stores.hash_bytes)
        hits = [hit for hit in hits if known(hit.name)]
        changes = [change for change in changes if known(change.commit)]
        listed = len(objects) // stores.hash_bytes
    memory = Memory(
        packs=frozenset(key for key, _ in now.packs),
        loose=now.loose,
        borders=now.borders,
        listed=listed,
        hits=tuple(dict.fromkeys(hit for hit in hits if hit.name not in again)),
        again=tuple(sorted(again)),
        changes=tuple(dict.fromkeys(changes)),
        recent=recent,
        objects=before.memory.objects if before is not None and little else "",
    )
    notebook.keep(memory, objects)


def _is_among(objects: bytes, hash_bytes: int, name: str) -> bool:
    """Whether the list of `Done.names` has an object ID."""
    wanted = bytes.fromhex(name)

    def at(number: int) -> bytes:
        return objects[number * hash_bytes : (number + 1) * hash_bytes]

    return at(bisect_left(range(len(objects) // hash_bytes), wanted, key=at)) == wanted


def _all_objects(stores: Stores, now: Snapshot) -> bytes:
    """The IDs of all objects that there are, as `Done.names`."""
    import numpy as np

    from keysweep.sources.history.objects.graph import sorted_once
    from keysweep.sources.history.objects.packs import sorted_names

    loose = np.frombuffer(bytes.fromhex("".join(now.loose)), dtype=np.uint8).reshape(-1, stores.hash_bytes)
    parts = [loose] if len(loose) else []
    parts += [sorted_names(path, stores.hash_bytes) for _, path in now.packs]
    if len(parts) == 1 and not len(loose):
        return parts[0].tobytes()
    return sorted_once(np.concatenate(parts)).tobytes() if parts else b""
