"""Findings that were recorded without their secrets, read again from where they stood.

What a place holds now counts only if its keyed hash, the fingerprint, is still the recorded one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from keysweep import git
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import scan
from keysweep.errors import GitError
from keysweep.findings import Finding, Recorded, Source
from keysweep.frozen import frozen
from keysweep.sources.files import scan_paths
from keysweep.sources.large import scan_object

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

    Nothing is raised for what cannot be read: the reason is in the answer.
    """
    options = Options(True, options.canary_accounts, options.rules)
    found: dict[str, Finding] = {}
    for finding in (
        *_in_files(recorded, directory, limits, options),
        *_in_objects(recorded, repository, limits, options),
    ):
        found.setdefault(finding.fingerprint, finding)
    for each in recorded:
        again = found.get(each.fingerprint)
        yield Reread(each, again, "" if again else _why_not(each, directory, repository))


def _in_files(recorded: Sequence[Recorded], directory: str, limits: Limits, options: Options) -> Sequence[Finding]:
    origins = [origin for each in recorded for origin in (each.origin, *each.further)]
    paths = dict.fromkeys(
        os.path.join(directory, origin.path) for origin in origins if origin.source is Source.FILE
    )
    there = [path for path in paths if os.path.isfile(path)]
    if not there:
        return ()
    return scan_paths(there, all_files=True, limits=limits, options=options).findings


def _in_objects(
    recorded: Sequence[Recorded], repository: str | None, limits: Limits, options: Options
) -> Iterator[Finding]:
    origins = {
        name: origin
        for each in recorded
        for origin in (each.origin, *each.further)
        if origin.source is not Source.FILE and (name := origin.blob or origin.commit)
    }
    if not origins or repository is None or not os.path.isdir(repository):
        return
    try:
        with git.Objects(repository) as objects:
            for (name, origin), (kind, content) in zip(
                origins.items(), objects.read_all(list(origins), _MOST_BYTES), strict=True
            ):
                if kind == git.TOO_LARGE:
                    yield from scan_object(name, "blob", origin, limits, options, repository).findings
                elif kind != git.MISSING:
                    yield from scan(content, origin, limits, options).findings
    except GitError:
        return


def _why_not(recorded: Recorded, directory: str, repository: str | None) -> str:
    origin = recorded.origin
    if origin.source is Source.FILE:
        path = os.path.join(directory, origin.path)
        return "the file is gone" if not os.path.isfile(path) else "the file no longer holds it"
    if origin.blob is None and origin.commit is None:
        return "it came from a stream, which cannot be read again: scan and verify in one run"
    if repository is None or not os.path.isdir(repository):
        return "its repository is not here: name a copy with --repository"
    return f"the repository does not hold it in {(origin.blob or origin.commit or '')[:12]}"
