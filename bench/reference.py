"""Whether a sweep of history finds what scanning every object by itself finds, in the same objects.

Name repositories (bare mirrors are best). Each is swept by one process, then git prints every object and each is
scanned whole, which takes many times as long. Prints what only one of the two found, and exits with 1 if there is
anything.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from keysweep.findings import Problem
from keysweep.sources.history.objects.database import sweep_history
from keysweep.sources.history.objects.stores import find_stores
from tests.sources.history_reference import holder, scanned


def main() -> None:
    """Print a line for each repository and one for each difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", type=Path)
    arguments = parser.parse_args()
    same = [_is_same(repository) for repository in arguments.repositories]
    sys.exit(not all(same))


def _is_same(repository: Path) -> bool:
    begin = time.perf_counter()
    swept = sweep_history(find_stores(os.fspath(repository)), jobs=1)
    found = {(finding.fingerprint, holder(finding)) for finding in swept.findings}
    found |= {_shown(problem, problem.origin.blob or "" if problem.origin else "") for problem in swept.problems}
    middle = time.perf_counter()
    expected: set[tuple[str, str]] = set()
    count = 0
    for name, result in scanned(repository):
        count += 1
        expected |= {(finding.fingerprint, name) for finding in result.findings}
        expected |= {_shown(problem, name) for problem in result.problems}
    end = time.perf_counter()
    name = repository.parent.name if repository.name == "repo" else repository.name
    print(
        f"{name:28} {count:9} objects {len(expected):6} findings and problems, {len(expected - found)} missed,"
        f" {len(found - expected)} more; {middle - begin:.0f} s and {end - middle:.0f} s",
        flush=True,
    )
    differences = [f"    missed {each}" for each in sorted(expected - found)]
    differences += [f"    only here {each}" for each in sorted(found - expected)]
    if len({swept.listed_objects, swept.scanned_objects, count}) > 1:
        differences.append(f"    {swept.listed_objects} listed, {swept.scanned_objects} scanned, {count} by git")
    for difference in differences:
        print(difference, flush=True)
    return not differences


def _shown(problem: Problem, name: str) -> tuple[str, str]:
    return f"{problem.code.value}: {problem.message}", name


if __name__ == "__main__":
    main()
