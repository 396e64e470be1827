"""CSV and JSON Lines: a record a line, for those who load them somewhere."""

from __future__ import annotations

import csv
import io
import json

import jsonschema
import pytest

from keysweep.findings import ScanResult
from keysweep.report.csv import COLUMNS
from keysweep.report.json import document, schema
from tests.report.samples import HOSTILE, everything, historical, hostile, pair, written


def rows(result: ScanResult) -> list[dict[str, str]]:
    text = written("csv", result)
    read = list(csv.DictReader(io.StringIO(text)))
    assert all(None not in row and None not in row.values() for row in read)
    assert text.count("\n") == len(read) + 1  # no cell holds a line end, so tools that read by lines can
    return read


def records(result: ScanResult) -> list[dict[str, object]]:
    text = written("jsonl", result)
    assert text.isascii()
    return [json.loads(line) for line in text.splitlines()]


def test_a_row_tells_what_and_where_and_since_when() -> None:
    row, last = rows(ScanResult((historical(),), scanned_items=1))
    assert set(row) == set(COLUMNS)
    assert (row["record"], row["severity"], row["kind"], row["line"]) == ("finding", "critical", "key-pair", "3")
    assert (row["author"], row["date"]) == ("Ada <ada@example.net>", "2026-01-31T12:30:00Z")
    assert row["status"] == "live"
    assert (last["record"], last["status"]) == ("scan", "complete")


def test_the_last_row_says_that_not_everything_was_read() -> None:
    *_, interrupted, problem, last = rows(everything())
    assert (problem["record"], problem["path"]) == ("problem", "broken.gz")
    assert interrupted["kind"] == "interrupted"
    assert (last["record"], last["status"]) == ("scan", "incomplete")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_begins_with_what_a_spreadsheet_calculates(text: str) -> None:
    for row in rows(hostile(text)):
        for cell in row.values():
            assert (
                cell.lstrip()[:1] not in ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
                or not cell
            )


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", " =", "＝"])
def test_an_inert_cell_keeps_what_it_says(lead: str) -> None:
    assert rows(hostile(f"{lead}1"))[0]["path"] == f"'{lead}1"


def test_the_first_line_tells_of_the_scan_and_the_others_of_what_was_found() -> None:
    first, *others = records(everything())
    assert (first["type"], first["complete"]) == ("scan", False)
    assert [each["type"] for each in others] == ["finding"] * len(everything().findings) + ["problem"] * 2


@pytest.mark.parametrize("result", [everything(), *map(hostile, HOSTILE)])
def test_lines_hold_what_the_document_holds(result: ScanResult) -> None:
    first, *others = records(result)
    whole: dict[str, object] = {**first, "findings": [], "problems": [], "suppressed": []}
    for each in (whole, *others):
        kind = each.pop("type")
        if kind != "scan":
            listed = whole["suppressed" if kind == "suppressed" else f"{kind}s"]
            assert isinstance(listed, list)
            listed.append(each)
    jsonschema.Draft202012Validator(schema()).validate(whole)
    expected = document(result, show_secrets=False, fail_on=pair().severity.MEDIUM, suppressed=0)
    assert len(expected["findings"]) == len(whole["findings"])  # type: ignore[arg-type]
    assert sorted(expected["problems"], key=str) == sorted(whole["problems"], key=str)  # type: ignore[call-overload]
