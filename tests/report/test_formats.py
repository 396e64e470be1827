"""What every format owes its readers: an order, nothing hidden, no secret, and no word of an attacker acted on."""

from __future__ import annotations

import random
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.findings import (
    Finding,
    Origin,
    Part,
    Place,
    Problem,
    ProblemCode,
    Role,
    ScanResult,
    Secret,
    Severity,
)
from keysweep.findings import Source as FindingSource
from keysweep.frozen import replace
from keysweep.report import FORMATS
from keysweep.report.rules import MEANINGS
from keysweep.report.severities import LEVELS
from tests.report.samples import HIDDEN, HOSTILE, WHEN, everything, hostile, pair, written

FURTHER = [form for form in FORMATS if form not in ("text", "json")]
ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1)
TIMES = {"started": WHEN, "ended": WHEN}


def at_that_time(form: str, result: ScanResult) -> str:
    more = TIMES if form in ("sarif", "gitlab") else {"now": WHEN} if form == "html" else {}
    return written(form, result, **more)


@pytest.mark.parametrize("form", FURTHER)
def test_the_order_of_findings_does_not_depend_on_who_found_them_first(form: str) -> None:
    result = everything()
    shuffled = list(result.findings)
    random.Random(1).shuffle(shuffled)
    other = replace(result, findings=tuple(shuffled), problems=result.problems[::-1])
    assert at_that_time(form, result) == at_that_time(form, other)


@pytest.mark.parametrize("form", FURTHER)
def test_the_worst_findings_come_first(form: str) -> None:
    low, high = "first/by/name.ini", "later/by/name.ini"
    findings = (
        pair(origin=Origin(low, FindingSource.FILE), severity=Severity.LOW),
        pair(origin=Origin(high, FindingSource.FILE)),
    )
    text = at_that_time(form, ScanResult(findings))
    assert 0 < text.index(high) < text.index(low)


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_not_read_is_told_also_where_nothing_was_found(form: str) -> None:
    problem = Problem(ProblemCode.DAMAGED, "is damaged beyond reading", Origin("broken.gz", FindingSource.FILE))
    text = at_that_time(form, ScanResult(problems=(problem,)))
    assert "broken.gz" in text
    assert "is damaged beyond reading" in text
    assert "incomplete" in text or '"complete": false' in text or '"complete":false' in text


@pytest.mark.parametrize("form", FORMATS)
def test_a_clean_scan_does_not_speak_of_problems(form: str) -> None:
    text = at_that_time(form, ScanResult(scanned_items=3, scanned_bytes=7))
    assert "incomplete" not in text
    assert HIDDEN not in text


@pytest.mark.parametrize("form", FORMATS)
def test_no_field_of_a_finding_gives_its_secret_away(form: str) -> None:
    text = at_that_time(form, everything())
    assert HIDDEN[:8] not in text


@pytest.mark.parametrize("form", FURTHER)
@given(value=ANY_TEXT)
def test_no_secret_whatever_is_in_it_reaches_a_report(form: str, value: str) -> None:
    part = Part(Role.SECRET, Secret(f"{value}{HIDDEN}"), Place(1, 1, 0, 9, snippet="x"))
    assert HIDDEN not in at_that_time(form, ScanResult((pair(parts=(part,)),)))


@pytest.mark.parametrize("form", [form for form in FURTHER if form != "jsonl"])
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_is_shown_as_printable_text(form: str, number: int) -> None:
    text = at_that_time(form, hostile(HOSTILE[number]))
    assert not {unicodedata.category(each) for each in text.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    text.encode("utf-8")


@pytest.mark.parametrize("form", FURTHER)
@given(text=ANY_TEXT)
def test_any_text_can_stand_anywhere_in_any_format(form: str, text: str) -> None:
    at_that_time(form, hostile(text)).encode("utf-8")


@pytest.mark.parametrize("form", FURTHER)
def test_ten_thousand_findings_take_seconds(form: str) -> None:
    result = ScanResult(tuple(numbered(number) for number in range(10_000)))
    began = time.process_time()
    at_that_time(form, result)
    assert time.process_time() - began < 10


def numbered(number: int) -> Finding:
    return pair(origin=Origin(f"src/{number}.ini", FindingSource.FILE), fingerprint=f"{number:032x}")


def test_every_severity_and_every_kind_has_its_row() -> None:
    assert set(LEVELS) == set(Severity)
    assert set(MEANINGS) == set(type(pair().kind))
    scores = [float(LEVELS[severity].score) for severity in Severity]
    assert scores == sorted(scores)
