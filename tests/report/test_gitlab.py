"""GitLab's report: held to what its schema demands, and to what its pages make of Markdown."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from keysweep.findings import Origin, Problem, ProblemCode, ScanResult, Severity, Source
from tests.report.samples import COMMIT, HIDDEN, HOSTILE, WHEN, everything, historical, hostile, pair, written
from tests.report.schemas import gitlab_validator
from tests.report.test_markdown import is_inert


def document(result: ScanResult, **options: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(written("gitlab", result, **options))
    assert [f"{error.json_path}: {error.message}" for error in gitlab_validator().iter_errors(loaded)] == []
    for each in loaded["vulnerabilities"]:
        is_inert(each["description"])
    return loaded


def test_a_report_of_all_that_there_is_has_all_that_the_schema_wants() -> None:
    report = document(everything(), started=WHEN, ended=WHEN)
    assert len(report["vulnerabilities"]) == len(everything().findings)
    assert report["scan"]["start_time"] == "2026-01-31T12:30:00"
    ids = [each["id"] for each in report["vulnerabilities"]]
    assert len(set(ids)) == len(ids)
    assert all(uuid.UUID(each) for each in ids)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_no_rule_of_the_schema(text: str) -> None:
    written_down = json.dumps(document(hostile(text)))
    assert "\\u0000" not in written_down  # PostgreSQL takes neither
    assert "\\udc" not in written_down


def test_the_extract_is_redacted() -> None:
    (each,) = document(ScanResult((pair(),)))["vulnerabilities"]
    assert each["raw_source_code_extract"].startswith("id = ")
    assert HIDDEN not in json.dumps(each)


@pytest.mark.parametrize("severity", Severity)
def test_severities_are_those_of_gitlab(severity: Severity) -> None:
    (each,) = document(ScanResult((pair(severity=severity),)))["vulnerabilities"]
    assert each["severity"] == severity.label.capitalize()


def test_a_finding_in_history_names_its_commit_and_others_the_one_that_stands_for_none() -> None:
    committed, plain = document(ScanResult((historical(), pair())))["vulnerabilities"]
    assert committed["location"]["commit"] == {
        "sha": COMMIT,
        "author": "Ada <ada@example.net>",
        "message": "add the key",
        "date": "2026-01-31T12:30:00Z",
    }
    assert (committed["location"]["file"], committed["location"]["start_line"]) == ("old/b.ini", 3)
    assert plain["location"]["commit"] == {"sha": "0000000"}


def test_the_same_finding_has_the_same_id_and_identifiers_in_every_scan() -> None:
    one, again = (document(ScanResult((pair(),)))["vulnerabilities"][0] for _ in range(2))
    assert (one["id"], one["identifiers"]) == (again["id"], again["identifiers"])
    assert one["identifiers"][0]["value"] == "key-pair"


def test_problems_are_messages_and_an_interruption_is_a_failure() -> None:
    damaged = Problem(ProblemCode.DAMAGED, "is damaged", Origin("a.gz", Source.FILE))
    scan = document(ScanResult(problems=(damaged,)))["scan"]
    assert scan["status"] == "success"
    assert [each["level"] for each in scan["messages"]] == ["warn", "warn"]
    assert "incomplete" in scan["messages"][0]["value"]
    stopped = Problem(ProblemCode.INTERRUPTED, "interrupted")
    assert document(ScanResult(problems=(stopped,)))["scan"]["status"] == "failure"
