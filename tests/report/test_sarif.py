"""SARIF: held to the schema of OASIS, to what GitHub wants of a file, and to what it refuses."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import pytest

from keysweep.findings import Kind, Origin, Problem, ProblemCode, ScanResult, Severity, Source
from keysweep.report import sarif
from keysweep.report.sarif_places import address
from tests.report.samples import (
    COMMIT,
    HIDDEN,
    HOSTILE,
    KEY_ID,
    WHEN,
    everything,
    historical,
    hostile,
    pair,
    written,
)
from tests.report.schemas import sarif_validator


def run_of(result: ScanResult, **options: Any) -> dict[str, Any]:
    """The one run, of a document that the schema takes."""
    document = json.loads(written("sarif", result, **options))
    errors = [f"{error.json_path}: {error.message}" for error in sarif_validator().iter_errors(document)]
    assert not errors
    (run,) = document["runs"]
    checked: dict[str, Any] = run
    for each in checked["results"]:
        holds_what_github_wants(each, checked)
    return checked


def holds_what_github_wants(result: dict[str, Any], run: dict[str, Any]) -> None:
    """What code scanning demands of results and their rules, beyond the schema."""
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"]
    assert rule["help"]["text"]
    assert rule["help"]["markdown"]
    assert rule["shortDescription"]["text"]
    assert len(rule["properties"]["tags"]) <= 10
    assert 0 < float(rule["properties"]["security-severity"]) <= 10
    assert result["message"]["text"]
    assert result["partialFingerprints"]
    assert len(result["locations"]) == 1
    links = {int(number) for number in re.findall(r"(?<!\\)\]\((\d+)\)", result["message"]["text"])}
    assert links <= {each["id"] for each in result.get("relatedLocations", ())}
    assert len(result.get("relatedLocations", ())) <= 100
    for location in (*result["locations"], *result.get("relatedLocations", ())):
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9/._~%:-]*", uri)
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1


def test_a_log_with_all_that_there_is_is_what_the_standard_says() -> None:
    run = run_of(everything(), started=WHEN, ended=WHEN, repository="/srv/re po", suppressed=3)
    assert len(run["results"]) == len(everything().findings)
    assert run["tool"]["driver"]["version"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} >= set(Kind)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_neither_the_schema_nor_a_rule_of_github(text: str) -> None:
    run_of(hostile(text), repository=text)


def test_a_pair_has_a_region_of_lines_columns_and_bytes_and_a_link_to_its_secret() -> None:
    (result,) = run_of(ScanResult((pair(),)))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "conf/a.ini", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {
        "startLine": 3,
        "startColumn": 5,
        "endLine": 3,
        "endColumn": 25,
        "byteOffset": 40,
        "byteLength": 20,
        "snippet": {"text": f"id = {KEY_ID}"},
    }
    (secret,) = result["relatedLocations"]
    assert (secret["id"], secret["physicalLocation"]["region"]["startLine"]) == (1, 4)
    assert "[secret](1)" in result["message"]["text"]


@pytest.mark.parametrize(
    "name", [b"caf\xe9 #?%:;.ini", "grüße/キー.txt".encode(), b"a\nb\x00", b"../up", b"/top/a b"]
)
def test_uris_hold_the_bytes_of_names(name: bytes) -> None:
    (result,) = run_of(ScanResult((pair(origin=Origin(name.decode("utf-8", "surrogateescape"))),)))["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert unquote_to_bytes(urlsplit(artifact["uri"]).path) == name
    assert ("uriBaseId" in artifact) is not name.startswith(b"/")


@pytest.mark.parametrize("severity", Severity)
def test_github_reads_the_severity_of_every_finding_from_its_rule(severity: Severity) -> None:
    run = run_of(ScanResult((pair(severity=severity), pair())))
    scores = {
        each["properties"]["severity"]: run["tool"]["driver"]["rules"][each["ruleIndex"]]["properties"]
        for each in run["results"]
    }
    bounds = {"critical": (9.1, 10), "high": (7, 8.9), "medium": (4, 6.9), "low": (0.1, 3.9), "info": (0.1, 3.9)}
    least, most = bounds[severity.label]
    assert least <= float(scores[severity.label]["security-severity"]) <= most


def test_a_finding_in_history_names_commit_repository_and_paths() -> None:
    run = run_of(ScanResult((historical(),)), repository="git@git.example.net:team/app.git")
    (result,) = run["results"]
    assert run["versionControlProvenance"] == [
        {"repositoryUri": "ssh://git@git.example.net/team/app.git", "mappedTo": {"uriBaseId": "%SRCROOT%"}}
    ]
    assert result["properties"]["commit"] == COMMIT
    assert result["properties"]["verdict"]["status"] == "live"
    assert result["properties"]["exposures"][0]["introduced"][0]["author"] == "Ada"
    assert result["partialFingerprints"]["primaryLocationLineHash"]
    uris = [each["physicalLocation"]["artifactLocation"]["uri"] for each in result["relatedLocations"]]
    assert "new/b%20c.ini" in uris


def test_what_stands_in_a_file_leaves_the_hash_of_its_line_to_the_upload() -> None:
    (result,) = run_of(ScanResult((pair(),)))["results"]
    assert set(result["partialFingerprints"]) == {"keysweepFingerprint/v1"}


def test_a_member_of_an_archive_is_told_at_the_archive() -> None:
    (result,) = run_of(ScanResult((pair(origin=Origin("app.jar", Source.FILE, members=("a.ini",))),)))["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "app.jar"
    assert location["physicalLocation"]["region"] == {"startLine": 1}
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "app.jar!a.ini"
    assert location["properties"]["regionInMember"]["startLine"] == 3


def test_problems_are_notifications_and_an_interruption_is_a_failure() -> None:
    damaged = Problem(ProblemCode.DAMAGED, "is damaged", Origin("a b.gz"))
    (invocation,) = run_of(ScanResult(problems=(damaged,)))["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (True, 3)
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["descriptor"]["id"] == "damaged"
    assert notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.gz"
    stopped = Problem(ProblemCode.INTERRUPTED, "interrupted")
    (invocation,) = run_of(ScanResult((pair(),), (stopped,)))["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 1)


def test_more_results_than_github_takes_are_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 3)
    run = run_of(ScanResult((*(pair() for _ in range(5)), pair(severity=Severity.LOW))))
    assert [each["level"] for each in run["results"]] == ["error"] * 3
    first = run["invocations"][0]["toolExecutionNotifications"][0]
    assert "3 results are left out" in first["message"]["text"]
    assert run["properties"]["leftOut"] == 3


def test_a_log_that_would_be_too_large_when_compressed_ends_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_COMPRESSED", 100_000)
    findings = tuple(pair(fingerprint=f"{number * 7919**9 % 16**32:032x}") for number in range(20_000))
    text = written("sarif", ScanResult(findings))
    assert len(gzip.compress(text.encode())) < 130_000
    assert json.loads(text)["runs"][0]["properties"]["leftOut"] > 0


def test_no_more_locations_than_github_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = run_of(ScanResult((pair(also_at=(pair().place,) * 300),)))["results"]
    assert len(result["relatedLocations"]) == 100
    assert result["properties"]["relatedLeftOut"] == 201


@pytest.mark.parametrize(
    ("repository", "uri"),
    [
        ("/srv/a b.git", "file:///srv/a%20b.git"),
        ("https://git.example.net/a.git", "https://git.example.net/a.git"),
        ("git.example.net:a.git", "ssh://git.example.net/a.git"),
        ("ssh://git@git.example.net:22/a", "ssh://git@git.example.net:22/a"),
    ],
)
def test_repositories_are_uris(repository: str, uri: str) -> None:
    assert address(repository) == uri


def test_a_message_of_hostile_text_has_no_links_but_its_own() -> None:
    (result,) = run_of(ScanResult((pair(reasons=("see [here](1) or {0}",)),)))["results"]
    assert result["message"]["text"].endswith(r"Why: see \[here\](1) or {{0}}.")
    assert HIDDEN not in json.dumps(result)
