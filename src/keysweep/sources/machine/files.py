"""Which files of the table of places there are. Nothing but regular files is ever opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from errno import EACCES, ELOOP, EPERM

from keysweep.findings import Origin, Problem, ProblemCode, Source
from keysweep.frozen import frozen
from keysweep.sources.machine.globs import is_pattern, matches, roots, spelled_out
from keysweep.sources.machine.places import PLACES, Place
from keysweep.sources.progress import OnProgress, Progress

_VIEWS = ("/proc/", "/sys/", "/dev/")
"""What the system shows of itself looks like files."""
_NOT_THERE = (FileNotFoundError, NotADirectoryError)


@frozen
class Bounds:
    """How much of one place is read; beyond that the scan says so. Directories count as files."""

    files: int = 20_000
    file_bytes: int = 256 << 20
    place_bytes: int = 4 << 30
    depth: int = 16


USUAL = Bounds()


@frozen
class Expected:
    """A file that is where the table says."""

    place: Place
    by: str = ""
    """The variable or the link that led to it, if the table alone did not."""

    @property
    def what(self) -> str:
        """In words."""
        return f"{self.place.what}, {self.by}" if self.by else self.place.what


class Search:
    """The files of all places, and what could not be looked at; `files` fills the rest while it goes."""

    def __init__(
        self,
        home: str,
        environment: Mapping[str, str],
        bounds: Bounds = USUAL,
        on_progress: OnProgress | None = None,
    ) -> None:
        """`home` is the real path of the home directory."""
        self.expected: dict[str, Expected] = {}
        """By the real path of a file."""
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self._home = home
        self._environment = environment
        self._bounds = bounds
        self._on_progress = on_progress
        self._roots = roots(home, environment)
        self._owner = os.stat(home).st_uid
        self._listed: dict[str, tuple[str, ...]] = {}
        self._met: set[str] = set()

    def files(self) -> Iterator[str]:
        """Real paths, each once, in the order of the table."""
        for number, place in enumerate(PLACES):
            if self._on_progress:
                self._on_progress(Progress("looking for files", number, len(PLACES)))
            room = _Room(self._bounds)
            for path, by in self._beginnings(place):
                yield from self._at(path, Expected(place, by), room)
            if room.is_full:
                self._problem(
                    ProblemCode.LIMIT,
                    f"{place.what}: there are more than {self._bounds.files} files and directories or "
                    f"{self._bounds.place_bytes >> 20} MiB of it, and the rest was not scanned",
                )

    def _beginnings(self, place: Place) -> Iterator[tuple[str, str]]:
        for variable in place.variables:
            for path in _named(self._environment.get(variable, ""), self._home):
                yield path, f"as {variable} says"
        for glob in place.globs:
            for base, names in spelled_out(glob, self._roots):
                for path in self._matching(base, names):
                    yield path, ""

    def _matching(self, base: str, names: tuple[str, ...]) -> list[str]:
        paths = [base]
        for name in names:
            if is_pattern(name):
                paths = [
                    os.path.join(path, each)
                    for path in paths
                    for each in self._listing(path)
                    if matches(each, name)
                ]
            else:
                paths = [os.path.join(path, name) for path in paths]
        return paths

    def _listing(self, directory: str) -> tuple[str, ...]:
        if directory not in self._listed:
            try:
                self._listed[directory] = tuple(sorted(os.listdir(directory)))
            except OSError as error:
                self._listed[directory] = ()
                self._unreadable(directory, error)
        return self._listed[directory]

    def _at(self, path: str, expected: Expected, room: _Room) -> Iterator[str]:
        """What a path of the table, or of a variable, leads to; a link that leads out is told."""
        try:
            status = os.stat(path)
            real = os.path.realpath(path, strict=True)
        except OSError as error:
            self._unreadable(path, error, is_named=bool(expected.by))
            return
        if self._leads_nowhere(path, real, status):
            return
        if real != path:
            expected = Expected(expected.place, expected.by or f"by the link {path}")
            self._tell_if_foreign(path, real, status)
        if stat.S_ISDIR(status.st_mode):
            yield from self._below(real, expected, room)
        elif stat.S_ISREG(status.st_mode):
            if self._is_ours(real) or expected.by or _may(real, os.R_OK):
                yield from self._take(real, status.st_size, expected, room)
        elif stat.S_ISFIFO(status.st_mode):
            message = (
                f"is a pipe in the place of the {expected.what}: it was not opened, so nobody knows what it gives"
            )
            self._problem(ProblemCode.UNREADABLE, message, path)

    def _leads_nowhere(self, path: str, real: str, status: os.stat_result) -> bool:
        """Whether a link leads in a circle, or to what is no place on a disk."""
        if stat.S_ISDIR(status.st_mode) and f"{self._home}{os.sep}".startswith(os.path.join(real, "")):
            return True
        is_view = f"{real}/".startswith(_VIEWS) and stat.S_IFMT(status.st_mode) in (stat.S_IFDIR, stat.S_IFREG)
        if is_view:
            self.notes.append(f"{path} leads to {real}, which is no place on a disk: it was not scanned")
        return is_view

    def _below(self, top: str, expected: Expected, room: _Room) -> Iterator[str]:
        """Everything in a directory; links that are met there are left alone."""
        waiting = [(top, 1)]
        while waiting and not room.is_full:
            here, depth = waiting.pop()
            try:
                with os.scandir(here) as entries:
                    found = sorted(entries, key=lambda each: each.name)
            except OSError as error:
                self._unreadable(here, error)
                continue
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    if depth < self._bounds.depth and room.holds(0):
                        waiting.append((entry.path, depth + 1))
                    elif not room.is_full:
                        message = f"is nested deeper than {self._bounds.depth} directories, and was not scanned"
                        self._problem(ProblemCode.LIMIT, message, entry.path)
                elif entry.is_file(follow_symlinks=False):
                    try:
                        size = entry.stat(follow_symlinks=False).st_size
                    except OSError:
                        continue  # gone meanwhile
                    yield from self._take(entry.path, size, expected, room)

    def _take(self, path: str, size: int, expected: Expected, room: _Room) -> Iterator[str]:
        if path in self._met:
            return
        self._met.add(path)
        if size > self._bounds.file_bytes:
            message = (
                f"is larger than {self._bounds.file_bytes >> 20} MiB, and was not scanned: "
                "name it to `keysweep scan` by itself"
            )
            self._problem(ProblemCode.LIMIT, message, path)
        elif room.holds(size):
            self.expected[path] = expected
            yield path

    def _tell_if_foreign(self, path: str, real: str, status: os.stat_result) -> None:
        if status.st_uid != self._owner and not self._is_ours(real):
            self.notes.append(f"{path} leads to {real}, which belongs to user {status.st_uid}: it was scanned too")

    def _is_ours(self, path: str) -> bool:
        return path == self._home or path.startswith(os.path.join(self._home, ""))

    def _unreadable(self, path: str, error: OSError, *, is_named: bool = False) -> None:
        """A problem, unless nothing is there, or it is a file of the system, which need not let anybody in.

        Of all that is in a directory which lets nobody in, the directory is told.
        """
        if isinstance(error, _NOT_THERE) or error.errno == ELOOP:
            return
        if error.errno in (EACCES, EPERM) and not (is_named or self._is_ours(path)):
            return
        while self._is_ours(parent := os.path.dirname(path)) and not _may(parent, os.X_OK):
            path = parent
        if path not in self._met:
            self._met.add(path)
            self._problem(ProblemCode.UNREADABLE, f"cannot be looked at ({error.strerror})", path)

    def _problem(self, code: ProblemCode, message: str, path: str | None = None) -> None:
        self.problems.append(Problem(code, message, Origin(path, Source.FILE) if path else None))


class _Room:
    """What may still be read of a place."""

    def __init__(self, bounds: Bounds) -> None:
        self._files = bounds.files
        self._bytes = bounds.place_bytes
        self.is_full = False

    def holds(self, size: int) -> bool:
        """Whether one more file of so many bytes is within the bounds; if not, no other one is."""
        self._files -= 1
        self._bytes -= size
        self.is_full = self.is_full or self._files < 0 or self._bytes < 0
        return not self.is_full


def _may(path: str, how: int) -> bool:
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)


def _named(value: str, home: str) -> list[str]:
    """The paths in a variable: one, or several as in PATH."""
    if not value:
        return []
    paths = [value] if os.path.exists(_expanded(value, home)) else value.split(os.pathsep)
    return [_expanded(path, home) for path in paths if path]


def _expanded(path: str, home: str) -> str:
    if path == "~" or path.startswith(("~/", "~" + os.sep)):
        return os.path.normpath(os.path.join(home, path[2:]))
    return os.path.abspath(path)
