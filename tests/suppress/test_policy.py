"""Suppression by configuration: dropped, but counted."""

from __future__ import annotations

import random
from datetime import date

import pytest

from fixtures.keys import key_id, secret
from keysweep import Origin, ScanResult, scan
from keysweep.detect.across import pair_across
from keysweep.findings import Confidence, Exposure, Silencer, Suppressed
from keysweep.frozen import replace
from keysweep.settings import Settings
from keysweep.suppress.baseline import Entry
from keysweep.suppress.policy import apply

RNG = random.Random(13)
PAIR = f"aws_access_key_id = {key_id(RNG)}\naws_secret_access_key = {secret(RNG)}\n".encode()


def found(path: str = "src/a.ini") -> ScanResult:
    return scan(PAIR, Origin(path))


def test_an_allowed_fingerprint_is_dropped_and_counted() -> None:
    allow = {found().findings[0].fingerprint: "rotated"}
    kept, suppressed = apply(found(), Settings(allow=allow))
    assert (kept.findings, suppressed) == ((), 1)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.ini", "src/a.ini", True),
        ("src/", "src/a.ini", True),
        ("src/", "lib/src/a.ini", True),
        ("rc/", "src/a.ini", False),
        ("src/*.ini", "src/a.ini", True),
        ("src/*.ini", "./src/a.ini", True),
        ("*.txt", "src/a.ini", False),
        ("A.INI", "src/a.ini", False),
    ],
)
def test_excluded_paths_are_dropped(pattern: str, path: str, matches: bool) -> None:
    _, suppressed = apply(found(path), Settings(exclude=(pattern,)))
    assert suppressed == matches


def test_too_uncertain_findings_are_dropped() -> None:
    result = found()
    unsure = replace(result, findings=(replace(result.findings[0], confidence=Confidence.LOW),))
    assert apply(unsure, Settings(min_confidence=Confidence.MEDIUM))[1] == 1
    assert apply(unsure, Settings())[1] == 0


def test_what_is_split_off_is_told_with_what_silenced_it() -> None:
    result = found()
    (finding,) = result.findings
    kept, _ = apply(result, Settings(allow={finding.fingerprint: "rotated"}))
    assert kept.suppressed == (Suppressed(Silencer.ALLOW, "rotated", finding=finding),)
    kept, _ = apply(result, Settings(exclude=("*.md", "src/")))
    assert kept.suppressed == (Suppressed(Silencer.EXCLUDE, "src/", finding=finding),)


def test_a_leak_that_also_stood_elsewhere_in_history_is_not_excluded() -> None:
    result = found()
    for paths, count in ((("src/a.ini", "src/b.ini"), 1), (("src/a.ini", "lib/a.ini"), 0)):
        leak = replace(result.findings[0], exposures=tuple(map(Exposure, paths)))
        assert apply(replace(result, findings=(leak,)), Settings(exclude=("src/",)))[1] == count


def test_a_pair_over_two_files_is_excluded_where_both_are() -> None:
    id_line, secret_line, _ = PAIR.split(b"\n")
    halves = [*scan(id_line, Origin("src/id")).findings, *scan(secret_line, Origin("src/secret")).findings]
    result = ScanResult(pair_across(halves))
    assert len(result.findings) == 1
    assert apply(result, Settings(exclude=("src/id",)))[1] == 0
    assert apply(result, Settings(exclude=("src/",)))[1] == 1


def entry(until: str | None = None) -> dict[str, Entry]:
    fingerprint = found().findings[0].fingerprint
    return {fingerprint: Entry(fingerprint, "2026-01-01", "someone", "revoked", until)}


def test_an_entry_of_the_baseline_holds_until_its_last_day_and_then_says_that_it_expired() -> None:
    for until, now in ((None, date(2099, 1, 1)), ("2027-01-31", date(2027, 1, 31))):
        kept, count = apply(found(), Settings(), baseline=entry(until), now=now)
        assert (kept.findings, count) == ((), 1)
        assert (kept.suppressed[0].by, kept.suppressed[0].owner) == (Silencer.BASELINE, "someone")
    kept, count = apply(found(), Settings(), baseline=entry("2027-01-31"), now=date(2027, 2, 1))
    assert count == 0
    assert kept.findings[0].reasons[-1] == "its entry in the baseline, of someone, expired on 2027-01-31"


@pytest.mark.parametrize(
    ("said", "count", "reason"),
    [
        ("", 1, ""),
        ("until 2027-01-31", 1, ""),
        ("until 2027-01-30", 0, "expired on 2027-01-30"),
        ("until 2027-02-30", 0, "has no date behind `until` ('2027-02-30'): write it as 2027-01-31"),
        ("until", 0, "has no date behind `until` (''): write it as 2027-01-31"),
    ],
)
def test_a_pragma_holds_until_its_last_day_and_then_says_that_it_expired(
    said: str, count: int, reason: str
) -> None:
    marked = PAIR.rstrip(b"\n") + f" # keysweep:allow {said}\n".encode()
    kept, suppressed = apply(scan(marked, Origin("a")), Settings(), now=date(2027, 1, 31))
    assert suppressed == count
    if reason:
        assert kept.findings[0].reasons[-1] == f"the `keysweep:allow` next to it {reason}"


def test_a_pragma_that_is_not_heeded_says_so() -> None:
    marked = PAIR.rstrip(b"\n") + b" # keysweep:allow\n"
    kept, suppressed = apply(scan(marked, Origin("a")), Settings(), heeds=lambda *_: False)
    assert suppressed == 0
    assert (
        kept.findings[0].reasons[-1]
        == "the `keysweep:allow` next to it is not taken: it came with what it would allow"
    )
