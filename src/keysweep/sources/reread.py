"""Findings that were recorded without their secrets, read again from where they stood.

What a place holds now counts only if its keyed hash, the fingerprint, is still the recorded one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from keysweep import git
from keysweep.detect.across import pair_across
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.errors import KeysweepError, UsageError
from keysweep.findings import INTERRUPTED, Finding, Origin, Recorded, ScanResult, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.files import scan_paths
from keysweep.sources.history.opening.elsewhere import Elsewhere
from keysweep.sources.history.opening.source import local_path, opened_source
from keysweep.sources.history.opening.submodules import find_submodules
from keysweep.sources.large import scan_object
from keysweep.sources.windows import scan_in_memory

_MOST_BYTES = 64 << 20
"""Larger objects are read in windows."""


@frozen
class Reread:
    """What became of one recorded finding."""

    recorded: Recorded
    finding: Finding | None
    """With its secrets; None if it is not there any more, or could not be read."""
    reason: str = ""
    """Why there is none."""


def reread(
    recorded: Sequence[Recorded],
    directory: str,
    repository: str | None,
    limits: Limits = Limits(),
    options: Options = Options(),
) -> Iterator[Reread]:
    """Read each finding again, in their order; files are looked for from `directory` on, objects in `repository`.

    That may be a bundle, and holds its submodules too. Nothing is raised for what cannot be read: the reason is in
    the answer. Raises KeyboardInterrupt, also where a scan of files by itself would keep what it has.
    """
    options = Options(True, options.canary_accounts, options.rules)
    files = _Files(recorded, directory, limits, options)
    objects = _Objects(recorded, repository, limits, options)
    for each in recorded:
        place = files if each.origin.source is Source.FILE else objects
        again = place.held(each)
        if again and each.canary and not again.canary:
            again = replace(again, canary=each.canary)
        yield Reread(each, again, "" if again else place.why_not(each.origin))


class _Found:
    """What was found, by its fingerprint and by where it stands."""

    def __init__(self) -> None:
        self._anywhere: dict[str, Finding] = {}
        self._there: dict[tuple[str, str, tuple[str, ...]], Finding] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Add what was found in one place or another."""
        for each in findings:
            self._anywhere.setdefault(each.fingerprint, each)
            self._there.setdefault((each.fingerprint, each.origin.path, each.origin.members), each)

    def nearest(self, recorded: Recorded, path: str) -> Finding | None:
        """That which stands there, or else anywhere: the session token beside it may be another."""
        there = self._there.get((recorded.fingerprint, path, recorded.origin.members))
        return there or self._anywhere.get(recorded.fingerprint)


class _Files:
    """What files hold now."""

    def __init__(self, recorded: Sequence[Recorded], directory: str, limits: Limits, options: Options) -> None:
        """Read them; what is no file any more is left out."""
        self._directory = directory
        self._found = _Found()
        self._problems: dict[str, str] = {}
        """By the path of a file."""
        paths = dict.fromkeys(self._path(each) for each in _origins(recorded) if each.source is Source.FILE)
        there = [path for path in paths if os.path.isfile(path)]
        if there:
            result = scan_paths(there, all_files=True, limits=limits, options=options)
            _stop_if_interrupted(result)
            self._found.add(result.findings)
            self._problems = {each.origin.path: each.message for each in result.problems if each.origin}

    def held(self, recorded: Recorded) -> Finding | None:
        """The finding, if a file still holds it."""
        return self._found.nearest(recorded, self._path(recorded.origin))

    def why_not(self, origin: Origin) -> str:
        """Why a finding is not held."""
        path = self._path(origin)
        if not os.path.isfile(path):
            return "it is not a file" if os.path.exists(path) else "the file is gone"
        if path in self._problems:
            return f"of the file something could not be scanned: {self._problems[path]}"
        return "the file no longer holds it"

    def _path(self, origin: Origin) -> str:
        return os.path.join(self._directory, origin.path)


class _Objects:
    """What objects of a repository, and of its submodules, hold."""

    def __init__(
        self, recorded: Sequence[Recorded], repository: str | None, limits: Limits, options: Options
    ) -> None:
        """Read them; what is wrong with the repository as a whole is told as the reason for each."""
        self._limits, self._options = limits, options
        self._found = _Found()
        self._read: set[str] = set()
        """Names of the objects that are there."""
        self._problems: dict[str, str] = {}
        """By the name of an object."""
        self._no_repository = "its repository is not here: name a copy with --repository"
        self._wanted: dict[str, dict[str, Origin]] = {}
        """By the name of an object the paths under which it was scanned: a path can be a finding by itself."""
        for each in _origins(recorded):
            if each.source is not Source.FILE and (name := _object_of(each)):
                self._wanted.setdefault(name, {})[each.path] = each
        if not self._wanted or not repository or not os.path.exists(local_path(repository)):
            return
        try:
            with opened_source(repository) as opened:
                for store in _stores(opened.path):
                    self._read_in(store)
                self._no_repository = ""
        except UsageError:
            self._no_repository = (
                "where its repository was is neither one nor a bundle: name a copy with --repository"
            )
        except KeysweepError as error:
            said = str(error).rstrip(".")
            if "not a git repository" in said:
                said = "there is none in that directory; name a copy with --repository"
            self._no_repository = f"its repository cannot be opened: {said}"

    def held(self, recorded: Recorded) -> Finding | None:
        """The finding, if an object holds it."""
        return self._found.nearest(recorded, recorded.origin.path)

    def why_not(self, origin: Origin) -> str:
        """Why a finding is not held."""
        name = _object_of(origin)
        if name is None:
            return "it came from a stream, which cannot be read again: scan and verify in one run"
        if name in self._problems:
            return f"of object {name[:12]} something could not be scanned: {self._problems[name]}"
        if name in self._read:
            return f"object {name[:12]} does not hold it"
        return self._no_repository or f"the repository does not hold object {name[:12]}"

    def _read_in(self, store: str) -> None:
        """Look for objects that no store before had; a pair over two of them is joined as it was."""
        names = [name for name in self._wanted if name not in self._read]
        if not names:
            return
        findings: list[Finding] = []
        with git.Objects(store) as objects:
            for name, (kind, content) in zip(names, objects.read_all(names, _MOST_BYTES), strict=True):
                if kind == git.MISSING:
                    continue
                self._read.add(name)
                for origin in self._wanted[name].values():
                    result = self._scan(name, kind, content, origin, store)
                    _stop_if_interrupted(result)
                    findings += result.findings
                    self._problems.update((name, each.message) for each in result.problems)
        self._found.add((*findings, *pair_across(findings)))

    def _scan(self, name: str, kind: str, content: bytes, origin: Origin, store: str) -> ScanResult:
        if kind == git.TOO_LARGE:
            return scan_object(name, "blob", origin, self._limits, self._options, store)
        if kind == "tree":
            from keysweep.sources.history.objects.names import scan_names

            findings = scan_names(content, len(name) // 2, name, self._limits, self._options)
            return ScanResult(tuple(replace(each, origin=origin) for each in findings))
        return scan_in_memory(content, origin, self._limits, self._options)


def _object_of(origin: Origin) -> str | None:
    """The object that holds what stands there, if it is one."""
    return origin.blob or origin.commit


def _stores(repository: str) -> Iterator[str]:
    """The repository and its submodules, each while git is held to it; raises GitError where there is none."""
    submodules, _ = find_submodules(repository)
    yield repository
    for submodule in submodules:
        if not submodule.leads_out:
            with Elsewhere(submodule.path):
                yield submodule.path


def _origins(recorded: Sequence[Recorded]) -> Iterator[Origin]:
    for each in recorded:
        yield from (each.origin, *each.further)


def _stop_if_interrupted(result: ScanResult) -> None:
    if INTERRUPTED in result.problems:
        raise KeyboardInterrupt
