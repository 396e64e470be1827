"""A findings file read back is the result that it was written from, but for the secrets."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keysweep.errors import UsageError
from keysweep.findings import (
    Accounting,
    Commit,
    Exposure,
    Finding,
    Origin,
    Part,
    Problem,
    ProblemCode,
    ScanResult,
    Secret,
    Silencer,
    Source,
    Suppressed,
)
from keysweep.frozen import replace
from keysweep.report import json as written
from keysweep.report.read import read
from keysweep.report.recorded import result_of
from keysweep.verdicts import Status, Verdict
from tests.report.test_json import HOSTILE, PAIR, found

WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
COMMIT = Commit("a" * 40, "Ann", "ann@example.net", WHEN, "deploy")


def rich() -> ScanResult:
    """A result with something in every field that a file can have."""
    (finding,) = found(PAIR).findings
    finding = replace(
        finding,
        origin=Origin(f"a/{HOSTILE}.ini", Source.HISTORY, "b" * 40, "c" * 40, ("x.zip", "y")),
        exposures=(Exposure("a.ini", (COMMIT,), (COMMIT,), ("refs/heads/main",)),),
        verdict=Verdict(str(finding.key_id), Status.LIVE, "AWS accepted it", WHEN, "aws", "1" * 12, "arn:aws:iam::111111111111:user/ci", "AIDA", "req"),
        alternatives=finding.parts[1:],
        also_at=(finding.place,),
        issued=WHEN,
    )  # fmt: skip
    problem = Problem(ProblemCode.DAMAGED, "it is damaged", Origin("p"))
    suppressed = (
        Suppressed(Silencer.BASELINE, "a fixture", "ann", "2027-01-31", finding),
        Suppressed(Silencer.EXCLUDE, "docs/", problem=problem),
    )
    return ScanResult((finding,), (problem,), 5, 1, Accounting(3, 2, 1, 0), ("a note",), suppressed)


def without_secrets(result: ScanResult) -> ScanResult:
    def plain(part: Part) -> Part:
        return replace(part, value=Secret("", part.value.redacted))

    def bare(finding: Finding) -> Finding:
        return replace(
            finding,
            parts=tuple(map(plain, finding.parts)),
            alternatives=tuple(map(plain, finding.alternatives)),
        )

    return replace(
        result,
        findings=tuple(map(bare, result.findings)),
        suppressed=tuple(
            replace(each, finding=bare(each.finding)) if each.finding else each for each in result.suppressed
        ),
    )


def kept(result: ScanResult, path: Path) -> Path:
    with open(path, "w", encoding="utf-8") as stream:
        written.render(result, stream)
    return path


def test_everything_but_the_secrets_comes_back(tmp_path: Path) -> None:
    result = rich()
    again = read(str(kept(result, tmp_path / "f.json")), result_of)
    assert again == without_secrets(result)
    first, second = io.StringIO(), io.StringIO()
    written.render(result, first)
    written.render(again, second)
    assert first.getvalue() == second.getvalue()


def paths_in(value: object, prefix: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [prefix, *(path for name, child in children for path in paths_in(child, (*prefix, name)))]


@pytest.mark.parametrize("wrong", [5, "x", None, [], {}, True, -1, "0001-01-01T00:00:00+14:00", ["\udcff"]])
def test_a_value_of_any_other_kind_anywhere_is_told_or_taken_and_never_a_traceback(
    tmp_path: Path, wrong: object
) -> None:
    document = json.loads(kept(rich(), tmp_path / "f.json").read_text(encoding="utf-8"))
    for where in paths_in(
        {name: document[name] for name in ("findings", "problems", "suppressed", "scanned", "objects", "notes")}
    ):
        if not where:
            continue
        changed = json.loads(json.dumps(document))
        inner = changed
        for step in where[:-1]:
            inner = inner[step]
        inner[where[-1]] = wrong
        (tmp_path / "g.json").write_text(json.dumps(changed), encoding="utf-8")
        try:
            result = read(str(tmp_path / "g.json"), result_of)
        except UsageError:
            continue
        written.render(result, io.StringIO())
