"""Annotations and summaries of GitHub Actions: read as the runner reads them."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.findings import Origin, Problem, ProblemCode, ScanResult, Severity, Source
from keysweep.report import FORMATS
from keysweep.report.github_annotations import render
from keysweep.report.github_summary import MOST_BYTES
from tests.report.samples import HOSTILE, everything, hostile, pair, written
from tests.report.test_markdown import is_inert

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1)


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What a runner does with the log: every line that commands something, unescaped (actions/runner, TryParseV2)."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        if read := re.match(r"\s*::(\S*?)(?: (.*?))?::(.*)", line):
            properties = dict(each.split("=", 1) for each in (read[2] or "").split(",") if "=" in each)
            found.append((read[1], {name: undone(value) for name, value in properties.items()}, undone(read[3])))
        else:
            assert not re.search(r"##\w*\[", line)
            assert not line.lstrip().startswith("::")
    return found


def undone(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_the_sum_comes_first_and_then_the_worst() -> None:
    found = commands(written("github-annotations", ScanResult((pair(severity=Severity.INFO), pair()))))
    assert [name for name, _, _ in found] == ["error", "error", "notice"]
    assert "2 findings" in found[0][2]
    assert found[1][1] == {
        "title": "keysweep: AWS access key with its secret",
        "file": "conf/a.ini",
        "line": "3",
        "col": "5",
    }


def test_a_clean_scan_is_a_notice_and_an_incomplete_one_a_warning() -> None:
    assert [name for name, _, _ in commands(written("github-annotations", ScanResult()))] == ["notice"]
    problem = Problem(ProblemCode.DAMAGED, "is damaged", Origin("a.gz", Source.FILE))
    found = commands(written("github-annotations", ScanResult(problems=(problem,))))
    assert [(name, properties.get("file")) for name, properties, _ in found] == [
        ("warning", None),
        ("warning", "a.gz"),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_commands_nothing(text: str) -> None:
    assert_only_ours(text)


@given(text=ANY_TEXT)
def test_no_text_commands_anything(text: str) -> None:
    assert_only_ours(text)


def assert_only_ours(text: str) -> None:
    printed = written("github-annotations", hostile(text))
    found = commands(printed)
    assert len(found) == printed.count("\n") == 4
    assert {name for name, _, _ in found} <= {"error", "warning"}
    for _, properties, _ in found:
        assert set(properties) <= {"title", "file", "line", "col"}


@given(text=ANY_TEXT)
def test_a_name_comes_back_as_it_is_shown(text: str) -> None:
    shown = text if text.isascii() and text.isprintable() else "a,b:c%2C"
    if "::" in shown or "##" in shown or shown != shown.strip():
        return
    _, (_, properties, _) = commands(written("github-annotations", ScanResult((pair(origin=Origin(shown)),))))
    assert properties["file"] == shown


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "github-annotations"])
@pytest.mark.parametrize("text", HOSTILE)
def test_no_other_report_commands_the_runner_that_logs_it(form: str, text: str) -> None:
    assert commands(written(form, hostile(text))) == []


def test_a_log_of_ascii_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    render(everything(), stream)
    stream.flush()
    assert raw.getvalue().isascii()


def test_a_summary_stays_within_what_github_takes_and_says_what_is_left_out() -> None:
    findings = tuple(pair(origin=Origin(f"{number}/{'x' * 200}")) for number in range(5000))
    text = written("github-summary", ScanResult(findings))
    assert len(text.encode()) < MOST_BYTES + 1000
    shown = text.count("\n| **")
    assert f"{5000 - shown} more findings" in text
    assert 0 < shown < 5000


def test_a_summary_of_many_problems_keeps_room_for_findings() -> None:
    problems = tuple(Problem(ProblemCode.DAMAGED, "is damaged", Origin(f"{number}.gz")) for number in range(9000))
    text = written("github-summary", ScanResult((pair(),), problems))
    assert "and 8900 more" in text
    assert "conf/a.ini:3:5" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_no_markup_in_a_summary(text: str) -> None:
    is_inert(written("github-summary", hostile(text)))
