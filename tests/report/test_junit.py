"""JUnit XML: read as a test server reads it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import junitparser
import pytest

from keysweep.findings import Origin, Problem, ProblemCode, ScanResult, Severity, Source
from tests.report.samples import HOSTILE, everything, hostile, pair, written


def suite(result: ScanResult) -> junitparser.TestSuite:
    """The one suite; its counts are those of its cases."""
    text = written("junit", result)
    (read,) = junitparser.JUnitXml.fromstring(text.encode())
    cases = list(read)
    became = [type(each).__name__ for case in cases for each in case.result]
    assert (read.tests, read.failures) == (len(cases), became.count("Failure"))
    assert (read.errors, read.skipped) == (became.count("Error"), became.count("Skipped"))
    assert {each.tag for each in ET.fromstring(text).iter()} <= {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "skipped",
        "system-out",
    }
    return read


def test_a_finding_fails_and_one_below_the_threshold_is_skipped() -> None:
    read = suite(ScanResult((pair(), pair(severity=Severity.LOW))))
    assert (read.tests, read.failures, read.errors, read.skipped) == (2, 1, 0, 1)
    first = next(iter(read))
    assert first.classname == "conf/a.ini"
    assert "line 3" in first.name


def test_a_clean_scan_is_one_test_that_passes() -> None:
    read = suite(ScanResult(scanned_items=3))
    (case,) = read
    assert case.is_passed


def test_what_was_not_read_is_an_error() -> None:
    read = suite(ScanResult(problems=(Problem(ProblemCode.DAMAGED, "is damaged", Origin("a.gz", Source.FILE)),)))
    assert (read.tests, read.failures, read.errors) == (1, 0, 1)


def test_no_two_tests_have_the_same_name() -> None:
    cases = list(suite(ScanResult((*everything().findings, pair(), pair()), everything().problems * 2)))
    assert len({(case.classname, case.name) for case in cases}) == len(cases)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_ends_no_element(text: str) -> None:
    assert suite(hostile(text)).tests == 3
