"""Git repositories in a directory on this machine: mirrors, bare ones, and ones with a work tree."""

from __future__ import annotations

import os
from collections.abc import Iterator

from keysweep.repositories import Listed
from keysweep.sources.history.opening.submodules import is_git_directory
from keysweep.sweep.inventory.pages import OnProblem


def listed(root: str, on_problem: OnProblem) -> Iterator[Listed]:
    """Every repository at or below `root`, in the order of names; what lies in a repository is part of that.

    Links are followed, and each directory is looked into once. Tells of directories that cannot be read.
    """
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        directory = waiting.pop()
        real = os.path.realpath(directory)
        if real in seen:
            continue
        seen.add(real)
        try:
            if _is_repository(directory):
                yield repository(directory, os.path.relpath(directory, root) if directory != root else root)
            else:
                waiting.extend(reversed(_directories(directory)))
        except OSError as error:
            on_problem(f"the directory {directory} cannot be read ({error.strerror})")


def repository(path: str, name: str) -> Listed:
    """The repository at `path`."""
    return Listed(
        identity=os.path.realpath(path), name=name.replace(os.sep, "/"), url=path, size_bytes=_packed_bytes(path)
    )


def _is_repository(path: str) -> bool:
    """Whether it is one for git: a git directory, or a work tree with one (or a file that names one)."""
    return is_git_directory(path) or os.path.lexists(os.path.join(path, ".git"))


def _directories(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(entry.path for entry in entries if entry.is_dir())


def _packed_bytes(path: str) -> int | None:
    """The size of its packs, which is nearly all of a mirror; None where there are none to be seen."""
    git_directory = path if is_git_directory(path) else os.path.join(path, ".git")
    try:
        with os.scandir(os.path.join(git_directory, "objects", "pack")) as entries:
            return sum(entry.stat().st_size for entry in entries) or None
    except OSError:
        return None
