"""What the object directories of a repository hold: packs, loose objects, and what of them cannot be listed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Set

from keysweep import git
from keysweep.errors import IncompleteError
from keysweep.findings import Problem, ProblemCode
from keysweep.frozen import frozen
from keysweep.sources.history.objects.stores import PackError, PackIndexError, Stores

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.sources.history.objects.packs import Pack

_DIRECTORY = re.compile(r"[0-9a-f]{2}")
_PACK = re.compile(r"pack-.*\.(pack|idx)|.*\.pack", re.DOTALL)
_MOST_LISTINGS = 3
"""A repository that is packed anew in between is listed again, but not for ever."""


@frozen
class Listing:
    """All objects that there are, as far as directories and indexes tell."""

    packs: tuple[Pack, ...]
    loose: tuple[str, ...]
    """IDs of the loose objects, of which some may be in a pack, too."""
    problems: tuple[Problem, ...]
    damaged: bool
    """Whether there are packs that git may be able to read where this cannot."""


def list_objects(stores: Stores, known: Set[str] = frozenset()) -> Listing:
    """List everything but what is in packs whose paths are `known`, also while git packs the repository anew.

    What is loose is listed before the packs and after: it may be packed in between, and what is packed may become
    loose. Raises IncompleteError where no git can be asked.
    """
    for _ in range(_MOST_LISTINGS):
        problems = list(stores.problems)
        loose = _loose(stores, problems)
        packs, reasons, vanished = _packs(stores, known, problems)
        if not vanished:
            break
    loose |= _loose(stores, [])
    problems += [
        Problem(
            ProblemCode.DAMAGED,
            f"pack {os.path.basename(path)} is damaged: {reason}",
        )
        for path, reason in reasons
    ]
    return Listing(tuple(packs), tuple(sorted(loose)), tuple(problems), bool(reasons))


def listed_by_git(stores: Stores) -> list[str]:
    """The IDs of all objects that git lists, which has ways around damage: an index over all packs, for one."""
    command = ("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)")
    lines = (git.answer(command, stores.repository) or b"").decode("ascii", "replace").splitlines()
    return [line for line in lines if re.fullmatch(rf"[0-9a-f]{{{2 * stores.hash_bytes}}}", line)]


def opened_packs(stores: Stores) -> list[Pack]:
    """The packs that can be read."""
    return _packs(stores, frozenset(), [])[0]


def loose_objects(stores: Stores, problems: list[Problem] | None = None) -> set[str]:
    """The IDs of the loose objects that can be read; what cannot be listed is added to `problems`."""
    return _loose(stores, [] if problems is None else problems)


def _packs(
    stores: Stores, known: Set[str], problems: list[Problem]
) -> tuple[list[Pack], list[tuple[str, str]], bool]:
    """The packs that can be read, what is wrong with these and others, and whether one has vanished."""
    packs: list[Pack] = []
    reasons: list[tuple[str, str]] = []
    vanished = False
    for path in pack_paths(stores, problems):
        if path in known:
            continue
        # it loads numpy, which a scan without news does without
        from keysweep.sources.history.objects.packs import opened

        try:
            pack = opened(path, stores.hash_bytes)
            packs.append(pack)
            reasons += [(path, fault) for fault in pack.faults]
        except FileNotFoundError:
            gone = not os.path.exists(path)
            vanished |= gone
            reasons.append(
                (path, "there is only its index" if gone else "it has no index; `git index-pack` makes one")
            )
        except PackIndexError as error:
            reasons.append((path, f"{error}; `git index-pack` makes a new one"))
        except PackError as error:
            reasons.append((path, str(error)))
        except OSError as error:
            reasons.append((path, error.strerror or "unknown error"))
    return packs, reasons, vanished


def pack_paths(stores: Stores, problems: list[Problem]) -> Iterator[str]:
    """Where there is a pack, or the index of one."""
    for directory in stores.directories:
        place = os.path.join(directory, "pack")
        entries = _listed(place, problems)
        for entry in entries:
            if not entry.is_file() and os.path.exists(entry.path) and not entry.is_dir():
                raise IncompleteError(f"{entry.path} is no file, and git would wait for it for ever: remove it.")
        stems = {os.path.splitext(entry.name)[0] for entry in entries if _PACK.fullmatch(entry.name)}
        yield from (os.path.join(place, f"{stem}.pack") for stem in sorted(stems))


def _loose(stores: Stores, problems: list[Problem]) -> set[str]:
    rest = re.compile(rf"[0-9a-f]{{{2 * stores.hash_bytes - 2}}}")
    found: set[str] = set()
    for directory in stores.directories:
        for prefix in _listed(directory, problems):
            if not _DIRECTORY.fullmatch(prefix.name):
                continue
            for entry in _listed(prefix.path, problems):
                if not rest.fullmatch(entry.name):
                    continue
                if entry.is_file():
                    found.add(prefix.name + entry.name)
                else:  # git would wait for ever for what comes out of a pipe
                    problems.append(Problem(ProblemCode.UNREADABLE, f"{entry.path} is no file"))
    return found


def _listed(place: str, problems: list[Problem]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except FileNotFoundError:  # git takes directories away that have become empty
        return []
    except OSError as error:
        message = f"{place} cannot be listed: {error.strerror}"
        problems.append(Problem(ProblemCode.UNREADABLE, message))
        return []
