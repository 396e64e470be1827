"""An object of a repository that is too large to hold, scanned as git prints it."""

from __future__ import annotations

from keysweep import git
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Origin, Problem, ProblemCode, ScanResult
from keysweep.frozen import replace
from keysweep.sources.windows import scan_windows


def scan_object(
    name: str, kind: str, origin: Origin, limits: Limits, options: Options, cwd: str | None
) -> ScanResult:
    """Scan the object `name` in windows; one that git cannot print to its end is a problem at `origin`."""
    with git.Stream(("cat-file", kind, name), cwd) as stream:
        result = scan_windows(stream.read, origin, limits, options)
    if stream.ended_well:
        return result
    problem = Problem(ProblemCode.DAMAGED, "cannot be read to its end; `git fsck` says more", origin)
    return replace(result, problems=(*result.problems, problem))
