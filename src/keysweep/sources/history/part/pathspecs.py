"""Which paths a scan is narrowed to: files and directories by their names from the top on, or globs."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from keysweep import git
from keysweep.errors import UsageError
from keysweep.frozen import frozen

_MOST_TREES = 50
"""Commits whose files are listed to tell a path that nobody touched from one that there never was."""


@frozen
class Pathspec:
    """One file, one directory with everything below it, or what a glob matches."""

    given: str
    path: str
    """Without a slash at either end; empty for everything."""

    @property
    def is_literal(self) -> bool:
        """Whether it can only be a name."""
        return not any(each in self.path for each in "*?[")

    def matches(self, path: str) -> bool:
        """Whether `path` is it, lies below it, or is what its glob means.

        A star stands for any number of directories too, as in the paths that git itself takes.
        """
        if not self.path or path == self.path or path.startswith(f"{self.path}/"):
            return True
        globs = {self.path, self.path.replace("**/", "")}
        return not self.is_literal and any(
            fnmatchcase(path, each) or fnmatchcase(path, f"{each}/*") for each in globs
        )


def read_paths(given: Sequence[str]) -> tuple[Pathspec, ...]:
    """What `--paths` asks for. Raises UsageError for what cannot be a path in a repository."""
    return tuple(Pathspec(each, _from_the_top(each)) for each in given)


def _from_the_top(given: str) -> str:
    parts = given.split("/")
    if not given:
        raise UsageError("--paths got nothing (an unset variable?): name a file, a directory or a glob.")
    if given.startswith("/") or ".." in parts:
        raise UsageError(f"--paths '{given}' leads out of the repository: paths start at its top, as in src/app.")
    return "/".join(part for part in parts if part not in ("", "."))


def check_paths(
    repository: str, paths: Sequence[Pathspec], touched: Sequence[str], commits: Sequence[str]
) -> None:
    """Raise UsageError for a path that there never was: a typo must not look like a clean scan.

    `touched` are the paths that the selected `commits` change; where none of them is meant, files are listed.
    """
    left = [each for each in paths if not any(map(each.matches, touched))]
    for commit in commits[:_MOST_TREES]:
        if not left:
            return
        listing = git.answer(("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit), repository)
        if listing is None:
            return  # what cannot be read here is a problem elsewhere
        names = listing.decode("utf-8", "surrogateescape").split("\0")
        left = [each for each in left if not any(map(each.matches, names))]
    if left:
        raise UsageError(
            f"--paths '{left[0].given}' is nothing that a selected commit has: check its spelling, from the top "
            "of the repository on."
        )
