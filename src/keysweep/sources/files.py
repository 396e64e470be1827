"""Files and directories: which of them are scanned. `pool.py` does the scanning."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter

from keysweep import git
from keysweep.detect.across import pair_across
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.errors import UsageError
from keysweep.findings import Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.sources.pool import scan_all

_OBJECT_STORES = frozenset({"objects", "lfs"})


def scan_paths(
    paths: Sequence[str],
    *,
    all_files: bool = False,
    limits: Limits | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ScanResult:
    """Scan files and directories.

    In a repository a directory means what git would see there, tracked and untracked but not ignored; with
    `all_files`, and outside of repositories, it means everything but git's object store. `on_progress` is
    called with bytes done and bytes in all. Raises UsageError for a path that does not exist.
    """
    problems: list[Problem] = []
    for start in paths:
        _check_exists(start)
    files = _once(path for start in paths for path in _files_of(start, all_files, problems))
    result = scan_all(files, limits or Limits(), options or Options(), jobs, on_progress)
    return ScanResult(
        pair_across(result.findings),
        (*problems, *result.problems),
        result.scanned_bytes,
        result.scanned_items,
    )


def _check_exists(start: str) -> None:
    try:
        os.lstat(start)
    except OSError as error:
        raise UsageError(f"{start} cannot be scanned ({error.strerror}): name a file or directory.") from error


def _once(paths: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for path in paths:
        if path not in seen:
            seen.add(path)
            yield path


def _files_of(start: str, all_files: bool, problems: list[Problem]) -> Iterator[str]:
    mode = os.lstat(start).st_mode
    if stat.S_ISLNK(mode) and os.path.isdir(start):
        mode = stat.S_IFDIR  # named by the user, so followed; links inside are not
    if not stat.S_ISDIR(mode):
        yield start
        return
    listed = None if all_files else _seen_by_git(start)
    if listed is None:
        yield from _walk(start, problems)
        return
    for name in listed:
        path = os.path.normpath(os.path.join(start, os.fsdecode(name)))
        if os.path.isdir(path) and not os.path.islink(path):
            yield from _files_of(path, all_files, problems)  # a submodule or a nested repository
        else:
            yield path


def _seen_by_git(directory: str) -> list[bytes] | None:
    """Names below `directory`, or None outside of a work tree."""
    inside = git.answer(("rev-parse", "--is-inside-work-tree"), directory)
    if inside is None or inside.strip() != b"true":
        return None
    ignored = git.answer(("check-ignore", "-q", "."), directory) is not None
    if ignored:
        return None
    listing = git.run(("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"), directory)
    names = listing.split(b"\0")[:-1]
    deleted = set(git.run(("ls-files", "-z", "--deleted"), directory).split(b"\0"))
    return [name for name in names if name not in deleted]


def _walk(directory: str, problems: list[Problem]) -> Iterator[str]:
    """Everything below a directory, without recursion, so that no depth of nesting is too much."""
    waiting = [os.path.normpath(directory)]
    while waiting:
        here = waiting.pop()
        parent = "" if here == os.curdir else os.path.join(here, "")
        in_git = os.path.basename(here) == ".git"
        try:
            with os.scandir(here) as entries:
                found = sorted(entries, key=_name)
        except OSError as error:
            problems.append(
                Problem(ProblemCode.UNREADABLE, f"cannot be listed ({error.strerror})", Origin(here, Source.FILE))
            )
            continue
        for entry in found:
            if not entry.is_dir(follow_symlinks=False):
                yield parent + entry.name
            elif not (in_git and entry.name in _OBJECT_STORES):
                waiting.append(parent + entry.name)


_name = attrgetter("name")
