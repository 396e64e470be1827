"""Keys in the names of files and directories: found whatever stands around them, and never shown in full."""

from __future__ import annotations

import io
import random

import pytest

from fixtures.keys import key_id, secret
from keysweep.detect.scanner import scan
from keysweep.findings import Origin, Severity
from keysweep.report import json as json_report
from keysweep.report import text as text_report
from keysweep.report.style import Style

RNG = random.Random(1211)
KEY, SECRET = key_id(RNG), secret(RNG).replace("/", "a")
SLASHED = SECRET[:20] + "/" + SECRET[21:]


@pytest.mark.parametrize(
    "path",
    [
        f"backup/{KEY}/{SECRET}/a",
        f"backup/{KEY}/{SECRET}",
        f"aws_access_key_id={KEY} aws_secret_access_key={SECRET}/a.txt",
        f"keys/aws_access_key_id={KEY}/aws_secret_access_key={SECRET}",
        f"aws_access_key_id={KEY} aws_secret_access_key={SECRET}",
        f"aws_access_key_id={KEY} aws_secret_access_key={SLASHED}",
    ],
)
def test_a_pair_in_a_path_is_found_once_and_redacted_everywhere(path: str) -> None:
    result = scan(b"x", Origin(path))
    assert [(each.severity, each.key_id, len(each.parts)) for each in result.findings] == [(Severity.HIGH, KEY, 2)]
    written = io.StringIO()
    text_report.render(result, written, style=Style())
    json_report.render(result, written)
    assert SECRET not in written.getvalue()
    assert SLASHED not in written.getvalue()


def test_a_key_id_in_a_path_is_told_once() -> None:
    (finding,) = scan(b"x", Origin(f"backup/{KEY}/b/c.txt")).findings
    assert (finding.key_id, finding.severity) == (KEY, Severity.LOW)
