"""A machine scanned: its places and processes, what a key is worth there, and what could take its place."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from keysweep.detect.across import pair_across
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import redactor
from keysweep.findings import (
    INTERRUPTED,
    Finding,
    Origin,
    Part,
    Problem,
    ProblemCode,
    ScanResult,
    Source,
    WeakPlace,
)
from keysweep.frozen import replace
from keysweep.sources.machine import weak
from keysweep.sources.machine.access import Access, access_to
from keysweep.sources.machine.files import USUAL, Bounds, Expected, Search
from keysweep.sources.machine.places import Nature
from keysweep.sources.machine.processes import Environments
from keysweep.sources.machine.profiles import Configured, configured
from keysweep.sources.machine.replacement import replacements, summary
from keysweep.sources.machine.surroundings import surroundings
from keysweep.sources.machine.worth import weighed
from keysweep.sources.pool import scan_all
from keysweep.sources.progress import OnProgress

_MOST_OF_PROFILES = 4 << 20
"""Bytes of a file with profiles: the largest are those of companies with thousands of accounts."""


def scan_machine(
    home: str,
    environment: Mapping[str, str],
    running: Environments,
    *,
    limits: Limits = Limits(),
    options: Options = Options(),
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    bounds: Bounds = USUAL,
) -> ScanResult:
    """Scan the places of `home`, a real path, and judge what stands there and in the environments of processes.

    Nothing is asked over the network, and no program is started. An interrupt ends with what was found until then.
    """
    search = Search(home, environment, bounds, on_progress)
    scanned = ScanResult()
    if INTERRUPTED not in running.problems:
        scanned = scan_all(search.files(), limits, options, jobs, on_progress)
    found = [_placed(each, search.expected) for each in pair_across(scanned.findings)]
    access = {path: access_to(path, home) for path in _worth_a_look(search.expected, found)}
    judged = [_weighed(each, search.expected, access) for each in found]
    judged += [weighed(each.finding, Nature.ENVIRONMENT) for each in running.inherited]
    known, unread = _profiles(search.expected)
    places = [
        *_of_files(search.expected, access, judged),
        *weak.of_profiles(replacements(known, surroundings(environment)), judged, search.expected),
        *weak.of_environments(running.inherited),
    ]
    problems = [each for each in scanned.problems if each.code is not ProblemCode.VANISHED]
    return ScanResult(
        tuple(judged),
        (*running.problems, *search.problems, *problems, *unread),
        scanned.scanned_bytes + running.scanned_bytes,
        scanned.scanned_items + running.scanned_items,
        notes=tuple(_notes(search, running, known)),
        weak=tuple(_without_secrets(_in_order(places), judged)),
    )


def _placed(finding: Finding, expected: Mapping[str, Expected]) -> Finding:
    """The finding, which also says what the places are where it stands."""

    def placed(origin: Origin) -> Origin:
        return replace(origin, what=expected[origin.path].what) if origin.path in expected else origin

    def part_of(part: Part) -> Part:
        return replace(part, origin=placed(part.origin)) if part.origin else part

    return replace(
        finding,
        origin=placed(finding.origin),
        parts=tuple(map(part_of, finding.parts)),
        alternatives=tuple(map(part_of, finding.alternatives)),
    )


def _worth_a_look(expected: Mapping[str, Expected], found: Iterable[Finding]) -> Iterator[str]:
    """Files whose permissions matter: there is a key in them, or they are there for secrets."""
    yield from dict.fromkeys(each.origin.path for each in found if each.origin.path in expected)
    yield from (path for path, each in expected.items() if each.place.keeps_secrets)


def _weighed(finding: Finding, expected: Mapping[str, Expected], access: Mapping[str, Access]) -> Finding:
    path = finding.origin.path
    if path not in expected:
        return finding
    return weighed(finding, expected[path].place.nature, access[path])


def _of_files(
    expected: Mapping[str, Expected], access: Mapping[str, Access], findings: Sequence[Finding]
) -> Iterator[WeakPlace]:
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        by_path[each.origin.path].append(each)
    for path, its in access.items():
        yield from weak.of_file(path, expected[path], its, by_path.get(path, ()))


def _profiles(expected: Mapping[str, Expected]) -> tuple[Configured, list[Problem]]:
    """What the files of AWS's tools say, those that a variable names too."""
    problems: list[Problem] = []
    texts = {"AWS config file": "", "AWS credentials file": ""}
    for path, each in expected.items():
        if each.place.what in texts:
            try:
                texts[each.place.what] += f"\n{_text_of(path)}"
            except OSError:
                continue  # the scan of it said so
            except ValueError:
                message = f"is larger than {_MOST_OF_PROFILES >> 20} MiB: its profiles were not looked at"
                problems.append(Problem(ProblemCode.LIMIT, message, Origin(path, Source.FILE, what=each.what)))
    return configured(texts["AWS config file"], texts["AWS credentials file"]), problems


def _text_of(path: str) -> str:
    """A regular file as text, whatever is at its path by now; OSError, or ValueError where it is too large."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    with open(descriptor, encoding="utf-8", errors="replace", newline=None) as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        text = stream.read(_MOST_OF_PROFILES + 1)
    if len(text) > _MOST_OF_PROFILES:
        raise ValueError(path)
    return text


def _notes(search: Search, running: Environments, known: Configured) -> Iterator[str]:
    yield from search.notes
    yield from running.notes
    if told := summary(known):
        yield f"profiles of AWS get their credentials from {told}"
    if os.name != "posix":
        yield "permissions of files were not looked at: on this system lists decide that keysweep does not read"


def _in_order(places: Iterable[WeakPlace]) -> list[WeakPlace]:
    """The worst first; of one rule and severity together, by their paths."""
    ranks = {rule.id: number for number, rule in enumerate(weak.RULES)}
    return sorted(places, key=lambda each: (-each.severity, ranks[each.rule], each.origin.path))


def _without_secrets(places: Iterable[WeakPlace], findings: Sequence[Finding]) -> Iterator[WeakPlace]:
    """A profile can be called as its secret is."""
    redacted = redactor(findings)
    for each in places:
        yield replace(
            each,
            evidence=tuple(map(redacted, each.evidence)),
            steps=tuple(map(redacted, each.steps)),
            snippet=redacted(each.snippet),
        )
