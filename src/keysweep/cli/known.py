"""What `keysweep baseline` works on: the findings of a scan, or of a findings file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from keysweep.cli.progress import progress_line
from keysweep.cli.scan import root_of
from keysweep.cli.settled import load_settings
from keysweep.errors import UsageError
from keysweep.findings import Finding, ScanResult
from keysweep.frozen import frozen
from keysweep.settings import Settings
from keysweep.suppress.policy import apply, seen_from


@frozen
class Known:
    """Findings by their fingerprints, each with the path where it stands."""

    counting: tuple[tuple[str, str], ...]
    """Those that nothing but the baseline may silence."""
    silenced: tuple[tuple[str, str], ...]
    """Those that configuration and pragmas silence already."""
    complete: bool
    """Whether everything could be scanned."""


@frozen
class Scanned:
    """What came of a scan, with the settings by which it was made."""

    result: ScanResult
    settings: Settings
    root: Path

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, as nothing silences them yet."""
        return self.result.findings

    @property
    def complete(self) -> bool:
        """Whether everything could be scanned."""
        return not self.result.problems


def is_findings_file(paths: tuple[str, ...], history: bool) -> bool:
    """Whether these are not to be scanned, but one file that tells of a scan."""
    return len(paths) == 1 and paths[0].endswith(".json") and os.path.isfile(paths[0]) and not history


def known(paths: tuple[str, ...], history: bool, config: Path | None) -> Known:
    """Read the one findings file in `paths`, or else scan them."""
    if is_findings_file(paths, history):
        from keysweep.report.read import told

        file = told(paths[0])
        return Known(file.found, file.suppressed, file.complete)
    scanned = scan_for_baseline(paths, history, config)
    kept, _ = apply(ScanResult(scanned.findings), scanned.settings, os.fspath(scanned.root))
    silenced = [each.finding for each in kept.suppressed if each.finding]
    return Known(named(kept.findings, scanned.root), named(silenced, scanned.root), scanned.complete)


def scan_for_baseline(paths: tuple[str, ...], history: bool, config: Path | None) -> Scanned:
    """Scan paths, or the history of one repository, by the configuration that holds there."""
    if history and len(paths) > 1:
        raise UsageError("--history scans one repository: leave out the other paths.")
    root = root_of(paths)
    settings = load_settings(root, config)
    with progress_line() as report:
        if history:
            from keysweep.sources.history.full import scan_history
            from keysweep.sources.history.whole import scan_source

            sweep = partial(
                scan_history, limits=settings.limits, options=settings.options(), jobs=None, on_progress=report
            )
            result = scan_source(paths[0] if paths else None, sweep, report, cached=False)
        else:
            from keysweep.sources.files import scan_paths

            result = scan_paths(
                paths or (".",), limits=settings.limits, options=settings.options(), on_progress=report
            )
    return Scanned(result, settings, root)


def named(findings: Sequence[Finding], root: Path) -> tuple[tuple[str, str], ...]:
    """Fingerprints and paths, as a baseline in the directory `root` names them."""
    return tuple((each.fingerprint, seen_from(os.fspath(root), each.origin)) for each in findings)
