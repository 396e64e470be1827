"""The repositories of submodules that a git directory holds, found by looking; nothing is asked of them here."""

from __future__ import annotations

import os
from collections.abc import Iterator

from keysweep import git
from keysweep.frozen import frozen


@frozen
class Submodule:
    """A git directory that lies in another one."""

    name: str
    """As the repositories around it call it, outermost first: where it was when it was added."""
    path: str
    leads_out: bool
    """Whether its objects are behind a link that leaves the outermost git directory."""


def is_git_directory(path: str) -> bool:
    """Whether `path` is a git directory itself, rather than one with a work tree around it."""
    head = os.path.join(path, "HEAD")
    return os.path.isdir(os.path.join(path, "objects")) and (os.path.isfile(head) or os.path.islink(head))


def find_submodules(repository: str) -> tuple[list[Submodule], list[str]]:
    """All of them, whether or not a commit still names them, nested ones too, by their names.

    Returns the directories that could not be listed too. Raises GitError where there is no repository.
    """
    answer = git.run(("rev-parse", "--git-common-dir"), repository).removesuffix(b"\n")
    own = os.path.realpath(os.path.join(repository, os.fsdecode(answer)))
    unread: list[str] = []
    found = sorted(_below(own, "", own, unread), key=lambda each: (each.name, each.path))
    return found, unread


def _below(git_directory: str, name: str, outermost: str, unread: list[str]) -> Iterator[Submodule]:
    """The submodules of a git directory, and those of its further work trees."""
    waiting = [(os.path.join(git_directory, "modules"), name)]
    trees = os.path.join(git_directory, "worktrees")
    waiting += [(os.path.join(trees, each, "modules"), name) for each in _directories(trees, unread)]
    while waiting:
        directory, around = waiting.pop()
        for each in _directories(directory, unread):
            path, known_as = os.path.join(directory, each), f"{around}/{each}" if around else each
            if _was_git_directory(path):
                objects = os.path.realpath(os.path.join(path, "objects"))
                yield Submodule(known_as, path, not objects.startswith(os.path.join(outermost, "")))
                yield from _below(path, known_as, outermost, unread)
            else:
                waiting.append((path, known_as))


def _was_git_directory(path: str) -> bool:
    """Whether this is a git directory, or was one before something of it was lost."""
    lost_head = os.path.isdir(os.path.join(path, "objects", "pack"))
    lost_objects = all(os.path.isfile(os.path.join(path, each)) for each in ("HEAD", "config"))
    return is_git_directory(path) or lost_head or lost_objects


def _directories(path: str, unread: list[str]) -> list[str]:
    """The directories in a directory, no links among them; none where there is no such directory."""
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        unread.append(path)
        return []
