"""The user's own rules."""

from __future__ import annotations

import random

from fixtures.keys import key_id, secret
from keysweep import Origin, scan
from keysweep.detect.custom import CustomRule
from keysweep.detect.options import Options
from keysweep.findings import Kind, ProblemCode, Severity


def test_the_first_group_is_the_secret_and_is_redacted() -> None:
    rule = CustomRule("internal", r"token=(INT-\d{8})", Severity.HIGH, description="an internal token")
    (finding,) = scan(b"x\ntoken=INT-12345678\n", Origin("f"), options=Options(rules=(rule,))).findings
    assert (finding.kind, finding.rule, finding.severity) == (Kind.CUSTOM, "internal", Severity.HIGH)
    assert (finding.place.line, finding.place.column) == (2, 7)
    assert finding.parts[0].value.reveal() == "INT-12345678"
    assert "12345678" not in finding.place.snippet
    assert finding.reasons == ("an internal token",)


def test_a_rule_that_runs_out_of_time_is_a_problem_and_the_others_still_run() -> None:
    slow = CustomRule("slow", r"(a|aa)+(b|bb)*\1c$", timeout_seconds=0.01)
    fast = CustomRule("fast", r"needle")
    result = scan(b"a" * 5000 + b" needle", Origin("f"), options=Options(rules=(slow, fast)))
    assert [problem.code for problem in result.problems] == [ProblemCode.TIMEOUT]
    assert [finding.rule for finding in result.findings] == ["fast"]


def test_snippets_hide_what_rules_match_beside_keys_and_keys_beside_what_rules_match() -> None:
    rng = random.Random(3)
    value = secret(rng)
    content = f"aws: {key_id(rng)} {value} token=INT-12345678\n".encode()
    findings = scan(
        content, Origin("f"), options=Options(rules=(CustomRule("own", r"token=(INT-\d{8})"),))
    ).findings
    assert {finding.kind for finding in findings} == {Kind.PAIR, Kind.CUSTOM}
    for finding in findings:
        for part in finding.parts:
            assert "12345678" not in part.place.snippet
            assert value[4:] not in part.place.snippet
