"""Files and directories: which of them are scanned. `pool.py` does the scanning."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from keysweep import git
from keysweep.detect.across import pair_across
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.errors import GitError, UsageError
from keysweep.findings import Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.sources.pool import scan_all
from keysweep.sources.progress import OnProgress

_OBJECT_STORES = frozenset({"objects", "lfs"})


def scan_paths(
    paths: Sequence[str],
    *,
    all_files: bool = False,
    limits: Limits | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> ScanResult:
    """Scan files and directories.

    In a repository a directory means what git would see there, tracked and untracked but not ignored; with
    `all_files`, and outside of repositories, it means everything but git's object store. Links, pipes and
    devices are read where they are named in `paths`, not where they are met in a directory. `on_progress` is
    told of the bytes done and the bytes in all. Raises UsageError for a path that does not exist.
    """
    problems: list[Problem] = []
    for start in paths:
        _check_exists(start)
    streams = [start for start in dict.fromkeys(paths) if _is_stream(start)]
    files = _once(
        path for start in paths if start not in streams for path in _files_of(start, all_files, problems)
    )
    result = scan_all(files, limits or Limits(), options or Options(), jobs, on_progress, streams)
    return ScanResult(
        pair_across(result.findings),
        (*problems, *result.problems),
        result.scanned_bytes,
        result.scanned_items,
    )


def listed(start: str) -> tuple[list[int], list[Problem]]:
    """Sizes in bytes of the files that `scan_paths` would read below `start`, and what it could not look at."""
    problems: list[Problem] = []
    _check_exists(start)
    sizes = []
    for path in _once(_files_of(start, all_files=False, problems=problems)):
        try:
            status = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            sizes.append(status.st_size)
    return sizes, problems


def _check_exists(start: str) -> None:
    try:
        os.lstat(os.path.abspath(start))  # where the current directory is gone, nothing in it can be listed
    except OSError as error:
        raise UsageError(f"{start} cannot be scanned ({error.strerror}): name a file or directory.") from error


def _is_stream(start: str) -> bool:
    return not os.path.isdir(start) and not stat.S_ISREG(os.lstat(start).st_mode)


def _once(paths: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for path in paths:
        if path not in seen:
            seen.add(path)
            yield path


def _files_of(start: str, all_files: bool, problems: list[Problem]) -> Iterator[str]:
    if not os.path.isdir(start):
        yield start
        return
    waiting = [start]
    while waiting:
        here = waiting.pop()
        names = None if all_files else _seen_by_git(here, problems, nested=here != start)
        if names is None:
            yield from _walk(here, problems)
            continue
        for name in names:
            path = os.path.normpath(os.path.join(here, os.fsdecode(name)))
            if os.path.isdir(path) and not os.path.islink(path):
                waiting.append(path)  # a submodule or a nested repository
            else:
                yield path


def _seen_by_git(directory: str, problems: list[Problem], *, nested: bool) -> list[bytes] | None:
    """Names below `directory`, or None where git cannot tell them.

    A `nested` directory that is no repository of its own is a submodule without content of git's: inside of it
    git would speak of the outer repository.
    """
    inside = git.answer(("rev-parse", "--is-inside-work-tree", "--show-prefix"), directory)
    if inside is None or not inside.startswith(b"true\n") or (nested and inside != b"true\n\n"):
        return None
    if git.answer(("check-ignore", "-q", "."), directory) is not None:
        return None
    origin = Origin(directory, Source.FILE)
    try:
        names, warnings = _listed(directory)
    except GitError as error:
        message = f"was searched without git, ignored files included: {str(error).removesuffix('.')}"
        problems.append(Problem(ProblemCode.UNREADABLE, message, origin))
        return None
    problems += [
        Problem(ProblemCode.UNREADABLE, f"was not listed in full ({warning})", origin) for warning in warnings
    ]
    return names


def _listed(directory: str) -> tuple[list[bytes], list[str]]:
    """What git sees below `directory`, and what it says about that which it could not look at."""
    arguments = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    listing, messages = git.run_warned(arguments, directory)
    deleted = set(git.run(("ls-files", "-z", "--deleted"), directory).split(b"\0"))
    names = [name for name in listing.split(b"\0")[:-1] if name not in deleted]
    warnings = [message.removeprefix("warning: ") for message in messages]
    # an unreadable list of what to ignore hides nothing
    return names, [warning for warning in warnings if not warning.startswith("unable to access")]


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
