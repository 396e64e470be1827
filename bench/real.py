"""Findings of keysweep per gigabyte of real source: the trees of given repositories, listed to be looked at.

Run `python -m bench.real REPOSITORY…` at the root of the repository; each is a work tree or a git directory.
Every file of `--revision` is scanned; findings are grouped by class, redacted, with examples of each class.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from keysweep import git
from keysweep.detect.options import Options
from keysweep.detect.scanner import scan
from keysweep.findings import Finding, Origin

_GIGABYTE = 10**9
_LARGEST_BYTES = 1 << 28
_TESTING = ("test", "spec", "fixture", "example", "doc", "sample", "mock")


@dataclass(slots=True)
class Tally:
    """What came of one or more repositories."""

    files: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)
    classes: dict[tuple[str, str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """(kind, severity or why it is a placeholder, sort of path) to one line for each finding."""


def main() -> None:
    """Scan every repository named and print the classes of what was found."""
    arguments = _arguments()
    tally = Tally()
    for repository in arguments.repositories:
        for path, content in _files(repository, arguments.revision):
            _scan(tally, f"{repository}:{path}", content)
    _print(tally, arguments.examples)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--revision", default="HEAD")
    parser.add_argument("--examples", type=int, default=5, help="findings to print of each class; 0 prints all")
    return parser.parse_args()


def _files(repository: Path, revision: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file in the tree of `revision`; links and submodules are passed over."""
    listing = git.run(("ls-tree", "-r", "-z", "--full-tree", revision), str(repository))
    with git.Objects(str(repository)) as objects:
        for entry in listing.split(b"\0")[:-1]:
            details, _, path = entry.partition(b"\t")
            mode, kind, name = details.split()
            if kind == b"blob" and mode != b"120000":
                found, content = objects.read(name.decode(), _LARGEST_BYTES)
                if found == "blob":
                    yield path.decode("utf-8", "surrogateescape"), content


def _scan(tally: Tally, path: str, content: bytes) -> None:
    start = time.perf_counter()
    result = scan(content, Origin(path), options=Options(report_placeholders=True))
    tally.seconds += time.perf_counter() - start
    tally.files += 1
    tally.size_bytes += len(content)
    tally.problems.update(problem.code for problem in result.problems)
    for finding in result.findings:
        verdict = f"placeholder: {finding.placeholder}" if finding.placeholder else finding.severity.label
        tally.classes[(finding.kind, verdict, _sort_of(path))].append(_described(finding))


def _sort_of(path: str) -> str:
    """`tests and docs` or `other`, with the file's suffix."""
    lowered = path.partition(":")[2].lower()
    place = "tests and docs" if any(word in lowered for word in _TESTING) else "other"
    return f"{place}, {PurePosixPath(lowered).suffix or 'no suffix'}"


def _described(finding: Finding) -> str:
    """One line without a secret and safe for a terminal."""
    values = " ".join(f"{part.role}={part.value.redacted}" for part in finding.parts)
    decoding = " via " + " → ".join(finding.place.decoding) if finding.place.decoding else ""
    reasons = "; ".join(finding.reasons)
    text = f"{finding.origin.display}:{finding.place.line} {finding.key_id or ''} {values}{decoding} ({reasons})"
    return text.encode("unicode_escape").decode()


def _print(tally: Tally, examples: int) -> None:
    gigabytes = tally.size_bytes / _GIGABYTE
    print(f"{tally.files} files, {gigabytes:.3f} GB, {tally.seconds:.1f} s ({gigabytes / tally.seconds:.3f} GB/s)")
    reported = [item for item in tally.classes.items() if not item[0][1].startswith("placeholder")]
    dropped = [item for item in tally.classes.items() if item[0][1].startswith("placeholder")]
    for title, classes in (("reported", reported), ("placeholders, not reported unless asked for", dropped)):
        count = sum(len(lines) for _, lines in classes)
        print(f"\n{title}: {count} findings, {count / gigabytes:.1f} per GB")
        _print_classes(classes, examples)
    if tally.problems:
        print("\nproblems: " + ", ".join(f"{code} {count}" for code, count in tally.problems.most_common()))


def _print_classes(classes: Iterable[tuple[tuple[str, str, str], list[str]]], examples: int) -> None:
    for (kind, verdict, sort), lines in sorted(classes, key=lambda item: -len(item[1])):
        print(f"  {len(lines):6}  {kind}, {verdict}, {sort}")
        for line in lines[: examples or None]:
            print(f"            {line}")


if __name__ == "__main__":
    main()
