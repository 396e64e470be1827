"""Suppression by configuration: dropped, but counted."""

from __future__ import annotations

import random

import pytest

from fixtures.keys import key_id, secret
from keysweep import Origin, ScanResult, scan
from keysweep.findings import Confidence
from keysweep.frozen import replace
from keysweep.settings import Settings
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
