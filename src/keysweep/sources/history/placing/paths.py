"""Keys in names, once the whole path is known: a tree lists a directory apart from what stands in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keysweep.detect.scanner import redactor
from keysweep.findings import Exposure, Finding
from keysweep.frozen import replace
from keysweep.sources.history.placing.leaks import is_name


def read_whole(finding: Finding, scan: Callable[[str], Sequence[Finding]]) -> Finding:
    """The finding with what the rest of its path adds to it, and without a secret in any path.

    `scan` scans a path; only a finding in a name is read anew.
    """
    if not is_name(finding):
        return finding
    paths = dict.fromkeys((finding.origin.path, *(each.path for each in finding.exposures)))
    more = [each for path in paths for each in scan(path) if each.key_id == finding.key_id]
    fuller = next((each for each in more if len(each.parts) > len(finding.parts)), None)
    shown = redactor(more)

    def exposure(each: Exposure) -> Exposure:
        return replace(each, path=shown(each.path))

    return replace(
        fuller or finding,
        origin=replace(finding.origin, path=shown(finding.origin.path)),
        exposures=tuple(map(exposure, finding.exposures)),
    )
