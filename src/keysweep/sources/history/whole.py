"""A repository with all that it holds: its own objects, and those of submodules in its git directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol

from keysweep.errors import GitError
from keysweep.findings import INTERRUPTED, Accounting, Finding, Origin, Problem, ProblemCode, ScanResult, Source
from keysweep.frozen import replace
from keysweep.sources.history.opening.elsewhere import Elsewhere
from keysweep.sources.history.opening.source import Repository, opened_source
from keysweep.sources.history.opening.submodules import Submodule, find_submodules
from keysweep.sources.progress import OnProgress


class _Scan(Protocol):
    def __call__(self, repository: str, *, cached: bool) -> ScanResult: ...


def scan_source(
    named: str | None, scan: _Scan, on_progress: OnProgress | None = None, *, cached: bool = False
) -> ScanResult:
    """Scan what `opened_source` makes of `named`, and then each of its submodules, as `scan` does it.

    Paths in a submodule begin with its name. Where `cached`, what an earlier scan did is not done again; of a copy
    nothing is remembered. Raises what `opened_source` and `scan` raise of the repository; what is wrong with a
    submodule is a problem.
    """
    with opened_source(named, on_progress) as repository:
        results = list(_scanned(repository, partial(scan, cached=cached and repository.private is None)))
    return _summed(repository, results)


def scan_without_submodules(
    named: str | None, scan: Callable[[str], ScanResult], on_progress: OnProgress | None = None
) -> ScanResult:
    """Scan what `opened_source` makes of `named` as `scan` does it, and nothing else that lies in it."""
    with opened_source(named, on_progress) as repository:
        result = scan(repository.path)
    return _summed(repository, [result])


def _summed(repository: Repository, results: Sequence[ScanResult]) -> ScanResult:
    """The results as one, with what is wrong with the repository itself, once it was closed."""
    problems = list(repository.problems)
    missing, private = repository.missing, repository.private
    if private is not None and private.is_left:
        message = f"what was scanned was copied to {private.path}, which could not be removed: delete it"
        problems.append(Problem(ProblemCode.UNREADABLE, message))
    counts = [result.objects for result in results if result.objects]
    return ScanResult(
        tuple(finding for result in results for finding in result.findings),
        tuple(dict.fromkeys((*problems, *(problem for result in results for problem in result.problems)))),
        sum(result.scanned_bytes for result in results),
        sum(result.scanned_items for result in results),
        Accounting(
            sum(each.listed for each in counts) + missing,
            sum(each.scanned for each in counts),
            sum(each.skipped for each in counts) + missing,
            sum(each.earlier for each in counts),
        ),
        tuple(note for result in results for note in result.notes),
    )


def _scanned(repository: Repository, scan: Callable[[str], ScanResult]) -> Iterator[ScanResult]:
    """The results of the repository and of its submodules; none follows one that was interrupted."""
    result = scan(repository.path)
    yield result
    submodules, unread = find_submodules(repository.path)
    yield ScanResult(problems=tuple(_unlisted(unread)))
    for submodule in submodules:
        if any(problem.code is ProblemCode.INTERRUPTED for problem in result.problems):
            return
        forget_packs()
        try:
            result = _scanned_submodule(submodule, scan)
        except KeyboardInterrupt:
            result = ScanResult(problems=(INTERRUPTED,))
        yield result


def forget_packs() -> None:
    """Let go of the packs of one repository before the next: nothing of them is needed any more, nor kept open."""
    from keysweep.sources.history.objects.decode import trees_of
    from keysweep.sources.history.objects.packs import opened

    opened.cache_clear()
    trees_of.cache_clear()


def _unlisted(paths: Iterable[str]) -> Iterator[Problem]:
    for path in paths:
        yield Problem(ProblemCode.UNREADABLE, f"{path} cannot be listed: no submodule was looked for there")


def _scanned_submodule(submodule: Submodule, scan: Callable[[str], ScanResult]) -> ScanResult:
    where = Origin(submodule.name, Source.HISTORY)
    if submodule.leads_out:
        message = (
            f"its objects are behind a link that leads out of the repository: scan {submodule.path} by itself"
        )
        return ScanResult(problems=(Problem(ProblemCode.UNREADABLE, message, where),))
    try:
        with Elsewhere(submodule.path):
            result = scan(submodule.path)
    except GitError:
        message = f"the repository of this submodule, {submodule.path}, cannot be opened: it is damaged"
        return ScanResult(problems=(Problem(ProblemCode.DAMAGED, message, where),))
    return replace(
        result,
        findings=tuple(_moved(finding, submodule.name) for finding in result.findings),
        problems=tuple(
            replace(each, origin=_below(submodule.name, each.origin) if each.origin else where)
            for each in result.problems
        ),
    )


def _moved(finding: Finding, name: str) -> Finding:
    """The finding as seen from the repository around the submodule."""
    return replace(
        finding,
        origin=_below(name, finding.origin),
        parts=tuple(replace(each, origin=each.origin and _below(name, each.origin)) for each in finding.parts),
        alternatives=tuple(
            replace(each, origin=each.origin and _below(name, each.origin)) for each in finding.alternatives
        ),
        exposures=tuple(replace(each, path=f"{name}/{each.path}") for each in finding.exposures),
    )


def _below(name: str, origin: Origin) -> Origin:
    return replace(origin, path=f"{name}/{origin.path}" if origin.path else name)
