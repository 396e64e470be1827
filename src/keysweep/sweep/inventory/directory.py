"""Git repositories in a directory on this machine: mirrors, bare ones, and ones with a work tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import quote

from keysweep.repositories import Listed
from keysweep.sources.history.opening.submodules import is_git_directory
from keysweep.sweep.inventory.pages import OnProblem

_GIT = ".git"


def listed(root: str, on_problem: OnProblem) -> Iterator[Listed]:
    """Every repository at or below `root`, in the order of names, also in the work trees of others.

    What is below a work tree and has its objects elsewhere, a submodule or another work tree, is part of that.
    Links are followed, and each directory is looked into once. Tells of directories that cannot be read.
    """
    seen: set[str] = set()
    waiting = [(root, False)]
    while waiting:
        directory, is_inside = waiting.pop()
        real = os.path.realpath(directory)
        if real in seen:
            continue
        seen.add(real)
        try:
            is_one = _is_repository(directory)
            if is_one and not (is_inside and os.path.isfile(os.path.join(directory, _GIT))):
                yield repository(directory, os.path.relpath(directory, root) if directory != root else root)
            if not is_git_directory(directory):
                below = [each for each in _directories(directory) if os.path.basename(each) != _GIT]
                waiting.extend((each, is_inside or is_one) for each in reversed(below))
        except OSError as error:
            on_problem(f"the directory {directory} cannot be read ({error.strerror})")


def repository(path: str, name: str) -> Listed:
    """The repository at `path`."""
    return Listed(
        identity=_address(os.path.realpath(path)),
        name=name.replace(os.sep, "/"),
        url=_address(path),
        size_bytes=_packed_bytes(path),
    )


def _address(path: str) -> str:
    """The path, or its address where it has bytes that are no UTF-8: a store keeps text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"file://{quote(os.fsencode(os.path.abspath(path)))}"
    return path


def _is_repository(path: str) -> bool:
    """Whether it is one for git: a git directory, or a work tree with one (or a file that names one)."""
    return is_git_directory(path) or os.path.lexists(os.path.join(path, _GIT))


def _directories(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(entry.path for entry in entries if _is_directory(entry))


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether there is something to look into; a link that leads nowhere, or to itself, is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _packed_bytes(path: str) -> int | None:
    """The size of its packs, which is nearly all of a mirror; None where there are none to be seen."""
    git_directory = path if is_git_directory(path) else os.path.join(path, _GIT)
    try:
        with os.scandir(os.path.join(git_directory, "objects", "pack")) as entries:
            return sum(entry.stat().st_size for entry in entries) or None
    except OSError:
        return None
